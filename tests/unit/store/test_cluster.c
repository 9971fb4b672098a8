/* The private cluster: first start, taking up, crashes, supervision, what stands in the way. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "base/time.h"
#include "fixture.h"
#include "store/cluster.h"
#include "store/cluster_files.h"
#include "store/command.h"
#include "store/postmaster.h"
#include "store/roles.h"

static struct hg_cluster *start_in(const char *folder, bool supervise)
{
    struct hg_cluster *cluster = NULL;
    struct hg_error err = HG_ERROR_INIT;
    const struct hg_cluster_options options = {.data_dir = folder, .supervise = supervise};
    int64_t before = hg_time_monotonic_ms();
    if (hg_cluster_start(&options, &cluster, &err) < 0) {
        fail_msg("%s (%s)", err.message, err.hint);
    }
    print_message("started in %d ms\n", (int)(hg_time_monotonic_ms() - before));
    return cluster;
}

static int start_fails(const char *folder, const char *programs_root, struct hg_error *err)
{
    struct hg_cluster *cluster = NULL;
    const struct hg_cluster_options options = {.data_dir = folder, .programs_root = programs_root};
    int r = hg_cluster_start(&options, &cluster, err);
    assert_null(cluster);
    return r;
}

static void stop_and_remove(struct hg_cluster *cluster, char *folder)
{
    assert_int_equal(hg_cluster_stop(cluster, NULL), HG_OK);
    hg_cluster_free(cluster);
    remove_scratch(folder);
}

static char *in(const char *folder, const char *name)
{
    char *path = NULL;
    assert_true(asprintf(&path, "%s/%s", folder, name) > 0);
    return path;
}

static void write_text(const char *path, const char *text)
{
    assert_int_equal(hg_write_file(path, 0600, text, strlen(text), NULL), HG_OK);
}

/* One is made for all tests; most start from a copy of it, which is quicker than making another. */
static char *template;

static int make_template(void **state)
{
    (void)state;
    struct hg_cluster *cluster = NULL;
    template = make_scratch();
    const struct hg_cluster_options options = {.data_dir = template};
    int r = hg_cluster_start(&options, &cluster, NULL);
    r = r < 0 ? r : hg_cluster_stop(cluster, NULL);
    hg_cluster_free(cluster);
    return r;
}

static int remove_template(void **state)
{
    (void)state;
    remove_scratch(template);
    return 0;
}

static char *make_prepared(void)
{
    char *folder = make_scratch();
    HG_CLEANUP(hg_freep) char *from = in(template, "postgres");
    HG_CLEANUP(hg_buf_free) struct hg_buf output = HG_BUF_INIT;
    const char *const argv[] = {"/bin/cp", "-a", from, folder, NULL};
    int status = -1;
    assert_int_equal(hg_store_command_run(argv, 60000, &output, &status, NULL), HG_OK);
    assert_int_equal(status, 0);
    return folder;
}

