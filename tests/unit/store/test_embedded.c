/* A store on the private cluster. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "fixture.h"
#include "store/store.h"

static struct hg_store *open_in(const char *folder)
{
    struct hg_store *store = NULL;
    struct hg_error err = HG_ERROR_INIT;
    const struct hg_store_options options = {.data_dir = folder, .supervise = true};
    int64_t before = hg_time_monotonic_ms();
    if (hg_store_open(&options, &store, &err) < 0) {
        fail_msg("%s (%s)", err.message, err.hint);
    }
    print_message("opened in %d ms\n", (int)(hg_time_monotonic_ms() - before));
    return store;
}

static struct hg_db *borrow(struct hg_pool *pool)
{
    struct hg_db *db = NULL;
    assert_int_equal(hg_pool_borrow(pool, 5000, &db, NULL), HG_OK);
    return db;
}

static void check_contents(struct hg_store *store)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *metadata = borrow(hg_store_metadata(store));
    HG_CLEANUP(hg_db_returnp) struct hg_db *warehouse = borrow(hg_store_warehouse(store));
    HG_CLEANUP(hg_db_returnp) struct hg_db *worker = connect_to(hg_store_worker_url(store));
    must(metadata, "select from task");
    must(warehouse, "select from headgate.quarantine");
    must(worker, "select headgate.run_sql('select 1')");
    assert_answer(metadata, "select current_user", "headgate");
    assert_answer(warehouse, "show search_path", "pg_catalog");
    assert_answer(worker, "select current_user", "headgate_load");
    /* A retry waits as long for what a killed worker holds. */
    assert_answer(worker, "show client_connection_check_interval", "100ms");
}

static void test_open_and_open_again(void **state)
{
    (void)state;
    char *folder = make_scratch();
    struct hg_store *store = open_in(folder);
    check_contents(store);
    hg_store_close(store, false); /* the cluster goes on */
    store = open_in(folder);
    assert_true(hg_cluster_adopted(hg_store_cluster(store)));
    check_contents(store);
    hg_store_close(store, true);
    store = open_in(folder);
    assert_false(hg_cluster_adopted(hg_store_cluster(store)));
    check_contents(store);
    hg_store_close(store, true);
    remove_scratch(folder);
}

static void test_fences_rise_above_the_ledger(void **state)
{
    (void)state;
    char *folder = make_scratch();
    struct hg_store *store = open_in(folder);
    {
        HG_CLEANUP(hg_db_returnp) struct hg_db *worker = connect_to(hg_store_worker_url(store));
        must(worker, "insert into headgate.ledger_head values ('p', 'a', 41), ('p', 'b', 7)");
    }
    hg_store_close(store, false);
    store = open_in(folder);
    {
        HG_CLEANUP(hg_db_returnp) struct hg_db *db = borrow(hg_store_metadata(store));
        assert_answer(db, "select nextval('task_fence')", "42");
    }
    hg_store_close(store, false);
    store = open_in(folder); /* never down */
    {
        HG_CLEANUP(hg_db_returnp) struct hg_db *db = borrow(hg_store_metadata(store));
        HG_CLEANUP(hg_db_returnp) struct hg_db *warehouse = borrow(hg_store_warehouse(store));
        assert_answer(db, "select nextval('task_fence')", "43");
        must(warehouse, "insert into headgate.fence_bar values ('p', 'a', 90, '{}')");
    }
    hg_store_close(store, false);
    store = open_in(folder); /* above fences that were barred, too */
    {
        HG_CLEANUP(hg_db_returnp) struct hg_db *db = borrow(hg_store_metadata(store));
        assert_answer(db, "select nextval('task_fence')", "91");
    }
    hg_store_close(store, true);
    remove_scratch(folder);
}

static void test_newer_data_is_refused(void **state)
{
    (void)state;
    char *folder = make_scratch();
    struct hg_store *store = open_in(folder);
    {
        HG_CLEANUP(hg_db_returnp) struct hg_db *db = borrow(hg_store_warehouse(store));
        must(db, "insert into public.headgate_migration values (9000, '9000_later', '00')");
    }
    hg_store_close(store, false);
    struct hg_error err = HG_ERROR_INIT;
    const struct hg_store_options options = {.data_dir = folder};
    store = NULL;
    assert_int_equal(hg_store_open(&options, &store, &err), HG_ECONFLICT);
    assert_null(store);
    assert_non_null(strstr(err.message, "9000_later"));
    /* A server that ran before goes on; one that was started for nothing does not. */
    struct hg_cluster *cluster = NULL;
    const struct hg_cluster_options again = {.data_dir = folder};
    assert_int_equal(hg_cluster_start(&again, &cluster, NULL), HG_OK);
    assert_true(hg_cluster_adopted(cluster));
    assert_int_equal(hg_cluster_stop(cluster, NULL), HG_OK);
    hg_cluster_free(cluster);
    assert_int_equal(hg_store_open(&options, &store, &err), HG_ECONFLICT);
    assert_int_equal(hg_cluster_start(&again, &cluster, NULL), HG_OK);
    assert_false(hg_cluster_adopted(cluster));
    assert_int_equal(hg_cluster_stop(cluster, NULL), HG_OK);
    hg_cluster_free(cluster);
    remove_scratch(folder);
}

/* People know the folder that they gave it, not the databases within. */
static void test_data_of_another_build_is_refused(void **state)
{
    (void)state;
    char *folder = make_scratch();
    struct hg_store *store = open_in(folder);
    struct hg_error err = HG_ERROR_INIT;
    const struct hg_store_options options = {.data_dir = folder};
    {
        HG_CLEANUP(hg_db_returnp) struct hg_db *db = borrow(hg_store_metadata(store));
        must(db, "update public.headgate_migration set checksum = '00' where version = 1");
    }
    hg_store_close(store, true);
    store = NULL;
    assert_int_equal(hg_store_open(&options, &store, &err), HG_ECONFLICT);
    assert_null(store);
    assert_non_null(strstr(err.message, "made by another build of Headgate"));
    assert_non_null(strstr(err.hint, "Start the build that made it, or move the data folder"));
    assert_non_null(strstr(err.hint, folder));
    remove_scratch(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open_and_open_again),
        cmocka_unit_test(test_fences_rise_above_the_ledger),
        cmocka_unit_test(test_newer_data_is_refused),
        cmocka_unit_test(test_data_of_another_build_is_refused),
    };
    become_unprivileged();
    return cmocka_run_group_tests_name("store/embedded", tests, NULL, NULL);
}
