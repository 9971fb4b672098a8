#include "conn.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "headgate/error.h"
#include "headgate/text.h"

/* How often a wait asks the host whether to go on. */
#define ASK_EVERY_MS 250
#define MAX_OPTIONS  20

static int64_t clock_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Until the socket is ready. `until_ms` 0: for ever. */
static hg_status wait_socket(struct pg_conn *c,
                             short events,
                             int64_t until_ms,
                             struct hg_error *err)
{
    for (;;) {
        if (src_cancelled(c->cancel)) {
            return hg_fail(err, HG_ECANCELLED, "cancelled while waiting for the other database");
        }
        if (until_ms && clock_ms() >= until_ms) {
            return hg_fail(err, HG_ETIMEDOUT, "it does not answer in time");
        }
        struct pollfd fds[] = {{.fd = PQsocket(c->pq), .events = events},
                               {.fd = c->cancel->event_fd, .events = POLLIN}};
        int n = poll(fds, 2, ASK_EVERY_MS);
        if (n < 0 && errno != EINTR) {
            return hg_fail_errno(err, errno, "the connection cannot be waited for");
        }
        if (n > 0 && fds[0].revents) {
            return HG_OK;
        }
    }
}

/* ------------------------------------------------------------------------------------------ */
/* Errors                                                                                       */
/* ------------------------------------------------------------------------------------------ */

static const struct {
    const char *begins;
    hg_status code;
    bool retryable;
    const char *hint; /* where the server gives none; NULL: none */
} sqlstates[] = {
    {"57014",
     HG_ETIMEDOUT,
     true,
     NULL}, /* a statement's time limit; our own cancel is seen before */
    {"55P03", HG_EUNAVAILABLE, true, NULL},
    {"42501",
     HG_EFORBIDDEN,
     false,
     "As its owner run: GRANT USAGE ON SCHEMA and GRANT SELECT ON the table to this user."},
    {"42P01",
     HG_ENOTFOUND,
     false,
     "Look at `table` or `query`: the name as schema.table (public is taken without one), in the "
     "database that `dbname` or `url` names; `\\dt *.*` in psql lists what is there."},
    {"42703", HG_EINVAL, false, NULL},
    {"42", HG_EINVAL, false, NULL},
    {"25006", HG_EFORBIDDEN, false, NULL},
    {"22", HG_EDATA, false, NULL},
    {"08", HG_EUNAVAILABLE, true, NULL},
    {"40", HG_EUNAVAILABLE, true, NULL},
    {"53", HG_EUNAVAILABLE, true, NULL},
    {"57P", HG_EUNAVAILABLE, true, NULL},
};

static void one_line(const char *text, char *out, size_t size)
{
    snprintf(out, size, "%s", text ? text : "");
    hg_text_one_line(out);
}

hg_status pg_conn_failed(struct pg_conn *c, const PGresult *result, struct hg_error *err)
{
    char text[400];
    const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    const char *primary = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    hg_status code = state ? HG_EIO : HG_EUNAVAILABLE;
    bool retryable = !state;
    const char *own_hint = NULL;
    if (src_cancelled(c->cancel)) {
        return hg_fail(err, HG_ECANCELLED, "cancelled while reading");
    }
    for (size_t i = 0; state && i < sizeof sqlstates / sizeof sqlstates[0]; i++) {
        if (strncmp(state, sqlstates[i].begins, strlen(sqlstates[i].begins)) == 0) {
            code = sqlstates[i].code;
            retryable = sqlstates[i].retryable;
            own_hint = sqlstates[i].hint;
            break;
        }
    }
    one_line(primary ? primary : PQerrorMessage(c->pq), text, sizeof text);
    hg_fail(err, code, "the database \"%s\" says: %s", PQdb(c->pq), text);
    if (err && state) {
        snprintf(err->sqlstate, sizeof err->sqlstate, "%s", state);
    }
    const char *hint = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_HINT) : NULL;
    if (hint || own_hint) {
        hg_fail_hint(err, code, "%s", hint ? hint : own_hint);
    }
    return retryable ? hg_fail_retryable(err, code, -1) : code;
}

static const char *or_default(const char *text, const char *otherwise)
{
    return text && text[0] ? text : otherwise;
}

