/*
 * One line: from JSON to the cells of a row.
 */
#ifndef JSONL_RECORD_H
#define JSONL_RECORD_H

#include "paths.h"
#include "settings.h"

enum jsonl_kind {
    JSONL_MISSING = 0, /* not there, or null */
    JSONL_TEXT,        /* a string, decoded */
    JSONL_BARE,        /* a number as written, true, false */
    JSONL_NESTED       /* an object or an array, as compact JSON */
};

struct jsonl_cell {
    enum jsonl_kind kind;
    size_t at; /* in the record's bytes */
    size_t n;
};

struct jsonl_record {
    const struct src_settings *settings;
    struct jsonl_node root;
    struct jsonl_cell *cells; /* one a column */
    char *bytes;
    size_t n;
    size_t room;
    char *quoted; /* a string as JSON again */
    size_t quoted_room;
};

/* What is wrong with a line. */
struct jsonl_fault {
    const char *column; /* NULL: the whole line */
    char reason[512];
};

/* `settings` are borrowed. Emptied with jsonl_record_done, also when this fails. */
hg_status jsonl_record_init(struct jsonl_record *ret,
                            const struct src_settings *settings,
                            struct hg_error *err);
void jsonl_record_done(struct jsonl_record *record);

/*
 * Appends the cells of a line to the batch, without ending the row. HG_EDATA and *ret_fault for a
 * line that has to be rejected; the row has to be dropped then.
 */
hg_status jsonl_record_add(struct jsonl_record *record,
                           const char *line,
                           size_t n,
                           struct hg_batch *batch,
                           struct jsonl_fault *ret_fault,
                           struct hg_error *err);

#endif
