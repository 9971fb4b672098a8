/* Calls to a server that answers as it likes. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <zlib.h>

#include "base/error.h"
#include "base/time.h"
#include "net/client.h"
#include "net/url.h"
#include "peer.h"

enum { ZEROS = 8 << 20, SOON_MS = 3000 };

static char packed[64 << 10];
static size_t n_packed;

#define HEAD "HTTP/1.1 200 OK\r\n"
static struct peer_answer answers[] = {
    {.path = "/hello",
     .bytes = HEAD "Content-Length: 5\r\nX-Thing:  a b \r\nBad: \xff\r\n\r\nhello"},
    {.path = "/secret", .bytes = "HTTP/1.1 500 Oops\r\nContent-Length: 6\r\n\r\nsecret"},
    {.path = "/away",
     .bytes = "HTTP/1.1 302 Found\r\nLocation: /hello\r\nContent-Length: 0\r\n\r\n"},
    {.path = "/see", .bytes = "HTTP/1.1 303 See\r\nLocation: hello\r\nContent-Length: 0\r\n\r\n"},
    {.path = "/same", .bytes = "HTTP/1.1 307 Same\r\nLocation: hello\r\nContent-Length: 0\r\n\r\n"},
    {.path = "/loop", .bytes = "HTTP/1.1 301 Gone\r\nLocation: loop\r\nContent-Length: 0\r\n\r\n"},
    {.path = "/file",
     .bytes = "HTTP/1.1 301 Gone\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n"},
    {.path = "/busy", .bytes = "HTTP/1.1 429 Busy\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n"},
    {.path = "/large", .bytes = HEAD "Content-Length: 2000000\r\n\r\nx", .hangs = true},
    {.path = "/endless", .bytes = HEAD "Transfer-Encoding: chunked\r\n\r\n", .hangs = true},
    {.path = "/headers",
     .bytes = HEAD "X: 0123456789012345678901234567890123456789\r\nY: ",
     .repeat = 4000,
     .closes = true},
    {.path = "/silent"},
    {.path = "/half", .bytes = HEAD "Content-Length: 10\r\n\r\nhalf", .closes = true},
    {.path = "/none", .bytes = "", .closes = true},
    {.path = "/smtp", .bytes = "220 mail.example.com ESMTP\r\n", .closes = true},
    {.path = "/zip"},
    {.path = "/elsewhere"},
    {.path = NULL},
};

static struct peer *peer;
static struct hg_guard *guard;
static struct hg_net_client *client;
static struct hg_net_response response;
static struct hg_error err;
static char url[200];

static struct peer_answer *answer_of(const char *path)
{
    struct peer_answer *answer = answers;
    while (strcmp(answer->path, path) != 0) {
        answer++;
    }
    return answer;
}

/* An answer that is small on its way. */
static void pack_zeros(void)
{
    static char zeros[ZEROS];
    static const char head[] = HEAD "Content-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n";
    static unsigned char small[32 << 10];
    z_stream stream = {.next_in = (unsigned char *)zeros,
                       .avail_in = sizeof zeros,
                       .next_out = small,
                       .avail_out = sizeof small};
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, 31, 9, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    size_t n = sizeof small - stream.avail_out;
    (void)deflateEnd(&stream);
    int n_head = snprintf(packed, sizeof packed, head, n);
    memcpy(packed + n_head, small, n);
    n_packed = (size_t)n_head + n;
    *answer_of("/zip") = (struct peer_answer){.path = "/zip", .bytes = packed, .n = n_packed};
}

static int set_up(void **state)
{
    static const char *const allowed[] = {"127.0.0.1", NULL};
    (void)state;
    (void)setenv("http_proxy", "http://127.0.0.1:1", 1);
    (void)setenv("all_proxy", "http://127.0.0.1:1", 1);
    peer = peer_start(answers);
    err = (struct hg_error)HG_ERROR_INIT;
    response = (struct hg_net_response)HG_NET_RESPONSE_INIT;
    assert_int_equal(hg_guard_new(allowed, &guard, &err), HG_OK);
    const struct hg_net_options options = {.guard = guard};
    return hg_net_client_new(&options, &client, &err);
}

