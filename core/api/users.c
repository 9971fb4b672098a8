#include "api/users.h"

#include "api/context.h"
#include "api/idempotency.h"
#include "auth/users.h"
#include "base/mem.h"

int hg_api_users_list(struct hg_http_request *request, struct hg_error *err)
{
    struct hg_page page;
    json_t *answer = NULL;
    int r = hg_api_page(request, &page, err);
    r = r < 0 ? r : hg_user_list(hg_api_of(request)->auth, &page, &answer, err);
    return hg_api_answer(request, r, answer, err);
}

/* Takes `user` over. */
static int answer_user(struct hg_http_request *request,
                       int status,
                       json_t *user,
                       const char *etag,
                       struct hg_error *err)
{
    int r = hg_http_answer_header(request, "ETag", etag, err);
    if (r < 0) {
        json_decref(user);
        return r;
    }
    return hg_http_answer_json(request, status, user, err);
}

int hg_api_users_get(struct hg_http_request *request, struct hg_error *err)
{
    json_t *user = NULL;
    char etag[HG_USER_ETAG];
    int r = hg_user_get(hg_api_of(request)->auth, hg_http_param(request, 0), &user, etag, err);
    return r < 0 ? r : answer_user(request, 200, user, etag, err);
}

static int create(struct hg_http_request *request, struct hg_error *err)
{
    static const char *const members[] = {"username", "password", "role", NULL};
    HG_CLEANUP(hg_json_decrefp) json_t *body = NULL;
    const char *username = NULL;
    const char *password = NULL;
    const char *role = NULL;
    json_t *user = NULL;
    char etag[HG_USER_ETAG];
    struct hg_auth *auth = hg_api_of(request)->auth;
    int r = hg_http_json_body(request, false, &body, err);
    r = r < 0 ? r : hg_api_check_members(request, body, members, err);
    r = r < 0 ? r : hg_api_text_member(request, body, "username", &username, err);
    r = r < 0 ? r : hg_api_text_member(request, body, "password", &password, err);
    r = r < 0 ? r : hg_api_text_member(request, body, "role", &role, err);
    r = r < 0
            ? r
            : hg_user_create(auth, &request->principal, username, password, role, &user, etag, err);
    if (r < 0) {
        return r;
    }
    const char *location = hg_arena_printf(&request->arena, "/api/v1/users/%s", username);
    r = location ? hg_http_answer_header(request, "Location", location, err) : hg_error_nomem(err);
    if (r < 0) {
        json_decref(user);
        return r;
    }
    return answer_user(request, 201, user, etag, err);
}

int hg_api_users_create(struct hg_http_request *request, struct hg_error *err)
{
    return hg_idempotency_run(hg_api_of(request)->idempotency, create, request, err);
}

static int read_disabled(struct hg_http_request *request,
                         const json_t *body,
                         bool *value,
                         const bool **ret,
                         struct hg_error *err)
{
    const json_t *member = json_object_get(body, "disabled");
    if (member && !json_is_boolean(member)) {
        hg_http_problem_field(request, "/disabled", "expected true or false");
        return hg_error_set(err, HG_EINVAL, "\"disabled\" is not true or false");
    }
    *value = json_is_true(member);
    *ret = member ? value : NULL;
    return HG_OK;
}

static int if_stale(struct hg_http_request *request, bool stale, int r)
{
    if (stale) {
        request->problem_status = 412;
    }
    return r;
}

int hg_api_users_update(struct hg_http_request *request, struct hg_error *err)
{
    static const char *const members[] = {"role", "disabled", "password", NULL};
    HG_CLEANUP(hg_json_decrefp) json_t *body = NULL;
    struct hg_user_change change = {.if_match = hg_http_header(request, "If-Match")};
    json_t *user = NULL;
    char etag[HG_USER_ETAG];
    bool disabled = false;
    bool stale = false;
    const char *username = hg_http_param(request, 0);
    struct hg_auth *auth = hg_api_of(request)->auth;
    int r = hg_http_json_body(request, false, &body, err);
    r = r < 0 ? r : hg_api_check_members(request, body, members, err);
    r = r < 0 ? r : hg_api_optional_text(request, body, "role", &change.role, err);
    r = r < 0 ? r : hg_api_optional_text(request, body, "password", &change.password, err);
    r = r < 0 ? r : read_disabled(request, body, &disabled, &change.disabled, err);
    r = r < 0 ? r
              : hg_user_update(
                    auth, &request->principal, username, &change, &user, etag, &stale, err);
    return r < 0 ? if_stale(request, stale, r) : answer_user(request, 200, user, etag, err);
}

int hg_api_users_delete(struct hg_http_request *request, struct hg_error *err)
{
    bool stale = false;
    const char *if_match = hg_http_header(request, "If-Match");
    int r = hg_user_delete(hg_api_of(request)->auth,
                           &request->principal,
                           hg_http_param(request, 0),
                           if_match,
                           &stale,
                           err);
    if (r == HG_OK) {
        hg_http_answer_empty(request, 204);
    }
    return if_stale(request, stale, r);
}
