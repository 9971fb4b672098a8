#include "auth/state.h"

#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "auth/audit.h"
#include "base/hex.h"
#include "base/mem.h"
#include "base/uuid.h"

int hg_auth_ask(struct hg_auth *auth,
                const struct hg_statement *statement,
                const char *const *params,
                PGresult **ret,
                struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    int r = hg_pool_borrow(auth->metadata, HG_BORROW_MS, &db, err);
    return r < 0 ? r : hg_db_exec(db, statement, params, ret, err);
}

int hg_auth_begin(struct hg_auth *auth, struct hg_db **ret, struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    int r = hg_pool_borrow(auth->metadata, HG_BORROW_MS, &db, err);
    r = r < 0 ? r : hg_db_begin(db, err);
    if (r == HG_OK) {
        *ret = HG_TAKE(db);
    }
    return r;
}

int hg_auth_hash(const char *text, char ret[HG_AUTH_HASH], struct hg_error *err)
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    if (EVP_Digest(text, strlen(text), hash, &n, EVP_sha256(), NULL) != 1) {
        return hg_error_set(err, HG_EINTERNAL, "cannot hash a token");
    }
    (void)snprintf(ret, HG_AUTH_HASH, "\\x");
    (void)hg_hex(hash, n, ret + 2);
    return HG_OK;
}

int hg_auth_end(struct hg_auth *auth,
                const struct hg_principal *by,
                const struct hg_sign_in_end *end,
                const char *id,
                struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    const char *const params[] = {id, by->role == HG_ROLE_ADMIN ? NULL : by->username};
    if (!hg_uuid_is_valid(id)) {
        return hg_error_set(err, HG_ENOTFOUND, "there is no %s \"%.64s\"", end->what, id);
    }
    int r = hg_auth_begin(auth, &db, err);
    r = r < 0 ? r : hg_db_exec(db, end->statement, params, &result, err);
    if (r == HG_OK && PQntuples(result) == 0) {
        return hg_error_set(err, HG_ENOTFOUND, "there is no %s %s", end->what, id);
    }
    r = r < 0 ? r : hg_audit_write(db, by, end->action, id, NULL, err);
    return r < 0 ? r : hg_db_commit(db, err);
}

int hg_auth_item(const PGresult *result, json_t **ret, struct hg_error *err)
{
    json_t *item = hg_result_json(result, 0, "item");
    if (!item) {
        return hg_error_nomem(err);
    }
    *ret = item;
    return HG_OK;
}

void hg_auth_identify(struct hg_principal *who,
                      enum hg_principal_kind kind,
                      enum hg_role role,
                      const PGresult *result)
{
    const char *id = hg_result_text(result, 0, "id");
    who->kind = kind;
    who->role = role;
    (void)snprintf(
        who->username, sizeof who->username, "%s", hg_result_text(result, 0, "username"));
    (void)snprintf(who->sign_in_id, sizeof who->sign_in_id, "%s", id ? id : "");
}
