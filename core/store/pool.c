#include "store/pool.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/time.h"
#include "store/connection.h"

/* A host that is frozen within a transaction must not hold its locks for ever. */
enum { IDLE_TIMEOUT_MS = 30000 };

struct hg_pool {
    char *conninfo;
    char *application;
    int size;
    int statement_timeout_ms;
    int patience_ms;

    pthread_mutex_t mutex; /* guards all below; never held while the server is talked to */
    pthread_cond_t changed;
    struct hg_db *idle; /* the one given back last comes first, so that the others may stay idle */
    int n_open;         /* idle, borrowed or being made */
};

int hg_pool_new(const char *conninfo,
                int size,
                const char *application,
                struct hg_pool **ret,
                struct hg_error *err)
{
    struct hg_pool *pool = calloc(1, sizeof *pool);
    if (!pool) {
        return hg_error_nomem(err);
    }
    pthread_condattr_t monotonic;
    if (pthread_condattr_init(&monotonic) != 0) {
        free(pool);
        return hg_error_nomem(err);
    }
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_mutex_init(&pool->mutex, NULL);
    (void)pthread_cond_init(&pool->changed, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    pool->size = size < 1 ? 1 : size;
    pool->conninfo = strdup(conninfo);
    pool->application = strdup(application);
    if (!pool->conninfo || !pool->application) {
        hg_pool_free(pool);
        return hg_error_nomem(err);
    }
    *ret = pool;
    return HG_OK;
}

void hg_pool_free(struct hg_pool *pool)
{
    if (!pool) {
        return;
    }
    while (pool->idle) {
        struct hg_db *db = pool->idle;
        pool->idle = db->next;
        hg_connection_close(db);
    }
    (void)pthread_cond_destroy(&pool->changed);
    (void)pthread_mutex_destroy(&pool->mutex);
    free(pool->conninfo);
    free(pool->application);
    free(pool);
}

const char *hg_pool_conninfo(const struct hg_pool *pool)
{
    return pool->conninfo;
}

void hg_pool_patience(struct hg_pool *pool, int patience_ms)
{
    pool->patience_ms = patience_ms;
}

void hg_pool_statement_timeout(struct hg_pool *pool, int timeout_ms)
{
    pool->statement_timeout_ms = timeout_ms < 0 ? 0 : timeout_ms;
}

/* A place was given up: somebody who waits may open a connection of his own. */
static void drop_place(struct hg_pool *pool)
{
    HG_LOCK(&pool->mutex);
    pool->n_open--;
    (void)pthread_cond_signal(&pool->changed);
}

/*
 * Takes an idle connection (*ret) or a place to open one in (*ret stays NULL). False when all were
 * busy until the deadline.
 */
static bool take(struct hg_pool *pool, int64_t deadline_ms, struct hg_db **ret)
{
    const struct timespec until = {.tv_sec = deadline_ms / 1000,
                                   .tv_nsec = (deadline_ms % 1000) * 1000000};
    HG_LOCK(&pool->mutex);
    while (!pool->idle && pool->n_open >= pool->size) {
        if (pthread_cond_timedwait(&pool->changed, &pool->mutex, &until) == ETIMEDOUT &&
            !pool->idle && pool->n_open >= pool->size) {
            return false;
        }
    }
    if (pool->idle) {
        *ret = pool->idle;
        pool->idle = pool->idle->next;
    } else {
        pool->n_open++;
    }
    return true;
}

int hg_pool_borrow(struct hg_pool *pool, int wait_ms, struct hg_db **ret, struct hg_error *err)
{
    int64_t deadline_ms = hg_time_monotonic_ms() + wait_ms;
    struct hg_db *db = NULL;
    if (!take(pool, deadline_ms, &db)) {
        hg_error_set(err,
                     HG_EUNAVAILABLE,
                     "all %d database connections stayed busy for %d ms",
                     pool->size,
                     wait_ms);
        if (err) {
            err->retryable = 1;
        }
        return HG_EUNAVAILABLE;
    }
    if (db && hg_connection_alive(db)) {
        db->patience_ms = pool->patience_ms;
        *ret = db;
        return HG_OK;
    }
    hg_connection_close(db);
    const struct hg_connect_options options = {
        .conninfo = pool->conninfo,
        .application = pool->application,
        .pool = pool,
        .statement_timeout_ms = pool->statement_timeout_ms,
        .idle_timeout_ms = IDLE_TIMEOUT_MS,
        .deadline_ms = deadline_ms,
    };
    int r = hg_connection_open(&options, ret, err);
    if (r < 0) {
        drop_place(pool);
        return r;
    }
    (*ret)->patience_ms = pool->patience_ms;
    return r;
}

void hg_pool_give_back(struct hg_pool *pool, struct hg_db *db, bool usable)
{
    if (!usable) {
        hg_connection_close(db);
        drop_place(pool);
        return;
    }
    db->idle_since_ms = hg_time_monotonic_ms();
    HG_LOCK(&pool->mutex);
    db->next = pool->idle;
    pool->idle = db;
    (void)pthread_cond_signal(&pool->changed);
}
