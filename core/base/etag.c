#include "base/etag.h"

#include <string.h>

#define BLANK " \t"

bool hg_etag_listed(const char *list, const char *etag, bool weakly)
{
    size_t n = strlen(etag);
    const char *at = list + strspn(list, BLANK ",");
    if (*at == '*') {
        return at[1 + strspn(at + 1, BLANK)] == '\0';
    }
    while (*at != '\0') {
        bool is_weak = at[0] == 'W' && at[1] == '/';
        at += is_weak ? 2 : 0;
        const char *end = *at == '"' ? strchr(at + 1, '"') : NULL;
        if (!end) {
            return false;
        }
        if ((weakly || !is_weak) && (size_t)(end + 1 - at) == n && strncmp(at, etag, n) == 0) {
            return true;
        }
        at = end + 1 + strspn(end + 1, BLANK);
        if (*at != ',') {
            return false;
        }
        at += strspn(at, BLANK ",");
    }
    return false;
}

int hg_etag_check(const char *if_match,
                  const char *etag,
                  const char *thing,
                  bool *ret_stale,
                  struct hg_error *err)
{
    *ret_stale = if_match && !hg_etag_listed(if_match, etag, false);
    if (!*ret_stale) {
        return HG_OK;
    }
    (void)hg_error_set(err, HG_ECONFLICT, "%s was changed since you read it", thing);
    return hg_error_hint(err, "Read it again and repeat your change.");
}
