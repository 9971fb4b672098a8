#include "auth/auth.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "auth/audit.h"
#include "auth/known.h"
#include "auth/password.h"
#include "auth/state.h"
#include "auth/throttle.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"
#include "base/uuid.h"
#include "store/db.h"

enum { TOKEN_BYTES = 32 };

/* A session lives 12 hours unused and 7 days in all. */
#define SESSION_LIVES "s.expires_at > now() and s.last_seen_at > now() - interval '12 hours'"

static const struct hg_statement find_user = {
    "auth_find_user",
    "select username, role, password_hash from user_account where username = $1 and not disabled",
    1};
static const struct hg_statement any_user = {
    "auth_any_user", "select 1 from user_account limit 1", 0};
static const struct hg_statement add_admin = {
    "auth_add_admin",
    "insert into user_account (username, role, password_hash, disabled, created_at)"
    " select $1, 'admin', $2, false, now() where not exists (select 1 from user_account)"
    " on conflict do nothing returning username",
    2};
static const struct hg_statement add_session = {
    "auth_add_session",
    "with over as (delete from session s where not (" SESSION_LIVES "))"
    " insert into session (id_hash, username, created_at, last_seen_at, expires_at, source_ip,"
    " user_agent, id)"
    " values ($1::bytea, $2, now(), now(), now() + interval '7 days', $3, left($4, 256), $5)",
    5};
/* A session's use is noted once a minute, to spare the writes. */
static const struct hg_statement check_session = {
    "auth_check_session",
    "with found as (select u.username, u.role, s.id, s.id_hash, s.last_seen_at from session s"
    " join user_account u using (username)"
    " where s.id_hash = $1::bytea and not u.disabled and " SESSION_LIVES "),"
    " seen as (update session set last_seen_at = now() from found"
    " where session.id_hash = found.id_hash"
    " and found.last_seen_at < now() - interval '1 minute')"
    " select username, role, id from found",
    1};
/* An id is of one of them alone. */
static const struct hg_statement check_again = {
    "auth_check_again",
    "select u.role, u.role as own_role from session s join user_account u using (username)"
    " where s.id = $1::uuid and not u.disabled and " SESSION_LIVES
    " union all select u.role, t.role from api_token t join user_account u using (username)"
    " where t.id = $1::uuid and not u.disabled and t.expires_at > now()",
    1};
static const struct hg_statement end_session = {
    "auth_end_session", "delete from session where id_hash = $1::bytea returning id", 1};
static const struct hg_statement has_user = {
    "auth_has_user", "select 1 from user_account where username = $1", 1};

/*
 * A name's limit is low and its waits are short, so that a stranger cannot lock its owner out for
 * long; an address's limit is higher, since many may share one.
 */
static const struct hg_throttle_options user_limit = {5, 15 * 1000, 60 * 1000};
static const struct hg_throttle_options address_limit = {20, 30 * 1000, 15 * 60 * 1000};

int hg_auth_new(struct hg_pool *metadata, struct hg_auth **ret, struct hg_error *err)
{
    struct hg_auth *auth = calloc(1, sizeof *auth);
    if (!auth) {
        return hg_error_nomem(err);
    }
    auth->metadata = metadata;
    int r = hg_throttle_new(&user_limit, &auth->by_user, err);
    r = r < 0 ? r : hg_throttle_new(&address_limit, &auth->by_address, err);
    r = r < 0 ? r : hg_known_new(&auth->known, err);
    if (r < 0) {
        hg_auth_free(auth);
        return r;
    }
    *ret = auth;
    return HG_OK;
}

void hg_auth_free(struct hg_auth *auth)
{
    if (auth) {
        hg_throttle_free(auth->by_user);
        hg_throttle_free(auth->by_address);
        hg_known_free(auth->known);
        free(auth);
    }
}

/* ---- the first user ---- */

/* Inserts the admin; *ret_made is false when another host was quicker. */
static int insert_admin(struct hg_auth *auth,
                        const char *password,
                        bool *ret_made,
                        struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    char hash[HG_PASSWORD_HASH_TEXT];
    const char *const params[] = {"admin", hash};
    int r = hg_password_hash(password, hash, err);
    r = r < 0 ? r : hg_auth_ask(auth, &add_admin, params, &result, err);
    if (r == HG_OK) {
        *ret_made = PQntuples(result) == 1;
    }
    return r;
}

/* To the terminal once made. To a file before, so that no password is lost. */
static int make_with_new_password(struct hg_auth *auth,
                                  const struct hg_auth_admin *admin,
                                  struct hg_error *err)
{
    char password[25];
    char line[26];
    bool made = false;
    HG_CLEANUP(hg_freep) char *file = hg_path_join(admin->data_dir, "admin-password");
    int r = file ? hg_password_generate(password, err) : hg_error_nomem(err);
    if (r < 0) {
        return r;
    }
    (void)snprintf(line, sizeof line, "%s\n", password);
    r = admin->terminal ? HG_OK : hg_write_file(file, 0600, line, strlen(line), err);
    r = r < 0 ? r : insert_admin(auth, password, &made, err);
    if (!made && !admin->terminal) {
        (void)unlink(file);
    }
    if (made && admin->terminal) {
        (void)fprintf(admin->terminal,
                      "\nHeadgate made the user admin with the password\n\n    %s\n\n"
                      "It is shown this once.\n\n",
                      password);
        (void)fflush(admin->terminal);
    } else if (made) {
        hg_log(HG_LOG_INFO, "made the user admin; its password is in a file", "file", file, NULL);
    }
    OPENSSL_cleanse(password, sizeof password);
    OPENSSL_cleanse(line, sizeof line);
    return r;
}

