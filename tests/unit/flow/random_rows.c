#include "random_rows.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "fake_source.h"

struct random_source random_source;

/* ---- columns ---- */

/* Names that must be quoted, and one that is longer than PostgreSQL's limit if cut by one byte. */
static const char *const names[RANDOM_COLUMNS] = {
    "id",
    "select",
    "Gr\u00f6\u00dfe",
    "a b",
    "x\"y",
    "n",
    "_1",
    "t'u",
    "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk"};

static const struct random_column kinds[] = {
    {.as = {.type = HG_TYPE_INT64}, .natural = "bigint", .wide = "numeric(30,2)"},
    {.as = {.type = HG_TYPE_INT64}, .natural = "bigint", .wide = "bigint"},
    {.as = {.type = HG_TYPE_UTF8}, .natural = "text", .wide = "character varying"},
    {.as = {.type = HG_TYPE_UTF8}, .natural = "text", .wide = "text"},
    {.as = {.type = HG_TYPE_INT32}, .natural = "integer", .wide = "bigint"},
    {.as = {.type = HG_TYPE_INT32}, .natural = "integer", .wide = "double precision"},
    {.as = {.type = HG_TYPE_INT32}, .natural = "integer", .wide = "numeric"},
    {.as = {.type = HG_TYPE_BOOL}, .natural = "boolean", .wide = "boolean"},
    {.as = {.type = HG_TYPE_FLOAT64}, .natural = "double precision", .wide = "double precision"},
    {.as = {.type = HG_TYPE_DECIMAL128, .precision = 12, .scale = 3},
     .natural = "numeric(12,3)",
     .wide = "numeric(15,5)"},
    {.as = {.type = HG_TYPE_DECIMAL128, .precision = 38, .scale = 9},
     .natural = "numeric(38,9)",
     .wide = "numeric"},
    {.as = {.type = HG_TYPE_DECIMAL128, .precision = 5, .scale = 5},
     .natural = "numeric(5,5)",
     .wide = "numeric(7,6)"},
    {.as = {.type = HG_TYPE_DATE32}, .natural = "date", .wide = "timestamp without time zone"},
    {.as = {.type = HG_TYPE_TIMESTAMP_US},
     .natural = "timestamp without time zone",
     .wide = "timestamp without time zone"},
    {.as = {.type = HG_TYPE_TIMESTAMP_US, .timezone = "UTC"},
     .natural = "timestamp with time zone",
     .wide = "timestamp with time zone"},
    {.as = {.type = HG_TYPE_BINARY}, .natural = "bytea", .wide = "bytea"},
};

void random_column(struct hg_random *random, int i, struct random_column *ret)
{
    *ret = kinds[hg_random_below(random, (int)HG_COUNT(kinds))];
    ret->as.name = names[i];
    ret->as.nullable = true;
}

/* ---- values ---- */

static const int64_t integers[] = {
    0, 1, -1, 2, INT32_MAX, INT32_MIN, 3, INT64_MAX, INT64_MIN, 10000, -10000, 9999};

static const double reals[] = {0.0,
                               1.5,
                               (double)NAN,
                               (double)INFINITY,
                               (double)-INFINITY,
                               0.1,
                               -0.25,
                               DBL_MAX,
                               -DBL_MAX,
                               DBL_MIN / 8,
                               1e15,
                               1.0 / 3,
                               2.0};

static const char *const texts[] = {"",
                                    "a",
                                    "A",
                                    "\xc3\xa4",
                                    "a\xcc\x88",
                                    "\xf0\x9f\x98\x80",
                                    "a b",
                                    "null",
                                    "\\N",
                                    "\\",
                                    "\"",
                                    "'",
                                    "\t\n",
                                    "\xc3\x9f",
                                    "NaN",
                                    "\xef\xbf\xbf",
                                    " ",
                                    "a "};

static const char *const byte_strings[] = {"", "\x00", "\x00\x00", "\xff", "a", "\\x", "\xff\xfe"};
static const int byte_lengths[] = {0, 1, 2, 1, 1, 2, 2};

/* The first and the last day and moment that PostgreSQL has, of what is written with four digits
 * of a year, and some between. */
