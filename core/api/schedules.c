#include "api/schedules.h"

#include "api/context.h"
#include "api/idempotency.h"
#include "base/mem.h"
#include "base/time.h"
#include "schedule/fire_times.h"

enum { TIMES = 5, TIMES_MAX = 100 };

static struct hg_pipelines *pipelines_of(const struct hg_http_request *request)
{
    return hg_api_of(request)->options.pipelines;
}

/* ---- fire times ---- */

static int after_of(struct hg_http_request *request, int64_t *ret_us, struct hg_error *err)
{
    const char *after = hg_http_query(request, "after");
    *ret_us = hg_time_now_us();
    if (!after || hg_time_parse(after, ret_us, NULL) == HG_OK) {
        return HG_OK;
    }
    return hg_http_bad_request(request,
                               err,
                               "the parameter \"after\" is \"%.64s\", expected a time as in "
                               "2026-03-01T00:00:00Z",
                               after);
}

int hg_api_schedules_next(struct hg_http_request *request, struct hg_error *err)
{
    const char *cron = hg_http_query(request, "cron");
    const char *zone_name = hg_http_query(request, "timezone");
    json_t *answer = NULL;
    int64_t after_us = 0;
    int count = 0;
    if (!cron) {
        return hg_http_bad_request(
            request, err, "the parameter \"cron\" is missing: which schedule, as in 0 3 * * 1-5");
    }
    int r = hg_http_query_int(request, "count", 1, TIMES_MAX, TIMES, &count, err);
    r = r < 0 ? r : after_of(request, &after_us, err);
    r = r < 0
            ? r
            : hg_schedules_next(cron, zone_name ? zone_name : "UTC", after_us, count, &answer, err);
    return hg_api_answer(request, r, answer, err);
}

/* ---- backfills ---- */

static int create(struct hg_http_request *request, struct hg_error *err)
{
    static const char *const members[] = {"from", "to", "params", NULL};
    HG_CLEANUP(hg_json_decrefp) json_t *body = NULL;
    json_t *answer = NULL;
    int r = hg_http_json_body(request, false, &body, err);
    r = r < 0 ? r : hg_api_check_members(request, body, members, err);
    r = r < 0 ? r
              : hg_backfills_create(pipelines_of(request),
                                    &request->principal,
                                    hg_http_param(request, 0),
                                    body,
                                    &answer,
                                    err);
    return r < 0 ? r : hg_api_accept(request, answer, err);
}

int hg_api_backfills_create(struct hg_http_request *request, struct hg_error *err)
{
    return hg_idempotency_run(hg_api_of(request)->idempotency, create, request, err);
}

int hg_api_backfills_list(struct hg_http_request *request, struct hg_error *err)
{
    struct hg_page page;
    json_t *answer = NULL;
    int r = hg_api_page(request, &page, err);
    r = r < 0 ? r
              : hg_backfills_list(
                    pipelines_of(request), hg_http_param(request, 0), &page, &answer, err);
    return hg_api_answer(request, r, answer, err);
}

int hg_api_backfills_get(struct hg_http_request *request, struct hg_error *err)
{
    json_t *answer = NULL;
    int r = hg_backfills_get(
        pipelines_of(request), hg_http_param(request, 0), hg_http_param(request, 1), &answer, err);
    return hg_api_answer(request, r, answer, err);
}

int hg_api_backfills_cancel(struct hg_http_request *request, struct hg_error *err)
{
    json_t *answer = NULL;
    int r = hg_api_no_body(request, err);
    r = r < 0 ? r
              : hg_backfills_cancel(pipelines_of(request),
                                    &request->principal,
                                    hg_http_param(request, 0),
                                    hg_http_param(request, 1),
                                    &answer,
                                    err);
    return r < 0 ? r : hg_http_answer_json(request, 202, answer, err);
}

/* ---- versions ---- */

int hg_api_versions_list(struct hg_http_request *request, struct hg_error *err)
{
    struct hg_page page;
    json_t *answer = NULL;
    int r = hg_api_page(request, &page, err);
    r = r < 0 ? r
              : hg_versions_list(
                    pipelines_of(request), hg_http_param(request, 0), &page, &answer, err);
    return hg_api_answer(request, r, answer, err);
}

int hg_api_versions_get(struct hg_http_request *request, struct hg_error *err)
{
    json_t *answer = NULL;
    int r = hg_versions_get(
        pipelines_of(request), hg_http_param(request, 0), hg_http_param(request, 1), &answer, err);
    return hg_api_answer(request, r, answer, err);
}
