/*
 * A stream's schema and its batches as the flow sees them: columns with a type of ours, and for
 * each batch plain pointers to its cells.
 */
#ifndef HG_FLOW_COLUMNS_H
#define HG_FLOW_COLUMNS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "headgate/schema.h"

/* The reserved column that carries a row's position in its source. */
#define HG_FLOW_POSITION "_hg_pos"

struct hg_flow_column {
    const char *name; /* borrowed from the schema */
    int type;         /* enum hg_type */
    int precision;    /* decimal128 */
    int scale;        /* decimal128 */
    bool nullable;
    bool json; /* utf8 that holds JSON */
    bool utc;  /* a timestamp that is an instant */
};

/* One column for each child, in the same order. */
struct hg_flow_schema {
    struct ArrowSchema arrow; /* owned */
    struct hg_flow_column *columns;
    size_t n_columns;
    int position; /* index of `_hg_pos`, or -1 */
    /* Words for the numbers of an int64 `_hg_pos`; NULL: the number itself. Set by the source. */
    void (*format_position)(void *arg, int64_t position, char *buf, size_t size);
    void *format_arg;
};

/*
 * Takes `arrow` over (its release is NULL afterwards), also on failure. HG_EDATA when it is not a
 * struct of the types of headgate/plugin.h or a name is missing, doubled or too long for
 * PostgreSQL. Freed with hg_flow_schema_free.
 */
int hg_flow_schema_take(struct ArrowSchema *arrow,
                        struct hg_flow_schema *ret,
                        struct hg_error *err);
void hg_flow_schema_free(struct hg_flow_schema *schema);
/*
 * The column as a batch builder takes it: read back by hg_flow_schema_take it is the same again,
 * but always nullable. The name is borrowed.
 */
struct hg_column hg_flow_column_build(const struct hg_flow_column *column);
/* Index of the column of that name, or -1. */
int hg_flow_schema_find(const struct hg_flow_schema *schema, const char *name);

/* The cells of a column in a batch; row r is at index offset + r. */
struct hg_flow_view {
    const uint8_t *validity; /* NULL when no cell is null */
    const void *values;      /* for utf8 and binary the int32_t offsets */
    const uint8_t *bytes;    /* utf8 and binary */
    int64_t offset;
};

/*
 * Rows to be worked on: a batch with its views, and each row's number in the stream. All borrowed.
 */
struct hg_flow_batch {
    const struct hg_flow_schema *schema;
    const struct ArrowArray *array;
    const struct hg_flow_view *views; /* one a column */
    const int64_t *seq;               /* one a row */
    int64_t n_rows;
};

/*
 * Fills views[n_columns] from a batch of that schema, after a look whether the batch keeps the
 * Arrow rules as far as reading it safely needs. HG_EDATA names the column.
 */
int hg_flow_views(const struct hg_flow_schema *schema,
                  const struct ArrowArray *array,
                  struct hg_flow_view *views,
                  struct hg_error *err);

static inline bool hg_bit(const uint8_t *bits, int64_t i)
{
    return (bits[i >> 3] >> (i & 7)) & 1;
}

static inline void hg_bit_set(uint8_t *bits, int64_t i)
{
    bits[i >> 3] = (uint8_t)(bits[i >> 3] | (1u << (i & 7)));
}

static inline bool hg_cell_null(const struct hg_flow_view *view, int64_t row)
{
    return view->validity && !hg_bit(view->validity, view->offset + row);
}

/* Text of a utf8 or binary cell that is not null. */
static inline const uint8_t *hg_cell_bytes(const struct hg_flow_view *view,
                                           int64_t row,
                                           int32_t *ret_n)
{
    const int32_t *offsets = (const int32_t *)view->values + view->offset + row;
    *ret_n = offsets[1] - offsets[0];
    return view->bytes + offsets[0];
}

#endif
