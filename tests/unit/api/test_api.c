/* The API over HTTP, on a real PostgreSQL for its users and a fake pipeline service. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/api.h"
#include "auth/password.h"
#include "base/mem.h"
#include "fake_services.h"
#include "http_client.h"
#include "shared_pg.h"
#include "store/db.h"

#define PASSWORD  "a password for tests"
#define INGESTION "/api/v1/ingestion"

static struct hg_pool *metadata;
static struct hg_pool *warehouse;
static struct hg_api *api;
static struct hg_host_config config;
static int port;
static char cookies[3][256]; /* "Cookie: headgate_session=...\r\n" of admin, scientist, viewer */

enum { ADMIN = 0, SCIENTIST = 1, VIEWER = 2 };
static const char *const users[] = {"admin", "sara", "vera"};

static void ask(const char *method,
                const char *target,
                const char *headers,
                const char *body,
                struct answer *answer)
{
    char all[1024];
    (void)snprintf(
        all, sizeof all, "%s%s", body ? "Content-Type: application/json\r\n" : "", headers);
    client_ask(port, method, target, all, body, answer);
}

static int status_of(const char *method, const char *target, const char *headers, const char *body)
{
    struct answer answer;
    ask(method, target, headers, body, &answer);
    int status = answer.status;
    if (status >= 400) {
        json_decref(answer_problem(&answer, status));
    }
    answer_free(&answer);
    return status;
}

static json_t *ask_json(
    const char *method, const char *target, const char *headers, const char *body, int status)
{
    struct answer answer;
    ask(method, target, headers, body, &answer);
    if (answer.status != status) {
        fail_msg("%s %s: %d %s", method, target, answer.status, answer.body);
    }
    json_t *json = status >= 400 ? answer_problem(&answer, status) : answer_json(&answer);
    answer_free(&answer);
    return json;
}

static const char *text_at(const json_t *json, const char *key)
{
    const char *text = json_string_value(json_object_get(json, key));
    assert_non_null(text);
    return text;
}

static void log_in(const char *username, struct answer *answer)
{
    char body[256];
    (void)snprintf(
        body, sizeof body, "{\"username\":\"%s\",\"password\":\"" PASSWORD "\"}", username);
    ask("POST", "/api/v1/auth/login", "", body, answer);
}

static void keep_cookie(size_t who)
{
    struct answer answer;
    log_in(users[who], &answer);
    assert_int_equal(answer.status, 200);
    const char *cookie = answer_header(&answer, "Set-Cookie");
    (void)snprintf(cookies[who],
                   sizeof cookies[who],
                   "Cookie: other=1; %.*s\r\n",
                   (int)strcspn(cookie, ";"),
                   cookie);
    answer_free(&answer);
}

static void add_user(const char *name, const char *role)
{
    char hash[HG_PASSWORD_HASH_TEXT];
    char text[512];
    assert_int_equal(hg_password_hash(PASSWORD, hash, NULL), HG_OK);
    (void)snprintf(text,
                   sizeof text,
                   "insert into user_account (username, role, password_hash) values"
                   " ('%s', '%s', '%s')",
                   name,
                   role,
                   hash);
    assert_int_equal(hg_test_pg_sql(pg, "metadata", text), 0);
}

static void start_api(const char *public_url)
{
    struct hg_error err = HG_ERROR_INIT;
    static char host[] = "127.0.0.1";
    static char data_dir[] = "/tmp";
    config.listen_host = host;
    config.data_dir = data_dir;
    config.public_url = (char *)(uintptr_t)public_url;
    const struct hg_api_options options = {
        .config = &config,
        .metadata = metadata,
        .warehouse = warehouse,
        .version = "1.2.3",
        .admin_password = PASSWORD,
    };
    if (hg_api_start(&options, &api, &err) < 0) {
        fail_msg("%s", err.message);
    }
    port = hg_api_port(api);
}

static int start(void **state)
{
    if (start_pg(state) != 0 ||
        hg_pool_new(hg_test_pg_metadata(pg), 8, "test", &metadata, NULL) < 0 ||
        hg_pool_new(hg_test_pg_warehouse(pg), 2, "test", &warehouse, NULL) < 0) {
        return -1;
    }
    start_api("http://127.0.0.1:8080");
    add_user(users[SCIENTIST], "data_scientist");
    add_user(users[VIEWER], "viewer");
    for (size_t i = 0; i < 3; i++) {
        keep_cookie(i);
    }
    return 0;
}

