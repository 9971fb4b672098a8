#include "http/request.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/str.h"
#include "events/bus.h"
#include "http/sockets.h"
#include "http/stream.h"

const char *hg_http_param(const struct hg_http_request *request, size_t i)
{
    return request->params[i];
}

const char *hg_http_query(const struct hg_http_request *request, const char *name)
{
    for (size_t i = 0; i < request->target.n_query; i++) {
        if (strcmp(request->target.query[i].name, name) == 0) {
            return request->target.query[i].value;
        }
    }
    return NULL;
}

int hg_http_query_int(struct hg_http_request *request,
                      const char *name,
                      int min,
                      int max,
                      int if_absent,
                      int *ret,
                      struct hg_error *err)
{
    const char *text = hg_http_query(request, name);
    int64_t value = if_absent;
    if (text && hg_parse_int64(text, min, max, &value, NULL) < 0) {
        return hg_http_bad_request(
            request,
            err,
            "the parameter \"%s\" is \"%.64s\", expected a whole number from "
            "%d to %d",
            name,
            text,
            min,
            max);
    }
    *ret = (int)value;
    return HG_OK;
}

const char *hg_http_header(const struct hg_http_request *request, const char *name)
{
    for (size_t i = 0; i < request->n_headers; i++) {
        if (strcasecmp(request->headers[i].name, name) == 0) {
            return request->headers[i].value;
        }
    }
    return NULL;
}

/* Looks for a cookie in one Cookie header. */
static const char *cookie_in(struct hg_http_request *request, const char *header, const char *name)
{
    size_t n_name = strlen(name);
    while (*header) {
        header += strspn(header, "; \t");
        size_t n = strcspn(header, ";");
        if (n > n_name && memcmp(header, name, n_name) == 0 && header[n_name] == '=') {
            return hg_arena_strndup(&request->arena, header + n_name + 1, n - n_name - 1);
        }
        header += n;
    }
    return NULL;
}

const char *hg_http_cookie(struct hg_http_request *request, const char *name)
{
    const char *found = NULL;
    for (size_t i = 0; i < request->n_headers && !found; i++) {
        if (strcasecmp(request->headers[i].name, "Cookie") == 0) {
            found = cookie_in(request, request->headers[i].value, name);
        }
    }
    return found;
}

const char *hg_http_bearer(const struct hg_http_request *request)
{
    const char *value = hg_http_header(request, "Authorization");
    if (value && strncasecmp(value, "Bearer ", 7) == 0) {
        return value + 7 + strspn(value + 7, " ");
    }
    return value ? "" : NULL;
}

/* ---- JSON bodies ---- */

static bool is_json_type(const char *type)
{
    static const char json[] = "application/json";
    if (!type || strncasecmp(type, json, sizeof json - 1) != 0) {
        return false;
    }
    type += sizeof json - 1;
    type += strspn(type, " \t");
    return *type == '\0' || *type == ';';
}

/* The index behind a string whose opening quote is at `i`. */
static size_t skip_string(const char *text, size_t n, size_t i)
{
    for (i++; i < n && text[i] != '"'; i++) {
        i += text[i] == '\\';
    }
    return i + 1;
}

/* How deep lists and objects are nested, at most. */
static size_t nesting(const char *text, size_t n)
{
    size_t depth = 0;
    size_t deepest = 0;
    for (size_t i = 0; i < n;) {
        if (text[i] == '"') {
            i = skip_string(text, n, i);
            continue;
        }
        if (text[i] == '[' || text[i] == '{') {
            deepest = ++depth > deepest ? depth : deepest;
        } else if (text[i] == ']' || text[i] == '}') {
            depth -= depth > 0;
        }
        i++;
    }
    return deepest;
}

