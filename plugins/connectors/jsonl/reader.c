#include "reader.h"

#include <stdio.h>
#include <stdlib.h>

#include "config.h"
#include "headgate/error.h"
#include "lines.h"
#include "record.h"

/* How often a read asks whether to go on. */
#define ASK_ROWS 256

struct jsonl_reader {
    struct src_reader base;
    struct jsonl_record record;
    struct jsonl_lines lines;
};

static struct jsonl_reader *reader_of(struct src_reader *base)
{
    return (struct jsonl_reader *)base;
}

/* ------------------------------------------------------------------------------------------ */
/* Rows                                                                                         */
/* ------------------------------------------------------------------------------------------ */

static hg_status reject_line(struct jsonl_reader *r,
                             const struct jsonl_line *line,
                             const struct jsonl_fault *fault,
                             struct hg_error *err)
{
    struct hg_reject_row rejected = {
        .struct_size = sizeof rejected,
        .column = fault->column,
        .reason = fault->reason,
        .raw = line->text,
        .raw_size = line->n < JSONL_HEAD_BYTES ? line->n : JSONL_HEAD_BYTES,
    };
    return src_reader_reject(&r->base, r->lines.number, &rejected, err);
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
                 (long long)r->base.settings->max_line_bytes);
        return HG_EDATA;
    }
    hg_status status = jsonl_record_add(&r->record, line->text, line->n, r->base.batch, fault, err);
    if (status) {
        return status;
    }
    size_t column = r->base.n_columns;
    int64_t position = src_reader_position(&r->base, r->lines.number);
    status = hg_batch_append_int64(r->base.batch, column, position);
    if (!status) {
        status = hg_batch_end_row(r->base.batch);
    }
    return status ? hg_batch_explain(r->base.batch, column, status, err) : HG_OK;
}

static hg_status take_line(struct jsonl_reader *r,
                           const struct jsonl_line *line,
                           struct hg_error *err)
{
    struct jsonl_fault fault;
    if (is_blank(line)) {
        return HG_OK;
    }
    r->base.rows++;
    if (r->base.skip_rows > 0) {
        r->base.skip_rows--;
        return HG_OK;
    }
    fault.reason[0] = '\0';
    hg_status status = add_line(r, line, &fault, err);
    if (status == HG_OK) {
        return HG_OK;
    }
    hg_batch_drop_row(r->base.batch);
    /* Any other failure has no reason for the line. */
    return status == HG_EDATA && fault.reason[0] ? reject_line(r, line, &fault, err) : status;
}

/* ------------------------------------------------------------------------------------------ */
/* The format                                                                                   */
/* ------------------------------------------------------------------------------------------ */

static hg_status start(struct src_reader *base, struct hg_error *err)
{
    struct jsonl_reader *r = reader_of(base);
    r->lines.max_bytes = (size_t)base->settings->max_line_bytes;
    return jsonl_record_init(&r->record, base->settings, err);
}

static hg_status open_file(struct jsonl_reader *r, struct hg_error *err)
{
    hg_status status = src_reader_open_file(&r->base, err);
    if (!status) {
        jsonl_lines_open(&r->lines, r->base.input);
    }
    return status;
}

/* Adds lines to the batch until it is full, the file ends, or it is time to ask. */
static hg_status step(struct src_reader *base, struct hg_error *err)
{
    struct jsonl_reader *r = reader_of(base);
    if (!base->input) {
        return open_file(r, err);
    }
    for (int i = 0; i < ASK_ROWS && !src_reader_is_full(base); i++) {
        struct jsonl_line line;
        hg_status status = jsonl_lines_next(&r->lines, &line, err);
        if (!status && line.is_end) {
            return src_reader_end_file(base, err);
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

static void done(struct src_reader *base)
{
    struct jsonl_reader *r = reader_of(base);
    jsonl_lines_done(&r->lines);
    jsonl_record_done(&r->record);
}

const struct src_format jsonl_format = {
    .id = "jsonl",
    .read_config = jsonl_config_read,
    .free_config = jsonl_config_free,
    .reader_bytes = sizeof(struct jsonl_reader),
    .start = start,
    .step = step,
    .done = done,
};
