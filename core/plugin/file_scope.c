#include "plugin/file_scope.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/glob.h"
#include "base/mem.h"
#include "base/str.h"

struct hg_file_scope {
    char *base_folder;
    char **roots; /* canonical; those that exist */
    size_t n_roots;
};

void hg_file_scope_free(struct hg_file_scope *scope)
{
    if (!scope) {
        return;
    }
    for (size_t i = 0; i < scope->n_roots; i++) {
        free(scope->roots[i]);
    }
    free(scope->roots);
    free(scope->base_folder);
    free(scope);
}

HG_DEFINE_CLEANUP(scope_freep, struct hg_file_scope *, hg_file_scope_free)

int hg_file_scope_new(const char *base_folder,
                      const char *const *roots,
                      struct hg_file_scope **ret,
                      struct hg_error *err)
{
    HG_CLEANUP(scope_freep) struct hg_file_scope *scope = calloc(1, sizeof *scope);
    if (!scope) {
        return hg_error_nomem(err);
    }
    size_t n = 0;
    while (roots && roots[n]) {
        n++;
    }
    scope->base_folder = strdup(base_folder ? base_folder : "/");
    scope->roots = calloc(n + 1, sizeof *scope->roots);
    if (!scope->base_folder || !scope->roots) {
        return hg_error_nomem(err);
    }
    for (size_t i = 0; i < n; i++) {
        char *real = realpath(roots[i], NULL);
        if (real) {
            scope->roots[scope->n_roots++] = real;
        } else if (errno == ENOMEM) {
            return hg_error_nomem(err);
        }
    }
    *ret = HG_TAKE(scope);
    return HG_OK;
}

/* ------------------------------------------------------------------------------------------ */
/* Paths                                                                                        */
/* ------------------------------------------------------------------------------------------ */

static int fail_forbidden(const char *path, struct hg_error *err)
{
    hg_error_set(err, HG_EFORBIDDEN, "\"%s\" lies outside of the folders that may be read", path);
    hg_error_hint(
        err,
        "Add its folder to files.roots in the host's configuration, or move the file into "
        "one of those folders.");
    return HG_EFORBIDDEN;
}

static const char *own_user(char *room, size_t n_room, struct passwd *entry)
{
    struct passwd *found = NULL;
    return getpwuid_r(geteuid(), entry, room, n_room, &found) == 0 && found ? found->pw_name : NULL;
}

/* What lets the host read what it may not. */
static void hint_at_user(struct hg_error *err)
{
    char room[1024];
    struct passwd entry;
    const char *user = own_user(room, sizeof room, &entry);
    hg_error_hint(err,
                  "Sources are read as user %s: let it read the file (chmod o+r, or chown %s) and "
                  "enter each folder above it (chmod o+x).",
                  user ? user : "of the host",
                  user ? user : "USER");
}

/* The same error, and where the system denies it, who is to be let in. */
static int fail_errno(struct hg_error *err, int why, const char *what, const char *path)
{
    int r = hg_error_errno(err, why, "cannot %s \"%s\"", what, path);
    if (why == EACCES) {
        hint_at_user(err);
    }
    return r;
}

/* The part of a canonical path below a root, "." for the root itself; NULL when it is not below. */
static const char *below(const char *root, const char *path)
{
    size_t n = strlen(root);
    if (strncmp(path, root, n) != 0) {
        return NULL;
    }
    if (path[n] == '\0') {
        return ".";
    }
    if (strcmp(root, "/") == 0) {
        return path + 1;
    }
    return path[n] == '/' ? path + n + 1 : NULL;
}

static const char *find_root(const struct hg_file_scope *scope,
                             const char *path,
                             const char **ret_below)
{
    for (size_t i = 0; i < scope->n_roots; i++) {
        const char *rest = below(scope->roots[i], path);
        if (rest) {
            *ret_below = rest;
            return scope->roots[i];
        }
    }
    return NULL;
}

/* Whether the nearest folder above a path that exists lies below a root. */
static bool surroundings_allowed(const struct hg_file_scope *scope, const char *path)
{
    HG_CLEANUP(hg_freep) char *up = strdup(path);
    while (up) {
        char *slash = strrchr(up, '/');
        if (!slash || slash == up) {
            return false;
        }
        *slash = '\0';
        HG_CLEANUP(hg_freep) char *real = realpath(up, NULL);
        const char *rest;
        if (real) {
            return find_root(scope, real, &rest) != NULL;
        }
        if (errno != ENOENT) {
            return false;
        }
    }
    return false;
}

/* The canonical path of something that exists below a root. *ret_path is owned by the caller. */
static int resolve(const struct hg_file_scope *scope,
                   const char *path,
                   char **ret_path,
                   struct hg_error *err)
{
    HG_CLEANUP(hg_freep) char *whole = hg_path_join(scope->base_folder, path);
    if (!whole) {
        return hg_error_nomem(err);
    }
    HG_CLEANUP(hg_freep) char *real = realpath(whole, NULL);
    int error = errno;
    const char *rest;
    /* Nothing is said about what does or does not exist elsewhere. */
    if (real ? !find_root(scope, real, &rest) : !surroundings_allowed(scope, whole)) {
        return fail_forbidden(whole, err);
    }
    if (!real) {
        return fail_errno(err, error, "open", whole);
    }
    *ret_path = HG_TAKE(real);
    return HG_OK;
}

/* ------------------------------------------------------------------------------------------ */
/* Opening                                                                                      */
/* ------------------------------------------------------------------------------------------ */

