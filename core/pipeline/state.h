/*
 * The pipeline service's own state, shared by the files of this folder and by nobody else. What
 * belongs to one of its threads stands in that thread's header.
 *
 * Threads: the dispatcher, the keeper, the settler, the scheduler, the one for other hosts, the
 * one for live updates, the workers' supervisor (events) and any number of
 * callers of service.h. `mutex` guards the fields below it, and what these say is guarded; it is
 * never held while a database is asked.
 */
#ifndef HG_PIPELINE_STATE_H
#define HG_PIPELINE_STATE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "pipeline/attempts.h"
#include "pipeline/dispatcher.h"
#include "pipeline/keeper.h"
#include "pipeline/live.h"
#include "pipeline/metrics.h"
#include "pipeline/peers.h"
#include "pipeline/scheduler.h"
#include "pipeline/service.h"
#include "pipeline/settle.h"
#include "store/pool.h"
#include "worker/pool.h"

struct hg_pipelines {
    struct hg_pipelines_options options;
    char host[80]; /* this host's name in the queue */
    struct hg_worker_pool *workers;
    struct hg_dispatcher dispatcher;
    struct hg_keeper keeper;
    struct hg_settler settler;
    struct hg_scheduler scheduler;
    struct hg_peers peers;
    struct hg_metrics metrics;
    struct hg_live live;
    struct hg_job_logs *logs;

    pthread_mutex_t mutex;
    struct hg_attempts attempts;
    pthread_cond_t run_changed; /* a run moved on */
    uint64_t run_changes;       /* counts them */
    bool stopping;              /* nothing more is begun; what runs may go on for its grace, */
    bool drained; /* then no worker runs any more: the dispatcher and the settler end, */
    bool written; /* all that can be written down is: the keeper ends */
};

#endif
