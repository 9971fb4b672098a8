/*
 * Who may come in by what: every row of the route table, with each role and each way of signing in,
 * against the table itself; then tokens, users, sessions and the audit log as the API gives them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/routes.h"
#include "base/str.h"
#include "fixture.h"

/* Ways of signing in: the value that is sent, which the database knows by its hash or does not. */
enum way {
    NOTHING,
    COOKIE,
    BEARER,
    EXPIRED_COOKIE,
    EXPIRED_BEARER,
    REVOKED_BEARER,
    FOREIGN_COOKIE,
    DISABLED_COOKIE,
    BASIC,
    N_WAYS,
};

/* Tokens of each user with their right check characters, made through the API. */
static char bearers[3][64];
static char revoked[3][64];
static char expired[3][64];

static void bearer_header(const char *token, char *ret)
{
    (void)snprintf(ret, 128, "Authorization: Bearer %s\r\n", token);
}

static void make_token(const char *user, const char *body, char ret_token[64], char ret_id[64])
{
    char cookie[128];
    new_session(user, cookie);
    json_t *made = ask_json("POST", "/api/v1/auth/tokens", cookie, body, 201);
    (void)snprintf(ret_token, 64, "%s", text_at(made, "token"));
    if (ret_id) {
        (void)snprintf(ret_id, 64, "%s", text_at(made, "id"));
    }
    json_decref(made);
}

static void make_tokens(void)
{
    for (size_t i = 0; i < HG_COUNT(people); i++) {
        char id[64];
        char target[160];
        char cookie[128];
        make_token(people[i].user, "{\"name\":\"good\"}", bearers[i], NULL);
        make_token(people[i].user, "{\"name\":\"over\"}", expired[i], NULL);
        make_token(people[i].user, "{\"name\":\"ended\"}", revoked[i], id);
        (void)snprintf(target, sizeof target, "/api/v1/auth/tokens/%s", id);
        new_session(people[i].user, cookie);
        ask_only("DELETE", target, cookie, NULL, 204);
    }
    sql("update api_token set expires_at = now() - interval '1 second' where name = 'over'");
}

static int start(void **state)
{
    int r = open_api(state);
    if (r == 0) {
        make_tokens();
    }
    return r;
}

/* ---- the table ---- */

/* Each {parameter} becomes a value that names nothing but for pipelines and runs, which are fakes.
 */
static void fill_in(const char *pattern, char *ret, size_t n)
{
    size_t k = 0;
    while (*pattern && k + 64 < n) {
        if (*pattern == '{') {
            k += (size_t)snprintf(ret + k, n - k, "%s", FAKE_RUN);
            pattern += strcspn(pattern, "}") + 1;
        } else {
            ret[k++] = *pattern++;
        }
    }
    ret[k] = '\0';
}

static void sign_in(enum way way, size_t who, char ret[128])
{
    ret[0] = '\0';
    if (way == COOKIE) {
        new_session(people[who].user, ret);
    } else if (way == EXPIRED_COOKIE) {
        new_session(people[who].user, ret);
        sql("update session set expires_at = now() - interval '1 second'");
    } else if (way == DISABLED_COOKIE) {
        new_session("dora", ret);
    } else if (way == FOREIGN_COOKIE) {
        /* Of another Headgate: the form is right, nobody here knows it. */
        (void)snprintf(ret,
                       128,
                       "Cookie: headgate_session=%s\r\n",
                       "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ");
    } else if (way == BASIC) {
        (void)snprintf(ret, 128, "Authorization: Basic YWRtaW46YWRtaW4=\r\n");
    } else if (way == BEARER) {
        bearer_header(bearers[who], ret);
    } else if (way == EXPIRED_BEARER) {
        bearer_header(expired[who], ret);
    } else if (way == REVOKED_BEARER) {
        bearer_header(revoked[who], ret);
    }
}

