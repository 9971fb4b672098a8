#include "bound.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "headgate/date.h"
#include "headgate/error.h"
#include "headgate/json.h"

const char *const range_keys[RANGE_N_SIDES] = {
    [RANGE_MIN] = "min",
    [RANGE_MAX] = "max",
    [RANGE_EXCLUSIVE_MIN] = "exclusive_min",
    [RANGE_EXCLUSIVE_MAX] = "exclusive_max",
};

#define INT128_MAX (((hg_int128)INT64_MAX << 64) | UINT64_MAX)
#define INT128_MIN (-INT128_MAX - 1)

/* Digits that a bound may have, before and behind the point, once its exponent is spelt out. */
enum { DIGITS_MAX = 38 };

static bool is_lower(enum range_side side)
{
    return side == RANGE_MIN || side == RANGE_EXCLUSIVE_MIN;
}

static bool is_exclusive(enum range_side side)
{
    return side >= RANGE_EXCLUSIVE_MIN;
}

static hg_status fail_at(struct hg_error *err, enum range_side side, const char *fmt, ...)
    HG_PRINTF(3, 4);
static hg_status fail_at(struct hg_error *err, enum range_side side, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    hg_fail_v(err, HG_EINVAL, fmt, args);
    va_end(args);
    return hg_fail_pointer(err, HG_EINVAL, "/%s", range_keys[side]);
}

/* ------------------------------------------------------------------------------------------ */
/* Reading                                                                                      */
/* ------------------------------------------------------------------------------------------ */

/*
 * A number that went through a double on its way here has lost its own digits: 0.1 comes as
 * 0.10000000000000001. The shortest text of the same double is what was written.
 */
static void shorten(const struct hg_json_token *token, char *text, size_t size)
{
    double value;
    if (!memchr(token->text, '.', token->n) && !memchr(token->text, 'e', token->n) &&
        !memchr(token->text, 'E', token->n)) {
        return;
    }
    if (hg_json_float64(token, &value, NULL)) {
        return;
    }
    for (int digits = 1; digits <= 17; digits++) {
        char shorter[40];
        double again;
        int n = snprintf(shorter, sizeof shorter, "%.*e", digits - 1, value);
        struct hg_json_token number = {
            .type = HG_JSON_NUMBER, .text = shorter, .n = (size_t)(n > 0 ? n : 0)};
        if (hg_json_float64(&number, &again, NULL) || again != value) {
            continue;
        }
        int exponent = (int)strtol(strchr(shorter, 'e') + 1, NULL, 10);
        if (exponent < -15 || exponent > 15) {
            (void)snprintf(text, size, "%s", shorter);
        } else {
            int behind = digits - 1 - exponent;
            (void)snprintf(text, size, "%.*f", behind > 0 ? behind : 0, value);
        }
        return;
    }
}

hg_status range_bound_read(const char *json,
                           enum range_side side,
                           struct range_bound *ret,
                           struct hg_error *err)
{
    struct hg_json_reader *reader;
    struct hg_json_token token;
    hg_status status = hg_json_reader_text(NULL, json, strlen(json), &reader, err);
    if (status) {
        return status;
    }
    status = hg_json_next(reader, &token, err);
    if (!status && token.type != HG_JSON_STRING && token.type != HG_JSON_NUMBER) {
        status = fail_at(err, side, "\"%s\" is neither a number nor a text", range_keys[side]);
    } else if (!status && (token.n == 0 || token.n >= sizeof ret->text)) {
        status = fail_at(err,
                         side,
                         "\"%s\" has %zu characters, expected 1 to %zu",
                         range_keys[side],
                         token.n,
                         sizeof ret->text - 1);
    }
    if (!status) {
        memcpy(ret->text, token.text, token.n);
        ret->text[token.n] = '\0';
        ret->is_text = token.type == HG_JSON_STRING;
        if (!ret->is_text) {
            shorten(&token, ret->text, sizeof ret->text);
        }
    }
    hg_json_reader_free(reader);
    return status;
}

