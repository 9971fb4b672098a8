#include "flow/guard_json.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "headgate/json.h"

enum {
    DEPTH_MAX = 1024,
    TEXT_BYTES_MAX = 256 * 1024 * 1024 - 1, /* of one string or key */
    /* Of a numeric: digits before the point and behind it. */
    INTEGER_DIGITS_MAX = 131072,
    FRACTION_DIGITS_MAX = 16383,
    EXPONENT_MAX = 1000000,
};

HG_DEFINE_CLEANUP(hg_json_reader_freep, struct hg_json_reader *, hg_json_reader_free)

/* "-12.5e3": digits before the point, behind it, and the exponent, which moves the point. */
static bool number_fits(const char *text, size_t n)
{
    int64_t digits[2] = {0, 0};
    int64_t exponent = 0;
    size_t i = 0;
    int part = 0;
    for (; i < n && text[i] != 'e' && text[i] != 'E'; i++) {
        part = text[i] == '.' ? 1 : part;
        digits[part] += text[i] >= '0' && text[i] <= '9';
    }
    bool negative = i + 1 < n && text[i + 1] == '-';
    for (; i < n; i++) {
        if (text[i] >= '0' && text[i] <= '9' && exponent < EXPONENT_MAX) {
            exponent = exponent * 10 + (text[i] - '0');
        }
    }
    exponent = negative ? -exponent : exponent;
    return digits[0] + exponent <= INTEGER_DIGITS_MAX &&
           digits[1] - exponent <= FRACTION_DIGITS_MAX;
}

static const char *check_token(const struct hg_json_token *token)
{
    if (token->type == HG_JSON_NUMBER) {
        return number_fits(token->text, token->n) ? NULL
                                                  : "holds a number beyond PostgreSQL's range";
    }
    bool is_text = token->type == HG_JSON_KEY || token->type == HG_JSON_STRING;
    return is_text && memchr(token->text, 0, token->n)
               ? "holds the character \\u0000, which PostgreSQL's jsonb cannot"
               : NULL;
}

const char *hg_guard_json(const char *text, size_t n)
{
    static const struct hg_json_options options = {.max_depth = DEPTH_MAX,
                                                   .max_text_bytes = TEXT_BYTES_MAX};
    HG_CLEANUP(hg_json_reader_freep) struct hg_json_reader *reader = NULL;
    struct hg_json_token token = {0};
    const char *wrong = NULL;
    hg_status r = hg_json_reader_text(&options, text, n, &reader, NULL);
    while (!wrong && r == HG_OK) {
        r = hg_json_next(reader, &token, NULL);
        if (r == HG_OK && token.type == HG_JSON_END) {
            return NULL;
        }
        wrong = r == HG_OK ? check_token(&token) : NULL;
    }
    return wrong             ? wrong
           : r == HG_ETOOBIG ? "is JSON with more levels, or longer texts, than jsonb takes"
           : r == HG_ENOMEM  ? "is JSON that there is no memory to check"
                             : "is not valid JSON";
}
