#include "vault/rotate.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "auth/audit.h"
#include "base/fault.h"
#include "vault/internal.h"
#include "vault/key_file.h"
#include "vault/seal.h"
#include "vault/vault_keys.h"

/* Of the advisory lock of a rotation; any number that nobody else uses. */
#define LOCK_KEY "5260129372402"

enum {
    BATCH = 100,
    PASSES_MAX = 100, /* secrets that are written meanwhile have the new key: two will do */
};

static const struct hg_statement take_lock = {
    "rotate_lock", "select pg_try_advisory_lock(" LOCK_KEY ") as locked", 0};

static const struct hg_statement give_lock = {
    "rotate_unlock", "select pg_advisory_unlock(" LOCK_KEY ")", 0};

static const struct hg_statement look = {
    "rotate_look",
    "select (select kid from vault_key where is_active) as active,"
    " exists (select from vault_key where not is_active) as is_half_way,"
    " (select count(*) from host where lease_until > now() and name <> coalesce($1, '')) as"
    " n_others",
    1};

static const struct hg_statement find_active = {
    "rotate_active",
    "select kid, encode(check_value, 'hex') as check_value, wraps from vault_key where is_active",
    0};

static const struct hg_statement count_old = {
    "rotate_count", "select count(*) as n from secret where kid <> $1::integer", 1};

static const struct hg_statement next_batch = {
    "rotate_batch",
    "select owner_table, owner_id, field, version, kid, encode(check_value, 'hex') as check_value,"
    " encode(origins_hash, 'hex') as origins_hash, encode(sealed_key, 'hex') as sealed_key"
    " from secret join vault_key using (kid) where kid <> $1::integer"
    " and (owner_table, owner_id, field) > ($2, $3, $4)"
    " order by owner_table, owner_id, field limit $5::integer",
    5};

/* First, as in every transaction that writes secrets. */
static const struct hg_statement count_wraps = {
    "rotate_wraps", "update vault_key set wraps = wraps + $2::bigint where kid = $1::integer", 2};

/* Only what nobody has written meanwhile. */
static const struct hg_statement write_key = {
    "rotate_write",
    "update secret set kid = $1::integer, sealed_key = decode($2, 'hex')"
    " where owner_table = $3 and owner_id = $4 and field = $5 and version = $6::bigint"
    " and kid = $7::integer",
    7};

static const struct hg_statement forget_old = {
    "rotate_forget",
    "delete from vault_key where not is_active"
    " and not exists (select from secret where secret.kid = vault_key.kid)",
    0};

static const struct hg_statement list_kids = {"rotate_kids", "select kid from vault_key", 0};

struct rotating {
    struct hg_vault *vault;
    struct hg_db *db;
    const struct hg_rotation_options *options;
    struct hg_rotation *state;
    struct hg_key_row target;
    char target_text[16];
};

/* ---- the new key ---- */

/*
 * A key of the file that was never active: prepared, or left by a rotation that was interrupted
 * before. `active` is the number of the active one. Under the mutex.
 */
static const struct hg_master_key *find_prepared(const struct hg_vault *vault, int32_t active)
{
    const struct hg_master_key *newest = hg_keyring_newest(vault->keyring);
    return newest && newest->kid > active ? newest : NULL;
}

static int add_to_file(struct hg_vault *vault, int32_t highest, struct hg_error *err)
{
    const struct hg_master_key *newest = hg_keyring_newest(vault->keyring);
    int32_t kid = (newest && newest->kid > highest ? newest->kid : highest);
    if (kid == INT32_MAX) {
        return hg_error_set(err, HG_ETOOBIG, "there is no number left for another master key");
    }
    int r = hg_keyring_make(vault->keyring, kid + 1, err);
    if (r < 0) {
        return r;
    }
    r = hg_key_file_write(vault->path, vault->keyring, false, err);
    if (r < 0) {
        hg_keyring_drop(vault->keyring, kid + 1);
        (void)hg_error_wrap(err, "the new master key cannot be kept");
        (void)hg_error_hint(err,
                            "Where others keep the file, add the line themselves: a number above "
                            "%d, a blank and what `openssl rand -hex 32` prints. Then rotate.",
                            (int)kid);
    }
    return r;
}

