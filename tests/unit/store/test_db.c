/* Statements, errors and transactions on one connection. */
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "base/time.h"
#include "fixture.h"
#include "store/advisory.h"

static const struct hg_statement add = {"t_add", "select $1::int + $2::int as sum", 2};
static const struct hg_statement echo = {"t_echo", "select $1::text as value", 1};
static const struct hg_statement bad = {"t_bad", "select from no_such_table", 0};
static const struct hg_statement all_of = {"t_all_of", "select * from t_changing", 0};

static void test_exec(void **state)
{
    (void)state;
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = connect_to(hg_test_pg_metadata(pg));
    const char *const params[] = {"20", "22"};
    for (int i = 0; i < 3; i++) {
        HG_CLEANUP(hg_resultp) PGresult *result = NULL;
        assert_int_equal(hg_db_exec(db, &add, params, &result, NULL), HG_OK);
        assert_int_equal(hg_result_int64(result, 0, "sum", -1), 42);
    }
    assert_answer(db, "select count(*) from pg_prepared_statements", "1");
    assert_int_equal(hg_db_exec(db, &add, params, NULL, NULL), HG_OK);
}

static void test_parameters_are_no_sql(void **state)
{
    (void)state;
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = connect_to(hg_test_pg_metadata(pg));
    static const char *const texts[] = {"'; drop table run; --", "\\", "", NULL};
    for (size_t i = 0; i < HG_COUNT(texts); i++) {
        HG_CLEANUP(hg_resultp) PGresult *result = NULL;
        assert_int_equal(hg_db_exec(db, &echo, &texts[i], &result, NULL), HG_OK);
        const char *value = hg_result_text(result, 0, "value");
        if (texts[i]) {
            assert_string_equal(value, texts[i]);
        } else {
            assert_null(value);
        }
    }
}

static void test_session(void **state)
{
    (void)state;
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = connect_to(hg_test_pg_metadata(pg));
    assert_answer(db, "show timezone", "UTC");
    assert_answer(db, "show client_encoding", "UTF8");
    assert_answer(db, "select '2026-01-02'::date::text", "2026-01-02");
    assert_answer(db, "select current_setting('application_name')", "test");
}

static void test_failures(void **state)
{
    (void)state;
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = connect_to(hg_test_pg_metadata(pg));
    struct hg_error err = HG_ERROR_INIT;
    must(db, "create temp table t (a int primary key, b text not null)");
    must(db, "insert into t values (1, 'x')");
    must_fail(db, "insert into t values (1, 'y')", HG_EEXIST, "23505", &err);
    assert_non_null(strstr(err.message, "duplicate key value"));
    assert_non_null(strstr(err.message, "Key (a)=(1) already exists"));
    assert_int_not_equal(err.message[strlen(err.message) - 1], '.');
    must_fail(db, "insert into t values (2, null)", HG_EDATA, "23502", NULL);
    must_fail(db, "select 'abc'::int", HG_EDATA, "22P02", NULL);
    must_fail(db, "select 1/0", HG_EDATA, "22012", NULL);
    must_fail(db, "selec", HG_EINVAL, "42601", NULL);
    must_fail(db, "select * from nowhere", HG_ENOTFOUND, "42P01", NULL);
    must_fail(db, "create temp table t ()", HG_EEXIST, "42P07", NULL);
    must_fail(db, "create role r", HG_EFORBIDDEN, "42501", NULL);
    must_fail(db, "select lenght('a')", HG_ENOTFOUND, "42883", &err);
    assert_non_null(strstr(err.hint, "explicit type casts"));
    assert_int_equal(err.retryable, 0);
    must(db, "select 1");
}

