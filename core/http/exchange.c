#include "http/exchange.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/time.h"
#include "http/headers.h"
#include "http/stream.h"

struct hg_exchange *hg_exchange_new(struct hg_http_server *server, const char *raw_target)
{
    struct hg_exchange *exchange = calloc(1, sizeof *exchange);
    if (!exchange) {
        return NULL;
    }
    struct hg_http_request *request = &exchange->request;
    exchange->server = server;
    exchange->refs = 1;
    exchange->state = HG_EXCHANGE_RECEIVING;
    exchange->started_ms = hg_time_monotonic_ms();
    exchange->early.struct_size = sizeof exchange->early;
    exchange->uri_at = raw_target;
    exchange->n_uri = strlen(raw_target);
    request->context = server->options.context;
    request->sockets = server->sockets;
    request->streams = server->streams;
    request->principal.request_id = request->id;
    request->raw_target =
        hg_arena_strndup(&request->arena, raw_target, strnlen(raw_target, HG_HTTP_TARGET_MAX + 1));
    if (!request->raw_target || hg_uuid_new(request->id, NULL) < 0) {
        hg_http_request_free(request);
        free(exchange);
        return NULL;
    }
    HG_LOCK(&server->mutex);
    exchange->next = server->exchanges;
    if (exchange->next) {
        exchange->next->prev = exchange;
    }
    server->exchanges = exchange;
    return exchange;
}

void hg_exchange_unref(struct hg_exchange *exchange)
{
    struct hg_http_server *server = exchange->server;
    {
        HG_LOCK(&server->mutex);
        if (--exchange->refs > 0) {
            return;
        }
        server->n_buffered -= exchange->n_buffered;
    }
    if (exchange->response) {
        MHD_destroy_response(exchange->response);
    }
    hg_stream_unref(exchange->stream);
    hg_http_request_free(&exchange->request);
    free(exchange);
}

static void unlink_exchange(struct hg_exchange *exchange)
{
    struct hg_http_server *server = exchange->server;
    HG_LOCK(&server->mutex);
    if (exchange->prev) {
        exchange->prev->next = exchange->next;
    } else {
        server->exchanges = exchange->next;
    }
    if (exchange->next) {
        exchange->next->prev = exchange->prev;
    }
    exchange->prev = exchange->next = NULL;
    (void)pthread_cond_broadcast(&server->ended);
}

void hg_exchange_end(struct hg_exchange *exchange)
{
    unlink_exchange(exchange);
    hg_exchange_unref(exchange);
}

/* ---- the response ---- */

void hg_exchange_upgraded(void *cls,
                          struct MHD_Connection *connection,
                          void *request_context,
                          const char *extra,
                          size_t n_extra,
                          MHD_socket fd,
                          struct MHD_UpgradeResponseHandle *handle)
{
    struct hg_exchange *exchange = request_context;
    struct hg_subscriber *subscriber = HG_TAKE(exchange->request.answer.subscriber);
    (void)cls;
    (void)connection;
    {
        HG_LOCK(&exchange->server->mutex);
        exchange->upgraded_ms = hg_time_monotonic_ms();
    }
    hg_sockets_add(exchange->server->sockets, fd, handle, subscriber, extra, n_extra);
}

static struct MHD_Response *body_response(const struct hg_exchange *exchange,
                                          struct hg_http_answer *answer)
{
    static char nothing[1];
    if (answer->subscriber) {
        return MHD_create_response_for_upgrade(hg_exchange_upgraded, NULL);
    }
    if (answer->stream) {
        return hg_stream_response(answer->stream, exchange->connection);
    }
    if (answer->n_body == 0) {
        return MHD_create_response_from_buffer(0, nothing, MHD_RESPMEM_PERSISTENT);
    }
    enum MHD_ResponseMemoryMode mode =
        answer->owned ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT;
    struct MHD_Response *response =
        MHD_create_response_from_buffer(answer->n_body, answer->body, mode);
    if (response) {
        answer->owned = false;
    }
    return response;
}

static bool has_header(const struct hg_http_answer *answer, const char *name)
{
    for (size_t i = 0; i < answer->n_headers; i++) {
        if (strcasecmp(answer->headers[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static bool add_defaults(struct MHD_Response *response,
                         const struct hg_http_answer *answer,
                         const struct hg_exchange *exchange)
{
    bool ok = true;
    if (!has_header(answer, "Content-Security-Policy")) {
        ok =
            MHD_add_response_header(response, "Content-Security-Policy", hg_headers_plain_policy());
    }
    if (!has_header(answer, "Cache-Control")) {
        ok = MHD_add_response_header(response, "Cache-Control", "no-store") && ok;
    }
    if (exchange->server->is_https) {
        ok = MHD_add_response_header(response, "Strict-Transport-Security", "max-age=31536000") &&
             ok;
    }
    return ok;
}

static bool add_headers(struct MHD_Response *response,
                        const struct hg_http_answer *answer,
                        const struct hg_exchange *exchange,
                        bool close)
{
    bool ok = MHD_add_response_header(response, "X-Request-Id", exchange->request.id);
    if (answer->content_type) {
        ok = MHD_add_response_header(response, "Content-Type", answer->content_type) && ok;
    }
    for (const struct hg_http_field *field = hg_headers_fixed(); field->name; field++) {
        ok = MHD_add_response_header(response, field->name, field->value) && ok;
    }
    for (size_t i = 0; i < answer->n_headers; i++) {
        const struct hg_http_field *field = &answer->headers[i];
        ok = MHD_add_response_header(response, field->name, field->value) && ok;
    }
    if (close && !answer->subscriber) {
        ok = MHD_add_response_header(response, "Connection", "close") && ok;
    }
    return add_defaults(response, answer, exchange) && ok;
}

struct MHD_Response *hg_exchange_response(struct hg_exchange *exchange,
                                          struct hg_http_answer *answer,
                                          bool close)
{
    struct MHD_Response *response = body_response(exchange, answer);
    if (response && !add_headers(response, answer, exchange, close)) {
        MHD_destroy_response(response);
        return NULL;
    }
    return response;
}
