/* Backfills, the pause, overrides and versions, on a whole service. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/principal.h"
#include "base/time.h"
#include "pipeline/pause.h"
#include "service_fixture.h"

#define DAILY "schedule: \"0 3 * * *\"\n"

static const struct hg_principal a_test = {.kind = HG_PRINCIPAL_LOCAL, .username = "a test"};
static const struct hg_principal another = {.kind = HG_PRINCIPAL_LOCAL, .username = "another"};

static int ask(const char *pipeline, const char *body_text, json_t **ret, struct hg_error *err)
{
    HG_CLEANUP(hg_json_decrefp) json_t *body = json_loads(body_text, 0, NULL);
    assert_non_null(body);
    return hg_backfills_create(fixture.service, NULL, pipeline, body, ret, err);
}

static json_t *backfill_ended(const char *pipeline, const char *id)
{
    int64_t until = hg_time_monotonic_ms() + WAIT_MS;
    for (;;) {
        struct hg_error err = HG_ERROR_INIT;
        json_t *backfill = NULL;
        must(hg_backfills_get(fixture.service, pipeline, id, &backfill, &err), &err);
        if (strcmp(text_at(backfill, "status"), "running") != 0 || hg_time_monotonic_ms() > until) {
            return backfill;
        }
        json_decref(backfill);
    }
}

static void test_a_window_runs_in_its_order(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_json_decrefp) json_t *made = NULL;
    write_pipeline("good", FLOW("good", "numbers", "10", DAILY));
    start_service();
    /* The last day is not included. */
    must(ask("good",
             "{\"from\": \"2026-03-01T03:00:00Z\", \"to\": \"2026-03-05T03:00:00Z\"}",
             &made,
             &err),
         &err);
    assert_int_equal(json_integer_value(json_object_get(made, "runs")), 4);
    assert_string_equal(text_at(made, "first_time"), "2026-03-01T03:00:00.000Z");
    assert_string_equal(text_at(made, "last_time"), "2026-03-04T03:00:00.000Z");
    HG_CLEANUP(hg_json_decrefp) json_t *ended = backfill_ended("good", text_at(made, "id"));
    assert_string_equal(text_at(ended, "status"), "succeeded");
    assert_int_equal(json_integer_value(json_object_get(ended, "runs_made")), 4);
    assert_int_equal(json_integer_value(json_object_get(ended, "runs_succeeded")), 4);
    assert_int_equal(metadata_number("select count(*) as n from run where trigger = 'backfill' and"
                                     " interval_start = scheduled_for - interval '1 day'"),
                     4);
    assert_int_equal(metadata_number("select count(*) as n from run a join run b on b.id > a.id and"
                                     " (b.started_at < a.finished_at or b.scheduled_for <"
                                     " a.scheduled_for)"),
                     0);
    /* They are none of the schedule's. */
    assert_int_equal(metadata_number("select count(*) as n from schedule_tick"), 0);
    HG_CLEANUP(hg_json_decrefp) json_t *list = NULL;
    const struct hg_page page = {.limit = 10};
    must(hg_backfills_list(fixture.service, "good", &page, &list, &err), &err);
    assert_int_equal(json_array_size(json_object_get(list, "items")), 1);
}