static void walk(const struct hg_route *route, enum way way, size_t who)
{
    char target[256];
    char headers[128];
    struct answer answer;
    bool knows = way == COOKIE || way == BEARER;
    fill_in(route->pattern, target, sizeof target);
    sign_in(way, who, headers);
    ask(route->method,
        target,
        headers,
        strcmp(route->method, "GET") == 0 ? NULL : "{\"unknown\":1}",
        &answer);
    int got = answer.status;
    answer_free(&answer);
    if (route->flags & HG_ROUTE_PUBLIC) {
        if (got == 403) {
            fail_msg("%s %s, public, is refused", route->method, route->pattern);
        }
        return;
    }
    bool allowed = knows && hg_role_allows(people[who].role, route->role);
    int refusal = !knows ? 401 : 403;
    if (allowed ? got == 401 || got == 403 || got >= 500 : got != refusal) {
        fail_msg(
            "%s %s as %s, way %d: %d", route->method, route->pattern, people[who].user, way, got);
    }
}

static void test_every_route_role_and_sign_in(void **state)
{
    (void)state;
    size_t n;
    const struct hg_route *routes = hg_api_routes(&n);
    add_user("dora", "admin");
    sql("update user_account set disabled = true where username = 'dora'");
    for (size_t i = 0; i < n; i++) {
        for (size_t who = 0; who < HG_COUNT(people); who++) {
            for (int way = NOTHING; way < N_WAYS; way++) {
                walk(&routes[i], (enum way)way, who);
            }
        }
    }
    sql("delete from user_account where username = 'dora'");
}

/* What the contract says of roles, so that a slip in the table is seen too. */
static void test_what_the_contract_says_of_roles(void **state)
{
    (void)state;
    size_t n;
    const struct hg_route *routes = hg_api_routes(&n);
    for (size_t i = 0; i < n; i++) {
        const char *pattern = routes[i].pattern;
        bool is_read = strcmp(routes[i].method, "GET") == 0;
        if (hg_starts_with(pattern, "/api/v1/users") || hg_starts_with(pattern, "/api/v1/audit")) {
            assert_int_equal(routes[i].role, HG_ROLE_ADMIN);
        } else if (!is_read && !hg_starts_with(pattern, "/api/v1/auth/")) {
            assert_true(routes[i].role >= HG_ROLE_DATA_SCIENTIST);
        }
        if (hg_ends_with(pattern, "/rows") || hg_ends_with(pattern, "/logs") ||
            hg_ends_with(pattern, "/quarantine")) {
            assert_true(routes[i].role >= HG_ROLE_DATA_SCIENTIST);
        }
    }
}

/* ---- tokens ---- */

static void test_a_token_has_at_most_its_owners_role(void **state)
{
    (void)state;
    char token[64];
    char headers[128];
    char cookie[128];
    make_token("admin", "{\"name\":\"reader\",\"role\":\"viewer\"}", token, NULL);
    bearer_header(token, headers);
    ask_only("GET", "/api/v1/users", headers, NULL, 403);
    /* It makes none that may more. */
    ask_only("POST", "/api/v1/auth/tokens", headers, "{\"name\":\"x\",\"role\":\"admin\"}", 422);
    new_session("vera", cookie);
    ask_only("POST", "/api/v1/auth/tokens", cookie, "{\"name\":\"x\",\"role\":\"admin\"}", 422);
    /* Its owner's role counts when it is used. */
    make_token("sara", "{\"name\":\"worker\"}", token, NULL);
    bearer_header(token, headers);
    ask_only("GET", "/api/v1/ingestion/quarantine", headers, NULL, 200);
    sql("update user_account set role = 'viewer' where username = 'sara'");
    ask_only("GET", "/api/v1/ingestion/quarantine", headers, NULL, 403);
    sql("update user_account set role = 'data_scientist' where username = 'sara'");
}

static void test_what_a_token_made_ends_with_it(void **state)
{
    (void)state;
    char parent[64];
    char id[64];
    char headers[128];
    char child[128];
    char target[160];
    make_token("sara", "{\"name\":\"parent\",\"expires_in_days\":3}", parent, id);
    bearer_header(parent, headers);
    json_t *made = ask_json("POST",
                            "/api/v1/auth/tokens",
                            headers,
                            "{\"name\":\"child\",\"expires_in_days\":300}",
                            201);
    bearer_header(text_at(made, "token"), child);
    json_decref(made);
    assert_int_equal(number("select count(*) from api_token where name = 'child'"
                            " and expires_at < now() + interval '4 days'"),
                     1);
    ask_only("GET", "/api/v1/auth/me", child, NULL, 200);
    (void)snprintf(target, sizeof target, "/api/v1/auth/tokens/%s", id);
    /* Others see neither. */
    char cookie[128];
    new_session("vera", cookie);
    ask_only("DELETE", target, cookie, NULL, 404);
    new_session("sara", cookie);
    ask_only("DELETE", target, cookie, NULL, 204);
    ask_only("GET", "/api/v1/auth/me", child, NULL, 401);
}

