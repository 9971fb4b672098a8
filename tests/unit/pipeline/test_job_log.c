/*
 * Logs of jobs as the service keeps them: pages of them, their end and their archive, what a host
 * that died leaves behind, what is told where lines are missing.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/json.h"
#include "base/time.h"
#include "pipeline/job_log.h"
#include "pipeline/job_log_archiver.h"
#include "pipeline/logfile_archive.h"
#include "pipeline/logfile_read.h"
#include "pipeline/logfile_write.h"
#include "pipeline/state.h"
#include "service_fixture.h"

#define OTHER_HOST "018f0000-0000-7000-8000-00000000000a"

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

static void wait_until_archived(const char *job, int attempt)
{
    int64_t until = hg_time_monotonic_ms() + WAIT_MS;
    while (!is_there(job, attempt, ".gz") || is_there(job, attempt, "")) {
        assert_true(hg_time_monotonic_ms() < until);
        hg_time_pause_ms(5);
    }
}

static bool archiver_waits(void)
{
    const struct hg_job_logs *logs = &fixture.service->logs;
    HG_LOCK(&fixture.service->logs.mutex);
    return !logs->sweeps && !logs->at_work && logs->n_queued == 0;
}

/* Else it takes what a test writes, and no attempt does, for what an earlier life left behind. */
static void wait_for_archiver(void)
{
    int64_t until = hg_time_monotonic_ms() + WAIT_MS;
    while (!archiver_waits()) {
        assert_true(hg_time_monotonic_ms() < until);
        hg_time_pause_ms(1);
    }
}

/* A run of a good pipeline, whose log of "load" has one line. */
static void start_with_run(void)
{
    write_pipeline("good", FLOW("good", "numbers", "10", ""));
    start_service();
    HG_CLEANUP(hg_json_decrefp) json_t *run = run_to_end("good");
    assert_string_equal(text_at(run, "status"), "succeeded");
    (void)snprintf(run_id, sizeof run_id, "%s", text_at(run, "id"));
    wait_for_archiver();
}

static int level_of(int i)
{
    return i % 1000 == 0 ? HG_LOG_ERROR : i % 100 == 0 ? HG_LOG_WARNING : HG_LOG_INFO;
}

static void say(int attempt, int from, int to)
{
    for (int i = from; i < to; i++) {
        char text[64];
        (void)snprintf(text, sizeof text, "line %d of attempt %d, and so on", i, attempt);
        hg_job_log_append(
            fixture.service, run_id, "load", attempt, level_of(i), hg_time_now_us(), text);
    }
}

static void end_attempt(int attempt)
{
    struct hg_queue_task task = {.attempt = attempt};
    HG_CLEANUP(hg_json_decrefp) json_t *spec = json_pack("{s:[s, s]}", "jobs", "fetch", "load");
    (void)snprintf(task.run_id, sizeof task.run_id, "%s", run_id);
    task.spec = spec;
    hg_job_log_end(fixture.service, &task);
}

/* The last attempt of the job, as the API knows it. */
static void set_attempt(int attempt)
{
    char text[128];
    (void)snprintf(text, sizeof text, "update job_run set attempt = %d", attempt);
    sql("metadata", text);
}

static json_t *page_of(const struct hg_log_query *query)
{
    struct hg_error err = HG_ERROR_INIT;
    json_t *page = NULL;
    must(hg_runs_job_log(fixture.service, run_id, "load", query, &page, &err), &err);
    return page;
}

static const char *message_at(const json_t *page, size_t i)
{
    return text_at(json_array_get(json_object_get(page, "items"), i), "message");
}

static size_t n_items(const json_t *page)
{
    return json_array_size(json_object_get(page, "items"));
}

