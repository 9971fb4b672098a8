#include "queue/queue.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { NUMBER_TEXT = 24 };

static const struct hg_statement add_task = {
    "queue_add",
    "insert into task (id, run_id, pipeline_id, key, kind, state, pending_needs, attempt,"
    " max_attempts, timeout_ms, run_at, spec)"
    " values ($1, $2, $3, $4, $5, 'waiting', $6, 0, $7, $8, now(), $9)",
    9};

static const struct hg_statement add_need = {
    "queue_add_need", "insert into task_need (task_id, needs_task_id) values ($1, $2)", 2};

static const struct hg_statement lock_run = {
    "queue_lock_run", "select id from run where id = $1 for update", 1};

static const struct hg_statement promote = {
    "queue_promote",
    "update task set state = 'ready' where id in ("
    " select id from task where run_id = $1 and state = 'waiting' and pending_needs = 0"
    " order by id limit greatest(0, $2::int - (select count(*) from task"
    " where run_id = $1 and state in ('ready', 'running'))))",
    2};

/* The ids are taken in a fixed order and once: a plan that ran the inner query again for each row
 * would claim too many. */
static const struct hg_statement claim = {
    "queue_claim",
    "with taken as materialized (select id from task where state = 'ready' and run_at <= now()"
    " order by run_at, id limit $1 for update skip locked)"
    " update task t set state = 'running', attempt = t.attempt + 1,"
    " fence = nextval('task_fence'), host = $2,"
    " lease_until = now() + $3::bigint * interval '1 millisecond'"
    " from taken where t.id = taken.id"
    " returning t.id, t.run_id, t.pipeline_id, t.key, t.attempt, t.max_attempts, t.fence,"
    " t.timeout_ms, t.n_lost, t.cancel_requested, t.spec",
    3};

static const struct hg_statement lift_fences = {
    "queue_lift_fences",
    "select setval('task_fence', greatest($1::bigint, nextval('task_fence')))",
    1};

static const struct hg_statement renew = {
    "queue_renew",
    "update task set lease_until = now() + $2::bigint * interval '1 millisecond'"
    " where state = 'running' and host = $1",
    2};

#define CURRENT_ATTEMPT " where id = $1 and attempt = $2 and fence = $3 and state = 'running'"

static const struct hg_statement end_attempt = {
    "queue_end",
    "update task set state = $4, lease_until = null" CURRENT_ATTEMPT " returning id",
    4};

static const struct hg_statement retry_attempt = {
    "queue_retry",
    "update task set state = 'ready', host = null, lease_until = null,"
    " run_at = now() + $4::bigint * interval '1 millisecond'" CURRENT_ATTEMPT " returning id",
    4};

static const struct hg_statement release_attempt = {
    "queue_release",
    "update task set state = 'ready', host = null, lease_until = null, run_at = now(),"
    " max_attempts = max_attempts + 1" CURRENT_ATTEMPT " returning id",
    3};

static const struct hg_statement meet_need = {
    "queue_meet_need",
    "update task set pending_needs = pending_needs - 1 where id in"
    " (select task_id from task_need where needs_task_id = $1)",
    1};

static const struct hg_statement skip_after = {
    "queue_skip_after",
    "with recursive after (id) as ("
    " select task_id from task_need where needs_task_id = $1"
    " union select n.task_id from task_need n join after a on n.needs_task_id = a.id)"
    " update task set state = 'skipped' where state = 'waiting' and id in (select id from after)",
    1};

static const struct hg_statement recover = {
    "queue_recover",
    "update task set state = 'ready', host = null, lease_until = null, run_at = now(),"
    " max_attempts = max_attempts + 1, n_lost = n_lost + 1"
    " where state = 'running' and (lease_until < now()"
    " or host = $1 and not id = any (array(select jsonb_array_elements_text($2::jsonb)::uuid)))"
    " returning id",
    2};

static const struct hg_statement cancel_tasks = {
    "queue_cancel",
    "update task set state = case state when 'running' then state else 'cancelled' end,"
    " cancel_requested = true where run_id = $1 and state in ('waiting', 'ready', 'running')",
    1};

static const struct hg_statement to_cancel = {
    "queue_to_cancel",
    "select coalesce(json_agg(id), '[]') as ids from task"
    " where state = 'running' and host = $1 and cancel_requested",
    1};

static const struct hg_statement is_cancelled = {
    "queue_is_cancelled", "select from task where id = $1 and cancel_requested", 1};

/* What a task needs is counted as it stands: all that is not done goes back to waiting with it. */
static const struct hg_statement again = {
    "queue_again",
    "update task t set state = 'waiting', cancel_requested = false, n_lost = 0, host = null, "
    "run_at = now(),"
    " max_attempts = attempt + 1 + coalesce((spec->'retries'->>'max')::int, 0),"
    " pending_needs = (select count(*) from task_need n join task o on o.id = n.needs_task_id"
    " where n.task_id = t.id and o.state <> 'done')"
    " where run_id = $1 and state in ('failed', 'cancelled', 'skipped') returning id",
    1};

