/*
 * A page of rows of a table, by keyset: the cursor holds the sort columns of the last row, so that
 * a page costs the same wherever it stands and nothing is shown twice.
 *
 * Order: the column asked for, then the primary key, then the physical place for a table without
 * one. Values: int64 and decimals as JSON strings, times as RFC 3339 in UTC with milliseconds, or
 * with microseconds where they have them, SQL NULL as null.
 */
#ifndef HG_DATASETS_ROWS_QUERY_H
#define HG_DATASETS_ROWS_QUERY_H

#include <jansson.h>

#include "base/error.h"
#include "datasets/datasets.h"
#include "store/db.h"

/*
 * `schema_table` exists; `db` is spoilt (hg_user_query). {"columns", "rows", "next_cursor"}, owned
 * by the caller. HG_EINVAL names an unknown column, a bound without an order, a cursor that is not
 * of this list.
 */
int hg_rows_query_run(struct hg_db *db,
                      const char *schema_table,
                      const struct hg_rows_query *query,
                      json_t **ret,
                      struct hg_error *err);

#endif
