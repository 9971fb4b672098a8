/*
 * Pages of a job's log: the lines of its attempts one after the other, from any place on, in either
 * direction. A page costs the indexes of the attempts and the blocks that it shows; blocks without
 * a line of the wanted levels are passed over.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/time.h"
#include "joblog/logfile_read.h"
#include "joblog/state.h"

enum { PAGE_BYTES_MAX = 1 << 20 }; /* of lines; the last one may go beyond */

/*
 * Where a page begins, or, from the end, what it ends before: "<attempt>.<byte>" as a cursor. Bytes
 * are those of the lines, so that a cursor holds when the log is archived meanwhile.
 */
struct place {
    int attempt;
    int64_t offset; /* INT64_MAX: behind all */
};

static int parse_cursor(const char *cursor, struct place *ret, struct hg_error *err)
{
    char attempt[12];
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

/* A page under way. */
struct reading {
    const struct hg_job_log_query *query;
    struct hg_job_log_name name; /* its attempt is that of `file` */
    struct hg_logfile file;
    struct hg_buf lines; /* of one block */
    size_t *starts;      /* where each of them begins */
    size_t n_starts;
    size_t starts_room;
    struct place place;
    int64_t first_line; /* lines before it are not shown; from the end: -1 */
    json_t *items;
    size_t n_bytes;
    bool is_full;
};

/* ---- blocks ---- */

static bool is_wanted(const struct reading *reading, const struct hg_logfile_block *block)
{
    uint32_t n = 0;
    for (int level = reading->query->level; level <= HG_LOG_ERROR; level++) {
        n += block->n_of_level[level - HG_LOG_DEBUG];
    }
    return n > 0;
}

static int find_lines(struct reading *reading, struct hg_error *err)
{
    const char *text = hg_buf_text(&reading->lines);
    reading->n_starts = 0;
    for (size_t at = 0; at < reading->lines.len;) {
        const char *end = memchr(text + at, '\n', reading->lines.len - at);
        if (!end) {
            break;
        }
        if (hg_grow(&reading->starts,
                    reading->n_starts,
                    &reading->starts_room,
                    sizeof reading->starts[0]) < 0) {
            return hg_error_nomem(err);
        }
        reading->starts[reading->n_starts++] = at;
        at = (size_t)(end + 1 - text);
    }
    return HG_OK;
}

static size_t end_of(const struct reading *reading, size_t i)
{
    return i + 1 < reading->n_starts ? reading->starts[i + 1] : reading->lines.len;
}

static int add_item(struct reading *reading, json_t *item, struct hg_error *err)
{
    if (!item || json_object_set_new(item, "attempt", json_integer(reading->name.attempt)) < 0 ||
        (reading->query->tail ? json_array_insert(reading->items, 0, item)
                              : json_array_append(reading->items, item)) < 0) {
        return hg_error_nomem(err);
    }
    return HG_OK;
}

/* What cannot be parsed is left out: a disk that lost its power may have put zeros there. */
static int add_line(struct reading *reading, size_t i, struct hg_error *err)
{
    const char *line = reading->lines.data + reading->starts[i];
    size_t n = end_of(reading, i) - reading->starts[i];
    json_error_t why = {0};
    if (hg_logfile_level_of(line, n) < reading->query->level) {
        return HG_OK;
    }
    HG_CLEANUP(hg_json_decrefp) json_t *item = hg_json_read(line, n, JSON_ALLOW_NUL, &why);
    if (!item) {
        return json_error_code(&why) == json_error_out_of_memory ? hg_error_nomem(err) : HG_OK;
    }
    int r = add_item(reading, item, err);
    reading->n_bytes += n;
    reading->is_full = json_array_size(reading->items) >= (size_t)reading->query->limit ||
                       reading->n_bytes >= PAGE_BYTES_MAX;
    return r;
}

/* In the place of lines that an archive has lost. */
static int add_loss(struct reading *reading,
                    const struct hg_logfile_block *block,
                    struct hg_error *err)
{
    char text[128];
    char at[HG_TIME_TEXT];
    hg_time_format(reading->file.written_us, at);
    (void)snprintf(text,
                   sizeof text,
                   "%" PRIu32 " lines cannot be read: the archive of this log is broken here",
                   block->n_lines);
    HG_CLEANUP(hg_json_decrefp)
    json_t *item = json_pack("{s:s, s:s, s:s}", "at", at, "level", "error", "message", text);
    return add_item(reading, item, err);
}

/* *ret_lost: they are gone, which the page says. */
static int read_block(struct reading *reading, size_t i, bool *ret_lost, struct hg_error *err)
{
    int r = hg_logfile_block_lines(&reading->file, i, &reading->lines, err);
    *ret_lost = r == HG_EINVAL;
    if (r == HG_EINVAL) {
        return add_loss(reading, &reading->file.index.blocks[i], err);
    }
    return r < 0 ? r : find_lines(reading, err);
}

/* ---- in their order ---- */

static int show_block(struct reading *reading, size_t i, struct hg_error *err)
{
    const struct hg_logfile_block *block = &reading->file.index.blocks[i];
    bool lost = false;
    int r = is_wanted(reading, block) ? read_block(reading, i, &lost, err) : HG_OK;
    bool skips = lost || !is_wanted(reading, block);
    for (size_t k = 0; r == HG_OK && !skips && !reading->is_full && k < reading->n_starts; k++) {
        int64_t at = block->offset + (int64_t)reading->starts[k];
        if (at >= reading->place.offset && block->line + (int64_t)k >= reading->first_line) {
            r = add_line(reading, k, err);
            reading->place.offset = block->offset + (int64_t)end_of(reading, k);
        }
    }
    if (!reading->is_full) {
        reading->place.offset = block->offset + block->n_bytes;
    }
    return r;
}

static int show_onwards(struct reading *reading, struct hg_error *err)
{
    const struct hg_logfile_index *index = &reading->file.index;
    size_t by_offset = hg_logfile_index_of_offset(index, reading->place.offset);
    size_t by_line = hg_logfile_index_of_line(index, reading->first_line);
    int r = HG_OK;
    for (size_t i = by_line > by_offset ? by_line : by_offset;
         r == HG_OK && !reading->is_full && i < index->n;
         i++) {
        r = show_block(reading, i, err);
    }
    return r;
}

/* ---- from the end backwards ---- */

static int show_block_back(struct reading *reading, size_t i, struct hg_error *err)
{
    const struct hg_logfile_block *block = &reading->file.index.blocks[i];
    bool lost = false;
    int r = is_wanted(reading, block) ? read_block(reading, i, &lost, err) : HG_OK;
    bool skips = lost || !is_wanted(reading, block);
    for (size_t k = reading->n_starts; r == HG_OK && !skips && !reading->is_full && k-- > 0;) {
        if (block->offset + (int64_t)end_of(reading, k) <= reading->place.offset) {
            r = add_line(reading, k, err);
            reading->place.offset = block->offset + (int64_t)reading->starts[k];
        }
    }
    if (!reading->is_full) {
        reading->place.offset = block->offset;
    }
    return r;
}

static int show_back(struct reading *reading, struct hg_error *err)
{
    const struct hg_logfile_index *index = &reading->file.index;
    size_t i = hg_logfile_index_of_offset(index, reading->place.offset);
    int r = HG_OK;
    for (i = i < index->n ? i + 1 : i; r == HG_OK && !reading->is_full && i-- > 0;) {
        r = show_block_back(reading, i, err);
    }
    return r;
}

/* ---- attempts ---- */

/* An attempt that said nothing has no log; neither has one whose log is too old. */
static int show_attempt(const struct hg_job_logs *logs,
                        struct reading *reading,
                        struct hg_error *err)
{
    char path[PATH_MAX];
    reading->name.attempt = reading->place.attempt;
    int r = hg_job_log_path(logs, &reading->name, path, err);
    r = r < 0 ? r : hg_logfile_open(path, &reading->file, err);
    if (r < 0) {
        return r == HG_ENOTFOUND ? HG_OK : r;
    }
    r = reading->query->tail ? show_back(reading, err) : show_onwards(reading, err);
    bool at_end = reading->query->tail
                      ? reading->place.offset <= 0
                      : reading->place.offset >= hg_logfile_index_end(&reading->file.index);
    hg_logfile_close(&reading->file);
    reading->is_full = reading->is_full && !at_end;
    return r;
}

static bool has_all(const struct reading *reading)
{
    return json_array_size(reading->items) >= (size_t)reading->query->limit ||
           reading->n_bytes >= PAGE_BYTES_MAX;
}

/* *ret_more: the page is full and there is more behind it, from reading->place on. */
static int show_attempts(const struct hg_job_logs *logs,
                         struct reading *reading,
                         int first,
                         int last,
                         bool *ret_more,
                         struct hg_error *err)
{
    int step = reading->query->tail ? -1 : 1;
    *ret_more = false;
    while (reading->place.attempt >= first && reading->place.attempt <= last) {
        int r = show_attempt(logs, reading, err);
        if (r < 0 || reading->is_full) {
            *ret_more = r == HG_OK;
            return r;
        }
        reading->place.attempt += step;
        reading->place.offset = step > 0 ? 0 : INT64_MAX;
        reading->first_line = 0;
        if (has_all(reading)) {
            *ret_more = reading->place.attempt >= first && reading->place.attempt <= last;
            return HG_OK;
        }
    }
    return HG_OK;
}

/* Which attempts, and where in them. */
static int find_place(const struct hg_job_log_query *query,
                      int last_attempt,
                      struct reading *reading,
                      int *ret_first,
                      int *ret_last,
                      struct hg_error *err)
{
    *ret_first = query->attempt ? query->attempt : 1;
    *ret_last = query->attempt ? query->attempt : last_attempt;
    reading->place =
        query->tail ? (struct place){*ret_last, INT64_MAX} : (struct place){*ret_first, 0};
    reading->first_line = query->line > 0 ? query->line - 1 : 0;
    if (query->line > 0 && (query->attempt == 0 || query->tail)) {
        return hg_error_set(err, HG_EINVAL, "\"line\" goes with \"attempt\" and not with \"tail\"");
    }
    return query->cursor ? parse_cursor(query->cursor, &reading->place, err) : HG_OK;
}

static json_t *answer_of(const struct reading *reading, int attempt, bool more)
{
    char next[48];
    (void)snprintf(next, sizeof next, "%d.%" PRId64, reading->place.attempt, reading->place.offset);
    return json_pack("{s:O, s:i, s:s?}",
                     "items",
                     reading->items,
                     "attempt",
                     attempt,
                     "next_cursor",
                     more ? next : NULL);
}

int hg_job_log_page(const struct hg_job_logs *logs,
                    const struct hg_job_log_name *of,
                    const struct hg_job_log_query *query,
                    json_t **ret,
                    struct hg_error *err)
{
    int first = 0;
    int last = 0;
    bool more = false;
    HG_CLEANUP(hg_json_decrefp) json_t *items = json_array();
    struct reading reading = {.query = query, .name = *of, .lines = HG_BUF_INIT, .items = items};
    int r =
        items ? find_place(query, of->attempt, &reading, &first, &last, err) : hg_error_nomem(err);
    if (r == HG_OK) {
        last = last < of->attempt ? last : of->attempt;
        r = show_attempts(logs, &reading, first, last, &more, err);
    }
    hg_buf_free(&reading.lines);
    free(reading.starts);
    json_t *answer = r < 0 ? NULL : answer_of(&reading, of->attempt, more);
    if (!answer) {
        return r < 0 ? r : hg_error_nomem(err);
    }
    *ret = answer;
    return HG_OK;
}
