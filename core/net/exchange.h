/*
 * One request and its answer, on one libcurl handle, without redirects.
 */
#ifndef HG_NET_EXCHANGE_H
#define HG_NET_EXCHANGE_H

#include <stdatomic.h>

#include <curl/curl.h>

#include "net/client.h"
#include "net/url.h"

struct hg_net_exchange {
    const struct hg_guard *guard;
    const struct hg_net_request *request;
    const char *url;
    char origin[HG_ORIGIN_TEXT];
    struct hg_net_response *response;
    CURL *easy;
    struct curl_slist *headers; /* of the caller's texts, borrowed */
    void *secret_line;          /* of the arena */
    bool is_refused;            /* by the guard */
    size_t n_header_bytes;
    bool is_too_big;
    bool is_out_of_memory;
    CURLcode code; /* once it has ended */
    /* Between the caller's thread and the loop's. */
    bool ended; /* under the loop's mutex */
    atomic_bool cancelled;
    struct hg_net_exchange *next; /* in the loop's lists */
};

/*
 * Makes the handle. `with_credential`: it may go to this origin. hg_net_exchange_close also after a
 * failure.
 */
int hg_net_exchange_open(struct hg_net_exchange *exchange,
                         const struct hg_net_options *options,
                         bool with_body,
                         bool with_credential,
                         int64_t timeout_ms,
                         struct hg_error *err);
/* What came of it, once it has ended. */
int hg_net_exchange_result(struct hg_net_exchange *exchange, struct hg_error *err);
void hg_net_exchange_close(struct hg_net_exchange *exchange);

#endif
