#include "state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "headgate/error.h"
#include "headgate/json.h"
#include "headgate/text.h"

/* ------------------------------------------------------------------------------------------ */
/* Writing                                                                                      */
/* ------------------------------------------------------------------------------------------ */

static hg_status put_bytes(struct src_state *s, const char *bytes, size_t n, struct hg_error *err)
{
    if (s->n + n + 1 > s->room) {
        size_t room = (s->n + n + 1) * 2;
        char *text = realloc(s->text, room);
        if (!text) {
            return hg_fail_nomem(err);
        }
        s->text = text;
        s->room = room;
    }
    memcpy(s->text + s->n, bytes, n);
    s->n += n;
    s->text[s->n] = '\0';
    return HG_OK;
}

static hg_status put_text(struct src_state *s, const char *text, struct hg_error *err)
{
    return put_bytes(s, text, strlen(text), err);
}

static hg_status put_string(struct src_state *s, const char *text, struct hg_error *err)
{
    hg_status status = put_text(s, "\"", err);
    for (; *text && !status; text++) {
        char escaped[8];
        if (*text == '"' || *text == '\\') {
            snprintf(escaped, sizeof escaped, "\\%c", *text);
        } else if ((unsigned char)*text < 0x20) {
            snprintf(escaped, sizeof escaped, "\\u%04x", (unsigned)*text);
        } else {
            snprintf(escaped, sizeof escaped, "%c", *text);
        }
        status = put_text(s, escaped, err);
    }
    return status ? status : put_text(s, "\"", err);
}

hg_status src_state_add(struct src_state *s, const struct src_file *file, struct hg_error *err)
{
    char numbers[64];
    snprintf(numbers,
             sizeof numbers,
             ":[%lld,%lld]",
             (long long)file->size_bytes,
             (long long)file->mtime_ms);
    hg_status status = s->n > 0 ? put_text(s, ",", err) : HG_OK;
    if (!status) {
        status = put_string(s, file->path, err);
    }
    return status ? status : put_text(s, numbers, err);
}

/* Behind the done files, in the same memory. */
static hg_status put_current(struct src_state *s,
                             const struct src_file *current,
                             int64_t rows,
                             struct hg_error *err)
{
    char numbers[128];
    if (!current) {
        return put_text(s, "}}", err);
    }
    snprintf(numbers,
             sizeof numbers,
             ",\"size\":%lld,\"mtime_ms\":%lld,\"rows\":%lld}}",
             (long long)current->size_bytes,
             (long long)current->mtime_ms,
             (long long)rows);
    hg_status status = put_text(s, "},\"current\":{\"path\":", err);
    if (!status) {
        status = put_string(s, current->path, err);
    }
    return status ? status : put_text(s, numbers, err);
}

static hg_status hand_over(const struct src_state *s,
                           const struct hg_host *host,
                           struct hg_error *err)
{
    static const char head[] = "{\"files\":{";
    const struct hg_state *services = host->get_extension(host, HG_EXT_STATE);
    if (!services) {
        return hg_fail(err, HG_ENOTSUP, "the host does not offer " HG_EXT_STATE);
    }
    if (sizeof head + s->n > HG_STATE_BYTES_MAX) {
        hg_fail(err,
                HG_ETOOBIG,
                "the list of files that were read is longer than %zu MiB",
                HG_STATE_BYTES_MAX >> 20);
        return hg_fail_hint(
            err, HG_ETOOBIG, "Use files: all with mode: merge, or a path for each year.");
    }
    char *json = malloc(sizeof head + s->n);
    if (!json) {
        return hg_fail_nomem(err);
    }
    memcpy(json, head, sizeof head - 1);
    memcpy(json + sizeof head - 1, s->text, s->n + 1);
    hg_status status = services->put(host, json, err);
    free(json);
    return status;
}

hg_status src_state_put(struct src_state *s,
                        const struct src_file *current,
                        int64_t rows,
                        const struct hg_host *host,
                        struct hg_error *err)
{
    size_t done = s->n;
    hg_status status = put_current(s, current, rows, err);
    if (!status) {
        status = hand_over(s, host, err);
    }
    s->n = done;
    return status;
}

