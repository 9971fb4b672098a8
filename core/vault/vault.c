#include "vault/vault.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/metrics.h"
#include "base/str.h"
#include "vault/internal.h"
#include "vault/seal.h"
#include "vault/vault_keys.h"

enum {
    TRIES = 4, /* a rotation may come between; it does so once */
};

/* Counts the seal, and holds the key until the transaction ends: a rotation waits for it. */
static const struct hg_statement take_key = {
    "vault_take_key",
    "update vault_key set wraps = wraps + 1 where is_active"
    " returning kid, encode(check_value, 'hex') as check_value, wraps,"
    " nextval('secret_version') as version",
    0};

static const struct hg_statement put_secret = {
    "vault_put",
    "insert into secret (owner_table, owner_id, field, version, kid, origins_hash, sealed_key,"
    " sealed_value) values ($1, $2, $3, $4::bigint, $5::integer, decode($6, 'hex'),"
    " decode($7, 'hex'), decode($8, 'hex'))"
    " on conflict (owner_table, owner_id, field) do update set version = excluded.version,"
    " kid = excluded.kid, origins_hash = excluded.origins_hash, sealed_key = excluded.sealed_key,"
    " sealed_value = excluded.sealed_value, updated_at = now()",
    8};

static const struct hg_statement get_secret = {
    "vault_get",
    "select version, kid, encode(check_value, 'hex') as check_value,"
    " encode(origins_hash, 'hex') as origins_hash, encode(sealed_key, 'hex') as sealed_key,"
    " encode(sealed_value, 'hex') as sealed_value"
    " from secret join vault_key using (kid)"
    " where owner_table = $1 and owner_id = $2 and field = $3",
    3};

static const struct hg_statement delete_secret = {
    "vault_delete",
    "delete from secret where owner_table = $1 and owner_id = $2 and ($3::text is null or field = "
    "$3)",
    3};

static const struct hg_statement look_at_key = {
    "vault_look", "select kid, wraps from vault_key where is_active", 0};

/* ---- opening and closing ---- */

int hg_vault_open(const struct hg_vault_options *options,
                  struct hg_vault **ret,
                  struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    HG_CLEANUP(hg_vault_closep) struct hg_vault *vault = calloc(1, sizeof *vault);
    if (!vault) {
        return hg_error_nomem(err);
    }
    (void)pthread_mutex_init(&vault->mutex, NULL);
    vault->metadata = options->metadata;
    vault->may_make = !options->key_file;
    vault->path = options->key_file ? strdup(options->key_file)
                                    : hg_path_join(options->data_dir, "master.key");
    vault->host = options->host ? strdup(options->host) : NULL;
    if (!vault->path || (options->host && !vault->host)) {
        return hg_error_nomem(err);
    }
    int r = hg_secret_arena(&vault->locked, err);
    r = r < 0 ? r : hg_pool_borrow(vault->metadata, HG_BORROW_MS, &db, err);
    r = r < 0 ? r : hg_vault_check_keys(vault, db, err);
    if (r == HG_OK) {
        *ret = HG_TAKE(vault);
    }
    return r;
}

void hg_vault_close(struct hg_vault *vault)
{
    if (vault) {
        hg_secret_release(vault->keyring);
        (void)pthread_mutex_destroy(&vault->mutex);
        free(vault->path);
        free(vault->host);
        free(vault);
    }
}

int hg_vault_look(struct hg_vault *vault, struct hg_vault_state *ret, struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    int r = hg_pool_borrow(vault->metadata, HG_BORROW_MS, &db, err);
    r = r < 0 ? r : hg_db_exec(db, &look_at_key, NULL, &result, err);
    if (r < 0) {
        return r;
    }
    bool any = PQntuples(result) > 0;
    ret->locked = vault->locked;
    ret->kid = any ? (int32_t)hg_result_int64(result, 0, "kid", 0) : 0;
    ret->wraps = any ? hg_result_int64(result, 0, "wraps", 0) : 0;
    ret->is_worn = ret->wraps >= HG_WRAPS_WORN;
    return HG_OK;
}

void hg_vault_put_metrics(struct hg_vault *vault, struct hg_buf *buf)
{
    static const struct hg_metric uses = {
        "headgate_vault_key_uses",
        "gauge",
        "How often the active master key has sealed something, with its number as a label."};
    static const struct hg_metric worn = {
        "headgate_vault_key_uses_worn", "gauge", "From how many on it should be rotated."};
    static const struct hg_metric most = {
        "headgate_vault_key_uses_max", "gauge", "How many it may have; further ones are refused."};
    struct hg_vault_state state;
    char kid[16];
    if (hg_vault_look(vault, &state, NULL) < 0) {
        return;
    }
    (void)snprintf(kid, sizeof kid, "%d", (int)state.kid);
    const struct hg_metric_label label = {"key", kid};
    hg_metrics_family(buf, &uses);
    if (state.kid > 0) {
        hg_metrics_sample(buf, &uses, "", &label, 1, (double)state.wraps);
    }
    hg_metrics_single(buf, &worn, (double)HG_WRAPS_WORN);
    hg_metrics_single(buf, &most, (double)HG_WRAPS_MAX);
}

