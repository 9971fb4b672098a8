/*
 * Where the bytes are that separate things: found 64 at a time with what the processor offers.
 */
#ifndef CSV_INDEX_H
#define CSV_INDEX_H

#include <stdbool.h>
#include <stdint.h>

#include "dialect.h"

/* Bytes that are looked at in one go, and so the most that an index can hold. */
#define CSV_INDEX_BYTES 16384u
/* Readable bytes that the buffer has behind those to be indexed. */
#define CSV_INDEX_PADDING 64u

struct csv_index {
    uint32_t n;
    uint32_t n_special;
    bool odd;                               /* a byte of 0x80 or more, or a NUL, is there */
    uint32_t at[CSV_INDEX_BYTES + 64];      /* all that is no plain byte, ascending */
    uint32_t special[CSV_INDEX_BYTES + 64]; /* those of them that are no delimiter */
};

/* Indexes buf[from..to); at most CSV_INDEX_BYTES of them. Positions count from buf[0]. */
void csv_index_build(const struct csv_dialect *dialect,
                     const char *buf,
                     uint32_t from,
                     uint32_t to,
                     struct csv_index *ret);

/* The ways there are, for tests: name NULL behind the last that this processor has. */
struct csv_index_way {
    const char *name;
    void (*build)(const struct csv_dialect *dialect,
                  const char *buf,
                  uint32_t from,
                  uint32_t to,
                  struct csv_index *ret);
};
const struct csv_index_way *csv_index_ways(void);

#endif
