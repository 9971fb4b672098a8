#include "base/parse.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/error.h"

int hg_parse_int64(const char *text, int64_t min, int64_t max, int64_t *ret, struct hg_error *err)
{
    char *end = NULL;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    bool digits = isdigit((unsigned char)text[text[0] == '-' || text[0] == '+']);
    if (!digits || *end != '\0') {
        return hg_error_set(err, HG_EINVAL, "\"%.64s\" is not a whole number", text);
    }
    if (errno == ERANGE || value < min || value > max) {
        return hg_error_set(
            err, HG_EINVAL, "%.64s is outside %" PRId64 " to %" PRId64, text, min, max);
    }
    *ret = value;
    return HG_OK;
}
