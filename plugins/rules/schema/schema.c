/* The rule "schema": the columns of the rows are those of the configuration. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "columns.h"
#include "config_schema.h" /* made from config.schema.json */
#include "headgate/error.h"

enum { EXTRA_ALLOW, EXTRA_FORBID };

struct schema_rule {
    struct hg_config_list columns; /* pairs of name and type */
    int32_t extra;
    bool order;
    const struct hg_host *host;
    struct hg_rule_result *results;
    uint32_t n_results;
    bool reported;
};

static const struct hg_config_field fields[] = {
    {.key = "columns",
     .type = HG_CONFIG_MAP,
     .required = true,
     .offset = offsetof(struct schema_rule, columns)},
    {.key = "extra",
     .type = HG_CONFIG_ENUM,
     .names = (const char *const[]){"allow", "forbid", NULL},
     .offset = offsetof(struct schema_rule, extra)},
    {.key = "order", .type = HG_CONFIG_BOOL, .offset = offsetof(struct schema_rule, order)},
};
enum { N_FIELDS = sizeof fields / sizeof fields[0] };

static void schema_close(void *inst)
{
    struct schema_rule *rule = inst;
    if (!rule) {
        return;
    }
    hg_config_free(fields, N_FIELDS, rule);
    free(rule->results);
    free(rule);
}

/* ------------------------------------------------------------------------------------------ */
/* Types                                                                                        */
/* ------------------------------------------------------------------------------------------ */

struct wanted {
    int32_t type;
    int precision; /* decimal: 0 for any */
    int scale;
};

static bool parse_type(const char *text, struct wanted *ret)
{
    struct hg_column as = {.type = HG_TYPE_DECIMAL128};
    if (strcmp(text, "decimal") != 0 && !hg_type_parse(text, &as)) {
        return false;
    }
    *ret = (struct wanted){.type = as.type, .precision = as.precision, .scale = as.scale};
    return true;
}

static bool fits(const struct wanted *wanted, const struct hg_view *view)
{
    return wanted->type == view->type &&
           (wanted->precision == 0 ||
            (wanted->precision == view->precision && wanted->scale == view->scale));
}

static hg_status unknown_type(const struct hg_config_pair *pair, struct hg_error *err)
{
    char pointer[128] = "/columns/";
    size_t n = strlen(pointer);
    for (const char *at = pair->key; *at && n < sizeof pointer - 3; at++) {
        bool special = *at == '~' || *at == '/';
        pointer[n++] = special ? '~' : *at;
        if (special) {
            pointer[n++] = *at == '~' ? '0' : '1';
        }
    }
    pointer[n] = '\0';
    hg_fail(err, HG_EINVAL, "\"%s\" is no type", pair->value);
    hg_fail_pointer(err, HG_EINVAL, "%s", pointer);
    return hg_fail_hint(err,
                        HG_EINVAL,
                        "Types are bool, int32, int64, float64, decimal(precision,scale), utf8, "
                        "binary, date and timestamp.");
}

/* ------------------------------------------------------------------------------------------ */
/* Judging                                                                                      */
/* ------------------------------------------------------------------------------------------ */

static void say(const struct schema_rule *rule, const char *fmt, ...) HG_PRINTF(2, 3);
static void say(const struct schema_rule *rule, const char *fmt, ...)
{
    char text[512];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    rule->host->log(rule->host, HG_LOG_WARNING, text);
}

static void add(struct schema_rule *rule, int32_t column, bool failed)
{
    rule->results[rule->n_results++] =
        (struct hg_rule_result){.column = column, .evaluated = 1, .failed = failed};
}

static void judge_missing(struct schema_rule *rule,
                          const struct ArrowSchema *schema,
                          const struct hg_config_pair *pair)
{
    struct hg_error err = HG_ERROR_INIT;
    rule_column_missing(schema, pair->key, "", &err);
    say(rule, "column \"%s\" (%s) is missing; %s", pair->key, pair->value, err.hint);
    add(rule, -1, true);
}

static hg_status judge_column(struct schema_rule *rule,
                              const struct ArrowSchema *schema,
                              const struct hg_config_pair *pair,
                              int32_t *last,
                              struct hg_error *err)
{
    struct wanted wanted;
    struct hg_view view;
    if (!parse_type(pair->value, &wanted)) {
        return unknown_type(pair, err);
    }
    int32_t column = hg_view_find(schema, pair->key);
    if (column < 0) {
        judge_missing(rule, schema, pair);
        return HG_OK;
    }
    hg_status status = hg_view_init(schema, column, &view, err);
    if (status) {
        return status;
    }
    bool good = fits(&wanted, &view);
    if (!good) {
        char name[32];
        hg_view_type_name(&view, name, sizeof name);
        say(rule, "column \"%s\" is %s, expected %s", pair->key, name, pair->value);
    }
    if (rule->order && column < *last) {
        say(rule,
            "column \"%s\" stands before \"%s\", expected behind it",
            pair->key,
            schema->children[*last]->name);
        good = false;
    }
    *last = column > *last ? column : *last;
    add(rule, column, !good);
    return HG_OK;
}