static void test_failure_in_a_script_has_a_line(void **state)
{
    (void)state;
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = connect_to(hg_test_pg_worker(pg));
    struct hg_error err = HG_ERROR_INIT;
    must_fail(db,
              "select headgate.run_sql(E'select 1;\\n-- \u00fc\u00fc\u00fc\nselect 2;\\nselect fro "
              "from x')",
              HG_ENOTFOUND,
              NULL,
              &err);
    assert_non_null(strstr(err.message, "line 4 of the script"));
}

static void test_failed_prepare_can_be_repeated(void **state)
{
    (void)state;
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = connect_to(hg_test_pg_metadata(pg));
    struct hg_error err = HG_ERROR_INIT;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(hg_db_exec(db, &bad, NULL, NULL, &err), HG_ENOTFOUND);
        assert_non_null(strstr(err.message, "t_bad"));
    }
}

static void test_stale_plan_is_prepared_again(void **state)
{
    (void)state;
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = connect_to(hg_test_pg_metadata(pg));
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    must(db, "create temp table t_changing (a int)");
    assert_int_equal(hg_db_exec(db, &all_of, NULL, NULL, NULL), HG_OK);
    must(db, "alter table t_changing add column b int");
    assert_int_equal(hg_db_exec(db, &all_of, NULL, &result, NULL), HG_OK);
    assert_int_equal(PQnfields(result), 2);
    must(db, "deallocate all");
    assert_int_equal(hg_db_exec(db, &all_of, NULL, NULL, NULL), HG_OK);
}

static void test_transactions(void **state)
{
    (void)state;
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = connect_to(hg_test_pg_metadata(pg));
    must(db, "create temp table t (a int)");
    assert_int_equal(hg_db_begin(db, NULL), HG_OK);
    must(db, "insert into t values (1)");
    hg_db_rollback(db);
    hg_db_rollback(db); /* outside of one: nothing */
    assert_answer(db, "select count(*) from t", "0");
    assert_int_equal(hg_db_begin(db, NULL), HG_OK);
    must(db, "insert into t values (1)");
    assert_int_equal(hg_db_commit(db, NULL), HG_OK);
    assert_answer(db, "select count(*) from t", "1");
}

static void test_commit_of_a_failed_transaction_fails(void **state)
{
    (void)state;
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = connect_to(hg_test_pg_metadata(pg));
    struct hg_error err = HG_ERROR_INIT;
    must(db, "create temp table t (a int)");
    assert_int_equal(hg_db_begin(db, NULL), HG_OK);
    must(db, "insert into t values (1)");
    must_fail(db, "select 1/0", HG_EDATA, NULL, NULL);
    must_fail(db, "select 1", HG_ECONFLICT, "25P02", NULL);
    assert_int_equal(hg_db_commit(db, &err), HG_ECONFLICT);
    assert_answer(db, "select count(*) from t", "0");
}

static void test_lock_timeout_is_retryable(void **state)
{
    (void)state;
    HG_CLEANUP(hg_db_returnp) struct hg_db *a = connect_to(hg_test_pg_metadata(pg));
    HG_CLEANUP(hg_db_returnp) struct hg_db *b = connect_to(hg_test_pg_metadata(pg));
    struct hg_error err = HG_ERROR_INIT;
    must(a, "select pg_advisory_lock(77)");
    must(b, "set lock_timeout = 10");
    must_fail(b, "select pg_advisory_lock(77)", HG_ECONFLICT, "55P03", &err);
    assert_int_equal(err.retryable, 1);
}

static void test_timeout_and_cancel_are_told_apart(void **state)
{
    (void)state;
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = connect_to(hg_test_pg_metadata(pg));
    assert_int_equal(hg_db_statement_timeout(db, 20, NULL), HG_OK);
    must_fail(db, "select pg_sleep(60)", HG_ETIMEDOUT, "57014", NULL);
    assert_int_equal(hg_db_statement_timeout(db, 0, NULL), HG_OK);
    must(db, "select pg_sleep(0.03)");
}

struct canceller {
    struct hg_db *db;
    struct hg_db *watcher;
};

