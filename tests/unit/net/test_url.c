/* Origins of URLs, and where redirects lead. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/mem.h"
#include "net/url.h"

static void test_origins(void **state)
{
    static const char *const cases[][2] = {
        {"https://example.com", "https://example.com:443"},
        {"HTTPS://EXAMPLE.com:443/a?b=c", "https://example.com:443"},
        {"http://example.com/", "http://example.com:80"},
        {"http://127.1:8080/x", "http://127.0.0.1:8080"},
        {"http://2130706433/", "http://127.0.0.1:80"},
        {"http://0x7f.1/", "http://127.0.0.1:80"},
        {"https://[::1]:8443/", "https://[::1]:8443"},
    };
    (void)state;
    for (size_t i = 0; i < HG_COUNT(cases); i++) {
        char origin[HG_ORIGIN_TEXT];
        struct hg_error err = HG_ERROR_INIT;
        if (hg_url_origin(cases[i][0], origin, &err) < 0) {
            fail_msg("%s: %s", cases[i][0], err.message);
        }
        assert_string_equal(origin, cases[i][1]);
    }
}

static void test_urls_that_cannot_be(void **state)
{
    static const char *const wrong[] = {
        "",
        "example.com/secret",
        "ftp://example.com/secret",
        "file:///secret",
        "https://",
        "https://user@example.com/secret",
        "https://user:secret@example.com/",
        "https://example.com/secret#part",
        "https://example.com/a secret",
        "https://example.com/secret\r\nHost: x",
        "https://exa\tmple.com/secret",
        "https://example.com:99999/secret",
        "https://[fe80::1%25eth0]/secret",
    };
    (void)state;
    for (size_t i = 0; i < HG_COUNT(wrong); i++) {
        char origin[HG_ORIGIN_TEXT];
        struct hg_error err = HG_ERROR_INIT;
        if (hg_url_origin(wrong[i], origin, &err) != HG_EINVAL) {
            fail_msg("\"%s\" is taken as %s", wrong[i], origin);
        }
        assert_null(strstr(err.message, "secret"));
    }
}

static void test_redirects(void **state)
{
    static const char *const cases[][3] = {
        {"https://a.com/x/y?z", "/b", "https://a.com/b"},
        {"https://a.com/x/y?z", "b", "https://a.com/x/b"},
        {"https://a.com/x/y", "//b.com/c", "https://b.com/c"},
        {"https://a.com/x/y", "http://b.com/c", "http://b.com/c"},
        {"https://a.com/x/y", "/b#part", "https://a.com/b"},
        {"https://a.com/x/y", "?q=1", "https://a.com/x/y?q=1"},
    };
    (void)state;
    for (size_t i = 0; i < HG_COUNT(cases); i++) {
        HG_CLEANUP(hg_freep) char *url = NULL;
        assert_int_equal(hg_url_resolve(cases[i][0], cases[i][1], &url, NULL), HG_OK);
        assert_string_equal(url, cases[i][2]);
    }
    char *url = NULL;
    assert_int_equal(hg_url_resolve("https://a.com/", "/b c", &url, NULL), HG_EINVAL);
    assert_int_equal(hg_url_resolve("https://a.com/", "https://:x/", &url, NULL), HG_EINVAL);
}

static void test_one_of(void **state)
{
    static const char *const origins[] = {"https://a.com:443", "https://b.com:443", NULL};
    (void)state;
    assert_true(hg_origin_is_one_of("https://b.com:443", origins));
    assert_false(hg_origin_is_one_of("http://b.com:443", origins));
    assert_false(hg_origin_is_one_of("https://b.com:443", NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_origins),
        cmocka_unit_test(test_urls_that_cannot_be),
        cmocka_unit_test(test_redirects),
        cmocka_unit_test(test_one_of),
    };
    return cmocka_run_group_tests_name("url", tests, NULL, NULL);
}
