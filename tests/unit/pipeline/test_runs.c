/* How runs are made and how their attempts end. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "dispatch/state.h"
#include "pipeline/service.h"
#include "pipeline/signal.h"
#include "pipeline/state.h"
#include "service_fixture.h"

#define PARAMS                                                                           \
    "params: {type: object, additionalProperties: false, required: [day], properties: {" \
    "day: {type: string, format: date}, top: {type: integer, minimum: 1, default: 5}}}\n"

static int trigger_with(const char *params_text, char busy[HG_UUID_TEXT], struct hg_error *err)
{
    HG_CLEANUP(hg_json_decrefp) json_t *params = json_loads(params_text, JSON_DECODE_ANY, NULL);
    HG_CLEANUP(hg_json_decrefp) json_t *answer = NULL;
    return hg_pipelines_trigger(fixture.service, NULL, "good", params, &answer, busy, err);
}

static void test_parameters_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *params;
        const char *pointer;
    } cases[] = {
        {"{}", "/params"},
        {"{\"day\": \"2026-02-30\"}", "/params/day"},
        {"{\"day\": \"2026-02-03\", \"top\": 0}", "/params/top"},
        {"{\"day\": \"2026-02-03\", \"tpo\": 1}", "/params/tpo"},
        {"[]", "/params"},
        {"\"x\"", "/params"},
    };
    write_pipeline("good", FLOW("good", "numbers", "10", PARAMS));
    start_service();
    for (size_t i = 0; i < HG_COUNT(cases); i++) {
        struct hg_error err = HG_ERROR_INIT;
        assert_int_equal(trigger_with(cases[i].params, NULL, &err), HG_EINVAL);
        assert_string_equal(err.pointer, cases[i].pointer);
    }
    assert_int_equal(metadata_number("select count(*) as n from run"), 0);
    struct hg_error err = HG_ERROR_INIT;
    must(trigger_with("{\"day\": \"2026-02-03\"}", NULL, &err), &err);
    assert_int_equal(metadata_number("select (params->>'top')::int as n from run"), 5);
}

static void test_a_pipeline_without_parameters_takes_none(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    json_t *answer = NULL;
    write_pipeline("good", FLOW("good", "numbers", "10", ""));
    start_service();
    assert_int_equal(trigger_with("{\"day\": 1}", NULL, &err), HG_EINVAL);
    assert_string_equal(err.pointer, "/params/day");
    assert_int_equal(hg_pipelines_trigger(fixture.service, NULL, "nope", NULL, &answer, NULL, &err),
                     HG_ENOTFOUND);
    must(trigger_with("null", NULL, &err), &err);
}

/* Many at once: one is taken, the others are told which. */
static void *trigger_once(void *arg)
{
    struct hg_error err = HG_ERROR_INIT;
    char busy[HG_UUID_TEXT] = "";
    json_t *answer = NULL;
    int r = hg_pipelines_trigger(fixture.service, NULL, "hang", NULL, &answer, busy, &err);
    json_decref(answer);
    *(int *)arg = r == HG_ECONFLICT && busy[0] == '\0' ? HG_EINTERNAL : r;
    return NULL;
}

static void test_many_triggers_make_one_run(void **state)
{
    (void)state;
    pthread_t threads[5];
    int results[5];
    int n_ok = 0;
    write_pipeline("hang", FLOW("hang", "hang-in-read", "10", ""));
    start_service();
    for (size_t i = 0; i < HG_COUNT(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, trigger_once, &results[i]), 0);
    }
    for (size_t i = 0; i < HG_COUNT(threads); i++) {
        (void)pthread_join(threads[i], NULL);
        n_ok += results[i] == HG_OK;
        assert_true(results[i] == HG_OK || results[i] == HG_ECONFLICT);
    }
    assert_int_equal(n_ok, 1);
    assert_int_equal(metadata_number("select count(*) as n from run"), 1);
    assert_int_equal(metadata_number("select count(*) as n from task"), 1);
}

/* The smallest timeout, the most retries, with the backoff that belongs to them. */
static void test_jobs_of_a_task_share_their_limits(void **state)
{
    (void)state;
    char run_id[HG_UUID_TEXT];
    write_pipeline(
        "crash",
        "id: crash\nretries: {max: 1, backoff: 1ms}\ntimeout: 1h\njobs:\n"
        "  - {id: fetch, timeout: 9m, extract: {source: crash-in-read, config: {n: 10}}}\n"
        "  - {id: load, needs: [fetch], timeout: 10m, retries: {max: 4, backoff: 1h},"
        " load: {table: m.t, mode: append}}\n");
    start_service();
    trigger("crash", run_id);
    metadata_reaches("select count(*) as n from job_run where status = 'retrying'", 1);
    assert_int_equal(metadata_number("select max_attempts as n from task"), 5);
    assert_int_equal(metadata_number("select timeout_ms as n from task"), 540000);
    int64_t wait_s =
        metadata_number("select extract(epoch from run_at - now())::bigint as n from task");
    assert_in_range(wait_s, 3500, 3600 * 11 / 10);
}

