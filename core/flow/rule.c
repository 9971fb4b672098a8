#include "flow/rule.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "flow/rows.h"
#include "flow/text.h"

/* Examples of failing rows that a rule which only warns puts into the log. */
enum { EXAMPLES = 5, EXPLAIN_BYTES = 512, PARTITIONS_MAX = 1024 };

static const struct {
    const char *name;
    enum hg_on_fail value;
} on_fail_names[] = {
    {"warn", HG_ON_FAIL_WARN},
    {"reject", HG_ON_FAIL_REJECT},
    {"stop", HG_ON_FAIL_STOP},
};

static const char *const grains[] = {
    [HG_GRAIN_CELL] = "cell", [HG_GRAIN_ROW] = "row", [HG_GRAIN_TABLE] = "table"};

static const char *const dimensions[] = {
    [HG_DIM_COMPLETENESS] = "completeness",
    [HG_DIM_VALIDITY] = "validity",
    [HG_DIM_CONSISTENCY] = "consistency",
    [HG_DIM_ACCURACY] = "accuracy",
    [HG_DIM_UNIQUENESS] = "uniqueness",
    [HG_DIM_TIMELINESS] = "timeliness",
    [HG_DIM_VOLUME] = "volume",
    [HG_DIM_SCHEMA] = "schema",
    [HG_DIM_COVERAGE] = "coverage",
};

static const char *name_of(const char *const *names, size_t n, uint32_t value)
{
    return value > 0 && value < n ? names[value] : "unknown";
}

/* ---- opening ---- */

static int read_policy(struct hg_rule *rule, const json_t *entry, struct hg_error *err)
{
    const char *severity = json_string_value(json_object_get(entry, "severity"));
    const char *on_fail = json_string_value(json_object_get(entry, "on_fail"));
    rule->severity = severity ? severity : "error";
    rule->on_fail_name = on_fail ? on_fail : "warn";
    for (size_t i = 0; i < HG_COUNT(on_fail_names); i++) {
        if (strcmp(on_fail_names[i].name, rule->on_fail_name) == 0) {
            rule->on_fail = on_fail_names[i].value;
            return hg_flow_text(entry, "rule", &rule->id, err);
        }
    }
    return hg_error_set(err, HG_EINVAL, "on_fail is \"%s\", not warn, reject or stop", on_fail);
}

static int find_plugin(struct hg_rule *rule, const json_t *entry, struct hg_error *err)
{
    const struct hg_plugin *plugin = NULL;
    const struct hg_flow_plugins *plugins = rule->flow->plugins;
    hg_flow_calling(rule->flow, rule->job, rule->id);
    int r = plugins->find(plugins->arg,
                          HG_KIND_RULE,
                          rule->id,
                          json_string_value(json_object_get(entry, "plugin_file")),
                          json_string_value(json_object_get(entry, "plugin_sha256")),
                          &plugin,
                          err);
    hg_flow_calling(rule->flow, rule->job, NULL);
    if (r == HG_OK) {
        rule->vtable = plugin->vtable;
    }
    return r;
}

static int prepare(struct hg_rule *rule, const json_t *entry, struct hg_error *err)
{
    const json_t *config = json_object_get(entry, "config");
    HG_CLEANUP(hg_freep) char *text = config ? json_dumps(config, JSON_COMPACT) : strdup("{}");
    if (!text) {
        return hg_error_nomem(err);
    }
    int r = hg_service_open(&rule->service, rule->flow, rule->job, false, err);
    if (r < 0) {
        return r;
    }
    hg_flow_calling(rule->flow, rule->job, rule->id);
    r = rule->vtable->prepare(hg_service_host(&rule->service),
                              text,
                              &rule->schema->arrow,
                              rule->rejecting,
                              &rule->inst,
                              err);
    hg_flow_calling(rule->flow, rule->job, NULL);
    return r < 0 ? hg_error_wrap(err, "rule \"%s\"", rule->id) : r;
}

