#include "fakes.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <libpq-fe.h>

#include "base/mem.h"
#include "base/uuid.h"
#include "flow/columns.h"
#include "headgate/stream.h"

struct fake_sink heard;

void fake_reset(void)
{
    fake_session = NULL;
    memset(&fake, 0, sizeof fake);
    memset(&heard, 0, sizeof heard);
}

/* ---- the rules ---- */

enum { COLUMNS_MAX = 8, PARTITIONS = 4 };

struct rule {
    struct hg_flow_schema schema;
    int columns[COLUMNS_MAX];
    size_t n_columns;
    size_t keep;
    int64_t max;
    int64_t n_rows;
    bool rejecting;
    bool resolving;
    json_t *seen; /* keys */
    struct hg_rule_result results[COLUMNS_MAX];
    uint8_t *bits[COLUMNS_MAX];
    uint8_t *undecided;
    uint32_t *partitions;
};

/* The schema is only lent, and hg_flow_schema_take wants one of its own: this one is not freed. */
static void keep_schema(struct ArrowSchema *schema)
{
    schema->release = NULL;
}

static hg_status rule_prepare(const struct hg_host *host,
                              const char *config,
                              const struct ArrowSchema *schema,
                              bool rejecting,
                              void **ret,
                              struct hg_error *err)
{
    (void)host;
    HG_CLEANUP(hg_json_decrefp) json_t *json = json_loads(config, 0, NULL);
    struct rule *rule = calloc(1, sizeof *rule);
    struct ArrowSchema copy = *schema;
    copy.release = keep_schema;
    assert_int_equal(hg_flow_schema_take(&copy, &rule->schema, err), HG_OK);
    const json_t *names = json_object_get(json, "columns");
    for (size_t i = 0; i < json_array_size(names); i++) {
        int column =
            hg_flow_schema_find(&rule->schema, json_string_value(json_array_get(names, i)));
        if (column < 0) {
            hg_flow_schema_free(&rule->schema);
            free(rule);
            return hg_error_set(err, HG_EINVAL, "there is no such column");
        }
        rule->columns[rule->n_columns++] = column;
    }
    rule->keep = (size_t)json_integer_value(json_object_get(json, "keep"));
    rule->max = json_integer_value(json_object_get(json, "max"));
    rule->rejecting = rejecting;
    rule->seen = json_object();
    *ret = rule;
    return HG_OK;
}

static void rule_close(void *inst)
{
    struct rule *rule = inst;
    for (size_t i = 0; i < COLUMNS_MAX; i++) {
        free(rule->bits[i]);
    }
    free(rule->undecided);
    free(rule->partitions);
    json_decref(rule->seen);
    hg_flow_schema_free(&rule->schema);
    free(rule);
}

static uint8_t *new_bits(uint8_t **bits, int64_t n)
{
    free(*bits);
    *bits = calloc((size_t)n / 8 + 1, 1);
    return *bits;
}

static hg_status check_not_null(void *inst,
                                const struct ArrowArray *array,
                                struct hg_rule_results *ret,
                                struct hg_error *err)
{
    struct rule *rule = inst;
    struct hg_flow_view views[32];
    assert_int_equal(hg_flow_views(&rule->schema, array, views, err), HG_OK);
    for (size_t i = 0; i < rule->n_columns; i++) {
        struct hg_rule_result *result = &rule->results[i];
        uint8_t *bits = new_bits(&rule->bits[i], array->length);
        *result = (struct hg_rule_result){
            .column = rule->columns[i], .failures = bits, .evaluated = array->length};
        for (int64_t row = 0; row < array->length; row++) {
            if (hg_cell_null(&views[rule->columns[i]], row)) {
                hg_bit_set(bits, row);
                result->failed++;
            }
        }
    }
    ret->n = (uint32_t)rule->n_columns;
    ret->items = rule->results;
    return HG_OK;
}

