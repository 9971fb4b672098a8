/*
 * What is stored in the warehouse, served: datasets, their rows, and the rows that were rejected.
 * Answers are JSON values in the form of the contract, owned by the caller. All [any] thread; they
 * wait for the database, so never call them from an HTTP thread.
 *
 * Errors: HG_ENOTFOUND, HG_EINVAL (err->pointer names the field), HG_EUNAVAILABLE (the warehouse is
 * away).
 */
#ifndef HG_DATASETS_DATASETS_H
#define HG_DATASETS_DATASETS_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "base/error.h"
#include "store/page.h"

struct hg_pool;

/* {"items": [{"name", "columns", "row_count", "last_load_at", "pipeline_id", "run_id"}], ...} */
int hg_datasets_list(struct hg_pool *warehouse,
                     const struct hg_page *page,
                     json_t **ret,
                     struct hg_error *err);
struct hg_rows_query {
    struct hg_page page;
    const char *columns; /* comma-separated, or NULL for all */
    const char *order;   /* column, "-column" for descending, or NULL for the key */
    const char *from;    /* bounds of the order column, or NULL */
    const char *to;
};
/* {"columns": [{"name", "type"}], "rows": [[...]], "next_cursor"}; only tables in the ledger. */
int hg_datasets_rows(struct hg_pool *warehouse,
                     const char *schema_table,
                     const struct hg_rows_query *query,
                     json_t **ret,
                     struct hg_error *err);

enum hg_rows_format { HG_ROWS_CSV = 1, HG_ROWS_JSONL };
/* Takes what is written, some ten thousand bytes at a time, and may wait. */
struct hg_rows_sink {
    int (*write)(void *arg, const void *bytes, size_t n, struct hg_error *err);
    bool (*is_wanted)(void *arg); /* asked some times a second while the database is waited for */
    void *arg;
};
/* Whether an export would begin: HG_ENOTFOUND, HG_EINVAL as hg_datasets_rows. */
int hg_datasets_export_check(struct hg_pool *warehouse,
                             const char *schema_table,
                             const struct hg_rows_query *query,
                             struct hg_error *err);
/*
 * Writes all rows, as they stand when it begins, in constant memory. The query's page is not looked
 * at. Holds a connection to the warehouse as long as the sink takes.
 */
int hg_datasets_export(struct hg_pool *warehouse,
                       const char *schema_table,
                       const struct hg_rows_query *query,
                       enum hg_rows_format format,
                       const struct hg_rows_sink *sink,
                       struct hg_error *err);

/* {"items": [{"id", "pipeline_id", "run_id", "job_id", "at", "source", "position", "reasons",
 * "row"}], "next_cursor"}; pipeline and run may be NULL. */
int hg_quarantine_list(struct hg_pool *warehouse,
                       const char *pipeline_id,
                       const char *run_id,
                       const struct hg_page *page,
                       json_t **ret,
                       struct hg_error *err);

#endif
