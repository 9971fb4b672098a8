#include "pipeline/metrics.h"

#include <string.h>

#include "base/mem.h"
#include "base/metrics.h"
#include "pipeline/attempts.h"
#include "pipeline/peers.h"
#include "pipeline/state.h"

enum { METRICS_BORROW_MS = 1000 };

static const struct hg_metric attempts_ended = {
    "headgate_attempts_total", "counter", "Attempts at tasks that ended on this host."};
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
static const struct hg_metric workers = {
    "headgate_workers", "gauge", "Worker processes of this host, by lane and state."};
static const struct hg_metric memory = {
    "headgate_worker_resident_memory_bytes", "gauge", "Memory of the workers of this host."};

static const char *const outcomes[HG_N_OUTCOMES] = {
    [HG_OUTCOME_SUCCEEDED] = "succeeded",
    [HG_OUTCOME_FAILED] = "failed",
    [HG_OUTCOME_CANCELLED] = "cancelled",
    [HG_OUTCOME_RELEASED] = "released",
    [HG_OUTCOME_SUPERSEDED] = "superseded",
};

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

static enum hg_outcome outcome_of(const struct hg_attempt *attempt)
{
    if (!attempt->taken) {
        return HG_OUTCOME_SUPERSEDED;
    }
    if (attempt->released) {
        return HG_OUTCOME_RELEASED;
    }
    if (!attempt->failed) {
        return HG_OUTCOME_SUCCEEDED;
    }
    return attempt->error.code == HG_ECANCELLED ? HG_OUTCOME_CANCELLED : HG_OUTCOME_FAILED;
}

void hg_metrics_note_attempt(struct hg_pipelines *service, const struct hg_attempt *attempt)
{
    (void)atomic_fetch_add_explicit(
        &service->metrics.n_outcomes[outcome_of(attempt)], 1, memory_order_relaxed);
}

static void put_outcomes(struct hg_pipelines *service, struct hg_buf *buf)
{
    hg_metrics_family(buf, &attempts_ended);
    for (size_t i = 0; i < HG_N_OUTCOMES; i++) {
        const struct hg_metric_label label = {"outcome", outcomes[i]};
        unsigned long long n =
            atomic_load_explicit(&service->metrics.n_outcomes[i], memory_order_relaxed);
        hg_metrics_sample(buf, &attempts_ended, "", &label, 1, (double)n);
    }
}

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

static const char *text_of(const json_t *worker, const char *key)
{
    return json_string_value(json_object_get(worker, key));
}

/* How many workers there are of each lane and state; each pair once. */
static void put_workers(struct hg_pipelines *service, struct hg_buf *buf)
{
    static const char *const lanes[] = {"runs", "interactive"};
    static const char *const states[] = {"busy", "idle", "starting", "stopping", "down"};
    HG_CLEANUP(hg_json_decrefp) json_t *list = hg_worker_pool_to_json(service->workers);
    double bytes = 0;
    size_t i;
    const json_t *worker;
    hg_metrics_family(buf, &workers);
    for (size_t lane = 0; lane < HG_COUNT(lanes); lane++) {
        for (size_t state = 0; state < HG_COUNT(states); state++) {
            const struct hg_metric_label labels[] = {{"lane", lanes[lane]},
                                                     {"state", states[state]}};
            int n = 0;
            json_array_foreach (list, i, worker) {
                n += strcmp(text_of(worker, "lane"), lanes[lane]) == 0 &&
                     strcmp(text_of(worker, "state"), states[state]) == 0;
            }
            hg_metrics_sample(buf, &workers, "", labels, HG_COUNT(labels), n);
        }
    }
    json_array_foreach (list, i, worker) {
        bytes += (double)json_integer_value(json_object_get(worker, "rss_bytes"));
    }
    hg_metrics_single(buf, &memory, bytes);
}

void hg_pipelines_put_metrics(struct hg_pipelines *service, struct hg_buf *buf)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    put_outcomes(service, buf);
    put_workers(service, buf);
    hg_metrics_single(buf, &leads, hg_peers_lead(service));
    if (hg_pool_borrow(service->options.metadata, METRICS_BORROW_MS, &db, NULL) == HG_OK &&
        hg_db_exec(db, &count, NULL, &result, NULL) == HG_OK) {
        put_counts(result, buf);
    }
}
