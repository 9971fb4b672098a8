#include "store/db.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "store/connection.h"

enum { CONNECT_MS = 10000 };

int hg_db_connect(const char *conninfo,
                  const char *application,
                  struct hg_db **ret,
                  struct hg_error *err)
{
    const struct hg_connect_options options = {
        .conninfo = conninfo,
        .application = application,
        .deadline_ms = hg_time_monotonic_ms() + CONNECT_MS,
    };
    return hg_connection_open(&options, ret, err);
}

void hg_db_return(struct hg_db *db)
{
    if (!db) {
        return;
    }
    if (!db->pool) {
        hg_connection_close(db);
        return;
    }
    hg_pool_give_back(db->pool, db, hg_connection_reset(db));
}

bool hg_db_scrub(struct hg_db *db)
{
    return hg_connection_scrub(db);
}

bool hg_db_is_alive(struct hg_db *db)
{
    return hg_connection_alive(db);
}

PGconn *hg_db_conn(struct hg_db *db)
{
    return db->conn;
}

/* ---- outcome ---- */

static void begin_statement(struct hg_db *db)
{
    HG_LOCK(&db->cancel_mutex);
    db->cancel_requested = false;
}

static bool was_cancelled(struct hg_db *db)
{
    HG_LOCK(&db->cancel_mutex);
    return db->cancel_requested;
}

static bool succeeded(const PGresult *result)
{
    switch (PQresultStatus(result)) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
    case PGRES_EMPTY_QUERY:
    case PGRES_COPY_IN:
    case PGRES_COPY_OUT:
        return true;
    default:
        return false;
    }
}

/* The server gives a timeout and a cancel one SQLSTATE and tells them apart in its own language. */
static int failure(struct hg_db *db, const PGresult *result, struct hg_error *err)
{
    int code = hg_db_error(db->conn, result, err);
    if (code == HG_ECANCELLED && db->statement_timeout_ms > 0 && !was_cancelled(db)) {
        code = HG_ETIMEDOUT;
        if (err) {
            err->code = code;
        }
    }
    return code;
}

/* Takes `result`. */
static int finish(struct hg_db *db, PGresult *result, PGresult **ret, struct hg_error *err)
{
    if (!succeeded(result)) {
        int code = failure(db, result, err);
        PQclear(result);
        return code;
    }
    if (ret) {
        *ret = result;
    } else {
        PQclear(result);
    }
    return HG_OK;
}

/* ---- prepared statements ---- */

static int find_prepared(const struct hg_db *db, const struct hg_statement *statement)
{
    for (size_t i = 0; i < db->n_prepared; i++) {
        if (db->prepared[i] == statement) {
            return (int)i;
        }
    }
    return -1;
}

static void forget(struct hg_db *db, const struct hg_statement *statement)
{
    int at = find_prepared(db, statement);
    if (at >= 0) {
        db->prepared[at] = db->prepared[--db->n_prepared];
    }
}

static bool has_sqlstate(const PGresult *result, const char *wanted)
{
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    return sqlstate && strcmp(sqlstate, wanted) == 0;
}

static int prepare(struct hg_db *db, const struct hg_statement *statement, struct hg_error *err)
{
    if (find_prepared(db, statement) >= 0) {
        return HG_OK;
    }
    if (hg_grow(&db->prepared, db->n_prepared, &db->room_prepared, sizeof(void *)) < 0) {
        return hg_error_nomem(err);
    }
    HG_CLEANUP(hg_resultp)
    PGresult *result =
        PQprepare(db->conn, statement->name, statement->sql, statement->n_params, NULL);
    /* It is there when memory ran out over the answer to preparing it. */
    bool is_there = has_sqlstate(result, "42P05");
    if (is_there || succeeded(result)) {
        db->prepared[db->n_prepared++] = statement;
    }
    if (succeeded(result) || (is_there && PQtransactionStatus(db->conn) == PQTRANS_IDLE)) {
        return HG_OK;
    }
    (void)failure(db, result, err);
    if (err) {
        err->retryable = err->retryable || is_there;
    }
    (void)hg_error_wrap(err, "while preparing statement %s", statement->name);
    return err ? err->code : HG_EINTERNAL;
}

