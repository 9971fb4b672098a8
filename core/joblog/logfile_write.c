#include "joblog/logfile_write.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"

enum { GROWING = 0640, SEALED = 0440 };

bool hg_logfile_is_sealed(unsigned mode)
{
    return (mode & 0222) == 0;
}

static int open_file(const char *path, int flags)
{
    return open(path, flags | O_CREAT | O_CLOEXEC, GROWING);
}

/* Of one that had ended, the mode is set back first. */
static int open_log(const char *path, int *ret, struct hg_error *err)
{
    enum { FLAGS = O_RDWR | O_APPEND };
    int fd = open_file(path, FLAGS);
    if (fd < 0 && errno == ENOENT) {
        HG_CLEANUP(hg_freep) char *folder = hg_path_folder(path);
        int r = folder ? hg_make_folders(folder, 0750, err) : hg_error_nomem(err);
        if (r < 0) {
            return r;
        }
        fd = open_file(path, FLAGS);
    } else if (fd < 0 && errno == EACCES && chmod(path, GROWING) == 0) {
        fd = open_file(path, FLAGS);
    }
    if (fd < 0) {
        return hg_error_errno(err, errno, "cannot open \"%s\"", path);
    }
    *ret = fd;
    return HG_OK;
}

static int index_path(const struct hg_logfile_writer *writer, char ret[PATH_MAX])
{
    return snprintf(ret, PATH_MAX, "%s.idx", writer->path) < PATH_MAX ? HG_OK : HG_EINVAL;
}

/* ---- the index ---- */

/* Records behind a gap would count for nothing: after a failure there are no more. */
static void add_record(struct hg_logfile_writer *writer, struct hg_logfile_block *block)
{
    char path[PATH_MAX];
    struct stat info;
    if (writer->index_stopped) {
        return;
    }
    if (writer->index_fd < 0 && index_path(writer, path) == HG_OK) {
        writer->index_fd = open_file(path, O_WRONLY | O_APPEND);
    }
    hg_logfile_block_seal(block);
    if (writer->index_fd < 0 || fstat(writer->index_fd, &info) < 0 ||
        hg_write_all(writer->index_fd, block, sizeof *block, NULL) < 0) {
        writer->index_stopped = true;
    }
}

/* What the log has and its index does not; the index loses what is torn of it. */
static int resume(struct hg_logfile_writer *writer, int64_t n_file, struct hg_error *err)
{
    char path[PATH_MAX];
    HG_CLEANUP(hg_logfile_index_free) struct hg_logfile_index index = {0};
    int r = index_path(writer, path);
    r = r < 0 ? hg_error_set(err, r, "the path of a log is too long")
              : hg_logfile_index_load(path, n_file, &index, err);
    size_t n_known = index.n;
    r = r < 0 ? r : hg_logfile_index_scan(writer->fd, &index, false, &writer->scanner, err);
    if (r < 0) {
        return r;
    }
    if (truncate(path, (off_t)(n_known * sizeof index.blocks[0])) < 0 && errno != ENOENT) {
        writer->index_stopped = true;
    }
    for (size_t i = n_known; i < index.n; i++) {
        add_record(writer, &index.blocks[i]);
    }
    return HG_OK;
}

int hg_logfile_writer_open(struct hg_logfile_writer *writer, const char *path, struct hg_error *err)
{
    struct stat info = {0};
    *writer = (struct hg_logfile_writer){.fd = -1, .index_fd = -1};
    if (snprintf(writer->path, sizeof writer->path, "%s", path) >= (int)sizeof writer->path) {
        return hg_error_set(err, HG_EINVAL, "the path of a log is too long");
    }
    int r = open_log(path, &writer->fd, err);
    if (r == HG_OK && fstat(writer->fd, &info) < 0) {
        r = hg_error_errno(err, errno, "cannot look at \"%s\"", path);
    }
    if (r == HG_OK && hg_logfile_is_sealed(info.st_mode)) {
        (void)fchmod(writer->fd, GROWING); /* root opens it as it is */
    }
    r = r < 0 || info.st_size == 0 ? r : resume(writer, info.st_size, err);
    if (r == HG_OK) {
        const struct hg_logfile_scanner *scanner = &writer->scanner;
        writer->n_file = scanner->block.offset + scanner->block.n_bytes;
        if (writer->n_file < info.st_size && ftruncate(writer->fd, writer->n_file) < 0) {
            r = hg_error_errno(err, errno, "cannot mend \"%s\"", path);
        }
        writer->scanner.n_open = writer->scanner.n_head = 0;
    }
    if (r < 0) {
        hg_logfile_writer_close(writer);
    }
    return r;
}

int hg_logfile_append(struct hg_logfile_writer *writer,
                      const char *line,
                      size_t n,
                      struct hg_error *err)
{
    bool full;
    int r = hg_write_all(writer->fd, line, n, err);
    if (r < 0) {
        (void)!ftruncate(writer->fd, writer->n_file); /* else the next line would follow a half */
        return r;
    }
    writer->n_file += (int64_t)n;
    (void)hg_logfile_scan(&writer->scanner, line, n, &full);
    if (full) {
        struct hg_logfile_block block = hg_logfile_scanner_next(&writer->scanner);
        add_record(writer, &block);
    }
    return HG_OK;
}

void hg_logfile_writer_seal(struct hg_logfile_writer *writer)
{
    (void)fchmod(writer->fd, SEALED);
}

void hg_logfile_writer_close(struct hg_logfile_writer *writer)
{
    hg_closep(&writer->fd);
    hg_closep(&writer->index_fd);
}