static int stop(void **state)
{
    hg_api_stop(api, 1000);
    hg_pool_free(metadata);
    hg_pool_free(warehouse);
    return stop_pg(state);
}

static int reset(void **state)
{
    (void)state;
    fake_reset();
    return 0;
}

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

/* ---- pipelines ---- */

static void test_lists_pass_their_page_on(void **state)
{
    (void)state;
    assert_int_equal(status_of("GET", INGESTION "/pipelines", cookies[ADMIN], NULL), 200);
    fake_assert_asked("list 50 -");
    assert_int_equal(
        status_of("GET", INGESTION "/pipelines?limit=500&cursor=a%2Fb", cookies[ADMIN], NULL), 200);
    fake_assert_asked("list 500 a/b");
    json_t *problem = ask_json("GET", INGESTION "/pipelines?limit=501", cookies[ADMIN], NULL, 400);
    assert_non_null(strstr(text_at(problem, "detail"), "limit"));
    json_decref(problem);
    fake_set(HG_EINVAL, "");
    assert_int_equal(status_of("GET", INGESTION "/pipelines?cursor=x", cookies[ADMIN], NULL), 400);
}

static void test_a_trigger(void **state)
{
    (void)state;
    struct answer answer;
    ask("POST",
        INGESTION "/pipelines/p/trigger",
        cookies[ADMIN],
        "{\"params\":{\"a\":1}}",
        &answer);
    assert_int_equal(answer.status, 202);
    assert_string_equal(answer_header(&answer, "Location"), INGESTION "/runs/" FAKE_RUN);
    json_t *json = answer_json(&answer);
    assert_string_equal(text_at(json, "run_id"), FAKE_RUN);
    assert_string_equal(text_at(json, "status"), "queued");
    json_decref(json);
    answer_free(&answer);
    fake_assert_asked("trigger p {\"a\":1}");
    /* Without a body at all. */
    assert_int_equal(status_of("POST", INGESTION "/pipelines/p/trigger", cookies[ADMIN], NULL),
                     202);
    fake_assert_asked("trigger p -");
}

static void test_what_belongs_to_schedules(void **state)
{
    (void)state;
    static const struct {
        const char *method;
        const char *path;
        const char *body;
        int status;
        const char *asked;
    } calls[] = {
        {"GET",
         "/schedules/next?cron=%40daily&after=2026-03-01T00:00:00Z",
         NULL,
         200,
         "next @daily UTC 1772323200 5"},
        {"GET",
         "/schedules/next?cron=0+3+*+*+*&timezone=Asia/Tokyo&count=100&after=1970-01-01T00:00:01Z",
         NULL,
         200,
         "next 0 3 * * * Asia/Tokyo 1 100"},
        {"GET", "/schedules/next", NULL, 400, ""},
        {"GET", "/schedules/next?cron=%40daily&count=101", NULL, 400, ""},
        {"GET", "/schedules/next?cron=%40daily&count=x", NULL, 400, ""},
        {"GET", "/schedules/next?cron=%40daily&after=now", NULL, 400, ""},
        {"POST", "/pipelines/p/backfill", "{\"from\":1}", 202, "backfill p {\"from\":1}"},
        {"POST", "/pipelines/p/backfill", "{\"since\":1}", 422, ""},
        {"POST", "/pipelines/p/backfill", "[]", 422, ""},
        {"POST", "/pipelines/p/backfill", "{", 400, ""},
        {"GET", "/pipelines/p/backfills?limit=7", NULL, 200, "backfills p 7"},
        {"GET", "/pipelines/p/backfills/x", NULL, 200, "get backfill p x"},
        {"POST", "/pipelines/p/backfills/x/cancel", NULL, 202, "cancel backfill p x"},
        {"POST", "/pipelines/p/backfills/x/cancel", "{\"a\":1}", 422, ""},
        {"DELETE", "/pipelines/p/overrides", NULL, 200, "reset p"},
        {"GET", "/pipelines/p/versions?limit=3", NULL, 200, "versions p 3"},
        {"GET", "/pipelines/p/versions/2", NULL, 200, "version p 2"},
    };
    for (size_t i = 0; i < HG_COUNT(calls); i++) {
        char path[256];
        fake_reset();
        (void)snprintf(path, sizeof path, INGESTION "%s", calls[i].path);
        int status = status_of(calls[i].method, path, cookies[ADMIN], calls[i].body);
        if (status != calls[i].status) {
            print_error("%s %s: %d\n", calls[i].method, calls[i].path, status);
        }
        assert_int_equal(status, calls[i].status);
        fake_assert_asked(calls[i].asked);
    }
}

