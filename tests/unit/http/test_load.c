/* Handlers that wait, full queues, deadlines, stopping. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "http_client.h"
#include "server_fixture.h"

enum {
    THREADS = 2,
    QUEUE = 3,
};

#define BLOCK "GET /api/block HTTP/1.1\r\nHost: x\r\n\r\n"

static struct fixture fixture;
static pthread_t stopper; /* stops the server beside the test; 0: nobody does */

static int start(void **state)
{
    (void)state;
    fixture.options.threads = THREADS;
    fixture.options.queue_max = QUEUE;
    fixture_start(&fixture);
    gate_shut();
    return 0;
}

static void join_stopper(void)
{
    if (stopper) {
        assert_int_equal(pthread_join(stopper, NULL), 0);
    }
    stopper = 0;
}

static int stop(void **state)
{
    (void)state;
    gate_open();
    join_stopper(); /* a test that failed has not */
    fixture_stop(&fixture);
    return 0;
}

static void ask_now(void)
{
    struct answer answer;
    client_ask(fixture.port, "GET", "/api/now", "", NULL, &answer);
    assert_int_equal(answer.status, 200);
    answer_free(&answer);
}

static void expect(int fd, int status)
{
    struct answer answer;
    assert_true(client_receive(fd, false, &answer));
    assert_int_equal(answer.status, status);
    if (status == 503) {
        json_decref(answer_problem(&answer, 503));
        assert_non_null(answer_header(&answer, "Retry-After"));
    }
    answer_free(&answer);
}

/* Every thread of the executor waits and its queue is full: the HTTP thread still answers. */
static void test_the_http_thread_never_waits(void **state)
{
    (void)state;
    int fds[THREADS + QUEUE + 4];
    size_t n_refused = 0;
    for (size_t i = 0; i < THREADS; i++) {
        fds[i] = client_connect(fixture.port);
        client_send(fds[i], BLOCK);
    }
    gate_wait_for(THREADS);
    for (size_t i = THREADS; i < HG_COUNT(fds); i++) {
        fds[i] = client_connect(fixture.port);
        client_send(fds[i], BLOCK);
    }
    for (int i = 0; i < 20; i++) {
        ask_now();
    }
    /* The queue held three; the last four were refused at once. */
    for (size_t i = THREADS + QUEUE; i < HG_COUNT(fds); i++) {
        expect(fds[i], 503);
        n_refused++;
    }
    assert_int_equal(n_refused, 4);
    assert_int_equal(gate_passed(), 0);
    gate_open();
    for (size_t i = 0; i < THREADS + QUEUE; i++) {
        expect(fds[i], 200);
    }
    /* A refused connection is still good. */
    client_send(fds[HG_COUNT(fds) - 1], BLOCK);
    expect(fds[HG_COUNT(fds) - 1], 200);
    for (size_t i = 0; i < HG_COUNT(fds); i++) {
        (void)close(fds[i]);
    }
}

static int start_with_deadline(void **state)
{
    fixture.options.deadline_ms = 50;
    return start(state);
}

/* The client is answered at the deadline; the handler's late answer goes nowhere. */
static void test_a_handler_past_its_deadline(void **state)
{
    (void)state;
    int fds[THREADS + 1];
    for (size_t i = 0; i < HG_COUNT(fds); i++) {
        fds[i] = client_connect(fixture.port);
        client_send(fds[i], BLOCK);
    }
    for (size_t i = 0; i < HG_COUNT(fds); i++) {
        expect(fds[i], 503);
    }
    gate_wait_for(THREADS);
    gate_open();
    gate_wait_passed(THREADS);
    client_send(fds[0], "GET /api/now HTTP/1.1\r\nHost: x\r\n\r\n");
    expect(fds[0], 200);
    for (size_t i = 0; i < HG_COUNT(fds); i++) {
        (void)close(fds[i]);
    }
    /* The one whose deadline passed in the queue never ran: the stop has waited for all. */
    hg_http_stop(fixture.server, 0);
    fixture.server = NULL;
    assert_int_equal(gate_passed(), THREADS);
}

static void *stop_at_once(void *arg)
{
    struct fixture *it = arg;
    hg_http_stop(it->server, 0);
    it->server = NULL;
    return NULL;
}

static void *stop_patiently(void *arg)
{
    struct fixture *it = arg;
    hg_http_stop(it->server, 3600 * 1000);
    it->server = NULL;
    return NULL;
}

/* Connections are suspended when the server stops: each is answered before. */
static void test_stopping_answers_what_is_parked(void **state)
{
    (void)state;
    int fds[THREADS + 2];
    for (size_t i = 0; i < HG_COUNT(fds); i++) {
        fds[i] = client_connect(fixture.port);
        client_send(fds[i], BLOCK);
    }
    gate_wait_for(THREADS);
    ask_now();
    assert_int_equal(pthread_create(&stopper, NULL, stop_at_once, &fixture), 0);
    for (size_t i = 0; i < HG_COUNT(fds); i++) {
        expect(fds[i], 503);
        assert_true(client_is_closed(fds[i]));
        (void)close(fds[i]);
    }
    gate_open();
    join_stopper();
}

