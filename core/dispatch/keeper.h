/*
 * The thread that keeps this host's lease and passes on what is to stop.
 */
#ifndef HG_DISPATCH_KEEPER_H
#define HG_DISPATCH_KEEPER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct hg_dispatch;

struct hg_keeper {
    pthread_t thread;
    bool has_thread;
    /* Guarded by the mutex of struct hg_dispatch. */
    pthread_cond_t cancels; /* somebody asked to stop what runs, or the keeper is to end */
    bool cancels_due;
    int64_t lease_until_ms; /* monotonic: nothing is claimed afterwards */
};

int hg_keeper_start(struct hg_dispatch *dispatch, struct hg_error *err);
/* Call with `written` set. */
void hg_keeper_stop(struct hg_dispatch *dispatch);

#endif
