#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "http/target.h"

static int parse(struct hg_arena *arena, const char *raw, struct hg_http_target *target)
{
    struct hg_error err = HG_ERROR_INIT;
    return hg_http_target_parse(arena, raw, target, &err);
}

static void test_paths_and_queries_are_decoded(void **state)
{
    (void)state;
    struct hg_arena arena = HG_ARENA_INIT;
    struct hg_http_target target;
    assert_int_equal(parse(&arena, "/a%20b/c.d?x=1+2&y=%2F%c3%a9&z&&=v", &target), HG_OK);
    assert_string_equal(target.path, "/a b/c.d");
    assert_int_equal(target.n_segments, 2);
    assert_string_equal(target.segments[0], "a b");
    assert_string_equal(target.segments[1], "c.d");
    assert_int_equal(target.n_query, 4);
    assert_string_equal(target.query[0].value, "1 2");
    assert_string_equal(target.query[1].value, "/\xc3\xa9");
    assert_string_equal(target.query[2].name, "z");
    assert_string_equal(target.query[2].value, "");
    assert_string_equal(target.query[3].name, "");
    hg_arena_free(&arena);
}

static void test_the_root_and_whole_addresses(void **state)
{
    (void)state;
    struct hg_arena arena = HG_ARENA_INIT;
    struct hg_http_target target;
    assert_int_equal(parse(&arena, "/", &target), HG_OK);
    assert_int_equal(target.n_segments, 0);
    assert_int_equal(parse(&arena, "http://host:80/x?y=1", &target), HG_OK);
    assert_string_equal(target.path, "/x");
    assert_int_equal(target.n_query, 1);
    assert_int_equal(parse(&arena, "https://host", &target), HG_OK);
    assert_string_equal(target.path, "/");
    hg_arena_free(&arena);
}

static void test_what_can_be_read_in_two_ways_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",           "x",         "*",      "ftp://host/x", "/%",      "/%4",      "/%zz",
        "/a%2",       "/a%2fb",    "/a%2Fb", "/%00",         "/a%00b",  "/..",      "/a/../b",
        "/.",         "/%2e%2e/x", "/a/%2E", "//",           "/a//b",   "/a\\b",    "/a%5cb",
        "/%ff",       "/%0a",      "/\x01",  "/%c3",         "/x?a=%0", "/x?a=%zz", "/x?a=1&a=2",
        "/x?%61=1&a", "/x#y",      "/x?a#b", "/x?a=%00",
    };
    struct hg_arena arena = HG_ARENA_INIT;
    struct hg_http_target target = {.path = "untouched"};
    for (size_t i = 0; i < HG_COUNT(bad); i++) {
        if (parse(&arena, bad[i], &target) != HG_EINVAL) {
            fail_msg("\"%s\" was not refused", bad[i]);
        }
    }
    assert_string_equal(target.path, "untouched");
    hg_arena_free(&arena);
}

static void test_sizes_are_bounded(void **state)
{
    (void)state;
    struct hg_arena arena = HG_ARENA_INIT;
    struct hg_http_target target;
    static char raw[HG_HTTP_TARGET_MAX + 2];
    memset(raw, 'a', sizeof raw - 1);
    raw[0] = '/';
    assert_int_equal(parse(&arena, raw, &target), HG_ETOOBIG);
    raw[HG_HTTP_TARGET_MAX] = '\0';
    assert_int_equal(parse(&arena, raw, &target), HG_OK);
    raw[0] = '\0';
    for (size_t i = 0; i <= HG_HTTP_SEGMENTS_MAX; i++) {
        memcpy(raw + 2 * i, "/a", 3);
    }
    assert_int_equal(parse(&arena, raw, &target), HG_ETOOBIG);
    hg_arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths_and_queries_are_decoded),
        cmocka_unit_test(test_the_root_and_whole_addresses),
        cmocka_unit_test(test_what_can_be_read_in_two_ways_is_refused),
        cmocka_unit_test(test_sizes_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
