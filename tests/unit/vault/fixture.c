#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"

struct hg_test_pg *pg;
struct hg_pool *pool;
struct hg_vault *vault;
char data_dir[HG_SCRATCH_BYTES];
char key_file[HG_SCRATCH_BYTES + 32];

static const char *const origins[] = {"https://hooks.example.com:443", NULL};

int start_server(void **state)
{
    (void)state;
    pg = hg_test_pg_start();
    return pg ? hg_pool_new(hg_test_pg_metadata(pg), 8, "test", &pool, NULL) : -1;
}

int stop_server(void **state)
{
    (void)state;
    hg_pool_free(pool);
    hg_test_pg_stop(pg);
    return 0;
}

int reopen(struct hg_error *err)
{
    const struct hg_vault_options options = {pool, NULL, data_dir, "us"};
    hg_vault_close(vault);
    vault = NULL;
    return hg_vault_open(&options, &vault, err);
}

void must_reopen(void)
{
    struct hg_error err = HG_ERROR_INIT;
    if (reopen(&err) < 0) {
        fail_msg("%s", err.message);
    }
}

int open_vault(void **state)
{
    (void)state;
    if (hg_test_pg_reset(pg) != 0 || hg_scratch_make("vault", data_dir) != 0) {
        return -1;
    }
    (void)snprintf(key_file, sizeof key_file, "%s/master.key", data_dir);
    return reopen(NULL);
}

int close_vault(void **state)
{
    (void)state;
    hg_vault_close(vault);
    vault = NULL;
    return hg_scratch_remove(data_dir);
}

struct hg_db *borrow(void)
{
    struct hg_db *db = NULL;
    struct hg_error err = HG_ERROR_INIT;
    if (hg_pool_borrow(pool, 10000, &db, &err) < 0) {
        fail_msg("%s", err.message);
    }
    return db;
}

int put(const char *owner, const char *field, const char *value, struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = borrow();
    const struct hg_secret_name name = {"alert_channel", owner, field, origins};
    int r = hg_db_begin(db, err);
    r = r < 0 ? r : hg_vault_put(vault, db, &name, value, strlen(value), err);
    return r < 0 ? r : hg_db_commit(db, err);
}

void must_put(const char *owner, const char *field, const char *value)
{
    struct hg_error err = HG_ERROR_INIT;
    if (put(owner, field, value, &err) < 0) {
        fail_msg("%s", err.message);
    }
}

int get(const char *owner, const char *field, struct hg_secret **ret, struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = borrow();
    const struct hg_secret_name name = {"alert_channel", owner, field, origins};
    return hg_vault_get(vault, db, &name, ret, err);
}

void must_get(const char *owner, const char *field, const char *value)
{
    HG_CLEANUP(hg_secret_freep) struct hg_secret *secret = NULL;
    struct hg_error err = HG_ERROR_INIT;
    if (get(owner, field, &secret, &err) < 0) {
        fail_msg("%s", err.message);
    }
    assert_string_equal(secret->value, value);
    assert_int_equal(secret->n, strlen(value));
}

void must_not_get(const char *owner, const char *field, int code, const char *says)
{
    struct hg_secret *secret = NULL;
    struct hg_error err = HG_ERROR_INIT;
    assert_int_equal(get(owner, field, &secret, &err), code);
    assert_null(secret);
    if (!strstr(err.message, says)) {
        fail_msg("\"%s\" says nothing of \"%s\"", err.message, says);
    }
}

void sql(const char *text)
{
    assert_int_equal(hg_test_pg_sql(pg, "metadata", text), 0);
}

int64_t number(const char *text)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = borrow();
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    struct hg_error err = HG_ERROR_INIT;
    if (hg_db_simple(db, text, &result, &err) < 0) {
        fail_msg("%s", err.message);
    }
    return strtoll(PQgetvalue(result, 0, 0), NULL, 10);
}

char *read_keys(void)
{
    char *text = NULL;
    size_t n = 0;
    assert_int_equal(hg_read_file(key_file, 1 << 20, &text, &n, NULL), HG_OK);
    return text;
}

void write_keys(const char *text)
{
    (void)unlink(key_file);
    assert_int_equal(hg_write_file(key_file, 0600, text, strlen(text), NULL), HG_OK);
}