static void test_a_token_is_stored_as_its_hash_alone(void **state)
{
    (void)state;
    char token[64];
    char query[256];
    make_token("vera", "{\"name\":\"secret\"}", token, NULL);
    assert_int_equal(strlen(token), 40);
    assert_int_equal(strncmp(token, "hgt_", 4), 0);
    (void)snprintf(query,
                   sizeof query,
                   "select count(*) from api_token where token_hash = sha256('%s')",
                   token);
    assert_int_equal(number(query), 1);
    (void)snprintf(query,
                   sizeof query,
                   "select (select count(*) from api_token t where t::text like '%%%s%%')"
                   " + (select count(*) from audit a where a::text like '%%%s%%')",
                   token + 12,
                   token + 12);
    assert_int_equal(number(query), 0);
    char cookie[128];
    struct answer answer;
    new_session("vera", cookie);
    ask("GET", "/api/v1/auth/tokens", cookie, NULL, &answer);
    assert_int_equal(answer.status, 200);
    assert_null(strstr(answer.body, token));
    answer_free(&answer);
}

static void test_token_bodies(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        int status;
    } cases[] = {
        {"{", 400},
        {"[]", 422},
        {"{}", 422},
        {"{\"name\":7}", 422},
        {"{\"name\":\"\"}", 422},
        {"{\"name\":\"a\\u0007b\"}", 422},
        {"{\"name\":\"a\\u0085b\"}", 422},
        {"{\"name\":\"a\\u0000b\"}", 400},
        {"{\"name\":\"x\",\"name\":\"y\"}", 400},
        {"{\"name\":\"x\",\"role\":\"root\"}", 422},
        {"{\"name\":\"x\",\"role\":null}", 422},
        {"{\"name\":\"x\",\"expires_in_days\":0}", 422},
        {"{\"name\":\"x\",\"expires_in_days\":366}", 422},
        {"{\"name\":\"x\",\"expires_in_days\":1.5}", 422},
        {"{\"name\":\"x\",\"expires_in_days\":\"1\"}", 422},
        {"{\"name\":\"x\",\"scope\":\"all\"}", 422},
    };
    char cookie[128];
    new_session("admin", cookie);
    for (size_t i = 0; i < HG_COUNT(cases); i++) {
        ask_only("POST", "/api/v1/auth/tokens", cookie, cases[i].body, cases[i].status);
    }
}

/* A request that is sent again gives all but the secret. */
static void test_a_repeated_request_shows_no_token(void **state)
{
    (void)state;
    char cookie[128];
    char headers[256];
    const char *body = "{\"name\":\"twice\"}";
    new_session("sara", cookie);
    (void)snprintf(headers, sizeof headers, "%sIdempotency-Key: t1\r\n", cookie);
    json_t *first = ask_json("POST", "/api/v1/auth/tokens", headers, body, 201);
    json_t *second = ask_json("POST", "/api/v1/auth/tokens", headers, body, 201);
    assert_string_equal(text_at(first, "id"), text_at(second, "id"));
    assert_int_equal(strlen(text_at(first, "token")), 40);
    assert_true(json_is_null(json_object_get(second, "token")));
    json_decref(first);
    json_decref(second);
    assert_int_equal(number("select count(*) from api_token where name = 'twice'"), 1);
}

/* ---- cookies and other origins ---- */

static void test_writes_from_another_origin(void **state)
{
    (void)state;
    char cookie[256];
    char bearer[256];
    new_session("admin", cookie);
    bearer_header(bearers[0], bearer);
    (void)strncat(cookie, "Origin: https://evil.example\r\n", 60);
    (void)strncat(bearer, "Origin: https://evil.example\r\n", 60);
    ask_only("POST", "/api/v1/auth/tokens", cookie, "{\"name\":\"x\"}", 403);
    ask_only("POST", "/api/v1/auth/tokens", bearer, "{\"name\":\"x\"}", 201);
    /* A wrong token beside a good cookie counts as what it is. */
    new_session("admin", cookie);
    (void)strncat(cookie, "Authorization: Bearer hgt_x\r\nOrigin: https://evil.example\r\n", 100);
    ask_only("POST", "/api/v1/auth/tokens", cookie, "{\"name\":\"x\"}", 401);
}

