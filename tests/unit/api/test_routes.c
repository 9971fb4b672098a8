/* The route table itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/routes.h"
#include "base/str.h"

static void test_each_row_is_whole(void **state)
{
    (void)state;
    size_t n;
    const struct hg_route *routes = hg_api_routes(&n);
    for (size_t i = 0; i < n; i++) {
        const struct hg_route *route = &routes[i];
        assert_non_null(route->handler);
        assert_true(route->summary && route->summary[0]);
        assert_true(route->pattern[0] == '/' && !hg_ends_with(route->pattern, "/"));
        assert_true(strcmp(route->method, "HEAD") != 0 && strcmp(route->method, "OPTIONS") != 0);
        /* What waits not, needs no user; what needs a user, waits. */
        if (route->flags & HG_ROUTE_INLINE) {
            assert_true(route->flags & HG_ROUTE_PUBLIC);
        }
        assert_int_equal((route->flags & HG_ROUTE_PUBLIC) != 0, route->role == HG_ROLE_NONE);
    }
}

static void test_no_two_rows_are_for_the_same(void **state)
{
    (void)state;
    size_t n;
    const struct hg_route *routes = hg_api_routes(&n);
    for (size_t i = 0; i < n; i++) {
        for (size_t k = i + 1; k < n; k++) {
            assert_false(strcmp(routes[i].method, routes[k].method) == 0 &&
                         strcmp(routes[i].pattern, routes[k].pattern) == 0);
        }
    }
}

/* Nothing below /api/v1 is public but signing in. */
static void test_what_is_public(void **state)
{
    (void)state;
    size_t n;
    const struct hg_route *routes = hg_api_routes(&n);
    for (size_t i = 0; i < n; i++) {
        if (routes[i].flags & HG_ROUTE_PUBLIC && hg_starts_with(routes[i].pattern, "/api/")) {
            assert_string_equal(routes[i].pattern, "/api/v1/auth/login");
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_row_is_whole),
        cmocka_unit_test(test_no_two_rows_are_for_the_same),
        cmocka_unit_test(test_what_is_public),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