int hg_auth_ensure_admin(struct hg_auth *auth,
                         const struct hg_auth_admin *admin,
                         struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    bool made;
    int r = hg_auth_ask(auth, &any_user, NULL, &result, err);
    if (r < 0 || PQntuples(result) > 0) {
        return r;
    }
    if (!admin->password) {
        r = make_with_new_password(auth, admin, err);
    } else {
        r = insert_admin(auth, admin->password, &made, err);
    }
    return r < 0 ? hg_error_wrap(err, "cannot make the user admin") : HG_OK;
}

/* ---- sessions ---- */

static int new_token(char ret[HG_SESSION_TOKEN], struct hg_error *err)
{
    unsigned char random[TOKEN_BYTES];
    unsigned char base64[4 * ((TOKEN_BYTES + 2) / 3) + 1];
    int r = hg_random_bytes(random, sizeof random, err);
    if (r < 0) {
        return r;
    }
    (void)EVP_EncodeBlock(base64, random, sizeof random);
    for (size_t i = 0; i < HG_SESSION_TOKEN - 1; i++) {
        ret[i] = base64[i] == '+' ? '-' : base64[i] == '/' ? '_' : (char)base64[i];
    }
    ret[HG_SESSION_TOKEN - 1] = '\0';
    return HG_OK;
}

/* Signed in: the session and its row in the audit log. */
static int begin_session(struct hg_auth *auth,
                         const struct hg_auth_attempt *attempt,
                         char ret_token[HG_SESSION_TOKEN],
                         struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    char token[HG_SESSION_TOKEN];
    char hash[HG_AUTH_HASH];
    char id[HG_UUID_TEXT];
    const char *const params[] = {
        hash, attempt->username, attempt->by->address, attempt->user_agent, id};
    int r = new_token(token, err);
    r = r < 0 ? r : hg_auth_hash(token, hash, err);
    r = r < 0 ? r : hg_uuid_new(id, err);
    r = r < 0 ? r : hg_auth_begin(auth, &db, err);
    r = r < 0 ? r : hg_db_exec(db, &add_session, params, NULL, err);
    r = r < 0 ? r : hg_audit_write(db, attempt->by, "session.begin", attempt->username, NULL, err);
    r = r < 0 ? r : hg_db_commit(db, err);
    if (r == HG_OK) {
        memcpy(ret_token, token, sizeof token);
    }
    return r;
}

static int take_user(const PGresult *result, struct hg_principal *ret, struct hg_error *err)
{
    enum hg_role role = HG_ROLE_NONE;
    int r = hg_role_parse(hg_result_text(result, 0, "role"), &role, err);
    if (r == HG_OK) {
        hg_auth_identify(ret, HG_PRINCIPAL_USER, role, result);
    }
    return r;
}

static int refused(struct hg_error *err)
{
    (void)hg_error_set(err, HG_EUNAUTHENTICATED, "user name or password is wrong");
    return HG_EUNAUTHENTICATED;
}

static int check_password(struct hg_auth *auth,
                          const struct hg_auth_attempt *attempt,
                          struct hg_principal *ret_who,
                          struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    const char *const params[] = {attempt->username};
    bool matches = false;
    int r = hg_auth_ask(auth, &find_user, params, &result, err);
    if (r < 0) {
        return r;
    }
    if (PQntuples(result) == 0) {
        r = hg_password_verify_nobody(attempt->password, err);
        return r < 0 ? r : refused(err);
    }
    r = hg_password_verify(
        hg_result_text(result, 0, "password_hash"), attempt->password, &matches, err);
    if (r < 0) {
        return r;
    }
    return matches ? take_user(result, ret_who, err) : refused(err);
}

static int take_attempt(struct hg_auth *auth,
                        const struct hg_auth_attempt *attempt,
                        struct hg_error *err)
{
    int64_t now_ms = hg_time_monotonic_ms();
    int r = hg_throttle_attempt(auth->by_address, attempt->by->address, now_ms, err);
    if (r < 0) {
        return r;
    }
    r = hg_throttle_attempt(auth->by_user, attempt->username, now_ms, err);
    if (r < 0) {
        hg_throttle_undo(auth->by_address, attempt->by->address);
    }
    return r;
}

/* What was typed in place of a name may be a password: only names that there are get written. */
static int note_refusal(struct hg_auth *auth,
                        const struct hg_auth_attempt *attempt,
                        struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    const char *const params[] = {attempt->username};
    int r = hg_auth_ask(auth, &has_user, params, &result, err);
    const char *name = r == HG_OK && PQntuples(result) > 0 ? attempt->username : NULL;
    return r < 0 ? r : hg_audit_denied(auth, attempt->by, "session.begin", name, err);
}

