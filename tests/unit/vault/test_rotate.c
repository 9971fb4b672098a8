/* A new master key: with writers at work, interrupted anywhere, with several hosts. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "fixture.h"
#include "vault/rotate.h"

enum { N_SECRETS = 250 };

static int rotate(struct hg_rotation *ret, struct hg_error *err)
{
    const struct hg_rotation_options options = {0};
    *ret = (struct hg_rotation){0};
    return hg_vault_rotate(vault, &options, ret, err);
}

static void must_rotate(struct hg_rotation *ret)
{
    struct hg_error err = HG_ERROR_INIT;
    if (rotate(ret, &err) < 0) {
        fail_msg("%s", err.message);
    }
    assert_false(ret->old_stays);
}

static void put_all(void)
{
    char owner[16];
    for (int i = 0; i < N_SECRETS; i++) {
        (void)snprintf(owner, sizeof owner, "c%d", i);
        must_put(owner, "password", owner);
    }
}

static void all_open(void)
{
    char owner[16];
    for (int i = 0; i < N_SECRETS; i++) {
        (void)snprintf(owner, sizeof owner, "c%d", i);
        must_get(owner, "password", owner);
    }
}

/* Only this key is known anywhere. */
static void only_key(int kid)
{
    char text[200];
    HG_CLEANUP(hg_freep) char *keys = read_keys();
    assert_int_equal(number("select count(*) from vault_key"), 1);
    assert_int_equal(number("select kid from vault_key where is_active"), kid);
    (void)snprintf(text, sizeof text, "select count(*) from secret where kid <> %d", kid);
    assert_int_equal(number(text), 0);
    (void)snprintf(text, sizeof text, "\n%d ", kid);
    const char *line = strstr(keys, text);
    assert_non_null(line);
    assert_int_equal(strlen(line + 1), strlen(text) - 1 + 64 + 1); /* the last one */
    assert_int_equal(line[-1], '.');                               /* behind the comment */
}

static void test_nothing_yet(void **state)
{
    (void)state;
    struct hg_rotation rotation;
    must_rotate(&rotation);
    assert_int_equal(rotation.kid, 0);
    assert_int_not_equal(access(key_file, F_OK), 0);
}

static void test_all_get_the_new_key(void **state)
{
    (void)state;
    struct hg_rotation rotation;
    put_all();
    must_rotate(&rotation);
    assert_int_equal(rotation.kid, 2);
    assert_int_equal(rotation.n_total, N_SECRETS);
    assert_int_equal(rotation.n_done, N_SECRETS);
    assert_false(rotation.resumed);
    assert_int_equal(number("select wraps from vault_key"), N_SECRETS);
    only_key(2);
    all_open();
    must_put("new", "password", "written after");
    must_reopen();
    all_open();
    must_get("new", "password", "written after");
    must_rotate(&rotation);
    assert_int_equal(rotation.kid, 3);
    only_key(3);
    all_open();
}

/* Another process of the same host has the old key in memory alone. */
static void test_another_process_follows(void **state)
{
    (void)state;
    struct hg_rotation rotation;
    must_put("c1", "password", "one");
    struct hg_vault *other = vault;
    vault = NULL;
    must_reopen();
    must_rotate(&rotation);
    struct hg_vault *rotated = vault;
    vault = other;
    must_get("c1", "password", "one");
    must_put("c2", "password", "two");
    vault = rotated;
    must_get("c2", "password", "two");
    hg_vault_close(other);
    only_key(2);
}

/* ---- writers and readers at work ---- */

struct writer {
    pthread_t thread;
    int number;
    const atomic_bool *stop;
    int n_written;
    char failed[600];
};

static bool write_and_read(struct writer *writer, struct hg_db *db, int round)
{
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_secret_freep) struct hg_secret *back = NULL;
    char owner[24];
    char value[32];
    (void)snprintf(owner, sizeof owner, "w%d-%d", writer->number, round % 40);
    (void)snprintf(value, sizeof value, "value %d", round);
    const struct hg_secret_name name = {"alert_channel", owner, "password", NULL};
    int r = hg_db_begin(db, &err);
    r = r < 0 ? r : hg_vault_put(vault, db, &name, value, strlen(value), &err);
    r = r < 0 ? r : hg_db_commit(db, &err);
    r = r < 0 ? r : hg_vault_get(vault, db, &name, &back, &err);
    if (r == HG_OK && round % 7 == 0) {
        r = hg_vault_delete(db, name.table, name.owner, NULL, &err);
    }
    if (r < 0 || strcmp(back->value, value) != 0) {
        (void)snprintf(writer->failed, sizeof writer->failed, "%s: %s", owner, err.message);
        return false;
    }
    writer->n_written++;
    return true;
}

