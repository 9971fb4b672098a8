/*
 * How attempts end. One transaction an end: the task, its jobs, what depends on it, the run's final
 * state. The run's row is locked first, so that two ends of one run follow each other.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error_json.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "pipeline/internal.h"

enum { NUMBER_TEXT = 24 };

static const char *number(char text[NUMBER_TEXT], int64_t value)
{
    (void)snprintf(text, NUMBER_TEXT, "%" PRId64, value);
    return text;
}

/* ---- start ---- */

static const struct hg_statement start_jobs = {
    "outcome_start_jobs",
    "update job_run set status = 'running', attempt = $2, started_at = now(), finished_at = null,"
    " rows_in = 0, rows_out = 0, rows_rejected = 0, error = null where task_id = $1",
    2};

/* A transaction of its own whose commit does not wait for the disk: the next claim says it again.
 */
static const struct hg_statement start_run = {
    "outcome_start_run",
    "with relaxed as materialized (select set_config('synchronous_commit', 'off', true) as off)"
    " update run set status = 'running', started_at = coalesce(started_at, now())"
    " from relaxed where id = $1 and status = 'queued'",
    1};

int hg_outcome_started(struct hg_db *db, const struct hg_queue_task *task, struct hg_error *err)
{
    char attempt[NUMBER_TEXT];
    const char *const jobs[] = {task->id, number(attempt, task->attempt)};
    return hg_db_exec(db, &start_jobs, jobs, NULL, err);
}

int hg_outcome_run_started(struct hg_db *db, const char *run_id, struct hg_error *err)
{
    const char *const params[] = {run_id};
    return hg_db_exec(db, &start_run, params, NULL, err);
}

/* ---- progress ---- */

static const struct hg_statement job_progress = {
    "outcome_progress",
    "update job_run set rows_in = $3, rows_out = $4, rows_rejected = $5"
    " where task_id = $1 and job_id = $2 and status = 'running' and attempt = $6",
    6};

int hg_outcome_progress(struct hg_db *db,
                        const struct hg_attempt *attempt,
                        const json_t *progress,
                        struct hg_error *err)
{
    const char *job;
    json_t *rows;
    json_object_foreach ((json_t *)(uintptr_t)progress, job, rows) {
        char text[4][NUMBER_TEXT];
        const char *const params[] = {
            attempt->task.id,
            job,
            number(text[0], json_integer_value(json_array_get(rows, 0))),
            number(text[1], json_integer_value(json_array_get(rows, 1))),
            number(text[2], json_integer_value(json_array_get(rows, 2))),
            number(text[3], attempt->task.attempt),
        };
        int r = hg_db_exec(db, &job_progress, params, NULL, err);
        if (r < 0) {
            return r;
        }
    }
    return HG_OK;
}

/* ---- end ---- */

/* A load that did not succeed has loaded nothing, however far it came. */
static const struct hg_statement end_job = {
    "outcome_end_job",
    "update job_run set status = $3, finished_at = now(), rows_in = $4,"
    " rows_out = case when type = 'load' and $3 <> 'succeeded' then 0 else $5::bigint end,"
    " rows_rejected = $6, error = $7::jsonb,"
    " started_at = case when $3 = 'skipped' then null else coalesce(started_at, now()) end"
    " where task_id = $1 and job_id = $2",
    7};

/*
 * When the worker died there is no report: the job that was at work is at fault, or the first when
 * that is unknown. Those before it end with it, those behind it never came.
 */
static const struct hg_statement end_jobs_without_report = {
    "outcome_end_jobs",
    "update job_run j set finished_at = now(),"
    " status = case when $2 <> 'failed' or j.position = f.fault then $2"
    " when j.position < f.fault then 'cancelled' else 'skipped' end,"
    " rows_out = case when j.type = 'load' then 0 else j.rows_out end,"
    " error = case when j.position = f.fault then $3::jsonb end"
    " from (select coalesce(min(position) filter (where job_id = $4), min(position)) as fault"
    " from job_run where task_id = $1) f"
    " where j.task_id = $1",
    4};

