#include "alerts/file_channels.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "alerts/channel_rules.h"
#include "alerts/post.h"
#include "alerts/state.h"
#include "auth/audit.h"
#include "auth/principal.h"
#include "base/uuid.h"
#include "store/array.h"

/* Hosts that apply their files at once follow each other. */
static const struct hg_statement lock_all = {
    "file_channel_lock_all", "select pg_advisory_xact_lock(5260129372411)", 0};

static const struct hg_statement lock_one = {
    "file_channel_lock",
    "select id, kind, enabled, file, config = $2::jsonb as same_config from alert_channel"
    " where name = $1 for update",
    2};

static const struct hg_statement add = {
    "file_channel_add",
    "insert into alert_channel (id, name, kind, config, enabled, origin, file)"
    " values ($1, $2, $3, $4, $5::boolean, 'file', $6)",
    6};

static const struct hg_statement update = {
    "file_channel_update",
    "update alert_channel set kind = $2, config = $3, enabled = $4::boolean, origin = 'file',"
    " file = $5, version = version + 1, failures = 0, retry_at = null where id = $1::uuid",
    5};

static const struct hg_statement end_pending = {
    "file_channel_end_pending",
    "update alert_delivery set status = 'failed', next_at = null, error = $2"
    " where channel_id = any($1::uuid[]) and status = 'pending'",
    2};

static const struct hg_statement disable_gone = {
    "file_channel_disable_gone",
    "update alert_channel set enabled = false, file = null, version = version + 1"
    " where file is not null and not name = any($1::text[]) returning id, name",
    1};

/* ---- rules ---- */

int hg_file_channel_check(const struct hg_host_config *config,
                          const struct hg_file_channel *channel,
                          struct hg_error *err)
{
    char origin[HG_ORIGIN_TEXT];
    int r = hg_channel_check_new(config, &channel->wish, origin, err);
    if (r == HG_OK && strcmp(channel->wish.kind, "webhook") == 0 && !channel->wish.secret) {
        (void)hg_error_set(err, HG_EINVAL, "\"secret\" is missing");
        (void)hg_error_hint(err,
                            "whsec_ and base64, as ${NAME} or ${file:PATH}: what it signs with.");
        return hg_error_at(err, "/secret");
    }
    return r;
}

/* ---- applying ---- */

/* What is to become of one channel. */
struct change {
    const struct hg_file_channel *channel;
    char id[HG_UUID_TEXT];
    char origin[HG_ORIGIN_TEXT]; /* of its URL; "" for mail */
    char *config;
    const char *action; /* for the audit log; NULL: all is as it should be */
    json_t *fields;
};

struct work {
    struct hg_alerts *alerts;
    struct hg_db *db;
    struct change *changes; /* n */
    size_t n;
    PGresult *gone;
};

static void free_work(struct work *work)
{
    for (size_t i = 0; work->changes && i < work->n; i++) {
        free(work->changes[i].config);
        json_decref(work->changes[i].fields);
    }
    free(work->changes);
    hg_resultp(&work->gone);
    hg_db_return(work->db);
}

static int note(struct change *change, const char *field, bool differs, struct hg_error *err)
{
    return differs && json_object_set_new(change->fields, field, json_true()) < 0
               ? hg_error_nomem(err)
               : HG_OK;
}

/* One of its secrets; `may_be_same`: where it goes has not changed, so look whether it has. */
static int put_secret(struct work *work,
                      struct change *change,
                      const char *field,
                      const char *value,
                      bool may_be_same,
                      struct hg_error *err)
{
    const char *const origins[] = {change->origin, NULL};
    const struct hg_secret_name name = {HG_CHANNEL_TABLE, change->id, field, origins};
    HG_CLEANUP(hg_secret_freep) struct hg_secret *present = NULL;
    struct hg_vault *vault = work->alerts->options.vault;
    struct hg_error why = HG_ERROR_INIT;
    if (!value) {
        return HG_OK;
    }
    size_t n = strlen(value);
    int r = may_be_same ? hg_vault_get(vault, work->db, &name, &present, &why) : HG_ENOTFOUND;
    if (r == HG_OK && present->n == n && CRYPTO_memcmp(present->value, value, n) == 0) {
        return HG_OK;
    }
    /* One that cannot be opened is put anew. */
    if (r < 0 && r != HG_ENOTFOUND && r != HG_EDATA) {
        hg_error_copy(err, &why);
        return r;
    }
    r = note(change, field, true, err);
    return r < 0 ? r : hg_vault_put(vault, work->db, &name, value, n, err);
}

