/* Transactions that hold back cleaning. */
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "fixture.h"
#include "store/activity.h"
#include "store/pool.h"

static int64_t oldest_s(struct hg_pool *pool)
{
    struct hg_error err = HG_ERROR_INIT;
    int64_t s = -1;
    if (hg_store_oldest_transaction_s(pool, 5000, &s, &err) < 0) {
        fail_msg("%s", err.message);
    }
    return s;
}

static void test_an_open_transaction_ages(void **state)
{
    (void)state;
    HG_CLEANUP(hg_pool_freep) struct hg_pool *pool = NULL;
    assert_int_equal(hg_pool_new(hg_test_pg_metadata(pg), 2, "test", &pool, NULL), HG_OK);
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = connect_to(hg_test_pg_metadata(pg));
    assert_int_equal(oldest_s(pool), 0);
    must(db, "create table aged (i int)");
    must(db, "begin; insert into aged values (1)");
    (void)sleep(2);
    assert_in_range(oldest_s(pool), 1, 60);
    must(db, "rollback");
    assert_int_equal(oldest_s(pool), 0);
    /* Open, but it has neither read nor written. */
    must(db, "begin");
    (void)sleep(2);
    assert_int_equal(oldest_s(pool), 0);
    must(db, "rollback");
    must(db, "drop table aged");
}

static void test_a_server_that_is_away(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_pool_freep) struct hg_pool *pool = NULL;
    int64_t s = 7;
    assert_int_equal(hg_pool_new("host=/nonexistent dbname=none user=none", 1, "test", &pool, NULL),
                     HG_OK);
    assert_int_equal(hg_store_oldest_transaction_s(pool, 200, &s, &err), HG_EUNAVAILABLE);
    assert_int_equal(s, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_open_transaction_ages),
        cmocka_unit_test(test_a_server_that_is_away),
    };
    return cmocka_run_group_tests(tests, start_pg, stop_pg);
}
