/*
 * Attempts between the claim and their end: they wait here for a free worker, are handed out, and
 * what the workers' supervisor says of them is kept for the dispatcher, or for the settler when it
 * leaves a doubt.
 *
 * Threads: the dispatcher, the supervisor, the settler, the keeper (cancels). Only the dispatcher
 * adds and frees attempts, and only frees those that have ended and are not in doubt: one that it
 * found under the mutex stays valid for it afterwards, and one in doubt for the settler.
 */
#include "dispatch/attempts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/time.h"
#include "dispatch/attempt_spec.h"
#include "dispatch/state.h"
#include "joblog/job_log.h"

enum {
    FENCED_AGAIN_MS = 200,
    LOST_MAX = 5,       /* times that a task may take its host down */
    HOLD_MS = 20,       /* as much work is claimed ahead as workers do in this time */
    HELD_A_WORKER = 64, /* tasks, at most */
    HELD_MAX_MS = 200,  /* then others may have it */
    AGAIN_MS = 1000,    /* to an attempt while the one before it still runs here */
    GATHER_MS = 8,      /* ends are waited for so long at most, */
    GATHERED = 16,      /* or until there are so many, */
    KEEP_HELD = 4,      /* or until no more tasks than these wait for each worker */
};

/* ---- attempts (mutex held) ---- */

/* Not by its task: an attempt that lost its lease may still run beside the next one. */
static struct hg_attempt *find_attempt(struct hg_dispatch *dispatch, const char *handle)
{
    for (struct hg_attempt *a = dispatch->attempts.first; a; a = a->next) {
        if (!a->ended && strcmp(a->handle, handle) == 0) {
            return a;
        }
    }
    return NULL;
}

void hg_attempt_free(struct hg_attempt *attempt)
{
    hg_queue_task_clear(&attempt->task);
    json_decref(attempt->message);
    json_decref(attempt->progress);
    json_decref(attempt->result);
    free(attempt->job);
    free(attempt);
}

void hg_attempts_remove(struct hg_dispatch *dispatch, struct hg_attempt *attempt)
{
    {
        HG_LOCK(&dispatch->mutex);
        struct hg_attempt **at = &dispatch->attempts.first;
        while (*at && *at != attempt) {
            at = &(*at)->next;
        }
        if (*at) {
            *at = attempt->next;
        }
    }
    hg_attempt_free(attempt);
}

/* ---- events of the workers' supervisor ---- */

static void on_log(
    void *arg, const char *task_id, const char *job, int level, int64_t at_us, const char *message)
{
    struct hg_dispatch *dispatch = arg;
    struct hg_job_log_name name;
    {
        HG_LOCK(&dispatch->mutex);
        const struct hg_attempt *attempt = find_attempt(dispatch, task_id);
        if (!attempt) {
            return;
        }
        name = hg_job_log_name(attempt->task.run_id, job, attempt->task.attempt);
    }
    hg_job_log_append(dispatch->logs, &name, level, at_us, message);
}

static void on_progress(void *arg,
                        const char *task_id,
                        const char *job,
                        int64_t rows_in,
                        int64_t rows_out,
                        int64_t rows_rejected)
{
    struct hg_dispatch *dispatch = arg;
    HG_LOCK(&dispatch->mutex);
    struct hg_attempt *attempt = find_attempt(dispatch, task_id);
    if (attempt && !attempt->progress) {
        attempt->progress = json_object();
    }
    if (attempt && attempt->progress) {
        (void)json_object_set_new(
            attempt->progress,
            job,
            json_pack(
                "[I, I, I]", (json_int_t)rows_in, (json_int_t)rows_out, (json_int_t)rows_rejected));
    }
}

/* Whether more ends may be waited for: the workers have enough to do (mutex held). */
static bool may_gather(const struct hg_dispatch *dispatch)
{
    return !dispatch->stopping && dispatch->attempts.n_ended > 0 &&
           dispatch->attempts.n_ended < GATHERED &&
           dispatch->attempts.n_held >= KEEP_HELD * dispatch->options.config->workers;
}

