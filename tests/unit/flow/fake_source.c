#include "fake_source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "headgate/stream.h"

struct fake_source fake;

/* ---- what readings have in common ---- */

hg_status fake_away(struct hg_error *err)
{
    *err = (struct hg_error){.struct_size = sizeof *err,
                             .code = HG_EUNAVAILABLE,
                             .retryable = 1,
                             .retry_after_ms = -1,
                             .message = "the fake source is away"};
    return HG_EUNAVAILABLE;
}

hg_status fake_finish(struct fake_reading *reading,
                      hg_status r,
                      struct ArrowArray *ret,
                      struct hg_error *err)
{
    return r < 0 ? hg_batch_explain(reading->batch, 0, r, err)
                 : hg_batch_finish(reading->batch, ret, err);
}

hg_status fake_put_place(const struct fake_reading *reading, int64_t place, struct hg_error *err)
{
    const struct hg_state *state = reading->host->get_extension(reading->host, HG_EXT_STATE);
    char text[64];
    (void)snprintf(text, sizeof text, "{\"at\": %lld}", (long long)place);
    return state->put(reading->host, text, err);
}

int64_t fake_place(const char *state)
{
    HG_CLEANUP(hg_json_decrefp) json_t *json = json_loads(state, 0, NULL);
    return json_integer_value(json_object_get(json, "at"));
}

/* ---- rows in JSON ---- */

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

static hg_status begin_reading(struct fake_reading *reading, struct hg_error *err)
{
    const struct hg_reject *reject = reading->host->get_extension(reading->host, HG_EXT_REJECT);
    const struct hg_state *state = reading->host->get_extension(reading->host, HG_EXT_STATE);
    hg_status r = fake.state ? state->put(reading->host, fake.state, err) : HG_OK;
    for (int i = 0; r == HG_OK && i < fake.n_rejects; i++) {
        const struct hg_reject_row row = {
            sizeof row, "fake.csv:7", "price", "\"a\\b\" is not a float64", "x,\"a\0b\",\xff", 9};
        r = reject->reject(reading->host, &row, err);
    }
    return r;
}

static void begin_json(struct fake_reading *reading, const char *state)
{
    reading->rows = fake.parsed ? json_incref(fake.parsed)
                                : json_loads(fake.rows, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    assert_non_null(reading->rows);
    reading->at = fake.resumes ? (size_t)fake_place(state) : 0;
}

static hg_status next_json(struct fake_reading *reading,
                           struct ArrowArray *ret,
                           struct hg_error *err)
{
    hg_status r = reading->n_batches++ == 0 ? begin_reading(reading, err) : HG_OK;
    if (r == HG_OK && reading->n_batches == fake.fail_at_batch) {
        return fake_away(err);
    }
    if (fake.before_batch) {
        fake.before_batch(reading->n_batches);
    }
    while (fake.hang) {
        (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        if (reading->host->is_cancelled(reading->host)) {
            err->code = HG_ECANCELLED;
            return HG_ECANCELLED;
        }
    }
    size_t n = json_array_size(reading->rows);
    if (reading->at == n && ++reading->n_rounds < fake.n_repeat) {
        reading->at = 0;
    }
    size_t end = fake.batch_rows ? reading->at + (size_t)fake.batch_rows : n;
    end = end < n ? end : n;
    if (r < 0 || reading->at == end) {
        return r;
    }
    if (fake.resumes) {
        r = fake_put_place(reading, (int64_t)end, err);
    }
    for (; r == HG_OK && reading->at < end; reading->at++) {
        const json_t *row = json_array_get(reading->rows, reading->at);
        for (size_t c = 0; r == HG_OK && c < fake.n_columns; c++) {
            r = put_cell(reading->batch, c, json_array_get(row, c));
        }
        r = r < 0 ? r : hg_batch_end_row(reading->batch);
    }
    return fake_finish(reading, r, ret, err);
}

static const struct fake_rows json_rows = {begin_json, next_json};

/* ---- the plugin ---- */

static hg_status fake_open(const struct hg_host *host,
                           const char *config,
                           void **ret,
                           struct hg_error *err)
{
    (void)err;
    (void)snprintf(fake.config_seen, sizeof fake.config_seen, "%s", config);
    struct fake_reading *reading = calloc(1, sizeof *reading);
    reading->host = host;
    fake.n_open++;
    *ret = reading;
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

static hg_status fake_next(void *arg, struct ArrowArray *ret, struct hg_error *err)
{
    return (fake.from ? fake.from : &json_rows)->next(arg, ret, err);
}

static void fake_release(void *arg)
{
    struct fake_reading *reading = arg;
    hg_batch_free(reading->batch);
    json_decref(reading->rows);
    reading->batch = NULL;
    reading->rows = NULL;
}

static const struct hg_batch_stream_ops fake_ops = {fake_schema, fake_next, fake_release};

static hg_status fake_read(void *inst,
                           const struct hg_read_request *request,
                           struct ArrowArrayStream *ret,
                           struct hg_error *err)
{
    struct fake_reading *reading = inst;
    (void)snprintf(fake.state_seen,
                   sizeof fake.state_seen,
                   "%s",
                   request->state_json ? request->state_json : "");
    (fake.from ? fake.from : &json_rows)->begin(reading, fake.state_seen);
    hg_status r = hg_batch_new(fake.columns, fake.n_columns, &reading->batch, err);
    return r < 0 ? r : hg_batch_stream(&fake_ops, reading, ret, err);
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

const struct hg_plugin fake_source_plugin = {
    .struct_size = sizeof fake_source_plugin,
    .kind = HG_KIND_CONNECTOR,
    .id = "fake",
    .config_schema = "{\"properties\": {\"files\": {\"enum\": [\"new\", \"all\"]}}}",
    .vtable = &source_vtable,
};