/* Cancels once the other session's statement is seen to run. */
/* A script can take any such lock: who waits for it hears of the session, not just of the time. */
static void test_a_held_advisory_lock_is_given_up(void **state)
{
    (void)state;
    HG_CLEANUP(hg_db_returnp) struct hg_db *holder = connect_to(hg_test_pg_worker(pg));
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = connect_to(hg_test_pg_warehouse(pg));
    HG_CLEANUP(hg_freep) char *pid = ask(holder, "select pg_backend_pid()::text");
    struct hg_error err = HG_ERROR_INIT;
    for (size_t i = 0; i < 2; i++) {
        static const char *const keys[] = {"-2", "5260129372347"};
        must(holder,
             i == 0 ? "select pg_advisory_lock(-2)" : "select pg_advisory_lock(5260129372347)");
        assert_int_equal(hg_advisory_lock(db, keys[i], "the thing", 150, &err), HG_EUNAVAILABLE);
        assert_true(err.retryable);
        assert_non_null(strstr(err.message, "the thing"));
        assert_non_null(strstr(err.hint, pid));
        assert_non_null(strstr(err.hint, "headgate_load"));
        must(holder, "select pg_advisory_unlock_all()");
        assert_int_equal(hg_advisory_lock(db, keys[i], "the thing", 0, &err), HG_OK);
        assert_answer(holder,
                      i == 0 ? "select pg_try_advisory_lock(-2)"
                             : "select pg_try_advisory_lock(5260129372347)",
                      "f");
        hg_advisory_unlock(db, keys[i]);
    }
    assert_answer(
        db,
        "select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()",
        "0");
}

static void *cancel_when_running(void *arg)
{
    const struct canceller *c = arg;
    HG_CLEANUP(hg_freep) char *n = NULL;
    do {
        hg_freep(&n);
        n = ask(c->watcher,
                "select count(*) from pg_stat_activity where state = 'active'"
                " and query like 'select pg_sleep(61)%'");
    } while (strcmp(n, "0") == 0);
    hg_db_cancel(c->db);
    return NULL;
}

static void test_cancel_from_another_thread(void **state)
{
    (void)state;
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = connect_to(hg_test_pg_metadata(pg));
    HG_CLEANUP(hg_db_returnp) struct hg_db *watcher = connect_to(hg_test_pg_admin(pg));
    struct canceller c = {db, watcher};
    pthread_t thread;
    assert_int_equal(hg_db_statement_timeout(db, 50000, NULL), HG_OK);
    assert_int_equal(pthread_create(&thread, NULL, cancel_when_running, &c), 0);
    must_fail(db, "select pg_sleep(61)", HG_ECANCELLED, "57014", NULL);
    assert_int_equal(pthread_join(thread, NULL), 0);
    must(db, "select 1");
}

/* Each way of asking, while the server's process is stopped. */
static void test_a_server_that_is_frozen_is_given_up(void **state)
{
    (void)state;
    static const char *const params[] = {"20", "22"};
    for (int way = 0; way < 4; way++) {
        struct hg_error err = HG_ERROR_INIT;
        HG_CLEANUP(hg_db_returnp) struct hg_db *db = connect_to(hg_test_pg_metadata(pg));
        pid_t pid = PQbackendPID(hg_db_conn(db));
        int r = HG_OK;
        hg_db_patience(db, 5000);
        if (way != 1) {
            assert_int_equal(hg_db_exec(db, &add, params, NULL, NULL), HG_OK); /* prepared */
        }
        if (way == 3) {
            must(db, "begin");
        }
        hg_db_patience(db, 300);
        int64_t since_ms = hg_time_monotonic_ms();
        assert_int_equal(kill(pid, SIGSTOP), 0);
        switch (way) {
        case 0:
        case 1:
            r = hg_db_exec(db, &add, params, NULL, &err);
            break;
        case 2:
            r = hg_db_simple(db, "select 1", NULL, &err);
            break;
        default:
            r = hg_db_later(db, &add, params, &err);
            r = r < 0 ? r : hg_db_commit(db, &err);
        }
        int64_t took_ms = hg_time_monotonic_ms() - since_ms;
        hg_db_rollback(db); /* waits for nothing either */
        assert_int_equal(kill(pid, SIGCONT), 0);
        assert_int_equal(r, HG_EUNAVAILABLE);
        assert_int_equal(err.retryable, 1);
        assert_non_null(strstr(err.message, "has not answered for 300 ms"));
        assert_in_range(took_ms, 290, 60000);
        assert_false(hg_db_is_alive(db));
    }
}

