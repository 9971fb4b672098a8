/* A store on servers given by URL. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "fixture.h"
#include "store/conninfo.h"
#include "store/store.h"

/* A role of the given kind with a database of its own; *ret is the URL of it. */
static void make_owner(const char *name, const char *attributes, char ret[256])
{
    char sql[256];
    (void)snprintf(sql, sizeof sql, "create role %s login password 'hunter2' %s", name, attributes);
    assert_int_equal(hg_test_pg_sql(pg, "postgres", sql), 0);
    (void)snprintf(sql, sizeof sql, "create database %s owner %s", name, name);
    assert_int_equal(hg_test_pg_sql(pg, "postgres", sql), 0);
    (void)snprintf(ret,
                   256,
                   "postgresql://%s:hunter2@/%s?host=%s&application_name=mine",
                   name,
                   name,
                   hg_test_pg_folder(pg));
}

static struct hg_store *open_store(const char *metadata, const char *warehouse)
{
    struct hg_store *store = NULL;
    struct hg_error err = HG_ERROR_INIT;
    const struct hg_store_options options = {.metadata_url = metadata, .warehouse_url = warehouse};
    if (hg_store_open(&options, &store, &err) < 0) {
        fail_msg("%s (%s)", err.message, err.hint);
    }
    assert_null(hg_store_cluster(store));
    return store;
}

static void open_fails(
    const char *metadata, const char *warehouse, int code, const char *message, const char *hint)
{
    struct hg_store *store = NULL;
    struct hg_error err = HG_ERROR_INIT;
    const struct hg_store_options options = {.metadata_url = metadata, .warehouse_url = warehouse};
    int r = hg_store_open(&options, &store, &err);
    assert_null(store);
    if (r != code || !strstr(err.message, message) || !strstr(err.hint, hint)) {
        fail_msg("%d \"%s\" (%s)", r, err.message, err.hint);
    }
    assert_null(strstr(err.message, "hunter2"));
    assert_null(strstr(err.hint, "hunter2"));
}

static struct hg_db *borrow(struct hg_pool *pool)
{
    struct hg_db *db = NULL;
    assert_int_equal(hg_pool_borrow(pool, 5000, &db, NULL), HG_OK);
    return db;
}

static void test_warehouse_beside_metadata(void **state)
{
    (void)state;
    char url[256];
    make_owner("acme", "createdb createrole", url);
    for (int i = 0; i < 2; i++) {
        struct hg_store *store = open_store(url, NULL);
        {
            HG_CLEANUP(hg_db_returnp) struct hg_db *metadata = borrow(hg_store_metadata(store));
            HG_CLEANUP(hg_db_returnp) struct hg_db *warehouse = borrow(hg_store_warehouse(store));
            HG_CLEANUP(hg_db_returnp) struct hg_db *worker = connect_to(hg_store_worker_url(store));
            must(metadata, "select from run");
            assert_answer(warehouse, "select current_database()", "acme_warehouse");
            assert_answer(warehouse, "show search_path", "pg_catalog");
            assert_answer(
                worker, "select current_user || current_database()", "headgate_loadacme_warehouse");
            must(worker, "set role headgate_user; create schema if not exists s; reset role");
            must(worker, "select headgate.run_sql('create table if not exists s.t (a int)')");
            must(warehouse, "select from s.t");
        }
        hg_store_close(store, false);
    }
    hg_store_close(NULL, true);
}

static void test_a_database_of_another_build(void **state)
{
    (void)state;
    char url[256];
    make_owner("elder", "createdb createrole", url);
    struct hg_store *store = open_store(url, NULL);
    {
        HG_CLEANUP(hg_db_returnp) struct hg_db *db = borrow(hg_store_metadata(store));
        must(db, "update public.headgate_migration set checksum = '00' where version = 1");
    }
    hg_store_close(store, true);
    open_fails(url,
               NULL,
               HG_ECONFLICT,
               "the database \"elder\" was made by another build of Headgate",
               "Start the build that made it, or name another database");
}

/* ---- the login of workers, where the server asks for a password ---- */

#define FIRST_RULE(method) "local all headgate_load " method "\nlocal all all trust\n"

