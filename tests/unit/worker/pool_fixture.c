#include "pool_fixture.h"

#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/time.h"
#include "plugin/digest.h"
#include "store/db.h"

enum { WAIT_MS = 60000, FILE_MAX_BYTES = 256 * 1024 * 1024 };

int pool_setup(void **state)
{
    struct pool_fixture *fixture = calloc(1, sizeof *fixture);
    pthread_condattr_t monotonic;
    if (!fixture || hg_test_pg_reset(pg) != 0) {
        free(fixture);
        return -1;
    }
    fixture->pg = pg;
    fixture->options = (struct hg_worker_options)HG_WORKER_OPTIONS_INIT;
    fixture->options.self = getenv("HG_HEADGATE");
    fixture->options.n_workers = 1;
    fixture->lane = HG_LANE_RUNS;
    fixture->options.memory_limit_bytes = 0;
    fixture->options.max_growth_bytes = INT64_C(1) << 40; /* tests say when one is recycled */
    (void)pthread_mutex_init(&fixture->mutex, NULL);
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&fixture->changed, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    *state = fixture;
    return 0;
}

int pool_teardown(void **state)
{
    struct pool_fixture *fixture = *state;
    hg_worker_pool_stop(fixture->pool, 0);
    for (int i = 0; i < fixture->n_tasks; i++) {
        json_decref(fixture->outcomes[i].result);
    }
    (void)pthread_cond_destroy(&fixture->changed);
    (void)pthread_mutex_destroy(&fixture->mutex);
    free(fixture);
    return 0;
}

/* ---- events ---- */

static struct outcome *find(struct pool_fixture *fixture, const char *task_id)
{
    for (int i = 0; i < fixture->n_tasks; i++) {
        if (strcmp(fixture->outcomes[i].task_id, task_id) == 0) {
            return &fixture->outcomes[i];
        }
    }
    return NULL;
}

static void on_log(
    void *arg, const char *task_id, const char *job, int level, int64_t at_us, const char *message)
{
    struct pool_fixture *fixture = arg;
    (void)job;
    (void)level;
    (void)at_us;
    HG_LOCK(&fixture->mutex);
    struct outcome *outcome = find(fixture, task_id);
    if (outcome) {
        (void)snprintf(outcome->log, sizeof outcome->log, "%s", message);
    }
}

static void on_progress(void *arg,
                        const char *task_id,
                        const char *job,
                        int64_t rows_in,
                        int64_t rows_out,
                        int64_t rows_rejected)
{
    (void)arg;
    (void)task_id;
    (void)job;
    (void)rows_in;
    (void)rows_out;
    (void)rows_rejected;
}

static void on_done(void *arg,
                    const char *task_id,
                    const json_t *result,
                    const char *job,
                    const struct hg_error *error)
{
    struct pool_fixture *fixture = arg;
    HG_LOCK(&fixture->mutex);
    struct outcome *outcome = find(fixture, task_id);
    if (!outcome) {
        return;
    }
    outcome->n_done++;
    outcome->ok = error == NULL;
    (void)snprintf(outcome->job, sizeof outcome->job, "%s", job ? job : "");
    if (error) {
        outcome->error = *error;
    }
    json_decref(outcome->result);
    outcome->result = json_is_object(result) ? json_deep_copy(result) : NULL;
    (void)pthread_cond_broadcast(&fixture->changed);
}

static void on_idle(void *arg)
{
    struct pool_fixture *fixture = arg;
    HG_LOCK(&fixture->mutex);
    fixture->n_idle++;
    (void)pthread_cond_broadcast(&fixture->changed);
}

/* ---- the pool ---- */

void pool_start(struct pool_fixture *fixture)
{
    struct hg_error err = HG_ERROR_INIT;
    const struct hg_worker_events events = {fixture, on_log, on_progress, on_done, on_idle};
    int r = hg_worker_pool_new(&fixture->options, &events, &fixture->pool, &err);
    if (r < 0) {
        fail_msg("%s", err.message);
    }
}

void pool_stop(struct pool_fixture *fixture, int64_t grace_ms)
{
    hg_worker_pool_stop(fixture->pool, grace_ms);
    fixture->pool = NULL;
    for (int i = 0; i < fixture->n_tasks; i++) {
        assert_int_equal(fixture->outcomes[i].n_done, 1);
    }
}

static void digest_of(const char *file, char ret[HG_SHA256_TEXT])
{
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_closep) int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || hg_digest_copy(fd, -1, FILE_MAX_BYTES, ret, &err) < 0) {
        fail_msg("\"%s\" cannot be read", file);
    }
}

json_t *pool_task(struct pool_fixture *fixture, const char *plugin, int n, const char *table)
{
    struct hg_error err = HG_ERROR_INIT;
    char file[4096];
    char sha256[HG_SHA256_TEXT];
    char task_id[HG_UUID_TEXT];
    char run_id[HG_UUID_TEXT];
    (void)snprintf(file, sizeof file, "%s/%s.so", getenv("HG_TEST_PLUGIN_DIR"), plugin);
    digest_of(file, sha256);
    assert_int_equal(hg_uuid_new(task_id, &err), HG_OK);
    assert_int_equal(hg_uuid_new(run_id, &err), HG_OK);
    json_t *task = json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:I, s:n, s:s, s:[], s:s, s:[ss],"
                             " s:{s:s, s:s, s:s, s:s, s:n, s:{s:i}}, s:{s:s, s:s, s:s, s:[]}}",
                             "kind",
                             "flow",
                             "task_id",
                             task_id,
                             "pipeline_id",
                             task_id,
                             "run_id",
                             run_id,
                             "task",
                             "fetch",
                             "attempt",
                             1,
                             "max_attempts",
                             1,
                             "fence",
                             (json_int_t)++fixture->fence,
                             "scheduled_for",
                             "base_folder",
                             "/tmp",
                             "file_roots",
                             "warehouse",
                             hg_test_pg_worker(fixture->pg),
                             "jobs",
                             "fetch",
                             "load",
                             "extract",
                             "job",
                             "fetch",
                             "plugin",
                             plugin,
                             "plugin_file",
                             file,
                             "plugin_sha256",
                             sha256,
                             "stream",
                             "config",
                             "n",
                             n,
                             "load",
                             "job",
                             "load",
                             "table",
                             table,
                             "mode",
                             "append",
                             "key");
    assert_non_null(task);
    return task;
}

