#include "pipeline/user_query.h"

#include <stdio.h>

#include "base/mem.h"
#include "store/array.h"
#include "store/pg_error.h"

/* Not prepared: a query before this one may have taken our names for statements of its own. */
static const char call[] =
    "select read_rows as item from headgate.read_rows($1, $2::pg_catalog.text[])";

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
    HG_CLEANUP(hg_resultp)
    PGresult *result =
        PQexecParams(hg_db_conn(db), call, (int)HG_COUNT(params), NULL, params, NULL, NULL, 0);
    if (PQresultStatus(result) == PGRES_TUPLES_OK) {
        *ret = HG_TAKE(result);
    } else {
        r = hg_db_error(hg_db_conn(db), result, err);
    }
    hg_db_rollback(db);
    return r;
}

int hg_user_begin(struct hg_db *db, int longest_ms, struct hg_error *err)
{
    char text[256];
    hg_db_spoil(db);
    /* Whoever takes the rows may be slow: that he is too slow is seen elsewhere. */
    (void)snprintf(text,
                   sizeof text,
                   "begin isolation level repeatable read read only;"
                   " set local idle_in_transaction_session_timeout = 0;"
                   " set local statement_timeout = %d",
                   longest_ms);
    return hg_db_simple(db, text, NULL, err);
}

/* What is left of a query that is not wanted any more. */
static void drop_rest(PGconn *conn)
{
    char why[256];
    PGcancel *cancel = PQgetCancel(conn);
    if (cancel) {
        (void)PQcancel(cancel, why, sizeof why);
        PQfreeCancel(cancel);
    }
    for (PGresult *result; (result = PQgetResult(conn)) != NULL;) {
        PQclear(result);
    }
}

static int take(PGconn *conn,
                const PGresult *result,
                int (*each)(void *arg, const char *item, struct hg_error *err),
                void *arg,
                struct hg_error *err)
{
    switch (PQresultStatus(result)) {
    case PGRES_SINGLE_TUPLE:
        return each(arg, PQgetvalue(result, 0, 0), err);
    case PGRES_TUPLES_OK:
        return HG_OK;
    default:
        return hg_db_error(conn, result, err);
    }
}

int hg_user_each(struct hg_db *db,
                 const char *sql,
                 struct hg_buf *values,
                 int (*each)(void *arg, const char *item, struct hg_error *err),
                 void *arg,
                 struct hg_error *err)
{
    PGconn *conn = hg_db_conn(db);
    const char *const params[] = {sql, hg_array_text(values)};
    if (!params[1]) {
        return hg_error_nomem(err);
    }
    if (!PQsendQueryParams(conn, call, (int)HG_COUNT(params), NULL, params, NULL, NULL, 0)) {
        return hg_db_error(conn, NULL, err);
    }
    (void)PQsetSingleRowMode(conn);
    int r = HG_OK;
    for (PGresult *result; r == HG_OK && (result = PQgetResult(conn)) != NULL;) {
        r = take(conn, result, each, arg, err);
        PQclear(result);
    }
    if (r < 0) {
        drop_rest(conn);
    }
    return r;
}