static const int64_t days[] = {
    0, 1, -1, 10957, 106762939, 106762940, 2145042905, -2440588, -719162, 2932896, 19675};
static const int64_t moments[] = {0,
                                  1,
                                  -1,
                                  INT64_C(9223371331199999999),
                                  INT64_C(-210866803200000000),
                                  INT64_C(-62135596800000000),
                                  INT64_C(253402300799999999),
                                  INT64_C(946684800000000),
                                  INT64_C(1700000000123456)};

static void integer_value(const struct random_column *column, uint64_t i, struct random_cell *ret)
{
    int64_t value =
        i < HG_COUNT(integers) ? integers[i] : (int64_t)hg_random_mix(i) >> (i % 3 * 24);
    ret->number = column->as.type == HG_TYPE_INT32 ? (int32_t)value : value;
}

static void bool_value(const struct random_column *column, uint64_t i, struct random_cell *ret)
{
    (void)column;
    ret->number = (int64_t)(i & 1);
}

static void real_value(const struct random_column *column, uint64_t i, struct random_cell *ret)
{
    (void)column;
    ret->real =
        i < HG_COUNT(reals) ? reals[i] : (double)(int64_t)hg_random_mix(i) / (double)(1 + i % 999);
    /* As a key it would be equal to 0, and which of the two stays is not a matter of rules. */
    if (column->loose && i == 0) {
        ret->real = -0.0;
    }
}

static void decimal_value(const struct random_column *column, uint64_t i, struct random_cell *ret)
{
    hg_int128 limit = 1;
    for (int32_t p = 0; p < column->as.precision; p++) {
        limit *= 10;
    }
    const hg_int128 edges[] = {0, 1, -1, limit - 1, 1 - limit, 10, limit / 10, 10000 % limit};
    hg_int128 many = (hg_int128)(int64_t)hg_random_mix(i) * (int64_t)(hg_random_mix(i + 7) >> 1);
    ret->decimal = i < HG_COUNT(edges) ? edges[i] : many % limit;
}

static void text_value(const struct random_column *column, uint64_t i, struct random_cell *ret)
{
    if (i < HG_COUNT(texts)) {
        ret->n_bytes = snprintf(ret->bytes, sizeof ret->bytes, "%s", texts[i]);
    } else {
        ret->n_bytes = snprintf(ret->bytes,
                                sizeof ret->bytes,
                                "%*llx",
                                (int)(i % 40),
                                (unsigned long long)hg_random_mix(i));
    }
    (void)column;
}

static void binary_value(const struct random_column *column, uint64_t i, struct random_cell *ret)
{
    (void)column;
    if (i < HG_COUNT(byte_strings)) {
        ret->n_bytes = byte_lengths[i];
        memcpy(ret->bytes, byte_strings[i], (size_t)ret->n_bytes);
        return;
    }
    ret->n_bytes = 2 + (int)(i % 50);
    for (int n = 0; n < ret->n_bytes; n++) {
        ret->bytes[n] = (char)hg_random_mix(i * 64 + (uint64_t)n);
    }
}

static void date_value(const struct random_column *column, uint64_t i, struct random_cell *ret)
{
    (void)column;
    ret->number = i < HG_COUNT(days) ? days[i] : (int64_t)(hg_random_mix(i) % 40000) - 10000;
}

static void time_value(const struct random_column *column, uint64_t i, struct random_cell *ret)
{
    (void)column;
    ret->number = i < HG_COUNT(moments) ? moments[i] : (int64_t)hg_random_mix(i) / 4000;
}

static void (*const values[])(const struct random_column *, uint64_t, struct random_cell *) = {
    [HG_TYPE_BOOL] = bool_value,
    [HG_TYPE_INT32] = integer_value,
    [HG_TYPE_INT64] = integer_value,
    [HG_TYPE_FLOAT64] = real_value,
    [HG_TYPE_DECIMAL128] = decimal_value,
    [HG_TYPE_UTF8] = text_value,
    [HG_TYPE_BINARY] = binary_value,
    [HG_TYPE_DATE32] = date_value,
    [HG_TYPE_TIMESTAMP_US] = time_value,
};

