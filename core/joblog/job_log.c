#include "joblog/job_log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"
#include "joblog/archiver.h"
#include "joblog/logfile_archive.h"
#include "joblog/logfile_read.h"
#include "joblog/logfile_write.h"
#include "joblog/state.h"

enum { MESSAGE_MAX = 65536 };

struct hg_job_log {
    struct hg_job_log_name name;
    struct hg_logfile_writer writer;
    uint64_t used;
    int64_t n_cut;  /* lines that did not come in because the log is full, */
    int64_t n_lost; /* and because they could not be written since the last that was */
};

int hg_job_log_path(const struct hg_job_logs *logs,
                    const struct hg_job_log_name *name,
                    char ret[PATH_MAX],
                    struct hg_error *err)
{
    int n = snprintf(ret,
                     PATH_MAX,
                     "%s/logs/%s/%s.%d.jsonl",
                     logs->options.data_dir,
                     name->run_id,
                     name->job,
                     name->attempt);
    if (n >= PATH_MAX) {
        return hg_error_set(
            err, HG_EINVAL, "the path of the log of job \"%s\" is too long", name->job);
    }
    return HG_OK;
}

struct hg_job_log_name hg_job_log_name(const char *run_id, const char *job, int attempt)
{
    struct hg_job_log_name name = {.attempt = attempt};
    (void)snprintf(name.run_id, sizeof name.run_id, "%s", run_id);
    (void)snprintf(name.job, sizeof name.job, "%s", job);
    return name;
}

/* ---- lines ---- */

static void put_line(struct hg_buf *line, int level, int64_t at_us, const char *message)
{
    char at[HG_TIME_TEXT];
    size_t n = strlen(message);
    hg_time_format(at_us, at);
    hg_buf_printf(
        line, "{\"at\":\"%s\",\"level\":\"%s\",\"message\":", at, hg_log_level_name(level));
    if (n <= MESSAGE_MAX) {
        hg_json_quote_n(line, message, n);
    } else {
        HG_CLEANUP(hg_freep) char *text = NULL;
        int n_kept = (int)hg_utf8_valid(message, MESSAGE_MAX);
        n_kept = n_kept > MESSAGE_MAX - 4 ? n_kept : MESSAGE_MAX; /* it is no UTF-8 anyway */
        if (asprintf(&text, "%.*s... (%zu bytes in all)", n_kept, message, n) < 0) {
            text = NULL;
        }
        hg_json_quote(line, text ? text : "a line that was too long for the memory there is");
    }
    hg_buf_puts(line, "}\n");
}

/* ---- what is open (mutex held) ---- */

static bool is_same(const struct hg_job_log_name *a, const struct hg_job_log_name *b)
{
    return a->attempt == b->attempt && strcmp(a->run_id, b->run_id) == 0 &&
           strcmp(a->job, b->job) == 0;
}

static size_t find_open(const struct hg_job_logs *logs, const struct hg_job_log_name *name)
{
    size_t i = 0;
    while (i < logs->n_open && !is_same(&logs->open[i]->name, name)) {
        i++;
    }
    return i;
}

static void close_log(struct hg_job_logs *logs, size_t i)
{
    hg_logfile_writer_close(&logs->open[i]->writer);
    free(logs->open[i]);
    logs->open[i] = logs->open[--logs->n_open];
}

void hg_job_log_close(struct hg_job_logs *logs, const struct hg_job_log_name *name)
{
    size_t i = find_open(logs, name);
    if (i < logs->n_open) {
        close_log(logs, i);
    }
}

/* One that has something left to say only when all have. */
static void close_one(struct hg_job_logs *logs)
{
    size_t eldest = 0;
    for (size_t i = 1; i < logs->n_open; i++) {
        const struct hg_job_log *log = logs->open[i];
        const struct hg_job_log *other = logs->open[eldest];
        bool owes = log->n_cut + log->n_lost > 0;
        bool other_owes = other->n_cut + other->n_lost > 0;
        if (owes != other_owes ? other_owes : log->used < other->used) {
            eldest = i;
        }
    }
    close_log(logs, eldest);
}

