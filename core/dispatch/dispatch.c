#include "dispatch/dispatch.h"

#include <stdlib.h>

#include "base/mem.h"
#include "dispatch/logs.h"
#include "dispatch/state.h"

/* Nothing is claimed ahead before tasks have shown that they are short. */
enum { TASK_MS_AT_FIRST = 1000 };

int hg_dispatch_new(const struct hg_dispatch_options *options,
                    struct hg_dispatch **ret,
                    struct hg_error *err)
{
    pthread_condattr_t monotonic;
    struct hg_dispatch *dispatch = calloc(1, sizeof *dispatch);
    if (!dispatch) {
        return hg_error_nomem(err);
    }
    dispatch->options = *options;
    dispatch->attempts.task_ms = TASK_MS_AT_FIRST;
    dispatch->settler.ask_ms = HG_ASK_MS;
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_mutex_init(&dispatch->mutex, NULL);
    (void)pthread_cond_init(&dispatch->dispatcher.work, &monotonic);
    (void)pthread_cond_init(&dispatch->attempts.gathered, &monotonic);
    (void)pthread_cond_init(&dispatch->keeper.cancels, &monotonic);
    (void)pthread_cond_init(&dispatch->settler.doubt, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    *ret = dispatch;
    return HG_OK;
}

void hg_dispatch_free(struct hg_dispatch *dispatch)
{
    if (!dispatch) {
        return;
    }
    (void)pthread_cond_destroy(&dispatch->dispatcher.work);
    (void)pthread_cond_destroy(&dispatch->attempts.gathered);
    (void)pthread_cond_destroy(&dispatch->keeper.cancels);
    (void)pthread_cond_destroy(&dispatch->settler.doubt);
    (void)pthread_mutex_destroy(&dispatch->mutex);
    free(dispatch);
}

int hg_dispatch_start(struct hg_dispatch *dispatch, struct hg_error *err)
{
    int r = hg_dispatch_logs_open(dispatch, err);
    return r < 0 ? r : hg_dispatcher_start(dispatch, err);
}

void hg_dispatch_close(struct hg_dispatch *dispatch)
{
    HG_LOCK(&dispatch->mutex);
    dispatch->stopping = true;
    dispatch->dispatcher.poked = true;
    (void)pthread_cond_broadcast(&dispatch->dispatcher.work);
    (void)pthread_cond_broadcast(&dispatch->attempts.gathered);
}

void hg_dispatch_stop(struct hg_dispatch *dispatch, int64_t grace_ms)
{
    hg_dispatch_close(dispatch);
    hg_dispatcher_stop(dispatch, grace_ms);
    hg_job_logs_close(dispatch->logs);
    dispatch->logs = NULL;
}

void hg_dispatch_wake(struct hg_dispatch *dispatch)
{
    HG_LOCK(&dispatch->mutex);
    dispatch->dispatcher.poked = true;
    (void)pthread_cond_signal(&dispatch->dispatcher.work);
}

/* What was cancelled may be ready here, run here, or have been lost with its host. */
void hg_dispatch_cancel(struct hg_dispatch *dispatch)
{
    HG_LOCK(&dispatch->mutex);
    dispatch->keeper.cancels_due = true;
    dispatch->dispatcher.claims_due = true;
    dispatch->dispatcher.poked = true;
    (void)pthread_cond_signal(&dispatch->keeper.cancels);
    (void)pthread_cond_signal(&dispatch->dispatcher.work);
}

size_t hg_dispatch_running(struct hg_dispatch *dispatch)
{
    size_t n = 0;
    HG_LOCK(&dispatch->mutex);
    for (const struct hg_attempt *a = dispatch->attempts.first; a; a = a->next) {
        n += !a->message && !a->ended; /* with a message it waits for a worker, and goes back */
    }
    return n;
}

json_t *hg_dispatch_workers(struct hg_dispatch *dispatch)
{
    return hg_worker_pool_to_json(dispatch->workers);
}

struct hg_job_logs *hg_dispatch_logs(const struct hg_dispatch *dispatch)
{
    return dispatch->logs;
}

void hg_tell_run(const struct hg_dispatch *dispatch, const char *run_id)
{
    dispatch->options.events.on_run_changed(dispatch->options.events.arg, run_id);
}

void hg_tell_moved(const struct hg_dispatch *dispatch)
{
    dispatch->options.events.on_moved(dispatch->options.events.arg);
}

void hg_tell_more_work(const struct hg_dispatch *dispatch)
{
    dispatch->options.events.on_more_work(dispatch->options.events.arg);
}
