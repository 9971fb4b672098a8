/* The file at hand: its buffer, and its beginning up to the first row. */
#include <stdio.h>
#include <stdlib.h>

#include "header.h"
#include "headgate/error.h"
#include "reader.h"

#define FIRST_BUFFER_BYTES (256u * 1024)
/* A row that is longer than this is looked at again only when twice as much of it is there. */
#define PATIENT_BYTES (64u * 1024)
/* Where the first row cannot be read, so much of it is searched for what says why. */
#define BINARY_BYTES 4096u
/* What finding out the delimiter wants to see. */
#define SNIFF_BYTES 16384u

/* ------------------------------------------------------------------------------------------ */
/* The buffer                                                                                   */
/* ------------------------------------------------------------------------------------------ */

static hg_status grow(struct csv_reader *r, struct hg_error *err)
{
    uint64_t most = (uint64_t)r->base.settings->max_line_bytes + PATIENT_BYTES;
    uint64_t size = r->size == 0 ? FIRST_BUFFER_BYTES : (uint64_t)r->size * 2;
    if (size > most) {
        size = most;
    }
    if (size <= r->size) {
        return hg_fail(
            err, HG_EINTERNAL, "%s: a row does not fit its buffer", src_reader_shown(&r->base));
    }
    char *buf = realloc(r->buf, size + CSV_INDEX_PADDING);
    if (!buf) {
        return hg_fail_nomem(err);
    }
    r->buf = buf;
    r->size = (uint32_t)size;
    return HG_OK;
}

/* Moves what is left to the front and makes room for at least as much behind it. */
static hg_status make_room(struct csv_reader *r, struct hg_error *err)
{
    struct csv_cutter *c = r->cutter;
    uint32_t left = c->end - c->at;
    if (c->at > 0 && left > 0) {
        memmove(r->buf, r->buf + c->at, left);
    }
    r->text_offset += c->at;
    c->at = 0;
    c->end = left;
    hg_status status = r->size == 0 || left > r->size / 2 ? grow(r, err) : HG_OK;
    if (status && r->size > left) {
        status = HG_OK; /* the buffer is as large as it may be, and has room */
    }
    c->buf = r->buf;
    return status;
}

hg_status csv_reader_fill(struct csv_reader *r, struct hg_error *err)
{
    struct csv_cutter *c = r->cutter;
    hg_status status = make_room(r, err);
    uint32_t had = c->end;
    uint32_t wanted = had > PATIENT_BYTES ? had : 1;
    while (!status && !c->last && c->end < r->size && c->end - had < wanted) {
        size_t got;
        status = r->base.input->read(r->base.input, r->buf + c->end, r->size - c->end, &got, err);
        if (!status) {
            c->last = got == 0;
            c->end += (uint32_t)got;
        }
    }
    if (status) {
        return status;
    }
    memset(r->buf + c->end, 0, CSV_INDEX_PADDING);
    csv_cutter_moved(c);
    return HG_OK;
}

/* ------------------------------------------------------------------------------------------ */
/* The beginning                                                                                */
/* ------------------------------------------------------------------------------------------ */

/* Passes over the line at hand, however long it is. */
static hg_status skip_line(struct csv_reader *r, struct hg_error *err)
{
    struct csv_cutter *c = r->cutter;
    for (;;) {
        uint32_t end;
        uint32_t next;
        if (csv_line_end(r->buf, c->at, c->end, c->last, &end, &next)) {
            c->line += next > end;
            c->at = next;
            return HG_OK;
        }
        /* A CR at the end stays until it is known what follows. */
        c->at = c->end > c->at && r->buf[c->end - 1] == '\r' ? c->end - 1 : c->end;
        hg_status status = csv_reader_fill(r, err);
        if (status) {
            return status;
        }
    }
}

static hg_status skip_lines(struct csv_reader *r, struct hg_error *err)
{
    hg_status status = HG_OK;
    for (int64_t i = 0; i < r->config->skip_lines && !status; i++) {
        status = skip_line(r, err);
    }
    return status;
}

static hg_status choose_delimiter(struct csv_reader *r, struct hg_error *err)
{
    struct csv_cutter *c = r->cutter;
    hg_status status = HG_OK;
    r->dialect = r->config->dialect;
    if (!r->config->auto_delimiter) {
        return HG_OK;
    }
    while (!status && !c->last && c->end - c->at < SNIFF_BYTES) {
        status = csv_reader_fill(r, err);
    }
    if (!status) {
        uint32_t n = c->end - c->at < SNIFF_BYTES ? c->end - c->at : SNIFF_BYTES;
        bool last = c->last && n == c->end - c->at;
        r->dialect.delimiter = csv_sniff_delimiter(&r->dialect, r->buf + c->at, n, last);
        csv_dialect_prepare(&r->dialect);
    }
    return status;
}

