/* The pool with real workers, real plugins and a real PostgreSQL. */
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/io.h"
#include "base/mem.h"
#include "pool_fixture.h"

enum { HOST_END_MS = 30000 };

static const char *own_path;

static void assert_says(const struct outcome *outcome, const char *part)
{
    if (!strstr(outcome->error.message, part) && !strstr(outcome->error.hint, part)) {
        fail_msg(
            "\"%s\" (%s) does not say \"%s\"", outcome->error.message, outcome->error.hint, part);
    }
}

static void test_rows_land(void **state)
{
    struct pool_fixture *fixture = *state;
    pool_start(fixture);
    for (int i = 0; i < 3; i++) {
        const struct outcome *outcome =
            pool_wait(fixture, pool_submit(fixture, "numbers", 1000, NULL, 0));
        assert_true(outcome->ok);
        assert_true(json_is_true(json_object_get(outcome->result, "committed")));
    }
    assert_int_equal(pool_rows(fixture, "m.t"), 3000);
    pid_t pid = pool_worker_in(fixture, "idle");
    HG_CLEANUP(hg_json_decrefp) json_t *workers = hg_worker_pool_to_json(fixture->pool);
    const json_t *worker = json_array_get(workers, 0);
    assert_int_equal(json_integer_value(json_object_get(worker, "pid")), pid);
    assert_int_equal(json_integer_value(json_object_get(worker, "tasks_done")), 3);
    assert_true(json_integer_value(json_object_get(worker, "rss_bytes")) > 1000000);
    pool_stop(fixture, 0);
}

static void assert_still_works(struct pool_fixture *fixture)
{
    const struct outcome *outcome =
        pool_wait(fixture, pool_submit(fixture, "numbers", 10, NULL, 0));
    assert_true(outcome->ok);
}

static void test_a_crash_names_plugin_and_signal(void **state)
{
    static const char *const plugins[] = {"crash-in-read", "crash-in-constructor"};
    struct pool_fixture *fixture = *state;
    pool_start(fixture);
    for (size_t i = 0; i < HG_COUNT(plugins); i++) {
        const struct outcome *outcome =
            pool_wait(fixture, pool_submit(fixture, plugins[i], 5000, NULL, 0));
        char named[64];
        (void)snprintf(named, sizeof named, "plugin \"%s\"", plugins[i]);
        assert_false(outcome->ok);
        assert_null(outcome->result);
        assert_string_equal(outcome->job, "fetch");
        assert_int_equal(outcome->error.code, HG_EUNAVAILABLE);
        assert_true(outcome->error.retryable);
        assert_says(outcome, named);
#ifndef HG_SANITIZED /* a sanitizer takes the signal itself and exits */
        assert_says(outcome, "SIGSEGV");
        assert_says(outcome, "report it to its author");
#endif
        assert_still_works(fixture);
    }
    assert_int_equal(pool_rows(fixture, "m.t"), 20); /* and none of those that crashed */
    pool_stop(fixture, 0);
}

/* On a busy machine a short time may be over before the plugin is even loaded. */
static void test_a_hang_is_ended_at_its_timeout(void **state)
{
    struct pool_fixture *fixture = *state;
    const struct outcome *outcome;
    int64_t timeout_ms = 300;
    pool_start(fixture);
    for (;;) {
        char says[32];
        (void)pool_worker_in(fixture, "idle");
        outcome = pool_wait(fixture, pool_submit(fixture, "hang-in-read", 10, NULL, timeout_ms));
        assert_false(outcome->ok);
        assert_int_equal(outcome->error.code, HG_ETIMEDOUT);
        (void)snprintf(says, sizeof says, "timeout of %d ms", (int)timeout_ms);
        assert_says(outcome, says);
        if (timeout_ms > 20000 || strstr(outcome->error.message, "ended (SIGKILL)")) {
            break;
        }
        timeout_ms *= 3;
    }
    assert_says(outcome, "plugin \"hang-in-read\"");
    assert_still_works(fixture);
    pool_stop(fixture, 0);
}

