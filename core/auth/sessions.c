#include "auth/sessions.h"

#include <stdio.h>

#include "auth/audit.h"
#include "auth/password.h"
#include "auth/rules.h"
#include "auth/state.h"
#include "base/mem.h"
#include "store/sql_time.h"

/* clang-format off */

static const struct hg_statement list = {
    "session_list",
    "select s.id as cursor_key, json_build_object('id', s.id, 'username', s.username,"
    " 'created_at', " HG_SQL_TIME("s.created_at") ", 'last_seen_at', "
    HG_SQL_TIME("s.last_seen_at") ", 'expires_at', " HG_SQL_TIME("s.expires_at") ","
    " 'source_ip', s.source_ip, 'user_agent', s.user_agent,"
    " 'current', coalesce(s.id = $2::uuid, false)) as item"
    " from session s where s.username = $1 and ($3::uuid is null or s.id < $3::uuid)"
    " and s.expires_at > now() and s.last_seen_at > now() - interval '12 hours'"
    " order by s.id desc limit $4::int + 1",
    4};

/* clang-format on */

static const struct hg_statement end_one = {
    "session_end",
    "delete from session where id = $1::uuid and ($2::text is null or username = $2)"
    " returning username",
    2};

static const struct hg_statement end_others = {
    "session_end_others",
    "delete from session where username = $1 and id is distinct from $2::uuid",
    2};

static const struct hg_statement is_of_file = {
    "session_is_of_file", "select from user_account where username = $1 and file is not null", 1};

static const struct hg_statement put_password = {
    "session_put_password",
    "update user_account set password_hash = $2, version = version + 1 where username = $1"
    " and file is null returning username",
    2};

/* The session that `by` asks with; NULL for a token. */
static const char *own_session(const struct hg_principal *by)
{
    return by->kind == HG_PRINCIPAL_USER && by->sign_in_id[0] ? by->sign_in_id : NULL;
}

int hg_session_list(struct hg_auth *auth,
                    const struct hg_principal *by,
                    const char *username,
                    const struct hg_page *page,
                    json_t **ret,
                    struct hg_error *err)
{
    const char *const filters[] = {username, own_session(by)};
    const struct hg_page_query query = {.pool = auth->metadata,
                                        .wait_ms = HG_BORROW_MS,
                                        .list = &list,
                                        .filters = filters,
                                        .is_key = hg_uuid_is_valid};
    return hg_page_ask(&query, page, ret, err);
}

int hg_session_end(struct hg_auth *auth,
                   const struct hg_principal *by,
                   const char *id,
                   struct hg_error *err)
{
    const struct hg_sign_in_end end = {"session", "session.end", &end_one};
    return hg_auth_end(auth, by, &end, id, err);
}

int hg_session_end_others(struct hg_auth *auth, const struct hg_principal *by, struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    const char *const params[] = {by->username, own_session(by)};
    int r = hg_auth_begin(auth, &db, err);
    r = r < 0 ? r : hg_db_exec(db, &end_others, params, NULL, err);
    r = r < 0 ? r : hg_audit_write(db, by, "session.end_others", by->username, NULL, err);
    return r < 0 ? r : hg_db_commit(db, err);
}

static int put(struct hg_db *db,
               const struct hg_principal *by,
               const char *hash,
               struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    HG_CLEANUP(hg_json_decrefp) json_t *changed = json_pack("{s:b}", "password", 1);
    const char *const params[] = {by->username, hash};
    const char *const others[] = {by->username, own_session(by)};
    if (!changed) {
        return hg_error_nomem(err);
    }
    int r = hg_db_exec(db, &put_password, params, &result, err);
    if (r == HG_OK && PQntuples(result) == 0) {
        return hg_error_set(err,
                            HG_ECONFLICT,
                            "the user \"%s\" was removed, or taken over by a file of the host's",
                            by->username);
    }
    r = r < 0 ? r : hg_db_exec(db, &end_others, others, NULL, err);
    r = r < 0 ? r : hg_audit_write(db, by, "user.change_password", by->username, changed, err);
    return r < 0 ? r : hg_db_commit(db, err);
}

/* Whose password a file says is told so before it is asked for. */
static int check_changeable(struct hg_auth *auth,
                            const struct hg_principal *by,
                            struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    const char *const params[] = {by->username};
    int r = hg_auth_ask(auth, &is_of_file, params, &result, err);
    if (r < 0 || PQntuples(result) == 0) {
        return r;
    }
    (void)hg_error_set(err, HG_ECONFLICT, "your password comes from a file of the host's");
    return hg_error_hint(err, "Ask whoever keeps the host's files to change it there.");
}

int hg_session_change_password(struct hg_auth *auth,
                               const struct hg_principal *by,
                               const struct hg_password_change *change,
                               struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    char hash[HG_PASSWORD_HASH_TEXT];
    const struct hg_auth_attempt attempt = {
        .username = by->username,
        .password = change->present,
        .by = by,
    };
    int r = check_changeable(auth, by, err);
    r = r < 0 ? r : hg_rules_password(change->wanted, by->username, "/new_password", err);
    r = r < 0 ? r : hg_auth_check_password(auth, &attempt, "/current_password", err);
    r = r < 0 ? r : hg_password_hash(change->wanted, hash, err);
    r = r < 0 ? r : hg_auth_begin(auth, &db, err);
    return r < 0 ? r : put(db, by, hash, err);
}
