/*
 * Two hosts at work at once on random pipelines, while somebody cancels runs, tries them again and
 * takes leases away. Whatever comes first: nothing waits for itself, nothing is done twice or
 * before its needs, and in the end every run has come to the state that its tasks make.
 *
 * HG_SEED and HG_SEEDS choose the pipelines and what is tried; in which order is chance.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/mem.h"
#include "dispatch/outcome.h"
#include "graph_make.h"
#include "pipeline/retention.h"
#include "pipeline/runs.h"
#include "pipeline/service.h"
#include "pipeline/state.h"
#include "shared_pg.h"

enum { SEEDS = 15, HOSTS = 2, LIVES = 64, TROUBLES = 60 };

struct race {
    uint64_t seed;
    struct hg_pipelines service; /* no thread of it runs */
    struct hg_host_config config;
    struct graph_run runs[GRAPH_RUNS];
    int n_runs;
    atomic_int n_done[GRAPH_RUNS][GRAPH_TASKS]; /* ends that counted */
    atomic_bool no_more_trouble;
    atomic_bool broken;
    pthread_mutex_t mutex;
    char failure[1024]; /* the first */
    atomic_int n_zombies;
    atomic_int n_again;
};

struct host {
    struct race *race;
    const char *name;
    struct hg_random random;
    struct hg_db *db;
    struct hg_queue_task lives[LIVES];
    int n_lives;
    bool rest; /* all runs have ended */
};

/* Threads cannot fail a test by themselves. The first failure is kept, and everybody stops. */
__attribute__((format(printf, 2, 3))) static void break_off(struct race *race, const char *fmt, ...)
{
    va_list args;
    HG_LOCK(&race->mutex);
    if (!atomic_exchange(&race->broken, true)) {
        va_start(args, fmt);
        (void)vsnprintf(race->failure, sizeof race->failure, fmt, args);
        va_end(args);
    }
}

static bool good(struct race *race, const char *what, int r, const struct hg_error *err)
{
    if (r < 0) {
        break_off(race, "%s: %d %s (%s)", what, r, err->message, err->sqlstate);
    }
    return r == HG_OK;
}

static int start(void **state)
{
    hg_log_configure(HG_LOG_ERROR, false);
    return start_pg(state);
}

static int64_t number(struct race *race, struct hg_db *db, const char *sql)
{
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    int r = hg_db_simple(db, sql, &result, &err);
    return good(race, sql, r, &err) ? hg_result_int64(result, 0, "n", -1) : -1;
}

/* ---- a host ---- */

static int place_of(const struct hg_queue_task *task)
{
    return (int)strtol(task->key + 1, NULL, 10);
}

static int run_of(const struct race *race, const struct hg_queue_task *task)
{
    int run = 0;
    while (run < race->n_runs - 1 && strcmp(race->runs[run].id, task->run_id) != 0) {
        run++;
    }
    return run;
}

/* In the transaction of the claim: whoever is needed is no longer open, and not undone. */
static void check_needs(struct host *host, const struct hg_queue_task *task)
{
    char sql[512];
    (void)snprintf(sql,
                   sizeof sql,
                   "select (select count(*) from task where '%s' = any (needed_by)) + (select"
                   " count(*) from task_history where run_id = '%s' and state <> 'done' and '%s' ="
                   " any (needed_by)) as n",
                   task->id,
                   task->run_id,
                   task->id);
    if (number(host->race, host->db, sql) != 0) {
        break_off(host->race, "%s was claimed before its needs were done", task->key);
    }
    if (task->attempt > task->max_attempts) {
        break_off(host->race, "%s is tried %d times", task->key, task->attempt);
    }
}

