/*
 * Why PostgreSQL's programs failed, from what they wrote.
 */
#ifndef HG_STORE_FAILURE_H
#define HG_STORE_FAILURE_H

#include "base/error.h"

/*
 * Fills *err from the output of a program of PostgreSQL: `what` ("cannot start PostgreSQL in
 * \"/data\"") and its last message, with a code and a hint for the causes that are known. Returns
 * the code, HG_EUNAVAILABLE for an unknown cause.
 */
int hg_pg_failure(const char *what, const char *output, struct hg_error *err);
/* The same with the end of a log file, from `offset` on. */
int hg_pg_failure_in_log(const char *what, const char *log, long offset, struct hg_error *err);

#endif
