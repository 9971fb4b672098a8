#include "auth/tokens.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "auth/audit.h"
#include "auth/rules.h"
#include "auth/state.h"
#include "base/mem.h"
#include "base/uuid.h"
#include "store/sql_time.h"

#define PREFIX "hgt_"

enum {
    N_PREFIX = sizeof PREFIX - 1,
    N_RANDOM = 30,
    N_CHECK = 6,
    N_HINT = N_PREFIX + 6,
};

static const char base62[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

#define TOKEN_JSON                                                                              \
    "json_build_object('id', t.id, 'name', t.name, 'role', t.role, 'hint', t.hint, 'username'," \
    " t.username, 'created_at', " HG_SQL_TIME("t.created_at") ", 'expires_at', " HG_SQL_TIME(   \
        "t.expires_at") ", 'last_used_at', " HG_SQL_TIME("t.last_used_at") ") as item"

/* Its use is noted once a minute, to spare the writes. */
static const struct hg_statement check = {
    "token_check",
    "with found as (select t.id, t.role as token_role, t.last_used_at, u.username, u.role"
    " from api_token t join user_account u using (username)"
    " where t.token_hash = $1::bytea and not u.disabled and t.expires_at > now()),"
    " used as (update api_token t set last_used_at = now() from found where t.id = found.id"
    " and (found.last_used_at is null or found.last_used_at < now() - interval '1 minute'))"
    " select id, token_role, username, role from found",
    1};

static const struct hg_statement add = {
    "token_add",
    "insert into api_token as t (id, username, name, role, token_hash, hint, expires_at, made_by)"
    " values ($1, $2, $3, $4, $5::bytea, $6, least(now() + $7::int * interval '1 day',"
    " (select expires_at from api_token where id = $8::uuid)), $8::uuid) returning " TOKEN_JSON,
    8};

static const struct hg_statement list = {
    "token_list",
    "select t.id as cursor_key, " TOKEN_JSON " from api_token t where t.username = $1"
    " and ($2::uuid is null or t.id < $2::uuid) order by t.id desc limit $3::int + 1",
    3};

static const struct hg_statement delete_one = {
    "token_delete",
    "delete from api_token where id = $1::uuid and ($2::text is null or username = $2)"
    " returning username",
    2};

/* ---- the text ---- */

/* CRC-32 as zlib and PNG have it. */
static uint32_t crc32_of(const char *text, size_t n)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < n; i++) {
        crc ^= (unsigned char)text[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ (0xedb88320U & (0U - (crc & 1U)));
        }
    }
    return ~crc;
}

static void put_check(char *token)
{
    uint32_t crc = crc32_of(token + N_PREFIX, N_RANDOM);
    for (int i = N_CHECK - 1; i >= 0; i--) {
        token[N_PREFIX + N_RANDOM + i] = base62[crc % 62];
        crc /= 62;
    }
    token[HG_API_TOKEN - 1] = '\0';
}

bool hg_token_has_form(const char *text)
{
    char token[HG_API_TOKEN];
    if (strlen(text) != HG_API_TOKEN - 1 || strncmp(text, PREFIX, N_PREFIX) != 0 ||
        strspn(text + N_PREFIX, base62) != N_RANDOM + N_CHECK) {
        return false;
    }
    memcpy(token, text, sizeof token);
    put_check(token);
    return strcmp(token, text) == 0;
}

static int make_text(char ret[HG_API_TOKEN], struct hg_error *err)
{
    unsigned char random[N_RANDOM * 2];
    size_t n = 0;
    (void)memcpy(ret, PREFIX, N_PREFIX);
    while (n < N_RANDOM) {
        int r = hg_random_bytes(random, sizeof random, err);
        if (r < 0) {
            return r;
        }
        /* 248 is four times 62: each character is as likely as another. */
        for (size_t i = 0; i < sizeof random && n < N_RANDOM; i++) {
            if (random[i] < 248) {
                ret[N_PREFIX + n++] = base62[random[i] % 62];
            }
        }
    }
    put_check(ret);
    return HG_OK;
}

/* ---- use ---- */

static int no_token(struct hg_error *err)
{
    (void)hg_error_set(err, HG_EUNAUTHENTICATED, "the API token is none, has expired or was ended");
    (void)hg_error_hint(err, "Make a new one.");
    return HG_EUNAUTHENTICATED;
}

