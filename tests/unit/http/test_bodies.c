/* Request bodies: JSON and its limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "http_client.h"
#include "server_fixture.h"

#define JSON_TYPE "Content-Type: application/json\r\n"

/*
 * A body's room is given back just after its answer was sent, so those of the few requests before
 * may still count: the limit for all together is out of reach of tests that send one after another.
 */
enum { BODY_MAX = 100000, N_BODIES = 10, BODIES_MAX = N_BODIES * BODY_MAX };

static struct fixture fixture = {
    .options = {.body_max_bytes = BODY_MAX, .bodies_max_bytes = BODIES_MAX},
};

static int start(void **state)
{
    (void)state;
    fixture_start(&fixture);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    fixture_stop(&fixture);
    return 0;
}

static void test_json_comes_back(void **state)
{
    (void)state;
    static const char *const types[] = {JSON_TYPE,
                                        "Content-Type: application/json; charset=utf-8\r\n",
                                        "content-type: Application/JSON ;charset=utf-8\r\n"};
    for (size_t i = 0; i < HG_COUNT(types); i++) {
        struct answer answer;
        client_ask(
            fixture.port, "POST", "/api/echo", types[i], " {\"a\": [1, \"\\u00e9\"]} ", &answer);
        assert_int_equal(answer.status, 200);
        assert_string_equal(answer.body, "{\"a\":[1,\"\xc3\xa9\"]}");
        answer_free(&answer);
    }
}

static void test_an_empty_body_is_an_object_where_it_may_be(void **state)
{
    (void)state;
    struct answer answer;
    client_ask(fixture.port, "POST", "/api/echo?optional=1", "", NULL, &answer);
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.body, "{}");
    answer_free(&answer);
    client_ask(fixture.port, "POST", "/api/echo", "", NULL, &answer);
    json_decref(answer_problem(&answer, 415));
    answer_free(&answer);
    client_ask(fixture.port, "POST", "/api/echo", JSON_TYPE, "", &answer);
    json_decref(answer_problem(&answer, 400));
    answer_free(&answer);
}

static void test_bad_bodies(void **state)
{
    (void)state;
    static const struct {
        const char *headers;
        const char *body;
        int status;
        const char *detail;
    } cases[] = {
        {"", "{}", 415, "JSON"},
        {"Content-Type: text/plain\r\n", "{}", 415, "JSON"},
        {"Content-Type: application/jsonp\r\n", "{}", 415, "JSON"},
        {"Content-Type: application/x-www-form-urlencoded\r\n", "a=1", 415, "JSON"},
        {JSON_TYPE, "{", 400, "line 1"},
        {JSON_TYPE, "{\"a\": 1}x", 400, "line 1"},
        {JSON_TYPE, "{\"a\": 1,\n \"a\": 2}", 400, "line 2"},
        {JSON_TYPE, "{\"a\": \"\\u0000\"}", 400, "malformed"},
        {JSON_TYPE, "{\"a\": \"\xff\"}", 400, "malformed"},
        {JSON_TYPE, "{\"a\": NaN}", 400, "malformed"},
        {JSON_TYPE, "{'a': 1}", 400, "malformed"},
        {JSON_TYPE, "[1]", 422, "object"},
    };
    for (size_t i = 0; i < HG_COUNT(cases); i++) {
        struct answer answer;
        client_ask(fixture.port, "POST", "/api/echo", cases[i].headers, cases[i].body, &answer);
        json_t *problem = answer_problem(&answer, cases[i].status);
        const char *detail = json_string_value(json_object_get(problem, "detail"));
        if (!strstr(detail, cases[i].detail)) {
            fail_msg("%s: %s", cases[i].body, detail);
        }
        json_decref(problem);
        answer_free(&answer);
    }
}

/* Sends a body of n levels of lists in an object. */
static int status_of_depth(size_t n)
{
    struct answer answer;
    HG_CLEANUP(hg_buf_free) struct hg_buf body = HG_BUF_INIT;
    hg_buf_puts(&body, "{\"]}\\\"[\":");
    for (size_t i = 0; i < 2 * n; i++) {
        hg_buf_putc(&body, i < n ? '[' : ']');
    }
    hg_buf_putc(&body, '}');
    client_ask(fixture.port, "POST", "/api/echo", JSON_TYPE, hg_buf_text(&body), &answer);
    int status = answer.status;
    answer_free(&answer);
    return status;
}

static void test_nesting_is_bounded(void **state)
{
    (void)state;
    assert_int_equal(status_of_depth(63), 200);
    assert_int_equal(status_of_depth(64), 400);
    assert_int_equal(status_of_depth(20000), 400);
}

