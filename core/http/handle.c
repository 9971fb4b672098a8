#include "http/handle.h"

#include <stddef.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"
#include "http/finish.h"
#include "http/origin.h"
#include "http/watch.h"

/* ---- on the executor ---- */

static bool is_write(const struct hg_http_request *request)
{
    return strcmp(request->method, "GET") != 0;
}

static int check_role(const struct hg_http_request *request, struct hg_error *err)
{
    enum hg_role needed = request->route->role;
    if (hg_role_allows(request->principal.role, needed)) {
        return HG_OK;
    }
    (void)hg_error_set(err,
                       HG_EFORBIDDEN,
                       "your role %s does not allow this; it needs %s",
                       hg_role_name(request->principal.role),
                       hg_role_name(needed));
    return hg_error_hint(err, "Ask an admin to do it, or to change your role.");
}

/* A parameter that is misspelt and ignored would give an answer to another question. */
static int check_query(struct hg_http_request *request, struct hg_error *err)
{
    static const char *const none[] = {NULL};
    const char *const *known = request->route->query ? request->route->query : none;
    for (size_t i = 0; i < request->target.n_query; i++) {
        const char *name = request->target.query[i].name;
        size_t k = 0;
        while (known[k] && strcmp(known[k], name) != 0) {
            k++;
        }
        if (!known[k]) {
            const char *nearest = hg_nearest(name, known);
            (void)hg_http_bad_request(request, err, "there is no parameter \"%.64s\" here", name);
            return nearest ? hg_error_hint(err, "Did you mean \"%s\"?", nearest) : HG_EINVAL;
        }
    }
    return HG_OK;
}

static int admit(struct hg_exchange *exchange, struct hg_error *err)
{
    struct hg_http_request *request = &exchange->request;
    const struct hg_http_options *options = &exchange->server->options;
    int r = options->authenticate(request, err);
    if (r < 0) {
        return r;
    }
    r = check_role(request, err);
    if (r < 0 && is_write(request) && options->refused) {
        options->refused(request);
    }
    return r;
}

static int work(struct hg_exchange *exchange, struct hg_error *err)
{
    struct hg_http_request *request = &exchange->request;
    const struct hg_http_options *options = &exchange->server->options;
    int r = HG_OK;
    if (is_write(request) && !hg_http_bearer(request)) {
        r = hg_http_check_origin(request, options->public_url, err);
    }
    if (r == HG_OK && !(request->route->flags & HG_ROUTE_PUBLIC)) {
        r = admit(exchange, err);
    }
    r = r < 0 ? r : check_query(request, err);
    r = r < 0 ? r : request->route->handler(request, err);
    if (r == HG_OK && request->answer.status == 0) {
        r = hg_error_set(err, HG_EINTERNAL, "the handler gave no answer");
    }
    return r;
}

static bool is_parked(struct hg_exchange *exchange)
{
    HG_LOCK(&exchange->server->mutex);
    return exchange->state == HG_EXCHANGE_PARKED;
}

static void run_job(struct hg_job *job)
{
    struct hg_exchange *exchange =
        (struct hg_exchange *)(void *)((char *)job - offsetof(struct hg_exchange, job));
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_log_leave) struct hg_log_scope scope;
    hg_log_enter(&scope, "request_id", exchange->request.id);
    /* Its deadline may have passed in the queue. */
    if (is_parked(exchange)) {
        if (work(exchange, &err) < 0) {
            hg_http_fail(&exchange->request, &err);
        }
        hg_http_finish(exchange, HG_EXCHANGE_PARKED);
    }
    hg_exchange_unref(exchange); /* what the scope borrows may be gone, and logs nothing more */
}

/* ---- on the HTTP thread ---- */

/* Into the executor's queue, or to a failure that the client may repeat. */
static int enqueue(struct hg_exchange *exchange, bool stopping, struct hg_error *err)
{
    if (stopping) {
        return hg_error_set(err, HG_EUNAVAILABLE, "the host is stopping");
    }
    exchange->job.run = run_job;
    return hg_executor_submit(exchange->server->executor, &exchange->job, err);
}

