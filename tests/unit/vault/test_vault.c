/* Secrets in a real database: stored, opened, moved about by somebody with SQL, without their key.
 */
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "base/io.h"
#include "base/uuid.h"
#include "fixture.h"

static void test_put_get_delete(void **state)
{
    (void)state;
    struct stat status;
    assert_int_not_equal(access(key_file, F_OK), 0); /* made when it is needed */
    must_put("c1", "password", "one");
    assert_int_equal(stat(key_file, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    must_put("c1", "token", "two");
    must_put("c2", "password", "three");
    must_get("c1", "password", "one");
    must_put("c1", "password", "another");
    must_get("c1", "password", "another");
    must_get("c1", "token", "two");
    assert_int_equal(number("select wraps from vault_key"), 4);
    {
        HG_CLEANUP(hg_db_returnp) struct hg_db *db = borrow();
        assert_int_equal(hg_vault_delete(db, "alert_channel", "c1", "password", NULL), HG_OK);
        must_not_get("c1", "password", HG_ENOTFOUND, "\"password\" of alert_channel \"c1\"");
        must_get("c1", "token", "two");
        assert_int_equal(hg_vault_delete(db, "alert_channel", "c1", NULL, NULL), HG_OK);
        assert_int_equal(hg_vault_delete(db, "alert_channel", "c1", NULL, NULL), HG_OK);
    }
    must_not_get("c1", "token", HG_ENOTFOUND, "none is stored");
    must_get("c2", "password", "three");
    must_reopen();
    must_get("c2", "password", "three");
}

static void test_sizes(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_freep) char *big = calloc(1, HG_SECRET_MAX + 2);
    memset(big, 'b', HG_SECRET_MAX);
    must_put("c1", "big", big);
    must_get("c1", "big", big);
    big[HG_SECRET_MAX] = 'b';
    assert_int_equal(put("c1", "big", big, &err), HG_ETOOBIG);
    assert_int_equal(put("c1", "big", "", &err), HG_EINVAL);
    assert_string_equal(err.message, "the secret \"big\" of alert_channel \"c1\": it is empty");
}

static void test_a_transaction_that_is_not_committed(void **state)
{
    (void)state;
    {
        HG_CLEANUP(hg_db_returnp) struct hg_db *db = borrow();
        const struct hg_secret_name name = {"alert_channel", "c1", "password", NULL};
        assert_int_equal(hg_db_begin(db, NULL), HG_OK);
        assert_int_equal(hg_vault_put(vault, db, &name, "x", 1, NULL), HG_OK);
        hg_db_rollback(db);
    }
    assert_int_equal(number("select count(*) from vault_key"), 0);
    /* The file that was made for it is used by the next. */
    HG_CLEANUP(hg_freep) char *before = read_keys();
    must_put("c1", "password", "one");
    HG_CLEANUP(hg_freep) char *after = read_keys();
    assert_string_equal(before, after);
    must_get("c1", "password", "one");
}

/* Rows that somebody moves about, each thing alone and together. */
static void test_moved_rows(void **state)
{
    (void)state;
    static const char *const moves[] = {
        "update secret set owner_id = 'x' where owner_id = 'c1';"
        " update secret set owner_id = 'c1' where owner_id = 'c2';"
        " update secret set owner_id = 'c2' where owner_id = 'x'",
        "update secret a set sealed_value = b.sealed_value from secret b"
        " where a.owner_id <> b.owner_id",
        "update secret a set sealed_key = b.sealed_key from secret b"
        " where a.owner_id <> b.owner_id",
        "update secret a set sealed_key = b.sealed_key, sealed_value = b.sealed_value from secret b"
        " where a.owner_id <> b.owner_id",
        "update secret a set sealed_key = b.sealed_key, sealed_value = b.sealed_value,"
        " version = b.version from secret b where a.owner_id <> b.owner_id",
        "update secret set version = version + 1",
        "update secret set sealed_value = substr(sealed_value, 1, length(sealed_value) - 1)",
        "update secret set sealed_value = '', sealed_key = ''",
        "update secret set sealed_key = sealed_key || '\\x00'",
        "update secret set sealed_value = set_byte(sealed_value, 20, get_byte(sealed_value, 20) # "
        "1)",
        "update secret set sealed_value = set_byte(sealed_value, 3, 2)",
    };
    for (size_t i = 0; i < HG_COUNT(moves); i++) {
        must_put("c1", "password", "one");
        must_put("c2", "password", "two");
        sql(moves[i]);
        must_not_get("c1", "password", HG_EDATA, "the secret \"password\"");
        must_not_get("c2", "password", HG_EDATA, "the secret \"password\"");
    }
    /* An older state of the same row, put back over a newer one. */
    must_put("c1", "password", "old");
    sql("create table saved as select * from secret where owner_id = 'c1'");
    must_put("c1", "password", "new");
    sql("update secret a set sealed_key = b.sealed_key, sealed_value = b.sealed_value"
        " from saved b where a.owner_id = 'c1'; drop table saved");
    must_not_get("c1", "password", HG_EDATA, "seal is broken");
}

static void test_other_origins(void **state)
{
    (void)state;
    static const char *const elsewhere[] = {"https://evil.example.com:443", NULL};
    struct hg_secret *secret = NULL;
    struct hg_error err = HG_ERROR_INIT;
    must_put("c1", "password", "one");
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = borrow();
    struct hg_secret_name name = {"alert_channel", "c1", "password", elsewhere};
    assert_int_equal(hg_vault_get(vault, db, &name, &secret, &err), HG_EDATA);
    assert_non_null(strstr(err.message, "other addresses"));
    name.origins = NULL;
    assert_int_equal(hg_vault_get(vault, db, &name, &secret, &err), HG_EDATA);
    /* Somebody moves what is written of the origins, too. */
    sql("update secret set origins_hash = sha256('')");
    assert_int_equal(hg_vault_get(vault, db, &name, &secret, &err), HG_EDATA);
    assert_non_null(strstr(err.message, "seal is broken"));
    assert_null(secret);
}

/* ---- the key ---- */

static void must_not_open(int code, const char *says)
{
    struct hg_error err = HG_ERROR_INIT;
    int64_t before = number("select coalesce(sum(hashtext(secret::text)), 0) from secret");
    assert_int_equal(reopen(&err), code);
    assert_null(vault);
    if (!strstr(err.message, says)) {
        fail_msg("\"%s\" says nothing of \"%s\"", err.message, says);
    }
    assert_true(err.hint[0]);
    assert_int_equal(number("select coalesce(sum(hashtext(secret::text)), 0) from secret"), before);
}

static void test_the_file_is_lost(void **state)
{
    (void)state;
    char says[200];
    struct hg_error err = HG_ERROR_INIT;
    for (int i = 0; i < 12; i++) {
        char owner[8];
        (void)snprintf(owner, sizeof owner, "c%d", i);
        must_put(owner, "password", "one");
    }
    HG_CLEANUP(hg_freep) char *keys = read_keys();
    assert_int_equal(unlink(key_file), 0);
    (void)snprintf(
        says, sizeof says, "key 1, used by 12 secrets, is not in the file \"%s\"", key_file);
    must_not_open(HG_ECONFLICT, says);
    assert_int_not_equal(access(key_file, F_OK), 0);
    /* A new file with another key of that number does not pass for it. */
    write_keys("1 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n");
    must_not_open(HG_ECONFLICT, "the key of that number there is another one");
    write_keys("2 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n");
    must_not_open(HG_ECONFLICT, says);
    write_keys("# nothing\n");
    must_not_open(HG_ECONFLICT, says);
    write_keys("nonsense\n");
    must_not_open(HG_EDATA, "line 1");
    write_keys(keys);
    assert_int_equal(chmod(key_file, 0644), 0);
    must_not_open(HG_EFORBIDDEN, "others than its owner");
    assert_int_equal(chmod(key_file, 0400), 0);
    must_reopen();
    must_get("c3", "password", "one");
    /* While the host runs, what it has read will do. */
    assert_int_equal(unlink(key_file), 0);
    must_get("c3", "password", "one");
    must_put("c3", "password", "two");
    write_keys(keys);
    must_reopen();
    must_get("c3", "password", "two");
    /* The same when there was no file yet when it started. */
    assert_int_equal(unlink(key_file), 0);
    hg_vault_close(vault);
    vault = NULL;
    sql("create table saved as select * from secret; delete from secret");
    must_reopen();
    sql("insert into secret select * from saved; drop table saved");
    must_not_get("c3", "password", HG_ECONFLICT, says);
    assert_int_equal(put("c99", "password", "x", &err), HG_ECONFLICT);
    assert_non_null(strstr(err.message, says));
    assert_int_not_equal(access(key_file, F_OK), 0);
    write_keys(keys); /* seen without a start */
    must_get("c3", "password", "two");
    must_put("c99", "password", "x");
}

/* Nothing is stored any more, so nothing is lost with the old key. */
static void test_a_new_key_when_nothing_needs_the_old_one(void **state)
{
    (void)state;
    must_put("c1", "password", "one");
    sql("delete from secret");
    assert_int_equal(unlink(key_file), 0);
    must_reopen();
    must_put("c1", "password", "two");
    must_get("c1", "password", "two");
    assert_int_equal(number("select kid from vault_key where is_active"), 2);
    assert_int_equal(number("select count(*) from vault_key"), 1);
    sql("delete from secret");
    write_keys("1 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n");
    must_reopen();
    must_put("c1", "password", "three");
    must_get("c1", "password", "three");
    assert_int_equal(number("select kid from vault_key"), 1);
}

static void test_a_file_that_is_configured(void **state)
{
    (void)state;
    char path[100];
    struct hg_error err = HG_ERROR_INIT;
    (void)snprintf(path, sizeof path, "%s/mine.key", data_dir);
    const struct hg_vault_options options = {pool, path, data_dir, NULL};
    HG_CLEANUP(hg_vault_closep) struct hg_vault *mine = NULL;
    assert_int_equal(hg_vault_open(&options, &mine, &err), HG_ENOTFOUND);
    assert_non_null(strstr(err.message, path));
    assert_non_null(strstr(err.hint, "openssl rand -hex 32"));
    assert_int_equal(hg_write_file(path, 0600, "", 0, NULL), HG_OK);
    assert_int_equal(hg_vault_open(&options, &mine, &err), HG_OK);
    hg_vault_close(vault);
    vault = HG_TAKE(mine);
    assert_int_equal(put("c1", "password", "one", &err), HG_EDATA);
    assert_non_null(strstr(err.message, "there is no key in the file"));
    static const char key[] =
        "9 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n";
    assert_int_equal(hg_write_file(path, 0600, key, sizeof key - 1, NULL), HG_OK);
    must_put("c1", "password", "one");
    must_get("c1", "password", "one");
    assert_int_equal(number("select kid from secret"), 9);
}

static void test_a_worn_key(void **state)
{
    (void)state;
    struct hg_vault_state look;
    struct hg_error err = HG_ERROR_INIT;
    assert_int_equal(hg_vault_look(vault, &look, NULL), HG_OK);
    assert_int_equal(look.kid, 0);
    must_put("c1", "password", "one");
    assert_int_equal(hg_vault_look(vault, &look, NULL), HG_OK);
    assert_int_equal(look.kid, 1);
    assert_int_equal(look.wraps, 1);
    assert_false(look.is_worn);
    HG_CLEANUP(hg_buf_free) struct hg_buf metrics = HG_BUF_INIT;
    hg_vault_put_metrics(vault, &metrics);
    assert_non_null(strstr(hg_buf_text(&metrics), "\nheadgate_vault_key_uses{key=\"1\"} 1\n"));
    assert_non_null(strstr(hg_buf_text(&metrics), "\nheadgate_vault_key_uses_worn 268435456\n"));
    assert_non_null(strstr(hg_buf_text(&metrics), "\nheadgate_vault_key_uses_max 2147483648\n"));
    sql("update vault_key set wraps = 268435456");
    assert_int_equal(hg_vault_look(vault, &look, NULL), HG_OK);
    assert_true(look.is_worn);
    sql("update vault_key set wraps = 2147483647");
    must_put("c1", "password", "two");
    assert_int_equal(put("c1", "password", "three", &err), HG_ECONFLICT);
    assert_non_null(strstr(err.hint, "headgate key rotate"));
    must_get("c1", "password", "two");
}

/* Two hosts that start on an empty database at once, each with a file of its own. */
static void test_two_files(void **state)
{
    (void)state;
    char other[HG_SCRATCH_BYTES];
    struct hg_error err = HG_ERROR_INIT;
    assert_int_equal(hg_scratch_make("other", other), 0);
    const struct hg_vault_options options = {pool, NULL, other, NULL};
    HG_CLEANUP(hg_vault_closep) struct hg_vault *second = NULL;
    assert_int_equal(hg_vault_open(&options, &second, NULL), HG_OK);
    must_put("c1", "password", "one");
    struct hg_vault *first = vault;
    vault = second;
    assert_int_equal(put("c2", "password", "two", &err), HG_ECONFLICT);
    assert_non_null(strstr(err.message, "key 1, used by 1 secret, is not in the file"));
    must_not_get("c1", "password", HG_ECONFLICT, "key 1, used by 1 secret");
    vault = first;
    must_get("c1", "password", "one");
    assert_int_equal(hg_scratch_remove(other), 0);
}

/* ---- where it must not be ---- */

/* What must be nowhere: never in the program's own memory but in the arena. */
static struct hg_secret *canary;   /* as it was stored */
static struct hg_secret *forms[4]; /* raw, hex, base64, URL */

static void make_canary(void)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char random[12];
    assert_int_equal(hg_random_bytes(random, sizeof random, NULL), HG_OK);
    assert_int_equal(hg_secret_new(NULL, 24, &canary, NULL), HG_OK);
    for (size_t i = 0; i < sizeof random; i++) {
        canary->value[2 * i] = (char)('g' + random[i] % 16);
        canary->value[2 * i + 1] = i % 4 == 3 ? '/' : (char)('G' + random[i] / 16);
    }
    for (size_t i = 0; i < HG_COUNT(forms); i++) {
        assert_int_equal(hg_secret_new(NULL, 100, &forms[i], NULL), HG_OK);
    }
    memcpy(forms[0]->value, canary->value, 24);
    char *url = forms[3]->value;
    for (size_t i = 0; i < 24; i++) {
        unsigned char c = (unsigned char)canary->value[i];
        forms[1]->value[2 * i] = digits[c >> 4];
        forms[1]->value[2 * i + 1] = digits[c & 15];
        if (c == '/') {
            memcpy(url, "%2F", 3);
        } else {
            *url = (char)c;
        }
        url += c == '/' ? 3 : 1;
    }
    (void)EVP_EncodeBlock((unsigned char *)forms[2]->value, (unsigned char *)canary->value, 24);
}

