#include "base/glob.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

/* Why this thread's glob() does not know all; its functions have no argument of ours. */
static _Thread_local int unreadable;

static bool is_absence(int number)
{
    return number == ENOENT || number == ENOTDIR;
}

static void note(int number)
{
    if (unreadable == 0 && !is_absence(number)) {
        unreadable = number;
    }
}

static void *open_folder(const char *path)
{
    DIR *folder = opendir(path);
    if (!folder) {
        note(errno);
    }
    return folder;
}

/* For glob() the end and an error look alike. */
static struct dirent *read_entry(void *folder)
{
    errno = 0;
    struct dirent *entry = readdir(folder);
    if (!entry && errno != 0) {
        note(errno);
    }
    return entry;
}

static void close_folder(void *folder)
{
    (void)closedir(folder);
}

static int look_at(const char *path, struct stat *ret)
{
    int r = stat(path, ret);
    if (r < 0) {
        note(errno);
    }
    return r;
}

static int look_at_link(const char *path, struct stat *ret)
{
    int r = lstat(path, ret);
    if (r < 0) {
        note(errno);
    }
    return r;
}

int hg_glob(const char *pattern, glob_t *found, struct hg_error *err)
{
    int flags = GLOB_NOSORT | GLOB_ALTDIRFUNC | (found->gl_pathv ? GLOB_APPEND : 0);
    found->gl_opendir = open_folder;
    found->gl_readdir = read_entry;
    found->gl_closedir = close_folder;
    found->gl_stat = look_at;
    found->gl_lstat = look_at_link;
    unreadable = 0;
    int r = glob(pattern, flags, NULL, found);
    if (r == GLOB_NOSPACE) {
        return hg_error_nomem(err);
    }
    if (unreadable != 0) {
        return hg_error_errno(err, unreadable, "cannot tell the files of \"%s\"", pattern);
    }
    return HG_OK;
}
