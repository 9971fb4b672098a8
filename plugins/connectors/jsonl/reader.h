/*
 * A read: files, one after the other, as batches.
 */
#ifndef JSONL_READER_H
#define JSONL_READER_H

#include "lines.h"
#include "record.h"
#include "state.h"

/* The position of a row as a number: which file, which line. */
#define JSONL_POSITION_LINE_BITS 40

struct jsonl_reader {
    const struct hg_host *host;
    const struct hg_reject *reject;
    const struct jsonl_config *config;
    struct src_cancel *cancel;
    struct src_files *files; /* to be read, in this order */
    struct src_state state;
    bool keeps_state;
    bool only_tries; /* bad rows are counted only, and too many of them are a failure */
    struct hg_batch *batch;
    int64_t batch_rows;
    struct jsonl_record record;
    struct jsonl_lines lines;

    /* The file at hand. */
    size_t i_file;
    int64_t rows; /* read of it, good or bad */
    int64_t rejected;
    int64_t skip_rows; /* that an earlier read gave */

    int64_t total; /* rows given */
    bool done;
};

/*
 * Starts a read. Everything is borrowed until the reader is freed; `state_json` until this
 * returns. A batch has about `batch_rows` rows.
 */
hg_status jsonl_reader_new(const struct hg_host *host,
                           const struct jsonl_config *config,
                           struct src_cancel *cancel,
                           struct src_files *files,
                           const char *state_json,
                           uint32_t batch_rows,
                           struct jsonl_reader **ret,
                           struct hg_error *err);
/* Takes NULL. */
void jsonl_reader_free(struct jsonl_reader *reader);

/* The columns of the batches, `_hg_pos` being the last. */
hg_status jsonl_schema(const struct jsonl_config *config,
                       struct ArrowSchema *ret,
                       struct hg_error *err);
/* The next batch, owned by the caller; ret->release is NULL at the end. */
hg_status jsonl_reader_next(struct jsonl_reader *reader,
                            struct ArrowArray *ret,
                            struct hg_error *err);

#endif