/* Who changed it meanwhile is not overruled. */
static void test_overrides_are_dropped_as_they_were_read(void **state)
{
    char headers[512];
    (void)state;
    (void)snprintf(headers, sizeof headers, "%sIf-Match: \"0123\"\r\n", cookies[ADMIN]);
    assert_int_equal(status_of("DELETE", INGESTION "/pipelines/p/overrides", headers, NULL), 412);
    fake_assert_asked("get p");
}

static void test_runs_are_stopped_and_tried_again(void **state)
{
    (void)state;
    json_t *json =
        ask_json("POST", INGESTION "/runs/" FAKE_RUN "/cancel", cookies[ADMIN], "{}", 202);
    assert_string_equal(text_at(json, "run_id"), FAKE_RUN);
    json_decref(json);
    fake_assert_asked("cancel " FAKE_RUN);
    assert_int_equal(status_of("POST", INGESTION "/runs/" FAKE_RUN "/retry", cookies[ADMIN], NULL),
                     202);
    fake_assert_asked("retry " FAKE_RUN);
    assert_int_equal(
        status_of("POST", INGESTION "/runs/" FAKE_RUN "/retry", cookies[ADMIN], "{\"x\":1}"), 422);
    assert_int_equal(status_of("POST", INGESTION "/runs/none/cancel", cookies[ADMIN], "{}"), 404);
    fake_set(HG_ECONFLICT, "");
    json = ask_json("POST", INGESTION "/runs/" FAKE_RUN "/retry", cookies[ADMIN], "{}", 409);
    assert_string_equal(text_at(json, "run_id"), FAKE_RUN);
    json_decref(json);
}

static void test_a_trigger_that_cannot_be(void **state)
{
    (void)state;
    json_t *problem =
        ask_json("POST", INGESTION "/pipelines/p/trigger", cookies[ADMIN], "{\"parms\":{}}", 422);
    assert_non_null(strstr(text_at(problem, "hint"), "params"));
    json_decref(problem);
    fake_assert_asked("");

    fake_set_busy(true);
    problem = ask_json("POST", INGESTION "/pipelines/p/trigger", cookies[ADMIN], "{}", 409);
    assert_string_equal(text_at(problem, "run_id"), FAKE_RUN);
    assert_non_null(strstr(text_at(problem, "detail"), FAKE_RUN));
    json_decref(problem);

    fake_set_busy(false);
    fake_set(HG_EINVAL, "/params/since");
    problem = ask_json("POST", INGESTION "/pipelines/p/trigger", cookies[ADMIN], "{}", 422);
    assert_string_equal(text_at(json_array_get(json_object_get(problem, "errors"), 0), "pointer"),
                        "/params/since");
    assert_null(json_object_get(problem, "run_id"));
    json_decref(problem);

    fake_set(HG_ENOTFOUND, "");
    assert_int_equal(status_of("POST", INGESTION "/pipelines/p/trigger", cookies[ADMIN], "{}"),
                     404);
    fake_set(HG_EUNAVAILABLE, "");
    assert_int_equal(status_of("POST", INGESTION "/pipelines/p/trigger", cookies[ADMIN], "{}"),
                     503);
}

