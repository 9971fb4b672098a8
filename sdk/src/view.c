#include "headgate/view.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "headgate/batch.h"
#include "headgate/date.h"
#include "headgate/error.h"

int32_t hg_view_find(const struct ArrowSchema *schema, const char *name)
{
    for (int64_t i = 0; i < schema->n_children; i++) {
        if (strcmp(schema->children[i]->name, name) == 0) {
            return (int32_t)i;
        }
    }
    return -1;
}

static const struct {
    const char *format;
    int32_t type;
} formats[] = {
    {"b", HG_TYPE_BOOL},
    {"i", HG_TYPE_INT32},
    {"l", HG_TYPE_INT64},
    {"g", HG_TYPE_FLOAT64},
    {"u", HG_TYPE_UTF8},
    {"z", HG_TYPE_BINARY},
    {"tdD", HG_TYPE_DATE32},
};

/* "d:18,4", and the same with ",128" behind. */
static bool decimal_of(const char *format, struct hg_view *view)
{
    long parts[3] = {0, 0, 128};
    if (strncmp(format, "d:", 2) != 0) {
        return false;
    }
    char *at = NULL;
    int n = 0;
    const char *from = format + 2;
    for (; n < 3; n++, from = at + 1) {
        parts[n] = strtol(from, &at, 10);
        if (at == from || parts[n] < -1000 || parts[n] > 1000) {
            return false;
        }
        if (*at != ',') {
            break;
        }
    }
    view->precision = (int32_t)parts[0];
    view->scale = (int32_t)parts[1];
    return n >= 1 && n < 3 && *at == '\0' && parts[2] == 128;
}

static int32_t type_of(const char *format, struct hg_view *view)
{
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        if (strcmp(format, formats[i].format) == 0) {
            return formats[i].type;
        }
    }
    if (strncmp(format, "tsu:", 4) == 0) {
        view->has_zone = format[4] != '\0';
        return HG_TYPE_TIMESTAMP_US;
    }
    return decimal_of(format, view) ? HG_TYPE_DECIMAL128 : 0;
}

hg_status hg_view_init(const struct ArrowSchema *schema,
                       int32_t column,
                       struct hg_view *ret,
                       struct hg_error *err)
{
    if (column < 0 || column >= schema->n_children) {
        return hg_fail(err, HG_EINVAL, "there is no column %" PRId32, column);
    }
    const struct ArrowSchema *child = schema->children[column];
    struct hg_view view = {.index = column, .name = child->name};
    view.type = type_of(child->format, &view);
    if (view.type == 0) {
        return hg_fail(err,
                       HG_EINVAL,
                       "column \"%s\" has the Arrow format \"%s\", which plugins do not exchange",
                       child->name,
                       child->format);
    }
    *ret = view;
    return HG_OK;
}

void hg_view_bind(struct hg_view *view, const struct ArrowArray *batch)
{
    const struct ArrowArray *child = batch->children[view->index];
    view->n = batch->length;
    /* A record batch is a struct array: its own offset adds to that of its children. */
    view->offset = batch->offset + child->offset;
    view->null_count = child->null_count;
    view->validity = child->null_count == 0 ? NULL : child->buffers[0];
    view->values = child->buffers[1];
    view->bytes = child->n_buffers > 2 ? child->buffers[2] : NULL;
}

int64_t hg_view_nulls(const struct hg_view *view, uint8_t *bits)
{
    size_t n_bytes = (size_t)(view->n + 7) / 8;
    if (!view->validity) {
        memset(bits, 0, n_bytes);
        return 0;
    }
    const uint8_t *from = view->validity + view->offset / 8;
    unsigned shift = (unsigned)(view->offset % 8);
    int64_t count = 0;
    for (size_t i = 0; i < n_bytes; i++) {
        int64_t rest = view->n - (int64_t)i * 8;
        unsigned valid = (unsigned)from[i] >> shift;
        /* The next byte is only there when the rows reach into it. */
        if (shift > 0 && rest > (int64_t)(8 - shift)) {
            valid |= (unsigned)from[i + 1] << (8 - shift);
        }
        unsigned nulls = ~valid & (rest < 8 ? (1u << rest) - 1 : 0xFFu);
        bits[i] = (uint8_t)nulls;
        count += __builtin_popcount(nulls);
    }
    return count;
}

