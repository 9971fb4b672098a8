#include "flow/temp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"

enum { BUFFER_BYTES_MIN = 4 * 1024, BUFFER_BYTES_MAX = 64 * 1024, READ_BYTES = 64 * 1024 };

/* A piece of a log in the file. */
struct extent {
    int64_t offset;
    size_t n;
};

struct log {
    uint8_t *buffer; /* made when first written to */
    size_t n;        /* bytes in buffer: the log's end */
    int64_t size;
    struct extent *extents;
    size_t n_extents;
    size_t extents_room;
};

struct hg_temp {
    int fd; /* -1 until the first buffer is full */
    int64_t end;
    size_t buffer_bytes;
    unsigned n_logs;
    /* A window on the file, for reading. */
    uint8_t *window;
    int64_t window_offset;
    size_t window_n;
    struct log logs[];
};

static int open_named(const char *folder, int *ret_fd, struct hg_error *err)
{
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/headgate-XXXXXX", folder);
    if (n < 0 || (size_t)n >= sizeof path) {
        return hg_error_set(err, HG_EINVAL, "the path of the temporary folder is too long");
    }
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0) {
        return hg_error_errno(err, errno, "cannot make a temporary file in \"%s\"", folder);
    }
    (void)unlink(path);
    *ret_fd = fd;
    return HG_OK;
}

int hg_temp_open(int *ret_fd, struct hg_error *err)
{
    const char *folder = getenv("TMPDIR");
    if (!folder || folder[0] == '\0') {
        folder = "/tmp";
    }
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600);
    if (fd < 0) {
        /* Not every file system has unnamed files. */
        return open_named(folder, ret_fd, err);
    }
    *ret_fd = fd;
    return HG_OK;
}

int hg_temp_new(unsigned n_logs, size_t memory_bytes, struct hg_temp **ret, struct hg_error *err)
{
    struct hg_temp *temp = calloc(1, sizeof *temp + n_logs * sizeof temp->logs[0]);
    if (!temp) {
        return hg_error_nomem(err);
    }
    temp->fd = -1;
    temp->n_logs = n_logs;
    temp->buffer_bytes = memory_bytes / n_logs;
    if (n_logs > 1 && temp->buffer_bytes > BUFFER_BYTES_MAX) {
        temp->buffer_bytes = BUFFER_BYTES_MAX;
    }
    if (temp->buffer_bytes < BUFFER_BYTES_MIN) {
        temp->buffer_bytes = BUFFER_BYTES_MIN;
    }
    *ret = temp;
    return HG_OK;
}

void hg_temp_free(struct hg_temp *temp)
{
    if (!temp) {
        return;
    }
    for (unsigned i = 0; i < temp->n_logs; i++) {
        free(temp->logs[i].buffer);
        free(temp->logs[i].extents);
    }
    free(temp->window);
    hg_closep(&temp->fd);
    free(temp);
}

static int put_extent(
    struct hg_temp *temp, struct log *log, const void *bytes, size_t n, struct hg_error *err)
{
    if (temp->fd < 0) {
        int r = hg_temp_open(&temp->fd, err);
        if (r < 0) {
            return r;
        }
    }
    int r = hg_grow(&log->extents, log->n_extents, &log->extents_room, sizeof *log->extents);
    if (r < 0) {
        return hg_error_nomem(err);
    }
    r = hg_write_all(temp->fd, bytes, n, err);
    if (r < 0) {
        return hg_error_wrap(err, "cannot write rows to a temporary file");
    }
    log->extents[log->n_extents++] = (struct extent){temp->end, n};
    temp->end += (int64_t)n;
    return HG_OK;
}

int hg_temp_write(
    struct hg_temp *temp, unsigned number, const void *bytes, size_t n, struct hg_error *err)
{
    struct log *log = &temp->logs[number];
    int r = HG_OK;
    if (!log->buffer) {
        log->buffer = malloc(temp->buffer_bytes);
        if (!log->buffer) {
            return hg_error_nomem(err);
        }
    }
    if (log->n + n > temp->buffer_bytes && log->n > 0) {
        r = put_extent(temp, log, log->buffer, log->n, err);
        log->n = 0;
    }
    if (r == HG_OK && n > temp->buffer_bytes) {
        r = put_extent(temp, log, bytes, n, err);
    } else if (r == HG_OK && n > 0) {
        memcpy(log->buffer + log->n, bytes, n);
        log->n += n;
    }
    log->size += r == HG_OK ? (int64_t)n : 0;
    return r;
}

int64_t hg_temp_size(const struct hg_temp *temp, unsigned log)
{
    return temp->logs[log].size;
}

/* Bytes of the file from `offset` on, at most `n`, through the window. */
static int read_file(
    struct hg_temp *temp, int64_t offset, const uint8_t **ret, size_t *ret_n, struct hg_error *err)
{
    if (!temp->window) {
        temp->window = malloc(READ_BYTES);
        if (!temp->window) {
            return hg_error_nomem(err);
        }
    }
    if (offset < temp->window_offset || offset >= temp->window_offset + (int64_t)temp->window_n) {
        ssize_t n = pread(temp->fd, temp->window, READ_BYTES, offset);
        if (n <= 0) {
            temp->window_n = 0;
            return hg_error_errno(err, n < 0 ? errno : EIO, "cannot read a temporary file");
        }
        temp->window_offset = offset;
        temp->window_n = (size_t)n;
    }
    *ret = temp->window + (offset - temp->window_offset);
    *ret_n = temp->window_n - (size_t)(offset - temp->window_offset);
    return HG_OK;
}

/* The bytes at the reader, as many as lie together; none at the end. */
static int look(struct hg_temp *temp,
                const struct hg_temp_reader *reader,
                const uint8_t **ret,
                size_t *ret_n,
                struct hg_error *err)
{
    const struct log *log = &temp->logs[reader->log];
    if (reader->extent >= log->n_extents) {
        *ret = log->buffer + reader->at;
        *ret_n = log->n - reader->at;
        return HG_OK;
    }
    const struct extent *extent = &log->extents[reader->extent];
    size_t left = extent->n - reader->at;
    int r = read_file(temp, extent->offset + (int64_t)reader->at, ret, ret_n, err);
    if (r == HG_OK && *ret_n > left) {
        *ret_n = left;
    }
    return r;
}

int hg_temp_read(struct hg_temp *temp,
                 struct hg_temp_reader *reader,
                 void *bytes,
                 size_t n,
                 struct hg_error *err)
{
    uint8_t *to = bytes;
    const struct log *log = &temp->logs[reader->log];
    while (n > 0) {
        const uint8_t *from = NULL;
        size_t n_from = 0;
        int r = look(temp, reader, &from, &n_from, err);
        if (r < 0) {
            return r;
        }
        if (n_from == 0) {
            return hg_error_set(err, HG_EIO, "a temporary file ends too early");
        }
        size_t take = n_from < n ? n_from : n;
        memcpy(to, from, take);
        to += take;
        n -= take;
        reader->at += take;
        if (reader->extent < log->n_extents && reader->at == log->extents[reader->extent].n) {
            reader->extent++;
            reader->at = 0;
        }
    }
    return HG_OK;
}
