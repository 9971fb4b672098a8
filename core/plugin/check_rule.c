/*
 * Tests of rules, on batches made up here. Their columns are named after their types: bool, int32,
 * int64, float64, decimal, utf8, binary, date, timestamp, and _hg_pos.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "headgate/batch.h"
#include "plugin/check_test.h"

#define ROUNDS       100
#define GROWTH_BYTES 4096

static const struct hg_column columns[] = {
    {.name = "bool", .type = HG_TYPE_BOOL, .nullable = true},
    {.name = "int32", .type = HG_TYPE_INT32, .nullable = true},
    {.name = "int64", .type = HG_TYPE_INT64, .nullable = true},
    {.name = "float64", .type = HG_TYPE_FLOAT64, .nullable = true},
    {.name = "decimal", .type = HG_TYPE_DECIMAL128, .precision = 18, .scale = 4, .nullable = true},
    {.name = "utf8", .type = HG_TYPE_UTF8, .nullable = true},
    {.name = "binary", .type = HG_TYPE_BINARY, .nullable = true},
    {.name = "date", .type = HG_TYPE_DATE32, .nullable = true},
    {.name = "timestamp", .type = HG_TYPE_TIMESTAMP_US, .timezone = "UTC", .nullable = true},
    {.name = "_hg_pos", .type = HG_TYPE_UTF8},
};

/* Each batch: how many rows, how many of them are cut off at the start, and which are null. */
static const struct {
    int64_t rows;
    int64_t cut;
    int null_every; /* 0: none, 1: all */
} batches[] = {{1000, 0, 7}, {0, 0, 0}, {1, 0, 0}, {65, 3, 2}, {64, 0, 1}, {1000, 999, 3}};

static hg_status append_row(struct hg_batch *batch, int64_t i)
{
    char text[32];
    (void)snprintf(text, sizeof text, "check:%lld", (long long)i);
    hg_status status = hg_batch_append_bool(batch, 0, i % 2);
    status = status ? status : hg_batch_append_int32(batch, 1, (int32_t)i);
    status = status ? status : hg_batch_append_int64(batch, 2, i * 1000);
    status = status ? status : hg_batch_append_float64(batch, 3, (double)i / 8);
    status = status ? status : hg_batch_append_decimal(batch, 4, i * 25);
    status = status ? status : hg_batch_append_text(batch, 5, text);
    status = status ? status : hg_batch_append_bytes(batch, 6, text, 3);
    status = status ? status : hg_batch_append_date32(batch, 7, (int32_t)i);
    status = status ? status : hg_batch_append_timestamp_us(batch, 8, i * 60000000);
    status = status ? status : hg_batch_append_text(batch, 9, text);
    return status ? status : hg_batch_end_row(batch);
}

static hg_status append_nulls(struct hg_batch *batch)
{
    hg_status status = hg_batch_append_text(batch, 9, "check:null");
    return status ? status : hg_batch_end_row(batch);
}

static hg_status make_batch(struct hg_batch *batch, size_t number, struct ArrowArray *ret)
{
    int null_every = batches[number].null_every;
    for (int64_t i = 0; i < batches[number].rows; i++) {
        hg_status status =
            null_every && i % null_every == 0 ? append_nulls(batch) : append_row(batch, i);
        if (status) {
            return status;
        }
    }
    hg_status status = hg_batch_finish(batch, ret, NULL);
    if (!status) {
        ret->offset = batches[number].cut;
        ret->length -= batches[number].cut;
    }
    return status;
}

/* ------------------------------------------------------------------------------------------ */
/* An instance                                                                                  */
/* ------------------------------------------------------------------------------------------ */

struct judging {
    const struct hg_rule_vtable *rule;
    struct hg_plugin_session session; /* for its host */
    struct ArrowSchema schema;
    struct hg_batch *batch;
    json_t *config;
    void *inst;
};

static void stop(struct judging *j)
{
    if (j->inst) {
        j->rule->close(j->inst);
    }
    if (j->schema.release) {
        j->schema.release(&j->schema);
    }
    hg_batch_free(j->batch);
    hg_session_free(&j->session);
    json_decref(j->config);
}

static int prepare(struct judging *j, const json_t *config, struct hg_error *err)
{
    HG_CLEANUP(hg_freep) char *text = json_dumps(config, JSON_COMPACT);
    if (!text) {
        return hg_error_nomem(err);
    }
    return j->rule->prepare(
        hg_host_services_host(j->session.services), text, &j->schema, false, &j->inst, err);
}

