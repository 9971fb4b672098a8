/*
 * The dispatcher: one thread that claims tasks while workers are free, hands them out, writes down
 * how they ended. It waits for a poke (a task was added, an attempt ended, a worker is idle) and
 * looks by itself twice a second, since tasks become due by time. Beside it are the keeper (leases,
 * cancels) and the settler (attempts in doubt).
 */
#include "dispatch/dispatcher.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "dispatch/attempts.h"
#include "dispatch/keeper.h"
#include "dispatch/lease.h"
#include "dispatch/logs.h"
#include "dispatch/metrics.h"
#include "dispatch/outcome.h"
#include "dispatch/settle.h"
#include "dispatch/state.h"
#include "joblog/job_log.h"
#include "store/outage.h"

enum {
    POLL_MS = 500,
    PROGRESS_MS = 1000,
    RETRY_DATABASE_MS = 1000,
    SETTLE_LAST_MS = 5000, /* for what is in doubt when the host stops */
    ENDS_AT_ONCE = 256,
    SLOW_MS = 1000, /* a round is never said to wait for the database before */
};

/* ---- claiming ---- */

/*
 * Fences only rise. When the server crashed and forgot the last ones it gave (claims do not wait
 * for the disk), it would give them again, and an attempt that still runs could not be told from a
 * new one: then the sequence is lifted above all that we have seen, and this claim is dropped.
 */
static int check_fences(struct hg_dispatch *dispatch,
                        struct hg_db *db,
                        const struct hg_queue_task *tasks,
                        size_t n,
                        struct hg_error *err)
{
    int64_t highest = dispatch->dispatcher.highest_fence;
    for (size_t i = 0; i < n; i++) {
        if (tasks[i].fence <= dispatch->dispatcher.highest_fence) {
            int r = hg_queue_lift_fences(db, dispatch->dispatcher.highest_fence, err);
            return r < 0 ? r
                         : hg_error_set(err,
                                        HG_EUNAVAILABLE,
                                        "the database has forgotten fences that it gave; they were "
                                        "lifted, and the claim is made again");
        }
        highest = tasks[i].fence > highest ? tasks[i].fence : highest;
    }
    dispatch->dispatcher.highest_fence = highest;
    return HG_OK;
}

static int add_attempt(struct hg_dispatch *dispatch,
                       struct hg_queue_task *task,
                       struct hg_error *err)
{
    struct hg_attempt *attempt = calloc(1, sizeof *attempt);
    if (!attempt) {
        return hg_error_nomem(err); /* it is unknown here, and so made ready again */
    }
    attempt->task = *task;
    memset(task, 0, sizeof *task);
    attempt->error = (struct hg_error)HG_ERROR_INIT;
    hg_attempts_add(dispatch, attempt);
    return HG_OK;
}

/* Behind a claim, in its transaction: commits it and takes the tasks over. */
static int take_over(struct hg_dispatch *dispatch,
                     struct hg_db *db,
                     struct hg_queue_task *tasks,
                     size_t n,
                     struct hg_error *err)
{
    int r = check_fences(dispatch, db, tasks, n, err);
    r = r < 0 || n == 0 ? r : hg_outcome_started(db, tasks, n, err);
    r = r < 0 ? r : hg_db_commit(db, err);
    if (r == HG_OK && n > 0) {
        HG_FAULT("host.claimed");
        for (size_t i = 0; i < n; i++) {
            hg_tell_run(dispatch, tasks[i].run_id);
        }
        for (size_t i = 0; r == HG_OK && i < n; i++) {
            r = add_attempt(dispatch, &tasks[i], err);
        }
        hg_tell_moved(dispatch);
    }
    hg_queue_tasks_free(tasks, n);
    return r;
}

static int claim_ready(
    struct hg_dispatch *dispatch, struct hg_db *db, int limit, size_t *ret_n, struct hg_error *err)
{
    struct hg_queue_task *tasks = NULL;
    int r = hg_queue_begin(db, err);
    r = r < 0 ? r : hg_queue_claim(db, dispatch->options.host, limit, &tasks, ret_n, err);
    return r < 0 ? r : take_over(dispatch, db, tasks, *ret_n, err);
}