static hg_status finish_nothing(void *inst, struct hg_rule_results *ret, struct hg_error *err)
{
    (void)inst;
    (void)ret;
    (void)err;
    return HG_OK;
}

static void explain(void *inst,
                    const struct ArrowArray *batch,
                    uint32_t result,
                    int64_t row,
                    char *buf,
                    size_t size)
{
    heard.n_explained++;
    struct rule *rule = inst;
    (void)batch;
    (void)row;
    int column = rule->results[result].column;
    (void)snprintf(
        buf, size, "%s is bad", column < 0 ? "the row" : rule->schema.columns[column].name);
}

/* Keys in the tests are integers. */
static void key_text(
    const struct rule *rule, const struct hg_flow_view *views, int64_t row, char *text, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < rule->n_columns; i++) {
        const struct hg_flow_view *view = &views[rule->columns[i]];
        int64_t value =
            hg_cell_null(view, row) ? -1 : ((const int64_t *)view->values)[view->offset + row];
        n += (size_t)snprintf(text + n, size - n, "%lld,", (long long)value);
    }
}

static uint32_t partition_of(const char *key)
{
    uint32_t hash = 7;
    for (; *key; key++) {
        hash = hash * 31 + (unsigned char)*key;
    }
    return hash % PARTITIONS;
}

static hg_status check_unique(void *inst,
                              const struct ArrowArray *array,
                              struct hg_rule_results *ret,
                              struct hg_error *err)
{
    struct rule *rule = inst;
    struct hg_flow_view views[32];
    assert_int_equal(hg_flow_views(&rule->schema, array, views, err), HG_OK);
    struct hg_rule_result *result = &rule->results[0];
    uint8_t *bits = new_bits(&rule->bits[0], array->length);
    uint8_t *undecided = new_bits(&rule->undecided, array->length);
    bool any = false;
    free(rule->partitions);
    rule->partitions = calloc((size_t)array->length + 1, sizeof *rule->partitions);
    *result = (struct hg_rule_result){.column = -1, .failures = bits};
    for (int64_t row = 0; row < array->length; row++) {
        char key[128];
        key_text(rule, views, row, key, sizeof key);
        if (json_object_get(rule->seen, key)) {
            hg_bit_set(bits, row);
            result->failed++;
        } else if (rule->rejecting && !rule->resolving &&
                   json_object_size(rule->seen) >= rule->keep) {
            hg_bit_set(undecided, row);
            rule->partitions[row] = partition_of(key);
            any = true;
            continue;
        } else {
            json_object_set_new(rule->seen, key, json_true());
        }
        result->evaluated++;
    }
    result->undecided = any ? undecided : NULL;
    result->partitions = any ? rule->partitions : NULL;
    ret->n = 1;
    ret->items = result;
    return HG_OK;
}

static hg_status resolve(void *inst, uint32_t partition, struct hg_error *err)
{
    struct rule *rule = inst;
    (void)partition;
    (void)err;
    rule->resolving = true;
    json_object_clear(rule->seen);
    return HG_OK;
}

static hg_status check_nothing(void *inst,
                               const struct ArrowArray *array,
                               struct hg_rule_results *ret,
                               struct hg_error *err)
{
    struct rule *rule = inst;
    (void)ret;
    (void)err;
    rule->n_rows += array->length;
    return HG_OK;
}

static hg_status finish_table(void *inst, struct hg_rule_results *ret, struct hg_error *err)
{
    struct rule *rule = inst;
    (void)err;
    rule->results[0] =
        (struct hg_rule_result){.column = -1, .evaluated = 1, .failed = rule->n_rows > rule->max};
    ret->n = 1;
    ret->items = rule->results;
    return HG_OK;
}

static const struct hg_rule_vtable not_null_vtable = {.struct_size = sizeof not_null_vtable,
                                                      .verdict = HG_VERDICT_BATCH,
                                                      .grain = HG_GRAIN_CELL,
                                                      .dimension = HG_DIM_COMPLETENESS,
                                                      .issue_type = "null",
                                                      .prepare = rule_prepare,
                                                      .check = check_not_null,
                                                      .finish = finish_nothing,
                                                      .explain = explain,
                                                      .close = rule_close};