static void wait_for(struct pool_fixture *fixture,
                     bool (*is_so)(const struct pool_fixture *, int),
                     int n,
                     const char *what)
{
    struct timespec until;
    bool so;
    hg_time_monotonic_after(WAIT_MS, &until);
    {
        HG_LOCK(&fixture->mutex);
        while (!(so = is_so(fixture, n)) &&
               pthread_cond_timedwait(&fixture->changed, &fixture->mutex, &until) == 0) {
        }
    }
    if (!so) {
        fail_msg("waited in vain for %s", what);
    }
}

static bool has_more_idle(const struct pool_fixture *fixture, int n)
{
    return fixture->n_idle != n;
}

int pool_submit(struct pool_fixture *fixture,
                const char *plugin,
                int n,
                const char *third_party,
                int64_t timeout_ms)
{
    struct hg_error err = HG_ERROR_INIT;
    /* One that hangs holds locks until its end. */
    const char *table = strcmp(plugin, "numbers") == 0 ? "m.t" : "spoilt.t";
    HG_CLEANUP(hg_json_decrefp) json_t *task = pool_task(fixture, plugin, n, table);
    const char *task_id = json_string_value(json_object_get(task, "task_id"));
    int place;
    {
        HG_LOCK(&fixture->mutex);
        assert_true(fixture->n_tasks < TASKS_MAX);
        place = fixture->n_tasks++;
        (void)snprintf(fixture->outcomes[place].task_id, HG_UUID_TEXT, "%s", task_id);
    }
    for (;;) {
        int n_idle;
        {
            HG_LOCK(&fixture->mutex);
            n_idle = fixture->n_idle;
        }
        int r = hg_worker_pool_submit(
            fixture->pool, fixture->lane, task_id, task, third_party, timeout_ms, &err);
        if (r == HG_OK) {
            return place;
        }
        assert_int_equal(r, HG_EUNAVAILABLE);
        wait_for(fixture, has_more_idle, n_idle, "a free worker"); /* the pool says so */
    }
}

static bool has_ended(const struct pool_fixture *fixture, int task)
{
    return fixture->outcomes[task].n_done > 0;
}

const struct outcome *pool_wait(struct pool_fixture *fixture, int task)
{
    wait_for(fixture, has_ended, task, "the end of a task");
    return &fixture->outcomes[task];
}

pid_t pool_worker_in(struct pool_fixture *fixture, const char *state)
{
    int64_t until = hg_time_monotonic_ms() + WAIT_MS;
    while (hg_time_monotonic_ms() < until) {
        HG_CLEANUP(hg_json_decrefp) json_t *workers = hg_worker_pool_to_json(fixture->pool);
        size_t i;
        json_t *worker;
        json_array_foreach (workers, i, worker) {
            pid_t pid = (pid_t)json_integer_value(json_object_get(worker, "pid"));
            if (pid > 0 &&
                strcmp(json_string_value(json_object_get(worker, "state")), state) == 0) {
                return pid;
            }
        }
        (void)sched_yield();
    }
    fail_msg("no worker became %s", state);
    return 0;
}

void pool_wait_listed(struct pool_fixture *fixture, size_t n)
{
    int64_t until = hg_time_monotonic_ms() + WAIT_MS;
    for (;;) {
        HG_CLEANUP(hg_json_decrefp) json_t *workers = hg_worker_pool_to_json(fixture->pool);
        size_t i;
        const json_t *worker;
        size_t n_runs = 0;
        json_array_foreach (workers, i, worker) {
            n_runs += strcmp(json_string_value(json_object_get(worker, "lane")), "runs") == 0;
        }
        if (n_runs == n && json_array_size(workers) == n) {
            return;
        }
        assert_true(hg_time_monotonic_ms() < until);
    }
}

void pool_wait_loaded(pid_t pid, const char *plugin)
{
    char path[64];
    int64_t until = hg_time_monotonic_ms() + WAIT_MS;
    (void)snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
    while (hg_time_monotonic_ms() < until) {
        HG_CLEANUP(hg_fclosep) FILE *maps = fopen(path, "re");
        char line[4096];
        while (maps && fgets(line, sizeof line, maps)) {
            if (strstr(line, plugin)) {
                return;
            }
        }
        (void)sched_yield();
    }
    fail_msg("%s was never loaded", plugin);
}

int64_t pool_rows(struct pool_fixture *fixture, const char *table)
{
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    char sql[256];
    (void)snprintf(sql, sizeof sql, "set role headgate_user; select count(*) as n from %s", table);
    if (hg_db_connect(hg_test_pg_warehouse(fixture->pg), "test", &db, &err) < 0) {
        fail_msg("%s", err.message);
    }
    return hg_db_simple(db, sql, &result, &err) < 0 ? -1 : hg_result_int64(result, 0, "n", -1);
}
