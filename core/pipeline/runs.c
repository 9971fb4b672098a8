#include "pipeline/runs.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "auth/audit.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/schema.h"
#include "base/schema_defaults.h"
#include "base/time.h"
#include "pipeline/catalog.h"
#include "pipeline/page.h"
#include "pipeline/service.h"
#include "pipeline/signal.h"
#include "pipeline/sql_json.h"
#include "pipeline/state.h"
#include "pipeline/task_spec.h"
#include "queue/queue.h"

/* ---- creating a run ---- */

/* No row when the pipeline has an active run, and when the tick has its run already. */
static const struct hg_statement insert_run = {
    "run_insert",
    "with tick as (insert into schedule_tick (pipeline_id, scheduled_for, run_id)"
    " select $2, $6::timestamptz, $1::uuid where $4 = 'schedule' on conflict do nothing"
    " returning run_id),"
    " step as (update backfill set n_made = n_made + 1 where id = $10::uuid and n_made = $11::int"
    " and status = 'running' returning id),"
    " slot as (insert into run_slot (pipeline_id, slot, run_id) select $2, $8::int, $1::uuid"
    " where ($4 <> 'schedule' or exists (select from tick))"
    " and ($10::uuid is null or exists (select from step)) on conflict do nothing returning run_id)"
    " insert into run (id, pipeline_id, version, status, trigger, params, scheduled_for,"
    " parallelism, interval_start, backfill_id) select run_id, $2, $3::int, 'queued', $4, "
    "$5::jsonb,"
    " $6::timestamptz, $7::int, $9::timestamptz, $10::uuid from slot returning id",
    11};

static const struct hg_statement busy_run = {
    "run_busy", "select run_id as id from run_slot where pipeline_id = $1 and slot = $2::int", 2};

static const struct hg_statement insert_job_runs = {
    "run_insert_jobs",
    "insert into job_run (run_id, job_id, task_id, type, status, max_attempts, position)"
    " select run_id, id, task_id, type, 'queued', max_attempts, position"
    " from jsonb_to_recordset($1::jsonb) as j (run_id uuid, id text, task_id uuid, type text,"
    " max_attempts int, position int)",
    1};

struct violations {
    struct hg_error *err;
    int n;
};

static void first_violation(void *arg, const char *pointer, const char *detail, const char *hint)
{
    struct violations *violations = arg;
    if (violations->n++ == 0) {
        (void)hg_error_set(violations->err, HG_EINVAL, "the parameters do not fit: %s", detail);
        (void)hg_error_hint(violations->err, "%s", hint);
        (void)hg_error_at(violations->err, "/params%s", pointer);
    }
}

/* A copy of what was given, with the defaults of the schema. */
static int check_params(const json_t *definition,
                        const json_t *given,
                        json_t **ret,
                        struct hg_error *err)
{
    HG_CLEANUP(hg_json_decrefp)
    json_t *params = given && !json_is_null(given) ? json_deep_copy(given) : json_object();
    const json_t *schema = json_object_get(definition, "params_schema");
    if (!params) {
        return hg_error_nomem(err);
    }
    if (!json_is_object(params)) {
        hg_error_set(err, HG_EINVAL, "params is not an object of names and values");
        (void)hg_error_at(err, "/params");
        return HG_EINVAL;
    }
    if (json_is_object(schema)) {
        struct violations violations = {err, 0};
        if (hg_schema_apply_defaults(schema, params) < 0) {
            return hg_error_nomem(err);
        }
        if (hg_schema_validate(schema, params, first_violation, &violations) != 0) {
            return violations.n > 0 ? HG_EINVAL : hg_error_nomem(err);
        }
    } else if (json_object_size(params) > 0) {
        hg_error_set(err, HG_EINVAL, "this pipeline takes no parameters");
        (void)hg_error_at(err, "/params");
        return HG_EINVAL;
    }
    *ret = HG_TAKE(params);
    return HG_OK;
}