/* A request with a body of n bytes of JSON text, by length or in chunks. */
static void send_sized(int fd, const char *method, size_t n, bool chunked)
{
    char head[256];
    char *body = malloc(n);
    assert_non_null(body);
    memset(body, 'x', n);
    memcpy(body, "{\"a\":\"", 6);
    memcpy(body + n - 2, "\"}", 2);
    (void)snprintf(head,
                   sizeof head,
                   chunked ? "%s /api/echo HTTP/1.1\r\nHost: x\r\n" JSON_TYPE
                             "Transfer-Encoding: chunked\r\n\r\n%zx\r\n"
                           : "%s /api/echo HTTP/1.1\r\nHost: x\r\n" JSON_TYPE
                             "Content-Length: %zu\r\n\r\n",
                   method,
                   n);
    client_send(fd, head);
    client_send_what_goes(fd, body, n);
    if (chunked) {
        client_send_what_goes(fd, "\r\n0\r\n\r\n", 7);
    }
    free(body);
}

static void test_sizes_are_bounded(void **state)
{
    (void)state;
    static const char *const methods[] = {"POST", "PATCH"};
    for (int i = 0; i < 8; i++) {
        struct answer answer;
        bool too_large = i & 1;
        int fd = client_connect(fixture.port);
        send_sized(fd, methods[i >> 2], too_large ? 100001 : 100000, i & 2);
        assert_true(client_receive(fd, false, &answer));
        if (too_large) {
            json_decref(answer_problem(&answer, 413));
            assert_string_equal(answer_header(&answer, "Connection"), "close");
            assert_true(client_is_closed(fd));
        } else {
            assert_int_equal(answer.status, 200);
            assert_int_equal(answer.n_body, 100000);
        }
        answer_free(&answer);
        (void)close(fd);
    }
}

/* What is announced as huge is answered without being read. */
static void test_a_huge_body_is_refused_at_once(void **state)
{
    (void)state;
    static const char *const methods[] = {"POST", "PATCH"};
    for (size_t i = 0; i < HG_COUNT(methods); i++) {
        char head[256];
        struct answer answer;
        int fd = client_connect(fixture.port);
        (void)snprintf(head,
                       sizeof head,
                       "%s /api/echo HTTP/1.1\r\nHost: x\r\n" JSON_TYPE
                       "Content-Length: 99999999999\r\n\r\n",
                       methods[i]);
        client_send(fd, head);
        assert_true(client_receive(fd, false, &answer));
        json_decref(answer_problem(&answer, 413));
        assert_true(client_is_closed(fd));
        answer_free(&answer);
        (void)close(fd);
    }
}

/* All bodies together are bounded too: what two clients hold back, a third cannot get. */
static void test_all_bodies_together_are_bounded(void **state)
{
    (void)state;
    static const char head[] =
        "POST /api/echo HTTP/1.1\r\nHost: x\r\n" JSON_TYPE "Content-Length: 100000\r\n\r\n";
    struct answer answer;
    int fds[N_BODIES + 1];
    char *body = malloc(BODY_MAX);
    assert_non_null(body);
    memset(body, ' ', BODY_MAX);
    body[0] = '{';
    body[BODY_MAX - 1] = '}';
    for (int i = 0; i < N_BODIES; i++) {
        fds[i] = client_connect(fixture.port);
        client_send(fds[i], head);
        client_send_n(fds[i], body, BODY_MAX - 1);
    }
    /* An inline answer behind them: all they sent has been read by now, or the last is larger. */
    client_ask(fixture.port, "GET", "/api/now", "", NULL, &answer);
    answer_free(&answer);
    fds[N_BODIES] = client_connect(fixture.port);
    client_send(fds[N_BODIES], head);
    client_send_what_goes(fds[N_BODIES], body, BODY_MAX);
    assert_true(client_receive(fds[N_BODIES], false, &answer));
    int worst = answer.status;
    answer_free(&answer);
    for (int i = 0; i < N_BODIES; i++) {
        client_send_what_goes(fds[i], body + BODY_MAX - 1, 1);
        assert_true(client_receive(fds[i], false, &answer));
        worst = answer.status == 503 ? 503 : worst;
        answer_free(&answer);
    }
    assert_int_equal(worst, 503);
    for (int i = 0; i <= N_BODIES; i++) {
        (void)close(fds[i]);
    }
    /* Their room is given back. */
    client_ask(fixture.port, "POST", "/api/echo", JSON_TYPE, "{}", &answer);
    assert_int_equal(answer.status, 200);
    answer_free(&answer);
    free(body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_comes_back),
        cmocka_unit_test(test_an_empty_body_is_an_object_where_it_may_be),
        cmocka_unit_test(test_bad_bodies),
        cmocka_unit_test(test_nesting_is_bounded),
        cmocka_unit_test(test_sizes_are_bounded),
        cmocka_unit_test(test_a_huge_body_is_refused_at_once),
        cmocka_unit_test(test_all_bodies_together_are_bounded),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
