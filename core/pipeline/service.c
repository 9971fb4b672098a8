#include "pipeline/service.h"

#include <stdlib.h>

#include "base/mem.h"
#include "dispatch/dispatch.h"
#include "pipeline/catalog.h"
#include "pipeline/live.h"
#include "pipeline/peers.h"
#include "pipeline/retention.h"
#include "pipeline/scheduler.h"
#include "pipeline/signal.h"
#include "pipeline/sql_json.h"
#include "pipeline/state.h"

static void init_locks(struct hg_pipelines *service)
{
    pthread_condattr_t monotonic;
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_mutex_init(&service->mutex, NULL);
    (void)pthread_mutex_init(&service->live.mutex, NULL);
    (void)pthread_cond_init(&service->run_changed, &monotonic);
    (void)pthread_cond_init(&service->scheduler.changed, &monotonic);
    (void)pthread_cond_init(&service->live.changed, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
}

static void destroy_locks(struct hg_pipelines *service)
{
    (void)pthread_cond_destroy(&service->run_changed);
    (void)pthread_cond_destroy(&service->scheduler.changed);
    (void)pthread_cond_destroy(&service->live.changed);
    (void)pthread_mutex_destroy(&service->mutex);
    (void)pthread_mutex_destroy(&service->live.mutex);
}

/* ---- what the dispatch tells ---- */

static void on_run_changed(void *arg, const char *run_id)
{
    hg_live_run(arg, run_id, HG_LIVE_CHANGED);
}

static void on_moved(void *arg)
{
    hg_signal_run_changed(arg);
}

static void on_more_work(void *arg)
{
    hg_peers_tell_work(arg);
}

static void on_log_line(void *arg, const struct hg_job_log_name *name, const char *line, size_t n)
{
    hg_live_log_line(arg, name, line, n);
}

static int make_dispatch(struct hg_pipelines *service, struct hg_error *err)
{
    const struct hg_pipelines_options *of = &service->options;
    const struct hg_dispatch_options options = {
        .config = of->config,
        .host = of->host,
        .self = of->self,
        .metadata = of->metadata,
        .warehouse = of->warehouse,
        .worker_warehouse_url = of->worker_warehouse_url,
        .plugins = of->plugins,
        .events = {service, on_run_changed, on_moved, on_more_work, on_log_line},
    };
    return hg_dispatch_new(&options, &service->dispatch, err);
}

int hg_pipelines_start(const struct hg_pipelines_options *options,
                       struct hg_pipelines **ret,
                       struct hg_error *err)
{
    struct hg_pipelines *service = calloc(1, sizeof *service);
    if (!service) {
        return hg_error_nomem(err);
    }
    service->options = *options;
    init_locks(service);
    /* Weeks are made here; what is old waits until the scheduler has looked at the clocks. */
    service->scheduler.keeps_all = true;
    int r = make_dispatch(service, err);
    r = r < 0 ? r : hg_retention_keep(service, err);
    service->scheduler.keeps_all = false; /* it looks before it drops anything */
    r = r < 0 ? r : hg_live_start(service, err);
    r = r < 0 ? r : hg_peers_start(service, err);
    r = r < 0 ? r : hg_catalog_sync(service, err);
    r = r < 0 ? r : hg_dispatch_start(service->dispatch, err);
    r = r < 0 ? r : hg_scheduler_start(service, err);
    if (r < 0) {
        hg_pipelines_stop(service, 0);
        return r;
    }
    *ret = service;
    return HG_OK;
}

void hg_pipelines_begin_nothing(struct hg_pipelines *service)
{
    {
        HG_LOCK(&service->mutex);
        service->stopping = true;
        (void)pthread_cond_broadcast(&service->scheduler.changed);
    }
    if (service->dispatch) {
        hg_dispatch_close(service->dispatch);
    }
}

void hg_pipelines_stop(struct hg_pipelines *service, int64_t grace_ms)
{
    if (!service) {
        return;
    }
    hg_pipelines_begin_nothing(service);
    hg_scheduler_stop(service);
    if (service->dispatch) {
        hg_dispatch_stop(service->dispatch, grace_ms);
    }
    hg_peers_stop(service);
    hg_live_stop(service);
    hg_dispatch_free(service->dispatch);
    destroy_locks(service);
    free(service);
}

size_t hg_pipelines_running(struct hg_pipelines *service)
{
    return hg_dispatch_running(service->dispatch);
}

int hg_pipelines_reload(struct hg_pipelines *service, struct hg_error *err)
{
    return hg_catalog_sync(service, err);
}

static const struct hg_statement count_states = {
    "service_counts",
    "select (select count(*) from pipeline) as pipelines,"
    " (select count(*) from run_slot) as active_runs,"
    " (select count(*) from task where state = 'ready') as ready_tasks,"
    " (select " HG_SQL_TIME("paused_at") " from pause) as paused_at",
    0};

int hg_pipelines_status(struct hg_pipelines *service, json_t **ret, struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    int r = hg_pool_borrow(service->options.metadata, HG_BORROW_MS, &db, err);
    r = r < 0 ? r : hg_db_exec(db, &count_states, NULL, &result, err);
    if (r < 0) {
        return r;
    }
    const char *paused_at = hg_result_text(result, 0, "paused_at");
    json_t *status = json_pack("{s:b, s:b, s:s?, s:I, s:I, s:I, s:o}",
                               "leader",
                               (int)hg_peers_lead(service),
                               "paused",
                               paused_at != NULL,
                               "paused_at",
                               paused_at,
                               "pipelines",
                               (json_int_t)hg_result_int64(result, 0, "pipelines", 0),
                               "active_runs",
                               (json_int_t)hg_result_int64(result, 0, "active_runs", 0),
                               "ready_tasks",
                               (json_int_t)hg_result_int64(result, 0, "ready_tasks", 0),
                               "workers",
                               hg_dispatch_workers(service->dispatch));
    if (!status) {
        return hg_error_nomem(err);
    }
    *ret = status;
    return HG_OK;
}
