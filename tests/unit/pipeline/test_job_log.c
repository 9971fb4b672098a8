/*
 * Logs of jobs as those of runs: what is said in them of an attempt that a host that died or
 * stopped had, a run without any, what is too old.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/json.h"
#include "base/time.h"
#include "joblog/logfile_archive.h"
#include "joblog/logfile_read.h"
#include "joblog/logfile_write.h"
#include "joblog/state.h"
#include "pipeline/state.h"
#include "service_fixture.h"

#define OTHER_HOST "018f0000-0000-7000-8000-00000000000a"

enum { N_LINES = 3000 };

static char run_id[HG_UUID_TEXT];

static const char *path_of(const char *job, int attempt, const char *suffix)
{
    static char path[256];
    (void)snprintf(path,
                   sizeof path,
                   "%s/logs/%s/%s.%d.jsonl%s",
                   fixture.folder,
                   run_id,
                   job,
                   attempt,
                   suffix);
    return path;
}

static bool is_there(const char *job, int attempt, const char *suffix)
{
    return access(path_of(job, attempt, suffix), F_OK) == 0;
}

static bool is_sealed(const char *job, int attempt)
{
    struct stat info;
    return (stat(path_of(job, attempt, ""), &info) == 0 ||
            stat(path_of(job, attempt, ".gz"), &info) == 0) &&
           hg_logfile_is_sealed(info.st_mode);
}

/* A run of a good pipeline, whose log of "load" has one line. */
static void start_with_run(void)
{
    write_pipeline("good", FLOW("good", "numbers", "10", ""));
    start_service();
    HG_CLEANUP(hg_json_decrefp) json_t *run = run_to_end("good");
    assert_string_equal(text_at(run, "status"), "succeeded");
    (void)snprintf(run_id, sizeof run_id, "%s", text_at(run, "id"));
}

/* A log of an earlier life of the host that ended and was archived. */
static void leave_archive(int attempt)
{
    struct hg_error err = HG_ERROR_INIT;
    struct hg_logfile_writer writer;
    struct stat info;
    static const char line[] =
        "{\"at\":\"2026-01-01T00:00:00.000Z\",\"level\":\"info\",\"message\":\"x\"}\n";
    must(hg_logfile_writer_open(&writer, path_of("load", attempt, ""), &err), &err);
    for (int i = 0; i < N_LINES; i++) {
        must(hg_logfile_append(&writer, line, sizeof line - 1, &err), &err);
    }
    hg_logfile_writer_seal(&writer);
    hg_logfile_writer_close(&writer);
    must(hg_logfile_archive_make(path_of("load", attempt, ""), &info, &err), &err);
    must(hg_logfile_archive_place(path_of("load", attempt, ""), &info, &err), &err);
    assert_true(is_there("load", attempt, ".gz"));
}

/* The last attempt of the job, as the API knows it. */
static void set_attempt(int attempt)
{
    char text[128];
    (void)snprintf(text, sizeof text, "update job_run set attempt = %d", attempt);
    sql("metadata", text);
}

static json_t *page_of(const struct hg_job_log_query *query)
{
    struct hg_error err = HG_ERROR_INIT;
    json_t *page = NULL;
    must(hg_runs_job_log(fixture.service, run_id, "load", query, &page, &err), &err);
    return page;
}

static size_t n_items(const json_t *page)
{
    return json_array_size(json_object_get(page, "items"));
}

/* There is no folder for logs: the run is none the worse. */
static void test_a_run_without_a_log(void **state)
{
    struct hg_error err = HG_ERROR_INIT;
    char path[128];
    (void)state;
    (void)snprintf(path, sizeof path, "%s/logs", fixture.folder);
    must(hg_write_file(path, 0600, "", 0, &err), &err);
    write_pipeline("good", FLOW("good", "numbers", "10", ""));
    start_service();
    for (int i = 0; i < 3; i++) {
        HG_CLEANUP(hg_json_decrefp) json_t *run = run_to_end("good");
        assert_string_equal(text_at(run, "status"), "succeeded");
        (void)snprintf(run_id, sizeof run_id, "%s", text_at(run, "id"));
    }
    const struct hg_job_log_query query = {.limit = 10, .level = HG_LOG_DEBUG};
    json_t *page = NULL;
    must(hg_runs_job_log(fixture.service, run_id, "load", &query, &page, &err), &err);
    assert_int_equal(n_items(page), 0);
    json_decref(page);
    assert_true(
        hg_dispatch_logs(fixture.service->dispatch)->is_losing); /* that is said when it begins */
}

/* ---- what a host that died leaves ---- */

/* Owned by the caller. */
static char *last_message(const char *job, int attempt)
{
    HG_CLEANUP(hg_buf_free) struct hg_buf line = HG_BUF_INIT;
    assert_int_equal(hg_logfile_last_line(path_of(job, attempt, ""), &line, NULL), HG_OK);
    HG_CLEANUP(hg_json_decrefp) json_t *item = hg_json_read(hg_buf_text(&line), line.len, 0, NULL);
    return strdup(text_at(item, "message"));
}

static void wait_for_last(const char *job, int attempt, const char *message)
{
    int64_t until = hg_time_monotonic_ms() + WAIT_MS;
    for (;;) {
        HG_CLEANUP(hg_freep) char *last = last_message(job, attempt);
        if (strcmp(last, message) == 0) {
            return;
        }
        if (hg_time_monotonic_ms() >= until) {
            fail_msg("%s", last);
        }
        hg_time_pause_ms(5);
    }
}