/* *ret is a copy without the key itself. */
static int new_key(struct rotating *rotating,
                   int32_t active,
                   struct hg_master_key *ret,
                   struct hg_error *err)
{
    struct hg_vault *vault = rotating->vault;
    int32_t highest = 0;
    int r = hg_vault_highest_kid(rotating->db, &highest, err);
    if (r < 0) {
        return r;
    }
    HG_LOCK(&vault->mutex);
    r = hg_vault_reload(vault, err);
    if (r == HG_OK && !find_prepared(vault, active)) {
        r = add_to_file(vault, highest, err);
    }
    if (r < 0) {
        return r;
    }
    const struct hg_master_key *key = find_prepared(vault, active);
    if (!key) {
        return hg_error_set(err, HG_EDATA, "the key file has no key above %" PRId32, active);
    }
    ret->kid = key->kid;
    memcpy(ret->check, key->check, HG_CHECK_BYTES);
    return HG_OK;
}

static int is_prepared(struct rotating *rotating, int32_t active, bool *ret, struct hg_error *err)
{
    HG_LOCK(&rotating->vault->mutex);
    int r = hg_vault_reload(rotating->vault, err);
    if (r == HG_OK) {
        *ret = find_prepared(rotating->vault, active) != NULL;
    }
    return r;
}

static int refuse_unprepared(int64_t n_hosts, struct hg_error *err)
{
    (void)hg_error_set(err,
                       HG_ECONFLICT,
                       "%" PRId64 " other host%s on this database, and %s have the new key in the "
                       "file before it is used",
                       n_hosts,
                       n_hosts == 1 ? " is" : "s are",
                       n_hosts == 1 ? "must" : "all must");
    return hg_error_hint(err,
                         "headgate key rotate --prepare, copy the file to each host, then headgate "
                         "key rotate. A host that was killed counts for up to a minute.");
}

static int activate(struct rotating *rotating,
                    const struct hg_master_key *key,
                    struct hg_error *err)
{
    char kid[16];
    (void)snprintf(kid, sizeof kid, "%d", (int)key->kid);
    HG_FAULT("vault.activates");
    int r = hg_db_begin(rotating->db, err);
    r = r < 0 ? r : hg_vault_activate(rotating->db, key, err);
    r = r < 0 ? r
              : hg_audit_write(rotating->db, rotating->options->by, "key.rotate", kid, NULL, err);
    r = r < 0 ? r : hg_db_commit(rotating->db, err);
    if (r < 0) {
        hg_db_rollback(rotating->db);
    }
    HG_FAULT("vault.activated");
    return r;
}

/* Sees to it that the active key is the one that all shall have in the end. */
static int choose_key(struct rotating *rotating, struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    struct hg_master_key key = {0};
    bool prepared = false;
    const char *const params[] = {rotating->vault->host};
    int r = hg_db_exec(rotating->db, &look, params, &result, err);
    if (r < 0) {
        return r;
    }
    int32_t active = (int32_t)hg_result_int64(result, 0, "active", 0);
    int64_t n_others = hg_result_int64(result, 0, "n_others", 0);
    rotating->state->kid = active;
    rotating->state->resumed = active > 0 && hg_result_bool(result, 0, "is_half_way");
    if (active == 0 || (rotating->state->resumed && !rotating->options->only_prepare)) {
        return HG_OK;
    }
    r = is_prepared(rotating, active, &prepared, err);
    if (r == HG_OK && n_others > 0 && !prepared && !rotating->options->only_prepare) {
        r = refuse_unprepared(n_others, err);
    }
    r = r < 0 ? r : new_key(rotating, active, &key, err);
    if (r < 0) {
        return r;
    }
    rotating->state->kid = key.kid;
    rotating->state->prepared = rotating->options->only_prepare;
    return rotating->options->only_prepare ? HG_OK : activate(rotating, &key, err);
}

/* ---- the secrets ---- */

/* One secret's key, sealed anew. */
struct renewed {
    const char *table; /* borrowed from the batch, with the next two */
    const char *owner;
    const char *field;
    const char *version;
    const char *kid;
    bool broken;
    unsigned char sealed_key[HG_SEALED_KEY_BYTES];
};

