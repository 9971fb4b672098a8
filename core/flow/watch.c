#include "flow/watch.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/time.h"

/* A statement may begin right after one was cancelled, so cancelling goes on until the end. */
enum { LOOK_MS = 100, CANCEL_EVERY_LOOKS = 5 };

struct hg_flow_watch {
    pthread_t thread;
    pthread_mutex_t mutex; /* guards what follows; held while something is told to cancel */
    pthread_cond_t changed;
    const struct hg_flow_sink *sink; /* of the task, NULL between tasks */
    struct hg_db *db;
    struct hg_db *reader; /* a connection beside it, or NULL */
    const struct hg_connector_vtable *source;
    void *inst;
    unsigned n_looks; /* since the task was to stop */
    bool sleeps;      /* until a task begins */
    bool stop;
};

/* Until the next look is due, and as long as there is no task. Mutex held. */
static void wait_a_while(struct hg_flow_watch *watch)
{
    struct timespec until;
    hg_time_monotonic_after(LOOK_MS, &until);
    while (!watch->stop && pthread_cond_timedwait(&watch->changed, &watch->mutex, &until) == 0) {
    }
    watch->sleeps = !watch->sink;
    while (!watch->stop && !watch->sink) {
        (void)pthread_cond_wait(&watch->changed, &watch->mutex);
    }
    watch->sleeps = false;
}

/* Mutex held: neither the source nor a connection is closed meanwhile. */
static void cancel(struct hg_flow_watch *watch)
{
    if (watch->source && watch->source->cancel) {
        watch->source->cancel(watch->inst);
    }
    if (watch->db) {
        hg_db_cancel(watch->db);
    }
    if (watch->reader) {
        hg_db_cancel(watch->reader);
    }
}

static void *look(void *arg)
{
    struct hg_flow_watch *watch = arg;
    HG_LOCK(&watch->mutex);
    for (;;) {
        wait_a_while(watch);
        if (watch->stop) {
            return NULL;
        }
        if (watch->sink->is_cancelled(watch->sink->arg) &&
            watch->n_looks++ % CANCEL_EVERY_LOOKS == 0) {
            cancel(watch);
        }
    }
}

int hg_flow_watch_new(struct hg_flow_watch **ret, struct hg_error *err)
{
    pthread_condattr_t attributes;
    struct hg_flow_watch *watch = calloc(1, sizeof *watch);
    if (!watch) {
        return hg_error_nomem(err);
    }
    (void)pthread_mutex_init(&watch->mutex, NULL);
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&watch->changed, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    int failed = pthread_create(&watch->thread, NULL, look, watch);
    if (failed) {
        (void)pthread_cond_destroy(&watch->changed);
        (void)pthread_mutex_destroy(&watch->mutex);
        free(watch);
        return hg_error_errno(err, failed, "cannot start a thread");
    }
    *ret = watch;
    return HG_OK;
}

void hg_flow_watch_free(struct hg_flow_watch *watch)
{
    if (!watch) {
        return;
    }
    {
        HG_LOCK(&watch->mutex);
        watch->stop = true;
        (void)pthread_cond_signal(&watch->changed);
    }
    (void)pthread_join(watch->thread, NULL);
    (void)pthread_cond_destroy(&watch->changed);
    (void)pthread_mutex_destroy(&watch->mutex);
    free(watch);
}

void hg_flow_watch_begin(struct hg_flow_watch *watch,
                         const struct hg_flow_sink *sink,
                         struct hg_db *db)
{
    HG_LOCK(&watch->mutex);
    watch->sink = sink;
    watch->db = db;
    watch->n_looks = 0;
    if (watch->sleeps) {
        (void)pthread_cond_signal(&watch->changed);
    }
}

void hg_flow_watch_source(struct hg_flow_watch *watch,
                          const struct hg_connector_vtable *source,
                          void *inst)
{
    HG_LOCK(&watch->mutex);
    watch->source = source;
    watch->inst = inst;
}

void hg_flow_watch_reader(struct hg_flow_watch *watch, struct hg_db *reader)
{
    HG_LOCK(&watch->mutex);
    watch->reader = reader;
}

void hg_flow_watch_end(struct hg_flow_watch *watch)
{
    HG_LOCK(&watch->mutex);
    watch->sink = NULL;
    watch->db = NULL;
    watch->source = NULL;
    watch->inst = NULL;
}
