/*
 * A fixed number of threads that run jobs from a bounded queue.
 */
#ifndef HG_HTTP_EXECUTOR_H
#define HG_HTTP_EXECUTOR_H

#include "base/error.h"

struct hg_executor;

/* Lives inside what it works on; the executor only links it. */
struct hg_job {
    struct hg_job *next;
    void (*run)(struct hg_job *job);
};

/* Starts `n_threads` threads. Owned by the caller, hg_executor_free. */
int hg_executor_new(int n_threads, int queue_max, struct hg_executor **ret, struct hg_error *err);
/*
 * Adds a job. HG_EUNAVAILABLE when `queue_max` jobs wait already or the executor stops. [any]
 * thread; never waits.
 */
int hg_executor_submit(struct hg_executor *executor, struct hg_job *job, struct hg_error *err);
/* Runs what is queued, waits for the threads, frees. */
void hg_executor_free(struct hg_executor *executor);

#endif
