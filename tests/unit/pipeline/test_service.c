/* The whole service: files, runs, workers, on a real PostgreSQL and with real plugins. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "service_fixture.h"

static void test_rows_land_and_all_is_told(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    write_pipeline("good", FLOW("good", "numbers", "1000", ""));
    start_service();
    HG_CLEANUP(hg_json_decrefp) json_t *run = run_to_end("good");
    assert_string_equal(text_at(run, "status"), "succeeded");
    assert_int_equal(json_integer_value(json_object_get(run, "rows_loaded")), 1000);
    assert_int_equal(json_integer_value(json_object_get(run, "rows_extracted")), 1000);
    assert_int_equal(json_array_size(json_object_get(run, "jobs")), 2);

    HG_CLEANUP(hg_json_decrefp) json_t *pipeline = NULL;
    must(hg_pipelines_get(fixture.service, "good", &pipeline, &err), &err);
    assert_string_equal(text_at(pipeline, "status"), "succeeded");
    assert_string_equal(text_at(json_object_get(pipeline, "last_run"), "id"), text_at(run, "id"));

    const struct hg_page page = {10, NULL};
    HG_CLEANUP(hg_json_decrefp) json_t *log = NULL;
    const struct hg_job_log_query query = {.limit = 10, .level = HG_LOG_DEBUG};
    must(hg_runs_job_log(fixture.service, text_at(run, "id"), "load", &query, &log, &err), &err);
    const json_t *line = json_array_get(json_object_get(log, "items"), 0);
    assert_string_equal(text_at(line, "message"), "1000 rows appended to m.t");

    HG_CLEANUP(hg_json_decrefp) json_t *datasets = NULL;
    must(hg_datasets_list(fixture.warehouse, &page, &datasets, &err), &err);
    const json_t *dataset = json_array_get(json_object_get(datasets, "items"), 0);
    assert_string_equal(text_at(dataset, "name"), "m.t");
    assert_int_equal(json_integer_value(json_object_get(dataset, "row_count")), 1000);
}

static void test_pages_of_rows_show_each_row_once(void **state)
{
    (void)state;
    static const char *const orders[] = {NULL, "number", "-number", "text", "-text"};
    struct hg_error err = HG_ERROR_INIT;
    write_pipeline("good", FLOW("good", "numbers", "50", ""));
    start_service();
    json_decref(run_to_end("good"));
    for (size_t i = 0; i < HG_COUNT(orders); i++) {
        HG_CLEANUP(hg_freep) char *cursor = NULL;
        bool seen[50] = {false};
        int n_seen = 0;
        do {
            HG_CLEANUP(hg_json_decrefp) json_t *rows = NULL;
            const struct hg_rows_query query = {.page = {7, cursor}, .order = orders[i]};
            must(hg_datasets_rows(fixture.warehouse, "m.t", &query, &rows, &err), &err);
            size_t k;
            json_t *row;
            json_array_foreach (json_object_get(rows, "rows"), k, row) {
                long number = strtol(json_string_value(json_array_get(row, 0)), NULL, 10);
                assert_false(seen[number]);
                seen[number] = true;
                n_seen++;
            }
            free(cursor);
            const char *next = json_string_value(json_object_get(rows, "next_cursor"));
            cursor = next ? strdup(next) : NULL;
        } while (cursor);
        assert_int_equal(n_seen, 50);
    }
    json_t *none = NULL;
    const struct hg_rows_query unknown = {.page = {7, NULL}, .order = "nope\"; drop table m.t; --"};
    assert_int_equal(hg_datasets_rows(fixture.warehouse, "m.t", &unknown, &none, &err), HG_EINVAL);
    const struct hg_rows_query plain = {.page = {7, NULL}};
    assert_int_equal(
        hg_datasets_rows(fixture.warehouse, "pg_catalog.pg_authid", &plain, &none, &err),
        HG_ENOTFOUND);
}

/* Each fails its own run and names plugin and cause; the next run of a good one goes through. */
static void test_plugins_that_misbehave(void **state)
{
    (void)state;
    write_pipeline("good", FLOW("good", "numbers", "10", ""));
    write_pipeline("crash", FLOW("crash", "crash-in-read", "10", ""));
    write_pipeline("hang", FLOW("hang", "hang-in-read", "10", "timeout: 300ms\n"));
    start_service();
    HG_CLEANUP(hg_json_decrefp) json_t *crashed = run_to_end("crash");
    assert_string_equal(text_at(crashed, "status"), "failed");
    assert_non_null(strstr(error_of(crashed), "plugin \"crash-in-read\""));
    HG_CLEANUP(hg_json_decrefp) json_t *hung = run_to_end("hang");
    assert_string_equal(text_at(hung, "status"), "failed");
    assert_non_null(strstr(error_of(hung), "timeout of 300 ms"));
    assert_string_equal(text_at(json_array_get(json_object_get(hung, "jobs"), 0), "status"),
                        "failed");
    HG_CLEANUP(hg_json_decrefp) json_t *good = run_to_end("good");
    assert_string_equal(text_at(good, "status"), "succeeded");
}