/* What was cancelled while it was ready, and of which an attempt may still live. */
static int claim_cancelled(struct hg_dispatch *dispatch, struct hg_db *db, struct hg_error *err)
{
    struct hg_queue_task *tasks = NULL;
    size_t n = 0;
    int r = hg_queue_begin(db, err);
    r = r < 0 ? r : hg_queue_claim_cancelled(db, dispatch->options.host, &tasks, &n, err);
    return r < 0 ? r : take_over(dispatch, db, tasks, n, err);
}

static int claim_tasks(struct hg_dispatch *dispatch, struct hg_db *db, struct hg_error *err)
{
    int limit = hg_attempts_wanted(dispatch);
    size_t n = 0;
    if (limit == 0) {
        hg_tell_more_work(dispatch);
        return HG_OK;
    }
    int r = claim_ready(dispatch, db, limit, &n, err);
    hg_attempts_hand_out(dispatch);
    if (n == (size_t)limit) {
        hg_tell_more_work(dispatch);
    }
    return r;
}

/* ---- endings and progress ---- */

/* Up to ENDS_AT_ONCE attempts whose end is to be written down; gives how many. */
static size_t collect_ended(struct hg_dispatch *dispatch, struct hg_attempt **ret)
{
    size_t n = 0;
    int64_t now = hg_time_monotonic_ms();
    HG_LOCK(&dispatch->mutex);
    dispatch->attempts.n_ended = 0;
    for (struct hg_attempt *a = dispatch->attempts.first; a && n < ENDS_AT_ONCE; a = a->next) {
        if (a->ended && !a->in_doubt && a->try_at_ms <= now) {
            ret[n++] = a;
        }
    }
    return n;
}

static void try_later(struct hg_dispatch *dispatch,
                      struct hg_attempt *const *attempts,
                      size_t n,
                      int64_t wait_ms)
{
    HG_LOCK(&dispatch->mutex);
    for (size_t i = 0; i < n; i++) {
        attempts[i]->try_at_ms = hg_time_monotonic_ms() + wait_ms;
    }
}

static void log_to_host(const struct hg_attempt *attempt)
{
    char number[16];
    (void)snprintf(number, sizeof number, "%d", attempt->task.attempt);
    hg_log(HG_LOG_WARNING,
           "an attempt failed",
           "pipeline_id",
           attempt->task.pipeline_id,
           "run_id",
           attempt->task.run_id,
           "job_id",
           hg_attempt_job_at_fault(attempt),
           "task",
           attempt->task.key,
           "#attempt",
           number,
           "error",
           attempt->error.message,
           "code",
           hg_code_name(attempt->error.code),
           "hint",
           attempt->error.hint[0] ? attempt->error.hint : NULL,
           NULL);
}

static void say(struct hg_dispatch *dispatch,
                const struct hg_attempt *attempt,
                int level,
                const char *message)
{
    const struct hg_job_log_name name = hg_job_log_name(
        attempt->task.run_id, hg_attempt_job_at_fault(attempt), attempt->task.attempt);
    hg_job_log_say(dispatch->logs, &name, level, message);
}

/*
 * Why an attempt failed belongs into the log of its job too. That somebody cancelled it is no
 * failure, and the end of the run says so. Before the end is written down, which may end the run.
 */
static void log_failure(struct hg_dispatch *dispatch, struct hg_attempt *attempt)
{
    bool cancelled = attempt->error.code == HG_ECANCELLED;
    if (!attempt->failed || attempt->released || attempt->told) {
        return;
    }
    attempt->told = true;
    if (!cancelled) {
        log_to_host(attempt);
    }
    say(dispatch, attempt, cancelled ? HG_LOG_INFO : HG_LOG_ERROR, attempt->error.message);
}

/* One that a worker had and that goes back: its log ends in the middle, and says why. */
static void log_release(struct hg_dispatch *dispatch, const struct hg_attempt *attempt)
{
    bool was_stopped = attempt->error.code == HG_ECANCELLED;
    if (attempt->released && !attempt->message) {
        say(dispatch,
            attempt,
            HG_LOG_WARNING,
            was_stopped ? "the host was stopped before this attempt had ended; it is"
                          " taken up again at the next start"
                        : "another attempt at this had begun later and came first; it"
                          " is taken up again");
    }
}

