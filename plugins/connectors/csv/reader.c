#include "reader.h"

#include <stdio.h>
#include <stdlib.h>

#include "header.h"
#include "headgate/error.h"

/* A batch ends early when its texts have so many bytes. */
#define BATCH_TEXT_BYTES (16 * 1024 * 1024)
/* So many bad rows in front of the first good one, and a source is not right. */
#define TRY_ROWS 100
/* What is handed over of a bad row. */
#define RAW_BYTES 65536

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
    char position[512];
    explain(r, row, reason, sizeof reason);
    snprintf(
        position, sizeof position, "%s:%lld", csv_reader_shown(r), (long long)chunk->line[row]);
    r->rejected++;
    struct hg_reject_row rejected = {
        .struct_size = sizeof rejected,
        .position = position,
        .column = chunk->bad[row] > 0 ? r->columns[chunk->bad[row] - 1]->name : NULL,
        .reason = reason,
        .raw = r->buf + chunk->at[row],
        .raw_size = chunk->size[row] < RAW_BYTES ? chunk->size[row] : RAW_BYTES,
    };
    if (r->only_tries && r->rejected < TRY_ROWS) {
        return HG_OK;
    }
    if (r->reject && !r->only_tries) {
        return r->reject->reject(r->host, &rejected, err);
    }
    const char *column = rejected.column ? rejected.column : "";
    hg_fail(err, HG_EDATA, "%s: %s%s%s", position, column, *column ? ": " : "", reason);
    return hg_fail_hint(err,
                        HG_EDATA,
                        "%s",
                        r->only_tries ? "None of the first 100 rows fits the columns."
                                      : "The host does not take rejected rows.");
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
    if (r->skip_rows > 0) {
        r->skip_rows -= r->chunk->n;
        r->chunk->n = 0;
    }
}

static hg_status add_chunk(struct csv_reader *r, struct hg_error *err)
{
    struct csv_chunk *chunk = r->chunk;
    r->rows += chunk->n;
    pass_known(r);
    if (chunk->n == 0) {
        return HG_OK;
    }
    hg_status status = csv_typing_write(&r->typing, r->buf, chunk, r->batch, err);
    if (!status && chunk->n_bad > 0) {
        csv_typing_undo(&r->typing, r->batch, chunk->n);
        status = reject_bad(r, err);
        if (!status) {
            drop_bad(chunk);
            status = csv_typing_write(&r->typing, r->buf, chunk, r->batch, err);
        }
    }
    if (status) {
        return status;
    }
    int64_t *positions = (int64_t *)r->batch->columns[r->n_columns].values + r->batch->n_rows;
    int64_t file = (int64_t)r->i_file << CSV_POSITION_LINE_BITS;
    for (uint32_t row = 0; row < chunk->n; row++) {
        positions[row] = file | chunk->line[row];
    }
    hg_batch_commit(r->batch, chunk->n);
    return HG_OK;
}

static uint32_t chunk_rows(const struct csv_reader *r)
{
    int64_t rows = CSV_CHUNK_ROWS;
    if (r->skip_rows > 0) {
        return (uint32_t)(r->skip_rows < rows ? r->skip_rows : rows);
    }
    int64_t left = r->batch_rows - r->batch->n_rows;
    return (uint32_t)(left < rows ? left : rows);
}

static bool is_full(const struct csv_reader *r)
{
    int64_t bytes = 0;
    for (size_t i = 0; i < r->n_columns; i++) {
        bytes += r->batch->columns[i].n_bytes;
    }
    return r->batch->n_rows >= r->batch_rows || bytes >= BATCH_TEXT_BYTES;
}

