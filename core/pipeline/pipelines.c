#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "auth/audit.h"
#include "base/mem.h"
#include "base/str.h"
#include "definition/settings.h"
#include "pipeline/page.h"
#include "pipeline/plan.h"
#include "pipeline/runs.h"
#include "pipeline/service.h"
#include "pipeline/sql_json.h"
#include "pipeline/state.h"
#include "schedule/missed.h"

/*
 * What the contract's Pipeline is made of: the stored row, what its definition says without what
 * the jobs do (the column `summary`), and its last run with its jobs. Summary and overrides are
 * laid over each other below, as hg_catalog_get does with a whole definition.
 */
/* clang-format off */
#define PIPELINE_ROW                                                                               \
    "select p.id as cursor_key, json_build_object('id', p.id, 'name', p.name,"                     \
    " 'enabled', p.enabled, 'origin', p.origin, 'version', p.version, 'file', p.file,"             \
    " 'summary', p.summary, 'overrides', p.overrides, 'errors', p.errors,"                         \
    " 'file_missing', p.file_missing,"                                                             \
    " 'next_run_at', " HG_SQL_TIME("p.next_run_at") ","                                            \
    " 'last_run', (select " HG_SQL_RUN " from run r where r.pipeline_id = p.id"                    \
    " and r.status <> 'skipped' order by r.id desc limit 1)) as item from pipeline p"
/* clang-format on */

static const struct hg_statement list_pipelines = {
    "pipelines_list",
    PIPELINE_ROW " where $1::text is null or p.id > $1 order by p.id limit $2::int + 1",
    2};

static const struct hg_statement get_pipeline = {
    "pipelines_get", PIPELINE_ROW " where p.id = $1", 1};

static const struct hg_statement put_overrides = {
    "pipelines_put_overrides",
    "update pipeline set overrides = overrides || $2::jsonb,"
    " enabled = case when file_missing then false"
    " else coalesce(($2::jsonb->>'enabled')::boolean, enabled) end, updated_at = now()"
    " where id = $1 returning id",
    2};

static const struct hg_statement drop_overrides = {
    "pipelines_drop_overrides",
    "update pipeline set overrides = '{}', enabled = not file_missing, updated_at = now()"
    " where id = $1 returning id",
    1};

/* ---- the contract's form ---- */

static const json_t *job_run_of(const json_t *run, const char *job_id)
{
    size_t i;
    const json_t *job_run;
    json_array_foreach (json_object_get(run, "jobs"), i, job_run) {
        const char *id = json_string_value(json_object_get(job_run, "id"));
        if (id && strcmp(id, job_id) == 0) {
            return job_run;
        }
    }
    return NULL;
}

static json_t *or_null(const json_t *value)
{
    return value ? json_incref((json_t *)(uintptr_t)value) : json_null();
}

static json_t *job_form(const json_t *job, const json_t *last_run)
{
    const char *id = json_string_value(json_object_get(job, "id"));
    const json_t *run = id ? job_run_of(last_run, id) : NULL;
    const char *status = json_string_value(json_object_get(run, "status"));
    return json_pack("{s:O, s:o, s:O, s:O, s:s, s:o, s:o, s:o}",
                     "id",
                     json_object_get(job, "id"),
                     "name",
                     or_null(json_object_get(job, "name")),
                     "type",
                     json_object_get(job, "type"),
                     "needs",
                     json_object_get(job, "needs"),
                     "status",
                     status ? status : "idle",
                     "last_run_at",
                     or_null(json_object_get(run, "started_at")),
                     "duration_ms",
                     or_null(json_object_get(run, "duration_ms")),
                     "attempts",
                     run ? or_null(json_object_get(run, "attempt")) : json_integer(0));
}

static json_t *jobs_form(const json_t *summary, const json_t *last_run)
{
    json_t *jobs = json_array();
    size_t i;
    const json_t *job;
    json_array_foreach (json_object_get(summary, "jobs"), i, job) {
        (void)json_array_append_new(jobs, job_form(job, last_run));
    }
    return jobs;
}

