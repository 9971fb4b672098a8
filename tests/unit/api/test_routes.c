/* The route table itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/audit.h"
#include "api/openapi.h"
#include "api/routes.h"
#include "base/mem.h"
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
        assert_true(route->operation && route->operation[0]);
        /* An answer without a body is a 204, or the 101 of a socket, and no other is. */
        assert_int_equal(route->status == 204 || route->status == 101,
                         route->answer_schema == NULL);
        assert_true(route->status == 101 || (route->status >= 200 && route->status < 300));
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

static void test_no_two_rows_have_one_name(void **state)
{
    (void)state;
    size_t n;
    const struct hg_route *routes = hg_api_routes(&n);
    for (size_t i = 0; i < n; i++) {
        for (size_t k = i + 1; k < n; k++) {
            assert_string_not_equal(routes[i].operation, routes[k].operation);
        }
    }
}

/* So that a change that is refused is called in the audit log what it is called where it is made.
 */
static void test_every_change_has_a_name_in_the_audit_log(void **state)
{
    (void)state;
    size_t n;
    const struct hg_route *routes = hg_api_routes(&n);
    for (size_t i = 0; i < n; i++) {
        bool is_change = strcmp(routes[i].method, "GET") != 0;
        const char *action = hg_api_audit_action(routes[i].operation);
        if (is_change != (action != NULL)) {
            fail_msg("%s is called %s", routes[i].operation, action ? action : "nothing");
        }
    }
}

static void test_the_document_holds_every_row(void **state)
{
    (void)state;
    size_t n;
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_json_decrefp) json_t *document = NULL;
    const struct hg_route *routes = hg_api_routes(&n);
    assert_int_equal(hg_openapi_make(routes, n, "1.2.3", "/", &document, &err), HG_OK);
    assert_string_equal(json_string_value(json_object_get(document, "openapi")), "3.1.0");
    size_t n_operations = 0;
    const char *pattern;
    json_t *methods;
    json_object_foreach (json_object_get(document, "paths"), pattern, methods) {
        n_operations += json_object_size(methods);
    }
    assert_int_equal(n_operations, n);
}

static void test_an_unknown_schema(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    json_t *document = NULL;
    struct hg_route route = *hg_api_routes(&(size_t){0});
    route.answer_schema = "NoSuchThing";
    assert_int_equal(hg_openapi_make(&route, 1, "1", "/", &document, &err), HG_EINTERNAL);
    assert_non_null(strstr(err.message, "NoSuchThing"));
    assert_null(document);
}

static void test_an_unknown_parameter(void **state)
{
    static const char *const query[] = {"what", NULL};
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    json_t *document = NULL;
    struct hg_route route = *hg_api_routes(&(size_t){0});
    route.query = query;
    assert_int_equal(hg_openapi_make(&route, 1, "1", "/", &document, &err), HG_EINTERNAL);
    assert_non_null(strstr(err.message, "what"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_row_is_whole),
        cmocka_unit_test(test_no_two_rows_are_for_the_same),
        cmocka_unit_test(test_what_is_public),
        cmocka_unit_test(test_no_two_rows_have_one_name),
        cmocka_unit_test(test_every_change_has_a_name_in_the_audit_log),
        cmocka_unit_test(test_the_document_holds_every_row),
        cmocka_unit_test(test_an_unknown_schema),
        cmocka_unit_test(test_an_unknown_parameter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