static void test_patience_leaves_answers_as_they_are(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = connect_to(hg_test_pg_metadata(pg));
    hg_db_patience(db, 60000);
    const char *const params[] = {"20", "22"};
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    assert_int_equal(hg_db_exec(db, &add, params, &result, NULL), HG_OK);
    assert_int_equal(hg_result_int64(result, 0, "sum", -1), 42);
    assert_answer(db, "select 1; select 'last'", "last");
    must_fail(db, "select 1; select 1/0; select 2", HG_EDATA, "22012", &err);
    must(db, "create temp table c (a int)");
    HG_CLEANUP(hg_resultp) PGresult *copy = NULL;
    assert_int_equal(hg_db_simple(db, "copy c from stdin", &copy, NULL), HG_OK);
    assert_int_equal(PQresultStatus(copy), PGRES_COPY_IN);
    assert_int_equal(PQputCopyData(hg_db_conn(db), "1\n", 2), 1);
    assert_int_equal(PQputCopyEnd(hg_db_conn(db), NULL), 1);
    for (PGresult *end; (end = PQgetResult(hg_db_conn(db))) != NULL;) {
        PQclear(end);
    }
    assert_answer(db, "select count(*) from c", "1");
}

static void test_lost_connection(void **state)
{
    (void)state;
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = connect_to(hg_test_pg_metadata(pg));
    struct hg_error err = HG_ERROR_INIT;
    must_fail(db, "select pg_terminate_backend(pg_backend_pid())", HG_EUNAVAILABLE, NULL, &err);
    assert_string_equal(err.message,
                        "the database connection was lost: terminating connection due to "
                        "administrator command");
    assert_int_equal(err.retryable, 1);
    must_fail(db, "select 1", HG_EUNAVAILABLE, NULL, &err);
    assert_int_equal(err.retryable, 1);
}

static void test_copy(void **state)
{
    (void)state;
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = connect_to(hg_test_pg_metadata(pg));
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    must(db, "create temp table t (a int)");
    assert_int_equal(hg_db_simple(db, "copy t from stdin", &result, NULL), HG_OK);
    assert_int_equal(PQresultStatus(result), PGRES_COPY_IN);
    assert_int_equal(PQputCopyData(hg_db_conn(db), "1\n2\n", 4), 1);
    assert_int_equal(PQputCopyEnd(hg_db_conn(db), NULL), 1);
    for (PGresult *r = PQgetResult(hg_db_conn(db)); r; r = PQgetResult(hg_db_conn(db))) {
        assert_int_equal(PQresultStatus(r), PGRES_COMMAND_OK);
        PQclear(r);
    }
    assert_answer(db, "select count(*) from t", "2");
}

static void connect_fails(const char *conninfo, int code, const char *part)
{
    struct hg_error err = HG_ERROR_INIT;
    struct hg_db *db = NULL;
    assert_int_equal(hg_db_connect(conninfo, "test", &db, &err), code);
    assert_null(db);
    if (!strstr(err.message, part)) {
        fail_msg("\"%s\" lacks \"%s\"", err.message, part);
    }
    assert_null(strstr(err.message, "hunter2"));
    assert_null(strstr(err.hint, "hunter2"));
}