static int tear_down(void **state)
{
    (void)state;
    hg_net_client_free(client);
    client = NULL;
    hg_net_response_free(&response);
    hg_guard_free(guard);
    peer_stop(peer);
    return 0;
}

static const char *at(const char *path)
{
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d%s", peer_port(peer), path);
    return url;
}

static void send_it(const struct hg_net_request *request, int expected)
{
    err = (struct hg_error)HG_ERROR_INIT;
    int r = hg_net_send(client, request, &response, &err);
    if (r != expected) {
        fail_msg("%s: %d %s (%s)", request->url, r, err.message, err.hint);
    }
}

static void get(const char *path, int expected)
{
    const struct hg_net_request request = {.url = at(path), .plain = true, .timeout_ms = 20000};
    send_it(&request, expected);
}

static const char *header(const char *name)
{
    return json_string_value(json_object_get(response.headers, name));
}

static void asked(const char *part)
{
    if (!strstr(peer_last(peer), part)) {
        fail_msg("\"%s\" is not in: %s", part, peer_last(peer));
    }
}

static void not_asked(const char *part)
{
    if (strstr(peer_last(peer), part)) {
        fail_msg("\"%s\" is in: %s", part, peer_last(peer));
    }
}

static void test_an_answer(void **state)
{
    (void)state;
    get("/hello", HG_OK);
    assert_int_equal(response.status, 200);
    assert_string_equal(hg_buf_text(&response.body), "hello");
    assert_string_equal(header("x-thing"), "a b");
    assert_null(header("bad"));
    assert_int_equal(response.retry_after_ms, -1);
    assert_true(response.times.connected_us > 0);
    assert_true(response.times.total_us >= response.times.first_byte_us);
    asked("GET /hello HTTP/1.1\r\n");
    asked("User-Agent: headgate\r\n");
    assert_int_equal(hg_net_check(&response, &err), HG_OK);
    get("/hello", HG_OK);
    assert_string_equal(hg_buf_text(&response.body), "hello");
    assert_int_equal(peer_connections(peer), 1);
}

static void test_a_body(void **state)
{
    static const char *const headers[] = {"Content-Type: application/json", "X-A: b", NULL};
    struct hg_net_request request = {.method = "POST",
                                     .url = at("/hello"),
                                     .plain = true,
                                     .headers = headers,
                                     .body = "{\"a\": 1}",
                                     .n_body = 8};
    (void)state;
    send_it(&request, HG_OK);
    asked("POST /hello");
    asked("X-A: b\r\n");
    asked("Content-Type: application/json\r\n");
    asked("Content-Length: 8\r\n");
    asked("\r\n\r\n{\"a\": 1}");
    not_asked("Expect");
    request.method = "PATCH";
    send_it(&request, HG_OK);
    asked("PATCH /hello");
    request = (struct hg_net_request){.method = "DELETE", .url = at("/hello"), .plain = true};
    send_it(&request, HG_OK);
    asked("DELETE /hello");
}

static void test_what_is_not_sent(void **state)
{
    static const char *const lines[] = {
        "A: b\r\nC: d", "A: b\n", "A b", ": b", "A : b", "A\x01: b", "A: \x7f", ""};
    (void)state;
    for (size_t i = 0; i < HG_COUNT(lines); i++) {
        const char *const headers[] = {"X: y", lines[i], NULL};
        const struct hg_net_request request = {
            .url = at("/hello"), .plain = true, .headers = headers};
        send_it(&request, HG_EINVAL);
    }
    const struct hg_net_request plain = {.url = at("/hello")};
    send_it(&plain, HG_EINVAL);
    assert_non_null(strstr(err.message, "not https"));
    assert_int_equal(peer_connections(peer), 0);
}

