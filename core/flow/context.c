#include "flow/context.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error_json.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"
#include "base/uuid.h"

enum { PROGRESS_MS = 250, LOG_BYTES = 1024, WARNINGS_MAX = 10 };

int hg_flow_text(const json_t *object, const char *key, const char **ret, struct hg_error *err)
{
    const char *text = json_string_value(json_object_get(object, key));
    if (!text) {
        return hg_error_set(err, HG_EINVAL, "the task has no text \"%s\"", key);
    }
    *ret = text;
    return HG_OK;
}

static int add_job(struct hg_flow *flow, const json_t *part, struct hg_error *err)
{
    if (!part) {
        return HG_OK;
    }
    return hg_flow_text(part, "job", &flow->jobs[flow->n_jobs++].id, err);
}

static int read_jobs(struct hg_flow *flow, struct hg_error *err)
{
    const json_t *checks = json_object_get(flow->task, "checks");
    size_t i;
    const json_t *check;
    flow->jobs = calloc(json_array_size(checks) + 3, sizeof *flow->jobs);
    if (!flow->jobs) {
        return hg_error_nomem(err);
    }
    int r = add_job(flow, json_object_get(flow->task, "extract"), err);
    for (i = 0; r == HG_OK && (check = json_array_get(checks, i)); i++) {
        r = add_job(flow, check, err);
    }
    r = r < 0 ? r : add_job(flow, json_object_get(flow->task, "load"), err);
    r = r < 0 ? r : add_job(flow, json_object_get(flow->task, "transform"), err);
    if (r == HG_OK && flow->n_jobs == 0) {
        r = hg_error_set(err, HG_EINVAL, "the task has no job");
    }
    return r;
}

static void free_parts(struct hg_flow *flow)
{
    for (size_t i = 0; i < flow->n_jobs; i++) {
        json_decref(flow->jobs[i].warnings);
    }
    json_decref(flow->results);
    free(flow->jobs);
    free(flow->state);
    free(flow->source);
    hg_db_returnp(&flow->db);
}

int hg_flow_open(const json_t *task,
                 const struct hg_flow_sink *sink,
                 const struct hg_flow_plugins *plugins,
                 struct hg_flow *ret,
                 struct hg_error *err)
{
    struct hg_flow flow = {.task = task, .sink = sink, .plugins = plugins};
    const char *plugin =
        json_string_value(json_object_get(json_object_get(task, "extract"), "plugin"));
    flow.started_ms = hg_time_monotonic_ms();
    flow.fence = json_integer_value(json_object_get(task, "fence"));
    flow.attempt = json_integer_value(json_object_get(task, "attempt"));
    flow.results = json_array();
    int r = flow.results ? hg_flow_text(task, "pipeline_id", &flow.pipeline_id, err)
                         : hg_error_nomem(err);
    r = r < 0 ? r : hg_flow_text(task, "run_id", &flow.run_id, err);
    r = r < 0 ? r : hg_flow_text(task, "task", &flow.key, err);
    if (r == HG_OK && !hg_uuid_is_valid(flow.run_id)) {
        r = hg_error_set(err, HG_EINVAL, "run id \"%s\" is no UUID", flow.run_id);
    }
    r = r < 0 ? r : read_jobs(&flow, err);
    r = r < 0 ? r : hg_flow_from(&flow, plugin, err);
    if (r < 0) {
        free_parts(&flow);
        return r;
    }
    *ret = flow;
    (void)pthread_mutex_init(&ret->warnings_mutex, NULL);
    return HG_OK;
}

void hg_flow_close(struct hg_flow *flow)
{
    free_parts(flow);
    (void)pthread_mutex_destroy(&flow->warnings_mutex);
    memset(flow, 0, sizeof *flow);
}

size_t hg_flow_job(const struct hg_flow *flow, const char *id)
{
    for (size_t i = 0; id && i < flow->n_jobs; i++) {
        if (strcmp(flow->jobs[i].id, id) == 0) {
            return i;
        }
    }
    return flow->current;
}

const char *hg_flow_mode(const struct hg_flow *flow)
{
    const json_t *load = json_object_get(flow->task, "load");
    const json_t *part = load ? load : json_object_get(flow->task, "stage");
    const char *mode = json_string_value(json_object_get(part, "mode"));
    return mode ? mode : "";
}

bool hg_flow_replaces(const struct hg_flow *flow)
{
    return strcmp(hg_flow_mode(flow), "replace") == 0;
}

int hg_flow_from(struct hg_flow *flow, const char *source, struct hg_error *err)
{
    char *copy = source ? strdup(source) : NULL;
    if (source && !copy) {
        return hg_error_nomem(err);
    }
    free(flow->source);
    flow->source = copy;
    return HG_OK;
}