static void test_first_start(void **state)
{
    (void)state;
    char *folder = make_scratch();
    struct hg_cluster *cluster = start_in(folder, false);
    struct stat st;
    assert_false(hg_cluster_adopted(cluster));
    HG_CLEANUP(hg_freep) char *data = in(folder, "postgres");
    assert_int_equal(stat(data, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    {
        HG_CLEANUP(hg_db_returnp) struct hg_db *host = connect_to(hg_cluster_metadata_url(cluster));
        assert_answer(host, "select current_user || current_database()", "headgatemetadata");
        assert_answer(host, "show server_encoding", "UTF8");
        assert_answer(host, "show listen_addresses", "");
        assert_answer(host, "show fsync", "on");
        assert_answer(host, "show synchronous_commit", "on");
        assert_answer(host, "show data_checksums", "off");
        assert_answer(host, "select rolsuper from pg_roles where rolname = current_user", "f");
        assert_answer(host, "select upper('\u00e4')", "\u00c4");
        assert_answer(host, "select 'b' < 'C' collate \"default\"", "f"); /* by bytes */
        HG_CLEANUP(hg_db_returnp) struct hg_db *load = connect_to(hg_cluster_worker_url(cluster));
        assert_answer(load, "select current_user || current_database()", "headgate_loadwarehouse");
        assert_answer(load, "show search_path", "pg_catalog");
        HG_CLEANUP(hg_db_returnp)
        struct hg_db *house = connect_to(hg_cluster_warehouse_url(cluster));
        assert_answer(house, "select pg_has_role('headgate_user', 'member')", "t");
    }
    /* Workers get into nothing but the warehouse. */
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    struct hg_error err = HG_ERROR_INIT;
    const char *url = hg_cluster_metadata_url(cluster);
    char other[512];
    size_t host_part = (size_t)(strstr(url, " port=") - url);
    (void)snprintf(
        other, sizeof other, "%.*s user=headgate_load dbname=metadata", (int)host_part, url);
    assert_int_equal(hg_db_connect(other, "test", &db, &err), HG_EUNAUTHENTICATED);
    stop_and_remove(cluster, folder);
}

static void test_stopped_cluster_starts_again(void **state)
{
    (void)state;
    char *folder = make_prepared();
    struct hg_cluster *cluster = start_in(folder, false);
    {
        HG_CLEANUP(hg_db_returnp) struct hg_db *db = connect_to(hg_cluster_metadata_url(cluster));
        must(db, "create table kept (a int); insert into kept values (7)");
    }
    HG_CLEANUP(hg_freep) char *url = strdup(hg_cluster_metadata_url(cluster));
    pid_t first = hg_cluster_pid(cluster);
    assert_int_equal(hg_cluster_stop(cluster, NULL), HG_OK);
    assert_true(kill(first, 0) < 0 && errno == ESRCH);
    hg_cluster_free(cluster);
    cluster = start_in(folder, false);
    assert_false(hg_cluster_adopted(cluster));
    assert_string_equal(hg_cluster_metadata_url(cluster), url);
    {
        HG_CLEANUP(hg_db_returnp) struct hg_db *db = connect_to(url);
        assert_answer(db, "select a from kept", "7");
    }
    stop_and_remove(cluster, folder);
}

static void test_running_one_is_taken_up(void **state)
{
    (void)state;
    char *folder = make_prepared();
    struct hg_cluster *first = start_in(folder, true);
    pid_t pid = hg_cluster_pid(first);
    hg_cluster_free(first); /* the server goes on */
    struct hg_cluster *second = start_in(folder, true);
    assert_true(hg_cluster_adopted(second));
    assert_int_equal(hg_cluster_pid(second), pid);
    stop_and_remove(second, folder);
    assert_true(kill(pid, 0) < 0 && errno == ESRCH);
}

static void test_stop_leaves_it_to_others(void **state)
{
    (void)state;
    char *folder = make_prepared();
    struct hg_cluster *host = start_in(folder, false);
    struct hg_cluster *visitor = start_in(folder, false);
    assert_int_equal(hg_cluster_stop(visitor, NULL), HG_OK);
    hg_cluster_free(visitor);
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = connect_to(hg_cluster_metadata_url(host));
    must(db, "select 1");
    pid_t pid = hg_cluster_pid(host);
    stop_and_remove(host, folder);
    assert_true(kill(pid, 0) < 0 && errno == ESRCH);
}

static void test_its_own_session(void **state)
{
    (void)state;
    char *folder = make_prepared();
    struct hg_cluster *cluster = start_in(folder, false);
    assert_int_equal(getsid(hg_cluster_pid(cluster)), hg_cluster_pid(cluster));
    stop_and_remove(cluster, folder);
}

static void test_killed_postmaster_without_supervision(void **state)
{
    (void)state;
    char *folder = make_prepared();
    struct hg_cluster *cluster = start_in(folder, false);
    {
        HG_CLEANUP(hg_db_returnp) struct hg_db *db = connect_to(hg_cluster_metadata_url(cluster));
        must(db, "create table kept (a int); insert into kept values (7)");
    }
    for (int i = 0; i < 3; i++) {
        pid_t pid = hg_cluster_pid(cluster);
        hg_cluster_free(cluster);
        assert_int_equal(kill(pid, SIGKILL), 0);
        /* At once, while children of the dead one may still be ending. */
        cluster = start_in(folder, false);
        assert_false(hg_cluster_adopted(cluster));
        assert_int_not_equal(hg_cluster_pid(cluster), pid);
        HG_CLEANUP(hg_db_returnp) struct hg_db *db = connect_to(hg_cluster_metadata_url(cluster));
        assert_answer(db, "select a from kept", "7");
    }
    stop_and_remove(cluster, folder);
}

static void test_supervision_starts_it_again(void **state)
{
    (void)state;
    char *folder = make_prepared();
    struct hg_cluster *cluster = start_in(folder, true);
    for (int i = 0; i < 2; i++) {
        HG_CLEANUP(hg_pool_freep) struct hg_pool *pool = NULL;
        const char *url = hg_cluster_metadata_url(cluster);
        pid_t pid = hg_cluster_pid(cluster);
        assert_int_equal(hg_pool_new(url, 1, "test", &pool, NULL), HG_OK);
        assert_int_equal(kill(pid, SIGKILL), 0);
        int64_t until = hg_time_monotonic_ms() + 30000;
        while (hg_cluster_pid(cluster) == pid && hg_time_monotonic_ms() < until) {
            (void)sched_yield();
        }
        assert_int_not_equal(hg_cluster_pid(cluster), pid);
        struct hg_db *db = NULL;
        assert_int_equal(hg_pool_borrow(pool, 5000, &db, NULL), HG_OK);
        must(db, "select 1");
        hg_db_return(db);
    }
    stop_and_remove(cluster, folder);
}

static void test_stale_pid_of_another_process(void **state)
{
    (void)state;
    char *folder = make_prepared();
    struct hg_cluster *cluster = start_in(folder, false);
    assert_int_equal(hg_cluster_stop(cluster, NULL), HG_OK);
    hg_cluster_free(cluster);
    HG_CLEANUP(hg_freep) char *file = in(folder, "postgres/postmaster.pid");
    HG_CLEANUP(hg_freep) char *data = in(folder, "postgres");
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t other = fork(); /* neither this process nor its parent, which PostgreSQL passes over */
    if (other == 0) {
        char byte;
        (void)close(ends[1]);
        (void)!read(ends[0], &byte, 1);
        _exit(0);
    }
    char text[512];
    (void)snprintf(text,
                   sizeof text,
                   "%d\n%s\n1700000000\n5432\n/tmp\n\n  1234567 99999999\nready   \n",
                   (int)other,
                   data);
    write_text(file, text);
    struct hg_postmaster found;
    assert_int_equal(hg_postmaster_look(data, &found, NULL), HG_OK);
    assert_int_equal(found.state, HG_POSTMASTER_ABSENT);
    assert_true(found.pid_recycled);
    assert_int_equal(found.shared_memory, 99999999);
    cluster = start_in(folder, false);
    assert_false(hg_cluster_adopted(cluster));
    (void)close(ends[1]);
    assert_int_equal(waitpid(other, NULL, 0), other);
    (void)close(ends[0]);
    stop_and_remove(cluster, folder);
}

static void test_broken_pid_files(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "abc\n", "-5\n/x\n", "99999999999999999999\n", "1"};
    char *folder = make_scratch();
    HG_CLEANUP(hg_freep) char *file = in(folder, "postmaster.pid");
    for (size_t i = 0; i < HG_COUNT(texts); i++) {
        struct hg_postmaster found = {.state = HG_POSTMASTER_READY};
        write_text(file, texts[i]);
        assert_int_equal(hg_postmaster_look(folder, &found, NULL), HG_OK);
        assert_int_equal(found.state, HG_POSTMASTER_ABSENT);
    }
    remove_scratch(folder);
}

static void test_interrupted_making_is_no_cluster(void **state)
{
    (void)state;
    char *folder = make_scratch();
    HG_CLEANUP(hg_freep) char *part = in(folder, "postgres.new");
    HG_CLEANUP(hg_freep) char *version = in(folder, "postgres.new/PG_VERSION");
    assert_int_equal(mkdir(part, 0700), 0);
    write_text(version, "15\n");
    struct hg_cluster *cluster = start_in(folder, false);
    assert_int_equal(access(part, F_OK), -1);
    stop_and_remove(cluster, folder);
}

static void test_missing_contents_are_made(void **state)
{
    (void)state;
    char *folder = make_prepared();
    struct hg_cluster *cluster = start_in(folder, false);
    {
        /* As after a first start that was interrupted between the two databases. */
        char url[512];
        const char *metadata = hg_cluster_metadata_url(cluster);
        size_t n = (size_t)(strstr(metadata, " port=") - metadata);
        (void)snprintf(
            url, sizeof url, "%.*s user=%s dbname=postgres", (int)n, metadata, HG_ROLE_ADMIN);
        HG_CLEANUP(hg_db_returnp) struct hg_db *db = connect_to(url);
        must(db, "drop database warehouse");
        must(db, "drop role headgate_load");
    }
    hg_cluster_free(cluster);
    cluster = start_in(folder, false);
    {
        HG_CLEANUP(hg_db_returnp) struct hg_db *db = connect_to(hg_cluster_worker_url(cluster));
        must(db, "select 1");
    }
    {
        /* The host's own sessions, and no worker's, have a limit of temporary files. */
        HG_CLEANUP(hg_db_returnp)
        struct hg_db *host = connect_to(hg_cluster_warehouse_url(cluster));
        HG_CLEANUP(hg_db_returnp) struct hg_db *load = connect_to(hg_cluster_worker_url(cluster));
        must(host, "select 1 / (current_setting('temp_file_limit') = '8GB')::int");
        must(load, "select 1 / (current_setting('temp_file_limit') = '-1')::int");
    }
    stop_and_remove(cluster, folder);
}

static void test_other_major_is_refused(void **state)
{
    (void)state;
    char *folder = make_scratch();
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_freep) char *data = in(folder, "postgres");
    HG_CLEANUP(hg_freep) char *version = in(folder, "postgres/PG_VERSION");
    assert_int_equal(mkdir(data, 0700), 0);
    write_text(version, "12\n");
    assert_int_equal(start_fails(folder, NULL, &err), HG_ECONFLICT);
    assert_non_null(strstr(err.message, "made by PostgreSQL 12"));
    assert_non_null(strstr(err.hint, "postgresql-12"));
    assert_non_null(strstr(err.hint, "docs/configuration.md"));
    remove_scratch(folder);
}