/* ------------------------------------------------------------------------------------------ */
/* Reading                                                                                      */
/* ------------------------------------------------------------------------------------------ */

static hg_status not_a_state(struct hg_error *err)
{
    return hg_fail(err, HG_EDATA, "the stored state is none of this source");
}

static hg_status next_number(struct hg_json_reader *reader, int64_t *ret, struct hg_error *err)
{
    struct hg_json_token token;
    hg_status status = hg_json_next(reader, &token, err);
    if (status) {
        return status;
    }
    return token.type == HG_JSON_NUMBER ? hg_json_int64(&token, ret, err) : not_a_state(err);
}

/* "path": [size, mtime_ms], ... up to the end of the object. */
static hg_status read_done(struct hg_json_reader *reader, struct src_state *s, struct hg_error *err)
{
    struct hg_json_token token;
    hg_status status = hg_json_next(reader, &token, err);
    if (!status && token.type != HG_JSON_OBJECT_BEGIN) {
        return not_a_state(err);
    }
    while (!status) {
        status = hg_json_next(reader, &token, err);
        if (status || token.type != HG_JSON_KEY) {
            break;
        }
        status = src_files_add(&s->done, token.text, token.n, 0, 0, err);
        if (status) {
            break;
        }
        struct src_file *file = &s->done.items[s->done.n - 1];
        status = hg_json_next(reader, &token, err);
        if (!status && token.type != HG_JSON_ARRAY_BEGIN) {
            status = not_a_state(err);
        }
        if (!status) {
            status = next_number(reader, &file->size_bytes, err);
        }
        if (!status) {
            status = next_number(reader, &file->mtime_ms, err);
        }
        if (!status) {
            status = hg_json_next(reader, &token, err);
        }
        if (!status && token.type != HG_JSON_ARRAY_END) {
            status = not_a_state(err);
        }
    }
    return status;
}

static hg_status read_current(struct hg_json_reader *reader,
                              struct src_state *s,
                              struct hg_error *err)
{
    const struct {
        const char *key;
        int64_t *value;
    } numbers[] = {{"size", &s->current.size_bytes},
                   {"mtime_ms", &s->current.mtime_ms},
                   {"rows", &s->current_rows}};
    struct hg_json_token token;
    hg_status status = hg_json_next(reader, &token, err);
    if (!status && token.type != HG_JSON_OBJECT_BEGIN) {
        return not_a_state(err);
    }
    while (!status) {
        status = hg_json_next(reader, &token, err);
        if (status || token.type != HG_JSON_KEY) {
            break;
        }
        bool is_path = hg_json_is(&token, "path");
        int64_t *value = NULL;
        for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
            value = hg_json_is(&token, numbers[i].key) ? numbers[i].value : value;
        }
        if (value) {
            status = next_number(reader, value, err);
            continue;
        }
        status = hg_json_next(reader, &token, err);
        if (!status && is_path && token.type == HG_JSON_STRING && !s->current.path) {
            s->current.path = hg_text_copy(token.text, token.n);
            status = s->current.path ? HG_OK : hg_fail_nomem(err);
        } else if (!status) {
            status = not_a_state(err);
        }
    }
    if (!status && (!s->current.path || s->current_rows < 0)) {
        status = not_a_state(err);
    }
    return status;
}

static hg_status read_all(struct hg_json_reader *reader, struct src_state *s, struct hg_error *err)
{
    struct hg_json_token token;
    hg_status status = hg_json_next(reader, &token, err);
    if (!status && token.type == HG_JSON_NULL) {
        return HG_OK;
    }
    if (!status && token.type != HG_JSON_OBJECT_BEGIN) {
        return not_a_state(err);
    }
    while (!status) {
        status = hg_json_next(reader, &token, err);
        if (status || token.type != HG_JSON_KEY) {
            break;
        }
        if (hg_json_is(&token, "files")) {
            status = read_done(reader, s, err);
        } else if (hg_json_is(&token, "current")) {
            status = read_current(reader, s, err);
        } else {
            status = not_a_state(err);
        }
    }
    return status;
}