int hg_rule_open(struct hg_rule *rule,
                 struct hg_flow *flow,
                 const struct hg_flow_schema *schema,
                 size_t job,
                 const json_t *entry,
                 bool can_reject,
                 struct hg_error *err)
{
    const json_t *columns = json_object_get(json_object_get(entry, "config"), "columns");
    *rule = (struct hg_rule){.flow = flow, .schema = schema, .job = job, .columns = columns};
    int r = read_policy(rule, entry, err);
    rule->stored = !can_reject;
    rule->rejecting = can_reject && rule->on_fail == HG_ON_FAIL_REJECT;
    r = r < 0 ? r : find_plugin(rule, entry, err);
    return r < 0 ? r : prepare(rule, entry, err);
}

void hg_rule_close(struct hg_rule *rule)
{
    if (rule->inst) {
        hg_flow_calling(rule->flow, rule->job, rule->id);
        rule->vtable->close(rule->inst);
        hg_flow_calling(rule->flow, rule->job, NULL);
        rule->inst = NULL;
    }
    hg_service_close(&rule->service);
    free(rule->figures);
    rule->figures = NULL;
}

/* ---- results ---- */

static const char *column_name(const struct hg_rule *rule, int32_t column)
{
    return column >= 0 ? rule->schema->columns[column].name : NULL;
}

static int bad_results(const struct hg_rule *rule, const char *what, struct hg_error *err)
{
    return hg_error_set(
        err, HG_EINTERNAL, "rule \"%s\" breaks the plugin interface: %s", rule->id, what);
}

static int validate(const struct hg_rule *rule, bool at_end, struct hg_error *err)
{
    if (rule->last.n > 0 && !rule->last.items) {
        return bad_results(rule, "results without items", err);
    }
    for (uint32_t i = 0; i < rule->last.n; i++) {
        const struct hg_rule_result *item = &rule->last.items[i];
        if (item->column < -1 || item->column >= (int32_t)rule->schema->n_columns) {
            return bad_results(rule, "a result for a column that there is not", err);
        }
        if (item->evaluated < 0 || item->failed < 0 || item->failed > item->evaluated) {
            return bad_results(rule, "more failed than evaluated", err);
        }
        if (item->failed > 0 && !at_end && rule->vtable->grain != HG_GRAIN_TABLE &&
            !item->failures) {
            return bad_results(rule, "failures without a bitmap", err);
        }
        if (item->undecided &&
            (!rule->rejecting || at_end || !item->partitions || !rule->vtable->resolve ||
             rule->vtable->n_partitions == 0 || rule->vtable->n_partitions > PARTITIONS_MAX)) {
            return bad_results(rule, "undecided rows where there can be none", err);
        }
    }
    return HG_OK;
}

static int add_figure(struct hg_rule *rule, const struct hg_rule_result *item, struct hg_error *err)
{
    size_t i = 0;
    while (i < rule->n_figures && rule->figures[i].column != item->column) {
        i++;
    }
    if (i == rule->n_figures) {
        if (hg_grow(&rule->figures, rule->n_figures, &rule->figures_room, sizeof *rule->figures) <
            0) {
            return hg_error_nomem(err);
        }
        rule->figures[rule->n_figures++] = (struct hg_rule_figure){.column = item->column};
    }
    rule->figures[i].evaluated += item->evaluated;
    rule->figures[i].failed += item->failed;
    return HG_OK;
}

/* That it has evaluated nothing: of each column, as far as the configuration names them. */
static int add_no_figures(struct hg_rule *rule, struct hg_error *err)
{
    bool by_column = rule->vtable->grain == HG_GRAIN_CELL;
    size_t n = by_column ? json_array_size(rule->columns) : 0;
    int r = HG_OK;
    for (size_t i = 0; r == HG_OK && i < n; i++) {
        const char *name = json_string_value(json_array_get(rule->columns, i));
        const struct hg_rule_result none = {.column = name ? hg_flow_schema_find(rule->schema, name)
                                                           : -1};
        r = add_figure(rule, &none, err);
    }
    const struct hg_rule_result none = {.column = -1};
    return r < 0 || n > 0 ? r : add_figure(rule, &none, err);
}

