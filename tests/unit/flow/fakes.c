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

struct fake_source fake;
struct fake_sink heard;

void fake_reset(void)
{
    fake_session = NULL;
    memset(&fake, 0, sizeof fake);
    memset(&heard, 0, sizeof heard);
}

/* ---- the source ---- */

struct instance {
    const struct hg_host *host;
    struct hg_batch *batch;
    json_t *rows;
    size_t at;
    int n_batches;
    int64_t n_rounds;
};

static hg_status fake_open(const struct hg_host *host,
                           const char *config,
                           void **ret,
                           struct hg_error *err)
{
    (void)err;
    (void)snprintf(fake.config_seen, sizeof fake.config_seen, "%s", config);
    struct instance *instance = calloc(1, sizeof *instance);
    instance->host = host;
    fake.n_open++;
    *ret = instance;
    return HG_OK;
}

static void fake_close(void *inst)
{
    free(inst);
}

static hg_status fake_schema(void *arg, struct ArrowSchema *ret, struct hg_error *err)
{
    (void)arg;
    return hg_batch_schema(fake.columns, fake.n_columns, ret, err);
}

static hg_status put_decimal(struct hg_batch *batch, size_t column, const char *text)
{
    hg_int128 value = 0;
    for (const char *c = text; *c; c++) {
        if (*c != '-') {
            value = value * 10 + (*c - '0');
        }
    }
    return hg_batch_append_decimal(batch, column, text[0] == '-' ? -value : value);
}

static hg_status put_cell(struct hg_batch *batch, size_t column, const json_t *cell)
{
    json_int_t number = json_integer_value(cell);
    if (json_is_null(cell)) {
        return hg_batch_append_null(batch, column);
    }
    switch (fake.columns[column].type) {
    case HG_TYPE_BOOL:
        return hg_batch_append_bool(batch, column, json_is_true(cell));
    case HG_TYPE_INT32:
        return hg_batch_append_int32(batch, column, (int32_t)number);
    case HG_TYPE_INT64:
        return hg_batch_append_int64(batch, column, number);
    case HG_TYPE_FLOAT64:
        return hg_batch_append_float64(batch,
                                       column,
                                       json_is_string(cell) ? strtod(json_string_value(cell), NULL)
                                                            : json_number_value(cell));
    case HG_TYPE_DECIMAL128:
        return put_decimal(batch, column, json_string_value(cell));
    case HG_TYPE_DATE32:
        return hg_batch_append_date32(batch, column, (int32_t)number);
    case HG_TYPE_TIMESTAMP_US:
        return hg_batch_append_timestamp_us(batch, column, number);
    default:
        return hg_batch_append_bytes(
            batch, column, json_string_value(cell), json_string_length(cell));
    }
}

static hg_status begin_reading(struct instance *instance, struct hg_error *err)
{
    const struct hg_reject *reject = instance->host->get_extension(instance->host, HG_EXT_REJECT);
    const struct hg_state *state = instance->host->get_extension(instance->host, HG_EXT_STATE);
    hg_status r = fake.state ? state->put(instance->host, fake.state, err) : HG_OK;
    for (int i = 0; r == HG_OK && i < fake.n_rejects; i++) {
        const struct hg_reject_row row = {
            sizeof row, "fake.csv:7", "price", "\"a\\b\" is not a float64", "x,\"a\0b\",\xff", 9};
        r = reject->reject(instance->host, &row, err);
    }
    return r;
}

static hg_status put_place(struct instance *instance, size_t at, struct hg_error *err)
{
    const struct hg_state *state = instance->host->get_extension(instance->host, HG_EXT_STATE);
    char text[64];
    (void)snprintf(text, sizeof text, "{\"at\": %zu}", at);
    return state->put(instance->host, text, err);
}

