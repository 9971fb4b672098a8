#include "store/activity.h"

#include "base/mem.h"
#include "store/db.h"
#include "store/pool.h"

/* A transaction without a snapshot and without an id holds nothing back. */
static const struct hg_statement oldest = {
    "activity_oldest",
    "select coalesce(extract(epoch from now() - min(xact_start)), 0)::bigint as oldest_s"
    " from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
    " and (backend_xid is not null or backend_xmin is not null)"
    " and backend_type = 'client backend'",
    0};

int hg_store_oldest_transaction_s(struct hg_pool *pool,
                                  int wait_ms,
                                  int64_t *ret_s,
                                  struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    int r = hg_pool_borrow(pool, wait_ms, &db, err);
    r = r < 0 ? r : hg_db_exec(db, &oldest, NULL, &result, err);
    if (r == HG_OK) {
        *ret_s = hg_result_int64(result, 0, "oldest_s", 0);
    }
    return r;
}
