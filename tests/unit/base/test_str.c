#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/mem.h"
#include "base/parse.h"
#include "base/str.h"

static void knows_valid_utf8(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t n;
        size_t valid;
    } cases[] = {
        {"", 0, 0},
        {"abc", 3, 3},
        {"a\0b", 3, 3},
        {"\xC3\xA9", 2, 2},
        {"\xE2\x82\xAC", 3, 3},
        {"\xF0\x9F\x98\x80", 4, 4},
        {"\xF4\x8F\xBF\xBF", 4, 4},
        {"a\xC3", 2, 1}, /* cut short */
        {"a\xE2\x82", 3, 1},
        {"\xF0\x9F\x98", 3, 0},
        {"\xC0\xAF", 2, 0}, /* overlong */
        {"\xC1\xBF", 2, 0},
        {"\xE0\x80\xAF", 3, 0},
        {"\xF0\x80\x80\xAF", 4, 0},
        {"\xED\xA0\x80", 3, 0},     /* a surrogate */
        {"\xF4\x90\x80\x80", 4, 0}, /* beyond U+10FFFF */
        {"\xF5\x80\x80\x80", 4, 0},
        {"\x80", 1, 0},
        {"\xFF", 1, 0},
        {"ab\xE2\x28\xA1", 5, 2},
    };
    for (size_t i = 0; i < HG_COUNT(cases); i++) {
        assert_int_equal(hg_utf8_valid(cases[i].text, cases[i].n), cases[i].valid);
    }
}

static void quotes_json_that_parses_again(void **state)
{
    (void)state;
    struct hg_buf buf = HG_BUF_INIT;
    hg_json_quote(&buf, "a\"b\\c\n\r\t\b\f\x01\x7F\xC3\xA9/");
    assert_string_equal(hg_buf_text(&buf), "\"a\\\"b\\\\c\\n\\r\\t\\b\\f\\u0001\\u007f\xC3\xA9/\"");
    json_t *back = json_loads(hg_buf_text(&buf), JSON_DECODE_ANY, NULL);
    assert_string_equal(json_string_value(back), "a\"b\\c\n\r\t\b\f\x01\x7F\xC3\xA9/");
    json_decref(back);
    hg_buf_reset(&buf);
    hg_json_quote_n(&buf, "a\0\xFF\xC3", 4);
    assert_string_equal(hg_buf_text(&buf), "\"a\\u0000\xEF\xBF\xBD\xEF\xBF\xBD\"");
    hg_buf_free(&buf);
}

static void escapes_pointers(void **state)
{
    (void)state;
    struct hg_buf buf = HG_BUF_INIT;
    hg_pointer_escape(&buf, "a/b~c");
    assert_string_equal(hg_buf_text(&buf), "a~1b~0c");
    hg_buf_free(&buf);
}

static void finds_what_was_meant(void **state)
{
    (void)state;
    static const char *const names[] = {
        "schedule", "timezone", "parallelism", "retries", "timeout", "params", "jobs", NULL};
    static const struct {
        const char *name;
        const char *nearest;
    } cases[] = {
        {"shedule", "schedule"},
        {"scheduel", "schedule"},
        {"time_zone", "timezone"},
        {"retires", "retries"},
        {"timeouts", "timeout"},
        {"job", "jobs"},
        {"parallel", "parallelism"},
        {"xyz", NULL},
        {"", NULL},
        {"on_failure", NULL},
    };
    for (size_t i = 0; i < HG_COUNT(cases); i++) {
        const char *found = hg_nearest(cases[i].name, names);
        if (cases[i].nearest) {
            if (!found) {
                print_error("%s\n", cases[i].name);
            }
            assert_non_null(found);
            assert_string_equal(found, cases[i].nearest);
        } else {
            assert_null(found);
        }
    }
    char lengthy[200];
    memset(lengthy, 'a', sizeof lengthy - 1);
    lengthy[sizeof lengthy - 1] = '\0';
    const char *const one[] = {lengthy, NULL};
    assert_null(hg_nearest(lengthy, names));
    assert_null(hg_nearest("a", one));
    lengthy[64] = '\0';
    assert_string_equal(hg_nearest(lengthy, one), lengthy);
}

