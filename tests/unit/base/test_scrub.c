/* Secrets in memory, and taken out of texts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/scrub.h"
#include "base/secret.h"
#include "base/str.h"

static struct hg_secret *secret_of(const char *value, size_t n)
{
    struct hg_secret *secret = NULL;
    struct hg_error err = HG_ERROR_INIT;
    if (hg_secret_new(value, n, &secret, &err) < 0) {
        fail_msg("%s", err.message);
    }
    return secret;
}

/* `text` with one secret taken out; static. */
static const char *scrubbed(const char *secret_text, const char *text)
{
    static char out[8192];
    struct hg_scrubber scrubber = {0};
    HG_CLEANUP(hg_secret_freep)
    struct hg_secret *secret = secret_of(secret_text, strlen(secret_text));
    assert_int_equal(hg_scrub_add(&scrubber, secret, NULL), HG_OK);
    (void)snprintf(out, sizeof out, "%s", text);
    hg_scrub_text(&scrubber, out);
    return out;
}

static void test_as_it_is(void **state)
{
    (void)state;
    assert_string_equal(scrubbed("s3cr3t", "token s3cr3t refused: s3cr3ts3cr3t"),
                        "token **** refused: ********");
    assert_string_equal(scrubbed("s3cr3t", "nothing here"), "nothing here");
    assert_string_equal(scrubbed("s3cr3t", ""), "");
    assert_string_equal(scrubbed("abc", "an abc of things"), "an abc of things");
    assert_string_equal(scrubbed("aab", "aaab"), "aaab");
    assert_string_equal(scrubbed("aaab", "aaaab"), "a****");
    /* What escapes look like may itself be in a secret. */
    assert_string_equal(scrubbed("a\\\\b%25c", "x a\\\\b%25c y"), "x **** y");
    assert_string_equal(scrubbed("a+b c", "x a+b c y"), "x **** y");
}

static void test_escaped_for_urls(void **state)
{
    (void)state;
    assert_string_equal(scrubbed("p&ss=w/rd", "?key=p%26ss%3Dw%2Frd&x=1"), "?key=****&x=1");
    assert_string_equal(scrubbed("p&ss=w/rd", "?key=p%26ss%3dw/rd&x=1"), "?key=****&x=1");
    assert_string_equal(scrubbed("two words", "key=two+words"), "key=****");
    assert_string_equal(scrubbed("two words", "key=two%20words"), "key=****");
    assert_string_equal(scrubbed("gr\xc3\xbc\xc3\x9f", "gr%C3%BC%c3%9f"), "****");
    assert_string_equal(scrubbed("plain", "%70%6c%61%69%6e"), "****");
}

static void test_escaped_for_json(void **state)
{
    (void)state;
    assert_string_equal(scrubbed("a\"b\\c\nd", "{\"k\": \"a\\\"b\\\\c\\nd\"}"),
                        "{\"k\": \"****\"}");
    assert_string_equal(scrubbed("a/b/c/d", "a\\/b\\/c\\/d"), "****");
    assert_string_equal(scrubbed("gr\xc3\xbc\xc3\x9f", "gr\\u00fc\\u00DF"), "****");
    assert_string_equal(scrubbed("k\xf0\x9f\x94\x91y", "k\\ud83d\\udd11y"), "****");
    assert_string_equal(scrubbed("x\x01y\x02z", "x\\u0001y\\u0002z"), "****");
}

static void test_hex(void **state)
{
    (void)state;
    assert_string_equal(scrubbed("Key!", "= 4b657921."), "= ****.");
    assert_string_equal(scrubbed("Key!", "= 4B657921."), "= ****.");
}

