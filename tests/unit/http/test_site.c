/* The web pages: files from memory, with the policy that guards them. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <zlib.h>

#include "base/io.h"
#include "base/mem.h"
#include "http_client.h"
#include "scratch.h"
#include "server_fixture.h"

static struct fixture fixture;
static char folder[HG_SCRATCH_BYTES];
static char script[4000];

static void put_file(const char *name, const char *content)
{
    char path[128];
    struct hg_error err = HG_ERROR_INIT;
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(hg_write_file(path, 0644, content, strlen(content), &err), HG_OK);
}

static void put_folder(const char *name)
{
    char path[128];
    struct hg_error err = HG_ERROR_INIT;
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(hg_make_folders(path, 0755, &err), HG_OK);
}

static int start(void **state)
{
    char link_path[128];
    struct hg_error err = HG_ERROR_INIT;
    (void)state;
    assert_int_equal(hg_scratch_make("site", folder), 0);
    memset(script, 'j', sizeof script - 1);
    put_folder("assets");
    put_folder(".vite");
    put_file("index.html",
             "<html><meta content=\"__CSP_NONCE__\"><script nonce=\"__CSP_NONCE__\"></script>end");
    put_file("boot.js", "boot();");
    put_file("assets/index-abc.js", script);
    put_file("assets/font.woff2", script);
    put_file("assets/secret.bin", "not a type that is served");
    put_file(".vite/manifest.json", "{}");
    (void)snprintf(link_path, sizeof link_path, "%s/passwd.txt", folder);
    assert_int_equal(symlink("/etc/passwd", link_path), 0);
    if (hg_site_load(folder, &fixture.site, &err) < 0) {
        fail_msg("%s", err.message);
    }
    fixture_start(&fixture);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    fixture_stop(&fixture);
    return hg_scratch_remove(folder);
}

static void ask(const char *target, const char *headers, struct answer *answer)
{
    client_ask(fixture.port, "GET", target, headers, NULL, answer);
}

/* The nonce that the policy allows. */
static void nonce_of(const struct answer *answer, char ret[64])
{
    const char *policy = answer_header(answer, "Content-Security-Policy");
    assert_non_null(policy);
    const char *at = strstr(policy, "'nonce-");
    assert_non_null(at);
    (void)snprintf(ret, 64, "%.*s", (int)strcspn(at + 7, "'"), at + 7);
    assert_true(strlen(ret) >= 22);
}

static void test_the_page_has_a_nonce_of_its_own(void **state)
{
    (void)state;
    static const char *const targets[] = {
        "/", "/index.html", "/pipelines/orders", "/datasets/shop.orders", "/pipelines/x?tab=y"};
    char last[64] = "";
    for (size_t i = 0; i < HG_COUNT(targets); i++) {
        char nonce[64];
        char expected[256];
        struct answer answer;
        ask(targets[i], "Accept-Encoding: gzip\r\n", &answer);
        assert_int_equal(answer.status, 200);
        assert_string_equal(answer_header(&answer, "Content-Type"), "text/html; charset=utf-8");
        assert_string_equal(answer_header(&answer, "Cache-Control"), "no-store");
        nonce_of(&answer, nonce);
        (void)snprintf(expected,
                       sizeof expected,
                       "<html><meta content=\"%s\"><script nonce=\"%s\"></script>end",
                       nonce,
                       nonce);
        assert_string_equal(answer.body, expected);
        assert_string_not_equal(nonce, last);
        (void)snprintf(last, sizeof last, "%s", nonce);
        answer_free(&answer);
    }
}

static void test_the_policy_is_strict(void **state)
{
    (void)state;
    struct answer answer;
    ask("/", "", &answer);
    const char *policy = answer_header(&answer, "Content-Security-Policy");
    assert_non_null(strstr(policy, "default-src 'none'"));
    assert_non_null(strstr(policy, "script-src 'self';"));
    assert_non_null(strstr(policy, "frame-ancestors 'none'"));
    assert_non_null(strstr(policy, "base-uri 'none'"));
    assert_null(strstr(policy, "unsafe"));
    answer_free(&answer);
    /* A script's own policy counts when it runs as a worker. */
    ask("/assets/index-abc.js", "", &answer);
    policy = answer_header(&answer, "Content-Security-Policy");
    assert_non_null(strstr(policy, "default-src 'none'; script-src 'self'; connect-src 'self'"));
    answer_free(&answer);
}

static void test_hashed_files_are_kept_for_good(void **state)
{
    (void)state;
    struct answer answer;
    ask("/assets/index-abc.js", "", &answer);
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer_header(&answer, "Content-Type"), "text/javascript; charset=utf-8");
    assert_string_equal(answer_header(&answer, "Cache-Control"),
                        "public, max-age=31536000, immutable");
    assert_null(answer_header(&answer, "Content-Encoding"));
    assert_string_equal(answer.body, script);
    answer_free(&answer);
    ask("/boot.js", "", &answer);
    assert_string_equal(answer_header(&answer, "Cache-Control"), "no-cache");
    answer_free(&answer);
}

