/* Entity tags (RFC 9110, section 8.8.3): which state of a thing somebody has read. */
#ifndef HG_BASE_ETAG_H
#define HG_BASE_ETAG_H

#include <stdbool.h>

#include "base/error.h"

/*
 * Whether a list of entity tags, an If-Match or If-None-Match header, holds `etag`, which is
 * quoted;
 * "*" holds any. Weak ones count as their strong ones when `weakly`, as for If-None-Match, else
 * they fit nothing. What is no list of entity tags holds what stands before the mistake.
 */
bool hg_etag_listed(const char *list, const char *etag, bool weakly);
/*
 * HG_ECONFLICT and *ret_stale when `if_match` (NULL: no condition) does not list `etag`; the error
 * says that the thing, "the user", was changed.
 */
int hg_etag_check(const char *if_match,
                  const char *etag,
                  const char *thing,
                  bool *ret_stale,
                  struct hg_error *err);

#endif