static void test_connection_failures(void **state)
{
    (void)state;
    char conninfo[256];
    (void)snprintf(conninfo,
                   sizeof conninfo,
                   "host='%s' user='headgate' dbname='nowhere' password='hunter2'",
                   hg_test_pg_folder(pg));
    connect_fails(conninfo, HG_ENOTFOUND, "database \"nowhere\" does not exist");
    (void)snprintf(
        conninfo, sizeof conninfo, "host='%s' user='nobody_here'", hg_test_pg_folder(pg));
    connect_fails(conninfo, HG_EUNAUTHENTICATED, "nobody_here");
    connect_fails(
        "host=/tmp/hg-no-such-folder user=x password=hunter2", HG_EUNAVAILABLE, "/tmp/hg-no");
    connect_fails("postgresql://u:hunter2@[::1/x", HG_EINVAL, "no valid connection string");
    connect_fails("hunter2", HG_EINVAL, "no valid connection string");
}

/* Memory ran out over the answer to PREPARE: the server has the statement, and we do not know. */
static void test_statement_that_is_there_already(void **state)
{
    (void)state;
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = connect_to(hg_test_pg_metadata(pg));
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    struct hg_error err = HG_ERROR_INIT;
    const char *const params[] = {"20", "22"};
    must(db, "prepare t_add (int, int) as select $1 + $2 as sum");
    assert_int_equal(hg_db_exec(db, &add, params, &result, NULL), HG_OK);
    assert_int_equal(hg_result_int64(result, 0, "sum", -1), 42);
    /* Within a transaction it has failed that, and the transaction can be repeated. */
    must(db, "prepare t_echo (text) as select $1 as value");
    must(db, "begin");
    assert_true(hg_db_exec(db, &echo, params, NULL, &err) < 0);
    assert_true(err.retryable);
    hg_db_rollback(db);
    must(db, "begin");
    assert_int_equal(hg_db_exec(db, &echo, params, NULL, NULL), HG_OK);
    assert_int_equal(hg_db_commit(db, NULL), HG_OK);
}

static void test_what_is_said_is_one_line(void **state)
{
    (void)state;
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = connect_to(hg_test_pg_metadata(pg));
    struct hg_error err = HG_ERROR_INIT;
    assert_true(hg_db_simple(db,
                             "do $$ begin raise exception E'one\\n  two.' using detail = "
                             "E'three\\nfour', hint = E'five\\nsix'; end $$",
                             NULL,
                             &err) < 0);
    assert_string_equal(err.message, "one two: three four");
    assert_string_equal(err.hint, "five six");
}

static void test_an_answer_without_memory(void **state)
{
    (void)state;
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = connect_to(hg_test_pg_metadata(pg));
    struct hg_error err = HG_ERROR_INIT;
    assert_int_equal(hg_db_error(hg_db_conn(db), NULL, &err), HG_EUNAVAILABLE);
    assert_true(err.retryable);
    assert_non_null(strstr(err.message, "out of memory"));
}

/* ---- several in one round trip ---- */

static const struct hg_statement put = {"t_put", "insert into t_later values ($1::int)", 1};
static const struct hg_statement sum = {"t_sum", "select sum(a) as sum from t_later", 0};

static void later(struct hg_db *db, const char *number)
{
    assert_int_equal(hg_db_later(db, &put, &number, NULL), HG_OK);
}

static void test_later_goes_out_with_the_next(void **state)
{
    (void)state;
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = connect_to(hg_test_pg_metadata(pg));
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    must(db, "create temp table t_later (a int primary key)");
    for (int i = 0; i < 2; i++) { /* the first time the statements are not prepared yet */
        assert_int_equal(hg_db_begin_later(db, NULL), HG_OK);
        later(db, "1");
        later(db, "2");
        PQclear(HG_TAKE(result));
        assert_int_equal(hg_db_exec(db, &sum, NULL, &result, NULL), HG_OK);
        assert_int_equal(hg_result_int64(result, 0, "sum", -1), 3);
        later(db, "4");
        assert_answer(db, "select count(*) from t_later", "3");
        later(db, "5");
        assert_int_equal(hg_db_commit(db, NULL), HG_OK);
        assert_answer(db, "select sum(a) from t_later", "12");
        must(db, "truncate t_later");
    }
}

