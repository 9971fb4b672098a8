/*
 * Channels. Whatever of them can be a secret, the address too, is in the vault; what the row says
 * of the address is its origin, which the secrets are bound to.
 */
#include <stdio.h>
#include <string.h>

#include "alerts/channel_rules.h"
#include "alerts/deliver.h"
#include "alerts/post.h"
#include "alerts/sign.h"
#include "alerts/state.h"
#include "auth/audit.h"
#include "auth/principal.h"
#include "base/etag.h"
#include "base/mail.h"
#include "base/str.h"
#include "base/time.h"
#include "net/url.h"
#include "store/sql_time.h"

/* clang-format off */

#define CHANNEL_JSON                                                                               \
    "json_build_object('id', c.id, 'name', c.name, 'kind', c.kind, 'target', c.config->>'origin',"\
    " 'to', c.config->'to'," \
    " 'enabled', c.enabled, 'failures', c.failures, 'retry_at', " HG_SQL_TIME("c.retry_at") ","   \
    " 'last_sent_at', (select " HG_SQL_TIME("max(d.sent_at)") " from alert_delivery d"            \
    " where d.channel_id = c.id and d.status = 'sent'),"                                           \
    " 'origin', c.origin, 'file', c.file,"                                                         \
    " 'created_at', " HG_SQL_TIME("c.created_at") ") as item, format('\"%s\"', c.version) as etag,"  \
    " c.name, c.kind, c.config, c.file"

static const struct hg_statement list = {
    "channel_list",
    "select c.name as cursor_key, " CHANNEL_JSON " from alert_channel c"
    " where $1::text is null or c.name > $1 order by c.name limit $2::int + 1",
    2};

static const struct hg_statement names = {"channel_names", "select name from alert_channel", 0};

static const struct hg_statement get = {
    "channel_get", "select " CHANNEL_JSON " from alert_channel c where c.id = $1::uuid", 1};

static const struct hg_statement add = {
    "channel_add",
    "insert into alert_channel as c (id, name, kind, config, enabled)"
    " values ($1, $2, $3, $4, $5::boolean) on conflict (name) do nothing returning " CHANNEL_JSON,
    5};

static const struct hg_statement lock_one = {
    "channel_lock",
    "select " CHANNEL_JSON " from alert_channel c where c.id = $1::uuid for update",
    1};

static const struct hg_statement is_taken = {
    "channel_is_taken", "select from alert_channel where name = $2 and id <> $1::uuid", 2};

/*
 * What it was told is no news of where it is now: it is tried at once. One whose entry in a file is
 * gone is the API's from its first change on.
 */
static const struct hg_statement update = {
    "channel_update",
    "update alert_channel c set name = coalesce($2, name), enabled = coalesce($3::boolean, enabled),"
    " config = coalesce($4::jsonb, config), version = version + 1, failures = 0, retry_at = null,"
    " origin = 'api'"
    " where c.id = $1::uuid returning " CHANNEL_JSON,
    4};

static const struct hg_statement delete_one = {
    "channel_delete", "delete from alert_channel where id = $1::uuid", 1};

static const struct hg_statement end_pending = {
    "channel_end_pending",
    "update alert_delivery set status = 'failed', next_at = null, error = $2"
    " where channel_id = $1::uuid and status = 'pending'",
    2};

static const struct hg_statement add_test = {
    "channel_add_test",
    "with a as (insert into alert (id, type, summary, detail) values ($1, 'test', $2, '{}')"
    " returning id) insert into alert_delivery (id, alert_id, channel_id, channel, kind, status,"
    " attempts, sent_at, http_status, error)"
    " select $3, a.id, $4::uuid, $5, $6, case when $8::text is null then 'sent' else 'failed' end, 1,"
    " case when $8::text is null then now() end, $7::int, $8 from a",
    8};

/* clang-format on */

static int begin(struct hg_alerts *alerts, struct hg_db **ret, struct hg_error *err)
{
    int r = hg_pool_borrow(alerts->options.metadata, HG_BORROW_MS, ret, err);
    return r < 0 ? r : hg_db_begin(*ret, err);
}

static int no_channel(const char *id, struct hg_error *err)
{
    return hg_error_set(err, HG_ENOTFOUND, "there is no alert channel %.64s", id);
}

