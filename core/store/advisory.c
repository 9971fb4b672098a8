#include "store/advisory.h"

#include "base/mem.h"
#include "base/time.h"
#include "store/result.h"

#define PAUSE_MS 50

static const struct hg_statement try_it = {
    "advisory_try", "select pg_catalog.pg_try_advisory_lock($1::bigint) as locked", 1};

static const struct hg_statement find_holder = {
    "advisory_holder",
    "select l.pid::text as pid, coalesce(a.usename, '') as role,"
    " coalesce(nullif(a.application_name, ''), 'unnamed') as application"
    " from pg_catalog.pg_locks l left join pg_catalog.pg_stat_activity a on a.pid = l.pid"
    " where l.locktype = 'advisory' and l.granted and l.objsubid = 1"
    " and l.classid::bigint = ($1::bigint >> 32) & 4294967295"
    " and l.objid::bigint = $1::bigint & 4294967295"
    " and l.database = (select d.oid from pg_catalog.pg_database d"
    " where d.datname = pg_catalog.current_database()) limit 1",
    1};

static const struct hg_statement let_go = {
    "advisory_let_go", "select pg_catalog.pg_advisory_unlock($1::bigint)", 1};

static int say_holder(
    struct hg_db *db, const char *key, const char *what, int64_t patience_ms, struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    const char *const params[] = {key};
    int r = hg_db_exec(db, &find_holder, params, &result, err);
    if (r < 0) {
        return r;
    }
    hg_error_set(err,
                 HG_EUNAVAILABLE,
                 "the advisory lock of %s was not free within %d s",
                 what,
                 (int)(patience_ms / 1000));
    if (PQntuples(result) > 0) {
        const char *pid = hg_result_text(result, 0, "pid");
        (void)hg_error_hint(err,
                            "The server's session %s of the role \"%s\" (%s) holds it. If that is "
                            "no other Headgate at its work: select pg_terminate_backend(%s);",
                            pid,
                            hg_result_text(result, 0, "role"),
                            hg_result_text(result, 0, "application"),
                            pid);
    }
    if (err) {
        err->retryable = 1;
    }
    return HG_EUNAVAILABLE;
}

int hg_advisory_lock(
    struct hg_db *db, const char *key, const char *what, int64_t patience_ms, struct hg_error *err)
{
    const char *const params[] = {key};
    int64_t until_ms = hg_time_monotonic_ms() + patience_ms;
    for (;;) {
        HG_CLEANUP(hg_resultp) PGresult *result = NULL;
        int r = hg_db_exec(db, &try_it, params, &result, err);
        if (r < 0 || hg_result_bool(result, 0, "locked")) {
            return r;
        }
        if (hg_time_monotonic_ms() >= until_ms) {
            return say_holder(db, key, what, patience_ms, err);
        }
        hg_time_pause_ms(PAUSE_MS);
    }
}

void hg_advisory_unlock(struct hg_db *db, const char *key)
{
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    const char *const params[] = {key};
    (void)hg_db_exec(db, &let_go, params, &result, NULL);
}