static void drop_canary(void)
{
    hg_secret_freep(&canary);
    for (size_t i = 0; i < HG_COUNT(forms); i++) {
        hg_secret_freep(&forms[i]);
    }
}

static const char *found_in(const char *bytes, size_t n)
{
    static const char *const names[] = {"raw", "hex", "base64", "url"};
    for (size_t i = 0; i < HG_COUNT(forms); i++) {
        if (memmem(bytes, n, forms[i]->value, strlen(forms[i]->value))) {
            return names[i];
        }
    }
    return NULL;
}

static size_t n_files; /* that were looked at */

static int look_into(const char *path, const struct stat *status, int kind, struct FTW *where)
{
    (void)where;
    if (kind != FTW_F || status->st_size == 0) {
        return 0;
    }
    HG_CLEANUP(hg_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return 0; /* gone meanwhile */
    }
    size_t n = (size_t)status->st_size;
    char *bytes = mmap(NULL, n, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED) {
        return 0;
    }
    const char *form = found_in(bytes, n);
    (void)munmap(bytes, n);
    n_files++;
    if (form) {
        print_error("%s holds the canary, %s\n", path, form);
        return 1;
    }
    return 0;
}

/* All that can be written in this process but the arena. */
static void look_into_memory(void)
{
    char line[512];
    HG_CLEANUP(hg_fclosep) FILE *maps = fopen("/proc/self/maps", "re");
    HG_CLEANUP(hg_closep) int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    assert_non_null(maps);
    while (fgets(line, sizeof line, maps)) {
        char *end = NULL;
        uintptr_t from = strtoull(line, &end, 16);
        uintptr_t to = strtoull(end + 1, &end, 16);
        bool arena = (uintptr_t)canary >= from && (uintptr_t)canary < to;
        if (strncmp(end, " rw", 3) != 0 || arena || to - from > (64U << 20)) {
            continue;
        }
        char *copy =
            mmap(NULL, to - from, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        assert_true(copy != MAP_FAILED);
        ssize_t n = pread(memory, copy, to - from, (off_t)from);
        const char *form = n > 0 ? found_in(copy, (size_t)n) : NULL;
        (void)munmap(copy, to - from);
        if (form) {
            fail_msg("the canary, %s, is in %s", form, line);
        }
    }
}

static void store_canary(void)
{
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = borrow();
    HG_CLEANUP(hg_secret_freep) struct hg_secret *back = NULL;
    const struct hg_secret_name name = {"alert_channel", "c1", "password", NULL};
    assert_int_equal(hg_db_begin(db, NULL), HG_OK);
    if (hg_vault_put(vault, db, &name, canary->value, canary->n, &err) < 0) {
        fail_msg("%s", err.message);
    }
    assert_int_equal(hg_db_commit(db, NULL), HG_OK);
    assert_int_equal(hg_vault_get(vault, db, &name, &back, NULL), HG_OK);
    assert_memory_equal(back->value, canary->value, canary->n);
}

/*
 * All that the server keeps: tables, the log of its writes, its own log with each statement and all
 * parameters; what a dump gives; this process's memory.
 */
static void test_the_canary(void **state)
{
    (void)state;
    static const char *const settings[] = {
        "alter system set log_statement = 'all'",
        "alter system set log_parameter_max_length = -1",
        "alter system set log_min_duration_statement = 0",
        "select pg_reload_conf()",
    };
    for (size_t i = 0; i < HG_COUNT(settings); i++) {
        assert_int_equal(hg_test_pg_sql(pg, "postgres", settings[i]), 0);
    }
    make_canary();
    store_canary();
    assert_int_equal(hg_test_pg_sql(pg, "metadata", "checkpoint"), 0);
    n_files = 0;
    assert_int_equal(nftw(hg_test_pg_folder(pg), look_into, 8, FTW_PHYS), 0);
    assert_true(n_files > 500);
    assert_int_equal(nftw(data_dir, look_into, 8, FTW_PHYS), 0);
    look_into_memory();
    drop_canary();
    assert_int_equal(hg_test_pg_sql(pg, "postgres", "alter system reset all"), 0);
    assert_int_equal(hg_test_pg_sql(pg, "postgres", "select pg_reload_conf()"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_put_get_delete, open_vault, close_vault),
        cmocka_unit_test_setup_teardown(test_sizes, open_vault, close_vault),
        cmocka_unit_test_setup_teardown(
            test_a_transaction_that_is_not_committed, open_vault, close_vault),
        cmocka_unit_test_setup_teardown(test_moved_rows, open_vault, close_vault),
        cmocka_unit_test_setup_teardown(test_other_origins, open_vault, close_vault),
        cmocka_unit_test_setup_teardown(test_the_file_is_lost, open_vault, close_vault),
        cmocka_unit_test_setup_teardown(
            test_a_new_key_when_nothing_needs_the_old_one, open_vault, close_vault),
        cmocka_unit_test_setup_teardown(test_a_file_that_is_configured, open_vault, close_vault),
        cmocka_unit_test_setup_teardown(test_a_worn_key, open_vault, close_vault),
        cmocka_unit_test_setup_teardown(test_two_files, open_vault, close_vault),
        cmocka_unit_test_setup_teardown(test_the_canary, open_vault, close_vault),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
