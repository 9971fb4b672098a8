#include "store/socket_folder.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"

int hg_socket_folder_check(const char *path, struct hg_error *err)
{
    struct stat st;
    if (lstat(path, &st) < 0) {
        return hg_error_errno(err, errno, "cannot look at \"%s\"", path);
    }
    if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077) != 0) {
        hg_error_set(err,
                     HG_EFORBIDDEN,
                     "\"%s\", for the database's socket, is not a folder of ours alone (owner %u, "
                     "mode %04o)",
                     path,
                     (unsigned)st.st_uid,
                     (unsigned)(st.st_mode & 07777));
        (void)hg_error_hint(err, "Remove it, or give it to user %u with mode 0700.", geteuid());
        return HG_EFORBIDDEN;
    }
    return HG_OK;
}

static int make(const char *path, struct hg_error *err)
{
    if (mkdir(path, 0700) < 0 && errno != EEXIST) {
        return hg_error_errno(err, errno, "cannot make \"%s\"", path);
    }
    return hg_socket_folder_check(path, err);
}

int hg_socket_folder_make(const char *data,
                          const char *tmp,
                          char ret[HG_SOCKET_FOLDER_BYTES],
                          struct hg_error *err)
{
    char run[40];
    char path[HG_SOCKET_FOLDER_BYTES];
    /* The same cluster gets the same name each time, so that none are left lying about. */
    unsigned long long id = hg_hash(data);
    (void)snprintf(run, sizeof run, "/run/headgate-%u", (unsigned)geteuid());
    (void)snprintf(path, sizeof path, "%s/%016llx", run, id);
    if (tmp || make(run, NULL) < 0 || make(path, NULL) < 0) {
        const char *base = tmp ? tmp : "/tmp";
        if (snprintf(path, sizeof path, "%s/hg-%016llx", base, id) >= (int)sizeof path) {
            return hg_error_set(
                err, HG_EINVAL, "the path \"%.100s\" is too long for a socket below it", base);
        }
        if (make(path, NULL) < 0) {
            (void)snprintf(path, sizeof path, "%s/hg-XXXXXX", base);
            if (!mkdtemp(path)) {
                return hg_error_errno(err, errno, "cannot make a folder in \"%s\"", base);
            }
        }
    }
    memcpy(ret, path, sizeof path);
    return HG_OK;
}
