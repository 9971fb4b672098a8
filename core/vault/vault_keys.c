#include "vault/vault_keys.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "base/hex.h"
#include "vault/key_file.h"

/* Of the advisory lock under which keys come in use; any number that nobody else uses. */
#define LOCK_KEY "5260129372401"

static const struct hg_statement list_keys = {
    "vault_keys_list",
    "select kid, encode(check_value, 'hex') as check_value, wraps, is_active,"
    " (select count(*) from secret where secret.kid = vault_key.kid) as n_used"
    " from vault_key order by kid",
    0};

static const struct hg_statement count_uses = {
    "vault_keys_uses", "select count(*) as n_used from secret where kid = $1::integer", 1};

static const struct hg_statement lock_keys = {
    "vault_keys_lock", "select pg_advisory_xact_lock(" LOCK_KEY ")", 0};

static const struct hg_statement look_at_active = {
    "vault_keys_active",
    "select kid, encode(check_value, 'hex') as check_value, wraps,"
    " (select count(*) from secret) as n_secrets from vault_key where is_active",
    0};

static const struct hg_statement highest_kid = {
    "vault_keys_highest", "select coalesce(max(kid), 0) as kid from vault_key", 0};

/* A foreign key of `secret` refuses it where one is used. */
static const struct hg_statement forget_unused = {
    "vault_keys_forget",
    "delete from vault_key where not exists (select from secret where secret.kid = vault_key.kid)",
    0};

static const struct hg_statement put_down_active = {
    "vault_keys_put_down", "update vault_key set is_active = false where is_active", 0};

static const struct hg_statement add_active = {
    "vault_keys_add",
    "insert into vault_key (kid, check_value, is_active) values ($1::integer, decode($2, 'hex'),"
    " true)",
    2};

/* ---- bytes in hex ---- */

void hg_vault_hex(struct hg_buf *to, const void *bytes, size_t n)
{
    if (hg_buf_reserve(to, 2 * n)) {
        (void)hg_hex(bytes, n, to->data + to->len);
        to->len += 2 * n;
    }
}

int hg_vault_bytes(
    const PGresult *result, int row, const char *column, struct hg_buf *ret, struct hg_error *err)
{
    const char *text = hg_result_text(result, row, column);
    for (; text && text[0]; text += 2) {
        int byte = hg_hex_byte(text);
        if (byte < 0) {
            text = NULL;
            break;
        }
        hg_buf_putc(ret, (char)byte);
    }
    if (!text) {
        return hg_error_set(err, HG_EINTERNAL, "the column %s holds no bytes in hex", column);
    }
    return hg_buf_failed(ret) ? hg_error_nomem(err) : HG_OK;
}

int hg_vault_read_key(const PGresult *result, int row, struct hg_key_row *ret, struct hg_error *err)
{
    HG_CLEANUP(hg_buf_free) struct hg_buf check = HG_BUF_INIT;
    int r = hg_vault_bytes(result, row, "check_value", &check, err);
    if (r < 0) {
        return r;
    }
    if (check.len != HG_CHECK_BYTES) {
        return hg_error_set(err, HG_EDATA, "a master key's check value has the wrong length");
    }
    ret->kid = (int32_t)hg_result_int64(result, row, "kid", 0);
    ret->wraps = hg_result_int64(result, row, "wraps", 0);
    memcpy(ret->check, check.data, HG_CHECK_BYTES);
    return HG_OK;
}

/* ---- the file ---- */

int hg_vault_reload(struct hg_vault *vault, struct hg_error *err)
{
    struct hg_keyring *fresh = NULL;
    int r = hg_key_file_read(vault->path, &fresh, err);
    if (r == HG_OK) {
        hg_secret_release(vault->keyring);
        vault->keyring = fresh;
    }
    return r;
}

static const struct hg_master_key *find(const struct hg_vault *vault, const struct hg_key_row *row)
{
    const struct hg_master_key *key =
        vault->keyring ? hg_keyring_find(vault->keyring, row->kid) : NULL;
    return key && CRYPTO_memcmp(key->check, row->check, HG_CHECK_BYTES) == 0 ? key : NULL;
}

