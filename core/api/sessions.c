#include "api/sessions.h"

#include "api/context.h"
#include "auth/sessions.h"
#include "base/mem.h"

int hg_api_sessions_list(struct hg_http_request *request, struct hg_error *err)
{
    struct hg_page page;
    json_t *answer = NULL;
    const char *whose = NULL;
    struct hg_auth *auth = hg_api_of(request)->auth;
    int r = hg_api_page(request, &page, err);
    r = r < 0 ? r : hg_api_whose(request, &whose, err);
    r = r < 0 ? r : hg_session_list(auth, &request->principal, whose, &page, &answer, err);
    return hg_api_answer(request, r, answer, err);
}

static int answer_done(struct hg_http_request *request, int r)
{
    if (r == HG_OK) {
        hg_http_answer_empty(request, 204);
    }
    return r;
}

int hg_api_sessions_end(struct hg_http_request *request, struct hg_error *err)
{
    return answer_done(
        request,
        hg_session_end(
            hg_api_of(request)->auth, &request->principal, hg_http_param(request, 0), err));
}

int hg_api_sessions_end_others(struct hg_http_request *request, struct hg_error *err)
{
    return answer_done(request,
                       hg_session_end_others(hg_api_of(request)->auth, &request->principal, err));
}

int hg_api_password(struct hg_http_request *request, struct hg_error *err)
{
    static const char *const members[] = {"current_password", "new_password", NULL};
    HG_CLEANUP(hg_json_decrefp) json_t *body = NULL;
    struct hg_password_change change = {.present = NULL};
    int r = hg_http_json_body(request, false, &body, err);
    r = r < 0 ? r : hg_api_check_members(request, body, members, err);
    r = r < 0 ? r : hg_api_text_member(request, body, "current_password", &change.present, err);
    r = r < 0 ? r : hg_api_text_member(request, body, "new_password", &change.wanted, err);
    r = r < 0 ? r
              : hg_session_change_password(
                    hg_api_of(request)->auth, &request->principal, &change, err);
    return answer_done(request, r);
}
