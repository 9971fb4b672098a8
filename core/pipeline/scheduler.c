/*
 * The scheduler: one thread that creates a run when a pipeline's next_run_at has come, on the host
 * that leads. Two hosts may both try: a run's (pipeline, scheduled_for) is unique. A tick that
 * finds the pipeline still running is skipped and said so in the log; one whose run cannot be
 * created for a passing reason stays due; what was missed while no host ran is not made up for.
 */
#include "pipeline/scheduler.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "pipeline/outage.h"
#include "pipeline/peers.h"
#include "pipeline/plan.h"
#include "pipeline/retention.h"
#include "pipeline/runs.h"
#include "pipeline/sql_json.h"
#include "pipeline/state.h"

enum {
    LONGEST_SLEEP_MS = 30000,
    RETRY_DATABASE_MS = 2000,
    RETENTION_EVERY_MS = 3600000,
    RETENTION_RETRY_MS = 60000, /* weeks are made long before they are needed */
};

static const struct hg_statement due = {
    "scheduler_due",
    "select id, " HG_SQL_TIME("next_run_at") " as scheduled_for from pipeline"
                                             " where next_run_at <= now() order by next_run_at",
    0};

static const struct hg_statement next_due = {
    "scheduler_next",
    "select (extract(epoch from min(next_run_at) - now()) * 1000)::bigint as wait_ms"
    " from pipeline",
    0};

/*
 * Creates the run of a tick. What cannot be mended by waiting is logged and the tick is over; a
 * failure that passes is returned, and the tick stays due.
 */
static int fire(struct hg_pipelines *service,
                const char *id,
                const char *scheduled_for,
                struct hg_error *ret_err)
{
    struct hg_error err = HG_ERROR_INIT;
    char run_id[HG_UUID_TEXT];
    char busy[HG_UUID_TEXT] = "";
    const struct hg_run_request request = {
        .pipeline_id = id,
        .trigger = "schedule",
        .scheduled_for = scheduled_for,
    };
    int r = hg_run_create(service, &request, run_id, busy, &err);
    if (r < 0 && hg_outage_passes(r, &err)) {
        *ret_err = err;
        return r;
    }
    if (r == HG_ECONFLICT && busy[0] == '\0') {
        return HG_OK; /* another host made this tick's run, and it has ended already */
    }
    if (r == HG_ECONFLICT) {
        hg_log(HG_LOG_WARNING,
               "a scheduled run is skipped, the pipeline is still running",
               "pipeline",
               id,
               "scheduled_for",
               scheduled_for,
               "running",
               busy,
               NULL);
    } else if (r < 0) {
        hg_log_error("a scheduled run could not be created", &err);
    }
    return HG_OK;
}

/* One tick: its run, and when the next one comes. */
static int fire_and_plan(struct hg_pipelines *service,
                         const char *id,
                         const char *scheduled_for,
                         struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    int r = fire(service, id, scheduled_for, err);
    r = r < 0 ? r : hg_pool_borrow(service->options.metadata, HG_BORROW_MS, &db, err);
    return r < 0 ? r : hg_plan_in(db, id, err);
}

/* Creates what is due, and says for how long nothing will be. */
static int one_round(struct hg_pipelines *service, int64_t *ret_wait_ms, struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *ready = NULL;
    HG_CLEANUP(hg_resultp) PGresult *next = NULL;
    {
        HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
        int r = hg_pool_borrow(service->options.metadata, HG_BORROW_MS, &db, err);
        r = r < 0 ? r : hg_db_exec(db, &due, NULL, &ready, err);
        if (r < 0) {
            return r;
        }
    }
    int r = HG_OK;
    for (int row = 0; r == HG_OK && row < PQntuples(ready); row++) {
        r = fire_and_plan(service,
                          hg_result_text(ready, row, "id"),
                          hg_result_text(ready, row, "scheduled_for"),
                          err);
    }
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    r = r < 0 ? r : hg_pool_borrow(service->options.metadata, HG_BORROW_MS, &db, err);
    r = r < 0 ? r : hg_db_exec(db, &next_due, NULL, &next, err);
    if (r == HG_OK) {
        int64_t wait_ms = hg_result_int64(next, 0, "wait_ms", LONGEST_SLEEP_MS);
        wait_ms = wait_ms < 0 ? 0 : wait_ms + 1;
        *ret_wait_ms = wait_ms < LONGEST_SLEEP_MS ? wait_ms : LONGEST_SLEEP_MS;
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

/* None of them waits for another: without weeks to come there are no runs. */
static const struct {
    int (*keep)(struct hg_pipelines *service, struct hg_error *err);
    bool everywhere; /* not only on the host that leads */
    const char *failure;
} retentions[] = {
    {hg_retention_keep, false, "old runs could not be dropped, or weeks to come not be made"},
    {hg_retention_keep_quarantine, false, "old rejected rows could not be dropped"},
    {hg_retention_keep_stages,
     false,
     "staged rows of pipelines that are gone could not be dropped"},
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

static void *schedule(void *arg)
{
    struct hg_pipelines *service = arg;
    int64_t retention_at_ms = 0;
    bool led = false;
    int64_t wait_ms = 0;
    struct hg_outage outage = {0};
    do {
        struct hg_error err = HG_ERROR_INIT;
        bool leads = hg_peers_lead(service);
        retention_at_ms = leads && !led ? 0 : retention_at_ms;
        led = leads;
        int r = leads ? one_round(service, &wait_ms, &err) : HG_OK;
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
