/* The audit log on a real PostgreSQL: who may take rows out of it, and what is left then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "auth/audit.h"
#include "auth/principal.h"
#include "base/mem.h"
#include "shared_pg.h"
#include "store/db.h"

static struct hg_pool *pool;

static int start_server(void **state)
{
    return start_pg(state) != 0 ? -1 : hg_pool_new(hg_test_pg_metadata(pg), 2, "test", &pool, NULL);
}

static int stop_server(void **state)
{
    hg_pool_free(pool);
    return stop_pg(state);
}

static int start(void **state)
{
    (void)state;
    return hg_test_pg_reset(pg);
}

static int64_t number(const char *query)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    struct hg_error err = HG_ERROR_INIT;
    assert_int_equal(hg_pool_borrow(pool, 5000, &db, &err), HG_OK);
    if (hg_db_simple(db, query, &result, &err) < 0) {
        fail_msg("%s", err.message);
    }
    return strtoll(PQgetvalue(result, 0, 0), NULL, 10);
}

static void refuses(const char *text)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    struct hg_error err = HG_ERROR_INIT;
    assert_int_equal(hg_pool_borrow(pool, 5000, &db, &err), HG_OK);
    assert_true(hg_db_simple(db, text, NULL, &err) < 0);
    assert_non_null(strstr(err.message, "the audit log only grows"));
}

static void write_rows(int n)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    const struct hg_principal by = hg_principal_file();
    struct hg_error err = HG_ERROR_INIT;
    assert_int_equal(hg_pool_borrow(pool, 5000, &db, &err), HG_OK);
    for (int i = 0; i < n; i++) {
        assert_int_equal(hg_audit_write(db, &by, "user.create", "ada", NULL, &err), HG_OK);
    }
}

#define BROKEN_AT "select coalesce(audit_broken_at(), 0)"
#define FIRST     "select min(seq) from audit"
#define LAST      "select max(seq) from audit"

static void test_the_eldest_go_and_the_rest_still_follows(void **state)
{
    (void)state;
    write_rows(10);
    assert_int_equal(number("select audit_drop(now() + interval '1 day', 4)"), 4);
    assert_int_equal(number(FIRST), 5);
    assert_int_equal(number("select seq from audit_start"), 4);
    assert_int_equal(number(BROKEN_AT), 0);
    write_rows(2);
    assert_int_equal(number(LAST), 12);
    assert_int_equal(number(BROKEN_AT), 0);
    /* All of them, and numbers go on. */
    assert_int_equal(number("select audit_drop(now() + interval '1 day', 100)"), 8);
    assert_int_equal(number("select audit_drop(now() + interval '1 day', 100)"), 0);
    write_rows(1);
    assert_int_equal(number(FIRST), 13);
    assert_int_equal(number(BROKEN_AT), 0);
}

static void test_young_ones_stay(void **state)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    struct hg_error err = HG_ERROR_INIT;
    int64_t n = -1;
    (void)state;
    write_rows(3);
    assert_int_equal(hg_pool_borrow(pool, 5000, &db, &err), HG_OK);
    assert_int_equal(hg_audit_drop_old(db, 1, 100, &n, &err), HG_OK);
    assert_int_equal(n, 0);
    assert_int_equal(number("select count(*) from audit"), 3);
    assert_int_equal(number("select count(*) from audit_start"), 0);
}

/* Behind a clock that was set back, an old one stands behind a young one: the young one stays. */
static void test_it_stops_at_the_first_that_stays(void **state)
{
    (void)state;
    write_rows(4);
    assert_int_equal(
        hg_test_pg_sql(pg,
                       "metadata",
                       "alter table audit disable trigger user;"
                       "update audit set at = now() - interval '2 days' where seq in (1, 2, 4);"
                       "alter table audit enable trigger user"),
        0);
    assert_int_equal(number("select audit_drop(now() - interval '1 day', 100)"), 2);
    assert_int_equal(number(FIRST), 3);
}

static void test_nobody_else_takes_rows_out(void **state)
{
    (void)state;
    write_rows(6);
    refuses("delete from audit where seq = 1");
    refuses("update audit set actor = 'nobody'");
    refuses("truncate audit");
    assert_int_equal(number("select audit_drop(now() + interval '1 day', 2)"), 2);
    refuses("delete from audit where seq = 3");
    assert_int_equal(number("select count(*) from audit"), 4);
    /* Who goes round the triggers is found out, at the beginning too. */
    assert_int_equal(hg_test_pg_sql(pg,
                                    "metadata",
                                    "alter table audit disable trigger user;"
                                    "delete from audit where seq = 3;"
                                    "alter table audit enable trigger user"),
                     0);
    assert_int_equal(number(BROKEN_AT), 4);
}

#define TEST(function) cmocka_unit_test_setup(function, start)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_eldest_go_and_the_rest_still_follows),
        TEST(test_young_ones_stay),
        TEST(test_it_stops_at_the_first_that_stays),
        TEST(test_nobody_else_takes_rows_out),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