static const struct hg_rule_vtable unique_vtable = {.struct_size = sizeof unique_vtable,
                                                    .verdict = HG_VERDICT_BATCH,
                                                    .grain = HG_GRAIN_ROW,
                                                    .dimension = HG_DIM_UNIQUENESS,
                                                    .issue_type = "duplicate",
                                                    .prepare = rule_prepare,
                                                    .check = check_unique,
                                                    .finish = finish_nothing,
                                                    .explain = explain,
                                                    .close = rule_close,
                                                    .resolve = resolve,
                                                    .n_partitions = PARTITIONS};
static const struct hg_rule_vtable table_vtable = {.struct_size = sizeof table_vtable,
                                                   .verdict = HG_VERDICT_FINISH,
                                                   .grain = HG_GRAIN_TABLE,
                                                   .dimension = HG_DIM_VOLUME,
                                                   .issue_type = "volume",
                                                   .prepare = rule_prepare,
                                                   .check = check_nothing,
                                                   .finish = finish_table,
                                                   .explain = explain,
                                                   .close = rule_close};

static const struct hg_plugin rules[] = {
    {.struct_size = sizeof rules[0],
     .kind = HG_KIND_RULE,
     .id = "toy_not_null",
     .vtable = &not_null_vtable},
    {.struct_size = sizeof rules[0],
     .kind = HG_KIND_RULE,
     .id = "toy_unique",
     .vtable = &unique_vtable},
    {.struct_size = sizeof rules[0],
     .kind = HG_KIND_RULE,
     .id = "toy_table",
     .vtable = &table_vtable},
};

static int find(void *arg,
                int kind,
                const char *id,
                const char *file,
                const char *sha256,
                const struct hg_plugin **ret,
                struct hg_error *err)
{
    (void)arg;
    (void)file;
    (void)sha256;
    if (kind == HG_KIND_CONNECTOR && strcmp(id, fake_source_plugin.id) == 0) {
        *ret = &fake_source_plugin;
        return HG_OK;
    }
    for (size_t i = 0; kind == HG_KIND_RULE && i < HG_COUNT(rules); i++) {
        if (strcmp(rules[i].id, id) == 0) {
            *ret = &rules[i];
            return HG_OK;
        }
    }
    return hg_error_set(err, HG_ENOTFOUND, "there is no plugin \"%s\"", id);
}

const struct hg_flow_plugins fake_plugins = {NULL, find};
struct hg_flow_session *fake_session;

/* ---- running ---- */

static void sink_log(void *arg, const char *job, int level, const char *message)
{
    size_t n = strlen(heard.log);
    (void)arg;
    (void)level;
    (void)snprintf(heard.log + n, sizeof heard.log - n, "%s: %s\n", job, message);
    heard.n_lines++;
}

static void sink_progress(
    void *arg, const char *job, int64_t rows_in, int64_t rows_out, int64_t rows_rejected)
{
    (void)arg;
    (void)job;
    assert_true(rows_in >= 0 && rows_out >= 0 && rows_rejected >= 0);
}

static bool sink_is_cancelled(void *arg)
{
    (void)arg;
    return heard.cancel && heard.cancel();
}

static void sink_calling(void *arg, const char *job, const char *plugin_id)
{
    (void)arg;
    assert_non_null(job);
    heard.n_calling += plugin_id != NULL;
    heard.still_calling = plugin_id != NULL;
}