static int put_secrets(struct work *work,
                       struct change *change,
                       bool may_be_same,
                       struct hg_error *err)
{
    const struct hg_channel_wish *wish = &change->channel->wish;
    int r = put_secret(work, change, HG_CHANNEL_URL, wish->url, may_be_same, err);
    return r < 0 ? r : put_secret(work, change, HG_CHANNEL_SECRET, wish->secret, may_be_same, err);
}

static const char *enabled_of(const struct hg_channel_wish *wish)
{
    return wish->enabled && !*wish->enabled ? "false" : "true";
}

static int make_one(struct work *work, struct change *change, struct hg_error *err)
{
    const struct hg_channel_wish *wish = &change->channel->wish;
    int r = hg_uuid_new(change->id, err);
    const char *const params[] = {change->id,
                                  wish->name,
                                  wish->kind,
                                  change->config,
                                  enabled_of(wish),
                                  change->channel->file};
    r = r < 0 ? r : hg_db_exec(work->db, &add, params, NULL, err);
    r = r < 0 ? r : put_secrets(work, change, false, err);
    (void)json_object_clear(change->fields); /* all of it is new, which goes without saying */
    change->action = "alert_channel.create";
    return r;
}

static int end_one(struct work *work, const struct change *change, struct hg_error *err)
{
    HG_CLEANUP(hg_buf_free) struct hg_buf ids = HG_BUF_INIT;
    hg_array_put(&ids, change->id);
    const char *const params[] = {hg_array_text(&ids), "the channel was switched off"};
    return params[0] ? hg_db_exec(work->db, &end_pending, params, NULL, err) : hg_error_nomem(err);
}

/* What of a row is not as the file says. */
static int change_one(struct work *work,
                      struct change *change,
                      const PGresult *row,
                      struct hg_error *err)
{
    const struct hg_channel_wish *wish = &change->channel->wish;
    const char *file = hg_result_text(row, 0, "file");
    const char *enabled = enabled_of(wish);
    bool same_kind = strcmp(hg_result_text(row, 0, "kind"), wish->kind) == 0;
    bool same_config = hg_result_bool(row, 0, "same_config");
    bool was_enabled = hg_result_bool(row, 0, "enabled");
    bool is_enabled = strcmp(enabled, "true") == 0;
    bool same = same_kind && same_config;
    (void)snprintf(change->id, sizeof change->id, "%s", hg_result_text(row, 0, "id"));
    int r = same ? HG_OK : hg_vault_delete(work->db, HG_CHANNEL_TABLE, change->id, NULL, err);
    r = r < 0 ? r : put_secrets(work, change, same, err);
    r = r < 0 ? r : note(change, "kind", !same_kind, err);
    r = r < 0 ? r : note(change, wish->to ? "to" : "url", !same_config, err);
    r = r < 0 ? r : note(change, "enabled", was_enabled != is_enabled, err);
    r = r < 0 ? r : note(change, "origin", !file, err);
    r = r < 0 ? r : note(change, "file", file && strcmp(file, change->channel->file) != 0, err);
    if (r < 0 || json_object_size(change->fields) == 0) {
        return r;
    }
    const char *const params[] = {
        change->id, wish->kind, change->config, enabled, change->channel->file};
    change->action = "alert_channel.update";
    r = is_enabled || !was_enabled ? HG_OK : end_one(work, change, err);
    return r < 0 ? r : hg_db_exec(work->db, &update, params, NULL, err);
}

