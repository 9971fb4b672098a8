#include "definition/jobs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/schema.h"
#include "base/schema_defaults.h"
#include "base/str.h"
#include "base/time.h"
#include "config/yaml_json.h"
#include "definition/secrets.h"
#include "definition/sql_params.h"

enum { SQL_MAX_BYTES = 1048576, IDENTIFIER_MAX = 63 };
static const int64_t BACKOFF_MS = 2000;
static const int64_t MAX_BACKOFF_MS = 300000;
static const int64_t MISSED_WINDOW_MAX_MS = 366 * INT64_C(86400000);

struct part {
    struct hg_definition_context *context;
    const char *job; /* the job's id */
    char pointer[HG_DEFINITION_POINTER];
};

/* Where a plugin's configuration stands. */
struct plugin_place {
    struct part *part;
    const char *step; /* within the part; "" for the part itself */
};

/* The pointer of something within the part; lives until the next call. */
static const char *below(struct part *part, const char *step, char *ret, size_t room)
{
    (void)snprintf(ret, room, "%s/%s", part->pointer, step);
    return ret;
}

static void complain(struct part *part, const char *step, const char *hint, const char *fmt, ...)
    HG_PRINTF(4, 5);
static void complain(struct part *part, const char *step, const char *hint, const char *fmt, ...)
{
    char pointer[HG_DEFINITION_POINTER + 64];
    char text[512];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    hg_definition_complain(part->context,
                           below(part, step, pointer, sizeof pointer),
                           false,
                           hint,
                           "job \"%s\": %s",
                           part->job,
                           text);
}

/* Limits ------------------------------------------------------------------------------------- */

/* A duration as milliseconds; `fallback` when it is not given or wrong. */
static int64_t duration_ms(struct hg_definition_context *context,
                           const json_t *object,
                           const char *key,
                           const char *pointer,
                           int64_t fallback)
{
    const char *text = hg_definition_text(object, key);
    int64_t ms = fallback;
    struct hg_error err = HG_ERROR_INIT;
    char whole[HG_DEFINITION_POINTER + 64];
    (void)snprintf(whole, sizeof whole, "%s/%s", pointer, key);
    if (text && hg_duration_parse(text, &ms, &err) < 0) {
        hg_definition_complain(context, whole, false, NULL, "%s: %s", key, err.message);
        return fallback;
    }
    if (text && ms <= 0) {
        hg_definition_complain(context, whole, false, NULL, "%s: found no time at all", key);
    }
    return ms;
}

static json_t *retries_form(struct hg_definition_context *context,
                            const json_t *retries,
                            const char *pointer)
{
    json_int_t max = json_is_integer(retries) ? json_integer_value(retries)
                                              : json_integer_value(json_object_get(retries, "max"));
    char whole[HG_DEFINITION_POINTER];
    (void)snprintf(whole, sizeof whole, "%s/retries", pointer);
    int64_t backoff_ms = duration_ms(context, retries, "backoff", whole, BACKOFF_MS);
    int64_t max_ms = duration_ms(context, retries, "max_backoff", whole, MAX_BACKOFF_MS);
    if (backoff_ms > max_ms) {
        if (hg_definition_text(retries, "max_backoff")) {
            hg_definition_complain(
                context, whole, false, NULL, "retries: max_backoff is below backoff");
        }
        max_ms = backoff_ms;
    }
    return json_pack("{s:I, s:I, s:I}",
                     "max",
                     max,
                     "backoff_ms",
                     (json_int_t)backoff_ms,
                     "max_backoff_ms",
                     (json_int_t)max_ms);
}