/* The secret at every place within what is encoded, with every length, in both alphabets. */
static void test_base64(void **state)
{
    (void)state;
    static const char secret[] = "\xff\xfe?>s3cr3t-\x7f\xf0value~~";
    for (size_t n = 4; n < sizeof secret; n++) {
        for (int ahead = 0; ahead < 5; ahead++) {
            for (int behind = 0; behind < 4; behind++) {
                unsigned char plain[64];
                char text[128];
                char value[32];
                int n_plain = snprintf((char *)plain,
                                       sizeof plain,
                                       "%.*s%.*s%.*s",
                                       ahead,
                                       "user:",
                                       (int)n,
                                       secret,
                                       behind,
                                       "#end");
                (void)snprintf(value, sizeof value, "%.*s", (int)n, secret);
                (void)EVP_EncodeBlock((unsigned char *)text, plain, n_plain);
                const char *out = scrubbed(value, text);
                assert_non_null(strstr(out, "****"));
                /* Nothing is left but what stands beside it. */
                size_t most = (size_t)(ahead + behind) * 4 / 3 + 4;
                assert_in_range(strlen(out), 4, 4 + most);
                for (char *c = text; *c; c++) {
                    *c = (char)(*c == '+' ? '-' : *c == '/' ? '_' : *c == '=' ? '\0' : *c);
                }
                assert_non_null(strstr(scrubbed(value, text), "****"));
            }
        }
    }
    assert_string_equal(scrubbed("open sesame", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
                        "Basic QWxhZGRpbj****");
}

/* A text that is cut to its room may end within the secret. */
static void test_cut_off(void **state)
{
    (void)state;
    assert_string_equal(scrubbed("0123456789", "it says 01234567"), "it says ****");
    assert_string_equal(scrubbed("0123456789", "it says 0123"), "it says ****");
    assert_string_equal(scrubbed("0123456789", "it says 012"), "it says 012");
    assert_string_equal(scrubbed("ab/cd/ef", "ab%2Fcd%2"), "****");
    assert_string_equal(scrubbed("0123456789", "30313233343"), "****");
}

static void test_several_and_errors(void **state)
{
    (void)state;
    struct hg_scrubber scrubber = {0};
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_secret_freep) struct hg_secret *one = secret_of("first!", 6);
    HG_CLEANUP(hg_secret_freep) struct hg_secret *two = secret_of("first!and more", 14);
    assert_int_equal(hg_scrub_add(&scrubber, one, NULL), HG_OK);
    assert_int_equal(hg_scrub_add(&scrubber, two, NULL), HG_OK);
    (void)hg_error_set(&err, HG_EIO, "server said first!and more, and first!");
    (void)hg_error_hint(&err, "not first%%21");
    (void)snprintf(err.pointer, sizeof err.pointer, "/first!");
    hg_scrub_error(&scrubber, &err);
    assert_string_equal(err.message, "server said ****, and ****");
    assert_string_equal(err.hint, "not ****");
    assert_string_equal(err.pointer, "/****");
    hg_scrub_error(&scrubber, NULL);
    for (size_t i = scrubber.n; i < HG_SCRUB_MAX; i++) {
        assert_int_equal(hg_scrub_add(&scrubber, one, NULL), HG_OK);
    }
    assert_int_equal(hg_scrub_add(&scrubber, one, &err), HG_ETOOBIG);
}

/* Random secrets in random texts: gone, however they are written. */
static void test_random(void **state)
{
    (void)state;
    unsigned seed = 20261126;
    for (int round = 0; round < 2000; round++) {
        char secret[48];
        HG_CLEANUP(hg_buf_free) struct hg_buf text = HG_BUF_INIT;
        size_t n = 8 + (size_t)(rand_r(&seed) % 24);
        for (size_t i = 0; i < n; i++) {
            secret[i] = (char)(33 + rand_r(&seed) % 94);
        }
        secret[n] = '\0';
        hg_buf_puts(&text, "{\"m\": ");
        hg_json_quote(&text, secret);
        hg_buf_puts(&text, "} ?a=");
        for (size_t i = 0; i < n; i++) {
            bool plain = rand_r(&seed) % 2 && secret[i] != '%' && secret[i] != '+';
            hg_buf_printf(&text, plain ? "%c" : "%%%02X", (unsigned char)secret[i]);
        }
        hg_buf_printf(&text, " %s end", secret);
        const char *out = scrubbed(secret, hg_buf_text(&text));
        if (strcmp(out, "{\"m\": \"****\"} ?a=**** **** end") != 0) {
            fail_msg("\"%s\" in %s gave %s", secret, hg_buf_text(&text), out);
        }
    }
}

