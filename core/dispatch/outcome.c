/*
 * How attempts end. One transaction for all that ended meanwhile: the tasks, their jobs, what
 * depends on them, the final states of runs. The runs are locked first, so that two ends of one run
 * follow each other.
 */
#include "dispatch/outcome.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error_json.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/mem.h"
#include "dispatch/attempts.h"
#include "store/array.h"
#include "store/sql_time.h"

enum { NUMBER_TEXT = 24 };

static const char *number(char text[NUMBER_TEXT], int64_t value)
{
    (void)snprintf(text, NUMBER_TEXT, "%" PRId64, value);
    return text;
}

/* ---- start ---- */

static const struct hg_statement start_jobs = {
    "outcome_start_jobs",
    "update job_run j set status = 'running', attempt = g.attempt, started_at = now(),"
    " max_attempts = greatest(j.max_attempts, g.attempt),"
    " finished_at = null, rows_in = 0, rows_rejected = 0,"
    " rows_out = case j.type when 'load' then j.rows_out else 0 end," /* committed before */
    " error = case when g.attempt > 1 then j.error end, warnings = null"
    " from unnest($1::uuid[], $2::uuid[], $3::int[]) g (run_id, task_id, attempt)"
    " where j.run_id = g.run_id and j.task_id = g.task_id",
    3};

/* A claim must not wait for runs; one that is locked just now is marked with its next task. */
static const struct hg_statement start_runs = {
    "outcome_start_runs",
    "update run set status = 'running', started_at = coalesce(started_at, now()) where id in"
    " (select id from run where id = any($1::uuid[]) and status = 'queued'"
    " order by id for update skip locked)",
    1};

int hg_outcome_started(struct hg_db *db,
                       const struct hg_queue_task *tasks,
                       size_t n,
                       struct hg_error *err)
{
    HG_CLEANUP(hg_buf_free) struct hg_buf runs = HG_BUF_INIT;
    HG_CLEANUP(hg_buf_free) struct hg_buf ids = HG_BUF_INIT;
    HG_CLEANUP(hg_buf_free) struct hg_buf attempts = HG_BUF_INIT;
    for (size_t i = 0; i < n; i++) {
        hg_array_put(&runs, tasks[i].run_id);
        hg_array_put(&ids, tasks[i].id);
        hg_array_put_int64(&attempts, tasks[i].attempt);
    }
    const char *const params[] = {
        hg_array_text(&runs), hg_array_text(&ids), hg_array_text(&attempts)};
    if (!params[0] || !params[1] || !params[2]) {
        return hg_error_nomem(err);
    }
    int r = hg_db_later(db, &start_jobs, params, err);
    return r < 0 ? r : hg_db_later(db, &start_runs, params, err);
}

/* ---- lost ---- */

static const struct hg_statement jobs_of_lost = {
    "outcome_lost",
    "update job_run j set status = 'queued', started_at = null, max_attempts = t.max_attempts"
    " from task t"
    " where t.state = 'ready' and t.n_lost > 0 and j.run_id = t.run_id and j.task_id = t.id"
    " and j.status = 'running'",
    0};

int hg_outcome_lost(struct hg_db *db, struct hg_error *err)
{
    return hg_db_exec(db, &jobs_of_lost, NULL, NULL, err);
}

/* ---- progress ---- */

