/*
 * PostgreSQL: connections, statements from a table, transactions.
 *
 * A statement is a row of a static table: a name, its SQL and the number of its parameters. It is
 * prepared on first use on each connection. Parameters are text and never part of the SQL. Results
 * are text.
 *
 * Every session starts with time zone UTC, ISO dates and UTF-8. What a borrower changes in it must
 * be SET LOCAL: a pooled connection is not scrubbed between borrowers.
 *
 * Threads: a pool is [any]; a connection belongs to the thread that borrowed it.
 */
#ifndef HG_STORE_DB_H
#define HG_STORE_DB_H

#include <stdbool.h>

#include <libpq-fe.h>

#include "base/error.h"
#include "base/mem.h"
#include "store/pg_error.h"
#include "store/pool.h"
#include "store/quote.h"
#include "store/result.h"

struct hg_db; /* one connection */

/* Static: a connection remembers which ones it has prepared by address. Names are unique. */
struct hg_statement {
    const char *name;
    const char *sql;
    int n_params;
};

/*
 * A connection of one's own, without a pool (workers), made within 10 s. Closed with hg_db_return.
 * HG_EUNAVAILABLE (retryable) when the server is away, HG_ENOTFOUND for a missing database,
 * HG_EUNAUTHENTICATED for a wrong password or role, HG_EINVAL for a bad connection string.
 */
int hg_db_connect(const char *conninfo,
                  const char *application,
                  struct hg_db **ret,
                  struct hg_error *err);
/* Gives a connection back, or closes it when it is one's own; rolls an open transaction back. */
void hg_db_return(struct hg_db *db);
HG_DEFINE_CLEANUP(hg_db_returnp, struct hg_db *, hg_db_return)
/*
 * Makes an idle connection of one's own as it was when it was made: settings, temporary tables,
 * prepared statements, locks of the session are gone. False when it can serve nobody any more.
 */
bool hg_db_scrub(struct hg_db *db);
/*
 * Whether an idle connection of one's own still stands; asks the server when it was idle for long
 * since it was scrubbed.
 */
bool hg_db_is_alive(struct hg_db *db);
/*
 * Code of users' is going to run in this session: it may leave prepared statements under our names,
 * locks, settings. The connection is closed when it is given back; run nothing prepared meanwhile.
 */
void hg_db_spoil(struct hg_db *db);
/* The connection itself, for COPY and pipeline mode; borrowed until hg_db_return. */
PGconn *hg_db_conn(struct hg_db *db);

/* ---- statements ---- */

/*
 * Runs a prepared statement with text parameters (NULL is SQL NULL). On success *ret (when `ret` is
 * not NULL) is owned by the caller, PQclear (cleanup hg_resultp). Errors as listed at hg_db_error.
 */
int hg_db_exec(struct hg_db *db,
               const struct hg_statement *statement,
               const char *const *params,
               PGresult **ret,
               struct hg_error *err);
/*
 * The same without waiting for the answer, within a transaction: it goes out with the next
 * statement that is waited for (hg_db_exec, hg_db_simple, hg_db_commit), so that several make one
 * round trip. What of it fails, fails that one, and nothing behind it is run. `params` is not
 * needed afterwards.
 */
int hg_db_later(struct hg_db *db,
                const struct hg_statement *statement,
                const char *const *params,
                struct hg_error *err);
/*
 * A text without parameters, not prepared: BEGIN, SET, DDL made with hg_quote_*. It may hold
 * several commands; *ret is that of the last one. A COPY gives its PGRES_COPY_IN or PGRES_COPY_OUT;
 * go on with hg_db_conn.
 */
int hg_db_simple(struct hg_db *db, const char *sql, PGresult **ret, struct hg_error *err);

int hg_db_begin(struct hg_db *db, struct hg_error *err);
/* The same, going out with the first statement: hg_db_later. */
int hg_db_begin_later(struct hg_db *db, struct hg_error *err);
/* A commit of this transaction waits for the disk, though the session says otherwise: hg_db_later.
 */
int hg_db_durable(struct hg_db *db, struct hg_error *err);
/* HG_ECONFLICT when the transaction had failed before and was rolled back instead. */
int hg_db_commit(struct hg_db *db, struct hg_error *err);
/* Nothing happens outside of a transaction. */
void hg_db_rollback(struct hg_db *db);

/*
 * Asks the server to cancel what `db` runs; the statement then fails with HG_ECANCELLED. [any]
 * thread, as long as the connection has not been given back.
 */
void hg_db_cancel(struct hg_db *db);

/*
 * How long an answer may take until the client gives the connection up: the statement fails with
 * HG_EUNAVAILABLE (retryable) like one whose connection broke, and what it did is unknown. For
 * servers that are frozen, or a network that swallows: statement_timeout needs a server that works.
 * 0 waits as long as it takes. Until the connection is given back; then it has its pool's again.
 */
void hg_db_patience(struct hg_db *db, int patience_ms);

/* The milliseconds after which the server stops a statement of this session; 0: never. */
int hg_db_statement_timeout(struct hg_db *db, int timeout_ms, struct hg_error *err);

#endif
