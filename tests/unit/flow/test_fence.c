/*
 * One attempt of a task behind another whose transaction is still open.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libpq-fe.h>

#include "base/mem.h"
#include "base/time.h"
#include "base/uuid.h"
#include "fakes.h"
#include "flow/ledger.h"

enum { LEASE_MS = 300, LONG_LEASE_MS = 600000, CANCEL_WITHIN_MS = 2000 };
enum { TELLS_WITHIN_MS = 1500 };

static const struct hg_column one[] = {{.name = "k", .type = HG_TYPE_INT64, .nullable = true}};

static int give_two(void **state)
{
    int r = reset(state);
    fake.columns = one;
    fake.n_columns = 1;
    fake.rows = "[[1], [2]]";
    return r;
}

/* ---- the other attempt ---- */

static const char *ask(PGconn *conn, const char *sql)
{
    static char text[256];
    PGresult *result = PQexec(conn, sql);
    if (PQresultStatus(result) != PGRES_TUPLES_OK && PQresultStatus(result) != PGRES_COMMAND_OK) {
        fail_msg("%s: %s", sql, PQerrorMessage(conn));
    }
    (void)snprintf(text, sizeof text, "%s", PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "");
    PQclear(result);
    return text;
}

/* A worker's connection whose process does nothing any more: what is left of a frozen host. */
static PGconn *frozen(const char *first_statement, const char *expected)
{
    PGconn *conn = PQconnectdb(hg_test_pg_worker(pg));
    assert_int_equal(PQstatus(conn), CONNECTION_OK);
    (void)ask(conn, "begin");
    assert_string_equal(ask(conn, first_statement), expected);
    return conn;
}

static void assert_ended(PGconn *conn, bool expected)
{
    PQclear(PQexec(conn, "select 1"));
    assert_int_equal(PQstatus(conn), expected ? CONNECTION_BAD : CONNECTION_OK);
    PQfinish(conn);
}

/* ---- this one ---- */

static json_t *load(int64_t fence, int lease_ms)
{
    const struct fake_task task = {.table = "m.t", .mode = "append", .fence = fence};
    json_t *json = fake_task_json(pg, &task);
    assert_int_equal(json_object_set_new(json, "lease_ms", json_integer(lease_ms)), 0);
    return json;
}

static json_t *transform(int64_t fence, int lease_ms)
{
    json_t *json = load(fence, lease_ms);
    (void)json_object_del(json, "extract");
    (void)json_object_del(json, "load");
    assert_int_equal(json_object_set_new(json, "kind", json_string("transform")), 0);
    json_object_set_new(json,
                        "transform",
                        json_pack("{s:s, s:s, s:{}}",
                                  "job",
                                  "fetch",
                                  "sql",
                                  "create schema m; create table m.t as select 1::bigint as k"
                                  " union all select 2",
                                  "params"));
    return json;
}

static void run(json_t *task, int expected, const char *message)
{
    struct hg_error err = HG_ERROR_INIT;
    int r = fake_run_json(task, NULL, &err);
    if (r != expected || !strstr(err.message, message)) {
        fail_msg("%d: %s (%s)", r, err.message, err.hint);
    }
    json_decref(task);
}

#define TAKE(fence) "select headgate.take_fence('p', 'fetch', " #fence ", null)"

static json_t *(*const kinds[])(int64_t fence, int lease_ms) = {load, transform};

/* A host that is frozen with its worker never lets go by itself. */
static void test_an_older_attempt_is_ended(void **state)
{
    (void)state;
    for (size_t i = 0; i < HG_COUNT(kinds); i++) {
        PGconn *older = frozen(TAKE(3), "taken");
        PGconn *reader = frozen("select headgate.share_fence('p', 'fetch', 3)", "");
        run(kinds[i](4, LEASE_MS), HG_OK, "");
        assert_non_null(strstr(heard.log, "its connections are ended"));
        assert_ended(older, true);
        assert_ended(reader, true);
        assert_query(pg, "select count(*) from m.t", "2");
        assert_query(pg, "select fence from headgate.ledger_head", "4");
        assert_int_equal(hg_test_pg_reset(pg), 0);
    }
}

static PGconn *about_to_commit;
static atomic_int n_asked;