/* The warehouse lets workers in only at the second attempt. */
static void test_a_retry_that_succeeds(void **state)
{
    (void)state;
    char run_id[HG_UUID_TEXT];
    write_pipeline("good", FLOW("good", "numbers", "10", "retries: {max: 1, backoff: 1h}\n"));
    sql("warehouse", "alter role headgate_load connection limit 0");
    start_service();
    trigger("good", run_id);
    metadata_reaches("select count(*) as n from task where attempt = 1 and state = 'ready'", 1);
    sql("warehouse", "alter role headgate_load connection limit -1");
    sql("metadata", "update task set run_at = now()");
    HG_CLEANUP(hg_json_decrefp) json_t *run = run_ended(run_id);
    assert_string_equal(text_at(run, "status"), "succeeded");
    assert_true(json_is_null(json_object_get(run, "error")));
    assert_int_equal(json_integer_value(json_object_get(run, "retry_count")), 1);
    assert_int_equal(json_integer_value(json_object_get(run, "rows_loaded")), 10);
}

/* It has committed, dies, and no attempt is left: what landed is what counts. */
static void test_a_worker_that_dies_behind_its_commit(void **state)
{
    (void)state;
#ifndef HG_FAULTS
    print_message("skipped: needs a build with fault points\n");
    skip();
#else
    static const char *const steps[] = {"flow.committed", "worker.reports"};
    struct hg_error err = HG_ERROR_INIT;
    char step[300];
    write_pipeline("good",
                   "id: good\nretries: 0\njobs:\n"
                   "  - {id: fetch, extract: {source: numbers, config: {n: 10}}}\n"
                   "  - {id: load, needs: [fetch], load: {table: m.t, mode: replace}}\n");
    assert_int_equal(setenv("HEADGATE_FAULT_DIR", fixture.folder, 1), 0);
    start_service();
    for (int i = 0; i < (int)HG_COUNT(steps); i++) {
        (void)snprintf(step, sizeof step, "%s/%s", fixture.folder, steps[i]);
        must(hg_write_file(step, 0644, "kill", 4, &err), &err);
        HG_CLEANUP(hg_json_decrefp) json_t *run = run_to_end("good");
        assert_int_not_equal(access(step, F_OK), 0);
        assert_string_equal(text_at(run, "status"), "succeeded");
        assert_int_equal(json_integer_value(json_object_get(run, "rows_loaded")), 10);
        assert_int_equal(warehouse_number("select count(*) as n from m.t"), 10);
    }
    /* A higher fence is there, say of a warehouse that was restored: the ledger cannot be asked. */
    sql("warehouse", "update headgate.ledger_head set fence = fence + 1000000");
    (void)snprintf(step, sizeof step, "%s/worker.begins", fixture.folder);
    must(hg_write_file(step, 0644, "kill", 4, &err), &err);
    HG_CLEANUP(hg_json_decrefp) json_t *refused = run_to_end("good");
    assert_string_equal(text_at(refused, "status"), "failed");
    sql("warehouse", "update headgate.ledger_head set fence = fence - 1000000");
    /* Before the commit, the same death is a failure that left nothing. */
    (void)snprintf(step, sizeof step, "%s/flow.commits", fixture.folder);
    must(hg_write_file(step, 0644, "kill", 4, &err), &err);
    HG_CLEANUP(hg_json_decrefp) json_t *run = run_to_end("good");
    assert_string_equal(text_at(run, "status"), "failed");
    assert_int_equal(warehouse_number("select count(*) as n from m.t"), 10);
    assert_int_equal(unsetenv("HEADGATE_FAULT_DIR"), 0);
#endif
}

#define RENAME "alter function headgate.take_fence rename to "
/* As where a stranger holds the lock: a conflict, but none with a newer attempt. */
#define REFUSE                                                                                \
    "create function headgate.take_fence(text, text, bigint, integer, bigint[]) returns text" \
    " language plpgsql as 'begin raise exception ''refused'' using errcode = ''55P03''; end'"

/* A refusal says nothing of what was committed: the attempt stays in doubt until there is an
 * answer. */
