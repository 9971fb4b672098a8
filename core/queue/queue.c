#include "queue/queue.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "store/array.h"

enum { NUMBER_TEXT = 24 };

/* One statement a line of a table: clang-format would break them in the middle of words. */
/* clang-format off */

static const struct hg_statement settings = {
    "queue_settings",
    "select set_config('synchronous_commit', 'off', true), set_config('enable_seqscan', 'off', true),"
    " set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true),"
    " set_config('plan_cache_mode', 'force_generic_plan', true)",
    0};

static const struct hg_statement add_tasks = {
    "queue_add",
    "insert into task (id, run_id, pipeline_id, key, kind, state, pending_needs, needed_by,"
    " max_attempts, timeout_ms, spec)"
    " select id, run_id, pipeline_id, key, kind,"
    " case when pending_needs = 0 and row_number() over (partition by pending_needs = 0 order by id)"
    " <= $2::int then 'ready' else 'waiting' end,"
    " pending_needs, needed_by, max_attempts, timeout_ms, spec"
    " from json_to_recordset($1::json) as t (id uuid, run_id uuid, pipeline_id text, key text,"
    " kind text, pending_needs int, needed_by uuid[], max_attempts int, timeout_ms bigint,"
    " spec json)",
    2};

static const struct hg_statement lock_runs = {
    "queue_lock_runs", "select id from run where id = any($1::uuid[]) order by id for update", 1};

static const struct hg_statement promote = {
    "queue_promote",
    "update task t set state = 'ready', run_at = greatest(t.run_at, least(now(),"
    " (select to_timestamp(last_value / 1000.0) + interval '1 second' from task_front)))"
    " from (select w.id from run r cross join lateral"
    " (select id from task where run_id = r.id and state = 'waiting' and pending_needs = 0"
    " order by id limit greatest(0, r.parallelism - (select count(*) from task"
    " where run_id = r.id and state in ('ready', 'running')))) w"
    " where r.id = any($1::uuid[])) next where t.id = next.id",
    1};

/*
 * The ids are taken in a fixed order and once: a plan that ran the inner query again for each row
 * would claim too many. Begins at the front and moves it on: to the last one taken when there may be
 * more, but never to less than a second ago, from when what is not committed yet may come. In a pause
 * nothing is taken and the front stays, so that what became ready meanwhile is not passed by.
 */
static const struct hg_statement claim = {
    "queue_claim",
    "with taken as materialized (select id, run_at from task where state = 'ready'"
    " and not exists (select from pause) and run_at <= now()"
    " and run_at >= (select to_timestamp(last_value / 1000.0) from task_front)"
    " order by run_at, id limit $1 for update skip locked),"
    " claimed as (update task t set state = 'running', attempt = t.attempt + 1,"
    " fence = nextval('task_fence'), host = $2 from taken where t.id = taken.id"
    " returning t.id, t.run_id, t.pipeline_id, t.key, t.attempt, t.max_attempts, t.fence,"
    " t.timeout_ms, t.n_lost, t.cancel_requested, t.spec, " HG_SQL_SPARED "),"
    " reached as (select floor(extract(epoch from least(now() - interval '1 second',"
    " case when count(*) >= $1 then max(run_at) else 'infinity' end)) * 1000)::bigint as ms"
    " from taken),"
    " moved as (select setval('task_front', ms) from reached, task_front f"
    " where ms >= f.last_value + 100 and not exists (select from pause))"
    " select c.* from (select count(*) from moved) m left join claimed c on true",
    2};

/* Whether or not a worker is free, and however long they should have waited. */
static const struct hg_statement claim_cancelled = {
    "queue_claim_cancelled",
    "with taken as materialized (select id from task where state = 'ready' and cancel_requested"
    " order by id for update skip locked)"
    " update task t set state = 'running', attempt = t.attempt + 1, fence = nextval('task_fence'),"
    " host = $1 from taken where t.id = taken.id"
    " returning t.id, t.run_id, t.pipeline_id, t.key, t.attempt, t.max_attempts, t.fence,"
    " t.timeout_ms, t.n_lost, t.cancel_requested, t.spec, " HG_SQL_SPARED,
    1};

static const struct hg_statement lift_fences = {
    "queue_lift_fences",
    "select setval('task_fence', greatest($1::bigint, nextval('task_fence')))",
    1};