static void test_not_a_cluster_is_refused(void **state)
{
    (void)state;
    char *folder = make_scratch();
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_freep) char *data = in(folder, "postgres");
    HG_CLEANUP(hg_freep) char *file = in(folder, "postgres/holiday.jpg");
    assert_int_equal(mkdir(data, 0700), 0);
    write_text(file, "x");
    assert_int_equal(start_fails(folder, NULL, &err), HG_ECONFLICT);
    assert_non_null(strstr(err.message, "no PostgreSQL cluster"));
    assert_int_equal(access(file, F_OK), 0);
    remove_scratch(folder);
}

static void test_programs_missing(void **state)
{
    (void)state;
    char *folder = make_scratch();
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_freep) char *path = strdup(getenv("PATH"));
    assert_int_equal(setenv("PATH", "/nowhere", 1), 0);
    int r = start_fails(folder, "/nowhere", &err);
    assert_int_equal(setenv("PATH", path, 1), 0);
    assert_int_equal(r, HG_ENOTFOUND);
    assert_non_null(strstr(err.hint, "apt-get install postgresql-15"));
    remove_scratch(folder);
}

static void test_no_permission(void **state)
{
    (void)state;
    char *folder = make_scratch();
    struct hg_error err = HG_ERROR_INIT;
    assert_int_equal(chmod(folder, 0500), 0);
    assert_int_equal(start_fails(folder, NULL, &err), HG_EFORBIDDEN);
    assert_non_null(strstr(err.message, folder));
    assert_non_null(strstr(err.hint, "chown"));
    assert_int_equal(chmod(folder, 0700), 0);
    assert_int_equal(start_fails("/nowhere/at/all", NULL, &err), HG_ENOTFOUND);
    remove_scratch(folder);
}