static void test_a_ledger_that_refuses_to_answer(void **state)
{
    (void)state;
#ifndef HG_FAULTS
    print_message("skipped: needs a build with fault points\n");
    skip();
#else
    struct hg_error err = HG_ERROR_INIT;
    char step[300];
    char run_id[HG_UUID_TEXT];
    write_pipeline("good",
                   "id: good\nretries: 0\njobs:\n"
                   "  - {id: fetch, extract: {source: numbers, config: {n: 10}}}\n"
                   "  - {id: load, needs: [fetch], load: {table: m.t, mode: append}}\n");
    sql("warehouse",
        "create function headgate.hide() returns trigger language plpgsql security definer as"
        " $$begin " RENAME "hidden; execute $f$" REFUSE "$f$; return null; end$$;"
        " create trigger hide after insert on headgate.ledger for each row"
        " execute function headgate.hide()");
    assert_int_equal(setenv("HEADGATE_FAULT_DIR", fixture.folder, 1), 0);
    start_service();
    (void)snprintf(step, sizeof step, "%s/flow.committed", fixture.folder);
    must(hg_write_file(step, 0644, "kill", 4, &err), &err);
    trigger("good", run_id);
    int64_t fence = metadata_number("select last_value as n from task_fence");
    metadata_reaches("select last_value as n from task_fence", fence + 4); /* one a question */
    assert_int_equal(metadata_number("select count(*)::int as n from task where state = 'running'"),
                     1);
    sql("warehouse",
        "drop trigger hide on headgate.ledger; drop function headgate.hide();"
        " drop function headgate.take_fence; alter function headgate.hidden rename to take_fence");
    HG_CLEANUP(hg_json_decrefp) json_t *run = run_ended(run_id);
    assert_string_equal(text_at(run, "status"), "succeeded");
    assert_int_equal(warehouse_number("select count(*) as n from m.t"), 10);
    assert_int_equal(unsetenv("HEADGATE_FAULT_DIR"), 0);
#endif
}

static const char *status_of(const json_t *run, const char *job)
{
    size_t i;
    const json_t *item;
    json_array_foreach (json_object_get(run, "jobs"), i, item) {
        if (strcmp(text_at(item, "id"), job) == 0) {
            return text_at(item, "status");
        }
    }
    return "none";
}

#define TWO_FLOWS(first)                                                           \
    "id: two\nretries: 0\njobs:\n"                                                 \
    "  - {id: fetch, extract: {source: " first ", config: {n: 10}}}\n"             \
    "  - {id: load, needs: [fetch], load: {table: m.a, mode: replace}}\n"          \
    "  - {id: later, needs: [load], extract: {source: numbers, config: {n: 5}}}\n" \
    "  - {id: last, needs: [later], load: {table: m.b, mode: replace}}\n"

static void test_a_run_is_cancelled(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    char run_id[HG_UUID_TEXT];
    json_t *answer = NULL;
    write_pipeline("two", TWO_FLOWS("hang-in-read"));
    start_service();
    trigger("two", run_id);
    metadata_reaches("select count(*) as n from job_run where status = 'running'", 2);
    must(hg_runs_cancel(fixture.service, NULL, run_id, &answer, &err), &err);
    assert_string_equal(text_at(answer, "run_id"), run_id);
    json_decref(answer);
    HG_CLEANUP(hg_json_decrefp) json_t *run = run_ended(run_id);
    assert_string_equal(text_at(run, "status"), "cancelled");
    assert_true(json_is_null(json_object_get(run, "error")));
    static const char *const jobs[] = {"fetch", "load", "later", "last"};
    for (size_t i = 0; i < HG_COUNT(jobs); i++) {
        assert_string_equal(status_of(run, jobs[i]), "cancelled");
    }
    assert_int_equal(hg_runs_cancel(fixture.service, NULL, run_id, &answer, &err), HG_ECONFLICT);
    assert_non_null(strstr(err.message, "(cancelled)"));
}

/* The server works on one statement that would take ten minutes. */
static void test_a_long_statement_is_cancelled(void **state)
{
    (void)state;
    static const char script[] = "select pg_advisory_lock(42), pg_sleep(600)";
    struct hg_error err = HG_ERROR_INIT;
    char run_id[HG_UUID_TEXT];
    char path[300];
    json_t *answer = NULL;
    (void)snprintf(path, sizeof path, "%s/t.sql", fixture.folder);
    must(hg_write_file(path, 0644, script, sizeof script - 1, &err), &err);
    write_pipeline("sql", "id: sql\njobs: [{id: sleep, transform: {sql: t.sql}}]\n");
    start_service();
    trigger("sql", run_id);
    metadata_reaches("select count(*) as n from pg_locks where locktype = 'advisory'"
                     " and database = (select oid from pg_database where datname = 'warehouse')",
                     1);
    must(hg_runs_cancel(fixture.service, NULL, run_id, &answer, &err), &err);
    json_decref(answer);
    HG_CLEANUP(hg_json_decrefp) json_t *run = run_ended(run_id);
    assert_string_equal(text_at(run, "status"), "cancelled");
    metadata_reaches("select (count(*) = 0)::int as n from pg_locks where locktype = 'advisory'"
                     " and database = (select oid from pg_database where datname = 'warehouse')",
                     1);
}