/* ------------------------------------------------------------------------------------------ */
/* Decimal numbers                                                                              */
/* ------------------------------------------------------------------------------------------ */

/* digits[0].digits[1]... times 10 to the power of (point - 1); no leading zero unless it is 0. */
struct decimal {
    bool negative;
    int n;
    int point; /* digits before the point; may be below 0 or above n */
    char digits[64];
};

static bool parse_exponent(const char *at, int *ret)
{
    char *end;
    if (*at == '\0') {
        *ret = 0;
        return true;
    }
    if ((*at != 'e' && *at != 'E') || strlen(at) > 6) {
        return false;
    }
    long value = strtol(at + 1, &end, 10);
    *ret = (int)value;
    return end != at + 1 && *end == '\0' && (at[1] == '-' || at[1] == '+' || at[1] >= '0');
}

static bool parse_decimal(const char *text, struct decimal *ret)
{
    const char *at = text + (*text == '-');
    bool point = false;
    int seen = 0;
    int exponent;
    *ret = (struct decimal){.negative = *text == '-'};
    for (; (*at >= '0' && *at <= '9') || (*at == '.' && !point); at++) {
        if (*at == '.') {
            point = true;
            continue;
        }
        seen++;
        if (*at != '0' || ret->n > 0) {
            ret->digits[ret->n++] = *at;
            ret->point += !point;
        } else {
            ret->point -= point;
        }
    }
    if (seen == 0 || !parse_exponent(at, &exponent)) {
        return false;
    }
    ret->point += exponent;
    return true;
}

/*
 * The whole part of the number times 10 to the power of `scale`, towards 0, and whether something
 * is left. False when it passes 38 digits.
 */
static bool scale_decimal(const struct decimal *d, int scale, hg_int128 *ret, bool *ret_rest)
{
    hg_int128 value = 0;
    int whole = d->point + scale;
    *ret = 0;
    *ret_rest = false;
    for (int i = 0; i < d->n; i++) {
        *ret_rest = *ret_rest || (i >= whole && d->digits[i] != '0');
    }
    if (d->n > 0 && whole > DIGITS_MAX) {
        return false;
    }
    for (int i = 0; i < whole && d->n > 0; i++) {
        value = value * 10 + (i < d->n ? d->digits[i] - '0' : 0);
    }
    *ret = d->negative ? -value : value;
    return true;
}

/* Narrows the limits by one bound, `value` units with or without a rest behind it. */
static void narrow(
    struct range_limits *limits, enum range_side side, hg_int128 value, bool negative, bool rest)
{
    if (is_lower(side)) {
        bool up = rest ? !negative : is_exclusive(side);
        limits->low = value + up;
    } else {
        bool down = rest ? negative : is_exclusive(side);
        limits->high = value - down;
    }
}

static hg_status number_limit(const struct range_bound *bound,
                              enum range_side side,
                              int scale,
                              struct range_limits *limits,
                              struct hg_error *err)
{
    struct decimal d;
    hg_int128 value;
    bool rest;
    if (!parse_decimal(bound->text, &d)) {
        return fail_at(err, side, "\"%s\" is \"%s\", not a number", range_keys[side], bound->text);
    }
    if (scale_decimal(&d, scale, &value, &rest)) {
        narrow(limits, side, value, d.negative, rest);
    } else if (is_lower(side) && !d.negative) {
        limits->low = INT128_MAX; /* above all values */
    } else if (!is_lower(side) && d.negative) {
        limits->high = INT128_MIN;
    }
    return HG_OK;
}