static int check_runnable(const struct hg_catalog_entry *entry, struct hg_error *err)
{
    if (entry->file_missing) {
        (void)hg_error_set(
            err, HG_EINVAL, "pipeline \"%s\" cannot run, its file was removed", entry->id);
        return hg_error_hint(err, "Put the file back, then send the host SIGHUP or start it.");
    }
    if (json_array_size(entry->errors) > 0 || !entry->definition) {
        const json_t *first = json_array_get(entry->errors, 0);
        const char *message = json_string_value(json_object_get(first, "message"));
        hg_error_set(err,
                     HG_EINVAL,
                     "pipeline \"%s\" cannot run, its file has errors: %s",
                     entry->id,
                     message ? message : "unknown");
        hg_error_hint(err, "Mend the file; `headgate check` lists every error with its place.");
        return HG_EINVAL;
    }
    return HG_OK;
}

int hg_run_check(const struct hg_catalog_entry *entry,
                 const json_t *given,
                 json_t **ret,
                 struct hg_error *err)
{
    int r = check_runnable(entry, err);
    return r < 0 ? r : check_params(entry->definition, given, ret, err);
}

static int refuse_busy(struct hg_db *db,
                       const char *pipeline_id,
                       const char *slot,
                       char *ret_busy_run_id,
                       struct hg_error *err)
{
    const char *const params[] = {pipeline_id, slot};
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    int r = hg_db_exec(db, &busy_run, params, &result, err);
    if (r < 0) {
        return r;
    }
    const char *busy = PQntuples(result) > 0 ? hg_result_text(result, 0, "id") : "";
    if (busy[0] == '\0') {
        return hg_error_set(err,
                            HG_ECONFLICT,
                            "pipeline \"%s\" was started by somebody else in the same moment",
                            pipeline_id);
    }
    if (ret_busy_run_id) {
        (void)snprintf(ret_busy_run_id, HG_UUID_TEXT, "%s", busy);
    }
    return hg_error_set(
        err, HG_ECONFLICT, "pipeline \"%s\" is already running: run %s", pipeline_id, busy);
}

/* What is being created. */
struct creation {
    struct hg_db *db;
    const struct hg_catalog_entry *entry;
    const struct hg_run_request *request;
    const char *run_id;
    const json_t *params;
    struct hg_queue_new_task *tasks; /* in the order of the definition's */
    size_t n_tasks;
    json_t *indexes;  /* object: a task's key -> its place in `tasks` */
    json_t *job_runs; /* array */
};

static const json_t *job_of(const json_t *definition, const char *id, int *ret_position)
{
    size_t i;
    const json_t *job;
    json_array_foreach (json_object_get(definition, "jobs"), i, job) {
        if (strcmp(json_string_value(json_object_get(job, "id")), id) == 0) {
            *ret_position = (int)i;
            return job;
        }
    }
    return NULL;
}

/* Jobs of a task share attempt, timeout (the smallest) and retries (the largest). */
static void limits_of(const json_t *definition,
                      const json_t *task,
                      int *ret_attempts,
                      int64_t *ret_timeout_ms)
{
    int64_t timeout = json_integer_value(json_object_get(definition, "timeout_ms"));
    size_t i;
    json_t *job_id;
    json_array_foreach (json_object_get(task, "jobs"), i, job_id) {
        int position;
        const json_t *job = job_of(definition, json_string_value(job_id), &position);
        int64_t own_timeout = json_integer_value(json_object_get(job, "timeout_ms"));
        if (own_timeout > 0 && (timeout == 0 || own_timeout < timeout)) {
            timeout = own_timeout;
        }
    }
    const json_t *retries = hg_task_retries(definition, task);
    *ret_attempts = (int)json_integer_value(json_object_get(retries, "max")) + 1;
    *ret_timeout_ms = timeout;
}

