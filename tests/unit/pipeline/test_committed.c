/*
 * What a run has loaded that did not come to its end: rows of its checkpoints are stored, and the
 * run says so, whoever tells its end.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "pipeline/service.h"
#include "service_fixture.h"

enum { ROWS_COMMITTED = 4 }; /* of the ten, before the source fails */

#define CHECKPOINTED(plugin, more)                                                     \
    "id: p\n" more "jobs:\n"                                                           \
    "  - {id: fetch, extract: {source: " plugin ", config: {n: 10, batch_rows: 4}}}\n" \
    "  - {id: load, needs: [fetch], load: {table: m.t, mode: append}}\n"

static void start_with(const char *text)
{
    write_pipeline("p", text);
    fixture.config.checkpoint_ms = 1;
    start_service();
}

static int64_t rows_of_load(const json_t *run)
{
    return json_integer_value(
        json_object_get(json_array_get(json_object_get(run, "jobs"), 1), "rows_out"));
}

static void assert_committed(const json_t *run, const char *status)
{
    assert_string_equal(text_at(run, "status"), status);
    assert_int_equal(rows_of_load(run), ROWS_COMMITTED);
    assert_int_equal(json_integer_value(json_object_get(run, "rows_loaded")), ROWS_COMMITTED);
    assert_int_equal(warehouse_number("select count(*) as n from m.t"), ROWS_COMMITTED);
}

/* Until the first checkpoint is there, and the source hangs. */
static void reach_checkpoint(void)
{
    metadata_reaches("select coalesce(sum(rows_out), 0)::bigint as n from job_run"
                     " where type = 'load'",
                     ROWS_COMMITTED);
}

static void kill_busy_worker(void)
{
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_json_decrefp) json_t *status = NULL;
    size_t i;
    json_t *worker;
    must(hg_pipelines_status(fixture.service, &status, &err), &err);
    json_array_foreach (json_object_get(status, "workers"), i, worker) {
        if (strcmp(text_at(worker, "state"), "busy") == 0) {
            pid_t pid = (pid_t)json_integer_value(json_object_get(worker, "pid"));
            assert_int_equal(kill(pid, SIGKILL), 0);
        }
    }
}

/* The ledger alone knows: the worker has gone without a word. */
static void test_a_worker_that_dies(void **state)
{
    (void)state;
    start_with(CHECKPOINTED("crash-in-read", "retries: 0\n"));
    HG_CLEANUP(hg_json_decrefp) json_t *run = run_to_end("p");
    assert_committed(run, "failed");
}

static int64_t rejected_of(const char *run_id)
{
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_json_decrefp) json_t *run = NULL;
    must(hg_runs_get(fixture.service, run_id, &run, &err), &err);
    return json_integer_value(json_object_get(run, "rows_rejected"));
}

/*
 * Rejected rows were counted while it ran, and their quarantine was rolled back with the rows, or
 * committed with a checkpoint.
 */
static void rejects_then_dies(const char *in_warehouse, int64_t n_kept)
{
    char run_id[HG_UUID_TEXT];
    start_with(CHECKPOINTED("hang-in-read", "retries: {max: 1, backoff: 1h, max_backoff: 1h}\n"));
    trigger("p", run_id);
    reach_checkpoint();
    sql("metadata", "update job_run set rows_rejected = 7 where job_id = 'fetch'");
    sql("warehouse", in_warehouse);
    assert_int_equal(rejected_of(run_id), 7);
    kill_busy_worker();
    metadata_reaches("select count(*) as n from job_run where status = 'retrying'", 2);
    assert_int_equal(rejected_of(run_id), n_kept);
}

static void test_rejected_rows_that_were_rolled_back(void **state)
{
    (void)state;
    rejects_then_dies("select 1", 0);
}

static void test_rejected_rows_that_were_committed(void **state)
{
    (void)state;
    rejects_then_dies("update headgate.ledger set rows_rejected = 3", 3);
}

/* Each attempt goes on behind what is committed; the last one's figure is the run's, not its own.
 */
static void test_attempts_after_another(void **state)
{
    (void)state;
    start_with(CHECKPOINTED("crash-in-read", "retries: {max: 2, backoff: 10ms}\n"));
    HG_CLEANUP(hg_json_decrefp) json_t *run = run_to_end("p");
    assert_int_equal(json_integer_value(json_object_get(run, "retry_count")), 2);
    assert_committed(run, "failed");
}

static void test_a_job_that_waits_to_be_tried_again(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    char run_id[HG_UUID_TEXT];
    start_with(CHECKPOINTED("hang-in-read", "retries: {max: 1, backoff: 1h, max_backoff: 1h}\n"));
    trigger("p", run_id);
    reach_checkpoint();
    kill_busy_worker();
    metadata_reaches("select count(*) as n from job_run where status = 'retrying'", 2);
    HG_CLEANUP(hg_json_decrefp) json_t *waits = NULL;
    must(hg_runs_get(fixture.service, run_id, &waits, &err), &err);
    assert_int_equal(rows_of_load(waits), ROWS_COMMITTED);
    HG_CLEANUP(hg_json_decrefp) json_t *answer = NULL;
    must(hg_runs_cancel(fixture.service, NULL, run_id, &answer, &err), &err);
    HG_CLEANUP(hg_json_decrefp) json_t *run = run_ended(run_id);
    assert_committed(run, "cancelled");
}

/* The source does not listen, so the worker is killed and the ledger asked. */
static void test_a_cancel(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    char run_id[HG_UUID_TEXT];
    HG_CLEANUP(hg_json_decrefp) json_t *answer = NULL;
    start_with(CHECKPOINTED("hang-in-read", "retries: 0\n"));
    trigger("p", run_id);
    reach_checkpoint();
    must(hg_runs_cancel(fixture.service, NULL, run_id, &answer, &err), &err);
    HG_CLEANUP(hg_json_decrefp) json_t *run = run_ended(run_id);
    assert_committed(run, "cancelled");
}

/* The user's retry goes on behind it, and what was stored before is the run's own. */
static void test_a_retry_of_the_run(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_json_decrefp) json_t *answer = NULL;
    start_with(CHECKPOINTED("crash-in-read", "retries: 0\n"));
    HG_CLEANUP(hg_json_decrefp) json_t *first = run_to_end("p");
    must(hg_runs_retry(fixture.service, NULL, text_at(first, "id"), &answer, NULL, &err), &err);
    HG_CLEANUP(hg_json_decrefp) json_t *run = run_ended(text_at(first, "id"));
    assert_committed(run, "failed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_worker_that_dies),
        TEST(test_rejected_rows_that_were_rolled_back),
        TEST(test_rejected_rows_that_were_committed),
        TEST(test_attempts_after_another),
        TEST(test_a_job_that_waits_to_be_tried_again),
        TEST(test_a_cancel),
        TEST(test_a_retry_of_the_run),
    };
    return cmocka_run_group_tests(tests, start_pg, stop_pg);
}