/* Before the end is written down: a log that has not ended is one whose host died. */
static void end_logs(struct hg_dispatch *dispatch, struct hg_attempt *attempt)
{
    log_failure(dispatch, attempt);
    if (!attempt->log_ended) {
        attempt->log_ended = true;
        log_release(dispatch, attempt);
        hg_dispatch_logs_end(dispatch, &attempt->task);
    }
}

/*
 * A report that the database does not take ends the attempt all the same, without its report. What
 * went well stays so: its rows are there.
 */
static void refuse_report(struct hg_attempt *attempt, const struct hg_error *reason)
{
    attempt->refused = true;
    json_decref(attempt->result);
    attempt->result = NULL;
    hg_error_set(&attempt->error,
                 HG_EINTERNAL,
                 "how the task ended could not be written down: %s",
                 reason->message);
}

static void forget(struct hg_dispatch *dispatch, struct hg_attempt *const *attempts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!attempts[i]->taken) {
            char number[16];
            (void)snprintf(number, sizeof number, "%d", attempts[i]->task.attempt);
            hg_log(HG_LOG_WARNING,
                   "the end of an attempt does not count, another has taken over",
                   "pipeline_id",
                   attempts[i]->task.pipeline_id,
                   "run_id",
                   attempts[i]->task.run_id,
                   "task",
                   attempts[i]->task.key,
                   "#attempt",
                   number,
                   NULL);
        }
        hg_metrics_note_attempt(dispatch, attempts[i]);
        hg_tell_run(dispatch, attempts[i]->task.run_id);
        hg_attempts_remove(dispatch, attempts[i]);
    }
    hg_tell_moved(dispatch);
}

/* One that the database does not take must not keep the others from being written down. */
static int write_one_by_one(struct hg_dispatch *dispatch,
                            struct hg_db *db,
                            struct hg_attempt *const *attempts,
                            size_t n,
                            struct hg_error *err)
{
    for (size_t i = 0; i < n; i++) {
        HG_CLEANUP(hg_log_leave) struct hg_log_scope scope;
        hg_log_enter(&scope, "run_id", attempts[i]->task.run_id);
        int r = hg_outcome_ended(db, &attempts[i], 1, err);
        if (r < 0 && hg_outage_passes(r, err)) {
            try_later(dispatch, &attempts[i], n - i, RETRY_DATABASE_MS);
            return r;
        }
        if (r < 0) {
            hg_log_error("the end of an attempt was not taken", err);
        }
        if (r < 0 && !attempts[i]->refused) {
            refuse_report(attempts[i], err);
            hg_dispatch_wake(dispatch); /* it is written down without its report */
            continue;
        }
        attempts[i]->taken = true;         /* as far as that is possible */
        forget(dispatch, &attempts[i], 1); /* and with it what the scope borrows */
    }
    return HG_OK;
}

/* One batch; `*ret_n` is how many attempts had ended. */
static int write_batch(struct hg_dispatch *dispatch,
                       struct hg_db *db,
                       size_t *ret_n,
                       struct hg_error *err)
{
    struct hg_attempt *attempts[ENDS_AT_ONCE];
    size_t n = collect_ended(dispatch, attempts);
    *ret_n = n;
    if (n == 0) {
        return HG_OK;
    }
    for (size_t i = 0; i < n; i++) {
        end_logs(dispatch, attempts[i]);
    }
    int r = hg_outcome_ended(db, attempts, n, err);
    if (r == HG_OK) {
        forget(dispatch, attempts, n);
        return HG_OK;
    }
    if (hg_outage_passes(r, err)) {
        try_later(dispatch, attempts, n, RETRY_DATABASE_MS);
        return r;
    }
    return write_one_by_one(dispatch, db, attempts, n, err);
}

static int write_progress(struct hg_dispatch *dispatch, struct hg_db *db, struct hg_error *err)
{
    for (;;) {
        HG_CLEANUP(hg_json_decrefp) json_t *progress = NULL;
        struct hg_attempt *attempt;
        {
            /* Only this thread frees attempts, so it stays valid without the mutex. */
            HG_LOCK(&dispatch->mutex);
            for (attempt = dispatch->attempts.first; attempt; attempt = attempt->next) {
                if (attempt->progress && !attempt->ended) {
                    progress = HG_TAKE(attempt->progress);
                    break;
                }
            }
        }
        if (!progress) {
            return HG_OK;
        }
        int r = hg_outcome_progress(db, attempt, progress, err);
        if (r < 0) {
            return r;
        }
        hg_tell_run(dispatch, attempt->task.run_id);
    }
}