/* All pages of a question, one behind the other; with `tail` the earlier ones in front. */
static json_t *all_pages(struct hg_log_query query)
{
    HG_CLEANUP(hg_freep) char *cursor = NULL;
    json_t *all = json_array();
    do {
        query.page.cursor = cursor;
        HG_CLEANUP(hg_json_decrefp) json_t *page = page_of(&query);
        json_t *items = json_incref(json_object_get(page, "items"));
        assert_true(json_array_size(items) <= (size_t)query.page.limit);
        (void)(query.tail ? json_array_extend(items, all) : json_array_extend(all, items));
        if (query.tail) {
            json_decref(all);
            all = items;
        } else {
            json_decref(items);
        }
        free(cursor);
        const char *next = json_string_value(json_object_get(page, "next_cursor"));
        cursor = next ? strdup(next) : NULL;
    } while (cursor);
    return all;
}

/* The lines 0 to n of an attempt that are as bad as `level`, once each and in their order. */
static size_t assert_lines(const json_t *all, size_t at, int attempt, int n, int level)
{
    for (int i = 0; i < n; i++) {
        char text[64];
        (void)snprintf(text, sizeof text, "line %d of attempt %d, and so on", i, attempt);
        if (level_of(i) >= level) {
            const json_t *item = json_array_get(all, at++);
            assert_string_equal(text_at(item, "message"), text);
            assert_int_equal(json_integer_value(json_object_get(item, "attempt")), attempt);
        }
    }
    return at;
}

enum { N_LINES = 3000 };

/* Attempts 2 and 3, of which the second still grows. */
static void assert_all_pages(void)
{
    static const int levels[] = {HG_LOG_DEBUG, HG_LOG_WARNING, HG_LOG_ERROR};
    for (size_t i = 0; i < HG_COUNT(levels); i++) {
        for (int tail = 0; tail < 2; tail++) {
            for (int attempt = 0; attempt < 4; attempt += 3) {
                const struct hg_log_query query = {
                    .page = {177, NULL}, .attempt = attempt, .level = levels[i], .tail = tail == 1};
                HG_CLEANUP(hg_json_decrefp) json_t *all = all_pages(query);
                size_t at = attempt == 0 && levels[i] == HG_LOG_DEBUG ? 1 : 0; /* of attempt 1 */
                at = attempt == 0 ? assert_lines(all, at, 2, N_LINES, levels[i]) : at;
                at = assert_lines(all, at, 3, N_LINES, levels[i]);
                assert_int_equal(json_array_size(all), at);
            }
        }
    }
}

static void test_pages_before_and_after_the_archive(void **state)
{
    (void)state;
    start_with_run();
    set_attempt(3);
    say(2, 0, N_LINES);
    end_attempt(2);
    wait_until_archived("load", 2);
    say(3, 0, N_LINES);
    assert_true(is_there("load", 3, ""));
    assert_all_pages();
    end_attempt(3);
    wait_until_archived("load", 3);
    assert_all_pages();
    assert_true(is_there("load", 1, "")); /* a few bytes stay as they are */
    assert_true(is_sealed("load", 1));
}

static void test_a_cursor_outlives_the_archive(void **state)
{
    (void)state;
    start_with_run();
    set_attempt(2);
    say(2, 0, N_LINES);
    const struct hg_log_query first = {.page = {500, NULL}, .attempt = 2, .level = HG_LOG_DEBUG};
    HG_CLEANUP(hg_json_decrefp) json_t *page = page_of(&first);
    end_attempt(2);
    wait_until_archived("load", 2);
    const struct hg_log_query second = {
        .page = {500, text_at(page, "next_cursor")}, .attempt = 2, .level = HG_LOG_DEBUG};
    HG_CLEANUP(hg_json_decrefp) json_t *rest = page_of(&second);
    assert_string_equal(message_at(page, 499), "line 499 of attempt 2, and so on");
    assert_string_equal(message_at(rest, 0), "line 500 of attempt 2, and so on");
}

