/*
 * The queue: tasks of runs in a PostgreSQL table.
 *
 *     waiting --needs met and a place free--> ready --claim--> running --> done | failed |
 * cancelled
 *        \--a need failed--> skipped            ^----retry-------/
 *
 * Every claim gives a new fence. Whatever ends an attempt names task, attempt and fence, so that
 * one whose lease was taken away can end nothing. All functions run inside the caller's transaction
 * and leave committing to it; lock the run first (hg_queue_lock_run), then its tasks.
 */
#ifndef HG_QUEUE_QUEUE_H
#define HG_QUEUE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/error.h"
#include "base/uuid.h"
#include "store/db.h"

struct hg_queue_new_task {
    const char *id;
    const char *run_id;
    const char *pipeline_id;
    const char *key;  /* the task's name within its pipeline */
    const char *kind; /* "flow", "transform" or "check_table" */
    int n_needs;      /* rows that follow by hg_queue_add_need */
    int max_attempts;
    int64_t timeout_ms; /* 0: none */
    const json_t *spec;
};

/* One attempt. Owned by hg_queue_tasks_free. */
struct hg_queue_task {
    char id[HG_UUID_TEXT];
    char run_id[HG_UUID_TEXT];
    char *pipeline_id;
    char *key;
    int attempt; /* from 1 */
    int max_attempts;
    int64_t fence;
    int64_t timeout_ms;
    int n_lost;            /* attempts before this one that were lost with their host */
    bool cancel_requested; /* it is not to begin */
    json_t *spec;
};

void hg_queue_tasks_free(struct hg_queue_task *tasks, size_t n);

int hg_queue_add(struct hg_db *db, const struct hg_queue_new_task *task, struct hg_error *err);
int hg_queue_add_need(struct hg_db *db,
                      const char *task_id,
                      const char *needs_task_id,
                      struct hg_error *err);
/* Locks the run against other changes of its tasks until the transaction ends. HG_ENOTFOUND. */
int hg_queue_lock_run(struct hg_db *db, const char *run_id, struct hg_error *err);
/* Makes waiting tasks ready whose needs are met, while fewer than `parallelism` are ready or run.
 */
int hg_queue_promote(struct hg_db *db, const char *run_id, int parallelism, struct hg_error *err);

/*
 * Takes up to `limit` ready tasks for `host`. *ret has *ret_n. The transaction must not touch the
 * runs: whoever else changes a run locks it before its tasks, and the two would wait for each
 * other.
 */
int hg_queue_claim(struct hg_db *db,
                   const char *host,
                   int limit,
                   int64_t lease_ms,
                   struct hg_queue_task **ret,
                   size_t *ret_n,
                   struct hg_error *err);
/* The next fences are above `highest`, also when the transaction is rolled back. */
int hg_queue_lift_fences(struct hg_db *db, int64_t highest, struct hg_error *err);
/* Keeps the leases of all that `host` runs. */
int hg_queue_renew(struct hg_db *db, const char *host, int64_t lease_ms, struct hg_error *err);

/* HG_ECONFLICT when the attempt is no longer the current one: drop its result. */
int hg_queue_done(struct hg_db *db, const struct hg_queue_task *task, struct hg_error *err);
/* `state` is "failed" or "cancelled"; all that needs it is skipped. */
int hg_queue_fail(struct hg_db *db,
                  const struct hg_queue_task *task,
                  const char *state,
                  struct hg_error *err);
/* Ready again after `delay_ms`. */
int hg_queue_retry(struct hg_db *db,
                   const struct hg_queue_task *task,
                   int64_t delay_ms,
                   struct hg_error *err);
/* Ready again at once; the attempt does not use up a retry. */
int hg_queue_release(struct hg_db *db, const struct hg_queue_task *task, struct hg_error *err);
/*
 * Makes ready what `host` is said to run but knows nothing of (an earlier life of it did, or the
 * answer to its claim was lost), and what lost its lease; such an attempt does not use up a retry
 * and is counted in n_lost, since a task that takes its hosts down must come to an end.
 * `known` is an array of the ids that `host` does run. *ret_n counts what was made ready.
 */
int hg_queue_recover(
    struct hg_db *db, const char *host, const json_t *known, int *ret_n, struct hg_error *err);

/*
 * Cancels what has not begun of a locked run, and asks the hosts of what runs to stop it
 * (hg_queue_to_cancel).
 */
int hg_queue_cancel(struct hg_db *db, const char *run_id, struct hg_error *err);
/* Ids of what `host` runs and somebody asked to stop: an array of texts, owned by the caller. */
int hg_queue_to_cancel(struct hg_db *db, const char *host, json_t **ret, struct hg_error *err);
/* Whether somebody asked to stop the task. */
int hg_queue_is_cancelled(struct hg_db *db,
                          const struct hg_queue_task *task,
                          bool *ret,
                          struct hg_error *err);
/*
 * Puts what did not end well of a locked run, and what was skipped for that, back to waiting, with
 * as many attempts left as in the beginning. Attempts count on. *ret_n: how many tasks.
 */
int hg_queue_again(struct hg_db *db, const char *run_id, int *ret_n, struct hg_error *err);

/* How many tasks of the run have not ended. */
int hg_queue_count_open(struct hg_db *db, const char *run_id, int *ret_n, struct hg_error *err);

#endif
