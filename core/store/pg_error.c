#include "store/pg_error.h"

#include <ctype.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/parse.h"
#include "headgate/text.h"

/* Looked up from the top; a prefix is compared, so that exact codes stand before their class. */
static const struct {
    const char *sqlstate;
    int code;
    int retryable;
    const char *hint; /* where the server gives none */
} codes[] = {
    {"08", HG_EUNAVAILABLE, 1, "Check that the database server runs and can be reached."},
    {"0A", HG_ENOTSUP, 0, ""},
    {"22", HG_EDATA, 0, ""},
    {"23505", HG_EEXIST, 0, ""},
    {"23", HG_EDATA, 0, ""},
    {"25P03", HG_EUNAVAILABLE, 1, ""}, /* the session sat idle in a transaction and was closed */
    {"25006", HG_EUNAVAILABLE, 1, "The server takes no writes: it is a standby or recovers."},
    {"25", HG_ECONFLICT, 0, ""},
    {"28", HG_EUNAUTHENTICATED, 0, "Check user and password in the database URL."},
    {"2D", HG_EINVAL, 0, ""},
    {"3D", HG_ENOTFOUND, 0, ""},
    {"3F", HG_ENOTFOUND, 0, ""},
    {"40", HG_ECONFLICT, 1, ""}, /* serialization, deadlock */
    {"42501", HG_EFORBIDDEN, 0, ""},
    {"42P01", HG_ENOTFOUND, 0, ""},
    {"42703", HG_ENOTFOUND, 0, ""},
    {"42704", HG_ENOTFOUND, 0, ""},
    {"42883", HG_ENOTFOUND, 0, ""},
    {"42P04", HG_EEXIST, 0, ""},
    {"42P06", HG_EEXIST, 0, ""},
    {"42P07", HG_EEXIST, 0, ""},
    {"42710", HG_EEXIST, 0, ""},
    {"42723", HG_EEXIST, 0, ""},
    {"42", HG_EINVAL, 0, ""},
    {"53100", HG_EUNAVAILABLE, 1, "Free space on the disk that holds the database."},
    {"53400",
     HG_ETOOBIG,
     0,
     "It needs more temporary files than temp_file_limit allows: ask for less, or order by columns "
     "that have an index."},
    {"53", HG_EUNAVAILABLE, 1, ""},
    {"54", HG_ETOOBIG, 0, ""},
    {"55P03", HG_ECONFLICT, 1, ""},
    {"55", HG_ECONFLICT, 0, ""},
    {"57014", HG_ECANCELLED, 0, ""},
    {"57P04", HG_ENOTFOUND, 0, ""},
    {"57", HG_EUNAVAILABLE, 1, ""},
    {"58", HG_EIO, 0, ""},
    {"P0", HG_EDATA, 0, ""}, /* RAISE in a user's script */
    {"XX001", HG_EIO, 0, "The database's files are damaged: restore a backup."},
    {"XX002", HG_EIO, 0, "An index is damaged: REINDEX it, or restore a backup."},
};

static int find(const char *sqlstate)
{
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        if (strncmp(sqlstate, codes[i].sqlstate, strlen(codes[i].sqlstate)) == 0) {
            return (int)i;
        }
    }
    return -1;
}

int hg_sqlstate_code(const char *sqlstate, int *ret_retryable)
{
    int at = find(sqlstate);
    *ret_retryable = at < 0 ? 0 : codes[at].retryable;
    return at < 0 ? HG_EINTERNAL : codes[at].code;
}

static void set_state(struct hg_error *err, const char *sqlstate)
{
    int at = find(sqlstate);
    if (err) {
        (void)snprintf(err->sqlstate, sizeof err->sqlstate, "%.5s", sqlstate);
        err->retryable = at < 0 ? 0 : codes[at].retryable;
        (void)snprintf(err->hint, sizeof err->hint, "%s", at < 0 ? "" : codes[at].hint);
    }
}

/* Line of the 1-based character `position` in `text`. */
static int line_of(const char *text, const char *position)
{
    int line = 1;
    int64_t left = 1;
    (void)hg_parse_int64(position, 1, INT32_MAX, &left, NULL);
    for (left--; *text && left > 0; text++) {
        line += *text == '\n';
        left -= ((unsigned char)text[1] & 0xc0) != 0x80; /* continuation bytes count as none */
    }
    return line;
}

static void append(struct hg_error *err, const char *between, const char *text)
{
    size_t n = strlen(err->message);
    (void)snprintf(err->message + n, sizeof err->message - n, "%s%s", between, text);
}

/* Messages of ours are one line and end without a full stop. */
static void trim(char *message)
{
    hg_text_one_line(message);
    size_t n = strlen(message);
    while (n > 0 && (isspace((unsigned char)message[n - 1]) || message[n - 1] == '.')) {
        message[--n] = '\0';
    }
}