/* With patience, what is under way is finished and new requests are refused. */
static void test_stopping_lets_requests_finish(void **state)
{
    (void)state;
    struct answer answer;
    int slow = client_connect(fixture.port);
    int other = client_connect(fixture.port);
    client_send(other, "GET /api/now HTTP/1.1\r\nHost: x\r\n\r\n");
    expect(other, 200);
    client_send(slow, BLOCK);
    gate_wait_for(1);
    assert_int_equal(pthread_create(&stopper, NULL, stop_patiently, &fixture), 0);
    /* Until the stop has begun these are served; the first after that ends the connection. */
    bool is_last = false;
    while (!is_last) {
        client_send(other, "GET /api/hello HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_true(client_receive(other, false, &answer));
        is_last = answer_header(&answer, "Connection") != NULL;
        assert_true(answer.status == 200 || (is_last && answer.status == 503));
        answer_free(&answer);
    }
    assert_true(client_is_closed(other));
    gate_open();
    expect(slow, 200);
    join_stopper();
    (void)close(slow);
    (void)close(other);
}

/* Answers leave from the executor's threads while the server goes away under them. */
static void test_stopping_while_handlers_finish(void **state)
{
    (void)state;
    for (int i = 0; i < 40; i++) {
        int fds[THREADS];
        for (size_t k = 0; k < THREADS; k++) {
            fds[k] = client_connect(fixture.port);
            client_send(fds[k], BLOCK);
        }
        gate_wait_for(THREADS);
        gate_open();
        hg_http_stop(fixture.server, i % 2 ? 0 : 3600 * 1000);
        fixture.server = NULL;
        for (size_t k = 0; k < THREADS; k++) {
            struct answer answer;
            assert_true(client_receive(fds[k], false, &answer));
            assert_true(answer.status == 200 || answer.status == 503);
            answer_free(&answer);
            (void)close(fds[k]);
        }
        gate_shut();
        fixture_start(&fixture);
    }
}

/* A client that leaves while its handler works harms nobody. */
static void test_clients_that_leave(void **state)
{
    (void)state;
    for (int i = 0; i < THREADS; i++) {
        int fd = client_connect(fixture.port);
        client_send(fd, BLOCK);
        gate_wait_for(i + 1);
        (void)close(fd);
    }
    gate_open();
    gate_wait_passed(THREADS);
    for (int i = 0; i < 5; i++) {
        ask_now();
    }
}

static void *ask_often(void *arg)
{
    size_t *n_good = arg;
    int fd = client_connect(fixture.port);
    for (int i = 0; i < 100; i++) {
        struct answer answer;
        client_send(fd,
                    i % 2 ? "GET /api/hello HTTP/1.1\r\nHost: x\r\n\r\n"
                          : "GET /api/now HTTP/1.1\r\nHost: x\r\n\r\n");
        if (client_receive(fd, false, &answer)) {
            *n_good += answer.status == 200 && strcmp(answer.body, "{\"hello\":\"world\"}") == 0;
        }
        answer_free(&answer);
    }
    (void)close(fd);
    return NULL;
}

static int start_roomy(void **state)
{
    (void)state;
    fixture.options.queue_max = 64;
    fixture.options.threads = 4;
    fixture_start(&fixture);
    return 0;
}

static void test_many_clients_at_once(void **state)
{
    (void)state;
    pthread_t clients[8];
    size_t n_good[HG_COUNT(clients)] = {0};
    for (size_t i = 0; i < HG_COUNT(clients); i++) {
        assert_int_equal(pthread_create(&clients[i], NULL, ask_often, &n_good[i]), 0);
    }
    for (size_t i = 0; i < HG_COUNT(clients); i++) {
        assert_int_equal(pthread_join(clients[i], NULL), 0);
        assert_int_equal(n_good[i], 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_http_thread_never_waits, start, stop),
        cmocka_unit_test_setup_teardown(
            test_a_handler_past_its_deadline, start_with_deadline, stop),
        cmocka_unit_test_setup_teardown(test_stopping_answers_what_is_parked, start, stop),
        cmocka_unit_test_setup_teardown(test_stopping_lets_requests_finish, start, stop),
        cmocka_unit_test_setup_teardown(test_stopping_while_handlers_finish, start, stop),
        cmocka_unit_test_setup_teardown(test_clients_that_leave, start, stop),
        cmocka_unit_test_setup_teardown(test_many_clients_at_once, start_roomy, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
