#include "base/mem.h"
#include "dispatch/dispatch.h"
#include "joblog/job_log.h"
#include "pipeline/service.h"
#include "pipeline/state.h"

static const struct hg_statement job_attempt = {
    "job_attempt", "select attempt from job_run where run_id = $1 and job_id = $2", 2};

static int find_attempt(struct hg_pipelines *service,
                        const char *run_id,
                        const char *job_id,
                        int *ret_attempt,
                        struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    const char *const params[] = {run_id, job_id};
    if (!hg_uuid_is_valid(run_id)) {
        return hg_error_set(err, HG_ENOTFOUND, "there is no run \"%.64s\"", run_id);
    }
    int r = hg_pool_borrow(service->options.metadata, HG_BORROW_MS, &db, err);
    r = r < 0 ? r : hg_db_exec(db, &job_attempt, params, &result, err);
    if (r < 0) {
        return r;
    }
    if (PQntuples(result) == 0) {
        return hg_error_set(
            err, HG_ENOTFOUND, "there is no job \"%.64s\" in run %s", job_id, run_id);
    }
    *ret_attempt = (int)hg_result_int64(result, 0, "attempt", 0);
    return HG_OK;
}

int hg_runs_job_log(struct hg_pipelines *service,
                    const char *run_id,
                    const char *job_id,
                    const struct hg_job_log_query *query,
                    json_t **ret,
                    struct hg_error *err)
{
    int attempt = 0;
    int r = find_attempt(service, run_id, job_id, &attempt, err);
    const struct hg_job_log_name of = hg_job_log_name(run_id, job_id, attempt);
    return r < 0 ? r : hg_job_log_page(hg_dispatch_logs(service->dispatch), &of, query, ret, err);
}