static int add_job_runs(struct creation *creation,
                        const json_t *task,
                        const struct hg_queue_new_task *new_task)
{
    size_t i;
    json_t *job_id;
    json_array_foreach (json_object_get(task, "jobs"), i, job_id) {
        int position = 0;
        const char *id = json_string_value(job_id);
        const json_t *job = job_of(creation->entry->definition, id, &position);
        json_t *job_run = json_pack("{s:s, s:s, s:s, s:O, s:i, s:i}",
                                    "run_id",
                                    creation->run_id,
                                    "id",
                                    id,
                                    "task_id",
                                    new_task->id,
                                    "type",
                                    json_object_get(job, "type"),
                                    "max_attempts",
                                    new_task->max_attempts,
                                    "position",
                                    position);
        if (json_array_append_new(creation->job_runs, job_run) < 0) {
            return HG_ENOMEM;
        }
    }
    return HG_OK;
}

static int describe_task(struct creation *creation,
                         const json_t *task,
                         struct hg_queue_new_task *ret,
                         struct hg_error *err)
{
    const json_t *definition = creation->entry->definition;
    int r = hg_uuid_new(ret->id, err);
    r = r < 0 ? r
              : hg_task_spec(definition,
                             task,
                             creation->run_id,
                             creation->params,
                             creation->request,
                             &ret->spec,
                             err);
    if (r < 0) {
        return r;
    }
    ret->run_id = creation->run_id;
    ret->pipeline_id = creation->entry->id;
    ret->key = json_string_value(json_object_get(task, "key"));
    ret->kind = json_string_value(json_object_get(task, "kind"));
    ret->n_needs = (int)json_array_size(json_object_get(task, "needs"));
    ret->needed_by = json_array();
    limits_of(definition, task, &ret->max_attempts, &ret->timeout_ms);
    json_t *index = json_integer(ret - creation->tasks);
    if (!ret->needed_by || json_object_set_new(creation->indexes, ret->key, index) < 0 ||
        add_job_runs(creation, task, ret) < 0) {
        return hg_error_nomem(err);
    }
    return HG_OK;
}

/* Tells each task that this one needs who waits for it. */
static int add_needs(struct creation *creation,
                     const json_t *task,
                     const struct hg_queue_new_task *new_task)
{
    size_t i;
    json_t *need;
    json_array_foreach (json_object_get(task, "needs"), i, need) {
        const json_t *index = json_object_get(creation->indexes, json_string_value(need));
        struct hg_queue_new_task *needed = &creation->tasks[json_integer_value(index)];
        if (json_array_append_new(needed->needed_by, json_string(new_task->id)) < 0) {
            return HG_ENOMEM;
        }
    }
    return HG_OK;
}

static int describe_tasks(struct creation *creation, struct hg_error *err)
{
    const json_t *tasks = json_object_get(creation->entry->definition, "tasks");
    size_t i;
    json_t *task;
    int r = HG_OK;
    creation->tasks = calloc(json_array_size(tasks) + 1, sizeof *creation->tasks);
    if (!creation->tasks || !creation->indexes || !creation->job_runs) {
        return hg_error_nomem(err);
    }
    creation->n_tasks = json_array_size(tasks);
    json_array_foreach ((json_t *)(uintptr_t)tasks, i, task) {
        r = r < 0 ? r : describe_task(creation, task, &creation->tasks[i], err);
    }
    json_array_foreach ((json_t *)(uintptr_t)tasks, i, task) {
        if (r == HG_OK && add_needs(creation, task, &creation->tasks[i]) < 0) {
            r = hg_error_nomem(err);
        }
    }
    return r;
}

static void creation_clear(struct creation *creation)
{
    for (size_t i = 0; i < creation->n_tasks; i++) {
        json_decref(creation->tasks[i].needed_by);
        json_decref(creation->tasks[i].spec);
    }
    free(creation->tasks);
    json_decref(creation->indexes);
    json_decref(creation->job_runs);
}

