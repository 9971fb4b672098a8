/* The pool: borrowing, waiting, replacing what is broken, many threads. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fixture.h"

static const struct hg_statement one = {"p_one", "select 1 as one", 0};

static struct hg_pool *new_pool(int size)
{
    struct hg_pool *pool = NULL;
    assert_int_equal(hg_pool_new(hg_test_pg_metadata(pg), size, "test-pool", &pool, NULL), HG_OK);
    return pool;
}

static struct hg_db *borrow(struct hg_pool *pool)
{
    struct hg_db *db = NULL;
    struct hg_error err = HG_ERROR_INIT;
    if (hg_pool_borrow(pool, 5000, &db, &err) < 0) {
        fail_msg("%s", err.message);
    }
    return db;
}

static void test_connections_are_used_again(void **state)
{
    (void)state;
    HG_CLEANUP(hg_pool_freep) struct hg_pool *pool = new_pool(2);
    struct hg_db *db = borrow(pool);
    assert_int_equal(hg_db_exec(db, &one, NULL, NULL, NULL), HG_OK);
    HG_CLEANUP(hg_freep) char *pid = ask(db, "select pg_backend_pid()");
    hg_db_return(db);
    db = borrow(pool);
    assert_answer(db, "select pg_backend_pid()", pid);
    assert_answer(db, "select count(*) from pg_prepared_statements", "1");
    hg_db_return(db);
    hg_db_return(NULL);
}

static void test_all_busy(void **state)
{
    (void)state;
    HG_CLEANUP(hg_pool_freep) struct hg_pool *pool = new_pool(1);
    struct hg_error err = HG_ERROR_INIT;
    struct hg_db *db = borrow(pool);
    struct hg_db *second = NULL;
    assert_int_equal(hg_pool_borrow(pool, 1, &second, &err), HG_EUNAVAILABLE);
    assert_null(second);
    assert_int_equal(err.retryable, 1);
    assert_non_null(strstr(err.message, "all 1 database connections"));
    hg_db_return(db);
    second = borrow(pool);
    hg_db_return(second);
}

static void *give_back(void *arg)
{
    hg_db_return(arg);
    return NULL;
}

static void test_waits_for_one(void **state)
{
    (void)state;
    HG_CLEANUP(hg_pool_freep) struct hg_pool *pool = new_pool(1);
    pthread_t thread;
    struct hg_db *db = borrow(pool);
    assert_int_equal(pthread_create(&thread, NULL, give_back, db), 0);
    db = borrow(pool);
    assert_int_equal(pthread_join(thread, NULL), 0);
    hg_db_return(db);
}

static void test_return_ends_what_was_open(void **state)
{
    (void)state;
    HG_CLEANUP(hg_pool_freep) struct hg_pool *pool = new_pool(1);
    struct hg_db *db = borrow(pool);
    must(db, "create table left_open (a int)");
    assert_int_equal(hg_db_begin(db, NULL), HG_OK);
    must(db, "insert into left_open values (1)");
    hg_db_return(db);
    db = borrow(pool);
    assert_int_equal(PQtransactionStatus(hg_db_conn(db)), PQTRANS_IDLE);
    assert_answer(db, "select count(*) from left_open", "0");
    HG_CLEANUP(hg_freep) char *before = ask(db, "select pg_backend_pid()");
    must(db, "copy left_open from stdin"); /* and never ended: only a new connection helps */
    hg_db_return(db);
    db = borrow(pool);
    HG_CLEANUP(hg_freep) char *after = ask(db, "select pg_backend_pid()");
    assert_string_not_equal(before, after);
    must(db, "drop table left_open");
    hg_db_return(db);
}

static void test_closed_session_is_replaced(void **state)
{
    (void)state;
    HG_CLEANUP(hg_pool_freep) struct hg_pool *pool = new_pool(1);
    HG_CLEANUP(hg_db_returnp) struct hg_db *admin = connect_to(hg_test_pg_admin(pg));
    hg_db_return(borrow(pool));
    assert_answer(admin,
                  "select count(pg_terminate_backend(pid, 5000)) from pg_stat_activity"
                  " where application_name = 'test-pool'",
                  "1");
    struct hg_db *db = borrow(pool);
    must(db, "select 1");
    hg_db_return(db);
}

static void test_server_dies_and_comes_back(void **state)
{
    (void)state;
    HG_CLEANUP(hg_pool_freep) struct hg_pool *pool = new_pool(2);
    struct hg_error err = HG_ERROR_INIT;
    struct hg_db *idle = borrow(pool);
    struct hg_db *held = borrow(pool);
    assert_int_equal(hg_db_exec(held, &one, NULL, NULL, NULL), HG_OK);
    hg_db_return(idle);
    hg_test_pg_kill(pg);
    assert_int_equal(hg_db_exec(held, &one, NULL, NULL, &err), HG_EUNAVAILABLE);
    assert_int_equal(err.retryable, 1);
    hg_db_return(held);
    assert_int_equal(hg_pool_borrow(pool, 100, &idle, &err), HG_EUNAVAILABLE);
    assert_int_equal(err.retryable, 1);
    assert_int_equal(hg_test_pg_resume(pg), 0);
    /* Both places are free again, and what was prepared is prepared anew. */
    idle = borrow(pool);
    held = borrow(pool);
    assert_int_equal(hg_db_exec(held, &one, NULL, NULL, NULL), HG_OK);
    assert_int_equal(hg_db_exec(idle, &one, NULL, NULL, NULL), HG_OK);
    hg_db_return(idle);
    hg_db_return(held);
}