void hg_definition_read_missed(struct hg_definition_context *context, json_t *canonical)
{
    static const char *const keys[] = {"missed", "missed_limit"};
    for (size_t i = 0; i < HG_COUNT(keys); i++) {
        json_t *value = json_object_get(context->source, keys[i]);
        if (value) {
            hg_definition_put(context, canonical, keys[i], json_incref(value));
        }
    }
    if (json_object_get(context->source, "missed_window")) {
        int64_t ms = duration_ms(context, context->source, "missed_window", "", 0);
        if (ms > MISSED_WINDOW_MAX_MS) {
            hg_definition_complain(
                context, "/missed_window", false, NULL, "missed_window: found more than 366 days");
        }
        hg_definition_put(context, canonical, "missed_window_ms", json_integer(ms));
    }
}

void hg_definition_read_limits(struct hg_definition_context *context,
                               const json_t *source,
                               const char *pointer,
                               json_t *canonical)
{
    const json_t *retries = json_object_get(source, "retries");
    if (retries) {
        hg_definition_put(context, canonical, "retries", retries_form(context, retries, pointer));
    }
    if (json_object_get(source, "timeout")) {
        int64_t ms = duration_ms(context, source, "timeout", pointer, 0);
        hg_definition_put(context, canonical, "timeout_ms", json_integer(ms));
    }
}

/* Plugins ------------------------------------------------------------------------------------ */

static void complain_of_plugin(
    struct part *part, const char *step, int kind, const char *what, const char *id)
{
    char hint[256] = "\"headgate plugin list\" shows what there is, and why a file is left out.";
    const char *nearest = hg_plugin_nearest(part->context->plugins, kind, id);
    if (nearest) {
        (void)snprintf(hint, sizeof hint, "Did you mean \"%s\"?", nearest);
    }
    complain(part, step, hint, "there is no %s \"%s\"", what, id);
}

static void complain_of_secret(void *arg, const char *key, const char *hint, const char *message)
{
    struct plugin_place *place = arg;
    char pointer[128];
    (void)snprintf(pointer, sizeof pointer, "%s%s%s", place->step, *place->step ? "/" : "", key);
    complain(place->part, pointer, hint, "%s", message);
}

/*
 * Checks a plugin's configuration, which stands at `step` within the part, and fills in defaults.
 */
static void check_config(struct part *part,
                         const struct hg_plugin_info *plugin,
                         const char *step,
                         json_t *config)
{
    struct hg_definition_context *context = part->context;
    char what[256];
    char pointer[HG_DEFINITION_POINTER + 64];
    (void)snprintf(what, sizeof what, "job \"%s\", %s: ", part->job, plugin->id);
    const struct hg_yaml_node *node =
        *step ? hg_yaml_at(context->yaml->root, below(part, step, pointer, sizeof pointer))
              : hg_yaml_at(context->yaml->root, part->pointer);
    if (!node) {
        node = hg_yaml_at(context->yaml->root, part->pointer);
    }
    struct hg_yaml_violations to = {context->file, node, context->diagnostics, what};
    if (!plugin->config_schema || context->no_memory) { /* without memory there is no config */
        return;
    }
    struct plugin_place place = {part, step};
    hg_secrets_check(plugin, config, context->folder, complain_of_secret, &place);
    int n = hg_schema_validate(plugin->config_schema, config, hg_yaml_report_violation, &to);
    if (n == 0) {
        n = hg_schema_apply_defaults(plugin->config_schema, config);
    }
    context->no_memory = context->no_memory || n == HG_ENOMEM;
}

/* Extract ------------------------------------------------------------------------------------ */

static const struct hg_plugin_info *find_source(struct part *part, const char *source)
{
    if (hg_starts_with(source, "provider:")) {
        complain(part,
                 "source",
                 "Use a connector plugin, such as csv.",
                 "market-data providers come with a later version of Headgate");
        return NULL;
    }
    const struct hg_plugin_info *plugin =
        hg_plugin_find(part->context->plugins, HG_KIND_CONNECTOR, source);
    if (!plugin) {
        complain_of_plugin(part, "source", HG_KIND_CONNECTOR, "source", source);
    }
    return plugin;
}