/* ---- the thread ---- */

struct rounds {
    int64_t recover_at_ms;
    int64_t progress_at_ms;
    int64_t cancelled_at_ms;
    int64_t began_at_ms; /* this round */
    int64_t away_at_ms;  /* when the database was away last, or slow */
    bool has_recovered;  /* what an earlier life of this host left is taken up */
    struct hg_outage outage;
};

/* NULL without memory: one that is left out would be taken for lost. */
static json_t *known_ids(struct hg_dispatch *dispatch)
{
    HG_CLEANUP(hg_json_decrefp) json_t *ids = json_array();
    HG_LOCK(&dispatch->mutex);
    for (const struct hg_attempt *a = dispatch->attempts.first; a; a = a->next) {
        if (json_array_append_new(ids, json_string(a->task.id)) < 0) {
            return NULL;
        }
    }
    return HG_TAKE(ids);
}

/* Leases are renewed in thirds of their time: what is away for less costs nobody his lease. */
static bool is_slow(const struct rounds *rounds, int64_t now_ms)
{
    int64_t limit = hg_lease_ms() / 3;
    return now_ms - rounds->began_at_ms >= (limit > SLOW_MS ? limit : SLOW_MS);
}

/*
 * While the database was away nobody could keep a lease. When it comes back the others have to be
 * let do that before what they run is taken for lost: a whole lease goes by first, in which the
 * database always answered soon.
 */
static bool may_take_from_others(const struct rounds *rounds)
{
    int64_t now = hg_time_monotonic_ms();
    return !is_slow(rounds, now) && now - rounds->away_at_ms >= hg_lease_ms();
}

#define LOG_UNKNOWN                                                                            \
    "nothing is known of this attempt, since the database was away when it began or ended; it" \
    " is made again"
#define LOG_OF_OTHER                                                                       \
    "this attempt was lost with the host %.80s that ran it, which died, froze or lost the" \
    " database; what it said is in the log there"

/*
 * Why an attempt has no end belongs into the logs of its jobs. That of another host's lies there; a
 * reader here finds at least what became of it.
 */
static void log_lost(struct hg_dispatch *dispatch, const PGresult *lost, bool is_first)
{
    char of_other[256];
    for (int row = 0; row < PQntuples(lost); row++) {
        const char *host = hg_result_text(lost, row, "host");
        HG_CLEANUP(hg_json_decrefp) json_t *jobs = hg_result_json(lost, row, "jobs");
        struct hg_job_log_name name = {.attempt = (int)hg_result_int64(lost, row, "attempt", 0)};
        const char *message = is_first ? HG_JOB_LOG_DEAD : LOG_UNKNOWN;
        size_t i;
        const json_t *job;
        if (host && strcmp(host, dispatch->options.host) != 0) {
            (void)snprintf(of_other, sizeof of_other, LOG_OF_OTHER, host);
            message = of_other;
        }
        (void)snprintf(name.run_id, sizeof name.run_id, "%s", hg_result_text(lost, row, "run_id"));
        json_array_foreach (jobs, i, job) {
            (void)snprintf(name.job, sizeof name.job, "%s", json_string_value(job));
            hg_job_log_lost(dispatch->logs, &name, message);
        }
    }
}

/*
 * Makes ready what is said to run here but does not (tasks of an earlier life of this host, and
 * those whose claim or end was lost on the way), and what other hosts have lost with their leases.
 */
static int take_up_lost(struct hg_dispatch *dispatch,
                        struct hg_db *db,
                        struct rounds *rounds,
                        struct hg_error *err)
{
    int n = 0;
    HG_CLEANUP(hg_resultp) PGresult *lost = NULL;
    HG_CLEANUP(hg_json_decrefp) json_t *known = known_ids(dispatch);
    int r = hg_db_begin(db, err);
    r = r < 0
            ? r
            : hg_queue_recover(
                  db, dispatch->options.host, known, may_take_from_others(rounds), &n, &lost, err);
    r = r < 0 || n == 0 ? r : hg_outcome_lost(db, err);
    r = r < 0 ? r : hg_db_commit(db, err);
    if (r == HG_OK && n > 0) {
        char text[16];
        (void)snprintf(text, sizeof text, "%d", n);
        hg_log(HG_LOG_INFO, "takes up tasks that were left", "#tasks", text, NULL);
        log_lost(dispatch, lost, !rounds->has_recovered);
    }
    rounds->has_recovered |= r == HG_OK;
    return r;
}

