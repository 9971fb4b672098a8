/*
 * Logs of jobs: `<data_dir>/logs/<run>/<job>.<attempt>.jsonl` while the attempt is under way, an
 * archive of it afterwards (logfile_index.h). The host writes them, for a worker may die at any
 * moment. [any] thread.
 */
#ifndef HG_PIPELINE_JOB_LOG_H
#define HG_PIPELINE_JOB_LOG_H

#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/error.h"
#include "base/uuid.h"

struct hg_pipelines;
struct hg_queue_task;
struct hg_job_log; /* one that is being written */

enum {
    HG_JOB_ID = 64,
    HG_JOB_LOGS_OPEN = 64,                   /* files; the one that was used longest ago goes */
    HG_JOB_LOG_BYTES_MAX = 256 * 1024 * 1024 /* of what an attempt says */
};

/* What is told of an attempt that ended with this host; see hg_job_log_lost. */
#define HG_JOB_LOG_DEAD                                                                    \
    "this attempt ended with its host, which was killed, crashed or lost its machine; how" \
    " far it came is not in this log"

#define HG_JOB_LOG_UNKNOWN                                                                     \
    "nothing is known of this attempt, since the database was away when it began or ended; it" \
    " is made again"
#define HG_JOB_LOG_OF_OTHER                                                                \
    "this attempt was lost with the host %.80s that ran it, which died, froze or lost the" \
    " database; what it said is in the log there"

struct hg_job_log_name {
    char run_id[HG_UUID_TEXT];
    char job[HG_JOB_ID];
    int attempt;
};

/* All of them, in struct hg_pipelines. */
struct hg_job_logs {
    pthread_mutex_t mutex;
    struct hg_job_log *open[HG_JOB_LOGS_OPEN];
    size_t n_open;
    uint64_t n_used;   /* counts uses */
    int64_t bytes_max; /* HG_JOB_LOG_BYTES_MAX, but for tests */
    bool is_losing;    /* lines, and that was said */
    /* The archiver's (job_log_archiver.c). */
    pthread_t thread;
    bool has_thread;
    pthread_cond_t work;
    bool stopping;
    bool sweeps;  /* it has to look through all yet: once, at its start */
    bool at_work; /* the thread does not wait for work */
    struct hg_job_log_name *queue;
    size_t n_queued;
    size_t queue_room;
};

void hg_job_logs_init(struct hg_job_logs *logs);
/* Closes what is open, too. */
void hg_job_logs_destroy(struct hg_job_logs *logs);

/*
 * Appends what an attempt says, unless its log is full, and tells it on /events. Failures are said
 * in the host's log once, when they begin; the job's log says how many lines are missing.
 */
void hg_job_log_append(struct hg_pipelines *service,
                       const char *run_id,
                       const char *job,
                       int attempt,
                       int level,
                       int64_t at_us,
                       const char *message);
/* Appends what the host has to say of an attempt, also to a log that is full. */
void hg_job_log_say(struct hg_pipelines *service,
                    const char *run_id,
                    const char *job,
                    int attempt,
                    int level,
                    const char *message);
/* The attempt has ended: the logs of its jobs get no more lines and are archived. */
void hg_job_log_end(struct hg_pipelines *service, const struct hg_queue_task *task);
/*
 * An attempt ended without being ended: the last line of its job's log says so, if it does not yet,
 * and the log has ended.
 */
void hg_job_log_lost(struct hg_pipelines *service,
                     const struct hg_job_log_name *name,
                     const char *message);
/* Closes it, when it is open. The mutex is held. */
void hg_job_log_close(struct hg_job_logs *logs, const struct hg_job_log_name *name);

/* <data_dir>/logs/<run>/<job>.<attempt>.jsonl; job ids are slugs, run ids are UUIDs. */
int hg_job_log_path(const struct hg_pipelines *service,
                    const struct hg_job_log_name *name,
                    char ret[PATH_MAX],
                    struct hg_error *err);

#endif
