/*
 * Transforms, checks of stored tables, cancelling.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/uuid.h"
#include "fakes.h"
#include "flow/session.h"

static json_t *head(const char *kind)
{
    char run_id[HG_UUID_TEXT];
    assert_int_equal(hg_uuid_new(run_id, NULL), HG_OK);
    return json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:s, s:s}",
                     "kind",
                     kind,
                     "pipeline_id",
                     "p",
                     "run_id",
                     run_id,
                     "task",
                     "monthly",
                     "attempt",
                     2,
                     "fence",
                     9,
                     "warehouse",
                     hg_test_pg_worker(pg),
                     "base_folder",
                     "/tmp");
}

static json_t *transform(const char *sql)
{
    json_t *task = head("transform");
    json_object_set_new(task,
                        "transform",
                        json_pack("{s:s, s:s, s:s, s:{s:{s:s, s:s}, s:{s:s, s:i}, s:{s:s, s:n}}}",
                                  "job",
                                  "monthly",
                                  "file",
                                  "monthly.sql",
                                  "sql",
                                  sql,
                                  "params",
                                  "params.since",
                                  "type",
                                  "date",
                                  "value",
                                  "2026-01-02",
                                  "params.n",
                                  "type",
                                  "bigint",
                                  "value",
                                  7,
                                  "run.scheduled_for",
                                  "type",
                                  "timestamptz",
                                  "value"));
    return task;
}

static json_t *run(json_t *task, int expected, struct hg_error *err)
{
    json_t *result = NULL;
    int r = fake_run_json(task, &result, err);
    json_decref(task);
    if (r != expected) {
        fail_msg("%d: %s", r, err->message);
    }
    return result;
}

/* A worker keeps its connection from task to task, and nothing that a script did in it. */
static void test_a_kept_connection_is_as_new(void **state)
{
    struct hg_error err = HG_ERROR_INIT;
    struct hg_flow_session session = {0};
    (void)state;
    fake_session = &session;
    json_decref(run(transform("create schema s; create table s.pids (pid int);"
                              " insert into s.pids values (pg_backend_pid());"
                              " create temporary table left_over (x int);"
                              " set statement_timeout = '7s'; set work_mem = '77MB';"
                              " select pg_advisory_lock(5)"),
                    HG_OK,
                    &err));
    hg_flow_session_scrub(&session);
    assert_query(pg, "select count(*) from pg_locks where locktype = 'advisory'", "0");
    json_decref(run(transform("insert into s.pids values (pg_backend_pid());"
                              " select 1 / (current_setting('statement_timeout') = '0')::int,"
                              " 1 / (current_setting('work_mem') <> '77MB')::int,"
                              " 1 / (to_regclass('left_over') is null)::int,"
                              " 1 / (current_setting('timezone') = 'UTC')::int"),
                    HG_OK,
                    &err));
    hg_flow_session_scrub(&session);
    assert_query(pg, "select count(distinct pid) || ' of ' || count(*) from s.pids", "1 of 2");
    /* One that the server has ended meanwhile is made anew. */
    assert_int_equal(
        hg_test_pg_sql(pg, "warehouse", "select pg_terminate_backend(max(pid), 10000) from s.pids"),
        0);
    json_decref(run(transform("insert into s.pids values (pg_backend_pid())"), HG_OK, &err));
    assert_query(pg, "select count(distinct pid) from s.pids", "2");
    /* A failure is not built upon. */
    hg_flow_session_scrub(&session);
    json_decref(run(transform("select 1 / 0"), HG_EDATA, &err));
    assert_null(session.db);
    hg_flow_session_close(&session);
}

/* Workers have their login from the host: what is wrong with it no user can mend in a pipeline. */
static void test_a_login_that_is_refused_is_tried_again(void **state)
{
    struct hg_error err = HG_ERROR_INIT;
    (void)state;
    assert_int_equal(hg_test_pg_sql(pg, "postgres", "alter role headgate_load nologin"), 0);
    json_t *result = run(transform("select 1"), HG_EUNAUTHENTICATED, &err);
    assert_int_equal(hg_test_pg_sql(pg, "postgres", "alter role headgate_load login"), 0);
    assert_int_equal(err.retryable, 1);
    assert_string_equal(err.sqlstate, "28000");
    assert_non_null(strstr(err.message, "a worker cannot log in to the warehouse: "));
    assert_non_null(strstr(err.hint, "A start of Headgate"));
    json_decref(result);
    json_decref(run(transform("select 1"), HG_OK, &err));
}

