/*
 * Answers that are made while they are sent.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/parse.h"
#include "base/time.h"
#include "http_client.h"
#include "server_fixture.h"

enum { PIECE = 10000, STREAMS_MAX = 2, WAIT_MS = 20000, NOT_TAKEN_MAX = 8 << 20 };

/* What makers of this test do. */
struct order {
    int64_t n;        /* bytes */
    int64_t pause_at; /* before that byte it pauses a moment; -1: never */
    bool waits;       /* before the first one, until nobody wants it */
    bool breaks;      /* behind the last one */
    int verdict;      /* on who asked, from the third look on */
    int n_looks;
};

static struct fixture fixture;
static atomic_int n_made;    /* makers that began */
static atomic_int n_freed;   /* orders */
static atomic_int n_refused; /* makers that nobody takes any more from */
static atomic_llong n_written;

static char byte_at(int64_t at)
{
    return (char)('a' + at % 23);
}

static int make(void *arg, struct hg_http_stream *stream, struct hg_error *err)
{
    const struct order *order = arg;
    char piece[PIECE];
    (void)atomic_fetch_add(&n_made, 1);
    while (order->waits) {
        if (!hg_http_stream_is_wanted(stream)) {
            return hg_error_set(err, HG_ECANCELLED, "nobody wants it");
        }
        hg_time_pause_ms(1);
    }
    for (int64_t at = 0; at < order->n;) {
        size_t n = 0;
        for (; n < sizeof piece && at < order->n; n++, at++) {
            piece[n] = byte_at(at);
        }
        if (order->pause_at >= 0 && at > order->pause_at && at <= order->pause_at + PIECE) {
            hg_time_pause_ms(300);
        }
        int r = hg_http_stream_write(stream, piece, n, err);
        if (r < 0) {
            (void)atomic_fetch_add(&n_refused, r == HG_ECANCELLED);
            return r;
        }
        (void)atomic_fetch_add(&n_written, (long long)n);
    }
    return order->breaks ? hg_error_set(err, HG_EDATA, "there is no more") : HG_OK;
}

static void free_order(void *order)
{
    if (((struct order *)order)->waits) {
        hg_time_pause_ms(100); /* whoever stops the server waits for this too */
    }
    (void)atomic_fetch_add(&n_freed, 1);
    free(order);
}

static int may(void *arg, struct hg_error *err)
{
    struct order *order = arg;
    if (++order->n_looks < 3 || order->verdict == HG_OK) {
        return HG_OK;
    }
    return hg_error_set(err, order->verdict, "not any more");
}

static int64_t number_of(const struct hg_http_request *request, const char *name, int64_t if_absent)
{
    int64_t ret = if_absent;
    const char *text = hg_http_query(request, name);
    assert_true(!text || hg_parse_int64(text, 0, INT64_MAX, &ret, NULL) == HG_OK);
    return ret;
}

static int do_long(struct hg_http_request *request, struct hg_error *err)
{
    static const struct hg_http_maker maker = {make, free_order, may};
    struct order *order = calloc(1, sizeof *order);
    assert_non_null(order);
    order->n = number_of(request, "n", 0);
    order->pause_at = number_of(request, "pause", -1);
    hg_time_pause_ms(number_of(request, "late_ms", 0));
    order->waits = number_of(request, "waits", 0) > 0;
    order->breaks = number_of(request, "breaks", 0) > 0;
    order->verdict = -(int)number_of(request, "verdict", 0);
    return hg_http_answer_stream(request, "text/plain", &maker, order, err);
}

static int do_short(struct hg_http_request *request, struct hg_error *err)
{
    return hg_http_answer_json(request, 200, json_object(), err);
}

static const char *const long_query[] = {
    "n", "pause", "waits", "breaks", "late_ms", "verdict", NULL};

static const struct hg_route routes[] = {
    {"GET",
     "/api/long",
     HG_ROLE_NONE,
     HG_ROUTE_PUBLIC,
     do_long,
     "",
     NULL,
     NULL,
     long_query,
     "",
     200},
    {"GET", "/api/short", HG_ROLE_NONE, HG_ROUTE_PUBLIC, do_short, "", NULL, NULL, NULL, "", 200},
};

static int start_with(int64_t deadline_ms)
{
    atomic_store(&n_made, 0);
    atomic_store(&n_freed, 0);
    atomic_store(&n_refused, 0);
    atomic_store(&n_written, 0);
    memset(&fixture, 0, sizeof fixture);
    fixture.options.routes = routes;
    fixture.options.n_routes = HG_COUNT(routes);
    fixture.options.streams_max = STREAMS_MAX;
    fixture.options.stream_look_ms = 1;
    fixture.options.deadline_ms = deadline_ms;
    fixture_start(&fixture);
    return 0;
}

static int start(void **state)
{
    (void)state;
    return start_with(0);
}