static void knows_slugs(void **state)
{
    (void)state;
    assert_true(hg_is_slug("a"));
    assert_true(hg_is_slug("sp500-daily"));
    assert_true(hg_is_slug("123456789012345678901234567890123456789012345678901234567890abc"));
    assert_false(hg_is_slug("123456789012345678901234567890123456789012345678901234567890abcd"));
    assert_false(hg_is_slug(""));
    assert_false(hg_is_slug("A"));
    assert_false(hg_is_slug("a_b"));
    assert_false(hg_is_slug("a b"));
    assert_true(hg_starts_with("abc", "ab") && hg_starts_with("abc", ""));
    assert_false(hg_starts_with("ab", "abc"));
    assert_true(hg_ends_with("abc", "bc") && hg_ends_with("abc", ""));
    assert_false(hg_ends_with("c", "bc"));
}

static void expect(char *found, const char *expected)
{
    assert_string_equal(found, expected);
    free(found);
}

static void joins_and_splits_paths(void **state)
{
    (void)state;
    expect(hg_path_join("/a/b", "c"), "/a/b/c");
    expect(hg_path_join("/a/", "c"), "/a/c");
    expect(hg_path_join("", "c"), "c");
    expect(hg_path_join("/a", "/c"), "/c");
    expect(hg_path_folder("/a/b.yaml"), "/a");
    expect(hg_path_folder("/b"), "/");
    expect(hg_path_folder("b"), ".");
    expect(hg_path_resolve("/a/b", "../c/./d//e"), "/a/c/d/e");
    expect(hg_path_resolve("/a", "../../../x"), "/x");
    expect(hg_path_resolve("/a/b", ".."), "/a");
    expect(hg_path_resolve("/a", ".."), "/");
    expect(hg_path_resolve("/a", "."), "/a");
    expect(hg_path_resolve("/a", "/b/../c"), "/c");
    expect(hg_path_resolve("/a", "..x/.y"), "/a/..x/.y");
}

static void parses_whole_numbers_only(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int result;
        int64_t value;
    } cases[] = {
        {"0", HG_OK, 0},
        {"-5", HG_OK, -5},
        {"+7", HG_OK, 7},
        {"9223372036854775807", HG_OK, INT64_MAX},
        {"-9223372036854775808", HG_OK, INT64_MIN},
        {"9223372036854775808", HG_EINVAL, 0},
        {"", HG_EINVAL, 0},
        {"-", HG_EINVAL, 0},
        {" 1", HG_EINVAL, 0},
        {"1 ", HG_EINVAL, 0},
        {"1x", HG_EINVAL, 0},
        {"0x10", HG_EINVAL, 0},
        {"1.0", HG_EINVAL, 0},
        {"--1", HG_EINVAL, 0},
    };
    for (size_t i = 0; i < HG_COUNT(cases); i++) {
        int64_t value = 99;
        int r = hg_parse_int64(cases[i].text, INT64_MIN, INT64_MAX, &value, NULL);
        assert_int_equal(r, cases[i].result);
        assert_int_equal(value, r == HG_OK ? cases[i].value : 99);
    }
    int64_t value = 99;
    struct hg_error err = HG_ERROR_INIT;
    assert_int_equal(hg_parse_int64("11", 1, 10, &value, &err), HG_EINVAL);
    assert_string_equal(err.message, "11 is outside 1 to 10");
    assert_int_equal(hg_parse_int64("x", 1, 10, &value, &err), HG_EINVAL);
    assert_string_equal(err.message, "\"x\" is not a whole number");
    assert_int_equal(value, 99);
}

static void makes_json_of_any_bytes(void **state)
{
    (void)state;
    json_t *good = hg_json_text("caf\xC3\xA9 \"1\"");
    assert_string_equal(json_string_value(good), "caf\xC3\xA9 \"1\"");
    json_decref(good);
    json_t *cut = hg_json_text("caf\xC3"); /* a text that was cut in the middle of a character */
    assert_string_equal(json_string_value(cut), "caf\xEF\xBF\xBD");
    json_decref(cut);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_valid_utf8),
        cmocka_unit_test(quotes_json_that_parses_again),
        cmocka_unit_test(makes_json_of_any_bytes),
        cmocka_unit_test(escapes_pointers),
        cmocka_unit_test(finds_what_was_meant),
        cmocka_unit_test(knows_slugs),
        cmocka_unit_test(joins_and_splits_paths),
        cmocka_unit_test(parses_whole_numbers_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
