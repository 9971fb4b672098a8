/*
 * All rows of a dataset as text, in constant memory, as they stood when it began.
 *
 * CSV: a line of names, then the rows; NULL is an empty field, an empty text "". JSON lines: an
 * object a row, values as rows_query.h gives them.
 *
 * Without an order rows come by their primary key, or else as they lie in the table, some thousand
 * at a time, so that the server keeps none of them; with one, and from a view, it keeps all that
 * the query gives until it is sent.
 */
#ifndef HG_DATASETS_ROWS_EXPORT_H
#define HG_DATASETS_ROWS_EXPORT_H

#include "base/error.h"
#include "datasets/datasets.h"
#include "store/db.h"

/* Fails as the export would at its beginning: HG_EINVAL as hg_rows_query_run. `db` is spoilt. */
int hg_rows_export_check(struct hg_db *db,
                         const char *schema_table,
                         const struct hg_rows_query *query,
                         struct hg_error *err);
/* `schema_table` exists; the query's page is not looked at. `db` is spoilt. */
int hg_rows_export_run(struct hg_db *db,
                       const char *schema_table,
                       const struct hg_rows_query *query,
                       enum hg_rows_format format,
                       const struct hg_rows_sink *sink,
                       struct hg_error *err);

#endif