static void set_hba(const char *rules)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/data/pg_hba.conf", hg_test_pg_folder(pg));
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(rules, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(hg_test_pg_sql(pg, "postgres", "select pg_reload_conf()"), 0);
}

static int ask_for_passwords(void **state)
{
    (void)state;
    set_hba(FIRST_RULE("scram-sha-256"));
    return 0;
}

static void in_metadata(const struct hg_store *store, const char *sql)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = borrow(hg_store_metadata(store));
    must(db, sql);
}

static void assert_workers_log_in(const struct hg_store *store)
{
    hg_db_return(connect_to(hg_store_worker_url(store)));
}

static char *verifier(void)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *admin = connect_to(hg_test_pg_admin(pg));
    return ask(admin, "select rolpassword from pg_authid where rolname = 'headgate_load'");
}

static void test_worker_needs_its_password(void **state)
{
    (void)state;
    char url[256];
    HG_CLEANUP(hg_freep) char *bare = NULL;
    HG_CLEANUP(hg_freep) char *password = NULL;
    struct hg_db *db = NULL;
    make_owner("secretive", "createdb createrole", url);
    struct hg_store *store = open_store(url, NULL);
    const char *worker_url = hg_store_worker_url(store);
    assert_int_equal(hg_conninfo_get(worker_url, "password", &password, NULL), HG_OK);
    assert_int_equal(strlen(password), 64);
    assert_int_equal(strspn(password, "0123456789abcdef"), 64);
    const struct hg_conninfo_part none[] = {{"password", NULL}, {NULL, NULL}};
    assert_int_equal(hg_conninfo_with(worker_url, none, &bare, NULL), HG_OK);
    assert_int_equal(hg_db_connect(bare, "test", &db, NULL), HG_EUNAUTHENTICATED);
    assert_workers_log_in(store);
    hg_store_close(store, false);
}

/* A role has one password: a start that changed it would lock out the workers of other hosts. */
static void test_hosts_share_the_workers_password(void **state)
{
    (void)state;
    char url[256];
    make_owner("team", "createdb createrole", url);
    struct hg_store *first = open_store(url, NULL);
    HG_CLEANUP(hg_freep) char *before = verifier();
    struct hg_store *second = open_store(url, NULL);
    assert_workers_log_in(first);
    assert_workers_log_in(second);
    hg_store_close(open_store(url, NULL), true); /* as `headgate migrate` does beside them */
    assert_workers_log_in(first);
    assert_string_equal(hg_store_worker_url(first), hg_store_worker_url(second));
    HG_CLEANUP(hg_freep) char *after = verifier();
    assert_string_equal(before, after);
    hg_store_close(second, false);
    hg_store_close(first, false);
}

struct start {
    pthread_t thread;
    const char *url;
    struct hg_store *store;
    struct hg_error err;
};

static void *start_host(void *arg)
{
    struct start *start = arg;
    const struct hg_store_options options = {.metadata_url = start->url};
    (void)hg_store_open(&options, &start->store, &start->err);
    return NULL;
}

static void test_hosts_that_start_at_once(void **state)
{
    (void)state;
    enum { HOSTS = 4 };
    char url[256];
    struct start starts[HOSTS] = {{0}};
    make_owner("crowd", "createdb createrole", url);
    assert_int_equal(hg_test_pg_sql(pg, "postgres", "alter role headgate_load password null"), 0);
    for (size_t i = 0; i < HOSTS; i++) {
        starts[i].url = url;
        starts[i].err = (struct hg_error)HG_ERROR_INIT;
        assert_int_equal(pthread_create(&starts[i].thread, NULL, start_host, &starts[i]), 0);
    }
    for (size_t i = 0; i < HOSTS; i++) {
        assert_int_equal(pthread_join(starts[i].thread, NULL), 0);
    }
    for (size_t i = 0; i < HOSTS; i++) {
        if (!starts[i].store) {
            fail_msg("%s (%s)", starts[i].err.message, starts[i].err.hint);
        }
        assert_workers_log_in(starts[i].store);
        assert_string_equal(hg_store_worker_url(starts[0].store),
                            hg_store_worker_url(starts[i].store));
    }
    for (size_t i = 0; i < HOSTS; i++) {
        hg_store_close(starts[i].store, false);
    }
}

