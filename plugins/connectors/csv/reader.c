#include "reader.h"

#include <stdlib.h>

#include "header.h"
#include "headgate/error.h"

/* What is handed over of a bad row. */
#define RAW_BYTES 65536

static struct csv_reader *reader_of(struct src_reader *base)
{
    return (struct csv_reader *)base;
}

/* ------------------------------------------------------------------------------------------ */
/* Bad rows                                                                                     */
/* ------------------------------------------------------------------------------------------ */

static void explain(struct csv_reader *r, uint32_t row, char *reason, size_t size)
{
    const struct csv_chunk *chunk = r->chunk;
    int32_t bad = chunk->bad[row];
    if (bad < 0) {
        csv_fault_explain((enum csv_fault) - bad,
                          chunk->detail[row],
                          &r->layout,
                          r->config,
                          r->text_offset + chunk->at[row],
                          reason,
                          size);
    } else {
        uint32_t column = (uint32_t)bad - 1;
        csv_typing_explain(
            &r->typing, r->buf, column, chunk->cells[column * CSV_CHUNK_CELLS + row], reason, size);
    }
}

static hg_status reject_row(struct csv_reader *r, uint32_t row, struct hg_error *err)
{
    const struct csv_chunk *chunk = r->chunk;
    char reason[512];
    explain(r, row, reason, sizeof reason);
    struct hg_reject_row rejected = {
        .struct_size = sizeof rejected,
        .column = chunk->bad[row] > 0 ? r->base.columns[chunk->bad[row] - 1]->name : NULL,
        .reason = reason,
        .raw = r->buf + chunk->at[row],
        .raw_size = chunk->size[row] < RAW_BYTES ? chunk->size[row] : RAW_BYTES,
    };
    return src_reader_reject(&r->base, chunk->line[row], &rejected, err);
}

static hg_status reject_bad(struct csv_reader *r, struct hg_error *err)
{
    hg_status status = HG_OK;
    for (uint32_t row = 0; row < r->chunk->n && !status; row++) {
        if (r->chunk->bad[row] != 0) {
            status = reject_row(r, row, err);
        }
    }
    return status;
}

/* Takes the bad rows out of the chunk. */
static void drop_bad(struct csv_chunk *chunk)
{
    uint32_t kept = 0;
    for (uint32_t row = 0; row < chunk->n; row++) {
        if (chunk->bad[row] != 0) {
            continue;
        }
        chunk->bad[kept] = 0;
        chunk->line[kept] = chunk->line[row];
        for (uint32_t i = 0; i < chunk->n_columns; i++) {
            uint64_t *cells = chunk->cells + i * CSV_CHUNK_CELLS;
            cells[kept] = cells[row];
        }
        kept++;
    }
    chunk->n = kept;
    chunk->n_bad = 0;
}

/* ------------------------------------------------------------------------------------------ */
/* Chunks                                                                                       */
/* ------------------------------------------------------------------------------------------ */

/* Rows that an earlier read gave, or rejected, are passed over. */
static void pass_known(struct csv_reader *r)
{
    if (r->base.skip_rows > 0) {
        r->base.skip_rows -= r->chunk->n;
        r->chunk->n = 0;
    }
}

static hg_status add_chunk(struct csv_reader *r, struct hg_error *err)
{
    struct csv_chunk *chunk = r->chunk;
    struct hg_batch *batch = r->base.batch;
    r->base.rows += chunk->n;
    pass_known(r);
    if (chunk->n == 0) {
        return HG_OK;
    }
    hg_status status = csv_typing_write(&r->typing, r->buf, chunk, batch, err);
    if (!status && chunk->n_bad > 0) {
        csv_typing_undo(&r->typing, batch, chunk->n);
        status = reject_bad(r, err);
        if (!status) {
            drop_bad(chunk);
            status = csv_typing_write(&r->typing, r->buf, chunk, batch, err);
        }
    }
    if (status) {
        return status;
    }
    int64_t *positions = (int64_t *)batch->columns[r->base.n_columns].values + batch->n_rows;
    int64_t file = src_reader_position(&r->base, 0);
    for (uint32_t row = 0; row < chunk->n; row++) {
        positions[row] = file | chunk->line[row];
    }
    hg_batch_commit(batch, chunk->n);
    return HG_OK;
}

