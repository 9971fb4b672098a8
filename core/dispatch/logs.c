#include "dispatch/logs.h"

#include <string.h>

#include "base/mem.h"
#include "dispatch/state.h"

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
    struct hg_dispatch *dispatch = arg;
    HG_LOCK(&dispatch->mutex);
    for (const struct hg_attempt *a = dispatch->attempts.first; a; a = a->next) {
        if (a->task.attempt == name->attempt && strcmp(a->task.run_id, name->run_id) == 0 &&
            has_job(a, name->job)) {
            return true;
        }
    }
    return false;
}

static void on_line(void *arg, const struct hg_job_log_name *name, const char *line, size_t n)
{
    const struct hg_dispatch *dispatch = arg;
    dispatch->options.events.on_log_line(dispatch->options.events.arg, name, line, n);
}

int hg_dispatch_logs_open(struct hg_dispatch *dispatch, struct hg_error *err)
{
    const struct hg_job_logs_options options = {
        .data_dir = dispatch->options.config->data_dir,
        .arg = dispatch,
        .is_under_way = is_under_way,
        .on_line = on_line,
    };
    return hg_job_logs_open(&options, &dispatch->logs, err);
}

void hg_dispatch_logs_end(struct hg_dispatch *dispatch, const struct hg_queue_task *task)
{
    size_t i;
    const json_t *job;
    json_array_foreach (json_object_get(task->spec, "jobs"), i, job) {
        const struct hg_job_log_name name =
            hg_job_log_name(task->run_id, json_string_value(job), task->attempt);
        hg_job_log_end(dispatch->logs, &name);
    }
}
