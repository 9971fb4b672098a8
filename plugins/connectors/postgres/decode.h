/*
 * Rows of COPY BINARY: their fields, as cells of a batch, as text, as a hash.
 */
#ifndef POSTGRES_DECODE_H
#define POSTGRES_DECODE_H

#include <stdio.h>

#include "plan.h"

struct pg_field {
    const unsigned char *at;
    int32_t n; /* -1: null */
};

struct pg_hash {
    uint64_t high;
    uint64_t low;
};

/* One row: the fields of a message, borrowed from it. HG_EDATA when they are not `n`. */
hg_status pg_row_split(
    const char *message, int size, struct pg_field *fields, size_t n, struct hg_error *err);

/*
 * Writes the given fields as the row behind those of the batch, which has room for it, without
 * committing. HG_EDATA and *ret_column with `reason` for what does not fit.
 */
hg_status pg_row_add(const struct pg_plan *plan,
                     bool checks_utf8,
                     const struct pg_field *fields,
                     struct hg_batch *batch,
                     size_t *ret_column,
                     char *reason,
                     size_t reason_size,
                     struct hg_error *err);

/* The value in words that PostgreSQL takes back. */
void pg_field_print(enum pg_code code, const struct pg_field *field, FILE *out);
/* What tells the row apart from all others of the same cursor, and of others. */
struct pg_hash pg_row_hash(const struct pg_plan *plan, const struct pg_field *fields);

#endif