static int take(const PGresult *result,
                json_t **ret,
                char ret_etag[HG_CHANNEL_ETAG],
                struct hg_error *err)
{
    json_t *item = hg_result_json(result, 0, "item");
    if (!item) {
        return hg_error_nomem(err);
    }
    (void)snprintf(ret_etag, HG_CHANNEL_ETAG, "%s", hg_result_text(result, 0, "etag"));
    *ret = item;
    return HG_OK;
}

/* ---- reading ---- */

int hg_channel_list(struct hg_alerts *alerts,
                    const struct hg_page *page,
                    json_t **ret,
                    struct hg_error *err)
{
    const struct hg_page_query query = {.pool = alerts->options.metadata,
                                        .wait_ms = HG_BORROW_MS,
                                        .list = &list,
                                        .is_key = hg_is_slug};
    return hg_page_ask(&query, page, ret, err);
}

int hg_channel_names_on(struct hg_db *db, json_t **ret, struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    HG_CLEANUP(hg_json_decrefp) json_t *found = json_object();
    int r = found ? hg_db_exec(db, &names, NULL, &result, err) : hg_error_nomem(err);
    for (int i = 0; r == HG_OK && i < PQntuples(result); i++) {
        if (json_object_set_new(found, PQgetvalue(result, i, 0), json_true()) < 0) {
            r = hg_error_nomem(err);
        }
    }
    if (r == HG_OK) {
        *ret = HG_TAKE(found);
    }
    return r;
}

int hg_channel_names(struct hg_alerts *alerts, json_t **ret, struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    int r = hg_pool_borrow(alerts->options.metadata, HG_BORROW_MS, &db, err);
    return r < 0 ? r : hg_channel_names_on(db, ret, err);
}

/* The row of a channel by a statement that takes its id. */
static int find(struct hg_db *db,
                const struct hg_statement *statement,
                const char *id,
                PGresult **ret,
                struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    const char *const params[] = {id};
    if (!hg_uuid_is_valid(id)) {
        return no_channel(id, err);
    }
    int r = hg_db_exec(db, statement, params, &result, err);
    if (r == HG_OK && PQntuples(result) == 0) {
        return no_channel(id, err);
    }
    if (r == HG_OK) {
        *ret = HG_TAKE(result);
    }
    return r;
}

int hg_channel_get(struct hg_alerts *alerts,
                   const char *id,
                   json_t **ret,
                   char ret_etag[HG_CHANNEL_ETAG],
                   struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    int r = hg_pool_borrow(alerts->options.metadata, HG_BORROW_MS, &db, err);
    r = r < 0 ? r : find(db, &get, id, &result, err);
    return r < 0 ? r : take(result, ret, ret_etag, err);
}

/* ---- making ---- */

static int put(struct hg_alerts *alerts,
               struct hg_db *db,
               const char *id,
               const char *origin,
               const char *field,
               const char *value,
               struct hg_error *err)
{
    const char *const origins[] = {origin, NULL};
    const struct hg_secret_name name = {HG_CHANNEL_TABLE, id, field, origins};
    return value ? hg_vault_put(alerts->options.vault, db, &name, value, strlen(value), err)
                 : HG_OK;
}

static int insert(struct hg_alerts *alerts,
                  const struct hg_principal *by,
                  const struct hg_channel_wish *wish,
                  const char *origin,
                  const char *secret,
                  PGresult **ret,
                  struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    HG_CLEANUP(hg_resultp) PGresult *row = NULL;
    HG_CLEANUP(hg_freep) char *text = hg_channel_config_text(wish, origin);
    char id[HG_UUID_TEXT];
    const char *enabled = wish->enabled && !*wish->enabled ? "false" : "true";
    const char *const params[] = {id, wish->name, wish->kind, text, enabled};
    int r = text ? hg_uuid_new(id, err) : hg_error_nomem(err);
    r = r < 0 ? r : begin(alerts, &db, err);
    r = r < 0 ? r : hg_db_exec(db, &add, params, &row, err);
    if (r == HG_OK && PQntuples(row) == 0) {
        (void)hg_error_set(err, HG_EEXIST, "there is an alert channel \"%s\" already", wish->name);
        return hg_error_at(err, "/name");
    }
    r = r < 0 ? r : put(alerts, db, id, origin, HG_CHANNEL_URL, wish->url, err);
    r = r < 0 ? r : put(alerts, db, id, origin, HG_CHANNEL_SECRET, secret, err);
    r = r < 0 ? r : hg_audit_write(db, by, "alert_channel.create", wish->name, NULL, err);
    r = r < 0 ? r : hg_db_commit(db, err);
    if (r == HG_OK) {
        *ret = HG_TAKE(row);
    }
    return r;
}