static const char *status_of(const json_t *row)
{
    const char *last =
        json_string_value(json_object_get(json_object_get(row, "last_run"), "status"));
    if (!json_is_true(json_object_get(row, "enabled"))) {
        return "paused";
    }
    return last ? last : "idle";
}

/* The file's setting, or what the page laid over it. */
static json_t *setting(const json_t *row, const char *key)
{
    const json_t *override = json_object_get(json_object_get(row, "overrides"), key);
    return or_null(override ? override : json_object_get(json_object_get(row, "summary"), key));
}

static json_t *retries_setting(const json_t *row)
{
    const json_t *override = json_object_get(json_object_get(row, "overrides"), "retries");
    const json_t *own =
        json_object_get(json_object_get(json_object_get(row, "summary"), "retries"), "max");
    return or_null(override ? override : own);
}

/* A setting of the file, or what holds where it says nothing. */
static json_t *file_setting(const json_t *summary, const char *key, json_t *if_absent)
{
    json_t *value = json_object_get(summary, key);
    if (value && !json_is_null(value)) {
        json_decref(if_absent);
        return json_incref(value);
    }
    return if_absent;
}

/* What DELETE .../overrides goes back to; null before the file could be read. */
static json_t *file_form(const json_t *summary)
{
    if (!json_is_object(summary)) {
        return json_null();
    }
    return json_pack("{s:o, s:o, s:o, s:o, s:b}",
                     "schedule",
                     or_null(json_object_get(summary, "schedule")),
                     "timezone",
                     or_null(json_object_get(summary, "timezone")),
                     "parallelism",
                     or_null(json_object_get(summary, "parallelism")),
                     "retries",
                     or_null(json_object_get(json_object_get(summary, "retries"), "max")),
                     "enabled",
                     1);
}

static json_t *pipeline_form(const json_t *row)
{
    const json_t *summary = json_object_get(row, "summary");
    json_t *last_run = json_object_get(row, "last_run");
    return json_pack("{s:O, s:O, s:o, s:o, s:o, s:O, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:O, s:O,"
                     " s:O, s:O, s:O, s:o, s:o, s:o, s:o}",
                     "id",
                     json_object_get(row, "id"),
                     "name",
                     json_object_get(row, "name"),
                     "description",
                     or_null(json_object_get(summary, "description")),
                     "schedule",
                     setting(row, "schedule"),
                     "timezone",
                     setting(row, "timezone"),
                     "enabled",
                     json_object_get(row, "enabled"),
                     "status",
                     status_of(row),
                     "parallelism",
                     setting(row, "parallelism"),
                     "retries",
                     retries_setting(row),
                     "params_schema",
                     or_null(json_object_get(summary, "params_schema")),
                     "jobs",
                     jobs_form(summary, last_run),
                     "last_run",
                     or_null(last_run),
                     "next_run_at",
                     or_null(json_object_get(row, "next_run_at")),
                     "origin",
                     json_object_get(row, "origin"),
                     "version",
                     json_object_get(row, "version"),
                     "overrides",
                     json_object_get(row, "overrides"),
                     "errors",
                     json_object_get(row, "errors"),
                     "file_missing",
                     json_object_get(row, "file_missing"),
                     "file_settings",
                     file_form(summary),
                     "missed",
                     file_setting(summary, "missed", json_string("last")),
                     "missed_limit",
                     file_setting(summary, "missed_limit", json_integer(HG_MISSED_LIMIT)),
                     "missed_window_ms",
                     file_setting(summary,
                                  "missed_window_ms",
                                  json_integer(HG_MISSED_WINDOW_D * INT64_C(86400000))));
}

/* ---- asking ---- */

int hg_pipelines_list(struct hg_pipelines *service,
                      const struct hg_page *page,
                      json_t **ret,
                      struct hg_error *err)
{
    HG_CLEANUP(hg_json_decrefp) json_t *answer = NULL;
    const struct hg_page_query query = {.pool = service->options.metadata,
                                        .wait_ms = HG_BORROW_MS,
                                        .list = &list_pipelines,
                                        .is_key = hg_is_slug};
    int r = hg_page_ask(&query, page, &answer, err);
    if (r < 0) {
        return r;
    }
    json_t *items = json_object_get(answer, "items");
    for (size_t i = 0; i < json_array_size(items); i++) {
        json_t *form = pipeline_form(json_array_get(items, i));
        if (!form || json_array_set_new(items, i, form) < 0) {
            return hg_error_nomem(err);
        }
    }
    *ret = HG_TAKE(answer);
    return HG_OK;
}

