/*
 * Runs tasks: claims those that are ready, hands them to workers, and writes down how they ended
 * and what becomes of their runs. It knows nothing of the files of pipelines, of schedules and of
 * what is asked of runs. All [any] thread, but for making and freeing, starting and stopping.
 */
#ifndef HG_DISPATCH_DISPATCH_H
#define HG_DISPATCH_DISPATCH_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/error.h"
#include "config/host_config.h"
#include "joblog/job_log.h"

struct hg_dispatch;
struct hg_plugin_registry;
struct hg_pool;

/* What is told, by whichever thread it happens on, with no lock of ours held. None may wait. */
struct hg_dispatch_events {
    void *arg;
    void (*on_run_changed)(void *arg, const char *run_id); /* and that is committed */
    void (*on_moved)(void *arg);                           /* behind one or more of these */
    void (*on_more_work)(void *arg); /* there may be more tasks than this host takes */
    /* A line of a job's log, without its end. */
    void (*on_log_line)(void *arg, const struct hg_job_log_name *name, const char *line, size_t n);
};

/* All borrowed until hg_dispatch_free. */
struct hg_dispatch_options {
    const struct hg_host_config *config; /* workers, data_dir, file_roots, limits of loads */
    const char *host;                    /* this host's name in the queue */
    const char *self;                    /* path of the headgate binary, for workers */
    struct hg_pool *metadata;
    struct hg_pool *warehouse;
    const char *worker_warehouse_url; /* how a worker (role headgate_load) connects */
    const struct hg_plugin_registry *plugins;
    struct hg_dispatch_events events;
};

int hg_dispatch_new(const struct hg_dispatch_options *options,
                    struct hg_dispatch **ret,
                    struct hg_error *err);
/* NULL is fine. */
void hg_dispatch_free(struct hg_dispatch *dispatch);

/* The logs of jobs, the workers and all that looks after them. Stop it also after a failure. */
int hg_dispatch_start(struct hg_dispatch *dispatch, struct hg_error *err);
/* Nothing more is claimed, and what waits for a worker goes back. */
void hg_dispatch_close(struct hg_dispatch *dispatch);
/*
 * Closes it. Tasks go on for `grace_ms`, under their lease, and end as ever; what is cut short is
 * taken up by others or at a start.
 */
void hg_dispatch_stop(struct hg_dispatch *dispatch, int64_t grace_ms);

/* There may be something to do: a task was added, an attempt has ended, a worker is free. */
void hg_dispatch_wake(struct hg_dispatch *dispatch);
/* Somebody asked, in the database, to stop tasks that run. */
void hg_dispatch_cancel(struct hg_dispatch *dispatch);
/* How many tasks the workers have in hand. */
size_t hg_dispatch_running(struct hg_dispatch *dispatch);
/* [Worker] of the contract, owned by the caller; NULL without memory. */
json_t *hg_dispatch_workers(struct hg_dispatch *dispatch);
/* Of the attempts of this host, between start and stop. */
struct hg_job_logs *hg_dispatch_logs(const struct hg_dispatch *dispatch);
/* How attempts ended, and workers, for Prometheus. */
void hg_dispatch_put_metrics(struct hg_dispatch *dispatch, struct hg_buf *buf);

#endif
