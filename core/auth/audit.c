#include "auth/audit.h"

#include <stdio.h>

#include "auth/principal.h"
#include "auth/state.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/parse.h"
#include "store/array.h"
#include "store/sql_time.h"

/* Each text is bounded: who has no sign-in yet may send anything. */
static const struct hg_statement add = {
    "audit_add",
    "insert into audit (actor_kind, actor, sign_in_id, source_ip, action, object, outcome,"
    " request_id, fields) values ($1, left($2, 200), $3, left($4, 100), $5, left($6, 200), $7, $8,"
    " $9::text[])",
    9};

/* clang-format off */

static const struct hg_statement list = {
    "audit_list",
    "select a.seq as cursor_key, json_build_object('id', a.seq::text, 'at', " HG_SQL_TIME("a.at") ","
    " 'actor_kind', a.actor_kind, 'actor', a.actor, 'sign_in_id', a.sign_in_id,"
    " 'source_ip', a.source_ip, 'action', a.action, 'object', a.object, 'outcome', a.outcome,"
    " 'request_id', a.request_id, 'fields', to_json(a.fields), 'hash', encode(a.hash, 'hex')) as item"
    " from audit a where ($1::text is null or a.actor = $1) and ($2::text is null or a.action = $2)"
    " and ($3::bigint is null or a.seq < $3::bigint) order by a.seq desc limit $4::int + 1",
    4};

/* clang-format on */

static const struct hg_statement drop_old = {
    "audit_drop_old", "select audit_drop(now() - $1::int * interval '1 day', $2::int) as n", 2};

static const char *or_null(const char *text)
{
    return text && *text ? text : NULL;
}

static int write_row(struct hg_db *db,
                     const struct hg_principal *by,
                     const char *action,
                     const char *object,
                     const char *outcome,
                     const json_t *changed,
                     struct hg_error *err)
{
    HG_CLEANUP(hg_buf_free) struct hg_buf fields = HG_BUF_INIT;
    const char *name;
    json_t *value;
    if (!by) {
        return HG_OK;
    }
    json_object_foreach ((json_t *)(uintptr_t)changed, name, value) {
        hg_array_put(&fields, name);
    }
    const char *text = hg_array_text(&fields);
    if (!text) {
        return hg_error_nomem(err);
    }
    const char *const params[] = {hg_principal_kind_name(by->kind),
                                  or_null(by->username),
                                  or_null(by->sign_in_id),
                                  or_null(by->address),
                                  action,
                                  object,
                                  outcome,
                                  or_null(by->request_id),
                                  text};
    return hg_db_exec(db, &add, params, NULL, err);
}

int hg_audit_write(struct hg_db *db,
                   const struct hg_principal *by,
                   const char *action,
                   const char *object,
                   const json_t *changed,
                   struct hg_error *err)
{
    return write_row(db, by, action, object, "ok", changed, err);
}

int hg_audit_denied(struct hg_auth *auth,
                    const struct hg_principal *by,
                    const char *action,
                    const char *object,
                    struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    int r = hg_pool_borrow(auth->metadata, HG_BORROW_MS, &db, err);
    return r < 0 ? r : write_row(db, by, action, object, "denied", NULL, err);
}

int hg_audit_drop_old(struct hg_db *db, int days, int limit, int64_t *ret_n, struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    char days_text[16];
    char limit_text[16];
    (void)snprintf(days_text, sizeof days_text, "%d", days);
    (void)snprintf(limit_text, sizeof limit_text, "%d", limit);
    const char *const params[] = {days_text, limit_text};
    int r = hg_db_exec(db, &drop_old, params, &result, err);
    if (r == HG_OK) {
        *ret_n = hg_result_int64(result, 0, "n", 0);
    }
    return r;
}

static bool is_number(const char *text)
{
    int64_t number;
    return hg_parse_int64(text, 1, INT64_MAX, &number, NULL) == HG_OK;
}

int hg_audit_list(struct hg_auth *auth,
                  const struct hg_audit_query *query,
                  json_t **ret,
                  struct hg_error *err)
{
    const char *const filters[] = {query->actor, query->action};
    const struct hg_page_query pages = {.pool = auth->metadata,
                                        .wait_ms = HG_BORROW_MS,
                                        .list = &list,
                                        .filters = filters,
                                        .is_key = is_number};
    return hg_page_ask(&pages, &query->page, ret, err);
}