static int open_log(struct hg_job_logs *logs,
                    const struct hg_job_log_name *name,
                    struct hg_job_log **ret,
                    struct hg_error *err)
{
    char path[PATH_MAX];
    size_t i = find_open(logs, name);
    if (i < logs->n_open) {
        logs->open[i]->used = ++logs->n_used;
        *ret = logs->open[i];
        return HG_OK;
    }
    HG_CLEANUP(hg_freep) struct hg_job_log *log = calloc(1, sizeof *log);
    int r = log ? hg_job_log_path(logs, name, path, err) : hg_error_nomem(err);
    r = r < 0 ? r : hg_logfile_writer_open(&log->writer, path, err);
    if (r < 0) {
        return r;
    }
    if (logs->n_open == HG_JOB_LOGS_OPEN) {
        close_one(logs);
    }
    log->name = *name;
    log->used = ++logs->n_used;
    *ret = logs->open[logs->n_open++] = HG_TAKE(log);
    return HG_OK;
}

/* ---- writing (mutex held) ---- */

/*
 * What stands beside its archive says the same and goes: the host died when the archive was there
 * and the log was not gone yet.
 */
static bool is_archived(const char *path)
{
    char other[PATH_MAX];
    if (snprintf(other, sizeof other, "%s.gz", path) >= (int)sizeof other ||
        access(other, F_OK) < 0) {
        return false;
    }
    if (unlink(path) == 0 && snprintf(other, sizeof other, "%s.idx", path) < (int)sizeof other) {
        (void)unlink(other);
    }
    return true;
}

/* A full disk loses thousands of lines; it is told when that begins and when it is over. */
static void say_whether_lost(struct hg_job_logs *logs, bool lost, const struct hg_error *err)
{
    if (lost == logs->is_losing) {
        return;
    }
    logs->is_losing = lost;
    if (lost) {
        hg_log_error("lines of jobs' logs are lost", err);
    } else {
        hg_log(HG_LOG_INFO, "lines of jobs' logs are kept again", NULL);
    }
}

static int write_own(struct hg_job_log *log, int level, const char *message, struct hg_error *err)
{
    HG_CLEANUP(hg_buf_free) struct hg_buf line = HG_BUF_INIT;
    put_line(&line, level, hg_time_now_us(), message);
    return hg_buf_failed(&line) ? hg_error_nomem(err)
                                : hg_logfile_append(&log->writer, line.data, line.len, err);
}

/* Says what is missing where it is missing. */
static int write_lost(struct hg_job_log *log, struct hg_error *err)
{
    char text[96];
    if (log->n_lost == 0) {
        return HG_OK;
    }
    (void)snprintf(text,
                   sizeof text,
                   "%" PRId64 " lines are missing here: they could not be written",
                   log->n_lost);
    int r = write_own(log, HG_LOG_WARNING, text, err);
    log->n_lost = r < 0 ? log->n_lost : 0;
    return r;
}

/* To the log itself, which is made where there is none. */
static int write_open(struct hg_job_logs *logs,
                      const struct hg_job_log_name *name,
                      const struct hg_buf *line,
                      struct hg_error *err)
{
    struct hg_job_log *log = NULL;
    int r = open_log(logs, name, &log, err);
    r = r < 0 ? r : write_lost(log, err);
    r = r < 0 ? r : hg_logfile_append(&log->writer, line->data, line->len, err);
    if (r < 0 && log) {
        log->n_lost++;
    }
    return r;
}

