#include "http/finish.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "http/problem.h"
#include "http/stream.h"

/* ---- answers ---- */

static bool is_stopping(struct hg_http_server *server)
{
    HG_LOCK(&server->mutex);
    return server->stopping;
}

/* One line for a request that failed on our side. */
static void log_failure(const struct hg_http_request *request, const struct hg_error *err)
{
    hg_log(request->answer.status == 500 ? HG_LOG_ERROR : HG_LOG_WARNING,
           "request failed",
           "request_id",
           request->id,
           "method",
           request->method,
           "route",
           request->route ? request->route->pattern : NULL,
           "code",
           hg_code_name(err->code),
           "error",
           err->message,
           NULL);
}

static void answer_failure(struct hg_http_request *request, const struct hg_error *err)
{
    hg_http_answer_drop(request);
    hg_problem_answer(request, err);
}

void hg_http_fail(struct hg_http_request *request, const struct hg_error *err)
{
    answer_failure(request, err);
    if (request->answer.status >= 500) {
        log_failure(request, err);
    }
}

void hg_http_fail_overloaded(struct hg_exchange *exchange, const struct hg_error *err)
{
    struct hg_http_server *server = exchange->server;
    int64_t now_ms = hg_time_monotonic_ms();
    answer_failure(&exchange->request, err);
    if (now_ms - server->overload_logged_ms >= 1000) {
        server->overload_logged_ms = now_ms;
        log_failure(&exchange->request, err);
    }
}

/* `principal` is NULL for who does not have the request: its handler may be finding that out. */
static bool publish_it(struct hg_exchange *exchange,
                       enum hg_exchange_state from,
                       struct MHD_Response *response,
                       const struct hg_http_answer *answer,
                       const struct hg_principal *principal)
{
    HG_LOCK(&exchange->server->mutex);
    if (exchange->state != from) {
        return false;
    }
    exchange->response = response;
    exchange->status = (unsigned)answer->status;
    exchange->n_answer = exchange->request.is_head ? 0 : answer->n_body;
    exchange->stream = answer->stream;
    if (principal && principal->username[0]) {
        (void)snprintf(exchange->who, sizeof exchange->who, "%s", principal->username);
        exchange->who_by = hg_principal_kind_name(principal->kind);
    }
    exchange->state = HG_EXCHANGE_ANSWERED;
    return true;
}

/* Publishes the answer; true when it was still wanted. */
static bool publish(struct hg_exchange *exchange,
                    enum hg_exchange_state from,
                    struct MHD_Response *response,
                    const struct hg_http_answer *answer,
                    const struct hg_principal *principal)
{
    struct hg_http_stream *stream = answer->stream;
    if (stream) {
        hg_stream_ref(stream); /* the exchange's; taken without the server's mutex */
    }
    bool published = publish_it(exchange, from, response, answer, principal);
    if (stream && !published) {
        hg_stream_unref(stream);
    }
    return published;
}

/* For who published the answer of a parked exchange. The exchange may be gone afterwards. */
static void resume(struct hg_http_server *server, struct MHD_Connection *connection)
{
    MHD_resume_connection(connection);
    HG_LOCK(&server->mutex);
    server->n_parked--;
    (void)pthread_cond_broadcast(&server->ended);
}

void hg_http_finish(struct hg_exchange *exchange, enum hg_exchange_state from)
{
    struct hg_http_answer *answer = &exchange->request.answer;
    bool close = exchange->must_close || is_stopping(exchange->server);
    struct MHD_Response *response = hg_exchange_response(exchange, answer, close);
    if (!publish(exchange, from, response, answer, &exchange->request.principal)) {
        if (response) {
            MHD_destroy_response(response);
        }
    } else if (from == HG_EXCHANGE_PARKED) {
        resume(exchange->server, exchange->connection);
    }
}

/* ---- giving up ---- */

static struct MHD_Response *overdue_response(struct hg_exchange *exchange,
                                             struct hg_http_answer *ret_answer)
{
    struct hg_error err = HG_ERROR_INIT;
    (void)hg_error_set(&err, HG_EUNAVAILABLE, "the host took too long to work on this request");
    (void)hg_error_hint(&err, "It may still be done; look before you send it again.");
    char *text = hg_problem_text(&exchange->request, 503, &err, NULL, NULL);
    *ret_answer = (struct hg_http_answer){
        .status = 503,
        .content_type = "application/problem+json",
        .body = text,
        .n_body = text ? strlen(text) : 0,
        .owned = true,
        .headers = {{"Retry-After", "1"}},
        .n_headers = 1,
    };
    struct MHD_Response *response = hg_exchange_response(exchange, ret_answer, false);
    if (ret_answer->owned) {
        free(ret_answer->body);
    }
    return response;
}

/* An exchange past its deadline, with a reference of the caller's. */
static struct hg_exchange *find_overdue(struct hg_http_server *server, int64_t now_ms)
{
    HG_LOCK(&server->mutex);
    struct hg_exchange *exchange = server->exchanges;
    while (exchange && (exchange->state != HG_EXCHANGE_PARKED || exchange->deadline_ms > now_ms)) {
        exchange = exchange->next;
    }
    if (exchange) {
        exchange->refs++;
    }
    return exchange;
}

bool hg_http_give_up(struct hg_http_server *server, int64_t now_ms)
{
    struct hg_exchange *exchange = find_overdue(server, now_ms);
    if (!exchange) {
        return false;
    }
    struct hg_http_answer answer;
    struct MHD_Response *response = overdue_response(exchange, &answer);
    if (publish(exchange, HG_EXCHANGE_PARKED, response, &answer, NULL)) {
        hg_log(HG_LOG_WARNING,
               "request took too long",
               "request_id",
               exchange->request.id,
               "method",
               exchange->request.method,
               "route",
               exchange->request.route->pattern,
               NULL);
        resume(server, exchange->connection);
    } else if (response) {
        MHD_destroy_response(response);
    }
    hg_exchange_unref(exchange);
    return true;
}