/*
 * A transaction for each end costs more than the tasks themselves. While workers have more to do,
 * those that follow are waited for; a task that others wait for is not held up, for then there is
 * nothing else to do.
 */
void hg_attempts_gather(struct hg_dispatch *dispatch)
{
    struct timespec until;
    hg_time_monotonic_after(GATHER_MS, &until);
    HG_LOCK(&dispatch->mutex);
    while (may_gather(dispatch) &&
           pthread_cond_timedwait(&dispatch->attempts.gathered, &dispatch->mutex, &until) == 0) {
    }
}

/* The dispatcher has an end to write down (mutex held). */
static void tell_ended(struct hg_dispatch *dispatch)
{
    dispatch->attempts.n_ended++;
    dispatch->dispatcher.poked = true;
    (void)pthread_cond_signal(&dispatch->dispatcher.work);
    if (!may_gather(dispatch)) {
        (void)pthread_cond_signal(&dispatch->attempts.gathered);
    }
}

void hg_attempts_settled(struct hg_dispatch *dispatch, struct hg_attempt *attempt)
{
    attempt->in_doubt = false;
    attempt->try_at_ms = 0;
    tell_ended(dispatch);
}

/* (mutex held) */
static void end_attempt(struct hg_dispatch *dispatch, struct hg_attempt *attempt, bool in_doubt)
{
    attempt->ended = true;
    attempt->in_doubt = in_doubt;
    attempt->doubt_since_ms = hg_time_monotonic_ms();
    if (in_doubt) {
        (void)pthread_cond_signal(&dispatch->settler.doubt);
    } else {
        tell_ended(dispatch);
    }
}

/*
 * The worker's own word that nothing was committed counts; silence and a lost connection do not.
 * And it is a word for this attempt only: one that was lost with its host may still have its
 * transaction open, or only begin it, until a higher fence is there for good.
 */
static bool is_in_doubt(const struct hg_attempt *attempt)
{
    bool speaks_for_all = attempt->task.n_lost == 0 || attempt->released;
    return attempt->failed &&
           (!attempt->result || attempt->error.code == HG_EUNAVAILABLE || !speaks_for_all);
}

static void on_done(void *arg,
                    const char *task_id,
                    const json_t *result,
                    const char *job,
                    const struct hg_error *error)
{
    struct hg_dispatch *dispatch = arg;
    HG_LOCK(&dispatch->mutex);
    struct hg_attempt *attempt = find_attempt(dispatch, task_id);
    if (!attempt) {
        return;
    }
    dispatch->attempts.task_ms +=
        ((double)(hg_time_monotonic_ms() - attempt->since_ms) - dispatch->attempts.task_ms) / 8;
    attempt->failed = error != NULL;
    attempt->result = json_is_object(result) ? json_deep_copy(result) : NULL;
    attempt->job = job ? strdup(job) : NULL; /* without memory: unknown */
    if (error) {
        attempt->error = *error;
    } else if (!attempt->result) {
        attempt->failed = true; /* its report is lost: the ledger is asked */
        (void)hg_error_nomem(&attempt->error);
    }
    /* What our own stop cut short goes back; the queue knows whether somebody had cancelled it. */
    attempt->released =
        dispatch->stopping && attempt->failed && attempt->error.code == HG_ECANCELLED;
    /*
     * A higher fence was there: of the attempt that has taken this one over, then the queue takes
     * no end of it, or of another run of the pipeline, which began later and came first. Then it
     * goes back for a fence of its own.
     */
    if (attempt->failed && json_is_true(json_object_get(attempt->result, "fenced"))) {
        attempt->released = true;
        attempt->again_ms = FENCED_AGAIN_MS;
    }
    end_attempt(dispatch, attempt, is_in_doubt(attempt));
}

/* ---- handing out ---- */

/* One that no worker had. An attempt before it may have committed, unless it only goes back (mutex
 * held). */
