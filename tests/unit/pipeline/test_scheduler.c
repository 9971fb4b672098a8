/* When runs are made by themselves. */
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "base/time.h"
#include "pipeline/retention.h"
#include "pipeline/service.h"
#include "service_fixture.h"

#define DAILY "schedule: \"0 3 * * *\"\n"

/* A line that fires once a day, half a day from now: nothing is due by itself meanwhile. */
static const char *far_line(const char *more)
{
    static char text[256];
    time_t at = time(NULL) + 43200;
    struct tm utc;
    (void)gmtime_r(&at, &utc);
    (void)snprintf(text, sizeof text, "schedule: \"0 %d * * *\"\n%s", utc.tm_hour, more);
    return text;
}

static void write_numbers(const char *head)
{
    char text[1024];
    (void)snprintf(text, sizeof text, FLOW("good", "numbers", "10", "%s"), head);
    write_pipeline("good", text);
}

/* A host comes up that should have been there at four times: now, and half a day ago and before. */
static void start_late(const char *missed)
{
    write_numbers(far_line(missed));
    start_service();
    stop_service();
    sql("metadata", "update pipeline set next_run_at = now() - interval '3 days'");
    start_service();
    metadata_reaches("select count(*) as n from pipeline where next_run_at > now()", 1);
}

static void test_what_was_missed_is_written_down(void **state)
{
    (void)state;
    start_late("missed: none\n");
    assert_int_equal(metadata_number("select count(*) as n from run"), 1);
    assert_int_equal(metadata_number("select count(*) as n from run where status = 'skipped' and"
                                     " trigger = 'schedule' and scheduled_for > now() - interval"
                                     " '13 hours' and error->>'code' = 'cancelled' and"
                                     " error->>'message' like '4 scheduled time(s) from %'"),
                     1);
    /* It is no run of the pipeline: this has none yet. */
    HG_CLEANUP(hg_json_decrefp) json_t *pipeline = NULL;
    struct hg_error err = HG_ERROR_INIT;
    must(hg_pipelines_get(fixture.service, "good", &pipeline, &err), &err);
    assert_string_equal(text_at(pipeline, "status"), "idle");
}

static void test_the_last_that_was_missed_runs(void **state)
{
    (void)state;
    start_late("");
    metadata_reaches("select count(*) as n from run where status = 'succeeded'", 1);
    assert_int_equal(metadata_number("select count(*) as n from run where status = 'succeeded' and"
                                     " scheduled_for > now() - interval '13 hours' and"
                                     " interval_start = scheduled_for - interval '1 day'"),
                     1);
    assert_int_equal(metadata_number("select count(*) as n from run where status = 'skipped' and"
                                     " error->>'message' like '3 scheduled time(s) from %'"),
                     1);
    assert_int_equal(metadata_number("select count(*) as n from run"), 2);
}

static void test_all_that_was_missed_runs(void **state)
{
    (void)state;
    start_late("missed: all\nmissed_limit: 3\n");
    metadata_reaches("select count(*) as n from backfill where status = 'succeeded'", 1);
    assert_int_equal(metadata_number("select count(*) as n from run where status = 'succeeded' and"
                                     " trigger = 'schedule' and backfill_id is not null"),
                     3);
    /* In their order, none before the last one had ended. */
    assert_int_equal(metadata_number("select count(*) as n from run a join run b on b.id > a.id"
                                     " and b.scheduled_for < a.scheduled_for"),
                     0);
    assert_int_equal(metadata_number("select count(*) as n from run a join run b on b.id > a.id"
                                     " and b.started_at < a.finished_at"
                                     " where a.status <> 'skipped' and b.status <> 'skipped'"),
                     0);
    assert_int_equal(metadata_number("select count(*) as n from run where status = 'skipped'"), 1);
    assert_int_equal(metadata_number("select count(*) as n from schedule_tick"), 4);
}

