/*
 * How attempts began and ended, in the database.
 */
#ifndef HG_DISPATCH_OUTCOME_H
#define HG_DISPATCH_OUTCOME_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "base/error.h"
#include "dispatch/attempts.h"
#include "queue/queue.h"
#include "store/db.h"

/* Marks jobs and runs of claimed tasks as running; in the transaction of the claim. */
int hg_outcome_started(struct hg_db *db,
                       const struct hg_queue_task *tasks,
                       size_t n,
                       struct hg_error *err);
/* Nothing of what was lost runs any more; in the transaction of hg_queue_recover. */
int hg_outcome_lost(struct hg_db *db, struct hg_error *err);
/*
 * Writes down how attempts ended and moves their runs on, in one transaction. Sets `taken` of each:
 * false when another attempt has taken over, whose end counts.
 */
int hg_outcome_ended(struct hg_db *db,
                     struct hg_attempt *const *attempts,
                     size_t n,
                     struct hg_error *err);
int hg_outcome_progress(struct hg_db *db,
                        const struct hg_attempt *attempt,
                        const json_t *progress,
                        struct hg_error *err);
/*
 * After a change of tasks of locked runs (the text of an array of ids): makes others ready, or ends
 * the runs. `some_were_skipped`: tasks may have ended without an attempt of their own.
 */
int hg_outcome_move_on(struct hg_db *db,
                       const char *run_ids,
                       bool some_were_skipped,
                       struct hg_error *err);
/*
 * The job that failed: by the worker's report, by the blame page when the worker died, else the
 * first of the task. Borrowed from the attempt.
 */
const char *hg_attempt_job_at_fault(const struct hg_attempt *attempt);

#endif
