#include "headgate/json_token.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "headgate/error.h"

static const char *const type_names[] = {
    [HG_JSON_MORE] = "the end of the chunk",
    [HG_JSON_END] = "the end",
    [HG_JSON_OBJECT_BEGIN] = "an object",
    [HG_JSON_OBJECT_END] = "the end of an object",
    [HG_JSON_ARRAY_BEGIN] = "an array",
    [HG_JSON_ARRAY_END] = "the end of an array",
    [HG_JSON_KEY] = "a key",
    [HG_JSON_STRING] = "a string",
    [HG_JSON_NUMBER] = "a number",
    [HG_JSON_TRUE] = "true",
    [HG_JSON_FALSE] = "false",
    [HG_JSON_NULL] = "null",
    [HG_JSON_VALUE] = "a value",
};

const char *hg_json_type_name(enum hg_json_type type)
{
    return (size_t)type < sizeof type_names / sizeof type_names[0] ? type_names[type] : "nothing";
}

bool hg_json_is(const struct hg_json_token *token, const char *text)
{
    size_t n = strlen(text);
    return (token->type == HG_JSON_KEY || token->type == HG_JSON_STRING) && token->n == n &&
           memcmp(token->text, text, n) == 0;
}

/* The number in an error text, cut when it is long. */
static hg_status fail_number(const struct hg_json_token *token,
                             const char *what,
                             struct hg_error *err)
{
    if (token->type != HG_JSON_NUMBER) {
        return hg_fail(err, HG_EDATA, "%s is %s", hg_json_type_name(token->type), what);
    }
    int n = token->n < 64 ? (int)token->n : 64;
    return hg_fail(err, HG_EDATA, "%.*s%s is %s", n, token->text, token->n > 64 ? "..." : "", what);
}

hg_status hg_json_int64(const struct hg_json_token *token, int64_t *ret, struct hg_error *err)
{
    bool negative = token->type == HG_JSON_NUMBER && token->text[0] == '-';
    int64_t value = 0;
    if (token->type != HG_JSON_NUMBER) {
        return fail_number(token, "no integer", err);
    }
    for (size_t i = negative ? 1 : 0; i < token->n; i++) {
        char c = token->text[i];
        if (c < '0' || c > '9') {
            return fail_number(token, "no integer", err);
        }
        /* Downwards, since there is one negative number more. */
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, c - '0', &value)) {
            return fail_number(token, "out of the range of 64 bits", err);
        }
    }
    if (!negative && value == INT64_MIN) {
        return fail_number(token, "out of the range of 64 bits", err);
    }
    *ret = negative ? value : -value;
    return HG_OK;
}

hg_status hg_json_float64(const struct hg_json_token *token, double *ret, struct hg_error *err)
{
    if (token->type != HG_JSON_NUMBER) {
        return fail_number(token, "no number", err);
    }
    char small[64];
    char *text = token->n < sizeof small ? small : malloc(token->n + 1);
    if (!text) {
        return hg_fail_nomem(err);
    }
    memcpy(text, token->text, token->n);
    text[token->n] = '\0';
    locale_t c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    double value = c_locale ? strtod_l(text, NULL, c_locale) : 0;
    if (c_locale) {
        freelocale(c_locale);
    }
    if (text != small) {
        free(text);
    }
    if (!c_locale) {
        return hg_fail_nomem(err);
    }
    if (isinf(value)) {
        return fail_number(token, "too large for a float64", err);
    }
    *ret = value;
    return HG_OK;
}
