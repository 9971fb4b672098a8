/* Bytes as hexadecimal digits, in lower case. */
#ifndef HG_BASE_HEX_H
#define HG_BASE_HEX_H

#include <stddef.h>

/* Writes 2 * `n` digits and a NUL; gives where the NUL stands. */
char *hg_hex(const void *bytes, size_t n, char *ret);
/* The value of a digit of either case; -1 for what is none. */
int hg_hex_digit(char c);
/* The byte that two digits stand for; -1 when they are none. Reads no further than a NUL. */
int hg_hex_byte(const char *digits);

#endif