/* A rule that crashes fails the job it belongs to, and not the extract that feeds it. */
static void test_a_crash_fails_the_job_that_was_at_work(void **state)
{
    (void)state;
    write_pipeline("rule",
                   "id: rule\nretries: {max: 1, backoff: 10ms}\njobs:\n"
                   "  - {id: fetch, extract: {source: numbers, config: {n: 5}}}\n"
                   "  - {id: first, needs: [fetch], check: {rules: [{rule: always_good}]}}\n"
                   "  - {id: second, needs: [first], check: {rules: [{rule: always_good, crashes: "
                   "true}]}}\n"
                   "  - {id: load, needs: [second], load: {table: m.rule, mode: append}}\n");
    start_service();
    HG_CLEANUP(hg_json_decrefp) json_t *run = run_to_end("rule");
    static const char *const expected[][2] = {
        {"fetch", "cancelled"}, {"first", "cancelled"}, {"second", "failed"}, {"load", "skipped"}};
    assert_string_equal(text_at(run, "status"), "failed");
    assert_non_null(strstr(error_of(run), "plugin \"always_good\""));
    assert_string_equal(text_at(json_object_get(run, "error"), "job"), "second");
    for (size_t i = 0; i < HG_COUNT(expected); i++) {
        const json_t *job = json_array_get(json_object_get(run, "jobs"), i);
        assert_string_equal(text_at(job, "id"), expected[i][0]);
        assert_string_equal(text_at(job, "status"), expected[i][1]);
        /* The others say which one they ended with. */
        assert_non_null(strstr(text_at(json_object_get(job, "error"), "message"),
                               i == 2 ? "always_good" : "the job \"second\""));
    }
}

static void test_a_second_run_is_refused(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    char run_id[HG_UUID_TEXT];
    char busy[HG_UUID_TEXT] = "";
    json_t *answer = NULL;
    write_pipeline("hang", FLOW("hang", "hang-in-read", "10", "timeout: 1s\n"));
    start_service();
    trigger("hang", run_id);
    assert_int_equal(hg_pipelines_trigger(fixture.service, NULL, "hang", NULL, &answer, busy, &err),
                     HG_ECONFLICT);
    assert_string_equal(busy, run_id);
    json_decref(run_ended(run_id));
}

static void test_retries_are_counted_and_end(void **state)
{
    (void)state;
    write_pipeline("crash",
                   FLOW("crash", "crash-in-read", "10", "retries: {max: 2, backoff: 10ms}\n"));
    start_service();
    HG_CLEANUP(hg_json_decrefp) json_t *run = run_to_end("crash");
    assert_string_equal(text_at(run, "status"), "failed");
    assert_int_equal(json_integer_value(json_object_get(run, "retry_count")), 2);
    const json_t *job = json_array_get(json_object_get(run, "jobs"), 0);
    assert_int_equal(json_integer_value(json_object_get(job, "attempt")), 3);
    assert_int_equal(json_integer_value(json_object_get(job, "max_attempts")), 3);
}