static int start_hasty(void **state)
{
    (void)state;
    return start_with(100);
}

static int stop(void **state)
{
    (void)state;
    fixture_stop(&fixture);
    return 0;
}

static void reach(atomic_int *counter, int n)
{
    int64_t until_ms = hg_time_monotonic_ms() + WAIT_MS;
    while (atomic_load(counter) < n) {
        assert_true(hg_time_monotonic_ms() < until_ms);
        hg_time_pause_ms(1);
    }
}

/* ---- a client of chunks ---- */

static int ask(const char *method, const char *query)
{
    int fd = client_connect(fixture.port);
    client_send(fd, method);
    client_send(fd, " /api/long?");
    client_send(fd, query);
    client_send(fd, " HTTP/1.1\r\nHost: x\r\n\r\n");
    return fd;
}

/* Up to and without its line end. */
static bool read_line(int fd, char line[256])
{
    size_t n = 0;
    while (n < 255 && recv(fd, line + n, 1, 0) == 1) {
        if (line[n++] == '\n') {
            line[n - 2] = '\0';
            return true;
        }
    }
    return false;
}

static void read_head(int fd, char ret_status[256])
{
    char line[256];
    assert_true(read_line(fd, ret_status));
    do {
        assert_true(read_line(fd, line));
    } while (line[0]);
}

/* Checks what comes; gives how much, and whether the last chunk came. */
static int64_t read_chunks(int fd, bool *ret_whole)
{
    char line[256];
    char end[2];
    int64_t at = 0;
    *ret_whole = false;
    while (read_line(fd, line)) {
        long n = strtol(line, NULL, 16);
        HG_CLEANUP(hg_freep) char *bytes = malloc((size_t)n + 1);
        assert_non_null(bytes);
        if (n > 0 && recv(fd, bytes, (size_t)n, MSG_WAITALL) != n) {
            break;
        }
        for (long i = 0; i < n; i++) {
            assert_int_equal(bytes[i], byte_at(at++));
        }
        if (recv(fd, end, 2, MSG_WAITALL) != 2) {
            break;
        }
        if (n == 0) {
            *ret_whole = true;
            break;
        }
    }
    return at;
}

static void expect_whole(const char *query, int64_t n)
{
    char status[256];
    bool whole;
    int fd = ask("GET", query);
    read_head(fd, status);
    assert_non_null(strstr(status, " 200 "));
    assert_int_equal(read_chunks(fd, &whole), n);
    assert_true(whole);
    (void)close(fd);
}

/* ---- tests ---- */

static void test_the_whole_of_it(void **state)
{
    (void)state;
    expect_whole("n=5000000", 5000000);
    expect_whole("n=1", 1);
    expect_whole("n=0", 0);
    reach(&n_freed, 3);
}

/* The connection is good for the next request. */
static void test_one_after_another(void **state)
{
    (void)state;
    static const char again[] = "GET /api/long?n=70000 HTTP/1.1\r\nHost: x\r\n\r\n";
    char status[256];
    bool whole;
    int fd = ask("GET", "n=300000");
    read_head(fd, status);
    assert_int_equal(read_chunks(fd, &whole), 300000);
    client_send(fd, again);
    read_head(fd, status);
    assert_int_equal(read_chunks(fd, &whole), 70000);
    assert_true(whole);
    (void)close(fd);
}

static void test_head_makes_nothing(void **state)
{
    (void)state;
    struct answer answer;
    client_ask(fixture.port, "HEAD", "/api/long?n=5000", "", NULL, &answer);
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer_header(&answer, "Content-Type"), "text/plain");
    answer_free(&answer);
    reach(&n_freed, 1);
    assert_int_equal(atomic_load(&n_made), 0);
}

/* Whoever gets a part knows that it is one. */
static void test_a_break_is_no_end(void **state)
{
    (void)state;
    char status[256];
    bool whole;
    int fd = ask("GET", "n=100000&breaks=1");
    read_head(fd, status);
    (void)read_chunks(fd, &whole);
    assert_false(whole);
    assert_true(client_is_closed(fd));
    (void)close(fd);
    reach(&n_freed, 1);
}

static void expect_cut(const char *of, int verdict, int64_t n)
{
    char query[64];
    char status[256];
    bool whole;
    (void)snprintf(query, sizeof query, "%s&verdict=%d", of, -verdict);
    int fd = ask("GET", query);
    read_head(fd, status);
    assert_non_null(strstr(status, " 200 "));
    assert_true(read_chunks(fd, &whole) < n);
    assert_false(whole);
    assert_true(client_is_closed(fd));
    (void)close(fd);
}

