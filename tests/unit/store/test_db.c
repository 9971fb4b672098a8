/* Statements, errors, transactions on one connection, against a real server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pg.h"
#include "store/db.h"

static struct hg_test_pg *pg;

static int start(void **state)
{
    (void)state;
    pg = hg_test_pg_start();
    return pg ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    hg_test_pg_stop(pg);
    return 0;
}

static struct hg_db *connect_to(const char *conninfo)
{
    struct hg_db *db = NULL;
    struct hg_error err = HG_ERROR_INIT;
    if (hg_db_connect(conninfo, "test", &db, &err) < 0) {
        fail_msg("%s", err.message);
    }
    return db;
}

static const struct hg_statement add = {"t_add", "select $1::int + $2::int as sum", 2};

static void test_exec_gives_the_result(void **state)
{
    (void)state;
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = connect_to(hg_test_pg_metadata(pg));
    const char *const params[] = {"20", "22"};
    for (int i = 0; i < 3; i++) {
        HG_CLEANUP(hg_resultp) PGresult *result = NULL;
        assert_int_equal(hg_db_exec(db, &add, params, &result, NULL), HG_OK);
        assert_int_equal(hg_result_int64(result, 0, "sum", -1), 42);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exec_gives_the_result),
    };
    return cmocka_run_group_tests_name("store/db", tests, start, stop);
}