static void write_script(const char *name, const char *text)
{
    struct hg_error err = HG_ERROR_INIT;
    char path[300];
    (void)snprintf(path, sizeof path, "%s/%s.sql", fixture.folder, name);
    must(hg_write_file(path, 0644, text, strlen(text), &err), &err);
}

/* Another host has taken its lease for over and made the task ready, and this one claims it again.
 */
static void test_an_attempt_beside_an_older_one(void **state)
{
    (void)state;
    char run_id[HG_UUID_TEXT];
    write_script("t",
                 "select pg_advisory_xact_lock(43);"
                 " select pg_sleep(case when nextval('begun') = 1 then 600 else 0 end)");
    write_pipeline("sql", "id: sql\njobs: [{id: sleep, transform: {sql: t.sql}}]\n");
    start_service();
    sql("warehouse",
        "create sequence public.begun; alter sequence public.begun owner to"
        " headgate_user");
    trigger("sql", run_id);
    metadata_reaches(
        "select count(*) as n from pg_locks where locktype = 'advisory' and objid = 43", 1);
    sql("metadata",
        "update task set state = 'ready', host = null, run_at = now(),"
        " max_attempts = max_attempts + 1");
    hg_dispatch_wake(fixture.service->dispatch);
    HG_CLEANUP(hg_json_decrefp) json_t *run = run_ended(run_id);
    assert_string_equal(text_at(run, "status"), "succeeded");
    assert_int_equal(warehouse_number("select last_value as n from public.begun"), 2);
}

/* Its attempt was lost with a host, which may have committed it: only the ledger knows. */
static void test_what_was_lost_is_settled_before_it_is_cancelled(void **state)
{
    (void)state;
    static const char *const statuses[] = {"cancelled", "succeeded"};
    struct hg_error err = HG_ERROR_INIT;
    char run_id[HG_UUID_TEXT];
    char text[512];
    write_pipeline("crash",
                   FLOW("crash", "crash-in-read", "10", "retries: {max: 3, backoff: 1h}\n"));
    start_service();
    for (int committed = 0; committed < 2; committed++) {
        json_t *answer = NULL;
        trigger("crash", run_id);
        metadata_reaches("select count(*) as n from task where state = 'ready' and attempt > 0", 1);
        sql("metadata", "update task set n_lost = 1");
        if (committed) {
            (void)snprintf(text,
                           sizeof text,
                           "insert into headgate.ledger (pipeline_id, run_id, task_key, attempt,"
                           " fence, final) values ('crash', '%s', 'fetch', 1, 1, true)",
                           run_id);
            sql("warehouse", text);
        }
        must(hg_runs_cancel(fixture.service, NULL, run_id, &answer, &err), &err);
        json_decref(answer);
        HG_CLEANUP(hg_json_decrefp) json_t *run = run_ended(run_id);
        assert_string_equal(text_at(run, "status"), statuses[committed]);
    }
}

/* While tasks were short more were claimed than there are workers; then the workers get long ones.
 */
static void test_what_is_given_back_is_left_to_others(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    char run_id[2][HG_UUID_TEXT];
    write_script("no", "select 1");
    write_script("t", "select pg_sleep(600)");
    write_pipeline("long",
                   "id: long\nparallelism: 3\njobs: [{id: a, transform: {sql: t.sql}},"
                   " {id: b, transform: {sql: t.sql}}]\n");
    write_pipeline("short", "id: short\njobs: [{id: a, transform: {sql: no.sql}}]\n");
    start_service();
    trigger("long", run_id[0]);
    metadata_reaches("select count(*) as n from task where state = 'running'", 2);
    {
        HG_LOCK(&fixture.service->dispatch->mutex);
        /* As many short ones before would have left it. */
        fixture.service->dispatch->attempts.task_ms = 0.5;
    }
    trigger("short", run_id[1]);
    metadata_reaches(
        "select coalesce(max(max_attempts), 0)::int as n from task where state = 'ready'"
        " and pipeline_id = 'short'",
        2);
    assert_int_equal(hg_attempts_wanted(fixture.service->dispatch), 0);
    for (int i = 0; i < 2; i++) {
        json_t *answer = NULL;
        must(hg_runs_cancel(fixture.service, NULL, run_id[i], &answer, &err), &err);
        json_decref(answer);
    }
    json_decref(run_ended(run_id[0]));
}