/* ---- users ---- */

static void test_a_user_from_first_to_last(void **state)
{
    (void)state;
    char cookie[128];
    char theirs[128];
    char headers[512];
    char etag[64];
    struct answer answer;
    new_session("admin", cookie);
    (void)snprintf(headers, sizeof headers, "%sIdempotency-Key: k1\r\n", cookie);
    const char *body = "{\"username\":\"uma\",\"password\":\"twelve chars\","
                       "\"role\":\"viewer\"}";
    ask_only("POST", "/api/v1/users", headers, body, 201);
    ask("POST", "/api/v1/users", headers, body, &answer); /* the same answer again */
    assert_int_equal(answer.status, 201);
    assert_string_equal(answer_header(&answer, "Location"), "/api/v1/users/uma");
    assert_non_null(answer_header(&answer, "ETag"));
    answer_free(&answer);
    ask_only("POST", "/api/v1/users", cookie, body, 409);
    ask("GET", "/api/v1/users/uma", cookie, NULL, &answer);
    assert_int_equal(answer.status, 200);
    (void)snprintf(etag, sizeof etag, "%s", answer_header(&answer, "ETag"));
    answer_free(&answer);
    (void)snprintf(headers, sizeof headers, "%sIf-Match: %s\r\n", cookie, etag);
    ask_only("PATCH", "/api/v1/users/uma", headers, "{\"role\":\"data_scientist\"}", 200);
    ask_only("PATCH", "/api/v1/users/uma", headers, "{\"role\":\"viewer\"}", 412);
    ask_only("DELETE", "/api/v1/users/uma", headers, NULL, 412);
    /* Disabling ends sessions; enabling does not bring them back. */
    new_session("uma", theirs);
    ask_only("GET", "/api/v1/auth/me", theirs, NULL, 200);
    ask_only("PATCH", "/api/v1/users/uma", cookie, "{\"disabled\":true}", 200);
    ask_only("PATCH", "/api/v1/users/uma", cookie, "{\"disabled\":false}", 200);
    ask_only("GET", "/api/v1/auth/me", theirs, NULL, 401);
    ask_only("DELETE", "/api/v1/users/uma", cookie, NULL, 204);
    ask_only("DELETE", "/api/v1/users/uma", cookie, NULL, 404);
}

static void test_the_last_admin_stays(void **state)
{
    (void)state;
    char cookie[128];
    new_session("admin", cookie);
    ask_only("DELETE", "/api/v1/users/admin", cookie, NULL, 409);
    ask_only("PATCH", "/api/v1/users/admin", cookie, "{\"role\":\"viewer\"}", 409);
    ask_only("PATCH", "/api/v1/users/admin", cookie, "{\"disabled\":true}", 409);
    /* One who cannot sign in is no other admin. */
    add_user("ada", "admin");
    sql("update user_account set disabled = true where username = 'ada'");
    ask_only("DELETE", "/api/v1/users/admin", cookie, NULL, 409);
    ask_only("PATCH", "/api/v1/users/ada", cookie, "{\"disabled\":false}", 200);
    ask_only("PATCH", "/api/v1/users/ada", cookie, "{\"role\":\"viewer\"}", 200);
    ask_only("DELETE", "/api/v1/users/ada", cookie, NULL, 204);
}