/* Passes over blank lines and comments in front of the first row. */
static hg_status find_first(struct csv_reader *r, struct hg_error *err)
{
    struct csv_cutter *c = r->cutter;
    for (;;) {
        while (c->at == c->end && !c->last) {
            hg_status status = csv_reader_fill(r, err);
            if (status) {
                return status;
            }
        }
        if (c->at == c->end) {
            return HG_OK;
        }
        char first = r->buf[c->at];
        bool comment = r->dialect.comment && first == r->dialect.comment;
        if (!comment && first != '\n' && first != '\r') {
            return HG_OK;
        }
        hg_status status = skip_line(r, err);
        if (status) {
            return status;
        }
    }
}

/* `n` bytes of the first row. */
static hg_status check_first(struct csv_reader *r, uint32_t n, struct hg_error *err)
{
    if (!memchr(r->buf + r->cutter->at, 0, n)) {
        return HG_OK;
    }
    hg_fail(err,
            HG_EDATA,
            "%s:%lld: there are NUL bytes in the %s: this is no text",
            src_reader_shown(&r->base),
            (long long)r->cutter->line,
            r->config->header ? "header" : "first row");
    return hg_fail_hint(err, HG_EDATA, "If it is UTF-16, set encoding to utf-16le or utf-16be.");
}

static hg_status bad_first(struct csv_reader *r, const struct csv_row *row, struct hg_error *err)
{
    char why[160];
    uint32_t n = r->cutter->end - r->cutter->at;
    hg_status status = check_first(r, n < BINARY_BYTES ? n : BINARY_BYTES, err);
    if (status) {
        return status;
    }
    csv_fault_explain(
        row->fault, row->fault_at - r->cutter->at, &r->layout, r->config, 0, why, sizeof why);
    return hg_fail(err,
                   HG_EDATA,
                   "%s:%lld: the %s cannot be read: %s",
                   src_reader_shown(&r->base),
                   (long long)r->cutter->line,
                   r->config->header ? "header" : "first row",
                   why);
}

/* Reads the row at hand without passing over it. */
static hg_status read_first(struct csv_reader *r, struct csv_row *row, struct hg_error *err)
{
    struct csv_cutter *c = r->cutter;
    for (;;) {
        *row = (struct csv_row){.cells = c->fields, .max_cells = CSV_MAX_FIELDS};
        enum csv_row_end how = csv_row_read(&r->dialect, r->buf, c->at, c->end, c->last, row);
        if (how == CSV_ROW_WHOLE) {
            return HG_OK;
        }
        bool too_long = how == CSV_ROW_MORE && c->end - c->at > c->max_line_bytes;
        if (too_long) {
            row->fault = CSV_FAULT_TOO_LONG;
            row->fault_at = c->at;
        }
        if (how == CSV_ROW_BAD || too_long) {
            return bad_first(r, row, err);
        }
        hg_status status = csv_reader_fill(r, err);
        if (status) {
            return status;
        }
    }
}

/* The header, or the first row, says where the columns are. */
static hg_status read_layout(struct csv_reader *r, struct hg_error *err)
{
    struct csv_cutter *c = r->cutter;
    hg_status status = find_first(r, err);
    if (status) {
        return status;
    }
    if (c->at == c->end) {
        if (!r->config->header) {
            return HG_OK;
        }
        return hg_fail(
            err, HG_EDATA, "%s: is empty where a header was expected", src_reader_shown(&r->base));
    }
    struct csv_row row;
    status = read_first(r, &row, err);
    if (!status) {
        status = check_first(r, row.end - c->at, err);
    }
    if (!status) {
        const struct csv_first first = {
            src_reader_shown(&r->base), c->line, &r->dialect, r->buf, &row};
        r->layout.pad = r->config->pad;
        status = csv_header_match(&first, r->base.columns, r->base.n_columns, &r->layout, err);
    }
    if (!status && r->config->header) {
        c->at = row.next;
        c->line += row.n_lines;
    }
    return status;
}

hg_status csv_reader_open_file(struct csv_reader *r, struct hg_error *err)
{
    struct csv_cutter *c = r->cutter;
    hg_status status = src_reader_open_file(&r->base, err);
    if (status) {
        return status;
    }
    c->at = 0;
    c->end = 0;
    c->last = false;
    c->line = 1;
    c->skipping = false;
    r->text_offset = 0;
    r->layout.n_fields = 1;
    status = csv_reader_fill(r, err);
    if (!status) {
        status = skip_lines(r, err);
    }
    if (!status) {
        status = choose_delimiter(r, err);
    }
    if (!status) {
        status = read_layout(r, err);
    }
    csv_cutter_moved(c);
    return status;
}