int hg_pipelines_get(struct hg_pipelines *service,
                     const char *id,
                     json_t **ret,
                     struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    const char *const params[] = {id};
    int r = hg_pool_borrow(service->options.metadata, HG_BORROW_MS, &db, err);
    r = r < 0 ? r : hg_db_exec(db, &get_pipeline, params, &result, err);
    if (r < 0) {
        return r;
    }
    if (PQntuples(result) == 0) {
        return hg_error_set(err, HG_ENOTFOUND, "there is no pipeline \"%.64s\"", id);
    }
    HG_CLEANUP(hg_json_decrefp) json_t *row = hg_result_json(result, 0, "item");
    json_t *form = row ? pipeline_form(row) : NULL;
    if (!form) {
        return hg_error_nomem(err);
    }
    *ret = form;
    return HG_OK;
}

/* ---- changing ---- */

/* `text` NULL: back to what the file says. */
static int store_overrides(struct hg_pipelines *service,
                           const struct hg_principal *by,
                           const char *id,
                           const json_t *patch,
                           struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    HG_CLEANUP(hg_freep) char *text = patch ? json_dumps(patch, JSON_COMPACT) : NULL;
    const char *const params[] = {id, text};
    if (patch && !text) {
        return hg_error_nomem(err);
    }
    int r = hg_pool_borrow(service->options.metadata, HG_BORROW_MS, &db, err);
    r = r < 0 ? r : hg_db_begin(db, err);
    r = r < 0 ? r : hg_db_exec(db, text ? &put_overrides : &drop_overrides, params, &result, err);
    if (r == HG_OK && PQntuples(result) == 0) {
        return hg_error_set(err, HG_ENOTFOUND, "there is no pipeline \"%.64s\"", id);
    }
    const char *action = patch ? "pipeline.update" : "pipeline.reset";
    r = r < 0 ? r : hg_audit_write(db, by, action, id, patch, err);
    return r < 0 ? r : hg_db_commit(db, err);
}

static int override(struct hg_pipelines *service,
                    const struct hg_principal *by,
                    const char *id,
                    const json_t *patch,
                    json_t **ret,
                    struct hg_error *err)
{
    int r = store_overrides(service, by, id, patch, err);
    r = r < 0 ? r : hg_plan(service, id, err);
    return r < 0 ? r : hg_pipelines_get(service, id, ret, err);
}

int hg_pipelines_update(struct hg_pipelines *service,
                        const struct hg_principal *by,
                        const char *id,
                        const json_t *patch,
                        json_t **ret,
                        struct hg_error *err)
{
    int r = hg_settings_check(patch, err);
    return r < 0 ? r : override(service, by, id, patch, ret, err);
}

int hg_pipelines_reset(struct hg_pipelines *service,
                       const struct hg_principal *by,
                       const char *id,
                       json_t **ret,
                       struct hg_error *err)
{
    return override(service, by, id, NULL, ret, err);
}

int hg_pipelines_trigger(struct hg_pipelines *service,
                         const struct hg_principal *by,
                         const char *id,
                         const json_t *params,
                         json_t **ret,
                         char *ret_busy_run_id,
                         struct hg_error *err)
{
    char run_id[HG_UUID_TEXT];
    char url[96];
    const struct hg_run_request request = {
        .pipeline_id = id,
        .trigger = "manual",
        .params = params,
        .by = by,
    };
    int r = hg_run_create(service, &request, run_id, ret_busy_run_id, err);
    if (r < 0) {
        return r;
    }
    (void)snprintf(url, sizeof url, "/api/v1/ingestion/runs/%s", run_id);
    json_t *answer =
        json_pack("{s:s, s:s, s:s}", "run_id", run_id, "status", "queued", "status_url", url);
    if (!answer) {
        return hg_error_nomem(err);
    }
    *ret = answer;
    return HG_OK;
}
