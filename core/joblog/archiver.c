#include "joblog/archiver.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/str.h"
#include "base/time.h"
#include "joblog/logfile_archive.h"
#include "joblog/logfile_write.h"
#include "joblog/state.h"

enum { STOP_MS = 5000 };

#define LOG_SUFFIX       ".jsonl"
#define TEMPORARY_SUFFIX ".jsonl.gz.tmp"

struct archiving {
    struct hg_job_logs *logs;
    bool is_failing;    /* and that was said */
    const char *run_id; /* whose logs are looked through */
};

/*
 * A line that comes after the end may open the log again, or stand in it when the archive is made
 * already: it is closed, and what has changed is archived anew. Whoever comes later finds the
 * archive.
 */
static int place(struct hg_job_logs *logs,
                 const struct hg_job_log_name *name,
                 const char *path,
                 const struct stat *of,
                 struct hg_error *err)
{
    HG_LOCK(&logs->mutex);
    hg_job_log_close(logs, name);
    return hg_logfile_archive_place(path, of, err);
}

static int make_and_place(struct hg_job_logs *logs,
                          const struct hg_job_log_name *name,
                          const char *path,
                          struct hg_error *err)
{
    struct stat of;
    int r;
    do {
        r = hg_logfile_archive_make(path, &of, err);
        r = r < 0 ? r : place(logs, name, path, &of, err);
    } while (r == HG_ECONFLICT);
    return r;
}

static void archive(struct archiving *archiving, const struct hg_job_log_name *name)
{
    char path[PATH_MAX];
    struct hg_error err = HG_ERROR_INIT;
    int r = hg_job_log_path(archiving->logs, name, path, &err);
    r = r < 0 ? r : make_and_place(archiving->logs, name, path, &err);
    r = r == HG_ENOTFOUND ? HG_OK : r;
    if (r < 0 && !archiving->is_failing) {
        hg_log_error("logs of jobs cannot be archived and stay as they are until the next start",
                     &err);
    }
    archiving->is_failing = r < 0;
}

/* ---- looking through all ---- */

/* "<job>.<attempt>.jsonl" */
static bool parse_name(const char *file, struct hg_job_log_name *ret)
{
    char number[12];
    int64_t attempt;
    size_t n = strlen(file);
    const char *dot = strchr(file, '.');
    if (!hg_ends_with(file, LOG_SUFFIX) || !dot || (size_t)(dot - file) >= sizeof ret->job) {
        return false;
    }
    int n_number = (int)(n - strlen(LOG_SUFFIX) - (size_t)(dot + 1 - file));
    if (n_number <= 0 || n_number >= (int)sizeof number) {
        return false;
    }
    (void)snprintf(number, sizeof number, "%.*s", n_number, dot + 1);
    (void)snprintf(ret->job, sizeof ret->job, "%.*s", (int)(dot - file), file);
    if (!hg_is_slug(ret->job) || hg_parse_int64(number, 1, INT32_MAX, &attempt, NULL) < 0) {
        return false;
    }
    ret->attempt = (int)attempt;
    return true;
}

static bool is_under_way(const struct hg_job_logs *logs, const struct hg_job_log_name *name)
{
    return logs->options.is_under_way && logs->options.is_under_way(logs->options.arg, name);
}

