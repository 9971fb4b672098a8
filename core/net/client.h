/*
 * The host's HTTP client: whatever Headgate asks of other systems goes through it.
 *
 *     const struct hg_net_request request = {.method = "POST", .url = url, .body = text, ...};
 *     HG_CLEANUP(hg_net_response_free) struct hg_net_response response = HG_NET_RESPONSE_INIT;
 *     r = hg_net_send(client, &request, &response, err);
 *     r = r < 0 ? r : hg_net_check(&response, err);
 *
 * Only what the guard lets through is connected to, whatever the name resolves to. Redirects are
 * followed to origins that the caller names and nowhere else, a credential goes to its own origins
 * only, and answers are counted here, after they were unpacked. Certificates are always verified.
 * No proxy of the environment, no cookies, no .netrc. Error texts name the origin and never the
 * path or the query of a URL, which can be secrets.
 */
#ifndef HG_NET_CLIENT_H
#define HG_NET_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/secret.h"
#include "net/guard.h"
#include "net/rate.h"

struct hg_net_client;

struct hg_net_options {
    const struct hg_guard *guard; /* borrowed until hg_net_client_free */
    const char *ca_file;          /* certificates to trust instead of the system's; NULL: those */
    const char *user_agent;       /* NULL: "headgate" */
};

/* Starts its thread. Owned by the caller. */
int hg_net_client_new(const struct hg_net_options *options,
                      struct hg_net_client **ret,
                      struct hg_error *err);
/* Ends what is under way with HG_ECANCELLED. No call may begin any more. NULL is fine. */
void hg_net_client_free(struct hg_net_client *client);
HG_DEFINE_CLEANUP(hg_net_client_freep, struct hg_net_client *, hg_net_client_free)

/* Sent as "<header>: <before><secret>". */
struct hg_net_credential {
    const char *header;             /* "Authorization" */
    const char *before;             /* "Bearer "; NULL: nothing */
    const struct hg_secret *secret; /* without NULs and line ends */
    const char *const *origins; /* where it may be sent, as hg_url_origin gives them; not NULL */
};

/* All borrowed until hg_net_send returns. */
struct hg_net_request {
    const char *method;         /* NULL: GET */
    const char *url;            /* https, or http with `plain` */
    const char *const *headers; /* "Name: value", ended by NULL; NULL: none */
    const void *body;           /* NULL: none */
    size_t n_body;
    const struct hg_net_credential *credential; /* NULL: none */

    const char *const *origins; /* besides that of `url`, where redirects may lead; NULL: none */
    int redirects_max;          /* 0: a redirect is an answer like others */
    bool plain;                 /* http:// too; never from https to http */

    int64_t timeout_ms; /* of all of it; 0: 30 s */
    int64_t body_max;   /* bytes of an answer, unpacked; 0: 1 MiB */

    const char *rate_key; /* what `limits` are counted by; NULL: not counted */
    const struct hg_rate_limit *limits;
    size_t n_limits;

    bool (*is_cancelled)(void *arg); /* asked about every 100 ms, in the caller's thread; or NULL */
    void *arg;
};

/* Microseconds from the start of the last hop; 0: was not needed, or not reached. */
struct hg_net_times {
    int64_t resolved_us, connected_us, secured_us, first_byte_us, total_us;
};

struct hg_net_response {
    int status;
    struct hg_buf body;
    json_t *headers;        /* names in lower case; of several the last */
    int64_t retry_after_ms; /* -1: not said */
    int n_redirects;
    char origin[300]; /* which has answered */
    struct hg_net_times times;
};
#define HG_NET_RESPONSE_INIT                                   \
    {                                                          \
        .status = 0, .body = HG_BUF_INIT, .retry_after_ms = -1 \
    }
void hg_net_response_free(struct hg_net_response *response);

/*
 * Waits for the answer. HG_OK for an answer of any status. [any] thread, several at once.
 *
 * HG_EINVAL         the URL or a header cannot be
 * HG_EFORBIDDEN     the guard, or a redirect to an origin that was not named
 * HG_ERATELIMITED   a limit is used up or Retry-After is not over: nothing was sent; retry_after_ms
 * HG_EUNAVAILABLE   no address, no connection, or it broke off (retryable); a certificate that is
 *                   not valid (not retryable)
 * HG_ETIMEDOUT      (retryable)
 * HG_ETOOBIG        over `body_max`, or too many headers
 * HG_EDATA          the answer is no HTTP
 * HG_ECANCELLED     by `is_cancelled`, or the client ends
 */
int hg_net_send(struct hg_net_client *client,
                const struct hg_net_request *request,
                struct hg_net_response *ret,
                struct hg_error *err);

/*
 * HG_OK for a status of 2xx, else the error that it stands for: 401 HG_EUNAUTHENTICATED, 403
 * HG_EFORBIDDEN, 404 and 410 HG_ENOTFOUND, 408 HG_ETIMEDOUT, 413 HG_ETOOBIG, 429 HG_ERATELIMITED,
 * other 4xx HG_EINVAL, 5xx HG_EUNAVAILABLE, others HG_EDATA. Nothing of the body is in the text.
 */
int hg_net_check(const struct hg_net_response *response, struct hg_error *err);

#endif
