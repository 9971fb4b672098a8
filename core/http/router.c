#include "http/router.h"

#include <stdio.h>
#include <string.h>

/* Whether the decoded segments fit the pattern; fills `params` as far as they do. */
static bool fits(const char *pattern, const struct hg_http_target *target, const char **params)
{
    size_t n_params = 0;
    size_t i = 0;
    while (*pattern == '/' && pattern[1]) {
        pattern++;
        size_t n = strcspn(pattern, "/");
        if (i == target->n_segments) {
            return false;
        }
        const char *segment = target->segments[i++];
        if (pattern[0] == '{') {
            params[n_params++] = segment;
        } else if (strlen(segment) != n || memcmp(segment, pattern, n) != 0) {
            return false;
        }
        pattern += n;
    }
    return i == target->n_segments;
}

static void add_method(char allow[HG_ALLOW_MAX], const char *method)
{
    size_t n = strlen(allow);
    (void)snprintf(allow + n, HG_ALLOW_MAX - n, "%s%s", n > 0 ? ", " : "", method);
    if (strcmp(method, "GET") == 0) {
        add_method(allow, "HEAD");
    }
}

int hg_router_find(const struct hg_route *routes,
                   size_t n_routes,
                   struct hg_http_request *request,
                   char ret_allow[HG_ALLOW_MAX])
{
    char allow[HG_ALLOW_MAX] = "";
    const char *params[HG_HTTP_SEGMENTS_MAX] = {NULL};
    for (size_t i = 0; i < n_routes; i++) {
        if (!fits(routes[i].pattern, &request->target, params)) {
            continue;
        }
        if (strcmp(routes[i].method, request->method) == 0) {
            request->route = &routes[i];
            memcpy(request->params, params, sizeof params);
            return HG_OK;
        }
        add_method(allow, routes[i].method);
    }
    if (!allow[0]) {
        return HG_ENOTFOUND;
    }
    add_method(allow, "OPTIONS");
    memcpy(ret_allow, allow, sizeof allow);
    return HG_ENOTSUP;
}