static void *write_on(void *arg)
{
    struct writer *writer = arg;
    struct hg_db *db = NULL;
    if (hg_pool_borrow(pool, 10000, &db, NULL) < 0) {
        (void)snprintf(writer->failed, sizeof writer->failed, "no connection");
        return NULL;
    }
    for (int round = 0; !atomic_load(writer->stop); round++) {
        if (!write_and_read(writer, db, round)) {
            break;
        }
    }
    hg_db_return(db);
    return NULL;
}

static void test_with_writers(void **state)
{
    (void)state;
    enum { WRITERS = 4, ROTATIONS = 8 };
    atomic_bool stop = false;
    struct writer writers[WRITERS];
    struct hg_rotation rotation = {0};
    struct hg_error err = HG_ERROR_INIT;
    put_all();
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){.number = i, .stop = &stop};
        assert_int_equal(pthread_create(&writers[i].thread, NULL, write_on, &writers[i]), 0);
    }
    int r = HG_OK;
    for (int i = 0; i < ROTATIONS && r == HG_OK; i++) {
        r = rotate(&rotation, &err);
    }
    atomic_store(&stop, true);
    for (int i = 0; i < WRITERS; i++) {
        assert_int_equal(pthread_join(writers[i].thread, NULL), 0);
        if (writers[i].failed[0]) {
            fail_msg("%s", writers[i].failed);
        }
        assert_true(writers[i].n_written > 0);
    }
    if (r < 0) {
        fail_msg("%s", err.message);
    }
    assert_int_equal(rotation.kid, 1 + ROTATIONS);
    only_key(1 + ROTATIONS);
    all_open();
}

/* ---- killed half-way ---- */

static void kill_self(void *arg, const struct hg_rotation *rotation)
{
    (void)arg;
    (void)rotation;
    (void)kill(getpid(), SIGKILL);
}