/* A new file beside its archive would hide that, and take its place. */
static int write_line(struct hg_job_logs *logs,
                      const struct hg_job_log_name *name,
                      const struct hg_buf *line,
                      struct hg_error *err)
{
    char path[PATH_MAX];
    int r = hg_buf_failed(line) ? hg_error_nomem(err) : hg_job_log_path(logs, name, path, err);
    if (r == HG_OK && find_open(logs, name) == logs->n_open && is_archived(path)) {
        r = hg_logfile_archive_append(path, line->data, line->len, err);
    } else if (r == HG_OK) {
        r = write_open(logs, name, line, err);
    }
    say_whether_lost(logs, r < 0, err);
    return r;
}

/* The text of a log's last line; NULL when there is none. *item owns it. */
static const char *last_message(const char *path, json_t **item)
{
    HG_CLEANUP(hg_buf_free) struct hg_buf line = HG_BUF_INIT;
    if (hg_logfile_last_line(path, &line, NULL) == HG_OK && line.len > 0) {
        *item = hg_json_read(line.data, line.len, JSON_ALLOW_NUL, NULL);
    }
    return json_string_value(json_object_get(*item, "message"));
}

static bool says(const char *path, const char *message)
{
    HG_CLEANUP(hg_json_decrefp) json_t *item = NULL;
    const char *last = last_message(path, &item);
    return last && strcmp(last, message) == 0;
}

/* Both that it says so at first and how much of it in the end. */
#define IS_FULL "this log is full"

static bool says_full(const char *path)
{
    HG_CLEANUP(hg_json_decrefp) json_t *item = NULL;
    const char *last = last_message(path, &item);
    return last && strstr(last, IS_FULL);
}

/* Of one that is archived. Nobody counts there what is not kept. */
static bool is_archive_full(struct hg_job_logs *logs,
                            const struct hg_job_log_name *name,
                            bool *ret_first)
{
    char path[PATH_MAX];
    int64_t n_bytes = 0;
    bool full = hg_job_log_path(logs, name, path, NULL) == HG_OK && is_archived(path) &&
                hg_logfile_archive_bytes(path, &n_bytes, NULL) == HG_OK &&
                n_bytes >= logs->bytes_max;
    *ret_first = full && !says_full(path);
    return full;
}

/* Whether the log takes no more of what its attempt says; the first time *line becomes why. */
static bool is_cut(struct hg_job_logs *logs,
                   const struct hg_job_log_name *name,
                   int64_t at_us,
                   struct hg_buf *line,
                   bool *ret_first)
{
    size_t i = find_open(logs, name);
    struct hg_job_log *log = i < logs->n_open ? logs->open[i] : NULL;
    char text[128];
    bool full =
        log ? log->writer.n_file >= logs->bytes_max : is_archive_full(logs, name, ret_first);
    if (full && log) {
        *ret_first = log->n_cut++ == 0;
    }
    if (full && *ret_first) {
        (void)snprintf(text,
                       sizeof text,
                       IS_FULL " (%" PRId64 " MiB): what the attempt says from here on is"
                               " not kept",
                       logs->bytes_max >> 20);
        hg_buf_reset(line);
        put_line(line, HG_LOG_WARNING, at_us, text);
    }
    return full;
}

static void tell(struct hg_job_logs *logs,
                 const struct hg_job_log_name *name,
                 const struct hg_buf *line)
{
    if (!hg_buf_failed(line) && logs->options.on_line) {
        logs->options.on_line(logs->options.arg, name, line->data, line->len - 1);
    }
}

/* `may_be_cut`: what the attempt says, of which a log takes so much and no more. */
static void add(struct hg_job_logs *logs,
                const struct hg_job_log_name *name,
                int level,
                int64_t at_us,
                const char *message,
                bool may_be_cut)
{
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_buf_free) struct hg_buf line = HG_BUF_INIT;
    bool first = false;
    put_line(&line, level, at_us, message);
    {
        HG_LOCK(&logs->mutex);
        if (may_be_cut && is_cut(logs, name, at_us, &line, &first) && !first) {
            return;
        }
        (void)write_line(logs, name, &line, &err);
    }
    tell(logs, name, &line);
}