/* Everything but the instance. */
static enum hg_check_status make_ready(struct hg_check *check, struct judging *j)
{
    struct hg_error err = HG_ERROR_INIT;
    const struct hg_plugin *plugin = NULL;
    memset(j, 0, sizeof *j);
    enum hg_check_status status = hg_check_config(check, &plugin, &j->config);
    if (status != HG_CHECK_PASS) {
        return status;
    }
    j->rule = plugin->vtable;
    if (hg_session_init(&j->session, plugin, check->config_file, NULL, &err) ||
        hg_batch_schema(columns, HG_COUNT(columns), &j->schema, &err) ||
        hg_batch_new(columns, HG_COUNT(columns), &j->batch, &err)) {
        return hg_check_error(check, "the test could not be set up", &err);
    }
    return HG_CHECK_PASS;
}

static enum hg_check_status start(struct hg_check *check, struct judging *j)
{
    struct hg_error err = HG_ERROR_INIT;
    enum hg_check_status status = make_ready(check, j);
    if (status == HG_CHECK_PASS && prepare(j, j->config, &err)) {
        status = hg_check_error(check, "prepare failed", &err);
    }
    if (status == HG_CHECK_PASS && !j->inst) {
        status = hg_check_fail(check, "prepare succeeded and gave no instance");
    }
    return status;
}

/* ------------------------------------------------------------------------------------------ */
/* Results                                                                                      */
/* ------------------------------------------------------------------------------------------ */

/* Set bits among the first n, or -1 when one is set behind them. */
static int64_t count_bits(const uint8_t *bits, int64_t n)
{
    int64_t count = 0;
    for (int64_t i = 0; i < (n + 7) / 8 * 8; i++) {
        bool set = (bits[i / 8] >> (i % 8)) & 1;
        if (set && i >= n) {
            return -1;
        }
        count += set;
    }
    return count;
}

static enum hg_check_status check_explained(struct hg_check *check,
                                            struct judging *j,
                                            const struct ArrowArray *batch,
                                            uint32_t number,
                                            const struct hg_rule_result *result)
{
    char text[64];
    for (int64_t row = 0; row < batch->length; row++) {
        if (!((result->failures[row / 8] >> (row % 8)) & 1)) {
            continue;
        }
        memset(text, 'x', sizeof text);
        j->rule->explain(j->inst, batch, number, row, text, 48);
        if (!memchr(text, '\0', 48) || text[0] == '\0') {
            return hg_check_fail(check, "explain wrote no text, or one that does not end");
        }
        if (text[48] != 'x') {
            return hg_check_fail(check, "explain wrote behind its buffer");
        }
    }
    return HG_CHECK_PASS;
}

static enum hg_check_status check_result(struct hg_check *check,
                                         struct judging *j,
                                         const struct ArrowArray *batch,
                                         uint32_t number,
                                         const struct hg_rule_result *r)
{
    bool table = j->rule->grain == HG_GRAIN_TABLE;
    if (r->column < -1 || r->column >= (int32_t)HG_COUNT(columns)) {
        return hg_check_fail(check, "a result is about column %d, which is none", (int)r->column);
    }
    if (r->evaluated < 0 || r->failed < 0 || r->failed > r->evaluated) {
        return hg_check_fail(check,
                             "a result says that %lld of %lld failed",
                             (long long)r->failed,
                             (long long)r->evaluated);
    }
    if (r->undecided) {
        return hg_check_fail(check, "it left rows undecided though none are taken out");
    }
    if (!r->failures) {
        return r->failed > 0 && !table
                   ? hg_check_fail(check, "rows failed and it does not say which")
                   : HG_CHECK_PASS;
    }
    int64_t bits = count_bits(r->failures, batch->length);
    if (bits != r->failed) {
        return hg_check_fail(check,
                             "its bitmap has %lld rows and its count %lld",
                             (long long)bits,
                             (long long)r->failed);
    }
    return check_explained(check, j, batch, number, r);
}

static enum hg_check_status judge_batch(struct hg_check *check, struct judging *j, size_t number)
{
    struct hg_error err = HG_ERROR_INIT;
    struct ArrowArray batch;
    struct hg_rule_results results = {.struct_size = sizeof results};
    if (make_batch(j->batch, number, &batch)) {
        return hg_check_fail(check, "out of memory");
    }
    enum hg_check_status status = HG_CHECK_PASS;
    if (j->rule->check(j->inst, &batch, &results, &err)) {
        status = hg_check_error(check, "check failed", &err);
    } else if (results.n > 0 && !results.items) {
        status = hg_check_fail(check, "check gave results that are not there");
    }
    for (uint32_t i = 0; i < results.n && status == HG_CHECK_PASS; i++) {
        status = check_result(check, j, &batch, i, &results.items[i]);
    }
    batch.release(&batch);
    return status;
}

