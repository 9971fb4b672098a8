#include "store/connection.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/time.h"
#include "store/conninfo.h"
#include "store/pg_error.h"
#include "store/result.h"

enum {
    ASK_AFTER_IDLE_MS = 15000,
    SIGN_OF_LIFE_MS = 5000,
    ROLLBACK_MS = 5000, /* else the connection is closed, which does the same */
};

/* Defaults that the conninfo, which stands behind them, may override: a peer that is gone without a
 * word is noticed within half a minute, also while an answer is awaited. */
static const char *const keywords[] = {"keepalives_idle",
                                       "keepalives_interval",
                                       "keepalives_count",
                                       "tcp_user_timeout",
                                       "fallback_application_name",
                                       "dbname",
                                       "client_encoding",
                                       NULL};

/*
 * Values are written and read in one form whatever the server's configuration says; and fences
 * count on a statement that sees what was committed before it.
 */
#define SESSION                                                                    \
    "set timezone = 'UTC'; set datestyle = 'ISO'; set intervalstyle = 'postgres';" \
    " set default_transaction_isolation = 'read committed'"

/* DISCARD ALL but for cached plans, which say nothing of who made them. */
#define SCRUB                                                                              \
    "close all; set session authorization default; reset all; deallocate all; unlisten *;" \
    " select pg_catalog.pg_advisory_unlock_all(); discard temp; discard sequences; "

static void quiet(void *arg, const char *message)
{
    (void)arg;
    (void)message;
}

static int left_ms(int64_t deadline_ms)
{
    int64_t left = deadline_ms - hg_time_monotonic_ms();
    return left < 0 ? 0 : left > 60000 ? 60000 : (int)left;
}

/* Waits for the socket; false once the deadline has passed. */
static bool wait_socket(PGconn *conn, short events, int64_t deadline_ms)
{
    for (;;) {
        struct pollfd fd = {.fd = PQsocket(conn), .events = events};
        int timeout = left_ms(deadline_ms);
        int n = poll(&fd, 1, timeout);
        if (n > 0) {
            return true;
        }
        if ((n == 0 && left_ms(deadline_ms) == 0) || (n < 0 && errno != EINTR)) {
            return false;
        }
    }
}

static int no_answer(PGconn *conn, struct hg_error *err)
{
    hg_error_set(err,
                 HG_EUNAVAILABLE,
                 "PostgreSQL at \"%s\" does not answer",
                 PQhost(conn) ? PQhost(conn) : "");
    if (err) {
        err->retryable = 1;
    }
    return HG_EUNAVAILABLE;
}

static int establish(PGconn *conn, int64_t deadline_ms, struct hg_error *err)
{
    PostgresPollingStatusType state = PGRES_POLLING_WRITING;
    while (state != PGRES_POLLING_OK) {
        if (state == PGRES_POLLING_FAILED || PQstatus(conn) == CONNECTION_BAD) {
            return hg_connect_error(conn, err);
        }
        short events = state == PGRES_POLLING_READING ? POLLIN : POLLOUT;
        if (!wait_socket(conn, events, deadline_ms)) {
            return no_answer(conn, err);
        }
        state = PQconnectPoll(conn);
    }
    return HG_OK;
}

static bool is_failure(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    return status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_EMPTY_QUERY;
}

/* PQexec with a deadline: the answer to the first command that failed, or to the last. */
static int exec_within(
    PGconn *conn, const char *sql, int64_t deadline_ms, PGresult **ret, struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *kept = NULL;
    if (!PQsendQuery(conn, sql)) {
        return hg_db_error(conn, NULL, err);
    }
    for (;;) {
        while (PQisBusy(conn)) {
            if (!wait_socket(conn, POLLIN, deadline_ms)) {
                return no_answer(conn, err);
            }
            if (!PQconsumeInput(conn)) {
                return hg_db_error(conn, NULL, err);
            }
        }
        PGresult *result = PQgetResult(conn);
        if (!result) {
            break;
        }
        if (kept && is_failure(kept)) {
            PQclear(result);
        } else {
            PQclear(kept);
            kept = result;
        }
    }
    *ret = HG_TAKE(kept);
    return HG_OK;
}

/* `before` is what to do first, in the same round trip. */
static int set_session(PGconn *conn,
                       const char *before,
                       int statement_timeout_ms,
                       int idle_timeout_ms,
                       int64_t deadline_ms,
                       struct hg_error *err)
{
    char sql[512];
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    (void)snprintf(sql,
                   sizeof sql,
                   "%s" SESSION
                   "; set idle_in_transaction_session_timeout = %d; set statement_timeout = %d",
                   before,
                   idle_timeout_ms,
                   statement_timeout_ms);
    int r = exec_within(conn, sql, deadline_ms, &result, err);
    if (r < 0) {
        return r;
    }
    return PQresultStatus(result) == PGRES_COMMAND_OK ? HG_OK : hg_db_error(conn, result, err);
}

