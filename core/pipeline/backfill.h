/*
 * Backfills: runs for times of a schedule that have been, one at a time, beside the pipeline's
 * other runs. A backfill is a row with its times and how many runs it has made; the scheduler makes
 * the next one when the last has ended.
 */
#ifndef HG_PIPELINE_BACKFILL_H
#define HG_PIPELINE_BACKFILL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/error.h"
#include "base/uuid.h"
#include "store/db.h"

struct hg_pipelines;

enum { HG_BACKFILL_MAX = 1000 };

struct hg_backfill_times {
    size_t n;                       /* 1..HG_BACKFILL_MAX */
    const int64_t *times_us;        /* rising */
    const int64_t *before_first_us; /* the schedule's time before them, or NULL */
    int64_t from_us;                /* the window they are of */
    int64_t to_us;
};

/*
 * Stores a backfill ("backfill" or "missed"), in the caller's transaction or without. `params` may
 * be NULL. HG_ECONFLICT when the pipeline has one that somebody asked for.
 */
int hg_backfill_add(struct hg_db *db,
                    const char *pipeline_id,
                    const char *kind,
                    const struct hg_backfill_times *times,
                    const json_t *params,
                    char ret_id[HG_UUID_TEXT],
                    struct hg_error *err);
/*
 * Makes the next run of each backfill whose last one has ended, and ends those that have made all.
 * *ret_are_left: some go on. The scheduler's.
 */
int hg_backfill_advance(struct hg_pipelines *service, bool *ret_are_left, struct hg_error *err);

/* The column `item`, a Backfill of the contract, of each id in an array. */
extern const struct hg_statement hg_backfills_read;

#endif
