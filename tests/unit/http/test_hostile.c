/* Bytes that no honest client sends. */
#include <poll.h>
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

static struct fixture fixture = {
    .options = {.idle_timeout_s = 1, .receive_timeout_ms = 100, .connections_max = 64},
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

/* The status that these bytes get; 0 when the connection is closed without an answer. */
static int status_of(const char *bytes, size_t n, bool *ret_closes)
{
    struct answer answer;
    int fd = client_connect(fixture.port);
    client_send_what_goes(fd, bytes, n);
    int status = client_receive(fd, false, &answer) ? answer.status : 0;
    *ret_closes = status == 0 || client_is_closed(fd);
    answer_free(&answer);
    (void)close(fd);
    return status;
}

static void expect_status(const char *bytes, size_t n, int status, bool closes)
{
    bool closed = false;
    int got = status_of(bytes, n, &closed);
    if (got != status) {
        fail_msg("%d for %.100s", got, bytes);
    }
    if (closes) {
        assert_true(closed);
    }
}

/* Everything that these bytes get, until the other side closes. */
static void receive_all(const char *bytes, char *to, size_t room)
{
    int fd = client_connect(fixture.port);
    ssize_t n = 1;
    client_send_what_goes(fd, bytes, strlen(bytes));
    for (size_t len = 0; n > 0 && len + 1 < room; len += (size_t)n) {
        n = read(fd, to + len, room - len - 1);
        assert_true(n >= 0);
    }
    (void)close(fd);
}

#define SMUGGLED "GET /api/hello HTTP/1.1\r\nHost: x\r\n\r\n"

/* Each is refused and ends the connection, so that nothing smuggled behind it is served. */
static void test_requests_that_end_in_two_places(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        int status;
    } cases[] = {
        {"POST /api/echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
         "Content-Length: 44\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" SMUGGLED,
         400},
        {"POST /api/echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n"
         "\r\n0\r\n\r\n" SMUGGLED,
         400},
        {"GET /api/hello HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n"
         "\r\n0\r\n\r\n" SMUGGLED,
         400},
        {"PATCH /api/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
         "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" SMUGGLED,
         400},
        {"POST /api/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 40\r\n\r\n"
         "{}" SMUGGLED SMUGGLED,
         400},
        {"POST /api/echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
         "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" SMUGGLED,
         400},
        {"GET /api/hello HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n" SMUGGLED, 400},
    };
    for (size_t i = 0; i < HG_COUNT(cases); i++) {
        expect_status(cases[i].bytes, strlen(cases[i].bytes), cases[i].status, true);
    }
}

/* libmicrohttpd or we refuse them; what counts is that none is served. */
static void test_lengths_that_are_none(void **state)
{
    (void)state;
    static const char *const lengths[] = {
        "Content-Length: +2",
        "Content-Length: -1",
        "Content-Length: 2x",
        "Content-Length: 0x2",
        "Content-Length: 99999999999999999999999",
        "Content-Length: 2, 2",
        "Content-Length:",
        "Transfer-Encoding: gzip",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: xchunked",
    };
    for (size_t i = 0; i < HG_COUNT(lengths); i++) {
        char bytes[512];
        char all[4096] = "";
        (void)snprintf(bytes,
                       sizeof bytes,
                       "POST /api/echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                       "%s\r\n\r\n{}",
                       lengths[i]);
        receive_all(bytes, all, sizeof all);
        if (strstr(all, " 200 ") ||
            (all[0] && !strstr(all, " 400 ") && !strstr(all, " 501 ") && !strstr(all, " 413 "))) {
            fail_msg("%s: %s", lengths[i], all);
        }
    }
}

static void test_addresses_that_are_none(void **state)
{
    (void)state;
    static const char *const targets[] = {
        "/api/%zz",
        "/api/items/%",
        "/api/items/a%2fb",
        "/api/items/%00",
        "/api//hello",
        "/../api/hello",
        "/api/../api/hello",
        "/%2e%2e/etc/passwd",
        "/api/items/a\\b",
        "/api/items/%ff",
        "/api/limit?limit=%",
        "/api/limit?limit=1&limit=2",
        "/api/hello?a=%00",
        "api/hello",
        "/api/hello#x",
    };
    for (size_t i = 0; i < HG_COUNT(targets); i++) {
        struct answer answer;
        client_ask(fixture.port, "GET", targets[i], "", NULL, &answer);
        json_decref(answer_problem(&answer, 400));
        answer_free(&answer);
    }
}

