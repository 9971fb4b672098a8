#include "pipeline/job_log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/str.h"
#include "base/time.h"
#include "pipeline/service.h"
#include "pipeline/state.h"

enum { LOG_LINE_MAX = 65536 };

/* <data_dir>/logs/<run>/<job>.<attempt>.jsonl; job ids are slugs, run ids are UUIDs. */
static int log_path(const struct hg_pipelines *service,
                    const char *run_id,
                    const char *job,
                    int attempt,
                    char ret[PATH_MAX],
                    struct hg_error *err)
{
    int n = snprintf(ret,
                     PATH_MAX,
                     "%s/logs/%s/%s.%d.jsonl",
                     service->options.config->data_dir,
                     run_id,
                     job,
                     attempt);
    if (n >= PATH_MAX) {
        return hg_error_set(err, HG_EINVAL, "the path of the log of job \"%s\" is too long", job);
    }
    return HG_OK;
}

static int append(const char *path, const struct hg_buf *line, struct hg_error *err)
{
    HG_CLEANUP(hg_closep) int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    if (fd < 0 && errno == ENOENT) {
        HG_CLEANUP(hg_freep) char *folder = hg_path_folder(path);
        int r = folder ? hg_make_folders(folder, 0750, err) : hg_error_nomem(err);
        if (r < 0) {
            return r;
        }
        fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    }
    if (fd < 0) {
        return hg_error_errno(err, errno, "cannot open \"%s\"", path);
    }
    return hg_write_all(fd, line->data, line->len, err);
}

/* A full disk loses thousands of lines; it is told when that begins and when it is over. */
static void say_whether_lost(bool lost, const struct hg_error *err)
{
    static _Atomic bool losing;
    if (lost == atomic_exchange(&losing, lost)) {
        return;
    }
    if (lost) {
        hg_log_error("lines of jobs' logs are lost", err);
    } else {
        hg_log(HG_LOG_INFO, "lines of jobs' logs are kept again", NULL);
    }
}

void hg_job_log_append(const struct hg_pipelines *service,
                       const char *run_id,
                       const char *job,
                       int attempt,
                       int level,
                       int64_t at_us,
                       const char *message)
{
    char path[PATH_MAX];
    char at[HG_TIME_TEXT];
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_buf_free) struct hg_buf line = HG_BUF_INIT;
    hg_time_format(at_us, at);
    hg_buf_printf(
        &line, "{\"at\":\"%s\",\"level\":\"%s\",\"message\":", at, hg_log_level_name(level));
    hg_json_quote_n(&line, message, strnlen(message, LOG_LINE_MAX));
    hg_buf_puts(&line, "}\n");
    int r = hg_buf_failed(&line) ? hg_error_nomem(&err)
                                 : log_path(service, run_id, job, attempt, path, &err);
    r = r < 0 ? r : append(path, &line, &err);
    say_whether_lost(r < 0, &err);
    if (!hg_buf_failed(&line)) {
        hg_live_log_line(service, run_id, job, attempt, line.data, line.len - 1);
    }
}

static const struct hg_statement job_attempt = {
    "job_attempt", "select attempt from job_run where run_id = $1 and job_id = $2", 2};

static int find_attempt(struct hg_pipelines *service,
                        const char *run_id,
                        const char *job_id,
                        int *ret_attempt,
                        struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    const char *const params[] = {run_id, job_id};
    if (!hg_uuid_is_valid(run_id)) {
        return hg_error_set(err, HG_ENOTFOUND, "there is no run \"%.64s\"", run_id);
    }
    int r = hg_pool_borrow(service->options.metadata, HG_BORROW_MS, &db, err);
    r = r < 0 ? r : hg_db_exec(db, &job_attempt, params, &result, err);
    if (r < 0) {
        return r;
    }
    if (PQntuples(result) == 0) {
        return hg_error_set(
            err, HG_ENOTFOUND, "there is no job \"%.64s\" in run %s", job_id, run_id);
    }
    *ret_attempt = (int)hg_result_int64(result, 0, "attempt", 0);
    return HG_OK;
}