/* Frozen, it is ended and its task tried again elsewhere; merely busy, it is not. */
static void test_a_frozen_worker_is_ended(void **state)
{
    struct pool_fixture *fixture = *state;
    fixture->options.silence_max_ms = 3000;
    pool_start(fixture);
    int task = pool_submit(fixture, "hang-in-read", 10, NULL, 6000);
    const struct outcome *outcome = pool_wait(fixture, task);
    assert_int_equal(outcome->error.code, HG_ETIMEDOUT);
    task = pool_submit(fixture, "hang-in-read", 10, NULL, 0);
    pid_t pid = pool_worker_in(fixture, "busy");
    pool_wait_loaded(pid, "hang-in-read");
    assert_int_equal(kill(pid, SIGSTOP), 0);
    outcome = pool_wait(fixture, task);
    assert_false(outcome->ok);
    assert_int_equal(outcome->error.code, HG_EUNAVAILABLE);
    assert_true(outcome->error.retryable);
    assert_says(outcome, "no sign of life for 3 s");
    assert_still_works(fixture);
    pool_stop(fixture, 0);
}

/* What somebody waits for at a screen does not wait for runs. */
static void test_interactive_workers(void **state)
{
    struct pool_fixture *fixture = *state;
    fixture->options.n_interactive = 1;
    fixture->options.idle_max_ms = 300;
    pool_start(fixture);
    int run = pool_submit(fixture, "hang-in-read", 10, NULL, 0);
    pid_t runs = pool_worker_in(fixture, "busy");
    pool_wait_listed(fixture, 1); /* not before it is needed */
    assert_int_equal(hg_worker_pool_free_slots(fixture->pool), 0);
    fixture->lane = HG_LANE_INTERACTIVE;
    for (int i = 0; i < 2; i++) {
        assert_true(pool_wait(fixture, pool_submit(fixture, "numbers", 10, NULL, 0))->ok);
        pool_wait_listed(fixture, 1); /* and not for long afterwards */
    }
    assert_int_equal(pool_rows(fixture, "m.t"), 20);
    assert_int_equal(pool_worker_in(fixture, "busy"), runs);
    hg_worker_pool_cancel(fixture->pool, fixture->outcomes[run].task_id);
    assert_int_equal(pool_wait(fixture, run)->error.code, HG_ECANCELLED);
    pool_stop(fixture, 0);
}

static void test_memory_has_a_limit(void **state)
{
#ifdef HG_SANITIZED
    (void)state;
    print_message("skipped: a sanitizer's own memory has no limit\n");
    skip();
#else
    struct pool_fixture *fixture = *state;
    fixture->options.memory_limit_bytes = INT64_C(200) << 20;
    pool_start(fixture);
    const struct outcome *outcome = pool_wait(fixture, pool_submit(fixture, "leak", 10, NULL, 0));
    assert_false(outcome->ok);
    assert_says(outcome, "plugin \"leak\"");
    assert_says(outcome, "memory");
    assert_says(outcome, "200 MB");
    assert_still_works(fixture);
    pool_stop(fixture, 0);
#endif
}

static void test_a_text_that_is_no_utf8_is_told(void **state)
{
    struct pool_fixture *fixture = *state;
    pool_start(fixture);
    const struct outcome *outcome =
        pool_wait(fixture, pool_submit(fixture, "bad-text", 10, NULL, 0));
    assert_false(outcome->ok);
    assert_int_equal(outcome->error.code, HG_EDATA);
    assert_says(outcome, "M\xC3\xBCnchen\", nor \"M\xEF\xBF\xBDnchen");
    const json_t *job = json_array_get(json_object_get(outcome->result, "jobs"), 0);
    assert_string_equal(json_string_value(json_object_get(job, "status")), "failed");
    assert_non_null(json_object_get(json_object_get(job, "error"), "message"));
    pool_stop(fixture, 0);
}