/* A server that ends while it starts: its own words come along. */
static void test_server_that_refuses_to_start(void **state)
{
    (void)state;
    char *folder = make_prepared();
    struct hg_cluster *cluster = start_in(folder, false);
    assert_int_equal(hg_cluster_stop(cluster, NULL), HG_OK);
    hg_cluster_free(cluster);
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_freep) char *local = in(folder, "postgres/local.conf");
    write_text(local, "no_such_setting = 1\n");
    assert_int_equal(start_fails(folder, NULL, &err), HG_EUNAVAILABLE);
    assert_non_null(strstr(err.message, "local.conf"));
    assert_non_null(strstr(err.hint, "postgres.log"));
    write_text(local, "work_mem = 9MB\n");
    HG_CLEANUP(hg_freep) char *data = in(folder, "postgres");
    assert_int_equal(chmod(data, 0755), 0);
    assert_int_equal(start_fails(folder, NULL, &err), HG_EFORBIDDEN);
    assert_non_null(strstr(err.hint, "chmod 0700"));
    assert_int_equal(chmod(data, 0700), 0);
    cluster = start_in(folder, false);
    {
        HG_CLEANUP(hg_db_returnp) struct hg_db *db = connect_to(hg_cluster_metadata_url(cluster));
        assert_answer(db, "show work_mem", "9MB");
    }
    stop_and_remove(cluster, folder);
}

