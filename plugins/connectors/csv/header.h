/*
 * The beginning of a file: which delimiter it has, what its header names.
 */
#ifndef CSV_HEADER_H
#define CSV_HEADER_H

#include "chunk.h"
#include "config.h"

/* The delimiter that cuts most of the first rows in buf[0..n) into the same number of fields. */
char csv_sniff_delimiter(const struct csv_dialect *dialect, const char *buf, uint32_t n, bool last);

/* The row that says where the columns are: the header, or the first one of a file without it. */
struct csv_first {
    const char *shown; /* the file */
    int64_t line;
    const struct csv_dialect *dialect;
    const char *buf; /* that `row` was read from */
    const struct csv_row *row;
};

/*
 * Finds the columns' fields in that row, CSV_MAX_FIELDS at most. Fills `layout` but its pad, whose
 * `needed` has room for all columns. HG_EDATA for a name that is not there or there twice, or
 * a number beyond the fields; the error names the file, what was found and what was expected.
 */
hg_status csv_header_match(const struct csv_first *first,
                           struct src_column *const *columns,
                           size_t n_columns,
                           struct csv_layout *layout,
                           struct hg_error *err);

/* What is wrong with a row, in words; `detail` as in struct csv_chunk. */
void csv_fault_explain(enum csv_fault fault,
                       uint32_t detail,
                       const struct csv_layout *layout,
                       const struct csv_config *config,
                       int64_t row_offset,
                       char *out,
                       size_t size);

#endif
