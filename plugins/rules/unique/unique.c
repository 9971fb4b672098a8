/* The rule "unique": a row whose key was there before fails. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "columns.h"
#include "config_schema.h" /* made from config.schema.json */
#include "headgate/error.h"
#include "judge.h"

enum { PIECE_ROWS = 1024, MEMORY_MIN = 65536, MEMORY_DEFAULT = 33554432 };
#define MEMORY_MAX INT64_C(4294967296)

struct unique {
    struct hg_config_list columns;
    int64_t memory_bytes;
    struct hg_view *views;
    struct key_maker maker;
    struct judge judge;
    struct hg_rule_result result;
    /* For the batch at hand, which has at most room_rows rows. */
    int64_t room_rows;
    uint8_t *nulls;
    uint8_t *failures;
    uint8_t *undecided; /* also the scratch of the nulls */
    uint32_t *partitions;
    /* For a piece of it. */
    int32_t rows[PIECE_ROWS];
    uint64_t low[PIECE_ROWS];
    uint64_t high[PIECE_ROWS];
};

static const struct hg_config_field fields[] = {
    {.key = "columns",
     .type = HG_CONFIG_TEXTS,
     .required = true,
     .offset = offsetof(struct unique, columns)},
    {.key = "memory_bytes",
     .type = HG_CONFIG_INT64,
     .offset = offsetof(struct unique, memory_bytes)},
};
enum { N_FIELDS = sizeof fields / sizeof fields[0] };

static void unique_close(void *inst)
{
    struct unique *rule = inst;
    if (!rule) {
        return;
    }
    judge_done(&rule->judge);
    hg_config_free(fields, N_FIELDS, rule);
    free(rule->views);
    free(rule->nulls);
    free(rule->failures);
    free(rule->undecided);
    free(rule->partitions);
    free(rule);
}

/* ------------------------------------------------------------------------------------------ */
/* Setting up                                                                                   */
/* ------------------------------------------------------------------------------------------ */

static hg_status make_key(struct sip_key *ret, struct hg_error *err)
{
    ssize_t n;
    do {
        n = getrandom(ret, sizeof *ret, 0);
    } while (n < 0 && errno == EINTR);
    return n == sizeof *ret ? HG_OK : hg_fail_errno(err, n < 0 ? errno : EIO, "random bytes");
}

static hg_status read_config(struct unique *rule, const char *config_json, struct hg_error *err)
{
    rule->memory_bytes = MEMORY_DEFAULT;
    hg_status status = hg_config_read(config_json, fields, N_FIELDS, rule, err);
    if (status) {
        return status;
    }
    if (rule->columns.n == 0) {
        hg_fail(err, HG_EINVAL, "\"columns\" names no column");
        return hg_fail_pointer(err, HG_EINVAL, "/columns");
    }
    if (rule->memory_bytes < MEMORY_MIN || rule->memory_bytes > MEMORY_MAX) {
        hg_fail(err,
                HG_EINVAL,
                "\"memory_bytes\" is %lld, expected %lld to %lld",
                (long long)rule->memory_bytes,
                (long long)MEMORY_MIN,
                (long long)MEMORY_MAX);
        return hg_fail_pointer(err, HG_EINVAL, "/memory_bytes");
    }
    return HG_OK;
}

static hg_status unique_prepare(const struct hg_host *host,
                                const char *config_json,
                                const struct ArrowSchema *schema,
                                bool rejecting,
                                void **ret_inst,
                                struct hg_error *err)
{
    struct unique *rule = calloc(1, sizeof *rule);
    if (!rule) {
        return hg_fail_nomem(err);
    }
    judge_init(&rule->judge, host, rejecting, MEMORY_DEFAULT);
    hg_status status = read_config(rule, config_json, err);
    if (!status) {
        status = rule_columns_find(schema, &rule->columns, "columns", true, &rule->views, err);
    }
    status = status ? status : make_key(&rule->maker.sip, err);
    if (status) {
        unique_close(rule);
        return status;
    }
    judge_init(&rule->judge, host, rejecting, (size_t)rule->memory_bytes);
    rule->maker.views = rule->views;
    rule->maker.n_views = rule->columns.n;
    rule->maker.rising = true;
    *ret_inst = rule;
    return HG_OK;
}

/* ------------------------------------------------------------------------------------------ */
/* Judging                                                                                      */
/* ------------------------------------------------------------------------------------------ */

static bool grow(void *memory, size_t n_bytes)
{
    void **at = memory;
    void *bigger = realloc(*at, n_bytes);
    *at = bigger ? bigger : *at;
    return bigger != NULL;
}

static hg_status make_room(struct unique *rule, int64_t n_rows, struct hg_error *err)
{
    size_t n_bytes = (size_t)(n_rows + 7) / 8;
    if (n_rows <= rule->room_rows) {
        return HG_OK;
    }
    if (!grow(&rule->nulls, n_bytes) || !grow(&rule->failures, n_bytes) ||
        !grow(&rule->undecided, n_bytes) ||
        (rule->judge.rejecting && !grow(&rule->partitions, (size_t)n_rows * sizeof(uint32_t)))) {
        return hg_fail_nomem(err);
    }
    rule->room_rows = n_rows;
    return HG_OK;
}

