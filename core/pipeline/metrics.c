#include "base/metrics.h"

#include "base/mem.h"
#include "dispatch/dispatch.h"
#include "pipeline/peers.h"
#include "pipeline/service.h"
#include "pipeline/state.h"

enum { METRICS_BORROW_MS = 1000 };

static const struct hg_metric pipelines = {
    "headgate_pipelines", "gauge", "Pipelines that there are."};
static const struct hg_metric runs = {
    "headgate_runs_active", "gauge", "Runs that have not ended, on all hosts."};
static const struct hg_metric tasks = {
    "headgate_tasks", "gauge", "Tasks that have not ended, on all hosts."};
static const struct hg_metric waiting = {
    "headgate_oldest_ready_task_seconds",
    "gauge",
    "For how long the oldest task has been ready without a worker."};
static const struct hg_metric leads = {
    "headgate_leader", "gauge", "1 where this host fires schedules."};

static const struct hg_statement count = {
    "metrics_count",
    "select (select count(*) from pipeline) as pipelines,"
    " count(*) filter (where r.status = 'queued') as queued,"
    " count(*) filter (where r.status = 'running') as running,"
    " (select count(*) from task where state = 'waiting') as waiting,"
    " (select count(*) from task where state = 'ready') as ready,"
    " (select count(*) from task where state = 'running') as claimed,"
    " (select coalesce(extract(epoch from now() - min(run_at)), 0)::bigint from task"
    " where state = 'ready' and run_at <= now()) as oldest_s"
    " from run_slot s join run r on r.id = s.run_id",
    0};

static void put_states(struct hg_buf *buf,
                       const struct hg_metric *metric,
                       const PGresult *result,
                       const char *const (*states)[2],
                       size_t n)
{
    hg_metrics_family(buf, metric);
    for (size_t i = 0; i < n; i++) {
        const struct hg_metric_label label = {"state", states[i][1]};
        int64_t value = hg_result_int64(result, 0, states[i][0], 0);
        hg_metrics_sample(buf, metric, "", &label, 1, (double)value);
    }
}

static void put_counts(const PGresult *result, struct hg_buf *buf)
{
    static const char *const run_states[][2] = {{"queued", "queued"}, {"running", "running"}};
    static const char *const task_states[][2] = {
        {"waiting", "waiting"}, {"ready", "ready"}, {"claimed", "running"}};
    hg_metrics_single(buf, &pipelines, (double)hg_result_int64(result, 0, "pipelines", 0));
    put_states(buf, &runs, result, run_states, HG_COUNT(run_states));
    put_states(buf, &tasks, result, task_states, HG_COUNT(task_states));
    hg_metrics_single(buf, &waiting, (double)hg_result_int64(result, 0, "oldest_s", 0));
}

void hg_pipelines_put_metrics(struct hg_pipelines *service, struct hg_buf *buf)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    hg_dispatch_put_metrics(service->dispatch, buf);
    hg_metrics_single(buf, &leads, hg_peers_lead(service));
    if (hg_pool_borrow(service->options.metadata, METRICS_BORROW_MS, &db, NULL) == HG_OK &&
        hg_db_exec(db, &count, NULL, &result, NULL) == HG_OK) {
        put_counts(result, buf);
    }
}
