/* Entity tags in lists. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/etag.h"
#include "base/mem.h"

static void test_lists(void **state)
{
    static const struct {
        const char *list;
        bool strongly;
        bool weakly;
    } lists[] = {
        {"\"a\"", true, true},
        {"*", true, true},
        {" * ", true, true},
        {"*, \"a\"", false, false},
        {"\"b\", \"a\"", true, true},
        {" , \"b\" ,\t\"a\" ,", true, true},
        {"W/\"a\"", false, true},
        {"W/\"b\", \"a\"", true, true},
        {"\"b\", W/\"a\"", false, true},
        {"w/\"a\"", false, false},
        {"\"a", false, false},
        {"a", false, false},
        {"", false, false},
        {"\"b\"", false, false},
        {"\"aa\"", false, false},
        {"\"\", \"a\"", true, true},
        {"\"b\\\"a\"", false, false}, /* there are no escapes: a tag, and what is none */
        {"\"b\" \"a\"", false, false},
        {"\"b,\"a\"", false, false},
    };
    (void)state;
    for (size_t i = 0; i < HG_COUNT(lists); i++) {
        if (hg_etag_listed(lists[i].list, "\"a\"", false) != lists[i].strongly ||
            hg_etag_listed(lists[i].list, "\"a\"", true) != lists[i].weakly) {
            fail_msg("%s", lists[i].list);
        }
    }
}

static void test_what_is_stale(void **state)
{
    struct hg_error err = HG_ERROR_INIT;
    bool stale = true;
    (void)state;
    assert_int_equal(hg_etag_check(NULL, "\"a\"", "the user", &stale, &err), HG_OK);
    assert_false(stale);
    assert_int_equal(hg_etag_check("\"b\"", "\"a\"", "the user", &stale, &err), HG_ECONFLICT);
    assert_true(stale);
    assert_string_equal(err.message, "the user was changed since you read it");
    assert_string_not_equal(err.hint, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_what_is_stale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