static void test_nuls(void **state)
{
    (void)state;
    static const char path[] = "GET /api/hello\0x HTTP/1.1\r\nHost: x\r\n\r\n";
    static const char query[] = "GET /api/limit?limit=5\0&x HTTP/1.1\r\nHost: x\r\n\r\n";
    bool closed = false;
    int status = status_of(path, sizeof path - 1, &closed);
    assert_true(status == 400 || status == 0);
    assert_true(closed);
    status = status_of(query, sizeof query - 1, &closed);
    assert_true(status == 400 || status == 0);
    assert_true(closed);
}

static void test_broken_request_lines(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "\r\n\r\nGET\r\n\r\n",
        "GET\r\n\r\n",
        "GET /api/hello\r\n\r\n",
        "GET /api/hello HTTP/9.9\r\nHost: x\r\n\r\n",
        "\x16\x03\x01\x02\x01\r\n\r\n",
        "GET /api/hello HTTP/1.1\r\nno colon\r\nHost: x\r\n\r\n",
        "GET /api/hello HTTP/1.1\r\n\r\n",
    };
    for (size_t i = 0; i < HG_COUNT(lines); i++) {
        bool closed = false;
        int status = status_of(lines[i], strlen(lines[i]), &closed);
        if (status == 200) {
            fail_msg("served: %s", lines[i]);
        }
    }
}

/* n bytes of one letter. */
static void put_many(struct hg_buf *buf, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        hg_buf_putc(buf, 'a');
    }
}

static void test_large_heads_are_refused(void **state)
{
    (void)state;
    HG_CLEANUP(hg_buf_free) struct hg_buf bytes = HG_BUF_INIT;
    bool closed = false;
    hg_buf_puts(&bytes, "GET /api/hello HTTP/1.1\r\nHost: x\r\nX-Large: ");
    put_many(&bytes, 200000);
    hg_buf_puts(&bytes, "\r\n\r\n");
    int status = status_of(bytes.data, bytes.len, &closed);
    assert_true(status == 431 || status == 413 || status == 0);
    assert_true(closed);

    /* Many small ones. */
    hg_buf_reset(&bytes);
    hg_buf_puts(&bytes, "GET /api/hello HTTP/1.1\r\nHost: x\r\n");
    for (int i = 0; i < 150; i++) {
        hg_buf_printf(&bytes, "X-%d: y\r\n", i);
    }
    hg_buf_puts(&bytes, "\r\n");
    expect_status(bytes.data, bytes.len, 400, true);

    /* An address over our limit and below libmicrohttpd's. */
    hg_buf_reset(&bytes);
    hg_buf_puts(&bytes, "GET /api/");
    put_many(&bytes, 9000);
    hg_buf_puts(&bytes, " HTTP/1.1\r\nHost: x\r\n\r\n");
    expect_status(bytes.data, bytes.len, 414, false);
}

/* A byte now and then keeps no connection: the whole request has a time limit. */
static void test_a_dripping_request_is_cut(void **state)
{
    (void)state;
    static const char start_of_request[] = "GET /api/hello HTTP/1.1\r\nHost: x\r\nX-Slow: ";
    struct pollfd client = {.fd = client_connect(fixture.port), .events = POLLIN};
    client_send(client.fd, start_of_request);
    while (poll(&client, 1, 50) == 0) {
        client_send_what_goes(client.fd, "a", 1);
    }
    assert_true(client_is_closed(client.fd));
    (void)close(client.fd);

    /* The same in a body. */
    client.fd = client_connect(fixture.port);
    client_send(client.fd, "POST /api/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 90000\r\n\r\n");
    while (poll(&client, 1, 50) == 0) {
        client_send_what_goes(client.fd, "a", 1);
    }
    assert_true(client_is_closed(client.fd));
    (void)close(client.fd);
}