/* Whatever a private address is written as. */
static void test_the_guard(void **state)
{
    static const char *const hosts[] = {"127.0.0.1",
                                        "127.1",
                                        "2130706433",
                                        "0x7f.1",
                                        "017700000001",
                                        "localhost",
                                        "0",
                                        "[::ffff:127.0.0.1]",
                                        "[::1]"};
    struct hg_guard *strict;
    struct hg_net_client *careful;
    (void)state;
    assert_int_equal(hg_guard_new(NULL, &strict, &err), HG_OK);
    const struct hg_net_options options = {.guard = strict};
    assert_int_equal(hg_net_client_new(&options, &careful, &err), HG_OK);
    for (size_t i = 0; i < HG_COUNT(hosts); i++) {
        (void)snprintf(url, sizeof url, "http://%s:%d/hello", hosts[i], peer_port(peer));
        const struct hg_net_request request = {.url = url, .plain = true};
        err = (struct hg_error)HG_ERROR_INIT;
        if (hg_net_send(careful, &request, &response, &err) != HG_EFORBIDDEN) {
            fail_msg("%s: %s", hosts[i], err.message);
        }
        assert_non_null(strstr(err.hint, "allow_private"));
    }
    hg_net_client_free(careful);
    hg_guard_free(strict);
    assert_int_equal(peer_connections(peer), 0);
}

/* A second server: another origin. */
static struct peer *elsewhere(char origin[HG_ORIGIN_TEXT])
{
    static char redirect[400];
    struct peer *other = peer_start(answers);
    (void)snprintf(origin, HG_ORIGIN_TEXT, "http://127.0.0.1:%d", peer_port(other));
    (void)snprintf(redirect,
                   sizeof redirect,
                   "HTTP/1.1 302 Found\r\nLocation: %s/hello\r\nContent-Length: 0\r\n\r\n",
                   origin);
    *answer_of("/elsewhere") = (struct peer_answer){.path = "/elsewhere", .bytes = redirect};
    return other;
}

static void test_redirects(void **state)
{
    struct hg_net_request request = {
        .method = "POST", .url = at("/away"), .plain = true, .body = "text", .n_body = 4};
    (void)state;
    send_it(&request, HG_OK);
    assert_int_equal(response.status, 302);
    request.redirects_max = 5;
    send_it(&request, HG_OK);
    assert_int_equal(response.status, 200);
    assert_int_equal(response.n_redirects, 1);
    asked("GET /hello");
    not_asked("text");
    request.url = at("/see");
    send_it(&request, HG_OK);
    asked("GET /hello");
    request.url = at("/same");
    send_it(&request, HG_OK);
    asked("POST /hello");
    asked("\r\n\r\ntext");
    request.url = at("/loop");
    send_it(&request, HG_EDATA);
    request.url = at("/file");
    send_it(&request, HG_EINVAL);
}

static void test_a_credential_stays_with_its_origin(void **state)
{
    char own[HG_ORIGIN_TEXT];
    char other_origin[HG_ORIGIN_TEXT];
    struct peer *other = elsewhere(other_origin);
    HG_CLEANUP(hg_secret_freep) struct hg_secret *secret = NULL;
    (void)state;
    assert_int_equal(hg_secret_arena(NULL, &err), HG_OK);
    assert_int_equal(hg_secret_new("canary", 6, &secret, &err), HG_OK);
    assert_int_equal(hg_url_origin(at("/"), own, &err), HG_OK);
    const char *const origins[] = {own, NULL};
    const char *const others[] = {other_origin, NULL};
    struct hg_net_credential credential = {"X-API-Key", "Key ", secret, origins};
    struct hg_net_request request = {
        .url = at("/elsewhere"), .plain = true, .redirects_max = 5, .credential = &credential};
    send_it(&request, HG_EFORBIDDEN);
    assert_non_null(strstr(err.message, other_origin));
    assert_int_equal(peer_connections(other), 0);
    asked("X-API-Key: Key canary\r\n");
    request.origins = others;
    send_it(&request, HG_OK);
    assert_int_equal(peer_requests(other), 1);
    assert_null(strstr(peer_last(other), "canary"));
    credential.origins = others;
    send_it(&request, HG_OK);
    not_asked("canary");
    assert_non_null(strstr(peer_last(other), "canary"));
    peer_stop(other);
}