int hg_channel_create(struct hg_alerts *alerts,
                      const struct hg_principal *by,
                      const struct hg_channel_wish *wish,
                      json_t **ret,
                      char ret_etag[HG_CHANNEL_ETAG],
                      struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *row = NULL;
    HG_CLEANUP(hg_json_decrefp) json_t *item = NULL;
    char origin[HG_ORIGIN_TEXT] = "";
    char made[HG_SIGN_SECRET_TEXT] = "";
    int r = hg_channel_check_new(alerts->options.config, wish, origin, err);
    bool signs = r == HG_OK && strcmp(wish->kind, "webhook") == 0;
    if (signs && !wish->secret) {
        r = hg_sign_new_secret(made, err);
    }
    const char *secret = signs ? (wish->secret ? wish->secret : made) : NULL;
    r = r < 0 ? r : insert(alerts, by, wish, origin, secret, &row, err);
    r = r < 0 ? r : take(row, &item, ret_etag, err);
    if (r == HG_OK && secret && json_object_set_new(item, "secret", json_string(secret)) < 0) {
        r = hg_error_nomem(err);
    }
    hg_secret_wipe(made, sizeof made);
    if (r == HG_OK) {
        *ret = HG_TAKE(item);
    }
    return r;
}

/* ---- changing ---- */

static int is_of_file(const PGresult *row, struct hg_error *err)
{
    (void)hg_error_set(err,
                       HG_ECONFLICT,
                       "the alert channel \"%s\" comes from the host's file %s",
                       hg_result_text(row, 0, "name"),
                       hg_result_text(row, 0, "file"));
    return hg_error_hint(err, "Change it there, then send the host SIGHUP.");
}

/* Locks it; HG_ECONFLICT where a file has it, and with *ret_stale where `if_match` does not fit. */
static int lock(struct hg_db *db,
                const char *id,
                const char *if_match,
                PGresult **ret,
                bool *ret_stale,
                struct hg_error *err)
{
    int r = find(db, &lock_one, id, ret, err);
    if (r == HG_OK && hg_result_text(*ret, 0, "file")) {
        return is_of_file(*ret, err);
    }
    const char *etag = r == HG_OK ? hg_result_text(*ret, 0, "etag") : NULL;
    return r < 0 ? r : hg_etag_check(if_match, etag, "the channel", ret_stale, err);
}

static int check_free(struct hg_db *db, const char *id, const char *name, struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *other = NULL;
    const char *const params[] = {id, name};
    int r = name ? hg_db_exec(db, &is_taken, params, &other, err) : HG_OK;
    if (r == HG_OK && other && PQntuples(other) > 0) {
        (void)hg_error_set(err, HG_EEXIST, "there is an alert channel \"%s\" already", name);
        return hg_error_at(err, "/name");
    }
    return r;
}

/*
 * Where the new URL has another origin, the secret to sign with must come with it: else whoever may
 * change channels could have things signed for whom they are not meant.
 */
static int check_move(const PGresult *row,
                      const struct hg_channel_wish *wish,
                      const char *old_origin,
                      const char *origin,
                      struct hg_error *err)
{
    bool signs = strcmp(hg_result_text(row, 0, "kind"), "webhook") == 0;
    if (strcmp(origin, old_origin) == 0 || wish->secret || !signs) {
        return HG_OK;
    }
    (void)hg_error_set(
        err, HG_EINVAL, "the new URL has another origin, which the secret does not go with");
    (void)hg_error_hint(err, "Give a \"secret\" too.");
    return hg_error_at(err, "/secret");
}

