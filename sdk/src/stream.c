#include "headgate/stream.h"

#include <stdlib.h>
#include <string.h>

#include "headgate/error.h"

struct stream {
    const struct hg_batch_stream_ops *ops;
    void *arg;
    bool ended;
    bool failed; /* for good; a schema that could not be given can be asked for again */
    struct hg_error error;
};

static int fail(struct stream *stream, hg_status status)
{
    /* A source that forgot to say what happened is not to look like a success. */
    if (stream->error.code != status) {
        hg_fail(&stream->error, status, "the source failed without saying why");
    }
    return hg_errno_of(status);
}

static int get_schema(struct ArrowArrayStream *self, struct ArrowSchema *out)
{
    struct stream *stream = self->private_data;
    stream->error = (struct hg_error)HG_ERROR_INIT;
    hg_status status = stream->ops->schema(stream->arg, out, &stream->error);
    return status ? fail(stream, status) : 0;
}

static int get_next(struct ArrowArrayStream *self, struct ArrowArray *out)
{
    struct stream *stream = self->private_data;
    if (stream->failed) {
        return hg_errno_of(stream->error.code);
    }
    struct ArrowArray batch = {0};
    if (!stream->ended) {
        stream->error = (struct hg_error)HG_ERROR_INIT;
        hg_status status = stream->ops->next(stream->arg, &batch, &stream->error);
        if (status) {
            stream->failed = true;
            return fail(stream, status);
        }
        stream->ended = !batch.release;
    }
    *out = batch;
    return 0;
}

static const char *get_last_error(struct ArrowArrayStream *self)
{
    struct stream *stream = self->private_data;
    return stream->error.code ? stream->error.message : NULL;
}

static void release(struct ArrowArrayStream *self)
{
    struct stream *stream = self->private_data;
    if (stream->ops->release) {
        stream->ops->release(stream->arg);
    }
    free(stream);
    self->private_data = NULL;
    self->release = NULL;
}

hg_status hg_batch_stream(const struct hg_batch_stream_ops *ops,
                          void *arg,
                          struct ArrowArrayStream *ret,
                          struct hg_error *err)
{
    struct stream *stream = calloc(1, sizeof *stream);
    if (!stream) {
        return hg_fail_nomem(err);
    }
    stream->ops = ops;
    stream->arg = arg;
    stream->error = (struct hg_error)HG_ERROR_INIT;
    *ret = (struct ArrowArrayStream){.get_schema = get_schema,
                                     .get_next = get_next,
                                     .get_last_error = get_last_error,
                                     .release = release,
                                     .private_data = stream};
    return HG_OK;
}

static void last(void *inst, struct ArrowArrayStream *self, struct hg_error *ret)
{
    (void)inst;
    if (!self || self->release != release) {
        hg_fail(ret, HG_EINVAL, "this stream does not come from hg_batch_stream");
        return;
    }
    const struct stream *stream = self->private_data;
    uint32_t struct_size = ret->struct_size;
    size_t size = struct_size < sizeof *ret ? struct_size : sizeof *ret;
    memcpy(ret, &stream->error, size);
    ret->struct_size = struct_size;
}

const void *hg_batch_stream_extension(void *inst, const char *id)
{
    static const struct hg_stream_error stream_error = {sizeof stream_error, last};
    (void)inst;
    return strcmp(id, HG_EXT_STREAM_ERROR) == 0 ? &stream_error : NULL;
}
