#include "net/loop.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/time.h"

enum { ASK_MS = 100, IDLE_MS = 60000, CONNECTIONS_MAX = 32 };

struct hg_net_loop {
    CURLM *multi;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;          /* one has ended, or all have */
    struct hg_net_exchange *waiting; /* to be begun */
    struct hg_net_exchange *running; /* the thread's own */
    int n_callers;
    bool stopping;
};

/* ---- the thread ---- */

static void end_one(struct hg_net_loop *loop, struct hg_net_exchange *exchange, CURLcode code)
{
    for (struct hg_net_exchange **at = &loop->running; *at; at = &(*at)->next) {
        if (*at == exchange) {
            *at = exchange->next;
            break;
        }
    }
    (void)curl_multi_remove_handle(loop->multi, exchange->easy);
    HG_LOCK(&loop->mutex);
    exchange->code = code;
    exchange->ended = true;
    (void)pthread_cond_broadcast(&loop->changed);
}

/* Whether to go on. */
static bool begin_all(struct hg_net_loop *loop)
{
    struct hg_net_exchange *waiting;
    bool stopping;
    {
        HG_LOCK(&loop->mutex);
        waiting = loop->waiting;
        loop->waiting = NULL;
        stopping = loop->stopping;
    }
    while (waiting) {
        struct hg_net_exchange *exchange = waiting;
        waiting = exchange->next;
        exchange->next = loop->running;
        loop->running = exchange;
        CURLMcode code = curl_multi_add_handle(loop->multi, exchange->easy);
        if (code != CURLM_OK) {
            end_one(loop, exchange, CURLE_OUT_OF_MEMORY);
        }
    }
    return !stopping;
}

static void end_those_done(struct hg_net_loop *loop)
{
    int n_left;
    for (CURLMsg *message; (message = curl_multi_info_read(loop->multi, &n_left)) != NULL;) {
        if (message->msg == CURLMSG_DONE) {
            struct hg_net_exchange *exchange = NULL;
            CURLcode code = message->data.result;
            (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&exchange);
            end_one(loop, exchange, code);
        }
    }
}

/* One that says nothing makes no progress that on_progress could be called for. */
static void end_cancelled(struct hg_net_loop *loop, bool all)
{
    for (struct hg_net_exchange *exchange = loop->running; exchange;) {
        struct hg_net_exchange *next = exchange->next;
        if (all) {
            atomic_store(&exchange->cancelled, true);
        }
        if (atomic_load(&exchange->cancelled)) {
            end_one(loop, exchange, CURLE_ABORTED_BY_CALLBACK);
        }
        exchange = next;
    }
}

static void *work(void *arg)
{
    struct hg_net_loop *loop = arg;
    int n_running;
    while (begin_all(loop)) {
        (void)curl_multi_perform(loop->multi, &n_running);
        end_those_done(loop);
        end_cancelled(loop, false);
        (void)curl_multi_poll(loop->multi, NULL, 0, IDLE_MS, NULL);
    }
    end_cancelled(loop, true);
    return NULL;
}

/* ---- its life ---- */

static struct hg_net_loop *new_loop(void)
{
    struct hg_net_loop *loop = calloc(1, sizeof *loop);
    pthread_condattr_t monotonic;
    if (!loop) {
        return NULL;
    }
    loop->multi = curl_multi_init();
    if (!loop->multi) {
        free(loop);
        return NULL;
    }
    (void)curl_multi_setopt(loop->multi, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS_MAX);
    (void)pthread_mutex_init(&loop->mutex, NULL);
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&loop->changed, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    return loop;
}

static void free_loop(struct hg_net_loop *loop)
{
    (void)curl_multi_cleanup(loop->multi);
    (void)pthread_cond_destroy(&loop->changed);
    (void)pthread_mutex_destroy(&loop->mutex);
    free(loop);
}

int hg_net_loop_new(struct hg_net_loop **ret, struct hg_error *err)
{
    struct hg_net_loop *loop = new_loop();
    if (!loop) {
        return hg_error_nomem(err);
    }
    int r = pthread_create(&loop->thread, NULL, work, loop);
    if (r != 0) {
        free_loop(loop);
        return hg_error_errno(err, r, "cannot start the thread of outbound calls");
    }
    *ret = loop;
    return HG_OK;
}

void hg_net_loop_free(struct hg_net_loop *loop)
{
    if (!loop) {
        return;
    }
    {
        HG_LOCK(&loop->mutex);
        loop->stopping = true;
        (void)curl_multi_wakeup(loop->multi);
    }
    (void)pthread_join(loop->thread, NULL);
    {
        HG_LOCK(&loop->mutex);
        while (loop->n_callers > 0) {
            (void)pthread_cond_wait(&loop->changed, &loop->mutex);
        }
    }
    free_loop(loop);
}

void hg_net_loop_run(struct hg_net_loop *loop,
                     struct hg_net_exchange *exchange,
                     bool (*is_cancelled)(void *arg),
                     void *arg)
{
    HG_LOCK(&loop->mutex);
    loop->n_callers++;
    if (loop->stopping) {
        atomic_store(&exchange->cancelled, true);
        exchange->code = CURLE_ABORTED_BY_CALLBACK;
        exchange->ended = true;
    } else {
        exchange->next = loop->waiting;
        loop->waiting = exchange;
        (void)curl_multi_wakeup(loop->multi);
    }
    while (!exchange->ended) {
        struct timespec until;
        hg_time_monotonic_after(ASK_MS, &until);
        (void)pthread_cond_timedwait(&loop->changed, &loop->mutex, &until);
        if (!exchange->ended && is_cancelled && !atomic_load(&exchange->cancelled) &&
            is_cancelled(arg)) {
            atomic_store(&exchange->cancelled, true);
            (void)curl_multi_wakeup(loop->multi);
        }
    }
    loop->n_callers--;
    (void)pthread_cond_broadcast(&loop->changed);
}