static const char *status(const json_t *result, size_t job)
{
    return json_string_value(
        json_object_get(json_array_get(json_object_get(result, "jobs"), job), "status"));
}

/* ---- transforms ---- */

static void test_transform(void **state)
{
    struct hg_error err = HG_ERROR_INIT;
    (void)state;
    HG_CLEANUP(hg_json_decrefp)
    json_t *result = run(
        transform("create table public.m as select current_setting('headgate.p_params_since')::date"
                  " as since, current_setting('headgate.p_params_n')::bigint as n,"
                  " nullif(current_setting('headgate.p_run_scheduled_for', true), '') as at;\n"
                  "insert into public.m values ('2026-02-03', 8, 'x');"),
        HG_OK,
        &err);
    assert_string_equal(status(result, 0), "succeeded");
    assert_int_equal(json_integer_value(json_object_get(
                         json_array_get(json_object_get(result, "jobs"), 0), "rows_out")),
                     1); /* of the last statement */
    assert_true(json_is_true(json_object_get(result, "committed")));
    assert_query(pg,
                 "select string_agg(m::text, ' ' order by n) from public.m m",
                 "(2026-01-02,7,) (2026-02-03,8,x)");
    assert_query(pg,
                 "select concat_ws(' ', task_key, attempt, fence, final, table_name is null)"
                 " from headgate.ledger",
                 "monthly 2 9 t t");
    assert_query(pg, "select tableowner from pg_tables where tablename = 'm'", "headgate_user");
    fake_sql(pg, "drop table public.m");
}

/* In a warehouse of its own nothing else would make the server write it down. */
static void test_a_script_cannot_make_its_commit_lazy(void **state)
{
    struct hg_error err = HG_ERROR_INIT;
    (void)state;
    /* What holds when the ledger row is written holds at the commit right behind it. */
    fake_sql(pg,
             "create function headgate.look() returns trigger language plpgsql as $$ begin"
             " perform set_config('test.commit', current_setting('synchronous_commit'), false);"
             " insert into headgate.cursor values ('p', new.task_key, to_jsonb("
             "current_setting('synchronous_commit')), new.run_id); return new; end $$;"
             " create trigger look before insert on headgate.ledger for each row execute function"
             " headgate.look()");
    json_decref(run(transform("set synchronous_commit = off; select 1"), HG_OK, &err));
    assert_query(pg, "select state #>> '{}' from headgate.cursor", "on");
    /* Nor does a server that is set so. */
    fake_sql(pg, "delete from headgate.cursor; delete from headgate.ledger");
    assert_int_equal(
        hg_test_pg_sql(pg, "postgres", "alter role headgate_load set synchronous_commit = off"), 0);
    json_decref(run(transform("select 1"), HG_OK, &err));
    assert_int_equal(
        hg_test_pg_sql(pg, "postgres", "alter role headgate_load reset synchronous_commit"), 0);
    fake_sql(pg, " drop trigger look on headgate.ledger; drop function headgate.look()");
    assert_query(pg, "select state #>> '{}' from headgate.cursor", "on");
}

/* A word that only a newer version knows does not pass for rows that are there. */
static void test_an_unknown_word_of_the_database(void **state)
{
    static const char *const words[] = {"'what'", "null"};
    (void)state;
    fake_sql(pg, "alter function headgate.run_transform rename to run_transform_kept");
    for (size_t i = 0; i < HG_COUNT(words); i++) {
        struct hg_error err = HG_ERROR_INIT;
        char sql[512];
        (void)snprintf(sql,
                       sizeof sql,
                       "create function headgate.run_transform(p_pipeline text,"
                       " p_task_key text, p_run uuid, p_attempt integer, p_fence bigint,"
                       " p_end_after_ms integer, p_names text[], p_values text[], p_script text,"
                       " p_spared bigint[], out outcome text, out n_rows bigint) language sql as"
                       " $$ select %s::text, 3::bigint $$",
                       words[i]);
        fake_sql(pg, sql);
        json_t *result = run(transform("select 1"), HG_EINTERNAL, &err);
        assert_non_null(strstr(err.message, "headgate.run_transform"));
        assert_false(json_is_true(json_object_get(result, "committed")));
        json_decref(result);
        fake_sql(pg, "drop function headgate.run_transform");
    }
    fake_sql(pg, "alter function headgate.run_transform_kept rename to run_transform");
}

