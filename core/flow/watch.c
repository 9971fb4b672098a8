#include "flow/watch.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"

/* A statement may begin right after one was cancelled, so cancelling goes on until the end. */
enum { LOOK_MS = 100, CANCEL_EVERY_LOOKS = 5 };

struct hg_flow_watch {
    const struct hg_flow_sink *sink;
    struct hg_db *db;
    pthread_t thread;
    pthread_mutex_t mutex; /* guards what follows; held while the source is told to cancel */
    pthread_cond_t changed;
    const struct hg_connector_vtable *source;
    void *inst;
    bool stop;
};

/* True at the end. */
static bool wait_a_while(struct hg_flow_watch *watch)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += LOOK_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    HG_LOCK(&watch->mutex);
    int r = 0;
    while (!watch->stop && r == 0) {
        r = pthread_cond_timedwait(&watch->changed, &watch->mutex, &until);
    }
    return watch->stop;
}

static void cancel(struct hg_flow_watch *watch)
{
    {
        HG_LOCK(&watch->mutex);
        if (watch->source && watch->source->cancel) {
            watch->source->cancel(watch->inst);
        }
    }
    if (watch->db) {
        hg_db_cancel(watch->db);
    }
}

static void *look(void *arg)
{
    struct hg_flow_watch *watch = arg;
    unsigned n_looks = 0;
    while (!wait_a_while(watch)) {
        if (watch->sink->is_cancelled(watch->sink->arg) && n_looks++ % CANCEL_EVERY_LOOKS == 0) {
            cancel(watch);
        }
    }
    return NULL;
}

int hg_flow_watch_start(const struct hg_flow_sink *sink,
                        struct hg_db *db,
                        struct hg_flow_watch **ret,
                        struct hg_error *err)
{
    pthread_condattr_t attributes;
    struct hg_flow_watch *watch = calloc(1, sizeof *watch);
    if (!watch) {
        return hg_error_nomem(err);
    }
    watch->sink = sink;
    watch->db = db;
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

void hg_flow_watch_source(struct hg_flow_watch *watch,
                          const struct hg_connector_vtable *source,
                          void *inst)
{
    HG_LOCK(&watch->mutex);
    watch->source = source;
    watch->inst = inst;
}

void hg_flow_watch_stop(struct hg_flow_watch *watch)
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
