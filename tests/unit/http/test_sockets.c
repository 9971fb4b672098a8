/* WebSockets: those that do not read, do not answer, come too many, or are there when it stops. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "http/descriptors.h"
#include "http_client.h"
#include "server_fixture.h"

#define HANDSHAKE                                                                               \
    " HTTP/1.1\r\nHost: x\r\nOrigin: http://x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" \
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

static struct fixture fixture;
static struct hg_events *bus;

static int start(void **state)
{
    const struct hg_events_options options = {.events_max = 64, .bytes_max = 4 << 20};
    struct hg_error err = HG_ERROR_INIT;
    (void)state;
    assert_int_equal(hg_events_new(&options, &bus, &err), HG_OK);
    fixture.options.events = bus;
    fixture_start(&fixture);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    fixture_stop(&fixture);
    hg_events_free(HG_TAKE(bus));
    return 0;
}

/* The head of the answer. */
static int shake(const char *target, char head[2048])
{
    size_t n = 0;
    int fd = client_connect(fixture.port);
    client_send(fd, "GET ");
    client_send(fd, target);
    client_send(fd, HANDSHAKE);
    while (n < 2047 && (n < 4 || memcmp(head + n - 4, "\r\n\r\n", 4) != 0)) {
        assert_int_equal(recv(fd, head + n, 1, 0), 1);
        n++;
    }
    head[n] = '\0';
    return fd;
}

