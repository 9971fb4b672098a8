/*
 * The state of what runs tasks, shared by the files of this folder and by nobody else. What belongs
 * to one of its threads stands in that thread's header.
 *
 * Threads: the dispatcher, the keeper, the settler, the archiver of logs, the workers' supervisor
 * (events) and any number of callers of dispatch.h. `mutex` guards the fields below it, and what
 * these say is guarded; it is never held while a database is asked or somebody is told.
 */
#ifndef HG_DISPATCH_STATE_H
#define HG_DISPATCH_STATE_H

#include <pthread.h>
#include <stdbool.h>

#include "dispatch/attempts.h"
#include "dispatch/dispatch.h"
#include "dispatch/dispatcher.h"
#include "dispatch/keeper.h"
#include "dispatch/metrics.h"
#include "dispatch/settle.h"
#include "store/pool.h"
#include "worker/pool.h"

struct hg_dispatch {
    struct hg_dispatch_options options;
    struct hg_worker_pool *workers;
    struct hg_job_logs *logs;
    struct hg_dispatcher dispatcher;
    struct hg_keeper keeper;
    struct hg_settler settler;
    struct hg_metrics metrics;

    pthread_mutex_t mutex;
    struct hg_attempts attempts;
    bool stopping; /* nothing more is begun; what runs may go on for its grace, */
    bool drained;  /* then no worker runs any more: the dispatcher and the settler end, */
    bool written;  /* all that can be written down is: the keeper ends */
};

/* See struct hg_dispatch_events. */
void hg_tell_run(const struct hg_dispatch *dispatch, const char *run_id);
void hg_tell_moved(const struct hg_dispatch *dispatch);
void hg_tell_more_work(const struct hg_dispatch *dispatch);

#endif
