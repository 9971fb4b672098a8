/*
 * The pipeline service's own state, shared by the files of this folder and by nobody else. What
 * belongs to one of its threads stands in that thread's header, and what runs tasks in
 * dispatch/dispatch.h.
 *
 * Threads: the scheduler, the one for other hosts, the one for live updates, those that the
 * dispatch tells by, and any number of callers of service.h. `mutex` guards the fields below it,
 * and what these say is guarded; it is never held while a database is asked.
 */
#ifndef HG_PIPELINE_STATE_H
#define HG_PIPELINE_STATE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "dispatch/dispatch.h"
#include "pipeline/live.h"
#include "pipeline/peers.h"
#include "pipeline/scheduler.h"
#include "pipeline/service.h"
#include "store/pool.h"

struct hg_pipelines {
    struct hg_pipelines_options options;
    struct hg_dispatch *dispatch;
    struct hg_scheduler scheduler;
    struct hg_peers peers;
    struct hg_live live;

    pthread_mutex_t mutex;
    pthread_cond_t run_changed; /* a run moved on */
    uint64_t run_changes;       /* counts them */
    bool stopping;              /* nothing more is begun */
};

#endif
