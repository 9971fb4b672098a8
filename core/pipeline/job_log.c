#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/str.h"
#include "base/time.h"
#include "pipeline/internal.h"

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
    if (r < 0) {
        hg_log_error("a line of a job's log is lost", &err);
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

/* Reads whole lines from `file` on; the last, half-written one is left for the next page. */
static int read_lines(FILE *file, int limit, json_t *items, int64_t *ret_end)
{
    HG_CLEANUP(hg_freep) char *line = NULL;
    size_t room = 0;
    for (int i = 0; i < limit; i++) {
        ssize_t n = getline(&line, &room, file);
        if (n <= 0 || line[n - 1] != '\n') {
            return 0;
        }
        json_t *item = json_loadb(line, (size_t)n, JSON_ALLOW_NUL, NULL);
        if (item) {
            (void)json_array_append_new(items, item);
        }
        *ret_end += n;
    }
    return 1;
}

int hg_runs_job_log(struct hg_pipelines *service,
                    const char *run_id,
                    const char *job_id,
                    const struct hg_page *page,
                    json_t **ret,
                    struct hg_error *err)
{
    int attempt = 0;
    int64_t offset = 0;
    char path[PATH_MAX];
    char next[32];
    int r = page->cursor ? hg_parse_int64(page->cursor, 0, INT64_MAX, &offset, err) : HG_OK;
    r = r < 0 ? r : find_attempt(service, run_id, job_id, &attempt, err);
    r = r < 0 ? r : log_path(service, run_id, job_id, attempt, path, err);
    if (r < 0) {
        return r;
    }
    HG_CLEANUP(hg_json_decrefp) json_t *items = json_array();
    HG_CLEANUP(hg_fclosep) FILE *file = fopen(path, "re");
    bool more = file && fseeko(file, offset, SEEK_SET) == 0 &&
                read_lines(file, page->limit, items, &offset);
    (void)snprintf(next, sizeof next, "%" PRId64, offset);
    json_t *answer = json_pack(
        "{s:O, s:i, s:s?}", "items", items, "attempt", attempt, "next_cursor", more ? next : NULL);
    if (!answer) {
        return hg_error_nomem(err);
    }
    *ret = answer;
    return HG_OK;
}
