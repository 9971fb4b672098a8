/*
 * A flow: one extract, its checks and its load, in one pass in this process; or one transform.
 * Runs inside a worker. The task's form is in core/flow/README.md.
 */
#ifndef HG_FLOW_FLOW_H
#define HG_FLOW_FLOW_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "base/error.h"

struct hg_flow_session;

/*
 * How a flow talks to whoever runs it. `log` and `is_cancelled` are called from any thread, since
 * plugins log from theirs and a thread of the flow watches for a cancel while a statement runs; the
 * others from the thread that runs the flow.
 */
struct hg_flow_sink {
    void *arg;
    /* A log line of a job. */
    void (*log)(void *arg, const char *job, int level, const char *message);
    /* Rows of a job so far; called at most a few times a second. */
    void (*progress)(
        void *arg, const char *job, int64_t rows_in, int64_t rows_out, int64_t rows_rejected);
    /* True once the task shall stop; stays true. Cheap. */
    bool (*is_cancelled)(void *arg);
    /*
     * Which job is at work and which plugin is about to be called for it ("csv"), NULL when it
     * returned; for blame. The texts are borrowed until the call returns.
     */
    void (*calling)(void *arg, const char *job, const char *plugin_id);
};

/*
 * Runs the task and commits it, or leaves no row of it. The connection comes from `session` and is
 * kept there behind a task that went well; NULL: one of its own. *ret_result is set on success and
 * on failure (then with the error of the job at fault inside) and owned by the caller:
 *   {"jobs": [{"id", "status", "rows_in", "rows_out", "rows_rejected", "duration_ms", "warnings",
 *              "error"}],
 *    "results": [{"job", "rule", "column", "evaluated", "failed", "status", ...}],
 *    "committed": true or false, "fenced": whether another attempt had a higher fence,
 *    "at_work": id of the job that was at work last}
 */
int hg_flow_run(const json_t *task,
                const struct hg_flow_sink *sink,
                struct hg_flow_session *session,
                json_t **ret_result,
                struct hg_error *err);

#endif