/* In a server that was made anew the role has no password, or one of another time. */
static void test_warehouse_of_a_restored_server(void **state)
{
    (void)state;
    static const char *const found[] = {"alter role headgate_load password null",
                                        "alter role headgate_load password 'other'"};
    char url[256];
    make_owner("restored", "createdb createrole", url);
    struct hg_store *host = open_store(url, NULL);
    for (size_t i = 0; i < HG_COUNT(found); i++) {
        struct hg_db *db = NULL;
        assert_int_equal(hg_test_pg_sql(pg, "postgres", found[i]), 0);
        assert_int_equal(hg_db_connect(hg_store_worker_url(host), "test", &db, NULL),
                         HG_EUNAUTHENTICATED);
        hg_store_close(open_store(url, NULL), false);
        assert_workers_log_in(host); /* the same password as before */
    }
    hg_store_close(host, false);
}

static void test_metadata_from_before_the_password(void **state)
{
    (void)state;
    char url[256];
    make_owner("earlier", "createdb createrole", url);
    struct hg_store *store = open_store(url, NULL);
    HG_CLEANUP(hg_freep) char *before = strdup(hg_store_worker_url(store));
    in_metadata(store, "delete from worker_login");
    hg_store_close(store, false);
    store = open_store(url, NULL);
    assert_workers_log_in(store);
    assert_string_not_equal(before, hg_store_worker_url(store));
    hg_store_close(store, false);
}

/* Also where a superuser gives others what is made. */
static void test_password_is_for_the_host_alone(void **state)
{
    (void)state;
    char url[256];
    make_owner("discreet", "createdb createrole", url);
    assert_int_equal(hg_test_pg_sql(pg,
                                    "discreet",
                                    "alter default privileges for role discreet grant select on"
                                    " tables to public"),
                     0);
    struct hg_store *store = open_store(url, NULL);
    {
        HG_CLEANUP(hg_db_returnp) struct hg_db *db = borrow(hg_store_metadata(store));
        assert_answer(db,
                      "select count(*) from pg_roles where not rolsuper and rolname !~ '^pg_'"
                      " and has_table_privilege(oid, 'worker_login', 'select')",
                      "1");
        assert_answer(db, "select count(*) from worker_login", "1");
        must_fail(
            db, "insert into worker_login (only_row) values (false)", HG_EDATA, "23514", NULL);
    }
    hg_store_close(store, false);
}

/* With the roles there and the password set nothing is left that takes a right. */
static void test_host_that_may_not_change_roles(void **state)
{
    (void)state;
    char url[256];
    make_owner("modest", "createdb createrole", url);
    hg_store_close(open_store(url, NULL), false);
    assert_int_equal(hg_test_pg_sql(pg, "postgres", "alter role modest nocreaterole"), 0);
    struct hg_store *store = open_store(url, NULL);
    assert_workers_log_in(store);
    assert_int_equal(hg_test_pg_sql(pg, "postgres", "alter role headgate_load password null"), 0);
    open_fails(
        url, NULL, HG_EFORBIDDEN, "may not manage the roles", "ALTER ROLE \"modest\" CREATEROLE;");
    /* Where no password is asked for, none needs to be set. */
    set_hba(FIRST_RULE("trust"));
    in_metadata(store, "delete from worker_login");
    hg_store_close(store, false);
    store = open_store(url, NULL);
    assert_workers_log_in(store);
    hg_store_close(store, false);
}

/* Refused, but not for its password, which is left as it is. */
static void test_server_that_lets_no_worker_in(void **state)
{
    (void)state;
    char url[256];
    make_owner("closed", "createdb createrole", url);
    hg_store_close(open_store(url, NULL), false);
    HG_CLEANUP(hg_freep) char *before = verifier();
    set_hba(FIRST_RULE("reject"));
    open_fails(url,
               NULL,
               HG_EUNAUTHENTICATED,
               "workers cannot log in as headgate_load",
               "in the server's pg_hba.conf");
    HG_CLEANUP(hg_freep) char *after = verifier();
    assert_string_equal(before, after);
    set_hba(FIRST_RULE("scram-sha-256"));
}