static const struct hg_statement count_open = {"queue_count_open",
                                               "select count(*) as n from task where run_id = $1"
                                               " and state in ('waiting', 'ready', 'running')",
                                               1};

static void task_clear(struct hg_queue_task *task)
{
    free(task->pipeline_id);
    free(task->key);
    json_decref(task->spec);
}

void hg_queue_tasks_free(struct hg_queue_task *tasks, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        task_clear(&tasks[i]);
    }
    free(tasks);
}

static const char *number(char text[NUMBER_TEXT], int64_t value)
{
    (void)snprintf(text, NUMBER_TEXT, "%" PRId64, value);
    return text;
}

int hg_queue_add(struct hg_db *db, const struct hg_queue_new_task *task, struct hg_error *err)
{
    char needs[NUMBER_TEXT];
    char attempts[NUMBER_TEXT];
    char timeout[NUMBER_TEXT];
    HG_CLEANUP(hg_freep) char *spec = json_dumps(task->spec, JSON_COMPACT);
    if (!spec) {
        return hg_error_nomem(err);
    }
    const char *const params[] = {
        task->id,
        task->run_id,
        task->pipeline_id,
        task->key,
        task->kind,
        number(needs, task->n_needs),
        number(attempts, task->max_attempts),
        task->timeout_ms > 0 ? number(timeout, task->timeout_ms) : NULL,
        spec,
    };
    return hg_db_exec(db, &add_task, params, NULL, err);
}

int hg_queue_add_need(struct hg_db *db,
                      const char *task_id,
                      const char *needs_task_id,
                      struct hg_error *err)
{
    const char *const params[] = {task_id, needs_task_id};
    return hg_db_exec(db, &add_need, params, NULL, err);
}

int hg_queue_lock_run(struct hg_db *db, const char *run_id, struct hg_error *err)
{
    const char *const params[] = {run_id};
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    int r = hg_db_exec(db, &lock_run, params, &result, err);
    if (r == HG_OK && PQntuples(result) == 0) {
        return hg_error_set(err, HG_ENOTFOUND, "there is no run %s", run_id);
    }
    return r;
}

int hg_queue_promote(struct hg_db *db, const char *run_id, int parallelism, struct hg_error *err)
{
    char places[NUMBER_TEXT];
    const char *const params[] = {run_id, number(places, parallelism)};
    return hg_db_exec(db, &promote, params, NULL, err);
}

static int task_from_row(const PGresult *result, int row, struct hg_queue_task *ret)
{
    (void)snprintf(ret->id, sizeof ret->id, "%s", hg_result_text(result, row, "id"));
    (void)snprintf(ret->run_id, sizeof ret->run_id, "%s", hg_result_text(result, row, "run_id"));
    ret->pipeline_id = strdup(hg_result_text(result, row, "pipeline_id"));
    ret->key = strdup(hg_result_text(result, row, "key"));
    ret->attempt = (int)hg_result_int64(result, row, "attempt", 0);
    ret->max_attempts = (int)hg_result_int64(result, row, "max_attempts", 1);
    ret->fence = hg_result_int64(result, row, "fence", 0);
    ret->timeout_ms = hg_result_int64(result, row, "timeout_ms", 0);
    ret->n_lost = (int)hg_result_int64(result, row, "n_lost", 0);
    ret->cancel_requested = hg_result_bool(result, row, "cancel_requested");
    ret->spec = hg_result_json(result, row, "spec");
    return ret->pipeline_id && ret->key && ret->spec ? HG_OK : HG_ENOMEM;
}

int hg_queue_claim(struct hg_db *db,
                   const char *host,
                   int limit,
                   int64_t lease_ms,
                   struct hg_queue_task **ret,
                   size_t *ret_n,
                   struct hg_error *err)
{
    char limit_text[NUMBER_TEXT];
    char lease[NUMBER_TEXT];
    const char *const params[] = {number(limit_text, limit), host, number(lease, lease_ms)};
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    int r = hg_db_exec(db, &claim, params, &result, err);
    if (r < 0) {
        return r;
    }
    size_t n = (size_t)PQntuples(result);
    struct hg_queue_task *tasks = calloc(n ? n : 1, sizeof *tasks);
    if (!tasks) {
        return hg_error_nomem(err);
    }
    for (size_t i = 0; i < n; i++) {
        if (task_from_row(result, (int)i, &tasks[i]) < 0) {
            hg_queue_tasks_free(tasks, n);
            return hg_error_nomem(err);
        }
    }
    *ret = tasks;
    *ret_n = n;
    return HG_OK;
}

