#include "pipeline/user_query.h"

#include "base/mem.h"
#include "store/array.h"
#include "store/pg_error.h"

int hg_user_query(
    struct hg_db *db, const char *sql, struct hg_buf *values, PGresult **ret, struct hg_error *err)
{
    const char *const params[] = {sql, hg_array_text(values)};
    if (!params[1]) {
        return hg_error_nomem(err);
    }
    hg_db_spoil(db);
    int r = hg_db_simple(db, "begin transaction read only", NULL, err);
    if (r < 0) {
        return r;
    }
    /* Not prepared: a query before this one may have taken our names for statements of its own. */
    HG_CLEANUP(hg_resultp)
    PGresult *result =
        PQexecParams(hg_db_conn(db),
                     "select read_rows as item from headgate.read_rows($1, $2::pg_catalog.text[])",
                     (int)HG_COUNT(params),
                     NULL,
                     params,
                     NULL,
                     NULL,
                     0);
    if (PQresultStatus(result) == PGRES_TUPLES_OK) {
        *ret = HG_TAKE(result);
    } else {
        r = hg_db_error(hg_db_conn(db), result, err);
    }
    hg_db_rollback(db);
    return r;
}