/* Its lane is its own: what else the pipeline does goes on. */
static void test_it_has_a_lane_of_its_own_and_is_cancelled(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    static const char window[] =
        "{\"from\": \"2026-03-01T00:00:00Z\", \"to\": \"2026-03-05T00:00:00Z\"}";
    HG_CLEANUP(hg_json_decrefp) json_t *made = NULL;
    json_t *second = NULL;
    char run_id[HG_UUID_TEXT];
    write_pipeline("hang", FLOW("hang", "hang-in-read", "10", DAILY));
    start_service();
    must(ask("hang", window, &made, &err), &err);
    metadata_reaches("select count(*) as n from run_slot where slot = 2", 1);
    trigger("hang", run_id);
    assert_int_equal(metadata_number("select count(*) as n from run_slot"), 2);
    assert_int_equal(ask("hang", window, &second, &err), HG_ECONFLICT);
    assert_non_null(strstr(err.message, text_at(made, "id")));
    HG_CLEANUP(hg_json_decrefp) json_t *cancelled = NULL;
    must(hg_backfills_cancel(fixture.service, NULL, "hang", text_at(made, "id"), &cancelled, &err),
         &err);
    assert_string_equal(text_at(cancelled, "status"), "cancelled");
    metadata_reaches("select count(*) as n from run where trigger = 'backfill' and status ="
                     " 'cancelled'",
                     1);
    assert_int_equal(metadata_number("select count(*) as n from run where trigger = 'backfill'"),
                     1);
    assert_int_equal(metadata_number("select count(*) as n from run_slot where slot = 0"), 1);
    assert_int_equal(
        hg_backfills_cancel(fixture.service, NULL, "hang", text_at(made, "id"), &second, &err),
        HG_ECONFLICT);
}

static void test_what_is_asked_for_must_make_sense(void **state)
{
    (void)state;
    static const struct {
        const char *pipeline;
        const char *body;
        int code;
        const char *pointer;
        const char *said;
    } cases[] = {
        {"nobody",
         "{\"from\": \"2026-03-01T00:00:00Z\", \"to\": \"2026-03-05T00:00:00Z\"}",
         HG_ENOTFOUND,
         "",
         "no pipeline"},
        {"good", "{}", HG_EINVAL, "/from", "found none"},
        {"good",
         "{\"from\": \"2026-03-01\", \"to\": \"2026-03-05T00:00:00Z\"}",
         HG_EINVAL,
         "/from",
         "found \"2026-03-01\""},
        {"good",
         "{\"from\": \"2026-03-01T00:00:00Z\", \"to\": 5}",
         HG_EINVAL,
         "/to",
         "to is a time"},
        {"good",
         "{\"from\": \"2026-03-01T00:00:00Z\", \"to\": \"2026-03-01T00:00:00Z\"}",
         HG_EINVAL,
         "/to",
         "empty"},
        {"good",
         "{\"from\": \"2026-03-01T00:00:00Z\", \"to\": \"2199-01-01T00:00:00Z\"}",
         HG_EINVAL,
         "/to",
         "future"},
        {"good",
         "{\"from\": \"2022-03-01T00:00:00Z\", \"to\": \"2026-03-01T00:00:00Z\"}",
         HG_EINVAL,
         "/to",
         "more than 1000"},
        {"good",
         "{\"from\": \"2026-03-01T04:00:00Z\", \"to\": \"2026-03-02T03:00:00Z\"}",
         HG_EINVAL,
         "/from",
         "no time of the schedule"},
        {"good",
         "{\"from\": \"2026-03-01T00:00:00Z\", \"to\": \"2026-03-02T00:00:00Z\","
         " \"params\": {\"a\": 1}}",
         HG_EINVAL,
         "/params/a",
         "do not fit"},
        {"manual",
         "{\"from\": \"2026-03-01T00:00:00Z\", \"to\": \"2026-03-02T00:00:00Z\"}",
         HG_EINVAL,
         "",
         "has no schedule"},
    };
    write_pipeline("good", FLOW("good", "numbers", "10", DAILY));
    write_pipeline("manual", FLOW("manual", "numbers", "10", ""));
    start_service();
    for (size_t i = 0; i < HG_COUNT(cases); i++) {
        struct hg_error err = HG_ERROR_INIT;
        json_t *made = NULL;
        assert_int_equal(ask(cases[i].pipeline, cases[i].body, &made, &err), cases[i].code);
        assert_null(made);
        assert_string_equal(err.pointer, cases[i].pointer);
        if (!strstr(err.message, cases[i].said)) {
            fail_msg("%s: %s", cases[i].body, err.message);
        }
    }
    assert_int_equal(metadata_number("select count(*) as n from backfill"), 0);
}

