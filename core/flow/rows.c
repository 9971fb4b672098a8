#include "flow/rows.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/time.h"
#include "flow/numeric.h"
#include "flow/text.h"

enum { POSITION_BYTES = 4096 };

/* ---- JSON ---- */

typedef void put_function(struct hg_buf *buf,
                          const struct hg_flow_column *column,
                          const struct hg_flow_view *view,
                          int64_t row);

static void put_bool(struct hg_buf *buf,
                     const struct hg_flow_column *column,
                     const struct hg_flow_view *view,
                     int64_t row)
{
    (void)column;
    hg_buf_puts(buf, hg_bit(view->values, view->offset + row) ? "true" : "false");
}

static void put_int32(struct hg_buf *buf,
                      const struct hg_flow_column *column,
                      const struct hg_flow_view *view,
                      int64_t row)
{
    (void)column;
    hg_buf_printf(buf, "%d", ((const int32_t *)view->values)[view->offset + row]);
}

static void put_int64(struct hg_buf *buf,
                      const struct hg_flow_column *column,
                      const struct hg_flow_view *view,
                      int64_t row)
{
    (void)column;
    hg_buf_printf(buf, "%lld", (long long)((const int64_t *)view->values)[view->offset + row]);
}

static void put_float(struct hg_buf *buf,
                      const struct hg_flow_column *column,
                      const struct hg_flow_view *view,
                      int64_t row)
{
    double value = ((const double *)view->values)[view->offset + row];
    (void)column;
    if (isnan(value)) {
        hg_buf_puts(buf, "\"NaN\"");
    } else if (isinf(value)) {
        hg_buf_puts(buf, value > 0 ? "\"Infinity\"" : "\"-Infinity\"");
    } else {
        char text[32];
        for (int digits = 15; digits <= 17; digits++) {
            (void)snprintf(text, sizeof text, "%.*g", digits, value);
            if (strtod(text, NULL) == value) {
                break;
            }
        }
        hg_buf_puts(buf, text);
    }
}

static void put_decimal(struct hg_buf *buf,
                        const struct hg_flow_column *column,
                        const struct hg_flow_view *view,
                        int64_t row)
{
    char text[HG_NUMERIC_TEXT];
    hg_flow_int128 value;
    memcpy(&value, (const uint8_t *)view->values + 16 * (view->offset + row), sizeof value);
    hg_numeric_format(value, column->scale, text);
    hg_buf_puts(buf, text);
}

static void put_utf8(struct hg_buf *buf,
                     const struct hg_flow_column *column,
                     const struct hg_flow_view *view,
                     int64_t row)
{
    int32_t n;
    const uint8_t *bytes = hg_cell_bytes(view, row, &n);
    (void)column;
    hg_jsonb_text(buf, (const char *)bytes, (size_t)n);
}

static void put_binary(struct hg_buf *buf,
                       const struct hg_flow_column *column,
                       const struct hg_flow_view *view,
                       int64_t row)
{
    int32_t n;
    const uint8_t *bytes = hg_cell_bytes(view, row, &n);
    (void)column;
    hg_buf_putc(buf, '"');
    for (int32_t i = 0; i < n; i++) {
        hg_buf_printf(buf, "%02x", bytes[i]);
    }
    hg_buf_putc(buf, '"');
}

static void put_date(struct hg_buf *buf,
                     const struct hg_flow_column *column,
                     const struct hg_flow_view *view,
                     int64_t row)
{
    int year;
    int month;
    int day;
    (void)column;
    hg_date_from_days(((const int32_t *)view->values)[view->offset + row], &year, &month, &day);
    hg_buf_printf(buf, "\"%04d-%02d-%02d\"", year, month, day);
}

