/*
 * Worker processes and their supervisor. A worker is this same binary, `headgate worker`, started
 * with posix_spawn from one permanent thread (the supervisor), which alone talks to them, watches
 * their ends by pidfd, their deadlines and their memory.
 */
#ifndef HG_WORKER_POOL_H
#define HG_WORKER_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "base/error.h"

struct hg_worker_pool;

/* Who waits for a task. What somebody waits for at a screen has workers of its own, so that a long
 * run starves no button; they are started when they are needed, and ended when they were idle. */
enum hg_lane { HG_LANE_RUNS = 1, HG_LANE_INTERACTIVE };

struct hg_worker_options {
    const char *self;           /* path of the headgate binary; borrowed for the pool's life */
    int n_workers;              /* for runs */
    int n_interactive;          /* at most so many more */
    int64_t idle_max_ms;        /* an interactive worker without a task is ended after that */
    int64_t memory_limit_bytes; /* of each; 0: none */
    int max_tasks;              /* a worker is recycled after so many */
    int64_t max_growth_bytes;   /* or after its memory grew by so much since its first task */
    int64_t silence_max_ms;     /* a worker with a task that gives no sign of life is ended */
};

#define HG_WORKER_OPTIONS_INIT                                               \
    {                                                                        \
        NULL, 2, 2, 60000, INT64_C(1) << 30, 1000, INT64_C(128) << 20, 30000 \
    }

/*
 * What becomes of tasks. Called from the supervisor's thread, which waits: do not block, and do not
 * call hg_worker_pool_stop. Texts and values are borrowed until the call returns.
 */
struct hg_worker_events {
    void *arg;
    void (*log)(void *arg,
                const char *task_id,
                const char *job,
                int level,
                int64_t at_us,
                const char *message);
    void (*progress)(void *arg,
                     const char *task_id,
                     const char *job,
                     int64_t rows_in,
                     int64_t rows_out,
                     int64_t rows_rejected);
    /*
     * The end of a task, exactly once for each task that was submitted. `result` is that of
     * hg_flow_run, or NULL when the worker died or ran out of time; `job` is then the one that
     * was at work, or NULL when that is unknown. `error` is NULL on success, else says why (a death
     * names plugin and signal).
     */
    void (*done)(void *arg,
                 const char *task_id,
                 const json_t *result,
                 const char *job,
                 const struct hg_error *error);
    /* A worker can take a task. */
    void (*idle)(void *arg);
};

int hg_worker_pool_new(const struct hg_worker_options *options,
                       const struct hg_worker_events *events,
                       struct hg_worker_pool **ret,
                       struct hg_error *err);
/* How many tasks of runs can be submitted now. [any] */
int hg_worker_pool_free_slots(struct hg_worker_pool *pool);
/*
 * Gives a task to a free worker of its lane. `plugin` names the third-party plugin that the task
 * opens (NULL: only bundled ones): a worker that has opened it serves no other afterwards.
 * `timeout_ms` 0: none; a task over its time is cancelled, and killed 2 s later. HG_EUNAVAILABLE
 * when no worker is free. [any]
 */
int hg_worker_pool_submit(struct hg_worker_pool *pool,
                          enum hg_lane lane,
                          const char *task_id,
                          const json_t *task,
                          const char *plugin,
                          int64_t timeout_ms,
                          struct hg_error *err);
/* Asks a task to stop; its worker is killed when it has not within 2 s. [any] */
void hg_worker_pool_cancel(struct hg_worker_pool *pool, const char *task_id);
/*
 * [{"pid", "lane": "runs" or "interactive", "state", "task_id", "tasks_done", "rss_bytes"}], the
 * interactive ones only while they are there. Owned by the caller. [any]
 */
json_t *hg_worker_pool_to_json(struct hg_worker_pool *pool);
/*
 * Ends the workers: running tasks go on for `grace_ms`, then are cancelled, then killed; each is
 * reported. What may be called from [any] thread may still be, and finds no worker.
 */
void hg_worker_pool_drain(struct hg_worker_pool *pool, int64_t grace_ms);
/* Drains the pool unless that was done, and frees it. Takes NULL. */
void hg_worker_pool_stop(struct hg_worker_pool *pool, int64_t grace_ms);

#endif
