#include "store/db.h"

#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

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

static int settle(struct hg_db *db, struct hg_error *err);

void hg_db_return(struct hg_db *db)
{
    if (!db) {
        return;
    }
    if (!db->pool) {
        hg_connection_close(db);
        return;
    }
    (void)settle(db, NULL);
    hg_pool_give_back(db->pool, db, !db->spoilt && hg_connection_reset(db));
}

void hg_db_spoil(struct hg_db *db)
{
    db->spoilt = true;
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

/* ---- answers ---- */

/*
 * Until there is an answer to read, or the patience is over: then the connection is cut, and
 * reading fails. Without a limit libpq waits by itself.
 */
static void await(struct hg_db *db)
{
    int64_t until_ms = hg_time_monotonic_ms() + db->patience_ms;
    while (db->patience_ms > 0 && PQstatus(db->conn) == CONNECTION_OK && PQisBusy(db->conn)) {
        int64_t left_ms = until_ms - hg_time_monotonic_ms();
        struct pollfd fd = {.fd = PQsocket(db->conn), .events = POLLIN};
        if (left_ms <= 0) {
            db->gave_up = true;
            (void)shutdown(fd.fd, SHUT_RDWR);
            return;
        }
        if (poll(&fd, 1, (int)left_ms) > 0 && !PQconsumeInput(db->conn)) {
            return;
        }
    }
}

static PGresult *next_result(struct hg_db *db)
{
    await(db);
    return PQgetResult(db->conn);
}

/* What PQexec does behind its sending: the last answer, or the one that begins a COPY. */
static PGresult *last_result(struct hg_db *db, int sent)
{
    PGresult *last = NULL;
    if (!sent) {
        return PQmakeEmptyPGresult(db->conn, PGRES_FATAL_ERROR);
    }
    for (PGresult *next; (next = next_result(db)) != NULL;) {
        PQclear(last);
        last = next;
        ExecStatusType status = PQresultStatus(last);
        if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH ||
            PQstatus(db->conn) == CONNECTION_BAD) {
            break;
        }
    }
    return last;
}

static PGresult *ask(struct hg_db *db, const char *sql)
{
    return db->patience_ms == 0 ? PQexec(db->conn, sql)
                                : last_result(db, PQsendQuery(db->conn, sql));
}