static int connect_within(const struct hg_connect_options *options,
                          PGconn **ret,
                          struct hg_error *err)
{
    const char *const values[] = {
        "20", "5", "3", "30000", options->application, options->conninfo, "UTF8", NULL};
    PGconn *conn = PQconnectStartParams(keywords, values, 1);
    if (!conn) {
        return hg_error_nomem(err);
    }
    /* So that the message holds the SQLSTATE, for which a failed connection has no other place. */
    (void)PQsetErrorVerbosity(conn, PQERRORS_VERBOSE);
    (void)PQsetNoticeProcessor(conn, quiet, NULL);
    int r = PQstatus(conn) == CONNECTION_BAD ? hg_connect_error(conn, err)
                                             : establish(conn, options->deadline_ms, err);
    (void)PQsetErrorVerbosity(conn, PQERRORS_DEFAULT);
    r = r < 0 ? r
              : set_session(conn,
                            "",
                            options->statement_timeout_ms,
                            options->idle_timeout_ms,
                            options->deadline_ms,
                            err);
    if (r < 0) {
        PQfinish(conn);
        return r;
    }
    *ret = conn;
    return HG_OK;
}

int hg_connection_open(const struct hg_connect_options *options,
                       struct hg_db **ret,
                       struct hg_error *err)
{
    PGconn *conn = NULL;
    int r = hg_conninfo_check(options->conninfo, err);
    r = r < 0 ? r : connect_within(options, &conn, err);
    if (r < 0) {
        return r;
    }
    struct hg_db *db = calloc(1, sizeof *db);
    if (!db || pthread_mutex_init(&db->cancel_mutex, NULL) != 0) {
        free(db);
        PQfinish(conn);
        return hg_error_nomem(err);
    }
    db->conn = conn;
    db->pool = options->pool;
    db->statement_timeout_ms = options->statement_timeout_ms;
    db->cancel = PQgetCancel(conn);
    *ret = db;
    return HG_OK;
}

void hg_connection_close(struct hg_db *db)
{
    if (!db) {
        return;
    }
    PQfinish(db->conn);
    PQfreeCancel(db->cancel);
    (void)pthread_mutex_destroy(&db->cancel_mutex);
    free(db->prepared);
    free(db);
}

bool hg_connection_scrub(struct hg_db *db)
{
    struct hg_error err = HG_ERROR_INIT;
    if (PQstatus(db->conn) != CONNECTION_OK || PQtransactionStatus(db->conn) != PQTRANS_IDLE) {
        return false;
    }
    db->n_prepared = 0;
    db->idle_since_ms = hg_time_monotonic_ms();
    /* Its temporary tables may take a while. */
    return set_session(db->conn, SCRUB, db->statement_timeout_ms, 0, INT64_MAX, &err) == HG_OK;
}

bool hg_connection_reset(struct hg_db *db)
{
    if (PQstatus(db->conn) != CONNECTION_OK) {
        return false;
    }
    if (PQpipelineStatus(db->conn) != PQ_PIPELINE_OFF && !PQexitPipelineMode(db->conn)) {
        return false; /* answers are on their way that nobody will read */
    }
    switch (PQtransactionStatus(db->conn)) {
    case PQTRANS_IDLE:
        return true;
    case PQTRANS_INTRANS:
    case PQTRANS_INERROR: {
        HG_CLEANUP(hg_resultp) PGresult *result = NULL;
        int64_t deadline_ms = hg_time_monotonic_ms() + ROLLBACK_MS;
        return exec_within(db->conn, "rollback", deadline_ms, &result, NULL) == HG_OK &&
               PQresultStatus(result) == PGRES_COMMAND_OK &&
               PQtransactionStatus(db->conn) == PQTRANS_IDLE;
    }
    case PQTRANS_ACTIVE: /* a COPY or an answer half read */
    case PQTRANS_UNKNOWN:
        break;
    }
    return false;
}

/* An empty query, which the server answers without touching anything. */
static bool ask(PGconn *conn)
{
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    int64_t deadline_ms = hg_time_monotonic_ms() + SIGN_OF_LIFE_MS;
    return exec_within(conn, "", deadline_ms, &result, NULL) == HG_OK &&
           PQresultStatus(result) == PGRES_EMPTY_QUERY && PQstatus(conn) == CONNECTION_OK;
}

bool hg_connection_alive(struct hg_db *db)
{
    struct pollfd fd = {.fd = PQsocket(db->conn), .events = POLLIN};
    int n = poll(&fd, 1, 0);
    if (n < 0 && errno != EINTR) {
        return false;
    }
    /* An idle session is sent little: a changed setting, a notice, the word that it ends. */
    if (n > 0 && (!PQconsumeInput(db->conn) || (fd.revents & (POLLHUP | POLLERR | POLLNVAL)))) {
        return false;
    }
    if (n > 0 || hg_time_monotonic_ms() - db->idle_since_ms >= ASK_AFTER_IDLE_MS) {
        return ask(db->conn);
    }
    return PQstatus(db->conn) == CONNECTION_OK;
}