static json_t *changed_fields(const struct hg_channel_wish *wish)
{
    json_t *changed = json_object();
    int failed = changed ? 0 : -1;
    failed |= wish->name ? json_object_set_new(changed, "name", json_true()) : 0;
    failed |= wish->url ? json_object_set_new(changed, "url", json_true()) : 0;
    failed |= wish->to ? json_object_set_new(changed, "to", json_true()) : 0;
    failed |= wish->secret ? json_object_set_new(changed, "secret", json_true()) : 0;
    failed |= wish->enabled ? json_object_set_new(changed, "enabled", json_true()) : 0;
    if (failed < 0) {
        json_decref(changed);
        return NULL;
    }
    return changed;
}

static int write_change(struct hg_alerts *alerts,
                        struct hg_db *db,
                        const char *id,
                        const struct hg_channel_wish *wish,
                        const char *origin,
                        PGresult **ret,
                        struct hg_error *err)
{
    HG_CLEANUP(hg_freep) char *text = hg_channel_config_text(wish, origin);
    bool moves = wish->url || wish->to;
    const char *enabled = !wish->enabled ? NULL : *wish->enabled ? "true" : "false";
    const char *const params[] = {id, wish->name, enabled, moves ? text : NULL};
    const char *const off[] = {id, "the channel was switched off"};
    int r =
        text ? put(alerts, db, id, origin, HG_CHANNEL_URL, wish->url, err) : hg_error_nomem(err);
    r = r < 0 ? r : put(alerts, db, id, origin, HG_CHANNEL_SECRET, wish->secret, err);
    r = r < 0 || !wish->enabled || *wish->enabled ? r
                                                  : hg_db_exec(db, &end_pending, off, NULL, err);
    return r < 0 ? r : hg_db_exec(db, &update, params, ret, err);
}

static int change(struct hg_alerts *alerts,
                  struct hg_db *db,
                  const char *id,
                  const struct hg_channel_wish *wish,
                  const PGresult *row,
                  PGresult **ret,
                  struct hg_error *err)
{
    HG_CLEANUP(hg_json_decrefp) json_t *config = hg_result_json(row, 0, "config");
    const char *kind = hg_result_text(row, 0, "kind");
    char old_origin[HG_ORIGIN_TEXT];
    char origin[HG_ORIGIN_TEXT];
    if (!config) {
        return hg_error_nomem(err);
    }
    const char *text = json_string_value(json_object_get(config, "origin"));
    (void)snprintf(old_origin, sizeof old_origin, "%s", text ? text : "");
    (void)snprintf(origin, sizeof origin, "%s", old_origin);
    int r = hg_channel_check_change(kind, wish, origin, err);
    r = r < 0 ? r : check_free(db, id, wish->name, err);
    r = r < 0 ? r : check_move(row, wish, old_origin, origin, err);
    return r < 0 ? r : write_change(alerts, db, id, wish, origin, ret, err);
}

int hg_channel_update(struct hg_alerts *alerts,
                      const struct hg_principal *by,
                      const char *id,
                      const struct hg_channel_wish *wish,
                      json_t **ret,
                      char ret_etag[HG_CHANNEL_ETAG],
                      bool *ret_stale,
                      struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    HG_CLEANUP(hg_resultp) PGresult *before = NULL;
    HG_CLEANUP(hg_resultp) PGresult *after = NULL;
    HG_CLEANUP(hg_json_decrefp) json_t *changed = changed_fields(wish);
    int r = changed ? hg_channel_check_name(wish->name, err) : hg_error_nomem(err);
    r = r < 0 ? r : begin(alerts, &db, err);
    r = r < 0 ? r : lock(db, id, wish->if_match, &before, ret_stale, err);
    r = r < 0 ? r : change(alerts, db, id, wish, before, &after, err);
    if (r == HG_OK) {
        const char *name = hg_result_text(after, 0, "name");
        r = hg_audit_write(db, by, "alert_channel.update", name, changed, err);
    }
    r = r < 0 ? r : hg_db_commit(db, err);
    if (r == HG_OK) {
        hg_alerts_wake(alerts);
        r = take(after, ret, ret_etag, err);
    }
    return r;
}

