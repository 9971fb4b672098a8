/* Who may do what in the warehouse, tried against a real server. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "fixture.h"
#include "store/migrate.h"
#include "store/roles.h"

static int fresh(void **state)
{
    (void)state;
    return hg_test_pg_reset(pg);
}

/* Runs a script as a worker does for a user: through headgate.run_sql. */
static char *call(const char *script)
{
    static struct hg_buf sql;
    hg_buf_reset(&sql);
    hg_buf_puts(&sql, "select headgate.run_sql(");
    hg_quote_literal(&sql, script);
    hg_buf_puts(&sql, ")");
    char *text = hg_buf_take(&sql);
    assert_non_null(text);
    return text;
}

static void script_must(struct hg_db *db, const char *script)
{
    HG_CLEANUP(hg_freep) char *sql = call(script);
    must(db, sql);
}

static void script_fails(struct hg_db *db, const char *script, const char *sqlstate)
{
    HG_CLEANUP(hg_freep) char *sql = call(script);
    struct hg_error err = HG_ERROR_INIT;
    int r = hg_db_simple(db, sql, NULL, &err);
    if (r == HG_OK || (sqlstate && strcmp(err.sqlstate, sqlstate) != 0)) {
        fail_msg("%s gave %d %s \"%s\"", script, r, err.sqlstate, err.message);
    }
}

static struct hg_db *worker(void)
{
    return connect_to(hg_test_pg_worker(pg));
}

static void copy_rows(struct hg_db *db, const char *table, const char *rows)
{
    HG_CLEANUP(hg_buf_free) struct hg_buf sql = HG_BUF_INIT;
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    hg_buf_printf(&sql, "copy %s from stdin", table);
    struct hg_error err = HG_ERROR_INIT;
    if (hg_db_simple(db, hg_buf_text(&sql), &result, &err) < 0) {
        fail_msg("%s", err.message);
    }
    assert_int_equal(PQputCopyData(hg_db_conn(db), rows, (int)strlen(rows)), 1);
    assert_int_equal(PQputCopyEnd(hg_db_conn(db), NULL), 1);
    for (PGresult *r = PQgetResult(hg_db_conn(db)); r; r = PQgetResult(hg_db_conn(db))) {
        if (PQresultStatus(r) != PGRES_COMMAND_OK) {
            fail_msg("%s", PQresultErrorMessage(r));
        }
        PQclear(r);
    }
}

static void test_worker_is_nobody_special(void **state)
{
    (void)state;
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = worker();
    assert_answer(db, "select current_user", "headgate_load");
    assert_answer(db,
                  "select bool_or(rolsuper or rolcreatedb or rolcreaterole or rolreplication or"
                  " rolbypassrls) from pg_roles where rolname in ('headgate', 'headgate_load',"
                  " 'headgate_user')",
                  "f");
    assert_answer(db, "select rolcanlogin from pg_roles where rolname = 'headgate_user'", "f");
    must_fail(db, "set role headgate", HG_EFORBIDDEN, "42501", NULL);
    must_fail(db, "set role headgate_admin", HG_EFORBIDDEN, "42501", NULL);
    must_fail(db, "set session authorization headgate", HG_EFORBIDDEN, "42501", NULL);
    must_fail(db, "copy (select 1) to program 'true'", HG_EFORBIDDEN, "42501", NULL);
    must_fail(db, "select pg_read_file('postgresql.conf')", HG_EFORBIDDEN, "42501", NULL);
    must_fail(db, "create role x", HG_EFORBIDDEN, "42501", NULL);
    must_fail(db, "create database x", HG_EFORBIDDEN, "42501", NULL);
}

static void test_worker_cannot_reach_metadata(void **state)
{
    (void)state;
    char conninfo[256];
    struct hg_db *db = NULL;
    (void)snprintf(conninfo,
                   sizeof conninfo,
                   "host='%s' user='headgate_load' dbname='metadata'",
                   hg_test_pg_folder(pg));
    assert_int_equal(hg_db_connect(conninfo, "test", &db, NULL), HG_EFORBIDDEN);
}