static enum hg_check_status judge_all(struct hg_check *check, struct judging *j)
{
    struct hg_error err = HG_ERROR_INIT;
    struct hg_rule_results results = {.struct_size = sizeof results};
    enum hg_check_status status = HG_CHECK_PASS;
    for (size_t i = 0; i < HG_COUNT(batches) && status == HG_CHECK_PASS; i++) {
        status = judge_batch(check, j, i);
    }
    if (status == HG_CHECK_PASS && j->rule->finish(j->inst, &results, &err)) {
        status = hg_check_error(check, "finish failed", &err);
    }
    for (uint32_t i = 0; i < results.n && status == HG_CHECK_PASS; i++) {
        if (results.items[i].failed > results.items[i].evaluated || results.items[i].failed < 0) {
            status = hg_check_fail(check, "a result of finish has more failures than rows");
        }
    }
    return status;
}

/* ------------------------------------------------------------------------------------------ */
/* Tests                                                                                        */
/* ------------------------------------------------------------------------------------------ */

static enum hg_check_status test_judge(struct hg_check *check)
{
    struct judging j;
    enum hg_check_status status = start(check, &j);
    if (status == HG_CHECK_PASS) {
        status = judge_all(check, &j);
    }
    if (status == HG_CHECK_PASS) {
        j.rule->close(NULL);
    }
    stop(&j);
    return status;
}

static enum hg_check_status test_prepare_close(struct hg_check *check)
{
    struct judging j;
    struct hg_error err = HG_ERROR_INIT;
    size_t bytes[2] = {0}, fds[2] = {0};
    enum hg_check_status status = make_ready(check, &j);
    for (int i = 0; i < ROUNDS + 10 && status == HG_CHECK_PASS; i++) {
        if (i == 10) {
            hg_check_usage(&bytes[0], &fds[0]);
        }
        if (prepare(&j, j.config, &err)) {
            status = hg_check_error(check, "prepare failed", &err);
            break;
        }
        j.rule->close(j.inst);
        j.inst = NULL;
    }
    if (status == HG_CHECK_PASS) {
        hg_check_usage(&bytes[1], &fds[1]);
        if (bytes[1] > bytes[0] + GROWTH_BYTES || fds[1] > fds[0]) {
            status = hg_check_fail(check,
                                   "%zu bytes and %zu descriptors are lost after %d rounds",
                                   bytes[1] > bytes[0] ? bytes[1] - bytes[0] : 0,
                                   fds[1] > fds[0] ? fds[1] - fds[0] : 0,
                                   ROUNDS);
        }
    }
    stop(&j);
    return status;
}

static enum hg_check_status test_required(struct hg_check *check)
{
    struct judging j;
    struct hg_error err = HG_ERROR_INIT;
    enum hg_check_status status = make_ready(check, &j);
    const char *name;
    json_t *value;
    HG_CLEANUP(hg_json_decrefp) json_t *schema = NULL;
    if (status == HG_CHECK_PASS) {
        schema = hg_json_read_text(hg_check_plugin(check)->config_schema, 0, NULL);
    }
    const json_t *required = json_object_get(schema, "required");
    if (status == HG_CHECK_PASS && json_array_size(required) == 0) {
        status = hg_check_skip(check, "it requires no field");
    }
    json_object_foreach (j.config, name, value) {
        bool wanted = false;
        size_t i;
        json_t *field;
        json_array_foreach (required, i, field) {
            wanted = wanted || strcmp(json_string_value(field), name) == 0;
        }
        HG_CLEANUP(hg_json_decrefp) json_t *lacking = json_copy(j.config);
        (void)json_object_del(lacking, name);
        if (wanted && status == HG_CHECK_PASS && prepare(&j, lacking, &err) != HG_EINVAL) {
            status = hg_check_fail(check, "without \"%s\" prepare did not give HG_EINVAL", name);
        }
    }
    stop(&j);
    return status;
}

const struct hg_check_test hg_check_rule_tests[] = {
    {"required",
     "refuses a configuration that lacks a required field",
     HG_KIND_RULE,
     test_required},
    {"prepare and close", "loses nothing in a hundred rounds", HG_KIND_RULE, test_prepare_close},
    {"judges",
     "gives figures that fit the rows, and words for each failure",
     HG_KIND_RULE,
     test_judge},
};
const size_t hg_check_n_rule_tests = HG_COUNT(hg_check_rule_tests);
