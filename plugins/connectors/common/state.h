/*
 * The state of a source that reads only new files: what was read before.
 */
#ifndef SRC_STATE_H
#define SRC_STATE_H

#include "files.h"

/*
 * As it stands in the state:
 *     {"files": {"<path>": [size, mtime_ms], ...},
 *      "current": {"path": "...", "size": n, "mtime_ms": n, "rows": n}}
 * `current` is the file that a batch ended in, with the rows that were read of it.
 */
struct src_state {
    struct src_files done;
    struct src_file current; /* path NULL: none */
    int64_t current_rows;
    /* The done files as JSON text, kept from batch to batch. */
    char *text;
    size_t n;
    size_t room;
};

/* `json` may be NULL: nothing was read. HG_EDATA for what is no state of this plugin. */
hg_status src_state_read(const char *json, struct src_state *ret, struct hg_error *err);
void src_state_done(struct src_state *state);
/* A file was read to its end. */
hg_status src_state_add(struct src_state *state, const struct src_file *file, struct hg_error *err);
/* Puts the state; `current` may be NULL. */
hg_status src_state_put(struct src_state *state,
                        const struct src_file *current,
                        int64_t rows,
                        const struct hg_host *host,
                        struct hg_error *err);

/*
 * Takes those files out of the list that are in the state. One that has changed since is left out,
 * too, with a warning: reading it again would load its old rows twice; HG_ECONFLICT for it with
 * `fails_on_changed`. A half-read one comes first; HG_ECONFLICT when that has changed or is gone.
 */
hg_status src_state_filter(const struct src_state *state,
                           const struct hg_host *host,
                           bool fails_on_changed,
                           struct src_files *files,
                           struct hg_error *err);

#endif
