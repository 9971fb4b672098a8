/*
 * Values are looked at in blocks of 64. Nearly all blocks are good, so the first loop over a block
 * only counts what is outside, which the compiler makes into vector code; only when there is
 * something is the block gone through bit by bit.
 */
#include "compare.h"

#include <string.h>

enum { BLOCK = 64 };

static void put_bits(uint8_t *to, uint64_t bits, int n)
{
    for (int i = 0; i < (n + 7) / 8; i++) {
        to[i] = (uint8_t)(bits >> (8 * i));
    }
}

#define DEFINE_COMPARE(name, type)                                                             \
    HG_HOT static bool name(const type *values, int64_t n, type low, type high, uint8_t *bits) \
    {                                                                                          \
        bool any = false;                                                                      \
        for (int64_t at = 0; at < n; at += BLOCK, bits += BLOCK / 8) {                         \
            int rows = n - at < BLOCK ? (int)(n - at) : BLOCK;                                 \
            const type *v = values + at;                                                       \
            uint64_t block = 0;                                                                \
            unsigned bad = 0;                                                                  \
            for (int i = 0; i < rows; i++) {                                                   \
                bad |= (unsigned)!((v[i] >= low) & (v[i] <= high));                            \
            }                                                                                  \
            for (int i = 0; bad && i < rows; i++) {                                            \
                block |= (uint64_t) !((v[i] >= low) & (v[i] <= high)) << i;                    \
            }                                                                                  \
            any |= block != 0;                                                                 \
            put_bits(bits, block, rows);                                                       \
        }                                                                                      \
        return any;                                                                            \
    }

DEFINE_COMPARE(compare_int32, int32_t)
DEFINE_COMPARE(compare_int64, int64_t)
DEFINE_COMPARE(compare_float64, double)

static int64_t clamp(hg_int128 value)
{
    return value < INT64_MIN ? INT64_MIN : value > INT64_MAX ? INT64_MAX : (int64_t)value;
}

static bool decimal_is_outside(const uint64_t *halves, const struct range_limits *limits)
{
    hg_int128 value;
    memcpy(&value, halves, sizeof value);
    return value < limits->low || value > limits->high;
}

/* Decimals are two halves; those that fit into the lower one are compared as int64 at first. */
HG_HOT static bool compare_decimal(const uint64_t *values,
                                   int64_t n,
                                   const struct range_limits *limits,
                                   uint8_t *bits)
{
    const int64_t low = clamp(limits->low);
    const int64_t high = clamp(limits->high);
    bool any = false;
    for (int64_t at = 0; at < n; at += BLOCK, bits += BLOCK / 8) {
        int rows = n - at < BLOCK ? (int)(n - at) : BLOCK;
        const uint64_t *v = values + at * 2;
        uint64_t block = 0;
        uint64_t bad = 0;
        for (int i = 0; i < rows; i++) {
            int64_t lower = (int64_t)v[2 * i];
            bad |= (uint64_t)((lower < low) | (lower > high)) |
                   (v[2 * i + 1] ^ (uint64_t)(lower >> 63));
        }
        for (int i = 0; bad && i < rows; i++) {
            block |= (uint64_t)decimal_is_outside(v + 2 * i, limits) << i;
        }
        any |= block != 0;
        put_bits(bits, block, rows);
    }
    return any;
}

bool range_compare(const struct hg_view *view, const struct range_limits *limits, uint8_t *bits)
{
    int64_t n = view->n;
    int64_t from = view->offset;
    if (n == 0) {
        return false;
    }
    switch (view->type) {
    case HG_TYPE_INT32:
    case HG_TYPE_DATE32:
        return compare_int32((const int32_t *)view->values + from,
                             n,
                             (int32_t)limits->low,
                             (int32_t)limits->high,
                             bits);
    case HG_TYPE_FLOAT64:
        return compare_float64(
            (const double *)view->values + from, n, limits->float_low, limits->float_high, bits);
    case HG_TYPE_DECIMAL128:
        return compare_decimal((const uint64_t *)view->values + from * 2, n, limits, bits);
    default:
        return compare_int64((const int64_t *)view->values + from,
                             n,
                             (int64_t)limits->low,
                             (int64_t)limits->high,
                             bits);
    }
}