/* All connections are taken: one more waits until another leaves, and is served then. */
static void test_connections_are_bounded(void **state)
{
    (void)state;
    static const char request[] = "GET /api/hello HTTP/1.1\r\nHost: x\r\n\r\n";
    struct answer answer;
    int fds[64];
    for (size_t i = 0; i < HG_COUNT(fds); i++) {
        fds[i] = client_connect_from(i % 2 ? 2 : 3, fixture.port);
        client_send(fds[i], request);
        assert_true(client_receive(fds[i], false, &answer));
        answer_free(&answer);
    }
    int late = client_connect(fixture.port);
    client_send(late, request);
    for (size_t i = 0; i < HG_COUNT(fds); i++) {
        (void)close(fds[i]);
    }
    assert_true(client_receive(late, false, &answer));
    assert_int_equal(answer.status, 200);
    answer_free(&answer);
    (void)close(late);
    client_ask(fixture.port, "GET", "/api/hello", "", NULL, &answer);
    assert_int_equal(answer.status, 200);
    answer_free(&answer);
}

/* One address that takes all it can leaves room for others. */
static void test_one_address_cannot_take_them_all(void **state)
{
    (void)state;
    static const char request[] = "GET /api/hello HTTP/1.1\r\nHost: x\r\n\r\n";
    struct answer answer;
    int fds[64];
    int n_served = 0;
    for (size_t i = 0; i < HG_COUNT(fds); i++) {
        fds[i] = client_connect_from(2, fixture.port);
        client_send_what_goes(fds[i], request, sizeof request - 1);
        n_served += client_receive(fds[i], false, &answer);
        answer_free(&answer);
    }
    assert_int_equal(n_served, 32);
    client_ask(fixture.port, "GET", "/api/hello", "", NULL, &answer);
    assert_int_equal(answer.status, 200);
    answer_free(&answer);
    for (size_t i = 0; i < HG_COUNT(fds); i++) {
        (void)close(fds[i]);
    }
}

static void test_pipelined_requests_are_answered_in_order(void **state)
{
    (void)state;
    HG_CLEANUP(hg_buf_free) struct hg_buf bytes = HG_BUF_INIT;
    int fd = client_connect(fixture.port);
    for (int i = 0; i < 20; i++) {
        hg_buf_printf(&bytes, "GET /api/items/%d HTTP/1.1\r\nHost: x\r\n\r\n", i);
    }
    client_send_n(fd, bytes.data, bytes.len);
    for (int i = 0; i < 20; i++) {
        char expected[64];
        struct answer answer;
        assert_true(client_receive(fd, false, &answer));
        (void)snprintf(expected, sizeof expected, "{\"id\":\"%d\",\"q\":null}", i);
        assert_string_equal(answer.body, expected);
        answer_free(&answer);
    }
    (void)close(fd);
}

static void test_a_request_in_single_bytes(void **state)
{
    (void)state;
    static const char bytes[] = "POST /api/echo HTTP/1.1\r\nHost: x\r\nContent-Type: "
                                "application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
                                "3\r\n{\"a\r\n5\r\n\": 1}\r\n0\r\n\r\n";
    struct answer answer;
    int fd = client_connect(fixture.port);
    for (size_t i = 0; i + 1 < sizeof bytes; i++) {
        client_send_n(fd, bytes + i, 1);
    }
    assert_true(client_receive(fd, false, &answer));
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.body, "{\"a\":1}");
    answer_free(&answer);
    (void)close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests_that_end_in_two_places),
        cmocka_unit_test(test_lengths_that_are_none),
        cmocka_unit_test(test_addresses_that_are_none),
        cmocka_unit_test(test_nuls),
        cmocka_unit_test(test_broken_request_lines),
        cmocka_unit_test(test_large_heads_are_refused),
        cmocka_unit_test(test_a_dripping_request_is_cut),
        cmocka_unit_test(test_connections_are_bounded),
        cmocka_unit_test(test_one_address_cannot_take_them_all),
        cmocka_unit_test(test_pipelined_requests_are_answered_in_order),
        cmocka_unit_test(test_a_request_in_single_bytes),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
