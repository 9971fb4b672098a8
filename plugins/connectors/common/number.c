#include "number.h"

#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>

const double src_powers_of_ten[23] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                      1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                      1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

static const uint64_t whole_powers_of_ten[20] = {UINT64_C(1),
                                                 UINT64_C(10),
                                                 UINT64_C(100),
                                                 UINT64_C(1000),
                                                 UINT64_C(10000),
                                                 UINT64_C(100000),
                                                 UINT64_C(1000000),
                                                 UINT64_C(10000000),
                                                 UINT64_C(100000000),
                                                 UINT64_C(1000000000),
                                                 UINT64_C(10000000000),
                                                 UINT64_C(100000000000),
                                                 UINT64_C(1000000000000),
                                                 UINT64_C(10000000000000),
                                                 UINT64_C(100000000000000),
                                                 UINT64_C(1000000000000000),
                                                 UINT64_C(10000000000000000),
                                                 UINT64_C(100000000000000000),
                                                 UINT64_C(1000000000000000000),
                                                 UINT64_C(10000000000000000000)};

/* A number taken apart. */
struct parts {
    bool negative;
    int64_t exponent;            /* of ten, that the digits are multiplied with */
    size_t n;                    /* digits, without zeros in front; */
    char digits[SRC_NUMBER_MAX]; /* '0' to '9' */
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static void add_digit(struct parts *parts, char c)
{
    if (parts->n > 0 || c != '0') {
        parts->digits[parts->n++] = c;
    }
}

/*
 * The whole part from text[i]: digits, in groups of three when separators are there. Returns where
 * it ends, or SIZE_MAX where groups are of a wrong size.
 */
static size_t take_whole(const char *text, size_t n, size_t i, char thousands, struct parts *parts)
{
    size_t start = i;
    size_t group = 0;
    bool grouped = false;
    for (; i < n; i++) {
        if (is_digit(text[i])) {
            add_digit(parts, text[i]);
            group++;
        } else if (thousands && text[i] == thousands && i > start) {
            if (grouped ? group != 3 : group > 3) {
                return SIZE_MAX;
            }
            grouped = true;
            group = 0;
        } else {
            break;
        }
    }
    return grouped && group != 3 ? SIZE_MAX : i;
}

/* "e+10" at text[i] up to the end. */
static bool take_exponent(const char *text, size_t n, size_t i, int64_t *ret)
{
    bool negative = false;
    if (i < n && (text[i] == '-' || text[i] == '+')) {
        negative = text[i++] == '-';
    }
    if (i == n) {
        return false;
    }
    int64_t e = 0;
    for (; i < n; i++) {
        if (!is_digit(text[i])) {
            return false;
        }
        if (e < 1000000) {
            e = e * 10 + (text[i] - '0');
        }
    }
    *ret = negative ? -e : e;
    return true;
}

static bool take_apart(const char *text,
                       size_t n,
                       const struct src_number_style *style,
                       struct parts *parts)
{
    parts->negative = false;
    parts->exponent = 0;
    parts->n = 0;
    size_t i = 0;
    if (n > SRC_NUMBER_MAX) {
        return false;
    }
    if (i < n && (text[i] == '-' || text[i] == '+')) {
        parts->negative = text[i++] == '-';
    }
    size_t end = take_whole(text, n, i, style->thousands, parts);
    if (end == SIZE_MAX) {
        return false;
    }
    bool any = end > i;
    i = end;
    if (i < n && text[i] == style->mark) {
        for (i++; i < n && is_digit(text[i]); i++) {
            add_digit(parts, text[i]);
            parts->exponent--;
            any = true;
        }
    }
    if (!any) {
        return false;
    }
    if (i < n && (text[i] == 'e' || text[i] == 'E')) {
        int64_t e;
        if (!take_exponent(text, n, i + 1, &e)) {
            return false;
        }
        parts->exponent += e;
        return true;
    }
    return i == n;
}

/* ------------------------------------------------------------------------------------------ */
/* Integers                                                                                     */
/* ------------------------------------------------------------------------------------------ */

enum src_verdict src_int64(const char *text,
                           size_t n,
                           const struct src_number_style *style,
                           int64_t *ret)
{
    struct parts parts;
    size_t start = n > 0 && (text[0] == '-' || text[0] == '+');
    parts.n = 0;
    if (n > SRC_NUMBER_MAX || n == start ||
        take_whole(text, n, start, style->thousands, &parts) != n) {
        return SRC_OTHER;
    }
    bool negative = text[0] == '-';
    uint64_t limit = negative ? UINT64_C(1) << 63 : (uint64_t)INT64_MAX;
    uint64_t v = 0;
    for (size_t i = 0; i < parts.n; i++) {
        uint64_t digit = (uint64_t)(parts.digits[i] - '0');
        if (v > limit / 10 || v * 10 > limit - digit) {
            return SRC_RANGE;
        }
        v = v * 10 + digit;
    }
    *ret = negative ? (int64_t)(0 - v) : (int64_t)v;
    return SRC_FITS;
}

/* ------------------------------------------------------------------------------------------ */
/* Doubles                                                                                      */
/* ------------------------------------------------------------------------------------------ */

static unsigned bits_of(src_uint128 v)
{
    uint64_t high = (uint64_t)(v >> 64);
    return high ? 128 - (unsigned)__builtin_clzll(high)
                : 64 - (unsigned)__builtin_clzll((uint64_t)v);
}

/* 2^exponent, an exponent that a normal double has. */
static double power_of_two(int exponent)
{
    uint64_t bits = (uint64_t)(exponent + 1023) << 52;
    double d;
    memcpy(&d, &bits, sizeof d);
    return d;
}

/* v * 2^exponent with v of 54 bits or more, and something below v when `more`. */
static double rounded(src_uint128 v, int exponent, bool more)
{
    unsigned drop = bits_of(v) - 53;
    uint64_t kept = (uint64_t)(v >> drop);
    src_uint128 rest = v & (((src_uint128)1 << drop) - 1);
    src_uint128 half = (src_uint128)1 << (drop - 1);
    if (rest > half || (rest == half && (more || (kept & 1)))) {
        kept++;
    }
    return (double)kept * power_of_two(exponent + (int)drop);
}

double src_scaled(uint64_t m, int exponent)
{
    if (m >> 53 == 0) {
        double d = (double)m;
        return exponent < 0 ? d / src_powers_of_ten[-exponent] : d * src_powers_of_ten[exponent];
    }
    if (exponent >= 0) {
        src_uint128 v = (src_uint128)m * whole_powers_of_ten[exponent];
        return rounded(v, 0, false);
    }
    int shift = 64 + __builtin_clzll(m);
    src_uint128 v = (src_uint128)m << shift;
    uint64_t divisor = whole_powers_of_ten[-exponent];
    src_uint128 quotient = v / divisor;
    return rounded(quotient, -shift, quotient * divisor != v);
}

static bool same_word(const char *text, size_t n, const char *word)
{
    size_t i = 0;
    for (; i < n && word[i]; i++) {
        if ((text[i] | 0x20) != word[i]) {
            return false;
        }
    }
    return i == n && !word[i];
}

static bool special_value(const char *text, size_t n, double *ret)
{
    bool negative = n > 0 && text[0] == '-';
    if (n > 0 && (text[0] == '-' || text[0] == '+')) {
        text++;
        n--;
    }
    double d;
    if (same_word(text, n, "nan")) {
        d = (double)NAN;
    } else if (same_word(text, n, "inf") || same_word(text, n, "infinity")) {
        d = HUGE_VAL;
    } else {
        return false;
    }
    *ret = negative ? -d : d;
    return true;
}

static locale_t c_locale;
static pthread_once_t c_locale_once = PTHREAD_ONCE_INIT;

static void make_c_locale(void)
{
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

/* Any number of digits: as the C library does it, with the mark of the C locale. */
static enum src_verdict long_float64(const struct parts *parts, double *ret)
{
    char text[SRC_NUMBER_MAX + 32];
    text[0] = '0';
    memcpy(text + 1, parts->digits, parts->n);
    size_t at = parts->n + 1;
    int64_t e = parts->exponent;
    text[at++] = 'e';
    text[at++] = e < 0 ? '-' : '+';
    uint64_t rest = (uint64_t)(e < 0 ? -e : e);
    char reversed[24];
    size_t n = 0;
    do {
        reversed[n++] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    while (n > 0) {
        text[at++] = reversed[--n];
    }
    text[at] = '\0';
    pthread_once(&c_locale_once, make_c_locale);
    double d = c_locale ? strtod_l(text, NULL, c_locale) : strtod(text, NULL);
    if (isinf(d)) {
        return SRC_RANGE;
    }
    *ret = parts->negative ? -d : d;
    return SRC_FITS;
}

/*
 * The common long form: digits with at most one mark, no more than 19 digits from the first that is
 * not zero on. False for all else.
 */
static bool plain_digits(const char *text, size_t n, char mark, uint64_t *ret_m, int *ret_scale)
{
    uint64_t m = 0;
    size_t n_digits = 0;
    size_t mark_at = n;
    for (size_t i = 0; i < n;) {
        if (n - i >= 8 && n_digits <= 11 && src_all_digits(src_load64(text + i))) {
            m = m * 100000000 + src_eight_digits(src_load64(text + i));
            n_digits += 8;
            i += 8;
            continue;
        }
        if (is_digit(text[i])) {
            m = m * 10 + (uint64_t)(text[i] - '0');
            n_digits += n_digits > 0 || text[i] != '0';
        } else if (text[i] == mark && mark_at == n) {
            mark_at = i;
        } else {
            return false;
        }
        i++;
        if (n_digits > 19) {
            return false;
        }
    }
    *ret_m = m;
    *ret_scale = mark_at < n ? (int)(n - mark_at - 1) : 0;
    return n_digits > 0 && *ret_scale <= 19;
}

enum src_verdict src_float64(const char *text,
                             size_t n,
                             const struct src_number_style *style,
                             double *ret)
{
    struct parts parts;
    uint64_t m;
    int scale;
    size_t sign = n > 0 && text[0] == '-';
    if (n <= 40 && plain_digits(text + sign, n - sign, style->mark, &m, &scale)) {
        double d = src_scaled(m, -scale);
        *ret = sign ? -d : d;
        return SRC_FITS;
    }
    if (!take_apart(text, n, style, &parts)) {
        return special_value(text, n, ret) ? SRC_FITS : SRC_OTHER;
    }
    while (parts.n > 0 && parts.digits[parts.n - 1] == '0') {
        parts.n--;
        parts.exponent++;
    }
    if (parts.n == 0) {
        *ret = parts.negative ? -0.0 : 0.0;
        return SRC_FITS;
    }
    if (parts.n > 19 || parts.exponent < -19 || parts.exponent > 19) {
        return long_float64(&parts, ret);
    }
    m = 0;
    for (size_t i = 0; i < parts.n; i++) {
        m = m * 10 + (uint64_t)(parts.digits[i] - '0');
    }
    double d = src_scaled(m, (int)parts.exponent);
    *ret = parts.negative ? -d : d;
    return SRC_FITS;
}

/* ------------------------------------------------------------------------------------------ */
/* Decimals                                                                                     */
/* ------------------------------------------------------------------------------------------ */

enum src_verdict src_decimal(const char *text,
                             size_t n,
                             const struct src_number_style *style,
                             int32_t precision,
                             int32_t scale,
                             hg_int128 *ret)
{
    struct parts parts;
    if (!take_apart(text, n, style, &parts)) {
        return SRC_OTHER;
    }
    while (parts.n > 0 && parts.digits[parts.n - 1] == '0') {
        parts.n--;
        parts.exponent++;
    }
    if (parts.n == 0) {
        *ret = 0;
        return SRC_FITS;
    }
    int64_t zeros = scale + parts.exponent;
    if ((int64_t)parts.n + zeros > precision) {
        return SRC_PRECISION;
    }
    if (zeros < 0) {
        return SRC_SCALE;
    }
    hg_int128 v = 0;
    for (size_t i = 0; i < parts.n; i++) {
        v = v * 10 + (parts.digits[i] - '0');
    }
    for (int64_t i = 0; i < zeros; i++) {
        v *= 10;
    }
    *ret = parts.negative ? -v : v;
    return SRC_FITS;
}
