/*
 * What the handlers of this folder share.
 */
#ifndef HG_API_CONTEXT_H
#define HG_API_CONTEXT_H

#include <stdbool.h>

#include "api/api.h"
#include "auth/auth.h"
#include "http/request.h"
#include "http/server.h"
#include "pipeline/service.h"

#define HG_SESSION_COOKIE "headgate_session"

struct hg_api {
    struct hg_api_options options;
    struct hg_auth *auth;
    struct hg_idempotency *idempotency;
    struct hg_site *site;
    struct hg_networks *trusted_proxies; /* NULL: none */
    struct hg_tls *tls;                  /* NULL: plain HTTP */
    struct hg_http_server *server;
    int64_t started_us;
    bool is_https; /* the browser's side of it */
};

/* The API that a request came to. */
struct hg_api *hg_api_of(const struct hg_http_request *request);

/* ?limit= (1..500, else 400 naming it) and ?cursor=. */
int hg_api_page(struct hg_http_request *request, struct hg_page *ret, struct hg_error *err);
/*
 * Answers 200 with what a service gave (taken over), or passes its failure on. What a service calls
 * invalid in a GET came with the query: 400.
 */
int hg_api_answer(struct hg_http_request *request, int r, json_t *json, struct hg_error *err);
/* Answers 202 with a thing that is under way (taken over) and where it can be seen: status_url. */
int hg_api_accept(struct hg_http_request *request, json_t *json, struct hg_error *err);
/* What takes no body: none, or an empty object. */
int hg_api_no_body(struct hg_http_request *request, struct hg_error *err);
/* 422 naming the first member of `body` that is none of `known` (ended by NULL). */
int hg_api_check_members(struct hg_http_request *request,
                         const json_t *body,
                         const char *const *known,
                         struct hg_error *err);
/* A text member of the body, borrowed from it; 422 naming it when it is none. */
int hg_api_text_member(struct hg_http_request *request,
                       const json_t *body,
                       const char *name,
                       const char **ret,
                       struct hg_error *err);

/* The same, NULL when it is absent; null and empty texts are refused too. */
int hg_api_optional_text(struct hg_http_request *request,
                         const json_t *body,
                         const char *name,
                         const char **ret,
                         struct hg_error *err);
/*
 * Whose things are listed: ?username=, which only an admin may set to another, else one's own. 403.
 */
int hg_api_whose(struct hg_http_request *request, const char **ret, struct hg_error *err);

#endif