static int open_socket(void)
{
    char head[2048];
    int fd = shake("/api/events", head);
    assert_non_null(strstr(head, " 101 "));
    assert_non_null(strstr(head, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    return fd;
}

/* Tries until one that is there has gone; `meanwhile`, if any, is done before each try. */
static int open_when_there_is_room(void (*meanwhile)(void))
{
    const struct timespec moment = {.tv_nsec = 20000000};
    char head[2048];
    for (;;) {
        if (meanwhile) {
            meanwhile();
        }
        int fd = shake("/api/events", head);
        if (strstr(head, " 101 ")) {
            return fd;
        }
        assert_non_null(strstr(head, " 503 "));
        (void)close(fd);
        (void)nanosleep(&moment, NULL);
    }
}

/* One frame of the server's; its opcode, or -1 at the end. `text` has room for 1 MiB. */
static int frame(int fd, char *text, size_t *ret_n)
{
    unsigned char head[10];
    size_t n_more = 0;
    if (recv(fd, head, 2, MSG_WAITALL) != 2) {
        return -1;
    }
    size_t n = head[1] & 127;
    n_more = n == 126 ? 2 : n == 127 ? 8 : 0;
    if (n_more > 0) {
        if (recv(fd, head + 2, n_more, MSG_WAITALL) != (ssize_t)n_more) {
            return -1;
        }
        n = 0;
        for (size_t i = 0; i < n_more; i++) {
            n = n << 8 | head[2 + i];
        }
    }
    assert_true(n < 1 << 20);
    if (n > 0 && recv(fd, text, n, MSG_WAITALL) != (ssize_t)n) {
        return -1;
    }
    text[n] = '\0';
    *ret_n = n;
    return head[0] & 15;
}

static char text[(1 << 20) + 1];
static char big[60000];

static void publish(const char *data)
{
    hg_events_publish(bus, HG_TOPIC_RUNS, "run.updated", NULL, data, strlen(data));
}

static int expect_close(int fd)
{
    size_t n = 0;
    int opcode;
    do {
        opcode = frame(fd, text, &n);
    } while (opcode == 1 || opcode == 9);
    if (opcode != 8) {
        return -1;
    }
    return (unsigned char)text[0] << 8 | (unsigned char)text[1];
}

static void test_event_arrives(void **state)
{
    (void)state;
    size_t n = 0;
    int fd = open_socket();
    publish("{\"status\":\"queued\"}");
    assert_int_equal(frame(fd, text, &n), 1);
    assert_non_null(strstr(text, "\"type\":\"run.updated\""));
    assert_non_null(strstr(text, "\"data\":{\"status\":\"queued\"}}"));
    (void)close(fd);
}

static void test_foreign_origin(void **state)
{
    (void)state;
    struct answer answer;
    client_ask(fixture.port,
               "GET",
               "/api/events",
               "Origin: http://evil\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
               "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
               NULL,
               &answer);
    json_decref(answer_problem(&answer, 403));
    answer_free(&answer);
}

/* Whoever takes nothing costs his buffers and nothing more, is told to look anew, then is cut. */
static void test_never_reads(void **state)
{
    (void)state;
    size_t n = 0;
    bool resynced = false;
    int opcode;
    memset(big, '1', sizeof big - 1);
    int deaf = open_socket();
    int other = open_socket();
    for (int i = 0; i < 400; i++) { /* 24 MB, of which the bus keeps four */
        publish(big);
        do {
            opcode = frame(other, text, &n); /* the others get all of it meanwhile */
        } while (opcode == 9);
        assert_int_equal(opcode, 1);
    }
    while ((opcode = frame(deaf, text, &n)) == 1 || opcode == 9) {
        if (opcode == 1 && strstr(text, "\"resync\"")) {
            resynced = true;
            break;
        }
    }
    assert_true(resynced);
    (void)close(deaf);
    (void)close(other);
}

/* Less than the bus keeps: whoever falls behind that is told so, in few bytes, and stalls nobody.
 */
static void publish_a_megabyte(void)
{
    for (int i = 0; i < 16; i++) {
        publish(big);
    }
}

static void test_stalled_is_cut(void **state)
{
    (void)state;
    const int small = 4096;
    memset(big, '1', sizeof big - 1);
    int fd = open_socket();
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    /* Its place, the only one, is free once it is cut; it would be heard for a minute yet. */
    (void)close(open_when_there_is_room(publish_a_megabyte));
    (void)close(fd);
}

/* Pings come, and whoever answers none is cut. */
static void test_silent_is_cut(void **state)
{
    (void)state;
    size_t n = 0;
    int fd = open_socket();
    assert_int_equal(frame(fd, text, &n), 9);
    int opcode;
    while ((opcode = frame(fd, text, &n)) == 9) {
    }
    assert_int_equal(opcode, -1);
    (void)close(fd);
}

/* What was announced and does not come is waited for like any other word of the client. */
static void test_frame_without_payload(void **state)
{
    (void)state;
    size_t n = 0;
    int opcode;
    int fd = open_socket();
    client_send_n(fd, "\x81\xfe\xff\xff\0\0\0\0", 8);
    while ((opcode = frame(fd, text, &n)) == 9) {
    }
    assert_int_equal(opcode, -1);
    (void)close(fd);
}

static void test_age(void **state)
{
    (void)state;
    int fd = open_socket();
    assert_int_equal(expect_close(fd), 4001);
    assert_true(client_is_closed(fd)); /* though the close was not answered */
    (void)close(fd);
}

static void test_too_many(void **state)
{
    (void)state;
    char head[2048];
    int fds[3];
    for (int i = 0; i < 3; i++) {
        fds[i] = open_socket();
    }
    int fd = shake("/api/events", head);
    assert_non_null(strstr(head, " 503 "));
    assert_non_null(strstr(head, "Retry-After"));
    (void)close(fd);
    for (int i = 0; i < 3; i++) {
        (void)close(fds[i]);
    }
    (void)close(open_when_there_is_room(NULL));
}

static void expect_code(const char *bytes, size_t n_bytes, int code)
{
    int fd = open_socket();
    client_send_n(fd, bytes, n_bytes);
    int got = expect_close(fd);
    if (got != code) {
        fail_msg("%d instead of %d for %02x %02x", got, code, bytes[0] & 255, bytes[1] & 255);
    }
    (void)close(fd);
}

static void test_broken_frames(void **state)
{
    (void)state;
    expect_code("\x81\x05hello", 7, 1002);                       /* not masked */
    expect_code("\x81\x85\0\0\0\0hello", 11, 1003);              /* a text */
    expect_code("\x82\x81\0\0\0\0x", 7, 1003);                   /* bytes */
    expect_code("\x01\x81\0\0\0\0x\x80\x81\0\0\0\0y", 14, 1003); /* in pieces */
    /* Announce 64 KiB and more than there is, and are closed at the first byte of it. */
    expect_code("\x81\xfe\xff\xff\0\0\0\0x", 9, 1009);
    expect_code("\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0x", 15, 1009);
    expect_code("\x81\x81\0\0\0\0\xff", 7, 1007); /* no UTF-8 */
    expect_code("\x83\x80\0\0\0\0", 6, 1002);     /* no such opcode */
    expect_code("\xf1\x80\0\0\0\0", 6, 1002);     /* bits of an extension */
}

static void test_flood(void **state)
{
    (void)state;
    static const char ping[] = {'\x89', '\x80', 0, 0, 0, 0};
    char pings[sizeof ping * 1000];
    for (size_t i = 0; i < sizeof pings; i += sizeof ping) {
        memcpy(pings + i, ping, sizeof ping);
    }
    int fd = open_socket();
    size_t n = 0;
    int opcode;
    client_send_what_goes(fd, pings, sizeof pings);
    while ((opcode = frame(fd, text, &n)) == 10) {
    }
    assert_int_equal(opcode, 8);
    assert_int_equal((unsigned char)text[0] << 8 | (unsigned char)text[1], 1008);
    (void)close(fd);
}

static void test_stop_says_goodbye(void **state)
{
    (void)state;
    int fd = open_socket();
    hg_http_stop(fixture.server, 1000);
    fixture.server = NULL;
    assert_int_equal(expect_close(fd), 1001);
    (void)close(fd);
}

static int with(struct hg_socket_limits limits, void **state)
{
    fixture.options.sockets = limits;
    return start(state);
}

static int start_stalling(void **state)
{
    return with((struct hg_socket_limits){.stall_ms = 200, .clients_max = 1}, state);
}

static int start_silent(void **state)
{
    return with((struct hg_socket_limits){.ping_ms = 50, .silence_ms = 400}, state);
}

static int start_ageing(void **state)
{
    return with((struct hg_socket_limits){.age_ms = 100, .close_ms = 200}, state);
}

static int start_narrow(void **state)
{
    return with((struct hg_socket_limits){.clients_max = 3}, state);
}

static int start_hasty(void **state)
{
    return with((struct hg_socket_limits){.close_ms = 200}, state);
}

/* A shell's usual limit is raised for all the connections that the server takes. */
static void test_room_is_made(void **state)
{
    struct rlimit before;
    struct rlimit after;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    const struct rlimit low = {.rlim_cur = 300, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    assert_int_equal(with((struct hg_socket_limits){.clients_max = 0}, state), 0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &after), 0);
    const rlim_t wanted = 256 + 512 + 1024;
    assert_true(after.rlim_cur == (before.rlim_max < wanted ? before.rlim_max : wanted));
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

static void test_what_fits(void **state)
{
    (void)state;
    assert_int_equal(hg_descriptors_fit(1792, 512, 1024), 1024);
    assert_int_equal(hg_descriptors_fit(1791, 512, 1024), 1023);
    assert_int_equal(hg_descriptors_fit(1024, 512, 1024), 256);
    assert_int_equal(hg_descriptors_fit(768, 512, 1024), 1);
    assert_int_equal(hg_descriptors_fit(0, 512, 1024), 1);
    assert_int_equal(hg_descriptors_fit(RLIM_INFINITY, 512, 1024), 1024);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_event_arrives, start, stop),
        cmocka_unit_test_setup_teardown(test_foreign_origin, start, stop),
        cmocka_unit_test_setup_teardown(test_never_reads, start, stop),
        cmocka_unit_test_setup_teardown(test_stalled_is_cut, start_stalling, stop),
        cmocka_unit_test_setup_teardown(test_silent_is_cut, start_silent, stop),
        cmocka_unit_test_setup_teardown(test_frame_without_payload, start_silent, stop),
        cmocka_unit_test_setup_teardown(test_age, start_ageing, stop),
        cmocka_unit_test_setup_teardown(test_too_many, start_narrow, stop),
        cmocka_unit_test_setup_teardown(test_broken_frames, start_hasty, stop),
        cmocka_unit_test_setup_teardown(test_flood, start_hasty, stop),
        cmocka_unit_test_setup_teardown(test_stop_says_goodbye, start_hasty, stop),
        cmocka_unit_test_teardown(test_room_is_made, stop),
        cmocka_unit_test(test_what_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
