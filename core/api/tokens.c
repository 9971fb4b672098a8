#include "api/tokens.h"

#include "api/context.h"
#include "api/idempotency.h"
#include "auth/tokens.h"
#include "base/mem.h"

int hg_api_tokens_list(struct hg_http_request *request, struct hg_error *err)
{
    struct hg_page page;
    json_t *answer = NULL;
    const char *whose = NULL;
    struct hg_auth *auth = hg_api_of(request)->auth;
    int r = hg_api_page(request, &page, err);
    r = r < 0 ? r : hg_api_whose(request, &whose, err);
    r = r < 0 ? r : hg_token_list(auth, whose, &page, &answer, err);
    return hg_api_answer(request, r, answer, err);
}

static int read_days(struct hg_http_request *request,
                     const json_t *body,
                     int *ret,
                     struct hg_error *err)
{
    const json_t *value = json_object_get(body, "expires_in_days");
    json_int_t days = value ? json_integer_value(value) : HG_API_TOKEN_DAYS;
    if ((value && !json_is_integer(value)) || days < 1 || days > HG_API_TOKEN_DAYS_MAX) {
        hg_http_problem_field(request, "/expires_in_days", "expected a whole number from 1 to 365");
        return hg_error_set(err, HG_EINVAL, "a token lives 1 to 365 days");
    }
    *ret = (int)days;
    return HG_OK;
}

static int create(struct hg_http_request *request, struct hg_error *err)
{
    static const char *const members[] = {"name", "role", "expires_in_days", NULL};
    HG_CLEANUP(hg_json_decrefp) json_t *body = NULL;
    struct hg_token_request wanted = {.name = NULL};
    json_t *answer = NULL;
    int r = hg_http_json_body(request, false, &body, err);
    r = r < 0 ? r : hg_api_check_members(request, body, members, err);
    r = r < 0 ? r : hg_api_text_member(request, body, "name", &wanted.name, err);
    r = r < 0 ? r : hg_api_optional_text(request, body, "role", &wanted.role, err);
    r = r < 0 ? r : read_days(request, body, &wanted.days, err);
    r = r < 0
            ? r
            : hg_token_create(hg_api_of(request)->auth, &request->principal, &wanted, &answer, err);
    return r < 0 ? r : hg_http_answer_json(request, 201, answer, err);
}

int hg_api_tokens_create(struct hg_http_request *request, struct hg_error *err)
{
    return hg_idempotency_run_once(hg_api_of(request)->idempotency, create, "token", request, err);
}

int hg_api_tokens_delete(struct hg_http_request *request, struct hg_error *err)
{
    int r = hg_token_delete(
        hg_api_of(request)->auth, &request->principal, hg_http_param(request, 0), err);
    if (r == HG_OK) {
        hg_http_answer_empty(request, 204);
    }
    return r;
}