static void test_what_needs_a_failed_task_is_skipped(void **state)
{
    (void)state;
    write_pipeline(
        "part",
        "id: part\njobs:\n"
        "  - {id: bad, extract: {source: crash-in-read, config: {n: 5}}}\n"
        "  - {id: load-bad, needs: [bad], load: {table: m.bad, mode: append}}\n"
        "  - {id: good, extract: {source: numbers, config: {n: 5}}}\n"
        "  - {id: load-good, needs: [good], load: {table: m.good, mode: append}}\n"
        "  - {id: later, needs: [load-bad], extract: {source: numbers, config: {n: 5}}}\n"
        "  - {id: load-later, needs: [later], load: {table: m.later, mode: append}}\n");
    start_service();
    HG_CLEANUP(hg_json_decrefp) json_t *run = run_to_end("part");
    assert_string_equal(text_at(run, "status"), "failed");
    static const struct {
        const char *job;
        const char *status;
    } expected[] = {
        {"bad", "failed"},
        {"load-bad", "skipped"},
        {"good", "succeeded"},
        {"load-good", "succeeded"},
        {"later", "skipped"},
        {"load-later", "skipped"},
    };
    for (size_t i = 0; i < HG_COUNT(expected); i++) {
        const json_t *job = json_array_get(json_object_get(run, "jobs"), i);
        assert_string_equal(text_at(job, "id"), expected[i].job);
        assert_string_equal(text_at(job, "status"), expected[i].status);
        /* What was skipped never began, whether within a task or with it. */
        int began = strcmp(expected[i].status, "skipped") != 0;
        assert_int_equal(!json_is_null(json_object_get(job, "started_at")), began);
        assert_int_equal(!json_is_null(json_object_get(job, "finished_at")), began);
    }
}

/* A host that stops in the middle of a run takes it up when it starts again, and it lands once. */
static void test_a_stop_in_mid_run(void **state)
{
    (void)state;
    char run_id[HG_UUID_TEXT];
    write_pipeline("many", FLOW("many", "numbers", "3000000", ""));
    start_service();
    trigger("many", run_id);
    struct hg_error err = HG_ERROR_INIT;
    for (;;) {
        HG_CLEANUP(hg_json_decrefp) json_t *run = NULL;
        must(hg_runs_get(fixture.service, run_id, &run, &err), &err);
        if (strcmp(text_at(run, "status"), "queued") != 0) {
            break;
        }
    }
    hg_pipelines_stop(fixture.service, 0);
    fixture.service = NULL;
    start_service();
    HG_CLEANUP(hg_json_decrefp) json_t *run = run_ended(run_id);
    assert_string_equal(text_at(run, "status"), "succeeded");
    const struct hg_page page = {10, NULL};
    HG_CLEANUP(hg_json_decrefp) json_t *datasets = NULL;
    must(hg_datasets_list(fixture.warehouse, &page, &datasets, &err), &err);
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    must(hg_pool_borrow(fixture.warehouse, 1000, &db, &err), &err);
    must(hg_db_simple(db,
                      "set role headgate_user; select count(*) as n, count(distinct number) as d"
                      " from m.t",
                      &result,
                      &err),
         &err);
    assert_int_equal(hg_result_int64(result, 0, "n", -1), 3000000);
    assert_int_equal(hg_result_int64(result, 0, "d", -1), 3000000);
}