static int take_user(const PGresult *result, struct hg_principal *ret, struct hg_error *err)
{
    enum hg_role own = HG_ROLE_NONE;
    enum hg_role owners = HG_ROLE_NONE;
    int r = hg_role_parse(hg_result_text(result, 0, "token_role"), &own, err);
    r = r < 0 ? r : hg_role_parse(hg_result_text(result, 0, "role"), &owners, err);
    if (r == HG_OK) {
        hg_auth_identify(ret, HG_PRINCIPAL_TOKEN, own < owners ? own : owners, result);
    }
    return r;
}

int hg_token_check(struct hg_auth *auth,
                   const char *token,
                   struct hg_principal *ret_who,
                   struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    char hash[HG_AUTH_HASH];
    const char *const params[] = {hash};
    if (!hg_token_has_form(token)) {
        return no_token(err);
    }
    int r = hg_auth_hash(token, hash, err);
    r = r < 0 ? r : hg_auth_ask(auth, &check, params, &result, err);
    if (r < 0) {
        return r;
    }
    return PQntuples(result) == 1 ? take_user(result, ret_who, err) : no_token(err);
}

/* ---- making and ending ---- */

static int check_request(const struct hg_principal *owner,
                         const struct hg_token_request *request,
                         enum hg_role *ret_role,
                         struct hg_error *err)
{
    enum hg_role role = owner->role;
    int r = hg_rules_name(request->name, err);
    if (r == HG_OK && request->role) {
        r = hg_role_parse(request->role, &role, err);
        if (r == HG_OK && !hg_role_allows(owner->role, role)) {
            r = hg_error_set(err,
                             HG_EINVAL,
                             "a token's role is at most your own, which is %s",
                             hg_role_name(owner->role));
        }
        if (r < 0) {
            (void)hg_error_at(err, "/role");
        }
    }
    if (r == HG_OK) {
        *ret_role = role;
    }
    return r;
}

static int insert(struct hg_db *db,
                  const struct hg_principal *owner,
                  const struct hg_token_request *request,
                  enum hg_role role,
                  const char *token,
                  json_t **ret,
                  struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    HG_CLEANUP(hg_json_decrefp) json_t *item = NULL;
    char hash[HG_AUTH_HASH];
    char id[HG_UUID_TEXT];
    char hint[N_HINT + 1];
    char days[16];
    (void)snprintf(hint, sizeof hint, "%s", token);
    (void)snprintf(days, sizeof days, "%d", request->days);
    const char *const params[] = {id,
                                  owner->username,
                                  request->name,
                                  hg_role_name(role),
                                  hash,
                                  hint,
                                  days,
                                  owner->kind == HG_PRINCIPAL_TOKEN ? owner->sign_in_id : NULL};
    int r = hg_auth_hash(token, hash, err);
    r = r < 0 ? r : hg_uuid_new(id, err);
    r = r < 0 ? r : hg_db_exec(db, &add, params, &result, err);
    r = r < 0 ? r : hg_auth_item(result, &item, err);
    r = r < 0 ? r : hg_audit_write(db, owner, "token.create", id, NULL, err);
    if (r < 0) {
        return r;
    }
    if (json_object_set_new(item, "token", json_string(token)) < 0) {
        return hg_error_nomem(err);
    }
    *ret = HG_TAKE(item);
    return HG_OK;
}

int hg_token_create(struct hg_auth *auth,
                    const struct hg_principal *owner,
                    const struct hg_token_request *request,
                    json_t **ret,
                    struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    HG_CLEANUP(hg_json_decrefp) json_t *item = NULL;
    char token[HG_API_TOKEN];
    enum hg_role role = HG_ROLE_NONE;
    int r = check_request(owner, request, &role, err);
    r = r < 0 ? r : make_text(token, err);
    r = r < 0 ? r : hg_auth_begin(auth, &db, err);
    r = r < 0 ? r : insert(db, owner, request, role, token, &item, err);
    r = r < 0 ? r : hg_db_commit(db, err);
    OPENSSL_cleanse(token, sizeof token);
    if (r == HG_OK) {
        *ret = HG_TAKE(item);
    }
    return r;
}

int hg_token_list(struct hg_auth *auth,
                  const char *username,
                  const struct hg_page *page,
                  json_t **ret,
                  struct hg_error *err)
{
    const char *const filters[] = {username};
    const struct hg_page_query query = {.pool = auth->metadata,
                                        .wait_ms = HG_BORROW_MS,
                                        .list = &list,
                                        .filters = filters,
                                        .is_key = hg_uuid_is_valid};
    return hg_page_ask(&query, page, ret, err);
}

int hg_token_delete(struct hg_auth *auth,
                    const struct hg_principal *by,
                    const char *id,
                    struct hg_error *err)
{
    const struct hg_sign_in_end end = {"token", "token.delete", &delete_one};
    return hg_auth_end(auth, by, &end, id, err);
}