static hg_status connect_failed(struct pg_conn *c,
                                hg_status code,
                                const char *why,
                                struct hg_error *err)
{
    char text[300];
    one_line(why ? why : PQerrorMessage(c->pq), text, sizeof text);
    bool refused = PQconnectionNeedsPassword(c->pq) || strstr(text, "authentication failed") ||
                   strstr(text, "no password supplied") || strstr(text, "pg_hba.conf");
    if (refused) {
        code = HG_EUNAUTHENTICATED;
    }
    hg_fail(err,
            code,
            "cannot connect to the database \"%s\" on %s port %s as \"%s\": %s",
            or_default(PQdb(c->pq), "?"),
            or_default(PQhost(c->pq), "?"),
            or_default(PQport(c->pq), "5432"),
            or_default(PQuser(c->pq), "?"),
            text);
    if (refused) {
        return hg_fail_hint(
            err, code, "Look at user and password, and at the server's pg_hba.conf.");
    }
    hg_fail_hint(err, code, "Look whether the server runs and can be reached from this machine.");
    return hg_fail_retryable(err, code, -1);
}

/* ------------------------------------------------------------------------------------------ */
/* Connecting                                                                                   */
/* ------------------------------------------------------------------------------------------ */

struct options {
    const char *keys[MAX_OPTIONS + 1];
    const char *values[MAX_OPTIONS + 1];
    size_t n;
};

static void add_option(struct options *o, const char *key, const char *value)
{
    if (value && value[0] && o->n < MAX_OPTIONS) {
        o->keys[o->n] = key;
        o->values[o->n++] = value;
    }
}

/* What a url may say; all else would read files or run with rights of this machine. */
static const char *const url_keys[] = {
    "host", "hostaddr", "port", "dbname", "user", "sslmode", "sslrootcert", "target_session_attrs"};

static hg_status add_url(struct options *o,
                         const char *url,
                         PQconninfoOption **ret_parsed,
                         struct hg_error *err)
{
    /* The parser's own words may repeat a password. */
    *ret_parsed = PQconninfoParse(url, NULL);
    if (!*ret_parsed) {
        hg_fail(err, HG_EINVAL, "the url is none of a PostgreSQL database");
        hg_fail_hint(err, HG_EINVAL, "It looks like postgresql://user@host:5432/database.");
        return hg_fail_pointer(err, HG_EINVAL, "/url");
    }
    for (const PQconninfoOption *p = *ret_parsed; p->keyword; p++) {
        bool known = false;
        for (size_t i = 0; i < sizeof url_keys / sizeof url_keys[0]; i++) {
            known |= strcmp(p->keyword, url_keys[i]) == 0;
        }
        if (p->val && p->val[0] && strcmp(p->keyword, "password") == 0) {
            hg_fail(err, HG_EINVAL, "the url holds a password");
            hg_fail_hint(err, HG_EINVAL, "Give it as password: ${VAR} or ${file:PATH}.");
            return hg_fail_pointer(err, HG_EINVAL, "/url");
        }
        if (p->val && p->val[0] && !known) {
            hg_fail(
                err, HG_EINVAL, "the url has the option \"%s\", which is not taken", p->keyword);
            return hg_fail_pointer(err, HG_EINVAL, "/url");
        }
        add_option(o, p->keyword, p->val);
    }
    return HG_OK;
}

static hg_status start(struct pg_conn *c, const struct pg_config *config, struct hg_error *err)
{
    struct options o = {.n = 0};
    PQconninfoOption *parsed = NULL;
    char port[16];
    hg_status status = config->url ? add_url(&o, config->url, &parsed, err) : HG_OK;
    if (!status) {
        snprintf(port, sizeof port, "%d", config->port ? config->port : 5432);
        add_option(&o, "host", config->host);
        add_option(&o, "port", config->url ? NULL : port);
        add_option(&o, "dbname", config->dbname);
        add_option(&o, "user", config->user);
        add_option(&o, "sslmode", config->sslmode);
        add_option(&o, "sslrootcert", config->sslrootcert);
        add_option(&o, "password", config->password);
        /* Nothing of this machine's user is to slip in; a file that is not there is no warning. */
        add_option(&o, "passfile", "/nonexistent/pgpass");
        add_option(&o, "client_encoding", "UTF8");
        add_option(&o, "application_name", "headgate");
        add_option(&o, "tcp_user_timeout", "15000");
        add_option(&o, "keepalives_idle", "30");
        c->pq = PQconnectStartParams(o.keys, o.values, 0);
        status = c->pq ? HG_OK : hg_fail_nomem(err);
    }
    PQconninfoFree(parsed);
    return status;
}

