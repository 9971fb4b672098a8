/* Mail servers that do not do their part: each attempt ends in its time, in bounded memory, with
 * its reason. */
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/time.h"
#include "net/smtp.h"

enum { TIMEOUT_MS = 400, PATIENCE_MS = 4000, ANSWERS = 8, BODY = 5, GROWTH_KIB = 16 << 10 };

#define GREETING "220 here\r\n"
#define EHLO     "250 here\r\n"
#define OK       "250 ok\r\n"
#define DATA     "354 go on\r\n"

/* What it says: at first, and after each line of the client (all of the mail is one). */
struct script {
    const char *answers[ANSWERS];
    bool drips;   /* the last of them, one byte in 100 ms */
    bool endless; /* the last of them, again and again */
};

static struct {
    int listener;
    int port;
    pthread_t thread;
    struct script script;
    atomic_bool over;
} server;

static struct hg_error err;

static bool say(int fd, const char *text, size_t n)
{
    return send(fd, text, n, MSG_NOSIGNAL) == (ssize_t)n;
}

static void say_badly(int fd, const char *text)
{
    bool goes = true;
    while (goes && server.script.endless && !atomic_load(&server.over)) {
        goes = say(fd, text, strlen(text));
    }
    for (const char *c = text; goes && server.script.drips && !atomic_load(&server.over); c++) {
        goes = *c && say(fd, c, 1);
        hg_time_pause_ms(100);
    }
}

/* False when the client has gone. */
static bool hear(int fd, const char *end)
{
    char last[6] = "";
    char c;
    size_t n = strlen(end);
    while (strcmp(last + sizeof last - 1 - n, end) != 0) {
        struct pollfd ready = {fd, POLLIN, 0};
        if (atomic_load(&server.over)) {
            return false;
        }
        if (poll(&ready, 1, 50) <= 0) {
            continue;
        }
        if (recv(fd, &c, 1, 0) <= 0) {
            return false;
        }
        memmove(last, last + 1, sizeof last - 2);
        last[sizeof last - 2] = c;
    }
    return true;
}

static void converse(int fd)
{
    const char *const *answer = server.script.answers;
    bool here = true;
    for (int i = 0; here && answer[i]; i++) {
        bool is_last = !answer[i + 1];
        if (is_last && (server.script.drips || server.script.endless)) {
            say_badly(fd, answer[i]);
        } else {
            here = say(fd, answer[i], strlen(answer[i]));
        }
        here = here && hear(fd, i + 1 == BODY ? "\r\n.\r\n" : "\r\n");
    }
    while (here && hear(fd, "\r\n")) { /* says nothing more and stays */
    }
}

static void *serve(void *arg)
{
    while (!atomic_load(&server.over)) {
        struct pollfd ready = {server.listener, POLLIN, 0};
        int fd = poll(&ready, 1, 50) > 0 ? accept(server.listener, NULL, NULL) : -1;
        if (fd >= 0) {
            converse(fd);
            (void)close(fd);
        }
    }
    return arg;
}

static int start(void **state)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t n = sizeof address;
    (void)state;
    err = (struct hg_error)HG_ERROR_INIT;
    server.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (server.listener < 0 || bind(server.listener, (struct sockaddr *)&address, n) < 0 ||
        listen(server.listener, 8) < 0 ||
        getsockname(server.listener, (struct sockaddr *)&address, &n) < 0) {
        return -1;
    }
    server.port = ntohs(address.sin_port);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    return close(server.listener);
}

static bool at_once(void *arg)
{
    (void)arg;
    return true;
}

