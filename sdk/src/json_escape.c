#include "json_escape.h"

#include <stddef.h>
#include <string.h>

static const char lone_high[] = "a high surrogate without its low one";

static const char *simple(struct hg_json_escape *e, unsigned char c, long *ret_code_point)
{
    static const char from[] = "\"\\/bfnrt";
    static const char to[] = "\"\\/\b\f\n\r\t";
    const char *found = c ? strchr(from, c) : NULL;
    if (!found) {
        return "no escape begins so";
    }
    e->state = ESCAPE_NONE;
    *ret_code_point = (unsigned char)to[found - from];
    return NULL;
}

/* Four digits of \u are there. */
static const char *unit(struct hg_json_escape *e, long *ret_code_point)
{
    unsigned code = e->hex;
    e->state = ESCAPE_NONE;
    if (e->high_surrogate) {
        if (code < 0xDC00 || code > 0xDFFF) {
            return lone_high;
        }
        *ret_code_point = 0x10000 + ((e->high_surrogate - 0xD800) << 10) + (code - 0xDC00);
        e->high_surrogate = 0;
        return NULL;
    }
    if (code >= 0xDC00 && code <= 0xDFFF) {
        return "a low surrogate without its high one";
    }
    if (code >= 0xD800 && code <= 0xDBFF) {
        e->high_surrogate = code;
        e->state = ESCAPE_LOW_BACKSLASH;
        return NULL;
    }
    *ret_code_point = code;
    return NULL;
}

static const char *hex(struct hg_json_escape *e, unsigned char c, long *ret_code_point)
{
    unsigned digit;
    if (c >= '0' && c <= '9') {
        digit = c - '0';
    } else if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')) {
        digit = (c | 0x20u) - 'a' + 10;
    } else {
        return "\\u wants four hexadecimal digits";
    }
    e->hex = e->hex << 4 | digit;
    e->hex_n++;
    return e->hex_n == 4 ? unit(e, ret_code_point) : NULL;
}

const char *hg_json_escape_step(struct hg_json_escape *e, unsigned char c, long *ret_code_point)
{
    switch (e->state) {
    case ESCAPE_LOW_BACKSLASH:
        e->state = ESCAPE_LOW_U;
        return c == '\\' ? NULL : lone_high;
    case ESCAPE_LOW_U:
        if (c != 'u') {
            return lone_high;
        }
        break;
    case ESCAPE_HEX:
        return hex(e, c, ret_code_point);
    default:
        if (c != 'u') {
            return simple(e, c, ret_code_point);
        }
        break;
    }
    e->state = ESCAPE_HEX;
    e->hex = 0;
    e->hex_n = 0;
    return NULL;
}