static hg_status finish_connecting(struct pg_conn *c, int64_t timeout_ms, struct hg_error *err)
{
    int64_t until_ms = clock_ms() + timeout_ms;
    PostgresPollingStatusType next = PGRES_POLLING_WRITING;
    while (PQstatus(c->pq) != CONNECTION_BAD && next != PGRES_POLLING_FAILED) {
        struct hg_error why = HG_ERROR_INIT;
        short events = next == PGRES_POLLING_READING ? POLLIN : POLLOUT;
        hg_status status = wait_socket(c, events, until_ms, &why);
        if (status == HG_ECANCELLED) {
            return hg_fail(err, status, "%s", why.message);
        }
        if (status) {
            return connect_failed(c, status, why.message, err);
        }
        next = PQconnectPoll(c->pq);
        if (next == PGRES_POLLING_OK) {
            return HG_OK;
        }
    }
    return connect_failed(c, HG_EUNAVAILABLE, NULL, err);
}

/*
 * Headgate's own cluster lets its operating system's user in as each of its roles, also as the one
 * that owns passwords and sessions. A pipeline is not to read those by naming the cluster's socket.
 */
static hg_status refuse_own_cluster(struct pg_conn *c, struct hg_error *err)
{
    PGresult *result = NULL;
    hg_status status = pg_conn_run(c,
                                   "SELECT 1 WHERE current_setting('cluster_name') = 'headgate'"
                                   " AND session_user <> 'headgate_load'",
                                   0,
                                   NULL,
                                   &result,
                                   err);
    bool is_own = !status && PQntuples(result) > 0;
    PQclear(result);
    if (is_own && !PQconnectionUsedPassword(c->pq)) {
        hg_fail(err,
                HG_EFORBIDDEN,
                "user \"%s\" may not read Headgate's own database \"%s\"",
                PQuser(c->pq),
                PQdb(c->pq));
        return hg_fail_hint(
            err, HG_EFORBIDDEN, "Tables of the warehouse are read as user headgate_load.");
    }
    return status;
}

