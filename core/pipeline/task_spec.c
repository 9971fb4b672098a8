#include "pipeline/task_spec.h"

#include <string.h>

#include "base/mem.h"
#include "pipeline/runs.h"

static const json_t *find_by_id(const json_t *list, const char *id)
{
    size_t i;
    const json_t *item;
    json_array_foreach ((json_t *)(uintptr_t)list, i, item) {
        const char *item_id = json_string_value(json_object_get(item, "id"));
        if (item_id && strcmp(item_id, id) == 0) {
            return item;
        }
    }
    return NULL;
}

/* A copy of the part of a job that its type names, with the job's id in it. */
static json_t *job_part(const json_t *job, const char *type)
{
    json_t *part = json_deep_copy(json_object_get(job, type));
    if (part && json_object_set(part, "job", json_object_get(job, "id")) < 0) {
        json_decref(part);
        return NULL;
    }
    return part;
}

static int add_extract(json_t *spec, const json_t *job)
{
    json_t *part = job_part(job, "extract");
    if (part) {
        /* The worker knows plugins, not the names that a pipeline file gives to sources. */
        (void)json_object_set(part, "plugin", json_object_get(part, "source"));
        (void)json_object_del(part, "source");
    }
    return json_object_set_new(spec, "extract", part);
}

static int add_check(json_t *spec, const json_t *job)
{
    const json_t *table = json_object_get(json_object_get(job, "check"), "table");
    json_t *checks = json_object_get(spec, "checks");
    if (!checks) {
        checks = json_array();
        if (json_object_set_new(spec, "checks", checks) < 0) {
            return -1;
        }
    }
    if (table && json_object_set(spec, "table", (json_t *)(uintptr_t)table) < 0) {
        return -1;
    }
    return json_array_append_new(checks, job_part(job, "check"));
}

static int add_load(json_t *spec, const json_t *job)
{
    return json_object_set_new(spec, "load", job_part(job, "load"));
}

/* The value of a name that a script may use, JSON null when it has none. */
static json_t *bound_value(const char *name,
                           const char *run_id,
                           const json_t *params,
                           const struct hg_run_request *request)
{
    if (strncmp(name, "params.", 7) == 0) {
        return json_incref(json_object_get(params, name + 7));
    }
    if (strcmp(name, "run.id") == 0) {
        return json_string(run_id);
    }
    const char *time =
        strcmp(name, "run.interval_start") == 0 ? request->interval_start : request->scheduled_for;
    return time ? json_string(time) : json_null();
}

static int bind_params(json_t *part,
                       const char *run_id,
                       const json_t *params,
                       const struct hg_run_request *request)
{
    HG_CLEANUP(hg_json_decrefp) json_t *bound = json_object();
    size_t i;
    json_t *param;
    json_array_foreach (json_object_get(part, "params"), i, param) {
        const char *name = json_string_value(json_object_get(param, "name"));
        json_t *value = bound_value(name, run_id, params, request);
        json_t *entry =
            json_pack("{s:O, s:o?}", "type", json_object_get(param, "type"), "value", value);
        if (!entry || json_object_set_new(bound, name, entry) < 0) {
            return -1;
        }
    }
    return json_object_set(part, "params", bound);
}

/* Where the rows of a flow come from and go to, when that is a stage. */
static int add_stages(json_t *spec, const json_t *task)
{
    static const char *const keys[] = {"reads", "stage"};
    for (size_t i = 0; i < HG_COUNT(keys); i++) {
        json_t *value = json_object_get(task, keys[i]);
        if (value && json_object_set(spec, keys[i], value) < 0) {
            return -1;
        }
    }
    return 0;
}

static int add_jobs(json_t *spec,
                    const json_t *definition,
                    const json_t *task,
                    const char *run_id,
                    const json_t *params,
                    const struct hg_run_request *request)
{
    size_t i;
    json_t *job_id;
    json_array_foreach (json_object_get(task, "jobs"), i, job_id) {
        const json_t *job =
            find_by_id(json_object_get(definition, "jobs"), json_string_value(job_id));
        const char *type = json_string_value(json_object_get(job, "type"));
        int failed = -1;
        if (!type) {
            return -1;
        }
        if (strcmp(type, "extract") == 0) {
            failed = add_extract(spec, job);
        } else if (strcmp(type, "check") == 0) {
            failed = add_check(spec, job);
        } else if (strcmp(type, "load") == 0) {
            failed = add_load(spec, job);
        } else if (strcmp(type, "transform") == 0) {
            json_t *part = job_part(job, "transform");
            failed = part ? bind_params(part, run_id, params, request) : -1;
            failed = failed ? failed : json_object_set(spec, "transform", part);
            json_decref(part);
        }
        if (failed) {
            return -1;
        }
    }
    return 0;
}

const json_t *hg_task_retries(const json_t *definition, const json_t *task)
{
    const json_t *common = json_object_get(definition, "retries");
    const json_t *best = NULL;
    size_t i;
    json_t *job_id;
    json_array_foreach (json_object_get(task, "jobs"), i, job_id) {
        const json_t *job =
            find_by_id(json_object_get(definition, "jobs"), json_string_value(job_id));
        const json_t *own = json_object_get(job, "retries");
        const json_t *policy = own ? own : common;
        if (!best || json_integer_value(json_object_get(policy, "max")) >
                         json_integer_value(json_object_get(best, "max"))) {
            best = policy;
        }
    }
    return best ? best : common;
}

int hg_task_spec(const json_t *definition,
                 const json_t *task,
                 const char *run_id,
                 const json_t *params,
                 const struct hg_run_request *request,
                 json_t **ret,
                 struct hg_error *err)
{
    HG_CLEANUP(hg_json_decrefp)
    json_t *spec = json_pack("{s:O, s:O, s:s, s:O, s:s?, s:O, s:O, s:O}",
                             "kind",
                             json_object_get(task, "kind"),
                             "pipeline_id",
                             json_object_get(definition, "id"),
                             "run_id",
                             run_id,
                             "task",
                             json_object_get(task, "key"),
                             "scheduled_for",
                             request->scheduled_for,
                             "base_folder",
                             json_object_get(definition, "base_folder"),
                             "jobs",
                             json_object_get(task, "jobs"),
                             "retries",
                             hg_task_retries(definition, task));
    if (!spec || add_jobs(spec, definition, task, run_id, params, request) < 0 ||
        add_stages(spec, task) < 0) {
        return hg_error_set(err,
                            HG_EINTERNAL,
                            "task \"%s\" of the stored pipeline cannot be put together",
                            json_string_value(json_object_get(task, "key")));
    }
    *ret = HG_TAKE(spec);
    return HG_OK;
}
