/*
 * The route table: each row is a method and a path pattern, who may use it, and what does it.
 */
#ifndef HG_HTTP_ROUTER_H
#define HG_HTTP_ROUTER_H

#include <stdbool.h>
#include <stddef.h>

#include "auth/roles.h"
#include "http/request.h"

/*
 * Answers the request and returns HG_OK, or fails with *err, which becomes a problem. Runs on the
 * executor, where it may wait; with HG_ROUTE_INLINE on the HTTP thread, where it must not.
 */
typedef int hg_http_handler(struct hg_http_request *request, struct hg_error *err);

enum hg_route_flags {
    HG_ROUTE_PUBLIC = 1,   /* needs no sign-in */
    HG_ROUTE_INLINE = 2,   /* never waits */
    HG_ROUTE_PASSWORD = 4, /* looks at a password, so it answers 429 when one is guessed at */
    HG_ROUTE_ONCE = 8,     /* takes an Idempotency-Key */
    HG_ROUTE_MATCH = 16,   /* takes If-Match, and answers 412 */
};

struct hg_route {
    const char *method;  /* "GET" answers HEAD too */
    const char *pattern; /* "/a/{b}/c"; a parameter is a whole segment */
    enum hg_role role;   /* the least that may use it; HG_ROLE_NONE where public */
    unsigned flags;
    hg_http_handler *handler;
    /* For the OpenAPI document; schema names may be NULL. */
    const char *summary;
    const char *request_schema;
    const char *answer_schema;
    const char *const *query; /* names of the parameters it takes, ended by NULL; NULL: none */
    const char *operation;    /* its name in the document, for those who generate clients */
    int status;               /* of a good answer */
};

enum {
    HG_ALLOW_MAX = 96, /* room for the value of Allow, with the NUL */
};

/*
 * Finds the row for request->method and ->target; sets ->route and ->params. HG_ENOTFOUND when no
 * pattern fits the path; HG_ENOTSUP when one does but for another method, with those that there are
 * in ret_allow ("GET, HEAD, OPTIONS").
 */
int hg_router_find(const struct hg_route *routes,
                   size_t n_routes,
                   struct hg_http_request *request,
                   char ret_allow[HG_ALLOW_MAX]);

#endif