int hg_vault_find_key(struct hg_vault *vault,
                      const struct hg_key_row *row,
                      const struct hg_master_key **ret,
                      struct hg_error *err)
{
    const struct hg_master_key *key = find(vault, row);
    if (!key) {
        int r = hg_vault_reload(vault, err);
        if (r < 0) {
            return r;
        }
        key = find(vault, row);
    }
    if (!key) {
        return hg_error_set(
            err, HG_ENOTFOUND, "key %d is not in the file \"%s\"", (int)row->kid, vault->path);
    }
    *ret = key;
    return HG_OK;
}

static int tell_missing(struct hg_vault *vault,
                        const struct hg_key_row *row,
                        int64_t n_used,
                        struct hg_error *err)
{
    bool other = false;
    {
        HG_LOCK(&vault->mutex);
        other = vault->keyring && hg_keyring_find(vault->keyring, row->kid);
    }
    (void)hg_error_set(err,
                       HG_ECONFLICT,
                       "key %d, used by %" PRId64 " secret%s, is not in the file \"%s\"%s",
                       (int)row->kid,
                       n_used,
                       n_used == 1 ? "" : "s",
                       vault->path,
                       other ? ": the key of that number there is another one" : "");
    return hg_error_hint(err,
                         "Put back the file as it was, from a copy, or add the line of that key to "
                         "it. If there is no copy: docs/configuration.md, \"When the master key is "
                         "lost\".");
}

int hg_vault_tell_missing(struct hg_vault *vault,
                          struct hg_db *db,
                          const struct hg_key_row *row,
                          struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    char kid[16];
    const char *const params[] = {kid};
    (void)snprintf(kid, sizeof kid, "%d", (int)row->kid);
    int r = hg_db_exec(db, &count_uses, params, &result, err);
    return r < 0 ? r : tell_missing(vault, row, hg_result_int64(result, 0, "n_used", 0), err);
}

/* ---- at the start ---- */

static int check_file(struct hg_vault *vault, struct hg_error *err)
{
    HG_LOCK(&vault->mutex);
    int r = hg_vault_reload(vault, err);
    if (r == HG_ENOTFOUND && vault->may_make) {
        return HG_OK;
    }
    if (r == HG_ENOTFOUND) {
        (void)hg_error_hint(err,
                            "Put it there, or make one: (umask 077; echo 1 $(openssl rand -hex 32) "
                            "> FILE), as the host's user.");
    }
    return r;
}

static int check_key(struct hg_vault *vault,
                     const struct hg_key_row *row,
                     int64_t n_used,
                     struct hg_error *err)
{
    bool found = false;
    {
        HG_LOCK(&vault->mutex);
        found = find(vault, row);
    }
    return found || n_used == 0 ? HG_OK : tell_missing(vault, row, n_used, err);
}

int hg_vault_check_keys(struct hg_vault *vault, struct hg_db *db, struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    struct hg_key_row row = {0};
    int r = check_file(vault, err);
    r = r < 0 ? r : hg_db_exec(db, &list_keys, NULL, &result, err);
    for (int i = 0; r == HG_OK && i < PQntuples(result); i++) {
        r = hg_vault_read_key(result, i, &row, err);
        r = r < 0 ? r : check_key(vault, &row, hg_result_int64(result, i, "n_used", 0), err);
    }
    return r;
}

/* ---- the first key ---- */

int hg_vault_highest_kid(struct hg_db *db, int32_t *ret, struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    int r = hg_db_exec(db, &highest_kid, NULL, &result, err);
    if (r == HG_OK) {
        *ret = (int32_t)hg_result_int64(result, 0, "kid", 0);
    }
    return r;
}