static void put_time(struct hg_buf *buf,
                     const struct hg_flow_column *column,
                     const struct hg_flow_view *view,
                     int64_t row)
{
    int year;
    int month;
    int day;
    const int64_t day_us = INT64_C(86400000000);
    int64_t us = ((const int64_t *)view->values)[view->offset + row];
    int64_t days = us / day_us - (us % day_us < 0);
    int64_t rest = us % day_us < 0 ? us % day_us + day_us : us % day_us;
    hg_date_from_days((int32_t)days, &year, &month, &day);
    hg_buf_printf(buf,
                  "\"%04d-%02d-%02dT%02d:%02d:%02d.%06d%s\"",
                  year,
                  month,
                  day,
                  (int)(rest / 3600000000),
                  (int)(rest / 60000000 % 60),
                  (int)(rest / 1000000 % 60),
                  (int)(rest % 1000000),
                  column->utc ? "Z" : "");
}

static put_function *const put_functions[] = {
    [HG_TYPE_BOOL] = put_bool,
    [HG_TYPE_INT32] = put_int32,
    [HG_TYPE_INT64] = put_int64,
    [HG_TYPE_FLOAT64] = put_float,
    [HG_TYPE_DECIMAL128] = put_decimal,
    [HG_TYPE_UTF8] = put_utf8,
    [HG_TYPE_BINARY] = put_binary,
    [HG_TYPE_DATE32] = put_date,
    [HG_TYPE_TIMESTAMP_US] = put_time,
};

void hg_row_to_json(struct hg_buf *buf, const struct hg_flow_batch *batch, int64_t row)
{
    const char *comma = "";
    hg_buf_putc(buf, '{');
    for (size_t i = 0; i < batch->schema->n_columns; i++) {
        const struct hg_flow_column *column = &batch->schema->columns[i];
        if ((int)i == batch->schema->position) {
            continue;
        }
        hg_buf_puts(buf, comma);
        comma = ", ";
        hg_jsonb_text(buf, column->name, strlen(column->name));
        hg_buf_puts(buf, ": ");
        if (hg_cell_null(&batch->views[i], row)) {
            hg_buf_puts(buf, "null");
        } else {
            put_functions[column->type](buf, column, &batch->views[i], row);
        }
    }
    hg_buf_putc(buf, '}');
}

const char *hg_row_position(struct hg_buf *buf, const struct hg_flow_batch *batch, int64_t row)
{
    int position = batch->schema->position;
    int32_t n;
    hg_buf_reset(buf);
    if (position < 0 || hg_cell_null(&batch->views[position], row)) {
        return NULL;
    }
    const struct hg_flow_column *column = &batch->schema->columns[position];
    if (column->type == HG_TYPE_INT64 && batch->schema->format_position) {
        char text[POSITION_BYTES];
        const struct hg_flow_view *view = &batch->views[position];
        batch->schema->format_position(batch->schema->format_arg,
                                       ((const int64_t *)view->values)[view->offset + row],
                                       text,
                                       sizeof text);
        hg_buf_puts(buf, text);
        return hg_buf_text(buf);
    }
    if (column->type != HG_TYPE_UTF8) {
        put_functions[column->type](buf, column, &batch->views[position], row);
        return hg_buf_text(buf);
    }
    const uint8_t *bytes = hg_cell_bytes(&batch->views[position], row, &n);
    hg_buf_append(buf, bytes, (size_t)n);
    return hg_buf_text(buf);
}

/* ---- records: for each cell a byte that is 1 for null, else the value ---- */

/* Bytes of a value; 0 for a length and text. */
static const uint8_t widths[] = {
    [HG_TYPE_BOOL] = 1,
    [HG_TYPE_INT32] = 4,
    [HG_TYPE_INT64] = 8,
    [HG_TYPE_FLOAT64] = 8,
    [HG_TYPE_DECIMAL128] = 16,
    [HG_TYPE_UTF8] = 0,
    [HG_TYPE_BINARY] = 0,
    [HG_TYPE_DATE32] = 4,
    [HG_TYPE_TIMESTAMP_US] = 8,
};

