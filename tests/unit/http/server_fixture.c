#include "server_fixture.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/mem.h"
#include "http/socket_accept.h"

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool shut;
    int waiting;
    int passed;
} gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, 0, 0};

void gate_shut(void)
{
    HG_LOCK(&gate.mutex);
    gate.shut = true;
    gate.passed = 0;
}

void gate_open(void)
{
    HG_LOCK(&gate.mutex);
    gate.shut = false;
    (void)pthread_cond_broadcast(&gate.changed);
}

void gate_wait_for(int n)
{
    HG_LOCK(&gate.mutex);
    while (gate.waiting < n) {
        (void)pthread_cond_wait(&gate.changed, &gate.mutex);
    }
}

int gate_passed(void)
{
    HG_LOCK(&gate.mutex);
    return gate.passed;
}

void gate_wait_passed(int n)
{
    HG_LOCK(&gate.mutex);
    while (gate.passed < n) {
        (void)pthread_cond_wait(&gate.changed, &gate.mutex);
    }
}

static void gate_pass(void)
{
    HG_LOCK(&gate.mutex);
    gate.waiting++;
    (void)pthread_cond_broadcast(&gate.changed);
    while (gate.shut) {
        (void)pthread_cond_wait(&gate.changed, &gate.mutex);
    }
    gate.waiting--;
    gate.passed++;
    (void)pthread_cond_broadcast(&gate.changed);
}

static int do_hello(struct hg_http_request *request, struct hg_error *err)
{
    return hg_http_answer_json(request, 200, json_pack("{s:s}", "hello", "world"), err);
}

static int do_echo(struct hg_http_request *request, struct hg_error *err)
{
    json_t *body;
    int r = hg_http_json_body(request, hg_http_query(request, "optional") != NULL, &body, err);
    return r < 0 ? r : hg_http_answer_json(request, 200, body, err);
}

static int do_item(struct hg_http_request *request, struct hg_error *err)
{
    const char *q = hg_http_query(request, "q");
    return hg_http_answer_json(
        request, 200, json_pack("{s:s, s:s?}", "id", hg_http_param(request, 0), "q", q), err);
}

/* Fails with the code of the path, as a service would. */
static int do_fail(struct hg_http_request *request, struct hg_error *err)
{
    int code = (int)strtol(hg_http_param(request, 0), NULL, 10);
    (void)hg_error_set(err, -code, "the thing \"x\" went wrong");
    (void)hg_error_hint(err, "Do it another way.");
    err->retry_after_ms = 2500;
    (void)snprintf(err->pointer, sizeof err->pointer, "/params/since");
    (void)hg_http_answer_header(request, "Set-Cookie", "half=done", NULL);
    return -code;
}

static int do_block(struct hg_http_request *request, struct hg_error *err)
{
    gate_pass();
    return do_hello(request, err);
}

static int do_me(struct hg_http_request *request, struct hg_error *err)
{
    return hg_http_answer_json(
        request, 200, json_pack("{s:s}", "role", hg_role_name(request->principal.role)), err);
}

static int do_silent(struct hg_http_request *request, struct hg_error *err)
{
    (void)request;
    (void)err;
    return HG_OK;
}

static int do_limit(struct hg_http_request *request, struct hg_error *err)
{
    int limit;
    int r = hg_http_query_int(request, "limit", 1, 500, 50, &limit, err);
    return r < 0 ? r : hg_http_answer_json(request, 200, json_pack("{s:i}", "limit", limit), err);
}

static int do_events(struct hg_http_request *request, struct hg_error *err)
{
    const struct hg_events_filter filter = {.topics = HG_TOPICS_ALL};
    return hg_http_accept_socket(request, &filter, hg_http_query(request, "last_event_id"), err);
}

static const char *const events_query[] = {"last_event_id", NULL};
static const char *const item_query[] = {"q", NULL};
static const char *const echo_query[] = {"optional", NULL};
static const char *const limit_query[] = {"limit", NULL};

/* clang-format off */
static const struct hg_route routes[] = {
    {"GET", "/api/now", HG_ROLE_NONE, HG_ROUTE_PUBLIC | HG_ROUTE_INLINE, do_hello, "", NULL, NULL, NULL, "", 200},
    {"GET", "/api/events", HG_ROLE_NONE, HG_ROUTE_PUBLIC, do_events, "", NULL, NULL, events_query, "", 101},
    {"GET", "/api/hello", HG_ROLE_NONE, HG_ROUTE_PUBLIC, do_hello, "", NULL, NULL, NULL, "", 200},
    {"POST", "/api/echo", HG_ROLE_NONE, HG_ROUTE_PUBLIC, do_echo, "", NULL, NULL, echo_query, "", 200},
    {"PATCH", "/api/echo", HG_ROLE_NONE, HG_ROUTE_PUBLIC, do_echo, "", NULL, NULL, echo_query, "", 200},
    {"GET", "/api/items/{id}", HG_ROLE_NONE, HG_ROUTE_PUBLIC, do_item, "", NULL, NULL, item_query, "", 200},
    {"GET", "/api/fail/{code}", HG_ROLE_NONE, HG_ROUTE_PUBLIC, do_fail, "", NULL, NULL, NULL, "", 200},
    {"GET", "/api/block", HG_ROLE_NONE, HG_ROUTE_PUBLIC, do_block, "", NULL, NULL, NULL, "", 200},
    {"GET", "/api/admin", HG_ROLE_ADMIN, 0, do_me, "", NULL, NULL, NULL, "", 200},
    {"GET", "/api/me", HG_ROLE_VIEWER, 0, do_me, "", NULL, NULL, NULL, "", 200},
    {"GET", "/api/silent", HG_ROLE_NONE, HG_ROUTE_PUBLIC, do_silent, "", NULL, NULL, NULL, "", 200},
    {"GET", "/api/limit", HG_ROLE_NONE, HG_ROUTE_PUBLIC, do_limit, "", NULL, NULL, limit_query, "", 200},
};
/* clang-format on */

static int authenticate(struct hg_http_request *request, struct hg_error *err)
{
    const char *role = hg_http_header(request, "X-Role");
    if (!role) {
        return hg_error_set(err, HG_EUNAUTHENTICATED, "you are not signed in");
    }
    return hg_role_parse(role, &request->principal.role, err);
}

void fixture_start(struct fixture *fixture)
{
    struct hg_error err = HG_ERROR_INIT;
    hg_log_configure(HG_LOG_WARNING, false); /* there are thousands of requests */
    if (!fixture->site) {
        assert_int_equal(hg_site_load(NULL, &fixture->site, &err), HG_OK);
    }
    fixture->options.host = "127.0.0.1";
    if (!fixture->options.routes) {
        fixture->options.routes = routes;
        fixture->options.n_routes = HG_COUNT(routes);
    }
    fixture->options.site = fixture->site;
    fixture->options.authenticate = authenticate;
    if (hg_http_start(&fixture->options, &fixture->server, &err) < 0) {
        fail_msg("%s", err.message);
    }
    fixture->port = hg_http_port(fixture->server);
    assert_true(fixture->port > 0);
}

void fixture_stop(struct fixture *fixture)
{
    hg_http_stop(fixture->server, 0);
    hg_site_free(fixture->site);
    memset(fixture, 0, sizeof *fixture);
}