static hg_status set_up(struct pg_conn *c, const struct pg_config *config, struct hg_error *err)
{
    char statement_ms[24];
    char lock_ms[24];
    PGresult *result = NULL;
    snprintf(statement_ms, sizeof statement_ms, "%lld", (long long)config->statement_timeout_ms);
    snprintf(lock_ms, sizeof lock_ms, "%lld", (long long)config->lock_timeout_ms);
    const char *const values[] = {statement_ms, lock_ms};
    hg_status status =
        pg_conn_run(c, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", 0, NULL, &result, err);
    PQclear(result);
    result = NULL;
    if (!status) {
        status = pg_conn_run(c,
                             "SELECT set_config('statement_timeout', $1, true),"
                             " set_config('lock_timeout', $2, true),"
                             " set_config('timezone', 'UTC', true),"
                             " set_config('datestyle', 'ISO', true),"
                             " set_config('intervalstyle', 'iso_8601', true),"
                             " set_config('idle_in_transaction_session_timeout', '0', true)",
                             2,
                             values,
                             &result,
                             err);
        PQclear(result);
    }
    const char *encoding = PQparameterStatus(c->pq, "server_encoding");
    c->checks_utf8 = !encoding || strcmp(encoding, "SQL_ASCII") == 0;
    return status;
}

hg_status pg_conn_open(const struct pg_config *config,
                       struct src_cancel *cancel,
                       struct pg_conn *ret,
                       struct hg_error *err)
{
    *ret = (struct pg_conn){.cancel = cancel};
    hg_status status = start(ret, config, err);
    if (!status) {
        status = finish_connecting(ret, config->connect_timeout_ms, err);
    }
    if (!status && PQsetnonblocking(ret->pq, 1)) {
        status = connect_failed(ret, HG_EUNAVAILABLE, NULL, err);
    }
    if (!status) {
        status = set_up(ret, config, err);
    }
    return status ? status : refuse_own_cluster(ret, err);
}

void pg_conn_close(struct pg_conn *c)
{
    if (c->pq && c->is_busy && PQstatus(c->pq) == CONNECTION_OK) {
        PGcancel *cancel = PQgetCancel(c->pq);
        char why[256];
        if (cancel && !PQcancel(cancel, why, sizeof why)) {
            c->cancel->host->log(c->cancel->host, HG_LOG_WARNING, why);
        }
        PQfreeCancel(cancel);
    }
    PQfinish(c->pq);
    c->pq = NULL;
    c->is_busy = false;
}

/* ------------------------------------------------------------------------------------------ */
/* Statements                                                                                   */
/* ------------------------------------------------------------------------------------------ */

static hg_status send_all(struct pg_conn *c, struct hg_error *err)
{
    for (;;) {
        int left = PQflush(c->pq);
        if (left == 0) {
            return HG_OK;
        }
        hg_status status =
            left < 0 ? pg_conn_failed(c, NULL, err) : wait_socket(c, POLLIN | POLLOUT, 0, err);
        if (!status && !PQconsumeInput(c->pq)) {
            status = pg_conn_failed(c, NULL, err);
        }
        if (status) {
            return status;
        }
    }
}

/* The next result, NULL behind the last. */
static hg_status next_result(struct pg_conn *c, PGresult **ret, struct hg_error *err)
{
    while (PQisBusy(c->pq)) {
        hg_status status = wait_socket(c, POLLIN, 0, err);
        if (!status && !PQconsumeInput(c->pq)) {
            status = pg_conn_failed(c, NULL, err);
        }
        if (status) {
            return status;
        }
    }
    *ret = PQgetResult(c->pq);
    c->is_busy = *ret != NULL;
    return HG_OK;
}

static hg_status begin(struct pg_conn *c,
                       const char *sql,
                       int n,
                       const char *const *values,
                       PGresult **ret,
                       struct hg_error *err)
{
    if (!PQsendQueryParams(c->pq, sql, n, NULL, values, NULL, NULL, 0)) {
        return pg_conn_failed(c, NULL, err);
    }
    c->is_busy = true;
    hg_status status = send_all(c, err);
    return status ? status : next_result(c, ret, err);
}

hg_status pg_conn_run(struct pg_conn *c,
                      const char *sql,
                      int n,
                      const char *const *values,
                      PGresult **ret,
                      struct hg_error *err)
{
    PGresult *result = NULL;
    hg_status status = begin(c, sql, n, values, &result, err);
    ExecStatusType how = status ? PGRES_FATAL_ERROR : PQresultStatus(result);
    if (!status && how != PGRES_TUPLES_OK && how != PGRES_COMMAND_OK) {
        status = pg_conn_failed(c, result, err);
    }
    for (PGresult *more = result; more && c->is_busy;) {
        hg_status after = next_result(c, &more, status ? NULL : err);
        if (after) {
            status = status ? status : after;
            break;
        }
        PQclear(more);
    }
    if (status) {
        PQclear(result);
        return status;
    }
    *ret = result;
    return HG_OK;
}

hg_status pg_conn_copy(struct pg_conn *c, const char *sql, struct hg_error *err)
{
    PGresult *result = NULL;
    hg_status status = begin(c, sql, 0, NULL, &result, err);
    if (!status && PQresultStatus(result) != PGRES_COPY_OUT) {
        status = pg_conn_failed(c, result, err);
    }
    PQclear(result);
    return status;
}

hg_status pg_conn_row(struct pg_conn *c, char **ret, int *ret_n, struct hg_error *err)
{
    for (;;) {
        int n = PQgetCopyData(c->pq, ret, 1);
        if (n > 0) {
            *ret_n = n;
            return HG_OK;
        }
        if (n < 0) {
            break;
        }
        hg_status status = wait_socket(c, POLLIN, 0, err);
        if (!status && !PQconsumeInput(c->pq)) {
            status = pg_conn_failed(c, NULL, err);
        }
        if (status) {
            return status;
        }
    }
    PGresult *result = NULL;
    hg_status status = next_result(c, &result, err);
    if (!status && (!result || PQresultStatus(result) != PGRES_COMMAND_OK)) {
        status = pg_conn_failed(c, result, err);
    }
    PQclear(result);
    while (!status && c->is_busy) {
        status = next_result(c, &result, err);
        PQclear(result);
    }
    *ret_n = -1;
    return status;
}