static hg_status fake_next(void *arg, struct ArrowArray *ret, struct hg_error *err)
{
    struct instance *instance = arg;
    hg_status r = instance->n_batches++ == 0 ? begin_reading(instance, err) : HG_OK;
    if (r == HG_OK && instance->n_batches == fake.fail_at_batch) {
        struct hg_error failure = HG_ERROR_INIT;
        failure.code = HG_EUNAVAILABLE;
        failure.retryable = 1;
        (void)snprintf(failure.message, sizeof failure.message, "the fake source is away");
        *err = failure;
        return HG_EUNAVAILABLE;
    }
    if (fake.before_batch) {
        fake.before_batch(instance->n_batches);
    }
    while (fake.hang) {
        (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        if (instance->host->is_cancelled(instance->host)) {
            err->code = HG_ECANCELLED;
            return HG_ECANCELLED;
        }
    }
    size_t n = json_array_size(instance->rows);
    if (instance->at == n && ++instance->n_rounds < fake.n_repeat) {
        instance->at = 0;
    }
    size_t end = fake.batch_rows ? instance->at + (size_t)fake.batch_rows : n;
    end = end < n ? end : n;
    if (r < 0 || instance->at == end) {
        return r;
    }
    if (fake.resumes) {
        r = put_place(instance, end, err);
    }
    for (; r == HG_OK && instance->at < end; instance->at++) {
        const json_t *row = json_array_get(instance->rows, instance->at);
        for (size_t c = 0; r == HG_OK && c < fake.n_columns; c++) {
            r = put_cell(instance->batch, c, json_array_get(row, c));
        }
        r = r < 0 ? r : hg_batch_end_row(instance->batch);
    }
    return r < 0 ? hg_batch_explain(instance->batch, 0, r, err)
                 : hg_batch_finish(instance->batch, ret, err);
}

static void fake_release(void *arg)
{
    struct instance *instance = arg;
    hg_batch_free(instance->batch);
    json_decref(instance->rows);
    instance->batch = NULL;
    instance->rows = NULL;
}

static const struct hg_batch_stream_ops fake_ops = {fake_schema, fake_next, fake_release};

static hg_status fake_read(void *inst,
                           const struct hg_read_request *request,
                           struct ArrowArrayStream *ret,
                           struct hg_error *err)
{
    struct instance *instance = inst;
    (void)snprintf(fake.state_seen,
                   sizeof fake.state_seen,
                   "%s",
                   request->state_json ? request->state_json : "");
    instance->rows = fake.parsed ? json_incref(fake.parsed)
                                 : json_loads(fake.rows, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    assert_non_null(instance->rows);
    if (fake.resumes) {
        HG_CLEANUP(hg_json_decrefp) json_t *place = json_loads(fake.state_seen, 0, NULL);
        instance->at = (size_t)json_integer_value(json_object_get(place, "at"));
    }
    hg_status r = hg_batch_new(fake.columns, fake.n_columns, &instance->batch, err);
    return r < 0 ? r : hg_batch_stream(&fake_ops, instance, ret, err);
}

static void fake_cancel(void *inst)
{
    (void)inst;
}

static hg_status fake_test(void *inst, struct hg_error *err)
{
    (void)inst;
    (void)err;
    return HG_OK;
}

static hg_status fake_discover(void *inst,
                               const struct hg_discover_sink *sink,
                               struct hg_error *err)
{
    (void)inst;
    (void)sink;
    (void)err;
    return HG_OK;
}

static void format_position(void *inst, int64_t position, char *buf, size_t size)
{
    assert_non_null(inst);
    (void)snprintf(buf, size, "numbered.csv:%lld", (long long)position);
}

static const void *fake_extension(void *inst, const char *id)
{
    static const struct hg_position positions = {sizeof positions, format_position};
    return fake.numbers && strcmp(id, HG_EXT_POSITION) == 0 ? (const void *)&positions
                                                            : hg_batch_stream_extension(inst, id);
}

static const struct hg_connector_vtable source_vtable = {
    .struct_size = sizeof source_vtable,
    .resume = HG_RESUME_CURSOR,
    .open = fake_open,
    .test = fake_test,
    .discover = fake_discover,
    .read = fake_read,
    .cancel = fake_cancel,
    .close = fake_close,
    .get_extension = fake_extension,
};

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

static const struct hg_plugin plugins[] = {
    {.struct_size = sizeof plugins[0],
     .kind = HG_KIND_CONNECTOR,
     .id = "fake",
     .config_schema = "{\"properties\": {\"files\": {\"enum\": [\"new\", \"all\"]}}}",
     .vtable = &source_vtable},
    {.struct_size = sizeof plugins[0],
     .kind = HG_KIND_RULE,
     .id = "toy_not_null",
     .vtable = &not_null_vtable},
    {.struct_size = sizeof plugins[0],
     .kind = HG_KIND_RULE,
     .id = "toy_unique",
     .vtable = &unique_vtable},
    {.struct_size = sizeof plugins[0],
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
    for (size_t i = 0; i < HG_COUNT(plugins); i++) {
        if ((int)plugins[i].kind == kind && strcmp(plugins[i].id, id) == 0) {
            *ret = &plugins[i];
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

int fake_run_json(const json_t *task, json_t **ret_result, struct hg_error *err)
{
    static const struct hg_flow_sink sink = {
        NULL, sink_log, sink_progress, sink_is_cancelled, sink_calling};
    json_t *result = NULL;
    int r = hg_flow_run_with(task, &sink, &fake_plugins, fake_session, &result, err);
    assert_non_null(result);
    assert_false(heard.still_calling);
    if (ret_result) {
        *ret_result = result;
    } else {
        json_decref(result);
    }
    return r;
}

json_t *fake_task_json(const struct hg_test_pg *pg, const struct fake_task *task)
{
    char run_id[HG_UUID_TEXT];
    assert_int_equal(hg_uuid_new(run_id, NULL), HG_OK);
    json_t *json = json_pack(
        "{s:s, s:s, s:s, s:s, s:i, s:I, s:s, s:s, s:{s:s, s:s, s:{}}, s:o, s:{s:s, s:s, s:s, s:o}}",
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
        "warehouse",
        hg_test_pg_worker(pg),
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

int fake_run(const struct hg_test_pg *pg,
             const struct fake_task *task,
             json_t **ret_result,
             struct hg_error *err)
{
    HG_CLEANUP(hg_json_decrefp) json_t *json = fake_task_json(pg, task);
    return fake_run_json(json, ret_result, err);
}

/* ---- the warehouse ---- */

static PGresult *query(const struct hg_test_pg *pg, const char *sql)
{
    static const char settings[] = "set client_min_messages = warning; set search_path = public";
    static PGconn *conn;
    static char to[512];
    if (!conn || strcmp(to, hg_test_pg_warehouse(pg)) != 0 || PQstatus(conn) != CONNECTION_OK) {
        PQfinish(conn);
        (void)snprintf(to, sizeof to, "%s", hg_test_pg_warehouse(pg));
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

const char *fake_query(const struct hg_test_pg *pg, const char *sql)
{
    static char text[64 * 1024];
    PGresult *result = query(pg, sql);
    (void)snprintf(text, sizeof text, "%s", PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "");
    PQclear(result);
    return text;
}

void fake_sql(const struct hg_test_pg *pg, const char *sql)
{
    PQclear(query(pg, sql));
}