static bool let_go(void)
{
    if (atomic_fetch_add(&n_asked, 1) == 3) {
        (void)ask(about_to_commit, "commit");
    }
    return false;
}

/* Not before its lease is over: it may be about to commit. */
static void test_an_older_attempt_is_waited_for(void **state)
{
    (void)state;
    for (size_t i = 0; i < HG_COUNT(kinds); i++) {
        about_to_commit = frozen(TAKE(3), "taken");
        atomic_store(&n_asked, 0);
        heard.cancel = let_go;
        run(kinds[i](4, LONG_LEASE_MS), HG_OK, "");
        heard.cancel = NULL;
        assert_null(strstr(heard.log, "its connections are ended"));
        assert_ended(about_to_commit, false);
        assert_query(pg, "select fence from headgate.ledger_head", "4");
        assert_int_equal(hg_test_pg_reset(pg), 0);
    }
}

/* One that comes late has nothing to wait for. */
static void test_a_newer_attempt_is_left_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < HG_COUNT(kinds); i++) {
        PGconn *newer = frozen(TAKE(5), "taken");
        run(kinds[i](4, 0), HG_ECONFLICT, "a newer attempt of task \"fetch\" has taken over");
        assert_ended(newer, false);
    }
}

static int64_t cancel_at_ms;

static bool in_a_while(void)
{
    return hg_time_monotonic_ms() >= cancel_at_ms;
}

static void cancel_in(int64_t wait_ms)
{
    cancel_at_ms = hg_time_monotonic_ms() + wait_ms;
    heard.cancel = in_a_while;
}

/* What is in the way for another reason: a task of another name, a lock of a script's. */
static void test_others_are_left_alone(void **state)
{
    static const char *const others[] = {
        "select headgate.take_fence('p', 'other', 3, null)",
        "select headgate.take_fence('q', 'fetch', 3, null)",
        "select headgate.share_fence('p', 'fetch', 3)",
    };
    (void)state;
    fake_sql(pg,
             "create schema m authorization headgate_user; create table m.t (k bigint);"
             " alter table m.t owner to headgate_user");
    for (size_t i = 0; i < HG_COUNT(others); i++) {
        PGconn *other = frozen(others[i], i < 2 ? "taken" : "");
        (void)ask(other, "lock table m.t in share mode");
        cancel_in((int64_t)3 * LEASE_MS);
        run(load(4, LEASE_MS), HG_ECANCELLED, "");
        heard.cancel = NULL;
        assert_ended(other, false);
    }
}

/* It is at work in another run of the pipeline, so it is waited for, however long it takes. */
static void test_one_that_is_spared_is_waited_for(void **state)
{
    (void)state;
    for (size_t i = 0; i < HG_COUNT(kinds); i++) {
        PGconn *other = frozen(TAKE(3), "taken");
        json_t *task = kinds[i](4, LEASE_MS);
        assert_int_equal(json_object_set_new(task, "spared", json_string("{2,3}")), 0);
        cancel_in((int64_t)3 * LEASE_MS);
        run(task, HG_ECANCELLED, "");
        heard.cancel = NULL;
        assert_ended(other, false);
        PGconn *older = frozen(TAKE(3), "taken");
        task = kinds[i](4, LEASE_MS);
        assert_int_equal(json_object_set_new(task, "spared", json_string("{2,5}")), 0);
        run(task, HG_OK, "");
        assert_ended(older, true);
        assert_int_equal(hg_test_pg_reset(pg), 0);
    }
}

static void test_cancel_while_it_waits(void **state)
{
    (void)state;
    for (size_t i = 0; i < HG_COUNT(kinds); i++) {
        PGconn *older = frozen(TAKE(3), "taken");
        cancel_in(LEASE_MS);
        run(kinds[i](4, LONG_LEASE_MS), HG_ECANCELLED, "");
        assert_true(hg_time_monotonic_ms() - cancel_at_ms < CANCEL_WITHIN_MS);
        heard.cancel = NULL;
        assert_ended(older, false);
    }
}

/* ---- what is said of the wait ---- */

static int count(const char *text, const char *word)
{
    int n = 0;
    for (const char *at = text; (at = strstr(at, word)) != NULL; at++) {
        n++;
    }
    return n;
}