/* The failure is told by the statement that was waited for, and nothing behind it is done. */
static void test_later_fails_the_next(void **state)
{
    (void)state;
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = connect_to(hg_test_pg_metadata(pg));
    must(db, "create temp table t_later (a int primary key)");
    for (int way = 0; way < 4; way++) {
        struct hg_error err = HG_ERROR_INIT;
        PGresult *result = NULL;
        assert_int_equal(hg_db_begin_later(db, NULL), HG_OK);
        later(db, "1");
        later(db, "1");
        int r = way == 0   ? hg_db_exec(db, &sum, NULL, &result, &err)
                : way == 1 ? hg_db_commit(db, &err)
                : way == 2 ? hg_db_simple(db, "select 1", &result, &err)
                           : HG_EEXIST; /* nothing is waited for */
        assert_int_equal(r, HG_EEXIST);
        assert_null(result);
        if (way < 3) {
            assert_string_equal(err.sqlstate, "23505");
        }
        hg_db_rollback(db);
        assert_answer(db, "select count(*) from t_later", "0");
    }
}

static void test_later_on_a_lost_connection(void **state)
{
    (void)state;
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = connect_to(hg_test_pg_metadata(pg));
    HG_CLEANUP(hg_db_returnp) struct hg_db *other = connect_to(hg_test_pg_metadata(pg));
    char sql[64];
    struct hg_error err = HG_ERROR_INIT;
    must(db, "create temp table t_later (a int primary key)");
    assert_int_equal(hg_db_begin_later(db, NULL), HG_OK);
    later(db, "1");
    (void)snprintf(
        sql, sizeof sql, "select pg_terminate_backend(%d, 10000)", PQbackendPID(hg_db_conn(db)));
    must(other, sql);
    const char *const two = "2";
    int r = hg_db_later(db, &put, &two, &err);
    r = r < 0 ? r : hg_db_commit(db, &err);
    assert_int_equal(r, HG_EUNAVAILABLE);
    assert_true(err.retryable);
    hg_db_rollback(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exec),
        cmocka_unit_test(test_parameters_are_no_sql),
        cmocka_unit_test(test_session),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_failure_in_a_script_has_a_line),
        cmocka_unit_test(test_failed_prepare_can_be_repeated),
        cmocka_unit_test(test_statement_that_is_there_already),
        cmocka_unit_test(test_what_is_said_is_one_line),
        cmocka_unit_test(test_an_answer_without_memory),
        cmocka_unit_test(test_stale_plan_is_prepared_again),
        cmocka_unit_test(test_transactions),
        cmocka_unit_test(test_commit_of_a_failed_transaction_fails),
        cmocka_unit_test(test_lock_timeout_is_retryable),
        cmocka_unit_test(test_timeout_and_cancel_are_told_apart),
        cmocka_unit_test(test_a_held_advisory_lock_is_given_up),
        cmocka_unit_test(test_cancel_from_another_thread),
        cmocka_unit_test(test_a_server_that_is_frozen_is_given_up),
        cmocka_unit_test(test_patience_leaves_answers_as_they_are),
        cmocka_unit_test(test_lost_connection),
        cmocka_unit_test(test_copy),
        cmocka_unit_test(test_later_goes_out_with_the_next),
        cmocka_unit_test(test_later_fails_the_next),
        cmocka_unit_test(test_later_on_a_lost_connection),
        cmocka_unit_test(test_connection_failures),
    };
    return cmocka_run_group_tests_name("store/db", tests, start_pg, stop_pg);
}
