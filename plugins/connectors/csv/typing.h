/*
 * From cells to columns of a batch, a column at a time.
 */
#ifndef CSV_TYPING_H
#define CSV_TYPING_H

#include "chunk.h"
#include "config.h"

struct csv_typing {
    const struct src_settings *settings;
    const struct csv_dialect *dialect; /* of the file at hand */
    struct src_column **columns;       /* in the order of the batch */
    size_t n_columns;
    bool *slow;    /* by column: values have to be compared with markers first */
    char *scratch; /* for unescaping; as long as a row may be, and 64 more */
};

/* `columns` are borrowed. *ret is emptied with csv_typing_done, also when this fails. */
hg_status csv_typing_init(struct csv_typing *ret,
                          const struct src_settings *settings,
                          struct src_column **columns,
                          size_t n_columns,
                          struct hg_error *err);
void csv_typing_done(struct csv_typing *typing);

/*
 * Writes the rows of the chunk behind those of the batch (rows that are bad already get any value)
 * and marks the rows whose cells do not fit. Nothing is committed.
 */
hg_status csv_typing_write(struct csv_typing *typing,
                           const char *buf,
                           struct csv_chunk *chunk,
                           struct hg_batch *batch,
                           struct hg_error *err);
/* Takes back what was written for `n` rows. */
void csv_typing_undo(struct csv_typing *typing, struct hg_batch *batch, uint32_t n);

/* Why a cell of that column does not fit, in words. */
void csv_typing_explain(struct csv_typing *typing,
                        const char *buf,
                        size_t column,
                        uint64_t cell,
                        char *out,
                        size_t size);

#endif
