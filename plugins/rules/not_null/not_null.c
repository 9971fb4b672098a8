/* The rule "not_null": a cell without a value fails. */
#include <stdio.h>
#include <stdlib.h>

#include "cells.h"
#include "config_schema.h" /* made from config.schema.json */
#include "headgate/error.h"

struct not_null {
    struct hg_config_list columns;
    struct rule_cells cells;
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
    rule_cells_done(&rule->cells);
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
    return status ? status
                  : rule_cells_init(&rule->cells, schema, &rule->columns, "columns", true, err);
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
    struct rule_cells *cells = &rule->cells;
    hg_status status = rule_cells_bind(cells, batch, cells->n, err);
    if (status) {
        return status;
    }
    for (size_t i = 0; i < cells->n; i++) {
        struct hg_view *view = &cells->views[i];
        uint8_t *bits = rule_cells_bitmap(cells, i);
        int64_t failed = view->validity && view->n > 0 ? hg_view_nulls(view, bits) : 0;
        rule_cells_put(cells, i, view->n, failed);
    }
    rule_cells_report(cells, ret);
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
    (void)snprintf(buf, size, "%s is null", rule->cells.views[result].name);
}

static const struct hg_rule_vtable vtable = {
    .struct_size = sizeof vtable,
    .verdict = HG_VERDICT_BATCH,
    .grain = HG_GRAIN_CELL,
    .dimension = HG_DIM_COMPLETENESS,
    .issue_type = "null",
    .prepare = not_null_prepare,
    .check = not_null_check,
    .finish = rule_finish_nothing,
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
