#include "api/runs.h"

#include "api/context.h"
#include "base/mem.h"
#include "base/uuid.h"

/* The run's id of the path; what cannot be one names nothing. */
static int run_id_of(const struct hg_http_request *request, const char **ret, struct hg_error *err)
{
    *ret = hg_http_param(request, 0);
    if (!hg_uuid_is_valid(*ret)) {
        return hg_error_set(err, HG_ENOTFOUND, "there is no run \"%.64s\"", *ret);
    }
    return HG_OK;
}

int hg_api_runs_get(struct hg_http_request *request, struct hg_error *err)
{
    const char *run_id;
    json_t *answer = NULL;
    int r = run_id_of(request, &run_id, err);
    r = r < 0 ? r : hg_runs_get(hg_api_of(request)->options.pipelines, run_id, &answer, err);
    return hg_api_answer(request, r, answer, err);
}

int hg_api_runs_cancel(struct hg_http_request *request, struct hg_error *err)
{
    const char *run_id;
    json_t *answer = NULL;
    int r = run_id_of(request, &run_id, err);
    r = r < 0 ? r : hg_api_no_body(request, err);
    r = r < 0
            ? r
            : hg_runs_cancel(
                  hg_api_of(request)->options.pipelines, &request->principal, run_id, &answer, err);
    return r < 0 ? r : hg_http_answer_json(request, 202, answer, err);
}

int hg_api_runs_retry(struct hg_http_request *request, struct hg_error *err)
{
    const char *run_id;
    char busy[HG_UUID_TEXT] = "";
    json_t *answer = NULL;
    int r = run_id_of(request, &run_id, err);
    r = r < 0 ? r : hg_api_no_body(request, err);
    r = r < 0 ? r
              : hg_runs_retry(hg_api_of(request)->options.pipelines,
                              &request->principal,
                              run_id,
                              &answer,
                              busy,
                              err);
    if (r == HG_ECONFLICT && busy[0]) {
        hg_http_problem_member(request, "run_id", busy);
    }
    return r < 0 ? r : hg_http_answer_json(request, 202, answer, err);
}

int hg_api_runs_job_log(struct hg_http_request *request, struct hg_error *err)
{
    const char *run_id;
    struct hg_page page;
    json_t *answer = NULL;
    int r = run_id_of(request, &run_id, err);
    r = r < 0 ? r : hg_api_page(request, &page, err);
    r = r < 0 ? r
              : hg_runs_job_log(hg_api_of(request)->options.pipelines,
                                run_id,
                                hg_http_param(request, 1),
                                &page,
                                &answer,
                                err);
    return hg_api_answer(request, r, answer, err);
}
