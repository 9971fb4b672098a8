#include "datasets/user_query.h"

#include <poll.h>
#include <stdio.h>

#include "base/mem.h"
#include "store/array.h"
#include "store/pg_error.h"

enum { LOOK_MS = 250, LOCK_MS = 10000 };

/* Not prepared: a query before this one may have taken our names for statements of its own. */
static const char call[] =
    "select read_rows as item from headgate.read_rows($1, $2::pg_catalog.text[])";

int hg_user_query(struct hg_db *db,
                  const char *sql,
                  struct hg_buf *values,
                  int lock_ms,
                  PGresult **ret,
                  struct hg_error *err)
{
    char begin[96];
    const char *const params[] = {sql, hg_array_text(values)};
    if (!params[1]) {
        return hg_error_nomem(err);
    }
    (void)snprintf(
        begin, sizeof begin, "begin transaction read only; set local lock_timeout = %d", lock_ms);
    hg_db_spoil(db);
    int r = hg_db_simple(db, begin, NULL, err);
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
    char text[320];
    hg_db_spoil(db);
    /*
     * Whoever takes the rows may be slow: that he is too slow is seen elsewhere. And when a query
     * is left before its end, the server has to see by itself that we have gone.
     */
    (void)snprintf(text,
                   sizeof text,
                   "begin isolation level repeatable read read only;"
                   " set local idle_in_transaction_session_timeout = 0;"
                   " set local client_connection_check_interval = 2000;"
                   " set local lock_timeout = %d; set local statement_timeout = %d",
                   LOCK_MS,
                   longest_ms);
    return hg_db_simple(db, text, NULL, err);
}

static int take(PGconn *conn,
                const PGresult *result,
                const struct hg_user_rows *rows,
                struct hg_error *err)
{
    switch (PQresultStatus(result)) {
    case PGRES_SINGLE_TUPLE:
        return rows->each(rows->arg, PQgetvalue(result, 0, 0), err);
    case PGRES_TUPLES_OK:
        return HG_OK;
    default:
        return hg_db_error(conn, result, err);
    }
}

/* Until PQgetResult would not wait. */
static int await(PGconn *conn, const struct hg_user_rows *rows, struct hg_error *err)
{
    while (PQisBusy(conn)) {
        struct pollfd readable = {.fd = PQsocket(conn), .events = POLLIN};
        if (!rows->is_wanted(rows->arg)) {
            return hg_error_set(err, HG_ECANCELLED, "nobody takes the rows any more");
        }
        (void)poll(&readable, 1, LOOK_MS);
        if (readable.revents && !PQconsumeInput(conn)) {
            return hg_db_error(conn, NULL, err);
        }
    }
    return HG_OK;
}

int hg_user_each(struct hg_db *db,
                 const char *sql,
                 struct hg_buf *values,
                 const struct hg_user_rows *rows,
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
    int r = await(conn, rows, err);
    for (PGresult *result; r == HG_OK && (result = PQgetResult(conn)) != NULL;) {
        r = take(conn, result, rows, err);
        PQclear(result);
        r = r < 0 ? r : await(conn, rows, err);
    }
    return r;
}