static void test_transform_is_done_once(void **state)
{
    struct hg_error err = HG_ERROR_INIT;
    (void)state;
    fake_sql(pg, "create table public.m (i int); alter table public.m owner to headgate_user");
    json_t *task = transform("insert into public.m values (1)");
    json_incref(task);
    json_decref(run(task, HG_OK, &err));
    json_decref(run(task, HG_OK, &err));
    assert_query(pg, "select count(*) from public.m", "1");
    fake_sql(pg, "drop table public.m");
}

static void test_transform_is_fenced(void **state)
{
    struct hg_error err = HG_ERROR_INIT;
    (void)state;
    fake_sql(pg,
             "create table public.m (i int); alter table public.m owner to headgate_user;"
             " insert into headgate.ledger_head values ('p', 'monthly', 10)");
    json_t *result = run(transform("insert into public.m values (1)"), HG_ECONFLICT, &err);
    assert_string_equal(err.message,
                        "a newer attempt of task \"monthly\" has taken over from fence 9");
    assert_string_equal(status(result, 0), "failed");
    json_decref(result);
    assert_query(pg, "select count(*) from public.m", "0");
    assert_query(pg, "select count(*) from headgate.ledger", "0");
    assert_query(pg, "select fence from headgate.ledger_head", "10");
    fake_sql(pg, "drop table public.m");
}

static void test_transform_errors_have_a_place(void **state)
{
    static const struct {
        const char *sql;
        int code;
        const char *message;
    } cases[] = {
        {"select 1;\n\n  select nope;", HG_ENOTFOUND, "monthly.sql: 3:10: column \"nope\""},
        {"select 'é', nope", HG_ENOTFOUND, "monthly.sql: 1:13: "},
        {"select 1;\nselct 2", HG_EINVAL, "monthly.sql: 2:1: syntax error"},
        {"select 1/0", HG_EDATA, "monthly.sql: division by zero"},
        {"commit", HG_ENOTSUP, "monthly.sql: "},
        {"set role headgate_load", 0, "monthly.sql: "},
        {"delete from headgate.ledger", HG_EFORBIDDEN, "monthly.sql: "},
    };
    (void)state;
    for (size_t i = 0; i < HG_COUNT(cases); i++) {
        struct hg_error err = HG_ERROR_INIT;
        json_t *result = NULL;
        HG_CLEANUP(hg_json_decrefp) json_t *task = transform(cases[i].sql);
        int r = fake_run_json(task, &result, &err);
        if (r >= 0 || (cases[i].code && r != cases[i].code) ||
            strncmp(err.message, cases[i].message, strlen(cases[i].message)) != 0) {
            fail_msg("%s: %d %s", cases[i].sql, r, err.message);
        }
        assert_string_equal(status(result, 0), "failed");
        json_decref(result);
        assert_query(pg, "select count(*) from headgate.ledger", "0");
    }
}

/* ---- stored tables ---- */

#define NOT_NULL(columns)                                                                     \
    "[{\"job\": \"check\", \"rules\": [{\"rule\": \"toy_not_null\", \"on_fail\": \"reject\"," \
    " \"config\": {\"columns\": " columns "}}]}]"

static json_t *stored(const char *table, const char *checks)
{
    json_t *task = head("check_table");
    json_object_set_new(task, "table", json_string(table));
    json_object_set_new(task, "checks", json_loads(checks, 0, NULL));
    return task;
}

