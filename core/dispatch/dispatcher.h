/*
 * The thread that claims tasks, hands them out and writes down how they ended.
 */
#ifndef HG_DISPATCH_DISPATCHER_H
#define HG_DISPATCH_DISPATCHER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct hg_dispatch;

struct hg_dispatcher {
    pthread_t thread;
    bool has_thread;
    int64_t highest_fence; /* that was claimed here; the thread's own */
    /* Guarded by the mutex of struct hg_dispatch. */
    pthread_cond_t work; /* something to do */
    bool poked;
    bool claims_due;     /* what was cancelled may have been lost with a host */
    int64_t round_at_ms; /* monotonic: when it began its round */
};

/* The workers and all that looks after them: dispatcher, keeper, settler. */
int hg_dispatcher_start(struct hg_dispatch *dispatch, struct hg_error *err);
/*
 * Call with `stopping` set. Tasks go on for `grace_ms`, under their lease, and end as ever; what is
 * cut short is taken up by others or at a start.
 */
void hg_dispatcher_stop(struct hg_dispatch *dispatch, int64_t grace_ms);

#endif