int hg_channel_delete(struct hg_alerts *alerts,
                      const struct hg_principal *by,
                      const char *id,
                      const char *if_match,
                      bool *ret_stale,
                      struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    HG_CLEANUP(hg_resultp) PGresult *row = NULL;
    const char *const params[] = {id, "the channel was removed"};
    int r = begin(alerts, &db, err);
    r = r < 0 ? r : lock(db, id, if_match, &row, ret_stale, err);
    r = r < 0 ? r : hg_db_exec(db, &end_pending, params, NULL, err);
    r = r < 0 ? r : hg_vault_delete(db, HG_CHANNEL_TABLE, id, NULL, err);
    r = r < 0 ? r : hg_db_exec(db, &delete_one, params, NULL, err);
    if (r == HG_OK) {
        const char *name = hg_result_text(row, 0, "name");
        r = hg_audit_write(db, by, "alert_channel.delete", name, NULL, err);
    }
    return r < 0 ? r : hg_db_commit(db, err);
}

/* ---- testing ---- */

static json_t *test_content(const char *alert_id, const char *summary)
{
    char now[HG_TIME_TEXT];
    hg_time_format(hg_time_now_us(), now);
    return json_pack("{s:s, s:s, s:s, s:i, s:s, s:s}",
                     "id",
                     alert_id,
                     "type",
                     "test",
                     "summary",
                     summary,
                     "count",
                     1,
                     "first_at",
                     now,
                     "last_at",
                     now);
}

struct test {
    char alert_id[HG_UUID_TEXT];
    char summary[128];
    struct hg_alert_message message;
    struct hg_alert_posted posted;
    struct hg_error why;
    int sent;
};

static int write_test(struct hg_alerts *alerts,
                      const struct hg_principal *by,
                      const char *id,
                      const PGresult *row,
                      const struct test *test,
                      struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    char status[16];
    const char *name = hg_result_text(row, 0, "name");
    (void)snprintf(status, sizeof status, "%d", test->posted.http_status);
    const char *const params[] = {test->alert_id,
                                  test->summary,
                                  test->message.id,
                                  id,
                                  name,
                                  hg_result_text(row, 0, "kind"),
                                  test->posted.http_status ? status : NULL,
                                  test->sent < 0 ? test->why.message : NULL};
    int r = begin(alerts, &db, err);
    r = r < 0 ? r : hg_db_exec(db, &add_test, params, NULL, err);
    r = r < 0 ? r : hg_audit_write(db, by, "alert_channel.test", name, NULL, err);
    return r < 0 ? r : hg_db_commit(db, err);
}

static int test_answer(const struct test *test, json_t **ret, struct hg_error *err)
{
    json_t *answer =
        json_pack("{s:b, s:I, s:o, s:o, s:s}",
                  "success",
                  test->sent == HG_OK,
                  "latency_ms",
                  (json_int_t)test->posted.latency_ms,
                  "http_status",
                  test->posted.http_status ? json_integer(test->posted.http_status) : json_null(),
                  "error",
                  test->sent < 0 ? hg_json_text(test->why.message) : json_null(),
                  "alert_id",
                  test->alert_id);
    if (!answer) {
        return hg_error_nomem(err);
    }
    *ret = answer;
    return HG_OK;
}

int hg_channel_test(struct hg_alerts *alerts,
                    const struct hg_principal *by,
                    const char *id,
                    json_t **ret,
                    struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *row = NULL;
    struct test test = {.why = HG_ERROR_INIT};
    {
        HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
        int r = hg_pool_borrow(alerts->options.metadata, HG_BORROW_MS, &db, err);
        r = r < 0 ? r : find(db, &get, id, &row, err);
        r = r < 0 ? r : hg_uuid_new(test.alert_id, err);
        r = r < 0 ? r : hg_uuid_new(test.message.id, err);
        if (r < 0) {
            return r;
        }
    }
    (void)snprintf(test.summary,
                   sizeof test.summary,
                   "A test of the alert channel %s",
                   hg_result_text(row, 0, "name"));
    HG_CLEANUP(hg_json_decrefp) json_t *content = test_content(test.alert_id, test.summary);
    HG_CLEANUP(hg_json_decrefp) json_t *config = hg_result_json(row, 0, "config");
    if (!content || !config) {
        return hg_error_nomem(err);
    }
    const struct hg_alert_target target = {id, hg_result_text(row, 0, "kind"), config};
    test.message.content = content;
    test.sent = hg_alert_post(alerts, &target, &test.message, &test.posted, &test.why);
    int r = write_test(alerts, by, id, row, &test, err);
    return r < 0 ? r : test_answer(&test, ret, err);
}
