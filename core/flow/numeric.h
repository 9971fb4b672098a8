/*
 * Decimals in PostgreSQL's binary format of numeric.
 */
#ifndef HG_FLOW_NUMERIC_H
#define HG_FLOW_NUMERIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

__extension__ typedef __int128 hg_flow_int128;
__extension__ typedef unsigned __int128 hg_flow_uint128;

/* Four words of head and at most eleven digits to the base of 10,000. */
#define HG_NUMERIC_BYTES_MAX (8 + 2 * 11)
/* Sign, 38 digits, a point, a zero before it, the NUL. */
#define HG_NUMERIC_TEXT 44

/* Writes value / 10^scale exactly; scale is 0..38. Returns the bytes written. */
size_t hg_numeric_encode(hg_flow_int128 value, int scale, uint8_t *ret_bytes);
/*
 * Reads a numeric of at most 38 digits that has no more than `scale` digits behind the point into
 * *ret = number * 10^scale; false for any other, for NaN and infinities, and for broken bytes.
 */
bool hg_numeric_decode(const uint8_t *bytes, size_t n, int scale, hg_flow_int128 *ret);
/* "-12.50"; always with `scale` digits behind the point. */
void hg_numeric_format(hg_flow_int128 value, int scale, char ret_text[HG_NUMERIC_TEXT]);
/* Whether the value has at most `precision` digits (1..38). */
bool hg_numeric_fits(hg_flow_int128 value, int precision);

#endif
