#include "http/executor.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/mem.h"

struct hg_executor {
    pthread_mutex_t mutex; /* guards all below but the threads themselves */
    pthread_cond_t work;
    struct hg_job *first;
    struct hg_job **last;
    int n_queued;
    int queue_max;
    bool stopping;
    int n_threads;
    pthread_t threads[];
};

/* The next job, or NULL once the executor stops and nothing is left. */
static struct hg_job *take_job(struct hg_executor *executor)
{
    HG_LOCK(&executor->mutex);
    while (!executor->first && !executor->stopping) {
        (void)pthread_cond_wait(&executor->work, &executor->mutex);
    }
    struct hg_job *job = executor->first;
    if (job) {
        executor->first = job->next;
        executor->n_queued--;
        if (!executor->first) {
            executor->last = &executor->first;
        }
    }
    return job;
}

static void *thread_main(void *arg)
{
    struct hg_executor *executor = arg;
    struct hg_job *job;
    while ((job = take_job(executor))) {
        job->run(job);
    }
    return NULL;
}

int hg_executor_new(int n_threads, int queue_max, struct hg_executor **ret, struct hg_error *err)
{
    struct hg_executor *executor =
        calloc(1, sizeof *executor + (size_t)n_threads * sizeof executor->threads[0]);
    if (!executor) {
        return hg_error_nomem(err);
    }
    executor->queue_max = queue_max;
    executor->last = &executor->first;
    (void)pthread_mutex_init(&executor->mutex, NULL);
    (void)pthread_cond_init(&executor->work, NULL);
    for (; executor->n_threads < n_threads; executor->n_threads++) {
        int r =
            pthread_create(&executor->threads[executor->n_threads], NULL, thread_main, executor);
        if (r != 0) {
            hg_executor_free(executor);
            return hg_error_errno(err, r, "cannot start a thread for requests");
        }
    }
    *ret = executor;
    return HG_OK;
}

int hg_executor_submit(struct hg_executor *executor, struct hg_job *job, struct hg_error *err)
{
    HG_LOCK(&executor->mutex);
    if (executor->stopping || executor->n_queued >= executor->queue_max) {
        return hg_error_set(err, HG_EUNAVAILABLE, "the host has more requests than it can work on");
    }
    job->next = NULL;
    *executor->last = job;
    executor->last = &job->next;
    executor->n_queued++;
    (void)pthread_cond_signal(&executor->work);
    return HG_OK;
}

static void ask_to_stop(struct hg_executor *executor)
{
    HG_LOCK(&executor->mutex);
    executor->stopping = true;
    (void)pthread_cond_broadcast(&executor->work);
}

void hg_executor_free(struct hg_executor *executor)
{
    if (!executor) {
        return;
    }
    ask_to_stop(executor);
    for (int i = 0; i < executor->n_threads; i++) {
        (void)pthread_join(executor->threads[i], NULL);
    }
    (void)pthread_cond_destroy(&executor->work);
    (void)pthread_mutex_destroy(&executor->mutex);
    free(executor);
}
