#include "chunk.h"

#include <string.h>

#include "headgate/text.h"

void csv_cutter_moved(struct csv_cutter *cutter)
{
    cutter->indexed_from = UINT32_MAX;
    cutter->indexed_to = 0;
    cutter->index.n = 0;
    cutter->index.n_special = 0;
    cutter->i = 0;
    cutter->i_special = 0;
}

/* Indexes from the row at hand on. False when that was done and does not help. */
static bool index_on(struct csv_cutter *c)
{
    if (c->indexed_from == c->at || c->at == c->end) {
        return false;
    }
    uint32_t n = c->end - c->at;
    uint32_t to = c->at + (n < CSV_INDEX_BYTES ? n : CSV_INDEX_BYTES);
    csv_index_build(c->dialect, c->buf, c->at, to, &c->index);
    c->indexed_from = c->at;
    c->indexed_to = to;
    c->i = 0;
    c->i_special = 0;
    return true;
}

/* The row at hand was read in another way: goes on in the index behind it. */
static void index_follow(struct csv_cutter *c)
{
    const struct csv_index *index = &c->index;
    while (c->i < index->n && index->at[c->i] < c->at) {
        c->i++;
    }
    while (c->i_special < index->n_special && index->special[c->i_special] < c->at) {
        c->i_special++;
    }
}

static void mark_bad(struct csv_chunk *chunk, uint32_t row, enum csv_fault fault, uint32_t detail)
{
    chunk->bad[row] = -(int32_t)fault;
    chunk->detail[row] = detail;
    chunk->n_bad++;
    for (uint32_t i = 0; i < chunk->n_columns; i++) {
        chunk->cells[i * CSV_CHUNK_CELLS + row] = 0;
    }
}

/* What no row may hold, whatever its fields are. */
static void check_bytes(struct csv_cutter *c, struct csv_chunk *chunk, uint32_t row)
{
    const char *text = c->buf + chunk->at[row];
    uint32_t n = chunk->size[row];
    const char *nul = memchr(text, 0, n);
    size_t valid = hg_text_utf8_prefix(text, n);
    if (nul && (size_t)(nul - text) < valid) {
        mark_bad(chunk, row, CSV_FAULT_NUL, (uint32_t)(nul - text));
    } else if (valid < n) {
        mark_bad(chunk, row, CSV_FAULT_TEXT, (uint32_t)valid);
    }
}

static uint32_t begin_row(struct csv_cutter *c, struct csv_chunk *chunk, uint32_t end)
{
    uint32_t row = chunk->n++;
    chunk->at[row] = c->at;
    chunk->size[row] = end - c->at;
    chunk->line[row] = c->line;
    chunk->bad[row] = 0;
    return row;
}

static void trim_cells(const struct csv_cutter *c, struct csv_chunk *chunk, uint32_t row)
{
    for (uint32_t i = 0; i < chunk->n_columns; i++) {
        uint64_t *cell = &chunk->cells[i * CSV_CHUNK_CELLS + row];
        uint32_t from = csv_cell_at(*cell);
        uint32_t to = from + csv_cell_n(*cell);
        while (from < to && csv_is_blank(c->dialect, c->buf[from])) {
            from++;
        }
        while (from < to && csv_is_blank(c->dialect, c->buf[to - 1])) {
            to--;
        }
        *cell = csv_cell(from, to - from);
    }
}

/* Puts the cells of a row whose separators are at `ends`, `n_fields` of them. */
static inline void put_cells(struct csv_cutter *c,
                             struct csv_chunk *chunk,
                             uint32_t row,
                             const uint32_t *ends,
                             uint32_t n_fields)
{
    const struct csv_layout *layout = c->layout;
    uint64_t *cells = chunk->cells + row;
    for (uint32_t i = 0; i < layout->n_needed; i++) {
        uint32_t field = layout->needed[i].field;
        uint64_t cell = 0;
        if (field < n_fields) {
            uint32_t from = field > 0 ? ends[field - 1] + 1 : c->at;
            cell = csv_cell(from, ends[field] - from);
        }
        cells[layout->needed[i].column * CSV_CHUNK_CELLS] = cell;
    }
    if (c->dialect->trim) {
        trim_cells(c, chunk, row);
    }
}

/* The row ends at `end` and has `n_fields`, with no quote in it; goes on behind its line end. */
static void take_indexed(
    struct csv_cutter *c, struct csv_chunk *chunk, uint32_t end, uint32_t n_fields, bool crlf)
{
    uint32_t row = begin_row(c, chunk, end);
    put_cells(c, chunk, row, c->index.at + c->i, n_fields);
    if (n_fields != c->layout->n_fields && (n_fields > c->layout->n_fields || !c->layout->pad)) {
        mark_bad(chunk, row, CSV_FAULT_FIELDS, n_fields);
    } else if (c->index.odd) {
        check_bytes(c, chunk, row);
    }
    c->at = end + 1 + crlf;
    c->i += n_fields + crlf;
    c->i_special += 1 + crlf;
    c->line++;
}

