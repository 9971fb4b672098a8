/*
 * What is wrong in files: all of it, each with its place.
 */
#ifndef HG_CONFIG_DIAGNOSTICS_H
#define HG_CONFIG_DIAGNOSTICS_H

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <jansson.h>

#include "base/error.h"

/* line and column count from 1; 0 when the place is the whole file. */
struct hg_diagnostic {
    char *file;
    int line;
    int column;
    char *message; /* what was found and what was expected */
    char *hint;    /* what to do, or NULL */
};

struct hg_diagnostics {
    struct hg_diagnostic *items;
    size_t n;
    size_t room;
    size_t n_dropped; /* there was no memory for these */
};

#define HG_DIAGNOSTICS_INIT \
    {                       \
        NULL, 0, 0, 0       \
    }

void hg_diagnostics_free(struct hg_diagnostics *diagnostics);
/* Adds one; texts are copied, hint may be NULL. Lack of memory drops it but still counts an error.
 */
void hg_diagnostics_add(struct hg_diagnostics *diagnostics,
                        const char *file,
                        int line,
                        int column,
                        const char *hint,
                        const char *fmt,
                        ...) HG_PRINTF(6, 7);
void hg_diagnostics_vadd(struct hg_diagnostics *diagnostics,
                         const char *file,
                         int line,
                         int column,
                         const char *hint,
                         const char *fmt,
                         va_list args) HG_PRINTF(6, 0);
/* How many there are, those without memory included; compare before and after a step. */
size_t hg_diagnostics_count(const struct hg_diagnostics *diagnostics);
/* The first by place; NULL where there is none. Borrowed. */
const struct hg_diagnostic *hg_diagnostics_first(const struct hg_diagnostics *diagnostics);
/* "file:line:column: message\n    hint\n" for each, sorted by place. */
void hg_diagnostics_print(const struct hg_diagnostics *diagnostics, FILE *to);
/* [{"file","line","column","message","hint"}]; NULL without memory. Owned by the caller. */
json_t *hg_diagnostics_to_json(const struct hg_diagnostics *diagnostics);

#endif
