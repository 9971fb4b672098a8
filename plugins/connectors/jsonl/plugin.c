/* The connector "jsonl": what the host sees of it. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "config_schema.h" /* made from config.schema.json */
#include "headgate/error.h"
#include "reader.h"

#define STREAM_NAME "rows"

struct jsonl {
    const struct hg_host *host;
    struct jsonl_config *config;
    struct src_cancel cancel;
    struct src_files files; /* of the last read, which its positions count */
};

static void jsonl_close(void *inst)
{
    struct jsonl *jsonl = inst;
    if (!jsonl) {
        return;
    }
    if (jsonl->cancel.event_fd >= 0) {
        close(jsonl->cancel.event_fd);
    }
    src_files_done(&jsonl->files);
    jsonl_config_free(jsonl->config);
    free(jsonl);
}

static hg_status jsonl_open(const struct hg_host *host,
                            const char *config_json,
                            void **ret_inst,
                            struct hg_error *err)
{
    struct jsonl *jsonl = calloc(1, sizeof *jsonl);
    if (!jsonl) {
        return hg_fail_nomem(err);
    }
    jsonl->host = host;
    jsonl->cancel.host = host;
    atomic_init(&jsonl->cancel.wanted, false);
    /* Without one a cancelled read that waits is seen by asking the host now and then. */
    jsonl->cancel.event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    hg_status status = jsonl_config_read(config_json, &jsonl->config, err);
    if (status) {
        jsonl_close(jsonl);
        return status;
    }
    *ret_inst = jsonl;
    return HG_OK;
}

/* A reader over all files, whatever was read before. */
static hg_status start(struct jsonl *jsonl,
                       const char *state_json,
                       uint32_t batch_rows,
                       struct jsonl_reader **ret,
                       struct hg_error *err)
{
    src_files_done(&jsonl->files);
    hg_status status = src_files_list(
        jsonl->host, &jsonl->config->paths, jsonl->config->only_new, &jsonl->files, err);
    if (status) {
        return status;
    }
    return jsonl_reader_new(jsonl->host,
                            jsonl->config,
                            &jsonl->cancel,
                            &jsonl->files,
                            state_json,
                            batch_rows,
                            ret,
                            err);
}

/* Reads the first good row of the first file. */
static hg_status jsonl_test(void *inst, struct hg_error *err)
{
    struct jsonl_reader *reader;
    struct ArrowArray rows = {0};
    hg_status status = start(inst, NULL, 1, &reader, err);
    if (status) {
        return status;
    }
    reader->only_tries = true;
    reader->keeps_state = false;
    status = jsonl_reader_next(reader, &rows, err);
    if (!status && rows.release) {
        rows.release(&rows);
    }
    jsonl_reader_free(reader);
    return status;
}

static hg_status jsonl_discover(void *inst,
                                const struct hg_discover_sink *sink,
                                struct hg_error *err)
{
    struct jsonl *jsonl = inst;
    struct ArrowSchema schema;
    hg_status status = jsonl_schema(jsonl->config, &schema, err);
    if (status) {
        return status;
    }
    struct hg_stream_info info = {
        .struct_size = sizeof info,
        .resume = jsonl->config->only_new ? HG_RESUME_CURSOR : HG_RESUME_NONE,
        .name = STREAM_NAME,
        .schema = &schema,
    };
    status = sink->stream(sink->arg, &info, err);
    schema.release(&schema);
    return status;
}

/* ------------------------------------------------------------------------------------------ */
/* Streams                                                                                      */
/* ------------------------------------------------------------------------------------------ */

static hg_status stream_schema(void *arg, struct ArrowSchema *ret, struct hg_error *err)
{
    const struct jsonl_reader *reader = arg;
    return jsonl_schema(reader->config, ret, err);
}

static hg_status stream_next(void *arg, struct ArrowArray *ret, struct hg_error *err)
{
    return jsonl_reader_next(arg, ret, err);
}

static void stream_release(void *arg)
{
    jsonl_reader_free(arg);
}

static const struct hg_batch_stream_ops stream_ops = {stream_schema, stream_next, stream_release};

static hg_status jsonl_read(void *inst,
                            const struct hg_read_request *request,
                            struct ArrowArrayStream *ret_stream,
                            struct hg_error *err)
{
    struct jsonl_reader *reader;
    if (request->stream && strcmp(request->stream, STREAM_NAME) != 0) {
        hg_fail(err, HG_ENOTFOUND, "there is no stream \"%s\"", request->stream);
        return hg_fail_hint(err, HG_ENOTFOUND, "The only stream of jsonl is \"" STREAM_NAME "\".");
    }
    hg_status status = start(inst, request->state_json, request->batch_rows, &reader, err);
    if (status) {
        return status;
    }
    status = hg_batch_stream(&stream_ops, reader, ret_stream, err);
    if (status) {
        jsonl_reader_free(reader);
    }
    return status;
}

static void src_cancel(void *inst)
{
    struct jsonl *jsonl = inst;
    atomic_store(&jsonl->cancel.wanted, true);
    if (jsonl->cancel.event_fd >= 0) {
        uint64_t one = 1;
        ssize_t n = write(jsonl->cancel.event_fd, &one, sizeof one);
        (void)n; /* a full counter wakes the reader as well */
    }
}

/* ------------------------------------------------------------------------------------------ */
/* Extensions                                                                                   */
/* ------------------------------------------------------------------------------------------ */

static void position_format(void *inst, int64_t position, char *buf, size_t size)
{
    const struct jsonl *jsonl = inst;
    int64_t line = position & ((INT64_C(1) << JSONL_POSITION_LINE_BITS) - 1);
    int64_t file = position >> JSONL_POSITION_LINE_BITS;
    if (file >= 0 && (uint64_t)file < jsonl->files.n) {
        snprintf(buf, size, "%s:%lld", jsonl->files.items[file].shown, (long long)line);
    } else {
        snprintf(buf, size, "%lld", (long long)position);
    }
}

static const struct hg_position position_extension = {sizeof position_extension, position_format};

static const void *jsonl_extension(void *inst, const char *id)
{
    if (strcmp(id, HG_EXT_POSITION) == 0) {
        return &position_extension;
    }
    return hg_batch_stream_extension(inst, id);
}

static const struct hg_connector_vtable vtable = {
    .struct_size = sizeof vtable,
    .resume = HG_RESUME_CURSOR,
    .open = jsonl_open,
    .test = jsonl_test,
    .discover = jsonl_discover,
    .read = jsonl_read,
    .cancel = src_cancel,
    .close = jsonl_close,
    .get_extension = jsonl_extension,
};

static const struct hg_plugin plugin = {
    .struct_size = sizeof plugin,
    .kind = HG_KIND_CONNECTOR,
    .id = "jsonl",
    .name = "JSON Lines files",
    .version = HG_SDK_VERSION,
    .summary =
        "Reads files of one JSON object a line, plain or compressed, with a type for each column.",
    .homepage = "",
    .license = "Apache-2.0",
    .config_schema = (const char *)config_schema,
    .vtable = &vtable,
};

HG_MODULE(&plugin);
