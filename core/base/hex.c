#include "base/hex.h"

char *hg_hex(const void *bytes, size_t n, char *ret)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *at = bytes;
    for (size_t i = 0; i < n; i++) {
        *ret++ = digits[at[i] >> 4];
        *ret++ = digits[at[i] & 15];
    }
    *ret = '\0';
    return ret;
}

int hg_hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int hg_hex_byte(const char *digits)
{
    int high = hg_hex_digit(digits[0]);
    int low = high < 0 ? -1 : hg_hex_digit(digits[1]);
    return low < 0 ? -1 : high << 4 | low;
}