/* A log as a host leaves it that dies in the middle of a line. */
static void leave_torn(int attempt, int n)
{
    struct hg_error err = HG_ERROR_INIT;
    struct hg_logfile_writer writer;
    static const char line[] =
        "{\"at\":\"2026-01-01T00:00:00.000Z\",\"level\":\"info\",\"message\":\"x\"}\n";
    must(hg_logfile_writer_open(&writer, path_of("load", attempt, ""), &err), &err);
    for (int i = 0; i < n; i++) {
        must(hg_logfile_append(&writer, line, sizeof line - 1, &err), &err);
    }
    must(hg_logfile_append(&writer, line, 20, &err), &err);
    hg_logfile_writer_close(&writer);
}

/* A task that the database says is run by `host`; nothing is claimed. */
static void add_running(const char *host, int attempt)
{
    char text[512];
    (void)snprintf(text,
                   sizeof text,
                   "insert into pause (paused_by) values ('admin') on conflict do nothing;"
                   " insert into task (id, run_id, pipeline_id, key, kind, state, host, fence,"
                   " attempt, spec) values (gen_random_uuid(), '%s', 'good', 'load', 'flow',"
                   " 'running', '%s', 1, %d, '{\"jobs\": [\"fetch\", \"load\"]}')",
                   run_id,
                   host,
                   attempt);
    sql("metadata", text);
}

/* The attempt had ended and its log was archived, but that was not written down yet. */
static void test_attempts_that_died_with_their_host(void **state)
{
    (void)state;
    start_with_run();
    stop_service();
    leave_archive(2);
    leave_torn(3, 3);
    add_running(fixture.host, 2);
    add_running(fixture.host, 3);
    add_running(fixture.host, 4);
    start_service();
    for (int attempt = 2; attempt <= 4; attempt++) {
        wait_for_last("load", attempt, HG_JOB_LOG_DEAD);
        wait_for_last("fetch", attempt, HG_JOB_LOG_DEAD);
    }
    set_attempt(3);
    const struct hg_job_log_query query = {.limit = 500, .attempt = 3, .level = HG_LOG_DEBUG};
    HG_CLEANUP(hg_json_decrefp) json_t *page = page_of(&query);
    assert_int_equal(n_items(page), 4); /* it is said once */
}

static void test_attempts_that_another_host_lost(void **state)
{
    (void)state;
    start_with_run();
    stop_service();
    add_running(OTHER_HOST, 2);
    assert_int_equal(setenv("HEADGATE_LEASE_MS", "500", 1), 0);
    start_service();
    wait_for_last("load",
                  2,
                  "this attempt was lost with the host " OTHER_HOST
                  " that ran it, which died, froze"
                  " or lost the database; what it said is in the log there");
    stop_service();
    assert_int_equal(unsetenv("HEADGATE_LEASE_MS"), 0);
}

/* The host stops in the middle: the attempt goes back, and its log says so. */
static void test_a_host_that_stops(void **state)
{
    (void)state;
    write_pipeline("slow", FLOW("slow", "hang-in-read", "10", ""));
    start_service();
    trigger("slow", run_id);
    metadata_reaches("select count(*) as n from task where state = 'running'", 1);
    hg_time_pause_ms(300); /* a worker has it */
    stop_service();
    assert_int_equal(metadata_number("select count(*) as n from task where state = 'ready'"), 1);
    bool said = false;
    static const char *const jobs[] = {"fetch", "load"};
    for (size_t i = 0; i < HG_COUNT(jobs); i++) {
        HG_CLEANUP(hg_freep) char *last = last_message(jobs[i], 1);
        said |= strstr(last, "the host was stopped before this attempt had ended") != NULL;
        assert_true(!is_there(jobs[i], 1, "") || is_sealed(jobs[i], 1));
    }
    assert_true(said);
}

/* ---- retention ---- */

static void test_archives_are_removed_with_their_time(void **state)
{
    static const char old_run[] = "01744c1c-f400-7000-8000-000000000001"; /* of 2020 */
    const struct timespec old[2] = {{1600000000, 0}, {1600000000, 0}};
    (void)state;
    (void)snprintf(run_id, sizeof run_id, "%s", old_run);
    leave_archive(1);
    assert_int_equal(utimensat(AT_FDCWD, path_of("load", 1, ".gz"), old, 0), 0);
    assert_int_equal(utimensat(AT_FDCWD, path_of("load", 1, ".gz.idx"), old, 0), 0);
    fixture.config.retention = json_pack("{s:i}", "logs_days", 30);
    start_service(); /* and with it the first look at what is too old */
    int64_t until = hg_time_monotonic_ms() + WAIT_MS;
    while (is_there("load", 1, ".gz") || is_there("load", 1, ".gz.idx")) {
        assert_true(hg_time_monotonic_ms() < until);
        hg_time_pause_ms(5);
    }
    stop_service();
    json_decref(fixture.config.retention);
    fixture.config.retention = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_run_without_a_log),
        TEST(test_attempts_that_died_with_their_host),
        TEST(test_attempts_that_another_host_lost),
        TEST(test_a_host_that_stops),
        TEST(test_archives_are_removed_with_their_time),
    };
    return cmocka_run_group_tests(tests, start_pg, stop_pg);
}