static hg_status float_limit(const struct range_bound *bound,
                             enum range_side side,
                             struct range_limits *limits,
                             struct hg_error *err)
{
    struct decimal d;
    double value;
    struct hg_json_token token = {
        .type = HG_JSON_NUMBER, .text = bound->text, .n = strlen(bound->text)};
    if (!parse_decimal(bound->text, &d) || hg_json_float64(&token, &value, NULL)) {
        return fail_at(err, side, "\"%s\" is \"%s\", not a number", range_keys[side], bound->text);
    }
    if (is_lower(side)) {
        limits->float_low = is_exclusive(side) ? nextafter(value, HUGE_VAL) : value;
    } else {
        limits->float_high = is_exclusive(side) ? nextafter(value, -HUGE_VAL) : value;
    }
    return HG_OK;
}

/* ------------------------------------------------------------------------------------------ */
/* Dates and times                                                                              */
/* ------------------------------------------------------------------------------------------ */

/* Takes exactly `n` digits. */
static bool take_digits(const char **at, int n, int *ret)
{
    *ret = 0;
    for (int i = 0; i < n; i++, (*at)++) {
        if (**at < '0' || **at > '9') {
            return false;
        }
        *ret = *ret * 10 + (**at - '0');
    }
    return true;
}

static bool take(const char **at, char c)
{
    bool is = **at == c;
    *at += is;
    return is;
}

static bool take_date(const char **at, int64_t *ret_days)
{
    int year;
    int month;
    int day;
    if (!take_digits(at, 4, &year) || !take(at, '-') || !take_digits(at, 2, &month) ||
        !take(at, '-') || !take_digits(at, 2, &day) || year < 1 || month < 1 || month > 12 ||
        day < 1 || day > hg_days_in_month(year, month)) {
        return false;
    }
    *ret_days = hg_days_of_date((struct hg_date){year, month, day});
    return true;
}

/* "09:30", "09:30:00" or "09:30:00.123456". */
static bool take_clock(const char **at, int64_t *ret_us)
{
    int hour;
    int minute;
    int second = 0;
    int64_t fraction = 0;
    if (!take_digits(at, 2, &hour) || !take(at, ':') || !take_digits(at, 2, &minute) ||
        (take(at, ':') && !take_digits(at, 2, &second)) || hour > 23 || minute > 59 ||
        second > 59) {
        return false;
    }
    if (take(at, '.')) {
        int64_t unit = 1000000;
        for (; **at >= '0' && **at <= '9' && unit > 1; (*at)++) {
            unit /= 10;
            fraction += unit * (**at - '0');
        }
        if (unit == 1000000) {
            return false;
        }
    }
    *ret_us = ((int64_t)hour * 3600 + minute * 60 + second) * 1000000 + fraction;
    return true;
}

/* "Z", "+02:00"; nothing is UTC. */
static bool take_zone(const char **at, bool *ret_given, int64_t *ret_us)
{
    int hours;
    int minutes;
    int sign = **at == '-' ? -1 : 1;
    *ret_us = 0;
    *ret_given = **at != '\0';
    if (!*ret_given || take(at, 'Z')) {
        return true;
    }
    if ((!take(at, '+') && !take(at, '-')) || !take_digits(at, 2, &hours) || !take(at, ':') ||
        !take_digits(at, 2, &minutes) || hours > 18 || minutes > 59) {
        return false;
    }
    *ret_us = sign * ((int64_t)hours * 60 + minutes) * 60000000;
    return true;
}

static bool parse_time(const char *text, int64_t *ret_us, bool *ret_zone)
{
    const char *at = text;
    int64_t days;
    int64_t clock_us = 0;
    int64_t zone_us = 0;
    *ret_zone = false;
    if (!take_date(&at, &days)) {
        return false;
    }
    if (*at != '\0') {
        if ((!take(&at, 'T') && !take(&at, ' ')) || !take_clock(&at, &clock_us) ||
            !take_zone(&at, ret_zone, &zone_us) || *at != '\0') {
            return false;
        }
    }
    *ret_us = days * INT64_C(86400000000) + clock_us - zone_us;
    return true;
}

