#include "base/scrub.h"

#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "base/hex.h"

/* Never longer than what it stands for, so that scrubbing needs no room. */
static const char mark[HG_SCRUB_SHORTEST] = {'*', '*', '*', '*'};

enum {
    ESCAPED_MAX = 4,     /* bytes of UTF-8 that one escape stands for */
    BASE64_SHORTEST = 6, /* characters: what chance brings about is left */
};

int hg_scrub_add(struct hg_scrubber *scrubber, const struct hg_secret *secret, struct hg_error *err)
{
    if (scrubber->n == HG_SCRUB_MAX) {
        return hg_error_set(
            err, HG_ETOOBIG, "more than %d secrets would be in use for one call", HG_SCRUB_MAX);
    }
    scrubber->secrets[scrubber->n++] = secret;
    return HG_OK;
}

/* A piece of text that is looked at. */
struct view {
    const char *at;
    const char *end;
};

/* `n` hex digits; -1 when they are none. */
static long hex_number(const char *at, const char *end, int n)
{
    long number = 0;
    if (end - at < n) {
        return -1;
    }
    for (int i = 0; i < n; i++) {
        int digit = hg_hex_digit(at[i]);
        if (digit < 0) {
            return -1;
        }
        number = number << 4 | digit;
    }
    return number;
}

static size_t put_utf8(long code, unsigned char ret[ESCAPED_MAX])
{
    if (code < 0x80) {
        ret[0] = (unsigned char)code;
        return 1;
    }
    size_t n = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = n - 1; i > 0; i--) {
        ret[i] = (unsigned char)(0x80 | (code & 0x3F));
        code >>= 6;
    }
    ret[0] = (unsigned char)(lead[n] | code);
    return n;
}

/* \uXXXX, or two of them that make one character. Returns its length in the text, 0 for none. */
static size_t read_u_escape(const char *at, const char *end, unsigned char *ret, size_t *ret_n)
{
    long code = end - at >= 6 && at[1] == 'u' ? hex_number(at + 2, end, 4) : -1;
    if (code < 0) {
        return 0;
    }
    size_t length = 6;
    if (code >= 0xD800 && code < 0xDC00 && end - at >= 12 && at[6] == '\\' && at[7] == 'u') {
        long low = hex_number(at + 8, end, 4);
        if (low >= 0xDC00 && low < 0xE000) {
            code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
            length = 12;
        }
    }
    *ret_n = put_utf8(code, ret);
    return length;
}

/* An escape of JSON or of a URL at `at`: its length in the text, and what it stands for. */
static size_t read_escape(const char *at, const char *end, unsigned char *ret, size_t *ret_n)
{
    static const char names[] = "\"\\/bfnrt";
    static const char values[] = "\"\\/\b\f\n\r\t";
    long byte = *at == '%' ? hex_number(at + 1, end, 2) : -1;
    *ret_n = 1;
    if (byte >= 0) {
        *ret = (unsigned char)byte;
        return 3;
    }
    if (*at == '+') { /* of a form */
        *ret = ' ';
        return 1;
    }
    if (*at != '\\' || end - at < 2) {
        return 0;
    }
    const char *name = at[1] ? strchr(names, at[1]) : NULL;
    if (name) {
        *ret = (unsigned char)values[name - names];
        return 2;
    }
    return read_u_escape(at, end, ret, ret_n);
}

/* What a matcher found: length in the text, 0 for nothing. */
static size_t ended_early(const char *start, const char *at, size_t n_matched)
{
    return n_matched >= HG_SCRUB_SHORTEST ? (size_t)(at - start) : 0;
}

static size_t match_raw(const struct hg_secret *secret, const char *start, const char *end)
{
    size_t left = (size_t)(end - start);
    size_t n = left < secret->n ? left : secret->n;
    return n >= HG_SCRUB_SHORTEST && memcmp(start, secret->value, n) == 0 ? n : 0;
}

/* Each byte as it is or escaped; which ones are escaped is the writer's choice. */
static size_t match_escaped(const struct hg_secret *secret, const char *start, const char *end)
{
    const char *at = start;
    size_t n = 0;
    while (n < secret->n) {
        unsigned char bytes[ESCAPED_MAX];
        size_t n_bytes = 0;
        if (at == end) {
            return ended_early(start, at, n);
        }
        if (*at == secret->value[n]) {
            /* A backslash or a percent sign of the secret may itself stand there escaped. */
            size_t length = read_escape(at, end, bytes, &n_bytes);
            bool escaped = length > 1 && n_bytes == 1 && bytes[0] == (unsigned char)*at;
            at += escaped ? length : 1;
            n++;
            continue;
        }
        size_t length = read_escape(at, end, bytes, &n_bytes);
        if (length == 0 || n_bytes > secret->n - n ||
            memcmp(bytes, secret->value + n, n_bytes) != 0) {
            /* An escape that the end of the text cuts off. */
            bool cut = length == 0 && (*at == '%' || *at == '\\') && end - at < 6;
            return cut ? ended_early(start, end, n) : 0;
        }
        at += length;
        n += n_bytes;
    }
    return (size_t)(at - start);
}

