/*
 * What the host's log says of runs, in which order, and of rows that are dropped.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libpq-fe.h>

#include "base/io.h"
#include "base/time.h"
#include "pipeline/retention.h"
#include "pipeline/service.h"
#include "pipeline/signal.h"
#include "pipeline/state.h"
#include "service_fixture.h"

/* stderr of the test goes to a file meanwhile. */
static int own_stderr = -1;

static const char *log_path(void)
{
    static char path[128];
    (void)snprintf(path, sizeof path, "%s/stderr", fixture.folder);
    return path;
}

static void begin_log(void)
{
    HG_CLEANUP(hg_closep)
    int fd = open(log_path(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    own_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    assert_true(own_stderr >= 0);
    assert_true(dup2(fd, STDERR_FILENO) >= 0);
}

static void give_stderr_back(void)
{
    if (own_stderr >= 0) {
        (void)dup2(own_stderr, STDERR_FILENO);
        hg_closep(&own_stderr);
    }
}

/* All that was logged since begin_log; owned by the caller. */
static char *end_log(void)
{
    struct hg_error err = HG_ERROR_INIT;
    char *text = NULL;
    size_t n = 0;
    give_stderr_back();
    must(hg_read_file(log_path(), 1 << 20, &text, &n, &err), &err);
    return text;
}

static int clean_up(void **state)
{
    give_stderr_back();
    return teardown(state);
}

static void test_a_failure_comes_before_the_end_of_its_run(void **state)
{
    (void)state;
    write_pipeline("bad", FLOW("bad", "crash-in-read", "10", ""));
    begin_log();
    start_service();
    HG_CLEANUP(hg_json_decrefp) json_t *run = run_to_end("bad");
    stop_service();
    HG_CLEANUP(hg_freep) char *log = end_log();
    assert_string_equal(text_at(run, "status"), "failed");
    const char *failed = strstr(log, "an attempt failed");
    const char *ended = strstr(log, "run ended");
    assert_non_null(failed);
    assert_non_null(ended);
    assert_true(failed < ended);
    assert_null(strstr(failed + 1, "an attempt failed"));
}

static void test_a_cancel_is_no_failure(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    char run_id[HG_UUID_TEXT];
    HG_CLEANUP(hg_json_decrefp) json_t *answer = NULL;
    write_pipeline("slow", FLOW("slow", "hang-in-read", "10", ""));
    begin_log();
    start_service();
    trigger("slow", run_id);
    metadata_reaches("select count(*) as n from task where state = 'running'", 1);
    must(hg_runs_cancel(fixture.service, NULL, run_id, &answer, &err), &err);
    HG_CLEANUP(hg_json_decrefp) json_t *run = run_ended(run_id);
    stop_service();
    HG_CLEANUP(hg_freep) char *log = end_log();
    assert_string_equal(text_at(run, "status"), "cancelled");
    assert_non_null(strstr(log, "status=cancelled"));
    assert_null(strstr(log, "an attempt failed"));
    assert_null(strstr(log, " warning "));
}

/* Whoever restarts the database says so. */
static void test_a_short_outage_is_not_an_error(void **state)
{
    enum { SHORT_MS = 4000 }; /* a longer one is told */
    (void)state;
    write_pipeline("good", FLOW("good", "numbers", "10", ""));
    begin_log();
    start_service();
    int64_t begin = hg_time_monotonic_ms();
    hg_test_pg_kill(pg);
    hg_dispatch_wake(fixture.service->dispatch);
    int r = hg_test_pg_resume(pg);
    int64_t away_ms = hg_time_monotonic_ms() - begin;
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_json_decrefp) json_t *answer = NULL;
    while (r == 0 &&
           hg_pipelines_trigger(fixture.service, NULL, "good", NULL, &answer, NULL, &err) < 0) {
    }
    const char *run_id = json_string_value(json_object_get(answer, "run_id"));
    HG_CLEANUP(hg_json_decrefp) json_t *run = run_id ? run_ended(run_id) : NULL;
    stop_service();
    HG_CLEANUP(hg_freep) char *log = end_log();
    assert_int_equal(r, 0);
    assert_string_equal(text_at(run, "status"), "succeeded");
    if (away_ms < SHORT_MS && strstr(log, "waits for the database")) {
        fail_msg("%s", log);
    }
}

/* Of a pipeline that is gone, as its run is; the table of the second is not there. */
static void stage_rows(void)
{
    sql("warehouse",
        "create table headgate_stage.a (k int); create table headgate_stage.c (k int);"
        " alter table headgate_stage.a owner to headgate_load;"
        " alter table headgate_stage.c owner to headgate_load;"
        " insert into headgate.stage (pipeline_id, task_key, run_id, table_name, columns, n_rows,"
        " in_order, incremental, from_source, taken, created_at) select 'gone', 'gone', ('01744c1c-"
        "f400-7000-8000-00000000000' || n)::uuid, 'headgate_stage.' || t, '[]', 10 + n, true, true,"
        " true, true, now() - interval '40 days' from (values (1, 'a'), (2, 'b'), (3, 'c')) as"
        " v (n, t)");
}

static PGconn *look_into(const char *table)
{
    char text[512];
    (void)snprintf(text, sizeof text, "%s dbname=warehouse", hg_test_pg_admin(pg));
    PGconn *conn = PQconnectdb(text);
    assert_int_equal(PQstatus(conn), CONNECTION_OK);
    (void)snprintf(text, sizeof text, "begin; select from %s", table);
    PQclear(PQexec(conn, text));
    assert_int_equal(PQtransactionStatus(conn), PQTRANS_INTRANS);
    return conn;
}

#define DROPPED(n)                                                        \
    "staged rows of a pipeline that is gone are dropped pipeline_id=gone" \
    " run_id=01744c1c-f400-7000-8000-00000000000" n " rows=1" n

/* Rows that nobody will ever load: each drop is told, and one that fails is in nobody's way. */
static void test_staged_rows_that_are_dropped(void **state)
{
    struct hg_error err = HG_ERROR_INIT;
    (void)state;
    fixture.config.retention = json_pack("{s:i}", "runs_days", 30);
    stage_rows();
    PGconn *reader = look_into("headgate_stage.a");
    begin_log();
    start_service();
    int r = hg_retention_keep_stages(fixture.service, &err);
    PQfinish(reader);
    struct hg_error none = HG_ERROR_INIT;
    int again = hg_retention_keep_stages(fixture.service, &none);
    stop_service();
    json_decref(fixture.config.retention);
    fixture.config.retention = NULL;
    HG_CLEANUP(hg_freep) char *log = end_log();
    assert_int_equal(r, HG_ECONFLICT);
    assert_non_null(strstr(err.message, "11 rows of run 01744c1c-f400-7000-8000-000000000001"));
    must(again, &none);
    const char *first = strstr(log, DROPPED("1"));
    const char *others = strstr(log, DROPPED("2"));
    assert_non_null(first);
    assert_non_null(others);
    assert_true(others < first);
    assert_non_null(strstr(log, DROPPED("3")));
    assert_null(strstr(first + 1, DROPPED("1")));
}

#define LOGGED(name) cmocka_unit_test_setup_teardown(name, setup, clean_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOGGED(test_a_failure_comes_before_the_end_of_its_run),
        LOGGED(test_a_cancel_is_no_failure),
        LOGGED(test_a_short_outage_is_not_an_error),
        LOGGED(test_staged_rows_that_are_dropped),
    };
    return cmocka_run_group_tests(tests, start_pg, stop_pg);
}