static void test_a_page_by_its_line(void **state)
{
    static const int lines[] = {1, 2, 1000, 2999, 3000};
    struct hg_error err = HG_ERROR_INIT;
    json_t *none = NULL;
    (void)state;
    start_with_run();
    set_attempt(2);
    say(2, 0, N_LINES);
    for (size_t i = 0; i < HG_COUNT(lines); i++) {
        char text[64];
        const struct hg_log_query query = {
            .page = {2, NULL}, .attempt = 2, .level = HG_LOG_DEBUG, .line = lines[i]};
        HG_CLEANUP(hg_json_decrefp) json_t *page = page_of(&query);
        (void)snprintf(text, sizeof text, "line %d of attempt 2, and so on", lines[i] - 1);
        assert_string_equal(message_at(page, 0), text);
    }
    const struct hg_log_query behind = {
        .page = {2, NULL}, .attempt = 2, .level = HG_LOG_DEBUG, .line = N_LINES + 1};
    HG_CLEANUP(hg_json_decrefp) json_t *page = page_of(&behind);
    assert_int_equal(n_items(page), 0);
    assert_true(json_is_null(json_object_get(page, "next_cursor")));
    const struct hg_log_query without = {.page = {2, NULL}, .level = HG_LOG_DEBUG, .line = 5};
    assert_int_equal(hg_runs_job_log(fixture.service, run_id, "load", &without, &none, &err),
                     HG_EINVAL);
}

/* However long lines are, a page has a size. */
static void test_a_page_is_bounded(void **state)
{
    enum { N = 60, LONG = 100000 };
    (void)state;
    start_with_run();
    set_attempt(2);
    HG_CLEANUP(hg_freep) char *text = malloc(LONG + 1);
    memset(text, 'x', LONG);
    text[LONG] = '\0';
    for (int i = 0; i < N; i++) {
        hg_job_log_append(fixture.service, run_id, "load", 2, HG_LOG_INFO, hg_time_now_us(), text);
    }
    const struct hg_log_query query = {.page = {500, NULL}, .attempt = 2, .level = HG_LOG_DEBUG};
    HG_CLEANUP(hg_json_decrefp) json_t *page = page_of(&query);
    assert_in_range(n_items(page), 10, 20); /* 64 KiB of each line are kept */
    assert_non_null(strstr(message_at(page, 0), "... (100000 bytes in all)"));
    HG_CLEANUP(hg_json_decrefp) json_t *all = all_pages(query);
    assert_int_equal(json_array_size(all), N);
}

static void test_a_full_log(void **state)
{
    (void)state;
    start_with_run();
    set_attempt(2);
    fixture.service->logs.bytes_max = 1 << 20;
    say(2, 0, 20000);
    hg_job_log_say(fixture.service, run_id, "load", 2, HG_LOG_ERROR, "why it failed");
    end_attempt(2);
    wait_until_archived("load", 2);
    const struct hg_log_query query = {.page = {500, NULL}, .attempt = 2, .level = HG_LOG_WARNING};
    HG_CLEANUP(hg_json_decrefp) json_t *all = all_pages(query);
    size_t n = json_array_size(all);
    size_t n_full = 0;
    for (size_t i = 0; i < n; i++) {
        n_full += strcmp(text_at(json_array_get(all, i), "message"),
                         "this log is full (1 MiB): what the attempt says from here on is not"
                         " kept") == 0;
    }
    assert_int_equal(n_full, 1);
    assert_string_equal(text_at(json_array_get(all, n - 2), "message"), "why it failed");
    const char *summary = text_at(json_array_get(all, n - 1), "message");
    assert_non_null(strstr(summary, " lines were not kept, since this log is full"));
    const struct hg_log_query whole = {.page = {500, NULL}, .attempt = 2, .level = HG_LOG_DEBUG};
    HG_CLEANUP(hg_json_decrefp) json_t *every = all_pages(whole);
    long n_cut = strtol(summary, NULL, 10);
    assert_int_equal((long)json_array_size(every) - 3 + n_cut, 20000);
}