static void test_configuration_is_left_alone(void **state)
{
    (void)state;
    char *folder = make_scratch();
    struct stat before;
    struct stat after;
    HG_CLEANUP(hg_freep) char *conf = in(folder, "postgresql.conf");
    assert_int_equal(hg_cluster_files_configure(folder, NULL), HG_OK);
    assert_int_equal(stat(conf, &before), 0);
    assert_int_equal(hg_cluster_files_configure(folder, NULL), HG_OK);
    assert_int_equal(stat(conf, &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
    write_text(conf, "# an older version's\n");
    assert_int_equal(hg_cluster_files_configure(folder, NULL), HG_OK);
    assert_int_equal(stat(conf, &after), 0);
    assert_int_equal(before.st_size, after.st_size);
    remove_scratch(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_start),
        cmocka_unit_test(test_stopped_cluster_starts_again),
        cmocka_unit_test(test_running_one_is_taken_up),
        cmocka_unit_test(test_stop_leaves_it_to_others),
        cmocka_unit_test(test_its_own_session),
        cmocka_unit_test(test_killed_postmaster_without_supervision),
        cmocka_unit_test(test_supervision_starts_it_again),
        cmocka_unit_test(test_stale_pid_of_another_process),
        cmocka_unit_test(test_broken_pid_files),
        cmocka_unit_test(test_interrupted_making_is_no_cluster),
        cmocka_unit_test(test_missing_contents_are_made),
        cmocka_unit_test(test_other_major_is_refused),
        cmocka_unit_test(test_not_a_cluster_is_refused),
        cmocka_unit_test(test_programs_missing),
        cmocka_unit_test(test_no_permission),
        cmocka_unit_test(test_server_that_refuses_to_start),
        cmocka_unit_test(test_configuration_is_left_alone),
    };
    become_unprivileged();
    return cmocka_run_group_tests_name("store/cluster", tests, make_template, remove_template);
}
