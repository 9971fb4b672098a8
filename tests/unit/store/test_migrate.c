/* Migrations: order, checksums, versions, failures, two hosts at once. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "fixture.h"
#include "store/migrate.h"

#define FILE_OF(name, text)                                   \
    {                                                         \
        name, (const unsigned char *)(text), sizeof(text) - 1 \
    }

static const struct hg_migration_file files[] = {
    FILE_OF("0001_first", "-- database: metadata\ncreate table first (a int);\n"),
    FILE_OF("0002_other", "-- database: warehouse\ncreate table other (a int);\n"),
    FILE_OF("0003_second",
            "-- database: metadata\nalter table first add column b int;\n"
            "insert into first values (1, 2);\n"),
};

/* An empty database of its own for each test; *state is its conninfo. */
static int make_database(void **state)
{
    static char conninfo[256];
    static int number;
    char sql[128];
    number++;
    (void)snprintf(sql, sizeof sql, "create database empty%d owner headgate", number);
    (void)snprintf(conninfo,
                   sizeof conninfo,
                   "host='%s' user='headgate' dbname='empty%d'",
                   hg_test_pg_folder(pg),
                   number);
    *state = conninfo;
    return hg_test_pg_sql(pg, "postgres", sql);
}

static void migrate_all(struct hg_db *db, size_t n, int expected)
{
    int applied = -1;
    struct hg_error err = HG_ERROR_INIT;
    if (hg_migrate_files(db, HG_DATABASE_METADATA, files, n, &applied, &err) < 0) {
        fail_msg("%s", err.message);
    }
    assert_int_equal(applied, expected);
}

static void test_applies_what_is_missing(void **state)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = connect_to(*state);
    migrate_all(db, 1, 1);
    migrate_all(db, 3, 1);
    migrate_all(db, 3, 0);
    assert_answer(db, "select a + b from first", "3");
    assert_answer(db, "select to_regclass('other') is null", "t");
    assert_answer(
        db,
        "select string_agg(version || name, ',' order by version) from headgate_migration",
        "10001_first,30003_second");
}

static void test_changed_file_is_refused(void **state)
{
    static const struct hg_migration_file changed[] = {
        FILE_OF("0001_first", "-- database: metadata\ncreate table first (a bigint);\n"),
        FILE_OF("0003_second", "-- database: metadata\ncreate table never (a int);\n"),
    };
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = connect_to(*state);
    struct hg_error err = HG_ERROR_INIT;
    migrate_all(db, 1, 1);
    assert_int_equal(hg_migrate_files(db, HG_DATABASE_METADATA, changed, 2, NULL, &err),
                     HG_ECONFLICT);
    assert_non_null(strstr(err.message, "\"empty2\" was made by another build of Headgate"));
    assert_non_null(strstr(err.message, "\"0001_first\""));
    assert_answer(db, "select to_regclass('never') is null", "t");
}

static void test_newer_database_is_refused(void **state)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = connect_to(*state);
    struct hg_error err = HG_ERROR_INIT;
    migrate_all(db, 3, 2);
    assert_int_equal(hg_migrate_files(db, HG_DATABASE_METADATA, files, 1, NULL, &err),
                     HG_ECONFLICT);
    assert_non_null(strstr(err.message, "version 0003"));
    assert_non_null(strstr(err.message, "up to 0001"));
    assert_non_null(strstr(err.hint, "newer Headgate"));
}

static void test_left_out_file_is_refused(void **state)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = connect_to(*state);
    struct hg_error err = HG_ERROR_INIT;
    static const struct hg_migration_file late[] = {
        FILE_OF("0001_first", "-- database: metadata\ncreate table first (a int);\n"),
        FILE_OF("0002_late", "-- database: metadata\ncreate table late (a int);\n"),
        FILE_OF("0003_second",
                "-- database: metadata\nalter table first add column b int;\n"
                "insert into first values (1, 2);\n"),
    };
    migrate_all(db, 3, 2);
    assert_int_equal(hg_migrate_files(db, HG_DATABASE_METADATA, late, 3, NULL, &err), HG_ECONFLICT);
    assert_non_null(strstr(err.message, "was made by another build of Headgate"));
    assert_non_null(strstr(err.message, "\"0002_late\""));
}