/* A disk that is full: what is missing is said where it is missing, and whole lines stay. */
static void test_lines_that_could_not_be_written(void **state)
{
    struct rlimit usual;
    struct stat info;
    (void)state;
    start_with_run();
    set_attempt(2);
    say(2, 0, 1000);
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &usual), 0);
    assert_int_equal(stat(path_of("load", 2, ""), &info), 0);
    const struct rlimit full = {(rlim_t)info.st_size + 20, usual.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
    say(2, 1000, 1007);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &usual), 0);
    say(2, 1007, 1010);
    const struct hg_log_query query = {.page = {10, NULL}, .level = HG_LOG_DEBUG, .tail = true};
    HG_CLEANUP(hg_json_decrefp) json_t *page = page_of(&query);
    assert_string_equal(message_at(page, 5), "line 999 of attempt 2, and so on");
    assert_string_equal(message_at(page, 6), "7 lines are missing here: they could not be written");
    assert_string_equal(message_at(page, 7), "line 1007 of attempt 2, and so on");
}

/* What a worker says when its attempt has ended, and the host may die before it is archived. */
static void test_lines_behind_the_archive(void **state)
{
    (void)state;
    start_with_run();
    set_attempt(2);
    say(2, 0, N_LINES);
    end_attempt(2);
    wait_until_archived("load", 2);
    say(2, N_LINES, N_LINES + 1);
    assert_false(is_there("load", 2, ""));
    stop_service();
    start_service();
    wait_for_archiver();
    const struct hg_log_query query = {.page = {500, NULL}, .attempt = 2, .level = HG_LOG_DEBUG};
    HG_CLEANUP(hg_json_decrefp) json_t *all = all_pages(query);
    assert_int_equal(assert_lines(all, 0, 2, N_LINES + 1, HG_LOG_DEBUG), N_LINES + 1);
}

/* However many logs end at once, the archiver looks through all of them at its start alone. */
static void test_many_logs_end_at_once(void **state)
{
    enum { N = 1000 };
    size_t n_queued;
    bool sweeps;
    (void)state;
    start_with_run();
    {
        struct hg_job_logs *logs = &fixture.service->logs;
        HG_LOCK(&logs->mutex);
        for (int i = 0; i < N; i++) {
            struct hg_job_log_name name = {.job = "load", .attempt = i + 10};
            memcpy(name.run_id, run_id, sizeof run_id);
            hg_job_log_archiver_add(logs, &name);
        }
        n_queued = logs->n_queued;
        sweeps = logs->sweeps;
    }
    assert_int_equal(n_queued, N);
    assert_false(sweeps);
    wait_for_archiver();
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
    const struct hg_log_query query = {.page = {10, NULL}, .level = HG_LOG_DEBUG};
    json_t *page = NULL;
    must(hg_runs_job_log(fixture.service, run_id, "load", &query, &page, &err), &err);
    assert_int_equal(n_items(page), 0);
    json_decref(page);
    assert_true(fixture.service->logs.is_losing); /* that is said when it begins */
}

/* ---- what a host that died leaves ---- */

static void wait_until_sealed(const char *job, int attempt)
{
    int64_t until = hg_time_monotonic_ms() + WAIT_MS;
    while (!is_sealed(job, attempt)) {
        assert_true(hg_time_monotonic_ms() < until);
        hg_time_pause_ms(5);
    }
}

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