static void explain(struct hg_rule *rule,
                    const struct hg_flow_batch *batch,
                    uint32_t result,
                    int64_t row,
                    char *buf,
                    size_t size)
{
    const char *column = column_name(rule, rule->last.items[result].column);
    (void)snprintf(buf, size, "%s%s%s fails %s", column ? column : "the row", "", "", rule->id);
    if (HG_HAS(rule->vtable, struct hg_rule_vtable, explain)) {
        hg_flow_calling(rule->flow, rule->job, rule->id);
        rule->vtable->explain(rule->inst, batch->array, result, row, buf, size);
        hg_flow_calling(rule->flow, rule->job, NULL);
        buf[size - 1] = '\0';
    }
}

static int64_t first_failure(const struct hg_rule_result *item, int64_t from, int64_t n_rows)
{
    for (int64_t row = from; item->failures && row < n_rows; row++) {
        if (hg_bit(item->failures, row)) {
            return row;
        }
    }
    return n_rows;
}

/* Why the flow stops, with the first failing row when there is one. */
static int stop(struct hg_rule *rule,
                uint32_t result,
                const struct hg_flow_batch *batch,
                struct hg_error *err)
{
    const struct hg_rule_result *item = &rule->last.items[result];
    char why[EXPLAIN_BYTES] = "";
    struct hg_buf position = HG_BUF_INIT;
    int64_t row = batch ? first_failure(item, 0, batch->n_rows) : 0;
    const char *at = NULL;
    if (batch && row < batch->n_rows) {
        explain(rule, batch, result, row, why, sizeof why);
        at = hg_row_position(&position, batch, row);
    }
    const char *column = column_name(rule, item->column);
    hg_error_set(err,
                 HG_ESTOP,
                 "rule \"%s\"%s%s failed %lld of %lld%s%s%s%s",
                 rule->id,
                 column ? " on " : "",
                 column ? column : "",
                 (long long)item->failed,
                 (long long)item->evaluated,
                 at ? " at " : "",
                 at ? at : "",
                 why[0] ? ": " : "",
                 why);
    hg_buf_free(&position);
    return hg_error_hint(err,
                         "The rule has on_fail: stop; %s.",
                         rule->stored ? "what was loaded before this check stays"
                                      : "nothing that goes through this check was loaded");
}

static void log_examples(struct hg_rule *rule, uint32_t result, const struct hg_flow_batch *batch)
{
    const struct hg_rule_result *item = &rule->last.items[result];
    struct hg_buf position = HG_BUF_INIT;
    int64_t row = first_failure(item, 0, batch->n_rows);
    while (row < batch->n_rows && rule->n_logged < EXAMPLES) {
        char why[EXPLAIN_BYTES];
        explain(rule, batch, result, row, why, sizeof why);
        const char *at = hg_row_position(&position, batch, row);
        hg_flow_log(
            rule->flow, rule->job, HG_LOG_WARNING, "%s%s%s", at ? at : "", at ? ": " : "", why);
        rule->n_logged++;
        row = first_failure(item, row + 1, batch->n_rows);
    }
    hg_buf_free(&position);
}

static int take_results(struct hg_rule *rule,
                        const struct hg_flow_batch *batch,
                        struct hg_error *err)
{
    int r = validate(rule, !batch, err);
    for (uint32_t i = 0; r == HG_OK && i < rule->last.n; i++) {
        const struct hg_rule_result *item = &rule->last.items[i];
        r = add_figure(rule, item, err);
        if (r < 0 || item->failed == 0) {
            continue;
        }
        if (rule->on_fail == HG_ON_FAIL_STOP) {
            r = stop(rule, i, batch, err);
        } else if (batch && !rule->rejecting && rule->n_logged < EXAMPLES) {
            log_examples(rule, i, batch);
        }
    }
    return r;
}

