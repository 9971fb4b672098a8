#include "reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "headgate/error.h"

/* A batch ends early when its texts have so many bytes. */
#define BATCH_TEXT_BYTES (16 * 1024 * 1024)
/* So many bad rows in front of the first good one, and a source is not right. */
#define TRY_ROWS 100
/* How often a read asks whether to go on. */
#define ASK_ROWS 256

static const char *shown(const struct jsonl_reader *r)
{
    return r->files->items[r->i_file].shown;
}

/* ------------------------------------------------------------------------------------------ */
/* Rows                                                                                         */
/* ------------------------------------------------------------------------------------------ */

static hg_status reject_line(struct jsonl_reader *r,
                             const struct jsonl_line *line,
                             const struct jsonl_fault *fault,
                             struct hg_error *err)
{
    char position[512];
    snprintf(position, sizeof position, "%s:%lld", shown(r), (long long)r->lines.number);
    r->rejected++;
    struct hg_reject_row rejected = {
        .struct_size = sizeof rejected,
        .position = position,
        .column = fault->column,
        .reason = fault->reason,
        .raw = line->text,
        .raw_size = line->n < JSONL_HEAD_BYTES ? line->n : JSONL_HEAD_BYTES,
    };
    if (r->only_tries && r->rejected < TRY_ROWS) {
        return HG_OK;
    }
    if (r->reject && !r->only_tries) {
        return r->reject->reject(r->host, &rejected, err);
    }
    const char *column = fault->column ? fault->column : "";
    hg_fail(err, HG_EDATA, "%s: %s%s%s", position, column, *column ? ": " : "", fault->reason);
    return hg_fail_hint(err,
                        HG_EDATA,
                        "%s",
                        r->only_tries ? "None of the first 100 rows fits the columns."
                                      : "The host does not take rejected rows.");
}

static bool is_blank(const struct jsonl_line *line)
{
    for (size_t i = 0; i < line->n; i++) {
        if (line->text[i] != ' ' && line->text[i] != '\t' && line->text[i] != '\r') {
            return false;
        }
    }
    return true;
}

static hg_status add_line(struct jsonl_reader *r,
                          const struct jsonl_line *line,
                          struct jsonl_fault *fault,
                          struct hg_error *err)
{
    if (line->too_long) {
        fault->column = NULL;
        snprintf(fault->reason,
                 sizeof fault->reason,
                 "the line is longer than %lld bytes",
                 (long long)r->config->max_line_bytes);
        return HG_EDATA;
    }
    hg_status status = jsonl_record_add(&r->record, line->text, line->n, r->batch, fault, err);
    if (status) {
        return status;
    }
    size_t column = r->config->n_columns;
    int64_t position = (int64_t)r->i_file << JSONL_POSITION_LINE_BITS | r->lines.number;
    status = hg_batch_append_int64(r->batch, column, position);
    if (!status) {
        status = hg_batch_end_row(r->batch);
    }
    return status ? hg_batch_explain(r->batch, column, status, err) : HG_OK;
}

static hg_status take_line(struct jsonl_reader *r,
                           const struct jsonl_line *line,
                           struct hg_error *err)
{
    struct jsonl_fault fault;
    if (is_blank(line)) {
        return HG_OK;
    }
    r->rows++;
    if (r->skip_rows > 0) {
        r->skip_rows--;
        return HG_OK;
    }
    fault.reason[0] = '\0';
    hg_status status = add_line(r, line, &fault, err);
    if (status == HG_OK) {
        return HG_OK;
    }
    hg_batch_drop_row(r->batch);
    /* Any other failure has no reason for the line. */
    return status == HG_EDATA && fault.reason[0] ? reject_line(r, line, &fault, err) : status;
}

/* ------------------------------------------------------------------------------------------ */
/* Files                                                                                        */
/* ------------------------------------------------------------------------------------------ */

static hg_status open_file(struct jsonl_reader *r, struct hg_error *err)
{
    const struct src_file *file = &r->files->items[r->i_file];
    struct src_stage *input = NULL;
    int fd;
    hg_status status = src_file_open(r->host, file, &fd, err);
    if (!status) {
        status = src_input_open(
            fd, file->shown, r->config->compression, r->config->encoding, r->cancel, &input, err);
    }
    if (status) {
        return status;
    }
    jsonl_lines_open(&r->lines, input);
    r->rows = 0;
    r->rejected = 0;
    return HG_OK;
}

static hg_status end_file(struct jsonl_reader *r, struct hg_error *err)
{
    char text[512];
    hg_status status = HG_OK;
    snprintf(text,
             sizeof text,
             "%s: %lld rows read, %lld of them rejected",
             shown(r),
             (long long)r->rows,
             (long long)r->rejected);
    r->host->log(r->host, HG_LOG_INFO, text);
    jsonl_lines_close(&r->lines);
    r->skip_rows = 0;
    if (r->keeps_state) {
        status = src_state_add(&r->state, &r->files->items[r->i_file], err);
    }
    r->i_file++;
    return status;
}