static const struct hg_statement retrying_jobs = {
    "outcome_retrying_jobs",
    "update job_run set status = 'retrying', finished_at = now(),"
    " error = case when job_id = $3 then $2::jsonb end,"
    " rows_out = case when type = 'load' then 0 else rows_out end"
    " where task_id = $1",
    3};

static const struct hg_statement count_retry = {
    "outcome_count_retry", "update run set retry_count = retry_count + 1 where id = $1", 1};

/* Jobs of tasks that ended without an attempt of their own. */
static const struct hg_statement end_jobs_of_others = {
    "outcome_end_jobs_of_others",
    "update job_run j set status = t.state, finished_at = case t.state when 'cancelled' then now()"
    " end from task t where t.run_id = $1 and j.task_id = t.id"
    " and t.state in ('skipped', 'cancelled') and j.status in ('queued', 'retrying')",
    1};

static const struct hg_statement add_result = {
    "outcome_result",
    "insert into check_result (run_id, job_id, rule, column_name, grain, dimension, issue_type,"
    " severity, on_fail, evaluated, failed, status)"
    " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    12};

/* The first failed job, in the order of the definition, gives the run its error. */
static const struct hg_statement end_run = {
    "outcome_end_run",
    "update run r set slot = null, finished_at = now(),"
    " status = case when exists (select from task t where t.run_id = r.id and t.state = 'failed')"
    " then 'failed'"
    " when exists (select from task t where t.run_id = r.id and t.state = 'cancelled')"
    " then 'cancelled' else 'succeeded' end,"
    " error = (select j.error || jsonb_build_object('job', j.job_id) from job_run j"
    " where j.run_id = r.id and j.status = 'failed' and j.error is not null"
    " order by j.position limit 1)"
    " where r.id = $1 returning r.status, r.pipeline_id,"
    " (extract(epoch from r.finished_at - r.started_at) * 1000)::bigint as ms",
    1};

static const struct hg_statement run_parallelism = {
    "outcome_parallelism",
    "select coalesce((p.overrides->>'parallelism')::int, (v.definition->>'parallelism')::int, 1)"
    " as parallelism from run r join pipeline p on p.id = r.pipeline_id"
    " join pipeline_version v on v.pipeline_id = r.pipeline_id and v.version = r.version"
    " where r.id = $1",
    1};

/* What trying again cannot change. */
static bool is_final(int code)
{
    static const int final_codes[] = {HG_EINVAL, HG_ENOTSUP, HG_ECANCELLED, HG_ESTOP};
    for (size_t i = 0; i < HG_COUNT(final_codes); i++) {
        if (final_codes[i] == code) {
            return true;
        }
    }
    return false;
}

static bool shall_retry(const struct hg_attempt *attempt)
{
    return !attempt->final && attempt->task.attempt < attempt->task.max_attempts &&
           (attempt->error.retryable || !is_final(attempt->error.code));
}

/* Doubles with each attempt up to the maximum; a tenth of jitter keeps retries apart. */
static int64_t retry_delay_ms(const struct hg_queue_task *task)
{
    const json_t *policy = json_object_get(task->spec, "retries");
    int64_t delay = json_integer_value(json_object_get(policy, "backoff_ms"));
    int64_t max = json_integer_value(json_object_get(policy, "max_backoff_ms"));
    for (int i = 1; i < task->attempt && delay < max; i++) {
        delay *= 2;
    }
    delay = delay < max ? delay : max;
    uint32_t random = 0;
    (void)hg_random_bytes(&random, sizeof random, NULL);
    return delay + (int64_t)(random % 100) * delay / 1000;
}

const char *hg_attempt_job_at_fault(const struct hg_attempt *attempt)
{
    size_t i;
    const json_t *job;
    json_array_foreach (json_object_get(attempt->result, "jobs"), i, job) {
        const char *status = json_string_value(json_object_get(job, "status"));
        if (status && strcmp(status, "failed") == 0) {
            return json_string_value(json_object_get(job, "id"));
        }
    }
    return attempt->job
               ? attempt->job
               : json_string_value(json_array_get(json_object_get(attempt->task.spec, "jobs"), 0));
}

static char *job_error(const struct hg_attempt *attempt, const json_t *job)
{
    json_t *error = json_object_get(job, "error");
    if (json_is_object(error)) {
        return json_dumps(error, JSON_COMPACT);
    }
    const char *status = json_string_value(json_object_get(job, "status"));
    if (!attempt->failed || !status || strcmp(status, "failed") != 0) {
        return NULL;
    }
    HG_CLEANUP(hg_json_decrefp) json_t *own = hg_error_to_json(&attempt->error);
    return own ? json_dumps(own, JSON_COMPACT) : NULL;
}

static int write_job(struct hg_db *db,
                     const struct hg_attempt *attempt,
                     const json_t *job,
                     struct hg_error *err)
{
    char text[3][NUMBER_TEXT];
    const char *status = json_string_value(json_object_get(job, "status"));
    HG_CLEANUP(hg_freep) char *error = job_error(attempt, job);
    const char *const params[] = {
        attempt->task.id,
        json_string_value(json_object_get(job, "id")),
        status ? status : "failed",
        number(text[0], json_integer_value(json_object_get(job, "rows_in"))),
        number(text[1], json_integer_value(json_object_get(job, "rows_out"))),
        number(text[2], json_integer_value(json_object_get(job, "rows_rejected"))),
        error,
    };
    return hg_db_exec(db, &end_job, params, NULL, err);
}

static int write_result(struct hg_db *db,
                        const struct hg_attempt *attempt,
                        const json_t *item,
                        struct hg_error *err)
{
    static const char *const keys[] = {"job",
                                       "rule",
                                       "column",
                                       "grain",
                                       "dimension",
                                       "issue_type",
                                       "severity",
                                       "on_fail",
                                       "evaluated",
                                       "failed",
                                       "status"};
    char text[HG_COUNT(keys)][NUMBER_TEXT];
    const char *params[1 + HG_COUNT(keys)] = {attempt->task.run_id};
    for (size_t i = 0; i < HG_COUNT(keys); i++) {
        const json_t *value = json_object_get(item, keys[i]);
        params[1 + i] = json_is_integer(value) ? number(text[i], json_integer_value(value))
                                               : json_string_value(value);
    }
    return hg_db_exec(db, &add_result, params, NULL, err);
}

static int write_report(struct hg_db *db, const struct hg_attempt *attempt, struct hg_error *err)
{
    size_t i;
    json_t *item;
    json_array_foreach (json_object_get(attempt->result, "jobs"), i, item) {
        int r = write_job(db, attempt, item, err);
        if (r < 0) {
            return r;
        }
    }
    json_array_foreach (json_object_get(attempt->result, "results"), i, item) {
        int r = write_result(db, attempt, item, err);
        if (r < 0) {
            return r;
        }
    }
    return HG_OK;
}

static int write_death(struct hg_db *db,
                       const struct hg_attempt *attempt,
                       const char *state,
                       struct hg_error *err)
{
    HG_CLEANUP(hg_json_decrefp) json_t *error = hg_error_to_json(&attempt->error);
    HG_CLEANUP(hg_freep) char *text = error ? json_dumps(error, JSON_COMPACT) : NULL;
    if (!text) {
        return hg_error_nomem(err);
    }
    const char *const params[] = {attempt->task.id, state, text, hg_attempt_job_at_fault(attempt)};
    return hg_db_exec(db, &end_jobs_without_report, params, NULL, err);
}

static int end_by_retry(struct hg_db *db, const struct hg_attempt *attempt, struct hg_error *err)
{
    HG_CLEANUP(hg_json_decrefp) json_t *error = hg_error_to_json(&attempt->error);
    HG_CLEANUP(hg_freep) char *text = error ? json_dumps(error, JSON_COMPACT) : NULL;
    if (!text) {
        return hg_error_nomem(err);
    }
    const char *const jobs[] = {attempt->task.id, text, hg_attempt_job_at_fault(attempt)};
    const char *const run[] = {attempt->task.run_id};
    int r = hg_queue_retry(db, &attempt->task, retry_delay_ms(&attempt->task), err);
    r = r < 0 ? r : hg_db_exec(db, &retrying_jobs, jobs, NULL, err);
    return r < 0 ? r : hg_db_exec(db, &count_retry, run, NULL, err);
}

static const struct hg_statement requeue_jobs = {
    "outcome_requeue_jobs",
    "update job_run set status = 'queued', started_at = null where task_id = $1",
    1};

static int end_by_release(struct hg_db *db, const struct hg_attempt *attempt, struct hg_error *err)
{
    const char *const params[] = {attempt->task.id};
    int r = hg_queue_release(db, &attempt->task, err);
    return r < 0 ? r : hg_db_exec(db, &requeue_jobs, params, NULL, err);
}

/* However it ended, somebody had asked to stop it: it is not tried again. */
static int end_cancelled(struct hg_db *db, const struct hg_attempt *attempt, struct hg_error *err)
{
    int r = hg_queue_fail(db, &attempt->task, "cancelled", err);
    if (r < 0) {
        return r;
    }
    return attempt->result && attempt->error.code == HG_ECANCELLED
               ? write_report(db, attempt, err)
               : write_death(db, attempt, "cancelled", err);
}

static int end_for_good(struct hg_db *db, const struct hg_attempt *attempt, struct hg_error *err)
{
    const char *state = attempt->error.code == HG_ECANCELLED ? "cancelled" : "failed";
    int r = attempt->failed ? hg_queue_fail(db, &attempt->task, state, err)
                            : hg_queue_done(db, &attempt->task, err);
    if (r < 0) {
        return r;
    }
    return attempt->result ? write_report(db, attempt, err) : write_death(db, attempt, state, err);
}

int hg_outcome_move_on(struct hg_db *db, const char *run_id, struct hg_error *err)
{
    const char *const params[] = {run_id};
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    int n_open = 0;
    int r = hg_db_exec(db, &end_jobs_of_others, params, NULL, err);
    r = r < 0 ? r : hg_queue_count_open(db, run_id, &n_open, err);
    if (r < 0) {
        return r;
    }
    bool more = n_open > 0;
    r = more ? HG_OK : hg_db_durable(db, err); /* what a run came to is told to the outside */
    r = r < 0 ? r : hg_db_exec(db, more ? &run_parallelism : &end_run, params, &result, err);
    if (r < 0 || PQntuples(result) == 0) {
        return r;
    }
    if (more) {
        return hg_queue_promote(db, run_id, (int)hg_result_int64(result, 0, "parallelism", 1), err);
    }
    hg_log(HG_LOG_INFO,
           "run ended",
           "pipeline",
           hg_result_text(result, 0, "pipeline_id"),
           "run_id",
           run_id,
           "status",
           hg_result_text(result, 0, "status"),
           "duration_ms",
           hg_result_text(result, 0, "ms"),
           NULL);
    return HG_OK;
}

int hg_outcome_ended(struct hg_db *db, const struct hg_attempt *attempt, struct hg_error *err)
{
    bool cancelled = false;
    int r = hg_db_begin_relaxed(db, err);
    r = r < 0 ? r : hg_queue_lock_run(db, attempt->task.run_id, err);
    r = r < 0 || !attempt->failed ? r : hg_queue_is_cancelled(db, &attempt->task, &cancelled, err);
    if (r == HG_OK && cancelled) {
        r = end_cancelled(db, attempt, err);
    } else if (r == HG_OK && attempt->released) {
        r = end_by_release(db, attempt, err);
    } else if (r == HG_OK) {
        r = attempt->failed && shall_retry(attempt) ? end_by_retry(db, attempt, err)
                                                    : end_for_good(db, attempt, err);
    }
    r = r < 0 ? r : hg_outcome_move_on(db, attempt->task.run_id, err);
    HG_FAULT("host.ends");
    r = r < 0 ? r : hg_db_commit(db, err);
    HG_FAULT("host.ended");
    if (r < 0) {
        hg_db_rollback(db);
    }
    return r;
}
