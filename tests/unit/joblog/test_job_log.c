/*
 * Logs of jobs as a host keeps them: pages of them, their end and their archive, what a host that
 * died leaves behind, what is told where lines are missing.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/io.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "joblog/archiver.h"
#include "joblog/logfile_archive.h"
#include "joblog/logfile_read.h"
#include "joblog/logfile_write.h"
#include "joblog/state.h"
#include "scratch.h"

enum { WAIT_MS = 60000 };

static const char run_id[] = "01900000-0000-7000-8000-000000000001";
static char folder[HG_SCRATCH_BYTES];
static struct hg_job_logs *logs;
static struct hg_job_log_name load; /* the job, and its last attempt */

static void must(int r, const struct hg_error *err)
{
    if (r != HG_OK) {
        fail_msg("%s (%s)", err->message, err->hint);
    }
}

static const char *text_at(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static const char *path_of(const char *job, int attempt, const char *suffix)
{
    static char path[256];
    (void)snprintf(
        path, sizeof path, "%s/logs/%s/%s.%d.jsonl%s", folder, run_id, job, attempt, suffix);
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
    HG_LOCK(&logs->mutex);
    return !logs->sweeps && !logs->at_work && logs->n_queued == 0;
}

/* Else it takes what a test writes for what an earlier life has left. */
static void wait_for_archiver(void)
{
    int64_t until = hg_time_monotonic_ms() + WAIT_MS;
    while (!archiver_waits()) {
        assert_true(hg_time_monotonic_ms() < until);
        hg_time_pause_ms(1);
    }
}

static void open_with(const struct hg_job_logs_options *more)
{
    struct hg_error err = HG_ERROR_INIT;
    struct hg_job_logs_options options = *more;
    options.data_dir = folder;
    must(hg_job_logs_open(&options, &logs, &err), &err);
    wait_for_archiver();
}

static void open_logs(void)
{
    open_with(&(struct hg_job_logs_options){.arg = NULL});
}

static void close_logs(void)
{
    hg_job_logs_close(logs);
    logs = NULL;
}

static struct hg_job_log_name attempt_at(int attempt)
{
    return hg_job_log_name(run_id, "load", attempt);
}

static void end_attempt(int attempt)
{
    const struct hg_job_log_name name = attempt_at(attempt);
    hg_job_log_end(logs, &name);
}

/* The first attempt has one line. */
static void start_with_run(void)
{
    const struct hg_job_log_name first = attempt_at(1);
    open_logs();
    hg_job_log_append(logs, &first, HG_LOG_INFO, hg_time_now_us(), "10 rows appended to m.t");
    end_attempt(1);
    load = first;
}

static int setup(void **state)
{
    (void)state;
    return hg_scratch_make("joblog", folder);
}

static int teardown(void **state)
{
    (void)state;
    close_logs();
    return hg_scratch_remove(folder);
}

static int level_of(int i)
{
    return i % 1000 == 0 ? HG_LOG_ERROR : i % 100 == 0 ? HG_LOG_WARNING : HG_LOG_INFO;
}

static void say(int attempt, int from, int to)
{
    const struct hg_job_log_name name = attempt_at(attempt);
    for (int i = from; i < to; i++) {
        char text[64];
        (void)snprintf(text, sizeof text, "line %d of attempt %d, and so on", i, attempt);
        hg_job_log_append(logs, &name, level_of(i), hg_time_now_us(), text);
    }
}

static void set_attempt(int attempt)
{
    load = attempt_at(attempt);
}

static json_t *page_of(const struct hg_job_log_query *query)
{
    struct hg_error err = HG_ERROR_INIT;
    json_t *page = NULL;
    must(hg_job_log_page(logs, &load, query, &page, &err), &err);
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
static json_t *all_pages(struct hg_job_log_query query)
{
    HG_CLEANUP(hg_freep) char *cursor = NULL;
    json_t *all = json_array();
    do {
        query.cursor = cursor;
        HG_CLEANUP(hg_json_decrefp) json_t *page = page_of(&query);
        json_t *items = json_incref(json_object_get(page, "items"));
        assert_true(json_array_size(items) <= (size_t)query.limit);
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
                const struct hg_job_log_query query = {
                    .limit = 177, .attempt = attempt, .level = levels[i], .tail = tail == 1};
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
    const struct hg_job_log_query first = {.limit = 500, .attempt = 2, .level = HG_LOG_DEBUG};
    HG_CLEANUP(hg_json_decrefp) json_t *page = page_of(&first);
    end_attempt(2);
    wait_until_archived("load", 2);
    const struct hg_job_log_query second = {
        .limit = 500, .cursor = text_at(page, "next_cursor"), .attempt = 2, .level = HG_LOG_DEBUG};
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
        const struct hg_job_log_query query = {
            .limit = 2, .attempt = 2, .level = HG_LOG_DEBUG, .line = lines[i]};
        HG_CLEANUP(hg_json_decrefp) json_t *page = page_of(&query);
        (void)snprintf(text, sizeof text, "line %d of attempt 2, and so on", lines[i] - 1);
        assert_string_equal(message_at(page, 0), text);
    }
    const struct hg_job_log_query behind = {
        .limit = 2, .attempt = 2, .level = HG_LOG_DEBUG, .line = N_LINES + 1};
    HG_CLEANUP(hg_json_decrefp) json_t *page = page_of(&behind);
    assert_int_equal(n_items(page), 0);
    assert_true(json_is_null(json_object_get(page, "next_cursor")));
    const struct hg_job_log_query without = {.limit = 2, .level = HG_LOG_DEBUG, .line = 5};
    assert_int_equal(hg_job_log_page(logs, &load, &without, &none, &err), HG_EINVAL);
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
        hg_job_log_append(logs, &load, HG_LOG_INFO, hg_time_now_us(), text);
    }
    const struct hg_job_log_query query = {.limit = 500, .attempt = 2, .level = HG_LOG_DEBUG};
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
    logs->bytes_max = 1 << 20;
    say(2, 0, 20000);
    hg_job_log_say(logs, &load, HG_LOG_ERROR, "why it failed");
    end_attempt(2);
    wait_until_archived("load", 2);
    const struct hg_job_log_query query = {.limit = 500, .attempt = 2, .level = HG_LOG_WARNING};
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
    const struct hg_job_log_query whole = {.limit = 500, .attempt = 2, .level = HG_LOG_DEBUG};
    HG_CLEANUP(hg_json_decrefp) json_t *every = all_pages(whole);
    long n_cut = strtol(summary, NULL, 10);
    assert_int_equal((long)json_array_size(every) - 3 + n_cut, 20000);
    /* What comes behind that is not kept either; what the host says is. */
    say(2, 0, 100);
    hg_job_log_say(logs, &load, HG_LOG_ERROR, "the host goes on");
    HG_CLEANUP(hg_json_decrefp) json_t *later = all_pages(whole);
    assert_int_equal(json_array_size(later), json_array_size(every) + 1);
}

/* Late lines fill an archive that was not full before. */
static void test_a_full_archive(void **state)
{
    (void)state;
    start_with_run();
    set_attempt(2);
    say(2, 0, 200);
    end_attempt(2);
    wait_until_archived("load", 2);
    const struct hg_job_log_query whole = {.limit = 500, .attempt = 2, .level = HG_LOG_DEBUG};
    logs->bytes_max = 1 << 15;
    say(2, 0, 1000);
    HG_CLEANUP(hg_json_decrefp) json_t *all = all_pages(whole);
    size_t n = json_array_size(all);
    assert_in_range(n, 201, 1000);
    assert_non_null(strstr(text_at(json_array_get(all, n - 1), "message"), "this log is full"));
    assert_null(strstr(text_at(json_array_get(all, n - 2), "message"), "this log is full"));
    say(2, 0, 10);
    HG_CLEANUP(hg_json_decrefp) json_t *same = all_pages(whole);
    assert_int_equal(json_array_size(same), n);
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
    const struct hg_job_log_query query = {.limit = 10, .level = HG_LOG_DEBUG, .tail = true};
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
    close_logs();
    open_logs();
    wait_for_archiver();
    const struct hg_job_log_query query = {.limit = 500, .attempt = 2, .level = HG_LOG_DEBUG};
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
        HG_LOCK(&logs->mutex);
        for (int i = 0; i < N; i++) {
            const struct hg_job_log_name name = attempt_at(i + 10);
            hg_job_log_archiver_add(logs, &name);
        }
        n_queued = logs->n_queued;
        sweeps = logs->sweeps;
    }
    assert_int_equal(n_queued, N);
    assert_false(sweeps);
    wait_for_archiver();
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
    close_logs();
    leave_torn(2, 3);
    leave_torn(3, 2000);
    leave_torn(4, 2000);
    must(hg_write_file(path_of("load", 4, ".gz.tmp"), 0640, "half", 4, &err), &err);
    open_logs();
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
    const struct hg_job_log_query query = {.limit = 10, .attempt = 2, .level = HG_LOG_DEBUG};
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
    close_logs();
    must(hg_read_file(path_of("load", 2, ".gz"), 1 << 20, &archive, &n, &err), &err);
    must(hg_write_file(path_of("load", 2, ""), 0440, "{}\n", 3, &err), &err);
    open_logs();
    wait_until_archived("load", 2);
    const struct hg_job_log_query query = {.limit = 500, .attempt = 2, .level = HG_LOG_DEBUG};
    HG_CLEANUP(hg_json_decrefp) json_t *all = all_pages(query);
    assert_int_equal(assert_lines(all, 0, 2, N_LINES, HG_LOG_DEBUG), N_LINES);
}

