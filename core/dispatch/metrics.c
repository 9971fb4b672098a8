#include "dispatch/metrics.h"

#include <string.h>

#include "base/mem.h"
#include "base/metrics.h"
#include "dispatch/attempts.h"
#include "dispatch/state.h"

static const struct hg_metric attempts_ended = {
    "headgate_attempts_total", "counter", "Attempts at tasks that ended on this host."};
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

void hg_metrics_note_attempt(struct hg_dispatch *dispatch, const struct hg_attempt *attempt)
{
    (void)atomic_fetch_add_explicit(
        &dispatch->metrics.n_outcomes[outcome_of(attempt)], 1, memory_order_relaxed);
}

static void put_outcomes(struct hg_dispatch *dispatch, struct hg_buf *buf)
{
    hg_metrics_family(buf, &attempts_ended);
    for (size_t i = 0; i < HG_N_OUTCOMES; i++) {
        const struct hg_metric_label label = {"outcome", outcomes[i]};
        unsigned long long n =
            atomic_load_explicit(&dispatch->metrics.n_outcomes[i], memory_order_relaxed);
        hg_metrics_sample(buf, &attempts_ended, "", &label, 1, (double)n);
    }
}

static const char *text_of(const json_t *worker, const char *key)
{
    return json_string_value(json_object_get(worker, key));
}

/* How many workers there are of each lane and state; each pair once. */
static void put_workers(struct hg_dispatch *dispatch, struct hg_buf *buf)
{
    static const char *const lanes[] = {"runs", "interactive"};
    static const char *const states[] = {"busy", "idle", "starting", "stopping", "down"};
    HG_CLEANUP(hg_json_decrefp) json_t *list = hg_worker_pool_to_json(dispatch->workers);
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

void hg_dispatch_put_metrics(struct hg_dispatch *dispatch, struct hg_buf *buf)
{
    put_outcomes(dispatch, buf);
    put_workers(dispatch, buf);
}
