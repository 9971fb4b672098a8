/*
 * PostgreSQL: connections, statements from a table, transactions.
 *
 * A statement is a row of a static table: a name, its SQL and the number of its parameters. It is
 * prepared on first use on each connection. Parameters are text (or binary where said so) and never
 * part of the SQL. Results are text unless the statement says binary.
 *
 * Threads: a pool is [any]; a connection belongs to the thread that borrowed it.
 */
#ifndef HG_STORE_DB_H
#define HG_STORE_DB_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>
#include <libpq-fe.h>

#include "base/error.h"
#include "base/mem.h"

struct hg_pool;
struct hg_db; /* one borrowed connection */

struct hg_statement {
    const char *name;
    const char *sql;
    int n_params;
};

/* ---- pool ---- */

/*
 * A pool of at most `size` connections to `conninfo` (URL or keywords), opened as needed, replaced
 * when broken. Nothing is connected yet. Owned by the caller, hg_pool_free.
 */
int hg_pool_new(const char *conninfo, int size, const char *application, struct hg_pool **ret,
                struct hg_error *err);
void hg_pool_free(struct hg_pool *pool);
const char *hg_pool_conninfo(const struct hg_pool *pool);

/*
 * Borrows a connection, waiting at most `wait_ms` for a free one. HG_EUNAVAILABLE (retryable) when
 * the server cannot be reached or all stay busy. Give it back with hg_db_return (also the cleanup
 * hg_db_returnp), which rolls an open transaction back.
 */
int hg_pool_borrow(struct hg_pool *pool, int wait_ms, struct hg_db **ret, struct hg_error *err);
void hg_db_return(struct hg_db *db);
HG_DEFINE_CLEANUP(hg_db_returnp, struct hg_db *, hg_db_return)
/* The connection itself, for COPY and pipeline mode; borrowed until hg_db_return. */
PGconn *hg_db_conn(struct hg_db *db);

/* A connection of one's own, without a pool (workers). Closed with hg_db_return. */
int hg_db_connect(const char *conninfo, const char *application, struct hg_db **ret,
                  struct hg_error *err);

/* ---- statements ---- */

/*
 * Runs a prepared statement with text parameters (NULL is SQL NULL). On success *ret (when not
 * NULL) is owned by the caller, PQclear (cleanup hg_resultp). Errors carry sqlstate; a lost
 * connection gives HG_EUNAVAILABLE with retryable = 1, serialization failure and deadlock
 * HG_ECONFLICT with retryable = 1, unique violation HG_EEXIST, cancel HG_ECANCELLED,
 * statement timeout HG_ETIMEDOUT, missing right HG_EFORBIDDEN, full disk HG_EUNAVAILABLE.
 */
int hg_db_exec(struct hg_db *db, const struct hg_statement *statement,
               const char *const *params, PGresult **ret, struct hg_error *err);
/* A fixed SQL text without parameters, not prepared: BEGIN, SET, DDL made with hg_quote_*. */
int hg_db_simple(struct hg_db *db, const char *sql, PGresult **ret, struct hg_error *err);
HG_DEFINE_CLEANUP(hg_resultp, PGresult *, PQclear)

/* Fills *err from a failed result or connection, with the codes listed at hg_db_exec. */
int hg_db_error(PGconn *conn, const PGresult *result, struct hg_error *err);

int hg_db_begin(struct hg_db *db, struct hg_error *err);
int hg_db_commit(struct hg_db *db, struct hg_error *err);
void hg_db_rollback(struct hg_db *db);
/* Asks the server to cancel what `db` runs. [any] thread. */
void hg_db_cancel(struct hg_db *db);

/* Text of a cell, NULL for SQL NULL; borrowed until PQclear. */
const char *hg_result_text(const PGresult *result, int row, const char *column);
int64_t hg_result_int64(const PGresult *result, int row, const char *column, int64_t if_null);
bool hg_result_bool(const PGresult *result, int row, const char *column);
/* A json or jsonb cell parsed; NULL for SQL NULL. Owned by the caller. */
json_t *hg_result_json(const PGresult *result, int row, const char *column);

/* ---- identifiers ---- */

/* Appends a quoted identifier. The only way in which a name gets into SQL text. */
struct hg_buf;
void hg_quote_ident(struct hg_buf *sql, const char *name);
/* "schema.table" as two quoted identifiers; HG_EINVAL when it is not exactly that. */
int hg_quote_table(struct hg_buf *sql, const char *schema_table, struct hg_error *err);
/* Appends a quoted literal, for utility statements, which take no parameters. */
void hg_quote_literal(struct hg_buf *sql, const char *text);

#endif