static void test_rights_on_headgates_own_tables(void **state)
{
    (void)state;
    static const struct {
        const char *table;
        const char *select_insert_update_delete;
    } rows[] = {
        {"headgate.ledger_head", "tttf"},
        {"headgate.ledger", "ttff"},
        {"headgate.fence_bar", "tfff"},
        {"headgate.fence_secret", "tfff"},
        {"headgate.cursor", "tttf"},
        {"headgate.quarantine", "ftff"},
        {"public.headgate_migration", "ffff"},
    };
    HG_CLEANUP(hg_db_returnp) struct hg_db *warehouse = connect_to(hg_test_pg_warehouse(pg));
    for (size_t i = 0; i < HG_COUNT(rows); i++) {
        char sql[640];
        for (size_t k = 0; k < 2; k++) {
            const char *role = k == 0 ? HG_ROLE_LOAD : HG_ROLE_USER;
            (void)snprintf(sql,
                           sizeof sql,
                           "select string_agg(left(has_table_privilege(r, t, p)::text, 1), ''"
                           " order by n) from (values ('%s', '%s')) as who(r, t),"
                           " unnest(array['select', 'insert', 'update', 'delete',"
                           " 'truncate, trigger']) with ordinality as what(p, n)",
                           role,
                           rows[i].table);
            HG_CLEANUP(hg_freep) char *got = ask(warehouse, sql);
            char expected[8];
            (void)snprintf(expected,
                           sizeof expected,
                           "%sf",
                           k == 0 ? rows[i].select_insert_update_delete : "ffff");
            if (strcmp(got, expected) != 0) {
                fail_msg("%s on %s: %s, not %s", role, rows[i].table, got, expected);
            }
        }
    }
}

static void test_only_workers_call_run_sql(void **state)
{
    (void)state;
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = connect_to(hg_test_pg_warehouse(pg));
    assert_answer(db,
                  "select has_function_privilege('headgate_load', 'headgate.run_sql(text)',"
                  " 'execute') and not has_function_privilege('public', 'headgate.run_sql(text)',"
                  " 'execute')",
                  "t");
    assert_answer(db,
                  "select proowner::regrole::text || prosecdef from pg_proc"
                  " where oid = 'headgate.run_sql(text)'::regprocedure",
                  "headgate_usertrue");
    assert_answer(db, "select has_schema_privilege('headgate_user', 'headgate', 'usage')", "f");
    assert_answer(db, "select has_schema_privilege('headgate_user', 'headgate', 'create')", "f");
}

static void test_script_runs_as_user(void **state)
{
    (void)state;
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = worker();
    script_must(db, "create table public.who as select current_user::text as a");
    assert_answer(db, "select a from public.who", "headgate_user");
    assert_answer(db, "select current_user", "headgate_load");
    assert_answer(db,
                  "select relowner::regrole::text from pg_class where oid = 'public.who'::regclass",
                  "headgate_user");
}

static void test_script_cannot_change_role(void **state)
{
    (void)state;
    static const char *const scripts[] = {
        "set role headgate_load",
        "set local role headgate_load",
        "reset role",
        "set role none",
        "set session authorization headgate_load",
        "reset session authorization",
        "select set_config('role', 'headgate_load', true)",
        "select set_config('session_authorization', 'headgate_load', false)",
        "do $$ begin execute 'reset role'; end $$",
        ("create function pg_temp.f() returns void language plpgsql set role = 'headgate_load' as"
         " $$ begin end $$; select pg_temp.f()"),
    };
    for (size_t i = 0; i < HG_COUNT(scripts); i++) {
        HG_CLEANUP(hg_db_returnp) struct hg_db *db = worker();
        script_fails(db, scripts[i], NULL);
        assert_answer(db, "select current_user", "headgate_load");
    }
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = worker();
    script_must(db, "reset all"); /* does not touch the role */
    script_must(db, "create table public.who2 as select current_user::text as a");
    assert_answer(db, "select a from public.who2", "headgate_user");
}