hg_status src_state_read(const char *json, struct src_state *ret, struct hg_error *err)
{
    struct src_state s = {0};
    struct hg_json_reader *reader;
    if (!json) {
        *ret = s;
        return HG_OK;
    }
    hg_status status = hg_json_reader_text(NULL, json, strlen(json), &reader, err);
    if (status) {
        return status;
    }
    status = read_all(reader, &s, err);
    hg_json_reader_free(reader);
    for (size_t i = 0; i < s.done.n && !status; i++) {
        status = src_state_add(&s, &s.done.items[i], err);
    }
    if (status) {
        src_state_done(&s);
        return status;
    }
    *ret = s;
    return HG_OK;
}

void src_state_done(struct src_state *s)
{
    src_files_done(&s->done);
    free(s->current.path);
    free(s->text);
    *s = (struct src_state){0};
}

/* ------------------------------------------------------------------------------------------ */
/* Filtering                                                                                    */
/* ------------------------------------------------------------------------------------------ */

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct src_file *)a)->path, ((const struct src_file *)b)->path);
}

static bool same_content(const struct src_file *a, const struct src_file *b)
{
    return a->size_bytes == b->size_bytes && a->mtime_ms == b->mtime_ms;
}

static const char changed_hint[] =
    "Give a changed file a new name, or load with mode: merge and files: all.";

/* A path may be longer than the room of a text; its end says which file it is. */
static hg_status changed(const struct hg_host *host,
                         const char *shown,
                         bool fails,
                         struct hg_error *err)
{
    char text[512];
    if (fails) {
        hg_fail(err, HG_ECONFLICT, "%s has changed since it was read", shown);
        return hg_fail_hint(err, HG_ECONFLICT, changed_hint);
    }
    snprintf(text,
             sizeof text,
             "%s has changed since it was read and is left out. %s",
             shown,
             changed_hint);
    host->log(host, HG_LOG_WARNING, text);
    return HG_OK;
}

/* The file that was half read comes first. */
static hg_status current_first(const struct src_state *s,
                               struct src_files *files,
                               struct hg_error *err)
{
    for (size_t i = 0; i < files->n; i++) {
        struct src_file file = files->items[i];
        if (strcmp(file.path, s->current.path) == 0 && same_content(&file, &s->current)) {
            memmove(files->items + 1, files->items, i * sizeof file);
            files->items[0] = file;
            return HG_OK;
        }
    }
    hg_fail(err,
            HG_ECONFLICT,
            "%s was read in part and has changed since, or is gone",
            s->current.path);
    return hg_fail_hint(err, HG_ECONFLICT, "Put the old file back, or reset the source's state.");
}

hg_status src_state_filter(const struct src_state *s,
                           const struct hg_host *host,
                           bool fails_on_changed,
                           struct src_files *files,
                           struct hg_error *err)
{
    hg_status status = HG_OK;
    struct src_file *known = NULL;
    if (s->done.n > 0) {
        known = malloc(s->done.n * sizeof *known);
        if (!known) {
            return hg_fail_nomem(err);
        }
        memcpy(known, s->done.items, s->done.n * sizeof *known);
        qsort(known, s->done.n, sizeof *known, by_path);
    }
    size_t kept = 0;
    for (size_t i = 0; i < files->n; i++) {
        struct src_file *file = &files->items[i];
        const struct src_file *before =
            known ? bsearch(file, known, s->done.n, sizeof *known, by_path) : NULL;
        if (!before) {
            files->items[kept++] = *file;
            continue;
        }
        if (!status && !same_content(file, before)) {
            status = changed(host, file->shown, fails_on_changed, err);
        }
        free(file->path);
    }
    files->n = kept;
    free(known);
    return !status && s->current.path ? current_first(s, files, err) : status;
}