/* ---- what is asked and told ---- */

static bool is_second(void *arg, const struct hg_job_log_name *name)
{
    assert_ptr_equal(arg, folder);
    return strcmp(name->run_id, run_id) == 0 && strcmp(name->job, "load") == 0 &&
           name->attempt == 2;
}

static void test_what_is_under_way_is_left_alone(void **state)
{
    (void)state;
    start_with_run();
    close_logs();
    leave_torn(2, 3);
    leave_torn(3, 3);
    open_with(&(struct hg_job_logs_options){.arg = folder, .is_under_way = is_second});
    assert_false(is_sealed("load", 2));
    assert_true(is_sealed("load", 3));
}

static struct {
    int n;
    char last[256];
} told;

static void note_line(void *arg, const struct hg_job_log_name *name, const char *line, size_t n)
{
    assert_ptr_equal(arg, folder);
    told.n++;
    (void)snprintf(
        told.last, sizeof told.last, "%s.%d %.*s", name->job, name->attempt, (int)n, line);
}

/* What a log has already, or does not take since it is full, is not told. */
static void test_lines_are_told(void **state)
{
    (void)state;
    const struct hg_job_log_name name = attempt_at(2);
    told.n = 0;
    open_with(&(struct hg_job_logs_options){.arg = folder, .on_line = note_line});
    hg_job_log_append(logs, &name, HG_LOG_WARNING, 0, "x \"y\"");
    assert_string_equal(told.last,
                        "load.2 {\"at\":\"1970-01-01T00:00:00.000Z\",\"level\":\"warning\","
                        "\"message\":\"x \\\"y\\\"\"}");
    hg_job_log_lost(logs, &name, HG_JOB_LOG_DEAD);
    assert_int_equal(told.n, 2);
    hg_job_log_lost(logs, &name, HG_JOB_LOG_DEAD);
    assert_int_equal(told.n, 2);
    logs->bytes_max = 1 << 10;
    for (int i = 0; i < 100; i++) {
        hg_job_log_append(logs, &name, HG_LOG_INFO, 0, "again, and again");
    }
    assert_in_range(told.n, 4, 30);
    assert_non_null(strstr(told.last, "this log is full"));
}