/* Not ours: a login of somebody's in the warehouse. */
static PGconn *stranger(const char *statement)
{
    char conninfo[512];
    (void)snprintf(conninfo, sizeof conninfo, "%s dbname=warehouse", hg_test_pg_admin(pg));
    PGconn *conn = PQconnectdb(conninfo);
    assert_int_equal(PQstatus(conn), CONNECTION_OK);
    (void)ask(conn, "begin"); /* so that it has lasted longer than a lease */
    (void)ask(conn, statement);
    return conn;
}

static void waits(json_t *task, const char *for_whom, PGconn *holder)
{
    char session[32];
    (void)snprintf(session, sizeof session, "session %d", PQbackendPID(holder));
    heard.log[0] = '\0';
    cancel_in(TELLS_WITHIN_MS);
    run(task, HG_ECANCELLED, "");
    heard.cancel = NULL;
    assert_int_equal(count(heard.log, "waiting for "), 1);
    assert_int_equal(count(heard.log, for_whom), 1);
    assert_int_equal(count(heard.log, session), 1);
    assert_int_equal(count(heard.log, "connections are ended"), 0);
    assert_ended(holder, false);
}

static void test_who_is_waited_for(void **state)
{
    (void)state;
    for (size_t i = 0; i < HG_COUNT(kinds); i++) {
        waits(kinds[i](4, LONG_LEASE_MS), "an older attempt (fence 3)", frozen(TAKE(3), "taken"));
    }
}

/* A lock is anybody's, so it proves nothing: neither that there is a newer attempt, nor an older.
 */
static void test_who_is_no_attempt(void **state)
{
    static const char *const locks[] = {
        "select pg_advisory_lock(headgate.fence_place('p', 'fetch'))",
        "select pg_advisory_lock_shared(headgate.fence_place('p', 'fetch'))",
        "select pg_advisory_lock(headgate.fence_place('p', 'fetch')),"
        " pg_advisory_lock_shared((4736838::bigint << 40) | 9),"
        " pg_advisory_lock_shared(headgate.fence_key(headgate.fence_place('p', 'other'), 9)),"
        " pg_advisory_lock_shared(headgate.fence_key(headgate.fence_place('p', 'fetch'), 9) + 1)",
    };
    (void)state;
    for (size_t i = 0; i < HG_COUNT(locks); i++) {
        waits(kinds[i % 2](4, LEASE_MS), "is no attempt of this task", stranger(locks[i]));
    }
}

/*
 * One that copied what an attempt of before had is no attempt either, or one that we may not end:
 * trying would fail the task. Most servers do not show us how old its transaction is; some do.
 */
static void test_a_copied_lock(void **state)
{
    static const char *const rights[] = {"", "grant pg_read_all_stats to headgate_load"};
    (void)state;
    for (size_t i = 0; i < HG_COUNT(rights); i++) {
        assert_int_equal(hg_test_pg_sql(pg, "postgres", rights[i]), 0);
        PGconn *copier = stranger("select pg_advisory_lock(headgate.fence_place('p', 'fetch')),"
                                  " pg_advisory_lock_shared(headgate.fence_key("
                                  "headgate.fence_place('p', 'fetch'), 3))");
        waits(load(4, LEASE_MS), "(fence 3)", copier);
    }
    static const char back[] = "revoke pg_read_all_stats from headgate_load";
    assert_int_equal(hg_test_pg_sql(pg, "postgres", back), 0);
}

/* It runs in the session of an attempt, and may take locks there like anybody. */
static void test_what_a_script_locks(void **state)
{
    (void)state;
    PGconn *older = frozen(TAKE(3), "taken");
    (void)ask(older,
              "select headgate.run_sql('select pg_advisory_lock_shared(l.key + 6),"
              " pg_advisory_lock(12) from (select classid::bigint << 32 | objid::bigint as key from"
              " pg_locks where locktype = ''advisory'' and mode = ''ShareLock'') l')");
    run(load(4, LEASE_MS), HG_OK, "");
    assert_ended(older, true);
}