static json_t *extract_form(struct part *part, const json_t *source)
{
    struct hg_definition_context *context = part->context;
    const char *name = hg_definition_text(source, "source");
    const json_t *given = json_object_get(source, "config");
    json_t *form = json_object();
    json_t *config = json_is_object(given) ? json_deep_copy(given) : json_object();
    hg_definition_put(context, form, "config", config);
    hg_definition_put(context, form, "source", json_string(name ? name : ""));
    if (json_object_get(source, "stream")) {
        hg_definition_put(context, form, "stream", json_incref(json_object_get(source, "stream")));
    }
    const struct hg_plugin_info *plugin = name ? find_source(part, name) : NULL;
    if (plugin && (!given || json_is_object(given))) {
        check_config(part, plugin, "config", config);
    }
    return form;
}

/* Check -------------------------------------------------------------------------------------- */

static bool is_identifier(const char *text, size_t n)
{
    if (n == 0 || n > IDENTIFIER_MAX || (text[0] >= '0' && text[0] <= '9')) {
        return false;
    }
    return strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") >= n;
}

static void check_table(struct part *part, const json_t *source)
{
    const char *table = hg_definition_text(source, "table");
    if (!table) {
        return;
    }
    const char *dot = strchr(table, '.');
    if (!dot || !is_identifier(table, (size_t)(dot - table)) ||
        !is_identifier(dot + 1, strlen(dot + 1))) {
        complain(part,
                 "table",
                 "Letters, digits and _ make up the names; schema and table are made when missing.",
                 "found the table \"%.150s\", expected schema.table, such as market.prices",
                 table);
        return;
    }
    static const char *const reserved[] = {"headgate.", "pg_", "information_schema."};
    for (size_t i = 0; i < HG_COUNT(reserved); i++) {
        if (hg_starts_with(table, reserved[i])) {
            complain(part,
                     "table",
                     "Choose another schema.",
                     "the table \"%.150s\" lies in a schema that belongs to the system",
                     table);
        }
    }
}

static void check_on_fail(struct part *part,
                          const struct hg_plugin_info *plugin,
                          const char *on_fail,
                          bool of_table)
{
    if (strcmp(on_fail, "reject") != 0) {
        return;
    }
    if (plugin->grain == HG_GRAIN_TABLE) {
        complain(part,
                 "on_fail",
                 "Use on_fail: stop, or warn.",
                 "the rule %s judges the data as a whole, so it has no rows to reject",
                 plugin->id);
    } else if (of_table) {
        complain(part,
                 "on_fail",
                 "Use on_fail: stop, or warn.",
                 "rows that are stored already can't be rejected");
    }
}

static json_t *rule_form(struct part *part, const json_t *source, bool of_table)
{
    struct hg_definition_context *context = part->context;
    const char *id = hg_definition_text(source, "rule");
    const char *severity = hg_definition_text(source, "severity");
    const char *on_fail = hg_definition_text(source, "on_fail");
    on_fail = on_fail ? on_fail : "warn";
    json_t *config = json_deep_copy(source);
    (void)json_object_del(config, "rule");
    (void)json_object_del(config, "severity");
    (void)json_object_del(config, "on_fail");
    json_t *form = json_pack("{s:s, s:s, s:s}",
                             "rule",
                             id ? id : "",
                             "severity",
                             severity ? severity : "error",
                             "on_fail",
                             on_fail);
    hg_definition_put(context, form, "config", config);
    const struct hg_plugin_info *plugin =
        id ? hg_plugin_find(context->plugins, HG_KIND_RULE, id) : NULL;
    if (plugin) {
        check_config(part, plugin, "", config);
        check_on_fail(part, plugin, on_fail, of_table);
    } else if (id) {
        complain_of_plugin(part, "rule", HG_KIND_RULE, "rule", id);
    }
    return form;
}