static void test_a_credential_that_cannot_be_sent(void **state)
{
    static const struct {
        const char *text;
        size_t n;
    } wrong[] = {{"a\r\nB: c", 7}, {"a\0b", 3}};
    char own[HG_ORIGIN_TEXT];
    (void)state;
    assert_int_equal(hg_secret_arena(NULL, &err), HG_OK);
    assert_int_equal(hg_url_origin(at("/"), own, &err), HG_OK);
    const char *const origins[] = {own, NULL};
    for (size_t i = 0; i < HG_COUNT(wrong); i++) {
        HG_CLEANUP(hg_secret_freep) struct hg_secret *secret = NULL;
        assert_int_equal(hg_secret_new(wrong[i].text, wrong[i].n, &secret, &err), HG_OK);
        const struct hg_net_credential credential = {"X-API-Key", NULL, secret, origins};
        const struct hg_net_request request = {
            .url = at("/hello"), .plain = true, .credential = &credential};
        send_it(&request, HG_EINVAL);
    }
    assert_int_equal(peer_connections(peer), 0);
}

static void test_answers_that_are_too_large(void **state)
{
    struct hg_net_request request = {.plain = true, .body_max = 1 << 20};
    (void)state;
    request.url = at("/zip");
    send_it(&request, HG_ETOOBIG);
    assert_true(response.body.len <= 1 << 20);
    request.body_max = ZEROS;
    send_it(&request, HG_OK);
    assert_int_equal(response.body.len, ZEROS);
    request.body_max = 4;
    request.url = at("/hello");
    send_it(&request, HG_ETOOBIG);
    request.body_max = 5;
    send_it(&request, HG_OK);
    request.url = at("/headers");
    send_it(&request, HG_ETOOBIG);
}

static void test_times(void **state)
{
    static const char *const paths[] = {"/silent", "/large", "/endless"};
    static const char *const phases[] = {
        "before it answered", "within its answer", "within its answer"};
    (void)state;
    for (size_t i = 0; i < HG_COUNT(paths); i++) {
        struct hg_net_request request = {
            .url = at(paths[i]), .plain = true, .timeout_ms = 300, .body_max = 4 << 20};
        send_it(&request, HG_ETIMEDOUT);
        assert_true(err.retryable);
        if (!strstr(err.message, phases[i])) {
            fail_msg("%s: %s", paths[i], err.message);
        }
    }
}

static void test_connections_that_break(void **state)
{
    static const struct {
        const char *path;
        int code;
    } cases[] = {{"/half", HG_EUNAVAILABLE}, {"/none", HG_EUNAVAILABLE}, {"/smtp", HG_EDATA}};
    (void)state;
    for (size_t i = 0; i < HG_COUNT(cases); i++) {
        get(cases[i].path, cases[i].code);
        assert_int_equal(err.retryable, cases[i].code == HG_EUNAVAILABLE);
    }
    peer_stop(peer);
    peer = peer_start(answers);
    const struct hg_net_request away = {.url = "http://127.0.0.1:1/", .plain = true};
    send_it(&away, HG_EUNAVAILABLE);
    const struct hg_net_request unknown = {.url = "http://no-such-host.invalid/", .plain = true};
    send_it(&unknown, HG_EUNAVAILABLE);
    assert_non_null(strstr(err.message, "no address"));
}

/* A path or a query can be a secret, a body can say anything. */
static void test_what_errors_say(void **state)
{
    (void)state;
    get("/secret?secret", HG_OK);
    assert_int_equal(hg_net_check(&response, &err), HG_EUNAVAILABLE);
    assert_null(strstr(err.message, "secret"));
    assert_non_null(strstr(err.message, "500"));
    assert_true(err.retryable);
    get("/silence", HG_OK);
    assert_int_equal(hg_net_check(&response, &err), HG_ENOTFOUND);
}