int hg_rule_check(struct hg_rule *rule, const struct hg_flow_batch *batch, struct hg_error *err)
{
    rule->last = (struct hg_rule_results){.struct_size = sizeof rule->last};
    hg_flow_calling(rule->flow, rule->job, rule->id);
    int r = rule->vtable->check(rule->inst, batch->array, &rule->last, err);
    hg_flow_calling(rule->flow, rule->job, NULL);
    if (r < 0) {
        return hg_error_wrap(err, "rule \"%s\"", rule->id);
    }
    return take_results(rule, batch, err);
}

int hg_rule_resolve(struct hg_rule *rule, uint32_t partition, struct hg_error *err)
{
    hg_flow_calling(rule->flow, rule->job, rule->id);
    int r = rule->vtable->resolve(rule->inst, partition, err);
    hg_flow_calling(rule->flow, rule->job, NULL);
    return r < 0 ? hg_error_wrap(err, "rule \"%s\"", rule->id) : r;
}

int hg_rule_finish(struct hg_rule *rule, struct hg_error *err)
{
    rule->last = (struct hg_rule_results){.struct_size = sizeof rule->last};
    hg_flow_calling(rule->flow, rule->job, rule->id);
    int r = rule->vtable->finish(rule->inst, &rule->last, err);
    hg_flow_calling(rule->flow, rule->job, NULL);
    r = r < 0 ? hg_error_wrap(err, "rule \"%s\"", rule->id) : take_results(rule, NULL, err);
    return r < 0 || rule->n_figures > 0 ? r : add_no_figures(rule, err);
}

void hg_rule_reasons(struct hg_rule *rule,
                     const struct hg_flow_batch *batch,
                     int64_t row,
                     struct hg_buf *reasons,
                     char *first,
                     size_t first_size)
{
    for (uint32_t i = 0; i < rule->last.n; i++) {
        const struct hg_rule_result *item = &rule->last.items[i];
        if (!item->failures || !hg_bit(item->failures, row)) {
            continue;
        }
        char why[EXPLAIN_BYTES];
        explain(rule, batch, i, row, why, sizeof why);
        hg_reason_append(reasons, rule->id, column_name(rule, item->column), why);
        if (first[0] == '\0') {
            (void)snprintf(first, first_size, "%s", why);
        }
    }
}

static const char *status_of(const struct hg_rule *rule, const struct hg_rule_figure *figure)
{
    if (figure->failed == 0) {
        return "pass";
    }
    return strcmp(rule->severity, "info") == 0 || strcmp(rule->severity, "warning") == 0 ? "warn"
                                                                                         : "fail";
}

int hg_rule_report(const struct hg_rule *rule, json_t *results, struct hg_error *err)
{
    for (size_t i = 0; i < rule->n_figures; i++) {
        const struct hg_rule_figure *figure = &rule->figures[i];
        json_t *item = json_pack("{s:s, s:s, s:s?, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:s}",
                                 "job",
                                 rule->flow->jobs[rule->job].id,
                                 "rule",
                                 rule->id,
                                 "column",
                                 column_name(rule, figure->column),
                                 "grain",
                                 name_of(grains, HG_COUNT(grains), rule->vtable->grain),
                                 "dimension",
                                 name_of(dimensions, HG_COUNT(dimensions), rule->vtable->dimension),
                                 "issue_type",
                                 rule->vtable->issue_type ? rule->vtable->issue_type : rule->id,
                                 "severity",
                                 rule->severity,
                                 "on_fail",
                                 rule->on_fail_name,
                                 "evaluated",
                                 (json_int_t)figure->evaluated,
                                 "failed",
                                 (json_int_t)figure->failed,
                                 "status",
                                 status_of(rule, figure));
        if (json_array_append_new(results, item) < 0) {
            return hg_error_nomem(err);
        }
    }
    return HG_OK;
}
