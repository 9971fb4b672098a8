#include "pipeline/run_logs.h"

#include <string.h>

#include "base/mem.h"
#include "joblog/job_log.h"
#include "pipeline/live.h"
#include "pipeline/service.h"
#include "pipeline/state.h"

static bool has_job(const struct hg_attempt *attempt, const char *job)
{
    size_t i;
    const json_t *id;
    json_array_foreach (json_object_get(attempt->task.spec, "jobs"), i, id) {
        if (strcmp(json_string_value(id), job) == 0) {
            return true;
        }
    }
    return false;
}

/* An attempt is in the list before its log is there, and its log is ended before it leaves that. */
static bool is_under_way(void *arg, const struct hg_job_log_name *name)
{
    struct hg_pipelines *service = arg;
    HG_LOCK(&service->mutex);
    for (const struct hg_attempt *a = service->attempts.first; a; a = a->next) {
        if (a->task.attempt == name->attempt && strcmp(a->task.run_id, name->run_id) == 0 &&
            has_job(a, name->job)) {
            return true;
        }
    }
    return false;
}

static void on_line(void *arg, const struct hg_job_log_name *name, const char *line, size_t n)
{
    hg_live_log_line(arg, name, line, n);
}

int hg_run_logs_open(struct hg_pipelines *service, struct hg_error *err)
{
    const struct hg_job_logs_options options = {
        .data_dir = service->options.config->data_dir,
        .arg = service,
        .is_under_way = is_under_way,
        .on_line = on_line,
    };
    return hg_job_logs_open(&options, &service->logs, err);
}

void hg_run_logs_end(struct hg_pipelines *service, const struct hg_queue_task *task)
{
    size_t i;
    const json_t *job;
    json_array_foreach (json_object_get(task->spec, "jobs"), i, job) {
        const struct hg_job_log_name name =
            hg_job_log_name(task->run_id, json_string_value(job), task->attempt);
        hg_job_log_end(service->logs, &name);
    }
}

/* ---- pages ---- */

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
    return r < 0 ? r : hg_job_log_page(service->logs, &of, query, ret, err);
}
