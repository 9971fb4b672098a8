#include "api/context.h"

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"

enum {
    LIMIT_MAX = 500,
    LIMIT_DEFAULT = 50,
};

struct hg_api *hg_api_of(const struct hg_http_request *request)
{
    return request->context;
}

int hg_api_page(struct hg_http_request *request, struct hg_page *ret, struct hg_error *err)
{
    ret->cursor = hg_http_query(request, "cursor");
    return hg_http_query_int(request, "limit", 1, LIMIT_MAX, LIMIT_DEFAULT, &ret->limit, err);
}

int hg_api_answer(struct hg_http_request *request, int r, json_t *json, struct hg_error *err)
{
    if (r == HG_OK) {
        return hg_http_answer_json(request, 200, json, err);
    }
    if (r == HG_EINVAL && strcmp(request->method, "GET") == 0) {
        request->problem_status = 400;
    }
    return r;
}

static bool is_known(const char *name, const char *const *known)
{
    while (*known && strcmp(*known, name) != 0) {
        known++;
    }
    return *known != NULL;
}

static int unknown_member(struct hg_http_request *request,
                          const char *name,
                          const char *const *known,
                          struct hg_error *err)
{
    HG_CLEANUP(hg_buf_free) struct hg_buf pointer = HG_BUF_INIT;
    const char *nearest = hg_nearest(name, known);
    hg_buf_putc(&pointer, '/');
    hg_pointer_escape(&pointer, name);
    (void)hg_error_set(err, HG_EINVAL, "\"%.64s\" is not a member of this body", name);
    if (nearest) {
        (void)hg_error_hint(err, "Did you mean \"%s\"?", nearest);
    }
    hg_http_problem_field(request, hg_buf_text(&pointer), "unknown member");
    return HG_EINVAL;
}

int hg_api_check_members(struct hg_http_request *request,
                         const json_t *body,
                         const char *const *known,
                         struct hg_error *err)
{
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)body, name, value) {
        if (!is_known(name, known)) {
            return unknown_member(request, name, known, err);
        }
    }
    return HG_OK;
}

int hg_api_no_body(struct hg_http_request *request, struct hg_error *err)
{
    static const char *const none[] = {NULL};
    HG_CLEANUP(hg_json_decrefp) json_t *body = NULL;
    int r = hg_http_json_body(request, true, &body, err);
    return r < 0 ? r : hg_api_check_members(request, body, none, err);
}

int hg_api_accept(struct hg_http_request *request, json_t *json, struct hg_error *err)
{
    const char *url = json_string_value(json_object_get(json, "status_url"));
    int r = url ? hg_http_answer_header(request, "Location", url, err) : HG_OK;
    if (r < 0) {
        json_decref(json);
        return r;
    }
    return hg_http_answer_json(request, 202, json, err);
}

int hg_api_text_member(struct hg_http_request *request,
                       const json_t *body,
                       const char *name,
                       const char **ret,
                       struct hg_error *err)
{
    const char *value = json_string_value(json_object_get(body, name));
    char pointer[64];
    if (!value || !*value) {
        (void)snprintf(pointer, sizeof pointer, "/%s", name);
        hg_http_problem_field(request, pointer, "expected a text that is not empty");
        return hg_error_set(err, HG_EINVAL, "\"%s\" is missing or not a text", name);
    }
    *ret = value;
    return HG_OK;
}

int hg_api_optional_text(struct hg_http_request *request,
                         const json_t *body,
                         const char *name,
                         const char **ret,
                         struct hg_error *err)
{
    if (json_object_get(body, name)) {
        return hg_api_text_member(request, body, name, ret, err);
    }
    *ret = NULL;
    return HG_OK;
}

int hg_api_whose(struct hg_http_request *request, const char **ret, struct hg_error *err)
{
    const char *name = hg_http_query(request, "username");
    if (name && request->principal.role != HG_ROLE_ADMIN &&
        strcmp(name, request->principal.username) != 0) {
        return hg_error_set(err, HG_EFORBIDDEN, "only an admin sees what belongs to others");
    }
    *ret = name ? name : request->principal.username;
    return HG_OK;
}