static hg_status judge_batch(struct unique *rule,
                             int64_t n_rows,
                             struct judge_verdicts *verdicts,
                             int64_t *ret_keys,
                             struct hg_error *err)
{
    hg_status status = HG_OK;
    *ret_keys = 0;
    for (int64_t at = 0; !status && at < n_rows; at += PIECE_ROWS) {
        struct key_hashes keys = {.rows = rule->rows, .low = rule->low, .high = rule->high};
        int64_t end = n_rows - at < PIECE_ROWS ? n_rows : at + PIECE_ROWS;
        key_hash_rows(&rule->maker, at, end, rule->nulls, &keys);
        *ret_keys += keys.n;
        status = judge_keys(&rule->judge, &keys, rule->maker.rising, verdicts, err);
    }
    return status;
}

static hg_status unique_check(void *inst,
                              const struct ArrowArray *batch,
                              struct hg_rule_results *ret,
                              struct hg_error *err)
{
    struct unique *rule = inst;
    size_t n_bytes = (size_t)(batch->length + 7) / 8;
    int64_t n_keys;
    hg_status status = make_room(rule, batch->length, err);
    if (status) {
        return status;
    }
    for (size_t i = 0; i < rule->columns.n; i++) {
        hg_view_bind(&rule->views[i], batch);
    }
    key_nulls(rule->views, rule->columns.n, rule->nulls, rule->undecided);
    if (n_bytes > 0) {
        memset(rule->failures, 0, n_bytes);
        memset(rule->undecided, 0, n_bytes);
    }
    struct judge_verdicts verdicts = {
        .failures = rule->failures, .undecided = rule->undecided, .partitions = rule->partitions};
    status = judge_batch(rule, batch->length, &verdicts, &n_keys, err);
    if (status) {
        return status;
    }
    bool open = rule->judge.rejecting && verdicts.n_undecided > 0;
    rule->result = (struct hg_rule_result){
        .column = -1,
        .evaluated = n_keys - verdicts.n_undecided,
        .failed = verdicts.n_failed,
        .failures = verdicts.n_failed > 0 ? rule->failures : NULL,
        .undecided = open ? rule->undecided : NULL,
        .partitions = open ? rule->partitions : NULL,
    };
    ret->n = 1;
    ret->items = &rule->result;
    return HG_OK;
}

static hg_status unique_finish(void *inst, struct hg_rule_results *ret, struct hg_error *err)
{
    struct unique *rule = inst;
    struct hg_rule_result result = {.column = -1};
    hg_status status = judge_finish(&rule->judge, &result.evaluated, &result.failed, err);
    if (status) {
        return status;
    }
    rule->result = result;
    ret->n = result.evaluated > 0;
    ret->items = result.evaluated > 0 ? &rule->result : NULL;
    return HG_OK;
}

static hg_status unique_resolve(void *inst, uint32_t partition, struct hg_error *err)
{
    struct unique *rule = inst;
    return judge_resolve(&rule->judge, partition, err);
}

/* ------------------------------------------------------------------------------------------ */
/* Words                                                                                        */
/* ------------------------------------------------------------------------------------------ */

/* Appends text as far as there is room. */
static void append(char *buf, size_t size, size_t *n, const char *text)
{
    if (*n < size) {
        int more = snprintf(buf + *n, size - *n, "%s", text);
        *n += more > 0 ? (size_t)more : 0;
    }
}

static void unique_explain(void *inst,
                           const struct ArrowArray *batch,
                           uint32_t result,
                           int64_t row,
                           char *buf,
                           size_t size)
{
    struct unique *rule = inst;
    size_t n = 0;
    (void)result;
    append(buf, size, &n, "duplicate of an earlier row: (");
    for (size_t i = 0; i < rule->columns.n; i++) {
        char value[256];
        hg_view_bind(&rule->views[i], batch);
        hg_view_format(&rule->views[i], row, value, sizeof value);
        append(buf, size, &n, i > 0 ? ", " : "");
        append(buf, size, &n, rule->views[i].name);
        append(buf, size, &n, "=");
        append(buf, size, &n, value);
    }
    append(buf, size, &n, ")");
}

static const struct hg_rule_vtable vtable = {
    .struct_size = sizeof vtable,
    .verdict = HG_VERDICT_FINISH,
    .grain = HG_GRAIN_ROW,
    .dimension = HG_DIM_UNIQUENESS,
    .issue_type = "duplicate",
    .prepare = unique_prepare,
    .check = unique_check,
    .finish = unique_finish,
    .explain = unique_explain,
    .close = unique_close,
    .resolve = unique_resolve,
    .n_partitions = STORE_PARTITIONS,
};

static const struct hg_plugin plugin = {
    .struct_size = sizeof plugin,
    .kind = HG_KIND_RULE,
    .id = "unique",
    .name = "Unique",
    .version = HG_SDK_VERSION,
    .summary = "No two rows have the same values in the columns named.",
    .homepage = "",
    .license = "Apache-2.0",
    .config_schema = (const char *)config_schema,
    .vtable = &vtable,
};

HG_MODULE(&plugin);