static void test_torn_logs_are_taken_up(void **state)
{
    struct hg_error err = HG_ERROR_INIT;
    (void)state;
    start_with_run();
    stop_service();
    leave_torn(2, 3);
    leave_torn(3, 2000);
    leave_torn(4, 2000);
    must(hg_write_file(path_of("load", 4, ".gz.tmp"), 0640, "half", 4, &err), &err);
    start_service();
    wait_until_archived("load", 3);
    wait_until_archived("load", 4);
    wait_until_sealed("load", 2);
    for (int attempt = 2; attempt <= 4; attempt++) {
        HG_CLEANUP(hg_freep) char *last = last_message("load", attempt);
        assert_string_equal(last, HG_JOB_LOG_DEAD);
    }
    assert_false(is_there("load", 4, ".gz.tmp"));
    HG_CLEANUP(hg_freep) char *first = last_message("load", 1);
    assert_string_equal(first, "10 rows appended to m.t"); /* it had ended */
    set_attempt(2);
    const struct hg_log_query query = {.page = {10, NULL}, .attempt = 2, .level = HG_LOG_DEBUG};
    HG_CLEANUP(hg_json_decrefp) json_t *page = page_of(&query);
    assert_int_equal(n_items(page), 4);
}

/* The host died when the archive was there and the log was not gone. */
static void test_a_log_and_its_archive(void **state)
{
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_freep) char *archive = NULL;
    size_t n = 0;
    (void)state;
    start_with_run();
    set_attempt(2);
    say(2, 0, N_LINES);
    end_attempt(2);
    wait_until_archived("load", 2);
    stop_service();
    must(hg_read_file(path_of("load", 2, ".gz"), 1 << 20, &archive, &n, &err), &err);
    must(hg_write_file(path_of("load", 2, ""), 0440, "{}\n", 3, &err), &err);
    start_service();
    wait_until_archived("load", 2);
    const struct hg_log_query query = {.page = {500, NULL}, .attempt = 2, .level = HG_LOG_DEBUG};
    HG_CLEANUP(hg_json_decrefp) json_t *all = all_pages(query);
    assert_int_equal(assert_lines(all, 0, 2, N_LINES, HG_LOG_DEBUG), N_LINES);
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
    struct hg_error err = HG_ERROR_INIT;
    char host[HG_HOST_NAME];
    (void)state;
    start_with_run();
    say(2, 0, N_LINES);
    end_attempt(2);
    wait_until_archived("load", 2);
    stop_service();
    leave_torn(3, 3);
    must(hg_pipelines_host_name(fixture.folder, host, &err), &err);
    add_running(host, 2);
    add_running(host, 3);
    add_running(host, 4);
    start_service();
    for (int attempt = 2; attempt <= 4; attempt++) {
        wait_for_last("load", attempt, HG_JOB_LOG_DEAD);
        wait_for_last("fetch", attempt, HG_JOB_LOG_DEAD);
    }
    set_attempt(3);
    const struct hg_log_query query = {.page = {500, NULL}, .attempt = 3, .level = HG_LOG_DEBUG};
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
    start_service();
    wait_for_archiver();
    (void)snprintf(run_id, sizeof run_id, "%s", old_run);
    say(1, 0, N_LINES);
    assert_int_equal(utimensat(AT_FDCWD, path_of("load", 1, ""), old, 0), 0);
    struct stat info;
    end_attempt(1);
    wait_until_archived("load", 1);
    assert_int_equal(stat(path_of("load", 1, ".gz"), &info), 0);
    assert_int_equal(info.st_mtime, 1600000000);
    assert_int_equal(utimensat(AT_FDCWD, path_of("load", 1, ".gz.idx"), old, 0), 0);
    stop_service();
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
        TEST(test_pages_before_and_after_the_archive),
        TEST(test_a_cursor_outlives_the_archive),
        TEST(test_a_page_by_its_line),
        TEST(test_a_page_is_bounded),
        TEST(test_a_full_log),
        TEST(test_lines_that_could_not_be_written),
        TEST(test_lines_behind_the_archive),
        TEST(test_many_logs_end_at_once),
        TEST(test_a_run_without_a_log),
        TEST(test_torn_logs_are_taken_up),
        TEST(test_a_log_and_its_archive),
        TEST(test_attempts_that_died_with_their_host),
        TEST(test_attempts_that_another_host_lost),
        TEST(test_a_host_that_stops),
        TEST(test_archives_are_removed_with_their_time),
    };
    return cmocka_run_group_tests(tests, start_pg, stop_pg);
}
