/*
 * One row at a time, byte by byte: for rows with quotes, for headers, and for whatever is odd.
 */
#ifndef CSV_ROW_H
#define CSV_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dialect.h"

/*
 * A field as it stands in the buffer: 32 bits of position, 28 bits of length, flags. The text of a
 * quoted field is what stands between the quotes.
 */
#define CSV_CELL_QUOTED  (UINT64_C(1) << 60)
#define CSV_CELL_ESCAPED (UINT64_C(1) << 61) /* csv_cell_unescape makes its text */
#define CSV_CELL_MAX     ((UINT32_C(1) << 28) - 1)

static inline uint64_t csv_cell(uint32_t at, uint32_t n)
{
    return at | (uint64_t)n << 32;
}

static inline uint32_t csv_cell_at(uint64_t cell)
{
    return (uint32_t)cell;
}

static inline uint32_t csv_cell_n(uint64_t cell)
{
    return (uint32_t)(cell >> 32) & CSV_CELL_MAX;
}

/* What is wrong with a row. */
enum csv_fault {
    CSV_SOUND = 0,
    CSV_FAULT_QUOTE_INSIDE, /* a quote inside an unquoted field */
    CSV_FAULT_UNTERMINATED, /* a quote that is never closed */
    CSV_FAULT_BEHIND_QUOTE, /* text behind a closing quote */
    CSV_FAULT_ESCAPE_END,   /* nothing behind the escape character */
    CSV_FAULT_FIELDS,       /* not as many fields as the header has */
    CSV_FAULT_TEXT,         /* not the encoding that it should be */
    CSV_FAULT_NUL,          /* a NUL byte */
    CSV_FAULT_TOO_LONG      /* more bytes than a row may have */
};

enum csv_row_end {
    CSV_ROW_WHOLE = 0,
    CSV_ROW_MORE, /* the row goes on behind the end of the buffer */
    CSV_ROW_BAD   /* `fault`, found at `fault_at` */
};

struct csv_row {
    /* In. */
    uint64_t *cells; /* room for max_cells; those beyond are counted only */
    uint32_t max_cells;
    /* Out. */
    uint32_t n;    /* fields */
    uint32_t next; /* where the row behind it begins; of a bad row: behind its first line */
    uint32_t end;  /* behind its last byte that is no line end; of a bad row: of its first line */
    uint32_t n_lines; /* line ends inside, so 1 for most; 0 when the input ends without one */
    enum csv_fault fault;
    uint32_t fault_at;
};

/*
 * Reads the row that begins at buf[at] and may go on to buf[end); `last`: the input ends there.
 * Knows nothing of comments or blank lines; an empty line is a row of one empty field.
 */
enum csv_row_end csv_row_read(const struct csv_dialect *dialect,
                              const char *buf,
                              uint32_t at,
                              uint32_t end,
                              bool last,
                              struct csv_row *row);

/*
 * Where the line that begins at `at` ends: *ret_end behind its last byte, *ret_next behind its line
 * end. False when there is no whole line end in the buffer (with `last`, the buffer's end is one).
 */
bool csv_line_end(
    const char *buf, uint32_t at, uint32_t end, bool last, uint32_t *ret_end, uint32_t *ret_next);

/* Line ends in buf[at..end): LF, CR, or CR LF as one. */
uint32_t csv_count_lines(const char *buf, uint32_t at, uint32_t end);

/* Writes the text of an escaped cell to `out` (as long as the cell at most); returns its length. */
uint32_t csv_cell_unescape(const struct csv_dialect *dialect,
                           const char *buf,
                           uint64_t cell,
                           char *out);

#endif
