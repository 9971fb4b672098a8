/*
 * Worker processes and their supervisor. A worker is this same binary, `headgate worker`, started
 * with posix_spawn from one permanent thread, with a socket to the host on descriptor 3.
 */
#ifndef HG_WORKER_POOL_H
#define HG_WORKER_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "base/error.h"

struct hg_worker_pool;

struct hg_worker_options {
    const char *self;            /* path of the headgate binary */
    int n_workers;               /* for runs */
    int64_t memory_limit_bytes;  /* of each; 0: none */
    int max_tasks;               /* recycled after so many; 0: 1,000 */
};

/* What became of a task. Called from the supervisor's thread; must not block. */
struct hg_worker_events {
    void *arg;
    void (*log)(void *arg, const char *task_id, const char *job, int level, int64_t at_us,
                const char *message);
    void (*progress)(void *arg, const char *task_id, const char *job, int64_t rows_in,
                     int64_t rows_out, int64_t rows_rejected);
    /*
     * The end of a task, exactly once for each task accepted. `result` is that of hg_flow_run or
     * NULL when the worker died; `error` is NULL on success, else says why (a death names plugin
     * and signal). Both borrowed until the call returns.
     */
    void (*done)(void *arg, const char *task_id, const json_t *result,
                 const struct hg_error *error);
    /* A worker became free. */
    void (*idle)(void *arg);
};

int hg_worker_pool_new(const struct hg_worker_options *options,
                       const struct hg_worker_events *events, struct hg_worker_pool **ret,
                       struct hg_error *err);
/* How many tasks can be submitted now without waiting. [any] */
int hg_worker_pool_free_slots(struct hg_worker_pool *pool);
/*
 * Gives a task to a free worker. `timeout_ms` 0: none; a task over its time is cancelled, and
 * killed 2 s later. HG_EUNAVAILABLE when no worker is free. [any]
 */
int hg_worker_pool_submit(struct hg_worker_pool *pool, const char *task_id, const json_t *task,
                          int64_t timeout_ms, struct hg_error *err);
/* Asks a task to stop; the worker is killed when it has not within 2 s. [any] */
void hg_worker_pool_cancel(struct hg_worker_pool *pool, const char *task_id);
/* {"workers": [{"pid", "state", "task_id", "plugin", "tasks_done", "rss_bytes"}]}. [any] */
json_t *hg_worker_pool_to_json(struct hg_worker_pool *pool);
/* Stops: lets running tasks go on for `grace_ms`, then cancels, then kills; frees the pool. */
void hg_worker_pool_stop(struct hg_worker_pool *pool, int64_t grace_ms);

/* The worker's own main loop on `fd`; returns the process's exit code. */
int hg_worker_main(int fd);

#endif