/* ---- the result ---- */

/* The job at fault failed, those before it were cancelled with it, those behind it never came. */
static const char *status_of(const struct hg_flow *flow, size_t job, const struct hg_error *err)
{
    if (!err) {
        return "succeeded";
    }
    if (err->code == HG_ECANCELLED || job < flow->current) {
        return "cancelled";
    }
    return job == flow->current ? "failed" : "skipped";
}

/* NULL when there are none. (warnings_mutex held) */
static json_t *warnings_to_json(const struct hg_flow_job *job)
{
    json_t *warnings = json_copy(job->warnings);
    int64_t n_more = job->n_warnings - (int64_t)json_array_size(warnings);
    if (warnings && n_more > 0) {
        (void)json_array_append_new(
            warnings, json_sprintf("%lld more; see the job's log", (long long)n_more));
    }
    return warnings;
}

static json_t *job_to_json(const struct hg_flow *flow, size_t i, const struct hg_error *err)
{
    const struct hg_flow_job *job = &flow->jobs[i];
    const char *status = status_of(flow, i, err);
    json_t *error = err && i == flow->current ? hg_error_to_json(err) : json_null();
    /*
     * What of a load that failed is in the table was committed on its way, and so it is with
     * rejected rows and the quarantine.
     */
    bool counts_committed =
        err && i == flow->n_jobs - 1 && json_object_get(flow->task, "load") != NULL;
    return json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:o*, s:o}",
                     "id",
                     job->id,
                     "status",
                     status,
                     "rows_in",
                     (json_int_t)job->rows_in,
                     "rows_out",
                     (json_int_t)(counts_committed ? flow->rows_committed : job->rows_out),
                     "rows_rejected",
                     (json_int_t)(err ? job->rejected_committed : job->rows_rejected),
                     "duration_ms",
                     (json_int_t)(hg_time_monotonic_ms() - flow->started_ms),
                     "warnings",
                     warnings_to_json(job),
                     "error",
                     error);
}

json_t *hg_flow_result(struct hg_flow *flow, const struct hg_error *err)
{
    HG_CLEANUP(hg_json_decrefp) json_t *jobs = json_array();
    HG_LOCK(&flow->warnings_mutex);
    for (size_t i = 0; i < flow->n_jobs; i++) {
        if (json_array_append_new(jobs, job_to_json(flow, i, err)) < 0) {
            return NULL;
        }
    }
    return json_pack("{s:O, s:O, s:b, s:b, s:s}",
                     "jobs",
                     jobs,
                     "results",
                     flow->results,
                     "committed",
                     flow->committed,
                     "fenced",
                     flow->fenced,
                     "at_work",
                     flow->jobs[flow->current].id);
}

/* ---- talking ---- */

void hg_flow_log(const struct hg_flow *flow, size_t job, int level, const char *fmt, ...)
{
    char text[LOG_BYTES];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    flow->sink->log(flow->sink->arg, flow->jobs[job].id, level, text);
}

void hg_flow_warn(struct hg_flow *flow, size_t job, const char *fmt, ...)
{
    char text[LOG_BYTES];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    hg_flow_log(flow, job, HG_LOG_WARNING, "%s", text);
    HG_LOCK(&flow->warnings_mutex);
    struct hg_flow_job *warned = &flow->jobs[job];
    warned->warnings = warned->warnings ? warned->warnings : json_array();
    warned->n_warnings++;
    if (json_array_size(warned->warnings) < WARNINGS_MAX) {
        (void)json_array_append_new(warned->warnings, hg_json_text(text));
    }
}

void hg_flow_progress(struct hg_flow *flow)
{
    int64_t now = hg_time_monotonic_ms();
    if (now - flow->progress_ms < PROGRESS_MS) {
        return;
    }
    flow->progress_ms = now;
    for (size_t i = 0; i < flow->n_jobs; i++) {
        const struct hg_flow_job *job = &flow->jobs[i];
        flow->sink->progress(
            flow->sink->arg, job->id, job->rows_in, job->rows_out, job->rows_rejected);
    }
}

void hg_flow_at_work(struct hg_flow *flow, size_t job)
{
    flow->current = job;
    hg_flow_calling(flow, job, NULL);
}

void hg_flow_calling(const struct hg_flow *flow, size_t job, const char *plugin_id)
{
    flow->sink->calling(flow->sink->arg, flow->jobs[job].id, plugin_id);
}

int hg_flow_cancelled(const struct hg_flow *flow, struct hg_error *err)
{
    if (flow->sink->is_cancelled(flow->sink->arg)) {
        return hg_error_set(err, HG_ECANCELLED, "the task was cancelled");
    }
    return HG_OK;
}
