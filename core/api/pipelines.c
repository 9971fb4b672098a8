#include "api/pipelines.h"

#include <string.h>

#include <openssl/evp.h>

#include "api/context.h"
#include "api/idempotency.h"
#include "base/etag.h"
#include "base/hex.h"
#include "base/mem.h"
#include "base/uuid.h"

enum {
    ETAG_TEXT = 35, /* two quotes, 32 hex digits, NUL */
};

int hg_api_pipelines_list(struct hg_http_request *request, struct hg_error *err)
{
    struct hg_page page;
    json_t *answer = NULL;
    int r = hg_api_page(request, &page, err);
    r = r < 0 ? r : hg_pipelines_list(hg_api_of(request)->options.pipelines, &page, &answer, err);
    return hg_api_answer(request, r, answer, err);
}

/* Of what PATCH changes, not of its runs: they go on while a person edits. */
static int make_etag(const json_t *pipeline, char ret[ETAG_TEXT], struct hg_error *err)
{
    static const char *const keys[] = {
        "id", "version", "schedule", "timezone", "parallelism", "retries", "enabled", "overrides"};
    unsigned char hash[EVP_MAX_MD_SIZE];
    HG_CLEANUP(hg_json_decrefp) json_t *part = json_object();
    for (size_t i = 0; i < HG_COUNT(keys); i++) {
        json_t *value = json_object_get(pipeline, keys[i]);
        if (value && json_object_set(part, keys[i], value) < 0) {
            return hg_error_nomem(err);
        }
    }
    HG_CLEANUP(hg_freep) char *text = json_dumps(part, JSON_COMPACT | JSON_SORT_KEYS);
    if (!text) {
        return hg_error_nomem(err);
    }
    if (EVP_Digest(text, strlen(text), hash, NULL, EVP_sha256(), NULL) != 1) {
        return hg_error_set(err, HG_EINTERNAL, "cannot hash a pipeline");
    }
    ret[0] = '"';
    memcpy(hg_hex(hash, 16, ret + 1), "\"", 2);
    return HG_OK;
}

static int answer_pipeline(struct hg_http_request *request,
                           int r,
                           json_t *pipeline,
                           struct hg_error *err)
{
    char etag[ETAG_TEXT];
    int made = r < 0 ? r : make_etag(pipeline, etag, err);
    made = made < 0 ? made : hg_http_answer_header(request, "ETag", etag, err);
    if (r == HG_OK && made < 0) {
        json_decref(pipeline);
        return made;
    }
    return hg_api_answer(request, r, pipeline, err);
}

int hg_api_pipelines_get(struct hg_http_request *request, struct hg_error *err)
{
    json_t *answer = NULL;
    int r = hg_pipelines_get(
        hg_api_of(request)->options.pipelines, hg_http_param(request, 0), &answer, err);
    return answer_pipeline(request, r, answer, err);
}

/* 412 when If-Match names another state than the present one. */
static int check_if_match(struct hg_http_request *request, struct hg_error *err)
{
    HG_CLEANUP(hg_json_decrefp) json_t *present = NULL;
    char etag[ETAG_TEXT];
    bool is_stale = false;
    const char *wanted = hg_http_header(request, "If-Match");
    if (!wanted) {
        return HG_OK;
    }
    int r = hg_pipelines_get(
        hg_api_of(request)->options.pipelines, hg_http_param(request, 0), &present, err);
    r = r < 0 ? r : make_etag(present, etag, err);
    r = r < 0 ? r : hg_etag_check(wanted, etag, "the pipeline", &is_stale, err);
    request->problem_status = is_stale ? 412 : request->problem_status;
    return r;
}

int hg_api_pipelines_update(struct hg_http_request *request, struct hg_error *err)
{
    HG_CLEANUP(hg_json_decrefp) json_t *patch = NULL;
    json_t *answer = NULL;
    int r = hg_http_json_body(request, false, &patch, err);
    r = r < 0 ? r : check_if_match(request, err);
    r = r < 0 ? r
              : hg_pipelines_update(hg_api_of(request)->options.pipelines,
                                    &request->principal,
                                    hg_http_param(request, 0),
                                    patch,
                                    &answer,
                                    err);
    return answer_pipeline(request, r, answer, err);
}

int hg_api_pipelines_reset(struct hg_http_request *request, struct hg_error *err)
{
    json_t *answer = NULL;
    int r = check_if_match(request, err);
    r = r < 0 ? r
              : hg_pipelines_reset(hg_api_of(request)->options.pipelines,
                                   &request->principal,
                                   hg_http_param(request, 0),
                                   &answer,
                                   err);
    return answer_pipeline(request, r, answer, err);
}

static int trigger(struct hg_http_request *request, struct hg_error *err)
{
    static const char *const members[] = {"params", NULL};
    HG_CLEANUP(hg_json_decrefp) json_t *body = NULL;
    json_t *answer = NULL;
    char busy[HG_UUID_TEXT] = "";
    int r = hg_http_json_body(request, true, &body, err);
    r = r < 0 ? r : hg_api_check_members(request, body, members, err);
    r = r < 0 ? r
              : hg_pipelines_trigger(hg_api_of(request)->options.pipelines,
                                     &request->principal,
                                     hg_http_param(request, 0),
                                     json_object_get(body, "params"),
                                     &answer,
                                     busy,
                                     err);
    if (r == HG_ECONFLICT && busy[0]) {
        hg_http_problem_member(request, "run_id", busy);
    }
    return r < 0 ? r : hg_api_accept(request, answer, err);
}

int hg_api_pipelines_trigger(struct hg_http_request *request, struct hg_error *err)
{
    return hg_idempotency_run(hg_api_of(request)->idempotency, trigger, request, err);
}

static int check_status(struct hg_http_request *request, const char *status, struct hg_error *err)
{
    static const char *const statuses[] = {
        "queued", "running", "succeeded", "failed", "cancelled", "skipped"};
    for (size_t i = 0; status && i < HG_COUNT(statuses); i++) {
        if (strcmp(status, statuses[i]) == 0) {
            return HG_OK;
        }
    }
    if (!status) {
        return HG_OK;
    }
    return hg_http_bad_request(request,
                               err,
                               "the parameter \"status\" is \"%.64s\", expected queued, running, "
                               "succeeded, failed, cancelled or skipped",
                               status);
}

int hg_api_pipelines_runs(struct hg_http_request *request, struct hg_error *err)
{
    struct hg_page page;
    json_t *answer = NULL;
    const char *status = hg_http_query(request, "status");
    int r = hg_api_page(request, &page, err);
    r = r < 0 ? r : check_status(request, status, err);
    r = r < 0 ? r
              : hg_runs_list(hg_api_of(request)->options.pipelines,
                             hg_http_param(request, 0),
                             status,
                             &page,
                             &answer,
                             err);
    return hg_api_answer(request, r, answer, err);
}
