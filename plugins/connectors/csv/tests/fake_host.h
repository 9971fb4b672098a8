/*
 * A host for the tests of csv: files of a temporary folder, and everything that the plugin says
 * kept.
 */
#ifndef CSV_FAKE_HOST_H
#define CSV_FAKE_HOST_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>

#include "headgate/plugin.h"

struct fake {
    struct hg_host host; /* first, so that a host is a fake */
    char dir[64];
    const struct hg_connector_vtable *vtable;
    /* Texts that grow. */
    char *rejects; /* "file:line|column|reason\n" each */
    size_t n_rejects;
    char *raws; /* the raw rows, each ended by "\n" */
    char *log;
    char *state; /* put last */
    int n_states;
    atomic_bool cancelled;
    /* What the host refuses. */
    bool no_file;
    bool no_reject;
    bool no_state;
    int fail_reject_at; /* the reject that fails, 1 being the first; 0: none */
    int fail_state_at;
    struct hg_error err; /* of the last failure */
};

/* Above 0 while a service of the host runs in this thread: for tests that let memory run out. */
extern _Thread_local int fake_busy;

void fake_init(struct fake *fake);
void fake_done(struct fake *fake);
/* Forgets what was said. */
void fake_clear(struct fake *fake);

/* Writes a file into the folder. */
void fake_write(struct fake *fake, const char *name, const void *bytes, size_t n);

/*
 * A configuration for `path` (a name in the folder, or a JSON list when it begins with '[') with
 * `columns` (inside of the braces) and `more` (",\"key\":value..." or ""). malloc'ed.
 */
char *fake_config(struct fake *fake, const char *path, const char *columns, const char *more);

/*
 * Reads everything: the rows as text, "a|b|c\n" each, a null as ~ (malloc'ed), or NULL and
 * fake->err. `state` may be NULL. The batches are checked on the way; `_hg_pos` is left out unless
 * `positions`.
 */
char *fake_read(
    struct fake *fake, const char *config, const char *state, uint32_t batch_rows, bool positions);
/* One batch as such text, at the end of `out`. */
void fake_print_batch(const struct ArrowSchema *schema,
                      const struct ArrowArray *batch,
                      bool positions,
                      void *inst,
                      const struct hg_position *position,
                      FILE *out);

#endif
