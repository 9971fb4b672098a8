/*
 * A connection to the other database, whose waits end when the read is cancelled.
 */
#ifndef POSTGRES_CONN_H
#define POSTGRES_CONN_H

#include <libpq-fe.h>

#include "cancel.h"
#include "config.h"

struct pg_conn {
    PGconn *pq;
    struct src_cancel *cancel;
    bool checks_utf8; /* the server does not promise that texts are UTF-8 */
    bool is_busy;     /* a statement runs */
};

/*
 * Connects, sets the session's parameters and begins a read-only transaction with one snapshot.
 * Error texts name host, database and user. *ret is closed with pg_conn_close, also when this
 * fails; `cancel` is borrowed until then.
 */
hg_status pg_conn_open(const struct pg_config *config,
                       struct src_cancel *cancel,
                       struct pg_conn *ret,
                       struct hg_error *err);
/* Cancels what still runs. Takes a zeroed one. */
void pg_conn_close(struct pg_conn *conn);

/* Runs one statement with text parameters; *ret is the caller's, PQclear. */
hg_status pg_conn_run(struct pg_conn *conn,
                      const char *sql,
                      int n,
                      const char *const *values,
                      PGresult **ret,
                      struct hg_error *err);
/* Begins a COPY ... TO STDOUT. */
hg_status pg_conn_copy(struct pg_conn *conn, const char *sql, struct hg_error *err);
/* The next message, freed with PQfreemem; *ret_n is -1 at the end. */
hg_status pg_conn_row(struct pg_conn *conn, char **ret, int *ret_n, struct hg_error *err);
/* What a result says that went wrong. */
hg_status pg_conn_failed(struct pg_conn *conn, const PGresult *result, struct hg_error *err);

#endif
