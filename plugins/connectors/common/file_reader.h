/*
 * A read: files, one after the other, as batches. What is in a file is a matter of its format.
 */
#ifndef SRC_FILE_READER_H
#define SRC_FILE_READER_H

#include "settings.h"
#include "state.h"

/* The position of a row as a number: which file, which line. */
#define SRC_POSITION_LINE_BITS 40

struct src_reader;

struct src_format {
    const char *id; /* of the plugin */
    /* What the columns are is known only once a file is open. */
    bool columns_from_file;
    /* Settings that are the beginning of a larger struct or all of it. */
    hg_status (*read_config)(const char *json, struct src_settings **ret, struct hg_error *err);
    void (*free_config)(struct src_settings *settings); /* takes NULL */
    /* A read of the format is a struct of so many bytes that begins with a struct src_reader. */
    size_t reader_bytes;
    /* Makes the format's part of a read, and may bring `columns` into another order. */
    hg_status (*start)(struct src_reader *reader, struct hg_error *err);
    /* Adds some rows to the batch, or opens a file, or ends it. */
    hg_status (*step)(struct src_reader *reader, struct hg_error *err);
    /* Frees the format's part, however much of it was made. */
    void (*done)(struct src_reader *reader);
};

struct src_reader {
    const struct src_format *format;
    const struct hg_host *host;
    const struct hg_reject *reject; /* NULL: the host takes no rejected rows */
    struct src_settings *settings;
    struct src_cancel *cancel;
    struct src_files *files; /* to be read, in this order */
    struct src_state state;
    bool keeps_state;
    bool only_tries;             /* bad rows are counted only, and too many of them are a failure */
    struct src_column **columns; /* in the order of the batches, which have `_hg_pos` behind them */
    size_t n_columns;
    struct hg_batch *batch;
    int64_t batch_rows;
    int64_t total; /* rows given */
    bool done;

    /* The file at hand. */
    size_t i_file;
    struct src_stage *input; /* NULL: between files */
    int64_t rows;            /* read of it, good or bad */
    int64_t rejected;
    int64_t skip_rows; /* that an earlier read gave */
};

/* What a read is made of. All is borrowed until it is freed. */
struct src_reading {
    const struct hg_host *host;
    struct src_settings *settings;
    struct src_cancel *cancel;
    struct src_files *files;
};

/*
 * `state_json` is borrowed until this returns. A batch has about `batch_rows` rows; 0: as many as
 * is good.
 */
hg_status src_reader_new(const struct src_format *format,
                         const struct src_reading *reading,
                         const char *state_json,
                         uint32_t batch_rows,
                         struct src_reader **ret,
                         struct hg_error *err);
/* Takes NULL. */
void src_reader_free(struct src_reader *reader);

/* The columns of the batches, `_hg_pos` being the last. */
hg_status src_reader_schema(const struct src_reader *reader,
                            struct ArrowSchema *ret,
                            struct hg_error *err);
/* The same in the order of the configuration, without a read. */
hg_status src_settings_schema(const struct src_settings *settings,
                              struct ArrowSchema *ret,
                              struct hg_error *err);
/* The next batch, owned by the caller; ret->release is NULL at the end. */
hg_status src_reader_next(struct src_reader *reader, struct ArrowArray *ret, struct hg_error *err);

/* ---- for formats ---- */

/* The name of the file at hand. */
const char *src_reader_shown(const struct src_reader *r);
hg_status src_reader_open_file(struct src_reader *r, struct hg_error *err);
hg_status src_reader_end_file(struct src_reader *r, struct hg_error *err);
bool src_reader_is_full(const struct src_reader *r);
/* Line `line` of the file at hand as `_hg_pos`. */
int64_t src_reader_position(const struct src_reader *r, int64_t line);
/* A bad row, whose position is set here. */
hg_status src_reader_reject(struct src_reader *r,
                            int64_t line,
                            struct hg_reject_row *row,
                            struct hg_error *err);

#endif
