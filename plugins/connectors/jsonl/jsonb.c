#include "jsonb.h"

#include <string.h>

/* Safely within 131072 digits in front of the point and 16383 behind it. */
#define NUMBER_DIGITS_MAX 16000
#define EXPONENT_MAX      16000

static const char hex[] = "0123456789abcdef";

size_t jsonl_jsonb_quote(const char *text, size_t n, char *out)
{
    char *p = out;
    *p++ = '"';
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '"' || c == '\\') {
            *p++ = '\\';
            *p++ = (char)c;
        } else if (c < 0x20) {
            const char escape[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
            memcpy(p, escape, sizeof escape);
            p += sizeof escape;
        } else {
            *p++ = (char)c;
        }
    }
    *p++ = '"';
    return (size_t)(p - out);
}

/* Behind the closing quote of the string that begins at `at`; 0 where it holds U+0000. */
static size_t pass_string(const char *json, size_t n, size_t at)
{
    for (at++; at < n && json[at] != '"'; at++) {
        if (json[at] != '\\') {
            continue;
        }
        at++;
        if (n - at >= 5 && memcmp(json + at, "u0000", 5) == 0) {
            return 0;
        }
    }
    return at + 1;
}

/* Behind the number that begins at `at`; 0 where numeric does not hold it. */
static size_t pass_number(const char *json, size_t n, size_t at)
{
    size_t digits = 0;
    long exponent = -1;
    for (; at < n && strchr("+-.0123456789eE", json[at]) && json[at]; at++) {
        char c = json[at];
        if (c == 'e' || c == 'E') {
            exponent = 0;
        } else if (c >= '0' && c <= '9' && exponent < 0) {
            digits++;
        } else if (c >= '0' && c <= '9' && exponent <= EXPONENT_MAX) {
            exponent = exponent * 10 + (c - '0');
        }
    }
    /* The exponent may add to the digits on either side. */
    return digits > NUMBER_DIGITS_MAX || exponent > EXPONENT_MAX ||
                   (exponent > 0 && digits + (size_t)exponent > NUMBER_DIGITS_MAX)
               ? 0
               : at;
}

const char *jsonl_jsonb_refuses(const char *json, size_t n)
{
    size_t at = 0;
    while (at < n) {
        char c = json[at];
        if (c == '"') {
            at = pass_string(json, n, at);
            if (at == 0) {
                return "a text holds the character \\u0000, which jsonb does not take";
            }
        } else if (c == '-' || (c >= '0' && c <= '9')) {
            at = pass_number(json, n, at);
            if (at == 0) {
                return "a number has more digits than jsonb takes";
            }
        } else {
            at++;
        }
    }
    return NULL;
}
