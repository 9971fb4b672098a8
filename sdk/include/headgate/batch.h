/*
 * Building record batches.
 *
 * A builder holds the columns of one batch at a time:
 *
 *     static const struct hg_column columns[] = {
 *         {.name = "day", .type = HG_TYPE_DATE32, .nullable = true},
 *         {.name = "price", .type = HG_TYPE_DECIMAL128, .precision = 18, .scale = 4},
 *     };
 *     hg_batch_new(columns, 2, &batch, err);
 *     hg_batch_append_date32(batch, 0, 20000);
 *     hg_batch_append_decimal(batch, 1, 1012500);
 *     hg_batch_end_row(batch);
 *     hg_batch_finish(batch, &array, err);       hands the memory over; the builder is empty again
 *
 * The appends that take a cell return HG_OK or
 *     HG_EINVAL  no such column, another type, or a null where the column takes none
 *     HG_EDATA   text that is not UTF-8
 *     HG_ETOOBIG the column's text would pass 2 GiB in this batch, or the decimal its precision
 *     HG_ENOMEM
 * and leave the column as it was when they fail; hg_batch_explain puts that in words.
 *
 * The fast way: hg_batch_reserve, then write at columns[i].values and clear bits of
 * columns[i].validity, then hg_batch_commit. See struct hg_batch_column.
 *
 * A builder is for one thread at a time. A finished array may be released from any thread, also
 * after the builder was freed.
 */
#ifndef HEADGATE_BATCH_H
#define HEADGATE_BATCH_H

#include "headgate/plugin.h"
#include "headgate/schema.h"
#include "headgate/stream.h"
#include "headgate/text.h"

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__SIZEOF_INT128__)
__extension__ typedef __int128 hg_int128;
#endif

/*
 * A column being built. All may be read; `n`, `n_bytes` and what the pointers point at may be
 * written within `room` and `bytes_room` by those who know what they do.
 */
struct hg_batch_column {
    int64_t n;         /* rows appended */
    int64_t room;      /* rows that there is memory for */
    uint8_t *validity; /* one bit a row, least significant first; set for all rows from n on, so
                          that only a null costs something: clear its bit */
    void *values;      /* bool: one bit a row, clear for all rows from n on; utf8 and binary:
                          int32_t offsets, room + 1 of them, the first is 0; else the values */
    uint8_t *bytes;    /* utf8 and binary: the text */
    int64_t n_bytes;
    int64_t bytes_room;
    int32_t type; /* enum hg_type */
    int32_t precision;
    bool nullable;
    /* Private from here. */
    int64_t next_room;
    int64_t next_bytes_room;
};

struct hg_batch_pool;

struct hg_batch {
    struct hg_batch_column *columns;
    size_t n_columns;
    int64_t n_rows; /* whole rows: those before the last hg_batch_end_row or hg_batch_commit */
    /* Private from here. */
    char **names;
    struct hg_batch_pool *pool;
};

/* The columns are copied. *ret_batch is owned by the caller, who frees it with hg_batch_free. */
hg_status hg_batch_new(const struct hg_column *columns,
                       size_t n_columns,
                       struct hg_batch **ret_batch,
                       struct hg_error *err);
/* Takes NULL. */
void hg_batch_free(struct hg_batch *batch);
/* Drops all rows, keeps the memory. */
void hg_batch_reset(struct hg_batch *batch);

hg_status hg_batch_append_null(struct hg_batch *batch, size_t column);
hg_status hg_batch_append_bool(struct hg_batch *batch, size_t column, bool value);
hg_status hg_batch_append_int32(struct hg_batch *batch, size_t column, int32_t value);
hg_status hg_batch_append_int64(struct hg_batch *batch, size_t column, int64_t value);
hg_status hg_batch_append_float64(struct hg_batch *batch, size_t column, double value);
#if defined(__SIZEOF_INT128__)
/* The value times 10 to the power of the column's scale. */
hg_status hg_batch_append_decimal(struct hg_batch *batch, size_t column, hg_int128 value);
#endif
/* The same as two halves of the two's complement. */
hg_status hg_batch_append_decimal_parts(struct hg_batch *batch,
                                        size_t column,
                                        int64_t high,
                                        uint64_t low);
hg_status hg_batch_append_date32(struct hg_batch *batch, size_t column, int32_t days);
hg_status hg_batch_append_timestamp_us(struct hg_batch *batch, size_t column, int64_t time_us);
/* utf8 (checked) and binary (not). The bytes are copied. */
hg_status hg_batch_append_bytes(struct hg_batch *batch, size_t column, const void *bytes, size_t n);
/* A NUL-terminated text into utf8 or binary; NULL appends a null. */
hg_status hg_batch_append_text(struct hg_batch *batch, size_t column, const char *text);

/*
 * Ends a row: columns that got no cell since the last one get a null. HG_EINVAL when one of them
 * takes none or got two cells: drop the row then.
 */
hg_status hg_batch_end_row(struct hg_batch *batch);
/*
 * Takes back the cells appended since the last end of a row, and sets the bits of the row n_rows
 * right again for those who write one row at a time directly.
 */
void hg_batch_drop_row(struct hg_batch *batch);

/* Room for `rows` more rows in every column. Pointers in the columns change. */
hg_status hg_batch_reserve(struct hg_batch *batch, int64_t rows);
/* Room for `n` more bytes in a utf8 or binary column. HG_ETOOBIG beyond 2 GiB. */
hg_status hg_batch_reserve_bytes(struct hg_batch *batch, size_t column, int64_t n);
/* `rows` more rows were written into all columns directly (not beyond `room`). */
void hg_batch_commit(struct hg_batch *batch, int64_t rows);

/* Words for what an append, end_row or reserve returned. Returns `code`. */
hg_status hg_batch_explain(const struct hg_batch *batch,
                           size_t column,
                           hg_status code,
                           struct hg_error *err);

/*
 * Hands the rows over as an array whose buffers are aligned to 64 bytes; *ret is owned by the
 * caller, who calls its release. The builder is empty then and takes the memory back for the next
 * batch once the array was released. HG_EINVAL when the columns differ in length, HG_EDATA when a
 * column that takes no nulls has one; the rows stay in the builder.
 */
hg_status hg_batch_finish(struct hg_batch *batch, struct ArrowArray *ret, struct hg_error *err);

#ifdef __cplusplus
}
#endif

#endif