static void test_a_trigger_sent_twice_with_a_key(void **state)
{
    (void)state;
    static const char target[] = INGESTION "/pipelines/p/trigger";
    char headers[512];
    char other[512];
    struct answer answer;
    (void)snprintf(headers, sizeof headers, "%sIdempotency-Key: k-1\r\n", cookies[ADMIN]);
    (void)snprintf(other, sizeof other, "%sIdempotency-Key: k-1\r\n", cookies[SCIENTIST]);
    /* A failure is not kept. */
    fake_set(HG_EUNAVAILABLE, "");
    assert_int_equal(status_of("POST", target, headers, "{}"), 503);
    fake_reset();
    assert_int_equal(status_of("POST", target, headers, "{}"), 202);
    fake_assert_asked("trigger p -");
    fake_reset();
    ask("POST", target, headers, "{}", &answer);
    assert_int_equal(answer.status, 202);
    assert_string_equal(answer_header(&answer, "Location"), INGESTION "/runs/" FAKE_RUN);
    assert_non_null(strstr(answer.body, FAKE_RUN));
    answer_free(&answer);
    fake_assert_asked("");
    /* The same key for another request, another user's, none at all. */
    assert_int_equal(status_of("POST", target, headers, "{\"params\":{}}"), 422);
    fake_assert_asked("");
    assert_int_equal(status_of("POST", target, other, "{}"), 202);
    fake_assert_asked("trigger p -");
    (void)snprintf(headers, sizeof headers, "%sIdempotency-Key:\r\n", cookies[ADMIN]);
    assert_int_equal(status_of("POST", target, headers, "{}"), 400);
}

static void test_changing_a_pipeline(void **state)
{
    (void)state;
    struct answer answer;
    char headers[512];
    ask("GET", INGESTION "/pipelines/p", cookies[ADMIN], NULL, &answer);
    (void)snprintf(headers,
                   sizeof headers,
                   "%sIf-Match: %s\r\n",
                   cookies[ADMIN],
                   answer_header(&answer, "ETag"));
    answer_free(&answer);
    assert_int_equal(status_of("PATCH", INGESTION "/pipelines/p", headers, "{\"enabled\":true}"),
                     200);
    fake_assert_asked("update p {\"enabled\":true}");
    (void)snprintf(headers, sizeof headers, "%sIf-Match: \"other\"\r\n", cookies[ADMIN]);
    assert_int_equal(status_of("PATCH", INGESTION "/pipelines/p", headers, "{\"enabled\":false}"),
                     412);
    fake_assert_asked("get p");
    fake_set(HG_EINVAL, "/schedule");
    json_t *problem =
        ask_json("PATCH", INGESTION "/pipelines/p", cookies[ADMIN], "{\"schedule\":\"x\"}", 422);
    assert_string_equal(text_at(json_array_get(json_object_get(problem, "errors"), 0), "pointer"),
                        "/schedule");
    json_decref(problem);
    assert_int_equal(status_of("PATCH", INGESTION "/pipelines/p", cookies[ADMIN], "[]"), 422);
}

static void test_runs_and_logs(void **state)
{
    (void)state;
    assert_int_equal(
        status_of("GET", INGESTION "/pipelines/p/runs?status=failed", cookies[ADMIN], NULL), 200);
    fake_assert_asked("runs p failed 50");
    assert_int_equal(
        status_of("GET", INGESTION "/pipelines/p/runs?status=broken", cookies[ADMIN], NULL), 400);
    assert_int_equal(status_of("GET", INGESTION "/runs/" FAKE_RUN, cookies[ADMIN], NULL), 200);
    fake_assert_asked("run " FAKE_RUN);
    assert_int_equal(status_of("GET", INGESTION "/runs/none", cookies[ADMIN], NULL), 404);
    assert_int_equal(
        status_of(
            "GET", INGESTION "/runs/" FAKE_RUN "/jobs/load/logs?limit=7", cookies[ADMIN], NULL),
        200);
    fake_assert_asked("log " FAKE_RUN " load 7 attempt 0 level 1 line 0");
#define LOG INGESTION "/runs/" FAKE_RUN "/jobs/load/logs"
    assert_int_equal(status_of("GET", LOG "?tail=9&level=warning", cookies[ADMIN], NULL), 200);
    fake_assert_asked("log " FAKE_RUN " load 9 attempt 0 level 3 line 0 tail");
    assert_int_equal(status_of("GET", LOG "?attempt=2&line=500000", cookies[ADMIN], NULL), 200);
    fake_assert_asked("log " FAKE_RUN " load 50 attempt 2 level 1 line 500000");
    static const char *const bad[] = {LOG "?level=loud",
                                      LOG "?attempt=0",
                                      LOG "?line=-1",
                                      LOG "?tail=501",
                                      LOG "?tail=5&limit=5",
                                      LOG "?newest=1"};
    for (size_t i = 0; i < HG_COUNT(bad); i++) {
        assert_int_equal(status_of("GET", bad[i], cookies[ADMIN], NULL), 400);
    }
#undef LOG
}

