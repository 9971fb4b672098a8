/*
 * Cutting a buffer into rows and fields, some hundred rows at a time: by the index of separators
 * where rows have no quotes, byte by byte where they have.
 */
#ifndef CSV_CHUNK_H
#define CSV_CHUNK_H

#include "index.h"
#include "row.h"

#define CSV_CHUNK_ROWS 512u
/* Not a power of two, so that columns do not compete for the same lines of the cache. */
#define CSV_CHUNK_CELLS (CSV_CHUNK_ROWS + 8)
/* Most fields of a row that may be named in a configuration. */
#define CSV_MAX_FIELDS 65536u

/* Which field of a row is which column. */
struct csv_layout {
    uint32_t n_fields; /* that a row has to have */
    uint32_t n_needed;
    struct csv_needed {
        uint32_t field;
        uint32_t column;
        bool is_text; /* quotes make a difference */
    } * needed;       /* by field, ascending; a field may be there twice */
    bool pad;         /* a row with fewer fields is filled up */
};

struct csv_chunk {
    uint32_t n;
    uint32_t n_bad;
    uint32_t at[CSV_CHUNK_ROWS];     /* where in the buffer the row begins */
    uint32_t size[CSV_CHUNK_ROWS];   /* its bytes without the line end */
    int64_t line[CSV_CHUNK_ROWS];    /* of its first byte */
    int32_t bad[CSV_CHUNK_ROWS];     /* 0: sound; above: 1 + the column at fault; below: minus an
                                        enum csv_fault */
    uint32_t detail[CSV_CHUNK_ROWS]; /* of a fault: byte of the row, or the number of fields */
    uint64_t *cells;                 /* a cell is cells[column * CSV_CHUNK_CELLS + row] */
    uint32_t n_columns;
};

/* Where in the input the cutting is. */
struct csv_cutter {
    const struct csv_dialect *dialect;
    const struct csv_layout *layout;
    const char *buf; /* CSV_INDEX_PADDING readable bytes behind `end` */
    uint32_t at;     /* of the next row */
    uint32_t end;
    bool last;    /* the input ends at `end` */
    int64_t line; /* number of the line at `at` */
    uint32_t max_line_bytes;
    bool skipping; /* the rest of a line that was too long is passed over */
    /* The index and how far it is used up. */
    uint32_t indexed_from;
    uint32_t indexed_to;
    uint32_t i;
    uint32_t i_special;
    struct csv_index index;
    uint64_t *fields; /* CSV_MAX_FIELDS cells, for rows that are read byte by byte */
};

/* The buffer was filled or moved: `at`, `end` and `last` are new. */
void csv_cutter_moved(struct csv_cutter *cutter);

/*
 * Appends rows to the chunk up to `max_rows` of them. Returns true when more input is needed before
 * the next row can be read (or, with `last`, when there is no more).
 */
bool csv_cutter_fill(struct csv_cutter *cutter, struct csv_chunk *chunk, uint32_t max_rows);

#endif