/* ---- the arena ---- */

static void test_the_arena_is_locked_and_in_no_dump(void **state)
{
    (void)state;
    bool locked = false;
    char line[512];
    bool inside = false;
    bool checked = false;
    HG_CLEANUP(hg_secret_freep) struct hg_secret *secret = secret_of("here", 4);
    HG_CLEANUP(hg_fclosep) FILE *maps = fopen("/proc/self/smaps", "re");
    assert_int_equal(hg_secret_arena(&locked, NULL), HG_OK);
    assert_int_equal(CRYPTO_secure_allocated(secret), 1);
    assert_non_null(maps);
    while (fgets(line, sizeof line, maps)) {
        unsigned long long from;
        unsigned long long to;
        char *end = NULL;
        from = strtoull(line, &end, 16);
        if (end != line && *end == '-') {
            to = strtoull(end + 1, NULL, 16);
            inside = (uintptr_t)secret >= from && (uintptr_t)secret < to;
        }
        if (inside && strncmp(line, "VmFlags:", 8) == 0) {
            assert_non_null(strstr(line, " dd")); /* no dump */
            assert_int_equal(strstr(line, " lo") != NULL, locked);
            checked = true;
        }
    }
    assert_true(checked);
}

static void test_what_was_freed_is_wiped(void **state)
{
    (void)state;
    struct hg_secret *secret = secret_of("a canary in the coal mine", 25);
    const volatile char *at = secret->value + 12; /* behind what the allocator keeps in free ones */
    hg_secret_free(secret);
#if !defined(__SANITIZE_ADDRESS__)
    for (size_t i = 0; i < 13; i++) {
        assert_int_equal(at[i], 0);
    }
#else
    (void)at;
#endif
    hg_secret_free(NULL);
}

static void test_the_arena_is_full(void **state)
{
    (void)state;
    struct hg_secret *secrets[64] = {NULL};
    struct hg_error err = HG_ERROR_INIT;
    int r = HG_OK;
    for (size_t i = 0; i < 64 && r == HG_OK; i++) {
        r = hg_secret_new(NULL, HG_SECRET_MAX, &secrets[i], &err);
    }
    assert_int_equal(r, HG_EUNAVAILABLE);
    assert_int_equal(err.retryable, 1);
    for (size_t i = 0; i < 64; i++) {
        hg_secret_free(secrets[i]);
    }
    struct hg_secret *secret = secret_of("again", 5);
    hg_secret_free(secret);
    assert_int_equal(hg_secret_new(NULL, HG_SECRET_MAX + 1, &secret, &err), HG_ETOOBIG);
}

static void test_no_dumps(void **state)
{
    (void)state;
    pid_t pid = fork();
    if (pid == 0) {
        struct rlimit limit = {1, 1};
        bool good = hg_secret_no_dumps(NULL) == HG_OK && getrlimit(RLIMIT_CORE, &limit) == 0 &&
                    limit.rlim_cur == 0 && limit.rlim_max == 0;
#if !defined(__SANITIZE_ADDRESS__)
        good = good && prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0;
#endif
        _exit(good ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_it_is),
        cmocka_unit_test(test_escaped_for_urls),
        cmocka_unit_test(test_escaped_for_json),
        cmocka_unit_test(test_hex),
        cmocka_unit_test(test_base64),
        cmocka_unit_test(test_cut_off),
        cmocka_unit_test(test_several_and_errors),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_the_arena_is_locked_and_in_no_dump),
        cmocka_unit_test(test_what_was_freed_is_wiped),
        cmocka_unit_test(test_the_arena_is_full),
        cmocka_unit_test(test_no_dumps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