/* ---- retention ---- */

static void make_old(const char *suffix)
{
    static const struct timespec old[2] = {{1600000000, 0}, {1600000000, 0}};
    assert_int_equal(utimensat(AT_FDCWD, path_of("load", 2, suffix), old, 0), 0);
}

static void test_old_logs_go(void **state)
{
    static const int64_t day_us = 86400LL * 1000000;
    struct hg_error err = HG_ERROR_INIT;
    (void)state;
    open_logs();
    must(hg_job_logs_drop_old(logs, hg_time_now_us(), &err), &err); /* there is no folder */
    say(2, 0, N_LINES);
    make_old("");
    end_attempt(2);
    wait_until_archived("load", 2);
    say(3, 0, 1);
    struct stat info;
    assert_int_equal(stat(path_of("load", 2, ".gz"), &info), 0);
    assert_int_equal(info.st_mtime, 1600000000);
    make_old(".gz.idx");
    /* The run is younger. */
    must(hg_job_logs_drop_old(logs, 1600000001LL * 1000000, &err), &err);
    assert_true(is_there("load", 2, ".gz"));
    must(hg_job_logs_drop_old(logs, hg_time_now_us() - day_us, &err), &err);
    assert_false(is_there("load", 2, ".gz"));
    assert_false(is_there("load", 2, ".gz.idx"));
    assert_true(is_there("load", 3, "")); /* it was written to since */
    must(hg_job_logs_drop_old(logs, hg_time_now_us() + day_us, &err), &err);
    assert_int_equal(access(path_of("load", 3, ""), F_OK), -1);
    char run_folder[128];
    (void)snprintf(run_folder, sizeof run_folder, "%s/logs/%s", folder, run_id);
    assert_int_equal(access(run_folder, F_OK), -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_pages_before_and_after_the_archive),
        TEST(test_a_cursor_outlives_the_archive),
        TEST(test_a_page_by_its_line),
        TEST(test_a_page_is_bounded),
        TEST(test_a_full_log),
        TEST(test_a_full_archive),
        TEST(test_lines_that_could_not_be_written),
        TEST(test_lines_behind_the_archive),
        TEST(test_many_logs_end_at_once),
        TEST(test_torn_logs_are_taken_up),
        TEST(test_a_log_and_its_archive),
        TEST(test_what_is_under_way_is_left_alone),
        TEST(test_lines_are_told),
        TEST(test_old_logs_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