static void add_detail(struct hg_error *err, const PGresult *result)
{
    const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
    const char *position = PQresultErrorField(result, PG_DIAG_INTERNAL_POSITION);
    const char *script = PQresultErrorField(result, PG_DIAG_INTERNAL_QUERY);
    const char *hint = PQresultErrorField(result, PG_DIAG_MESSAGE_HINT);
    trim(err->message);
    if (detail) {
        append(err, ": ", detail);
    }
    trim(err->message);
    if (position && script) {
        char where[48];
        (void)snprintf(
            where, sizeof where, ", in line %d of the script", line_of(script, position));
        append(err, "", where);
    }
    if (hint) {
        (void)snprintf(err->hint, sizeof err->hint, "%s", hint);
        hg_text_one_line(err->hint);
    }
}

/* The client strings several messages together; the first tells why. */
static int lost(PGconn *conn, struct hg_error *err)
{
    const char *text = PQerrorMessage(conn);
    size_t n = strcspn(text, "\n");
    const char *severity = strstr(text, ":  ");
    if (severity && severity < text + n) {
        n -= (size_t)(severity + 3 - text);
        text = severity + 3;
    }
    hg_error_set(err,
                 HG_EUNAVAILABLE,
                 "the database connection was lost: %.*s",
                 n > 300 ? 300 : (int)n,
                 text);
    if (err) {
        trim(err->message);
        err->retryable = 1;
    }
    return HG_EUNAVAILABLE;
}

/* After a failed write the client still calls the connection good. */
static bool is_gone(PGconn *conn)
{
    struct pollfd fd = {.fd = PQsocket(conn), .events = POLLIN};
    return PQstatus(conn) != CONNECTION_OK || fd.fd < 0 ||
           (poll(&fd, 1, 0) > 0 && (fd.revents & (POLLHUP | POLLERR | POLLNVAL)));
}

/* Without memory for an answer nobody knows what the server did, as when the connection is lost. */
static int client_failed(PGconn *conn, const PGresult *result, struct hg_error *err)
{
    const char *text = result ? PQresultErrorMessage(result) : PQerrorMessage(conn);
    bool no_memory = !result || strstr(text, "out of memory");
    int code = no_memory ? HG_EUNAVAILABLE : HG_EINTERNAL;
    hg_error_set(err, code, "database client: %s", *text ? text : "out of memory");
    if (err) {
        trim(err->message);
        err->retryable = no_memory;
    }
    return code;
}

int hg_db_error(PGconn *conn, const PGresult *result, struct hg_error *err)
{
    const char *sqlstate = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    if (!sqlstate) {
        if (is_gone(conn)) {
            return lost(conn, err);
        }
        return client_failed(conn, result, err);
    }
    int retryable = 0;
    int code = hg_sqlstate_code(sqlstate, &retryable);
    const char *primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    if (code == HG_ECANCELLED && primary && strstr(primary, "statement timeout")) {
        code = HG_ETIMEDOUT;
    }
    hg_error_set(err, code, "%s", primary ? primary : "the database gave no message");
    set_state(err, sqlstate);
    if (err) {
        add_detail(err, result);
    }
    return code;
}

/* In "FATAL:  3D000: database ..." what stands behind ":  ", when it is an SQLSTATE. */
static const char *state_in(const char *message)
{
    for (const char *at = strstr(message, ":  "); at; at = strstr(at + 1, ":  ")) {
        size_t n = strspn(at + 3, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ");
        if (n == 5 && at[8] == ':' && at[9] == ' ') {
            return at + 3;
        }
    }
    return NULL;
}

int hg_connect_error(PGconn *conn, struct hg_error *err)
{
    const char *message = PQerrorMessage(conn);
    const char *sqlstate = state_in(message);
    const char *text = sqlstate ? sqlstate + 7 : message;
    const char *location = strstr(text, "\nLOCATION:");
    int n = (int)(location ? (size_t)(location - text) : strlen(text));
    int retryable = 1;
    int code = sqlstate ? hg_sqlstate_code(sqlstate, &retryable) : HG_EUNAVAILABLE;
    if (PQconnectionNeedsPassword(conn)) { /* the client itself gave up */
        sqlstate = NULL;
        code = HG_EUNAUTHENTICATED;
    }
    hg_error_set(err, code, "cannot connect to PostgreSQL: %.*s", n > 400 ? 400 : n, text);
    set_state(err, sqlstate ? sqlstate : code == HG_EUNAUTHENTICATED ? "28P01" : "08001");
    if (err) {
        memset(err->sqlstate, 0, sqlstate ? 0 : sizeof err->sqlstate);
        trim(err->message);
    }
    return code;
}