static void test_script_cannot_end_the_transaction(void **state)
{
    (void)state;
    static const char *const scripts[] = {
        "commit",
        "rollback",
        "insert into public.tx values (1); commit; insert into public.tx values (2)",
        "savepoint a",
        "begin",
        "prepare transaction 'x'",
        "do $$ begin commit; end $$",
        ("create procedure pg_temp.p() language plpgsql as $$ begin commit; end $$;"
         " call pg_temp.p()"),
        "vacuum",
        "discard all",
    };
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = worker();
    script_must(db, "create table public.tx (a int)");
    for (size_t i = 0; i < HG_COUNT(scripts); i++) {
        assert_int_equal(hg_db_begin(db, NULL), HG_OK);
        must(db, "insert into headgate.ledger_head values ('p', 'j', 1)");
        script_fails(db, scripts[i], NULL);
        hg_db_rollback(db);
        assert_answer(db, "select count(*) from headgate.ledger_head", "0");
        assert_answer(db, "select count(*) from public.tx", "0");
    }
}

/* A cursor WITH HOLD runs its query when the transaction ends, outside of the function that lends
 * the user's rights. */
static void test_script_leaves_no_cursor(void **state)
{
    (void)state;
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = worker();
    script_must(db,
                "create function public.evil() returns int language plpgsql as $$ begin"
                " insert into headgate.ledger_head values ('evil', current_user, 1); return 1;"
                " end $$");
    assert_int_equal(hg_db_begin(db, NULL), HG_OK);
    script_must(db, "declare c cursor with hold for select public.evil()");
    assert_int_equal(hg_db_commit(db, NULL), HG_OK);
    assert_answer(db, "select count(*) from headgate.ledger_head", "0");
    assert_answer(db, "select count(*) from pg_cursors", "0");
}

static void test_script_cannot_touch_headgate(void **state)
{
    (void)state;
    static const char *const scripts[] = {
        "select * from headgate.ledger",
        "insert into headgate.ledger_head values ('p', 'j', 1)",
        "update headgate.cursor set state = '{}'",
        "select * from headgate.quarantine",
        "drop schema headgate cascade",
        "drop table headgate.ledger",
        "create table headgate.mine (a int)",
        "select headgate.run_sql('select 1')",
        "alter function headgate.run_sql(text) security invoker",
        "drop function headgate.run_sql(text)",
        "create or replace function headgate.run_sql(script text) returns void language sql as ''",
        "grant headgate_load to public",
        "grant headgate_user to public",
        "alter role headgate_load superuser",
        "alter role headgate_load password 'x'",
        "select * from public.headgate_migration",
        "drop table public.headgate_migration",
        "copy public.headgate_migration to program 'true'",
        "alter database warehouse rename to other",
        ("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'headgate'"
         " and pid <> pg_backend_pid()"),
    };
    /* A session of the host's, for the last one to aim at. */
    HG_CLEANUP(hg_db_returnp) struct hg_db *host = connect_to(hg_test_pg_warehouse(pg));
    for (size_t i = 0; i < HG_COUNT(scripts); i++) {
        HG_CLEANUP(hg_db_returnp) struct hg_db *db = worker();
        script_fails(db, scripts[i], NULL);
    }
    must(host, "select 1");
}

static void test_script_is_undone_with_the_search_path(void **state)
{
    (void)state;
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = worker();
    assert_answer(db, "show search_path", "pg_catalog");
    script_must(db, "create schema mine; set search_path = mine, public; create table t (a int)");
    assert_answer(db, "show search_path", "pg_catalog");
    assert_answer(db, "select to_regclass('mine.t') is not null", "t");
    script_must(db, "create table unqualified (a int)");
    assert_answer(db, "select to_regclass('public.unqualified') is not null", "t");
}

