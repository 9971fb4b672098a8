/*
 * The state of a host's logs of jobs, shared by the files of this folder and by nobody else.
 */
#ifndef HG_JOBLOG_STATE_H
#define HG_JOBLOG_STATE_H

#include <limits.h>
#include <pthread.h>

#include "joblog/job_log.h"

enum {
    HG_JOB_LOGS_OPEN = 64,                   /* files; the one that was used longest ago goes */
    HG_JOB_LOG_BYTES_MAX = 256 * 1024 * 1024 /* of what an attempt says */
};

struct hg_job_log; /* one that is being written */

struct hg_job_logs {
    struct hg_job_logs_options options;
    pthread_mutex_t mutex; /* of all below */
    struct hg_job_log *open[HG_JOB_LOGS_OPEN];
    size_t n_open;
    uint64_t n_used;   /* counts uses */
    int64_t bytes_max; /* HG_JOB_LOG_BYTES_MAX, but for tests */
    bool is_losing;    /* lines, and that was said */
    /* The archiver's (archiver.c). */
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

/* <data_dir>/logs/<run>/<job>.<attempt>.jsonl */
int hg_job_log_path(const struct hg_job_logs *logs,
                    const struct hg_job_log_name *name,
                    char ret[PATH_MAX],
                    struct hg_error *err);
/* Closes it, when it is open. The mutex is held. */
void hg_job_log_close(struct hg_job_logs *logs, const struct hg_job_log_name *name);

#endif