/* The lock that says a fence is never waited for: it would be for as long as a stranger likes. */
static void test_a_fence_that_cannot_be_said(void **state)
{
    (void)state;
    PGconn *other = stranger("select pg_advisory_lock(headgate.fence_key(headgate.fence_place("
                             "'p', 'fetch'), 4))");
    static const char limit[] = "alter role headgate_load set statement_timeout = '20s'";
    assert_int_equal(hg_test_pg_sql(pg, "postgres", limit), 0);
    run(load(4, LEASE_MS), HG_ECONFLICT, "another session wants the lock");
    assert_int_equal(hg_test_pg_sql(pg, "postgres", "alter role headgate_load reset all"), 0);
    assert_ended(other, false);
}

/* A process of the server's that does not notice for a while that it is ended. */
static void test_an_ended_one_that_stays(void **state)
{
    (void)state;
    PGconn *older = frozen(TAKE(3), "taken");
    assert_int_equal(kill(PQbackendPID(older), SIGSTOP), 0);
    cancel_in(TELLS_WITHIN_MS);
    run(load(4, LEASE_MS), HG_ECANCELLED, "");
    heard.cancel = NULL;
    assert_int_equal(kill(PQbackendPID(older), SIGCONT), 0);
    assert_int_equal(count(heard.log, "its connections are ended"), 1);
    assert_ended(older, true);
}

/* ---- the one that is ended is alive after all ---- */

static void take_over(int number)
{
    if (number == 2) {
        PGconn *newer = frozen("select headgate.take_fence('p', 'fetch', 4, 0)", "ended");
        PQfinish(newer);
    }
}

static void test_what_was_ended_lands_nothing(void **state)
{
    (void)state;
    fake.batch_rows = 1;
    fake.before_batch = take_over;
    run(load(3, LEASE_MS), HG_EUNAVAILABLE, "connection");
    assert_query(pg, "select to_regclass('m.t') is null", "t");
    assert_query(pg, "select count(*) from headgate.ledger", "0");
}

/* ---- settling ---- */

static void test_settling(void **state)
{
    struct hg_error err = HG_ERROR_INIT;
    struct hg_ledger_done done = {0};
    struct hg_ledger_attempt attempt = {
        "p", "01900000-0000-7000-8000-000000000001", "fetch", 4, LONG_LEASE_MS, 0, NULL};
    HG_CLEANUP(hg_db_returnp) struct hg_db *host = NULL;
    (void)state;
    assert_int_equal(hg_db_connect(hg_test_pg_warehouse(pg), "test", &host, &err), HG_OK);
    PGconn *older = frozen(TAKE(3), "taken");
    assert_int_equal(hg_ledger_settle(host, &attempt, &done, &err), HG_EUNAVAILABLE);
    assert_int_equal(err.retryable, 1);
    attempt.lease_ms = 0;
    assert_int_equal(hg_ledger_settle(host, &attempt, &done, &err), HG_OK);
    assert_false(done.found);
    assert_ended(older, true);
    PGconn *newer = frozen(TAKE(5), "taken");
    /* Not one of those to be spared: ours may be the older one, but another draw will tell. */
    assert_int_equal(hg_ledger_settle(host, &attempt, &done, &err), HG_EUNAVAILABLE);
    assert_int_equal(err.retryable, 1);
    attempt.spared = "{5}";
    assert_int_equal(hg_ledger_settle(host, &attempt, &done, &err), HG_OK);
    assert_false(done.found);
    assert_ended(newer, false);
    run(load(3, 0), HG_ECONFLICT, "has taken over");
}

/*
 * An older attempt whose worker is alive but has lost its lease begins a new transaction with every
 * checkpoint: none of them is ever open for a lease.
 */