static void write_cell(struct hg_buf *buf, int type, const struct hg_flow_view *view, int64_t row)
{
    if (hg_cell_null(view, row)) {
        hg_buf_putc(buf, 1);
        return;
    }
    hg_buf_putc(buf, 0);
    if (type == HG_TYPE_BOOL) {
        hg_buf_putc(buf, hg_bit(view->values, view->offset + row));
    } else if (widths[type] > 0) {
        const uint8_t *values = view->values;
        hg_buf_append(buf, values + widths[type] * (view->offset + row), widths[type]);
    } else {
        int32_t n;
        const uint8_t *bytes = hg_cell_bytes(view, row, &n);
        hg_buf_append(buf, &n, sizeof n);
        hg_buf_append(buf, bytes, (size_t)n);
    }
}

void hg_row_write(struct hg_buf *buf, const struct hg_flow_batch *batch, int64_t row)
{
    for (size_t i = 0; i < batch->schema->n_columns; i++) {
        write_cell(buf, batch->schema->columns[i].type, &batch->views[i], row);
    }
}

int hg_row_builder(const struct hg_flow_schema *schema, struct hg_batch **ret, struct hg_error *err)
{
    HG_CLEANUP(hg_freep) struct hg_column *columns = calloc(schema->n_columns, sizeof *columns);
    if (!columns) {
        return hg_error_nomem(err);
    }
    for (size_t i = 0; i < schema->n_columns; i++) {
        columns[i] = hg_flow_column_build(&schema->columns[i]);
        /* Text was looked at when it came, and may be bad: it is only carried here. */
        columns[i].type = columns[i].type == HG_TYPE_UTF8 ? HG_TYPE_BINARY : columns[i].type;
    }
    return hg_batch_new(columns, schema->n_columns, ret, err);
}

static int append_fixed(struct hg_batch *builder, size_t column, int type, const uint8_t *at)
{
    int32_t v32;
    int64_t v64;
    double real;
    hg_int128 decimal;
    switch (type) {
    case HG_TYPE_BOOL:
        return hg_batch_append_bool(builder, column, *at != 0);
    case HG_TYPE_INT32:
        memcpy(&v32, at, sizeof v32);
        return hg_batch_append_int32(builder, column, v32);
    case HG_TYPE_DATE32:
        memcpy(&v32, at, sizeof v32);
        return hg_batch_append_date32(builder, column, v32);
    case HG_TYPE_INT64:
        memcpy(&v64, at, sizeof v64);
        return hg_batch_append_int64(builder, column, v64);
    case HG_TYPE_TIMESTAMP_US:
        memcpy(&v64, at, sizeof v64);
        return hg_batch_append_timestamp_us(builder, column, v64);
    case HG_TYPE_FLOAT64:
        memcpy(&real, at, sizeof real);
        return hg_batch_append_float64(builder, column, real);
    default:
        memcpy(&decimal, at, sizeof decimal);
        return hg_batch_append_decimal(builder, column, decimal);
    }
}

/* Moves *at behind the cell. */
static int read_cell(
    struct hg_batch *builder, size_t column, int type, const uint8_t **at, const uint8_t *end)
{
    int32_t n = widths[type];
    if (*at >= end) {
        return HG_EDATA;
    }
    if (*(*at)++ == 1) {
        return hg_batch_append_null(builder, column);
    }
    if (widths[type] == 0) {
        if (end - *at < (ptrdiff_t)sizeof n) {
            return HG_EDATA;
        }
        memcpy(&n, *at, sizeof n);
        *at += sizeof n;
    }
    if (n < 0 || end - *at < n) {
        return HG_EDATA;
    }
    const uint8_t *value = *at;
    *at += n;
    return widths[type] == 0 ? hg_batch_append_bytes(builder, column, value, (size_t)n)
                             : append_fixed(builder, column, type, value);
}

int hg_row_read(const struct hg_flow_schema *schema,
                struct hg_batch *builder,
                const uint8_t *record,
                size_t n,
                struct hg_error *err)
{
    const uint8_t *at = record;
    for (size_t i = 0; i < schema->n_columns; i++) {
        int r = read_cell(builder, i, schema->columns[i].type, &at, record + n);
        if (r < 0) {
            return hg_batch_explain(builder, i, r, err);
        }
    }
    return hg_batch_end_row(builder);
}
