#include "alerts/sender.h"

#include <errno.h>

#include "alerts/deliver.h"
#include "alerts/fold.h"
#include "alerts/live.h"
#include "alerts/log.h"
#include "base/log.h"
#include "base/time.h"

enum {
    POLL_MS = 1000,
    AWAY_MS = 5000, /* after the database did not answer */
    KEEP_EVERY_MS = 3600000,
};

/* One thing to do: of events first, for these are nowhere else to be seen. */
static int do_one(struct hg_alerts *alerts,
                  bool healthy_only,
                  bool *ret_found,
                  struct hg_error *err)
{
    bool found = false;
    int r = hg_alert_fold(alerts, &found, err);
    if (r == HG_OK && !found) {
        r = hg_alert_deliver(alerts, healthy_only, &found, err);
    }
    *ret_found = found;
    return r;
}

static bool is_stopping(struct hg_alerts *alerts)
{
    HG_LOCK(&alerts->mutex);
    return alerts->stopping;
}

static void rest(struct hg_alerts *alerts, int64_t ms)
{
    struct timespec until;
    hg_time_monotonic_after(ms, &until);
    HG_LOCK(&alerts->mutex);
    if (!alerts->stopping) {
        (void)pthread_cond_timedwait(&alerts->work, &alerts->mutex, &until);
    }
}

/* All that there is to do just now. */
static int do_all(struct hg_alerts *alerts, bool healthy_only, struct hg_error *err)
{
    bool found = true;
    int r = HG_OK;
    while (r == HG_OK && found && !atomic_load(&alerts->cancelled)) {
        r = do_one(alerts, healthy_only, &found, err);
    }
    return r;
}

static int keep(struct hg_alerts *alerts, int64_t *at_ms, struct hg_error *err)
{
    if (hg_time_monotonic_ms() < *at_ms) {
        return HG_OK;
    }
    *at_ms = hg_time_monotonic_ms() + KEEP_EVERY_MS;
    return hg_alert_keep(alerts, err);
}

static void leave(struct hg_alerts *alerts)
{
    HG_LOCK(&alerts->mutex);
    alerts->n_running--;
    (void)pthread_cond_broadcast(&alerts->ended);
}

/*
 * The first of them alone sees to retention, and takes no channel that may keep it waiting. Each
 * looks once more when the host stops: what a run has come to just now is told before that.
 */
static void run(struct hg_alerts *alerts, bool is_first)
{
    int64_t keep_at_ms = 0;
    bool is_last = false;
    while (!is_last) {
        struct hg_error err = HG_ERROR_INIT;
        is_last = is_stopping(alerts);
        int r = do_all(alerts, is_first, &err);
        r = r < 0 || !is_first || is_last ? r : keep(alerts, &keep_at_ms, &err);
        if (r < 0 && r != HG_ECANCELLED && !atomic_exchange(&alerts->is_away, true)) {
            hg_log_error("alerts cannot be sent now", &err);
        } else if (r == HG_OK) {
            atomic_store(&alerts->is_away, false);
        }
        if (!is_last) {
            rest(alerts, r < 0 ? AWAY_MS : POLL_MS);
        }
    }
    leave(alerts);
}

static void *run_first(void *arg)
{
    run(arg, true);
    return NULL;
}

static void *run_other(void *arg)
{
    run(arg, false);
    return NULL;
}

/* While the database is away the senders say so. */
static void *run_teller(void *arg)
{
    struct hg_alerts *alerts = arg;
    struct hg_alert_live live = {.looked_at_ms = hg_time_monotonic_ms()};
    while (!is_stopping(alerts)) {
        struct hg_error err = HG_ERROR_INIT;
        int r = hg_alert_live_look(alerts, &live, &err);
        rest(alerts, r < 0 ? AWAY_MS : HG_ALERT_LIVE_MS);
    }
    hg_alert_live_free(&live);
    leave(alerts);
    return NULL;
}

static int start_thread(struct hg_alerts *alerts, void *(*main)(void *arg), struct hg_error *err)
{
    {
        HG_LOCK(&alerts->mutex);
        alerts->n_running++;
    }
    int e = pthread_create(&alerts->threads[alerts->n_threads], NULL, main, alerts);
    if (e != 0) {
        HG_LOCK(&alerts->mutex);
        alerts->n_running--;
        return hg_error_errno(err, e, "cannot start a thread for alerts");
    }
    alerts->n_threads++;
    return HG_OK;
}

int hg_senders_start(struct hg_alerts *alerts, struct hg_error *err)
{
    int r = start_thread(alerts, run_first, err);
    for (size_t i = 1; r == HG_OK && i < HG_ALERT_SENDERS; i++) {
        r = start_thread(alerts, run_other, err);
    }
    return r < 0 || !alerts->options.events ? r : start_thread(alerts, run_teller, err);
}

void hg_senders_stop(struct hg_alerts *alerts, int64_t grace_ms)
{
    struct timespec until;
    hg_time_monotonic_after(grace_ms, &until);
    {
        HG_LOCK(&alerts->mutex);
        alerts->stopping = true;
        (void)pthread_cond_broadcast(&alerts->work);
        int e = 0;
        while (alerts->n_running > 0 && e != ETIMEDOUT) {
            e = pthread_cond_timedwait(&alerts->ended, &alerts->mutex, &until);
        }
    }
    atomic_store(&alerts->cancelled, true);
    for (size_t i = 0; i < alerts->n_threads; i++) {
        (void)pthread_join(alerts->threads[i], NULL);
    }
    alerts->n_threads = 0;
}