static void test_own_warehouse_url(void **state)
{
    (void)state;
    char url[256];
    char warehouse[256];
    make_owner("two", "createdb createrole", url);
    (void)snprintf(
        warehouse, sizeof warehouse, "host=%s user=two dbname='the house'", hg_test_pg_folder(pg));
    struct hg_store *store = open_store(url, warehouse);
    {
        HG_CLEANUP(hg_db_returnp) struct hg_db *db = borrow(hg_store_warehouse(store));
        assert_answer(db, "select current_database()", "the house");
    }
    hg_store_close(store, false);
}

static void test_missing_rights(void **state)
{
    (void)state;
    char url[256];
    make_owner("nodb", "createrole", url);
    open_fails(url,
               NULL,
               HG_EFORBIDDEN,
               "may not make the database \"nodb_warehouse\"",
               "CREATE DATABASE \"nodb_warehouse\" OWNER \"nodb\";");
    assert_int_equal(hg_test_pg_sql(pg, "postgres", "create database nodb_warehouse"), 0);
    /* There, but not its own: what it cannot grant is named. */
    open_fails(url,
               NULL,
               HG_EFORBIDDEN,
               "permission denied",
               "ALTER DATABASE \"nodb_warehouse\" OWNER TO \"nodb\";");
    make_owner("norole", "createdb", url);
    open_fails(
        url, NULL, HG_EFORBIDDEN, "may not manage the roles", "ALTER ROLE \"norole\" CREATEROLE;");
}

static void test_unusable_servers(void **state)
{
    (void)state;
    char url[256];
    open_fails("postgresql://u:hunter2@/x?host=/tmp/hg-no-such-folder",
               NULL,
               HG_EUNAVAILABLE,
               "cannot connect",
               "");
    open_fails("postgresql://u:hunter2@[", NULL, HG_EINVAL, "no valid connection string", "%40");
    (void)snprintf(url, sizeof url, "host=%s user=headgate dbname=nowhere", hg_test_pg_folder(pg));
    open_fails(url, NULL, HG_ENOTFOUND, "\"nowhere\" does not exist", "");
    assert_int_equal(
        hg_test_pg_sql(pg,
                       "postgres",
                       "create database ascii encoding 'SQL_ASCII' locale 'C' template template0"),
        0);
    (void)snprintf(url, sizeof url, "host=%s user=headgate dbname=ascii", hg_test_pg_folder(pg));
    open_fails(url, NULL, HG_ENOTSUP, "SQL_ASCII", "ENCODING 'UTF8'");
}

static void test_waits_for_a_server(void **state)
{
    (void)state;
    struct hg_store *store = NULL;
    struct hg_error err = HG_ERROR_INIT;
    char url[256];
    make_owner("patient", "createdb createrole", url);
    hg_test_pg_kill(pg);
    const struct hg_store_options short_wait = {.metadata_url = url, .wait_ms = 300};
    assert_int_equal(hg_store_open(&short_wait, &store, &err), HG_EUNAVAILABLE);
    assert_int_equal(err.retryable, 1);
    assert_int_equal(hg_test_pg_resume(pg), 0);
    hg_store_close(open_store(url, NULL), false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_warehouse_beside_metadata),
        cmocka_unit_test(test_a_database_of_another_build),
        cmocka_unit_test_setup(test_worker_needs_its_password, ask_for_passwords),
        cmocka_unit_test_setup(test_hosts_share_the_workers_password, ask_for_passwords),
        cmocka_unit_test_setup(test_hosts_that_start_at_once, ask_for_passwords),
        cmocka_unit_test_setup(test_warehouse_of_a_restored_server, ask_for_passwords),
        cmocka_unit_test_setup(test_metadata_from_before_the_password, ask_for_passwords),
        cmocka_unit_test_setup(test_password_is_for_the_host_alone, ask_for_passwords),
        cmocka_unit_test_setup(test_host_that_may_not_change_roles, ask_for_passwords),
        cmocka_unit_test_setup(test_server_that_lets_no_worker_in, ask_for_passwords),
        cmocka_unit_test(test_own_warehouse_url),
        cmocka_unit_test(test_missing_rights),
        cmocka_unit_test(test_unusable_servers),
        cmocka_unit_test(test_waits_for_a_server),
    };
    return cmocka_run_group_tests_name("store/store", tests, start_pg, stop_pg);
}