static int claim_in_transaction(struct host *host,
                                struct hg_queue_task **ret,
                                size_t *ret_n,
                                struct hg_error *err)
{
    int r = hg_queue_begin(host->db, err);
    r = r < 0 ? r : hg_queue_claim(host->db, host->name, 3, ret, ret_n, err);
    for (size_t i = 0; r == HG_OK && i < *ret_n; i++) {
        check_needs(host, &(*ret)[i]);
    }
    r = r < 0 || *ret_n == 0 ? r : hg_outcome_started(host->db, *ret, *ret_n, err);
    return r < 0 ? r : hg_db_commit(host->db, err);
}

static void claim(struct host *host)
{
    struct hg_error err = HG_ERROR_INIT;
    struct hg_queue_task *tasks = NULL;
    size_t n = 0;
    int r = hg_queue_renew(host->db, host->name, 3600000, &err);
    r = r < 0 || host->n_lives + 3 > LIVES ? r : claim_in_transaction(host, &tasks, &n, &err);
    if (!good(host->race, "claim", r, &err)) {
        hg_db_rollback(host->db);
    }
    for (size_t i = 0; r == HG_OK && i < n; i++) {
        host->lives[host->n_lives++] = tasks[i];
        memset(&tasks[i], 0, sizeof tasks[i]);
    }
    hg_queue_tasks_free(tasks, n);
}

static void end_some(struct host *host, int share)
{
    struct race *race = host->race;
    struct hg_attempt attempts[LIVES];
    struct hg_attempt *pointers[LIVES];
    struct graph_end ends[LIVES];
    struct hg_error err = HG_ERROR_INIT;
    size_t n = 0;
    int kept = 0;
    for (int i = 0; i < host->n_lives; i++) {
        struct hg_queue_task *task = &host->lives[i];
        if (hg_random_chance(&host->random, share)) {
            const struct graph_run *run = &race->runs[run_of(race, task)];
            graph_choose_end(
                &host->random, &run->tasks[place_of(task)], task, &attempts[n], &ends[n]);
            pointers[n] = &attempts[n];
            n++;
        } else {
            host->lives[kept++] = *task;
        }
    }
    host->n_lives = kept;
    int r = n > 0 ? hg_outcome_ended(host->db, pointers, n, &err) : HG_OK;
    (void)good(race, "end", r, &err);
    for (size_t i = 0; i < n; i++) {
        const struct hg_queue_task *task = &attempts[i].task;
        atomic_fetch_add(&race->n_zombies, !attempts[i].taken);
        if (attempts[i].taken && ends[i].how == HG_QUEUE_DONE) {
            atomic_fetch_add(&race->n_done[run_of(race, task)][place_of(task)], 1);
        }
        graph_attempt_clear(&attempts[i]);
    }
}

static void recover(struct host *host)
{
    struct hg_error err = HG_ERROR_INIT;
    int n = 0;
    HG_CLEANUP(hg_json_decrefp) json_t *known = json_array();
    for (int i = 0; i < host->n_lives; i++) {
        (void)json_array_append_new(known, json_string(host->lives[i].id));
    }
    int r = hg_db_begin(host->db, &err);
    r = r < 0 ? r : hg_queue_recover(host->db, host->name, known, true, &n, NULL, &err);
    r = r < 0 ? r : hg_outcome_lost(host->db, &err);
    r = r < 0 ? r : hg_db_commit(host->db, &err);
    (void)good(host->race, "recover", r, &err);
}

static void *be_host(void *arg)
{
    struct host *host = arg;
    struct race *race = host->race;
    while (!atomic_load(&race->broken) && !host->rest) {
        bool quiet = atomic_load(&race->no_more_trouble);
        claim(host);
        end_some(host, quiet ? 100 : 60);
        if (hg_random_chance(&host->random, 20) || quiet) {
            recover(host);
        }
        host->rest = quiet && host->n_lives == 0 &&
                     number(race, host->db, "select count(*) as n from task") == 0;
    }
    end_some(host, 100);
    return NULL;
}

/* ---- trouble ---- */

