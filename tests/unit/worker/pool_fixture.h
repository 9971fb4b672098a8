/*
 * A pool of real workers and what became of its tasks.
 */
#ifndef HG_TEST_POOL_FIXTURE_H
#define HG_TEST_POOL_FIXTURE_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/uuid.h"
#include "shared_pg.h"
#include "worker/pool.h"

enum { TASKS_MAX = 256, LOG_TEXT = 256 };

/* One task that was submitted. */
struct outcome {
    char task_id[HG_UUID_TEXT];
    int n_done;
    bool ok;
    struct hg_error error;
    json_t *result;
    char job[HG_UUID_TEXT]; /* at fault, when the worker died */
    char log[LOG_TEXT];     /* its last line */
};

struct pool_fixture {
    struct hg_test_pg *pg;
    struct hg_worker_options options;
    struct hg_worker_pool *pool;
    enum hg_lane lane; /* of the tasks to be submitted */
    int64_t fence;

    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t changed;
    int n_tasks;
    struct outcome outcomes[TASKS_MAX];
    int n_idle;
};

/* Each test, in a group that has the shared PostgreSQL: an empty database, no pool yet. */
int pool_setup(void **state);
int pool_teardown(void **state);

/* Starts the pool as `options` say. */
void pool_start(struct pool_fixture *fixture);
/* Stops it, which must report every task. */
void pool_stop(struct pool_fixture *fixture, int64_t grace_ms);

/* A flow of `n` rows from a test plugin into `table`. Owned by the caller. */
json_t *pool_task(struct pool_fixture *fixture, const char *plugin, int n, const char *table);
/* Submits it; waits for a free worker. Gives the task's place in `outcomes`. */
int pool_submit(struct pool_fixture *fixture,
                const char *plugin,
                int n,
                const char *third_party,
                int64_t timeout_ms);
/* Waits for the end of a task. The outcome stays valid. */
const struct outcome *pool_wait(struct pool_fixture *fixture, int task);
/* Waits until a worker is in this state ("idle", "busy"); its process. */
pid_t pool_worker_in(struct pool_fixture *fixture, const char *state);
/* Waits until `n` workers are listed, all of the lane for runs. */
void pool_wait_listed(struct pool_fixture *fixture, size_t n);
/* Waits until the process has loaded the plugin. */
void pool_wait_loaded(pid_t pid, const char *plugin);
/* Rows of a table, -1 when there is none. */
int64_t pool_rows(struct pool_fixture *fixture, const char *table);

#endif