/* Nothing of it has begun: it ends in the same transaction. */
static void test_a_run_that_waits_is_cancelled_at_once(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    char run_id[HG_UUID_TEXT];
    json_t *answer = NULL;
    write_pipeline("crash",
                   FLOW("crash", "crash-in-read", "10", "retries: {max: 3, backoff: 1h}\n"));
    start_service();
    trigger("crash", run_id);
    metadata_reaches("select count(*) as n from job_run where status = 'retrying'", 2);
    must(hg_runs_cancel(fixture.service, NULL, run_id, &answer, &err), &err);
    assert_string_equal(text_at(answer, "status"), "cancelled");
    json_decref(answer);
    HG_CLEANUP(hg_json_decrefp) json_t *run = run_ended(run_id);
    assert_string_equal(status_of(run, "fetch"), "cancelled");
}

/* What succeeded stays, what failed and what was skipped for it comes again. */
static void test_a_failed_run_is_tried_again(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    char run_id[HG_UUID_TEXT];
    char busy[HG_UUID_TEXT] = "";
    json_t *answer = NULL;
    write_pipeline("two",
                   "id: two\nretries: 0\njobs:\n"
                   "  - {id: fetch, extract: {source: numbers, config: {n: 10}}}\n"
                   "  - {id: load, needs: [fetch], load: {table: m.a, mode: append}}\n"
                   "  - {id: later, needs: [load], extract: {source: numbers, config: {n: 5}}}\n"
                   "  - {id: last, needs: [later], load: {table: m.b, mode: append}}\n"
                   "  - {id: sql, needs: [last], transform: {sql: t.sql}}\n");
    static const char script[] = "select count(*) from m.c";
    char path[300];
    (void)snprintf(path, sizeof path, "%s/t.sql", fixture.folder);
    must(hg_write_file(path, 0644, script, sizeof script - 1, &err), &err);
    start_service();
    trigger("two", run_id);
    HG_CLEANUP(hg_json_decrefp) json_t *failed = run_ended(run_id);
    assert_string_equal(text_at(failed, "status"), "failed");
    assert_string_equal(status_of(failed, "sql"), "failed");
    sql("warehouse", "create table m.c (x int); grant select on m.c to headgate_user");
    must(hg_runs_retry(fixture.service, NULL, run_id, &answer, busy, &err), &err);
    assert_string_equal(text_at(answer, "run_id"), run_id);
    json_decref(answer);
    HG_CLEANUP(hg_json_decrefp) json_t *run = run_ended(run_id);
    assert_string_equal(text_at(run, "status"), "succeeded");
    assert_true(json_is_null(json_object_get(run, "error")));
    assert_int_equal(json_integer_value(json_object_get(run, "retry_count")), 1);
    assert_int_equal(warehouse_number("select count(*) as n from m.a"), 10);
    assert_int_equal(warehouse_number("select count(*) as n from m.b"), 5);
    assert_int_equal(metadata_number("select attempt as n from job_run where job_id = 'sql'"), 2);
    assert_int_equal(metadata_number("select attempt as n from job_run where job_id = 'fetch'"), 1);
    assert_int_equal(hg_runs_retry(fixture.service, NULL, run_id, &answer, busy, &err),
                     HG_ECONFLICT);
    assert_non_null(strstr(err.message, "nothing to try again"));
}

/* A claim and a cancel of the same run at the same moment, many times: neither waits for the other.
 */
static void test_cancels_meet_claims(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    write_pipeline("good", FLOW("good", "numbers", "1", ""));
    start_service();
    for (int i = 0; i < 60; i++) {
        char run_id[HG_UUID_TEXT];
        json_t *answer = NULL;
        trigger("good", run_id);
        int r = hg_runs_cancel(fixture.service, NULL, run_id, &answer, &err);
        assert_true(r == HG_OK || (r == HG_ECONFLICT && !err.retryable)); /* it had ended */
        json_decref(answer);
        HG_CLEANUP(hg_json_decrefp) json_t *run = run_ended(run_id);
        assert_int_not_equal(strcmp(text_at(run, "status"), "failed"), 0);
    }
    assert_int_equal(metadata_number("select count(*) as n from run_slot"), 0);
}

static void test_a_cancelled_run_goes_on_where_it_was(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    char run_id[HG_UUID_TEXT];
    char other[HG_UUID_TEXT];
    char busy[HG_UUID_TEXT] = "";
    json_t *answer = NULL;
    write_pipeline("two", TWO_FLOWS("hang-in-read"));
    start_service();
    trigger("two", run_id);
    must(hg_runs_cancel(fixture.service, NULL, run_id, &answer, &err), &err);
    json_decref(answer);
    json_decref(run_ended(run_id));
    trigger("two", other);
    assert_int_equal(hg_runs_retry(fixture.service, NULL, run_id, &answer, busy, &err),
                     HG_ECONFLICT);
    assert_string_equal(busy, other);
    must(hg_runs_cancel(fixture.service, NULL, other, &answer, &err), &err);
    json_decref(answer);
    json_decref(run_ended(other));
    must(hg_runs_retry(fixture.service, NULL, run_id, &answer, busy, &err), &err);
    json_decref(answer);
    metadata_reaches("select count(*) as n from job_run where status = 'running'", 2);
    assert_int_equal(hg_runs_retry(fixture.service, NULL, run_id, &answer, busy, &err),
                     HG_ECONFLICT);
    assert_non_null(strstr(err.message, "has not ended yet"));
}

