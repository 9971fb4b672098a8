#include "file_reader.h"

#include <stdio.h>
#include <stdlib.h>

#include "headgate/error.h"

/* A batch ends early when its texts have so many bytes. */
#define BATCH_TEXT_BYTES (16 * 1024 * 1024)
/* So many bad rows in front of the first good one, and a source is not right. */
#define TRY_ROWS 100

const char *src_reader_shown(const struct src_reader *r)
{
    return r->files->items[r->i_file].shown;
}

/* ------------------------------------------------------------------------------------------ */
/* Rows                                                                                         */
/* ------------------------------------------------------------------------------------------ */

int64_t src_reader_position(const struct src_reader *r, int64_t line)
{
    return (int64_t)r->i_file << SRC_POSITION_LINE_BITS | line;
}

hg_status src_reader_reject(struct src_reader *r,
                            int64_t line,
                            struct hg_reject_row *row,
                            struct hg_error *err)
{
    char position[512];
    snprintf(position, sizeof position, "%s:%lld", src_reader_shown(r), (long long)line);
    row->position = position;
    r->rejected++;
    if (r->only_tries && r->rejected < TRY_ROWS) {
        return HG_OK;
    }
    if (r->reject && !r->only_tries) {
        return r->reject->reject(r->host, row, err);
    }
    const char *column = row->column ? row->column : "";
    hg_fail(err, HG_EDATA, "%s: %s%s%s", position, column, *column ? ": " : "", row->reason);
    return hg_fail_hint(err,
                        HG_EDATA,
                        "%s",
                        r->only_tries ? "None of the first 100 rows fits the columns."
                                      : "The host does not take rejected rows.");
}

bool src_reader_is_full(const struct src_reader *r)
{
    int64_t bytes = 0;
    for (size_t i = 0; i < r->n_columns; i++) {
        bytes += r->batch->columns[i].n_bytes;
    }
    return r->batch->n_rows >= r->batch_rows || bytes >= BATCH_TEXT_BYTES;
}

/* ------------------------------------------------------------------------------------------ */
/* Files                                                                                        */
/* ------------------------------------------------------------------------------------------ */

hg_status src_reader_open_file(struct src_reader *r, struct hg_error *err)
{
    const struct src_file *file = &r->files->items[r->i_file];
    const struct src_settings *settings = r->settings;
    int fd;
    hg_status status = src_file_open(r->host, file, &fd, err);
    if (!status) {
        status = src_input_open(
            fd, file->shown, settings->compression, settings->encoding, r->cancel, &r->input, err);
    }
    if (status) {
        return status;
    }
    r->rows = 0;
    r->rejected = 0;
    return HG_OK;
}

hg_status src_reader_end_file(struct src_reader *r, struct hg_error *err)
{
    char text[512];
    snprintf(text,
             sizeof text,
             "%s: %lld rows read, %lld of them rejected",
             src_reader_shown(r),
             (long long)r->rows,
             (long long)r->rejected);
    r->host->log(r->host, HG_LOG_INFO, text);
    src_stage_free(r->input);
    r->input = NULL;
    r->skip_rows = 0;
    hg_status status = HG_OK;
    if (r->keeps_state) {
        status = src_state_add(&r->state, &r->files->items[r->i_file], err);
    }
    r->i_file++;
    return status;
}

static hg_status put_state(struct src_reader *r, struct hg_error *err)
{
    if (!r->keeps_state) {
        return HG_OK;
    }
    const struct src_file *current = r->input ? &r->files->items[r->i_file] : NULL;
    return src_state_put(&r->state, current, r->rows, r->host, err);
}

hg_status src_reader_next(struct src_reader *r, struct ArrowArray *ret, struct hg_error *err)
{
    hg_status status = HG_OK;
    if (r->done) {
        ret->release = NULL;
        return HG_OK;
    }
    while (!status && !src_reader_is_full(r) && r->i_file < r->files->n) {
        status = src_cancelled(r->cancel) ? hg_fail(err, HG_ECANCELLED, "cancelled while reading")
                                          : r->format->step(r, err);
    }
    if (!status) {
        status = put_state(r, err);
    }
    if (status) {
        return status;
    }
    if (r->batch->n_rows == 0) {
        r->done = true;
        ret->release = NULL;
        return HG_OK;
    }
    r->total += r->batch->n_rows;
    r->host->progress(r->host, r->total, -1);
    return hg_batch_finish(r->batch, ret, err);
}