static const struct hg_statement renew = {
    "queue_renew",
    "insert into host (name, lease_until)"
    " values ($1, now() + $2::bigint * interval '1 millisecond')"
    " on conflict (name) do update set lease_until = excluded.lease_until",
    2};

/*
 * One that somebody asked to stop is not tried again, however its attempt ended. But an attempt that
 * only goes back has taken no fence, so an older one that was lost may still commit: then it stays
 * ready, and whoever claims it as cancelled takes a fence before it ends it.
 */
static const struct hg_statement end_attempts = {
    "queue_end",
    "with given as materialized (select t.id, g.attempt, g.fence, g.delay_ms,"
    " case when t.cancel_requested and g.becomes <> 'done'"
    " and not (g.becomes = 'released' and t.n_lost > 0) then 'cancelled' else g.becomes end"
    " as becomes from unnest($1::uuid[], $2::int[], $3::bigint[], $4::text[], $5::bigint[])"
    " g (id, attempt, fence, becomes, delay_ms) join task t on t.id = g.id),"
    " ended as (delete from task t using given g where t.id = g.id and t.attempt = g.attempt"
    " and t.fence = g.fence and t.state = 'running' and g.becomes in ('done', 'failed', 'cancelled')"
    " returning t.*, g.becomes),"
    " kept as (insert into task_history (id, run_id, pipeline_id, key, kind, state, needed_by,"
    " attempt, max_attempts, fence, host, timeout_ms, n_lost, spec)"
    " select id, run_id, pipeline_id, key, kind, becomes, needed_by, attempt, max_attempts, fence,"
    " host, timeout_ms, n_lost, spec from ended),"
    " met as (update task t set pending_needs = t.pending_needs - m.n from"
    " (select unnest(needed_by) as id, count(*) as n from ended where becomes = 'done' group by 1) m"
    " where t.id = m.id),"
    " again as (update task t set state = 'ready', host = null,"
    " run_at = now() + g.delay_ms * interval '1 millisecond',"
    " max_attempts = t.max_attempts + (g.becomes = 'released')::int"
    " from given g where t.id = g.id and t.attempt = g.attempt and t.fence = g.fence"
    " and t.state = 'running' and g.becomes in ('retried', 'released')"
    " returning t.id, t.fence, g.becomes)"
    " select id, fence, becomes from ended union all select id, fence, becomes from again",
    5};

/* All that waits for a task, directly or not, is still in `task`, or was skipped before. */
static const struct hg_statement skip_after = {
    "queue_skip_after",
    "with recursive after (id) as ("
    " select unnest(needed_by) from task_history where run_id = any($1::uuid[])"
    " and id = any($2::uuid[])"
    " union select unnest(t.needed_by) from task t join after a on t.id = a.id),"
    " gone as (delete from task where state = 'waiting' and id in (select id from after) returning *)"
    " insert into task_history (id, run_id, pipeline_id, key, kind, state, needed_by, attempt,"
    " max_attempts, fence, host, timeout_ms, n_lost, spec)"
    " select id, run_id, pipeline_id, key, kind, 'skipped', needed_by, attempt, max_attempts, fence,"
    " host, timeout_ms, n_lost, spec from gone",
    2};

/* The next claim looks at all, also at what came so late that the front had passed it. */
static const struct hg_statement from_first = {
    "queue_from_first", "select setval('task_front', 1)", 0};

/*
 * What is to wait for longer than its retries may has become ready before the clock was set back, and
 * so has what waits and was never tried: nobody would claim it for as long as that.
 */
static const struct hg_statement from_now = {
    "queue_from_now",
    "update task set run_at = now() from (select id from task where state = 'ready'"
    " and run_at > now() + interval '1 second' and (attempt = 0 or run_at > now()"
    " + interval '1 minute' + coalesce((spec->'retries'->>'max_backoff_ms')::bigint, 0)"
    " * interval '1.1 milliseconds') order by id for update skip locked) ahead"
    " where task.id = ahead.id",
    0};

