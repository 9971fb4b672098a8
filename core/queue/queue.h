/*
 * The queue: tasks of runs in PostgreSQL. `task` holds what has not ended; the statement that ends
 * a task moves it to `task_history`.
 *
 *     waiting --needs met and a place free--> ready --claim--> running --> done | failed |
 * cancelled
 *        \--a need failed--> skipped            ^---retry, release---/
 *
 * Every claim gives a new fence. Whatever ends an attempt names task, attempt and fence, so that
 * one whose lease was taken away can end nothing. All functions run inside the caller's transaction
 * (hg_queue_begin) and leave committing to it; lock the runs first (hg_queue_lock_runs), then
 * their tasks.
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
    char id[HG_UUID_TEXT];
    const char *run_id;
    const char *pipeline_id;
    const char *key;   /* the task's name within its pipeline */
    const char *kind;  /* "flow", "transform" or "check_table" */
    int n_needs;       /* how many tasks must be done before it */
    json_t *needed_by; /* ids of the tasks that wait for it: an array, owned by the caller */
    int max_attempts;
    int64_t timeout_ms; /* 0: none */
    json_t *spec;       /* owned by the caller */
};

/*
 * A column of task t: the fences of attempts at the same task that are at work in other runs of its
 * pipeline, which has more than one with a backfill. None of them is an older attempt of this one,
 * whose transaction would be ended once its lease is over.
 */
#define HG_SQL_SPARED                                                                 \
    "(select array_agg(o.fence) from run_slot s join task o on o.run_id = s.run_id"   \
    " where s.pipeline_id = t.pipeline_id and s.run_id <> t.run_id and o.key = t.key" \
    " and o.state = 'running') as spared"

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
    char *spared;          /* HG_SQL_SPARED when it was claimed: "{7,9}" */
    json_t *spec;
};

/* What one of them holds. */
void hg_queue_task_clear(struct hg_queue_task *task);
void hg_queue_tasks_free(struct hg_queue_task *tasks, size_t n);

/*
 * A transaction of the queue. Its commit does not wait for the disk, unless hg_db_durable says so.
 * Like hg_queue_add, hg_queue_lock_runs and hg_queue_promote it goes out with the next statement
 * that is waited for (hg_db_later), and what fails of it fails that one. Its plans go by the keys:
 * statistics of tables that are empty at one moment and full at the next would mislead the planner.
 */
int hg_queue_begin(struct hg_db *db, struct hg_error *err);

/* Adds the tasks of a new run; the first `parallelism` of those that need nothing are ready. */
int hg_queue_add(struct hg_db *db,
                 const struct hg_queue_new_task *tasks,
                 size_t n,
                 int parallelism,
                 struct hg_error *err);
/*
 * Locks runs (the text of an array of ids, hg_array_text) against other changes of their tasks
 * until the transaction ends, in one order everywhere. Runs that are gone are passed over.
 */
int hg_queue_lock_runs(struct hg_db *db, const char *run_ids, struct hg_error *err);
/* Locks one run. HG_ENOTFOUND. */
int hg_queue_lock_run(struct hg_db *db, const char *run_id, struct hg_error *err);
/*
 * Makes tasks of locked runs ready whose needs are met, while fewer than the run's `parallelism`
 * are ready or run.
 */
int hg_queue_promote(struct hg_db *db, const char *run_ids, struct hg_error *err);

/*
 * Takes up to `limit` ready tasks for `host`, whose lease must stand (hg_queue_renew). *ret has
 * *ret_n. The transaction must not wait for runs: whoever else changes a run locks it before its
 * tasks, and the two would wait for each other.
 */
int hg_queue_claim(struct hg_db *db,
                   const char *host,
                   int limit,
                   struct hg_queue_task **ret,
                   size_t *ret_n,
                   struct hg_error *err);
/*
 * Takes what was ready when its run was cancelled and has been lost with a host before: an attempt
 * of it may still live, so that the ledger must say how it ended.
 */
int hg_queue_claim_cancelled(struct hg_db *db,
                             const char *host,
                             struct hg_queue_task **ret,
                             size_t *ret_n,
                             struct hg_error *err);
/* The next fences are above `highest`, also when the transaction is rolled back. */
int hg_queue_lift_fences(struct hg_db *db, int64_t highest, struct hg_error *err);
/* Keeps the lease of `host`, which is that of all it runs. */
int hg_queue_renew(struct hg_db *db, const char *host, int64_t lease_ms, struct hg_error *err);

enum hg_queue_how {
    HG_QUEUE_DONE,      /* what needs it has one need less */
    HG_QUEUE_FAILED,    /* what needs it is skipped */
    HG_QUEUE_CANCELLED, /* the same */
    HG_QUEUE_RETRIED,   /* ready again after `delay_ms` */
    HG_QUEUE_RELEASED,  /* ready again at once; the attempt does not use up a retry */
};

/* How an attempt ends. */
struct hg_queue_end {
    const struct hg_queue_task *task; /* borrowed */
    enum hg_queue_how how; /* hg_queue_end makes it HG_QUEUE_CANCELLED when somebody had asked to
                              stop the task and it is not done */
    int64_t delay_ms;
    bool taken; /* out: false when the attempt is no longer the current one: drop its result */
};

/* Ends attempts of locked runs. */
int hg_queue_end(struct hg_db *db, struct hg_queue_end *ends, size_t n, struct hg_error *err);

/*
 * Makes ready what `host` is said to run but knows nothing of (an earlier life of it did, or the
 * answer to its claim was lost), and with `others` what runs on a host without a lease; such an
 * attempt does not use up a retry and is counted in n_lost, since a task that takes its hosts down
 * must come to an end. What a clock that was set back has put into the future is due now. `known`
 * is an array of the ids that `host` does run. *ret_n counts what was made ready; *ret_lost, which
 * may be NULL, has a row for each: run_id, attempt, the host that had it, jobs (JSON, the ids of
 * its jobs).
 */
int hg_queue_recover(struct hg_db *db,
                     const char *host,
                     const json_t *known,
                     bool others,
                     int *ret_n,
                     PGresult **ret_lost,
                     struct hg_error *err);

/*
 * Cancels what has not begun of a locked run, and asks the hosts of what runs to stop it
 * (hg_queue_to_cancel). What was lost with a host is claimed once more (hg_queue_claim_cancelled).
 */
int hg_queue_cancel(struct hg_db *db, const char *run_id, struct hg_error *err);
/* Ids of what `host` runs and somebody asked to stop: an array of texts, owned by the caller. */
int hg_queue_to_cancel(struct hg_db *db, const char *host, json_t **ret, struct hg_error *err);
/*
 * Puts what did not end well of a locked run, and what was skipped for that, back to waiting, with
 * as many attempts left as in the beginning. Attempts count on. *ret_n: how many tasks.
 */
int hg_queue_again(struct hg_db *db, const char *run_id, int *ret_n, struct hg_error *err);

#endif