static int add_tasks(struct creation *creation, struct hg_error *err)
{
    int parallelism =
        (int)json_integer_value(json_object_get(creation->entry->definition, "parallelism"));
    int r = describe_tasks(creation, err);
    HG_CLEANUP(hg_freep) char *jobs = r < 0 ? NULL : json_dumps(creation->job_runs, JSON_COMPACT);
    if (r < 0 || !jobs) {
        return r < 0 ? r : hg_error_nomem(err);
    }
    const char *const params[] = {jobs};
    r = hg_queue_add(creation->db, creation->tasks, creation->n_tasks, parallelism, err);
    return r < 0 ? r : hg_db_later(creation->db, &insert_job_runs, params, err);
}

static int insert(struct creation *creation, char *ret_busy_run_id, struct hg_error *err)
{
    const struct hg_run_request *request = creation->request;
    char version[16];
    char parallelism[24];
    char slot[16];
    char n_made[16];
    (void)snprintf(slot, sizeof slot, "%d", (int)request->slot);
    (void)snprintf(n_made, sizeof n_made, "%d", request->backfill_n_made);
    (void)snprintf(version, sizeof version, "%d", creation->entry->version);
    (void)snprintf(parallelism,
                   sizeof parallelism,
                   "%" JSON_INTEGER_FORMAT,
                   json_integer_value(json_object_get(creation->entry->definition, "parallelism")));
    HG_CLEANUP(hg_freep) char *params_text = json_dumps(creation->params, JSON_COMPACT);
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    if (!params_text) {
        return hg_error_nomem(err);
    }
    const char *const params[] = {
        creation->run_id,
        creation->entry->id,
        version,
        request->trigger,
        params_text,
        request->scheduled_for,
        parallelism,
        slot,
        request->interval_start,
        request->backfill_id,
        n_made,
    };
    int r = hg_db_exec(creation->db, &insert_run, params, &result, err);
    if (r == HG_OK && PQntuples(result) == 0) {
        return refuse_busy(creation->db, creation->entry->id, slot, ret_busy_run_id, err);
    }
    return r < 0 ? r : add_tasks(creation, err);
}

static int create_in_transaction(struct hg_db *db,
                                 const struct hg_run_request *request,
                                 const char *run_id,
                                 char *ret_busy_run_id,
                                 struct hg_error *err)
{
    HG_CLEANUP(hg_catalog_entry_free) struct hg_catalog_entry entry = {0};
    HG_CLEANUP(hg_json_decrefp) json_t *params = NULL;
    int r = hg_catalog_get(db, request->pipeline_id, &entry, err);
    r = r < 0 ? r : hg_run_check(&entry, request->params, &params, err);
    if (r < 0) {
        return r;
    }
    HG_CLEANUP(creation_clear)
    struct creation creation = {
        .db = db,
        .entry = &entry,
        .request = request,
        .run_id = run_id,
        .params = params,
        .indexes = json_object(),
        .job_runs = json_array(),
    };
    return insert(&creation, ret_busy_run_id, err);
}

int hg_run_create(struct hg_pipelines *service,
                  const struct hg_run_request *request,
                  char ret_run_id[HG_UUID_TEXT],
                  char *ret_busy_run_id,
                  struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    char run_id[HG_UUID_TEXT];
    int r = hg_uuid_new(run_id, err);
    r = r < 0 ? r : hg_pool_borrow(service->options.metadata, HG_BORROW_MS, &db, err);
    r = r < 0 ? r : hg_db_begin_later(db, err);
    r = r < 0 ? r : create_in_transaction(db, request, run_id, ret_busy_run_id, err);
    r = r < 0
            ? r
            : hg_audit_write(
                  db, request->by, "pipeline.trigger", request->pipeline_id, request->params, err);
    HG_FAULT("host.creates");
    if (r == HG_OK) {
        hg_live_run(service, run_id, HG_LIVE_CREATES);
    }
    r = r < 0 ? r : hg_db_commit(db, err);
    HG_FAULT("host.created");
    if (r < 0) {
        return r;
    }
    memcpy(ret_run_id, run_id, sizeof run_id);
    hg_log(HG_LOG_INFO,
           "run created",
           "pipeline_id",
           request->pipeline_id,
           "run_id",
           run_id,
           "trigger",
           request->trigger,
           NULL);
    hg_live_run(service, run_id, HG_LIVE_CHANGED);
    hg_dispatch_wake(service->dispatch);
    return HG_OK;
}