static void test_a_running_task_is_cancelled(void **state)
{
    struct pool_fixture *fixture = *state;
    pool_start(fixture);
    pid_t pid = pool_worker_in(fixture, "idle");
    int task = pool_submit(fixture, "hang-in-read", 10, NULL, 0);
    pool_wait_loaded(pid, "hang-in-read");
    hg_worker_pool_cancel(fixture->pool, fixture->outcomes[task].task_id);
    const struct outcome *outcome = pool_wait(fixture, task);
    assert_int_equal(outcome->error.code, HG_ECANCELLED);
    assert_false(outcome->error.retryable);
    hg_worker_pool_cancel(fixture->pool, "00000000-0000-7000-8000-000000000000");
    assert_still_works(fixture);
    pool_stop(fixture, 0);
}

/* A stand-in for the binary. */
static void write_script(const char *path, const char *command)
{
    struct hg_error err = HG_ERROR_INIT;
    char script[64];
    int n = snprintf(script, sizeof script, "#!/bin/sh\n%s\n", command);
    assert_int_equal(hg_write_file(path, 0755, script, (size_t)n, &err), HG_OK);
}

/* One that never says "ready". */
static void never_ready(struct pool_fixture *fixture, char path[64])
{
    (void)snprintf(path, 64, "%s/never-ready", getenv("TMPDIR"));
    write_script(path, "exec sleep 600");
    fixture->options.self = path;
}

static void test_a_task_that_was_not_sent_is_cancelled(void **state)
{
    struct pool_fixture *fixture = *state;
    char path[64];
    never_ready(fixture, path);
    pool_start(fixture);
    int task = pool_submit(fixture, "numbers", 10, NULL, 0);
    hg_worker_pool_cancel(fixture->pool, fixture->outcomes[task].task_id);
    const struct outcome *outcome = pool_wait(fixture, task);
    assert_int_equal(outcome->error.code, HG_ECANCELLED);
    assert_says(outcome, "before it started");
    /* And by a stop, which does not wait for workers that have not come up either. */
    task = pool_submit(fixture, "numbers", 10, NULL, 0);
    pool_stop(fixture, 600000);
    assert_int_equal(fixture->outcomes[task].error.code, HG_ECANCELLED);
    (void)unlink(path);
}

/* The binary goes away, or fails at once, while a task waits for its worker. */
static void test_a_binary_that_does_not_start_ends_the_task(void **state)
{
    struct pool_fixture *fixture = *state;
    char path[64];
    for (int is_there = 0; is_there <= 1; is_there++) {
        never_ready(fixture, path);
        pool_start(fixture);
        int task = pool_submit(fixture, "numbers", 10, NULL, 0);
        pid_t pid = pool_worker_in(fixture, "busy");
        pool_wait_loaded(pid, "/sleep"); /* the shell has read the script to its end */
        if (is_there) {
            write_script(path, "exit 3");
        } else {
            assert_int_equal(unlink(path), 0);
        }
        assert_int_equal(kill(pid, SIGKILL), 0);
        const struct outcome *outcome = pool_wait(fixture, task);
        assert_false(outcome->ok);
        assert_says(outcome, is_there ? "exit code 3" : path);
        pool_stop(fixture, 0);
    }
    (void)unlink(path);
}

static void test_a_worker_that_is_killed_ends_its_task_once(void **state)
{
    struct pool_fixture *fixture = *state;
    pool_start(fixture);
    pid_t pid = pool_worker_in(fixture, "idle");
    int task = pool_submit(fixture, "hang-in-read", 10, NULL, 0);
    pool_wait_loaded(pid, "hang-in-read");
    assert_int_equal(kill(pid, SIGKILL), 0);
    const struct outcome *outcome = pool_wait(fixture, task);
    assert_int_equal(outcome->error.code, HG_EUNAVAILABLE);
    assert_says(outcome, "SIGKILL");
    assert_says(outcome, "somebody ended it");
    assert_still_works(fixture);
    pool_stop(fixture, 0);
}

