/* The smallest rule: finds no row that is wrong; or the one it is told to find; or crashes. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "headgate/config.h"
#include "headgate/error.h"

struct rule {
    int32_t fails_at; /* this row of each batch fails; -1: none */
    bool crashes;     /* in the first batch */
    uint8_t *failures;
    int64_t room;
    struct hg_rule_result result;
};

static const struct hg_config_field fields[] = {
    {.key = "fails_at", .type = HG_CONFIG_INT32, .offset = offsetof(struct rule, fails_at)},
    {.key = "crashes", .type = HG_CONFIG_BOOL, .offset = offsetof(struct rule, crashes)},
};

static void rule_close(void *inst)
{
    struct rule *rule = inst;
    if (rule) {
        free(rule->failures);
        free(rule);
    }
}

static hg_status rule_prepare(const struct hg_host *host,
                              const char *config_json,
                              const struct ArrowSchema *schema,
                              bool rejecting,
                              void **ret_inst,
                              struct hg_error *err)
{
    (void)host;
    (void)schema;
    (void)rejecting;
    struct rule *rule = calloc(1, sizeof *rule);
    if (!rule) {
        return hg_fail_nomem(err);
    }
    rule->fails_at = -1;
    hg_status status =
        hg_config_read(config_json, fields, sizeof fields / sizeof *fields, rule, err);
    if (status) {
        rule_close(rule);
        return status;
    }
    *ret_inst = rule;
    return HG_OK;
}

static hg_status rule_check(void *inst,
                            const struct ArrowArray *batch,
                            struct hg_rule_results *ret,
                            struct hg_error *err)
{
    struct rule *rule = inst;
    if (rule->crashes) {
        (void)raise(SIGSEGV);
    }
    int64_t n_bytes = (batch->length + 7) / 8;
    if (n_bytes > rule->room || !rule->failures) {
        free(rule->failures);
        rule->failures = calloc((size_t)n_bytes + 1, 1);
        rule->room = n_bytes;
        if (!rule->failures) {
            return hg_fail_nomem(err);
        }
    }
    rule->result = (struct hg_rule_result){.column = -1, .evaluated = batch->length};
    if (rule->fails_at >= 0 && rule->fails_at < batch->length) {
        rule->failures[rule->fails_at / 8] = (uint8_t)(1u << (rule->fails_at % 8));
        rule->result.failures = rule->failures;
        rule->result.failed = 1;
    }
    ret->n = 1;
    ret->items = &rule->result;
    return HG_OK;
}

static hg_status rule_finish(void *inst, struct hg_rule_results *ret, struct hg_error *err)
{
    (void)inst;
    (void)err;
    ret->n = 0;
    return HG_OK;
}

static void rule_explain(void *inst,
                         const struct ArrowArray *batch,
                         uint32_t result,
                         int64_t row,
                         char *buf,
                         size_t size)
{
    (void)inst;
    (void)batch;
    (void)result;
    (void)snprintf(buf, size, "row %lld was to fail", (long long)row);
}

static const struct hg_rule_vtable vtable = {
    .struct_size = sizeof vtable,
    .verdict = HG_VERDICT_BATCH,
    .grain = HG_GRAIN_ROW,
    .dimension = HG_DIM_VALIDITY,
    .issue_type = "test",
    .prepare = rule_prepare,
    .check = rule_check,
    .finish = rule_finish,
    .explain = rule_explain,
    .close = rule_close,
};

static const struct hg_plugin plugin = {
    .struct_size = sizeof plugin,
    .kind = HG_KIND_RULE,
    .id = "always_good",
    .name = "Test: always good",
    .version = "1.0.0-test",
    .summary = "Finds no row that is wrong, or the one it is told to find, or crashes.",
    .homepage = "",
    .license = "Apache-2.0",
    .config_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
                     "\"fails_at\":{\"type\":\"integer\",\"minimum\":-1,\"default\":-1},"
                     "\"crashes\":{\"type\":\"boolean\",\"default\":false}}}",
    .vtable = &vtable,
};

HG_MODULE(&plugin);
