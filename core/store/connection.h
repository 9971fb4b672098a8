/*
 * Making, looking at and closing one connection; what db.c and pool.c share.
 */
#ifndef HG_STORE_CONNECTION_H
#define HG_STORE_CONNECTION_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <libpq-fe.h>

#include "base/error.h"

struct hg_pool;
struct hg_statement;

struct hg_db {
    PGconn *conn;
    struct hg_pool *pool; /* NULL: one's own */
    struct hg_db *next;   /* among the pool's idle ones */
    int64_t idle_since_ms;
    int statement_timeout_ms; /* as the session has it */

    const struct hg_statement **prepared;
    size_t n_prepared;
    size_t room_prepared;
    int patience_ms; /* for one answer; 0: as long as it takes */
    bool gave_up;    /* an answer did not come in time */
    bool spoilt;     /* closed when it is given back */
    int n_later;     /* statements on their way, whose answers have not been read */

    pthread_mutex_t cancel_mutex;
    PGcancel *cancel;      /* under cancel_mutex */
    bool cancel_requested; /* under cancel_mutex; since the current statement began */
};

struct hg_connect_options {
    const char *conninfo;
    const char *application;
    struct hg_pool *pool;
    int statement_timeout_ms; /* 0: none */
    int idle_timeout_ms;      /* within a transaction; 0: none */
    int64_t deadline_ms;      /* of hg_time_monotonic_ms() */
};

/* Connects and sets the session up. Closed with hg_connection_close. */
int hg_connection_open(const struct hg_connect_options *options,
                       struct hg_db **ret,
                       struct hg_error *err);
void hg_connection_close(struct hg_db *db);

/* Undoes all that was done in an idle session. False when it can serve nobody any more. */
bool hg_connection_scrub(struct hg_db *db);
/* Ends what the borrower left open. False when the connection can serve nobody any more. */
bool hg_connection_reset(struct hg_db *db);
/* Whether an idle connection still stands; asks the server only when it was idle for long. */
bool hg_connection_alive(struct hg_db *db);

#endif
