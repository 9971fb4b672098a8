#include "graph_make.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* ---- pipelines ---- */

static const char *const kinds[] = {NULL, "transform", "flow", "flow"};
static const char *const types[][GRAPH_JOBS] = {{NULL, NULL, NULL},
                                                {"transform", NULL, NULL},
                                                {"extract", "load", NULL},
                                                {"extract", "check", "load"}};

void graph_choose(struct hg_random *random, struct graph_run *run)
{
    int density = hg_random_below(random, 60);
    *run = (struct graph_run){.n_tasks = 1 + hg_random_below(random, GRAPH_TASKS),
                              .parallelism = 1 + hg_random_below(random, 5)};
    for (int i = 0; i < run->n_tasks; i++) {
        struct graph_task *task = &run->tasks[i];
        task->n_jobs = 1 + hg_random_below(random, GRAPH_JOBS);
        task->retries = hg_random_below(random, 3);
        for (int k = 0; k < i; k++) {
            task->needs[k] = hg_random_chance(random, density);
        }
    }
}

static json_t *retries_json(const struct graph_task *task)
{
    return json_pack("{s:i, s:i, s:i}", "max", task->retries, "backoff_ms", 0, "max_backoff_ms", 0);
}

static void add_task(json_t *definition, const struct graph_run *run, int i)
{
    const struct graph_task *task = &run->tasks[i];
    char text[16];
    json_t *needs = json_array();
    json_t *ids = json_array();
    for (int k = 0; k < i; k++) {
        (void)snprintf(text, sizeof text, "t%d", k);
        if (task->needs[k]) {
            (void)json_array_append_new(needs, json_string(text));
        }
    }
    for (int k = 0; k < task->n_jobs; k++) {
        const char *type = types[task->n_jobs][k];
        (void)snprintf(text, sizeof text, "t%d-%d", i, k);
        (void)json_array_append_new(ids, json_string(text));
        (void)json_array_append_new(json_object_get(definition, "jobs"),
                                    json_pack("{s:s, s:s, s:{}, s:o}",
                                              "id",
                                              text,
                                              "type",
                                              type,
                                              type,
                                              "retries",
                                              retries_json(task)));
    }
    (void)snprintf(text, sizeof text, "t%d", i);
    (void)json_array_append_new(json_object_get(definition, "tasks"),
                                json_pack("{s:s, s:s, s:o, s:o}",
                                          "key",
                                          text,
                                          "kind",
                                          kinds[task->n_jobs],
                                          "jobs",
                                          ids,
                                          "needs",
                                          needs));
}

int graph_store(struct hg_db *db, const struct graph_run *run, struct hg_error *err)
{
    static const struct hg_statement put = {
        "test_put_pipeline",
        "insert into pipeline (id, name, origin, file, enabled, version, definition)"
        " values ($1, $1, 'file', $1, true, 1, $2::jsonb)",
        2};
    HG_CLEANUP(hg_json_decrefp)
    json_t *definition = json_pack("{s:s, s:i, s:i, s:s, s:[], s:[], s:{s:i}}",
                                   "id",
                                   run->pipeline,
                                   "parallelism",
                                   run->parallelism,
                                   "timeout_ms",
                                   0,
                                   "base_folder",
                                   "/tmp",
                                   "jobs",
                                   "tasks",
                                   "retries",
                                   "max",
                                   0);
    for (int i = 0; i < run->n_tasks; i++) {
        add_task(definition, run, i);
    }
    HG_CLEANUP(hg_freep) char *text = json_dumps(definition, 0);
    const char *const params[] = {run->pipeline, text};
    return text ? hg_db_exec(db, &put, params, NULL, err) : hg_error_nomem(err);
}

/* ---- ends ---- */

static const struct {
    int code;
    bool final;
} errors[] = {{HG_EUNAVAILABLE, false},
              {HG_EINTERNAL, false},
              {HG_ETIMEDOUT, false},
              {HG_EINVAL, true},
              {HG_ESTOP, true}};

static json_t *report(const struct graph_task *task,
                      int place,
                      const char *const statuses[3],
                      int fault)
{
    json_t *jobs = json_array();
    for (int i = 0; i < task->n_jobs; i++) {
        char id[16];
        int which = i < fault ? 0 : i == fault ? 1 : 2;
        (void)snprintf(id, sizeof id, "t%d-%d", place, i);
        (void)json_array_append_new(
            jobs, json_pack("{s:s, s:s, s:i}", "id", id, "status", statuses[which], "rows_in", 3));
    }
    return json_pack("{s:o, s:[]}", "jobs", jobs, "results");
}

/* How the attempt fails, by its worker or without a word. */
static void choose_failure(struct hg_random *random,
                           struct hg_attempt *attempt,
                           struct graph_end *end)
{
    int which = hg_random_below(random, (int)HG_COUNT(errors));
    bool last = attempt->task.attempt >= attempt->task.max_attempts;
    attempt->failed = true;
    attempt->final = hg_random_chance(random, 10);
    (void)hg_error_set(&attempt->error, errors[which].code, "it was to fail");
    end->how = last || errors[which].final || attempt->final ? HG_QUEUE_FAILED : HG_QUEUE_RETRIED;
    end->reported = hg_random_chance(random, 60);
}

void graph_choose_end(struct hg_random *random,
                      const struct graph_task *task,
                      const struct hg_queue_task *claimed,
                      struct hg_attempt *attempt,
                      struct graph_end *end)
{
    static const char *const well[] = {"succeeded", "succeeded", "succeeded"};
    static const char *const badly[] = {"cancelled", "failed", "skipped"};
    static const char *const stopped[] = {"cancelled", "cancelled", "cancelled"};
    int place = (int)strtol(claimed->key + 1, NULL, 10);
    int dice = hg_random_below(random, 20);
    *attempt = (struct hg_attempt){.task = *claimed, .error = HG_ERROR_INIT, .ended = true};
    *end = (struct graph_end){.task = place,
                              .attempt = claimed->attempt,
                              .fence = claimed->fence,
                              .fault = hg_random_below(random, task->n_jobs),
                              .how = HG_QUEUE_DONE,
                              .reported = true};
    if (claimed->cancel_requested || dice == 0) {
        (void)hg_error_set(&attempt->error, HG_ECANCELLED, "it was cancelled");
        attempt->failed = true;
        end->how = HG_QUEUE_CANCELLED;
        end->reported = hg_random_chance(random, 50);
        attempt->result = end->reported ? report(task, place, stopped, 0) : NULL;
    } else if (dice == 1) {
        (void)hg_error_set(&attempt->error, HG_EUNAVAILABLE, "no worker was free");
        attempt->failed = true;
        attempt->released = true;
        end->how = HG_QUEUE_RELEASED;
    } else if (dice < 9) {
        choose_failure(random, attempt, end);
        attempt->result = end->reported ? report(task, place, badly, end->fault) : NULL;
        char id[16];
        (void)snprintf(id, sizeof id, "t%d-%d", place, end->fault);
        attempt->job = end->reported ? NULL : strdup(id);
    } else {
        attempt->result = report(task, place, well, 0);
    }
}

void graph_attempt_clear(struct hg_attempt *attempt)
{
    hg_queue_task_clear(&attempt->task);
    json_decref(attempt->result);
    free(attempt->job);
}
