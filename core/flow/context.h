/*
 * What the parts of a running task share: the task, the jobs it reports for, the connection.
 */
#ifndef HG_FLOW_CONTEXT_H
#define HG_FLOW_CONTEXT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "flow/flow.h"
#include "flow/plugins.h"
#include "store/db.h"

struct hg_quarantine;
struct hg_flow_watch;

/* A job's reporting line. */
struct hg_flow_job {
    const char *id; /* borrowed from the task */
    int64_t rows_in;
    int64_t rows_out;
    int64_t rows_rejected;
    int64_t rejected_committed; /* of them those whose quarantine is committed */
    int64_t n_logged_rejects;   /* rejected rows that went to the log one by one */
    json_t *warnings;           /* array of texts, or NULL; the first ones (flow's mutex) */
    int64_t n_warnings;         /* (flow's mutex) */
};

struct hg_flow {
    const json_t *task;
    const struct hg_flow_sink *sink;
    const struct hg_flow_plugins *plugins;
    /* Of the task; borrowed from it. */
    const char *pipeline_id;
    const char *run_id;
    const char *key;
    int64_t fence;
    int64_t attempt;
    char *source; /* id of the plugin that gave the rows, of a stage as well; or NULL */

    struct hg_flow_job *jobs;
    size_t n_jobs;
    size_t current; /* index of the job at work: at fault when something fails */

    struct hg_db *db;
    struct hg_flow_watch *watch;
    struct hg_quarantine *quarantine;
    json_t *results;   /* figures of rules */
    char *state;       /* what the source put last, or NULL */
    bool state_is_new; /* put for the batch that came last */
    bool committed;
    int64_t rows_committed; /* of the run's load so far, checkpoints of attempts before included */
    bool fenced;            /* another attempt had a higher fence */
    int64_t started_ms;
    int64_t progress_ms; /* when progress was last told */
    pthread_mutex_t warnings_mutex;
};

/* Reads the head and the jobs of the task. HG_EINVAL when something is missing. */
int hg_flow_open(const json_t *task,
                 const struct hg_flow_sink *sink,
                 const struct hg_flow_plugins *plugins,
                 struct hg_flow *ret,
                 struct hg_error *err);
void hg_flow_close(struct hg_flow *flow);

/* Index of the job of that id; the current one when there is none. */
size_t hg_flow_job(const struct hg_flow *flow, const char *id);
/* The result that hg_flow_run promises; `err` is NULL when all went well. Owned by the caller. */
json_t *hg_flow_result(struct hg_flow *flow, const struct hg_error *err);

/* How the rows are loaded, for a stage: by those who read it. "" when the task loads nothing. */
const char *hg_flow_mode(const struct hg_flow *flow);
/* Whether all rows are wanted each time, since they replace those that are there. */
bool hg_flow_replaces(const struct hg_flow *flow);

/* Names the plugin that gave the rows; NULL: nobody knows. */
int hg_flow_from(struct hg_flow *flow, const char *source, struct hg_error *err);

/* A line for the log of the job of that index. */
void hg_flow_log(const struct hg_flow *flow, size_t job, int level, const char *fmt, ...)
    HG_PRINTF(4, 5);
/*
 * Likewise what somebody should know though the job goes on: it stands with the run as well, the
 * first few of each job. [any]
 */
void hg_flow_warn(struct hg_flow *flow, size_t job, const char *fmt, ...) HG_PRINTF(3, 4);
/* Tells the progress of all jobs, at most a few times a second. */
void hg_flow_progress(struct hg_flow *flow);
/* The job of that index is at work now: at fault when something fails. */
void hg_flow_at_work(struct hg_flow *flow, size_t job);
/* Names the plugin that is called next for the job of that index, NULL when it has returned. */
void hg_flow_calling(const struct hg_flow *flow, size_t job, const char *plugin_id);
/* HG_ECANCELLED once the task shall stop. */
int hg_flow_cancelled(const struct hg_flow *flow, struct hg_error *err);

/* A text of the task that must be there; HG_EINVAL names it. */
int hg_flow_text(const json_t *object, const char *key, const char **ret, struct hg_error *err);

#endif