static json_t *check_form(struct part *part, const json_t *source)
{
    struct hg_definition_context *context = part->context;
    json_t *form = json_object();
    json_t *rules = json_array();
    const json_t *table = json_object_get(source, "table");
    hg_definition_put(context, form, "rules", rules);
    if (table) {
        hg_definition_put(context, form, "table", json_incref((json_t *)(uintptr_t)table));
        check_table(part, source);
    }
    size_t i;
    json_t *rule;
    json_array_foreach (json_object_get(source, "rules"), i, rule) {
        struct part of_rule = *part;
        (void)snprintf(
            of_rule.pointer, sizeof of_rule.pointer, "%.200s/rules/%zu", part->pointer, i);
        if (json_is_object(rule) && !context->no_memory &&
            json_array_append_new(rules, rule_form(&of_rule, rule, table != NULL)) < 0) {
            context->no_memory = true;
        }
    }
    return form;
}

/* Load --------------------------------------------------------------------------------------- */

static json_t *load_form(struct part *part, const json_t *source)
{
    struct hg_definition_context *context = part->context;
    const char *mode = hg_definition_text(source, "mode");
    const json_t *key = json_object_get(source, "key");
    mode = mode ? mode : "append";
    json_t *form = json_object();
    check_table(part, source);
    hg_definition_put(context, form, "table", json_incref(json_object_get(source, "table")));
    hg_definition_put(context, form, "mode", json_string(mode));
    hg_definition_put(
        context, form, "key", json_is_array(key) ? json_deep_copy(key) : json_array());
    if (hg_definition_text(source, "event_time")) {
        hg_definition_put(
            context, form, "event_time", json_incref(json_object_get(source, "event_time")));
    }
    bool merges = strcmp(mode, "merge") == 0;
    if (merges && !key) {
        complain(part,
                 "mode",
                 "Name the columns that tell rows apart, for example key: [symbol, date].",
                 "mode merge needs a key");
    } else if (key && (strcmp(mode, "append") == 0 || strcmp(mode, "replace") == 0)) {
        complain(part,
                 "key",
                 "Remove the key, or use mode: merge.",
                 "a key only counts for mode merge, found mode %s",
                 mode);
    }
    return form;
}

/* Transform ---------------------------------------------------------------------------------- */

/* Reads the script; NULL after it complained. Owned by the caller. */
static char *read_sql(struct part *part, const char *path, const char *name)
{
    char *text = NULL;
    size_t n = 0;
    struct hg_error err = HG_ERROR_INIT;
    if (hg_read_file(path, SQL_MAX_BYTES, &text, &n, &err) < 0) {
        complain(part,
                 "sql",
                 "The path is relative to the pipeline file, which must be able to read it.",
                 "%s",
                 err.message);
        return NULL;
    }
    if (memchr(text, '\0', n) || hg_utf8_valid(text, n) < n) {
        complain(part,
                 "sql",
                 "Save it as UTF-8.",
                 "\"%s\" is no UTF-8 text: byte %zu",
                 name,
                 hg_utf8_valid(text, n) + 1);
        free(text);
        return NULL;
    }
    return text;
}

static json_t *transform_form(struct part *part, const json_t *source)
{
    struct hg_definition_context *context = part->context;
    const char *name = hg_definition_text(source, "sql");
    if (!name) {
        return json_object();
    }
    HG_CLEANUP(hg_freep) char *path = hg_path_resolve(context->folder, name);
    HG_CLEANUP(hg_freep) char *text = path ? read_sql(part, path, name) : NULL;
    HG_CLEANUP(hg_freep) char *sql = NULL;
    json_t *params = NULL;
    int r = text
                ? hg_sql_params_rewrite(
                      path, text, context->params_schema, &sql, &params, context->diagnostics, NULL)
                : HG_EINVAL;
    context->no_memory = context->no_memory || !path || r == HG_ENOMEM;
    return json_pack("{s:s, s:s, s:o}",
                     "sql",
                     sql ? sql : "",
                     "file",
                     name,
                     "params",
                     params ? params : json_array());
}

/* Jobs --------------------------------------------------------------------------------------- */