static bool is_named(const struct schema_rule *rule, const char *name)
{
    const struct hg_config_pair *pairs = rule->columns.items;
    for (size_t i = 0; i < rule->columns.n; i++) {
        if (strcmp(pairs[i].key, name) == 0) {
            return true;
        }
    }
    return false;
}

static void judge_extra(struct schema_rule *rule, const struct ArrowSchema *schema)
{
    for (int64_t i = 0; i < schema->n_children; i++) {
        const char *name = schema->children[i]->name;
        struct hg_view view;
        char type[32] = "of a foreign type";
        if (is_named(rule, name) || strcmp(name, "_hg_pos") == 0) {
            continue;
        }
        if (hg_view_init(schema, (int32_t)i, &view, NULL) == HG_OK) {
            hg_view_type_name(&view, type, sizeof type);
        }
        say(rule, "column \"%s\" (%s) is there, expected no other columns", name, type);
        add(rule, (int32_t)i, true);
    }
}

static hg_status judge(struct schema_rule *rule,
                       const struct ArrowSchema *schema,
                       struct hg_error *err)
{
    const struct hg_config_pair *pairs = rule->columns.items;
    size_t room = rule->columns.n + (size_t)schema->n_children;
    rule->results = calloc(room ? room : 1, sizeof *rule->results);
    if (!rule->results) {
        return hg_fail_nomem(err);
    }
    int32_t last = 0;
    for (size_t i = 0; i < rule->columns.n; i++) {
        hg_status status = judge_column(rule, schema, &pairs[i], &last, err);
        if (status) {
            return status;
        }
    }
    if (rule->extra == EXTRA_FORBID) {
        judge_extra(rule, schema);
    }
    return HG_OK;
}

/* ------------------------------------------------------------------------------------------ */
/* The rule                                                                                     */
/* ------------------------------------------------------------------------------------------ */

static hg_status schema_prepare(const struct hg_host *host,
                                const char *config_json,
                                const struct ArrowSchema *schema,
                                bool rejecting,
                                void **ret_inst,
                                struct hg_error *err)
{
    (void)rejecting;
    struct schema_rule *rule = calloc(1, sizeof *rule);
    if (!rule) {
        return hg_fail_nomem(err);
    }
    rule->host = host;
    hg_status status = hg_config_read(config_json, fields, N_FIELDS, rule, err);
    status = status ? status : judge(rule, schema, err);
    if (status) {
        schema_close(rule);
        return status;
    }
    *ret_inst = rule;
    return HG_OK;
}

/* The verdict is known from the start; it is told once, with the first batch or at the end. */
static void report(struct schema_rule *rule, struct hg_rule_results *ret)
{
    ret->n = rule->reported ? 0 : rule->n_results;
    ret->items = rule->reported ? NULL : rule->results;
    rule->reported = true;
}

static hg_status schema_check(void *inst,
                              const struct ArrowArray *batch,
                              struct hg_rule_results *ret,
                              struct hg_error *err)
{
    (void)batch;
    (void)err;
    report(inst, ret);
    return HG_OK;
}

static hg_status schema_finish(void *inst, struct hg_rule_results *ret, struct hg_error *err)
{
    (void)err;
    report(inst, ret);
    return HG_OK;
}

static void schema_explain(void *inst,
                           const struct ArrowArray *batch,
                           uint32_t result,
                           int64_t row,
                           char *buf,
                           size_t size)
{
    (void)inst;
    (void)batch;
    (void)result;
    (void)row;
    (void)snprintf(buf, size, "the columns are not those expected");
}

static const struct hg_rule_vtable vtable = {
    .struct_size = sizeof vtable,
    .verdict = HG_VERDICT_FINISH,
    .grain = HG_GRAIN_TABLE,
    .dimension = HG_DIM_SCHEMA,
    .issue_type = "schema",
    .prepare = schema_prepare,
    .check = schema_check,
    .finish = schema_finish,
    .explain = schema_explain,
    .close = schema_close,
};

static const struct hg_plugin plugin = {
    .struct_size = sizeof plugin,
    .kind = HG_KIND_RULE,
    .id = "schema",
    .name = "Schema",
    .version = HG_SDK_VERSION,
    .summary = "The rows have the columns and types named.",
    .homepage = "",
    .license = "Apache-2.0",
    .config_schema = (const char *)config_schema,
    .vtable = &vtable,
};

HG_MODULE(&plugin);