static void cancel_or_retry(struct race *race, struct hg_random *random)
{
    struct hg_error err = HG_ERROR_INIT;
    char busy[HG_UUID_TEXT] = "";
    HG_CLEANUP(hg_json_decrefp) json_t *answer = NULL;
    const char *id = race->runs[hg_random_below(random, race->n_runs)].id;
    bool again = hg_random_chance(random, 70);
    int r = again ? hg_runs_retry(&race->service, NULL, id, &answer, busy, &err)
                  : hg_runs_cancel(&race->service, NULL, id, &answer, &err);
    atomic_fetch_add(&race->n_again, again && r == HG_OK);
    (void)good(race, again ? "try again" : "cancel", r == HG_ECONFLICT ? HG_OK : r, &err);
}

static void expire(struct race *race, struct hg_db *db)
{
    struct hg_error err = HG_ERROR_INIT;
    int r = hg_db_simple(db, "update host set lease_until = now() - interval '1 s'", NULL, &err);
    (void)good(race, "expire", r, &err);
}

static void look(struct race *race, struct hg_db *db)
{
    if (number(race,
               db,
               "select count(*) as n from (select from run r join task t on t.run_id = r.id where"
               " t.state in ('ready', 'running') group by r.id, r.parallelism having count(*) >"
               " r.parallelism) x") != 0) {
        break_off(race, "more tasks of a run are at work than may");
    }
}

static void make_trouble(struct race *race, struct hg_random *random, struct hg_db *db)
{
    for (int i = 0; i < TROUBLES && !atomic_load(&race->broken); i++) {
        int dice = hg_random_below(random, 10);
        if (dice < 3) {
            cancel_or_retry(race, random);
        } else if (dice < 5) {
            expire(race, db);
        } else {
            look(race, db);
        }
    }
    atomic_store(&race->no_more_trouble, true);
}

/* ---- what must be true ---- */

static const char *const nothing[] = {
    "select count(*) as n from task",
    "select count(*) as n from run_slot",
    "select count(*) as n from run where finished_at is null",
    "select count(*) as n from task_history where attempt > max_attempts",
    "select count(*) as n from task_history t join job_run j on j.run_id = t.run_id and j.task_id ="
    " t.id where j.status <> 'succeeded' and t.state = 'done'",
    "select count(*) as n from task_history t join job_run j on j.run_id = t.run_id and j.task_id ="
    " t.id where j.status <> t.state and t.state in ('cancelled', 'skipped')",
    "select count(*) as n from task_history t where t.state = 'failed' and not exists (select from"
    " job_run j where j.run_id = t.run_id and j.task_id = t.id and j.status = 'failed')",
    "select count(*) as n from run r where status <> case when exists (select from task_history t"
    " where t.run_id = r.id and t.state = 'failed') then 'failed' when exists (select from"
    " task_history t where t.run_id = r.id and t.state = 'cancelled') then 'cancelled' else"
    " 'succeeded' end",
    /* Skipped is what needs something that is not done, and nothing else. */
    "select count(*) as n from task_history t where (t.state = 'skipped') and not exists (select"
    " from task_history b where b.run_id = t.run_id and b.state <> 'done' and t.id = any"
    " (b.needed_by))",
};

static void check_end(struct race *race, struct hg_db *db)
{
    for (size_t i = 0; i < HG_COUNT(nothing); i++) {
        int64_t n = number(race, db, nothing[i]);
        if (n != 0) {
            break_off(race, "%lld: %s", (long long)n, nothing[i]);
        }
    }
    for (int r = 0; r < race->n_runs; r++) {
        for (int t = 0; t < race->runs[r].n_tasks; t++) {
            char sql[256];
            (void)snprintf(sql,
                           sizeof sql,
                           "select count(*) as n from task_history where run_id = '%s' and key ="
                           " 't%d' and state = 'done'",
                           race->runs[r].id,
                           t);
            if (number(race, db, sql) != atomic_load(&race->n_done[r][t])) {
                break_off(race, "t%d was done %d times", t, atomic_load(&race->n_done[r][t]));
            }
        }
    }
}