static void fail_attempt(struct hg_dispatch *dispatch,
                         struct hg_attempt *attempt,
                         const struct hg_error *error)
{
    attempt->failed = true;
    attempt->error = *error;
    end_attempt(dispatch, attempt, !attempt->released);
}

/* Behind all that are held, or before them (mutex held). */
static void hold(struct hg_attempts *attempts, struct hg_attempt *attempt, bool first)
{
    attempt->next_held = first ? attempts->first_held : NULL;
    if (first) {
        attempts->first_held = attempt;
        attempts->last_held = attempts->last_held ? attempts->last_held : attempt;
    } else {
        *(attempts->last_held ? &attempts->last_held->next_held : &attempts->first_held) = attempt;
        attempts->last_held = attempt;
    }
    attempts->n_held++;
}

/* The one that was held longest, or NULL (mutex held). */
static struct hg_attempt *take_held(struct hg_attempts *attempts)
{
    struct hg_attempt *attempt = attempts->first_held;
    if (attempt) {
        attempts->first_held = HG_TAKE(attempt->next_held);
        attempts->last_held = attempts->first_held ? attempts->last_held : NULL;
        attempts->n_held--;
    }
    return attempt;
}

/* What is held and free workers go together. By the dispatcher and by the supervisor. */
void hg_attempts_hand_out(struct hg_dispatch *dispatch)
{
    while (hg_worker_pool_free_slots(dispatch->workers) > 0) {
        struct hg_error err = HG_ERROR_INIT;
        struct hg_attempt *attempt;
        HG_CLEANUP(hg_json_decrefp) json_t *message = NULL;
        {
            HG_LOCK(&dispatch->mutex);
            attempt = dispatch->stopping ? NULL : take_held(&dispatch->attempts);
            if (!attempt) {
                return;
            }
            attempt->since_ms = hg_time_monotonic_ms();
            message = HG_TAKE(attempt->message);
        }
        int r = hg_worker_pool_submit(dispatch->workers,
                                      HG_LANE_RUNS,
                                      attempt->handle,
                                      message,
                                      attempt->plugin,
                                      attempt->task.timeout_ms,
                                      &err);
        if (r < 0) {
            HG_LOCK(&dispatch->mutex);
            attempt->message = HG_TAKE(message);
            if (r == HG_EUNAVAILABLE) { /* the other thread was faster, or the worker died */
                hold(&dispatch->attempts, attempt, true);
                return;
            }
            fail_attempt(dispatch, attempt, &err);
        }
    }
}

static void on_idle(void *arg)
{
    hg_attempts_hand_out(arg);
    hg_dispatch_wake(arg);
}

/* ---- what waits for a worker ---- */

/* What speaks against beginning an attempt at all. */
static int check_attempt(struct hg_attempt *attempt, struct hg_error *err)
{
    if (attempt->task.cancel_requested) {
        return hg_error_set(err, HG_ECANCELLED, "cancelled before it started");
    }
    if (attempt->task.n_lost <= LOST_MAX) {
        return HG_OK;
    }
    attempt->final = true;
    (void)hg_error_set(
        err, HG_EINTERNAL, "the host died %d times while this ran", attempt->task.n_lost);
    return hg_error_hint(err, "Look into the host's log for what ended it, then retry the run.");
}

/* Puts an attempt behind those that wait for a worker; what prevents that is how it ended. */
void hg_attempts_add(struct hg_dispatch *dispatch, struct hg_attempt *attempt)
{
    struct hg_error err = HG_ERROR_INIT;
    int r = check_attempt(attempt, &err);
    r = r < 0
            ? r
            : hg_attempt_spec(dispatch, &attempt->task, &attempt->message, &attempt->plugin, &err);
    (void)snprintf(attempt->handle,
                   sizeof attempt->handle,
                   "%s.%" PRId64,
                   attempt->task.id,
                   attempt->task.fence);
    if (hg_attempts_cancel(dispatch, attempt->task.id) > 0 && !attempt->task.cancel_requested) {
        attempt->released = true;
        attempt->again_ms = AGAIN_MS;
        r = hg_error_set(&err, HG_EUNAVAILABLE, "an attempt that lost its lease still runs here");
    }
    HG_LOCK(&dispatch->mutex);
    attempt->next = dispatch->attempts.first;
    dispatch->attempts.first = attempt;
    attempt->since_ms = hg_time_monotonic_ms();
    if (r < 0) {
        fail_attempt(dispatch, attempt, &err);
    } else {
        hold(&dispatch->attempts, attempt, false);
    }
}