int hg_auth_login(struct hg_auth *auth,
                  const struct hg_auth_attempt *attempt,
                  struct hg_principal *ret_who,
                  char ret_token[HG_SESSION_TOKEN],
                  struct hg_error *err)
{
    struct hg_principal who = *attempt->by;
    if (strlen(attempt->username) > HG_USERNAME_MAX) {
        return refused(err);
    }
    int r = take_attempt(auth, attempt, err);
    if (r < 0) {
        return r;
    }
    r = check_password(auth, attempt, &who, err);
    if (r == HG_EUNAUTHENTICATED) {
        int noted = note_refusal(auth, attempt, NULL);
        return noted < 0 ? hg_error_set(err, noted, "the audit log cannot be written") : r;
    }
    if (r == HG_OK) {
        hg_throttle_succeed(auth->by_user, attempt->username);
        r = begin_session(auth, attempt, ret_token, err);
    } else {
        hg_throttle_undo(auth->by_user, attempt->username);
    }
    /* A good log-in does not wash an address clean, or its owner could guess at others' names. */
    hg_throttle_undo(auth->by_address, attempt->by->address);
    if (r == HG_OK) {
        *ret_who = who;
    }
    return r;
}

int hg_auth_check_password(struct hg_auth *auth,
                           const struct hg_auth_attempt *attempt,
                           const char *pointer,
                           struct hg_error *err)
{
    struct hg_principal who = *attempt->by;
    int r = take_attempt(auth, attempt, err);
    r = r < 0 ? r : check_password(auth, attempt, &who, err);
    if (r == HG_ERATELIMITED) {
        return r;
    }
    if (r == HG_EUNAUTHENTICATED) {
        (void)hg_error_set(err, HG_EINVAL, "this is not your password");
        (void)hg_error_at(err, "%s", pointer);
        return HG_EINVAL;
    }
    if (r == HG_OK) {
        hg_throttle_succeed(auth->by_user, attempt->username);
    } else {
        hg_throttle_undo(auth->by_user, attempt->username);
    }
    hg_throttle_undo(auth->by_address, attempt->by->address);
    return r;
}

static int no_session(struct hg_error *err)
{
    (void)hg_error_set(err, HG_EUNAUTHENTICATED, "you are not signed in, or your session is over");
    (void)hg_error_hint(err, "Sign in.");
    return HG_EUNAUTHENTICATED;
}

int hg_auth_check(struct hg_auth *auth,
                  const char *token,
                  struct hg_principal *ret_who,
                  struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    char hash[HG_AUTH_HASH];
    const char *const params[] = {hash};
    if (!token || strlen(token) != HG_SESSION_TOKEN - 1) {
        return no_session(err);
    }
    int r = hg_auth_hash(token, hash, err);
    r = r < 0 ? r : hg_auth_ask(auth, &check_session, params, &result, err);
    if (r < 0) {
        return r;
    }
    return PQntuples(result) == 1 ? take_user(result, ret_who, err) : no_session(err);
}

static int check_role_again(const PGresult *result, enum hg_role needed, struct hg_error *err)
{
    enum hg_role users = HG_ROLE_NONE;
    enum hg_role own = HG_ROLE_NONE;
    int r = hg_role_parse(hg_result_text(result, 0, "role"), &users, err);
    r = r < 0 ? r : hg_role_parse(hg_result_text(result, 0, "own_role"), &own, err);
    if (r < 0 || hg_role_allows(own < users ? own : users, needed)) {
        return r;
    }
    return hg_error_set(err,
                        HG_EFORBIDDEN,
                        "who asked for it has the role %s by now; it needs %s",
                        hg_role_name(own < users ? own : users),
                        hg_role_name(needed));
}

int hg_auth_check_again(struct hg_auth *auth,
                        const struct hg_principal *who,
                        enum hg_role needed,
                        struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    const char *const params[] = {who->sign_in_id};
    int r = hg_auth_ask(auth, &check_again, params, &result, err);
    if (r == HG_OK && PQntuples(result) == 0) {
        return hg_error_set(
            err, HG_EUNAUTHENTICATED, "the session or API token by which it was asked for is over");
    }
    return r < 0 ? r : check_role_again(result, needed, err);
}

int hg_auth_logout(struct hg_auth *auth,
                   const struct hg_principal *by,
                   const char *token,
                   struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    char hash[HG_AUTH_HASH];
    const char *const params[] = {hash};
    if (!token) {
        return HG_OK;
    }
    int r = hg_auth_hash(token, hash, err);
    r = r < 0 ? r : hg_auth_begin(auth, &db, err);
    r = r < 0 ? r : hg_db_exec(db, &end_session, params, &result, err);
    if (r == HG_OK && PQntuples(result) > 0) {
        r = hg_audit_write(db, by, "session.end", hg_result_text(result, 0, "id"), NULL, err);
    }
    return r < 0 ? r : hg_db_commit(db, err);
}