int hg_http_json_body(struct hg_http_request *request,
                      bool optional,
                      json_t **ret,
                      struct hg_error *err)
{
    const struct hg_buf *body = &request->body;
    json_error_t where;
    if (body->len == 0 && optional) {
        json_t *empty = json_object();
        *ret = empty ? empty : *ret;
        return empty ? HG_OK : hg_error_nomem(err);
    }
    if (!is_json_type(hg_http_header(request, "Content-Type"))) {
        request->problem_status = 415;
        (void)hg_error_set(err, HG_EINVAL, "the body is not declared as JSON");
        return hg_error_hint(err, "Send it with Content-Type: application/json.");
    }
    if (nesting(hg_buf_text(body), body->len) > HG_HTTP_JSON_DEPTH_MAX) {
        return hg_http_bad_request(
            request, err, "the body is nested deeper than %d levels", HG_HTTP_JSON_DEPTH_MAX);
    }
    json_t *json = hg_json_read(hg_buf_text(body), body->len, JSON_REJECT_DUPLICATES, &where);
    if (!json && json_error_code(&where) == json_error_out_of_memory) {
        return hg_error_nomem(err);
    }
    if (!json) {
        return hg_http_bad_request(request,
                                   err,
                                   "the body is malformed JSON at line %d, column %d: %s",
                                   where.line,
                                   where.column,
                                   where.text);
    }
    if (!json_is_object(json)) {
        json_decref(json);
        return hg_error_set(err, HG_EINVAL, "the body is not a JSON object");
    }
    *ret = json;
    return HG_OK;
}

/* ---- failing ---- */

int hg_http_bad_request(struct hg_http_request *request, struct hg_error *err, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int r = hg_error_vset(err, HG_EINVAL, fmt, args);
    va_end(args);
    request->problem_status = 400;
    return r;
}

void hg_http_problem_field(struct hg_http_request *request, const char *pointer, const char *detail)
{
    if (!request->problem_errors) {
        request->problem_errors = json_array();
    }
    /* Without memory the problem goes out without the field. */
    (void)json_array_append_new(request->problem_errors,
                                json_pack("{s:s, s:s}", "pointer", pointer, "detail", detail));
}

void hg_http_problem_member(struct hg_http_request *request, const char *name, const char *value)
{
    if (!request->problem_members) {
        request->problem_members = json_object();
    }
    (void)json_object_set_new(request->problem_members, name, json_string(value));
}

/* ---- answering ---- */

void hg_http_answer_drop(struct hg_http_request *request)
{
    if (request->answer.owned) {
        free(request->answer.body);
    }
    if (request->answer.subscriber) {
        hg_events_unsubscribe(request->answer.subscriber);
        hg_sockets_leave_place(request->sockets);
    }
    hg_stream_unref(request->answer.stream);
    memset(&request->answer, 0, sizeof request->answer);
}

/* Keeps headers that were added before the body. */
static void put_body(struct hg_http_request *request,
                     int status,
                     const char *content_type,
                     char *body,
                     size_t n,
                     bool owned)
{
    struct hg_http_answer *answer = &request->answer;
    if (answer->owned) {
        free(answer->body);
    }
    answer->status = status;
    answer->content_type = content_type;
    answer->body = body;
    answer->n_body = n;
    answer->owned = owned;
}

int hg_http_answer_json(struct hg_http_request *request,
                        int status,
                        json_t *json,
                        struct hg_error *err)
{
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    if (!text) {
        return hg_error_nomem(err);
    }
    put_body(request, status, "application/json", text, strlen(text), true);
    return HG_OK;
}

int hg_http_answer_text(struct hg_http_request *request,
                        int status,
                        const char *content_type,
                        const char *body,
                        struct hg_error *err)
{
    char *copy = strdup(body);
    if (!copy) {
        return hg_error_nomem(err);
    }
    put_body(request, status, content_type, copy, strlen(copy), true);
    return HG_OK;
}

void hg_http_answer_static(struct hg_http_request *request,
                           int status,
                           const char *content_type,
                           const void *body,
                           size_t n)
{
    put_body(request, status, content_type, (char *)(uintptr_t)body, n, false);
}

void hg_http_answer_empty(struct hg_http_request *request, int status)
{
    put_body(request, status, NULL, NULL, 0, false);
}

int hg_http_answer_header(struct hg_http_request *request,
                          const char *name,
                          const char *value,
                          struct hg_error *err)
{
    struct hg_http_answer *answer = &request->answer;
    if (answer->n_headers == HG_HTTP_ANSWER_HEADERS_MAX) {
        return hg_error_set(err, HG_EINTERNAL, "the answer has too many headers");
    }
    const struct hg_http_field header = {
        hg_arena_strdup(&request->arena, name),
        hg_arena_strdup(&request->arena, value),
    };
    if (!header.name || !header.value) {
        return hg_error_nomem(err);
    }
    answer->headers[answer->n_headers++] = header;
    return HG_OK;
}

void hg_http_request_free(struct hg_http_request *request)
{
    hg_http_answer_drop(request);
    hg_buf_free(&request->body);
    json_decref(request->problem_errors);
    json_decref(request->problem_members);
    hg_arena_free(&request->arena);
}