static void test_datasets_and_quarantine(void **state)
{
    (void)state;
    assert_int_equal(status_of("GET",
                               "/api/v1/datasets/market.daily/"
                               "rows?limit=2&columns=a,b&order=-a&from=1&to=2&cursor=c",
                               cookies[ADMIN],
                               NULL),
                     200);
    fake_assert_asked("rows market.daily 2 c a,b -a 1 2");
    assert_int_equal(status_of("GET", "/api/v1/datasets/none/rows", cookies[ADMIN], NULL), 404);
    assert_int_equal(status_of("GET", "/api/v1/datasets/a.b.c/rows", cookies[ADMIN], NULL), 404);
    fake_set(HG_EINVAL, "");
    assert_int_equal(status_of("GET", "/api/v1/datasets/a.b/rows?order=none", cookies[ADMIN], NULL),
                     400);
    fake_reset();
    assert_int_equal(
        status_of("GET", INGESTION "/quarantine?pipeline=p&run=" FAKE_RUN, cookies[ADMIN], NULL),
        200);
    fake_assert_asked("quarantine p " FAKE_RUN " 50");
    assert_int_equal(status_of("GET", INGESTION "/quarantine?run=x", cookies[ADMIN], NULL), 400);
}

static void assert_file(const char *target, const char *type, const char *name)
{
    struct answer answer;
    ask("HEAD", target, cookies[SCIENTIST], NULL, &answer);
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer_header(&answer, "Content-Type"), type);
    assert_non_null(strstr(answer_header(&answer, "Content-Disposition"), name));
    answer_free(&answer);
}

static void test_exports(void **state)
{
    (void)state;
    static const char some[] = "/api/v1/datasets/a.b/export?columns=x,y&order=-x&from=1&to=2";
    static const char other[] = "/api/v1/datasets/a.%22%C3%BC/export?format=jsonl";
    static const char bad[] = "/api/v1/datasets/a.b/export?format=xlsx";
    assert_file(some, "text/csv; charset=utf-8; header=present", "; filename=\"a.b.csv\"");
    fake_assert_asked("export a.b x,y -x 1 2");
    assert_file(other, "application/x-ndjson", "; filename=\"a.___.jsonl\"");
    assert_int_equal(status_of("GET", bad, cookies[SCIENTIST], NULL), 400);
}

/* ---- the host ---- */

#define CHANNELS "/api/v1/alerts/channels"
#define CHANNEL  CHANNELS "/" FAKE_RUN