/* The file breaks while a backfill is under way: it ends and says why. */
static void test_it_ends_when_the_pipeline_cannot_run(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_json_decrefp) json_t *made = NULL;
    write_pipeline("good", FLOW("good", "numbers", "10", DAILY));
    start_service();
    must(hg_pipelines_pause(fixture.service, &a_test, true, &err), &err);
    must(ask("good",
             "{\"from\": \"2026-03-01T00:00:00Z\", \"to\": \"2026-03-09T00:00:00Z\"}",
             &made,
             &err),
         &err);
    sql("metadata", "update pipeline set errors = '[{\"message\": \"broken\"}]'");
    must(hg_pipelines_pause(fixture.service, &a_test, false, &err), &err);
    HG_CLEANUP(hg_json_decrefp) json_t *ended = backfill_ended("good", text_at(made, "id"));
    assert_string_equal(text_at(ended, "status"), "failed");
    assert_non_null(strstr(text_at(json_object_get(ended, "error"), "message"), "broken"));
}

/* A pause outlives the host; what is asked for meanwhile waits, what comes due is missed. */
static void test_nothing_new_begins_in_a_pause(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    char run_id[HG_UUID_TEXT];
    write_pipeline("good", FLOW("good", "numbers", "10", DAILY));
    start_service();
    must(hg_pipelines_pause(fixture.service, &a_test, true, &err), &err);
    must(hg_pipelines_pause(fixture.service, &another, true, &err), &err);
    stop_service();
    start_service();
    HG_CLEANUP(hg_json_decrefp) json_t *status = NULL;
    must(hg_pipelines_status(fixture.service, &status, &err), &err);
    assert_true(json_is_true(json_object_get(status, "paused")));
    assert_string_not_equal(text_at(status, "paused_at"), "");
    assert_int_equal(hg_pipelines_check_not_paused(fixture.service, &err), HG_ECONFLICT);
    assert_non_null(strstr(err.message, "by a test"));
    sql("metadata", "update pipeline set next_run_at = now()");
    trigger("good", run_id);
    HG_CLEANUP(hg_json_decrefp) json_t *waits = NULL;
    must(hg_runs_wait(fixture.service, run_id, 1500, &waits, &err), &err);
    assert_string_equal(text_at(waits, "status"), "queued");
    assert_int_equal(metadata_number("select count(*) as n from run"), 1);
    must(hg_pipelines_pause(fixture.service, &a_test, false, &err), &err);
    HG_CLEANUP(hg_json_decrefp) json_t *run = run_ended(run_id);
    assert_string_equal(text_at(run, "status"), "succeeded");
    metadata_reaches("select count(*) as n from pipeline where next_run_at > now()", 1);
    metadata_reaches("select count(*) as n from run", 2);
    assert_int_equal(hg_pipelines_check_not_paused(fixture.service, &err), HG_OK);
}

static void test_a_pipeline_is_paused_without_a_host(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    write_pipeline("good", FLOW("good", "numbers", "10", DAILY));
    start_service();
    stop_service();
    must(hg_pause_set_pipeline(fixture.metadata, NULL, "good", true, &err), &err);
    assert_int_equal(hg_pause_set_pipeline(fixture.metadata, NULL, "nobody", true, &err),
                     HG_ENOTFOUND);
    start_service();
    HG_CLEANUP(hg_json_decrefp) json_t *paused = NULL;
    must(hg_pipelines_get(fixture.service, "good", &paused, &err), &err);
    assert_string_equal(text_at(paused, "status"), "paused");
    assert_true(json_is_null(json_object_get(paused, "next_run_at")));
}