/* Lets a client in, and says nothing more until it goes. */
static void *fall_silent(void *arg)
{
    static const char ready[] = "R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I";
    char bytes[512];
    int client = accept(*(int *)arg, NULL, NULL);
    if (client >= 0 && read(client, bytes, sizeof bytes) > 0 &&
        write(client, ready, sizeof ready - 1) > 0) {
        while (read(client, bytes, sizeof bytes) > 0) {
        }
    }
    (void)close(client);
    return NULL;
}

/* The wait is bounded also where the server stops between letting us in and its first answer. */
static void test_a_server_that_falls_silent(void **state)
{
    (void)state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct hg_error err = HG_ERROR_INIT;
    char conninfo[200];
    pthread_t thread;
    struct hg_db *db = NULL;
    char *folder = make_scratch();
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s/.s.PGSQL.5432", folder);
    (void)snprintf(conninfo, sizeof conninfo, "host=%s dbname=x user=x", folder);
    HG_CLEANUP(hg_closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(pthread_create(&thread, NULL, fall_silent, &fd), 0);
    HG_CLEANUP(hg_pool_freep) struct hg_pool *pool = NULL;
    assert_int_equal(hg_pool_new(conninfo, 1, "test", &pool, &err), HG_OK);
    assert_int_equal(hg_pool_borrow(pool, 200, &db, &err), HG_EUNAVAILABLE);
    assert_non_null(strstr(err.message, "does not answer"));
    assert_int_equal(err.retryable, 1);
    (void)pthread_join(thread, NULL);
    remove_scratch(folder);
}

static void test_statement_timeout(void **state)
{
    (void)state;
    HG_CLEANUP(hg_pool_freep) struct hg_pool *pool = new_pool(1);
    hg_pool_statement_timeout(pool, 30);
    struct hg_db *db = borrow(pool);
    must_fail(db, "select pg_sleep(60)", HG_ETIMEDOUT, "57014", NULL);
    hg_db_return(db);
}

/* A frozen host lets go of what its transactions hold; a load may wait for its source. */
static void test_idle_timeout(void **state)
{
    (void)state;
    HG_CLEANUP(hg_pool_freep) struct hg_pool *pool = new_pool(1);
    HG_CLEANUP(hg_resultp) PGresult *pooled = NULL;
    HG_CLEANUP(hg_resultp) PGresult *own = NULL;
    struct hg_db *db = borrow(pool);
    assert_int_equal(hg_db_simple(db, "show idle_in_transaction_session_timeout", &pooled, NULL),
                     HG_OK);
    assert_string_equal(PQgetvalue(pooled, 0, 0), "30s");
    hg_db_return(db);
    assert_int_equal(hg_db_connect(hg_test_pg_metadata(pg), "test", &db, NULL), HG_OK);
    assert_int_equal(hg_db_simple(db, "show idle_in_transaction_session_timeout", &own, NULL),
                     HG_OK);
    assert_string_equal(PQgetvalue(own, 0, 0), "0");
    hg_db_return(db);
}

enum { THREADS = 8, ROUNDS = 40, SIZE = 3 };

struct crowd {
    struct hg_pool *pool;
    atomic_int in_use;
    atomic_int most;
    atomic_int failures;
};

static void *borrow_often(void *arg)
{
    struct crowd *crowd = arg;
    for (int i = 0; i < ROUNDS; i++) {
        struct hg_db *db = NULL;
        if (hg_pool_borrow(crowd->pool, 30000, &db, NULL) < 0) {
            atomic_fetch_add(&crowd->failures, 1);
            continue;
        }
        int now = atomic_fetch_add(&crowd->in_use, 1) + 1;
        int most = atomic_load(&crowd->most);
        while (now > most && !atomic_compare_exchange_weak(&crowd->most, &most, now)) {
        }
        if (hg_db_exec(db, &one, NULL, NULL, NULL) < 0) {
            atomic_fetch_add(&crowd->failures, 1);
        }
        atomic_fetch_sub(&crowd->in_use, 1);
        if (i % 7 == 0) {
            PQclear(PQexec(hg_db_conn(db), "begin"));
        }
        hg_db_return(db);
    }
    return NULL;
}

static void test_many_threads(void **state)
{
    (void)state;
    HG_CLEANUP(hg_pool_freep) struct hg_pool *pool = new_pool(SIZE);
    struct crowd crowd = {.pool = pool};
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, borrow_often, &crowd), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(atomic_load(&crowd.failures), 0);
    assert_in_range(atomic_load(&crowd.most), 1, SIZE);
}

static void test_bad_conninfo(void **state)
{
    (void)state;
    HG_CLEANUP(hg_pool_freep) struct hg_pool *pool = NULL;
    struct hg_db *db = NULL;
    assert_int_equal(hg_pool_new("postgresql://[", 1, "test", &pool, NULL), HG_OK);
    assert_string_equal(hg_pool_conninfo(pool), "postgresql://[");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(hg_pool_borrow(pool, 100, &db, NULL), HG_EINVAL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connections_are_used_again),
        cmocka_unit_test(test_all_busy),
        cmocka_unit_test(test_waits_for_one),
        cmocka_unit_test(test_return_ends_what_was_open),
        cmocka_unit_test(test_closed_session_is_replaced),
        cmocka_unit_test(test_server_dies_and_comes_back),
        cmocka_unit_test(test_a_server_that_falls_silent),
        cmocka_unit_test(test_statement_timeout),
        cmocka_unit_test(test_idle_timeout),
        cmocka_unit_test(test_many_threads),
        cmocka_unit_test(test_bad_conninfo),
    };
    return cmocka_run_group_tests_name("store/pool", tests, start_pg, stop_pg);
}
