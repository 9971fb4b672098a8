#include "value.h"

#include <stdio.h>

#include "headgate/text.h"

#define SHOWN_TEXT_BYTES 80

static bool same_word(const char *text, size_t n, const char *word)
{
    size_t i = 0;
    while (i < n && word[i] && (text[i] | 0x20) == word[i]) {
        i++;
    }
    return i == n && !word[i];
}

static enum src_verdict read_bool(const char *text, size_t n, bool *ret)
{
    static const char *const yes[] = {"true", "t", "yes", "y", "on"};
    static const char *const no[] = {"false", "f", "no", "n", "off"};
    if (n == 1 && (text[0] == '0' || text[0] == '1')) {
        *ret = text[0] == '1';
        return SRC_FITS;
    }
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
        if (same_word(text, n, yes[i]) || same_word(text, n, no[i])) {
            *ret = same_word(text, n, yes[i]);
            return SRC_FITS;
        }
    }
    return SRC_OTHER;
}

static enum src_verdict read_int32(const char *text,
                                   size_t n,
                                   const struct src_number_style *style,
                                   int32_t *ret)
{
    int64_t wide;
    enum src_verdict verdict = src_int64(text, n, style, &wide);
    if (verdict) {
        return verdict;
    }
    if (wide < INT32_MIN || wide > INT32_MAX) {
        return SRC_RANGE;
    }
    *ret = (int32_t)wide;
    return SRC_FITS;
}

enum src_verdict src_value_read(const struct src_cell_style *cells,
                                const struct src_column *column,
                                const char *text,
                                size_t n,
                                union src_value *ret)
{
    const struct src_number_style *style = &cells->style;
    switch (column->type) {
    case HG_TYPE_BOOL:
        return read_bool(text, n, &ret->b);
    case HG_TYPE_INT32:
        return read_int32(text, n, style, &ret->i32);
    case HG_TYPE_INT64:
        return src_int64(text, n, style, &ret->i64);
    case HG_TYPE_FLOAT64:
        return src_float64(text, n, style, &ret->f64);
    case HG_TYPE_DECIMAL128:
        return src_decimal(text, n, style, column->precision, column->scale, &ret->i128);
    case HG_TYPE_DATE32:
        return src_date(text, n, &column->format, &ret->i32);
    case HG_TYPE_TIMESTAMP_US:
        return src_timestamp(text, n, &column->format, cells->zoned, cells->zone_offset, &ret->i64);
    default:
        return SRC_FITS;
    }
}

void src_value_show(const char *text, size_t n, char *out, size_t size)
{
    size_t shown = n > SHOWN_TEXT_BYTES ? SHOWN_TEXT_BYTES : n;
    shown = hg_text_utf8_prefix(text, shown);
    snprintf(out, size, "\"%.*s%s\"", (int)shown, text, n > shown ? "..." : "");
    for (char *p = out; *p; p++) {
        if ((unsigned char)*p < 0x20) {
            *p = ' ';
        }
    }
}

static const char *article(const struct src_column *column)
{
    return column->type == HG_TYPE_INT32 || column->type == HG_TYPE_INT64 ? "an" : "a";
}

void src_value_explain(const struct src_column *column,
                       enum src_verdict verdict,
                       const char *text,
                       size_t n,
                       char *out,
                       size_t size)
{
    char type[32];
    char shown[SRC_SHOWN_BYTES];
    src_value_show(text, n, shown, sizeof shown);
    src_type_text(column, type, sizeof type);
    const char *a = article(column);
    switch (verdict) {
    case SRC_RANGE:
        snprintf(out, size, "%s is out of range for %s %s", shown, a, type);
        break;
    case SRC_SCALE:
        snprintf(out,
                 size,
                 "%s has more than %d digits behind the decimal mark (%s)",
                 shown,
                 column->scale,
                 type);
        break;
    case SRC_PRECISION:
        snprintf(out, size, "%s has more digits than a %s holds", shown, type);
        break;
    case SRC_NO_DAY:
        snprintf(out, size, "%s is no %s that exists", shown, type);
        break;
    case SRC_ZONE:
        snprintf(out, size, "%s has a time zone, but timezone is none", shown);
        break;
    case SRC_FITS:
    case SRC_OTHER:
        snprintf(out, size, "%s is not %s %s", shown, a, type);
        if (column->format_text) {
            size_t used = strlen(out);
            snprintf(out + used, size - used, " written as %s", column->format_text);
        }
        break;
    }
}
