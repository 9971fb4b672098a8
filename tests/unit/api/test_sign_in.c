/* Signing in and out, and who may what, over HTTP. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

/* ---- signing in ---- */

static void test_signing_in_and_out(void **state)
{
    (void)state;
    struct answer answer;
    char cookie[256];
    log_in("admin", &answer);
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.body, "{\"user\":{\"username\":\"admin\",\"role\":\"admin\"}}");
    const char *set = answer_header(&answer, "Set-Cookie");
    assert_int_equal(strncmp(set, "headgate_session=", 17), 0);
    assert_non_null(strstr(set, "; HttpOnly"));
    assert_non_null(strstr(set, "; SameSite=Lax"));
    assert_non_null(strstr(set, "; Path=/;"));
    assert_null(strstr(set, "Secure"));
    (void)snprintf(cookie, sizeof cookie, "Cookie: %.*s\r\n", (int)strcspn(set, ";"), set);
    answer_free(&answer);

    json_t *me = ask_json("GET", "/api/v1/auth/me", cookie, NULL, 200);
    assert_string_equal(text_at(json_object_get(me, "user"), "username"), "admin");
    json_decref(me);

    ask("POST", "/api/v1/auth/logout", cookie, NULL, &answer);
    assert_int_equal(answer.status, 204);
    assert_non_null(strstr(answer_header(&answer, "Set-Cookie"), "Max-Age=0"));
    answer_free(&answer);
    assert_int_equal(status_of("GET", "/api/v1/auth/me", cookie, NULL), 401);
}

static void test_bad_log_ins(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        int status;
        const char *pointer;
    } cases[] = {
        {"{\"username\":\"admin\",\"password\":\"wrong\"}", 401, NULL},
        {"{\"username\":\"nobody\",\"password\":\"" PASSWORD "\"}", 401, NULL},
        {"{\"username\":\"admin\"}", 422, "/password"},
        {"{\"password\":\"x\"}", 422, "/username"},
        {"{\"username\":\"\",\"password\":\"x\"}", 422, "/username"},
        {"{\"username\":7,\"password\":\"x\"}", 422, "/username"},
        {"{\"username\":\"admin\",\"passwort\":\"x\"}", 422, "/passwort"},
        {"[]", 422, NULL},
        {"{", 400, NULL},
    };
    for (size_t i = 0; i < HG_COUNT(cases); i++) {
        json_t *problem =
            ask_json("POST", "/api/v1/auth/login", "", cases[i].body, cases[i].status);
        if (cases[i].pointer) {
            assert_string_equal(
                text_at(json_array_get(json_object_get(problem, "errors"), 0), "pointer"),
                cases[i].pointer);
        }
        json_decref(problem);
    }
}

static void test_guessing_gets_429(void **state)
{
    (void)state;
    struct answer answer;
    for (int i = 0; i < 5; i++) {
        assert_int_equal(
            status_of(
                "POST", "/api/v1/auth/login", "", "{\"username\":\"guessed\",\"password\":\"x\"}"),
            401);
    }
    ask("POST", "/api/v1/auth/login", "", "{\"username\":\"guessed\",\"password\":\"x\"}", &answer);
    json_decref(answer_problem(&answer, 429));
    assert_true(strtol(answer_header(&answer, "Retry-After"), NULL, 10) >= 1);
    answer_free(&answer);
}

static void test_the_cookie_is_secure_behind_https(void **state)
{
    (void)state;
    struct answer answer;
    struct hg_api *plain = api;
    int plain_port = port;
    start_api("https://headgate.example.org");
    log_in("admin", &answer);
    assert_int_equal(answer.status, 200);
    assert_non_null(strstr(answer_header(&answer, "Set-Cookie"), "; Secure"));
    assert_non_null(answer_header(&answer, "Strict-Transport-Security"));
    answer_free(&answer);
    /* The public address is an origin of ours too. */
    assert_int_equal(
        status_of("POST", "/api/v1/auth/logout", "Origin: https://headgate.example.org\r\n", NULL),
        401);
    hg_api_stop(api, 1000);
    api = plain;
    port = plain_port;
}

/* ---- who may what ---- */

static void test_the_role_matrix(void **state)
{
    (void)state;
    static const struct {
        const char *method;
        const char *target;
        const char *body;
        int good;
        bool viewer;
        bool scientist;
    } rows[] = {
        {"GET", "/api/v1/auth/me", NULL, 200, true, true},
        {"GET", "/api/v1/system", NULL, 200, true, true},
        {"GET", "/api/v1/plugins", NULL, 200, true, true},
        {"GET", INGESTION "/pipelines", NULL, 200, true, true},
        {"GET", INGESTION "/pipelines/p", NULL, 200, true, true},
        {"PATCH", INGESTION "/pipelines/p", "{}", 200, false, false},
        {"POST", INGESTION "/pipelines/p/trigger", "{}", 202, false, true},
        {"GET", INGESTION "/pipelines/p/runs", NULL, 200, true, true},
        {"GET", INGESTION "/runs/" FAKE_RUN, NULL, 200, true, true},
        {"POST", INGESTION "/runs/" FAKE_RUN "/cancel", NULL, 202, false, true},
        {"POST", INGESTION "/runs/" FAKE_RUN "/retry", "{}", 202, false, true},
        {"GET", INGESTION "/runs/" FAKE_RUN "/jobs/load/logs", NULL, 200, false, true},
        {"GET", INGESTION "/quarantine", NULL, 200, false, true},
        {"GET", "/api/v1/datasets", NULL, 200, true, true},
        {"GET", "/api/v1/datasets/a.b/rows", NULL, 200, false, true},
        {"GET", "/api/v1/datasets/a.b/export", NULL, 200, false, true},
    };
    for (size_t i = 0; i < HG_COUNT(rows); i++) {
        const char *method = rows[i].method;
        const char *target = rows[i].target;
        int viewer = rows[i].viewer ? rows[i].good : 403;
        int scientist = rows[i].scientist ? rows[i].good : 403;
        assert_int_equal(status_of(method, target, "", rows[i].body), 401);
        assert_int_equal(status_of(method, target, cookies[VIEWER], rows[i].body), viewer);
        assert_int_equal(status_of(method, target, cookies[SCIENTIST], rows[i].body), scientist);
        assert_int_equal(status_of(method, target, cookies[ADMIN], rows[i].body), rows[i].good);
    }
}

static void test_a_write_from_another_origin(void **state)
{
    (void)state;
    char headers[512];
    (void)snprintf(headers, sizeof headers, "%sOrigin: http://evil.example\r\n", cookies[ADMIN]);
    assert_int_equal(status_of("POST", INGESTION "/pipelines/p/trigger", headers, "{}"), 403);
    fake_assert_asked("");
    (void)snprintf(headers, sizeof headers, "%sSec-Fetch-Site: cross-site\r\n", cookies[ADMIN]);
    assert_int_equal(status_of("PATCH", INGESTION "/pipelines/p", headers, "{}"), 403);
    fake_assert_asked("");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_signing_in_and_out),
        TEST(test_bad_log_ins),
        TEST(test_guessing_gets_429),
        TEST(test_the_cookie_is_secure_behind_https),
        TEST(test_the_role_matrix),
        TEST(test_a_write_from_another_origin),
    };
    return cmocka_run_group_tests(tests, open_api, close_api);
}