static void test_workers_are_recycled(void **state)
{
    struct pool_fixture *fixture = *state;
    pid_t pids[6];
    fixture->options.max_tasks = 2;
    pool_start(fixture);
    for (size_t i = 0; i < HG_COUNT(pids); i++) {
        pids[i] = pool_worker_in(fixture, "idle");
        assert_true(pool_wait(fixture, pool_submit(fixture, "numbers", 10, NULL, 0))->ok);
    }
    assert_int_equal(pids[0], pids[1]);
    assert_int_not_equal(pids[1], pids[2]);
    assert_int_equal(pids[2], pids[3]);
    assert_int_not_equal(pids[3], pids[4]);
    pool_stop(fixture, 0);
}

static pid_t pid_of_task(struct pool_fixture *fixture, const char *third_party)
{
    int task = pool_submit(fixture, "numbers", 10, third_party, 0);
    assert_true(pool_wait(fixture, task)->ok);
    return pool_worker_in(fixture, "idle");
}

/* A worker that has opened a third party's plugin serves that one only. */
static void test_third_parties_are_kept_apart(void **state)
{
    struct pool_fixture *fixture = *state;
    pool_start(fixture);
    pid_t bundled = pid_of_task(fixture, NULL);
    pid_t first = pid_of_task(fixture, "first");
    assert_int_equal(first, bundled); /* it had opened none yet */
    assert_int_equal(pid_of_task(fixture, "first"), first);
    pid_t second = pid_of_task(fixture, "second");
    assert_int_not_equal(second, first);
    pid_t again = pid_of_task(fixture, NULL);
    assert_int_not_equal(again, second);
    assert_int_equal(pid_of_task(fixture, NULL), again);
    pool_stop(fixture, 0);
}

/* Two workers: the task goes to the one that has opened its plugin. */
static void test_a_task_goes_to_the_worker_that_fits(void **state)
{
    struct pool_fixture *fixture = *state;
    fixture->options.n_workers = 2;
    pool_start(fixture);
    int hang = pool_submit(fixture, "hang-in-read", 10, NULL, 0);
    pid_t other = pid_of_task(fixture, "first");
    hg_worker_pool_cancel(fixture->pool, fixture->outcomes[hang].task_id);
    (void)pool_wait(fixture, hang);
    for (int i = 0; i < 4; i++) {
        int task = pool_submit(fixture, "numbers", 10, "first", 0);
        assert_true(pool_wait(fixture, task)->ok);
    }
    HG_CLEANUP(hg_json_decrefp) json_t *workers = hg_worker_pool_to_json(fixture->pool);
    size_t i;
    json_t *worker;
    json_array_foreach (workers, i, worker) {
        bool is_it = json_integer_value(json_object_get(worker, "pid")) == other;
        json_int_t done = json_integer_value(json_object_get(worker, "tasks_done"));
        /* One that hears of its cancel before it hangs counts that task, one that is killed none.
         */
        assert_in_range(done, is_it ? 5 : 0, is_it ? 5 : 1);
    }
    pool_stop(fixture, 0);
}

/* What a plugin does at its end may hang: the place is free again all the same. */
static void test_a_hang_at_exit_costs_no_place(void **state)
{
    struct pool_fixture *fixture = *state;
    fixture->options.max_tasks = 1;
    pool_start(fixture);
    assert_true(pool_wait(fixture, pool_submit(fixture, "hang-at-exit", 10, NULL, 0))->ok);
    assert_true(pool_wait(fixture, pool_submit(fixture, "hang-at-exit", 10, NULL, 0))->ok);
    pool_stop(fixture, 0);
}

static void test_a_stop_waits_for_its_grace(void **state)
{
    struct pool_fixture *fixture = *state;
    pool_start(fixture);
    pid_t pid = pool_worker_in(fixture, "idle");
    int task = pool_submit(fixture, "numbers", 300000, NULL, 0);
    pool_wait_loaded(pid, "numbers"); /* one that was not sent would be dropped */
    pool_stop(fixture, 600000);
    assert_true(fixture->outcomes[task].ok);
    assert_int_equal(pool_rows(fixture, "m.t"), 300000);
}

