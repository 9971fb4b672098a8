/*
 * Cells of a result, by the name of their column.
 */
#ifndef HG_STORE_RESULT_H
#define HG_STORE_RESULT_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>
#include <libpq-fe.h>

#include "base/mem.h"

HG_DEFINE_CLEANUP(hg_resultp, PGresult *, PQclear)

/* Text of a cell; NULL for SQL NULL, and for a column that is not there. Borrowed until PQclear. */
const char *hg_result_text(const PGresult *result, int row, const char *column);
/* `if_null` also for what is no whole number. */
int64_t hg_result_int64(const PGresult *result, int row, const char *column, int64_t if_null);
/* False for SQL NULL. */
bool hg_result_bool(const PGresult *result, int row, const char *column);
/* A json or jsonb cell parsed; NULL for SQL NULL and out of memory. Owned by the caller. */
json_t *hg_result_json(const PGresult *result, int row, const char *column);

#endif
