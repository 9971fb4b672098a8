/*
 * The thread that keeps this host's lease and passes on what is to stop.
 */
#ifndef HG_PIPELINE_KEEPER_H
#define HG_PIPELINE_KEEPER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct hg_pipelines;

struct hg_keeper {
    pthread_t thread;
    bool has_thread;
    /* Guarded by the service's mutex. */
    pthread_cond_t cancels; /* somebody asked to stop what runs, or the keeper is to end */
    bool cancels_due;
    int64_t lease_until_ms; /* monotonic: nothing is claimed afterwards */
};

int hg_keeper_start(struct hg_pipelines *service, struct hg_error *err);
/* Call with `written` set. */
void hg_keeper_stop(struct hg_pipelines *service);

#endif