static void test_a_stop_ends_what_hangs(void **state)
{
    struct pool_fixture *fixture = *state;
    pool_start(fixture);
    pid_t pid = pool_worker_in(fixture, "idle");
    int task = pool_submit(fixture, "hang-in-read", 10, NULL, 0);
    pool_wait_loaded(pid, "hang-in-read");
    pool_stop(fixture, 0);
    assert_int_equal(fixture->outcomes[task].error.code, HG_ECANCELLED);
    assert_int_equal(kill(pid, 0), -1); /* collected */
}

static int count_fds(void)
{
    int n = 0;
    for (int fd = 0; fd < 1024; fd++) {
        struct stat info;
        n += fstat(fd, &info) == 0;
    }
    return n;
}

static void test_nothing_is_left(void **state)
{
    struct pool_fixture *fixture = *state;
    int before = count_fds();
    for (int round = 0; round < 3; round++) {
        fixture->options.n_workers = 2;
        pool_start(fixture);
        assert_true(pool_wait(fixture, pool_submit(fixture, "numbers", 10, NULL, 0))->ok);
        (void)pool_wait(fixture, pool_submit(fixture, "crash-in-read", 10, NULL, 0));
        pid_t pid = pool_worker_in(fixture, "idle");
        pool_stop(fixture, 0);
        assert_int_equal(kill(pid, 0), -1);
        assert_int_equal(count_fds(), before);
    }
}

/* Every submit has one end, whoever kills what when; a task that ended well has landed. */
static void test_random_kills(void **state)
{
    enum { ROUNDS = 60, WORKERS = 3, KILLS = 12, ROWS = 2000 };
    struct pool_fixture *fixture = *state;
    unsigned random = 1;
    int n_ok = 0;
    int n_kills = 0;
    fixture->options.n_workers = WORKERS;
    fixture->options.max_tasks = 7;
    pool_start(fixture);
    for (int round = 0; round < ROUNDS; round++) {
        (void)pool_submit(fixture, "numbers", ROWS, round % 5 ? NULL : "third", 0);
        HG_CLEANUP(hg_json_decrefp) json_t *workers = hg_worker_pool_to_json(fixture->pool);
        random = random * 1103515245 + 12345;
        /* Each worker a few times only, since the wait for the next one doubles. */
        const json_t *victim = json_array_get(workers, (size_t)(n_kills % WORKERS));
        pid_t pid = (pid_t)json_integer_value(json_object_get(victim, "pid"));
        if (n_kills < KILLS && (random >> 24) % 3 == 0 && pid > 0) {
            n_kills += kill(pid, SIGKILL) == 0;
        }
    }
    for (int i = 0; i < ROUNDS; i++) {
        n_ok += pool_wait(fixture, i)->ok;
    }
    pool_stop(fixture, 0);
    int64_t rows = pool_rows(fixture, "m.t");
    assert_true(n_ok > 0);
    /* A worker may be killed between its commit and its report. */
    assert_true(rows % ROWS == 0 && rows >= (int64_t)n_ok * ROWS && rows <= ROUNDS * ROWS);
}

/* ---- the host's death ---- */

static void ignore_log(
    void *arg, const char *task_id, const char *job, int level, int64_t at_us, const char *message)
{
    (void)arg;
    (void)task_id;
    (void)job;
    (void)level;
    (void)at_us;
    (void)message;
}

static void ignore_progress(
    void *arg, const char *task_id, const char *job, int64_t in, int64_t out, int64_t rejected)
{
    (void)arg;
    (void)task_id;
    (void)job;
    (void)in;
    (void)out;
    (void)rejected;
}

static void ignore_done(void *arg,
                        const char *task_id,
                        const json_t *result,
                        const char *job,
                        const struct hg_error *error)
{
    (void)arg;
    (void)task_id;
    (void)result;
    (void)job;
    (void)error;
}

static void ignore_idle(void *arg)
{
    (void)arg;
}

