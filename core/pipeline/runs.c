#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/fault.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/schema.h"
#include "base/time.h"
#include "pipeline/internal.h"
#include "pipeline/sql_json.h"

/* ---- creating a run ---- */

static const struct hg_statement insert_run = {
    "run_insert",
    "insert into run (id, pipeline_id, version, status, trigger, params, slot, scheduled_for,"
    " queued_at, retry_count)"
    " values ($1, $2, $3, 'queued', $4, $5, 0, $6::timestamptz, now(), 0)"
    " on conflict do nothing returning id",
    6};

static const struct hg_statement busy_run = {
    "run_busy", "select id from run where pipeline_id = $1 and slot = 0", 1};

static const struct hg_statement insert_job_run = {
    "run_insert_job",
    "insert into job_run (run_id, job_id, task_id, type, status, attempt, max_attempts, rows_in,"
    " rows_out, rows_rejected, position) values ($1, $2, $3, $4, 'queued', 0, $5, 0, 0, 0, $6)",
    6};

struct violations {
    struct hg_error *err;
    int n;
};

static void first_violation(void *arg, const char *pointer, const char *detail, const char *hint)
{
    struct violations *violations = arg;
    if (violations->n++ == 0 && violations->err) {
        hg_error_set(violations->err, HG_EINVAL, "the parameters do not fit: %s", detail);
        hg_error_hint(violations->err, "%s", hint);
        (void)snprintf(
            violations->err->pointer, sizeof violations->err->pointer, "/params%s", pointer);
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
        (void)(err && snprintf(err->pointer, sizeof err->pointer, "/params"));
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
        (void)(err && snprintf(err->pointer, sizeof err->pointer, "/params"));
        return HG_EINVAL;
    }
    *ret = HG_TAKE(params);
    return HG_OK;
}