/* What is due is that of the schedule of yesterday. */
static void test_another_schedule_forgets_what_was_due(void **state)
{
    (void)state;
    start_late("");
    stop_service();
    sql("metadata",
        "truncate run, schedule_tick; update pipeline set planned_by = '0 3 * * * Asia/Tokyo',"
        " next_run_at = now() - interval '1 hour'");
    start_service();
    metadata_reaches("select count(*) as n from pipeline where next_run_at > now()", 1);
    assert_int_equal(metadata_number("select count(*) as n from run"), 0);
}

/* Wakes the scheduler as a change on the page does. */
static void wake_scheduler(const char *pipeline)
{
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_json_decrefp) json_t *patch = json_pack("{s:i}", "parallelism", 2);
    HG_CLEANUP(hg_json_decrefp) json_t *answer = NULL;
    must(hg_pipelines_update(fixture.service, NULL, pipeline, patch, &answer, &err), &err);
}

/* The time of a tick that is due now. */
#define A_TICK                                                       \
    "create table tick as select date_trunc('second', now()) as at;" \
    " grant select on tick to public; "

static void test_what_is_due_runs_once(void **state)
{
    (void)state;
    write_pipeline("good", FLOW("good", "numbers", "10", DAILY));
    write_pipeline("other", FLOW("other", "numbers", "10", ""));
    start_service();
    sql("metadata", A_TICK "update pipeline set next_run_at = at from tick where id = 'good'");
    wake_scheduler("other");
    metadata_reaches("select count(*) as n from run", 1);
    assert_int_equal(metadata_number("select count(*) as n from run, tick where"
                                     " trigger = 'schedule' and scheduled_for = at"),
                     1);
    metadata_reaches("select count(*) as n from pipeline where next_run_at > now()", 1);
    metadata_reaches("select (count(*) = 0)::int as n from run_slot", 1);
    /* The same tick once more, as a second host would have it. */
    sql("metadata", "update pipeline set next_run_at = at from tick where id = 'good'");
    wake_scheduler("other");
    metadata_reaches("select count(*) as n from pipeline where next_run_at > now()", 1);
    assert_int_equal(metadata_number("select count(*) as n from run"), 1);
}

static void test_a_tick_is_skipped_while_it_runs(void **state)
{
    (void)state;
    char run_id[HG_UUID_TEXT];
    write_pipeline("hang", FLOW("hang", "hang-in-read", "10", DAILY));
    write_pipeline("other", FLOW("other", "numbers", "10", ""));
    start_service();
    trigger("hang", run_id);
    sql("metadata", "update pipeline set next_run_at = now() where id = 'hang'");
    wake_scheduler("other");
    metadata_reaches("select count(*) as n from pipeline where next_run_at > now()", 1);
    assert_int_equal(metadata_number("select count(*) as n from run"), 2);
    assert_int_equal(metadata_number("select count(*) as n from run s, run r where s.status ="
                                     " 'skipped' and r.status <> 'skipped' and"
                                     " s.error->>'message' like '%' || r.id || '%'"),
                     1);
    HG_CLEANUP(hg_json_decrefp) json_t *pipeline = NULL;
    struct hg_error err = HG_ERROR_INIT;
    must(hg_pipelines_get(fixture.service, "hang", &pipeline, &err), &err);
    assert_string_equal(text_at(json_object_get(pipeline, "last_run"), "id"), run_id);
}

/* The first attempt to create the run fails as a deadlock would. */
static void test_a_tick_outlives_a_passing_failure(void **state)
{
    (void)state;
    write_pipeline("good", FLOW("good", "numbers", "10", DAILY));
    write_pipeline("other", FLOW("other", "numbers", "10", ""));
    start_service();
    sql("metadata",
        "create sequence tries; grant usage on sequence tries to public;"
        " create function refuse_first() returns trigger language plpgsql as $$ begin"
        " if nextval('tries') = 1 then raise exception 'not now' using errcode = '40P01'; end if;"
        " return new; end $$;"
        " create trigger refuse_first before insert on run for each row"
        " execute function refuse_first();"
        " " A_TICK "update pipeline set next_run_at = at from tick where id = 'good'");
    wake_scheduler("other");
    metadata_reaches("select count(*) as n from run, tick where trigger = 'schedule' and"
                     " scheduled_for = at",
                     1);
    assert_int_equal(metadata_number("select count(*) as n from run"), 1);
}

