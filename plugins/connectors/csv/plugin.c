/* The connector "csv": what the host sees of it. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "config_schema.h" /* made from config.schema.json */
#include "headgate/error.h"
#include "reader.h"

#define STREAM_NAME "rows"

struct csv {
    const struct hg_host *host;
    struct csv_config *config;
    struct src_cancel cancel;
    struct src_files files; /* of the last read, which its positions count */
};

static void csv_close(void *inst)
{
    struct csv *csv = inst;
    if (!csv) {
        return;
    }
    if (csv->cancel.event_fd >= 0) {
        close(csv->cancel.event_fd);
    }
    src_files_done(&csv->files);
    csv_config_free(csv->config);
    free(csv);
}

static hg_status csv_open(const struct hg_host *host,
                          const char *config_json,
                          void **ret_inst,
                          struct hg_error *err)
{
    struct csv *csv = calloc(1, sizeof *csv);
    if (!csv) {
        return hg_fail_nomem(err);
    }
    csv->host = host;
    csv->cancel.host = host;
    atomic_init(&csv->cancel.wanted, false);
    /* Without one a cancelled read that waits is seen by asking the host now and then. */
    csv->cancel.event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    hg_status status = csv_config_read(config_json, &csv->config, err);
    if (status) {
        csv_close(csv);
        return status;
    }
    *ret_inst = csv;
    return HG_OK;
}

/* A reader over all files, whatever was read before. */
static hg_status start(struct csv *csv,
                       const char *state_json,
                       uint32_t batch_rows,
                       struct csv_reader **ret,
                       struct hg_error *err)
{
    src_files_done(&csv->files);
    hg_status status =
        src_files_list(csv->host, &csv->config->paths, csv->config->only_new, &csv->files, err);
    if (status) {
        return status;
    }
    return csv_reader_new(
        csv->host, csv->config, &csv->cancel, &csv->files, state_json, batch_rows, ret, err);
}

/* Reads the header and the first good row of the first file. */
static hg_status csv_test(void *inst, struct hg_error *err)
{
    struct csv_reader *reader;
    struct ArrowArray rows = {0};
    hg_status status = start(inst, NULL, 1, &reader, err);
    if (status) {
        return status;
    }
    reader->only_tries = true;
    reader->keeps_state = false;
    status = csv_reader_next(reader, &rows, err);
    if (!status && rows.release) {
        rows.release(&rows);
    }
    csv_reader_free(reader);
    return status;
}

static hg_status csv_discover(void *inst, const struct hg_discover_sink *sink, struct hg_error *err)
{
    struct csv *csv = inst;
    struct csv_reader *reader;
    struct ArrowSchema schema;
    hg_status status = start(csv, NULL, 1, &reader, err);
    if (status) {
        return status;
    }
    status = csv_reader_schema(reader, &schema, err);
    csv_reader_free(reader);
    if (status) {
        return status;
    }
    struct hg_stream_info info = {
        .struct_size = sizeof info,
        .resume = csv->config->only_new ? HG_RESUME_CURSOR : HG_RESUME_NONE,
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
    return csv_reader_schema(arg, ret, err);
}

static hg_status stream_next(void *arg, struct ArrowArray *ret, struct hg_error *err)
{
    return csv_reader_next(arg, ret, err);
}

static void stream_release(void *arg)
{
    csv_reader_free(arg);
}

static const struct hg_batch_stream_ops stream_ops = {stream_schema, stream_next, stream_release};

static hg_status csv_read(void *inst,
                          const struct hg_read_request *request,
                          struct ArrowArrayStream *ret_stream,
                          struct hg_error *err)
{
    struct csv_reader *reader;
    if (request->stream && strcmp(request->stream, STREAM_NAME) != 0) {
        hg_fail(err, HG_ENOTFOUND, "there is no stream \"%s\"", request->stream);
        return hg_fail_hint(err, HG_ENOTFOUND, "The only stream of csv is \"" STREAM_NAME "\".");
    }
    hg_status status = start(inst, request->state_json, request->batch_rows, &reader, err);
    if (status) {
        return status;
    }
    status = hg_batch_stream(&stream_ops, reader, ret_stream, err);
    if (status) {
        csv_reader_free(reader);
    }
    return status;
}

static void src_cancel(void *inst)
{
    struct csv *csv = inst;
    atomic_store(&csv->cancel.wanted, true);
    if (csv->cancel.event_fd >= 0) {
        uint64_t one = 1;
        ssize_t n = write(csv->cancel.event_fd, &one, sizeof one);
        (void)n; /* a full counter wakes the reader as well */
    }
}

/* ------------------------------------------------------------------------------------------ */
/* Extensions                                                                                   */
/* ------------------------------------------------------------------------------------------ */

static void position_format(void *inst, int64_t position, char *buf, size_t size)
{
    const struct csv *csv = inst;
    int64_t line = position & ((INT64_C(1) << CSV_POSITION_LINE_BITS) - 1);
    int64_t file = position >> CSV_POSITION_LINE_BITS;
    if (file >= 0 && (uint64_t)file < csv->files.n) {
        snprintf(buf, size, "%s:%lld", csv->files.items[file].shown, (long long)line);
    } else {
        snprintf(buf, size, "%lld", (long long)position);
    }
}

static const struct hg_position position_extension = {sizeof position_extension, position_format};

static const void *csv_extension(void *inst, const char *id)
{
    if (strcmp(id, HG_EXT_POSITION) == 0) {
        return &position_extension;
    }
    return hg_batch_stream_extension(inst, id);
}

static const struct hg_connector_vtable vtable = {
    .struct_size = sizeof vtable,
    .resume = HG_RESUME_CURSOR,
    .open = csv_open,
    .test = csv_test,
    .discover = csv_discover,
    .read = csv_read,
    .cancel = src_cancel,
    .close = csv_close,
    .get_extension = csv_extension,
};

static const struct hg_plugin plugin = {
    .struct_size = sizeof plugin,
    .kind = HG_KIND_CONNECTOR,
    .id = "csv",
    .name = "CSV files",
    .version = HG_SDK_VERSION,
    .summary = "Reads delimited text files, plain or compressed, with a type for each column.",
    .homepage = "",
    .license = "Apache-2.0",
    .config_schema = (const char *)config_schema,
    .vtable = &vtable,
};

HG_MODULE(&plugin);