static void park(struct hg_exchange *exchange)
{
    struct hg_http_server *server = exchange->server;
    struct hg_error err = HG_ERROR_INIT;
    bool stopping;
    /* Suspended first: the job may be done before this function is. */
    MHD_suspend_connection(exchange->connection);
    {
        HG_LOCK(&server->mutex);
        exchange->refs++;
        server->n_parked++;
        exchange->state = HG_EXCHANGE_PARKED;
        exchange->deadline_ms = hg_time_monotonic_ms() + server->options.deadline_ms;
        hg_http_watch_by(server, exchange->deadline_ms);
        /* Whoever stops the server gives up on those that are parked already. */
        stopping = server->stopping;
    }
    if (enqueue(exchange, stopping, &err) < 0) {
        (void)hg_error_hint(&err, "Try again in a moment.");
        hg_http_fail_overloaded(exchange, &err);
        hg_http_finish(exchange, HG_EXCHANGE_PARKED);
        hg_exchange_unref(exchange);
    }
}

static void answer_options(struct hg_http_request *request, const char *allow)
{
    hg_http_answer_empty(request, 204);
    (void)hg_http_answer_header(request, "Allow", allow, NULL);
}

static int refuse_method(struct hg_http_request *request, const char *allow, struct hg_error *err)
{
    request->problem_status = 405;
    (void)hg_error_set(err, HG_ENOTSUP, "%.16s is not what this address takes", request->method);
    return hg_error_hint(err, "It takes %s.", allow);
}

static bool is_api(const struct hg_http_target *target)
{
    return target->n_segments > 0 && strcmp(target->segments[0], "api") == 0;
}

/* What no row of the table takes. */
static int answer_elsewhere(struct hg_exchange *exchange,
                            const char **ret_allow,
                            struct hg_error *err)
{
    struct hg_http_request *request = &exchange->request;
    if (is_api(&request->target)) {
        return hg_error_set(
            err, HG_ENOTFOUND, "there is nothing at \"%.200s\"", request->target.path);
    }
    *ret_allow = "GET, HEAD, OPTIONS";
    if (strcmp(request->method, "OPTIONS") == 0) {
        answer_options(request, *ret_allow);
        return HG_OK;
    }
    if (strcmp(request->method, "GET") != 0) {
        return refuse_method(request, *ret_allow, err);
    }
    *ret_allow = NULL;
    return hg_site_answer(exchange->server->options.site, request, err);
}

static int parse_target(struct hg_http_request *request, struct hg_error *err)
{
    if (strcmp(request->raw_target, "*") == 0 && strcmp(request->method, "OPTIONS") == 0) {
        request->target.path = "/";
        return HG_OK;
    }
    int r = hg_http_target_parse(&request->arena, request->raw_target, &request->target, err);
    if (r < 0 && r != HG_ENOMEM) {
        request->problem_status = r == HG_ETOOBIG ? 414 : 400;
    }
    return r;
}

/* Answers the request and sets *ret_parks to false, or says that it waits. */
static int route(struct hg_exchange *exchange,
                 bool *ret_parks,
                 const char **ret_allow,
                 char allow[HG_ALLOW_MAX],
                 struct hg_error *err)
{
    struct hg_http_request *request = &exchange->request;
    const struct hg_http_options *options = &exchange->server->options;
    *ret_parks = false;
    int r = parse_target(request, err);
    if (r < 0) {
        return r;
    }
    r = hg_router_find(options->routes, options->n_routes, request, allow);
    if (r == HG_ENOTFOUND) {
        return answer_elsewhere(exchange, ret_allow, err);
    }
    if (r == HG_ENOTSUP) {
        *ret_allow = allow;
        if (strcmp(request->method, "OPTIONS") == 0) {
            answer_options(request, allow);
            return HG_OK;
        }
        return refuse_method(request, allow, err);
    }
    if (request->route->flags & HG_ROUTE_INLINE) {
        return request->route->handler(request, err);
    }
    *ret_parks = true;
    return HG_OK;
}

bool hg_http_handle(struct hg_exchange *exchange)
{
    struct hg_http_request *request = &exchange->request;
    struct hg_error err = HG_ERROR_INIT;
    char allow_text[HG_ALLOW_MAX] = "";
    const char *allow = NULL;
    bool parks = false;
    HG_CLEANUP(hg_log_leave) struct hg_log_scope scope;
    hg_log_enter(&scope, "request_id", request->id);
    int r = exchange->early.code;
    if (r < 0) {
        hg_error_copy(&err, &exchange->early);
    } else {
        r = route(exchange, &parks, &allow, allow_text, &err);
    }
    if (r == HG_OK && parks) {
        park(exchange);
        return true;
    }
    if (r < 0) {
        hg_http_fail(request, &err);
        if (allow) {
            (void)hg_http_answer_header(request, "Allow", allow, NULL);
        }
    }
    hg_http_finish(exchange, HG_EXCHANGE_RECEIVING);
    return false;
}
