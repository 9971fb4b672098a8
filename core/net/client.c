#include "net/client.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/time.h"
#include "net/exchange.h"
#include "net/loop.h"

enum {
    TIMEOUT_MS = 30000,
    HOLD_MAX_MS = 24 * 3600 * 1000, /* of a Retry-After, which anybody can send */
};

struct hg_net_client {
    struct hg_net_options options;
    struct hg_net_loop *loop;
    struct hg_rates *rates;
    char *ca_file;
    char *user_agent;
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static CURLcode curl_made;

static void make_curl(void)
{
    curl_made = curl_global_init(CURL_GLOBAL_DEFAULT);
}

static int copy_text(const char *text, char **ret, struct hg_error *err)
{
    *ret = text ? strdup(text) : NULL;
    return text && !*ret ? hg_error_nomem(err) : HG_OK;
}

int hg_net_client_new(const struct hg_net_options *options,
                      struct hg_net_client **ret,
                      struct hg_error *err)
{
    HG_CLEANUP(hg_net_client_freep) struct hg_net_client *client = calloc(1, sizeof *client);
    (void)pthread_once(&curl_once, make_curl);
    if (!client || curl_made != CURLE_OK) {
        return hg_error_nomem(err);
    }
    int r = copy_text(options->ca_file, &client->ca_file, err);
    r = r < 0 ? r : copy_text(options->user_agent, &client->user_agent, err);
    r = r < 0 ? r : hg_rates_new(&client->rates, err);
    r = r < 0 ? r : hg_net_loop_new(&client->loop, err);
    if (r < 0) {
        return r;
    }
    client->options = (struct hg_net_options){
        .guard = options->guard, .ca_file = client->ca_file, .user_agent = client->user_agent};
    *ret = HG_TAKE(client);
    return HG_OK;
}

void hg_net_client_free(struct hg_net_client *client)
{
    if (client) {
        hg_net_loop_free(client->loop);
        hg_rates_free(client->rates);
        free(client->ca_file);
        free(client->user_agent);
        free(client);
    }
}

void hg_net_response_free(struct hg_net_response *response)
{
    hg_buf_free(&response->body);
    json_decref(response->headers);
    response->headers = NULL;
}

/* ---- rates ---- */

static int take_rate(struct hg_net_client *client,
                     const struct hg_net_request *request,
                     const char *origin,
                     struct hg_error *err)
{
    int64_t wait_ms = 0;
    if (!request->rate_key) {
        return HG_OK;
    }
    int r = hg_rates_take(client->rates,
                          request->rate_key,
                          request->limits,
                          request->n_limits,
                          hg_time_monotonic_ms(),
                          &wait_ms,
                          err);
    if (r < 0 || wait_ms == 0) {
        return r;
    }
    (void)hg_error_set(err, HG_ERATELIMITED, "%s is not called yet: its limit is used up", origin);
    if (err) {
        err->retryable = 1;
        err->retry_after_ms = wait_ms;
    }
    return HG_ERATELIMITED;
}

static int keep_hold(struct hg_net_client *client,
                     const struct hg_net_request *request,
                     const struct hg_net_response *response,
                     struct hg_error *err)
{
    int64_t wait_ms = response->retry_after_ms;
    if (!request->rate_key || wait_ms < 0 || (response->status != 429 && response->status != 503)) {
        return HG_OK;
    }
    wait_ms = wait_ms > HOLD_MAX_MS ? HOLD_MAX_MS : wait_ms;
    return hg_rates_hold(client->rates, request->rate_key, hg_time_monotonic_ms() + wait_ms, err);
}

/* ---- hops ---- */

/* Where a call goes next, and with what. */
struct hop {
    char *url; /* owned; NULL: the request's */
    char origin[HG_ORIGIN_TEXT];
    bool with_body;
    int64_t until_ms;
};

static const char *url_of(const struct hg_net_request *request, const struct hop *hop)
{
    return hop->url ? hop->url : request->url;
}

static int check_scheme(const struct hg_net_request *request,
                        const char *origin,
                        struct hg_error *err)
{
    if (request->plain || strncmp(origin, "https:", 6) == 0) {
        return HG_OK;
    }
    (void)hg_error_set(err, HG_EINVAL, "%s is not called: it is not https", origin);
    return hg_error_hint(err, "Give an https:// URL, or allow plain http for it.");
}

static int do_hop(struct hg_net_client *client,
                  const struct hg_net_request *request,
                  const struct hop *hop,
                  struct hg_net_response *ret,
                  struct hg_error *err)
{
    const struct hg_net_credential *credential = request->credential;
    int64_t left_ms = hop->until_ms - hg_time_monotonic_ms();
    struct hg_net_exchange exchange = {.guard = client->options.guard,
                                       .request = request,
                                       .url = url_of(request, hop),
                                       .response = ret};
    bool with_credential = credential && hg_origin_is_one_of(hop->origin, credential->origins);
    (void)snprintf(exchange.origin, sizeof exchange.origin, "%s", hop->origin);
    int r = hg_net_exchange_open(&exchange,
                                 &client->options,
                                 hop->with_body,
                                 with_credential,
                                 left_ms > 1 ? left_ms : 1,
                                 err);
    if (r == HG_OK) {
        hg_net_loop_run(client->loop, &exchange, request->is_cancelled, request->arg);
        r = hg_net_exchange_result(&exchange, err);
    }
    hg_net_exchange_close(&exchange);
    return r;
}

static bool is_redirect(const struct hg_net_response *response)
{
    static const int statuses[] = {301, 302, 303, 307, 308};
    for (size_t i = 0; i < HG_COUNT(statuses); i++) {
        if (response->status == statuses[i]) {
            return json_object_get(response->headers, "location") != NULL;
        }
    }
    return false;
}

static int refuse_redirect(const char *from, const char *to, const char *why, struct hg_error *err)
{
    return hg_error_set(err, HG_EFORBIDDEN, "%s redirects to %s, %s", from, to, why);
}

/* What browsers do: 303 turns all into GET, 301 and 302 a POST. */
static bool keeps_body(const struct hg_net_request *request, int status)
{
    const char *method = request->method ? request->method : "GET";
    if (status == 303) {
        return strcmp(method, "HEAD") == 0;
    }
    return (status != 301 && status != 302) || strcmp(method, "POST") != 0;
}

static int next_hop(const struct hg_net_request *request,
                    const struct hg_net_response *response,
                    const char *first_origin,
                    struct hop *hop,
                    struct hg_error *err)
{
    char origin[HG_ORIGIN_TEXT];
    HG_CLEANUP(hg_freep) char *url = NULL;
    const char *location = json_string_value(json_object_get(response->headers, "location"));
    int r = hg_url_resolve(url_of(request, hop), location, &url, err);
    r = r < 0 ? r : hg_url_origin(url, origin, err);
    if (r < 0) {
        return hg_error_wrap(err, "%s redirects", hop->origin);
    }
    if (strncmp(hop->origin, "https:", 6) == 0 && strncmp(origin, "https:", 6) != 0) {
        return refuse_redirect(hop->origin, origin, "which is not https", err);
    }
    if (strcmp(origin, first_origin) != 0 && !hg_origin_is_one_of(origin, request->origins)) {
        return refuse_redirect(
            hop->origin, origin, "which is none of the origins that it may lead to", err);
    }
    hop->with_body = hop->with_body && keeps_body(request, response->status);
    (void)snprintf(hop->origin, sizeof hop->origin, "%s", origin);
    free(hop->url);
    hop->url = HG_TAKE(url);
    return HG_OK;
}

static int follow(struct hg_net_client *client,
                  const struct hg_net_request *request,
                  struct hop *hop,
                  struct hg_net_response *ret,
                  struct hg_error *err)
{
    char first_origin[HG_ORIGIN_TEXT];
    (void)snprintf(first_origin, sizeof first_origin, "%s", hop->origin);
    for (ret->n_redirects = 0;; ret->n_redirects++) {
        int r = take_rate(client, request, hop->origin, err);
        r = r < 0 ? r : do_hop(client, request, hop, ret, err);
        r = r < 0 ? r : keep_hold(client, request, ret, err);
        if (r < 0 || request->redirects_max == 0 || !is_redirect(ret)) {
            return r;
        }
        if (ret->n_redirects == request->redirects_max) {
            return hg_error_set(err,
                                HG_EDATA,
                                "%s redirects, and did so %d times before",
                                hop->origin,
                                ret->n_redirects);
        }
        r = next_hop(request, ret, first_origin, hop, err);
        if (r < 0) {
            return r;
        }
    }
}

int hg_net_send(struct hg_net_client *client,
                const struct hg_net_request *request,
                struct hg_net_response *ret,
                struct hg_error *err)
{
    int64_t timeout_ms = request->timeout_ms > 0 ? request->timeout_ms : TIMEOUT_MS;
    struct hop hop = {.with_body = true, .until_ms = hg_time_monotonic_ms() + timeout_ms};
    int r = hg_url_origin(request->url, hop.origin, err);
    r = r < 0 ? r : check_scheme(request, hop.origin, err);
    r = r < 0 ? r : follow(client, request, &hop, ret, err);
    free(hop.url);
    return r;
}

int hg_net_check(const struct hg_net_response *response, struct hg_error *err)
{
    static const struct {
        int status;
        int is;
        bool retryable;
        const char *text;
    } known[] = {
        {401, HG_EUNAUTHENTICATED, false, "it does not take the credential"},
        {403, HG_EFORBIDDEN, false, "the credential lacks the right"},
        {404, HG_ENOTFOUND, false, "there is nothing at this address"},
        {408, HG_ETIMEDOUT, true, "it has waited for too long"},
        {410, HG_ENOTFOUND, false, "what was at this address is gone"},
        {413, HG_ETOOBIG, false, "what was sent is too large for it"},
        {429, HG_ERATELIMITED, true, "it was called too often"},
    };
    int status = response->status;
    int is = status >= 500 ? HG_EUNAVAILABLE : status >= 400 ? HG_EINVAL : HG_EDATA;
    bool retryable = status >= 500;
    const char *text = status >= 500 ? "it is in trouble" : "it does not take the request";
    if (status >= 200 && status < 300) {
        return HG_OK;
    }
    for (size_t i = 0; i < HG_COUNT(known); i++) {
        if (known[i].status == status) {
            is = known[i].is;
            retryable = known[i].retryable;
            text = known[i].text;
        }
    }
    (void)hg_error_set(err, is, "%s answered %d: %s", response->origin, status, text);
    if (err) {
        err->retryable = retryable;
        err->retry_after_ms = response->retry_after_ms;
    }
    return is;
}
