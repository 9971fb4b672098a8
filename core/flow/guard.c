#include "flow/guard.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "flow/guard_json.h"
#include "flow/numeric.h"
#include "headgate/text.h"

/* PostgreSQL's own limits, counted from 1970. */
#define DATE_MIN       INT32_C(-2440588)
#define DATE_MAX       INT32_C(2145042905)
#define TIME_DAY_MAX   INT32_C(106762939) /* a timestamp's last day */
#define TIME_MIN       INT64_C(-210866803200000000)
#define TEXT_BYTES_MAX (INT32_C(256) * 1024 * 1024)

/* NULL when the cell, which is not null, is good; else what is wrong with it. Static. */
typedef const char *check_function(const struct hg_guard *guard,
                                   const struct hg_flow_column *column,
                                   const struct hg_flow_view *view,
                                   int64_t row);

static const char *check_bytes(const struct hg_guard *guard,
                               const struct hg_flow_column *column,
                               const struct hg_flow_view *view,
                               int64_t row)
{
    int32_t n;
    (void)guard;
    (void)column;
    (void)hg_cell_bytes(view, row, &n);
    return n > TEXT_BYTES_MAX ? "is longer than 256 MiB" : NULL;
}

static const char *check_text(const struct hg_guard *guard,
                              const struct hg_flow_column *column,
                              const struct hg_flow_view *view,
                              int64_t row)
{
    int32_t n;
    const uint8_t *bytes = hg_cell_bytes(view, row, &n);
    (void)column;
    if (n > TEXT_BYTES_MAX) {
        return "is longer than 256 MiB";
    }
    if (guard->as_json) {
        return hg_guard_json((const char *)bytes, (size_t)n);
    }
    if (n > 0 && memchr(bytes, 0, (size_t)n)) {
        return "holds a NUL byte, which PostgreSQL's text cannot";
    }
    return hg_text_utf8_prefix(bytes, (size_t)n) == (size_t)n ? NULL : "is not valid UTF-8";
}

static const char *check_date(const struct hg_guard *guard,
                              const struct hg_flow_column *column,
                              const struct hg_flow_view *view,
                              int64_t row)
{
    int32_t days = ((const int32_t *)view->values)[view->offset + row];
    (void)column;
    if (guard->as_time && days > TIME_DAY_MAX) {
        return "is a date beyond the range of PostgreSQL's timestamp";
    }
    return days < DATE_MIN || days > DATE_MAX ? "is a date beyond PostgreSQL's range" : NULL;
}

static const char *check_time(const struct hg_guard *guard,
                              const struct hg_flow_column *column,
                              const struct hg_flow_view *view,
                              int64_t row)
{
    int64_t us = ((const int64_t *)view->values)[view->offset + row];
    (void)guard;
    (void)column;
    /* PostgreSQL's last moment is beyond what 64 bits hold from 1970; their last one is infinity.
     */
    return us < TIME_MIN || us == INT64_MAX ? "is a time beyond PostgreSQL's range" : NULL;
}

static const char *check_decimal(const struct hg_guard *guard,
                                 const struct hg_flow_column *column,
                                 const struct hg_flow_view *view,
                                 int64_t row)
{
    hg_flow_int128 value;
    (void)guard;
    memcpy(&value, (const uint8_t *)view->values + 16 * (view->offset + row), sizeof value);
    return hg_numeric_fits(value, column->precision) ? NULL : "has more digits than its type";
}

static check_function *const checks[] = {
    [HG_TYPE_DECIMAL128] = check_decimal,
    [HG_TYPE_UTF8] = check_text,
    [HG_TYPE_BINARY] = check_bytes,
    [HG_TYPE_DATE32] = check_date,
    [HG_TYPE_TIMESTAMP_US] = check_time,
};

/* True when all the column's text is ASCII without a NUL: no row needs a look of its own. */
static bool all_plain(const struct hg_flow_view *view, int64_t n_rows)
{
    const int32_t *offsets = (const int32_t *)view->values + view->offset;
    const uint8_t *bytes = view->bytes + offsets[0];
    int32_t n = offsets[n_rows] - offsets[0];
    /* Minus one turns a NUL into 255: good bytes, and only they, stay below 127. */
    unsigned char bad = 0;
    for (int32_t i = 0; i < n; i++) {
        bad |= (unsigned char)(bytes[i] - 1) >= 127;
    }
    return !bad && n <= TEXT_BYTES_MAX;
}

static bool is_good(int type, const struct hg_flow_view *view, int64_t n_rows)
{
    return type == HG_TYPE_UTF8 && (!view->bytes || all_plain(view, n_rows));
}

static const char *why(const struct hg_guard *guard, const struct hg_flow_batch *batch, int64_t row)
{
    const struct hg_flow_column *column = &batch->schema->columns[guard->column];
    const struct hg_flow_view *view = &batch->views[guard->column];
    check_function *check = (size_t)column->type < HG_COUNT(checks) ? checks[column->type] : NULL;
    if (hg_cell_null(view, row)) {
        return guard->not_null ? "is null, which the table does not take" : NULL;
    }
    return check ? check(guard, column, view, row) : NULL;
}

void hg_guard_find(const struct hg_guard *guard, const struct hg_flow_batch *batch, uint8_t *bad)
{
    const struct hg_flow_column *column = &batch->schema->columns[guard->column];
    const struct hg_flow_view *view = &batch->views[guard->column];
    bool has_check = (size_t)column->type < HG_COUNT(checks) && checks[column->type];
    bool cells_good = batch->n_rows == 0 || !has_check ||
                      (!guard->as_json && is_good(column->type, view, batch->n_rows));
    if (cells_good && !(guard->not_null && view->validity)) {
        return;
    }
    for (int64_t row = 0; row < batch->n_rows; row++) {
        if (why(guard, batch, row)) {
            hg_bit_set(bad, row);
        }
    }
}

bool hg_guard_explain(const struct hg_guard *guard,
                      const struct hg_flow_batch *batch,
                      int64_t row,
                      char *buf,
                      size_t size)
{
    const char *reason = why(guard, batch, row);
    if (reason) {
        (void)snprintf(buf, size, "%s %s", batch->schema->columns[guard->column].name, reason);
    }
    return reason != NULL;
}