/* Whose row is locked is just now ended or cancelled; in one order, as everywhere. */
static const struct hg_statement recover = {
    "queue_recover",
    "with lost as materialized (select id, host from task t where state = 'running'"
    " and (case when host = $1 then"
    " not id = any (array(select jsonb_array_elements_text($2::jsonb)::uuid))"
    " else $3::boolean"
    " and not exists (select from host h where h.name = t.host and h.lease_until >= now()) end)"
    " order by id for update skip locked)"
    " update task t set state = 'ready', host = null, run_at = now(),"
    " max_attempts = max_attempts + 1, n_lost = n_lost + 1 from lost where t.id = lost.id"
    " returning t.run_id, t.attempt, lost.host, t.spec->'jobs' as jobs",
    3};

/* A claim may be under way: what comes next must see what it has made of the tasks. */
static const struct hg_statement lock_tasks = {
    "queue_lock_tasks", "select id from task where run_id = $1 order by id for update", 1};

static const struct hg_statement cancel_tasks = {
    "queue_cancel",
    "with asked as (update task set cancel_requested = true"
    " where run_id = $1 and (state = 'running' or (state = 'ready' and n_lost > 0))),"
    " gone as (delete from task where run_id = $1"
    " and (state = 'waiting' or (state = 'ready' and n_lost = 0)) returning *)"
    " insert into task_history (id, run_id, pipeline_id, key, kind, state, needed_by, attempt,"
    " max_attempts, fence, host, timeout_ms, n_lost, spec)"
    " select id, run_id, pipeline_id, key, kind, 'cancelled', needed_by, attempt, max_attempts,"
    " fence, host, timeout_ms, n_lost, spec from gone",
    1};

static const struct hg_statement to_cancel = {
    "queue_to_cancel",
    "select coalesce(json_agg(id), '[]') as ids from task"
    " where state = 'running' and host = $1 and cancel_requested",
    1};

/* What a task needs is counted among those that come back with it: all others are done. */
static const struct hg_statement again = {
    "queue_again",
    "with back as (delete from task_history where run_id = $1"
    " and state in ('failed', 'cancelled', 'skipped') returning *),"
    " needs as (select unnest(needed_by) as id, count(*) as n from back group by 1)"
    " insert into task (id, run_id, pipeline_id, key, kind, state, pending_needs, needed_by,"
    " attempt, max_attempts, fence, timeout_ms, spec)"
    " select b.id, run_id, pipeline_id, key, kind, 'waiting', coalesce(n.n, 0), needed_by, attempt,"
    " attempt + 1 + coalesce((spec->'retries'->>'max')::int, 0), fence, timeout_ms, spec"
    " from back b left join needs n on n.id = b.id returning id",
    1};

/* clang-format on */

void hg_queue_task_clear(struct hg_queue_task *task)
{
    free(task->pipeline_id);
    free(task->key);
    free(task->spared);
    json_decref(task->spec);
}

void hg_queue_tasks_free(struct hg_queue_task *tasks, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        hg_queue_task_clear(&tasks[i]);
    }
    free(tasks);
}

static const char *number(char text[NUMBER_TEXT], int64_t value)
{
    (void)snprintf(text, NUMBER_TEXT, "%" PRId64, value);
    return text;
}

int hg_queue_begin(struct hg_db *db, struct hg_error *err)
{
    int r = hg_db_begin_later(db, err);
    return r < 0 ? r : hg_db_later(db, &settings, NULL, err);
}

static json_t *new_task_to_json(const struct hg_queue_new_task *task)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:O, s:i, s:o, s:O}",
                     "id",
                     task->id,
                     "run_id",
                     task->run_id,
                     "pipeline_id",
                     task->pipeline_id,
                     "key",
                     task->key,
                     "kind",
                     task->kind,
                     "pending_needs",
                     task->n_needs,
                     "needed_by",
                     task->needed_by,
                     "max_attempts",
                     task->max_attempts,
                     "timeout_ms",
                     task->timeout_ms > 0 ? json_integer(task->timeout_ms) : json_null(),
                     "spec",
                     task->spec);
}

int hg_queue_add(struct hg_db *db,
                 const struct hg_queue_new_task *tasks,
                 size_t n,
                 int parallelism,
                 struct hg_error *err)
{
    char places[NUMBER_TEXT];
    HG_CLEANUP(hg_json_decrefp) json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        if (json_array_append_new(list, new_task_to_json(&tasks[i])) < 0) {
            return hg_error_nomem(err);
        }
    }
    HG_CLEANUP(hg_freep) char *text = json_dumps(list, JSON_COMPACT);
    const char *const params[] = {text, number(places, parallelism)};
    return text ? hg_db_later(db, &add_tasks, params, err) : hg_error_nomem(err);
}