int fake_run_with(const json_t *task,
                  const struct hg_flow_plugins *plugins,
                  struct hg_flow_session *session,
                  json_t **ret_result,
                  struct hg_error *err)
{
    static const struct hg_flow_sink sink = {
        NULL, sink_log, sink_progress, sink_is_cancelled, sink_calling};
    json_t *result = NULL;
    int r = hg_flow_run_with(task, &sink, plugins, session, &result, err);
    assert_non_null(result);
    assert_false(heard.still_calling);
    if (ret_result) {
        *ret_result = result;
    } else {
        json_decref(result);
    }
    return r;
}

int fake_run_json(const json_t *task, json_t **ret_result, struct hg_error *err)
{
    return fake_run_with(task, &fake_plugins, fake_session, ret_result, err);
}

json_t *fake_task_json(const struct hg_test_pg *server, const struct fake_task *task)
{
    char run_id[HG_UUID_TEXT];
    assert_int_equal(hg_uuid_new(run_id, NULL), HG_OK);
    json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:i, s:I, s:i, s:s, s:s, s:{s:s, s:s, s:{}}, "
                             "s:o, s:{s:s, s:s, s:s, s:o}}",
                             "kind",
                             "flow",
                             "pipeline_id",
                             "p",
                             "run_id",
                             task->run_id ? task->run_id : run_id,
                             "task",
                             "fetch",
                             "attempt",
                             1,
                             "fence",
                             (json_int_t)(task->fence ? task->fence : 1),
                             "quarantine_rows",
                             FAKE_QUARANTINE_ROWS,
                             "warehouse",
                             hg_test_pg_worker(server),
                             "base_folder",
                             "/tmp",
                             "extract",
                             "job",
                             "fetch",
                             "plugin",
                             "fake",
                             "config",
                             "checks",
                             task->checks ? json_loads(task->checks, 0, NULL) : json_array(),
                             "load",
                             "job",
                             "load",
                             "table",
                             task->table,
                             "mode",
                             task->mode,
                             "key",
                             task->key ? json_loads(task->key, 0, NULL) : json_null());
    assert_non_null(json);
    return json;
}

int fake_run(const struct hg_test_pg *server,
             const struct fake_task *task,
             json_t **ret_result,
             struct hg_error *err)
{
    HG_CLEANUP(hg_json_decrefp) json_t *json = fake_task_json(server, task);
    return fake_run_json(json, ret_result, err);
}

/* ---- the warehouse ---- */

int reset(void **state)
{
    (void)state;
    fake_reset();
    return hg_test_pg_reset(pg);
}

static PGresult *query(const struct hg_test_pg *server, const char *sql)
{
    static const char settings[] = "set client_min_messages = warning; set search_path = public";
    static PGconn *conn;
    static char to[512];
    if (!conn || strcmp(to, hg_test_pg_warehouse(server)) != 0 || PQstatus(conn) != CONNECTION_OK) {
        PQfinish(conn);
        (void)snprintf(to, sizeof to, "%s", hg_test_pg_warehouse(server));
        conn = PQconnectdb(to);
        PQclear(PQexec(conn, settings));
    }
    PGresult *result = PQexec(conn, sql);
    if (PQresultStatus(result) == PGRES_FATAL_ERROR &&
        !PQresultErrorField(result, PG_DIAG_SQLSTATE)) {
        /* A test has let the server die since. */
        PQclear(result);
        PQfinish(conn);
        conn = PQconnectdb(to);
        PQclear(PQexec(conn, settings));
        result = PQexec(conn, sql);
    }
    if (PQresultStatus(result) != PGRES_TUPLES_OK && PQresultStatus(result) != PGRES_COMMAND_OK) {
        (void)fprintf(stderr, "%s: %s", sql, PQerrorMessage(conn));
        fail();
    }
    return result;
}

const char *fake_query(const struct hg_test_pg *server, const char *sql)
{
    static char text[64 * 1024];
    PGresult *result = query(server, sql);
    (void)snprintf(text, sizeof text, "%s", PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "");
    PQclear(result);
    return text;
}

void fake_sql(const struct hg_test_pg *server, const char *sql)
{
    PQclear(query(server, sql));
}