static PGresult *execute(struct hg_db *db,
                         const struct hg_statement *statement,
                         const char *const *params)
{
    return PQexecPrepared(db->conn, statement->name, statement->n_params, params, NULL, NULL, 0);
}

/* The server has lost the statement, or its plan no longer fits a table that was changed. */
static bool is_stale(const PGresult *result)
{
    return has_sqlstate(result, "26000") || has_sqlstate(result, "0A000");
}

static void deallocate(struct hg_db *db, const struct hg_statement *statement)
{
    struct hg_buf sql = HG_BUF_INIT;
    hg_buf_puts(&sql, "deallocate ");
    hg_quote_ident(&sql, statement->name);
    PQclear(PQexec(db->conn, hg_buf_text(&sql)));
    hg_buf_free(&sql);
    forget(db, statement);
}

int hg_db_exec(struct hg_db *db,
               const struct hg_statement *statement,
               const char *const *params,
               PGresult **ret,
               struct hg_error *err)
{
    begin_statement(db);
    int r = prepare(db, statement, err);
    if (r < 0) {
        return r;
    }
    PGresult *result = execute(db, statement, params);
    /* Within a transaction the failure has ended it already: only its owner can repeat it. */
    if (is_stale(result) && PQtransactionStatus(db->conn) == PQTRANS_IDLE) {
        PQclear(result);
        deallocate(db, statement);
        r = prepare(db, statement, err);
        if (r < 0) {
            return r;
        }
        result = execute(db, statement, params);
    }
    return finish(db, result, ret, err);
}

int hg_db_simple(struct hg_db *db, const char *sql, PGresult **ret, struct hg_error *err)
{
    begin_statement(db);
    return finish(db, PQexec(db->conn, sql), ret, err);
}

/* ---- transactions ---- */

int hg_db_begin(struct hg_db *db, struct hg_error *err)
{
    return hg_db_simple(db, "begin", NULL, err);
}

int hg_db_begin_relaxed(struct hg_db *db, struct hg_error *err)
{
    return hg_db_simple(db, "begin; set local synchronous_commit = off", NULL, err);
}

int hg_db_durable(struct hg_db *db, struct hg_error *err)
{
    return hg_db_simple(db, "set local synchronous_commit = on", NULL, err);
}

int hg_db_commit(struct hg_db *db, struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    int r = hg_db_simple(db, "commit", &result, err);
    /* The server rolls a failed transaction back at COMMIT and calls that a success. */
    if (r == HG_OK && strcmp(PQcmdStatus(result), "ROLLBACK") == 0) {
        return hg_error_set(
            err, HG_ECONFLICT, "the transaction had failed before and was rolled back");
    }
    return r;
}

void hg_db_rollback(struct hg_db *db)
{
    PGTransactionStatusType status = PQtransactionStatus(db->conn);
    if (status == PQTRANS_INTRANS || status == PQTRANS_INERROR) {
        PQclear(PQexec(db->conn, "rollback"));
    }
}

void hg_db_cancel(struct hg_db *db)
{
    char ignored[256];
    HG_LOCK(&db->cancel_mutex);
    db->cancel_requested = true;
    if (db->cancel) {
        (void)PQcancel(db->cancel, ignored, sizeof ignored);
    }
}

int hg_db_statement_timeout(struct hg_db *db, int timeout_ms, struct hg_error *err)
{
    char sql[64];
    (void)snprintf(sql, sizeof sql, "set statement_timeout = %d", timeout_ms < 0 ? 0 : timeout_ms);
    int r = hg_db_simple(db, sql, NULL, err);
    if (r == HG_OK) {
        db->statement_timeout_ms = timeout_ms;
    }
    return r;
}
