/*
 * Random pipelines, hosts and misfortunes against a model of what must be true. No worker runs:
 * the test says how attempts end, from one of two hosts, also for attempts that were given up.
 *
 * When a seed fails, HG_SEED=<its number> repeats it alone; HG_SEEDS=<n> tries so many from there.
 */
#include <setjmp.h>
#include <stdarg.h>
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

enum { SEEDS = 100, STEPS = 400, HOSTS = 2, LIVES = 128 };

/* An attempt that a host believes to run. */
struct life {
    struct hg_queue_task task;
    int run;
    int place;
};

struct trial {
    uint64_t seed;
    int step;
    const char *doing;
    struct hg_random random;
    struct hg_pipelines service; /* no thread of it runs */
    struct hg_host_config config;
    struct hg_db *db;
    struct graph_run runs[GRAPH_RUNS];
    int n_runs;
    struct life lives[HOSTS][LIVES];
    int n_lives[HOSTS];
    int64_t highest_fence;
    int n_counts[8]; /* of what happened, so that nothing is left out unseen */
};

static const char *const hosts[HOSTS] = {"left", "right"};

enum { N_DONE, N_FAILED, N_RETRIED, N_RELEASED, N_CANCELLED, N_ZOMBIES, N_LOST, N_AGAIN };
static const char *const count_names[] = {
    "done", "failed", "retried", "released", "cancelled", "zombies", "lost", "tried again"};

__attribute__((format(printf, 2, 3), noreturn)) static void broken(const struct trial *trial,
                                                                   const char *fmt,
                                                                   ...)
{
    va_list args;
    va_start(args, fmt);
    (void)fprintf(stderr,
                  "HG_SEED=%llu, step %d (%s): ",
                  (unsigned long long)trial->seed,
                  trial->step,
                  trial->doing);
    (void)vfprintf(stderr, fmt, args);
    (void)fputc('\n', stderr);
    va_end(args);
    fail();
    abort();
}

static void must(const struct trial *trial, int r, const struct hg_error *err)
{
    if (r != HG_OK) {
        broken(trial, "%d: %s (%s)", r, err->message, err->hint);
    }
}

static void run_sql(const struct trial *trial, const char *sql)
{
    struct hg_error err = HG_ERROR_INIT;
    must(trial, hg_db_simple(trial->db, sql, NULL, &err), &err);
}

static int start(void **state)
{
    hg_log_configure(HG_LOG_ERROR, false);
    return start_pg(state);
}

/* ---- comparing ---- */

static char *text_of(const PGresult *result)
{
    const char *text = hg_result_text(result, 0, "text");
    return strdup(text ? text : "nothing");
}

static char *ask(const struct trial *trial,
                 const struct hg_statement *statement,
                 const struct graph_run *run)
{
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    const char *const params[] = {run->id};
    must(trial, hg_db_exec(trial->db, statement, params, &result, &err), &err);
    return text_of(result);
}

static void check_run(const struct trial *trial, const struct graph_run *run)
{
    struct hg_buf expected = HG_BUF_INIT;
    graph_describe(run, &expected);
    HG_CLEANUP(hg_freep) char *found = ask(trial, &graph_statement, run);
    HG_CLEANUP(hg_freep) char *wrong = ask(trial, &graph_wrong_jobs, run);
    if (strcmp(found, hg_buf_text(&expected)) != 0) {
        broken(trial,
               "%s, parallelism %d\n%swhere the model has\n%s",
               run->pipeline,
               run->parallelism,
               found,
               hg_buf_text(&expected));
    }
    if (wrong[0]) {
        broken(trial, "times or errors of jobs are not right: %s", wrong);
    }
    hg_buf_free(&expected);
}

static void check_all(const struct trial *trial)
{
    for (int i = 0; i < trial->n_runs; i++) {
        check_run(trial, &trial->runs[i]);
    }
}

/* ---- runs ---- */

static void create_run(struct trial *trial, struct graph_run *run)
{
    struct hg_error err = HG_ERROR_INIT;
    const struct hg_run_request request = {.pipeline_id = run->pipeline, .trigger = "manual"};
    must(trial, hg_run_create(&trial->service, &request, run->id, NULL, &err), &err);
    graph_start(run);
}

/* ---- claims ---- */

static struct graph_run *run_of(struct trial *trial, const char *id, int *ret)
{
    for (*ret = 0; *ret < trial->n_runs; (*ret)++) {
        if (strcmp(trial->runs[*ret].id, id) == 0) {
            return &trial->runs[*ret];
        }
    }
    broken(trial, "a task of another run was claimed");
}

