#include "graph_model.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const state_names[] = {
    "waiting", "ready", "running", "done", "failed", "cancelled", "skipped"};

static bool is_open(const struct graph_task *task)
{
    return task->state <= RUNNING;
}

bool graph_has_ended(const struct graph_run *run)
{
    return strcmp(run->status, "queued") != 0 && strcmp(run->status, "running") != 0;
}

static int n_unmet(const struct graph_run *run, const struct graph_task *task)
{
    int n = 0;
    for (int i = 0; i < run->n_tasks; i++) {
        n += task->needs[i] && run->tasks[i].state != DONE;
    }
    return n;
}

static void set_jobs(
    struct graph_task *task, const char *before, int fault, const char *at, const char *behind)
{
    for (int i = 0; i < task->n_jobs; i++) {
        task->jobs[i] = i < fault ? before : i == fault ? at : behind;
    }
}

static void set_all_jobs(struct graph_task *task, const char *status)
{
    set_jobs(task, status, 0, status, status);
}

/* ---- moving on ---- */

static void promote(struct graph_run *run)
{
    int busy = 0;
    for (int i = 0; i < run->n_tasks; i++) {
        busy += run->tasks[i].state == READY || run->tasks[i].state == RUNNING;
    }
    for (int i = 0; i < run->n_tasks && busy < run->parallelism; i++) {
        struct graph_task *task = &run->tasks[i];
        if (task->state == WAITING && n_unmet(run, task) == 0) {
            task->state = READY;
            busy++;
        }
    }
}

static bool any(const struct graph_run *run, enum graph_state state)
{
    for (int i = 0; i < run->n_tasks; i++) {
        if (run->tasks[i].state == state) {
            return true;
        }
    }
    return false;
}

void graph_move_on(struct graph_run *run)
{
    if (any(run, WAITING) || any(run, READY) || any(run, RUNNING)) {
        promote(run);
    } else if (!graph_has_ended(run)) {
        run->status = any(run, FAILED) ? "failed" : any(run, CANCELLED) ? "cancelled" : "succeeded";
    }
}

static void skip_after(struct graph_run *run, int task)
{
    for (int i = 0; i < run->n_tasks; i++) {
        if (run->tasks[i].needs[task] && run->tasks[i].state == WAITING) {
            run->tasks[i].state = SKIPPED;
            set_all_jobs(&run->tasks[i], "skipped");
            skip_after(run, i);
        }
    }
}

/* ---- what is done to a run ---- */

void graph_start(struct graph_run *run)
{
    run->status = "queued";
    run->retry_count = 0;
    for (int i = 0; i < run->n_tasks; i++) {
        struct graph_task *task = &run->tasks[i];
        task->state = WAITING;
        task->max_attempts = task->retries + 1;
        set_all_jobs(task, "queued");
    }
    promote(run);
}

const char *graph_claimed(struct graph_run *run,
                          const struct hg_queue_task *claimed,
                          const char *host)
{
    struct graph_task *task = NULL;
    int running = 1;
    for (int i = 0; i < run->n_tasks; i++) {
        char key[16];
        (void)snprintf(key, sizeof key, "t%d", i);
        running += run->tasks[i].state == RUNNING;
        task = strcmp(key, claimed->key) == 0 ? &run->tasks[i] : task;
    }
    if (!task || task->state != READY) {
        return "a task was claimed that is not ready";
    }
    if (n_unmet(run, task) > 0) {
        return "a task was claimed before its needs are done";
    }
    if (running > run->parallelism) {
        return "more tasks run than may";
    }
    if (claimed->attempt != task->attempt + 1 || claimed->attempt > task->max_attempts ||
        claimed->max_attempts != task->max_attempts || claimed->n_lost != task->n_lost ||
        claimed->cancel_requested != task->cancel_requested) {
        return "a claim counts attempts in another way";
    }
    if (++task->n_counted > task->retries + 1) {
        return "a task is tried more often than it may be";
    }
    task->state = RUNNING;
    task->attempt++;
    task->fence = claimed->fence;
    task->host = host;
    task->jobs_attempt = task->attempt;
    set_all_jobs(task, "running");
    run->status = "running";
    return NULL;
}

static void ended_for_good(struct graph_run *run,
                           struct graph_task *task,
                           const struct graph_end *end)
{
    bool cancelled = task->cancel_requested || end->how == HG_QUEUE_CANCELLED;
    task->state = cancelled ? CANCELLED : FAILED;
    if (cancelled) {
        set_all_jobs(task, "cancelled");
    } else {
        set_jobs(task, "cancelled", end->fault, "failed", "skipped");
    }
    skip_after(run, end->task);
}

static void go_back(struct graph_task *task)
{
    task->state = READY;
    task->max_attempts++;
    task->n_counted--;
    set_all_jobs(task, "queued");
}

bool graph_ended(struct graph_run *run, const struct graph_end *end)
{
    struct graph_task *task = &run->tasks[end->task];
    if (task->state != RUNNING || task->attempt != end->attempt || task->fence != end->fence) {
        return false;
    }
    if (end->how == HG_QUEUE_DONE) {
        task->state = DONE;
        task->n_successes++;
        set_all_jobs(task, "succeeded");
    } else if (end->how == HG_QUEUE_RELEASED && task->n_lost > 0) {
        go_back(task); /* an attempt may still live, also when it is to be cancelled */
    } else if (task->cancel_requested || end->how == HG_QUEUE_FAILED ||
               end->how == HG_QUEUE_CANCELLED) {
        ended_for_good(run, task, end);
    } else if (end->how == HG_QUEUE_RETRIED) {
        task->state = READY;
        set_all_jobs(task, "retrying");
        run->retry_count++;
    } else {
        go_back(task);
    }
    task->host = NULL;
    return true;
}

