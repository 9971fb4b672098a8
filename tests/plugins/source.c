#include "source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "headgate/batch.h"
#include "headgate/config.h"
#include "headgate/error.h"
#include "headgate/json.h"

static const struct hg_config_field fields[] = {
    {.key = "n", .type = HG_CONFIG_INT64, .required = true, .offset = offsetof(struct source, n)},
    {.key = "batch_rows", .type = HG_CONFIG_INT64, .offset = offsetof(struct source, batch_rows)},
};

static const struct hg_column columns[] = {
    {.name = "number", .type = HG_TYPE_INT64},
    {.name = "text", .type = HG_TYPE_UTF8, .nullable = true},
};

static void source_close(void *inst)
{
    struct source *source = inst;
    if (source) {
        hg_batch_free(source->batch);
        free(source);
    }
}

static hg_status source_open(const struct hg_host *host,
                             const char *config_json,
                             void **ret_inst,
                             struct hg_error *err)
{
    struct source *source = calloc(1, sizeof *source);
    if (!source) {
        return hg_fail_nomem(err);
    }
    source->host = host;
    hg_status status = hg_config_read(config_json, fields, 2, source, err);
    if (!status) {
        status = hg_batch_new(columns, 2, &source->batch, err);
    }
    if (status) {
        source_close(source);
        return status;
    }
    source_opened();
    *ret_inst = source;
    return HG_OK;
}

static hg_status source_test(void *inst, struct hg_error *err)
{
    (void)inst;
    (void)err;
    return HG_OK;
}

static hg_status source_schema(void *arg, struct ArrowSchema *ret, struct hg_error *err)
{
    (void)arg;
    return hg_batch_schema(columns, 2, ret, err);
}

static hg_status source_discover(void *inst,
                                 const struct hg_discover_sink *sink,
                                 struct hg_error *err)
{
    struct ArrowSchema schema;
    hg_status status = source_schema(inst, &schema, err);
    if (status) {
        return status;
    }
    static const char *const key[] = {"number"};
    struct hg_stream_info info = {.struct_size = sizeof info,
                                  .resume = HG_RESUME_CURSOR,
                                  .name = "numbers",
                                  .schema = &schema,
                                  .cursor = "number",
                                  .key = key,
                                  .n_key = 1};
    status = sink->stream(sink->arg, &info, err);
    schema.release(&schema);
    return status;
}

/* Says where a later read goes on: {"next": 1000}. */
static hg_status put_state(struct source *source, struct hg_error *err)
{
    const struct hg_state *state = source->host->get_extension(source->host, HG_EXT_STATE);
    if (!state) {
        return HG_OK;
    }
    char text[48];
    (void)snprintf(text, sizeof text, "{\"next\":%lld}", (long long)source->next);
    return state->put(source->host, text, err);
}

static hg_status append_row(struct source *source)
{
    char text[32];
    int n = snprintf(text, sizeof text, "row %lld", (long long)source->next);
    hg_status status = hg_batch_append_int64(source->batch, 0, source->next);
    if (!status) {
        status = source->next % 7 == 6 ? hg_batch_append_null(source->batch, 1)
                                       : hg_batch_append_bytes(source->batch, 1, text, (size_t)n);
    }
    source->next++;
    return status;
}

static hg_status source_next(void *arg, struct ArrowArray *ret, struct hg_error *err)
{
    struct source *source = arg;
    if (atomic_load(&source->cancelled) || source->host->is_cancelled(source->host)) {
        return hg_fail(err, HG_ECANCELLED, "the read was cancelled");
    }
    int64_t left = source->n - source->next;
    int64_t rows = left < source->batch_rows ? left : source->batch_rows;
    if (rows <= 0) {
        return source_spoil(source, ret, err);
    }
    hg_batch_reset(source->batch);
    for (int64_t i = 0; i < rows; i++) {
        hg_status status = append_row(source);
        if (status) {
            return hg_batch_explain(source->batch, 1, status, err);
        }
    }
    hg_status status = put_state(source, err);
    if (!status) {
        status = hg_batch_finish(source->batch, ret, err);
    }
    source->host->progress(source->host, source->next, source->n);
    return status ? status : source_spoil(source, ret, err);
}

static const struct hg_config_field state_fields[] = {
    {.key = "next", .type = HG_CONFIG_INT64, .offset = offsetof(struct source, next)},
};

static hg_status source_read(void *inst,
                             const struct hg_read_request *request,
                             struct ArrowArrayStream *ret_stream,
                             struct hg_error *err)
{
    static const struct hg_batch_stream_ops ops = {.schema = source_schema, .next = source_next};
    struct source *source = inst;
    if (request->stream && strcmp(request->stream, "numbers") != 0) {
        return hg_fail(err, HG_ENOTFOUND, "there is no stream \"%s\"", request->stream);
    }
    source->next = 0;
    atomic_store(&source->cancelled, false);
    if (request->state_json) {
        hg_status status = hg_config_read(request->state_json, state_fields, 1, source, err);
        if (status) {
            return status;
        }
    }
    if (source->batch_rows == 0) {
        source->batch_rows = request->batch_rows ? request->batch_rows : 1000;
    }
    return hg_batch_stream(&ops, source, ret_stream, err);
}

static void source_cancel(void *inst)
{
    struct source *source = inst;
    atomic_store(&source->cancelled, true);
}

const struct hg_connector_vtable source_vtable = {
    .struct_size = sizeof source_vtable,
    .resume = HG_RESUME_CURSOR,
    .open = source_open,
    .test = source_test,
    .discover = source_discover,
    .read = source_read,
    .cancel = source_cancel,
    .close = source_close,
    .get_extension = hg_batch_stream_extension,
};
