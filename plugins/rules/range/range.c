/* The rule "range": a value outside of its bounds fails. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cells.h"
#include "compare.h"
#include "config_schema.h" /* made from config.schema.json */
#include "headgate/error.h"

struct range_config {
    struct hg_config_list columns;
    char *column;
    char *bounds[RANGE_N_SIDES]; /* JSON texts */
};

struct range {
    struct rule_cells cells;     /* with a bitmap of nulls behind the others */
    struct range_limits *limits; /* one a column */
    struct range_bound bounds[RANGE_N_SIDES];
};

#define BOUND_FIELD(name, side)                                                   \
    {                                                                             \
        .key = (name), .type = HG_CONFIG_JSON,                                    \
        .offset = offsetof(struct range_config, bounds) + (side) * sizeof(char *) \
    }

static const struct hg_config_field fields[] = {
    {.key = "columns", .type = HG_CONFIG_TEXTS, .offset = offsetof(struct range_config, columns)},
    {.key = "column", .type = HG_CONFIG_TEXT, .offset = offsetof(struct range_config, column)},
    BOUND_FIELD("min", RANGE_MIN),
    BOUND_FIELD("max", RANGE_MAX),
    BOUND_FIELD("exclusive_min", RANGE_EXCLUSIVE_MIN),
    BOUND_FIELD("exclusive_max", RANGE_EXCLUSIVE_MAX),
};
enum { N_FIELDS = sizeof fields / sizeof fields[0] };

static void range_close(void *inst)
{
    struct range *rule = inst;
    if (!rule) {
        return;
    }
    rule_cells_done(&rule->cells);
    free(rule->limits);
    free(rule);
}

/* ------------------------------------------------------------------------------------------ */
/* Setting up                                                                                   */
/* ------------------------------------------------------------------------------------------ */

static hg_status fail_pair(struct hg_error *err, enum range_side with, enum range_side without)
{
    hg_fail(
        err, HG_EINVAL, "\"%s\" and \"%s\" are both given", range_keys[without], range_keys[with]);
    hg_fail_pointer(err, HG_EINVAL, "/%s", range_keys[with]);
    return hg_fail_hint(err, HG_EINVAL, "Give one of them.");
}

static hg_status read_bounds(struct range *rule,
                             const struct range_config *config,
                             struct hg_error *err)
{
    size_t n = 0;
    for (enum range_side side = RANGE_MIN; side < RANGE_N_SIDES; side++) {
        if (!config->bounds[side]) {
            continue;
        }
        hg_status status = range_bound_read(config->bounds[side], side, &rule->bounds[side], err);
        if (status) {
            return status;
        }
        n++;
    }
    if (n == 0) {
        hg_fail(err, HG_EINVAL, "a range without a bound");
        return hg_fail_hint(
            err, HG_EINVAL, "Give at least one of min, max, exclusive_min and exclusive_max.");
    }
    if (config->bounds[RANGE_MIN] && config->bounds[RANGE_EXCLUSIVE_MIN]) {
        return fail_pair(err, RANGE_EXCLUSIVE_MIN, RANGE_MIN);
    }
    if (config->bounds[RANGE_MAX] && config->bounds[RANGE_EXCLUSIVE_MAX]) {
        return fail_pair(err, RANGE_EXCLUSIVE_MAX, RANGE_MAX);
    }
    return HG_OK;
}

static hg_status find_columns(struct range *rule,
                              struct range_config *config,
                              const struct ArrowSchema *schema,
                              struct hg_error *err)
{
    if ((config->columns.n > 0) == (config->column != NULL)) {
        hg_fail(err,
                HG_EINVAL,
                config->column ? "\"columns\" and \"column\" are both given"
                               : "a range without a column");
        hg_fail_pointer(err, HG_EINVAL, "/columns");
        return hg_fail_hint(err, HG_EINVAL, "Give \"columns\", or \"column\" for a single one.");
    }
    struct hg_config_list one = {.items = &config->column, .n = 1};
    return config->column
               ? rule_cells_init(&rule->cells, schema, &one, "column", false, err)
               : rule_cells_init(&rule->cells, schema, &config->columns, "columns", true, err);
}

static hg_status set_limits(struct range *rule, bool one, struct hg_error *err)
{
    for (size_t i = 0; i < rule->cells.n; i++) {
        const struct hg_view *view = &rule->cells.views[i];
        if (view->type == HG_TYPE_BOOL || view->type == HG_TYPE_UTF8 ||
            view->type == HG_TYPE_BINARY) {
            char type[32];
            hg_view_type_name(view, type, sizeof type);
            hg_fail(err, HG_EINVAL, "column \"%s\" is %s, which has no range", view->name, type);
            hg_fail_hint(err,
                         HG_EINVAL,
                         "A range is for int32, int64, float64, decimal, date and timestamp.");
            return one ? hg_fail_pointer(err, HG_EINVAL, "/column")
                       : hg_fail_pointer(err, HG_EINVAL, "/columns/%zu", i);
        }
        hg_status status = range_limits_make(rule->bounds, view, &rule->limits[i], err);
        if (status) {
            return status;
        }
    }
    return HG_OK;
}

static hg_status set_up(struct range *rule,
                        struct range_config *config,
                        const struct ArrowSchema *schema,
                        struct hg_error *err)
{
    hg_status status = find_columns(rule, config, schema, err);
    status = status ? status : read_bounds(rule, config, err);
    if (status) {
        return status;
    }
    rule->limits = calloc(rule->cells.n, sizeof *rule->limits);
    if (!rule->limits) {
        return hg_fail_nomem(err);
    }
    return set_limits(rule, config->column != NULL, err);
}

