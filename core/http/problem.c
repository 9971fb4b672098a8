#include "http/problem.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

static const struct {
    int code;
    int status;
} statuses[] = {
    {HG_EINVAL, 422},
    {HG_ENOTFOUND, 404},
    {HG_EEXIST, 409},
    {HG_ENOTSUP, 422},
    {HG_EUNAUTHENTICATED, 401},
    {HG_EFORBIDDEN, 403},
    {HG_ERATELIMITED, 429},
    {HG_EUNAVAILABLE, 503},
    {HG_ETIMEDOUT, 503},
    {HG_ECANCELLED, 503},
    {HG_ECONFLICT, 409},
    {HG_ETOOBIG, 413},
    {HG_ENOMEM, 503},
};

/* `slug` ends the problem's type, urn:headgate:problem:<slug>: what programs tell them apart by. */
static const struct {
    int status;
    const char *slug;
    const char *title;
} kinds[] = {
    {400, "bad-request", "The request is malformed"},
    {401, "not-signed-in", "Not signed in"},
    {403, "forbidden", "Not allowed"},
    {404, "not-found", "No such thing"},
    {405, "method-not-allowed", "This cannot be done here"},
    {409, "conflict", "This conflicts with what is there"},
    {412, "precondition-failed", "It was changed meanwhile"},
    {413, "too-large", "The request is too large"},
    {414, "address-too-long", "The address is too long"},
    {415, "wrong-content-type", "The body has the wrong content type"},
    {422, "invalid", "The request is not valid"},
    {429, "too-many-attempts", "Too many attempts"},
    {501, "not-implemented", "The host does not do this"},
    {503, "unavailable", "Not available at the moment"},
    {500, "internal", "The host failed"},
};

int hg_problem_status(int code)
{
    for (size_t i = 0; i < HG_COUNT(statuses); i++) {
        if (statuses[i].code == code) {
            return statuses[i].status;
        }
    }
    return 500;
}

/* The row of a status; that of 500 for one without. */
static size_t kind_of(int status)
{
    size_t i = 0;
    while (i + 1 < HG_COUNT(kinds) && kinds[i].status != status) {
        i++;
    }
    return i;
}

const char *hg_problem_title(int status)
{
    return kinds[kind_of(status)].title;
}

int hg_problem_retry_after_s(const struct hg_error *error)
{
    int64_t s = error->retry_after_ms > 0 ? (error->retry_after_ms + 999) / 1000 : 1;
    return s > 86400 ? 86400 : (int)s;
}

/* An error's message as a sentence: "there is no x" to "There is no x." */
static void put_sentence(struct hg_buf *buf, const char *message)
{
    hg_buf_putc(buf, (char)toupper((unsigned char)message[0]));
    hg_buf_puts(buf, message + 1);
    if (!strchr(".!?", message[strlen(message) - 1])) {
        hg_buf_putc(buf, '.');
    }
}

static void put_detail(struct hg_buf *buf, int status, const struct hg_error *error)
{
    /* What failed inside is in the host's log, under the request's id; clients have no use for it.
     */
    if (status == 500) {
        hg_buf_puts(buf, "Something inside the host failed while it worked on this request.");
    } else if (error->message[0]) {
        put_sentence(buf, error->message);
    } else {
        hg_buf_printf(buf, "%s.", hg_problem_title(status));
    }
}

/* The address as sent, for `instance`; what is not ASCII or could break a line is escaped. */
static void put_instance(struct hg_buf *buf, const char *raw)
{
    size_t n = strcspn(raw, "?#");
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)raw[i];
        if (c <= 0x20 || c >= 0x7f || strchr("\"<>\\^`{|}", c)) {
            hg_buf_printf(buf, "%%%02X", c);
        } else {
            hg_buf_putc(buf, (char)c);
        }
    }
}

static json_t *errors_of(const struct hg_error *error, const json_t *errors)
{
    if (errors) {
        return json_incref((json_t *)(uintptr_t)errors);
    }
    if (!error->pointer[0]) {
        return NULL;
    }
    return json_pack("[{s:s, s:s}]", "pointer", error->pointer, "detail", error->message);
}

char *hg_problem_text(const struct hg_http_request *request,
                      int status,
                      const struct hg_error *error,
                      const json_t *errors,
                      const json_t *members)
{
    HG_CLEANUP(hg_buf_free) struct hg_buf detail = HG_BUF_INIT;
    HG_CLEANUP(hg_buf_free) struct hg_buf instance = HG_BUF_INIT;
    char type[64];
    size_t kind = kind_of(status);
    (void)snprintf(type, sizeof type, "urn:headgate:problem:%s", kinds[kind].slug);
    put_detail(&detail, status, error);
    put_instance(&instance, request->raw_target ? request->raw_target : "/");
    const char *hint = status == 500    ? "Look for this request_id in the host's log."
                       : error->hint[0] ? error->hint
                                        : NULL;
    HG_CLEANUP(hg_json_decrefp)
    json_t *document = json_pack("{s:s, s:s, s:i, s:s, s:s, s:s, s:s*, s:o*}",
                                 "type",
                                 type,
                                 "title",
                                 kinds[kind].title,
                                 "status",
                                 status,
                                 "detail",
                                 hg_buf_text(&detail),
                                 "request_id",
                                 request->id,
                                 "instance",
                                 hg_buf_text(&instance),
                                 "hint",
                                 hint,
                                 "errors",
                                 errors_of(error, errors));
    if (!document) {
        return NULL;
    }
    if (members) {
        (void)json_object_update_missing(document, (json_t *)(uintptr_t)members);
    }
    return json_dumps(document, JSON_COMPACT);
}

/* Headers that go with some statuses. Those of the failed handler stay (Allow, Location). */
static void add_headers(struct hg_http_request *request, int status, const struct hg_error *error)
{
    char seconds[16];
    if (status == 503 || status == 429) {
        (void)snprintf(seconds, sizeof seconds, "%d", hg_problem_retry_after_s(error));
        (void)hg_http_answer_header(request, "Retry-After", seconds, NULL);
    }
    if (status == 401) {
        (void)hg_http_answer_header(request, "WWW-Authenticate", "Bearer realm=\"headgate\"", NULL);
    }
}

void hg_problem_answer(struct hg_http_request *request, const struct hg_error *error)
{
    static const char last_resort[] =
        "{\"type\":\"urn:headgate:problem:unavailable\",\"title\":\"Not available at the moment\","
        "\"status\":503,\"detail\":\"The host is out of memory.\"}";
    int status = request->problem_status ? request->problem_status : hg_problem_status(error->code);
    char *text =
        hg_problem_text(request, status, error, request->problem_errors, request->problem_members);
    if (text) {
        hg_http_answer_static(request, status, "application/problem+json", text, strlen(text));
        request->answer.owned = true;
    } else {
        status = 503;
        hg_http_answer_static(
            request, status, "application/problem+json", last_resort, sizeof last_resort - 1);
    }
    add_headers(request, status, error);
}