/* Would run at COMMIT with the rights of the worker, if it still waited then. */
static void test_deferred_triggers_fire_inside(void **state)
{
    (void)state;
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = worker();
    assert_int_equal(hg_db_begin(db, NULL), HG_OK);
    script_must(db,
                "create table public.seen (who text); create table public.t (a int);"
                " create function public.note() returns trigger language plpgsql as"
                " $$ begin insert into public.seen values (current_user); return null; end $$;"
                " create constraint trigger later after insert on public.t deferrable"
                " initially deferred for each row execute function public.note();"
                " insert into public.t values (1)");
    assert_answer(db, "select who from public.seen", "headgate_user");
    assert_int_equal(hg_db_commit(db, NULL), HG_OK);
    assert_answer(db, "select count(*) from public.seen", "1");
}

/* As a load makes them: schema and table as headgate_user, rows as headgate_load. */
static void test_loaded_tables_are_for_scripts(void **state)
{
    (void)state;
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = worker();
    assert_int_equal(hg_db_begin(db, NULL), HG_OK);
    must(db, "set local role headgate_user");
    must(db, "create schema market; create table market.prices (a int primary key, b text)");
    must(db, "reset role");
    copy_rows(db, "market.prices", "1\tx\n2\ty\n");
    must(db, "insert into headgate.ledger_head values ('p', 'j', 1)");
    assert_int_equal(hg_db_commit(db, NULL), HG_OK);
    script_must(
        db,
        "update market.prices set b = 'z' where a = 1; delete from market.prices where a = 2;"
        " alter table market.prices add column c int;"
        " create view market.v as select * from market.prices");
    assert_answer(db, "select b from market.v", "z");
    HG_CLEANUP(hg_db_returnp) struct hg_db *host = connect_to(hg_test_pg_warehouse(pg));
    assert_answer(host, "select count(*) from market.prices", "1");
}

static void test_scripts_tables_are_for_loads(void **state)
{
    (void)state;
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = worker();
    script_must(db,
                "create schema derived; create table derived.t (id int generated always as"
                " identity, a int unique)");
    copy_rows(db, "derived.t (a)", "5\n6\n");
    must(db, "insert into derived.t (a) values (5) on conflict (a) do update set a = 7");
    must(db, "delete from derived.t where a = 6");
    assert_answer(db, "select sum(a) from derived.t", "7");
    must(db, "alter table derived.t add column b text");
}

static void test_worker_writes_its_ledger(void **state)
{
    (void)state;
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = worker();
    static const char *const rows[] = {
        ("insert into headgate.ledger (pipeline_id, run_id, task_key, attempt, fence, mode, "
         "final)"
         " values ('p', '00000000-0000-7000-8000-000000000001', 'j', 1, 1,"
         " 'append', true)"),
        ("insert into headgate.ledger_head values ('p', 'j', 1)"
         " on conflict (pipeline_id, task_key) do update set fence = excluded.fence"
         " where headgate.ledger_head.fence <= excluded.fence"),
        ("insert into headgate.cursor (pipeline_id, job_id, state, run_id)"
         " values ('p', 'j', '{}', gen_random_uuid())"
         " on conflict (pipeline_id, job_id) do update set state = excluded.state"),
        ("insert into headgate.quarantine (pipeline_id, run_id, job_id, reasons)"
         " values ('p', gen_random_uuid(), 'j', '[]')"),
    };
    for (size_t i = 0; i < HG_COUNT(rows); i++) {
        must(db, rows[i]);
    }
    copy_rows(db,
              "headgate.quarantine (pipeline_id, run_id, job_id, reasons)",
              "p\t00000000-0000-7000-8000-000000000001\tj\t[]\n");
    /* Once only, whatever the attempt. */
    must_fail(db, rows[0], HG_EEXIST, "23505", NULL);
    must_fail(db, "delete from headgate.ledger", HG_EFORBIDDEN, "42501", NULL);
    must_fail(db, "select * from headgate.quarantine", HG_EFORBIDDEN, "42501", NULL);
}

/* ---- making roles ---- */

static const char *as_role(const char *role)
{
    static char conninfo[256];
    (void)snprintf(conninfo,
                   sizeof conninfo,
                   "host='%s' user='%s' dbname='postgres'",
                   hg_test_pg_folder(pg),
                   role);
    return conninfo;
}

