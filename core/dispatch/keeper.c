/*
 * The keeper: one thread that keeps this host's lease, which is that of all it runs, and passes on
 * what is to stop. It has nothing else to wait for, and gives up a database that does not answer in
 * time for another try within the lease, so that neither a slow end nor a warehouse that
 * does not answer makes other hosts take over what runs here.
 *
 * Claims, and taking up what was lost (hg_queue_recover), stay with the dispatcher: between the
 * commit of a claim and the attempt's entry into the list only the thread that claims knows that
 * the task is not lost. The two meet in `lease_until_ms`: without a lease nothing is claimed. A
 * dispatcher that is stuck for good gets no lease either, so that other hosts may take over.
 */
#include "dispatch/keeper.h"

#include <inttypes.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "dispatch/attempts.h"
#include "dispatch/lease.h"
#include "dispatch/state.h"

enum { LOOK_MS = 500, RETRY_DATABASE_MS = 1000, STUCK_LEASES = 5 };

struct keeping {
    struct hg_dispatch *dispatch;
    int64_t renew_at_ms;
    bool told; /* that the lease has run out */
};

/* Counted from before the database was asked: it never ends later for us than for others. */
static int renew(struct keeping *keeping, struct hg_db *db, struct hg_error *err)
{
    struct hg_dispatch *dispatch = keeping->dispatch;
    int64_t now = hg_time_monotonic_ms();
    bool stood;
    int r = hg_queue_renew(db, dispatch->options.host, hg_lease_ms(), err);
    if (r < 0) {
        return r;
    }
    {
        HG_LOCK(&dispatch->mutex);
        stood = now < dispatch->keeper.lease_until_ms;
        dispatch->keeper.lease_until_ms = now + hg_lease_ms();
    }
    keeping->renew_at_ms = now + hg_lease_ms() / 3;
    if (keeping->told) {
        hg_log(HG_LOG_INFO, "this host has a lease again", NULL);
        keeping->told = false;
    }
    if (!stood) {
        hg_dispatch_wake(dispatch); /* it may claim now */
    }
    return HG_OK;
}

/* What runs here and is to stop. Other hosts' requests are seen at the next look. */
static int pass_on_cancels(struct hg_dispatch *dispatch, struct hg_db *db, struct hg_error *err)
{
    HG_CLEANUP(hg_json_decrefp) json_t *ids = NULL;
    int r = hg_queue_to_cancel(db, dispatch->options.host, &ids, err);
    size_t i;
    json_t *id;
    json_array_foreach (ids, i, id) {
        (void)hg_attempts_cancel(dispatch, json_string_value(id));
    }
    return r;
}

static int check_dispatcher(struct hg_dispatch *dispatch, struct hg_error *err)
{
    HG_LOCK(&dispatch->mutex);
    int64_t since_ms = hg_time_monotonic_ms() - dispatch->dispatcher.round_at_ms;
    if (dispatch->dispatcher.round_at_ms == 0 || since_ms < STUCK_LEASES * hg_lease_ms()) {
        return HG_OK;
    }
    return hg_error_set(
        err, HG_EUNAVAILABLE, "the dispatcher waits for the database for %" PRId64 " ms", since_ms);
}

static int one_round(struct keeping *keeping, struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    int stuck = check_dispatcher(keeping->dispatch, err);
    int r = hg_pool_borrow(keeping->dispatch->options.metadata, HG_BORROW_MS, &db, err);
    if (r == HG_OK) {
        hg_db_patience(db, (int)(hg_lease_ms() / 4));
    }
    if (r == HG_OK && stuck == HG_OK && hg_time_monotonic_ms() >= keeping->renew_at_ms) {
        r = renew(keeping, db, err);
    }
    r = r < 0 ? r : pass_on_cancels(keeping->dispatch, db, err);
    return r < 0 ? r : stuck;
}

/* A database that is away for less than a lease is the dispatcher's to tell. */
static void tell(struct keeping *keeping, const struct hg_error *err)
{
    struct hg_dispatch *dispatch = keeping->dispatch;
    bool ran_out;
    {
        HG_LOCK(&dispatch->mutex);
        ran_out = dispatch->keeper.lease_until_ms > 0 &&
                  hg_time_monotonic_ms() >= dispatch->keeper.lease_until_ms;
    }
    if (ran_out && !keeping->told) {
        hg_log_error("this host's lease has run out, others may take over what it runs", err);
        keeping->told = true;
    }
}

/* False at the end. */
static bool wait_a_while(struct hg_dispatch *dispatch, int64_t wait_ms)
{
    struct timespec until;
    hg_time_monotonic_after(wait_ms, &until);
    HG_LOCK(&dispatch->mutex);
    while (!dispatch->keeper.cancels_due && !dispatch->written &&
           pthread_cond_timedwait(&dispatch->keeper.cancels, &dispatch->mutex, &until) == 0) {
    }
    dispatch->keeper.cancels_due = false;
    return !dispatch->written;
}

static void *keep(void *arg)
{
    struct keeping keeping = {.dispatch = arg};
    int r;
    do {
        struct hg_error err = HG_ERROR_INIT;
        r = one_round(&keeping, &err);
        if (r < 0) {
            keeping.renew_at_ms = 0;
            tell(&keeping, &err);
        }
    } while (wait_a_while(keeping.dispatch, r < 0 ? RETRY_DATABASE_MS : LOOK_MS));
    return NULL;
}

int hg_keeper_start(struct hg_dispatch *dispatch, struct hg_error *err)
{
    int e = pthread_create(&dispatch->keeper.thread, NULL, keep, dispatch);
    if (e != 0) {
        return hg_error_errno(err, e, "cannot start the keeper of leases");
    }
    dispatch->keeper.has_thread = true;
    return HG_OK;
}

void hg_keeper_stop(struct hg_dispatch *dispatch)
{
    if (dispatch->keeper.has_thread) {
        (void)pthread_join(dispatch->keeper.thread, NULL);
        dispatch->keeper.has_thread = false;
    }
}