static hg_status range_prepare(const struct hg_host *host,
                               const char *config_json,
                               const struct ArrowSchema *schema,
                               bool rejecting,
                               void **ret_inst,
                               struct hg_error *err)
{
    (void)host;
    (void)rejecting;
    struct range_config config = {0};
    struct range *rule = calloc(1, sizeof *rule);
    if (!rule) {
        return hg_fail_nomem(err);
    }
    hg_status status = hg_config_read(config_json, fields, N_FIELDS, &config, err);
    status = status ? status : set_up(rule, &config, schema, err);
    hg_config_free(fields, N_FIELDS, &config);
    if (status) {
        range_close(rule);
        return status;
    }
    *ret_inst = rule;
    return HG_OK;
}

/* ------------------------------------------------------------------------------------------ */
/* Judging                                                                                      */
/* ------------------------------------------------------------------------------------------ */

/* Takes the nulls out of a column's failures; returns how many failures are left. */
static int64_t without_nulls(uint8_t *bits, const uint8_t *nulls, size_t n_bytes)
{
    int64_t n = 0;
    for (size_t i = 0; i < n_bytes; i++) {
        bits[i] = (uint8_t)(bits[i] & ~(unsigned)nulls[i]);
        n += __builtin_popcount(bits[i]);
    }
    return n;
}

static void judge(struct range *rule, size_t i)
{
    const struct hg_view *view = &rule->cells.views[i];
    uint8_t *bits = rule_cells_bitmap(&rule->cells, i);
    uint8_t *nulls = rule_cells_bitmap(&rule->cells, rule->cells.n);
    int64_t n_nulls = 0;
    int64_t failed = 0;
    if (view->n > 0) {
        n_nulls = hg_view_nulls(view, nulls);
        failed = range_compare(view, &rule->limits[i], bits)
                     ? without_nulls(bits, nulls, rule->cells.each_bytes)
                     : 0;
    }
    rule_cells_put(&rule->cells, i, view->n - n_nulls, failed);
}

static hg_status range_check(void *inst,
                             const struct ArrowArray *batch,
                             struct hg_rule_results *ret,
                             struct hg_error *err)
{
    struct range *rule = inst;
    hg_status status = rule_cells_bind(&rule->cells, batch, rule->cells.n + 1, err);
    if (status) {
        return status;
    }
    for (size_t i = 0; i < rule->cells.n; i++) {
        judge(rule, i);
    }
    rule_cells_report(&rule->cells, ret);
    return HG_OK;
}

/* ------------------------------------------------------------------------------------------ */
/* Words                                                                                        */
/* ------------------------------------------------------------------------------------------ */

/* Whether the value of a failing row is below the limits (else it is above), or NaN. */
static bool is_below(const struct hg_view *view,
                     const struct range_limits *limits,
                     int64_t row,
                     bool *ret_nan)
{
    int64_t at = view->offset + row;
    *ret_nan = false;
    if (view->type == HG_TYPE_FLOAT64) {
        double value = ((const double *)view->values)[at];
        *ret_nan = isnan(value);
        return value < limits->float_low;
    }
    hg_int128 value;
    if (view->type == HG_TYPE_DECIMAL128) {
        memcpy(&value, (const uint64_t *)view->values + at * 2, sizeof value);
    } else if (view->type == HG_TYPE_INT32 || view->type == HG_TYPE_DATE32) {
        value = ((const int32_t *)view->values)[at];
    } else {
        value = ((const int64_t *)view->values)[at];
    }
    return value < limits->low;
}

static void range_explain(void *inst,
                          const struct ArrowArray *batch,
                          uint32_t result,
                          int64_t row,
                          char *buf,
                          size_t size)
{
    static const char *const words[] = {
        [RANGE_MIN] = "below the minimum",
        [RANGE_MAX] = "above the maximum",
        [RANGE_EXCLUSIVE_MIN] = "not above",
        [RANGE_EXCLUSIVE_MAX] = "not below",
    };
    struct range *rule = inst;
    struct hg_view *view = &rule->cells.views[result];
    char value[128];
    bool nan;
    hg_view_bind(view, batch);
    bool below = is_below(view, &rule->limits[result], row, &nan);
    if (nan) {
        (void)snprintf(buf, size, "%s is not a number (NaN)", view->name);
        return;
    }
    enum range_side side = below ? RANGE_MIN : RANGE_MAX;
    if (rule->bounds[side].text[0] == '\0') {
        side = below ? RANGE_EXCLUSIVE_MIN : RANGE_EXCLUSIVE_MAX;
    }
    hg_view_format(view, row, value, sizeof value);
    (void)snprintf(
        buf, size, "%s = %s is %s %s", view->name, value, words[side], rule->bounds[side].text);
}

static const struct hg_rule_vtable vtable = {
    .struct_size = sizeof vtable,
    .verdict = HG_VERDICT_BATCH,
    .grain = HG_GRAIN_CELL,
    .dimension = HG_DIM_VALIDITY,
    .issue_type = "range",
    .prepare = range_prepare,
    .check = range_check,
    .finish = rule_finish_nothing,
    .explain = range_explain,
    .close = range_close,
};

static const struct hg_plugin plugin = {
    .struct_size = sizeof plugin,
    .kind = HG_KIND_RULE,
    .id = "range",
    .name = "Range",
    .version = HG_SDK_VERSION,
    .summary = "Values of the columns named lie within bounds.",
    .homepage = "",
    .license = "Apache-2.0",
    .config_schema = (const char *)config_schema,
    .vtable = &vtable,
};

HG_MODULE(&plugin);
