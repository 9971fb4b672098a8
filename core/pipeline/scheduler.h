/*
 * The thread that creates the runs of schedules, and drops what is old.
 */
#ifndef HG_PIPELINE_SCHEDULER_H
#define HG_PIPELINE_SCHEDULER_H

#include <pthread.h>
#include <stdbool.h>

#include "base/error.h"

struct hg_pipelines;

struct hg_scheduler {
    pthread_t thread;
    bool has_thread;
    bool keeps_all; /* its own thread's: nothing is dropped for its age (doubt.h) */
    /* Guarded by the service's mutex. */
    pthread_cond_t changed; /* schedules changed, or stop */
    bool has_changed;
    bool fills_lanes; /* backfills wait for runs to end */
};

int hg_scheduler_start(struct hg_pipelines *service, struct hg_error *err);
/* Call with `stopping` set. */
void hg_scheduler_stop(struct hg_pipelines *service);

#endif