/* ---- text ---- */

#if defined(__SIZEOF_INT128__)
static void format_decimal(hg_int128 value, int32_t scale, char *buf, size_t size)
{
    char digits[48];
    size_t at = sizeof digits;
    bool negative = value < 0;
    __extension__ unsigned __int128 rest =
        negative ? -(unsigned __int128)value : (unsigned __int128)value;
    for (int32_t n = 0; rest > 0 || n <= scale; n++) {
        if (n == scale && scale > 0) {
            digits[--at] = '.';
        }
        digits[--at] = (char)('0' + (int)(rest % 10));
        rest /= 10;
    }
    if (negative) {
        digits[--at] = '-';
    }
    (void)snprintf(buf, size, "%.*s", (int)(sizeof digits - at), digits + at);
}
#endif

static void format_date(int64_t days, char *buf, size_t size)
{
    const struct hg_date date = hg_date_of_days(days);
    (void)snprintf(buf, size, "%04" PRId64 "-%02d-%02d", date.year, date.month, date.day);
}

static void format_timestamp(int64_t time_us, bool has_zone, char *buf, size_t size)
{
    const int64_t day_us = INT64_C(86400000000);
    int64_t days = time_us / day_us - (time_us % day_us < 0);
    int64_t rest = time_us - days * day_us;
    char date[24];
    char fraction[16] = "";
    format_date(days, date, sizeof date);
    if (rest % 1000000 != 0) {
        (void)snprintf(fraction, sizeof fraction, ".%06d", (int)(rest % 1000000));
    }
    int seconds = (int)(rest / 1000000);
    (void)snprintf(buf,
                   size,
                   "%s %02d:%02d:%02d%s%s",
                   date,
                   seconds / 3600,
                   seconds / 60 % 60,
                   seconds % 60,
                   fraction,
                   has_zone ? "Z" : "");
}

static void format_bytes(const struct hg_view *view, int64_t row, char *buf, size_t size)
{
    size_t n;
    const uint8_t *bytes = hg_view_bytes(view, row, &n);
    if (view->type == HG_TYPE_BINARY) {
        (void)snprintf(buf, size, "%zu bytes", n);
        return;
    }
    (void)snprintf(buf, size, "\"%.*s\"", (int)(n < 200 ? n : 200), (const char *)bytes);
}

void hg_view_format(const struct hg_view *view, int64_t row, char *buf, size_t size)
{
    int64_t at = view->offset + row;
    if (hg_view_is_null(view, row)) {
        (void)snprintf(buf, size, "null");
        return;
    }
    switch ((enum hg_type)view->type) {
    case HG_TYPE_BOOL:
        (void)snprintf(buf, size, "%s", hg_view_bit(view->values, at) ? "true" : "false");
        return;
    case HG_TYPE_INT32:
        (void)snprintf(buf, size, "%" PRId32, ((const int32_t *)view->values)[at]);
        return;
    case HG_TYPE_INT64:
        (void)snprintf(buf, size, "%" PRId64, ((const int64_t *)view->values)[at]);
        return;
    case HG_TYPE_FLOAT64:
        (void)snprintf(buf, size, "%.15g", ((const double *)view->values)[at]);
        return;
    case HG_TYPE_DECIMAL128: {
#if defined(__SIZEOF_INT128__)
        hg_int128 value;
        memcpy(&value, (const char *)view->values + at * 16, 16);
        format_decimal(value, view->scale, buf, size);
#else
        (void)snprintf(buf, size, "a decimal");
#endif
        return;
    }
    case HG_TYPE_UTF8:
    case HG_TYPE_BINARY:
        format_bytes(view, row, buf, size);
        return;
    case HG_TYPE_DATE32:
        format_date(((const int32_t *)view->values)[at], buf, size);
        return;
    case HG_TYPE_TIMESTAMP_US:
        format_timestamp(((const int64_t *)view->values)[at], view->has_zone, buf, size);
        return;
    }
    (void)snprintf(buf, size, "?");
}

void hg_view_type_name(const struct hg_view *view, char *buf, size_t size)
{
    const struct hg_column column = {
        .type = view->type, .precision = view->precision, .scale = view->scale};
    hg_type_format(&column, buf, size);
}