static void test_no_schedule_no_run(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    write_pipeline("good", FLOW("good", "numbers", "10", DAILY));
    start_service();
    static const char *const patches[] = {"{\"schedule\": null}",
                                          "{\"schedule\": \"0 3 * * *\", \"enabled\": false}"};
    for (size_t i = 0; i < HG_COUNT(patches); i++) {
        HG_CLEANUP(hg_json_decrefp) json_t *patch = json_loads(patches[i], 0, NULL);
        HG_CLEANUP(hg_json_decrefp) json_t *answer = NULL;
        must(hg_pipelines_update(fixture.service, NULL, "good", patch, &answer, &err), &err);
        assert_true(json_is_null(json_object_get(answer, "next_run_at")));
    }
    HG_CLEANUP(hg_json_decrefp) json_t *patch = json_loads("{\"enabled\": true}", 0, NULL);
    HG_CLEANUP(hg_json_decrefp) json_t *answer = NULL;
    must(hg_pipelines_update(fixture.service, NULL, "good", patch, &answer, &err), &err);
    assert_non_null(strstr(text_at(answer, "next_run_at"), "T03:00:00.000Z"));
}

static int64_t warehouse_rows(const char *table)
{
    char text[100];
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    must(hg_pool_borrow(fixture.warehouse, 5000, &db, &err), &err);
    (void)snprintf(text, sizeof text, "select count(*) as n from headgate.%s", table);
    must(hg_db_simple(db, text, &result, &err), &err);
    return hg_result_int64(result, 0, "n", -1);
}

/* Sets the time of last change. */
static void make_old(const char *path)
{
    const struct timeval old[2] = {{1600000000, 0}, {1600000000, 0}};
    assert_int_equal(utimes(path, old), 0);
}

/* An old one has ended: its attempt's host has written its last line. */
static void put_log(const char *run_id, const char *name, bool is_old)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/logs/%s", fixture.folder, run_id);
    assert_int_equal(hg_make_folders(path, 0700, NULL), HG_OK);
    (void)snprintf(path, sizeof path, "%s/logs/%s/%s", fixture.folder, run_id, name);
    assert_int_equal(hg_write_file(path, is_old ? 0440 : 0640, "{}\n", 3, NULL), HG_OK);
    if (is_old) {
        make_old(path);
    }
}

static bool has_log(const char *run_id, const char *name)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/logs/%s/%s", fixture.folder, run_id, name);
    return access(path, F_OK) == 0;
}

/* The service with 30 days for everything, once it has dropped the rows that are older. */
static void start_with_old_rows(void)
{
    sql("warehouse",
        "insert into headgate.quarantine (pipeline_id, run_id, job_id, at, reasons) select 'p',"
        " gen_random_uuid(), 'j', now() - i * interval '1 day', '[]' from"
        " generate_series(0, 25000) i");
    sql("warehouse",
        "insert into headgate.fence_bar select 'p', 'j', i, '{}', now() - i * interval '1 day'"
        " from generate_series(1, 100) i");
    fixture.config.retention = json_pack("{s:i, s:i}", "logs_days", 30, "quarantine_days", 30);
    start_service();
    int64_t until = hg_time_monotonic_ms() + WAIT_MS;
    while (warehouse_rows("quarantine") > 30 && hg_time_monotonic_ms() < until) {
    }
    assert_int_equal(warehouse_rows("quarantine"), 30);
}

static void stop_with_retention(void)
{
    stop_service();
    json_decref(fixture.config.retention);
    fixture.config.retention = NULL;
}

