/* The rule "not_null": a cell without a value fails. */
#include <stdio.h>
#include <stdlib.h>

#include "columns.h"
#include "config_schema.h" /* made from config.schema.json */
#include "headgate/error.h"

struct not_null {
    struct hg_config_list columns;
    struct hg_view *views; /* one a column */
    struct hg_rule_result *results;
    uint8_t *bits; /* the columns' bitmaps one behind the other */
    size_t bits_bytes;
};

static const struct hg_config_field fields[] = {
    {.key = "columns",
     .type = HG_CONFIG_TEXTS,
     .required = true,
     .offset = offsetof(struct not_null, columns)},
};

static void not_null_close(void *inst)
{
    struct not_null *rule = inst;
    if (!rule) {
        return;
    }
    hg_config_free(fields, 1, rule);
    free(rule->views);
    free(rule->results);
    free(rule->bits);
    free(rule);
}

static hg_status set_up(struct not_null *rule,
                        const char *config_json,
                        const struct ArrowSchema *schema,
                        struct hg_error *err)
{
    hg_status status = hg_config_read(config_json, fields, 1, rule, err);
    if (!status && rule->columns.n == 0) {
        hg_fail(err, HG_EINVAL, "\"columns\" names no column");
        status = hg_fail_pointer(err, HG_EINVAL, "/columns");
    }
    status = status ? status
                    : rule_columns_find(schema, &rule->columns, "columns", true, &rule->views, err);
    if (status) {
        return status;
    }
    rule->results = calloc(rule->columns.n, sizeof *rule->results);
    return rule->results ? HG_OK : hg_fail_nomem(err);
}

static hg_status not_null_prepare(const struct hg_host *host,
                                  const char *config_json,
                                  const struct ArrowSchema *schema,
                                  bool rejecting,
                                  void **ret_inst,
                                  struct hg_error *err)
{
    (void)host;
    (void)rejecting;
    struct not_null *rule = calloc(1, sizeof *rule);
    if (!rule) {
        return hg_fail_nomem(err);
    }
    hg_status status = set_up(rule, config_json, schema, err);
    if (status) {
        not_null_close(rule);
        return status;
    }
    *ret_inst = rule;
    return HG_OK;
}

static hg_status not_null_check(void *inst,
                                const struct ArrowArray *batch,
                                struct hg_rule_results *ret,
                                struct hg_error *err)
{
    struct not_null *rule = inst;
    size_t n_bytes = (size_t)(batch->length + 7) / 8;
    if (n_bytes * rule->columns.n > rule->bits_bytes) {
        uint8_t *bits = realloc(rule->bits, n_bytes * rule->columns.n);
        if (!bits) {
            return hg_fail_nomem(err);
        }
        rule->bits = bits;
        rule->bits_bytes = n_bytes * rule->columns.n;
    }
    for (size_t i = 0; i < rule->columns.n; i++) {
        struct hg_view *view = &rule->views[i];
        uint8_t *bits = rule->bits ? rule->bits + i * n_bytes : NULL;
        hg_view_bind(view, batch);
        int64_t failed = view->validity && view->n > 0 ? hg_view_nulls(view, bits) : 0;
        rule->results[i] = (struct hg_rule_result){
            .column = view->index,
            .evaluated = view->n,
            .failed = failed,
            .failures = failed > 0 ? bits : NULL,
        };
    }
    ret->n = (uint32_t)rule->columns.n;
    ret->items = rule->results;
    return HG_OK;
}

static hg_status not_null_finish(void *inst, struct hg_rule_results *ret, struct hg_error *err)
{
    (void)inst;
    (void)err;
    ret->n = 0;
    ret->items = NULL;
    return HG_OK;
}

static void not_null_explain(void *inst,
                             const struct ArrowArray *batch,
                             uint32_t result,
                             int64_t row,
                             char *buf,
                             size_t size)
{
    const struct not_null *rule = inst;
    (void)batch;
    (void)row;
    (void)snprintf(buf, size, "%s is null", rule->views[result].name);
}

static const struct hg_rule_vtable vtable = {
    .struct_size = sizeof vtable,
    .verdict = HG_VERDICT_BATCH,
    .grain = HG_GRAIN_CELL,
    .dimension = HG_DIM_COMPLETENESS,
    .issue_type = "null",
    .prepare = not_null_prepare,
    .check = not_null_check,
    .finish = not_null_finish,
    .explain = not_null_explain,
    .close = not_null_close,
};

static const struct hg_plugin plugin = {
    .struct_size = sizeof plugin,
    .kind = HG_KIND_RULE,
    .id = "not_null",
    .name = "Not null",
    .version = HG_SDK_VERSION,
    .summary = "Every row has a value in the columns named.",
    .homepage = "",
    .license = "Apache-2.0",
    .config_schema = (const char *)config_schema,
    .vtable = &vtable,
};

HG_MODULE(&plugin);