static void test_stored_table(void **state)
{
    struct hg_error err = HG_ERROR_INIT;
    (void)state;
    fake_sql(pg,
             "create schema m authorization headgate_user; create table m.t as select"
             " case when i % 10 = 0 then null else i end::smallint as a, i::bigint as b, i::text"
             " as c, (i / 7.0)::numeric(12,4) as d, (i / 7.0)::numeric as e, date '2026-01-01' +"
             " i as f, now() as g, now()::timestamp as h, '{}'::jsonb as i, i % 2 = 0 as j,"
             " i::real as k, array[i] as l, gen_random_uuid() as m, 'infinity'::date as n,"
             " '-infinity'::timestamptz as o, '\\x01'::bytea as p from generate_series(1, 10000)"
             " i; alter table m.t owner to headgate_user");
    HG_CLEANUP(hg_json_decrefp)
    json_t *result =
        run(stored("m.t", NOT_NULL("[\"a\", \"d\", \"e\", \"n\", \"o\", \"l\"]")), HG_OK, &err);
    assert_string_equal(status(result, 0), "succeeded");
    const json_t *results = json_object_get(result, "results");
    assert_int_equal(json_array_size(results), 6);
    for (size_t i = 0; i < 6; i++) {
        const json_t *item = json_array_get(results, i);
        assert_int_equal(json_integer_value(json_object_get(item, "evaluated")), 10000);
        assert_int_equal(json_integer_value(json_object_get(item, "failed")), i == 0 ? 1000 : 0);
    }
    assert_query(pg, "select count(*) from m.t", "10000");
    assert_query(pg, "select count(*) from headgate.quarantine", "0");
}

static void test_stored_table_that_is_not_there(void **state)
{
    struct hg_error err = HG_ERROR_INIT;
    (void)state;
    json_decref(run(stored("m.nope", NOT_NULL("[\"a\"]")), HG_EINVAL, &err));
    assert_string_equal(err.message, "there is no table m.nope to check");
    json_decref(run(stored("nope", NOT_NULL("[\"a\"]")), HG_EINVAL, &err));
}

static void test_stored_table_stops(void **state)
{
    struct hg_error err = HG_ERROR_INIT;
    (void)state;
    fake_sql(pg,
             "create schema m authorization headgate_user; create table m.t as select"
             " null::int as a from generate_series(1, 50000); alter table m.t owner to"
             " headgate_user");
    HG_CLEANUP(hg_json_decrefp)
    json_t *result = run(stored("m.t",
                                "[{\"job\": \"check\", \"rules\": [{\"rule\":"
                                " \"toy_not_null\", \"on_fail\": \"stop\", \"config\":"
                                " {\"columns\": [\"a\"]}}]}]"),
                         HG_ESTOP,
                         &err);
    assert_string_equal(err.hint,
                        "The rule has on_fail: stop; what was loaded before this check stays.");
    assert_string_equal(status(result, 0), "failed");
}

/* ---- cancelling ---- */

static atomic_int n_asked;

static bool after_some_asking(void)
{
    return atomic_fetch_add(&n_asked, 1) > 3;
}

static bool at_once(void)
{
    return true;
}

static const struct hg_column one[] = {{.name = "k", .type = HG_TYPE_INT64, .nullable = true}};

static void cancel_flow(bool hang, const char *mode)
{
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_json_decrefp) json_t *result = NULL;
    fake.columns = one;
    fake.n_columns = 1;
    fake.rows = "[[1]]";
    fake.hang = hang;
    atomic_store(&n_asked, 0);
    heard.cancel = after_some_asking;
    const struct fake_task task = {.table = "m.t", .mode = mode};
    assert_int_equal(fake_run(pg, &task, &result, &err), HG_ECANCELLED);
    assert_string_equal(status(result, 0), "cancelled");
    assert_string_equal(status(result, 1), "cancelled");
    heard.cancel = NULL;
}

static void test_cancel_a_source_that_hangs(void **state)
{
    (void)state;
    cancel_flow(true, "append");
    assert_query(pg, "select to_regclass('m.t') is null", "t");
}

static void test_cancel_before_the_start(void **state)
{
    struct hg_error err = HG_ERROR_INIT;
    (void)state;
    heard.cancel = at_once;
    fake.columns = one;
    fake.n_columns = 1;
    fake.rows = "[[1]]";
    const struct fake_task task = {.table = "m.t", .mode = "append"};
    assert_int_equal(fake_run(pg, &task, NULL, &err), HG_ECANCELLED);
    assert_query(pg, "select count(*) from headgate.ledger", "0");
}

static void test_cancel_a_wait_for_a_lock(void **state)
{
    (void)state;
    fake_sql(pg,
             "create schema m authorization headgate_user; create table m.t (k bigint); alter"
             " table m.t owner to headgate_user; begin; lock table m.t in exclusive mode");
    cancel_flow(false, "replace");
    fake_sql(pg, "rollback");
}