static void test_failing_file_leaves_nothing(void **state)
{
    static const struct hg_migration_file bad[] = {
        FILE_OF("0001_good", "-- database: metadata\ncreate table good (a int);\n"),
        FILE_OF("0002_bad", "-- database: metadata\ncreate table half (a int);\nselect 1/0;\n"),
    };
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = connect_to(*state);
    struct hg_error err = HG_ERROR_INIT;
    int applied = -1;
    assert_int_equal(hg_migrate_files(db, HG_DATABASE_METADATA, bad, 2, &applied, &err), HG_EDATA);
    assert_int_equal(applied, -1);
    assert_non_null(strstr(err.message, "0002_bad"));
    assert_answer(
        db, "select to_regclass('half') is null and to_regclass('good') is not null", "t");
    assert_answer(db, "select count(*) from headgate_migration", "1");
    assert_int_equal(PQtransactionStatus(hg_db_conn(db)), PQTRANS_IDLE);
    assert_answer(db, "select count(*) from pg_locks where locktype = 'advisory'", "0");
}

static void test_same_number_twice_is_a_defect(void **state)
{
    static const struct hg_migration_file twice[] = {
        FILE_OF("0001_a", "-- database: metadata\nselect 1;\n"),
        FILE_OF("0001_b", "-- database: metadata\nselect 1;\n"),
    };
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = connect_to(*state);
    assert_int_equal(hg_migrate_files(db, HG_DATABASE_METADATA, twice, 2, NULL, NULL),
                     HG_EINTERNAL);
}

static void *migrate_host(void *arg)
{
    int applied = -1;
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    if (hg_db_connect(arg, "test", &db, NULL) < 0 ||
        hg_migrate(db, HG_DATABASE_METADATA, &applied, NULL) < 0) {
        return (void *)(intptr_t)-100;
    }
    return (void *)(intptr_t)applied;
}

static void test_hosts_at_once(void **state)
{
    enum { HOSTS = 4 };
    pthread_t threads[HOSTS];
    intptr_t total = 0;
    int expected = 0;
    for (size_t i = 0; i < hg_migration_n_files; i++) {
        expected +=
            strncmp((const char *)hg_migration_files[i].sql, "-- database: metadata\n", 22) == 0;
    }
    for (size_t i = 0; i < HOSTS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, migrate_host, *state), 0);
    }
    for (size_t i = 0; i < HOSTS; i++) {
        void *applied = NULL;
        assert_int_equal(pthread_join(threads[i], &applied), 0);
        total += (intptr_t)applied;
    }
    assert_int_equal(total, expected);
}

static void test_every_file_names_its_database(void **state)
{
    (void)state;
    assert_true(hg_migration_n_files >= 2);
    for (size_t i = 0; i < hg_migration_n_files; i++) {
        const char *sql = (const char *)hg_migration_files[i].sql;
        assert_int_equal(sql[hg_migration_files[i].n], '\0');
        assert_true(strncmp(sql, "-- database: metadata\n", 22) == 0 ||
                    strncmp(sql, "-- database: warehouse\n", 23) == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_applies_what_is_missing, make_database),
        cmocka_unit_test_setup(test_changed_file_is_refused, make_database),
        cmocka_unit_test_setup(test_newer_database_is_refused, make_database),
        cmocka_unit_test_setup(test_left_out_file_is_refused, make_database),
        cmocka_unit_test_setup(test_failing_file_leaves_nothing, make_database),
        cmocka_unit_test_setup(test_same_number_twice_is_a_defect, make_database),
        cmocka_unit_test_setup(test_hosts_at_once, make_database),
        cmocka_unit_test(test_every_file_names_its_database),
    };
    return cmocka_run_group_tests_name("store/migrate", tests, start_pg, stop_pg);
}
