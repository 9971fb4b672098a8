#include "auth/users.h"

#include <stdio.h>
#include <string.h>

#include "auth/audit.h"
#include "auth/password.h"
#include "auth/rules.h"
#include "auth/state.h"
#include "base/etag.h"
#include "base/mem.h"
#include "store/sql_time.h"

/* The tag knows a user from another of the same name who was there before. */
#define USER_JSON                                                                       \
    "json_build_object('username', u.username, 'role', u.role, 'disabled', u.disabled," \
    " 'origin', u.origin, 'file', u.file, 'created_at', " HG_SQL_TIME(                  \
        "u.created_at") ") as item, u.file, format('\"%s-%s\"', u.version,"             \
                        " (extract(epoch from u.created_at) * 1000000)::bigint) as etag"

static const struct hg_statement list = {
    "user_list",
    "select u.username as cursor_key, " USER_JSON " from user_account u"
    " where $1::text is null or u.username > $1 order by u.username limit $2::int + 1",
    2};

static const struct hg_statement get = {
    "user_get", "select " USER_JSON " from user_account u where u.username = $1", 1};

static const struct hg_statement add = {
    "user_add",
    "insert into user_account as u (username, role, password_hash) values ($1, $2, $3)"
    " on conflict do nothing returning " USER_JSON,
    3};

const struct hg_statement hg_auth_lock_admins = {
    "user_lock_admins",
    "select username from user_account where role = 'admin' and not disabled order by username"
    " for no key update",
    0};

static const struct hg_statement lock_user = {
    "user_lock", "select " USER_JSON " from user_account u where u.username = $1 for update", 1};

/* One whose entry in a file is gone is the API's from its first change on. */
static const struct hg_statement update = {
    "user_update",
    "update user_account u set role = coalesce($2, role), disabled = coalesce($3::boolean, "
    "disabled), origin = 'api',"
    " password_hash = coalesce($4, password_hash), version = version + 1 where u.username = $1"
    " returning " USER_JSON,
    4};

static const struct hg_statement end_sessions = {
    "user_end_sessions", "delete from session where username = $1", 1};

static const struct hg_statement delete_one = {
    "user_delete", "delete from user_account where username = $1", 1};

static int no_user(const char *username, struct hg_error *err)
{
    return hg_error_set(err, HG_ENOTFOUND, "there is no user \"%.64s\"", username);
}

static int take(const PGresult *result,
                json_t **ret,
                char ret_etag[HG_USER_ETAG],
                struct hg_error *err)
{
    int r = hg_auth_item(result, ret, err);
    if (r == HG_OK) {
        (void)snprintf(ret_etag, HG_USER_ETAG, "%s", hg_result_text(result, 0, "etag"));
    }
    return r;
}

static bool fits_a_name(const char *text)
{
    return strlen(text) <= HG_USERNAME_MAX;
}

int hg_user_list(struct hg_auth *auth,
                 const struct hg_page *page,
                 json_t **ret,
                 struct hg_error *err)
{
    const struct hg_page_query query = {
        .pool = auth->metadata, .wait_ms = HG_BORROW_MS, .list = &list, .is_key = fits_a_name};
    return hg_page_ask(&query, page, ret, err);
}

int hg_user_get(struct hg_auth *auth,
                const char *username,
                json_t **ret,
                char ret_etag[HG_USER_ETAG],
                struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    const char *const params[] = {username};
    int r = hg_auth_ask(auth, &get, params, &result, err);
    if (r == HG_OK && PQntuples(result) == 0) {
        return no_user(username, err);
    }
    return r < 0 ? r : take(result, ret, ret_etag, err);
}

/* ---- making ---- */

static int check_role(const char *role, struct hg_error *err)
{
    enum hg_role ignored;
    int r = hg_role_parse(role, &ignored, err);
    if (r < 0) {
        (void)hg_error_at(err, "/role");
    }
    return r;
}

static int insert(struct hg_db *db,
                  const struct hg_principal *by,
                  const char *const *params,
                  json_t **ret,
                  char ret_etag[HG_USER_ETAG],
                  struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    HG_CLEANUP(hg_json_decrefp) json_t *item = NULL;
    char etag[HG_USER_ETAG];
    int r = hg_db_exec(db, &add, params, &result, err);
    if (r == HG_OK && PQntuples(result) == 0) {
        return hg_error_set(err, HG_EEXIST, "there is a user \"%s\" already", params[0]);
    }
    r = r < 0 ? r : take(result, &item, etag, err);
    r = r < 0 ? r : hg_audit_write(db, by, "user.create", params[0], NULL, err);
    r = r < 0 ? r : hg_db_commit(db, err);
    if (r == HG_OK) {
        memcpy(ret_etag, etag, sizeof etag);
        *ret = HG_TAKE(item);
    }
    return r;
}

int hg_user_create(struct hg_auth *auth,
                   const struct hg_principal *by,
                   const char *username,
                   const char *password,
                   const char *role,
                   json_t **ret,
                   char ret_etag[HG_USER_ETAG],
                   struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    char hash[HG_PASSWORD_HASH_TEXT];
    const char *const params[] = {username, role, hash};
    int r = hg_rules_username(username, err);
    r = r < 0 ? r : check_role(role, err);
    r = r < 0 ? r : hg_rules_password(password, username, "/password", err);
    r = r < 0 ? r : hg_password_hash(password, hash, err);
    r = r < 0 ? r : hg_auth_begin(auth, &db, err);
    return r < 0 ? r : insert(db, by, params, ret, ret_etag, err);
}

