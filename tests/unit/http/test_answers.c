/* What the server answers to well-formed requests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/uuid.h"
#include "http_client.h"
#include "server_fixture.h"

static struct fixture fixture;

static int start(void **state)
{
    (void)state;
    fixture_start(&fixture);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    fixture_stop(&fixture);
    return 0;
}

static json_t *ask_json(const char *target, int status)
{
    struct answer answer;
    client_ask(fixture.port, "GET", target, "", NULL, &answer);
    assert_int_equal(answer.status, status);
    json_t *json = answer_json(&answer);
    answer_free(&answer);
    return json;
}

static const char *text_at(const json_t *json, const char *key)
{
    const char *text = json_string_value(json_object_get(json, key));
    assert_non_null(text);
    return text;
}

static void test_an_answer_has_its_headers(void **state)
{
    (void)state;
    struct answer answer;
    client_ask(fixture.port, "GET", "/api/hello", "", NULL, &answer);
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.body, "{\"hello\":\"world\"}");
    assert_string_equal(answer_header(&answer, "Content-Type"), "application/json");
    assert_true(hg_uuid_is_valid(answer_header(&answer, "X-Request-Id")));
    assert_string_equal(answer_header(&answer, "X-Content-Type-Options"), "nosniff");
    assert_string_equal(answer_header(&answer, "Cache-Control"), "no-store");
    assert_string_equal(answer_header(&answer, "Referrer-Policy"), "same-origin");
    assert_string_equal(answer_header(&answer, "Cross-Origin-Opener-Policy"), "same-origin");
    assert_non_null(answer_header(&answer, "Permissions-Policy"));
    assert_non_null(
        strstr(answer_header(&answer, "Content-Security-Policy"), "frame-ancestors 'none'"));
    assert_null(answer_header(&answer, "Strict-Transport-Security"));
    answer_free(&answer);
}

static void test_each_request_has_an_id_of_its_own(void **state)
{
    (void)state;
    struct answer first;
    struct answer second;
    client_ask(fixture.port, "GET", "/api/now", "", NULL, &first);
    client_ask(fixture.port, "GET", "/api/now", "", NULL, &second);
    char id[HG_UUID_TEXT];
    (void)snprintf(id, sizeof id, "%s", answer_header(&first, "X-Request-Id"));
    assert_string_not_equal(id, answer_header(&second, "X-Request-Id"));
    answer_free(&first);
    answer_free(&second);
}

static void test_parameters_of_path_and_query(void **state)
{
    (void)state;
    json_t *json = ask_json("/api/items/a%20b.c?q=x%26y+z", 200);
    assert_string_equal(text_at(json, "id"), "a b.c");
    assert_string_equal(text_at(json, "q"), "x&y z");
    json_decref(json);
    json = ask_json("/api/limit", 200);
    assert_int_equal(json_integer_value(json_object_get(json, "limit")), 50);
    json_decref(json);
}

static void test_an_unknown_parameter_is_named(void **state)
{
    (void)state;
    struct answer answer;
    client_ask(fixture.port, "GET", "/api/limit?limt=5", "", NULL, &answer);
    json_t *problem = answer_problem(&answer, 400);
    assert_non_null(strstr(text_at(problem, "detail"), "\"limt\""));
    assert_string_equal(text_at(problem, "hint"), "Did you mean \"limit\"?");
    json_decref(problem);
    answer_free(&answer);
    client_ask(fixture.port, "GET", "/api/hello?x=1", "", NULL, &answer);
    json_decref(answer_problem(&answer, 400));
    answer_free(&answer);
}

static void test_a_limit_out_of_bounds_is_named(void **state)
{
    (void)state;
    static const char *const bad[] = {"0", "501", "-1", "x", "", "1e2", "99999999999999999999"};
    for (size_t i = 0; i < HG_COUNT(bad); i++) {
        char target[64];
        struct answer answer;
        (void)snprintf(target, sizeof target, "/api/limit?limit=%s", bad[i]);
        client_ask(fixture.port, "GET", target, "", NULL, &answer);
        json_t *problem = answer_problem(&answer, 400);
        assert_non_null(strstr(text_at(problem, "detail"), "\"limit\""));
        assert_non_null(strstr(text_at(problem, "detail"), "500"));
        json_decref(problem);
        answer_free(&answer);
    }
}

static void test_head_is_get_without_a_body(void **state)
{
    (void)state;
    struct answer answer;
    int fd = client_connect(fixture.port);
    client_send(fd, "HEAD /api/hello HTTP/1.1\r\nHost: x\r\n\r\n");
    client_send(fd, "GET /api/hello HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(client_receive(fd, true, &answer));
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer_header(&answer, "Content-Length"), "17");
    answer_free(&answer);
    assert_true(client_receive(fd, false, &answer));
    assert_int_equal(answer.n_body, 17);
    answer_free(&answer);
    (void)close(fd);
}

static void test_unknown_paths_and_methods(void **state)
{
    (void)state;
    struct answer answer;
    client_ask(fixture.port, "GET", "/api/nothing?x=1", "", NULL, &answer);
    json_t *problem = answer_problem(&answer, 404);
    assert_string_equal(text_at(problem, "instance"), "/api/nothing");
    assert_string_equal(text_at(problem, "type"), "urn:headgate:problem:not-found");
    json_decref(problem);
    answer_free(&answer);

    client_ask(fixture.port, "DELETE", "/api/echo", "", NULL, &answer);
    json_decref(answer_problem(&answer, 405));
    assert_string_equal(answer_header(&answer, "Allow"), "POST, PATCH, OPTIONS");
    answer_free(&answer);

    client_ask(fixture.port, "POST", "/api/hello", "", "", &answer);
    json_decref(answer_problem(&answer, 405));
    assert_string_equal(answer_header(&answer, "Allow"), "GET, HEAD, OPTIONS");
    answer_free(&answer);

    client_ask(fixture.port, "POST", "/some/page", "", "", &answer);
    json_decref(answer_problem(&answer, 405));
    answer_free(&answer);
}

static void test_options_says_what_is_there(void **state)
{
    (void)state;
    struct answer answer;
    client_ask(fixture.port, "OPTIONS", "/api/echo", "", NULL, &answer);
    assert_int_equal(answer.status, 204);
    assert_string_equal(answer_header(&answer, "Allow"), "POST, PATCH, OPTIONS");
    answer_free(&answer);
    client_ask(fixture.port, "OPTIONS", "*", "", NULL, &answer);
    assert_int_equal(answer.status, 204);
    answer_free(&answer);
    client_ask(fixture.port, "OPTIONS", "/api/nothing", "", NULL, &answer);
    json_decref(answer_problem(&answer, 404));
    answer_free(&answer);
}

/* The whole table from the codes of the core to HTTP's. */
static void test_errors_become_problems(void **state)
{
    (void)state;
    static const struct {
        int code;
        int status;
    } expected[] = {
        {HG_EINVAL, 422},
        {HG_ENOTFOUND, 404},
        {HG_EEXIST, 409},
        {HG_ENOTSUP, 422},
        {HG_EUNAUTHENTICATED, 401},
        {HG_EFORBIDDEN, 403},
        {HG_ERATELIMITED, 429},
        {HG_EUNAVAILABLE, 503},
        {HG_ETIMEDOUT, 503},
        {HG_ECANCELLED, 503},
        {HG_EIO, 500},
        {HG_EDATA, 500},
        {HG_ECONFLICT, 409},
        {HG_ETOOBIG, 413},
        {HG_ENOMEM, 503},
        {HG_ESTOP, 500},
        {HG_EINTERNAL, 500},
    };
    for (size_t i = 0; i < HG_COUNT(expected); i++) {
        char target[32];
        struct answer answer;
        (void)snprintf(target, sizeof target, "/api/fail/%d", -expected[i].code);
        client_ask(fixture.port, "GET", target, "", NULL, &answer);
        json_t *problem = answer_problem(&answer, expected[i].status);
        assert_non_null(json_string_value(json_object_get(problem, "hint")));
        if (expected[i].status == 500) {
            assert_null(strstr(text_at(problem, "detail"), "went wrong"));
        } else {
            assert_string_equal(text_at(problem, "detail"), "The thing \"x\" went wrong.");
            assert_string_equal(text_at(problem, "hint"), "Do it another way.");
        }
        if (expected[i].status == 503 || expected[i].status == 429) {
            assert_string_equal(answer_header(&answer, "Retry-After"), "3");
        }
        assert_true((expected[i].status == 401) ==
                    (answer_header(&answer, "WWW-Authenticate") != NULL));
        /* What the handler had put together before it failed does not go out. */
        assert_null(answer_header(&answer, "Set-Cookie"));
        json_decref(problem);
        answer_free(&answer);
    }
}