/* What the host reads through is out of reach also for what a script leaves on a table. */
static void test_workers_cannot_change_what_the_host_reads_through(void **state)
{
    (void)state;
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = worker();
    assert_answer(db, "select pg_has_role('headgate_load', 'headgate_reader', 'member')", "f");
    assert_answer(db, "select pg_has_role('headgate_user', 'headgate_reader', 'member')", "f");
    must_fail(db,
              "alter function headgate.read_rows(text, text[]) security invoker",
              HG_EFORBIDDEN,
              "42501",
              NULL);
    must_fail(db, "select headgate.read_rows('select 1', '{}')", HG_EFORBIDDEN, "42501", NULL);
    HG_CLEANUP(hg_db_returnp) struct hg_db *host = connect_to(hg_test_pg_warehouse(pg));
    assert_answer(host, "select headgate.read_rows('select to_json($1)', '{a}')", "[\"a\"]");
}

static void test_ensure_is_idempotent(void **state)
{
    (void)state;
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = connect_to(hg_test_pg_metadata(pg));
    /* All is there: a role without any right of that kind finds nothing to do. */
    assert_int_equal(hg_roles_ensure(db, "headgate", NULL), HG_OK);
}

static void test_ensure_says_what_to_run(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    assert_int_equal(hg_test_pg_sql(pg, "postgres", "create role \"odd one\" login"), 0);
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = connect_to(as_role("odd one"));
    assert_int_equal(hg_roles_ensure(db, "odd one", &err), HG_EFORBIDDEN);
    assert_non_null(strstr(err.hint, "ALTER ROLE \"odd one\" CREATEROLE;"));
    assert_int_equal(hg_roles_set_password(db, "secret", &err), HG_EFORBIDDEN);
    assert_non_null(strstr(err.hint, "ALTER ROLE \"odd one\" CREATEROLE;"));
    assert_int_equal(hg_test_pg_sql(pg, "postgres", "alter role \"odd one\" createrole"), 0);
    assert_int_equal(hg_roles_ensure(db, "odd one", &err), HG_OK);
    assert_answer(db, "select pg_has_role('odd one', 'headgate_user', 'member')", "t");
    assert_int_equal(hg_roles_set_password(db, "secret", &err), HG_OK);
    HG_CLEANUP(hg_db_returnp) struct hg_db *admin = connect_to(hg_test_pg_admin(pg));
    assert_answer(admin,
                  "select rolpassword like 'SCRAM-SHA-256$%' from pg_authid"
                  " where rolname = 'headgate_load'",
                  "t");
}

/* A member without the rights could not end a worker's session: that shows at the start. */
static void test_a_host_that_does_not_inherit(void **state)
{
    (void)state;
    static const char make[] = "create role \"hard one\" login noinherit;"
                               " grant headgate_user, headgate_load, headgate_reader to"
                               " \"hard one\"";
    struct hg_error err = HG_ERROR_INIT;
    assert_int_equal(hg_test_pg_sql(pg, "postgres", make), 0);
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = connect_to(as_role("hard one"));
    assert_int_equal(hg_roles_ensure(db, "hard one", &err), HG_EFORBIDDEN);
    assert_non_null(strstr(err.message, "\"hard one\" is a member of headgate_user"));
    assert_non_null(strstr(err.hint, "run: "));
    HG_CLEANUP(hg_db_returnp) struct hg_db *admin = connect_to(hg_test_pg_admin(pg));
    must(admin, strstr(err.hint, "run: ") + strlen("run: "));
    assert_int_equal(hg_roles_ensure(db, "hard one", &err), HG_OK);
}

static void test_ensure_makes_missing_ones(void **state)
{
    (void)state;
    static const char drop[] = "drop owned by headgate_load; drop role headgate_load";
    assert_int_equal(hg_test_pg_sql(pg, "warehouse", drop), 0);
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = connect_to(hg_test_pg_admin(pg));
    assert_int_equal(hg_roles_ensure(db, "headgate", NULL), HG_OK);
    assert_answer(db, "select pg_has_role('headgate_load', 'headgate_user', 'member')", "t");
    must(db, "alter role headgate_load superuser");
    struct hg_error err = HG_ERROR_INIT;
    assert_int_equal(hg_roles_ensure(db, "headgate", &err), HG_ECONFLICT);
    assert_non_null(strstr(err.hint, "NOSUPERUSER"));
    must(db, "alter role headgate_load nosuperuser nologin");
    assert_int_equal(hg_roles_ensure(db, "headgate", NULL), HG_OK);
    assert_answer(db, "select rolcanlogin from pg_roles where rolname = 'headgate_load'", "t");
}

