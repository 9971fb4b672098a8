#include "definition/definition.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/schema.h"
#include "base/str.h"
#include "base/zone.h"
#include "config/yaml.h"
#include "config/yaml_fill.h"
#include "config/yaml_json.h"
#include "definition/context.h"
#include "definition/graph.h"
#include "definition/jobs.h"
#include "definition/schema.h"
#include "definition/secrets.h"
#include "definition/tasks.h"
#include "schedule/schedule.h"

/* The pipeline's own keys -------------------------------------------------------------------- */

static void check_shape(struct hg_definition_context *context)
{
    const json_t *schema = hg_pipeline_file_schema();
    struct hg_yaml_violations to = {context->file, context->yaml->root, context->diagnostics, NULL};
    int n = schema ? hg_schema_validate(schema, context->source, hg_yaml_report_violation, &to)
                   : HG_ENOMEM;
    context->no_memory = context->no_memory || n == HG_ENOMEM;
}

static void read_schedule(struct hg_definition_context *context, json_t *canonical)
{
    const char *text = hg_definition_text(context->source, "schedule");
    const char *zone_name = hg_definition_text(context->source, "timezone");
    struct hg_schedule schedule;
    struct hg_error err = HG_ERROR_INIT;
    if (text && hg_schedule_parse(text, &schedule, &err) < 0) {
        hg_definition_complain(context, "/schedule", false, err.hint, "schedule: %s", err.message);
    }
    HG_CLEANUP(hg_zone_freep) struct hg_zone *zone = NULL;
    zone_name = zone_name ? zone_name : "UTC";
    if (hg_zone_load(zone_name, &zone, &err) < 0) {
        hg_definition_complain(context, "/timezone", false, err.hint, "timezone: %s", err.message);
    }
    hg_definition_put(context, canonical, "schedule", text ? json_string(text) : json_null());
    hg_definition_put(context, canonical, "timezone", json_string(zone_name));
}

/* Names that ${params.NAME} can carry; settings of PostgreSQL do not tell cases apart. */
static void check_param_name(struct hg_definition_context *context,
                             const json_t *properties,
                             const char *name)
{
    char pointer[HG_DEFINITION_POINTER];
    (void)snprintf(pointer, sizeof pointer, "/params/properties/%.150s", name);
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
    if (name[n] != '\0' || n == 0 || n > 63) {
        hg_definition_complain(context,
                               pointer,
                               true,
                               NULL,
                               "found the parameter \"%.100s\", expected a name of letters, digits "
                               "and _",
                               name);
    }
    const char *other;
    json_t *property;
    json_object_foreach ((json_t *)(uintptr_t)properties, other, property) {
        if (strcmp(other, name) < 0 && strcasecmp(other, name) == 0) {
            hg_definition_complain(context,
                                   pointer,
                                   true,
                                   "Rename one of them.",
                                   "the parameters %s and %s differ in case only",
                                   other,
                                   name);
        }
    }
}

static void check_param_names(struct hg_definition_context *context, const json_t *params)
{
    const json_t *properties = json_object_get(params, "properties");
    const char *name;
    json_t *property;
    json_object_foreach ((json_t *)(uintptr_t)properties, name, property) {
        check_param_name(context, properties, name);
    }
}

static void read_params(struct hg_definition_context *context, json_t *canonical)
{
    json_t *params = json_object_get(context->source, "params");
    struct hg_error err = HG_ERROR_INIT;
    if (!json_is_object(params)) {
        context->params_schema = json_pack(
            "{s:s, s:{}, s:b}", "type", "object", "properties", "additionalProperties", 0);
        hg_definition_put(context, canonical, "params_schema", json_incref(context->params_schema));
        return;
    }
    const char *type = hg_definition_text(params, "type");
    if (hg_schema_check(params, &err) < 0) {
        char pointer[HG_DEFINITION_POINTER];
        (void)snprintf(pointer, sizeof pointer, "/params%s", err.pointer);
        hg_definition_complain(context, pointer, false, err.hint, "params: %s", err.message);
    } else if (!type || strcmp(type, "object") != 0) {
        hg_definition_complain(context,
                               "/params",
                               false,
                               "Write type: object, and the parameters under properties.",
                               "params must describe an object");
    }
    check_param_names(context, params);
    context->params_schema = json_incref(params);
    hg_definition_put(context, canonical, "params_schema", json_incref(params));
}