static void test_settling_behind_checkpoints(void **state)
{
    struct hg_error err = HG_ERROR_INIT;
    struct hg_ledger_done done = {0};
    struct hg_ledger_attempt attempt = {.pipeline_id = "p",
                                        .run_id = "01900000-0000-7000-8000-000000000001",
                                        .key = "fetch",
                                        .fence = 4,
                                        .lease_ms = LONG_LEASE_MS,
                                        .asking_since_ms = hg_time_monotonic_ms()};
    HG_CLEANUP(hg_db_returnp) struct hg_db *host = NULL;
    (void)state;
    assert_int_equal(hg_db_connect(hg_test_pg_warehouse(pg), "test", &host, &err), HG_OK);
    PGconn *older = frozen(TAKE(3), "taken");
    assert_int_equal(hg_ledger_settle(host, &attempt, &done, &err), HG_EUNAVAILABLE);
    (void)ask(older, "commit; begin");
    assert_string_equal(ask(older, TAKE(3)), "taken");
    assert_int_equal(hg_ledger_settle(host, &attempt, &done, &err), HG_EUNAVAILABLE);
    attempt.asking_since_ms -= LONG_LEASE_MS; /* a lease has passed */
    assert_int_equal(hg_ledger_settle(host, &attempt, &done, &err), HG_OK);
    assert_ended(older, true);
}

/*
 * Another run of the pipeline has the place, for hours perhaps: an attempt of which there is no
 * word is settled all the same, cannot come behind that one, and costs it nothing.
 */
static void test_settling_beside_another_run(void **state)
{
    struct hg_error err = HG_ERROR_INIT;
    struct hg_ledger_done done = {0};
    struct hg_ledger_attempt attempt = {.pipeline_id = "p",
                                        .run_id = "01900000-0000-7000-8000-000000000001",
                                        .key = "fetch",
                                        .fence = 5,
                                        .lease_ms = 0,
                                        .asking_since_ms = 1,
                                        .spared = "{2}"};
    HG_CLEANUP(hg_db_returnp) struct hg_db *host = NULL;
    (void)state;
    assert_int_equal(hg_db_connect(hg_test_pg_warehouse(pg), "test", &host, &err), HG_OK);
    PGconn *other = frozen(TAKE(2), "taken");
    assert_int_equal(hg_ledger_settle(host, &attempt, &done, &err), HG_OK);
    assert_false(done.found);
    assert_string_equal(ask(other, "commit; begin; select 'on'"), "on"); /* a checkpoint of it */
    PGconn *late = frozen(TAKE(3), "fenced");
    (void)ask(late, "rollback");
    PQfinish(late);
    assert_string_equal(ask(other, TAKE(2)), "taken");
    fake_sql(pg,
             "insert into headgate.ledger (pipeline_id, run_id, task_key, attempt, fence,"
             " rows_loaded, final) values ('p', '01900000-0000-7000-8000-000000000001', 'fetch', 1,"
             " 3, 7, true)");
    attempt.fence = 6;
    assert_int_equal(hg_ledger_settle(host, &attempt, &done, &err), HG_OK);
    assert_true(done.found);
    assert_int_equal(done.rows_loaded, 7);
    (void)ask(other, "commit");
    assert_ended(other, false);
    /* With nobody else there, the one that had no word is refused still, and a new one is not. */
    PGconn *later = frozen("select headgate.take_fence('p', 'fetch', 4, 0, '{2}')", "fenced");
    (void)ask(later, "rollback");
    PQfinish(later);
    PGconn *newer = frozen("select headgate.take_fence('p', 'fetch', 7, 0)", "taken");
    (void)ask(newer, "rollback");
    PQfinish(newer);
    /* Fences above the one that was drawn, as when only the metadata was restored. */
    fake_sql(pg, "update headgate.ledger_head set fence = 1000");
    done = (struct hg_ledger_done){0};
    assert_int_equal(hg_ledger_settle(host, &attempt, &done, &err), HG_OK);
    assert_true(done.found);
}

/* While nothing is known a bar would help nobody: none is left behind. */
static void test_no_bar_without_need(void **state)
{
    struct hg_error err = HG_ERROR_INIT;
    struct hg_ledger_done done = {0};
    struct hg_ledger_attempt attempt = {
        "p", "01900000-0000-7000-8000-000000000001", "fetch", 5, LONG_LEASE_MS, 0, "{2}"};
    HG_CLEANUP(hg_db_returnp) struct hg_db *host = NULL;
    (void)state;
    assert_int_equal(hg_db_connect(hg_test_pg_warehouse(pg), "test", &host, &err), HG_OK);
    PGconn *own = frozen(TAKE(3), "taken");
    assert_int_equal(hg_ledger_settle(host, &attempt, &done, &err), HG_EUNAVAILABLE);
    assert_query(pg, "select count(*) from headgate.fence_bar", "0");
    PQfinish(own);
}

