/*
 * What is counted of attempts, for Prometheus.
 */
#ifndef HG_DISPATCH_METRICS_H
#define HG_DISPATCH_METRICS_H

#include <stdatomic.h>

struct hg_attempt;
struct hg_dispatch;

/* How attempts end. */
enum hg_outcome {
    HG_OUTCOME_SUCCEEDED,
    HG_OUTCOME_FAILED,
    HG_OUTCOME_CANCELLED,
    HG_OUTCOME_RELEASED,   /* no worker took it: back to the queue */
    HG_OUTCOME_SUPERSEDED, /* another attempt had taken over */
    HG_N_OUTCOMES,
};

struct hg_metrics {
    atomic_ullong n_outcomes[HG_N_OUTCOMES];
};

/* An attempt has ended, and its end was written down or does not count. [any] thread. */
void hg_metrics_note_attempt(struct hg_dispatch *dispatch, const struct hg_attempt *attempt);

#endif