static hg_status end_file(struct csv_reader *r, struct hg_error *err)
{
    char text[512];
    snprintf(text,
             sizeof text,
             "%s: %lld rows read, %lld of them rejected",
             csv_reader_shown(r),
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

/* Adds rows to the batch: up to a chunk of them, or less where the buffer or the file ends. */
static hg_status step(struct csv_reader *r, struct hg_error *err)
{
    if (!r->input) {
        return csv_reader_open_file(r, err);
    }
    struct csv_chunk *chunk = r->chunk;
    chunk->n = 0;
    chunk->n_bad = 0;
    bool drained = csv_cutter_fill(r->cutter, chunk, chunk_rows(r));
    hg_status status = add_chunk(r, err);
    if (status || !drained) {
        return status;
    }
    return r->cutter->last ? end_file(r, err) : csv_reader_fill(r, err);
}

static hg_status put_state(struct csv_reader *r, struct hg_error *err)
{
    if (!r->keeps_state) {
        return HG_OK;
    }
    const struct src_file *current = r->input ? &r->files->items[r->i_file] : NULL;
    return src_state_put(&r->state, current, r->rows, r->host, err);
}

hg_status csv_reader_next(struct csv_reader *r, struct ArrowArray *ret, struct hg_error *err)
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

static struct hg_column *schema_columns(const struct csv_reader *r)
{
    struct hg_column *columns = calloc(r->n_columns + 1, sizeof *columns);
    for (size_t i = 0; columns && i < r->n_columns; i++) {
        const struct src_column *c = r->columns[i];
        columns[i] = (struct hg_column){
            .name = c->name,
            .type = c->type,
            .precision = c->precision,
            .scale = c->scale,
            .nullable = !c->required,
            .timezone = c->type == HG_TYPE_TIMESTAMP_US && r->config->cells.zoned ? "UTC" : NULL,
        };
    }
    if (columns) {
        columns[r->n_columns] = (struct hg_column){.name = "_hg_pos", .type = HG_TYPE_INT64};
    }
    return columns;
}

hg_status csv_reader_schema(const struct csv_reader *r,
                            struct ArrowSchema *ret,
                            struct hg_error *err)
{
    struct hg_column *columns = schema_columns(r);
    if (!columns) {
        return hg_fail_nomem(err);
    }
    hg_status status = hg_batch_schema(columns, r->n_columns + 1, ret, err);
    free(columns);
    return status;
}

/*
 * Stored definitions do not keep the order of an object's keys, so the order of the columns is that
 * of the first file's fields.
 */
static hg_status order_columns(struct csv_reader *r, struct hg_error *err)
{
    if (r->layout.n_needed == 0) {
        return HG_OK;
    }
    struct src_column **ordered = calloc(r->n_columns, sizeof *ordered);
    if (!ordered) {
        return hg_fail_nomem(err);
    }
    for (uint32_t i = 0; i < r->layout.n_needed; i++) {
        ordered[i] = r->columns[r->layout.needed[i].column];
        r->layout.needed[i].column = i;
    }
    memcpy(r->columns, ordered, r->n_columns * sizeof *ordered);
    free(ordered);
    return HG_OK;
}

/* ------------------------------------------------------------------------------------------ */
/* Starting                                                                                     */
/* ------------------------------------------------------------------------------------------ */

static hg_status make_parts(struct csv_reader *r, struct hg_error *err)
{
    struct csv_config *config = r->config;
    size_t n = config->n_columns;
    r->columns = calloc(n, sizeof(struct src_column *));
    r->layout.needed = calloc(n, sizeof(struct csv_needed));
    r->chunk = calloc(1, sizeof *r->chunk);
    r->cutter = calloc(1, sizeof *r->cutter);
    if (!r->columns || !r->layout.needed || !r->chunk || !r->cutter) {
        return hg_fail_nomem(err);
    }
    for (size_t i = 0; i < n; i++) {
        r->columns[i] = &config->columns[i];
    }
    r->n_columns = n;
    r->chunk->n_columns = (uint32_t)n;
    r->chunk->cells = calloc(n * CSV_CHUNK_CELLS, sizeof(uint64_t));
    r->cutter->dialect = &r->dialect;
    r->cutter->layout = &r->layout;
    r->cutter->max_line_bytes = (uint32_t)config->max_line_bytes;
    r->cutter->fields = calloc(CSV_MAX_FIELDS, sizeof(uint64_t));
    return r->chunk->cells && r->cutter->fields ? HG_OK : hg_fail_nomem(err);
}

static hg_status take_state(struct csv_reader *r, const char *state_json, struct hg_error *err)
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

static hg_status start(struct csv_reader *r, const char *state_json, struct hg_error *err)
{
    hg_status status = take_state(r, state_json, err);
    if (!status) {
        status = make_parts(r, err);
    }
    if (!status && r->files->n > 0) {
        status = csv_reader_open_file(r, err);
        if (!status) {
            status = order_columns(r, err);
        }
    }
    if (!status) {
        status = csv_typing_init(&r->typing, r->config, r->columns, r->n_columns, err);
    }
    if (status) {
        return status;
    }
    r->typing.dialect = &r->dialect;
    struct hg_column *columns = schema_columns(r);
    if (!columns) {
        return hg_fail_nomem(err);
    }
    status = hg_batch_new(columns, r->n_columns + 1, &r->batch, err);
    free(columns);
    return status;
}

hg_status csv_reader_new(const struct hg_host *host,
                         struct csv_config *config,
                         struct src_cancel *cancel,
                         struct src_files *files,
                         const char *state_json,
                         uint32_t batch_rows,
                         struct csv_reader **ret,
                         struct hg_error *err)
{
    struct csv_reader *r = calloc(1, sizeof *r);
    if (!r) {
        return hg_fail_nomem(err);
    }
    r->host = host;
    r->config = config;
    r->cancel = cancel;
    r->files = files;
    r->batch_rows = batch_rows ? batch_rows : 16384;
    r->reject = host->get_extension(host, HG_EXT_REJECT);
    hg_status status = start(r, state_json, err);
    if (status) {
        csv_reader_free(r);
        return status;
    }
    *ret = r;
    return HG_OK;
}

void csv_reader_free(struct csv_reader *r)
{
    if (!r) {
        return;
    }
    src_stage_free(r->input);
    hg_batch_free(r->batch);
    csv_typing_done(&r->typing);
    src_state_done(&r->state);
    if (r->chunk) {
        free(r->chunk->cells);
    }
    if (r->cutter) {
        free(r->cutter->fields);
    }
    free(r->chunk);
    free(r->cutter);
    free(r->layout.needed);
    free(r->columns);
    free(r->buf);
    free(r);
}