/* A server whose transactions see no more than at their beginning would not see the bar. */
static void test_isolation_is_ours(void **state)
{
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_db_returnp) struct hg_db *host = NULL;
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    (void)state;
    assert_int_equal(
        hg_test_pg_sql(pg,
                       "warehouse",
                       "alter role headgate_load set default_transaction_isolation = serializable"),
        0);
    int r = hg_db_connect(hg_test_pg_worker(pg), "test", &host, &err);
    assert_int_equal(hg_test_pg_sql(pg,
                                    "warehouse",
                                    "alter role headgate_load reset default_transaction_isolation"),
                     0);
    assert_int_equal(r, HG_OK);
    assert_int_equal(hg_db_simple(host, "show transaction_isolation", &result, &err), HG_OK);
    assert_string_equal(hg_result_text(result, 0, "transaction_isolation"), "read committed");
}

static void test_settling_behind_a_stranger(void **state)
{
    struct hg_error err = HG_ERROR_INIT;
    struct hg_ledger_done done = {0};
    struct hg_ledger_attempt attempt = {
        "p", "01900000-0000-7000-8000-000000000001", "fetch", 4, 0, 1, NULL};
    HG_CLEANUP(hg_db_returnp) struct hg_db *host = NULL;
    (void)state;
    assert_int_equal(hg_db_connect(hg_test_pg_warehouse(pg), "test", &host, &err), HG_OK);
    PGconn *other = stranger("select pg_advisory_lock(headgate.fence_place('p', 'fetch'))");
    assert_int_equal(hg_ledger_settle(host, &attempt, &done, &err), HG_EUNAVAILABLE);
    assert_int_equal(err.retryable, 1);
    assert_non_null(strstr(err.message, "is no attempt of it"));
    assert_non_null(strstr(err.hint, "pg_terminate_backend"));
    assert_ended(other, false);
}

/* A function that somebody has changed; no word of it may pass for a fence that is taken. */
static void test_an_answer_nobody_knows(void **state)
{
    static const char *const answers[] = {"null", "''", "'Taken'", "'taken and more'"};
    static const char take[] = "headgate.take_fence(p_pipeline text, p_task_key text,"
                               " p_fence bigint, p_end_after_ms integer, p_spared bigint[])";
    (void)state;
    fake_sql(pg, "alter function headgate.take_fence rename to take_fence_kept");
    for (size_t i = 0; i < HG_COUNT(answers); i++) {
        char sql[300];
        (void)snprintf(sql,
                       sizeof sql,
                       "create function %s returns text language sql as $$ select %s::text $$;"
                       " grant execute on function headgate.take_fence to headgate_load",
                       take,
                       answers[i]);
        fake_sql(pg, sql);
        run(load(4, LEASE_MS), HG_EINTERNAL, "headgate.take_fence answers");
        fake_sql(pg, "drop function headgate.take_fence");
    }
    fake_sql(pg, "alter function headgate.take_fence_kept rename to take_fence");
    assert_query(pg, "select count(*) from headgate.ledger_head", "0");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, give_two)
    const struct CMUnitTest tests[] = {
        TEST(test_an_older_attempt_is_ended),
        TEST(test_an_older_attempt_is_waited_for),
        TEST(test_a_newer_attempt_is_left_alone),
        TEST(test_others_are_left_alone),
        TEST(test_one_that_is_spared_is_waited_for),
        TEST(test_cancel_while_it_waits),
        TEST(test_who_is_waited_for),
        TEST(test_who_is_no_attempt),
        TEST(test_a_copied_lock),
        TEST(test_what_a_script_locks),
        TEST(test_a_fence_that_cannot_be_said),
        TEST(test_an_ended_one_that_stays),
        TEST(test_what_was_ended_lands_nothing),
        TEST(test_settling),
        TEST(test_settling_behind_checkpoints),
        TEST(test_settling_beside_another_run),
        TEST(test_no_bar_without_need),
        TEST(test_isolation_is_ours),
        TEST(test_settling_behind_a_stranger),
        TEST(test_an_answer_nobody_knows),
    };
    return cmocka_run_group_tests(tests, start_pg, stop_pg);
}