static const struct {
    int type;
    const char *name;
    json_t *(*form)(struct part *part, const json_t *source);
} types[] = {
    {HG_JOB_EXTRACT, "extract", extract_form},
    {HG_JOB_CHECK, "check", check_form},
    {HG_JOB_TRANSFORM, "transform", transform_form},
    {HG_JOB_LOAD, "load", load_form},
};

const char *hg_definition_type_name(int type)
{
    for (size_t i = 0; i < HG_COUNT(types); i++) {
        if (types[i].type == type) {
            return types[i].name;
        }
    }
    return "nothing";
}

/* Index into `types` of what the job does, or -1 after it complained. */
static int find_type(struct part *part, const json_t *source)
{
    int found = -1;
    for (size_t i = 0; i < HG_COUNT(types); i++) {
        if (!json_object_get(source, types[i].name)) {
            continue;
        }
        if (found >= 0) {
            complain(part,
                     types[i].name,
                     "Make two jobs of it; the second one names the first under needs.",
                     "found both %s and %s, expected one of them",
                     types[found].name,
                     types[i].name);
            return -1;
        }
        found = (int)i;
    }
    if (found < 0) {
        complain(part,
                 "",
                 "For example extract: {source: csv, config: {path: data.csv}}.",
                 "it does nothing: expected one of extract, check, transform, load");
    }
    return found;
}

static void check_id(struct hg_definition_context *context, size_t index)
{
    const struct hg_definition_job *job = &context->jobs[index];
    for (size_t i = 0; i < index; i++) {
        if (job->id[0] && strcmp(context->jobs[i].id, job->id) == 0) {
            char pointer[HG_DEFINITION_POINTER];
            (void)snprintf(pointer, sizeof pointer, "/jobs/%zu/id", index);
            hg_definition_complain(context,
                                   pointer,
                                   false,
                                   "Give each job an id of its own.",
                                   "there are two jobs \"%s\"",
                                   job->id);
            return;
        }
    }
}

static void read_job(struct hg_definition_context *context, size_t index, const json_t *source)
{
    struct hg_definition_job *job = &context->jobs[index];
    const char *id = hg_definition_text(source, "id");
    const char *name = hg_definition_text(source, "name");
    job->id = id ? id : "";
    job->source = source;
    job->from = -1;
    job->reader = -1;
    check_id(context, index);
    struct part part = {.context = context, .job = job->id};
    (void)snprintf(part.pointer, sizeof part.pointer, "/jobs/%zu", index);
    job->canonical = json_pack("{s:s, s:s}", "id", job->id, "name", name ? name : job->id);
    if (!job->canonical) {
        context->no_memory = true;
        return;
    }
    hg_definition_read_limits(context, source, part.pointer, job->canonical);
    int type = find_type(&part, source);
    if (type < 0) {
        return;
    }
    const json_t *content = json_object_get(source, types[type].name);
    job->type = types[type].type;
    job->checks_table = job->type == HG_JOB_CHECK && json_object_get(content, "table");
    hg_definition_put(context, job->canonical, "type", json_string(types[type].name));
    (void)snprintf(part.pointer, sizeof part.pointer, "/jobs/%zu/%s", index, types[type].name);
    if (json_is_object(content)) {
        hg_definition_put(
            context, job->canonical, types[type].name, types[type].form(&part, content));
    }
}

void hg_definition_read_jobs(struct hg_definition_context *context)
{
    const json_t *list = json_object_get(context->source, "jobs");
    size_t n = json_array_size(list);
    context->jobs = calloc(n + 1, sizeof *context->jobs);
    if (!context->jobs) {
        context->no_memory = true;
        return;
    }
    for (size_t i = 0; i < n; i++) {
        context->n_jobs++;
        read_job(context, i, json_array_get(list, i));
    }
}

void hg_definition_free_jobs(struct hg_definition_context *context)
{
    for (size_t i = 0; i < context->n_jobs; i++) {
        free(context->jobs[i].needs.items);
        json_decref(context->jobs[i].canonical);
    }
    free(context->jobs);
    context->jobs = NULL;
    context->n_jobs = 0;
}