static void test_user_bodies(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "{}",
        "{\"username\":\"a b\",\"password\":\"long enough for all\",\"role\":\"viewer\"}",
        "{\"username\":\"Uma\",\"password\":\"long enough for all\",\"role\":\"viewer\"}",
        "{\"username\":\"../x\",\"password\":\"long enough for all\",\"role\":\"viewer\"}",
        "{\"username\":\"<b>\",\"password\":\"long enough for all\",\"role\":\"viewer\"}",
        "{\"username\":\"u\",\"password\":\"only eleven\",\"role\":\"viewer\"}",
        "{\"username\":\"u\",\"password\":\"Password 1234\",\"role\":\"viewer\"}",
        "{\"username\":\"u\",\"password\":\"PasswordPassword\",\"role\":\"viewer\"}",
        "{\"username\":\"u\",\"password\":\"aaaaaaaaaaaaaaaaaaaa\",\"role\":\"viewer\"}",
        "{\"username\":\"u\",\"password\":\"abcabcabcabcabcabc\",\"role\":\"viewer\"}",
        "{\"username\":\"fifteen-letters\",\"password\":\"Fifteen-Letters\",\"role\":\"viewer\"}",
        "{\"username\":\"u\",\"password\":\"long enough for all\",\"role\":\"none\"}",
        "{\"username\":\"u\",\"password\":\"long enough for all\",\"role\":3}",
        "{\"username\":\"u\",\"password\":\"long enough for all\",\"role\":\"viewer\",\"x\":1}",
    };
    char cookie[128];
    new_session("admin", cookie);
    for (size_t i = 0; i < HG_COUNT(bodies); i++) {
        ask_only("POST", "/api/v1/users", cookie, bodies[i], 422);
    }
    ask_only("PATCH", "/api/v1/users/vera", cookie, "{\"disabled\":\"yes\"}", 422);
    ask_only("PATCH", "/api/v1/users/vera", cookie, "{\"password\":\"short\"}", 422);
    ask_only("PATCH", "/api/v1/users/nobody", cookie, "{\"disabled\":true}", 404);
}

/* ---- sessions and passwords ---- */

static void test_sessions_are_seen_and_ended(void **state)
{
    (void)state;
    char mine[128];
    char other[128];
    char target[160];
    sql("delete from session where username = 'vera'");
    new_session("vera", other);
    new_session("vera", mine);
    json_t *list = ask_json("GET", "/api/v1/auth/sessions", mine, NULL, 200);
    json_t *items = json_object_get(list, "items");
    assert_int_equal(json_array_size(items), 2);
    size_t i;
    json_t *item;
    int n_current = 0;
    target[0] = '\0';
    json_array_foreach (items, i, item) {
        bool current = json_is_true(json_object_get(item, "current"));
        n_current += current;
        if (!current) {
            (void)snprintf(target, sizeof target, "/api/v1/auth/sessions/%s", text_at(item, "id"));
        }
    }
    json_decref(list);
    assert_int_equal(n_current, 1);
    char sara[128];
    new_session("sara", sara);
    ask_only("DELETE", target, sara, NULL, 404);
    ask_only("GET", "/api/v1/auth/sessions?username=vera", sara, NULL, 403);
    ask_only("DELETE", target, mine, NULL, 204);
    ask_only("GET", "/api/v1/auth/me", other, NULL, 401);
    new_session("vera", other);
    ask_only("DELETE", "/api/v1/auth/sessions", mine, NULL, 204);
    ask_only("GET", "/api/v1/auth/me", other, NULL, 401);
    ask_only("GET", "/api/v1/auth/me", mine, NULL, 200);
}

static void test_a_password_is_changed(void **state)
{
    (void)state;
    char mine[128];
    char other[128];
    new_session("vera", mine);
    new_session("vera", other);
    const char *path = "/api/v1/auth/password";
    ask_only("POST",
             path,
             mine,
             "{\"current_password\":\"wrong\",\"new_password\":\"another long phrase\"}",
             422);
    ask_only("POST",
             path,
             mine,
             "{\"current_password\":\"" PASSWORD "\",\"new_password\":\"short\"}",
             422);
    ask_only("GET", "/api/v1/auth/me", other, NULL, 200);
    ask_only("POST",
             path,
             mine,
             "{\"current_password\":\"" PASSWORD "\",\"new_password\":\"another long phrase\"}",
             204);
    ask_only("GET", "/api/v1/auth/me", other, NULL, 401);
    ask_only("GET", "/api/v1/auth/me", mine, NULL, 200);
    ask_only("POST",
             "/api/v1/auth/login",
             "",
             "{\"username\":\"vera\",\"password\":\"" PASSWORD "\"}",
             401);
    ask_only("POST",
             "/api/v1/auth/login",
             "",
             "{\"username\":\"vera\",\"password\":\"another long phrase\"}",
             200);
}

