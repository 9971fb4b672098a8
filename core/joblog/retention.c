/*
 * Logs that are too old go, a run's folder with the last of them.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/uuid.h"
#include "joblog/state.h"

/* A file may have been written to long after its run began. */
static void remove_old_file(void *before, int folder, const char *name)
{
    struct stat info;
    if (fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(info.st_mode) &&
        info.st_mtime < *(const time_t *)before) {
        (void)unlinkat(folder, name, 0);
    }
}

static void remove_old_files(int logs, const char *run_id, time_t before)
{
    hg_each_file(logs, run_id, remove_old_file, &before);
    (void)unlinkat(logs, run_id, AT_REMOVEDIR); /* stays when something is left in it */
}

int hg_job_logs_drop_old(const struct hg_job_logs *logs, int64_t before_us, struct hg_error *err)
{
    int64_t before_s = before_us / 1000000;
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/logs", logs->options.data_dir);
    DIR *folder = opendir(path);
    if (!folder) {
        return errno == ENOENT ? HG_OK
                               : hg_error_errno(err, errno, "cannot read the folder \"%s\"", path);
    }
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        int64_t begun_ms = hg_uuid_time_ms(entry->d_name);
        if (begun_ms >= 0 && begun_ms / 1000 < before_s) {
            remove_old_files(dirfd(folder), entry->d_name, (time_t)before_s);
        }
    }
    (void)closedir(folder);
    return HG_OK;
}