/*
 * Reads the next row by the index. False where that cannot be done: quotes, an end that is not in
 * the index, a line that is no row.
 */
static bool next_indexed(struct csv_cutter *c, struct csv_chunk *chunk)
{
    const struct csv_index *index = &c->index;
    if (c->i_special >= index->n_special) {
        return false;
    }
    uint32_t end = index->special[c->i_special];
    char ending = c->buf[end];
    bool crlf = false;
    if (ending != '\n') {
        if (ending != '\r' || end + 1 == c->end) {
            return false;
        }
        crlf = c->buf[end + 1] == '\n';
    }
    uint32_t expected = c->layout->n_fields;
    if (c->dialect->comment && c->buf[c->at] == c->dialect->comment) {
        return false;
    }
    if (c->i + expected <= index->n && index->at[c->i + expected - 1] == end) {
        take_indexed(c, chunk, end, expected, crlf);
        return true;
    }
    if (end == c->at) {
        return false; /* a blank line */
    }
    uint32_t n = 1;
    while (index->at[c->i + n - 1] != end) {
        n++;
    }
    take_indexed(c, chunk, end, n, crlf);
    return true;
}

/* Where quotes make no difference, a cell without escapes is a plain one. */
static inline uint64_t as_needed(uint64_t cell, const struct csv_needed *needed)
{
    bool drop = !needed->is_text && !(cell & CSV_CELL_ESCAPED);
    return drop ? cell & ~CSV_CELL_QUOTED : cell;
}

/*
 * From the opening quote at index->at[*i] to what follows the closing one. False for all that is
 * rare: line ends inside, the end of the index, text behind the quote.
 */
static bool quoted_cell(const struct csv_cutter *c, uint32_t *i, uint64_t *ret_cell)
{
    const struct csv_index *index = &c->index;
    const char quote = c->dialect->quote;
    uint32_t opening = index->at[*i];
    uint64_t flags = CSV_CELL_QUOTED;
    for (uint32_t k = *i + 1; k + 1 < index->n; k++) {
        uint32_t at = index->at[k];
        if (c->buf[at] == '\n' || c->buf[at] == '\r') {
            return false;
        }
        if (c->buf[at] != quote) {
            continue;
        }
        if (index->at[k + 1] != at + 1) {
            return false;
        }
        if (c->buf[at + 1] != quote) {
            *i = k + 1;
            *ret_cell = csv_cell(opening + 1, at - opening - 1) | flags;
            return true;
        }
        flags |= CSV_CELL_ESCAPED;
        k++;
    }
    return false;
}

/* The cells of a row with quotes, up to its line end at index->at[*i]. */
static bool quoted_cells(const struct csv_cutter *c,
                         struct csv_chunk *chunk,
                         uint32_t *i,
                         uint32_t *ret_n)
{
    const struct csv_index *index = &c->index;
    const struct csv_layout *layout = c->layout;
    uint64_t *cells = chunk->cells + chunk->n;
    uint32_t at = c->at;
    uint32_t next = 0;
    for (uint32_t field = 0; *i < index->n; field++) {
        uint64_t cell = csv_cell(at, index->at[*i] - at);
        if (c->buf[index->at[*i]] == c->dialect->quote &&
            (index->at[*i] != at || !quoted_cell(c, i, &cell))) {
            return false;
        }
        for (; next < layout->n_needed && layout->needed[next].field == field; next++) {
            cells[layout->needed[next].column * CSV_CHUNK_CELLS] =
                as_needed(cell, &layout->needed[next]);
        }
        at = index->at[*i] + 1;
        if (c->buf[at - 1] != c->dialect->delimiter) {
            *ret_n = field + 1;
            return true;
        }
        ++*i;
    }
    return false;
}

/* A row with quotes by the index. False where that cannot be done. */
static bool next_quoted(struct csv_cutter *c, struct csv_chunk *chunk)
{
    const struct csv_dialect *d = c->dialect;
    uint32_t i = c->i;
    uint32_t n;
    if (!d->quote || d->escape || d->trim || (d->comment && c->buf[c->at] == d->comment) ||
        i >= c->index.n) {
        return false;
    }
    if (!quoted_cells(c, chunk, &i, &n) || n != c->layout->n_fields) {
        return false;
    }
    uint32_t end = c->index.at[i];
    bool crlf = false;
    if (c->buf[end] == '\r') {
        if (end + 1 == c->end) {
            return false;
        }
        crlf = c->buf[end + 1] == '\n';
    }
    uint32_t row = begin_row(c, chunk, end);
    if (c->index.odd) {
        check_bytes(c, chunk, row);
    }
    c->at = end + 1 + crlf;
    c->line++;
    index_follow(c);
    return true;
}