static void take_claim(struct trial *trial, int host, struct hg_queue_task *task, bool heard)
{
    int run = 0;
    const char *wrong = graph_claimed(run_of(trial, task->run_id, &run), task, hosts[host]);
    if (wrong) {
        broken(trial, "%s: %s of %s", wrong, task->key, trial->runs[run].pipeline);
    }
    if (task->fence <= trial->highest_fence) {
        broken(trial, "fence %lld was given before", (long long)task->fence);
    }
    trial->highest_fence = task->fence;
    if (heard) {
        struct life *life = &trial->lives[host][trial->n_lives[host]++];
        *life = (struct life){*task, run, (int)strtol(task->key + 1, NULL, 10)};
        memset(task, 0, sizeof *task);
    }
}

static int compare_fences(const void *left, const void *right)
{
    const struct hg_queue_task *a = left;
    const struct hg_queue_task *b = right;
    return (a->fence > b->fence) - (a->fence < b->fence);
}

/* Sometimes the host does not hear the answer to its claim. */
static void claim(struct trial *trial)
{
    struct hg_error err = HG_ERROR_INIT;
    struct hg_queue_task *tasks = NULL;
    size_t n = 0;
    int host = hg_random_below(&trial->random, HOSTS);
    int limit = 1 + hg_random_below(&trial->random, 4);
    bool heard = !hg_random_chance(&trial->random, 5);
    trial->doing = heard ? "claim" : "claim unheard";
    if (trial->n_lives[host] + GRAPH_TASKS * GRAPH_RUNS > LIVES) {
        return;
    }
    must(trial, hg_queue_renew(trial->db, hosts[host], 3600000, &err), &err);
    must(trial, hg_queue_begin(trial->db, &err), &err);
    must(trial,
         hg_random_chance(&trial->random, 80)
             ? hg_queue_claim(trial->db, hosts[host], limit, &tasks, &n, &err)
             : hg_queue_claim_cancelled(trial->db, hosts[host], &tasks, &n, &err),
         &err);
    must(trial, n > 0 ? hg_outcome_started(trial->db, tasks, n, &err) : HG_OK, &err);
    must(trial, hg_db_commit(trial->db, &err), &err);
    qsort(tasks, n, sizeof *tasks, compare_fences);
    for (size_t i = 0; i < n; i++) {
        take_claim(trial, host, &tasks[i], heard);
    }
    hg_queue_tasks_free(tasks, n);
}

/* ---- ends ---- */

static void count_end(struct trial *trial, const struct graph_end *end, bool taken)
{
    static const int counts[] = {[HG_QUEUE_DONE] = N_DONE,
                                 [HG_QUEUE_FAILED] = N_FAILED,
                                 [HG_QUEUE_CANCELLED] = N_CANCELLED,
                                 [HG_QUEUE_RETRIED] = N_RETRIED,
                                 [HG_QUEUE_RELEASED] = N_RELEASED};
    trial->n_counts[taken ? counts[end->how] : N_ZOMBIES]++;
}

/* A few of what a host runs, or believes to run, end at once. */
static void end_some(struct trial *trial)
{
    struct hg_attempt attempts[LIVES];
    struct hg_attempt *pointers[LIVES];
    struct graph_end ends[LIVES];
    int runs[LIVES];
    struct hg_error err = HG_ERROR_INIT;
    int host = hg_random_below(&trial->random, HOSTS);
    int share = 20 + hg_random_below(&trial->random, 80);
    int n = 0;
    int kept = 0;
    trial->doing = "end";
    for (int i = 0; i < trial->n_lives[host]; i++) {
        struct life *life = &trial->lives[host][i];
        if (hg_random_chance(&trial->random, share)) {
            graph_choose_end(&trial->random,
                             &trial->runs[life->run].tasks[life->place],
                             &life->task,
                             &attempts[n],
                             &ends[n]);
            pointers[n] = &attempts[n];
            runs[n++] = life->run;
        } else {
            trial->lives[host][kept++] = *life;
        }
    }
    trial->n_lives[host] = kept;
    if (n == 0) {
        return;
    }
    must(trial, hg_outcome_ended(trial->db, pointers, (size_t)n, &err), &err);
    bool taken[LIVES];
    for (int i = 0; i < n; i++) {
        taken[i] = graph_ended(&trial->runs[runs[i]], &ends[i]);
        count_end(trial, &ends[i], taken[i]);
    }
    for (int i = 0; i < n; i++) {
        graph_move_on(&trial->runs[runs[i]]);
    }
    for (int i = 0; i < n; i++) {
        if (attempts[i].taken != taken[i]) {
            broken(trial,
                   "%s of %s, attempt %d with fence %lld, %s",
                   attempts[i].task.key,
                   trial->runs[runs[i]].pipeline,
                   attempts[i].task.attempt,
                   (long long)attempts[i].task.fence,
                   taken[i] ? "does not count" : "counts");
        }
        graph_attempt_clear(&attempts[i]);
    }
}

