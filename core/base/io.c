#include "base/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"

int hg_write_all(int fd, const void *bytes, size_t n, struct hg_error *err)
{
    const char *at = bytes;
    while (n > 0) {
        ssize_t written = write(fd, at, n);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            return hg_error_errno(err, errno, "cannot write");
        }
        at += written;
        n -= (size_t)written;
    }
    return HG_OK;
}

int hg_read_exact(int fd, void *bytes, size_t n, struct hg_error *err)
{
    size_t got = 0;
    while (got < n) {
        ssize_t now = read(fd, (char *)bytes + got, n - got);
        if (now < 0 && errno == EINTR) {
            continue;
        }
        if (now < 0) {
            return hg_error_errno(err, errno, "cannot read");
        }
        if (now == 0) {
            return hg_error_set(err,
                                got == 0 ? HG_EUNAVAILABLE : HG_EDATA,
                                "the other side closed after %zu of %zu bytes",
                                got,
                                n);
        }
        got += (size_t)now;
    }
    return HG_OK;
}

static int read_rest(
    int fd, const char *path, size_t max_bytes, struct hg_buf *buf, struct hg_error *err)
{
    for (;;) {
        if (!hg_buf_reserve(buf, 65536)) {
            return hg_error_nomem(err);
        }
        ssize_t n = read(fd, buf->data + buf->len, 65536);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return hg_error_errno(err, errno, "cannot read \"%s\"", path);
        }
        if (n == 0) {
            return HG_OK;
        }
        buf->len += (size_t)n;
        buf->data[buf->len] = '\0';
        if (buf->len > max_bytes) {
            return hg_error_set(
                err, HG_ETOOBIG, "\"%s\" is larger than %zu bytes", path, max_bytes);
        }
    }
}

int hg_read_file(
    const char *path, size_t max_bytes, char **ret_text, size_t *ret_n, struct hg_error *err)
{
    HG_CLEANUP(hg_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return hg_error_errno(err, errno, "cannot open \"%s\"", path);
    }
    HG_CLEANUP(hg_buf_free) struct hg_buf buf = HG_BUF_INIT;
    int r = read_rest(fd, path, max_bytes, &buf, err);
    if (r < 0) {
        return r;
    }
    size_t n = buf.len;
    char *text = hg_buf_take(&buf);
    if (!text) {
        return hg_error_nomem(err);
    }
    *ret_text = text;
    *ret_n = n;
    return HG_OK;
}

int hg_write_file(const char *path, mode_t mode, const void *bytes, size_t n, struct hg_error *err)
{
    char part[4096];
    if (snprintf(part, sizeof part, "%s.new", path) >= (int)sizeof part) {
        return hg_error_set(err, HG_EINVAL, "the path \"%.100s...\" is too long", path);
    }
    HG_CLEANUP(hg_closep)
    int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0) {
        return hg_error_errno(err, errno, "cannot make \"%s\"", part);
    }
    int r = hg_write_all(fd, bytes, n, err);
    if (r < 0) {
        return hg_error_wrap(err, "\"%s\"", part);
    }
    if (fsync(fd) < 0 || rename(part, path) < 0) {
        return hg_error_errno(err, errno, "cannot write \"%s\"", path);
    }
    return HG_OK;
}

int hg_make_folders(const char *path, mode_t mode, struct hg_error *err)
{
    char part[4096];
    if (mkdir(path, mode) == 0 || errno == EEXIST) {
        return HG_OK; /* mostly only the last one is missing */
    }
    if (snprintf(part, sizeof part, "%s", path) >= (int)sizeof part) {
        return hg_error_set(err, HG_EINVAL, "the path \"%.100s...\" is too long", path);
    }
    for (char *slash = part + 1;; slash++) {
        char c = *slash;
        if (c != '/' && c != '\0') {
            continue;
        }
        *slash = '\0';
        if (mkdir(part, mode) < 0 && errno != EEXIST) {
            return hg_error_errno(err, errno, "cannot make the folder \"%s\"", part);
        }
        *slash = c;
        if (c == '\0') {
            return HG_OK;
        }
    }
}

void hg_each_file(int parent,
                  const char *name,
                  void (*each)(void *arg, int folder, const char *file),
                  void *arg)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    if (!folder) {
        hg_closep(&fd);
        return;
    }
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        each(arg, fd, entry->d_name);
    }
    (void)closedir(folder);
}
