/*
 * Numbers from text, exactly: integers with their range checked, decimals without a detour over
 * binary floating point, doubles correctly rounded.
 *
 * Text here is `n` bytes without a NUL behind them. The functions named `_fast` read up to 16 bytes
 * from the start of the text, whatever `n` is: the caller keeps that many readable.
 */
#ifndef SRC_NUMBER_H
#define SRC_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "headgate/batch.h"

__extension__ typedef unsigned __int128 src_uint128;

/* What became of a text. */
enum src_verdict {
    SRC_FITS = 0,
    SRC_OTHER,     /* it is not of that type at all */
    SRC_RANGE,     /* it is beyond what the type holds */
    SRC_SCALE,     /* a decimal with more digits behind the mark than the column has */
    SRC_PRECISION, /* a decimal with more digits than the column has */
    SRC_NO_DAY,    /* a date that the calendar lacks */
    SRC_ZONE       /* a time with a zone in a column that has none */
};

struct src_number_style {
    char mark;      /* between the whole part and the fraction */
    char thousands; /* between groups of three digits; NUL: none */
};

/* Longest text that is looked at as a number; no double needs more. */
#define SRC_NUMBER_MAX 1100

enum src_verdict src_int64(const char *text,
                           size_t n,
                           const struct src_number_style *style,
                           int64_t *ret);
/* Also "nan", "inf" and "infinity" in any case, with a sign. */
enum src_verdict src_float64(const char *text,
                             size_t n,
                             const struct src_number_style *style,
                             double *ret);
/* The value times 10 to the power of `scale`. An exponent is taken where the result is exact. */
enum src_verdict src_decimal(const char *text,
                             size_t n,
                             const struct src_number_style *style,
                             int32_t precision,
                             int32_t scale,
                             hg_int128 *ret);

/* The double nearest to m * 10^exponent, ties to even; the exponent within -19 and 19. */
double src_scaled(uint64_t m, int exponent);

/* ------------------------------------------------------------------------------------------ */
/* The fast ways: true and a result, or false and the ways above have to look                   */
/* ------------------------------------------------------------------------------------------ */

extern const double src_powers_of_ten[23];

#define SRC_EACH_BYTE(c) ((uint64_t)(unsigned char)(c)*UINT64_C(0x0101010101010101))

/* Eight bytes, the first in the lowest byte. */
static inline uint64_t src_load64(const char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    return v;
}

static inline bool src_all_digits(uint64_t v)
{
    return ((((v + UINT64_C(0x4646464646464646)) | (v - UINT64_C(0x3030303030303030)))) &
            UINT64_C(0x8080808080808080)) == 0;
}

/* Eight digits, the first in the lowest byte. */
static inline uint64_t src_eight_digits(uint64_t v)
{
    v = (v & UINT64_C(0x0F0F0F0F0F0F0F0F)) * 2561 >> 8;
    v = (v & UINT64_C(0x00FF00FF00FF00FF)) * 6553601 >> 16;
    return (v & UINT64_C(0x0000FFFF0000FFFF)) * UINT64_C(42949672960001) >> 32;
}

/* Byte number of the first `mark` in the word, 8 when there is none. */
static inline unsigned src_find_byte(uint64_t v, uint64_t marks)
{
    uint64_t x = v ^ marks;
    uint64_t hit = (x - UINT64_C(0x0101010101010101)) & ~x & UINT64_C(0x8080808080808080);
    return hit ? (unsigned)__builtin_ctzll(hit) / 8 : 8;
}

/* 1 to 8 bytes: digits with at most one mark. */
static inline bool src_digits8(
    const char *p, unsigned n, uint64_t marks, uint64_t *ret_m, unsigned *ret_scale)
{
    uint64_t v = src_load64(p);
    unsigned at = src_find_byte(v, marks);
    unsigned scale = 0;
    if (at < n) {
        uint64_t low = v & ((UINT64_C(1) << (8 * at)) - 1);
        v = low | (v >> (8 * at) >> 8 << (8 * at));
        n--;
        scale = n - at;
        if (n == 0) {
            return false;
        }
    }
    unsigned shift = 64 - 8 * n;
    v = v << shift | (UINT64_C(0x3030303030303030) & ((UINT64_C(1) << shift) - 1));
    *ret_m = src_eight_digits(v);
    *ret_scale = scale;
    return src_all_digits(v);
}

/* 9 to 16 bytes of the same. */
static inline bool src_digits16(
    const char *p, unsigned n, uint64_t marks, uint64_t *ret_m, unsigned *ret_scale)
{
    uint64_t low = src_load64(p);
    uint64_t high = src_load64(p + 8);
    unsigned at = src_find_byte(low, marks);
    if (at == 8) {
        at = 8 + src_find_byte(high, marks);
    }
    src_uint128 v = (src_uint128)high << 64 | low;
    unsigned scale = 0;
    if (at < n) {
        src_uint128 before = v & (((src_uint128)1 << (8 * at)) - 1);
        v = before | (v >> (8 * at) >> 8 << (8 * at));
        n--;
        scale = n - at;
    }
    /* n is 8 to 16: the first n - 8 digits and the last 8. */
    v <<= 128 - 8 * n;
    low = (uint64_t)v;
    high = (uint64_t)(v >> 64);
    unsigned shift = 128 - 8 * n;
    low = shift == 64 ? UINT64_C(0x3030303030303030)
                      : low | (UINT64_C(0x3030303030303030) & ((UINT64_C(1) << shift) - 1));
    *ret_m = src_eight_digits(low) * 100000000 + src_eight_digits(high);
    *ret_scale = scale;
    return src_all_digits(low) && src_all_digits(high);
}

static inline bool src_digits(
    const char *p, uint32_t n, uint64_t marks, uint64_t *ret_m, unsigned *ret_scale)
{
    if (n - 1 < 8) {
        return src_digits8(p, n, marks, ret_m, ret_scale);
    }
    return n - 9 < 8 && src_digits16(p, n, marks, ret_m, ret_scale);
}

static inline bool src_float64_fast(const char *p, uint32_t n, uint64_t marks, double *ret)
{
    uint64_t m;
    unsigned scale;
    bool negative = *p == '-';
    if (!src_digits(p + negative, n - negative, marks, &m, &scale) || m >> 53 != 0) {
        return false;
    }
    double d = (double)m / src_powers_of_ten[scale];
    *ret = negative ? -d : d;
    return true;
}

static inline bool src_int64_fast(const char *p, uint32_t n, int64_t *ret)
{
    uint64_t m;
    unsigned scale;
    bool negative = *p == '-';
    /* No byte of a number is NUL, so there is no mark. */
    if (!src_digits(p + negative, n - negative, 0, &m, &scale) || scale > 0) {
        return false;
    }
    *ret = negative ? -(int64_t)m : (int64_t)m;
    return true;
}

#endif
