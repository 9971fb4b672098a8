#include "base/schema_value.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/str.h"

enum { SHOWN_BYTES = 60 };

/* The doubles around the range of int64: -2^63 is one, 2^63 is the first too large. */
static const double INT64_LIMIT = 9223372036854775808.0;

bool hg_json_is_whole(const json_t *value)
{
    if (json_is_integer(value)) {
        return true;
    }
    double real = json_real_value(value);
    return json_is_real(value) && isfinite(real) && floor(real) >= real;
}

static int compare_int_real(json_int_t a, double b)
{
    if (b >= INT64_LIMIT) {
        return -1;
    }
    if (b < -INT64_LIMIT) {
        return 1;
    }
    double whole = floor(b);
    json_int_t below = (json_int_t)whole;
    if (a != below) {
        return a < below ? -1 : 1;
    }
    return b > whole ? -1 : 0;
}

int hg_json_compare_numbers(const json_t *a, const json_t *b)
{
    if (json_is_integer(a) && json_is_integer(b)) {
        json_int_t x = json_integer_value(a);
        json_int_t y = json_integer_value(b);
        return (x > y) - (x < y);
    }
    if (json_is_integer(a)) {
        return compare_int_real(json_integer_value(a), json_real_value(b));
    }
    if (json_is_integer(b)) {
        return -compare_int_real(json_integer_value(b), json_real_value(a));
    }
    double x = json_real_value(a);
    double y = json_real_value(b);
    return (x > y) - (x < y);
}

bool hg_json_is_multiple(const json_t *value, const json_t *step)
{
    if (json_is_integer(value) && json_is_integer(step)) {
        return json_integer_value(value) % json_integer_value(step) == 0;
    }
    double quotient = json_number_value(value) / json_number_value(step);
    if (!isfinite(quotient)) {
        double rest = fmod(json_number_value(value), json_number_value(step));
        return rest <= 0 && rest >= 0;
    }
    /* Decimal steps such as 0.01 have no exact double: allow the error of a few roundings. */
    double nearest = nearbyint(quotient);
    return fabs(quotient - nearest) <= 4 * DBL_EPSILON * fmax(1.0, fabs(nearest));
}

static bool same_lists(const json_t *a, const json_t *b, long *budget)
{
    size_t n = json_array_size(a);
    if (n != json_array_size(b)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (!hg_json_same(json_array_get(a, i), json_array_get(b, i), budget)) {
            return false;
        }
    }
    return true;
}

static bool same_objects(const json_t *a, const json_t *b, long *budget)
{
    if (json_object_size(a) != json_object_size(b)) {
        return false;
    }
    const char *key;
    json_t *item;
    json_object_foreach ((json_t *)(uintptr_t)a, key, item) {
        const json_t *other = json_object_get(b, key);
        if (!other || !hg_json_same(item, other, budget)) {
            return false;
        }
    }
    return true;
}

bool hg_json_same(const json_t *a, const json_t *b, long *budget)
{
    if (--*budget < 0) {
        return false;
    }
    if (json_is_number(a) && json_is_number(b)) {
        return hg_json_compare_numbers(a, b) == 0;
    }
    if (json_typeof(a) != json_typeof(b)) {
        return false;
    }
    if (json_is_array(a)) {
        return same_lists(a, b, budget);
    }
    if (json_is_object(a)) {
        return same_objects(a, b, budget);
    }
    return json_equal(a, b) != 0;
}

size_t hg_json_length(const json_t *text)
{
    const char *s = json_string_value(text);
    size_t n = 0;
    for (size_t i = 0; i < json_string_length(text); i++) {
        n += ((unsigned char)s[i] & 0xC0) != 0x80;
    }
    return n;
}

long long hg_json_count(const json_t *value)
{
    if (!hg_json_is_whole(value)) {
        return -1;
    }
    if (json_is_integer(value)) {
        return json_integer_value(value);
    }
    double real = json_real_value(value);
    return real >= 0 && real < 1e15 ? (long long)real : -1;
}

static void describe_text(struct hg_buf *buf, const json_t *value)
{
    size_t n = json_string_length(value);
    const char *text = json_string_value(value);
    size_t shown = n > SHOWN_BYTES ? hg_utf8_valid(text, SHOWN_BYTES) : n;
    hg_buf_puts(buf, "the text ");
    hg_json_quote_n(buf, text, shown);
    if (shown < n) {
        hg_buf_puts(buf, "...");
    }
}

void hg_json_describe(struct hg_buf *buf, const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_STRING:
        describe_text(buf, value);
        break;
    case JSON_INTEGER:
        hg_buf_printf(buf, "the number %" JSON_INTEGER_FORMAT, json_integer_value(value));
        break;
    case JSON_REAL:
        hg_buf_printf(buf, "the number %.15g", json_real_value(value));
        break;
    case JSON_OBJECT:
        hg_buf_puts(buf, "an object");
        break;
    case JSON_ARRAY:
        hg_buf_puts(buf, "a list");
        break;
    case JSON_TRUE:
        hg_buf_puts(buf, "true");
        break;
    case JSON_FALSE:
        hg_buf_puts(buf, "false");
        break;
    case JSON_NULL:
        hg_buf_puts(buf, "null");
        break;
    }
}