int hg_queue_lift_fences(struct hg_db *db, int64_t highest, struct hg_error *err)
{
    char fence[NUMBER_TEXT];
    const char *const params[] = {number(fence, highest)};
    return hg_db_exec(db, &lift_fences, params, NULL, err);
}

int hg_queue_renew(struct hg_db *db, const char *host, int64_t lease_ms, struct hg_error *err)
{
    char lease[NUMBER_TEXT];
    const char *const params[] = {host, number(lease, lease_ms)};
    return hg_db_exec(db, &renew, params, NULL, err);
}

/* Runs a statement whose first three parameters name the attempt. */
static int on_attempt(struct hg_db *db,
                      const struct hg_statement *statement,
                      const struct hg_queue_task *task,
                      const char *fourth,
                      struct hg_error *err)
{
    char attempt[NUMBER_TEXT];
    char fence[NUMBER_TEXT];
    const char *const params[] = {
        task->id, number(attempt, task->attempt), number(fence, task->fence), fourth};
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    int r = hg_db_exec(db, statement, params, &result, err);
    if (r == HG_OK && PQntuples(result) == 0) {
        return hg_error_set(err,
                            HG_ECONFLICT,
                            "attempt %d of task %s is no longer the current one",
                            task->attempt,
                            task->id);
    }
    return r;
}

int hg_queue_done(struct hg_db *db, const struct hg_queue_task *task, struct hg_error *err)
{
    int r = on_attempt(db, &end_attempt, task, "done", err);
    if (r < 0) {
        return r;
    }
    const char *const params[] = {task->id};
    return hg_db_exec(db, &meet_need, params, NULL, err);
}

int hg_queue_fail(struct hg_db *db,
                  const struct hg_queue_task *task,
                  const char *state,
                  struct hg_error *err)
{
    int r = on_attempt(db, &end_attempt, task, state, err);
    if (r < 0) {
        return r;
    }
    const char *const params[] = {task->id};
    return hg_db_exec(db, &skip_after, params, NULL, err);
}

int hg_queue_retry(struct hg_db *db,
                   const struct hg_queue_task *task,
                   int64_t delay_ms,
                   struct hg_error *err)
{
    char delay[NUMBER_TEXT];
    return on_attempt(db, &retry_attempt, task, number(delay, delay_ms), err);
}

int hg_queue_release(struct hg_db *db, const struct hg_queue_task *task, struct hg_error *err)
{
    return on_attempt(db, &release_attempt, task, NULL, err);
}

int hg_queue_recover(
    struct hg_db *db, const char *host, const json_t *known, int *ret_n, struct hg_error *err)
{
    HG_CLEANUP(hg_freep) char *ids = json_dumps(known, JSON_COMPACT);
    if (!ids) {
        return hg_error_nomem(err);
    }
    const char *const params[] = {host, ids};
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    int r = hg_db_exec(db, &recover, params, &result, err);
    if (r == HG_OK) {
        *ret_n = PQntuples(result);
    }
    return r;
}

int hg_queue_cancel(struct hg_db *db, const char *run_id, struct hg_error *err)
{
    const char *const params[] = {run_id};
    return hg_db_exec(db, &cancel_tasks, params, NULL, err);
}

int hg_queue_to_cancel(struct hg_db *db, const char *host, json_t **ret, struct hg_error *err)
{
    const char *const params[] = {host};
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    int r = hg_db_exec(db, &to_cancel, params, &result, err);
    if (r < 0) {
        return r;
    }
    json_t *ids = hg_result_json(result, 0, "ids");
    if (!ids) {
        return hg_error_nomem(err);
    }
    *ret = ids;
    return HG_OK;
}

int hg_queue_is_cancelled(struct hg_db *db,
                          const struct hg_queue_task *task,
                          bool *ret,
                          struct hg_error *err)
{
    const char *const params[] = {task->id};
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    int r = hg_db_exec(db, &is_cancelled, params, &result, err);
    if (r == HG_OK) {
        *ret = PQntuples(result) > 0;
    }
    return r;
}

int hg_queue_again(struct hg_db *db, const char *run_id, int *ret_n, struct hg_error *err)
{
    const char *const params[] = {run_id};
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    int r = hg_db_exec(db, &again, params, &result, err);
    if (r == HG_OK) {
        *ret_n = PQntuples(result);
    }
    return r;
}

int hg_queue_count_open(struct hg_db *db, const char *run_id, int *ret_n, struct hg_error *err)
{
    const char *const params[] = {run_id};
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    int r = hg_db_exec(db, &count_open, params, &result, err);
    if (r == HG_OK) {
        *ret_n = (int)hg_result_int64(result, 0, "n", 0);
    }
    return r;
}