static void test_cancel_sql(void **state)
{
    struct hg_error err = HG_ERROR_INIT;
    (void)state;
    atomic_store(&n_asked, 0);
    heard.cancel = after_some_asking;
    HG_CLEANUP(hg_json_decrefp)
    json_t *result =
        run(transform("create table public.m (i int); select pg_sleep(600)"), HG_ECANCELLED, &err);
    assert_string_equal(status(result, 0), "cancelled");
    assert_query(pg, "select to_regclass('public.m') is null", "t");
}

/* The thread that watches is kept with the session, and asleep when no task is there to watch. */
static void test_cancel_in_a_kept_session(void **state)
{
    struct hg_error err = HG_ERROR_INIT;
    struct hg_flow_session session = {0};
    (void)state;
    for (int i = 0; i < 3; i++) {
        fake_session = &session;
        heard.cancel = NULL;
        json_decref(run(transform("select 1"), HG_OK, &err));
        hg_flow_session_scrub(&session);
        if (i > 0) {
            fake_session = NULL; /* meanwhile nothing runs in the kept one */
            json_decref(run(transform("select pg_sleep(0.3)"), HG_OK, &err));
            fake_session = &session;
        }
        atomic_store(&n_asked, 0);
        heard.cancel = after_some_asking;
        json_decref(run(transform("select pg_sleep(600)"), HG_ECANCELLED, &err));
    }
    hg_flow_session_close(&session);
}

/* ---- bad tasks, no server ---- */

static void test_bad_tasks(void **state)
{
    static const char *const missing[] = {"pipeline_id", "run_id", "task", "warehouse", "kind"};
    (void)state;
    for (size_t i = 0; i < HG_COUNT(missing); i++) {
        struct hg_error err = HG_ERROR_INIT;
        json_t *task = transform("select 1");
        json_object_del(task, missing[i]);
        json_decref(run(task, HG_EINVAL, &err));
        assert_non_null(strstr(err.message, missing[i]));
    }
    struct hg_error err = HG_ERROR_INIT;
    json_t *task = transform("select 1");
    json_object_set_new(task, "kind", json_string("dance"));
    json_decref(run(task, HG_EINVAL, &err));
    assert_non_null(strstr(err.message, "dance"));
}

static void test_no_server(void **state)
{
    struct hg_error err = HG_ERROR_INIT;
    (void)state;
    json_t *task = transform("select 1");
    json_object_set_new(task, "warehouse", json_string("host=/nonexistent dbname=x"));
    HG_CLEANUP(hg_json_decrefp) json_t *result = run(task, HG_EUNAVAILABLE, &err);
    assert_int_equal(err.retryable, 1);
    assert_string_equal(status(result, 0), "failed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_transform, reset),
        cmocka_unit_test_setup(test_a_kept_connection_is_as_new, reset),
        cmocka_unit_test_setup(test_a_login_that_is_refused_is_tried_again, reset),
        cmocka_unit_test_setup(test_a_script_cannot_make_its_commit_lazy, reset),
        cmocka_unit_test_setup(test_an_unknown_word_of_the_database, reset),
        cmocka_unit_test_setup(test_transform_is_done_once, reset),
        cmocka_unit_test_setup(test_transform_is_fenced, reset),
        cmocka_unit_test_setup(test_transform_errors_have_a_place, reset),
        cmocka_unit_test_setup(test_stored_table, reset),
        cmocka_unit_test_setup(test_stored_table_that_is_not_there, reset),
        cmocka_unit_test_setup(test_stored_table_stops, reset),
        cmocka_unit_test_setup(test_cancel_a_source_that_hangs, reset),
        cmocka_unit_test_setup(test_cancel_before_the_start, reset),
        cmocka_unit_test_setup(test_cancel_a_wait_for_a_lock, reset),
        cmocka_unit_test_setup(test_cancel_sql, reset),
        cmocka_unit_test_setup(test_cancel_in_a_kept_session, reset),
        cmocka_unit_test_setup(test_bad_tasks, reset),
        cmocka_unit_test_setup(test_no_server, reset),
    };
    return cmocka_run_group_tests(tests, start_pg, stop_pg);
}