void random_value(const struct random_column *column, uint64_t index, struct random_cell *ret)
{
    *ret = (struct random_cell){.null = false};
    values[column->as.type](column, index, ret);
}

/* ---- as SQL ---- */

static void put_decimal(const struct random_column *column, hg_int128 value, struct hg_buf *buf)
{
    char digits[48];
    int n = 0;
    hg_buf_puts(buf, value < 0 ? "-" : "");
    value = value < 0 ? -value : value;
    while (value > 0 || n <= column->as.scale) {
        digits[n++] = (char)('0' + (int)(value % 10));
        value /= 10;
    }
    while (n > 0) {
        hg_buf_putc(buf, digits[--n]);
        hg_buf_puts(buf, n == column->as.scale && n > 0 ? "." : "");
    }
}

static void put_real(double value, struct hg_buf *buf)
{
    if (isnan(value) || isinf(value)) {
        hg_buf_puts(buf, isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity");
    } else {
        hg_buf_printf(buf, "%.17g", value);
    }
}

static void put_bytes(const struct random_cell *cell, struct hg_buf *buf)
{
    hg_buf_puts(buf, "\\x");
    for (int i = 0; i < cell->n_bytes; i++) {
        hg_buf_printf(buf, "%02x", (unsigned char)cell->bytes[i]);
    }
}

/* As quarantine keeps it: a NUL is U+FFFD. */
static void put_text(const struct random_cell *cell, struct hg_buf *buf)
{
    for (int i = 0; i < cell->n_bytes; i++) {
        if (cell->bytes[i]) {
            hg_buf_putc(buf, cell->bytes[i]);
        } else {
            hg_buf_puts(buf, "\xef\xbf\xbd");
        }
    }
}

const char *random_param(const struct random_column *column,
                         const struct random_cell *cell,
                         struct hg_buf *buf)
{
    hg_buf_reset(buf);
    if (cell->null || (cell->beyond && column->as.type != HG_TYPE_UTF8)) {
        return NULL;
    }
    switch (column->as.type) {
    case HG_TYPE_DECIMAL128:
        put_decimal(column, cell->decimal, buf);
        break;
    case HG_TYPE_FLOAT64:
        put_real(cell->real, buf);
        break;
    case HG_TYPE_UTF8:
        put_text(cell, buf);
        break;
    case HG_TYPE_BINARY:
        put_bytes(cell, buf);
        break;
    default:
        hg_buf_printf(buf, "%lld", (long long)cell->number);
    }
    return hg_buf_text(buf);
}

void random_from_param(const struct random_column *column, int n, struct hg_buf *sql)
{
    if (column->as.type == HG_TYPE_DATE32) {
        hg_buf_printf(sql, "date '1970-01-01' + $%d::integer", n);
    } else if (column->as.type == HG_TYPE_TIMESTAMP_US) {
        /* In two steps, since an interval is multiplied as a double. */
        hg_buf_printf(
            sql,
            "timestamp '1970-01-01' at time zone 'UTC' + make_interval(days => ($%d::bigint"
            " / 86400000000)::integer) + ($%d::bigint %% 86400000000) * interval '1"
            " microsecond'",
            n,
            n);
    } else {
        hg_buf_printf(sql, "$%d::%s", n, column->natural);
    }
}

/* ---- the source ---- */

static hg_status put_cell(struct hg_batch *batch,
                          size_t column,
                          int32_t type,
                          const struct random_cell *cell)
{
    if (cell->null) {
        return hg_batch_append_null(batch, column);
    }
    switch (type) {
    case HG_TYPE_BOOL:
        return hg_batch_append_bool(batch, column, cell->number != 0);
    case HG_TYPE_INT32:
        return hg_batch_append_int32(batch, column, (int32_t)cell->number);
    case HG_TYPE_INT64:
        return hg_batch_append_int64(batch, column, cell->number);
    case HG_TYPE_FLOAT64:
        return hg_batch_append_float64(batch, column, cell->real);
    case HG_TYPE_DECIMAL128:
        return hg_batch_append_decimal(batch, column, cell->decimal);
    case HG_TYPE_DATE32:
        return hg_batch_append_date32(batch, column, (int32_t)cell->number);
    case HG_TYPE_TIMESTAMP_US:
        return hg_batch_append_timestamp_us(batch, column, cell->number);
    default:
        return hg_batch_append_bytes(batch, column, cell->bytes, (size_t)cell->n_bytes);
    }
}

static hg_status put_row(struct fake_reading *reading, const struct random_cell *cells, int row)
{
    hg_status r = HG_OK;
    for (int c = 0; r == HG_OK && c < random_source.n_columns; c++) {
        r = put_cell(reading->batch, (size_t)c, random_source.columns[c].as.type, &cells[c]);
    }
    if (r == HG_OK && random_source.positions) {
        char position[32];
        (void)snprintf(position, sizeof position, "at %d", row);
        r = hg_batch_append_text(reading->batch, (size_t)random_source.n_columns, position);
    }
    return r < 0 ? r : hg_batch_end_row(reading->batch);
}

/* Rows that are not of the batch: whoever forgets an offset reads them. */
static hg_status put_noise(struct fake_reading *reading, int n)
{
    struct random_cell cells[RANDOM_COLUMNS];
    hg_status r = HG_OK;
    for (int i = 0; r == HG_OK && i < n; i++) {
        for (int c = 0; c < random_source.n_columns; c++) {
            random_value(&random_source.columns[c],
                         (uint64_t)hg_random_below(&random_source.noise, 1000),
                         &cells[c]);
            cells[c].null = hg_random_chance(&random_source.noise, 30);
        }
        r = put_row(reading, cells, -1);
    }
    return r;
}

/* Skips the first rows, by the offsets of the children, that of the parent, or both. */
static void skip_noise(struct ArrowArray *array, int n)
{
    int of_parent = n > 0 ? hg_random_below(&random_source.noise, n + 1) : 0;
    for (int64_t i = 0; i < array->n_children; i++) {
        struct ArrowArray *child = array->children[i];
        child->offset += n - of_parent;
        child->length -= n - of_parent;
        child->null_count = child->null_count && n > of_parent ? -1 : child->null_count;
    }
    array->offset += of_parent;
    array->length -= n;
}

/* The batches that the state says were had. */
static void begin_random(struct fake_reading *reading, const char *state)
{
    int64_t place = fake_place(state);
    while (reading->n_batches < random_source.n_batches &&
           place > random_source.base + reading->n_batches) {
        reading->at += (size_t)random_source.batches[reading->n_batches++];
    }
}

static hg_status next_random(struct fake_reading *reading,
                             struct ArrowArray *ret,
                             struct hg_error *err)
{
    if (reading->n_batches == random_source.n_batches) {
        return HG_OK;
    }
    int n_rows = random_source.batches[reading->n_batches++];
    if (reading->n_batches == random_source.fail_at_batch) {
        return fake_away(err);
    }
    int n_noise =
        hg_random_chance(&random_source.noise, 40) ? hg_random_below(&random_source.noise, 12) : 0;
    hg_status r = fake_put_place(reading, random_source.base + reading->n_batches, err);
    r = r < 0 ? r : put_noise(reading, n_noise);
    for (int i = 0; r == HG_OK && i < n_rows; i++, reading->at++) {
        const struct random_cell *row =
            random_source.cells + reading->at * (size_t)random_source.n_columns;
        r = put_row(reading, row, (int)reading->at);
    }
    r = fake_finish(reading, r, ret, err);
    if (r == HG_OK) {
        skip_noise(ret, n_noise);
    }
    return r;
}

void random_source_use(void)
{
    static const struct fake_rows random_rows = {begin_random, next_random};
    static struct hg_column columns[RANDOM_COLUMNS + 1];
    size_t n = 0;
    for (int i = 0; i < random_source.n_columns; i++) {
        columns[n++] = random_source.columns[i].as;
    }
    if (random_source.positions) {
        columns[n++] =
            (struct hg_column){.name = "_hg_pos", .type = HG_TYPE_UTF8, .nullable = true};
    }
    fake = (struct fake_source){.columns = columns, .n_columns = n, .from = &random_rows};
}