static bool is_full(const struct jsonl_reader *r)
{
    int64_t bytes = 0;
    for (size_t i = 0; i < r->config->n_columns; i++) {
        bytes += r->batch->columns[i].n_bytes;
    }
    return r->batch->n_rows >= r->batch_rows || bytes >= BATCH_TEXT_BYTES;
}

/* Adds lines to the batch until it is full, the file ends, or it is time to ask. */
static hg_status step(struct jsonl_reader *r, struct hg_error *err)
{
    if (!r->lines.input) {
        return open_file(r, err);
    }
    for (int i = 0; i < ASK_ROWS && !is_full(r); i++) {
        struct jsonl_line line;
        hg_status status = jsonl_lines_next(&r->lines, &line, err);
        if (!status && line.is_end) {
            return end_file(r, err);
        }
        if (!status) {
            status = take_line(r, &line, err);
        }
        if (status) {
            return status;
        }
    }
    return HG_OK;
}

hg_status jsonl_reader_next(struct jsonl_reader *r, struct ArrowArray *ret, struct hg_error *err)
{
    hg_status status = HG_OK;
    if (r->done) {
        ret->release = NULL;
        return HG_OK;
    }
    while (!status && !is_full(r) && r->i_file < r->files->n) {
        status = src_cancelled(r->cancel) ? hg_fail(err, HG_ECANCELLED, "cancelled while reading")
                                          : step(r, err);
    }
    if (!status && r->keeps_state) {
        const struct src_file *current = r->lines.input ? &r->files->items[r->i_file] : NULL;
        status = src_state_put(&r->state, current, r->rows, r->host, err);
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
/* Starting                                                                                     */
/* ------------------------------------------------------------------------------------------ */

static struct hg_column *columns_of(const struct jsonl_config *config)
{
    static const char *const json[] = {"headgate.type", "json", NULL};
    struct hg_column *columns = calloc(config->n_columns + 1, sizeof *columns);
    for (size_t i = 0; columns && i < config->n_columns; i++) {
        const struct src_column *c = &config->columns[i];
        columns[i] = (struct hg_column){
            .name = c->name,
            .type = c->type,
            .precision = c->precision,
            .scale = c->scale,
            .nullable = !c->required,
            .timezone = c->type == HG_TYPE_TIMESTAMP_US && config->cells.zoned ? "UTC" : NULL,
            .metadata = c->json ? json : NULL,
        };
    }
    if (columns) {
        columns[config->n_columns] = (struct hg_column){.name = "_hg_pos", .type = HG_TYPE_INT64};
    }
    return columns;
}

hg_status jsonl_schema(const struct jsonl_config *config,
                       struct ArrowSchema *ret,
                       struct hg_error *err)
{
    struct hg_column *columns = columns_of(config);
    if (!columns) {
        return hg_fail_nomem(err);
    }
    hg_status status = hg_batch_schema(columns, config->n_columns + 1, ret, err);
    free(columns);
    return status;
}

static hg_status take_state(struct jsonl_reader *r, const char *state_json, struct hg_error *err)
{
    r->keeps_state = r->config->only_new;
    if (!r->keeps_state) {
        return HG_OK;
    }
    hg_status status = src_state_read(state_json, &r->state, err);
    if (!status) {
        status = src_state_filter(&r->state, r->host, r->files, err);
    }
    if (!status && r->state.current.path) {
        r->skip_rows = r->state.current_rows;
    }
    return status;
}

static hg_status start(struct jsonl_reader *r, const char *state_json, struct hg_error *err)
{
    hg_status status = take_state(r, state_json, err);
    if (!status) {
        status = jsonl_record_init(&r->record, r->config, err);
    }
    if (status) {
        return status;
    }
    struct hg_column *columns = columns_of(r->config);
    if (!columns) {
        return hg_fail_nomem(err);
    }
    status = hg_batch_new(columns, r->config->n_columns + 1, &r->batch, err);
    free(columns);
    return status;
}

hg_status jsonl_reader_new(const struct hg_host *host,
                           const struct jsonl_config *config,
                           struct src_cancel *cancel,
                           struct src_files *files,
                           const char *state_json,
                           uint32_t batch_rows,
                           struct jsonl_reader **ret,
                           struct hg_error *err)
{
    struct jsonl_reader *r = calloc(1, sizeof *r);
    if (!r) {
        return hg_fail_nomem(err);
    }
    r->host = host;
    r->config = config;
    r->cancel = cancel;
    r->files = files;
    r->batch_rows = batch_rows ? batch_rows : 16384;
    r->lines.max_bytes = (size_t)config->max_line_bytes;
    r->reject = host->get_extension(host, HG_EXT_REJECT);
    hg_status status = start(r, state_json, err);
    if (status) {
        jsonl_reader_free(r);
        return status;
    }
    *ret = r;
    return HG_OK;
}

void jsonl_reader_free(struct jsonl_reader *r)
{
    if (!r) {
        return;
    }
    jsonl_lines_done(&r->lines);
    jsonl_record_done(&r->record);
    hg_batch_free(r->batch);
    src_state_done(&r->state);
    free(r);
}
