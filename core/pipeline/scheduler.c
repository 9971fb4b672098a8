/*
 * The scheduler: one thread that creates a run when a pipeline's next_run_at has come, on the host
 * that leads (fire.c), and the next run of a backfill when its last one has ended (backfill.c). Two
 * hosts may both try: a run's (pipeline, scheduled_for) is unique.
 */
#include "pipeline/scheduler.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "pipeline/backfill.h"
#include "pipeline/doubt.h"
#include "pipeline/fire.h"
#include "pipeline/peers.h"
#include "pipeline/plan.h"
#include "pipeline/retention.h"
#include "pipeline/state.h"
#include "store/outage.h"

enum {
    LONGEST_SLEEP_MS = 30000,
    BACKFILL_LOOK_MS = 1000, /* the run may have ended on another host */
    RETRY_DATABASE_MS = 2000,
    RETENTION_EVERY_MS = 3600000,
    RETENTION_RETRY_MS = 60000, /* weeks are made long before they are needed */
};

static const struct hg_statement next_due = {
    "scheduler_next",
    "select (extract(epoch from min(next_run_at) - now()) * 1000)::bigint as wait_ms"
    " from pipeline where not exists (select from pause)",
    0};

/* While backfills are under way, each end of a run may be that of one of theirs. */
static void set_fills_lanes(struct hg_pipelines *service, bool fills_lanes)
{
    HG_LOCK(&service->mutex);
    service->scheduler.fills_lanes = fills_lanes;
}

/* Creates what is due, and says for how long nothing will be. */
static int one_round(struct hg_pipelines *service,
                     struct hg_clock *clock,
                     int64_t *ret_wait_ms,
                     struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *next = NULL;
    bool are_left = false;
    int r = hg_fire_due(service, clock, err);
    r = r < 0 ? r : hg_backfill_advance(service, &are_left, err);
    set_fills_lanes(service, are_left);
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    r = r < 0 ? r : hg_pool_borrow(service->options.metadata, HG_BORROW_MS, &db, err);
    r = r < 0 ? r : hg_db_exec(db, &next_due, NULL, &next, err);
    if (r == HG_OK) {
        int64_t longest_ms = are_left ? BACKFILL_LOOK_MS : LONGEST_SLEEP_MS;
        int64_t wait_ms = hg_result_int64(next, 0, "wait_ms", longest_ms);
        wait_ms = wait_ms < 0 ? 0 : wait_ms + 1;
        *ret_wait_ms = wait_ms < longest_ms ? wait_ms : longest_ms;
    }
    return r;
}

/* False when the service stops. */
static bool sleep_until_change(struct hg_pipelines *service, int64_t wait_ms)
{
    struct timespec until;
    hg_time_monotonic_after(wait_ms, &until);
    HG_LOCK(&service->mutex);
    while (!service->stopping && !service->scheduler.has_changed &&
           pthread_cond_timedwait(&service->scheduler.changed, &service->mutex, &until) == 0) {
    }
    service->scheduler.has_changed = false;
    return !service->stopping;
}

/* The system may have new time zones. */
static int plan_anew(struct hg_pipelines *service, struct hg_error *err)
{
    return hg_plan(service, NULL, err);
}

/* None of them waits for another: without weeks to come there are no runs. */
static const struct {
    int (*keep)(struct hg_pipelines *service, struct hg_error *err);
    bool everywhere; /* not only on the host that leads */
    const char *failure;
} retentions[] = {
    {hg_retention_keep, false, "old runs could not be dropped, or weeks to come not be made"},
    {hg_retention_keep_quarantine, false, "old rejected rows could not be dropped"},
    {hg_retention_keep_audit, false, "old rows of the audit log could not be dropped"},
    {hg_retention_keep_bars, false, "old bars against fences could not be dropped"},
    {hg_retention_keep_stages,
     false,
     "staged rows of pipelines that are gone could not be dropped"},
    {plan_anew, false, "the next times of schedules could not be made anew"},
    {hg_retention_keep_logs, true, "old logs of jobs could not be removed"},
};

/* At the start and once an hour. */
static void keep_retention(struct hg_pipelines *service, bool leads, int64_t *at_ms)
{
    if (hg_time_monotonic_ms() < *at_ms) {
        return;
    }
    bool failed = false;
    for (size_t i = 0; i < HG_COUNT(retentions); i++) {
        struct hg_error err = HG_ERROR_INIT;
        if ((leads || retentions[i].everywhere) && retentions[i].keep(service, &err) < 0) {
            hg_log_error(retentions[i].failure, &err);
            failed = true;
        }
    }
    *at_ms = hg_time_monotonic_ms() + (failed ? RETENTION_RETRY_MS : RETENTION_EVERY_MS);
}

/* Weeks to come are made by a clock that was set at once. */
static int doubt_clocks(struct hg_pipelines *service,
                        struct hg_doubt *doubt,
                        int64_t *retention_at_ms,
                        struct hg_error *err)
{
    bool is_new = false;
    int r = hg_doubt_look(service, doubt, &service->scheduler.keeps_all, &is_new, err);
    if (r == HG_OK && is_new) {
        *retention_at_ms = 0;
        hg_log(HG_LOG_WARNING,
               "the clock was set, or no host has run for a day: nothing is dropped for its age "
               "for 24 hours",
               NULL);
    }
    return r;
}

static void *schedule(void *arg)
{
    struct hg_pipelines *service = arg;
    int64_t retention_at_ms = 0;
    bool led = false;
    int64_t wait_ms = 0;
    struct hg_outage outage = {0};
    struct hg_clock clock = {0};
    struct hg_doubt doubt = {.is_recalled = false};
    do {
        struct hg_error err = HG_ERROR_INIT;
        bool leads = hg_peers_lead(service);
        retention_at_ms = leads && !led ? 0 : retention_at_ms;
        led = leads;
        int r = leads ? one_round(service, &clock, &wait_ms, &err) : HG_OK;
        r = r < 0 ? r : doubt_clocks(service, &doubt, &retention_at_ms, &err);
        hg_outage_note(&outage, r, "the scheduler waits for the database", &err);
        if (r == HG_OK) {
            keep_retention(service, leads, &retention_at_ms);
        }
        wait_ms = r < 0 ? RETRY_DATABASE_MS : leads ? wait_ms : LONGEST_SLEEP_MS;
    } while (sleep_until_change(service, wait_ms));
    return NULL;
}

int hg_scheduler_start(struct hg_pipelines *service, struct hg_error *err)
{
    int e = pthread_create(&service->scheduler.thread, NULL, schedule, service);
    if (e != 0) {
        return hg_error_errno(err, e, "cannot start the scheduler");
    }
    service->scheduler.has_thread = true;
    return HG_OK;
}

void hg_scheduler_stop(struct hg_pipelines *service)
{
    if (service->scheduler.has_thread) {
        (void)pthread_join(service->scheduler.thread, NULL);
        service->scheduler.has_thread = false;
    }
}
