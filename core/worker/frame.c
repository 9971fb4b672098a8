#include "worker/frame.h"

#include <stdint.h>
#include <string.h>

#include "base/io.h"
#include "base/json.h"
#include "base/mem.h"

static int append_json(const char *bytes, size_t n, void *out)
{
    hg_buf_append(out, bytes, n);
    return hg_buf_failed(out) ? -1 : 0;
}

int hg_frame_encode(struct hg_buf *out, const json_t *message, struct hg_error *err)
{
    size_t start = out->len;
    uint32_t length = 0;
    hg_buf_append(out, &length, sizeof length);
    if (json_dump_callback(message, append_json, out, JSON_COMPACT) < 0 || hg_buf_failed(out)) {
        return hg_error_nomem(err);
    }
    size_t n = out->len - start - sizeof length;
    if (n > HG_FRAME_MAX_BYTES) {
        out->len = start;
        return hg_error_set(err, HG_ETOOBIG, "a message of %zu bytes between host and worker", n);
    }
    length = (uint32_t)n;
    memcpy(out->data + start, &length, sizeof length);
    return HG_OK;
}

int hg_frame_send(int fd, const json_t *message, struct hg_error *err)
{
    HG_CLEANUP(hg_buf_free) struct hg_buf out = HG_BUF_INIT;
    int r = hg_frame_encode(&out, message, err);
    if (r < 0) {
        return r;
    }
    return hg_write_all(fd, out.data, out.len, err);
}

static int decode(const char *bytes, size_t n, json_t **ret, struct hg_error *err)
{
    json_error_t problem;
    json_t *message = hg_json_read(bytes, n, JSON_ALLOW_NUL, &problem);
    if (!message && json_error_code(&problem) == json_error_out_of_memory) {
        return hg_error_nomem(err);
    }
    if (!message) {
        return hg_error_set(
            err, HG_EDATA, "a message between host and worker is not JSON: %s", problem.text);
    }
    *ret = message;
    return HG_OK;
}

static int too_long(uint32_t length, struct hg_error *err)
{
    return hg_error_set(
        err, HG_EDATA, "a message of %u bytes was announced between host and worker", length);
}

int hg_frame_receive(int fd, json_t **ret, struct hg_error *err)
{
    uint32_t length;
    int r = hg_read_exact(fd, &length, sizeof length, err);
    if (r < 0) {
        return r;
    }
    if (length > HG_FRAME_MAX_BYTES) {
        return too_long(length, err);
    }
    HG_CLEANUP(hg_freep) char *bytes = malloc((size_t)length + 1);
    if (!bytes) {
        return hg_error_nomem(err);
    }
    r = hg_read_exact(fd, bytes, length, err);
    if (r < 0) {
        return r;
    }
    return decode(bytes, length, ret, err);
}

int hg_frame_take(struct hg_buf *in, json_t **ret, struct hg_error *err)
{
    uint32_t length;
    *ret = NULL;
    if (in->len < sizeof length) {
        return HG_OK;
    }
    memcpy(&length, in->data, sizeof length);
    if (length > HG_FRAME_MAX_BYTES) {
        return too_long(length, err);
    }
    size_t whole = sizeof length + length;
    if (in->len < whole) {
        return HG_OK;
    }
    int r = decode(in->data + sizeof length, length, ret, err);
    in->len -= whole;
    memmove(in->data, in->data + whole, in->len);
    return r;
}