static uint32_t chunk_rows(const struct src_reader *base)
{
    int64_t rows = CSV_CHUNK_ROWS;
    if (base->skip_rows > 0) {
        return (uint32_t)(base->skip_rows < rows ? base->skip_rows : rows);
    }
    int64_t left = base->batch_rows - base->batch->n_rows;
    return (uint32_t)(left < rows ? left : rows);
}

/* Adds rows to the batch: up to a chunk of them, or less where the buffer or the file ends. */
static hg_status step(struct src_reader *base, struct hg_error *err)
{
    struct csv_reader *r = reader_of(base);
    if (!base->input) {
        return csv_reader_open_file(r, err);
    }
    struct csv_chunk *chunk = r->chunk;
    chunk->n = 0;
    chunk->n_bad = 0;
    bool drained = csv_cutter_fill(r->cutter, chunk, chunk_rows(base));
    hg_status status = add_chunk(r, err);
    if (status || !drained) {
        return status;
    }
    return r->cutter->last ? src_reader_end_file(base, err) : csv_reader_fill(r, err);
}

/* ------------------------------------------------------------------------------------------ */
/* Starting                                                                                     */
/* ------------------------------------------------------------------------------------------ */

/*
 * Stored definitions do not keep the order of an object's keys, so the order of the columns is that
 * of the first file's fields.
 */
static hg_status order_columns(struct csv_reader *r, struct hg_error *err)
{
    if (r->layout.n_needed == 0) {
        return HG_OK;
    }
    struct src_column **ordered = calloc(r->base.n_columns, sizeof *ordered);
    if (!ordered) {
        return hg_fail_nomem(err);
    }
    for (uint32_t i = 0; i < r->layout.n_needed; i++) {
        ordered[i] = r->base.columns[r->layout.needed[i].column];
        r->layout.needed[i].column = i;
    }
    memcpy(r->base.columns, ordered, r->base.n_columns * sizeof *ordered);
    free(ordered);
    return HG_OK;
}

static hg_status make_parts(struct csv_reader *r, struct hg_error *err)
{
    size_t n = r->base.n_columns;
    r->layout.needed = calloc(n, sizeof(struct csv_needed));
    r->chunk = calloc(1, sizeof *r->chunk);
    r->cutter = calloc(1, sizeof *r->cutter);
    if (!r->layout.needed || !r->chunk || !r->cutter) {
        return hg_fail_nomem(err);
    }
    r->chunk->n_columns = (uint32_t)n;
    r->chunk->cells = calloc(n * CSV_CHUNK_CELLS, sizeof(uint64_t));
    r->cutter->dialect = &r->dialect;
    r->cutter->layout = &r->layout;
    r->cutter->max_line_bytes = (uint32_t)r->base.settings->max_line_bytes;
    r->cutter->fields = calloc(CSV_MAX_FIELDS, sizeof(uint64_t));
    return r->chunk->cells && r->cutter->fields ? HG_OK : hg_fail_nomem(err);
}

static hg_status start(struct src_reader *base, struct hg_error *err)
{
    struct csv_reader *r = reader_of(base);
    r->config = csv_config_of(base->settings);
    hg_status status = make_parts(r, err);
    if (!status && base->files->n > 0) {
        status = csv_reader_open_file(r, err);
        if (!status) {
            status = order_columns(r, err);
        }
    }
    if (!status) {
        status = csv_typing_init(&r->typing, base->settings, base->columns, base->n_columns, err);
    }
    if (!status) {
        r->typing.dialect = &r->dialect;
    }
    return status;
}

static void done(struct src_reader *base)
{
    struct csv_reader *r = reader_of(base);
    csv_typing_done(&r->typing);
    if (r->chunk) {
        free(r->chunk->cells);
    }
    if (r->cutter) {
        free(r->cutter->fields);
    }
    free(r->chunk);
    free(r->cutter);
    free(r->layout.needed);
    free(r->buf);
}

static hg_status read_config(const char *json, struct src_settings **ret, struct hg_error *err)
{
    struct csv_config *config = NULL;
    hg_status status = csv_config_read(json, &config, err);
    if (!status) {
        *ret = &config->common;
    }
    return status;
}

static void free_config(struct src_settings *settings)
{
    csv_config_free(settings ? csv_config_of(settings) : NULL);
}

const struct src_format csv_format = {
    .id = "csv",
    .columns_from_file = true,
    .read_config = read_config,
    .free_config = free_config,
    .reader_bytes = sizeof(struct csv_reader),
    .start = start,
    .step = step,
    .done = done,
};