static int read_context(const PGresult *batch,
                        int row,
                        const struct renewed *renewed,
                        struct hg_seal_context *ret,
                        struct hg_error *err)
{
    HG_CLEANUP(hg_buf_free) struct hg_buf origins = HG_BUF_INIT;
    int r = hg_vault_bytes(batch, row, "origins_hash", &origins, err);
    if (r < 0) {
        return r;
    }
    if (origins.len != HG_ORIGINS_BYTES) {
        return hg_error_set(err, HG_EDATA, "its addresses are not known");
    }
    *ret = (struct hg_seal_context){.table = renewed->table,
                                    .owner = renewed->owner,
                                    .field = renewed->field,
                                    .version = hg_result_int64(batch, row, "version", 0)};
    memcpy(ret->origins, origins.data, HG_ORIGINS_BYTES);
    return HG_OK;
}

/* Both keys are looked up each time: a look-up may read the file anew. */
static int find_both(struct rotating *rotating,
                     const struct hg_key_row *old,
                     const struct hg_master_key **ret_from,
                     const struct hg_master_key **ret_to,
                     struct hg_error *err)
{
    int r = hg_vault_find_key(rotating->vault, old, ret_from, err);
    r = r < 0 ? r : hg_vault_find_key(rotating->vault, &rotating->target, ret_to, err);
    return r < 0 ? r : hg_vault_find_key(rotating->vault, old, ret_from, err);
}

static int reseal(struct rotating *rotating,
                  const PGresult *batch,
                  int row,
                  struct renewed *renewed,
                  struct hg_error *err)
{
    HG_CLEANUP(hg_buf_free) struct hg_buf sealed_key = HG_BUF_INIT;
    struct hg_seal_context context;
    struct hg_key_row old = {0};
    const struct hg_master_key *from = NULL;
    const struct hg_master_key *to = NULL;
    int r = read_context(batch, row, renewed, &context, err);
    r = r < 0 ? r : hg_vault_read_key(batch, row, &old, err);
    r = r < 0 ? r : hg_vault_bytes(batch, row, "sealed_key", &sealed_key, err);
    if (r < 0) {
        return r;
    }
    {
        HG_LOCK(&rotating->vault->mutex);
        r = find_both(rotating, &old, &from, &to, err);
        if (r == HG_OK) {
            return hg_reseal(from, to, &context, &sealed_key, renewed->sealed_key, err);
        }
    }
    if (r == HG_ENOTFOUND) {
        r = hg_vault_tell_missing(
            rotating->vault, rotating->db, from ? &rotating->target : &old, err);
    }
    return r;
}

static void note_broken(struct rotating *rotating, const struct renewed *renewed)
{
    struct hg_rotation *state = rotating->state;
    if (state->n_failed++ == 0) {
        (void)snprintf(state->broken,
                       sizeof state->broken,
                       "\"%s\" of %s \"%s\"",
                       renewed->field,
                       renewed->table,
                       renewed->owner);
    }
}

/* Seals the keys of a batch anew, in memory. *ret_n: how many it worked for. */
static int reseal_batch(struct rotating *rotating,
                        const PGresult *batch,
                        struct renewed *renewed,
                        int *ret_n,
                        struct hg_error *err)
{
    *ret_n = 0;
    for (int i = 0; i < PQntuples(batch); i++) {
        struct renewed *one = &renewed[i];
        *one = (struct renewed){.table = hg_result_text(batch, i, "owner_table"),
                                .owner = hg_result_text(batch, i, "owner_id"),
                                .field = hg_result_text(batch, i, "field"),
                                .version = hg_result_text(batch, i, "version"),
                                .kid = hg_result_text(batch, i, "kid")};
        int r = reseal(rotating, batch, i, one, err);
        if (r == HG_EDATA) {
            /* One that is broken keeps no other from the new key. */
            one->broken = true;
            note_broken(rotating, one);
        } else if (r < 0) {
            return r;
        } else {
            ++*ret_n;
        }
    }
    return HG_OK;
}