void hg_db_patience(struct hg_db *db, int patience_ms)
{
    db->patience_ms = patience_ms;
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
    if (db->gave_up && code == HG_EUNAVAILABLE) {
        (void)hg_error_set(err,
                           HG_EUNAVAILABLE,
                           "PostgreSQL has not answered for %d ms; the connection was given up",
                           db->patience_ms);
        if (err) {
            err->retryable = 1;
        }
    }
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

static PGresult *send_prepare(struct hg_db *db, const struct hg_statement *statement)
{
    const char *name = statement->name;
    return db->patience_ms == 0
               ? PQprepare(db->conn, name, statement->sql, statement->n_params, NULL)
               : last_result(
                     db, PQsendPrepare(db->conn, name, statement->sql, statement->n_params, NULL));
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
    PGresult *result = send_prepare(db, statement);
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
    const char *name = statement->name;
    int n = statement->n_params;
    return db->patience_ms == 0
               ? PQexecPrepared(db->conn, name, n, params, NULL, NULL, 0)
               : last_result(db, PQsendQueryPrepared(db->conn, name, n, params, NULL, NULL, 0));
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
    PQclear(ask(db, hg_buf_text(&sql)));
    hg_buf_free(&sql);
    forget(db, statement);
}

/* ---- several in one round trip ---- */

/* Puts a statement on its way; a text when it is not a prepared one. */
static int send_later(struct hg_db *db,
                      const struct hg_statement *statement,
                      const char *const *params,
                      const char *sql,
                      struct hg_error *err)
{
    if (db->n_later == 0 && !PQenterPipelineMode(db->conn)) {
        return failure(db, NULL, err);
    }
    db->n_later++;
    int sent = statement
                   ? PQsendQueryPrepared(
                         db->conn, statement->name, statement->n_params, params, NULL, NULL, 0)
                   : PQsendQueryParams(db->conn, sql, 0, NULL, NULL, NULL, NULL, 0);
    if (!sent) {
        int r = failure(db, NULL, err);
        if (--db->n_later == 0) {
            (void)PQexitPipelineMode(db->conn);
        }
        return r;
    }
    return HG_OK;
}

/* libpq's own failure, not the server's: no memory for an answer, of which the rest is lost. */
static bool is_torn(const PGresult *result)
{
    return PQresultStatus(result) == PGRES_FATAL_ERROR &&
           !PQresultErrorField(result, PG_DIAG_SQLSTATE);
}

/*
 * Reads the answers to all that is on its way; *ret (unless NULL) is that to the last of them. The
 * first failure is the one that counts: what follows it was not run.
 */
static int receive(struct hg_db *db, PGresult **ret, struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *last = NULL;
    int r = HG_OK;
    if (!PQpipelineSync(db->conn)) {
        /* Without the sync the server keeps its answers: the connection serves nobody any more. */
        db->n_later = 0;
        return failure(db, NULL, err);
    }
    for (; db->n_later > 0 && PQstatus(db->conn) == CONNECTION_OK; db->n_later--) {
        PGresult *result;
        while ((result = next_result(db)) != NULL) {
            if (r == HG_OK && !succeeded(result)) {
                r = failure(db, result, err);
            }
            PQclear(last);
            last = result;
            if (is_torn(result)) {
                /* Which answers are still to come is unknown: waiting for one might never end. */
                db->n_later = 0;
                return r;
            }
        }
    }
    db->n_later = 0;
    if (r == HG_OK && PQstatus(db->conn) != CONNECTION_OK) {
        r = failure(db, NULL, err);
    }
    PQclear(next_result(db)); /* the end of the round trip */
    if (!PQexitPipelineMode(db->conn) && r == HG_OK) {
        r = failure(db, NULL, err);
    }
    if (r == HG_OK && ret) {
        *ret = HG_TAKE(last);
    }
    return r;
}

/* Prepared statements and plain texts want the connection to themselves. */
static int settle(struct hg_db *db, struct hg_error *err)
{
    return db->n_later > 0 ? receive(db, NULL, err) : HG_OK;
}

int hg_db_later(struct hg_db *db,
                const struct hg_statement *statement,
                const char *const *params,
                struct hg_error *err)
{
    if (find_prepared(db, statement) < 0) {
        begin_statement(db);
        int r = settle(db, err);
        r = r < 0 ? r : prepare(db, statement, err);
        if (r < 0) {
            return r;
        }
    }
    return send_later(db, statement, params, NULL, err);
}

int hg_db_exec(struct hg_db *db,
               const struct hg_statement *statement,
               const char *const *params,
               PGresult **ret,
               struct hg_error *err)
{
    begin_statement(db);
    if (db->n_later > 0 && find_prepared(db, statement) >= 0) {
        int r = send_later(db, statement, params, NULL, err);
        return r < 0 ? r : receive(db, ret, err);
    }
    int r = settle(db, err);
    r = r < 0 ? r : prepare(db, statement, err);
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
    int r = settle(db, err);
    return r < 0 ? r : finish(db, ask(db, sql), ret, err);
}

/* ---- transactions ---- */

int hg_db_begin(struct hg_db *db, struct hg_error *err)
{
    return hg_db_simple(db, "begin", NULL, err);
}

int hg_db_begin_later(struct hg_db *db, struct hg_error *err)
{
    static const struct hg_statement begin = {"db_begin", "begin", 0};
    return hg_db_later(db, &begin, NULL, err);
}

int hg_db_durable(struct hg_db *db, struct hg_error *err)
{
    static const struct hg_statement durable = {
        "db_durable", "set local synchronous_commit = on", 0};
    return hg_db_later(db, &durable, NULL, err);
}

int hg_db_commit(struct hg_db *db, struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    int r;
    if (db->n_later > 0) {
        begin_statement(db);
        r = send_later(db, NULL, NULL, "commit", err);
        r = r < 0 ? r : receive(db, &result, err);
    } else {
        r = hg_db_simple(db, "commit", &result, err);
    }
    /* The server rolls a failed transaction back at COMMIT and calls that a success. */
    if (r == HG_OK && strcmp(PQcmdStatus(result), "ROLLBACK") == 0) {
        return hg_error_set(
            err, HG_ECONFLICT, "the transaction had failed before and was rolled back");
    }
    return r;
}

void hg_db_rollback(struct hg_db *db)
{
    (void)settle(db, NULL);
    PGTransactionStatusType status = PQtransactionStatus(db->conn);
    if (status == PQTRANS_INTRANS || status == PQTRANS_INERROR) {
        PQclear(ask(db, "rollback"));
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