/* ------------------------------------------------------------------------------------------ */
/* Columns                                                                                      */
/* ------------------------------------------------------------------------------------------ */

static struct hg_column build_column(const struct src_settings *settings,
                                     const struct src_column *c)
{
    static const char *const json[] = {"headgate.type", "json", NULL};
    return (struct hg_column){
        .name = c->name,
        .type = c->type,
        .precision = c->precision,
        .scale = c->scale,
        .nullable = !c->required,
        .timezone = c->type == HG_TYPE_TIMESTAMP_US && settings->cells.zoned ? "UTC" : NULL,
        .metadata = c->json ? json : NULL,
    };
}

/* In the order of `columns`, NULL: of the configuration. Owned by the caller, free. */
static struct hg_column *build_columns(const struct src_settings *settings,
                                       struct src_column *const *columns)
{
    size_t n = settings->n_columns;
    struct hg_column *list = calloc(n + 1, sizeof *list);
    for (size_t i = 0; list && i < n; i++) {
        list[i] = build_column(settings, columns ? columns[i] : &settings->columns[i]);
    }
    if (list) {
        list[n] = (struct hg_column){.name = "_hg_pos", .type = HG_TYPE_INT64};
    }
    return list;
}

static hg_status make_schema(const struct src_settings *settings,
                             struct src_column *const *columns,
                             struct ArrowSchema *ret,
                             struct hg_error *err)
{
    struct hg_column *list = build_columns(settings, columns);
    if (!list) {
        return hg_fail_nomem(err);
    }
    hg_status status = hg_batch_schema(list, settings->n_columns + 1, ret, err);
    free(list);
    return status;
}

hg_status src_reader_schema(const struct src_reader *reader,
                            struct ArrowSchema *ret,
                            struct hg_error *err)
{
    return make_schema(reader->settings, reader->columns, ret, err);
}

hg_status src_settings_schema(const struct src_settings *settings,
                              struct ArrowSchema *ret,
                              struct hg_error *err)
{
    return make_schema(settings, NULL, ret, err);
}

/* ------------------------------------------------------------------------------------------ */
/* Starting                                                                                     */
/* ------------------------------------------------------------------------------------------ */

static hg_status take_state(struct src_reader *r, const char *state_json, struct hg_error *err)
{
    r->keeps_state = r->settings->only_new;
    if (!r->keeps_state) {
        return HG_OK;
    }
    hg_status status = src_state_read(state_json, &r->state, err);
    if (!status) {
        status = src_state_filter(&r->state, r->host, r->settings->fails_on_changed, r->files, err);
    }
    if (!status && r->state.current.path) {
        r->skip_rows = r->state.current_rows;
    }
    return status;
}

static hg_status start(struct src_reader *r, const char *state_json, struct hg_error *err)
{
    hg_status status = take_state(r, state_json, err);
    if (status) {
        return status;
    }
    r->columns = calloc(r->settings->n_columns, sizeof(struct src_column *));
    if (!r->columns) {
        return hg_fail_nomem(err);
    }
    r->n_columns = r->settings->n_columns;
    for (size_t i = 0; i < r->n_columns; i++) {
        r->columns[i] = &r->settings->columns[i];
    }
    status = r->format->start(r, err);
    if (status) {
        return status;
    }
    struct hg_column *columns = build_columns(r->settings, r->columns);
    if (!columns) {
        return hg_fail_nomem(err);
    }
    status = hg_batch_new(columns, r->n_columns + 1, &r->batch, err);
    free(columns);
    return status;
}

hg_status src_reader_new(const struct src_format *format,
                         const struct src_reading *reading,
                         const char *state_json,
                         uint32_t batch_rows,
                         struct src_reader **ret,
                         struct hg_error *err)
{
    struct src_reader *r = calloc(1, format->reader_bytes);
    if (!r) {
        return hg_fail_nomem(err);
    }
    r->format = format;
    r->host = reading->host;
    r->settings = reading->settings;
    r->cancel = reading->cancel;
    r->files = reading->files;
    r->batch_rows = batch_rows ? batch_rows : 16384;
    r->reject = r->host->get_extension(r->host, HG_EXT_REJECT);
    hg_status status = start(r, state_json, err);
    if (status) {
        src_reader_free(r);
        return status;
    }
    *ret = r;
    return HG_OK;
}

void src_reader_free(struct src_reader *r)
{
    if (!r) {
        return;
    }
    src_stage_free(r->input);
    hg_batch_free(r->batch);
    r->format->done(r);
    src_state_done(&r->state);
    free(r->columns);
    free(r);
}