static const struct hg_statement job_progress = {
    "outcome_progress",
    "update job_run set rows_in = $3, rows_out = $4, rows_rejected = $5"
    " where run_id = $1 and job_id = $2 and status = 'running' and attempt = $6",
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
            attempt->task.run_id,
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

/* What the first attempt at a job said: a job keeps its error while it is tried again. */
#define FIRST_MESSAGE "coalesce(j.error->>'first_attempt', j.error->>'message')"

/* A load that did not succeed has loaded what it committed on its way, however far it came. */
static const struct hg_statement end_jobs = {
    "outcome_end_jobs",
    "update job_run j set status = g.status,"
    " finished_at = case when g.status not in ('skipped', 'queued') then now() end,"
    " started_at = case when g.status not in ('skipped', 'queued')"
    " then coalesce(j.started_at, now()) end,"
    " rows_in = coalesce(g.rows_in, j.rows_in),"
    " rows_out = case when j.type = 'load' and g.status <> 'succeeded' then g.rows_committed"
    " else coalesce(g.rows_out, j.rows_out) end,"
    " rows_rejected = coalesce(g.rows_rejected, j.rows_rejected),"
    " error = case when g.status = 'queued' then j.error"
    " when " FIRST_MESSAGE " <> g.error->>'message'"
    " then g.error || jsonb_build_object('first_attempt', " FIRST_MESSAGE ") else g.error end,"
    " warnings = g.warnings"
    " from jsonb_to_recordset($1::jsonb) as g (run_id uuid, id text, status text, rows_in bigint,"
    " rows_out bigint, rows_rejected bigint, rows_committed bigint, warnings jsonb, error jsonb)"
    " where j.run_id = g.run_id and j.job_id = g.id",
    1};

static const struct hg_statement count_retries = {
    "outcome_count_retries",
    "update run r set retry_count = r.retry_count + g.n"
    " from (select id, count(*) as n from unnest($1::uuid[]) id group by id) g where r.id = g.id",
    1};

/* Jobs of tasks that ended without an attempt of their own. */
static const struct hg_statement end_jobs_of_others = {
    "outcome_end_jobs_of_others",
    "update job_run j set status = t.state, finished_at = case t.state when 'cancelled' then now()"
    " end from task_history t where t.run_id = any($1::uuid[]) and j.run_id = t.run_id"
    " and j.task_id = t.id and t.state in ('skipped', 'cancelled')"
    " and j.status in ('queued', 'retrying')",
    1};

static const struct hg_statement add_results = {
    "outcome_results",
    "insert into check_result (run_id, job_id, rule, column_name, grain, dimension, issue_type,"
    " severity, on_fail, evaluated, failed, status)"
    " select run_id, job, rule, \"column\", grain, dimension, issue_type, severity, on_fail,"
    " coalesce(evaluated, 0), coalesce(failed, 0), status from jsonb_to_recordset($1::jsonb)"
    " as g (run_id uuid, job text, rule text, \"column\" text, grain text, dimension text,"
    " issue_type text, severity text, on_fail text, evaluated bigint, failed bigint, status text)",
    1};

/*
 * Ends the runs of which no task is left. The first failed job, in the order of the definition,
 * gives the run its error.
 */
static const struct hg_statement end_runs = {
    "outcome_end_runs",
    "with ended as (update run r set finished_at = now(),"
    " started_at = coalesce(r.started_at,"
    " (select min(j.started_at) from job_run j where j.run_id = r.id)),"
    " status = case when exists (select from task_history t where t.run_id = r.id"
    " and t.state = 'failed') then 'failed'"
    " when exists (select from task_history t where t.run_id = r.id and t.state = 'cancelled')"
    " then 'cancelled' else 'succeeded' end,"
    " error = (select j.error || jsonb_build_object('job', j.job_id) from job_run j"
    " where j.run_id = r.id and j.status = 'failed' and j.error is not null"
    " order by j.position limit 1)"
    " where r.id = any($1::uuid[]) and r.finished_at is null"
    " and not exists (select from task t where t.run_id = r.id)"
    " returning r.id, r.status, r.pipeline_id, r.started_at, r.finished_at, r.error),"
    " freed as (delete from run_slot s using ended e where s.run_id = e.id)"
    " select id, status, pipeline_id, error->>'message' as message, error->>'job' as job,"
    " (extract(epoch from finished_at - started_at) * 1000)::bigint as ms,"
    " (select coalesce(sum(jsonb_array_length(j.warnings)), 0) from job_run j"
    " where j.run_id = ended.id) as warnings from ended",
    1};

/*
 * Whoever is to be told of a failed run is, if and only if its end is written. All that is told is
 * written down here, since the run may be tried again; core/alerts takes it from there.
 */
#define STARTED_AT  HG_SQL_TIME("r.started_at")
#define FINISHED_AT HG_SQL_TIME("r.finished_at")
static const struct hg_statement tell_failures = {
    "outcome_tell_failures",
    "insert into alert_event (type, pipeline_id, run_id, channels, summary, detail)"
    " select 'run.failed', r.pipeline_id, r.id,"
    " array(select json_array_elements_text(v.definition->'on_failure')),"
    " left(format('%s failed: %s', coalesce(v.definition->>'name', r.pipeline_id),"
    " coalesce(r.error->>'message', 'no reason is known')), 1000),"
    " jsonb_build_object('pipeline', jsonb_build_object('id', r.pipeline_id, 'name',"
    " coalesce(v.definition->>'name', r.pipeline_id)), 'run', jsonb_build_object('id', r.id,"
    " 'trigger', r.trigger, 'started_at', " STARTED_AT ", 'finished_at', " FINISHED_AT
    ", 'error', r.error))"
    " from run r join pipeline_version v on v.pipeline_id = r.pipeline_id"
    " and v.version = r.version"
    " where r.id = any($1::uuid[]) and json_array_length(v.definition->'on_failure') > 0"
    " order by r.id",
    1};

/* What trying again cannot change. */
static bool is_final(int code)
{
    static const int final_codes[] = {
        HG_EINVAL, HG_ENOTSUP, HG_ECANCELLED, HG_ESTOP, HG_EUNAUTHENTICATED, HG_EFORBIDDEN};
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
    /* Attempts that do not count have raised max_attempts with them. */
    int n_free = task->max_attempts - 1 - (int)json_integer_value(json_object_get(policy, "max"));
    for (int i = 1 + n_free; i < task->attempt && delay < max; i++) {
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

static size_t index_of_fault(const struct hg_attempt *attempt)
{
    const char *fault = hg_attempt_job_at_fault(attempt);
    size_t i;
    const json_t *id;
    json_array_foreach (json_object_get(attempt->task.spec, "jobs"), i, id) {
        if (fault && strcmp(json_string_value(id), fault) == 0) {
            return i;
        }
    }
    return 0;
}

/*
 * What the run's load has committed by now, by the worker's word or the ledger's; 0 when there is
 * neither, until the next attempt has looked.
 */
static int64_t committed_by(const struct hg_attempt *attempt)
{
    const json_t *jobs = json_object_get(attempt->result, "jobs");
    size_t n = json_array_size(jobs);
    const json_t *last = n > 0 ? json_array_get(jobs, n - 1) : NULL;
    const char *status = json_string_value(json_object_get(last, "status"));
    int64_t told = status && strcmp(status, "succeeded") != 0
                       ? json_integer_value(json_object_get(last, "rows_out"))
                       : 0;
    return told > attempt->rows_committed ? told : attempt->rows_committed;
}

/*
 * What a job of an attempt that did not succeed has rejected: what is in the quarantine, which was
 * rolled back with the rows but for the run's checkpoints. What the ledger alone knows is the first
 * job's.
 */
static int64_t rejected_by(const struct hg_attempt *attempt, size_t job)
{
    const json_t *jobs = json_object_get(attempt->result, "jobs");
    int64_t sum = 0;
    for (size_t i = 0; i < json_array_size(jobs); i++) {
        sum += json_integer_value(json_object_get(json_array_get(jobs, i), "rows_rejected"));
    }
    int64_t missing = attempt->rows_rejected > sum ? attempt->rows_rejected - sum : 0;
    return json_integer_value(json_object_get(json_array_get(jobs, job), "rows_rejected")) +
           (job == 0 ? missing : 0);
}

/* The form of a job's end; `error` may be NULL. Takes nothing over. */
static json_t *job_end(const struct hg_attempt *attempt,
                       const char *id,
                       const char *status,
                       json_t *error)
{
    json_t *end = json_pack("{s:s, s:s, s:s, s:I}",
                            "run_id",
                            attempt->task.run_id,
                            "id",
                            id,
                            "status",
                            status,
                            "rows_committed",
                            (json_int_t)committed_by(attempt));
    if (end && error && json_object_set(end, "error", error) < 0) {
        json_decref(end);
        return NULL;
    }
    return end;
}

/* What the worker said of its jobs. */
static int add_reported(json_t *ends, const struct hg_attempt *attempt, json_t *own_error)
{
    static const char *const counts[] = {"rows_in", "rows_out", "rows_rejected"};
    size_t i;
    json_t *job;
    json_array_foreach (json_object_get(attempt->result, "jobs"), i, job) {
        const char *status = json_string_value(json_object_get(job, "status"));
        json_t *error = json_object_get(job, "error");
        bool failed = !status || strcmp(status, "failed") == 0;
        error = json_is_object(error) ? error : failed && attempt->failed ? own_error : NULL;
        json_t *end = job_end(attempt,
                              json_string_value(json_object_get(job, "id")),
                              status ? status : "failed",
                              error);
        json_t *warnings = json_object_get(job, "warnings");
        int lost = end && warnings ? json_object_set(end, "warnings", warnings) : 0;
        for (size_t k = 0; end && k < HG_COUNT(counts); k++) {
            json_t *count = json_integer(json_integer_value(json_object_get(job, counts[k])));
            lost |= json_object_set_new(end, counts[k], count);
        }
        if (attempt->failed) {
            lost |=
                json_object_set_new(end, "rows_rejected", json_integer(rejected_by(attempt, i)));
        }
        if (json_array_append_new(ends, end) < 0 || lost) {
            return HG_ENOMEM;
        }
    }
    return HG_OK;
}

/*
 * When the worker died there is no report: the job that was at work is at fault, or the first when
 * that is unknown. Those before it end with it, those behind it never came.
 */
static int add_unreported(json_t *ends,
                          const struct hg_attempt *attempt,
                          enum hg_queue_how how,
                          json_t *own_error)
{
    static const struct {
        const char *before, *fault, *behind;
    } statuses[] = {
        [HG_QUEUE_DONE] = {"succeeded", "succeeded", "succeeded"},
        [HG_QUEUE_FAILED] = {"cancelled", "failed", "skipped"},
        [HG_QUEUE_CANCELLED] = {"cancelled", "cancelled", "cancelled"},
        [HG_QUEUE_RETRIED] = {"retrying", "retrying", "retrying"},
        [HG_QUEUE_RELEASED] = {"queued", "queued", "queued"},
    };
    size_t fault = index_of_fault(attempt);
    size_t i;
    const json_t *id;
    json_array_foreach (json_object_get(attempt->task.spec, "jobs"), i, id) {
        const char *status = i < fault    ? statuses[how].before
                             : i == fault ? statuses[how].fault
                                          : statuses[how].behind;
        bool has_error = i == fault && how != HG_QUEUE_RELEASED && how != HG_QUEUE_DONE;
        json_t *end = job_end(attempt, json_string_value(id), status, has_error ? own_error : NULL);
        int lost =
            how == HG_QUEUE_DONE
                ? 0
                : json_object_set_new(end, "rows_rejected", json_integer(rejected_by(attempt, i)));
        if (json_array_append_new(ends, end) < 0 || lost) {
            return HG_ENOMEM;
        }
    }
    return HG_OK;
}

/* The other jobs of a flow that failed, from `first` on, say which one they ended with. */
static int explain_others(json_t *ends, size_t first, const struct hg_attempt *attempt)
{
    const char *fault = hg_attempt_job_at_fault(attempt);
    for (size_t i = first; fault && i < json_array_size(ends); i++) {
        json_t *end = json_array_get(ends, i);
        const char *status = json_string_value(json_object_get(end, "status"));
        bool is_cancelled = strcmp(status, "cancelled") == 0;
        struct hg_error reason = HG_ERROR_INIT;
        if (json_object_get(end, "error") || !(is_cancelled || strcmp(status, "skipped") == 0)) {
            continue;
        }
        (void)hg_error_set(&reason,
                           HG_ECANCELLED,
                           is_cancelled ? "it ended with the job \"%s\", which failed"
                                        : "it did not run, since the job \"%s\" failed",
                           fault);
        if (json_object_set_new(end, "error", hg_error_to_json(&reason)) < 0) {
            return HG_ENOMEM;
        }
    }
    return HG_OK;
}

static bool is_reported(const struct hg_attempt *attempt, enum hg_queue_how how)
{
    return attempt->result && (how == HG_QUEUE_DONE || how == HG_QUEUE_FAILED ||
                               (how == HG_QUEUE_CANCELLED && attempt->error.code == HG_ECANCELLED));
}

static int add_results_of(json_t *results, const struct hg_attempt *attempt)
{
    size_t i;
    json_t *item;
    json_array_foreach (json_object_get(attempt->result, "results"), i, item) {
        if (json_object_set_new(item, "run_id", json_string(attempt->task.run_id)) < 0 ||
            json_array_append(results, item) < 0) {
            return HG_ENOMEM;
        }
    }
    return HG_OK;
}

static int write_list(struct hg_db *db,
                      const struct hg_statement *statement,
                      const json_t *list,
                      struct hg_error *err)
{
    if (json_array_size(list) == 0) {
        return HG_OK;
    }
    HG_CLEANUP(hg_freep) char *text = json_dumps(list, JSON_COMPACT);
    const char *const params[] = {text};
    return text ? hg_db_later(db, statement, params, err) : hg_error_nomem(err);
}

/* The jobs of the attempts whose end was taken, and what their checks found. */
static int write_jobs(struct hg_db *db,
                      struct hg_attempt *const *attempts,
                      const struct hg_queue_end *ends,
                      size_t n,
                      struct hg_error *err)
{
    HG_CLEANUP(hg_json_decrefp) json_t *jobs = json_array();
    HG_CLEANUP(hg_json_decrefp) json_t *results = json_array();
    int r = jobs && results ? HG_OK : HG_ENOMEM;
    for (size_t i = 0; r == HG_OK && i < n; i++) {
        HG_CLEANUP(hg_json_decrefp) json_t *error = NULL;
        size_t first = json_array_size(jobs);
        if (!ends[i].taken) {
            continue;
        }
        if (attempts[i]->failed && !(error = hg_error_to_json(&attempts[i]->error))) {
            r = HG_ENOMEM;
        } else if (is_reported(attempts[i], ends[i].how)) {
            r = add_reported(jobs, attempts[i], error);
            r = r < 0 ? r : add_results_of(results, attempts[i]);
        } else {
            r = add_unreported(jobs, attempts[i], ends[i].how, error);
        }
        if (r == HG_OK && ends[i].how == HG_QUEUE_FAILED) {
            r = explain_others(jobs, first, attempts[i]);
        }
    }
    if (r < 0) {
        return hg_error_nomem(err);
    }
    r = write_list(db, &end_jobs, jobs, err);
    return r < 0 ? r : write_list(db, &add_results, results, err);
}

static int write_retries(struct hg_db *db,
                         const struct hg_queue_end *ends,
                         size_t n,
                         struct hg_error *err)
{
    HG_CLEANUP(hg_buf_free) struct hg_buf runs = HG_BUF_INIT;
    for (size_t i = 0; i < n; i++) {
        if (ends[i].taken && ends[i].how == HG_QUEUE_RETRIED) {
            hg_array_put(&runs, ends[i].task->run_id);
        }
    }
    if (runs.len == 0) {
        return HG_OK;
    }
    const char *const params[] = {hg_array_text(&runs)};
    return params[0] ? hg_db_later(db, &count_retries, params, err) : hg_error_nomem(err);
}

static void log_ended(const PGresult *result)
{
    for (int row = 0; row < PQntuples(result); row++) {
        const char *warnings = hg_result_text(result, row, "warnings");
        const char *status = hg_result_text(result, row, "status");
        bool has_warnings = strcmp(warnings, "0") != 0;
        bool is_bad = has_warnings || strcmp(status, "failed") == 0;
        hg_log(is_bad ? HG_LOG_WARNING : HG_LOG_INFO,
               "run ended",
               "pipeline_id",
               hg_result_text(result, row, "pipeline_id"),
               "run_id",
               hg_result_text(result, row, "id"),
               "status",
               status,
               "#duration_ms",
               hg_result_text(result, row, "ms"),
               "#warnings",
               has_warnings ? warnings : NULL,
               "error",
               hg_result_text(result, row, "message"),
               "job_id",
               hg_result_text(result, row, "job"),
               NULL);
    }
}

static int tell_of_failed(struct hg_db *db, const PGresult *ended, struct hg_error *err)
{
    HG_CLEANUP(hg_buf_free) struct hg_buf failed = HG_BUF_INIT;
    for (int row = 0; row < PQntuples(ended); row++) {
        if (strcmp(hg_result_text(ended, row, "status"), "failed") == 0) {
            hg_array_put(&failed, hg_result_text(ended, row, "id"));
        }
    }
    if (failed.len == 0) {
        return HG_OK;
    }
    const char *const params[] = {hg_array_text(&failed)};
    return params[0] ? hg_db_later(db, &tell_failures, params, err) : hg_error_nomem(err);
}

int hg_outcome_move_on(struct hg_db *db,
                       const char *run_ids,
                       bool some_were_skipped,
                       struct hg_error *err)
{
    const char *const params[] = {run_ids};
    HG_CLEANUP(hg_resultp) PGresult *ended = NULL;
    int r = some_were_skipped ? hg_db_later(db, &end_jobs_of_others, params, err) : HG_OK;
    r = r < 0 ? r : hg_db_exec(db, &end_runs, params, &ended, err);
    r = r < 0 ? r : hg_queue_promote(db, run_ids, err);
    if (r == HG_OK && PQntuples(ended) > 0) {
        log_ended(ended);
        r = tell_of_failed(db, ended, err);
        r = r < 0 ? r : hg_db_durable(db, err); /* what a run came to is told to the outside */
    }
    return r;
}

static void describe_end(const struct hg_attempt *attempt, struct hg_queue_end *ret)
{
    *ret = (struct hg_queue_end){.task = &attempt->task, .how = HG_QUEUE_DONE};
    if (attempt->released) {
        ret->how = HG_QUEUE_RELEASED;
        ret->delay_ms = attempt->again_ms;
    } else if (attempt->failed && shall_retry(attempt)) {
        ret->how = HG_QUEUE_RETRIED;
        ret->delay_ms = retry_delay_ms(&attempt->task);
    } else if (attempt->failed) {
        ret->how = attempt->error.code == HG_ECANCELLED ? HG_QUEUE_CANCELLED : HG_QUEUE_FAILED;
    }
}

static int end_in_transaction(struct hg_db *db,
                              struct hg_attempt *const *attempts,
                              struct hg_queue_end *ends,
                              size_t n,
                              struct hg_error *err)
{
    HG_CLEANUP(hg_buf_free) struct hg_buf ids = HG_BUF_INIT;
    bool some_were_skipped = false;
    for (size_t i = 0; i < n; i++) {
        describe_end(attempts[i], &ends[i]);
        hg_array_put(&ids, attempts[i]->task.run_id);
    }
    const char *runs = hg_array_text(&ids);
    if (!runs) {
        return hg_error_nomem(err);
    }
    int r = hg_queue_begin(db, err);
    r = r < 0 ? r : hg_queue_lock_runs(db, runs, err);
    r = r < 0 ? r : hg_queue_end(db, ends, n, err);
    r = r < 0 ? r : write_jobs(db, attempts, ends, n, err);
    r = r < 0 ? r : write_retries(db, ends, n, err);
    for (size_t i = 0; i < n; i++) {
        some_were_skipped |= ends[i].how == HG_QUEUE_FAILED || ends[i].how == HG_QUEUE_CANCELLED;
    }
    return r < 0 ? r : hg_outcome_move_on(db, runs, some_were_skipped, err);
}

int hg_outcome_ended(struct hg_db *db,
                     struct hg_attempt *const *attempts,
                     size_t n,
                     struct hg_error *err)
{
    struct hg_queue_end *ends = calloc(n, sizeof *ends);
    if (!ends) {
        return hg_error_nomem(err);
    }
    int r = end_in_transaction(db, attempts, ends, n, err);
    HG_FAULT("host.ends");
    r = r < 0 ? r : hg_db_commit(db, err);
    HG_FAULT("host.ended");
    if (r < 0) {
        hg_db_rollback(db);
    }
    for (size_t i = 0; r == HG_OK && i < n; i++) {
        attempts[i]->taken = ends[i].taken;
    }
    free(ends);
    return r;
}