static void test_a_known_file_is_not_sent_again(void **state)
{
    (void)state;
    char header[256];
    struct answer answer;
    ask("/boot.js", "", &answer);
    (void)snprintf(
        header, sizeof header, "If-None-Match: W/%s\r\n", answer_header(&answer, "ETag"));
    answer_free(&answer);
    ask("/boot.js", header, &answer);
    assert_int_equal(answer.status, 304);
    assert_int_equal(answer.n_body, 0);
    answer_free(&answer);
    ask("/boot.js", "If-None-Match: \"another\"\r\n", &answer);
    assert_int_equal(answer.status, 200);
    answer_free(&answer);
}

static void test_texts_are_compressed_for_those_who_take_it(void **state)
{
    (void)state;
    static const char *const takers[] = {"gzip", "deflate, gzip;q=0.5", "gzip, br"};
    static const char *const others[] = {"br", "gzip;q=0", "gzip;q=0.000, br", "identity"};
    char header[128];
    struct answer answer;
    for (size_t i = 0; i < HG_COUNT(takers); i++) {
        (void)snprintf(header, sizeof header, "Accept-Encoding: %s\r\n", takers[i]);
        ask("/assets/index-abc.js", header, &answer);
        assert_string_equal(answer_header(&answer, "Content-Encoding"), "gzip");
        assert_string_equal(answer_header(&answer, "Vary"), "Accept-Encoding");
        char plain[sizeof script] = "";
        z_stream stream = {
            .next_in = (Bytef *)answer.body,
            .avail_in = (uInt)answer.n_body,
            .next_out = (Bytef *)plain,
            .avail_out = sizeof plain,
        };
        assert_int_equal(inflateInit2(&stream, MAX_WBITS + 16), Z_OK);
        assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
        (void)inflateEnd(&stream);
        assert_string_equal(plain, script);
        answer_free(&answer);
    }
    for (size_t i = 0; i < HG_COUNT(others); i++) {
        (void)snprintf(header, sizeof header, "Accept-Encoding: %s\r\n", others[i]);
        ask("/assets/index-abc.js", header, &answer);
        assert_null(answer_header(&answer, "Content-Encoding"));
        assert_int_equal(answer.n_body, sizeof script - 1);
        answer_free(&answer);
    }
    ask("/assets/font.woff2", "Accept-Encoding: gzip\r\n", &answer);
    assert_null(answer_header(&answer, "Content-Encoding"));
    answer_free(&answer);
}

static void test_nothing_else_is_served(void **state)
{
    (void)state;
    static const struct {
        const char *target;
        int status;
    } cases[] = {
        {"/assets/index-old.js", 404},
        {"/assets/secret.bin", 404},
        {"/assets", 404},
        {"/favicon.ico", 404},
        {"/passwd.txt", 404},
        {"/api/v1/nothing", 404},
        {"/api", 404},
        {"/../../etc/passwd", 400},
        {"/assets/../../etc/passwd", 400},
        {"/assets/..%2f..%2f..%2fetc/passwd", 400},
        {"/%2e%2e/%2e%2e/etc/passwd", 400},
        {"/assets//index-abc.js", 400},
        {"//etc/passwd", 400},
    };
    for (size_t i = 0; i < HG_COUNT(cases); i++) {
        struct answer answer;
        ask(cases[i].target, "", &answer);
        json_decref(answer_problem(&answer, cases[i].status));
        answer_free(&answer);
    }
    /* A file in a hidden folder is no file; its address is the page's. */
    struct answer answer;
    ask("/.vite/manifest.json", "", &answer);
    assert_null(strstr(answer.body, "{}"));
    answer_free(&answer);
}

static void test_without_pages_it_says_how_to_build_them(void **state)
{
    (void)state;
    struct fixture bare = {0};
    struct answer answer;
    fixture_start(&bare);
    client_ask(bare.port, "GET", "/pipelines", "", NULL, &answer);
    assert_int_equal(answer.status, 404);
    assert_string_equal(answer_header(&answer, "Content-Type"), "text/html; charset=utf-8");
    assert_non_null(strstr(answer.body, "make build"));
    answer_free(&answer);
    fixture_stop(&bare);
}

static void test_a_folder_that_is_none(void **state)
{
    (void)state;
    struct hg_site *site = NULL;
    struct hg_error err = HG_ERROR_INIT;
    assert_true(hg_site_load("/no/such/folder", &site, &err) < 0);
    assert_null(site);
    assert_non_null(strstr(err.message, "/no/such/folder"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_page_has_a_nonce_of_its_own),
        cmocka_unit_test(test_the_policy_is_strict),
        cmocka_unit_test(test_hashed_files_are_kept_for_good),
        cmocka_unit_test(test_a_known_file_is_not_sent_again),
        cmocka_unit_test(test_texts_are_compressed_for_those_who_take_it),
        cmocka_unit_test(test_nothing_else_is_served),
        cmocka_unit_test(test_without_pages_it_says_how_to_build_them),
        cmocka_unit_test(test_a_folder_that_is_none),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