static void test_files_come_break_and_go(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    json_t *answer = NULL;
    write_pipeline("good", FLOW("good", "numbers", "10", "schedule: \"0 3 * * *\"\n"));
    start_service();
    {
        HG_CLEANUP(hg_json_decrefp) json_t *pipeline = NULL;
        must(hg_pipelines_get(fixture.service, "good", &pipeline, &err), &err);
        assert_string_equal(text_at(pipeline, "status"), "idle");
        assert_int_equal(json_integer_value(json_object_get(pipeline, "version")), 1);
        assert_non_null(strstr(text_at(pipeline, "next_run_at"), "T03:00:00.000Z"));
    }
    write_pipeline("good", "id: good\njbos: []\n");
    must(hg_pipelines_reload(fixture.service, &err), &err);
    {
        HG_CLEANUP(hg_json_decrefp) json_t *pipeline = NULL;
        must(hg_pipelines_get(fixture.service, "good", &pipeline, &err), &err);
        assert_true(json_array_size(json_object_get(pipeline, "errors")) > 0);
        assert_int_equal(json_array_size(json_object_get(pipeline, "jobs")), 2);
        assert_true(json_is_null(json_object_get(pipeline, "next_run_at")));
    }
    assert_int_equal(hg_pipelines_trigger(fixture.service, NULL, "good", NULL, &answer, NULL, &err),
                     HG_EINVAL);
    write_pipeline("good", FLOW("good", "numbers", "11", ""));
    must(hg_pipelines_reload(fixture.service, &err), &err);
    {
        HG_CLEANUP(hg_json_decrefp) json_t *pipeline = NULL;
        must(hg_pipelines_get(fixture.service, "good", &pipeline, &err), &err);
        assert_int_equal(json_array_size(json_object_get(pipeline, "errors")), 0);
        assert_int_equal(json_integer_value(json_object_get(pipeline, "version")), 2);
    }
    fixture.config.pipeline_files = fixture.files + fixture.n_files;
    must(hg_pipelines_reload(fixture.service, &err), &err);
    {
        HG_CLEANUP(hg_json_decrefp) json_t *pipeline = NULL;
        must(hg_pipelines_get(fixture.service, "good", &pipeline, &err), &err);
        assert_string_equal(text_at(pipeline, "status"), "paused");
    }
}

/* A broken file whose name sorts before a good one's and that has the same id. */
static void test_a_broken_file_takes_no_id(void **state)
{
    (void)state;
    write_pipeline("aaa", "id: good\nname: [broken\n");
    write_pipeline("good", FLOW("good", "numbers", "10", ""));
    start_service();
    HG_CLEANUP(hg_json_decrefp) json_t *run = run_to_end("good");
    assert_string_equal(text_at(run, "status"), "succeeded");
}

static void test_settings(void **state)
{
    (void)state;
    static const struct {
        const char *patch;
        const char *pointer; /* NULL: it is right */
    } cases[] = {
        {"{\"parallelism\": 64, \"retries\": 20, \"timezone\": \"Europe/Berlin\"}", NULL},
        {"{\"schedule\": null, \"enabled\": true}", NULL},
        {"{\"parallelism\": 0}", "/parallelism"},
        {"{\"parallelism\": 65}", "/parallelism"},
        {"{\"retries\": 21}", "/retries"},
        {"{\"retries\": \"3\"}", "/retries"},
        {"{\"schedule\": \"61 * * * *\"}", "/schedule"},
        {"{\"timezone\": \"Mars/Base\"}", "/timezone"},
        {"{\"enabled\": 1}", "/enabled"},
        {"{\"paralellism\": 1}", "/paralellism"},
    };
    write_pipeline("good", FLOW("good", "numbers", "10", ""));
    start_service();
    for (size_t i = 0; i < HG_COUNT(cases); i++) {
        struct hg_error err = HG_ERROR_INIT;
        HG_CLEANUP(hg_json_decrefp) json_t *patch = json_loads(cases[i].patch, 0, NULL);
        HG_CLEANUP(hg_json_decrefp) json_t *answer = NULL;
        int r = hg_pipelines_update(fixture.service, NULL, "good", patch, &answer, &err);
        assert_int_equal(r, cases[i].pointer ? HG_EINVAL : HG_OK);
        assert_string_equal(err.pointer, cases[i].pointer ? cases[i].pointer : "");
    }
}

