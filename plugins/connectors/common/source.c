#include "source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "headgate/error.h"

#define STREAM_NAME "rows"

struct source {
    const struct src_format *format;
    const struct hg_host *host;
    struct src_settings *settings;
    struct src_cancel cancel;
    struct src_files files; /* of the last read, which its positions count */
};

void src_source_close(void *inst)
{
    struct source *source = inst;
    if (!source) {
        return;
    }
    src_cancel_close(&source->cancel);
    src_files_done(&source->files);
    source->format->free_config(source->settings);
    free(source);
}

hg_status src_source_open(const struct src_format *format,
                          const struct hg_host *host,
                          const char *config_json,
                          void **ret_inst,
                          struct hg_error *err)
{
    struct source *source = calloc(1, sizeof *source);
    if (!source) {
        return hg_fail_nomem(err);
    }
    source->format = format;
    source->host = host;
    src_cancel_open(&source->cancel, host);
    hg_status status = format->read_config(config_json, &source->settings, err);
    if (status) {
        src_source_close(source);
        return status;
    }
    *ret_inst = source;
    return HG_OK;
}

void src_source_cancel(void *inst)
{
    struct source *source = inst;
    src_cancel_now(&source->cancel);
}

/* A reader over all files, whatever was read before. */
static hg_status start(struct source *source,
                       const char *state_json,
                       uint32_t batch_rows,
                       struct src_reader **ret,
                       struct hg_error *err)
{
    struct src_settings *settings = source->settings;
    src_files_done(&source->files);
    hg_status status =
        src_files_list(source->host, &settings->paths, settings->only_new, &source->files, err);
    if (status) {
        return status;
    }
    const struct src_reading reading = {source->host, settings, &source->cancel, &source->files};
    return src_reader_new(source->format, &reading, state_json, batch_rows, ret, err);
}

hg_status src_source_test(void *inst, struct hg_error *err)
{
    struct src_reader *reader;
    struct ArrowArray rows = {0};
    hg_status status = start(inst, NULL, 1, &reader, err);
    if (status) {
        return status;
    }
    reader->only_tries = true;
    reader->keeps_state = false;
    status = src_reader_next(reader, &rows, err);
    if (!status && rows.release) {
        rows.release(&rows);
    }
    src_reader_free(reader);
    return status;
}

static hg_status find_schema(struct source *source, struct ArrowSchema *ret, struct hg_error *err)
{
    struct src_reader *reader;
    if (!source->format->columns_from_file) {
        return src_settings_schema(source->settings, ret, err);
    }
    hg_status status = start(source, NULL, 1, &reader, err);
    if (status) {
        return status;
    }
    status = src_reader_schema(reader, ret, err);
    src_reader_free(reader);
    return status;
}

hg_status src_source_discover(void *inst, const struct hg_discover_sink *sink, struct hg_error *err)
{
    struct source *source = inst;
    struct ArrowSchema schema;
    hg_status status = find_schema(source, &schema, err);
    if (status) {
        return status;
    }
    struct hg_stream_info info = {
        .struct_size = sizeof info,
        .resume = source->settings->only_new ? HG_RESUME_CURSOR : HG_RESUME_NONE,
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
    return src_reader_schema(arg, ret, err);
}

static hg_status stream_next(void *arg, struct ArrowArray *ret, struct hg_error *err)
{
    return src_reader_next(arg, ret, err);
}

static void stream_release(void *arg)
{
    src_reader_free(arg);
}

static const struct hg_batch_stream_ops stream_ops = {stream_schema, stream_next, stream_release};

hg_status src_source_read(void *inst,
                          const struct hg_read_request *request,
                          struct ArrowArrayStream *ret_stream,
                          struct hg_error *err)
{
    struct source *source = inst;
    struct src_reader *reader;
    if (request->stream && strcmp(request->stream, STREAM_NAME) != 0) {
        hg_fail(err, HG_ENOTFOUND, "there is no stream \"%s\"", request->stream);
        return hg_fail_hint(
            err, HG_ENOTFOUND, "The only stream of %s is \"" STREAM_NAME "\".", source->format->id);
    }
    hg_status status = start(source, request->state_json, request->batch_rows, &reader, err);
    if (status) {
        return status;
    }
    status = hg_batch_stream(&stream_ops, reader, ret_stream, err);
    if (status) {
        src_reader_free(reader);
    }
    return status;
}

/* ------------------------------------------------------------------------------------------ */
/* Extensions                                                                                   */
/* ------------------------------------------------------------------------------------------ */

static void position_format(void *inst, int64_t position, char *buf, size_t size)
{
    const struct source *source = inst;
    int64_t line = position & ((INT64_C(1) << SRC_POSITION_LINE_BITS) - 1);
    int64_t file = position >> SRC_POSITION_LINE_BITS;
    if (file >= 0 && (uint64_t)file < source->files.n) {
        snprintf(buf, size, "%s:%lld", source->files.items[file].shown, (long long)line);
    } else {
        snprintf(buf, size, "%lld", (long long)position);
    }
}

static const struct hg_position position_extension = {sizeof position_extension, position_format};

const void *src_source_extension(void *inst, const char *id)
{
    if (strcmp(id, HG_EXT_POSITION) == 0) {
        return &position_extension;
    }
    return hg_batch_stream_extension(inst, id);
}
