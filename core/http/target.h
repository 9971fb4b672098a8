/*
 * The target of a request: its path and its query, decoded strictly.
 *
 * What two programs could read in different ways is refused, not mended: a percent sign that is no
 * escape, an escaped slash or NUL, "." and ".." segments, empty segments, bytes that are not UTF-8,
 * control characters, backslashes, a parameter given twice.
 */
#ifndef HG_HTTP_TARGET_H
#define HG_HTTP_TARGET_H

#include <stddef.h>

#include "base/arena.h"
#include "base/error.h"

struct hg_http_field {
    const char *name;
    const char *value;
};

enum {
    HG_HTTP_TARGET_MAX = 8192, /* bytes of path and query */
    HG_HTTP_SEGMENTS_MAX = 32,
    HG_HTTP_QUERY_MAX = 64,
};

struct hg_http_target {
    const char *path;                           /* decoded, begins with "/" */
    const char *segments[HG_HTTP_SEGMENTS_MAX]; /* decoded, without slashes; "/" has none */
    size_t n_segments;
    struct hg_http_field *query;
    size_t n_query;
};

/*
 * Takes a raw target apart: "/a/b?x=1" or "http://host/a/b?x=1". All of *ret is in the arena.
 * HG_EINVAL with what is wrong; HG_ETOOBIG over a limit above.
 */
int hg_http_target_parse(struct hg_arena *arena,
                         const char *raw,
                         struct hg_http_target *ret,
                         struct hg_error *err);

#endif