/* A process of its own rotates and is killed: at a step, or ("") after its first batch. */
static void rotate_and_die(const char *step)
{
    char faults[HG_SCRATCH_BYTES];
    char path[HG_SCRATCH_BYTES + 40];
    int status = 0;
    assert_int_equal(hg_scratch_make("faults", faults), 0);
    if (*step) {
        (void)snprintf(path, sizeof path, "%s/%s", faults, step);
        assert_int_equal(hg_write_file(path, 0600, "kill\n", 5, NULL), HG_OK);
    }
    pid_t pid = fork();
    if (pid == 0) {
        struct hg_pool *own = NULL;
        struct hg_vault *mine = NULL;
        struct hg_rotation rotation;
        struct hg_rotation_options options = {.on_progress = *step ? NULL : kill_self};
        (void)setenv("HEADGATE_FAULT_DIR", faults, 1);
        if (hg_pool_new(hg_test_pg_metadata(pg), 2, "dies", &own, NULL) < 0) {
            _exit(2);
        }
        const struct hg_vault_options vault_options = {own, NULL, data_dir, NULL};
        if (hg_vault_open(&vault_options, &mine, NULL) < 0) {
            _exit(3);
        }
        _exit(hg_vault_rotate(mine, &options, &rotation, NULL) < 0 ? 4 : 0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(hg_scratch_remove(faults), 0);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) {
        fail_msg("at \"%s\" it ended with %d instead of being killed", step, status);
    }
}

/* The server drops the lock of who is gone once it sees it. */
static void must_rotate_in_the_end(struct hg_rotation *ret)
{
    struct hg_error err = HG_ERROR_INIT;
    int r;
    do {
        r = rotate(ret, &err);
    } while (r == HG_ECONFLICT && strstr(err.message, "being rotated already"));
    if (r < 0) {
        fail_msg("%s", err.message);
    }
}

static void test_killed(void **state)
{
    (void)state;
    static const struct {
        const char *step;
        int kid; /* once the next one has gone through */
        bool resumed;
    } cases[] = {
        {"", 2, true},
#ifdef HG_FAULTS
        {"vault.writes_file", 2, false},
        {"vault.activates", 2, false},
        {"vault.activated", 2, true},
        {"vault.rewraps", 2, true},
        {"vault.rewrapped", 2, true},
        {"vault.retires", 2, true},
        {"vault.retired", 3, false}, /* it was over but for the file */
#endif
    };
    for (size_t i = 0; i < HG_COUNT(cases); i++) {
        struct hg_rotation rotation;
        sql("truncate secret, vault_key");
        (void)unlink(key_file);
        must_reopen();
        put_all();
        rotate_and_die(cases[i].step);
        all_open(); /* by who has been running all the time */
        must_put("meanwhile", "password", "one");
        must_reopen(); /* and by who starts now */
        all_open();
        must_get("meanwhile", "password", "one");
        must_rotate_in_the_end(&rotation);
        if (rotation.kid != cases[i].kid || rotation.resumed != cases[i].resumed) {
            fail_msg("after \"%s\": key %d, resumed %d",
                     cases[i].step,
                     (int)rotation.kid,
                     rotation.resumed);
        }
        only_key(cases[i].kid);
        all_open();
        must_get("meanwhile", "password", "one");
    }
}

static void test_the_server_dies(void **state)
{
    (void)state;
    struct hg_rotation rotation;
    struct hg_error err = HG_ERROR_INIT;
    put_all();
    hg_test_pg_kill(pg);
    assert_true(rotate(&rotation, &err) < 0);
    assert_int_equal(hg_test_pg_resume(pg), 0);
    all_open();
    must_rotate_in_the_end(&rotation);
    all_open();
    only_key(rotation.kid);
}

/* ---- what stands in the way ---- */

static void test_one_at_a_time(void **state)
{
    (void)state;
    struct hg_rotation rotation;
    struct hg_error err = HG_ERROR_INIT;
    must_put("c1", "password", "one");
    {
        HG_CLEANUP(hg_db_returnp) struct hg_db *db = borrow();
        assert_int_equal(hg_db_simple(db, "select pg_advisory_lock(5260129372402)", NULL, NULL),
                         HG_OK);
        assert_int_equal(rotate(&rotation, &err), HG_ECONFLICT);
        assert_non_null(strstr(err.message, "being rotated already"));
        assert_int_equal(hg_db_simple(db, "select pg_advisory_unlock(5260129372402)", NULL, NULL),
                         HG_OK);
    }
    must_rotate(&rotation);
}

/* One whose seal is broken keeps no other from the new key, and the old key for itself. */
static void test_a_broken_one(void **state)
{
    (void)state;
    struct hg_rotation rotation;
    struct hg_error err = HG_ERROR_INIT;
    put_all();
    sql("update secret set sealed_key = set_byte(sealed_key, 30, get_byte(sealed_key, 30) # 1)"
        " where owner_id = 'c7'");
    assert_int_equal(rotate(&rotation, &err), HG_EDATA);
    assert_non_null(strstr(err.message, "\"password\" of alert_channel \"c7\""));
    assert_int_equal(rotation.n_failed, 1);
    assert_int_equal(rotation.n_done, N_SECRETS - 1);
    assert_int_equal(number("select count(*) from secret where kid = 1"), 1);
    assert_int_equal(number("select count(*) from vault_key"), 2);
    must_get("c8", "password", "c8");
    must_put("c7", "password", "c7");
    must_rotate(&rotation);
    assert_true(rotation.resumed);
    only_key(2);
    all_open();
}

static void test_a_key_that_is_not_in_the_file(void **state)
{
    (void)state;
    struct hg_rotation rotation;
    struct hg_error err = HG_ERROR_INIT;
    must_put("c1", "password", "one");
    HG_CLEANUP(hg_freep) char *keys = read_keys();
    write_keys("# nothing\n");
    assert_int_equal(rotate(&rotation, &err), HG_ECONFLICT);
    assert_non_null(strstr(err.message, "key 1, used by 1 secret, is not in the file"));
    assert_int_equal(number("select count(*) from vault_key"), 1);
    write_keys(keys);
    must_rotate(&rotation);
    must_get("c1", "password", "one");
}

static void test_a_file_that_others_keep(void **state)
{
    (void)state;
    struct hg_rotation rotation;
    struct hg_error err = HG_ERROR_INIT;
    must_put("c1", "password", "one");
    if (geteuid() == 0) {
        skip(); /* root may write whatever the mode */
    }
    assert_int_equal(chmod(data_dir, 0500), 0);
    int r = rotate(&rotation, &err);
    assert_int_equal(chmod(data_dir, 0700), 0);
    assert_int_equal(r, HG_EFORBIDDEN);
    assert_non_null(strstr(err.hint, "openssl rand -hex 32"));
    HG_CLEANUP(hg_freep) char *keys = read_keys();
    char more[1024];
    (void)snprintf(more,
                   sizeof more,
                   "%s5 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n",
                   keys);
    write_keys(more);
    assert_int_equal(chmod(data_dir, 0500), 0);
    r = rotate(&rotation, &err);
    assert_int_equal(chmod(data_dir, 0700), 0);
    assert_int_equal(r, HG_OK);
    assert_int_equal(rotation.kid, 5);
    assert_true(rotation.old_stays);
    must_get("c1", "password", "one");
    assert_int_equal(number("select count(*) from vault_key"), 1);
}

static void test_several_hosts(void **state)
{
    (void)state;
    struct hg_rotation rotation = {0};
    struct hg_error err = HG_ERROR_INIT;
    const struct hg_rotation_options in_host = {0};
    const struct hg_rotation_options prepare = {.only_prepare = true};
    must_put("c1", "password", "one");
    sql("insert into host (name, lease_until) values ('gone', now() - interval '1 s'),"
        " ('us', now() + interval '1 h')");
    assert_int_equal(hg_vault_rotate(vault, &in_host, &rotation, &err), HG_OK);
    only_key(2);
    sql("insert into host (name, lease_until) values ('other', now() + interval '1 h')");
    assert_int_equal(hg_vault_rotate(vault, &in_host, &rotation, &err), HG_ECONFLICT);
    assert_non_null(strstr(err.message, "1 other host is on this database"));
    assert_non_null(strstr(err.hint, "--prepare"));
    only_key(2);
    assert_int_equal(hg_vault_rotate(vault, &prepare, &rotation, &err), HG_OK);
    assert_int_equal(rotation.kid, 3);
    assert_true(rotation.prepared);
    assert_int_equal(hg_vault_rotate(vault, &prepare, &rotation, &err), HG_OK);
    assert_int_equal(rotation.kid, 3); /* no second one */
    assert_int_equal(number("select kid from vault_key"), 2);
    must_put("c1", "password", "two");
    assert_int_equal(number("select kid from secret"), 2);
    assert_int_equal(hg_vault_rotate(vault, &in_host, &rotation, &err), HG_OK);
    assert_int_equal(rotation.kid, 3);
    only_key(3);
    must_get("c1", "password", "two");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_nothing_yet, open_vault, close_vault),
        cmocka_unit_test_setup_teardown(test_all_get_the_new_key, open_vault, close_vault),
        cmocka_unit_test_setup_teardown(test_another_process_follows, open_vault, close_vault),
        cmocka_unit_test_setup_teardown(test_with_writers, open_vault, close_vault),
        cmocka_unit_test_setup_teardown(test_killed, open_vault, close_vault),
        cmocka_unit_test_setup_teardown(test_the_server_dies, open_vault, close_vault),
        cmocka_unit_test_setup_teardown(test_one_at_a_time, open_vault, close_vault),
        cmocka_unit_test_setup_teardown(test_a_broken_one, open_vault, close_vault),
        cmocka_unit_test_setup_teardown(
            test_a_key_that_is_not_in_the_file, open_vault, close_vault),
        cmocka_unit_test_setup_teardown(test_a_file_that_others_keep, open_vault, close_vault),
        cmocka_unit_test_setup_teardown(test_several_hosts, open_vault, close_vault),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