static int put_one(struct work *work, struct change *change, struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *row = NULL;
    const struct hg_channel_wish *wish = &change->channel->wish;
    int r = hg_channel_check_new(work->alerts->options.config, wish, change->origin, err);
    if (r < 0) {
        return r;
    }
    change->config = hg_channel_config_text(wish, change->origin);
    change->fields = json_object();
    const char *const params[] = {wish->name, change->config};
    r = change->config && change->fields ? hg_db_exec(work->db, &lock_one, params, &row, err)
                                         : hg_error_nomem(err);
    if (r < 0) {
        return r;
    }
    return PQntuples(row) > 0 ? change_one(work, change, row, err) : make_one(work, change, err);
}

static int disable(struct work *work, struct hg_error *err)
{
    HG_CLEANUP(hg_buf_free) struct hg_buf names = HG_BUF_INIT;
    HG_CLEANUP(hg_buf_free) struct hg_buf ids = HG_BUF_INIT;
    for (size_t i = 0; i < work->n; i++) {
        hg_array_put(&names, work->changes[i].channel->wish.name);
    }
    const char *const of_files[] = {hg_array_text(&names)};
    int r = of_files[0] ? hg_db_exec(work->db, &disable_gone, of_files, &work->gone, err)
                        : hg_error_nomem(err);
    for (int i = 0; r == HG_OK && i < PQntuples(work->gone); i++) {
        hg_array_put(&ids, hg_result_text(work->gone, i, "id"));
    }
    const char *const params[] = {hg_array_text(&ids),
                                  "the channel's entry in the host's files is gone"};
    r = r < 0 || params[0] ? r : hg_error_nomem(err);
    return r < 0 ? r : hg_db_exec(work->db, &end_pending, params, NULL, err);
}

/* Rows of the audit log come last: auth/audit.h. */
static int audit(const struct work *work, struct hg_error *err)
{
    const struct hg_principal by = hg_principal_file();
    HG_CLEANUP(hg_json_decrefp) json_t *disabled = json_pack("{s:b}", "enabled", 1);
    int r = disabled ? HG_OK : hg_error_nomem(err);
    for (size_t i = 0; r == HG_OK && i < work->n; i++) {
        const struct change *change = &work->changes[i];
        const char *name = change->channel->wish.name;
        r = change->action
                ? hg_audit_write(work->db, &by, change->action, name, change->fields, err)
                : HG_OK;
    }
    for (int i = 0; r == HG_OK && i < PQntuples(work->gone); i++) {
        const char *name = hg_result_text(work->gone, i, "name");
        r = hg_audit_write(work->db, &by, "alert_channel.update", name, disabled, err);
    }
    return r;
}

int hg_file_channels_apply(struct hg_alerts *alerts,
                           const struct hg_file_channel *channels,
                           size_t n,
                           struct hg_error *err)
{
    HG_CLEANUP(free_work)
    struct work work = {.alerts = alerts, .changes = calloc(n + 1, sizeof *work.changes), .n = n};
    int r = work.changes ? hg_pool_borrow(alerts->options.metadata, HG_BORROW_MS, &work.db, err)
                         : hg_error_nomem(err);
    r = r < 0 ? r : hg_db_begin(work.db, err);
    r = r < 0 ? r : hg_db_exec(work.db, &lock_all, NULL, NULL, err);
    for (size_t i = 0; i < n && work.changes; i++) {
        work.changes[i].channel = &channels[i];
    }
    for (size_t i = 0; r == HG_OK && i < n; i++) {
        r = put_one(&work, &work.changes[i], err);
    }
    r = r < 0 ? r : disable(&work, err);
    r = r < 0 ? r : audit(&work, err);
    r = r < 0 ? r : hg_db_commit(work.db, err);
    if (r == HG_OK) {
        hg_alerts_wake(alerts);
    }
    return r;
}
