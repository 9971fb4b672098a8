/*
 * A read: files, one after the other, as batches.
 */
#ifndef CSV_READER_H
#define CSV_READER_H

#include "chunk.h"
#include "config.h"
#include "files.h"
#include "state.h"
#include "typing.h"

/* The position of a row as a number: which file, which line. */
#define CSV_POSITION_LINE_BITS 40

struct csv_reader {
    const struct hg_host *host;
    const struct hg_reject *reject;
    struct csv_config *config;
    struct src_cancel *cancel;
    struct src_files *files; /* to be read, in this order */
    struct src_state state;
    bool keeps_state;
    bool only_tries;             /* bad rows are counted only, and too many of them are a failure */
    struct src_column **columns; /* in the order of the first file's fields */
    size_t n_columns;
    struct hg_batch *batch;
    int64_t batch_rows;
    struct csv_typing typing;
    struct csv_chunk *chunk;
    struct csv_cutter *cutter;

    /* The file at hand. */
    size_t i_file;
    struct src_stage *input; /* NULL: between files */
    struct csv_dialect dialect;
    struct csv_layout layout;
    int64_t rows; /* read of it, good or bad */
    int64_t rejected;
    int64_t skip_rows;   /* that an earlier read gave */
    int64_t text_offset; /* bytes of its text in front of the buffer */

    char *buf;
    uint32_t size; /* without the padding */
    int64_t total; /* rows given */
    bool done;
};

/*
 * Starts a read and opens the first file. Everything is borrowed until the reader is freed;
 * `state_json` until this returns. A batch has about `batch_rows` rows.
 */
hg_status csv_reader_new(const struct hg_host *host,
                         struct csv_config *config,
                         struct src_cancel *cancel,
                         struct src_files *files,
                         const char *state_json,
                         uint32_t batch_rows,
                         struct csv_reader **ret,
                         struct hg_error *err);
/* Takes NULL. */
void csv_reader_free(struct csv_reader *reader);

/* The columns of the batches, `_hg_pos` being the last. */
hg_status csv_reader_schema(const struct csv_reader *reader,
                            struct ArrowSchema *ret,
                            struct hg_error *err);
/* The next batch, owned by the caller; ret->release is NULL at the end. */
hg_status csv_reader_next(struct csv_reader *reader, struct ArrowArray *ret, struct hg_error *err);

/* file.c: opening and filling, used by the reader only. */
hg_status csv_reader_open_file(struct csv_reader *r, struct hg_error *err);
hg_status csv_reader_fill(struct csv_reader *r, struct hg_error *err);
const char *csv_reader_shown(const struct csv_reader *r);

#endif
