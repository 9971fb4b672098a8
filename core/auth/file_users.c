#include "auth/file_users.h"

#include <stdlib.h>
#include <string.h>

#include "auth/audit.h"
#include "auth/known.h"
#include "auth/password.h"
#include "auth/roles.h"
#include "auth/rules.h"
#include "auth/state.h"
#include "base/mem.h"
#include "base/time.h"
#include "store/array.h"

enum {
    TRIES = 5,       /* where somebody changes a password at the same moment */
    GATE_TRIES = 50, /* for a place among those that hash passwords */
    GATE_WAIT_MS = 100,
};

/* Hosts that apply their files at once follow each other. */
static const struct hg_statement lock_all = {
    "file_user_lock_all", "select pg_advisory_xact_lock(5260129372410)", 0};

static const struct hg_statement look_at = {
    "file_user_look", "select password_hash from user_account where username = $1", 1};

static const struct hg_statement lock_one = {
    "file_user_lock",
    "select role, disabled, password_hash, origin, file from user_account where username = $1"
    " for no key update",
    1};

static const struct hg_statement add = {
    "file_user_add",
    "insert into user_account (username, role, password_hash, origin, file)"
    " values ($1, $2, $3, 'file', $4)",
    4};

static const struct hg_statement update = {
    "file_user_update",
    "update user_account set role = $2, password_hash = $3, origin = 'file', file = $4,"
    " disabled = false, version = version + 1 where username = $1",
    4};

static const struct hg_statement end_sessions = {
    "file_user_end_sessions", "delete from session where username = any($1::text[])", 1};

static const struct hg_statement end_tokens = {
    "file_user_end_tokens", "delete from api_token where username = any($1::text[])", 1};

static const struct hg_statement disable_gone = {
    "file_user_disable_gone",
    "update user_account set disabled = true, file = null, version = version + 1"
    " where file is not null and not username = any($1::text[]) returning username",
    1};

/* ---- rules ---- */

int hg_file_user_check(const struct hg_file_user *user, struct hg_error *err)
{
    enum hg_role ignored;
    int r = hg_rules_username(user->username, err);
    if (r == HG_OK && hg_role_parse(user->role, &ignored, err) < 0) {
        r = hg_error_at(err, "/role");
    }
    return r < 0 ? r : hg_rules_password(user->password, user->username, "/password", err);
}