/* Also in the middle of it, and while nothing comes. */
static void test_who_may_not_have_it_any_more(void **state)
{
    static const int verdicts[] = {HG_EUNAUTHENTICATED, HG_EFORBIDDEN};
    (void)state;
    for (size_t i = 0; i < HG_COUNT(verdicts); i++) {
        expect_cut("n=2000000000", verdicts[i], 2000000000);
        expect_cut("waits=1", verdicts[i], 1);
    }
    reach(&n_freed, 2 * (int)HG_COUNT(verdicts));
    assert_int_equal(atomic_load(&n_refused), HG_COUNT(verdicts));
}

/* A moment in which nobody can say so ends nothing. */
static void test_who_may_have_it_is_not_known(void **state)
{
    char query[64];
    (void)state;
    (void)snprintf(query, sizeof query, "n=30000000&verdict=%d", -HG_EUNAVAILABLE);
    expect_whole(query, 30000000);
}

/* The server's one thread waits for nobody. */
static void test_others_are_answered_meanwhile(void **state)
{
    (void)state;
    struct answer answer;
    int fd = ask("GET", "n=400000&pause=200000");
    reach(&n_made, 1);
    client_ask(fixture.port, "GET", "/api/short", "", NULL, &answer);
    assert_int_equal(answer.status, 200);
    answer_free(&answer);
    char status[256];
    bool whole;
    read_head(fd, status);
    assert_int_equal(read_chunks(fd, &whole), 400000);
    assert_true(whole);
    (void)close(fd);
}

/* No more is made than buffers hold; and his place is free once he has gone. */
static void test_who_reads_nothing(void **state)
{
    (void)state;
    int fds[STREAMS_MAX];
    struct answer answer;
    for (int i = 0; i < STREAMS_MAX; i++) {
        fds[i] = ask("GET", "n=900000000");
    }
    reach(&n_made, STREAMS_MAX);
    long long before;
    do {
        before = atomic_load(&n_written);
        hg_time_pause_ms(200);
    } while (before != atomic_load(&n_written));
    assert_true(before < STREAMS_MAX * NOT_TAKEN_MAX);
    client_ask(fixture.port, "GET", "/api/long?n=5", "", NULL, &answer);
    json_decref(answer_problem(&answer, 503));
    answer_free(&answer);
    for (int i = 0; i < STREAMS_MAX; i++) {
        (void)close(fds[i]);
    }
    reach(&n_freed, STREAMS_MAX + 1);
    assert_int_equal(atomic_load(&n_refused), STREAMS_MAX);
    expect_whole("n=5", 5);
}

/* Also while nothing is made yet: the server itself looks at no connection that waits. */
static void test_who_goes_while_nothing_comes(void **state)
{
    (void)state;
    for (int i = 0; i < 2 * STREAMS_MAX; i++) {
        int fd = ask("GET", "waits=1");
        reach(&n_made, i + 1);
        (void)close(fd);
        reach(&n_freed, i + 1);
    }
}

/* The handler answers when the client has his 503: nobody sees that one, and it is freed. */
static void test_an_answer_that_comes_too_late(void **state)
{
    (void)state;
    struct answer answer;
    client_ask(fixture.port, "GET", "/api/long?n=9&late_ms=300", "", NULL, &answer);
    json_decref(answer_problem(&answer, 503));
    answer_free(&answer);
    reach(&n_freed, 1);
    assert_int_equal(atomic_load(&n_made), 0);
}

/* By HTTP/1.0 nobody could tell a part from the whole. */
static void test_http_1_0_is_refused(void **state)
{
    (void)state;
    struct answer answer;
    int fd = client_connect(fixture.port);
    client_send(fd, "GET /api/long?n=100&breaks=1 HTTP/1.0\r\n\r\n");
    assert_true(client_receive(fd, false, &answer));
    json_decref(answer_problem(&answer, 505));
    answer_free(&answer);
    (void)close(fd);
    assert_int_equal(atomic_load(&n_freed), 1);
}

/* In either state: one maker waits for its client, one client for its maker. */
static void test_a_stop_cuts(void **state)
{
    (void)state;
    int full = ask("GET", "n=900000000");
    int empty = ask("GET", "waits=1");
    reach(&n_made, 2);
    hg_http_stop(HG_TAKE(fixture.server), 0);
    assert_int_equal(atomic_load(&n_freed), 2);
    (void)close(full);
    (void)close(empty);
}

#define SERVED(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVED(test_the_whole_of_it),
        SERVED(test_one_after_another),
        SERVED(test_head_makes_nothing),
        SERVED(test_a_break_is_no_end),
        SERVED(test_who_may_not_have_it_any_more),
        SERVED(test_who_may_have_it_is_not_known),
        SERVED(test_others_are_answered_meanwhile),
        SERVED(test_who_reads_nothing),
        SERVED(test_who_goes_while_nothing_comes),
        cmocka_unit_test_setup_teardown(test_an_answer_that_comes_too_late, start_hasty, stop),
        SERVED(test_http_1_0_is_refused),
        SERVED(test_a_stop_cuts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