/* Others would take over at once what is claimed without a lease. */
static bool may_claim(struct hg_dispatch *dispatch)
{
    HG_LOCK(&dispatch->mutex);
    return !dispatch->stopping && hg_time_monotonic_ms() < dispatch->keeper.lease_until_ms;
}

static bool takes_claims_due(struct hg_dispatch *dispatch)
{
    HG_LOCK(&dispatch->mutex);
    bool due = dispatch->dispatcher.claims_due;
    dispatch->dispatcher.claims_due = false;
    return due;
}

static int claim(struct hg_dispatch *dispatch,
                 struct hg_db *db,
                 struct rounds *rounds,
                 struct hg_error *err)
{
    int64_t now = hg_time_monotonic_ms();
    int r = HG_OK;
    if (!may_claim(dispatch)) {
        return HG_OK;
    }
    if (takes_claims_due(dispatch) || now >= rounds->cancelled_at_ms) {
        rounds->cancelled_at_ms = now + POLL_MS;
        r = claim_cancelled(dispatch, db, err);
    }
    return r < 0 ? r : claim_tasks(dispatch, db, err);
}

static int one_round(struct hg_dispatch *dispatch, struct rounds *rounds, struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    int64_t now = hg_time_monotonic_ms();
    size_t n_ended = 0;
    rounds->began_at_ms = now;
    {
        HG_LOCK(&dispatch->mutex);
        dispatch->dispatcher.round_at_ms = now;
    }
    hg_attempts_give_back(dispatch);
    int r = hg_pool_borrow(dispatch->options.metadata, HG_BORROW_MS, &db, err);
    r = r < 0 ? r : write_batch(dispatch, db, &n_ended, err); /* what comes meanwhile pokes us */
    if (n_ended == ENDS_AT_ONCE) {
        hg_dispatch_wake(dispatch); /* there may have been more */
    }
    if (r == HG_OK && now >= rounds->progress_at_ms) {
        rounds->progress_at_ms = now + PROGRESS_MS;
        r = write_progress(dispatch, db, err);
    }
    if (r == HG_OK && now >= rounds->recover_at_ms) {
        rounds->recover_at_ms = now + hg_lease_ms() / 3;
        r = take_up_lost(dispatch, db, rounds, err);
    }
    return r < 0 ? r : claim(dispatch, db, rounds, err);
}

static void wait_for_work(struct hg_dispatch *dispatch, int64_t wait_ms)
{
    struct timespec until;
    hg_time_monotonic_after(wait_ms, &until);
    HG_LOCK(&dispatch->mutex);
    while (!dispatch->dispatcher.poked && !dispatch->drained &&
           pthread_cond_timedwait(&dispatch->dispatcher.work, &dispatch->mutex, &until) == 0) {
    }
    dispatch->dispatcher.poked = false;
}

static bool is_drained(struct hg_dispatch *dispatch)
{
    HG_LOCK(&dispatch->mutex);
    return dispatch->drained;
}

static void *dispatch_tasks(void *arg)
{
    struct hg_dispatch *dispatch = arg;
    struct rounds rounds = {.away_at_ms = hg_time_monotonic_ms()}; /* for all that we know */
    while (!is_drained(dispatch)) {
        struct hg_error err = HG_ERROR_INIT;
        int r = one_round(dispatch, &rounds, &err);
        int64_t now = hg_time_monotonic_ms();
        if (r < 0 || is_slow(&rounds, now)) {
            rounds.away_at_ms = now;
        }
        hg_outage_note(&rounds.outage, r, "the dispatcher waits for the database", &err);
        rounds.recover_at_ms = r < 0 ? 0 : rounds.recover_at_ms;
        wait_for_work(dispatch, r < 0 ? RETRY_DATABASE_MS : POLL_MS);
        hg_attempts_gather(dispatch);
    }
    return NULL;
}