int hg_file_open_temp(int *ret_fd, struct hg_error *err)
{
    const char *folder = getenv("TMPDIR");
    if (!folder || folder[0] != '/') {
        folder = "/tmp";
    }
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) {
        /* A file system without unnamed files. */
        HG_CLEANUP(hg_freep) char *name = hg_path_join(folder, "headgate-XXXXXX");
        if (!name) {
            return hg_error_nomem(err);
        }
        fd = mkostemp(name, O_CLOEXEC);
        if (fd >= 0) {
            (void)unlink(name);
        }
    }
    if (fd < 0) {
        return hg_error_errno(err, errno, "cannot make a temporary file in \"%s\"", folder);
    }
    *ret_fd = fd;
    return HG_OK;
}

/* Opens `rest` below a folder, following no link at all: `rest` is canonical. */
static int open_below(const char *root, const char *rest)
{
    HG_CLEANUP(hg_closep) int root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root_fd < 0) {
        return -1;
    }
    struct open_how how = {
        /* Non-blocking, so that a named pipe cannot hold us. */
        .flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
    };
    return (int)syscall(SYS_openat2, root_fd, rest, &how, sizeof how);
}

int hg_file_scope_open(const struct hg_file_scope *scope,
                       const char *path,
                       int *ret_fd,
                       struct hg_error *err)
{
    HG_CLEANUP(hg_freep) char *real = NULL;
    int r = resolve(scope, path, &real, err);
    if (r) {
        return r;
    }
    const char *rest = NULL;
    const char *root = find_root(scope, real, &rest);
    HG_CLEANUP(hg_closep) int fd = root ? open_below(root, rest) : -1;
    if (fd < 0) {
        /* A link put in place between the look and the opening is refused here. */
        return errno == ELOOP || errno == EXDEV ? fail_forbidden(real, err)
                                                : fail_errno(err, errno, "open", real);
    }
    struct stat st;
    if (fstat(fd, &st)) {
        return hg_error_errno(err, errno, "cannot look at \"%s\"", real);
    }
    if (!S_ISREG(st.st_mode)) {
        return hg_error_set(err, HG_EINVAL, "\"%s\" is not a regular file", real);
    }
    (void)fcntl(fd, F_SETFL, 0);
    *ret_fd = fd;
    fd = -1;
    return HG_OK;
}

/* ------------------------------------------------------------------------------------------ */
/* Patterns                                                                                     */
/* ------------------------------------------------------------------------------------------ */

static int64_t mtime_ms(const struct stat *st)
{
    return (int64_t)st->st_mtim.tv_sec * 1000 + st->st_mtim.tv_nsec / 1000000;
}

/* The folder that a pattern starts in: everything before the component with the first wildcard. */
static char *fixed_folder(const char *pattern)
{
    size_t n = strcspn(pattern, "*?[\\");
    while (n > 1 && pattern[n - 1] != '/') {
        n--;
    }
    return strndup(pattern, n ? n : 1);
}

static int compare_paths(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* One match. What is no regular file is passed over. */
static int hand_over(const struct hg_file_scope *scope,
                     const char *path,
                     const struct hg_file_sink *sink,
                     struct hg_error *err)
{
    struct stat st;
    HG_CLEANUP(hg_freep) char *real = NULL;
    int r = resolve(scope, path, &real, err);
    if (r) {
        return r;
    }
    if (stat(real, &st)) {
        return fail_errno(err, errno, "look at", path);
    }
    const struct hg_file_match match = {
        .struct_size = sizeof match,
        .path = path,
        .size_bytes = st.st_size,
        .mtime_ms = mtime_ms(&st),
    };
    return S_ISREG(st.st_mode) ? sink->file(sink->arg, &match, err) : HG_OK;
}

static int hand_over_all(const struct hg_file_scope *scope,
                         glob_t *found,
                         const struct hg_file_sink *sink,
                         struct hg_error *err)
{
    if (found->gl_pathc > 0) { /* else there is no array */
        qsort(found->gl_pathv, found->gl_pathc, sizeof found->gl_pathv[0], compare_paths);
    }
    for (size_t i = 0; i < found->gl_pathc; i++) {
        int r = hand_over(scope, found->gl_pathv[i], sink, err);
        if (r) {
            return r;
        }
    }
    return HG_OK;
}

int hg_file_scope_glob(const struct hg_file_scope *scope,
                       const char *pattern,
                       const struct hg_file_sink *sink,
                       struct hg_error *err)
{
    HG_CLEANUP(hg_freep) char *whole = hg_path_join(scope->base_folder, pattern);
    if (!whole) {
        return hg_error_nomem(err);
    }
    struct stat st;
    if (lstat(whole, &st) == 0) {
        return hand_over(scope, whole, sink, err);
    }
    HG_CLEANUP(hg_freep) char *folder = fixed_folder(whole);
    HG_CLEANUP(hg_freep) char *real = NULL;
    if (!folder) {
        return hg_error_nomem(err);
    }
    int r = resolve(scope, folder, &real, NULL);
    if (r == HG_EFORBIDDEN) {
        return fail_forbidden(whole, err);
    }
    if (r == HG_ENOTFOUND) {
        return HG_OK;
    }
    if (r) {
        return resolve(scope, folder, &real, err);
    }
    glob_t found = {0};
    r = hg_glob(whole, &found, err);
    if (r == HG_EFORBIDDEN) {
        hint_at_user(err);
    }
    r = r < 0 ? r : hand_over_all(scope, &found, sink, err);
    globfree(&found);
    return r;
}