/* ---- what both ways need ---- */

static int name_context(const struct hg_secret_name *name,
                        struct hg_seal_context *ret,
                        struct hg_error *err)
{
    *ret =
        (struct hg_seal_context){.table = name->table, .owner = name->owner, .field = name->field};
    return hg_seal_origins(name->origins, ret->origins, err);
}

static int wrap_error(int r, const struct hg_secret_name *name, struct hg_error *err)
{
    if (r < 0) {
        (void)hg_error_wrap(
            err, "the secret \"%s\" of %s \"%s\"", name->field, name->table, name->owner);
    }
    return r;
}

/* ---- storing ---- */

/* The active key as this transaction holds it; its number and version for the secret. */
struct held_key {
    struct hg_key_row row;
    int64_t version;
};

static int hold_key(struct hg_vault *vault,
                    struct hg_db *db,
                    struct held_key *ret,
                    struct hg_error *err)
{
    for (int i = 0; i < TRIES; i++) {
        HG_CLEANUP(hg_resultp) PGresult *result = NULL;
        int r = hg_db_exec(db, &take_key, NULL, &result, err);
        if (r == HG_OK && PQntuples(result) > 0) {
            ret->version = hg_result_int64(result, 0, "version", 0);
            return hg_vault_read_key(result, 0, &ret->row, err);
        }
        /* There is none yet, or it was put down while this waited for it. */
        r = r < 0 ? r : hg_vault_begin_keys(vault, db, err);
        if (r < 0) {
            return r;
        }
    }
    return hg_error_set(err, HG_ECONFLICT, "the master key changes all the time");
}

static int check_wear(const struct hg_key_row *row, struct hg_error *err)
{
    if (row->wraps > HG_WRAPS_MAX) {
        (void)hg_error_set(err,
                           HG_ECONFLICT,
                           "key %d has sealed as often as is safe, %" PRId64 " times",
                           (int)row->kid,
                           HG_WRAPS_MAX);
        return hg_error_hint(err, "Make a new one: headgate key rotate");
    }
    return HG_OK;
}

/* A secret as it lies in the database. */
struct sealed {
    unsigned char key[HG_SEALED_KEY_BYTES];
    struct hg_buf value;
};

static int seal_with(struct hg_vault *vault,
                     const struct hg_key_row *row,
                     const struct hg_seal_context *context,
                     const void *value,
                     size_t n,
                     struct sealed *ret,
                     struct hg_error *err)
{
    const struct hg_master_key *key = NULL;
    HG_LOCK(&vault->mutex);
    int r = hg_vault_find_key(vault, row, &key, err);
    return r < 0 ? r : hg_seal(key, context, value, n, ret->key, &ret->value, err);
}

static int write_secret(struct hg_db *db,
                        const struct hg_seal_context *context,
                        int32_t kid,
                        const struct sealed *sealed,
                        struct hg_error *err)
{
    HG_CLEANUP(hg_buf_free) struct hg_buf origins = HG_BUF_INIT;
    HG_CLEANUP(hg_buf_free) struct hg_buf key = HG_BUF_INIT;
    HG_CLEANUP(hg_buf_free) struct hg_buf value = HG_BUF_INIT;
    char version_text[24];
    char kid_text[16];
    (void)snprintf(version_text, sizeof version_text, "%" PRId64, context->version);
    (void)snprintf(kid_text, sizeof kid_text, "%d", (int)kid);
    hg_vault_hex(&origins, context->origins, HG_ORIGINS_BYTES);
    hg_vault_hex(&key, sealed->key, HG_SEALED_KEY_BYTES);
    hg_vault_hex(&value, sealed->value.data, sealed->value.len);
    if (hg_buf_failed(&origins) || hg_buf_failed(&key) || hg_buf_failed(&value)) {
        return hg_error_nomem(err);
    }
    const char *const params[] = {context->table,
                                  context->owner,
                                  context->field,
                                  version_text,
                                  kid_text,
                                  hg_buf_text(&origins),
                                  hg_buf_text(&key),
                                  hg_buf_text(&value)};
    return hg_db_exec(db, &put_secret, params, NULL, err);
}

static int put(struct hg_vault *vault,
               struct hg_db *db,
               const struct hg_secret_name *name,
               const void *value,
               size_t n,
               struct hg_error *err)
{
    struct hg_seal_context context;
    struct held_key held = {0};
    struct sealed sealed = {.value = HG_BUF_INIT};
    int r = name_context(name, &context, err);
    r = r < 0 ? r : hold_key(vault, db, &held, err);
    r = r < 0 ? r : check_wear(&held.row, err);
    context.version = held.version;
    r = r < 0 ? r : seal_with(vault, &held.row, &context, value, n, &sealed, err);
    if (r == HG_ENOTFOUND) {
        /* The file lacks the active key. Where nothing is stored at all, another takes its place.
         */
        r = hg_vault_begin_keys(vault, db, err);
        r = r < 0 ? r : hold_key(vault, db, &held, err);
        context.version = held.version;
        r = r < 0 ? r : seal_with(vault, &held.row, &context, value, n, &sealed, err);
    }
    r = r < 0 ? r : write_secret(db, &context, held.row.kid, &sealed, err);
    hg_buf_free(&sealed.value);
    return r;
}