static void read_head(struct hg_definition_context *context, json_t *canonical)
{
    const json_t *source = context->source;
    const char *id = hg_definition_text(source, "id");
    const char *name = hg_definition_text(source, "name");
    const char *description = hg_definition_text(source, "description");
    json_int_t parallelism = json_integer_value(json_object_get(source, "parallelism"));
    id = id ? id : "";
    hg_definition_put(context, canonical, "id", json_string(id));
    hg_definition_put(context, canonical, "name", json_string(name ? name : id));
    hg_definition_put(
        context, canonical, "description", json_string(description ? description : ""));
    read_schedule(context, canonical);
    hg_definition_read_missed(context, canonical);
    hg_definition_put(context, canonical, "enabled", json_true());
    hg_definition_put(
        context, canonical, "parallelism", json_integer(parallelism ? parallelism : 1));
    hg_definition_put(
        context,
        canonical,
        "retries",
        json_pack("{s:i, s:i, s:i}", "max", 0, "backoff_ms", 2000, "max_backoff_ms", 300000));
    hg_definition_put(context, canonical, "timeout_ms", json_null());
    hg_definition_read_limits(context, source, "", canonical);
    read_params(context, canonical);
    /* Only where it is given: others keep the version they have. */
    json_t *on_failure = json_object_get(source, "on_failure");
    if (on_failure) {
        hg_definition_put(context, canonical, "on_failure", json_incref(on_failure));
    }
    hg_definition_put(context, canonical, "file", json_string(context->file));
    hg_definition_put(context, canonical, "base_folder", json_string(context->folder));
}

static json_t *canonical_jobs(struct hg_definition_context *context)
{
    json_t *jobs = json_array();
    for (size_t i = 0; i < context->n_jobs; i++) {
        if (json_array_append(jobs, context->jobs[i].canonical) < 0) {
            context->no_memory = true;
        }
    }
    return jobs;
}

/* The whole ---------------------------------------------------------------------------------- */

/* The canonical form, or NULL after it complained or without memory. Owned by the caller. */
static json_t *read_definition(struct hg_definition_context *context)
{
    size_t before = hg_diagnostics_count(context->diagnostics);
    HG_CLEANUP(hg_json_decrefp) json_t *canonical = json_object();
    check_shape(context);
    read_head(context, canonical);
    hg_definition_read_jobs(context);
    hg_definition_link_jobs(context);
    if (context->no_memory || hg_diagnostics_count(context->diagnostics) > before) {
        return NULL;
    }
    hg_definition_put(context, canonical, "jobs", canonical_jobs(context));
    json_t *tasks = hg_definition_make_tasks(context);
    if (!tasks) {
        return NULL;
    }
    hg_definition_put(context, canonical, "tasks", tasks);
    return context->no_memory ? NULL : HG_TAKE(canonical);
}

static void check_unique(struct hg_definition_context *context, json_t *seen, const char *id)
{
    const json_t *first = json_object_get(seen, id);
    struct hg_yaml_place at = hg_yaml_find(context->yaml->root, "/id", false);
    if (first) {
        hg_definition_complain(context,
                               "/id",
                               false,
                               "Give each pipeline an id of its own.",
                               "the pipeline \"%s\" stands in %s:%d already",
                               id,
                               hg_definition_text(first, "file"),
                               (int)json_integer_value(json_object_get(first, "line")));
        return;
    }
    hg_definition_put(
        context, seen, id, json_pack("{s:s, s:i}", "file", context->file, "line", at.line));
}

/* The id as far as it could be read; NULL when it is none that could be listed. */
static char *readable_id(const struct hg_yaml *yaml)
{
    const char *id = hg_yaml_text(hg_yaml_get(yaml->root, "id"));
    return id && hg_is_slug(id) ? strdup(id) : NULL;
}

