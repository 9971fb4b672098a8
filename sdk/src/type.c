#include <stdio.h>
#include <string.h>

#include "headgate/schema.h"

static const char *const names[] = {
    [HG_TYPE_BOOL] = "bool",
    [HG_TYPE_INT32] = "int32",
    [HG_TYPE_INT64] = "int64",
    [HG_TYPE_FLOAT64] = "float64",
    [HG_TYPE_DECIMAL128] = NULL, /* has a precision and a scale */
    [HG_TYPE_UTF8] = "utf8",
    [HG_TYPE_BINARY] = "binary",
    [HG_TYPE_DATE32] = "date",
    [HG_TYPE_TIMESTAMP_US] = "timestamp",
};

enum { N_NAMES = sizeof names / sizeof names[0] };

/* One or two digits and what ends them, spaces around them; *at stands behind. */
static bool take_digits(const char **at, char end, int32_t *ret)
{
    int n = 0;
    *ret = 0;
    *at += strspn(*at, " ");
    for (; **at >= '0' && **at <= '9' && n < 2; n++) {
        *ret = *ret * 10 + (*(*at)++ - '0');
    }
    *at += strspn(*at, " ");
    return n > 0 && *(*at)++ == end;
}

static bool parse_decimal(const char *text, struct hg_column *ret)
{
    static const char prefix[] = "decimal(";
    int32_t precision;
    int32_t scale;
    if (strncmp(text, prefix, sizeof prefix - 1) != 0) {
        return false;
    }
    const char *at = text + sizeof prefix - 1;
    if (!take_digits(&at, ',', &precision) || !take_digits(&at, ')', &scale) || *at ||
        precision < 1 || precision > 38 || scale > precision) {
        return false;
    }
    ret->type = HG_TYPE_DECIMAL128;
    ret->precision = precision;
    ret->scale = scale;
    return true;
}

bool hg_type_parse(const char *text, struct hg_column *ret)
{
    for (int32_t type = HG_TYPE_BOOL; type < N_NAMES; type++) {
        if (names[type] && strcmp(text, names[type]) == 0) {
            ret->type = type;
            ret->precision = 0;
            ret->scale = 0;
            return true;
        }
    }
    return parse_decimal(text, ret);
}

void hg_type_format(const struct hg_column *column, char *buf, size_t size)
{
    if (column->type == HG_TYPE_DECIMAL128) {
        (void)snprintf(buf, size, "decimal(%d,%d)", column->precision, column->scale);
    } else {
        bool known = column->type >= HG_TYPE_BOOL && column->type < N_NAMES;
        (void)snprintf(buf, size, "%s", known ? names[column->type] : "?");
    }
}
