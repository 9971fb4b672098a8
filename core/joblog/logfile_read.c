#include "joblog/logfile_read.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "joblog/logfile_archive.h"

static int read_index(const char *path, struct hg_logfile *file, struct hg_error *err)
{
    char index[PATH_MAX];
    struct stat info;
    const char *suffix = file->is_archive ? ".gz.idx" : ".idx";
    if (fstat(file->fd, &info) < 0) {
        return hg_error_errno(err, errno, "cannot look at the log \"%s\"", path);
    }
    file->written_us = (int64_t)info.st_mtim.tv_sec * 1000000 + info.st_mtim.tv_nsec / 1000;
    if (snprintf(index, sizeof index, "%s%s", path, suffix) >= (int)sizeof index) {
        return hg_error_set(err, HG_EINVAL, "the path of a log is too long");
    }
    if (file->is_archive) {
        return hg_logfile_archive_index(file->fd, info.st_size, index, &file->index, err);
    }
    int r = hg_logfile_index_load(index, info.st_size, &file->index, err);
    return r < 0 ? r : hg_logfile_index_scan(file->fd, &file->index, true, NULL, err);
}

/* The archive is there before the log goes, so that one of the two is always found. */
int hg_logfile_open(const char *path, struct hg_logfile *ret, struct hg_error *err)
{
    char archive[PATH_MAX];
    struct hg_logfile file = {.fd = open(path, O_RDONLY | O_CLOEXEC)};
    if (file.fd < 0 && errno == ENOENT &&
        snprintf(archive, sizeof archive, "%s.gz", path) < (int)sizeof archive) {
        file.fd = open(archive, O_RDONLY | O_CLOEXEC);
        file.is_archive = true;
    }
    if (file.fd < 0) {
        return errno == ENOENT ? hg_error_set(err, HG_ENOTFOUND, "there is no log \"%s\"", path)
                               : hg_error_errno(err, errno, "cannot open the log \"%s\"", path);
    }
    int r = read_index(path, &file, err);
    if (r < 0) {
        hg_logfile_close(&file);
        return r;
    }
    *ret = file;
    return HG_OK;
}

void hg_logfile_close(struct hg_logfile *file)
{
    hg_closep(&file->fd);
    hg_logfile_index_free(&file->index);
}

static int read_plain(int fd,
                      const struct hg_logfile_block *block,
                      struct hg_buf *ret,
                      struct hg_error *err)
{
    if (!hg_buf_reserve(ret, block->n_bytes)) {
        return hg_error_nomem(err);
    }
    while (ret->len < block->n_bytes) {
        ssize_t n = pread(
            fd, ret->data + ret->len, block->n_bytes - ret->len, block->offset + (int64_t)ret->len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return hg_error_errno(err, errno, "cannot read a log");
        }
        if (n == 0) {
            break; /* it was cut meanwhile */
        }
        ret->len += (size_t)n;
    }
    ret->data[ret->len] = '\0';
    return HG_OK;
}

int hg_logfile_block_lines(const struct hg_logfile *file,
                           size_t i,
                           struct hg_buf *ret,
                           struct hg_error *err)
{
    hg_buf_reset(ret);
    const struct hg_logfile_block *block = &file->index.blocks[i];
    return file->is_archive ? hg_logfile_archive_read(file->fd, block, ret, err)
                            : read_plain(file->fd, block, ret, err);
}

/* Leaves what stands behind the last line end but one. */
static void keep_last(struct hg_buf *lines)
{
    size_t end =
        lines->len > 0 && lines->data[lines->len - 1] == '\n' ? lines->len - 1 : lines->len;
    size_t begin = end;
    while (begin > 0 && lines->data[begin - 1] != '\n') {
        begin--;
    }
    memmove(lines->data, lines->data + begin, end - begin);
    lines->len = end - begin;
    lines->data[lines->len] = '\0';
}

int hg_logfile_last_line(const char *path, struct hg_buf *ret, struct hg_error *err)
{
    struct hg_logfile file = {.fd = -1};
    hg_buf_reset(ret);
    int r = hg_logfile_open(path, &file, err);
    if (r < 0) {
        return r == HG_ENOTFOUND ? HG_OK : r;
    }
    if (file.index.n > 0) {
        r = hg_logfile_block_lines(&file, file.index.n - 1, ret, err);
    }
    if (r == HG_OK && ret->len > 0) {
        keep_last(ret);
    }
    hg_logfile_close(&file);
    return r;
}