int hg_vault_activate(struct hg_db *db, const struct hg_master_key *key, struct hg_error *err)
{
    HG_CLEANUP(hg_buf_free) struct hg_buf check = HG_BUF_INIT;
    char kid[16];
    (void)snprintf(kid, sizeof kid, "%d", (int)key->kid);
    hg_vault_hex(&check, key->check, HG_CHECK_BYTES);
    const char *const params[] = {kid, hg_buf_text(&check)};
    if (hg_buf_failed(&check)) {
        return hg_error_nomem(err);
    }
    int r = hg_db_exec(db, &lock_keys, NULL, NULL, err);
    r = r < 0 ? r : hg_db_exec(db, &put_down_active, NULL, NULL, err);
    return r < 0 ? r : hg_db_exec(db, &add_active, params, NULL, err);
}

/* A file with one key; under the mutex. */
static int make_file(struct hg_vault *vault, int32_t kid, struct hg_error *err)
{
    HG_CLEANUP(hg_keyring_freep) struct hg_keyring *fresh = NULL;
    int r = hg_keyring_new(&fresh, err);
    r = r < 0 ? r : hg_keyring_make(fresh, kid, err);
    r = r < 0 ? r : hg_key_file_write(vault->path, fresh, true, err);
    if (r == HG_EEXIST) {
        return hg_vault_reload(vault, err); /* another process was first */
    }
    if (r == HG_OK) {
        hg_secret_release(vault->keyring);
        vault->keyring = HG_TAKE(fresh);
    }
    return r;
}

/* The newest key of the file, which is made when it is not there. */
static int newest_key(struct hg_vault *vault,
                      int32_t highest,
                      struct hg_master_key *ret,
                      struct hg_error *err)
{
    HG_LOCK(&vault->mutex);
    int r = hg_vault_reload(vault, err);
    if (r == HG_ENOTFOUND && vault->may_make) {
        r = make_file(vault, highest + 1, err);
    }
    if (r < 0) {
        return r;
    }
    const struct hg_master_key *key = hg_keyring_newest(vault->keyring);
    if (!key) {
        return hg_error_set(
            err, HG_EDATA, "there is no key in the file of master keys \"%s\"", vault->path);
    }
    /* Its number and check value alone are needed, and are no secret. */
    ret->kid = key->kid;
    memcpy(ret->check, key->check, HG_CHECK_BYTES);
    return HG_OK;
}

/* Whether the active key will do: it is in the file, or secrets need it (then it is an error). */
static int keep_active(struct hg_vault *vault,
                       struct hg_db *db,
                       const PGresult *active,
                       bool *ret_keep,
                       struct hg_error *err)
{
    struct hg_key_row row = {0};
    const struct hg_master_key *key = NULL;
    int64_t n_secrets = hg_result_int64(active, 0, "n_secrets", 0);
    int r = hg_vault_read_key(active, 0, &row, err);
    if (r < 0) {
        return r;
    }
    {
        HG_LOCK(&vault->mutex);
        r = hg_vault_find_key(vault, &row, &key, err);
    }
    if (r < 0 && r != HG_ENOTFOUND) {
        return r;
    }
    *ret_keep = r == HG_OK;
    return r == HG_OK || n_secrets == 0 ? HG_OK : hg_vault_tell_missing(vault, db, &row, err);
}

int hg_vault_begin_keys(struct hg_vault *vault, struct hg_db *db, struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *active = NULL;
    struct hg_master_key key = {0};
    int32_t highest = 0;
    bool keep = false;
    int r = hg_db_exec(db, &lock_keys, NULL, NULL, err);
    r = r < 0 ? r : hg_db_exec(db, &look_at_active, NULL, &active, err);
    if (r == HG_OK && PQntuples(active) > 0) {
        r = keep_active(vault, db, active, &keep, err);
    }
    if (r < 0 || keep) {
        return r;
    }
    r = hg_vault_highest_kid(db, &highest, err);
    r = r < 0 ? r : newest_key(vault, highest, &key, err);
    r = r < 0 ? r : hg_db_exec(db, &forget_unused, NULL, NULL, err);
    return r < 0 ? r : hg_vault_activate(db, &key, err);
}