static void test_a_field_at_fault_is_pointed_at(void **state)
{
    (void)state;
    json_t *problem = ask_json("/api/fail/1", 422);
    const json_t *error = json_array_get(json_object_get(problem, "errors"), 0);
    assert_string_equal(text_at(error, "pointer"), "/params/since");
    assert_non_null(json_object_get(error, "detail"));
    json_decref(problem);
}

static void test_a_handler_that_answers_nothing_is_a_defect(void **state)
{
    (void)state;
    json_decref(ask_json("/api/silent", 500));
}

static void test_roles(void **state)
{
    (void)state;
    static const struct {
        const char *target;
        const char *header;
        int status;
    } cases[] = {
        {"/api/me", "", 401},
        {"/api/me", "X-Role: viewer\r\n", 200},
        {"/api/me", "X-Role: admin\r\n", 200},
        {"/api/admin", "X-Role: viewer\r\n", 403},
        {"/api/admin", "X-Role: data_scientist\r\n", 403},
        {"/api/admin", "X-Role: admin\r\n", 200},
    };
    for (size_t i = 0; i < HG_COUNT(cases); i++) {
        struct answer answer;
        client_ask(fixture.port, "GET", cases[i].target, cases[i].header, NULL, &answer);
        assert_int_equal(answer.status, cases[i].status);
        if (cases[i].status != 200) {
            json_decref(answer_problem(&answer, cases[i].status));
        }
        answer_free(&answer);
    }
}

