/*
 * What PostgreSQL says, as our errors.
 */
#ifndef HG_STORE_PG_ERROR_H
#define HG_STORE_PG_ERROR_H

#include <libpq-fe.h>

#include "base/error.h"

/*
 * Fills *err from a failed result, or from the connection when `result` is NULL or says nothing,
 * and returns the code. The message is the server's with its detail; err->sqlstate is set. A lost
 * connection gives HG_EUNAVAILABLE with retryable = 1, serialization failure, deadlock and lock
 * timeout HG_ECONFLICT with retryable = 1, unique violation HG_EEXIST, other violations and bad
 * values HG_EDATA, cancel HG_ECANCELLED, statement timeout HG_ETIMEDOUT, missing right
 * HG_EFORBIDDEN, a missing thing HG_ENOTFOUND, wrong SQL HG_EINVAL, full disk and no free
 * connection HG_EUNAVAILABLE.
 */
int hg_db_error(PGconn *conn, const PGresult *result, struct hg_error *err);

/* The same for a connection that could not be made; names where it was to go, never a password. */
int hg_connect_error(PGconn *conn, struct hg_error *err);

/* The code for an SQLSTATE, also sets *ret_retryable; HG_EINTERNAL for one of no known class. */
int hg_sqlstate_code(const char *sqlstate, int *ret_retryable);

#endif