/* What sending comes to, in its time. */
static int send_to(const struct script *script, enum hg_smtp_tls tls, bool cancel)
{
    static const char text[] = "Subject: a\r\n\r\nb\r\n";
    static const char *const to[] = {"a@example.com", NULL};
    int status = 0;
    const struct hg_smtp_server to_server = {.host = "127.0.0.1", .port = server.port, .tls = tls};
    const struct hg_smtp_mail mail = {.from = "b@example.com",
                                      .to = to,
                                      .text = text,
                                      .n_text = sizeof text - 1,
                                      .timeout_ms = TIMEOUT_MS,
                                      .is_cancelled = cancel ? at_once : NULL};
    server.script = *script;
    atomic_store(&server.over, false);
    assert_int_equal(pthread_create(&server.thread, NULL, serve, NULL), 0);
    int64_t begun_ms = hg_time_monotonic_ms();
    int r = hg_smtp_send(&to_server, &mail, &status, &err);
    int64_t took_ms = hg_time_monotonic_ms() - begun_ms;
    atomic_store(&server.over, true);
    (void)pthread_join(server.thread, NULL);
    if (took_ms > PATIENCE_MS) {
        fail_msg("it took %lld ms", (long long)took_ms);
    }
    return r;
}

static void time_is_up(const struct script *script, enum hg_smtp_tls tls)
{
    assert_int_equal(send_to(script, tls, false), HG_ETIMEDOUT);
    assert_non_null(strstr(err.message, "the time was up"));
    assert_true(err.retryable);
}

static long resident_kib(void)
{
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

static void test_one_that_does_its_part(void **state)
{
    static const struct script script = {
        .answers = {GREETING, EHLO, OK, OK, DATA, OK, "221 bye\r\n"}};
    (void)state;
    assert_int_equal(send_to(&script, HG_SMTP_NONE, false), HG_OK);
}

/* At each of its answers. */
static void test_silence(void **state)
{
    static const char *const answers[] = {GREETING, EHLO, OK, OK, DATA};
    struct script script = {.answers = {NULL}};
    (void)state;
    for (size_t i = 0; i <= HG_COUNT(answers); i++) {
        time_is_up(&script, HG_SMTP_NONE);
        if (i < HG_COUNT(answers)) {
            script.answers[i] = answers[i];
        }
    }
}

static void test_drips(void **state)
{
    static const struct script scripts[] = {
        {.answers = {"220 a very long greeting"}, .drips = true},
        {.answers = {GREETING, "250-a very long list of what it can do\r\n"}, .drips = true}};
    (void)state;
    for (size_t i = 0; i < HG_COUNT(scripts); i++) {
        time_is_up(&scripts[i], HG_SMTP_NONE);
    }
}

static void test_no_end(void **state)
{
    static const struct script scripts[] = {
        {.answers = {"220-and another line of it\r\n"}, .endless = true},
        {.answers = {GREETING, "250-X-AND-ANOTHER\r\n"}, .endless = true},
        {.answers = {"220 one line that never ends and never ends and never ends"},
         .endless = true}};
    (void)state;
    long before = resident_kib();
    for (size_t i = 0; i < HG_COUNT(scripts); i++) {
        /* Or libcurl has enough of it before. */
        int r = send_to(&scripts[i], HG_SMTP_NONE, false);
        assert_true(r == HG_ETIMEDOUT || r == HG_EUNAVAILABLE);
        assert_true(err.retryable);
    }
    assert_true(resident_kib() - before < GROWTH_KIB);
}

static void test_tls_that_stalls(void **state)
{
    static const struct script none = {.answers = {NULL}};
    static const struct script starttls = {
        .answers = {GREETING, "250-here\r\n250 STARTTLS\r\n", "220 go on\r\n"}};
    (void)state;
    time_is_up(&none, HG_SMTP_IMPLICIT);
    time_is_up(&starttls, HG_SMTP_STARTTLS);
}

/* It has the mail by then; to send it again would be worse than to leave without a word. */
static void test_silence_at_the_end(void **state)
{
    static const struct script script = {.answers = {GREETING, EHLO, OK, OK, DATA, OK}};
    (void)state;
    assert_int_equal(send_to(&script, HG_SMTP_NONE, false), HG_OK);
}

static void test_cancelled(void **state)
{
    static const struct script script = {.answers = {GREETING}};
    (void)state;
    assert_int_equal(send_to(&script, HG_SMTP_NONE, true), HG_ECANCELLED);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(test_one_that_does_its_part),
        TEST(test_silence),
        TEST(test_drips),
        TEST(test_no_end),
        TEST(test_tls_that_stalls),
        TEST(test_silence_at_the_end),
        TEST(test_cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