static int read_tree(struct hg_definition_context *context,
                     struct hg_yaml *yaml,
                     json_t **ret,
                     struct hg_error *err)
{
    if (!yaml->root || yaml->root->type != HG_YAML_MAP) {
        hg_definition_complain(context,
                               "",
                               false,
                               "It begins with id: and jobs:; docs/pipelines.md shows the form.",
                               "found no keys, expected a pipeline");
        return HG_EINVAL;
    }
    hg_secrets_keep(context->plugins, yaml->root);
    int r = hg_yaml_fill(yaml, yaml->root, context->diagnostics, err);
    if (r < 0 && r != HG_EINVAL) {
        return r;
    }
    context->source = hg_yaml_to_json(yaml->root);
    if (!context->source) {
        return hg_error_nomem(err);
    }
    json_t *canonical = read_definition(context);
    hg_definition_free_jobs(context);
    json_decref(context->params_schema);
    json_decref(context->source);
    if (context->no_memory) {
        json_decref(canonical);
        return hg_error_nomem(err);
    }
    if (!canonical) {
        return HG_EINVAL;
    }
    *ret = canonical;
    return HG_OK;
}

/* The file's path from the root, links resolved where it is there. Owned by the caller. */
static char *absolute(const char *file)
{
    char working[PATH_MAX];
    char *real = realpath(file, NULL);
    return real || !getcwd(working, sizeof working) ? real : hg_path_resolve(working, file);
}

static int read_file(const char *file,
                     const struct hg_plugin_registry *plugins,
                     json_t *seen,
                     json_t **ret,
                     char **ret_id,
                     struct hg_diagnostics *diagnostics,
                     struct hg_error *err)
{
    HG_CLEANUP(hg_yaml_freep) struct hg_yaml *yaml = NULL;
    HG_CLEANUP(hg_freep) char *folder = hg_path_folder(file);
    if (!folder) {
        return hg_error_nomem(err);
    }
    int r = hg_yaml_read(file, &yaml, diagnostics, err);
    if (r < 0 && r != HG_EINVAL) {
        return r;
    }
    struct hg_definition_context context = {.file = file,
                                            .folder = folder,
                                            .yaml = yaml,
                                            .plugins = plugins,
                                            .diagnostics = diagnostics};
    HG_CLEANUP(hg_freep) char *id = readable_id(yaml);
    if (id && seen) {
        check_unique(&context, seen, id);
    }
    /* What follows from a tree that is not whole would only mislead. */
    r = r == HG_OK ? read_tree(&context, yaml, ret, err) : r;
    if (ret_id && id) {
        *ret_id = HG_TAKE(id);
    }
    return r;
}

int hg_pipeline_definition_read_next(const char *file,
                                     const struct hg_plugin_registry *plugins,
                                     json_t *seen,
                                     json_t **ret,
                                     char **ret_id,
                                     struct hg_diagnostics *diagnostics,
                                     struct hg_error *err)
{
    HG_CLEANUP(hg_freep) char *path = absolute(file);
    HG_CLEANUP(hg_json_decrefp) json_t *definition = NULL;
    if (!path) {
        return hg_error_nomem(err);
    }
    size_t before = hg_diagnostics_count(diagnostics);
    int r = read_file(path, plugins, seen, &definition, ret_id, diagnostics, err);
    size_t n = hg_diagnostics_count(diagnostics) - before;
    if (r < 0 && r != HG_EINVAL) {
        return r;
    }
    if (n > 0) {
        return hg_error_set(err, HG_EINVAL, "\"%s\" has %zu error(s)", path, n);
    }
    *ret = HG_TAKE(definition);
    return HG_OK;
}

int hg_pipeline_definition_read(const char *file,
                                const struct hg_plugin_registry *plugins,
                                json_t **ret,
                                char **ret_id,
                                struct hg_diagnostics *diagnostics,
                                struct hg_error *err)
{
    return hg_pipeline_definition_read_next(file, plugins, NULL, ret, ret_id, diagnostics, err);
}