void hg_job_log_append(struct hg_job_logs *logs,
                       const struct hg_job_log_name *name,
                       int level,
                       int64_t at_us,
                       const char *message)
{
    add(logs, name, level, at_us, message, true);
}

void hg_job_log_say(struct hg_job_logs *logs,
                    const struct hg_job_log_name *name,
                    int level,
                    const char *message)
{
    add(logs, name, level, hg_time_now_us(), message, false);
}

/* ---- the end (mutex held) ---- */

static void write_summary(struct hg_job_log *log)
{
    char text[96];
    (void)write_lost(log, NULL);
    if (log->n_cut > 0) {
        (void)snprintf(
            text, sizeof text, "%" PRId64 " lines were not kept, since " IS_FULL, log->n_cut);
        (void)write_own(log, HG_LOG_WARNING, text, NULL);
    }
}

static void seal(struct hg_job_logs *logs, size_t i)
{
    struct hg_job_log *log = logs->open[i];
    write_summary(log);
    hg_logfile_writer_seal(&log->writer);
    if (log->writer.n_file >= HG_LOGFILE_ARCHIVE_MIN) {
        hg_job_log_archiver_add(logs, &log->name);
    }
    close_log(logs, i);
}

/* One that is there but not open: it was closed to make room. */
static bool is_there(struct hg_job_logs *logs, const struct hg_job_log_name *name)
{
    char path[PATH_MAX];
    return hg_job_log_path(logs, name, path, NULL) == HG_OK && !is_archived(path) &&
           access(path, F_OK) == 0;
}

static void end_log(struct hg_job_logs *logs, const struct hg_job_log_name *name)
{
    struct hg_job_log *log = NULL;
    if (find_open(logs, name) == logs->n_open && is_there(logs, name)) {
        (void)open_log(logs, name, &log, NULL);
    }
    size_t i = find_open(logs, name);
    if (i < logs->n_open) {
        seal(logs, i);
    }
}

void hg_job_log_end(struct hg_job_logs *logs, const struct hg_job_log_name *name)
{
    HG_LOCK(&logs->mutex);
    end_log(logs, name);
}

/* ---- what was lost ---- */

void hg_job_log_lost(struct hg_job_logs *logs,
                     const struct hg_job_log_name *name,
                     const char *message)
{
    char path[PATH_MAX];
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_buf_free) struct hg_buf line = HG_BUF_INIT;
    bool is_new = false;
    if (hg_job_log_path(logs, name, path, NULL) < 0) {
        return;
    }
    put_line(&line, HG_LOG_ERROR, hg_time_now_us(), message);
    {
        HG_LOCK(&logs->mutex);
        is_new = !says(path, message);
        (void)(is_new ? write_line(logs, name, &line, &err) : HG_OK);
        end_log(logs, name);
    }
    if (is_new) {
        tell(logs, name, &line);
    }
}

/* ---- all of them ---- */

int hg_job_logs_open(const struct hg_job_logs_options *options,
                     struct hg_job_logs **ret,
                     struct hg_error *err)
{
    struct hg_job_logs *logs = calloc(1, sizeof *logs);
    if (!logs) {
        return hg_error_nomem(err);
    }
    logs->options = *options;
    logs->bytes_max = HG_JOB_LOG_BYTES_MAX;
    (void)pthread_mutex_init(&logs->mutex, NULL);
    (void)pthread_cond_init(&logs->work, NULL);
    int r = hg_job_log_archiver_start(logs, err);
    if (r < 0) {
        hg_job_logs_close(logs);
        return r;
    }
    *ret = logs;
    return HG_OK;
}

void hg_job_logs_close(struct hg_job_logs *logs)
{
    if (!logs) {
        return;
    }
    hg_job_log_archiver_stop(logs);
    while (logs->n_open > 0) {
        close_log(logs, 0);
    }
    free(logs->queue);
    (void)pthread_cond_destroy(&logs->work);
    (void)pthread_mutex_destroy(&logs->mutex);
    free(logs);
}