static void test_overrides_go_back_to_the_file(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_json_decrefp)
    json_t *patch = json_loads("{\"schedule\": \"@yearly\", \"timezone\": \"Asia/Tokyo\", "
                               "\"retries\": 3, \"enabled\": false}",
                               0,
                               NULL);
    HG_CLEANUP(hg_json_decrefp) json_t *changed = NULL;
    HG_CLEANUP(hg_json_decrefp) json_t *reset = NULL;
    json_t *none = NULL;
    write_pipeline("good", FLOW("good", "numbers", "10", DAILY));
    start_service();
    must(hg_pipelines_update(fixture.service, NULL, "good", patch, &changed, &err), &err);
    assert_int_equal(json_object_size(json_object_get(changed, "overrides")), 4);
    assert_string_equal(text_at(changed, "schedule"), "@yearly");
    assert_string_equal(text_at(json_object_get(changed, "file_settings"), "schedule"),
                        "0 3 * * *");
    assert_string_equal(text_at(json_object_get(changed, "file_settings"), "timezone"), "UTC");
    must(hg_pipelines_reset(fixture.service, NULL, "good", &reset, &err), &err);
    assert_int_equal(json_object_size(json_object_get(reset, "overrides")), 0);
    assert_string_equal(text_at(reset, "schedule"), "0 3 * * *");
    assert_true(json_is_true(json_object_get(reset, "enabled")));
    assert_non_null(strstr(text_at(reset, "next_run_at"), "T03:00:00.000Z"));
    assert_int_equal(hg_pipelines_reset(fixture.service, NULL, "nobody", &none, &err),
                     HG_ENOTFOUND);
    HG_CLEANUP(hg_json_decrefp)
    json_t *moon = json_loads("{\"timezone\": \"Moon/Tycho\"}", 0, NULL);
    assert_int_equal(hg_pipelines_update(fixture.service, NULL, "good", moon, &none, &err),
                     HG_EINVAL);
    assert_string_equal(err.pointer, "/timezone");
}

static void test_each_change_of_a_file_is_a_version(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    const struct hg_page page = {.limit = 1};
    HG_CLEANUP(hg_json_decrefp) json_t *newest = NULL;
    HG_CLEANUP(hg_json_decrefp) json_t *older = NULL;
    HG_CLEANUP(hg_json_decrefp) json_t *first = NULL;
    json_t *none = NULL;
    write_pipeline("good", FLOW("good", "numbers", "10", DAILY));
    start_service();
    free(fixture.files[--fixture.n_files]); /* the same file is written once more */
    write_pipeline("good", FLOW("good", "numbers", "11", DAILY));
    reload();
    must(hg_versions_list(fixture.service, "good", &page, &newest, &err), &err);
    const json_t *item = json_array_get(json_object_get(newest, "items"), 0);
    assert_int_equal(json_integer_value(json_object_get(item, "version")), 2);
    assert_true(json_is_true(json_object_get(item, "is_current")));
    const struct hg_page behind = {.limit = 1, .cursor = text_at(newest, "next_cursor")};
    must(hg_versions_list(fixture.service, "good", &behind, &older, &err), &err);
    item = json_array_get(json_object_get(older, "items"), 0);
    assert_int_equal(json_integer_value(json_object_get(item, "version")), 1);
    assert_false(json_is_true(json_object_get(item, "is_current")));
    must(hg_versions_get(fixture.service, "good", "1", &first, &err), &err);
    assert_string_equal(text_at(json_object_get(first, "definition"), "id"), "good");
    static const char *const no_versions[] = {"3", "0", "-1", "x", "99999999999999999999"};
    for (size_t i = 0; i < HG_COUNT(no_versions); i++) {
        assert_int_equal(hg_versions_get(fixture.service, "good", no_versions[i], &none, &err),
                         HG_ENOTFOUND);
    }
    assert_int_equal(hg_versions_list(fixture.service, "nobody", &page, &none, &err), HG_ENOTFOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_window_runs_in_its_order),
        TEST(test_it_has_a_lane_of_its_own_and_is_cancelled),
        TEST(test_what_is_asked_for_must_make_sense),
        TEST(test_it_ends_when_the_pipeline_cannot_run),
        TEST(test_nothing_new_begins_in_a_pause),
        TEST(test_a_pipeline_is_paused_without_a_host),
        TEST(test_overrides_go_back_to_the_file),
        TEST(test_each_change_of_a_file_is_a_version),
    };
    return cmocka_run_group_tests(tests, start_pg, stop_pg);
}