/* As it looks when the host has died six times with this task: it is not begun once more. */
static void test_a_task_that_takes_its_hosts_down(void **state)
{
    (void)state;
    char run_id[HG_UUID_TEXT];
    write_pipeline("crash",
                   FLOW("crash", "crash-in-read", "10", "retries: {max: 9, backoff: 1h}\n"));
    start_service();
    trigger("crash", run_id);
    metadata_reaches("select count(*) as n from task where state = 'ready' and attempt = 1", 1);
    sql("metadata", "update task set n_lost = 6, run_at = now()");
    HG_CLEANUP(hg_json_decrefp) json_t *run = run_ended(run_id);
    assert_string_equal(text_at(run, "status"), "failed");
    assert_non_null(strstr(error_of(run), "the host died 6 times while this ran"));
}

/* A server that has lost its last seconds gives old fences again: none is used twice. */
static void test_fences_that_the_database_forgot(void **state)
{
    (void)state;
    write_pipeline("good", FLOW("good", "numbers", "10", ""));
    start_service();
    json_decref(run_to_end("good"));
    json_decref(run_to_end("good"));
    int64_t highest = metadata_number("select max(fence) as n from task_history");
    sql("metadata", "select setval('task_fence', 1)");
    HG_CLEANUP(hg_json_decrefp) json_t *run = run_to_end("good");
    assert_string_equal(text_at(run, "status"), "succeeded");
    assert_true(metadata_number("select max(fence) as n from task_history") > highest);
    assert_int_equal(
        metadata_number("select (count(distinct fence) = count(*))::int as n from task_history"),
        1);
}

/* A report that the database refuses is left out; what it tells of has happened all the same. */
static void test_a_report_that_is_not_taken(void **state)
{
    (void)state;
    write_pipeline("good", FLOW("good", "numbers", "13", ""));
    start_service();
    sql("metadata",
        "create function refuse() returns trigger language plpgsql as"
        " $$begin raise exception 'not thirteen'; end$$;"
        "create trigger refuse before update on job_run for each row"
        " when (new.rows_out = 13) execute function refuse()");
    HG_CLEANUP(hg_json_decrefp) json_t *run = run_to_end("good");
    sql("metadata", "drop trigger refuse on job_run; drop function refuse");
    assert_string_equal(text_at(run, "status"), "succeeded");
    assert_int_equal(json_integer_value(json_object_get(run, "rows_loaded")), 0);
}

/* The plugin was there when the file was read, and is gone when the task runs. */
static void test_a_plugin_that_vanished(void **state)
{
    (void)state;
    char run_id[HG_UUID_TEXT];
    write_pipeline("good", FLOW("good", "numbers", "10", ""));
    write_pipeline("hang", FLOW("hang", "hang-in-read", "10", "timeout: 1s\n"));
    start_service();
    stop_service();
    sql("metadata",
        "update pipeline set definition = replace(definition::text, '\"numbers\"',"
        " '\"vanished\"')::jsonb where id = 'good'");
    char **files = fixture.config.pipeline_files;
    char *none[] = {NULL};
    fixture.config.pipeline_files = none;
    start_service();
    /* Without a file it would not run, and a file would bring its definition back. */
    sql("metadata", "update pipeline set file_missing = false, errors = '[]'");
    trigger("good", run_id);
    HG_CLEANUP(hg_json_decrefp) json_t *run = run_ended(run_id);
    fixture.config.pipeline_files = files;
    assert_string_equal(text_at(run, "status"), "failed");
    assert_non_null(strstr(error_of(run), "there is no plugin \"vanished\""));
    assert_non_null(strstr(text_at(json_object_get(run, "error"), "hint"), "plugin list"));
}

/* Tasks without needs end together, over and over: none is lost, none counted twice. */
static void test_tasks_that_end_together(void **state)
{
    (void)state;
    char text[2048];
    int at = snprintf(text, sizeof text, "id: wide\nparallelism: 8\njobs:\n");
    for (int i = 0; i < 8; i++) {
        at += snprintf(text + at,
                       sizeof text - (size_t)at,
                       "  - {id: e%d, extract: {source: numbers, config: {n: 3}}}\n"
                       "  - {id: l%d, needs: [e%d], load: {table: m.t%d, mode: append}}\n",
                       i,
                       i,
                       i,
                       i);
    }
    write_pipeline("wide", text);
    fixture.config.workers = 4;
    start_service();
    for (int round = 0; round < 3; round++) {
        HG_CLEANUP(hg_json_decrefp) json_t *run = run_to_end("wide");
        assert_string_equal(text_at(run, "status"), "succeeded");
        assert_int_equal(json_array_size(json_object_get(run, "jobs")), 16);
    }
    assert_int_equal(metadata_number("select count(*) as n from task_history where state = 'done'"),
                     24);
    assert_int_equal(metadata_number("select count(*) as n from run_slot"), 0);
}

