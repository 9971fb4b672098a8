/*
 * A source for the tests of the flow, in this process.
 */
#ifndef HG_TEST_FAKE_SOURCE_H
#define HG_TEST_FAKE_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "headgate/batch.h"

/*
 * The source "fake" gives `rows`: a JSON list of lists. A cell is true or false; a number for the
 * integers, dates (days) and timestamps (us); a real, or a text such as "NaN" for float64; a text
 * of digits, the value times 10^scale, for decimals; a text; null.
 */
struct fake_rows;

struct fake_source {
    const struct hg_column *columns;
    size_t n_columns;
    const char *rows;
    const struct fake_rows *from;     /* instead of `rows` and all that says how they come */
    json_t *parsed;                   /* instead of `rows`, borrowed */
    int batch_rows;                   /* 0: all rows in one batch */
    int64_t n_repeat;                 /* gives all that so many times, 0: once */
    int n_rejects;                    /* rows handed to headgate.reject/1 before the first batch */
    const char *state;                /* put before the first batch */
    bool resumes;                     /* puts {"at": rows given} with each batch, goes on there */
    int fail_at_batch;                /* 1: get_next fails at the first batch */
    void (*before_batch)(int number); /* called before each batch, from 1 */
    bool hang;                        /* get_next waits until it is cancelled */
    bool numbers;                     /* offers headgate.position/1 */
    char config_seen[256];
    /* What it saw. */
    char state_seen[256]; /* what it was started with, "" for none */
    int n_open;
};
extern struct fake_source fake;
extern const struct hg_plugin fake_source_plugin;

/* One reading of the source. */
struct fake_reading {
    const struct hg_host *host;
    struct hg_batch *batch;
    size_t at; /* index of the next row */
    int n_batches;
    /* Of rows in JSON: */
    json_t *rows;
    int64_t n_rounds;
};

/* Where the source's rows are from. */
struct fake_rows {
    /* Goes behind what the source gave before that state was put; "" for the start. */
    void (*begin)(struct fake_reading *reading, const char *state);
    hg_status (*next)(struct fake_reading *reading, struct ArrowArray *ret, struct hg_error *err);
};

/* What a source says that can't be reached. */
hg_status fake_away(struct hg_error *err);
/* Hands over the batch that was built, or says why that failed with `r`. */
hg_status fake_finish(struct fake_reading *reading,
                      hg_status r,
                      struct ArrowArray *ret,
                      struct hg_error *err);
/* Puts the state {"at": place}. */
hg_status fake_put_place(const struct fake_reading *reading, int64_t place, struct hg_error *err);
/* The place of such a state, 0 for "". */
int64_t fake_place(const char *state);

#endif