static int write_one(struct rotating *rotating, const struct renewed *renewed, struct hg_error *err)
{
    HG_CLEANUP(hg_buf_free) struct hg_buf key = HG_BUF_INIT;
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    hg_vault_hex(&key, renewed->sealed_key, HG_SEALED_KEY_BYTES);
    if (hg_buf_failed(&key)) {
        return hg_error_nomem(err);
    }
    const char *const params[] = {rotating->target_text,
                                  hg_buf_text(&key),
                                  renewed->table,
                                  renewed->owner,
                                  renewed->field,
                                  renewed->version,
                                  renewed->kid};
    return hg_db_exec(rotating->db, &write_key, params, &result, err);
}

static int write_batch(struct rotating *rotating,
                       const struct renewed *renewed,
                       int n_rows,
                       int n_wraps,
                       struct hg_error *err)
{
    char wraps[16];
    const char *const params[] = {rotating->target_text, wraps};
    (void)snprintf(wraps, sizeof wraps, "%d", n_wraps);
    int r = hg_db_begin(rotating->db, err);
    r = r < 0 ? r : hg_db_exec(rotating->db, &count_wraps, params, NULL, err);
    for (int i = 0; r == HG_OK && i < n_rows; i++) {
        r = renewed[i].broken ? HG_OK : write_one(rotating, &renewed[i], err);
    }
    HG_FAULT("vault.rewraps");
    r = r < 0 ? r : hg_db_commit(rotating->db, err);
    if (r < 0) {
        hg_db_rollback(rotating->db);
    }
    HG_FAULT("vault.rewrapped");
    return r;
}

static int count_left(struct rotating *rotating, int64_t *ret, struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    const char *const params[] = {rotating->target_text};
    int r = hg_db_exec(rotating->db, &count_old, params, &result, err);
    if (r == HG_OK) {
        *ret = hg_result_int64(result, 0, "n", 0);
    }
    return r;
}

/* All secrets with an older key, once. */
static int pass(struct rotating *rotating, struct renewed *renewed, struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *batch = NULL;
    const char *after[3] = {"", "", ""};
    char limit[16];
    int r = HG_OK;
    int n_rows = BATCH;
    rotating->state->n_failed = 0;
    (void)snprintf(limit, sizeof limit, "%d", BATCH);
    while (r == HG_OK && n_rows == BATCH) {
        PGresult *next = NULL;
        int n_wraps = 0;
        const char *const params[] = {rotating->target_text, after[0], after[1], after[2], limit};
        r = hg_db_exec(rotating->db, &next_batch, params, &next, err);
        PQclear(batch); /* `after` is of it */
        batch = next;
        n_rows = r == HG_OK ? PQntuples(batch) : 0;
        r = r < 0 ? r : reseal_batch(rotating, batch, renewed, &n_wraps, err);
        if (r == HG_OK && n_wraps > 0) {
            r = write_batch(rotating, renewed, n_rows, n_wraps, err);
        }
        if (r == HG_OK && n_rows > 0) {
            after[0] = renewed[n_rows - 1].table;
            after[1] = renewed[n_rows - 1].owner;
            after[2] = renewed[n_rows - 1].field;
            rotating->state->n_done += n_wraps;
            if (rotating->options->on_progress) {
                rotating->options->on_progress(rotating->options->arg, rotating->state);
            }
        }
    }
    return r;
}

static int renew_secrets(struct rotating *rotating, struct hg_error *err)
{
    HG_CLEANUP(hg_freep) struct renewed *renewed = calloc(BATCH, sizeof *renewed);
    int64_t n_left = 0;
    if (!renewed) {
        return hg_error_nomem(err);
    }
    int r = count_left(rotating, &n_left, err);
    rotating->state->n_total = n_left;
    for (int i = 0; r == HG_OK && n_left > rotating->state->n_failed; i++) {
        if (i == PASSES_MAX) {
            return hg_error_set(err,
                                HG_ECONFLICT,
                                "%" PRId64 " secret%s still an older key",
                                n_left,
                                n_left == 1 ? " has" : "s have");
        }
        r = pass(rotating, renewed, err);
        r = r < 0 ? r : count_left(rotating, &n_left, err);
    }
    return r;
}

/* ---- the old key ---- */

static bool is_in_use(const PGresult *kids, int32_t kid)
{
    for (int i = 0; i < PQntuples(kids); i++) {
        if (hg_result_int64(kids, i, "kid", 0) == kid) {
            return true;
        }
    }
    return false;
}