/* A worker that is killed from outside ends its attempt; the retry lands the rows once. */
static void test_a_killed_worker(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    char run_id[HG_UUID_TEXT];
    write_pipeline("many",
                   FLOW("many", "numbers", "2000000", "retries: {max: 3, backoff: 10ms}\n"));
    start_service();
    trigger("many", run_id);
    bool killed = false;
    while (!killed) {
        HG_CLEANUP(hg_json_decrefp) json_t *status = NULL;
        must(hg_pipelines_status(fixture.service, &status, &err), &err);
        size_t i;
        json_t *worker;
        json_array_foreach (json_object_get(status, "workers"), i, worker) {
            pid_t pid = (pid_t)json_integer_value(json_object_get(worker, "pid"));
            if (!killed && pid > 0 && strcmp(text_at(worker, "state"), "busy") == 0) {
                killed = kill(pid, SIGKILL) == 0;
            }
        }
    }
    HG_CLEANUP(hg_json_decrefp) json_t *run = run_ended(run_id);
    assert_string_equal(text_at(run, "status"), "succeeded");
    /* Killed before the task was sent to it, a worker costs no attempt. */
    assert_in_range(json_integer_value(json_object_get(run, "retry_count")), 0, 1);
    assert_int_equal(json_integer_value(json_object_get(run, "rows_loaded")), 2000000);
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    must(hg_pool_borrow(fixture.warehouse, 1000, &db, &err), &err);
    must(hg_db_simple(db, "set role headgate_user; select count(*) as n from m.t", &result, &err),
         &err);
    assert_int_equal(hg_result_int64(result, 0, "n", -1), 2000000);
}

static void test_the_database_goes_away(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    json_t *answer = NULL;
    write_pipeline("good", FLOW("good", "numbers", "10", "retries: {max: 3, backoff: 10ms}\n"));
    start_service();
    json_decref(run_to_end("good"));
    hg_test_pg_kill(pg);
    assert_int_equal(hg_pipelines_get(fixture.service, "good", &answer, &err), HG_EUNAVAILABLE);
    assert_int_equal(hg_test_pg_resume(pg), 0);
    HG_CLEANUP(hg_json_decrefp) json_t *run = run_to_end("good");
    assert_string_equal(text_at(run, "status"), "succeeded");
}

/* As docs/pipelines.md says how all is read again. */
static void test_a_source_is_read_from_its_beginning_again(void **state)
{
    (void)state;
    static const int64_t expected[] = {10, 10, 20};
    write_pipeline("p", FLOW("p", "numbers", "10", ""));
    start_service();
    for (size_t i = 0; i < HG_COUNT(expected); i++) {
        if (i == 2) {
            sql("warehouse", "delete from headgate.cursor where pipeline_id = 'p'");
        }
        json_decref(run_to_end("p"));
        assert_int_equal(warehouse_number("select count(*) as n from m.t"), expected[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_rows_land_and_all_is_told),
        TEST(test_pages_of_rows_show_each_row_once),
        TEST(test_plugins_that_misbehave),
        TEST(test_a_crash_fails_the_job_that_was_at_work),
        TEST(test_a_second_run_is_refused),
        TEST(test_retries_are_counted_and_end),
        TEST(test_what_needs_a_failed_task_is_skipped),
        TEST(test_a_stop_in_mid_run),
        TEST(test_a_killed_worker),
        TEST(test_files_come_break_and_go),
        TEST(test_a_broken_file_takes_no_id),
        TEST(test_settings),
        TEST(test_the_database_goes_away),
        TEST(test_a_source_is_read_from_its_beginning_again),
    };
    return cmocka_run_group_tests(tests, start_pg, stop_pg);
}
