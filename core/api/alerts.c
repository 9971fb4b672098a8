#include "api/alerts.h"

#include <string.h>

#include "alerts/alerts.h"
#include "api/context.h"
#include "api/idempotency.h"
#include "base/mem.h"
#include "base/secret.h"

static struct hg_alerts *alerts_of(const struct hg_http_request *request)
{
    return hg_api_of(request)->options.alerts;
}

int hg_api_channels_list(struct hg_http_request *request, struct hg_error *err)
{
    struct hg_page page;
    json_t *answer = NULL;
    int r = hg_api_page(request, &page, err);
    r = r < 0 ? r : hg_channel_list(alerts_of(request), &page, &answer, err);
    return hg_api_answer(request, r, answer, err);
}

/* Takes `channel` over. */
static int answer_channel(struct hg_http_request *request,
                          int status,
                          json_t *channel,
                          const char *etag,
                          struct hg_error *err)
{
    int r = hg_http_answer_header(request, "ETag", etag, err);
    if (r < 0) {
        json_decref(channel);
        return r;
    }
    return hg_http_answer_json(request, status, channel, err);
}

int hg_api_channels_get(struct hg_http_request *request, struct hg_error *err)
{
    json_t *channel = NULL;
    char etag[HG_CHANNEL_ETAG];
    int r = hg_channel_get(alerts_of(request), hg_http_param(request, 0), &channel, etag, err);
    return r < 0 ? r : answer_channel(request, 200, channel, etag, err);
}

/* ---- bodies ---- */

/* A body that may hold secrets, and what was sent of it; wiped when it is done with. */
struct wish_body {
    struct hg_http_request *request;
    json_t *json;
    struct hg_channel_wish wish;
    bool enabled;
};

static void wipe_text(json_t *json, const char *name)
{
    const char *text = json_string_value(json_object_get(json, name));
    if (text) {
        hg_secret_wipe((char *)(uintptr_t)text, strlen(text));
    }
}

static void free_body(struct wish_body *body)
{
    wipe_text(body->json, "secret");
    wipe_text(body->json, "url");
    json_decref(body->json);
    if (body->request->body.data) {
        hg_secret_wipe(body->request->body.data, body->request->body.len);
    }
}

static int read_to(struct wish_body *body, struct hg_error *err)
{
    const json_t *member = json_object_get(body->json, "to");
    if (member && !json_is_array(member)) {
        hg_http_problem_field(body->request, "/to", "expected a list of addresses");
        return hg_error_set(err, HG_EINVAL, "\"to\" is not a list");
    }
    body->wish.to = member;
    return HG_OK;
}

static int read_enabled(struct wish_body *body, struct hg_error *err)
{
    const json_t *member = json_object_get(body->json, "enabled");
    if (member && !json_is_boolean(member)) {
        hg_http_problem_field(body->request, "/enabled", "expected true or false");
        return hg_error_set(err, HG_EINVAL, "\"enabled\" is not true or false");
    }
    body->enabled = json_is_true(member);
    body->wish.enabled = member ? &body->enabled : NULL;
    return HG_OK;
}

/* `members`: those that the body may have, ended by NULL. */
static int read_body(struct wish_body *body, const char *const *members, struct hg_error *err)
{
    struct hg_channel_wish *wish = &body->wish;
    struct hg_http_request *request = body->request;
    int r = hg_http_json_body(request, false, &body->json, err);
    r = r < 0 ? r : hg_api_check_members(request, body->json, members, err);
    r = r < 0 ? r : hg_api_optional_text(request, body->json, "name", &wish->name, err);
    r = r < 0 ? r : hg_api_optional_text(request, body->json, "kind", &wish->kind, err);
    r = r < 0 ? r : hg_api_optional_text(request, body->json, "url", &wish->url, err);
    r = r < 0 ? r : hg_api_optional_text(request, body->json, "secret", &wish->secret, err);
    r = r < 0 ? r : read_to(body, err);
    return r < 0 ? r : read_enabled(body, err);
}