/* By the age of the run, but for files that were written to since, and of what is no run's. */
static void test_old_logs_and_rejected_rows_go(void **state)
{
    (void)state;
    static const char old[] = "0174915b-5400-7000-8000-000000000000"; /* of 2020 */
    static const char retried[] = "0174915b-5400-7000-8000-000000000001";
    char young[HG_UUID_TEXT];
    struct hg_error err = HG_ERROR_INIT;
    must(hg_uuid_new(young, &err), &err);
    put_log(old, "a.1.jsonl", true);
    put_log(retried, "a.1.jsonl", true);
    put_log(retried, "a.2.jsonl", false);
    put_log(young, "a.1.jsonl", true);
    put_log("other", "a.1.jsonl", true);
    start_with_old_rows();
    int64_t until = hg_time_monotonic_ms() + WAIT_MS;
    while (has_log(old, "") && hg_time_monotonic_ms() < until) {
    }
    assert_false(has_log(old, ""));
    assert_false(has_log(retried, "a.1.jsonl"));
    assert_true(has_log(retried, "a.2.jsonl"));
    assert_true(has_log(young, "a.1.jsonl"));
    assert_true(has_log("other", "a.1.jsonl"));
    while (warehouse_rows("fence_bar") > 29 && hg_time_monotonic_ms() < until) {
    }
    assert_int_equal(warehouse_rows("fence_bar"), 29);
    stop_with_retention();
}

/* What cannot be dropped does not keep the rest. */
static void test_retentions_do_not_wait_for_each_other(void **state)
{
    (void)state;
    char path[128];
    (void)snprintf(path, sizeof path, "%s/logs", fixture.folder);
    assert_int_equal(hg_write_file(path, 0600, "no folder", 9, NULL), HG_OK);
    start_with_old_rows();
    stop_with_retention();
}

/* Without its rows a run of long ago could never end, and its pipeline never run again. */
static void test_a_run_that_has_not_ended_is_kept(void **state)
{
    static const char old_week[] =
        "do $$ declare monday bigint := extract(epoch from date '2020-08-31') * 1000;"
        " week bigint := 7 * 86400000; begin execute format('create table run_20200831 partition of"
        " run for values from (%L) to (%L)',"
        " rpad(lpad(to_hex(monday), 12, '0'), 32, '0')::uuid,"
        " rpad(lpad(to_hex(monday + week), 12, '0'), 32, '0')::uuid); end $$";
    static const char live[] = "insert into run_slot (pipeline_id, slot, run_id) values ('p', 0,"
                               " '01744c1c-f400-7000-8000-000000000000')";
    struct hg_error err = HG_ERROR_INIT;
    (void)state;
    fixture.config.retention = json_pack("{s:i}", "runs_days", 30);
    sql("metadata",
        "insert into pipeline (id, name, origin, file, definition) values ('p', 'p',"
        " 'file', '/p.yaml', '{}')");
    start_service();
    sql("metadata", live); /* before the week: the leader's own look may come at any moment */
    sql("metadata", old_week);
    must(hg_retention_keep(fixture.service, &err), &err);
    assert_int_equal(
        metadata_number("select count(*)::int as n from pg_class where relname = 'run_20200831'"),
        1);
    sql("metadata", "delete from run_slot");
    must(hg_retention_keep(fixture.service, &err), &err);
    assert_int_equal(
        metadata_number("select count(*)::int as n from pg_class where relname = 'run_20200831'"),
        0);
    stop_with_retention();
}

/* Two stages of a pipeline, 40 days old. */
static void stage_rows(const char *pipeline)
{
    char text[1024];
    for (int i = 0; i < 2; i++) {
        (void)snprintf(text,
                       sizeof text,
                       "create table headgate_stage.\"%s_%d\" (k int);"
                       " alter table headgate_stage.\"%s_%d\" owner to headgate_load;"
                       " insert into headgate.stage (pipeline_id, task_key, run_id, table_name,"
                       " columns, n_rows, in_order, incremental, from_source, taken, created_at)"
                       " values ('%s', '%s', '01744c1c-f400-7000-8000-00000000000%d',"
                       " 'headgate_stage.%s_%d', '[]', 1, true, true, true, true, now() - interval"
                       " '40 days')",
                       pipeline,
                       i,
                       pipeline,
                       i,
                       pipeline,
                       pipeline,
                       i,
                       pipeline,
                       i);
        sql("warehouse", text);
    }
}