int hg_queue_lock_runs(struct hg_db *db, const char *run_ids, struct hg_error *err)
{
    const char *const params[] = {run_ids};
    return hg_db_later(db, &lock_runs, params, err);
}

int hg_queue_lock_run(struct hg_db *db, const char *run_id, struct hg_error *err)
{
    HG_CLEANUP(hg_buf_free) struct hg_buf ids = HG_BUF_INIT;
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    hg_array_put(&ids, run_id);
    const char *const params[] = {hg_array_text(&ids)};
    int r = hg_db_exec(db, &lock_runs, params, &result, err);
    if (r == HG_OK && PQntuples(result) == 0) {
        return hg_error_set(err, HG_ENOTFOUND, "there is no run %s", run_id);
    }
    return r;
}

int hg_queue_promote(struct hg_db *db, const char *run_ids, struct hg_error *err)
{
    const char *const params[] = {run_ids};
    return hg_db_later(db, &promote, params, err);
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
    const char *spared = hg_result_text(result, row, "spared");
    ret->spared = strdup(spared ? spared : "{}");
    return ret->pipeline_id && ret->key && ret->spec && ret->spared ? HG_OK : HG_ENOMEM;
}

/* Both were claimed at once, so neither saw the other at work. */
static int spare(struct hg_queue_task *task, const struct hg_queue_task *other)
{
    char *spared = NULL;
    size_t n = strlen(task->spared) - 1;
    if (asprintf(
            &spared, "%.*s%s%" PRId64 "}", (int)n, task->spared, n > 1 ? "," : "", other->fence) <
        0) {
        return HG_ENOMEM;
    }
    free(task->spared);
    task->spared = spared;
    return HG_OK;
}

static int spare_each_other(struct hg_queue_task *tasks, size_t n)
{
    int r = HG_OK;
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; r == HG_OK && k < n; k++) {
            if (strcmp(tasks[i].key, tasks[k].key) == 0 &&
                strcmp(tasks[i].pipeline_id, tasks[k].pipeline_id) == 0 &&
                strcmp(tasks[i].run_id, tasks[k].run_id) != 0) {
                r = spare(&tasks[i], &tasks[k]);
            }
        }
    }
    return r;
}

/* The tasks of the first n rows. */
static int take_claimed(const PGresult *result,
                        size_t n,
                        struct hg_queue_task **ret,
                        size_t *ret_n,
                        struct hg_error *err)
{
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
    if (spare_each_other(tasks, n) < 0) {
        hg_queue_tasks_free(tasks, n);
        return hg_error_nomem(err);
    }
    *ret = tasks;
    *ret_n = n;
    return HG_OK;
}

int hg_queue_claim(struct hg_db *db,
                   const char *host,
                   int limit,
                   struct hg_queue_task **ret,
                   size_t *ret_n,
                   struct hg_error *err)
{
    char limit_text[NUMBER_TEXT];
    const char *const params[] = {number(limit_text, limit), host};
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    int r = hg_db_exec(db, &claim, params, &result, err);
    if (r < 0) {
        return r;
    }
    /* There is one row without a task when there is none. */
    size_t n = PQgetisnull(result, 0, 0) ? 0 : (size_t)PQntuples(result);
    return take_claimed(result, n, ret, ret_n, err);
}