/* A script may drop what belongs to its role, the function that runs it included. */
static void test_rights_are_put_back(void **state)
{
    (void)state;
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = connect_to(hg_test_pg_warehouse(pg));
    HG_CLEANUP(hg_db_returnp) struct hg_db *load = worker();
    assert_int_equal(hg_migrate_restore_rights(db, HG_DATABASE_WAREHOUSE, NULL), HG_OK);
    assert_int_equal(hg_roles_check_warehouse(db, NULL), HG_OK);
    script_must(load, "drop owned by headgate_user");
    script_fails(load, "select 1", "42883");
    int r = hg_roles_check_warehouse(db, NULL);
    assert_true(r == HG_ENOTFOUND || r == HG_EFORBIDDEN);
    assert_int_equal(hg_migrate_restore_rights(db, HG_DATABASE_WAREHOUSE, NULL), HG_OK);
    assert_int_equal(hg_roles_check_warehouse(db, NULL), HG_OK);
    script_must(load, "create schema again; create table again.t (a int)");
    test_only_workers_call_run_sql(NULL);
    test_rights_on_headgates_own_tables(NULL);
}

static void test_missing_grants_are_seen(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = connect_to(hg_test_pg_warehouse(pg));
    assert_int_equal(hg_roles_check_warehouse(db, NULL), HG_OK);
    must(db, "revoke create on database warehouse from headgate_user");
    assert_int_equal(hg_roles_check_warehouse(db, &err), HG_EFORBIDDEN);
    assert_non_null(strstr(err.hint, "GRANT CREATE, TEMPORARY, CONNECT ON DATABASE \"warehouse\""));
    must(db, "grant create on database warehouse to headgate_user");
    must(db, "revoke create on schema public from headgate_user");
    assert_int_equal(hg_roles_check_warehouse(db, &err), HG_EFORBIDDEN);
    assert_non_null(strstr(err.hint, "SCHEMA public"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_worker_is_nobody_special),
        cmocka_unit_test(test_worker_cannot_reach_metadata),
        cmocka_unit_test(test_rights_on_headgates_own_tables),
        cmocka_unit_test(test_only_workers_call_run_sql),
        cmocka_unit_test_setup(test_script_runs_as_user, fresh),
        cmocka_unit_test_setup(test_script_cannot_change_role, fresh),
        cmocka_unit_test_setup(test_script_cannot_end_the_transaction, fresh),
        cmocka_unit_test_setup(test_script_leaves_no_cursor, fresh),
        cmocka_unit_test_setup(test_script_cannot_touch_headgate, fresh),
        cmocka_unit_test_setup(test_script_is_undone_with_the_search_path, fresh),
        cmocka_unit_test_setup(test_deferred_triggers_fire_inside, fresh),
        cmocka_unit_test_setup(test_loaded_tables_are_for_scripts, fresh),
        cmocka_unit_test_setup(test_scripts_tables_are_for_loads, fresh),
        cmocka_unit_test_setup(test_worker_writes_its_ledger, fresh),
        cmocka_unit_test(test_workers_cannot_change_what_the_host_reads_through),
        cmocka_unit_test(test_ensure_is_idempotent),
        cmocka_unit_test(test_ensure_says_what_to_run),
        cmocka_unit_test(test_a_host_that_does_not_inherit),
        cmocka_unit_test(test_ensure_makes_missing_ones),
        cmocka_unit_test_setup(test_rights_are_put_back, fresh),
        cmocka_unit_test(test_missing_grants_are_seen),
    };
    return cmocka_run_group_tests_name("store/roles", tests, start_pg, stop_pg);
}
