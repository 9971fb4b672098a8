/*
 * One HTTP request, as a handler sees it, and the answer that the handler gives.
 *
 * A request belongs to one thread at a time: the HTTP thread while it comes in, then the thread of
 * the executor that runs its handler. Everything it points at lives in its arena, until it is over.
 */
#ifndef HG_HTTP_REQUEST_H
#define HG_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "auth/principal.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/uuid.h"
#include "http/target.h"

enum {
    HG_HTTP_HEADERS_MAX = 100,
    HG_HTTP_ANSWER_HEADERS_MAX = 16,
    HG_HTTP_JSON_DEPTH_MAX = 64,
};

struct hg_route;
struct hg_http_stream;
struct hg_sockets;
struct hg_streams;
struct hg_subscriber;

/* What the handler answers. The body is freed when `owned`, else it outlives the server. */
struct hg_http_answer {
    int status; /* 0 while there is none */
    const char *content_type;
    char *body;
    size_t n_body;
    bool owned;
    struct hg_http_field headers[HG_HTTP_ANSWER_HEADERS_MAX];
    size_t n_headers;
    struct hg_subscriber
        *subscriber; /* of a connection that becomes a socket; owned, and with it a place */
    struct hg_http_stream *stream; /* makes the body instead; owned */
};

struct hg_http_request {
    struct hg_arena arena;
    char id[HG_UUID_TEXT]; /* the correlation id: X-Request-Id and request_id */
    const char *method;    /* "GET" for HEAD too */
    bool is_head;
    bool is_http_1_0;
    const char *raw_target; /* as sent, cut at HG_HTTP_TARGET_MAX + 1 bytes */
    struct hg_http_target target;
    struct hg_http_field *headers;
    size_t n_headers;
    struct hg_buf body;
    char remote_address[64];
    const struct hg_route *route;             /* NULL for what the table does not hold */
    const char *params[HG_HTTP_SEGMENTS_MAX]; /* of the route's pattern, in its order */
    void *context;                            /* of the server's options */
    struct hg_sockets *sockets;               /* the server's; NULL: it has none */
    struct hg_streams *streams;               /* the server's */

    /* Who sent it: nobody until the server's `authenticate` has said. Its texts are the request's.
     */
    struct hg_principal principal;

    struct hg_http_answer answer;
    /* For the problem that a failing handler becomes. */
    int problem_status;      /* 0: from the error's code */
    json_t *problem_errors;  /* [{"pointer", "detail"}], or NULL */
    json_t *problem_members; /* members of its own, or NULL */
};

/* The i-th {param} of the route's pattern, decoded. */
const char *hg_http_param(const struct hg_http_request *request, size_t i);
/* A parameter of the query, decoded; NULL when it is not given. */
const char *hg_http_query(const struct hg_http_request *request, const char *name);
/* An integer of the query within [min, max], `if_absent` without one; 400 naming it otherwise. */
int hg_http_query_int(struct hg_http_request *request,
                      const char *name,
                      int min,
                      int max,
                      int if_absent,
                      int *ret,
                      struct hg_error *err);
/* The first header of that name (any case), or NULL. */
const char *hg_http_header(const struct hg_http_request *request, const char *name);
/* The value of a cookie, in the arena, or NULL. */
const char *hg_http_cookie(struct hg_http_request *request, const char *name);
/*
 * What stands behind "Bearer" in Authorization; "" where that header is something else, NULL
 * without it. A request that has one is not asked for cookies: no page of another origin can make a
 * browser send it.
 */
const char *hg_http_bearer(const struct hg_http_request *request);

/*
 * The body as a JSON object: 415 when it is not declared as JSON, 400 when it is malformed, holds a
 * key twice or is nested deeper than HG_HTTP_JSON_DEPTH_MAX, 422 when it is no object. An empty
 * body is {} where `optional`. *ret is owned by the caller.
 */
int hg_http_json_body(struct hg_http_request *request,
                      bool optional,
                      json_t **ret,
                      struct hg_error *err);

/* ---- failing: return what these return ---- */

/* A malformed request: HG_EINVAL that becomes a 400. */
int hg_http_bad_request(struct hg_http_request *request, struct hg_error *err, const char *fmt, ...)
    HG_PRINTF(3, 4);
/* Adds a field at fault to the problem's `errors`. */
void hg_http_problem_field(struct hg_http_request *request,
                           const char *pointer,
                           const char *detail);
/* Adds a text member of its own to the problem. */
void hg_http_problem_member(struct hg_http_request *request, const char *name, const char *value);

/* ---- answering; all return HG_OK or HG_ENOMEM ---- */

/* Takes `json` over, also when it fails. */
int hg_http_answer_json(struct hg_http_request *request,
                        int status,
                        json_t *json,
                        struct hg_error *err);
/* `body` is copied. */
int hg_http_answer_text(struct hg_http_request *request,
                        int status,
                        const char *content_type,
                        const char *body,
                        struct hg_error *err);
/* `body` outlives the server and is not copied. */
void hg_http_answer_static(struct hg_http_request *request,
                           int status,
                           const char *content_type,
                           const void *body,
                           size_t n);
void hg_http_answer_empty(struct hg_http_request *request, int status);
/* Adds a header to the answer; both texts are copied into the arena. */
int hg_http_answer_header(struct hg_http_request *request,
                          const char *name,
                          const char *value,
                          struct hg_error *err);

/* Makes a body of any length while it is sent. */
struct hg_http_maker {
    /*
     * Writes the whole body by hg_http_stream_write, on a thread of its own. An error cuts the
     * connection, so that nobody takes the part for the whole.
     */
    int (*make)(void *arg, struct hg_http_stream *stream, struct hg_error *err);
    /* Frees `arg`, also where nothing was made. [any] thread; must not wait. */
    void (*free)(void *arg);
    /*
     * Whether who asked for the body may still have it, asked every few seconds; NULL: always.
     * HG_EUNAUTHENTICATED and HG_EFORBIDDEN cut the connection; so does any other failure once
     * there was none but these for half a minute. May wait. [the maker's thread]
     */
    int (*may)(void *arg, struct hg_error *err);
};
/*
 * Whether somebody still takes the body. A maker that waits for something else looks now and then,
 * and returns HG_ECANCELLED when nobody does: it holds a place, and a stop waits for it. Who may
 * not have it any more (`may` above) takes it no more either. [the maker's thread]
 */
bool hg_http_stream_is_wanted(struct hg_http_stream *stream);
/*
 * Answers 200 with what `maker` makes. Takes `arg` over, also when it fails: HG_EUNAVAILABLE where
 * as many such answers are under way as the server sends at once, a 505 for HTTP/1.0, which cannot
 * tell a part from the whole. `content_type` outlives the request.
 */
int hg_http_answer_stream(struct hg_http_request *request,
                          const char *content_type,
                          const struct hg_http_maker *maker,
                          void *arg,
                          struct hg_error *err);
/*
 * Adds to the body, and waits while the client does not take what is there. HG_ECANCELLED when he
 * takes no more: then return that. [the maker's thread]
 */
int hg_http_stream_write(struct hg_http_stream *stream,
                         const void *bytes,
                         size_t n,
                         struct hg_error *err);

/* Drops an answer given before, its headers too. */
void hg_http_answer_drop(struct hg_http_request *request);
/* Frees all of the request but itself. */
void hg_http_request_free(struct hg_http_request *request);

#endif