static void test_logging_out_clears_what_the_browser_kept(void **state)
{
    (void)state;
    char cookie[128];
    struct answer answer;
    new_session("vera", cookie);
    ask("POST", "/api/v1/auth/logout", cookie, NULL, &answer);
    assert_int_equal(answer.status, 204);
    assert_string_equal(answer_header(&answer, "Clear-Site-Data"), "\"cache\"");
    answer_free(&answer);
}

/* ---- the audit log ---- */

static void test_changes_are_in_the_audit_log(void **state)
{
    (void)state;
    char cookie[128];
    char viewer[128];
    new_session("admin", cookie);
    new_session("vera", viewer);
    ask_only("PATCH",
             "/api/v1/users/sara",
             cookie,
             "{\"role\":\"data_scientist\",\"password\":\"a new phrase for sara\"}",
             200);
    ask_only("POST", "/api/v1/users", viewer, "{}", 403);
    json_t *list = ask_json("GET", "/api/v1/audit?limit=2", cookie, NULL, 200);
    const json_t *items = json_object_get(list, "items");
    const json_t *denied = json_array_get(items, 0);
    const json_t *changed = json_array_get(items, 1);
    assert_string_equal(text_at(denied, "outcome"), "denied");
    assert_string_equal(text_at(denied, "actor"), "vera");
    assert_string_equal(text_at(denied, "action"), "user.create");
    assert_true(json_is_null(json_object_get(denied, "object")));
    assert_string_equal(text_at(changed, "action"), "user.update");
    assert_string_equal(text_at(changed, "actor"), "admin");
    assert_string_equal(text_at(changed, "actor_kind"), "user");
    assert_string_equal(text_at(changed, "object"), "sara");
    assert_string_equal(text_at(changed, "source_ip"), "127.0.0.1");
    assert_int_equal(strlen(text_at(changed, "request_id")), 36);
    char *fields = json_dumps(json_object_get(changed, "fields"), JSON_COMPACT);
    assert_string_equal(fields, "[\"role\",\"password\"]");
    free(fields);
    assert_non_null(json_string_value(json_object_get(list, "next_cursor")));
    json_decref(list);
    assert_int_equal(number("select count(*) from audit a where a::text like '%phrase%'"), 0);
    ask_only("GET", "/api/v1/audit?cursor=x", cookie, NULL, 400);
    ask_only("GET", "/api/v1/audit?actor=admin&action=user.update", cookie, NULL, 200);
}

static void test_the_audit_log_only_grows(void **state)
{
    (void)state;
    assert_true(number("select count(*) from audit") > 0);
    assert_int_equal(number("select coalesce(audit_broken_at(), 0)"), 0);
    static const char *const changes[] = {
        "update audit set actor = 'nobody'", "delete from audit", "truncate audit"};
    for (size_t i = 0; i < HG_COUNT(changes); i++) {
        HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
        assert_int_equal(hg_pool_borrow(metadata, 5000, &db, NULL), HG_OK);
        assert_int_equal(hg_db_simple(db, changes[i], NULL, NULL), HG_EFORBIDDEN);
    }
    /* Who goes round that is found out. */
    sql("set session_replication_role = replica; update audit set actor = 'eve' where seq = 2");
    assert_int_equal(number("select coalesce(audit_broken_at(), 0)"), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_every_route_role_and_sign_in),
        TEST(test_what_the_contract_says_of_roles),
        TEST(test_a_token_has_at_most_its_owners_role),
        TEST(test_what_a_token_made_ends_with_it),
        TEST(test_a_token_is_stored_as_its_hash_alone),
        TEST(test_token_bodies),
        TEST(test_a_repeated_request_shows_no_token),
        TEST(test_writes_from_another_origin),
        TEST(test_a_user_from_first_to_last),
        TEST(test_the_last_admin_stays),
        TEST(test_user_bodies),
        TEST(test_sessions_are_seen_and_ended),
        TEST(test_a_password_is_changed),
        TEST(test_logging_out_clears_what_the_browser_kept),
        TEST(test_changes_are_in_the_audit_log),
        TEST(test_the_audit_log_only_grows),
    };
    return cmocka_run_group_tests(tests, start, close_api);
}
