#include "api/runs.h"

#include "api/context.h"
#include "base/log.h"
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

/* `tail` says how many lines, in place of `limit`. */
static int log_query(struct hg_http_request *request,
                     struct hg_job_log_query *ret,
                     struct hg_error *err)
{
    int line = 0;
    int tail = 0;
    const char *level = hg_http_query(request, "level");
    *ret = (struct hg_job_log_query){.level = HG_LOG_DEBUG};
    struct hg_page page = {0};
    int r = hg_api_page(request, &page, err);
    r = r < 0 ? r : hg_http_query_int(request, "attempt", 1, INT32_MAX, 0, &ret->attempt, err);
    r = r < 0 ? r : hg_http_query_int(request, "line", 1, INT32_MAX, 0, &line, err);
    r = r < 0 ? r : hg_http_query_int(request, "tail", 1, 500, 0, &tail, err);
    if (r == HG_OK && tail > 0 && hg_http_query(request, "limit")) {
        return hg_http_bad_request(request, err, "\"tail\" and \"limit\" say the same: give one");
    }
    ret->limit = tail > 0 ? tail : page.limit;
    ret->cursor = page.cursor;
    ret->line = line;
    ret->tail = tail > 0;
    return r < 0 || !level ? r : hg_log_level_parse(level, &ret->level, err);
}

int hg_api_runs_job_log(struct hg_http_request *request, struct hg_error *err)
{
    const char *run_id;
    struct hg_job_log_query query;
    json_t *answer = NULL;
    int r = run_id_of(request, &run_id, err);
    r = r < 0 ? r : log_query(request, &query, err);
    r = r < 0 ? r
              : hg_runs_job_log(hg_api_of(request)->options.pipelines,
                                run_id,
                                hg_http_param(request, 1),
                                &query,
                                &answer,
                                err);
    return hg_api_answer(request, r, answer, err);
}
