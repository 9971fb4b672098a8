#include "api/auth.h"

#include <string.h>

#include "api/context.h"
#include "auth/tokens.h"
#include "base/mem.h"

/* An empty token ends the cookie. */
static int set_cookie(struct hg_http_request *request, const char *token, struct hg_error *err)
{
    const char *cookie = hg_arena_printf(&request->arena,
                                         "%s=%s; Path=/; Max-Age=%d; HttpOnly; SameSite=Lax%s",
                                         HG_SESSION_COOKIE,
                                         token,
                                         *token ? HG_SESSION_MAX_S : 0,
                                         hg_api_of(request)->is_https ? "; Secure" : "");
    if (!cookie) {
        return hg_error_nomem(err);
    }
    return hg_http_answer_header(request, "Set-Cookie", cookie, err);
}

static int answer_user(struct hg_http_request *request,
                       const struct hg_principal *who,
                       struct hg_error *err)
{
    json_t *answer = json_pack(
        "{s:{s:s, s:s}}", "user", "username", who->username, "role", hg_role_name(who->role));
    return hg_http_answer_json(request, 200, answer, err);
}

static int read_attempt(struct hg_http_request *request,
                        const json_t *body,
                        struct hg_auth_attempt *ret,
                        struct hg_error *err)
{
    static const char *const members[] = {"username", "password", NULL};
    int r = hg_api_check_members(request, body, members, err);
    r = r < 0 ? r : hg_api_text_member(request, body, "username", &ret->username, err);
    r = r < 0 ? r : hg_api_text_member(request, body, "password", &ret->password, err);
    ret->by = &request->principal;
    ret->user_agent = hg_http_header(request, "User-Agent");
    return r;
}

int hg_api_login(struct hg_http_request *request, struct hg_error *err)
{
    HG_CLEANUP(hg_json_decrefp) json_t *body = NULL;
    struct hg_auth_attempt attempt;
    struct hg_principal who;
    char token[HG_SESSION_TOKEN];
    int r = hg_http_json_body(request, false, &body, err);
    r = r < 0 ? r : read_attempt(request, body, &attempt, err);
    r = r < 0 ? r : hg_auth_login(hg_api_of(request)->auth, &attempt, &who, token, err);
    r = r < 0 ? r : set_cookie(request, token, err);
    return r < 0 ? r : answer_user(request, &who, err);
}

int hg_api_logout(struct hg_http_request *request, struct hg_error *err)
{
    const char *token = hg_http_cookie(request, HG_SESSION_COOKIE);
    int r = hg_auth_logout(hg_api_of(request)->auth, &request->principal, token, err);
    r = r < 0 ? r : set_cookie(request, "", err);
    /*
     * Pages that the browser kept. Not "cookies", which would sign out of other services of the
     * same domain, nor "storage", where nothing is but the choice of a theme.
     */
    r = r < 0 ? r : hg_http_answer_header(request, "Clear-Site-Data", "\"cache\"", err);
    if (r == HG_OK) {
        hg_http_answer_empty(request, 204);
    }
    return r;
}

int hg_api_me(struct hg_http_request *request, struct hg_error *err)
{
    return answer_user(request, &request->principal, err);
}

int hg_api_authenticate(struct hg_http_request *request, struct hg_error *err)
{
    struct hg_auth *auth = hg_api_of(request)->auth;
    const char *bearer = hg_http_bearer(request);
    return bearer ? hg_token_check(auth, bearer, &request->principal, err)
                  : hg_auth_check(
                        auth, hg_http_cookie(request, HG_SESSION_COOKIE), &request->principal, err);
}
