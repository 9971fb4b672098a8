#include "base/schema_format.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/str.h"
#include "base/time.h"
#include "headgate/date.h"

/* Exactly `n` digits as a number, or -1. */
static int number_of(const char *text, int n)
{
    int value = 0;
    for (int i = 0; i < n; i++) {
        if (!isdigit((unsigned char)text[i])) {
            return -1;
        }
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

static bool is_date(const char *text)
{
    if (strlen(text) != 10 || text[4] != '-' || text[7] != '-') {
        return false;
    }
    int year = number_of(text, 4);
    int month = number_of(text + 5, 2);
    int day = number_of(text + 8, 2);
    return year >= 0 && month >= 1 && month <= 12 && day >= 1 &&
           day <= hg_days_in_month(year, month);
}

/* A leap second is a valid time only as the last of a UTC day. */
static bool is_leap_second(const char *text)
{
    char earlier[64];
    size_t n = strlen(text);
    if (n < 20 || n >= sizeof earlier || memcmp(text + 16, ":60", 3) != 0) {
        return false;
    }
    memcpy(earlier, text, n + 1);
    memcpy(earlier + 17, "59", 2);
    int64_t at;
    if (hg_time_parse(earlier, &at, NULL) < 0) {
        return false;
    }
    int64_t second = at / 1000000 % 86400;
    return (second < 0 ? second + 86400 : second) == 86399;
}

static bool is_date_time(const char *text)
{
    int64_t at;
    if (strlen(text) < 20 || strchr(text, ' ')) {
        return false;
    }
    return hg_time_parse(text, &at, NULL) == HG_OK || is_leap_second(text);
}

static bool uri_characters(const char *text)
{
    for (; *text; text++) {
        if (*text == '%') {
            if (!isxdigit((unsigned char)text[1]) || !isxdigit((unsigned char)text[2])) {
                return false;
            }
        } else if (!isalnum((unsigned char)*text) && !strchr("-._~:/?#[]@!$&'()*+,;=", *text)) {
            return false;
        }
    }
    return true;
}

/* "[::1]:80", "user@host:80" */
static bool uri_authority(const char *text, size_t n)
{
    const char *end = text + n;
    const char *at = memchr(text, '@', n);
    const char *host = at ? at + 1 : text;
    if (at && (memchr(text, '[', (size_t)(at - text)) || memchr(host, '@', (size_t)(end - host)))) {
        return false;
    }
    const char *host_end = host;
    if (*host == '[') {
        host_end = memchr(host, ']', (size_t)(end - host));
        if (!host_end) {
            return false;
        }
        host_end++;
    } else {
        host_end = host + strcspn(host, ":/?#[]");
    }
    if (host_end >= end) {
        return true;
    }
    return *host_end == ':' && strspn(host_end + 1, "0123456789") >= (size_t)(end - host_end - 1);
}

static bool is_uri(const char *text)
{
    size_t scheme =
        strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.");
    if (!isalpha((unsigned char)text[0]) || text[scheme] != ':' || !uri_characters(text)) {
        return false;
    }
    const char *rest = text + scheme + 1;
    if (hg_starts_with(rest, "//")) {
        size_t n = strcspn(rest + 2, "/?#");
        if (!uri_authority(rest + 2, n)) {
            return false;
        }
        rest += 2 + n;
    }
    const char *fragment = strchr(rest, '#');
    return !strpbrk(rest, "[]") && !(fragment && strchr(fragment + 1, '#'));
}

static bool is_local_part(const char *text, size_t n)
{
    if (n >= 2 && text[0] == '"' && text[n - 1] == '"') {
        return true;
    }
    for (size_t i = 0; i < n; i++) {
        bool dot = text[i] == '.';
        if (dot && (i == 0 || i + 1 == n || text[i + 1] == '.')) {
            return false;
        }
        if (!dot && !isalnum((unsigned char)text[i]) && !strchr("!#$%&'*+/=?^_`{|}~-", text[i])) {
            return false;
        }
    }
    return n >= 1 && n <= 64;
}

/* "[127.0.0.1]" or "[IPv6:::1]" */
static bool is_address_literal(const char *text, size_t n)
{
    char inner[64];
    unsigned char address[16];
    if (n - 2 >= sizeof inner) {
        return false;
    }
    memcpy(inner, text + 1, n - 2);
    inner[n - 2] = '\0';
    bool is_v6 = hg_starts_with(inner, "IPv6:");
    return inet_pton(is_v6 ? AF_INET6 : AF_INET, inner + (is_v6 ? 5 : 0), address) == 1;
}

static bool is_domain(const char *text)
{
    size_t n = strlen(text);
    if (n >= 3 && text[0] == '[' && text[n - 1] == ']') {
        return is_address_literal(text, n);
    }
    while (*text) {
        size_t label =
            strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-");
        if (label == 0 || label > 63 || text[0] == '-' || text[label - 1] == '-') {
            return false;
        }
        text += label;
        if (*text == '\0') {
            return n <= 253;
        }
        if (*text++ != '.') {
            return false;
        }
    }
    return false;
}

static bool is_email(const char *text)
{
    const char *at = strrchr(text, '@');
    return at && is_local_part(text, (size_t)(at - text)) && is_domain(at + 1);
}

static const struct {
    const char *name;
    bool (*matches)(const char *text);
    const char *expected;
} formats[] = {
    {"date", is_date, "a date such as 2026-11-25"},
    {"date-time", is_date_time, "a time such as 2026-11-25T02:07:47Z"},
    {"uri", is_uri, "a URL such as https://example.org/data"},
    {"email", is_email, "an e-mail address such as ops@example.org"},
};

bool hg_format_matches(const char *format, const char *text, const char **ret_expected)
{
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        if (strcmp(formats[i].name, format) == 0) {
            *ret_expected = formats[i].expected;
            return formats[i].matches(text);
        }
    }
    return true;
}