int hg_dispatcher_start(struct hg_dispatch *dispatch, struct hg_error *err)
{
    struct hg_worker_options options = HG_WORKER_OPTIONS_INIT;
    options.self = dispatch->options.self;
    options.n_workers = dispatch->options.config->workers;
    options.silence_max_ms = HG_FAULT_NUMBER("HEADGATE_SILENCE_MS", options.silence_max_ms);
#ifdef HG_SANITIZED
    options.memory_limit_bytes = 0; /* shadow memory counts too */
#endif
    struct hg_worker_events events = hg_attempt_events;
    events.arg = dispatch;
    int r = hg_worker_pool_new(&options, &events, &dispatch->workers, err);
    r = r < 0 ? r : hg_keeper_start(dispatch, err);
    r = r < 0 ? r : hg_settler_start(dispatch, err);
    if (r < 0) {
        return r;
    }
    int e = pthread_create(&dispatch->dispatcher.thread, NULL, dispatch_tasks, dispatch);
    if (e != 0) {
        return hg_error_errno(err, e, "cannot start the dispatcher");
    }
    dispatch->dispatcher.has_thread = true;
    return HG_OK;
}

/* (mutex held) */
static size_t count_doubts(const struct hg_dispatch *dispatch)
{
    size_t n = 0;
    for (const struct hg_attempt *a = dispatch->attempts.first; a; a = a->next) {
        n += a->in_doubt;
    }
    return n;
}

static void tell_doubts(size_t n)
{
    char text[24];
    if (n > 0) {
        (void)snprintf(text, sizeof text, "%zu", n);
        hg_log(HG_LOG_WARNING,
               "how tasks ended is not known; they are taken up at the next start",
               "#tasks",
               text,
               NULL);
    }
}

/* What ended last, and what waited for a worker. The other threads have ended but for the keeper,
 * which finds nothing to cancel. */
static void write_last(struct hg_dispatch *dispatch)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    struct hg_error err = HG_ERROR_INIT;
    size_t n_ended = 1;
    hg_attempts_give_back(dispatch);
    {
        HG_LOCK(&dispatch->mutex);
        for (struct hg_attempt *a = dispatch->attempts.first; a; a = a->next) {
            a->try_at_ms = 0;
        }
        tell_doubts(count_doubts(dispatch));
        if (!dispatch->attempts.first) {
            return;
        }
    }
    int r = hg_pool_borrow(dispatch->options.metadata, HG_BORROW_MS, &db, &err);
    while (r == HG_OK && n_ended > 0) {
        r = write_batch(dispatch, db, &n_ended, &err);
    }
    if (r < 0) {
        hg_log_error("how the last attempts ended could not be written down", &err);
    }
}

static void set_drained(struct hg_dispatch *dispatch)
{
    HG_LOCK(&dispatch->mutex);
    dispatch->drained = true;
    dispatch->settler.until_ms = hg_time_monotonic_ms() + SETTLE_LAST_MS;
    (void)pthread_cond_signal(&dispatch->dispatcher.work);
    (void)pthread_cond_signal(&dispatch->settler.doubt);
}

static void set_written(struct hg_dispatch *dispatch)
{
    HG_LOCK(&dispatch->mutex);
    dispatch->written = true;
    (void)pthread_cond_signal(&dispatch->keeper.cancels);
}

void hg_dispatcher_stop(struct hg_dispatch *dispatch, int64_t grace_ms)
{
    if (dispatch->workers) {
        hg_worker_pool_drain(dispatch->workers, grace_ms);
    }
    set_drained(dispatch);
    hg_settler_stop(dispatch);
    if (dispatch->dispatcher.has_thread) {
        (void)pthread_join(dispatch->dispatcher.thread, NULL);
        dispatch->dispatcher.has_thread = false;
    }
    write_last(dispatch);
    set_written(dispatch);
    hg_keeper_stop(dispatch);
    hg_worker_pool_stop(dispatch->workers, 0);
    dispatch->workers = NULL;
    while (dispatch->attempts.first) {
        struct hg_attempt *attempt = dispatch->attempts.first;
        dispatch->attempts.first = attempt->next;
        hg_attempt_free(attempt);
    }
}