/*
 * While tasks are short, more are claimed than workers are free: as many as these will do in
 * HOLD_MS, so that no worker waits for the database between two tasks.
 */
int hg_attempts_wanted(struct hg_dispatch *dispatch)
{
    int n_free = hg_worker_pool_free_slots(dispatch->workers);
    int n_workers = dispatch->options.config->workers;
    HG_LOCK(&dispatch->mutex);
    double ahead = n_workers * (double)HOLD_MS / (dispatch->attempts.task_ms + 0.1);
    int most = n_workers * HELD_A_WORKER;
    ahead = ahead < 1 ? 0 : ahead < most ? ahead : most;
    int wanted = n_free + (int)ahead - dispatch->attempts.n_held;
    return wanted > 0 ? wanted : 0;
}

/* What waits here too long may run elsewhere (the workers got a long task meanwhile). */
void hg_attempts_give_back(struct hg_dispatch *dispatch)
{
    int64_t before = hg_time_monotonic_ms() - HELD_MAX_MS;
    struct hg_error err = HG_ERROR_INIT;
    (void)hg_error_set(&err, HG_EUNAVAILABLE, "no worker was free");
    HG_LOCK(&dispatch->mutex);
    while (dispatch->attempts.first_held &&
           (dispatch->stopping || dispatch->attempts.first_held->since_ms < before)) {
        struct hg_attempt *attempt = take_held(&dispatch->attempts);
        attempt->released = true;
        fail_attempt(dispatch, attempt, &err);
        /* Tasks are no longer short: nothing more is claimed ahead until some have been again. */
        double at_least = (double)HELD_MAX_MS * dispatch->options.config->workers;
        dispatch->attempts.task_ms =
            dispatch->attempts.task_ms > at_least ? dispatch->attempts.task_ms : at_least;
    }
}

/* At a task there is one attempt, or a second that lost its lease. */
enum { AT_ONE_TASK = 4 };

/* Handles of the attempts at a task that were handed out (mutex held). */
static size_t running_at(const struct hg_dispatch *dispatch,
                         const char *task_id,
                         char ret[AT_ONE_TASK][HG_HANDLE_BYTES])
{
    size_t n = 0;
    for (const struct hg_attempt *a = dispatch->attempts.first; a && n < AT_ONE_TASK; a = a->next) {
        if (!a->ended && strcmp(a->task.id, task_id) == 0) {
            memcpy(ret[n++], a->handle, sizeof a->handle);
        }
    }
    return n;
}

size_t hg_attempts_cancel(struct hg_dispatch *dispatch, const char *id)
{
    struct hg_error err = HG_ERROR_INIT;
    char handles[AT_ONE_TASK][HG_HANDLE_BYTES];
    size_t n;
    (void)hg_error_set(&err, HG_ECANCELLED, "cancelled before it started");
    {
        HG_LOCK(&dispatch->mutex);
        for (int left = dispatch->attempts.n_held; left > 0; left--) {
            struct hg_attempt *attempt = take_held(&dispatch->attempts);
            if (strcmp(attempt->task.id, id) == 0) {
                fail_attempt(dispatch, attempt, &err);
            } else {
                hold(&dispatch->attempts, attempt, false);
            }
        }
        n = running_at(dispatch, id, handles);
    }
    for (size_t i = 0; i < n; i++) {
        hg_worker_pool_cancel(dispatch->workers, handles[i]);
    }
    return n;
}

const struct hg_worker_events hg_attempt_events = {NULL, on_log, on_progress, on_done, on_idle};