void graph_lost(struct graph_run *run, int index)
{
    struct graph_task *task = &run->tasks[index];
    task->state = READY;
    task->max_attempts++;
    task->n_lost++;
    task->n_counted--;
    task->host = NULL;
    for (int i = 0; i < task->n_jobs; i++) {
        task->jobs[i] = "queued";
    }
}

void graph_cancel(struct graph_run *run)
{
    for (int i = 0; i < run->n_tasks; i++) {
        struct graph_task *task = &run->tasks[i];
        if (task->state == RUNNING || (task->state == READY && task->n_lost > 0)) {
            task->cancel_requested = true; /* an attempt may still live: the ledger is asked */
        } else if (is_open(task)) {
            task->state = CANCELLED;
            set_all_jobs(task, "cancelled");
        }
    }
    graph_move_on(run);
}

bool graph_again(struct graph_run *run)
{
    int n = 0;
    for (int i = 0; i < run->n_tasks; i++) {
        struct graph_task *task = &run->tasks[i];
        if (task->state == DONE) {
            continue;
        }
        n++;
        task->state = WAITING;
        task->max_attempts = task->attempt + 1 + task->retries;
        task->n_lost = 0;
        task->n_counted = 0;
        task->cancel_requested = false;
        set_all_jobs(task, "queued");
    }
    if (n > 0) {
        run->status = "queued";
        run->retry_count++;
        graph_move_on(run);
    }
    return n > 0;
}

/* ---- comparing ---- */

/* The first job in the order of the definition that failed, or NULL. */
static bool first_failed(const struct graph_run *run, char ret[16])
{
    for (int i = 0; i < run->n_tasks; i++) {
        for (int k = 0; k < run->tasks[i].n_jobs; k++) {
            if (strcmp(run->tasks[i].jobs[k], "failed") == 0) {
                (void)snprintf(ret, 16, "t%d-%d", i, k);
                return true;
            }
        }
    }
    return false;
}

void graph_describe(const struct graph_run *run, struct hg_buf *text)
{
    char fault[16] = "-";
    bool ended = graph_has_ended(run);
    if (ended) {
        (void)first_failed(run, fault);
    }
    hg_buf_printf(text,
                  "run %s retries %d error %s ended %d slot %d\n",
                  run->status,
                  run->retry_count,
                  fault,
                  ended,
                  !ended);
    for (int i = 0; i < run->n_tasks; i++) {
        const struct graph_task *task = &run->tasks[i];
        hg_buf_printf(text,
                      "t%d %s attempt %d of %d lost %d",
                      i,
                      state_names[task->state],
                      task->attempt,
                      task->max_attempts,
                      task->n_lost);
        if (is_open(task)) {
            hg_buf_printf(text,
                          " unmet %d cancel %d host %s",
                          n_unmet(run, task),
                          task->cancel_requested,
                          task->host ? task->host : "-");
        }
        hg_buf_puts(text, " jobs");
        for (int k = 0; k < task->n_jobs; k++) {
            hg_buf_printf(text, " %s %d", task->jobs[k], task->jobs_attempt);
        }
        hg_buf_putc(text, '\n');
    }
}

const struct hg_statement graph_statement = {
    "test_graph",
    "select (select format(E'run %s retries %s error %s ended %s slot %s\\n', status,"
    " retry_count, coalesce(error->>'job', '-'), (finished_at is not null)::int,"
    " (select count(*) from run_slot s where s.run_id = r.id)) from run r where id = $1::uuid)"
    " || (select string_agg(format(E't%s %s attempt %s of %s lost %s%s jobs %s\\n', n, state,"
    " attempt, max_attempts, n_lost, more, jobs), '' order by n) from (select"
    " substr(t.key, 2)::int as n, t.*, (select string_agg(format('%s %s', status, attempt), ' '"
    " order by position) from job_run j where j.run_id = t.run_id and j.task_id = t.id) as jobs"
    " from (select id, run_id, key, state, attempt, max_attempts, n_lost, format(' unmet %s cancel"
    " %s host %s', pending_needs, cancel_requested::int, coalesce(host, '-')) as more from task"
    " where run_id = $1::uuid union all"
    " select id, run_id, key, state, attempt, max_attempts, n_lost, '' from task_history"
    " where run_id = $1::uuid) t) k) as text",
    1};

const struct hg_statement graph_wrong_jobs = {
    "test_wrong_jobs",
    "select coalesce((select string_agg(job_id || ' ' || status, ', ') from job_run where"
    " run_id = $1::uuid and"
    " ((status in ('succeeded', 'failed') and (started_at is null or finished_at is null or"
    " finished_at < started_at)) or (status in ('queued', 'skipped') and started_at is not null)"
    " or (status in ('queued', 'running', 'skipped') and finished_at is not null)"
    " or (status = 'running' and started_at is null) or (status = 'failed' and error is null)"
    /* While it is tried again it keeps what the attempt before said. */
    " or (status in ('running', 'queued') and error is not null and attempt < 2)"
    " or (status = 'succeeded' and error is not null))), '')"
    " as text",
    1};