/* ---- asking ---- */

static const struct hg_statement list_runs = {
    "runs_list",
    "select r.id as cursor_key, " HG_SQL_RUN " as item from run r"
    " where r.pipeline_id = $1 and ($4::text is null or r.status = $4)"
    " and ($2::uuid is null or r.id < $2::uuid) order by r.id desc limit $3::int + 1",
    4};

static const struct hg_statement get_run = {
    "runs_get", "select " HG_SQL_RUN " as item from run r where r.id = $1", 1};

int hg_runs_list(struct hg_pipelines *service,
                 const char *pipeline_id,
                 const char *status,
                 const struct hg_page *page,
                 json_t **ret,
                 struct hg_error *err)
{
    return hg_page_of_pipeline(
        service, &list_runs, pipeline_id, status, page, hg_uuid_is_valid, ret, err);
}

int hg_runs_get(struct hg_pipelines *service,
                const char *run_id,
                json_t **ret,
                struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    const char *const params[] = {run_id};
    if (!hg_uuid_is_valid(run_id)) {
        return hg_error_set(err, HG_ENOTFOUND, "there is no run \"%.64s\"", run_id);
    }
    int r = hg_pool_borrow(service->options.metadata, HG_BORROW_MS, &db, err);
    r = r < 0 ? r : hg_db_exec(db, &get_run, params, &result, err);
    if (r < 0) {
        return r;
    }
    if (PQntuples(result) == 0) {
        return hg_error_set(err, HG_ENOTFOUND, "there is no run %s", run_id);
    }
    json_t *run = hg_result_json(result, 0, "item");
    if (!run) {
        return hg_error_nomem(err);
    }
    *ret = run;
    return HG_OK;
}

static bool has_ended(const json_t *run)
{
    const char *status = json_string_value(json_object_get(run, "status"));
    return status && strcmp(status, "queued") != 0 && strcmp(status, "running") != 0;
}

enum { LOOK_AGAIN_MS = 1000 };

/*
 * Waits until some run moved on since `changes`, or the time has come; not for long, since another
 * host may move it on, of which nobody tells us.
 */
static void wait_for_change(struct hg_pipelines *service, uint64_t changes, int64_t wait_ms)
{
    struct timespec until;
    hg_time_monotonic_after(wait_ms < LOOK_AGAIN_MS ? wait_ms : LOOK_AGAIN_MS, &until);
    HG_LOCK(&service->mutex);
    while (service->run_changes == changes &&
           pthread_cond_timedwait(&service->run_changed, &service->mutex, &until) == 0) {
    }
}

static uint64_t changes_now(struct hg_pipelines *service)
{
    HG_LOCK(&service->mutex);
    return service->run_changes;
}

int hg_runs_wait(struct hg_pipelines *service,
                 const char *run_id,
                 int64_t wait_ms,
                 json_t **ret,
                 struct hg_error *err)
{
    int64_t until = hg_time_monotonic_ms() + wait_ms;
    for (;;) {
        uint64_t changes = changes_now(service);
        HG_CLEANUP(hg_json_decrefp) json_t *run = NULL;
        int r = hg_runs_get(service, run_id, &run, err);
        if (r < 0) {
            return r;
        }
        int64_t left = until - hg_time_monotonic_ms();
        if (has_ended(run) || left <= 0) {
            *ret = HG_TAKE(run);
            return HG_OK;
        }
        wait_for_change(service, changes, left);
    }
}