/* ---- a seed ---- */

static void make_runs(struct race *race, struct hg_random *random, struct hg_db *db)
{
    struct hg_error err = HG_ERROR_INIT;
    race->n_runs = 1 + hg_random_below(random, GRAPH_RUNS);
    int r = hg_db_simple(db,
                         "delete from task; delete from task_history; delete from job_run; delete"
                         " from run_slot; delete from run; delete from pipeline; delete from host",
                         NULL,
                         &err);
    for (int i = 0; r == HG_OK && i < race->n_runs; i++) {
        struct graph_run *run = &race->runs[i];
        graph_choose(random, run);
        (void)snprintf(run->pipeline, sizeof run->pipeline, "p%d", i);
        const struct hg_run_request request = {.pipeline_id = run->pipeline, .trigger = "manual"};
        r = graph_store(db, run, &err);
        r = r < 0 ? r : hg_run_create(&race->service, &request, run->id, NULL, &err);
    }
    (void)good(race, "make runs", r, &err);
}

static void try_seed(struct race *race, struct host *hosts, struct hg_db *db, uint64_t seed)
{
    struct hg_random random = {seed * 1000003};
    pthread_t threads[HOSTS];
    race->seed = seed;
    memset(race->n_done, 0, sizeof race->n_done);
    atomic_store(&race->no_more_trouble, false);
    make_runs(race, &random, db);
    for (int i = 0; i < HOSTS; i++) {
        hosts[i].random.state = seed * 7 + (uint64_t)i;
        hosts[i].rest = false;
        assert_int_equal(pthread_create(&threads[i], NULL, be_host, &hosts[i]), 0);
    }
    make_trouble(race, &random, db);
    for (int i = 0; i < HOSTS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    if (!atomic_load(&race->broken)) {
        check_end(race, db);
    }
    if (atomic_load(&race->broken)) {
        fail_msg("HG_SEED=%llu: %s", (unsigned long long)seed, race->failure);
    }
}

static void test_random_races(void **state)
{
    static const char *const names[HOSTS] = {"left", "right"};
    struct hg_error err = HG_ERROR_INIT;
    static const struct hg_dispatch_options none = {.host = NULL};
    struct race *race = calloc(1, sizeof *race);
    struct host *hosts = calloc(HOSTS, sizeof *hosts);
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    uint64_t first;
    int n;
    (void)state;
    race->service.options.config = &race->config;
    (void)pthread_mutex_init(&race->mutex, NULL);
    (void)pthread_mutex_init(&race->service.mutex, NULL);
    (void)pthread_cond_init(&race->service.run_changed, NULL);
    const char *to = hg_test_pg_metadata(pg);
    int r = hg_dispatch_new(&none, &race->service.dispatch, &err);
    r = r < 0 ? r : hg_pool_new(to, 2, "test", &race->service.options.metadata, &err);
    r = r < 0 ? r : hg_retention_keep(&race->service, &err);
    r = r < 0 ? r : hg_db_connect(to, "test", &db, &err);
    for (int i = 0; r == HG_OK && i < HOSTS; i++) {
        hosts[i].race = race;
        hosts[i].name = names[i];
        r = hg_db_connect(to, "test", &hosts[i].db, &err);
    }
    assert_int_equal(r, HG_OK);
    hg_random_seeds(1, SEEDS, &first, &n);
    for (int i = 0; i < n; i++) {
        try_seed(race, hosts, db, first + (uint64_t)i);
    }
    print_message("%d zombies, %d runs tried again\n",
                  atomic_load(&race->n_zombies),
                  atomic_load(&race->n_again));
    for (int i = 0; i < HOSTS; i++) {
        hg_db_return(hosts[i].db);
    }
    hg_pool_free(race->service.options.metadata);
    hg_dispatch_free(race->service.dispatch);
    free(hosts);
    free(race);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_races),
    };
    return cmocka_run_group_tests(tests, start, stop_pg);
}