static void test_runs_are_listed_newest_first(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    char ids[3][HG_UUID_TEXT];
    write_pipeline("good", FLOW("good", "numbers", "10", ""));
    start_service();
    for (size_t i = 0; i < HG_COUNT(ids); i++) {
        trigger("good", ids[i]);
        json_decref(run_ended(ids[i]));
    }
    const struct hg_page first = {2, NULL};
    HG_CLEANUP(hg_json_decrefp) json_t *page = NULL;
    must(hg_runs_list(fixture.service, "good", NULL, &first, &page, &err), &err);
    const json_t *items = json_object_get(page, "items");
    assert_int_equal(json_array_size(items), 2);
    assert_string_equal(text_at(json_array_get(items, 0), "id"), ids[2]);
    assert_string_equal(text_at(json_array_get(items, 1), "id"), ids[1]);
    const struct hg_page second = {2, text_at(page, "next_cursor")};
    HG_CLEANUP(hg_json_decrefp) json_t *rest = NULL;
    must(hg_runs_list(fixture.service, "good", "succeeded", &second, &rest, &err), &err);
    assert_int_equal(json_array_size(json_object_get(rest, "items")), 1);
    assert_true(json_is_null(json_object_get(rest, "next_cursor")));
    json_t *none = NULL;
    const struct hg_page bad = {2, "nonsense"};
    assert_int_equal(hg_runs_list(fixture.service, "good", NULL, &bad, &none, &err), HG_EINVAL);
    assert_int_equal(hg_runs_list(fixture.service, "no", NULL, &first, &none, &err), HG_ENOTFOUND);
    assert_int_equal(hg_runs_get(fixture.service, "nonsense", &none, &err), HG_ENOTFOUND);
    assert_int_equal(
        hg_runs_get(fixture.service, "00000000-0000-7000-8000-000000000000", &none, &err),
        HG_ENOTFOUND);
    assert_null(none);
}

static void test_a_wait_ends_with_its_time(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    char run_id[HG_UUID_TEXT];
    write_pipeline("hang", FLOW("hang", "hang-in-read", "10", ""));
    start_service();
    trigger("hang", run_id);
    HG_CLEANUP(hg_json_decrefp) json_t *run = NULL;
    must(hg_runs_wait(fixture.service, run_id, 50, &run, &err), &err);
    assert_true(strcmp(text_at(run, "status"), "queued") == 0 ||
                strcmp(text_at(run, "status"), "running") == 0);
}

/* A log as it may stand there: several pages, a line that is being written. */
static void test_logs_come_in_pages(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    char run_id[HG_UUID_TEXT];
    char path[256];
    write_pipeline("good", FLOW("good", "numbers", "10", ""));
    start_service();
    trigger("good", run_id);
    json_decref(run_ended(run_id));
    (void)snprintf(path, sizeof path, "%s/logs/%s/load.1.jsonl", fixture.folder, run_id);
    static const char lines[] = "{\"message\":\"1\"}\n{\"message\":\"2\"}\n{\"message\":\"3\"}\n"
                                "{\"message\":\"4";
    must(hg_write_file(path, 0640, lines, sizeof lines - 1, &err), &err);
    const struct hg_job_log_query first = {.limit = 2, .level = HG_LOG_DEBUG};
    HG_CLEANUP(hg_json_decrefp) json_t *page = NULL;
    must(hg_runs_job_log(fixture.service, run_id, "load", &first, &page, &err), &err);
    assert_int_equal(json_array_size(json_object_get(page, "items")), 2);
    const struct hg_job_log_query second = {
        .limit = 2, .cursor = text_at(page, "next_cursor"), .level = HG_LOG_DEBUG};
    HG_CLEANUP(hg_json_decrefp) json_t *rest = NULL;
    must(hg_runs_job_log(fixture.service, run_id, "load", &second, &rest, &err), &err);
    assert_int_equal(json_array_size(json_object_get(rest, "items")), 1);
    assert_string_equal(text_at(json_array_get(json_object_get(rest, "items"), 0), "message"), "3");
    json_t *none = NULL;
    const struct hg_job_log_query bad = {.limit = 2, .cursor = "x", .level = HG_LOG_DEBUG};
    assert_int_equal(hg_runs_job_log(fixture.service, run_id, "load", &bad, &none, &err),
                     HG_EINVAL);
    assert_int_equal(hg_runs_job_log(fixture.service, run_id, "../load", &first, &none, &err),
                     HG_ENOTFOUND);
    assert_int_equal(hg_runs_job_log(fixture.service, "../x", "load", &first, &none, &err),
                     HG_ENOTFOUND);
    assert_null(none);
}