/* ------------------------------------------------------------------------------------------ */
/* Byte by byte                                                                                 */
/* ------------------------------------------------------------------------------------------ */

static void take_read(struct csv_cutter *c,
                      struct csv_chunk *chunk,
                      const struct csv_row *read,
                      bool is_bad)
{
    const struct csv_layout *layout = c->layout;
    uint32_t row = begin_row(c, chunk, read->end);
    for (uint32_t i = 0; i < layout->n_needed; i++) {
        uint32_t field = layout->needed[i].field;
        uint64_t cell = field < read->n && field < CSV_MAX_FIELDS ? c->fields[field] : 0;
        chunk->cells[layout->needed[i].column * CSV_CHUNK_CELLS + row] =
            as_needed(cell, &layout->needed[i]);
    }
    if (is_bad) {
        mark_bad(chunk, row, read->fault, read->fault_at - c->at);
    } else if (read->n > layout->n_fields || (read->n < layout->n_fields && !layout->pad)) {
        mark_bad(chunk, row, CSV_FAULT_FIELDS, read->n);
    } else {
        check_bytes(c, chunk, row);
    }
    c->at = read->next;
    c->line += read->n_lines;
}

/* Passes over the line at hand. False when its end is not in the buffer. */
static bool pass_over(struct csv_cutter *c)
{
    uint32_t end;
    uint32_t next;
    if (!csv_line_end(c->buf, c->at, c->end, c->last, &end, &next)) {
        return false;
    }
    c->line += next > end;
    c->at = next;
    return true;
}

/* The row at hand has more bytes than a row may have, wherever it ends. */
static bool is_too_much(const struct csv_cutter *c)
{
    return c->end - c->at > c->max_line_bytes + 2;
}

/*
 * More than a row may have. An open quote explains it where the first line is not too long by
 * itself, and that line is the bad row; else the rest of the line is passed over.
 */
static void give_up(struct csv_cutter *c, struct csv_chunk *chunk)
{
    struct csv_row row = {.fault = CSV_FAULT_UNTERMINATED, .fault_at = c->at, .n_lines = 1};
    bool ends = csv_line_end(c->buf, c->at, c->end, false, &row.end, &row.next);
    if (!ends || row.end - c->at > c->max_line_bytes) {
        row.fault = CSV_FAULT_TOO_LONG;
        row.end = c->at + c->max_line_bytes;
        row.next = row.end;
        row.n_lines = 0;
        c->skipping = true;
    }
    take_read(c, chunk, &row, true);
}

/* Passes over the rest of a line that was too long. False when its end is not in the buffer. */
static bool skip_rest(struct csv_cutter *c)
{
    if (pass_over(c)) {
        c->skipping = false;
        return true;
    }
    /* A CR at the end of the buffer may have its LF behind it. */
    c->at = c->end > c->at && c->buf[c->end - 1] == '\r' ? c->end - 1 : c->end;
    return false;
}

/* Reads the next row, or passes over what is none. False when more input is needed. */
static bool next_read(struct csv_cutter *c, struct csv_chunk *chunk)
{
    char first = c->buf[c->at];
    bool blank = (first == '\n' || first == '\r') && c->layout->n_fields > 1;
    bool comment = c->dialect->comment && first == c->dialect->comment;
    bool whole = true;
    if (blank || comment) {
        whole = pass_over(c);
    } else {
        struct csv_row row = {.cells = c->fields, .max_cells = CSV_MAX_FIELDS};
        enum csv_row_end how = csv_row_read(c->dialect, c->buf, c->at, c->end, c->last, &row);
        whole = how != CSV_ROW_MORE;
        if (whole ? row.end - c->at > c->max_line_bytes : is_too_much(c)) {
            give_up(c, chunk);
            whole = true;
        } else if (whole) {
            take_read(c, chunk, &row, how == CSV_ROW_BAD);
        }
    }
    if (!whole && is_too_much(c)) {
        c->skipping = true;
        whole = true;
    }
    index_follow(c);
    return whole;
}

bool csv_cutter_fill(struct csv_cutter *c, struct csv_chunk *chunk, uint32_t max_rows)
{
    while (chunk->n < max_rows) {
        if (c->skipping && !skip_rest(c)) {
            return true;
        }
        if (c->at == c->end) {
            return true;
        }
        if (c->at >= c->indexed_to && !index_on(c)) {
            return true;
        }
        if (next_indexed(c, chunk) || next_quoted(c, chunk)) {
            continue;
        }
        if (c->i_special >= c->index.n_special && index_on(c)) {
            continue;
        }
        if (!next_read(c, chunk)) {
            return true;
        }
    }
    return false;
}