/* ---- misfortunes ---- */

static json_t *known_of(const struct trial *trial, int host)
{
    json_t *known = json_array();
    for (int i = 0; i < trial->n_lives[host]; i++) {
        (void)json_array_append_new(known, json_string(trial->lives[host][i].task.id));
    }
    return known;
}

static bool knows(const struct trial *trial, int host, int run, int task)
{
    for (int i = 0; i < trial->n_lives[host]; i++) {
        if (trial->lives[host][i].run == run && trial->lives[host][i].place == task) {
            return true;
        }
    }
    return false;
}

/* A host looks for what was left: by itself, or by the other when its lease is over. */
static void recover(struct trial *trial)
{
    struct hg_error err = HG_ERROR_INIT;
    int host = hg_random_below(&trial->random, HOSTS);
    bool other_is_gone = hg_random_chance(&trial->random, 50);
    int expected = 0;
    int found = 0;
    char sql[128];
    HG_CLEANUP(hg_json_decrefp) json_t *known = known_of(trial, host);
    trial->doing = other_is_gone ? "recover from a host that is gone" : "recover";
    must(trial, hg_queue_renew(trial->db, hosts[host], 3600000, &err), &err);
    must(trial, hg_queue_renew(trial->db, hosts[1 - host], 3600000, &err), &err);
    if (other_is_gone) {
        (void)snprintf(sql,
                       sizeof sql,
                       "update host set lease_until = now() - interval '1 s' where name = '%s'",
                       hosts[1 - host]);
        run_sql(trial, sql);
    }
    must(trial, hg_db_begin(trial->db, &err), &err);
    must(trial, hg_queue_recover(trial->db, hosts[host], known, true, &found, NULL, &err), &err);
    must(trial, hg_outcome_lost(trial->db, &err), &err);
    must(trial, hg_db_commit(trial->db, &err), &err);
    for (int r = 0; r < trial->n_runs; r++) {
        for (int t = 0; t < trial->runs[r].n_tasks; t++) {
            const struct graph_task *task = &trial->runs[r].tasks[t];
            bool here = task->host && strcmp(task->host, hosts[host]) == 0;
            if (task->state == RUNNING && (here ? !knows(trial, host, r, t) : other_is_gone)) {
                graph_lost(&trial->runs[r], t);
                expected++;
                trial->n_counts[N_LOST]++;
            }
        }
    }
    if (found != expected) {
        broken(trial, "%d tasks are taken up, not %d", found, expected);
    }
}

static void forget(struct trial *trial, int host)
{
    for (int i = 0; i < trial->n_lives[host]; i++) {
        struct hg_queue_task *task = &trial->lives[host][i].task;
        hg_queue_task_clear(task);
    }
    trial->n_lives[host] = 0;
}

/* A host dies and comes back: it knows nothing of what it ran. Its workers are ended with it. */
static void die(struct trial *trial)
{
    trial->doing = "die";
    forget(trial, hg_random_below(&trial->random, HOSTS));
}

static void cancel(struct trial *trial)
{
    struct hg_error err = HG_ERROR_INIT;
    struct graph_run *run = &trial->runs[hg_random_below(&trial->random, trial->n_runs)];
    HG_CLEANUP(hg_json_decrefp) json_t *answer = NULL;
    bool ended = graph_has_ended(run);
    trial->doing = "cancel";
    int r = hg_runs_cancel(&trial->service, NULL, run->id, &answer, &err);
    if (r != (ended ? HG_ECONFLICT : HG_OK)) {
        broken(trial, "answer %d of a cancel: %s", r, err.message);
    }
    if (!ended) {
        graph_cancel(run);
    }
}

static void try_again(struct trial *trial)
{
    struct hg_error err = HG_ERROR_INIT;
    char busy[HG_UUID_TEXT] = "";
    struct graph_run *run = &trial->runs[hg_random_below(&trial->random, trial->n_runs)];
    HG_CLEANUP(hg_json_decrefp) json_t *answer = NULL;
    bool may = graph_has_ended(run) && graph_again(run);
    trial->doing = "try again";
    int r = hg_runs_retry(&trial->service, NULL, run->id, &answer, busy, &err);
    if (r != (may ? HG_OK : HG_ECONFLICT)) {
        broken(trial, "answer %d of a retry of the run: %s", r, err.message);
    }
    trial->n_counts[N_AGAIN] += may;
}