/* This program as a host: says which workers it has, then waits for its end. */
static int be_a_host(void)
{
    struct hg_worker_options options = HG_WORKER_OPTIONS_INIT;
    options.self = getenv("HG_HEADGATE");
    options.memory_limit_bytes = 0;
    const struct hg_worker_events events = {
        NULL, ignore_log, ignore_progress, ignore_done, ignore_idle};
    struct hg_worker_pool *pool = NULL;
    if (hg_worker_pool_new(&options, &events, &pool, NULL) < 0) {
        return 1;
    }
    for (int n_idle = 0; n_idle < options.n_workers;) {
        HG_CLEANUP(hg_json_decrefp) json_t *workers = hg_worker_pool_to_json(pool);
        size_t i;
        json_t *worker;
        n_idle = 0;
        json_array_foreach (workers, i, worker) {
            n_idle += strcmp(json_string_value(json_object_get(worker, "state")), "idle") == 0;
        }
        if (n_idle == options.n_workers) {
            (void)json_dumpfd(workers, STDOUT_FILENO, JSON_COMPACT);
            (void)close(STDOUT_FILENO);
        }
    }
    for (;;) {
        (void)pause();
    }
}

static pid_t spawn_host(int *ret_out)
{
    pid_t pid = 0;
    int out[2];
    char *argv[] = {(char *)(uintptr_t)own_path, (char *)(uintptr_t) "--host", NULL};
    posix_spawn_file_actions_t actions;
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    assert_int_equal(posix_spawn(&pid, own_path, &actions, NULL, argv, environ), 0);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)close(out[1]);
    *ret_out = out[0];
    return pid;
}

static void test_workers_end_with_their_host(void **state)
{
    (void)state;
    int out;
    int pidfds[2];
    pid_t host = spawn_host(&out);
    HG_CLEANUP(hg_json_decrefp) json_t *workers = json_loadfd(out, JSON_DISABLE_EOF_CHECK, NULL);
    (void)close(out);
    assert_true(json_array_size(workers) >= 2);
    for (size_t i = 0; i < 2; i++) {
        const json_t *pid = json_object_get(json_array_get(workers, i), "pid");
        pidfds[i] = (int)syscall(SYS_pidfd_open, (pid_t)json_integer_value(pid), 0);
        assert_true(pidfds[i] >= 0);
    }
    assert_int_equal(kill(host, SIGKILL), 0);
    assert_int_equal(waitpid(host, NULL, 0), host);
    for (size_t i = 0; i < 2; i++) {
        struct pollfd ended = {pidfds[i], POLLIN, 0};
        assert_int_equal(poll(&ended, 1, HOST_END_MS), 1);
        (void)close(pidfds[i]);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, pool_setup, pool_teardown)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(test_rows_land),
        TEST(test_a_crash_names_plugin_and_signal),
        TEST(test_a_hang_is_ended_at_its_timeout),
        TEST(test_a_frozen_worker_is_ended),
        TEST(test_interactive_workers),
        TEST(test_memory_has_a_limit),
        TEST(test_a_text_that_is_no_utf8_is_told),
        TEST(test_a_running_task_is_cancelled),
        TEST(test_a_task_that_was_not_sent_is_cancelled),
        TEST(test_a_binary_that_does_not_start_ends_the_task),
        TEST(test_a_worker_that_is_killed_ends_its_task_once),
        TEST(test_workers_are_recycled),
        TEST(test_third_parties_are_kept_apart),
        TEST(test_a_task_goes_to_the_worker_that_fits),
        TEST(test_a_hang_at_exit_costs_no_place),
        TEST(test_a_stop_waits_for_its_grace),
        TEST(test_a_stop_ends_what_hangs),
        TEST(test_nothing_is_left),
        TEST(test_random_kills),
        TEST(test_workers_end_with_their_host),
    };
    if (argc > 1 && strcmp(argv[1], "--host") == 0) {
        return be_a_host();
    }
    own_path = argv[0];
    return cmocka_run_group_tests(tests, start_pg, stop_pg);
}