static void test_alert_channels(void **state)
{
    static const struct {
        const char *method, *path, *body;
        int status;
        const char *asked; /* NULL: the service is not */
    } calls[] = {
        {"GET", CHANNELS "?limit=3&cursor=a", NULL, 200, "channels 3 a"},
        {"GET", CHANNEL, NULL, 200, "channel " FAKE_RUN},
        {"POST",
         CHANNELS,
         "{\"name\":\"ops\",\"kind\":\"webhook\",\"url\":\"u\",\"secret\":\"s\",\"enabled\":false}",
         201,
         "create admin ops webhook u s off"},
        {"POST",
         CHANNELS,
         "{\"name\":\"ops\",\"kind\":\"slack\",\"url\":\"u\"}",
         201,
         "create admin ops slack u - -"},
        {"POST", CHANNELS, "{\"name\":\"ops\",\"kind\":\"email\",\"to\":\"a@b\"}", 422, NULL},
        {"POST", CHANNELS, "{\"kind\":\"slack\",\"url\":\"u\"}", 422, NULL},
        {"POST", CHANNELS, "{\"name\":\"ops\",\"url\":\"u\"}", 422, NULL},
        {"POST", CHANNELS, "{\"name\":\"ops\",\"kind\":\"slack\",\"url\":7}", 422, NULL},
        {"PATCH", CHANNEL, "{\"enabled\":true}", 200, "change " FAKE_RUN " - - - - on"},
        {"PATCH", CHANNEL, "{\"name\":\"b\",\"url\":\"v\"}", 200, "change " FAKE_RUN " b - v - -"},
        {"PATCH", CHANNEL, "{\"kind\":\"slack\"}", 422, NULL},
        {"PATCH", CHANNEL, "{\"enabled\":1}", 422, NULL},
        {"PATCH", CHANNEL, "{\"secret\":null}", 422, NULL},
        {"DELETE", CHANNEL, NULL, 204, "delete " FAKE_RUN},
        {"POST", CHANNEL "/test", "{}", 200, "test " FAKE_RUN},
        {"POST", CHANNEL "/test", "{\"x\":1}", 422, NULL},
        {"GET", "/api/v1/alerts?pipeline=p&limit=2", NULL, 200, "alerts p - - 2"},
        {"GET", "/api/v1/alerts?channel=c&delivery=failed", NULL, 200, "alerts - c failed 50"},
        {"GET", "/api/v1/alerts?delivery=lost", NULL, 400, NULL},
    };
    (void)state;
    for (size_t i = 0; i < HG_COUNT(calls); i++) {
        fake_reset();
        int status = status_of(calls[i].method, calls[i].path, cookies[ADMIN], calls[i].body);
        if (status != calls[i].status) {
            fail_msg("%s %s: %d", calls[i].method, calls[i].path, status);
        }
        fake_assert_asked(calls[i].asked ? calls[i].asked : "");
    }
}

/* The secret is shown once, also where the request is repeated; who changed it meanwhile is not
 * overruled. */
static void test_an_alert_channel_once(void **state)
{
    static const char body[] = "{\"name\":\"ops\",\"kind\":\"webhook\",\"url\":\"u\"}";
    char headers[512];
    (void)state;
    (void)snprintf(headers, sizeof headers, "%sIdempotency-Key: channel-1\r\n", cookies[ADMIN]);
    json_t *made = ask_json("POST", CHANNELS, headers, body, 201);
    assert_string_equal(text_at(made, "secret"), "s");
    json_decref(made);
    json_t *again = ask_json("POST", CHANNELS, headers, body, 201);
    assert_true(json_is_null(json_object_get(again, "secret")));
    json_decref(again);
    (void)snprintf(headers, sizeof headers, "%sIf-Match: \"7\"\r\n", cookies[ADMIN]);
    fake_set(HG_ECONFLICT, "");
    assert_int_equal(status_of("PATCH", CHANNEL, headers, "{\"enabled\":true}"), 412);
    assert_int_equal(status_of("DELETE", CHANNEL, headers, NULL), 412);
    assert_int_equal(status_of("DELETE", CHANNEL, cookies[ADMIN], NULL), 409);
}

static void test_system_and_plugins(void **state)
{
    (void)state;
    json_t *system = ask_json("GET", "/api/v1/system", cookies[ADMIN], NULL, 200);
    const json_t *database = json_object_get(system, "database");
    assert_string_equal(text_at(system, "version"), "1.2.3");
    assert_int_equal(json_integer_value(json_object_get(system, "pipelines")), 3);
    assert_string_equal(text_at(json_object_get(database, "metadata"), "status"), "ok");
    assert_string_equal(text_at(json_object_get(database, "warehouse"), "status"), "ok");
    assert_int_equal(strncmp(text_at(json_object_get(database, "metadata"), "version"), "15.", 3),
                     0);
    json_decref(system);
    json_t *plugins = ask_json("GET", "/api/v1/plugins", cookies[ADMIN], NULL, 200);
    assert_int_equal(json_array_size(json_object_get(plugins, "items")), 1);
    assert_true(json_is_null(json_object_get(plugins, "next_cursor")));
    json_decref(plugins);
}

static char *metrics_for(const char *headers)
{
    struct answer answer;
    ask("GET", "/metrics", headers, NULL, &answer);
    assert_int_equal(answer.status, 200);
    assert_int_equal(strncmp(answer_header(&answer, "Content-Type"), "text/plain", 10), 0);
    char *text = strdup(answer.body);
    answer_free(&answer);
    return text;
}