int hg_queue_claim_cancelled(struct hg_db *db,
                             const char *host,
                             struct hg_queue_task **ret,
                             size_t *ret_n,
                             struct hg_error *err)
{
    const char *const params[] = {host};
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    int r = hg_db_exec(db, &claim_cancelled, params, &result, err);
    return r < 0 ? r : take_claimed(result, (size_t)PQntuples(result), ret, ret_n, err);
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

/* What the statements call the ends, in the order of enum hg_queue_how. */
static const char *const names_of_ends[] = {"done", "failed", "cancelled", "retried", "released"};

static enum hg_queue_how how_of(const char *name)
{
    size_t i = 0;
    while (i + 1 < HG_COUNT(names_of_ends) && strcmp(names_of_ends[i], name) != 0) {
        i++;
    }
    return (enum hg_queue_how)i;
}

/*
 * Takes over what became of the attempts. `n` is small: a batch of ends. There may be two of one
 * task: of them the fence tells which counts.
 */
static void note_taken(const PGresult *result, struct hg_queue_end *ends, size_t n)
{
    for (int row = 0; row < PQntuples(result); row++) {
        const char *id = hg_result_text(result, row, "id");
        int64_t fence = hg_result_int64(result, row, "fence", 0);
        for (size_t i = 0; i < n; i++) {
            if (ends[i].task->fence == fence && strcmp(ends[i].task->id, id) == 0) {
                ends[i].taken = true;
                ends[i].how = how_of(hg_result_text(result, row, "becomes"));
                break;
            }
        }
    }
}

static int skip_what_follows(struct hg_db *db,
                             const struct hg_queue_end *ends,
                             size_t n,
                             struct hg_error *err)
{
    HG_CLEANUP(hg_buf_free) struct hg_buf runs = HG_BUF_INIT;
    HG_CLEANUP(hg_buf_free) struct hg_buf tasks = HG_BUF_INIT;
    for (size_t i = 0; i < n; i++) {
        if (ends[i].taken &&
            (ends[i].how == HG_QUEUE_FAILED || ends[i].how == HG_QUEUE_CANCELLED)) {
            hg_array_put(&runs, ends[i].task->run_id);
            hg_array_put(&tasks, ends[i].task->id);
        }
    }
    if (tasks.len == 0) {
        return HG_OK;
    }
    const char *const params[] = {hg_array_text(&runs), hg_array_text(&tasks)};
    return params[0] && params[1] ? hg_db_later(db, &skip_after, params, err) : hg_error_nomem(err);
}

int hg_queue_end(struct hg_db *db, struct hg_queue_end *ends, size_t n, struct hg_error *err)
{
    struct hg_buf arrays[5] = {HG_BUF_INIT, HG_BUF_INIT, HG_BUF_INIT, HG_BUF_INIT, HG_BUF_INIT};
    const char *params[HG_COUNT(arrays)];
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    int r = HG_OK;
    for (size_t i = 0; i < n; i++) {
        ends[i].taken = false;
        hg_array_put(&arrays[0], ends[i].task->id);
        hg_array_put_int64(&arrays[1], ends[i].task->attempt);
        hg_array_put_int64(&arrays[2], ends[i].task->fence);
        hg_array_put(&arrays[3], names_of_ends[ends[i].how]);
        hg_array_put_int64(&arrays[4], ends[i].delay_ms);
    }
    for (size_t i = 0; i < HG_COUNT(arrays); i++) {
        params[i] = hg_array_text(&arrays[i]);
        r = params[i] ? r : hg_error_nomem(err);
    }
    r = r < 0 ? r : hg_db_exec(db, &end_attempts, params, &result, err);
    for (size_t i = 0; i < HG_COUNT(arrays); i++) {
        hg_buf_free(&arrays[i]);
    }
    if (r < 0) {
        return r;
    }
    note_taken(result, ends, n);
    return skip_what_follows(db, ends, n, err);
}

int hg_queue_recover(struct hg_db *db,
                     const char *host,
                     const json_t *known,
                     bool others,
                     int *ret_n,
                     PGresult **ret_lost,
                     struct hg_error *err)
{
    HG_CLEANUP(hg_freep) char *ids = json_dumps(known, JSON_COMPACT);
    if (!ids) {
        return hg_error_nomem(err);
    }
    const char *const params[] = {host, ids, others ? "true" : "false"};
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    int r = hg_db_exec(db, &from_first, NULL, NULL, err);
    r = r < 0 ? r : hg_db_exec(db, &from_now, NULL, NULL, err);
    r = r < 0 ? r : hg_db_exec(db, &recover, params, &result, err);
    if (r == HG_OK) {
        *ret_n = PQntuples(result);
    }
    if (r == HG_OK && ret_lost) {
        *ret_lost = HG_TAKE(result);
    }
    return r;
}

int hg_queue_cancel(struct hg_db *db, const char *run_id, struct hg_error *err)
{
    const char *const params[] = {run_id};
    int r = hg_db_exec(db, &lock_tasks, params, NULL, err);
    return r < 0 ? r : hg_db_exec(db, &cancel_tasks, params, NULL, err);
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