/* Takes the keys out that the database no longer knows; those above were prepared. */
static int clean_file(struct rotating *rotating, const PGresult *kids, struct hg_error *err)
{
    struct hg_vault *vault = rotating->vault;
    bool changed = false;
    HG_LOCK(&vault->mutex);
    int r = hg_vault_reload(vault, err);
    for (size_t i = r < 0 ? 0 : vault->keyring->n; i > 0; i--) {
        int32_t kid = vault->keyring->keys[i - 1].kid;
        if (kid < rotating->target.kid && !is_in_use(kids, kid)) {
            hg_keyring_drop(vault->keyring, kid);
            changed = true;
        }
    }
    return r < 0 || !changed ? r : hg_key_file_write(vault->path, vault->keyring, false, err);
}

static int retire(struct rotating *rotating, struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *kids = NULL;
    HG_FAULT("vault.retires");
    int r = hg_db_exec(rotating->db, &forget_old, NULL, NULL, err);
    r = r < 0 ? r : hg_db_exec(rotating->db, &list_kids, NULL, &kids, err);
    HG_FAULT("vault.retired");
    if (r < 0) {
        return r;
    }
    /* The rotation is over: that the file cannot be written takes nothing of it back. */
    rotating->state->why = (struct hg_error)HG_ERROR_INIT;
    rotating->state->old_stays = clean_file(rotating, kids, &rotating->state->why) < 0;
    return HG_OK;
}

static int tell_broken(const struct hg_rotation *state, struct hg_error *err)
{
    (void)hg_error_set(err,
                       HG_EDATA,
                       "all secrets have key %d but %" PRId64 " whose seal is broken: %s%s",
                       (int)state->kid,
                       state->n_failed,
                       state->broken,
                       state->n_failed > 1 ? " and others" : "");
    return hg_error_hint(
        err, "Enter them again or remove them, then run this again: until then the old key stays.");
}

/* ---- all of it ---- */

static int read_target(struct rotating *rotating, struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    int r = hg_db_exec(rotating->db, &find_active, NULL, &result, err);
    if (r == HG_OK && PQntuples(result) == 0) {
        r = hg_error_set(err, HG_ECONFLICT, "the master key was taken away meanwhile");
    }
    r = r < 0 ? r : hg_vault_read_key(result, 0, &rotating->target, err);
    (void)snprintf(
        rotating->target_text, sizeof rotating->target_text, "%d", (int)rotating->target.kid);
    return r;
}

static int rotate(struct rotating *rotating, struct hg_error *err)
{
    /* Before a new key is active: a secret that no key opens would hold it up for ever. */
    int r = hg_vault_check_keys(rotating->vault, rotating->db, err);
    r = r < 0 ? r : choose_key(rotating, err);
    if (r < 0 || rotating->state->kid == 0 || rotating->state->prepared) {
        return r;
    }
    r = read_target(rotating, err);
    r = r < 0 ? r : renew_secrets(rotating, err);
    r = r < 0 ? r : retire(rotating, err);
    return r < 0 || rotating->state->n_failed == 0 ? r : tell_broken(rotating->state, err);
}

/* The lock is the session's, so that it goes with a connection that breaks. */
static int lock(struct hg_db *db, struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    int r = hg_db_exec(db, &take_lock, NULL, &result, err);
    if (r == HG_OK && !hg_result_bool(result, 0, "locked")) {
        r = hg_error_set(err, HG_ECONFLICT, "the master key is being rotated already");
    }
    return r;
}

int hg_vault_rotate(struct hg_vault *vault,
                    const struct hg_rotation_options *options,
                    struct hg_rotation *ret,
                    struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    struct hg_rotation state = {0};
    int r = hg_pool_borrow(vault->metadata, HG_BORROW_MS, &db, err);
    r = r < 0 ? r : lock(db, err);
    if (r < 0) {
        return r;
    }
    struct rotating rotating = {.vault = vault, .db = db, .options = options, .state = &state};
    r = rotate(&rotating, err);
    if (hg_db_exec(db, &give_lock, NULL, NULL, NULL) < 0) {
        hg_db_spoil(db); /* the lock goes with the connection */
    }
    if (r == HG_OK || state.n_failed > 0) {
        *ret = state;
    }
    return r;
}