static int create(struct hg_http_request *request, struct hg_error *err)
{
    static const char *const members[] = {"name", "kind", "url", "to", "secret", "enabled", NULL};
    static const char *const needed[] = {"name", "kind"};
    HG_CLEANUP(free_body) struct wish_body body = {.request = request};
    json_t *channel = NULL;
    char etag[HG_CHANNEL_ETAG];
    int r = read_body(&body, members, err);
    for (size_t i = 0; r == HG_OK && i < HG_COUNT(needed); i++) {
        const char *ignored;
        r = hg_api_text_member(request, body.json, needed[i], &ignored, err);
    }
    r = r < 0 ? r
              : hg_channel_create(
                    alerts_of(request), &request->principal, &body.wish, &channel, etag, err);
    if (r < 0) {
        return r;
    }
    const char *id = json_string_value(json_object_get(channel, "id"));
    const char *location =
        hg_arena_printf(&request->arena, "/api/v1/alerts/channels/%s", id ? id : "");
    r = location ? hg_http_answer_header(request, "Location", location, err) : hg_error_nomem(err);
    if (r < 0) {
        json_decref(channel);
        return r;
    }
    return answer_channel(request, 201, channel, etag, err);
}

int hg_api_channels_create(struct hg_http_request *request, struct hg_error *err)
{
    return hg_idempotency_run_once(hg_api_of(request)->idempotency, create, "secret", request, err);
}

static int if_stale(struct hg_http_request *request, bool stale, int r)
{
    if (stale) {
        request->problem_status = 412;
    }
    return r;
}

int hg_api_channels_update(struct hg_http_request *request, struct hg_error *err)
{
    static const char *const members[] = {"name", "url", "to", "secret", "enabled", NULL};
    HG_CLEANUP(free_body) struct wish_body body = {.request = request};
    json_t *channel = NULL;
    char etag[HG_CHANNEL_ETAG];
    bool stale = false;
    int r = read_body(&body, members, err);
    body.wish.if_match = hg_http_header(request, "If-Match");
    r = r < 0 ? r
              : hg_channel_update(alerts_of(request),
                                  &request->principal,
                                  hg_http_param(request, 0),
                                  &body.wish,
                                  &channel,
                                  etag,
                                  &stale,
                                  err);
    return r < 0 ? if_stale(request, stale, r) : answer_channel(request, 200, channel, etag, err);
}

int hg_api_channels_delete(struct hg_http_request *request, struct hg_error *err)
{
    bool stale = false;
    int r = hg_channel_delete(alerts_of(request),
                              &request->principal,
                              hg_http_param(request, 0),
                              hg_http_header(request, "If-Match"),
                              &stale,
                              err);
    if (r == HG_OK) {
        hg_http_answer_empty(request, 204);
    }
    return if_stale(request, stale, r);
}

int hg_api_channels_test(struct hg_http_request *request, struct hg_error *err)
{
    json_t *answer = NULL;
    int r = hg_api_no_body(request, err);
    r = r < 0
            ? r
            : hg_channel_test(
                  alerts_of(request), &request->principal, hg_http_param(request, 0), &answer, err);
    return hg_api_answer(request, r, answer, err);
}

static int check_delivery(struct hg_http_request *request,
                          const char *delivery,
                          struct hg_error *err)
{
    static const char *const statuses[] = {"pending", "sent", "failed", "suppressed"};
    for (size_t i = 0; delivery && i < HG_COUNT(statuses); i++) {
        if (strcmp(delivery, statuses[i]) == 0) {
            return HG_OK;
        }
    }
    return delivery ? hg_http_bad_request(request,
                                          err,
                                          "the parameter \"delivery\" is \"%.64s\", expected "
                                          "pending, sent, failed or suppressed",
                                          delivery)
                    : HG_OK;
}

int hg_api_alerts_list(struct hg_http_request *request, struct hg_error *err)
{
    struct hg_page page;
    json_t *answer = NULL;
    const struct hg_alert_filter filter = {
        .pipeline_id = hg_http_query(request, "pipeline"),
        .channel = hg_http_query(request, "channel"),
        .delivery = hg_http_query(request, "delivery"),
    };
    int r = hg_api_page(request, &page, err);
    r = r < 0 ? r : check_delivery(request, filter.delivery, err);
    r = r < 0 ? r : hg_alert_list(alerts_of(request), &filter, &page, &answer, err);
    return hg_api_answer(request, r, answer, err);
}