#define ASSERT_STAGES(pipelines)                                                         \
    "do $$ begin assert (select string_agg(pipeline_id, ' ' order by pipeline_id) from"  \
    " headgate.stage) = '" pipelines "'; assert (select count(*) from headgate.stage) =" \
    " (select count(*) from pg_tables where schemaname = 'headgate_stage'); end $$"

/* Rows that wait for a task: of a pipeline that may still run, of a run that may be retried. */
static void test_staged_rows_of_what_is_gone_go(void **state)
{
    struct hg_error err = HG_ERROR_INIT;
    (void)state;
    fixture.config.retention = json_pack("{s:i}", "runs_days", 30);
    start_service();
    sql("metadata",
        "create table run_2020 partition of run for values from"
        " ('01740000-0000-0000-0000-000000000000') to ('01750000-0000-0000-0000-000000000000');"
        " insert into pipeline (id, name, origin, file, definition, file_missing, updated_at)"
        " values ('here', 'here', 'file', '/here.yaml', '{}', false, now() - interval '1 year'),"
        " ('lately', 'lately', 'file', '/lately.yaml', '{}', true, now() - interval '1 day'),"
        " ('long-ago', 'long-ago', 'file', '/long-ago.yaml', '{}', true, now() - interval '31"
        " days')");
    sql("metadata",
        "insert into run (id, pipeline_id, version, status, trigger) values"
        " ('01744c1c-f400-7000-8000-000000000000', 'gone', 1, 'failed', 'manual')");
    stage_rows("here");
    stage_rows("lately");
    stage_rows("long-ago");
    stage_rows("gone");
    must(hg_retention_keep_stages(fixture.service, &err), &err);
    sql("warehouse", ASSERT_STAGES("gone here here lately lately long-ago"));
    sql("metadata", "drop table run_2020");
    must(hg_retention_keep_stages(fixture.service, &err), &err);
    sql("warehouse", ASSERT_STAGES("here here lately lately"));
    stop_with_retention();
}

/* More than one portion of the audit log; what is young stays. */
static void test_old_rows_of_the_audit_log_go(void **state)
{
    struct hg_error err = HG_ERROR_INIT;
    (void)state;
    fixture.config.retention = json_pack("{s:i}", "audit_days", 30);
    sql("metadata",
        "insert into audit (actor_kind, actor, action, outcome) select 'local', 'root', 'a', 'ok'"
        " from generate_series(1, 1203);"
        " alter table audit disable trigger user;"
        " update audit set at = at - interval '31 days' where seq <= 1201;"
        " alter table audit enable trigger user");
    start_service();
    int r = hg_retention_keep_audit(fixture.service, &err);
    stop_with_retention();
    must(r, &err);
    assert_int_equal(metadata_number("select min(seq) as n from audit"), 1202);
    assert_int_equal(metadata_number("select count(*) as n from audit"), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_was_missed_is_written_down),
        TEST(test_the_last_that_was_missed_runs),
        TEST(test_all_that_was_missed_runs),
        TEST(test_another_schedule_forgets_what_was_due),
        TEST(test_what_is_due_runs_once),
        TEST(test_a_tick_is_skipped_while_it_runs),
        TEST(test_a_tick_outlives_a_passing_failure),
        TEST(test_no_schedule_no_run),
        TEST(test_old_logs_and_rejected_rows_go),
        TEST(test_old_rows_of_the_audit_log_go),
        TEST(test_retentions_do_not_wait_for_each_other),
        TEST(test_a_run_that_has_not_ended_is_kept),
        TEST(test_staged_rows_of_what_is_gone_go),
    };
    return cmocka_run_group_tests(tests, start_pg, stop_pg);
}