static hg_status date_limit(const struct range_bound *bound,
                            enum range_side side,
                            struct range_limits *limits,
                            struct hg_error *err)
{
    const char *at = bound->text;
    int64_t days;
    if (!bound->is_text || !take_date(&at, &days) || *at != '\0') {
        fail_at(err, side, "\"%s\" is %s, not a date", range_keys[side], bound->text);
        return hg_fail_hint(err, HG_EINVAL, "Write it as a text such as \"2020-01-31\".");
    }
    narrow(limits, side, days, false, false);
    return HG_OK;
}

static hg_status time_limit(const struct range_bound *bound,
                            enum range_side side,
                            bool instant,
                            struct range_limits *limits,
                            struct hg_error *err)
{
    int64_t time_us;
    bool zone;
    if (!bound->is_text || !parse_time(bound->text, &time_us, &zone)) {
        fail_at(err, side, "\"%s\" is %s, not a timestamp", range_keys[side], bound->text);
        return hg_fail_hint(err,
                            HG_EINVAL,
                            "Write it as a text such as \"2020-01-31 09:30:00\" or "
                            "\"2020-01-31T09:30:00.5+01:00\".");
    }
    if (zone && !instant) {
        fail_at(err,
                side,
                "\"%s\" is %s, but the column's timestamps have no zone",
                range_keys[side],
                bound->text);
        return hg_fail_hint(err, HG_EINVAL, "Leave the zone out.");
    }
    narrow(limits, side, time_us, false, false);
    return HG_OK;
}

/* ------------------------------------------------------------------------------------------ */
/* Columns                                                                                      */
/* ------------------------------------------------------------------------------------------ */

static hg_status limit(const struct range_bound *bound,
                       enum range_side side,
                       const struct hg_view *view,
                       struct range_limits *limits,
                       struct hg_error *err)
{
    switch (view->type) {
    case HG_TYPE_FLOAT64:
        return float_limit(bound, side, limits, err);
    case HG_TYPE_DATE32:
        return date_limit(bound, side, limits, err);
    case HG_TYPE_TIMESTAMP_US:
        return time_limit(bound, side, view->has_zone, limits, err);
    default:
        return number_limit(
            bound, side, view->type == HG_TYPE_DECIMAL128 ? view->scale : 0, limits, err);
    }
}

/* Limits that every value of the type is within. */
static void widest(const struct hg_view *view, struct range_limits *ret)
{
    bool small = view->type == HG_TYPE_INT32 || view->type == HG_TYPE_DATE32;
    bool decimal = view->type == HG_TYPE_DECIMAL128;
    ret->low = decimal ? INT128_MIN : small ? INT32_MIN : INT64_MIN;
    ret->high = decimal ? INT128_MAX : small ? INT32_MAX : INT64_MAX;
    ret->float_low = -HUGE_VAL;
    ret->float_high = HUGE_VAL;
}

hg_status range_limits_make(const struct range_bound *bounds,
                            const struct hg_view *view,
                            struct range_limits *ret,
                            struct hg_error *err)
{
    struct range_limits all;
    struct range_limits limits;
    enum range_side last = RANGE_MIN;
    widest(view, &all);
    limits = all;
    for (enum range_side side = RANGE_MIN; side < RANGE_N_SIDES; side++) {
        if (bounds[side].text[0] == '\0') {
            continue;
        }
        hg_status status = limit(&bounds[side], side, view, &limits, err);
        if (status) {
            return status;
        }
        last = side;
    }
    limits.low = limits.low < all.low ? all.low : limits.low;
    limits.high = limits.high > all.high ? all.high : limits.high;
    if (limits.low > limits.high || limits.float_low > limits.float_high) {
        char type[32];
        hg_view_type_name(view, type, sizeof type);
        return fail_at(
            err, last, "no %s lies within the bounds for column \"%s\"", type, view->name);
    }
    *ret = limits;
    return HG_OK;
}