static void test_metrics(void **state)
{
    (void)state;
    char proxied[320];
    (void)snprintf(proxied, sizeof proxied, "X-Forwarded-For: 192.0.2.1\r\n%s", cookies[VIEWER]);
    HG_CLEANUP(hg_freep) char *text = metrics_for("");
    static const char *const lines[] = {
        "headgate_build_info{version=\"1.2.3\"} 1\n",
        "headgate_database_up{database=\"warehouse\"} 1\n",
        "headgate_database_oldest_transaction_seconds{database=\"metadata\"} 0\n",
        "fake_pipelines 1\n",
        "fake_alerts 1\n",
        "{method=\"POST\",route=\"/api/v1/auth/login\",status=\"200\"}",
    };
    for (size_t i = 0; i < HG_COUNT(lines); i++) {
        assert_non_null(strstr(text, lines[i]));
    }
    /* Who comes through a proxy is not known to be on this machine. */
    assert_int_equal(status_of("GET", "/metrics", "X-Forwarded-For: 127.0.0.1\r\n", NULL), 401);
    HG_CLEANUP(hg_freep) char *signed_in = metrics_for(proxied);
    assert_non_null(strstr(signed_in, "process_open_fds "));
    hg_test_pg_kill(pg);
    HG_CLEANUP(hg_freep) char *without = metrics_for("");
    assert_non_null(strstr(without, "headgate_database_up{database=\"metadata\"} 0\n"));
    assert_null(strstr(without, "oldest_transaction_seconds{"));
    assert_int_equal(hg_test_pg_resume(pg), 0);
}

static void test_ready_or_not(void **state)
{
    (void)state;
    assert_int_equal(status_of("GET", "/healthz", "", NULL), 200);
    assert_int_equal(status_of("GET", "/readyz", "", NULL), 200);
    hg_test_pg_kill(pg);
    struct answer answer;
    ask("GET", "/readyz", "", NULL, &answer);
    json_t *problem = answer_problem(&answer, 503);
    assert_string_equal(text_at(problem, "database"), "metadata");
    assert_non_null(strstr(text_at(problem, "detail"), "metadata database"));
    assert_non_null(answer_header(&answer, "Retry-After"));
    json_decref(problem);
    answer_free(&answer);
    assert_int_equal(status_of("GET", "/healthz", "", NULL), 200);
    assert_int_equal(status_of("GET", "/api/v1/auth/me", cookies[ADMIN], NULL), 503);
    assert_int_equal(hg_test_pg_resume(pg), 0);
    assert_int_equal(status_of("GET", "/readyz", "", NULL), 200);
    assert_int_equal(status_of("GET", "/api/v1/auth/me", cookies[ADMIN], NULL), 200);
}

static void test_what_is_not_there(void **state)
{
    (void)state;
    struct answer answer;
    assert_int_equal(status_of("GET", "/api/v1/no/such/thing", cookies[ADMIN], NULL), 404);
    ask("DELETE", INGESTION "/pipelines/p", cookies[ADMIN], NULL, &answer);
    json_decref(answer_problem(&answer, 405));
    assert_string_equal(answer_header(&answer, "Allow"), "GET, HEAD, PATCH, OPTIONS");
    answer_free(&answer);
}

#define TEST(function) cmocka_unit_test_setup(function, reset)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_signing_in_and_out),
        TEST(test_bad_log_ins),
        TEST(test_guessing_gets_429),
        TEST(test_the_cookie_is_secure_behind_https),
        TEST(test_the_role_matrix),
        TEST(test_a_write_from_another_origin),
        TEST(test_lists_pass_their_page_on),
        TEST(test_a_trigger),
        TEST(test_what_belongs_to_schedules),
        TEST(test_overrides_are_dropped_as_they_were_read),
        TEST(test_runs_are_stopped_and_tried_again),
        TEST(test_a_trigger_that_cannot_be),
        TEST(test_a_trigger_sent_twice_with_a_key),
        TEST(test_changing_a_pipeline),
        TEST(test_runs_and_logs),
        TEST(test_datasets_and_quarantine),
        TEST(test_exports),
        TEST(test_alert_channels),
        TEST(test_an_alert_channel_once),
        TEST(test_system_and_plugins),
        TEST(test_metrics),
        TEST(test_ready_or_not),
        TEST(test_what_is_not_there),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
