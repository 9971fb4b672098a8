#include "flow/numeric.h"

#include <string.h>

enum { BASE = 10000, DIGITS_MAX = 11, POSITIVE = 0x0000, NEGATIVE = 0x4000 };

static const unsigned powers[] = {1, 10, 100, 1000};

static void put16(uint8_t *to, unsigned value)
{
    to[0] = (uint8_t)(value >> 8);
    to[1] = (uint8_t)value;
}

static unsigned get16(const uint8_t *from)
{
    return ((unsigned)from[0] << 8) | from[1];
}

static hg_flow_uint128 magnitude(hg_flow_int128 value)
{
    return value < 0 ? -(hg_flow_uint128)value : (hg_flow_uint128)value;
}

/*
 * Digits to the base of 10,000, lowest first, such that the point lies between two of them: a
 * scale that is no multiple of four leaves a lowest digit that is filled up with zeros.
 */
static int split(hg_flow_uint128 value, int scale, uint16_t *digits)
{
    int n = 0;
    unsigned rest = powers[scale % 4];
    if (rest > 1) {
        digits[n++] = (uint16_t)((unsigned)(value % rest) * (BASE / rest));
        value /= rest;
    }
    while (value >> 64) {
        digits[n++] = (uint16_t)(value % BASE);
        value /= BASE;
    }
    for (uint64_t low = (uint64_t)value; low; low /= BASE) {
        digits[n++] = (uint16_t)(low % BASE);
    }
    return n;
}

size_t hg_numeric_encode(hg_flow_int128 value, int scale, uint8_t *ret_bytes)
{
    uint16_t digits[DIGITS_MAX + 1];
    int n = split(magnitude(value), scale, digits);
    int n_fraction = (scale + 3) / 4;
    int first = n;
    int last = 0;
    while (first > 0 && digits[first - 1] == 0) {
        first--;
    }
    while (last < first && digits[last] == 0) {
        last++;
    }
    int n_digits = first - last;
    put16(ret_bytes, (unsigned)n_digits);
    put16(ret_bytes + 2, n_digits ? (unsigned)(first - 1 - n_fraction) & 0xffff : 0);
    put16(ret_bytes + 4, value < 0 ? NEGATIVE : POSITIVE);
    put16(ret_bytes + 6, (unsigned)scale);
    for (int i = 0; i < n_digits; i++) {
        put16(ret_bytes + 8 + 2 * i, digits[first - 1 - i]);
    }
    return 8 + 2 * (size_t)n_digits;
}

/* value * 10^n + add, or false when that has more than 38 digits. */
static bool shift(hg_flow_uint128 *value, unsigned factor, unsigned add)
{
    hg_flow_uint128 shifted;
    return !__builtin_mul_overflow(*value, (hg_flow_uint128)factor, &shifted) &&
           !__builtin_add_overflow(shifted, (hg_flow_uint128)add, value);
}

static bool add_digit(hg_flow_uint128 *value, unsigned digit, int n_places)
{
    if (n_places >= 4) {
        return shift(value, BASE, digit);
    }
    if (n_places <= 0) {
        return digit == 0;
    }
    unsigned cut = powers[4 - n_places];
    return digit % cut == 0 && shift(value, powers[n_places], digit / cut);
}

bool hg_numeric_decode(const uint8_t *bytes, size_t n, int scale, hg_flow_int128 *ret)
{
    if (n < 8) {
        return false;
    }
    unsigned n_digits = get16(bytes);
    int weight = (int16_t)get16(bytes + 2);
    unsigned sign = get16(bytes + 4);
    if ((sign != POSITIVE && sign != NEGATIVE) || n != 8 + 2 * (size_t)n_digits) {
        return false;
    }
    hg_flow_uint128 value = 0;
    /* From the highest digit down to the last place of the scale; digits not sent are zero. */
    for (int i = 0; i < (int)n_digits || weight - i >= -((scale + 3) / 4); i++) {
        int n_places = weight - i >= 0 ? 4 : scale + 4 * (weight - i + 1);
        unsigned digit = i < (int)n_digits ? get16(bytes + 8 + 2 * i) : 0;
        if (digit >= BASE || !add_digit(&value, digit, n_places)) {
            return false;
        }
    }
    if (!hg_numeric_fits((hg_flow_int128)value, 38) || value >> 127) {
        return false;
    }
    *ret = sign == NEGATIVE ? -(hg_flow_int128)value : (hg_flow_int128)value;
    return true;
}

void hg_numeric_format(hg_flow_int128 value, int scale, char ret_text[HG_NUMERIC_TEXT])
{
    char reversed[HG_NUMERIC_TEXT];
    int n = 0;
    hg_flow_uint128 rest = magnitude(value);
    do {
        if (n == scale && scale > 0) {
            reversed[n++] = '.';
        }
        reversed[n++] = (char)('0' + (int)(rest % 10));
        rest /= 10;
    } while (rest || n < scale + (scale > 0 ? 2 : 1));
    char *to = ret_text;
    if (value < 0) {
        *to++ = '-';
    }
    while (n > 0) {
        *to++ = reversed[--n];
    }
    *to = '\0';
}

bool hg_numeric_fits(hg_flow_int128 value, int precision)
{
    hg_flow_uint128 limit = 1;
    for (int i = 0; i < precision; i++) {
        limit *= 10;
    }
    return magnitude(value) < limit;
}