static size_t match_hex(const struct hg_secret *secret, const char *start, const char *end)
{
    const char *at = start;
    for (size_t n = 0; n < secret->n; n++) {
        if (end - at < 2) {
            return ended_early(start, end, n);
        }
        if (hex_number(at, end, 2) != (unsigned char)secret->value[n]) {
            return 0;
        }
        at += 2;
    }
    return (size_t)(at - start);
}

/* 0..63 in either alphabet, -1 for what is none. */
static int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

/* The six bits from bit `at` on; all of them lie within the secret. */
static int six_bits(const struct hg_secret *secret, size_t at)
{
    size_t byte = at / 8;
    unsigned pair = (unsigned)(unsigned char)secret->value[byte] << 8;
    if (byte + 1 < secret->n) {
        pair |= (unsigned char)secret->value[byte + 1];
    }
    return (int)(pair >> (10 - at % 8) & 0x3F);
}

/*
 * The characters that hold bits of the secret alone, when it begins `shift` bytes after the start
 * of a group of three. One more at each side mixes them with what stands beside.
 */
static size_t match_base64(const struct hg_secret *secret,
                           size_t shift,
                           const char *start,
                           const char *end)
{
    static const size_t first_bit[] = {0, 4, 2};
    const char *at = start;
    size_t bits = secret->n * 8;
    size_t bit = first_bit[shift];
    for (; bit + 6 <= bits; bit += 6) {
        if (at == end) {
            break;
        }
        if (base64_value(*at++) != six_bits(secret, bit)) {
            return 0;
        }
    }
    if (at - start < BASE64_SHORTEST && bit + 6 <= bits) {
        return 0; /* cut off too early to tell */
    }
    if (bit < bits && at < end && base64_value(*at) >= 0) {
        at++;
    }
    while (at < end && *at == '=') {
        at++;
    }
    return (size_t)(at - start);
}

struct match {
    size_t before; /* characters ahead of the place that belong to it */
    size_t length; /* from the place on */
};

static struct match match_at(const struct hg_secret *secret, const struct view *text, size_t ahead)
{
    static size_t (*const matchers[])(const struct hg_secret *, const char *, const char *) = {
        match_raw, match_escaped, match_hex};
    struct match best = {0, 0};
    size_t length;
    for (size_t i = 0; i < HG_COUNT(matchers); i++) {
        length = matchers[i](secret, text->at, text->end);
        best.length = length > best.length ? length : best.length;
    }
    for (size_t shift = 0; shift < 3; shift++) {
        length = match_base64(secret, shift, text->at, text->end);
        if (length > best.length) {
            bool mixed = shift > 0 && ahead > 0 && base64_value(text->at[-1]) >= 0;
            best = (struct match){mixed ? 1 : 0, length};
        }
    }
    return best;
}

static struct match find_at(const struct hg_scrubber *scrubber,
                            const struct view *text,
                            size_t ahead)
{
    struct match best = {0, 0};
    for (size_t i = 0; i < scrubber->n; i++) {
        const struct hg_secret *secret = scrubber->secrets[i];
        if (secret->n >= HG_SCRUB_SHORTEST) {
            struct match match = match_at(secret, text, ahead);
            best = match.length > best.length ? match : best;
        }
    }
    return best;
}

size_t hg_scrub_bytes(const struct hg_scrubber *scrubber, char *text, size_t n)
{
    struct view rest = {text, text + n};
    char *to = text;
    size_t ahead = 0; /* characters that were kept since the last mark */
    while (rest.at < rest.end) {
        struct match match = find_at(scrubber, &rest, ahead);
        if (match.length == 0) {
            *to++ = *rest.at++;
            ahead++;
            continue;
        }
        to -= match.before;
        memcpy(to, mark, sizeof mark);
        to += sizeof mark;
        rest.at += match.length;
        ahead = 0;
    }
    hg_secret_wipe(to, (size_t)(rest.end - to));
    return (size_t)(to - text);
}

void hg_scrub_text(const struct hg_scrubber *scrubber, char *text)
{
    text[hg_scrub_bytes(scrubber, text, strlen(text))] = '\0';
}

void hg_scrub_error(const struct hg_scrubber *scrubber, struct hg_error *err)
{
    if (err) {
        hg_scrub_text(scrubber, err->message);
        hg_scrub_text(scrubber, err->hint);
        hg_scrub_text(scrubber, err->pointer);
    }
}