/* What an attempt said before it was tried again is there too, before what came after it. */
static void test_logs_of_all_attempts(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    char run_id[HG_UUID_TEXT];
    write_pipeline("crash",
                   FLOW("crash", "crash-in-read", "10", "retries: {max: 2, backoff: 1ms}\n"));
    start_service();
    trigger("crash", run_id);
    json_decref(run_ended(run_id));
    int seen[4] = {0};
    int last = 0;
    HG_CLEANUP(hg_freep) char *cursor = NULL;
    do {
        const struct hg_job_log_query query = {.limit = 1, .cursor = cursor, .level = HG_LOG_DEBUG};
        HG_CLEANUP(hg_json_decrefp) json_t *answer = NULL;
        must(hg_runs_job_log(fixture.service, run_id, "fetch", &query, &answer, &err), &err);
        const json_t *line = json_array_get(json_object_get(answer, "items"), 0);
        int attempt = (int)json_integer_value(json_object_get(line, "attempt"));
        assert_int_equal(json_integer_value(json_object_get(answer, "attempt")), 3);
        if (line) {
            assert_in_range(attempt, last ? last : 1, 3);
            seen[attempt] += strstr(text_at(line, "message"), "crash-in-read") != NULL;
            last = attempt;
        }
        free(cursor);
        const char *next = json_string_value(json_object_get(answer, "next_cursor"));
        cursor = next ? strdup(next) : NULL;
    } while (cursor);
    for (int attempt = 1; attempt <= 3; attempt++) {
        assert_int_equal(seen[attempt], 1);
    }
}

/* The database goes while tasks run, more than once: what was begun ends, each load once. */
static void test_the_database_goes_in_mid_run(void **state)
{
    (void)state;
    char run_id[HG_UUID_TEXT];
    write_pipeline("many", FLOW("many", "numbers", "200000", "retries: {max: 9, backoff: 10ms}\n"));
    start_service();
    for (int round = 0; round < 2; round++) {
        if (round > 0) { /* all is there to be read again */
            sql("warehouse", "delete from headgate.cursor; truncate m.t");
        }
        trigger("many", run_id);
        metadata_reaches("select count(*) as n from task where state = 'running'", 1);
        hg_test_pg_kill(pg);
        assert_int_equal(hg_test_pg_resume(pg), 0);
        HG_CLEANUP(hg_json_decrefp) json_t *run = NULL;
        struct hg_error err = HG_ERROR_INIT;
        while (hg_runs_wait(fixture.service, run_id, WAIT_MS, &run, &err) == HG_EUNAVAILABLE) {
        }
        assert_string_equal(text_at(run, "status"), "succeeded");
    }
    assert_int_equal(metadata_number("select count(*) as n from run_slot"), 0);
    assert_int_equal(warehouse_number("select count(distinct number) - count(*) as n from m.t"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_parameters_are_checked),
        TEST(test_a_pipeline_without_parameters_takes_none),
        TEST(test_many_triggers_make_one_run),
        TEST(test_jobs_of_a_task_share_their_limits),
        TEST(test_a_retry_that_succeeds),
        TEST(test_a_worker_that_dies_behind_its_commit),
        cmocka_unit_test_setup_teardown(test_a_ledger_that_refuses_to_answer, setup, teardown),
        TEST(test_a_run_is_cancelled),
        TEST(test_a_long_statement_is_cancelled),
        TEST(test_an_attempt_beside_an_older_one),
        TEST(test_what_was_lost_is_settled_before_it_is_cancelled),
        TEST(test_what_is_given_back_is_left_to_others),
        TEST(test_a_run_that_waits_is_cancelled_at_once),
        TEST(test_a_failed_run_is_tried_again),
        TEST(test_cancels_meet_claims),
        TEST(test_a_cancelled_run_goes_on_where_it_was),
        TEST(test_a_task_that_takes_its_hosts_down),
        TEST(test_fences_that_the_database_forgot),
        TEST(test_a_report_that_is_not_taken),
        TEST(test_a_plugin_that_vanished),
        TEST(test_tasks_that_end_together),
        TEST(test_runs_are_listed_newest_first),
        TEST(test_a_wait_ends_with_its_time),
        TEST(test_logs_come_in_pages),
        TEST(test_logs_of_all_attempts),
        TEST(test_the_database_goes_in_mid_run),
    };
    return cmocka_run_group_tests(tests, start_pg, stop_pg);
}
