/*
 * The statement that reads rows of a dataset, made up of its columns, an order and bounds: what a
 * page (rows_query.h) and an export (rows_export.h) have in common.
 *
 * Each row that it gives is an array of texts: what is shown, then what it is sorted by.
 */
#ifndef HG_DATASETS_ROWS_SELECT_H
#define HG_DATASETS_ROWS_SELECT_H

#include <stdbool.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "datasets/datasets.h"
#include "store/db.h"

enum { HG_ROWS_SORT_MAX = 34 };

/* What a cell is as JSON. */
enum hg_rows_kind {
    HG_ROWS_TEXT, /* also what a number of JSON could not hold for everybody */
    HG_ROWS_BOOLEAN,
    HG_ROWS_INTEGER,
    HG_ROWS_FLOAT, /* a text where it is not finite */
    HG_ROWS_JSON,
};

struct hg_rows_column {
    const char *name; /* borrowed from `catalog` */
    const char *type; /* as format_type gives it */
    enum hg_rows_kind kind;
    bool is_time; /* timestamp with time zone */
};

struct hg_rows_sort {
    const char *name; /* "ctid" for the physical place */
    const char *type;
    bool descending;
    bool nullable;
};

struct hg_rows_select {
    struct hg_rows_column *shown;
    int n_shown;
    struct hg_rows_sort sorts[HG_ROWS_SORT_MAX];
    int n_sorts;
    struct hg_buf sql;
    struct hg_buf values; /* array: $1 of the statement */

    int n_values;
    PGresult *catalog; /* all columns of the table */
    char *names;       /* the caller's list of columns, cut up */
};

/*
 * Reads the table's columns and chooses those of the query and its order: the column asked for,
 * then the primary key, then the physical place of a table without one. HG_EINVAL names a column
 * that there is not. Free with hg_rows_select_free, also when it fails.
 */
int hg_rows_select_new(struct hg_db *db,
                       const char *schema_table,
                       const struct hg_rows_query *query,
                       struct hg_rows_select *ret,
                       struct hg_error *err);
void hg_rows_select_free(struct hg_rows_select *rows);
/* Begins the statement anew: select, from, and the query's bounds. */
int hg_rows_select_begin(struct hg_rows_select *rows,
                         const char *schema_table,
                         const struct hg_rows_query *query,
                         struct hg_error *err);
/* Only rows behind `cursor`, an array of the texts (or nulls) that the last row was sorted by. */
void hg_rows_select_behind(struct hg_rows_select *rows, const json_t *cursor);
/* In its order; a negative `limit` is none. HG_ENOMEM when any piece failed. */
int hg_rows_select_end(struct hg_rows_select *rows, int64_t limit, struct hg_error *err);
/* A parameter; `value` is copied. */
void hg_rows_select_param(struct hg_rows_select *rows, const char *value, const char *type);
/* A cell as the API gives it; `text` may be NULL. NULL without memory. */
json_t *hg_rows_value(const struct hg_rows_column *column, const char *text);
/* The part of a row's texts that it is sorted by. NULL without memory. */
json_t *hg_rows_cursor(const struct hg_rows_select *rows, const json_t *cells);
/* Values that do not fit their column are the caller's mistake, not the database's. */
int hg_rows_input_error(struct hg_error *err, int r);

#endif