static void test_writes_from_other_origins_are_refused(void **state)
{
    (void)state;
    char own[64];
    (void)snprintf(own, sizeof own, "Origin: http://127.0.0.1:%d\r\n", fixture.port);
    const struct {
        const char *header;
        int status;
    } cases[] = {
        {"", 200},
        {own, 200},
        {"Sec-Fetch-Site: same-origin\r\n", 200},
        {"Sec-Fetch-Site: none\r\n", 200},
        {"Origin: http://evil.example\r\n", 403},
        {"Origin: http://127.0.0.1:1\r\n", 403},
        {"Origin: null\r\n", 403},
        {"Sec-Fetch-Site: cross-site\r\n", 403},
        {"Sec-Fetch-Site: same-site\r\n", 403},
        {"Sec-Fetch-Site: same-origin\r\nOrigin: http://evil.example\r\n", 403},
    };
    for (size_t i = 0; i < HG_COUNT(cases); i++) {
        char headers[256];
        struct answer answer;
        (void)snprintf(
            headers, sizeof headers, "Content-Type: application/json\r\n%s", cases[i].header);
        client_ask(fixture.port, "POST", "/api/echo", headers, "{}", &answer);
        if (answer.status != cases[i].status) {
            fail_msg("%s: %d", cases[i].header, answer.status);
        }
        if (cases[i].status == 403) {
            json_decref(answer_problem(&answer, 403));
        }
        answer_free(&answer);
        client_ask(fixture.port, "GET", "/api/hello", cases[i].header, NULL, &answer);
        assert_int_equal(answer.status, 200);
        answer_free(&answer);
    }
}

static void test_a_taken_port_is_said_to_be_taken(void **state)
{
    (void)state;
    struct hg_http_options options = fixture.options;
    struct hg_http_server *server = NULL;
    struct hg_error err = HG_ERROR_INIT;
    options.port = fixture.port;
    assert_int_equal(hg_http_start(&options, &server, &err), HG_ECONFLICT);
    assert_null(server);
    assert_non_null(strstr(err.message, "cannot listen on 127.0.0.1"));
    assert_true(err.hint[0] != '\0');
    options.host = "no.such.host.invalid";
    assert_int_equal(hg_http_start(&options, &server, &err), HG_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_answer_has_its_headers),
        cmocka_unit_test(test_each_request_has_an_id_of_its_own),
        cmocka_unit_test(test_parameters_of_path_and_query),
        cmocka_unit_test(test_an_unknown_parameter_is_named),
        cmocka_unit_test(test_a_limit_out_of_bounds_is_named),
        cmocka_unit_test(test_head_is_get_without_a_body),
        cmocka_unit_test(test_unknown_paths_and_methods),
        cmocka_unit_test(test_options_says_what_is_there),
        cmocka_unit_test(test_errors_become_problems),
        cmocka_unit_test(test_a_field_at_fault_is_pointed_at),
        cmocka_unit_test(test_a_handler_that_answers_nothing_is_a_defect),
        cmocka_unit_test(test_roles),
        cmocka_unit_test(test_writes_from_other_origins_are_refused),
        cmocka_unit_test(test_a_taken_port_is_said_to_be_taken),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
