#include "decimal_type.h"

#include <string.h>

/* One or two digits and what ends them, spaces around them; *p stands behind. */
static bool take_digits(const char **p, char end, int32_t *ret)
{
    int32_t v = 0;
    int n = 0;
    *p += strspn(*p, " ");
    for (; **p >= '0' && **p <= '9' && n < 2; n++) {
        v = v * 10 + (*(*p)++ - '0');
    }
    *p += strspn(*p, " ");
    *ret = v;
    return n > 0 && *(*p)++ == end;
}

bool src_decimal_type(const char *text, int32_t *ret_precision, int32_t *ret_scale)
{
    static const char prefix[] = "decimal(";
    int32_t precision;
    int32_t scale;
    if (strncmp(text, prefix, sizeof prefix - 1) != 0) {
        return false;
    }
    const char *p = text + sizeof prefix - 1;
    if (!take_digits(&p, ',', &precision) || !take_digits(&p, ')', &scale) || *p || precision < 1 ||
        precision > 38 || scale > precision) {
        return false;
    }
    *ret_precision = precision;
    *ret_scale = scale;
    return true;
}