static int check_runnable(const struct hg_catalog_entry *entry, struct hg_error *err)
{
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

static int refuse_busy(struct hg_db *db,
                       const char *pipeline_id,
                       char *ret_busy_run_id,
                       struct hg_error *err)
{
    const char *const params[] = {pipeline_id};
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

/* What is being created, and the ids given to its tasks by key. */
struct creation {
    struct hg_db *db;
    const struct hg_catalog_entry *entry;
    const struct hg_run_request *request;
    const char *run_id;
    const json_t *params;
    json_t *task_ids; /* object key -> id */
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

static int add_job_runs(const struct creation *creation,
                        const json_t *task,
                        const char *task_id,
                        int max_attempts,
                        struct hg_error *err)
{
    char attempts[16];
    (void)snprintf(attempts, sizeof attempts, "%d", max_attempts);
    size_t i;
    json_t *job_id;
    json_array_foreach (json_object_get(task, "jobs"), i, job_id) {
        int position = 0;
        char position_text[16];
        const char *id = json_string_value(job_id);
        const json_t *job = job_of(creation->entry->definition, id, &position);
        (void)snprintf(position_text, sizeof position_text, "%d", position);
        const char *const params[] = {
            creation->run_id,
            id,
            task_id,
            json_string_value(json_object_get(job, "type")),
            attempts,
            position_text,
        };
        int r = hg_db_exec(creation->db, &insert_job_run, params, NULL, err);
        if (r < 0) {
            return r;
        }
    }
    return HG_OK;
}

static int add_task(struct creation *creation, const json_t *task, struct hg_error *err)
{
    const json_t *definition = creation->entry->definition;
    char id[HG_UUID_TEXT];
    HG_CLEANUP(hg_json_decrefp) json_t *spec = NULL;
    int r = hg_uuid_new(id, err);
    r = r < 0 ? r
              : hg_task_spec(definition,
                             task,
                             creation->run_id,
                             creation->params,
                             creation->request->scheduled_for,
                             &spec,
                             err);
    if (r < 0) {
        return r;
    }
    struct hg_queue_new_task new_task = {
        .id = id,
        .run_id = creation->run_id,
        .pipeline_id = creation->entry->id,
        .key = json_string_value(json_object_get(task, "key")),
        .kind = json_string_value(json_object_get(task, "kind")),
        .n_needs = (int)json_array_size(json_object_get(task, "needs")),
        .spec = spec,
    };
    limits_of(definition, task, &new_task.max_attempts, &new_task.timeout_ms);
    (void)json_object_set_new(creation->task_ids, new_task.key, json_string(id));
    r = hg_queue_add(creation->db, &new_task, err);
    return r < 0 ? r : add_job_runs(creation, task, id, new_task.max_attempts, err);
}

static int add_needs(const struct creation *creation, const json_t *task, struct hg_error *err)
{
    const char *key = json_string_value(json_object_get(task, "key"));
    const char *id = json_string_value(json_object_get(creation->task_ids, key));
    size_t i;
    json_t *need;
    json_array_foreach (json_object_get(task, "needs"), i, need) {
        const char *need_id =
            json_string_value(json_object_get(creation->task_ids, json_string_value(need)));
        int r = hg_queue_add_need(creation->db, id, need_id, err);
        if (r < 0) {
            return r;
        }
    }
    return HG_OK;
}

static int add_tasks(struct creation *creation, struct hg_error *err)
{
    const json_t *tasks = json_object_get(creation->entry->definition, "tasks");
    size_t i;
    json_t *task;
    json_array_foreach ((json_t *)(uintptr_t)tasks, i, task) {
        int r = add_task(creation, task, err);
        if (r < 0) {
            return r;
        }
    }
    json_array_foreach ((json_t *)(uintptr_t)tasks, i, task) {
        int r = add_needs(creation, task, err);
        if (r < 0) {
            return r;
        }
    }
    int parallelism =
        (int)json_integer_value(json_object_get(creation->entry->definition, "parallelism"));
    return hg_queue_promote(creation->db, creation->run_id, parallelism, err);
}

static int insert(struct creation *creation, char *ret_busy_run_id, struct hg_error *err)
{
    char version[16];
    (void)snprintf(version, sizeof version, "%d", creation->entry->version);
    HG_CLEANUP(hg_freep) char *params_text = json_dumps(creation->params, JSON_COMPACT);
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    if (!params_text) {
        return hg_error_nomem(err);
    }
    const char *const params[] = {
        creation->run_id,
        creation->entry->id,
        version,
        creation->request->trigger,
        params_text,
        creation->request->scheduled_for,
    };
    int r = hg_db_exec(creation->db, &insert_run, params, &result, err);
    if (r == HG_OK && PQntuples(result) == 0) {
        return refuse_busy(creation->db, creation->entry->id, ret_busy_run_id, err);
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
    HG_CLEANUP(hg_json_decrefp) json_t *task_ids = json_object();
    int r = hg_catalog_get(db, request->pipeline_id, &entry, err);
    r = r < 0 ? r : check_runnable(&entry, err);
    r = r < 0 ? r : check_params(entry.definition, request->params, &params, err);
    if (r < 0) {
        return r;
    }
    struct creation creation = {db, &entry, request, run_id, params, task_ids};
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
    r = r < 0 ? r : hg_db_begin(db, err);
    r = r < 0 ? r : create_in_transaction(db, request, run_id, ret_busy_run_id, err);
    HG_FAULT("host.creates");
    r = r < 0 ? r : hg_db_commit(db, err);
    HG_FAULT("host.created");
    if (r < 0) {
        return r;
    }
    memcpy(ret_run_id, run_id, sizeof run_id);
    hg_log(HG_LOG_INFO,
           "run created",
           "pipeline",
           request->pipeline_id,
           "run_id",
           run_id,
           "trigger",
           request->trigger,
           NULL);
    hg_dispatch_poke(service);
    return HG_OK;
}

/* ---- asking ---- */

static const struct hg_statement list_runs = {
    "runs_list",
    "select r.id as cursor_key, " HG_SQL_RUN " as item from run r"
    " where r.pipeline_id = $1 and ($2::text is null or r.status = $2)"
    " and ($3::uuid is null or r.id < $3::uuid) order by r.id desc limit $4::int + 1",
    4};

static const struct hg_statement get_run = {
    "runs_get", "select " HG_SQL_RUN " as item from run r where r.id = $1", 1};

static const struct hg_statement has_pipeline = {
    "runs_has_pipeline", "select from pipeline where id = $1", 1};

int hg_runs_list(struct hg_pipelines *service,
                 const char *pipeline_id,
                 const char *status,
                 const struct hg_page *page,
                 json_t **ret,
                 struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    HG_CLEANUP(hg_resultp) PGresult *found = NULL;
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    char limit[16];
    (void)snprintf(limit, sizeof limit, "%d", page->limit);
    const char *const id[] = {pipeline_id};
    const char *const params[] = {pipeline_id, status, page->cursor, limit};
    int r = hg_page_check(page, hg_uuid_is_valid, err);
    r = r < 0 ? r : hg_pool_borrow(service->options.metadata, HG_BORROW_MS, &db, err);
    r = r < 0 ? r : hg_db_exec(db, &has_pipeline, id, &found, err);
    if (r == HG_OK && PQntuples(found) == 0) {
        return hg_error_set(err, HG_ENOTFOUND, "there is no pipeline \"%.64s\"", pipeline_id);
    }
    r = r < 0 ? r : hg_db_exec(db, &list_runs, params, &result, err);
    return r < 0 ? r : hg_page_answer(result, page, ret, err);
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

/* Waits until some run moved on since `changes`, or the time has come. */
static void wait_for_change(struct hg_pipelines *service, uint64_t changes, int64_t wait_ms)
{
    struct timespec until;
    hg_time_monotonic_after(wait_ms, &until);
    HG_LOCK(&service->mutex);
    while (service->run_changes == changes && !service->stopping &&
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