int hg_vault_put(struct hg_vault *vault,
                 struct hg_db *db,
                 const struct hg_secret_name *name,
                 const void *value,
                 size_t n,
                 struct hg_error *err)
{
    int r = HG_OK;
    if (n == 0) {
        r = hg_error_set(err, HG_EINVAL, "it is empty");
    } else if (n > HG_SECRET_MAX) {
        r = hg_error_set(err, HG_ETOOBIG, "it has %zu bytes, at most %d fit", n, HG_SECRET_MAX);
    }
    r = r < 0 ? r : put(vault, db, name, value, n, err);
    return wrap_error(r, name, err);
}

/* ---- opening ---- */

struct stored {
    struct hg_key_row key;
    struct hg_buf sealed_key;
    struct hg_buf sealed_value;
};

static void free_stored(struct stored *stored)
{
    hg_buf_free(&stored->sealed_key);
    hg_buf_free(&stored->sealed_value);
}

static int refuse_origins(struct hg_error *err)
{
    (void)hg_error_set(err, HG_EDATA, "it was stored to be sent to other addresses");
    return hg_error_hint(err, "Enter it again.");
}

static int check_origins(const PGresult *result,
                         const struct hg_seal_context *context,
                         struct hg_error *err)
{
    HG_CLEANUP(hg_buf_free) struct hg_buf origins = HG_BUF_INIT;
    int r = hg_vault_bytes(result, 0, "origins_hash", &origins, err);
    if (r < 0) {
        return r;
    }
    bool same = origins.len == HG_ORIGINS_BYTES &&
                memcmp(origins.data, context->origins, HG_ORIGINS_BYTES) == 0;
    return same ? HG_OK : refuse_origins(err);
}

static int read_stored(struct hg_db *db,
                       struct hg_seal_context *context,
                       struct stored *ret,
                       struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    const char *const params[] = {context->table, context->owner, context->field};
    int r = hg_db_exec(db, &get_secret, params, &result, err);
    if (r < 0) {
        return r;
    }
    if (PQntuples(result) == 0) {
        return hg_error_set(err, HG_ENOTFOUND, "none is stored");
    }
    context->version = hg_result_int64(result, 0, "version", 0);
    r = check_origins(result, context, err);
    r = r < 0 ? r : hg_vault_read_key(result, 0, &ret->key, err);
    r = r < 0 ? r : hg_vault_bytes(result, 0, "sealed_key", &ret->sealed_key, err);
    return r < 0 ? r : hg_vault_bytes(result, 0, "sealed_value", &ret->sealed_value, err);
}

/* *ret_lacks: the file does not have the key. */
static int open_stored(struct hg_vault *vault,
                       const struct stored *stored,
                       const struct hg_seal_context *context,
                       struct hg_secret **ret,
                       bool *ret_lacks,
                       struct hg_error *err)
{
    const struct hg_master_key *key = NULL;
    HG_LOCK(&vault->mutex);
    int r = hg_vault_find_key(vault, &stored->key, &key, err);
    *ret_lacks = r == HG_ENOTFOUND;
    if (r < 0) {
        return r;
    }
    r = hg_unseal(key, context, &stored->sealed_key, &stored->sealed_value, ret, err);
    if (r == HG_EDATA) {
        (void)hg_error_hint(err,
                            "It was changed outside of Headgate, or taken over from elsewhere. "
                            "Enter it again.");
    }
    return r;
}

static int get(struct hg_vault *vault,
               struct hg_db *db,
               struct hg_seal_context *context,
               struct hg_secret **ret,
               struct hg_error *err)
{
    bool lacks = true;
    int r = HG_OK;
    for (int i = 0; i < TRIES && lacks; i++) {
        /* When a rotation took the key away in between, the secret has another one by now. */
        HG_CLEANUP(free_stored)
        struct stored stored = {.sealed_key = HG_BUF_INIT, .sealed_value = HG_BUF_INIT};
        lacks = false;
        r = read_stored(db, context, &stored, err);
        r = r < 0 ? r : open_stored(vault, &stored, context, ret, &lacks, err);
        if (lacks && i == TRIES - 1) {
            return hg_vault_tell_missing(vault, db, &stored.key, err);
        }
    }
    return r;
}

int hg_vault_get(struct hg_vault *vault,
                 struct hg_db *db,
                 const struct hg_secret_name *name,
                 struct hg_secret **ret,
                 struct hg_error *err)
{
    struct hg_seal_context context;
    int r = name_context(name, &context, err);
    r = r < 0 ? r : get(vault, db, &context, ret, err);
    return wrap_error(r, name, err);
}

int hg_vault_delete(
    struct hg_db *db, const char *table, const char *owner, const char *field, struct hg_error *err)
{
    const char *const params[] = {table, owner, field};
    return hg_db_exec(db, &delete_secret, params, NULL, err);
}