static void step(struct trial *trial)
{
    static const struct {
        int weight;
        void (*what)(struct trial *trial);
    } steps[] = {{40, claim}, {40, end_some}, {9, recover}, {2, die}, {4, cancel}, {5, try_again}};
    int dice = hg_random_below(&trial->random, 100);
    for (size_t i = 0; i < HG_COUNT(steps); i++) {
        dice -= steps[i].weight;
        if (dice < 0) {
            steps[i].what(trial);
            return;
        }
    }
}

/* ---- a seed ---- */

static bool all_ended(const struct trial *trial)
{
    for (int i = 0; i < trial->n_runs; i++) {
        if (!graph_has_ended(&trial->runs[i])) {
            return false;
        }
    }
    return true;
}

/* Nothing is open, nobody did anything twice. */
static void check_end(struct trial *trial)
{
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    must(trial,
         hg_db_simple(trial->db,
                      "select (select count(*) from task) + (select count(*) from run_slot)"
                      " || ' ' || (select count(*) from task_history) as text",
                      &result,
                      &err),
         &err);
    HG_CLEANUP(hg_freep) char *left = text_of(result);
    char expected[32];
    int n_tasks = 0;
    for (int r = 0; r < trial->n_runs; r++) {
        const struct graph_run *run = &trial->runs[r];
        n_tasks += run->n_tasks;
        for (int i = 0; i < run->n_tasks; i++) {
            if (run->tasks[i].n_successes != (run->tasks[i].state == DONE)) {
                broken(trial,
                       "t%d of %s succeeded %d times",
                       i,
                       run->pipeline,
                       run->tasks[i].n_successes);
            }
        }
    }
    (void)snprintf(expected, sizeof expected, "0 %d", n_tasks);
    if (strcmp(left, expected) != 0) {
        broken(trial, "%s open and ended tasks are left, not %s", left, expected);
    }
}

static void try_seed(struct trial *trial, uint64_t seed)
{
    struct hg_error err = HG_ERROR_INIT;
    trial->seed = seed;
    trial->random.state = seed * 1000003;
    trial->step = 0;
    trial->doing = "start";
    trial->n_runs = 1 + hg_random_below(&trial->random, GRAPH_RUNS);
    run_sql(trial,
            "delete from task; delete from task_history; delete from job_run; delete from run_slot;"
            " delete from run; delete from pipeline; delete from host");
    for (int i = 0; i < trial->n_runs; i++) {
        graph_choose(&trial->random, &trial->runs[i]);
        (void)snprintf(trial->runs[i].pipeline, sizeof trial->runs[i].pipeline, "p%d", i);
        must(trial, graph_store(trial->db, &trial->runs[i], &err), &err);
        create_run(trial, &trial->runs[i]);
        check_run(trial, &trial->runs[i]);
    }
    while (!all_ended(trial) && trial->step++ < STEPS) {
        step(trial);
        check_all(trial);
    }
    if (!all_ended(trial)) {
        broken(trial, "it comes to no end");
    }
    check_end(trial);
    forget(trial, 0);
    forget(trial, 1);
}

static void test_random_graphs(void **state)
{
    struct hg_error err = HG_ERROR_INIT;
    static const struct hg_dispatch_options none = {.host = NULL};
    struct trial *trial = calloc(1, sizeof *trial);
    uint64_t first;
    int n;
    (void)state;
    trial->service.options.config = &trial->config;
    (void)pthread_mutex_init(&trial->service.mutex, NULL);
    (void)pthread_cond_init(&trial->service.run_changed, NULL);
    must(trial, hg_dispatch_new(&none, &trial->service.dispatch, &err), &err);
    must(trial,
         hg_pool_new(hg_test_pg_metadata(pg), 2, "test", &trial->service.options.metadata, &err),
         &err);
    must(trial, hg_retention_keep(&trial->service, &err), &err);
    must(trial, hg_db_connect(hg_test_pg_metadata(pg), "test", &trial->db, &err), &err);
    run_sql(trial, "set plan_cache_mode = force_generic_plan; set enable_seqscan = off");
    hg_random_seeds(1, SEEDS, &first, &n);
    for (int i = 0; i < n; i++) {
        try_seed(trial, first + (uint64_t)i);
    }
    for (size_t i = 0; i < HG_COUNT(count_names); i++) {
        print_message("%d %s, ", trial->n_counts[i], count_names[i]);
        assert_true(n < SEEDS || trial->n_counts[i] > 0);
    }
    print_message("in %d seeds\n", n);
    hg_db_return(trial->db);
    hg_pool_free(trial->service.options.metadata);
    hg_dispatch_free(trial->service.dispatch);
    free(trial);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_graphs),
    };
    return cmocka_run_group_tests(tests, start, stop_pg);
}