static bool look(int folder, const char *file, struct stat *ret)
{
    return fstatat(folder, file, ret, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(ret->st_mode);
}

/*
 * Nobody will end a log that is not ended and whose attempt is not under way: its attempt was in
 * the list before the log was there, and logs are ended before attempts leave the list. Only an
 * earlier life of this host leaves such ones.
 */
static bool is_left_behind(struct archiving *archiving,
                           int folder,
                           const char *file,
                           const struct hg_job_log_name *name)
{
    struct stat info;
    return !is_under_way(archiving->logs, name) && look(folder, file, &info) &&
           !hg_logfile_is_sealed(info.st_mode);
}

/* The host died when the archive was there and the log was not gone yet. */
static bool drop_archived(int folder, const char *file)
{
    char other[NAME_MAX + 8];
    (void)snprintf(other, sizeof other, "%s.gz", file);
    if (faccessat(folder, other, F_OK, AT_SYMLINK_NOFOLLOW) < 0) {
        return false;
    }
    (void)unlinkat(folder, file, 0);
    (void)snprintf(other, sizeof other, "%s.idx", file);
    (void)unlinkat(folder, other, 0);
    return true;
}

static void take_up(void *arg, int folder, const char *file)
{
    struct archiving *archiving = arg;
    struct stat info;
    struct hg_job_log_name name;
    if (hg_ends_with(file, TEMPORARY_SUFFIX)) {
        (void)unlinkat(folder, file, 0);
        return;
    }
    if (!parse_name(file, &name) || !look(folder, file, &info) || drop_archived(folder, file)) {
        return;
    }
    (void)snprintf(name.run_id, sizeof name.run_id, "%.36s", archiving->run_id);
    if (!hg_logfile_is_sealed(info.st_mode) && is_left_behind(archiving, folder, file, &name)) {
        hg_job_log_lost(archiving->logs, &name, HG_JOB_LOG_DEAD);
    }
    if (look(folder, file, &info) && hg_logfile_is_sealed(info.st_mode) &&
        info.st_size >= HG_LOGFILE_ARCHIVE_MIN) {
        archive(archiving, &name);
    }
}

static bool is_stopping(struct hg_job_logs *logs)
{
    HG_LOCK(&logs->mutex);
    return logs->stopping;
}

static void sweep(struct archiving *archiving)
{
    char path[PATH_MAX];
    const char *data_dir = archiving->logs->options.data_dir;
    if (snprintf(path, sizeof path, "%s/logs", data_dir) >= (int)sizeof path) {
        return;
    }
    DIR *logs = opendir(path); /* there is none before the first run */
    for (const struct dirent *entry;
         logs && !is_stopping(archiving->logs) && (entry = readdir(logs)) != NULL;) {
        if (hg_uuid_is_valid(entry->d_name)) {
            archiving->run_id = entry->d_name;
            hg_each_file(dirfd(logs), entry->d_name, take_up, archiving);
        }
    }
    (void)(logs ? closedir(logs) : 0);
}

/* ---- the thread ---- */

void hg_job_log_archiver_add(struct hg_job_logs *logs, const struct hg_job_log_name *name)
{
    if (hg_grow(&logs->queue, logs->n_queued, &logs->queue_room, sizeof *logs->queue) < 0) {
        return; /* the log stays as it is until the next start */
    }
    logs->queue[logs->n_queued++] = *name;
    (void)pthread_cond_signal(&logs->work);
}

enum work { NOTHING, ONE_LOG, ALL_LOGS };

/* Waits for it; NOTHING at the end. */
static enum work next_work(struct hg_job_logs *logs, struct hg_job_log_name *ret)
{
    HG_LOCK(&logs->mutex);
    while (!logs->stopping && !logs->sweeps && logs->n_queued == 0) {
        logs->at_work = false;
        (void)pthread_cond_wait(&logs->work, &logs->mutex);
    }
    logs->at_work = true;
    if (logs->n_queued > 0) {
        *ret = logs->queue[--logs->n_queued];
        return ONE_LOG;
    }
    if (logs->stopping) {
        return NOTHING;
    }
    logs->sweeps = false;
    return ALL_LOGS;
}

static void *archive_all(void *arg)
{
    struct archiving archiving = {.logs = arg};
    struct hg_job_log_name name;
    int64_t until_ms = INT64_MAX;
    enum work work;
    while ((work = next_work(archiving.logs, &name)) != NOTHING) {
        if (until_ms == INT64_MAX && is_stopping(archiving.logs)) {
            until_ms = hg_time_monotonic_ms() + STOP_MS;
        }
        if (hg_time_monotonic_ms() >= until_ms) {
            break;
        }
        if (work == ONE_LOG) {
            archive(&archiving, &name);
        } else {
            sweep(&archiving);
        }
    }
    return NULL;
}

int hg_job_log_archiver_start(struct hg_job_logs *logs, struct hg_error *err)
{
    logs->sweeps = true;
    int e = pthread_create(&logs->thread, NULL, archive_all, logs);
    if (e != 0) {
        return hg_error_errno(err, e, "cannot start the thread that archives logs");
    }
    logs->has_thread = true;
    return HG_OK;
}

void hg_job_log_archiver_stop(struct hg_job_logs *logs)
{
    if (!logs->has_thread) {
        return;
    }
    {
        HG_LOCK(&logs->mutex);
        logs->stopping = true;
        (void)pthread_cond_signal(&logs->work);
    }
    (void)pthread_join(logs->thread, NULL);
    logs->has_thread = false;
}
