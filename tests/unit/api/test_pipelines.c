/* What is asked of pipelines, runs and datasets over HTTP, and what the services get. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
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
    };
    return cmocka_run_group_tests(tests, open_api, close_api);
}