static void test_limits(void **state)
{
    static const struct hg_rate_limit limits[] = {{2, 60000}};
    struct hg_net_request request = {
        .url = at("/hello"), .plain = true, .rate_key = "a", .limits = limits, .n_limits = 1};
    (void)state;
    send_it(&request, HG_OK);
    send_it(&request, HG_OK);
    send_it(&request, HG_ERATELIMITED);
    assert_true(err.retry_after_ms > 50000);
    assert_int_equal(peer_requests(peer), 2);
    request.rate_key = "b";
    request.url = at("/busy");
    send_it(&request, HG_OK);
    assert_int_equal(response.retry_after_ms, 7000);
    assert_int_equal(hg_net_check(&response, &err), HG_ERATELIMITED);
    send_it(&request, HG_ERATELIMITED);
    assert_true(err.retry_after_ms > 5000 && err.retry_after_ms <= 7000);
    assert_int_equal(peer_requests(peer), 3);
}

static bool at_once(void *arg)
{
    (void)arg;
    return true;
}

static void test_cancel(void **state)
{
    struct hg_net_request request = {.url = at("/silent"), .plain = true, .is_cancelled = at_once};
    int64_t begin_ms = hg_time_monotonic_ms();
    (void)state;
    send_it(&request, HG_ECANCELLED);
    assert_true(hg_time_monotonic_ms() - begin_ms < SOON_MS);
}

static void *wait_for_silence(void *arg)
{
    int *ret = arg;
    char own_url[100];
    struct hg_net_response none = HG_NET_RESPONSE_INIT;
    (void)snprintf(own_url, sizeof own_url, "http://127.0.0.1:%d/silent", peer_port(peer));
    const struct hg_net_request request = {.url = own_url, .plain = true};
    *ret = hg_net_send(client, &request, &none, NULL);
    hg_net_response_free(&none);
    return NULL;
}

static void test_an_end_cancels_what_is_under_way(void **state)
{
    enum { CALLERS = 5 };
    pthread_t threads[CALLERS];
    int results[CALLERS];
    (void)state;
    for (size_t i = 0; i < CALLERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, wait_for_silence, &results[i]), 0);
    }
    while (peer_requests(peer) < CALLERS) {
        hg_time_pause_ms(5);
    }
    hg_net_client_free(client);
    client = NULL;
    for (size_t i = 0; i < CALLERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(results[i], HG_ECANCELLED);
    }
}

static void *call_often(void *arg)
{
    int *n_right = arg;
    char own_url[100];
    (void)snprintf(own_url, sizeof own_url, "http://127.0.0.1:%d/hello", peer_port(peer));
    for (int i = 0; i < 25; i++) {
        HG_CLEANUP(hg_net_response_free) struct hg_net_response one = HG_NET_RESPONSE_INIT;
        const struct hg_net_request request = {.url = own_url, .plain = true};
        *n_right += hg_net_send(client, &request, &one, NULL) == HG_OK &&
                    strcmp(hg_buf_text(&one.body), "hello") == 0;
    }
    return NULL;
}

static void test_many_at_once(void **state)
{
    enum { CALLERS = 16 };
    pthread_t threads[CALLERS];
    int n_right[CALLERS] = {0};
    (void)state;
    for (size_t i = 0; i < CALLERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, call_often, &n_right[i]), 0);
    }
    for (size_t i = 0; i < CALLERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(n_right[i], 25);
    }
    assert_true(peer_connections(peer) <= 64);
}

static int pack(void **state)
{
    (void)state;
    pack_zeros();
    return 0;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_an_answer),
        TEST(test_a_body),
        TEST(test_what_is_not_sent),
        TEST(test_the_guard),
        TEST(test_redirects),
        TEST(test_a_credential_stays_with_its_origin),
        TEST(test_a_credential_that_cannot_be_sent),
        TEST(test_answers_that_are_too_large),
        TEST(test_times),
        TEST(test_connections_that_break),
        TEST(test_what_errors_say),
        TEST(test_limits),
        TEST(test_cancel),
        TEST(test_an_end_cancels_what_is_under_way),
        TEST(test_many_at_once),
    };
    return cmocka_run_group_tests_name("client", tests, pack, NULL);
}
