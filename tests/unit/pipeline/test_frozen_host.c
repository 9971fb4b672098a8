/*
 * A host that is frozen together with its worker, as a virtual machine is that somebody pauses: the
 * worker's transaction stays open, and another host does its work all the same.
 */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "base/time.h"
#include "service_fixture.h"

#ifdef HG_FAULTS

static char step[128]; /* the worker freezes there */

/* A host of its own process, which nobody ends but by a signal; never back in the tests' own. */
static void be_a_host(const char *pipeline)
{
    struct hg_error err = HG_ERROR_INIT;
    json_t *answer = NULL;
    struct hg_pipelines_options options = {
        .config = &fixture.config,
        .host = fixture.host,
        .self = getenv("HG_HEADGATE"),
        .worker_warehouse_url = hg_test_pg_worker(pg),
        .plugins = fixture.plugins,
    };
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    int r = hg_pool_new(hg_test_pg_metadata(pg), 6, "frozen", &options.metadata, &err);
    r = r < 0 ? r : hg_pool_new(hg_test_pg_warehouse(pg), 4, "frozen", &options.warehouse, &err);
    r = r < 0 ? r : hg_pipelines_start(&options, &fixture.service, &err);
    r = r < 0 ? r
              : hg_pipelines_trigger(fixture.service, NULL, pipeline, NULL, &answer, NULL, &err);
    while (r == HG_OK) {
        (void)pause();
    }
    (void)fprintf(stderr, "%s (%s)\n", err.message, err.hint);
    _exit(1);
}

static pid_t start_host(const char *pipeline)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        be_a_host(pipeline);
    }
    return pid;
}

static void wait_until_its_worker_is_frozen(pid_t host)
{
    int64_t until_ms = hg_time_monotonic_ms() + WAIT_MS;
    while (access(step, F_OK) == 0) {
        assert_true(hg_time_monotonic_ms() < until_ms);
        assert_int_equal(waitpid(host, NULL, WNOHANG), 0);
    }
}

/* Between two transactions of the host itself: this is not about those. */
static void freeze(pid_t host)
{
    do {
        assert_int_equal(kill(host, SIGCONT), 0);
        assert_int_equal(kill(host, SIGSTOP), 0);
        assert_int_equal(waitpid(host, NULL, WUNTRACED), host);
    } while (metadata_number("select count(*)::int as n from pg_stat_activity where"
                             " application_name = 'frozen' and datname = 'metadata' and"
                             " state <> 'idle'") > 0);
}

/* That has taken the run of the pipeline "good" and is frozen with the worker that is at it. */
static pid_t start_frozen(void)
{
    struct hg_error err = HG_ERROR_INIT;
    write_pipeline("good",
                   "id: good\nretries: {max: 3, backoff: 50ms}\njobs:\n"
                   "  - {id: fetch, extract: {source: numbers, config: {n: 10}}}\n"
                   "  - {id: load, needs: [fetch], load: {table: m.t, mode: append}}\n");
    (void)snprintf(step, sizeof step, "%s/flow.batch", fixture.folder);
    must(hg_write_file(step, 0644, "stop", 4, &err), &err);
    pid_t host = start_host("good");
    wait_until_its_worker_is_frozen(host);
    freeze(host);
    return host;
}

static void end(pid_t host)
{
    assert_int_equal(kill(host, SIGKILL), 0);
    assert_int_equal(waitpid(host, NULL, 0), host);
}

static void test_another_host_takes_over(void **state)
{
    (void)state;
    pid_t host = start_frozen();
    start_service();
    metadata_reaches("select count(*) as n from run where status = 'succeeded'", 1);
    assert_int_equal(warehouse_number("select count(*) as n from m.t"), 10);
    end(host);
    assert_int_equal(warehouse_number("select count(*) as n from m.t"), 10);
}

static void cancel_the_run(void)
{
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_json_decrefp) json_t *answer = NULL;
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    must(hg_pool_borrow(fixture.metadata, 5000, &db, &err), &err);
    must(hg_db_simple(db, "select id from run", &result, &err), &err);
    must(hg_runs_cancel(fixture.service, NULL, hg_result_text(result, 0, "id"), &answer, &err),
         &err);
}

/* Whether the frozen attempt has committed is asked before the run is cancelled. */
static void test_the_run_is_cancelled(void **state)
{
    (void)state;
    pid_t host = start_frozen();
    start_service();
    cancel_the_run();
    metadata_reaches("select count(*) as n from run where status = 'cancelled'", 1);
    assert_int_equal(metadata_number("select count(*)::int as n from run_slot"), 0);
    end(host);
    assert_int_equal(warehouse_number("select count(*) as n from pg_tables where schemaname = 'm'"),
                     0);
}

static void thaw_children(const char *file)
{
    char children[256] = "";
    FILE *list = fopen(file, "re");
    char *end = children;
    if (list && fgets(children, sizeof children, list)) {
        for (long pid = strtol(end, &end, 10); pid > 0; pid = strtol(end, &end, 10)) {
            assert_int_equal(kill((pid_t)pid, SIGCONT), 0);
        }
    }
    if (list) {
        (void)fclose(list);
    }
}

/* The workers of a host go on; each thread of it has children of its own. */
static void thaw_workers(pid_t host)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/task", (int)host);
    DIR *threads = opendir(path);
    assert_non_null(threads);
    for (struct dirent *thread; (thread = readdir(threads)) != NULL;) {
        char file[sizeof path + sizeof thread->d_name + sizeof "//children"];
        (void)snprintf(file, sizeof file, "%s/%s/children", path, thread->d_name);
        thaw_children(file);
    }
    (void)closedir(threads);
}

/*
 * The next attempt waits for the frozen one when somebody cancels the run. That the next one has
 * committed nothing says nothing of the other, which must be ended before the run is.
 */
static void test_the_run_is_cancelled_while_the_next_attempt_waits(void **state)
{
    (void)state;
    pid_t host = start_frozen();
    start_service();
    metadata_reaches("select count(*) as n from task where attempt = 2 and state = 'running'", 1);
    metadata_reaches("select count(*) as n from pg_stat_activity where usename = 'headgate_load'"
                     " and (state = 'idle' or query like '%rollback%')",
                     1);
    cancel_the_run();
    metadata_reaches("select count(*) as n from run where status = 'cancelled'", 1);
    thaw_workers(host);
    metadata_reaches("select (count(*) = 0)::int as n from pg_stat_activity where usename ="
                     " 'headgate_load' and xact_start is not null",
                     1);
    assert_int_equal(warehouse_number("select count(*) as n from pg_tables where schemaname = 'm'"),
                     0);
    end(host);
}

static int start_with_faults(void **state)
{
    return setenv("HEADGATE_LEASE_MS", "1500", 1) == 0 ? start_pg(state) : -1;
}

static int setup_with_faults(void **state)
{
    int r = setup(state);
    return r < 0 ? r : setenv("HEADGATE_FAULT_DIR", fixture.folder, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_another_host_takes_over, setup_with_faults, teardown),
        cmocka_unit_test_setup_teardown(test_the_run_is_cancelled, setup_with_faults, teardown),
        cmocka_unit_test_setup_teardown(
            test_the_run_is_cancelled_while_the_next_attempt_waits, setup_with_faults, teardown),
    };
    return cmocka_run_group_tests(tests, start_with_faults, stop_pg);
}

#else

int main(void)
{
    print_message("skipped: needs a build with fault points\n");
    return 0;
}

#endif
