#include "vault/key_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fault.h"
#include "base/io.h"
#include "base/str.h"

static int refuse_link(const char *path, struct hg_error *err)
{
    (void)hg_error_set(
        err, HG_EFORBIDDEN, "the file of master keys \"%s\" is a symbolic link", path);
    return hg_error_hint(err, "Name the file itself.");
}

static int check(int fd, const char *path, struct hg_error *err)
{
    struct stat status;
    if (fstat(fd, &status) < 0) {
        return hg_error_errno(err, errno, "cannot look at \"%s\"", path);
    }
    if (!S_ISREG(status.st_mode)) {
        return hg_error_set(
            err, HG_EFORBIDDEN, "\"%s\", which is to hold the master keys, is no file", path);
    }
    if (status.st_uid != geteuid() && status.st_uid != 0) {
        (void)hg_error_set(err,
                           HG_EFORBIDDEN,
                           "the file of master keys \"%s\" belongs to user %u, the host runs as %u",
                           path,
                           (unsigned)status.st_uid,
                           (unsigned)geteuid());
        return hg_error_hint(err, "Give it to the host's user: chown.");
    }
    if (status.st_mode & 077) {
        (void)hg_error_set(err,
                           HG_EFORBIDDEN,
                           "others than its owner may use the file of master keys \"%s\" (mode "
                           "%04o)",
                           path,
                           (unsigned)(status.st_mode & 07777));
        return hg_error_hint(err, "chmod 0600 it, and rotate the key if others had access.");
    }
    if (status.st_size > HG_KEY_FILE_MAX) {
        return hg_error_set(err, HG_EDATA, "\"%s\" is too long for a file of master keys", path);
    }
    return HG_OK;
}

/* Straight into the arena: a buffer of stdio would keep a copy. */
static int read_text(int fd, const char *path, struct hg_secret **ret, struct hg_error *err)
{
    HG_CLEANUP(hg_secret_freep) struct hg_secret *text = NULL;
    int r = hg_secret_new(NULL, HG_KEY_FILE_MAX, &text, err);
    if (r < 0) {
        return r;
    }
    size_t n = 0;
    while (n < HG_KEY_FILE_MAX) {
        ssize_t got = read(fd, text->value + n, HG_KEY_FILE_MAX - n);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return hg_error_errno(err, errno, "cannot read \"%s\"", path);
        }
        if (got == 0) {
            break;
        }
        n += (size_t)got;
    }
    text->n = n;
    *ret = HG_TAKE(text);
    return HG_OK;
}

int hg_key_file_read(const char *path, struct hg_keyring **ret, struct hg_error *err)
{
    HG_CLEANUP(hg_secret_freep) struct hg_secret *text = NULL;
    HG_CLEANUP(hg_keyring_freep) struct hg_keyring *keyring = NULL;
    /* Not blocking: a pipe in its place must not hold the host up. */
    HG_CLEANUP(hg_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        return errno == ELOOP
                   ? refuse_link(path, err)
                   : hg_error_errno(err, errno, "cannot open the file of master keys \"%s\"", path);
    }
    int r = check(fd, path, err);
    r = r < 0 ? r : read_text(fd, path, &text, err);
    r = r < 0 ? r : hg_keyring_new(&keyring, err);
    if (r < 0) {
        return r;
    }
    r = hg_keyring_parse(keyring, text, err);
    if (r < 0) {
        (void)hg_error_wrap(err, "the file of master keys \"%s\"", path);
        if (r == HG_EDATA) {
            (void)hg_error_hint(err, "Put it back as it was, from a copy.");
        }
        return r;
    }
    *ret = HG_TAKE(keyring);
    return HG_OK;
}

/* ---- writing ---- */

static int sync_folder(const char *path, struct hg_error *err)
{
    HG_CLEANUP(hg_freep) char *folder = hg_path_folder(path);
    HG_CLEANUP(hg_closep) int fd = -1;
    if (!folder) {
        return hg_error_nomem(err);
    }
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) < 0) {
        return hg_error_errno(err, errno, "cannot write the folder \"%s\" to the disk", folder);
    }
    return HG_OK;
}

static int write_part(const char *part,
                      mode_t mode,
                      const struct hg_secret *text,
                      struct hg_error *err)
{
    (void)unlink(part); /* of one that was killed here */
    HG_CLEANUP(hg_closep)
    int fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0) {
        return hg_error_errno(err, errno, "cannot make \"%s\"", part);
    }
    int r = hg_write_all(fd, text->value, text->n, err);
    if (r == HG_OK && fsync(fd) < 0) {
        r = hg_error_errno(err, errno, "cannot write \"%s\" to the disk", part);
    }
    return r;
}

/* A link, unlike a rename, takes no other's place. */
static int put_in_place(const char *part, const char *path, bool fresh, struct hg_error *err)
{
    int failed = fresh ? link(part, path) : rename(part, path);
    if (failed < 0) {
        int reason = errno;
        return reason == EEXIST ? hg_error_set(err, HG_EEXIST, "\"%s\" is there already", path)
                                : hg_error_errno(err, reason, "cannot put \"%s\" in place", path);
    }
    return HG_OK;
}

int hg_key_file_write(const char *path,
                      const struct hg_keyring *keyring,
                      bool fresh,
                      struct hg_error *err)
{
    char part[PATH_MAX];
    struct stat old;
    HG_CLEANUP(hg_secret_freep) struct hg_secret *text = NULL;
    if (snprintf(part, sizeof part, "%s.new", path) >= (int)sizeof part) {
        return hg_error_set(err, HG_EINVAL, "the path \"%.100s...\" is too long", path);
    }
    mode_t mode = !fresh && stat(path, &old) == 0 ? old.st_mode & 0700 : 0600;
    int r = hg_keyring_format(keyring, &text, err);
    r = r < 0 ? r : write_part(part, mode, text, err);
    HG_FAULT("vault.writes_file");
    r = r < 0 ? r : put_in_place(part, path, fresh, err);
    if (r < 0 || fresh) {
        (void)unlink(part);
    }
    return r < 0 ? r : sync_folder(path, err);
}