/* Where a page begins: "<attempt>.<byte>" as a cursor. */
struct place {
    int attempt;
    int64_t offset;
};

static int parse_cursor(const char *cursor, struct place *ret, struct hg_error *err)
{
    *ret = (struct place){.attempt = 1};
    if (!cursor) {
        return HG_OK;
    }
    char attempt[8];
    int64_t number = 0;
    const char *dot = strchr(cursor, '.');
    size_t n = dot ? (size_t)(dot - cursor) : sizeof attempt;
    if (n >= sizeof attempt) {
        return hg_error_set(err, HG_EINVAL, "\"%.64s\" is no cursor of a log", cursor);
    }
    memcpy(attempt, cursor, n);
    attempt[n] = '\0';
    int r = hg_parse_int64(attempt, 1, INT32_MAX, &number, err);
    r = r < 0 ? r : hg_parse_int64(dot + 1, 0, INT64_MAX, &ret->offset, err);
    ret->attempt = (int)number;
    return r;
}

/* Reads whole lines; the last, half-written one is left for the next page. True: there are more. */
static bool read_lines(FILE *file, struct place *place, size_t limit, json_t *items)
{
    HG_CLEANUP(hg_freep) char *line = NULL;
    size_t room = 0;
    while (json_array_size(items) < limit) {
        ssize_t n = getline(&line, &room, file);
        if (n <= 0 || line[n - 1] != '\n') {
            return false;
        }
        json_t *item = hg_json_read(line, (size_t)n, JSON_ALLOW_NUL, NULL);
        if (item) {
            (void)json_object_set_new(item, "attempt", json_integer(place->attempt));
            (void)json_array_append_new(items, item);
        }
        place->offset += n;
    }
    return true;
}

/* One attempt's lines after those of the one before it, up to the last. True: there are more. */
static int read_attempts(const struct hg_pipelines *service,
                         const char *run_id,
                         const char *job_id,
                         int last_attempt,
                         struct place *place,
                         size_t limit,
                         json_t *items,
                         bool *ret_more,
                         struct hg_error *err)
{
    char path[PATH_MAX];
    for (;;) {
        int r = log_path(service, run_id, job_id, place->attempt, path, err);
        if (r < 0) {
            return r;
        }
        /* An attempt that wrote nothing has no file. */
        HG_CLEANUP(hg_fclosep) FILE *file = fopen(path, "re");
        if (file && fseeko(file, place->offset, SEEK_SET) == 0 &&
            read_lines(file, place, limit, items)) {
            *ret_more = true;
            return HG_OK;
        }
        if (place->attempt >= last_attempt) {
            *ret_more = false;
            return HG_OK;
        }
        *place = (struct place){.attempt = place->attempt + 1};
    }
}

int hg_runs_job_log(struct hg_pipelines *service,
                    const char *run_id,
                    const char *job_id,
                    const struct hg_page *page,
                    json_t **ret,
                    struct hg_error *err)
{
    int attempt = 0;
    struct place place = {1, 0};
    bool more = false;
    char next[48];
    HG_CLEANUP(hg_json_decrefp) json_t *items = json_array();
    int r = items ? parse_cursor(page->cursor, &place, err) : hg_error_nomem(err);
    r = r < 0 ? r : find_attempt(service, run_id, job_id, &attempt, err);
    r = r < 0
            ? r
            : read_attempts(
                  service, run_id, job_id, attempt, &place, (size_t)page->limit, items, &more, err);
    if (r < 0) {
        return r;
    }
    (void)snprintf(next, sizeof next, "%d.%" PRId64, place.attempt, place.offset);
    json_t *answer = json_pack(
        "{s:O, s:i, s:s?}", "items", items, "attempt", attempt, "next_cursor", more ? next : NULL);
    if (!answer) {
        return hg_error_nomem(err);
    }
    *ret = answer;
    return HG_OK;
}