bool hg_file_users_have_admin(const struct hg_file_user *users, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(users[i].role, hg_role_name(HG_ROLE_ADMIN)) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- passwords, before anything is locked ---- */

/* What is to become of one user. */
struct plan {
    char seen[HG_PASSWORD_HASH_TEXT]; /* the hash that stood there; "": there was no such user */
    char hash[HG_PASSWORD_HASH_TEXT]; /* the one to put; the same where the password fits it */
    const char *action;               /* for the audit log; NULL: all is as it should be */
    json_t *changed;
    bool ends_sessions;
    struct hg_known_digest digest; /* of `hash` and the password that fits it */
};

struct work {
    struct hg_auth *auth;
    const struct hg_file_user *users;
    size_t n;
    struct plan *plans; /* n */
    PGresult *gone;     /* names of those whose entry is gone */
    bool stale;         /* a password was changed since it was looked at */
};

static void forget_changes(struct work *work)
{
    for (size_t i = 0; i < work->n; i++) {
        json_decref(work->plans[i].changed);
        work->plans[i].changed = NULL;
        work->plans[i].action = NULL;
        work->plans[i].ends_sessions = false;
    }
    hg_resultp(&work->gone);
    work->stale = false;
}

static void free_work(struct work *work)
{
    forget_changes(work);
    free(work->plans);
}

/* Whoever signs in goes first, so a place may have to be waited for. */
static int verify(const char *hash, const char *password, bool *ret, struct hg_error *err)
{
    int r = hg_password_verify(hash, password, ret, err);
    for (int i = 0; r == HG_EUNAVAILABLE && i < GATE_TRIES; i++) {
        hg_time_pause_ms(GATE_WAIT_MS);
        r = hg_password_verify(hash, password, ret, err);
    }
    return r;
}

static int make_hash(const char *password, char *ret, struct hg_error *err)
{
    int r = hg_password_hash(password, ret, err);
    for (int i = 0; r == HG_EUNAVAILABLE && i < GATE_TRIES; i++) {
        hg_time_pause_ms(GATE_WAIT_MS);
        r = hg_password_hash(password, ret, err);
    }
    return r;
}

/* Argon2 is paid for what was not seen before alone: a reload of many users takes no while. */
static int find_hash(struct work *work,
                     const char *password,
                     struct plan *plan,
                     struct hg_error *err)
{
    struct hg_known *known = work->auth->known;
    bool fits = false;
    int r = hg_known_digest(known, plan->seen, password, &plan->digest, err);
    if (r == HG_OK && plan->seen[0]) {
        fits = hg_known_has(known, &plan->digest);
        r = fits ? HG_OK : verify(plan->seen, password, &fits, err);
    }
    if (r == HG_OK && fits) {
        memcpy(plan->hash, plan->seen, sizeof plan->hash);
        return HG_OK;
    }
    r = r < 0 ? r : make_hash(password, plan->hash, err);
    return r < 0 ? r : hg_known_digest(known, plan->hash, password, &plan->digest, err);
}

static int look(struct work *work, size_t i, struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *row = NULL;
    struct plan *plan = &work->plans[i];
    const char *const params[] = {work->users[i].username};
    int r = hg_auth_ask(work->auth, &look_at, params, &row, err);
    if (r < 0) {
        return r;
    }
    const char *present = PQntuples(row) > 0 ? hg_result_text(row, 0, "password_hash") : "";
    if (strcmp(present, plan->seen) == 0 && plan->hash[0]) {
        return HG_OK; /* as at the last try */
    }
    (void)snprintf(plan->seen, sizeof plan->seen, "%s", present);
    return find_hash(work, work->users[i].password, plan, err);
}

/* Those of a host that has none of them any more are forgotten. Without memory nothing is lost. */
static void remember(const struct work *work)
{
    struct hg_known_digest *digests = calloc(work->n + 1, sizeof *digests);
    for (size_t i = 0; digests && i < work->n; i++) {
        digests[i] = work->plans[i].digest;
    }
    if (digests) {
        (void)hg_known_keep(work->auth->known, digests, work->n, NULL);
    }
    free(digests);
}

/* ---- writing, in one transaction ---- */

static bool note(struct plan *plan, const char *field, bool differs)
{
    return !differs || json_object_set_new(plan->changed, field, json_true()) == 0;
}

/* What of a row is not as the file says. */
static int compare(struct plan *plan,
                   const struct hg_file_user *user,
                   const PGresult *row,
                   struct hg_error *err)
{
    const char *file = hg_result_text(row, 0, "file");
    bool password = strcmp(plan->hash, plan->seen) != 0;
    bool disabled = hg_result_bool(row, 0, "disabled");
    plan->changed = json_object();
    if (!plan->changed ||
        !note(plan, "role", strcmp(hg_result_text(row, 0, "role"), user->role) != 0) ||
        !note(plan, "password", password) || !note(plan, "disabled", disabled) ||
        !note(plan, "origin", !file) ||
        !note(plan, "file", file && strcmp(file, user->file) != 0)) {
        return hg_error_nomem(err);
    }
    plan->ends_sessions = password;
    if (json_object_size(plan->changed) > 0) {
        plan->action = "user.update";
    }
    return HG_OK;
}

static int put_one(struct work *work, struct hg_db *db, size_t i, struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *row = NULL;
    const struct hg_file_user *user = &work->users[i];
    struct plan *plan = &work->plans[i];
    const char *const params[] = {user->username, user->role, plan->hash, user->file};
    int r = hg_db_exec(db, &lock_one, params, &row, err);
    if (r < 0) {
        return r;
    }
    bool is_there = PQntuples(row) > 0;
    const char *present = is_there ? hg_result_text(row, 0, "password_hash") : "";
    if (strcmp(present, plan->seen) != 0) {
        work->stale = true;
        return HG_OK;
    }
    if (!is_there) {
        plan->action = "user.create";
        return hg_db_exec(db, &add, params, NULL, err);
    }
    r = compare(plan, user, row, err);
    return r < 0 || !plan->action ? r : hg_db_exec(db, &update, params, NULL, err);
}

static int disable(struct work *work, struct hg_db *db, struct hg_error *err)
{
    HG_CLEANUP(hg_buf_free) struct hg_buf names = HG_BUF_INIT;
    HG_CLEANUP(hg_buf_free) struct hg_buf gone = HG_BUF_INIT;
    HG_CLEANUP(hg_buf_free) struct hg_buf ended = HG_BUF_INIT;
    for (size_t i = 0; i < work->n; i++) {
        hg_array_put(&names, work->users[i].username);
        if (work->plans[i].ends_sessions) {
            hg_array_put(&ended, work->users[i].username);
        }
    }
    const char *const of_files[] = {hg_array_text(&names)};
    int r = of_files[0] ? hg_db_exec(db, &disable_gone, of_files, &work->gone, err)
                        : hg_error_nomem(err);
    for (int i = 0; r == HG_OK && i < PQntuples(work->gone); i++) {
        hg_array_put(&gone, PQgetvalue(work->gone, i, 0));
        hg_array_put(&ended, PQgetvalue(work->gone, i, 0));
    }
    const char *const tokens[] = {hg_array_text(&gone)};
    const char *const sessions[] = {hg_array_text(&ended)};
    r = r < 0 || (tokens[0] && sessions[0]) ? r : hg_error_nomem(err);
    r = r < 0 ? r : hg_db_exec(db, &end_tokens, tokens, NULL, err);
    return r < 0 ? r : hg_db_exec(db, &end_sessions, sessions, NULL, err);
}

/* Rows of the audit log come last: auth/audit.h. */
static int audit(const struct work *work, struct hg_db *db, struct hg_error *err)
{
    const struct hg_principal by = hg_principal_file();
    HG_CLEANUP(hg_json_decrefp) json_t *disabled = json_pack("{s:b}", "disabled", 1);
    int r = disabled ? HG_OK : hg_error_nomem(err);
    for (size_t i = 0; r == HG_OK && i < work->n; i++) {
        const struct plan *plan = &work->plans[i];
        r = plan->action
                ? hg_audit_write(db, &by, plan->action, work->users[i].username, plan->changed, err)
                : HG_OK;
    }
    for (int i = 0; r == HG_OK && i < PQntuples(work->gone); i++) {
        r = hg_audit_write(db, &by, "user.update", PQgetvalue(work->gone, i, 0), disabled, err);
    }
    return r;
}

static int check_admins(struct hg_db *db, bool had_admins, struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *admins = NULL;
    int r = hg_db_exec(db, &hg_auth_lock_admins, NULL, &admins, err);
    if (r == HG_OK && had_admins && PQntuples(admins) == 0) {
        (void)hg_error_set(
            err, HG_ECONFLICT, "the host's files would leave no admin who can sign in");
        return hg_error_hint(err, "Give a user of them the role admin, or make another one first.");
    }
    return r;
}

static int write_all(struct work *work, struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    HG_CLEANUP(hg_resultp) PGresult *admins = NULL;
    int r = hg_auth_begin(work->auth, &db, err);
    r = r < 0 ? r : hg_db_exec(db, &lock_all, NULL, NULL, err);
    r = r < 0 ? r : hg_db_exec(db, &hg_auth_lock_admins, NULL, &admins, err);
    for (size_t i = 0; r == HG_OK && i < work->n && !work->stale; i++) {
        r = put_one(work, db, i, err);
    }
    if (r < 0 || work->stale) {
        return r; /* giving the connection back undoes it */
    }
    r = disable(work, db, err);
    r = r < 0 ? r : check_admins(db, PQntuples(admins) > 0, err);
    r = r < 0 ? r : audit(work, db, err);
    return r < 0 ? r : hg_db_commit(db, err);
}

int hg_file_users_apply(struct hg_auth *auth,
                        const struct hg_file_user *users,
                        size_t n,
                        struct hg_error *err)
{
    HG_CLEANUP(free_work)
    struct work work = {
        .auth = auth, .users = users, .n = n, .plans = calloc(n + 1, sizeof *work.plans)};
    int r = work.plans ? HG_OK : hg_error_nomem(err);
    for (int try = 0; r == HG_OK && try < TRIES; try++) {
        forget_changes(&work);
        for (size_t i = 0; r == HG_OK && i < n; i++) {
            r = look(&work, i, err);
        }
        r = r < 0 ? r : write_all(&work, err);
        if (r == HG_OK && !work.stale) {
            remember(&work);
            return HG_OK;
        }
    }
    return r < 0 ? r
                 : hg_error_set(err,
                                HG_EUNAVAILABLE,
                                "somebody else changed the users of the host's files meanwhile");
}