/* ---- changing ---- */

static int is_of_file(const char *username, const char *file, struct hg_error *err)
{
    (void)hg_error_set(
        err, HG_ECONFLICT, "the user \"%s\" comes from the host's file %s", username, file);
    return hg_error_hint(err, "Change it there, then send the host SIGHUP.");
}

/*
 * Locks the admins and the user; HG_ENOTFOUND, or HG_ECONFLICT where `if_match` does not fit and
 * where a file has it.
 */
static int lock(struct hg_db *db,
                const char *username,
                const char *if_match,
                bool *ret_is_last_admin,
                bool *ret_stale,
                struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *admins = NULL;
    HG_CLEANUP(hg_resultp) PGresult *user = NULL;
    const char *const params[] = {username};
    int r = hg_db_exec(db, &hg_auth_lock_admins, NULL, &admins, err);
    r = r < 0 ? r : hg_db_exec(db, &lock_user, params, &user, err);
    if (r < 0) {
        return r;
    }
    if (PQntuples(user) == 0) {
        return no_user(username, err);
    }
    const char *file = hg_result_text(user, 0, "file");
    if (file) {
        return is_of_file(username, file, err);
    }
    *ret_is_last_admin =
        PQntuples(admins) == 1 && strcmp(hg_result_text(admins, 0, "username"), username) == 0;
    return hg_etag_check(if_match, hg_result_text(user, 0, "etag"), "the user", ret_stale, err);
}

static int last_admin(const char *username, struct hg_error *err)
{
    (void)hg_error_set(err, HG_ECONFLICT, "\"%s\" is the last admin who can sign in", username);
    return hg_error_hint(err, "Make another user an admin first.");
}

static json_t *changed_fields(const struct hg_user_change *change)
{
    json_t *changed = json_object();
    int failed = changed ? 0 : -1;
    failed |= change->role ? json_object_set_new(changed, "role", json_true()) : 0;
    failed |= change->disabled ? json_object_set_new(changed, "disabled", json_true()) : 0;
    failed |= change->password ? json_object_set_new(changed, "password", json_true()) : 0;
    if (failed < 0) {
        json_decref(changed);
        return NULL;
    }
    return changed;
}

static int write_change(struct hg_db *db,
                        const struct hg_principal *by,
                        const char *username,
                        const struct hg_user_change *change,
                        const char *hash,
                        json_t **ret,
                        char ret_etag[HG_USER_ETAG],
                        struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    HG_CLEANUP(hg_json_decrefp) json_t *changed = changed_fields(change);
    const char *disabled = !change->disabled ? NULL : *change->disabled ? "true" : "false";
    bool ends = change->password || (change->disabled && *change->disabled);
    const char *const params[] = {username, change->role, disabled, hash};
    int r = changed ? hg_db_exec(db, &update, params, &result, err) : hg_error_nomem(err);
    r = r < 0 || !ends ? r : hg_db_exec(db, &end_sessions, params, NULL, err);
    r = r < 0 ? r : hg_audit_write(db, by, "user.update", username, changed, err);
    r = r < 0 ? r : hg_db_commit(db, err);
    return r < 0 ? r : take(result, ret, ret_etag, err);
}

int hg_user_update(struct hg_auth *auth,
                   const struct hg_principal *by,
                   const char *username,
                   const struct hg_user_change *change,
                   json_t **ret,
                   char ret_etag[HG_USER_ETAG],
                   bool *ret_stale,
                   struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    char hash[HG_PASSWORD_HASH_TEXT];
    bool is_last = false;
    bool takes_away = (change->role && strcmp(change->role, "admin") != 0) ||
                      (change->disabled && *change->disabled);
    int r = change->role ? check_role(change->role, err) : HG_OK;
    if (r == HG_OK && change->password) {
        r = hg_rules_password(change->password, username, "/password", err);
        r = r < 0 ? r : hg_password_hash(change->password, hash, err);
    }
    r = r < 0 ? r : hg_auth_begin(auth, &db, err);
    r = r < 0 ? r : lock(db, username, change->if_match, &is_last, ret_stale, err);
    if (r == HG_OK && is_last && takes_away) {
        return last_admin(username, err);
    }
    return r < 0
               ? r
               : write_change(
                     db, by, username, change, change->password ? hash : NULL, ret, ret_etag, err);
}

int hg_user_delete(struct hg_auth *auth,
                   const struct hg_principal *by,
                   const char *username,
                   const char *if_match,
                   bool *ret_stale,
                   struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    const char *const params[] = {username};
    bool is_last = false;
    int r = hg_auth_begin(auth, &db, err);
    r = r < 0 ? r : lock(db, username, if_match, &is_last, ret_stale, err);
    if (r == HG_OK && is_last) {
        return last_admin(username, err);
    }
    r = r < 0 ? r : hg_db_exec(db, &delete_one, params, NULL, err);
    r = r < 0 ? r : hg_audit_write(db, by, "user.delete", username, NULL, err);
    return r < 0 ? r : hg_db_commit(db, err);
}
