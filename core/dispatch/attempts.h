/*
 * Attempts between the claim and their end.
 */
#ifndef HG_DISPATCH_ATTEMPTS_H
#define HG_DISPATCH_ATTEMPTS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "queue/queue.h"
#include "worker/pool.h"

struct hg_dispatch;

enum { HG_HANDLE_BYTES = 64 };

/* One attempt that a worker of ours runs. */
struct hg_attempt {
    struct hg_attempt *next;
    struct hg_attempt *next_held; /* of those that wait for a free worker */
    struct hg_queue_task task;
    char handle[HG_HANDLE_BYTES]; /* what the workers know it by: task and fence, which no other
                                     attempt has */
    json_t *message;              /* the task for the worker, until it is handed out */
    const char *plugin;           /* third-party, or NULL; borrowed from the registry */
    int64_t since_ms;             /* monotonic: held since, then handed out at */
    json_t *progress; /* object job -> [rows_in, rows_out, rows_rejected] since the last flush */
    bool ended;       /* result and error say how; the dispatcher writes it down */
    bool failed;
    bool refused;     /* its report could not be written down, and is left out */
    bool released;    /* no worker took it: back to the queue, it does not count, */
    int64_t again_ms; /* and not before so long */
    bool final;       /* it is not tried again, whatever its attempts and its error allow */
    bool in_doubt;    /* it may have committed all the same: the settler's, until that is known */
    int64_t doubt_since_ms; /* monotonic */
    bool taken;             /* its end was written down and counts */
    bool told;              /* its failure is in the logs, */
    bool log_ended;         /* and these have ended */
    json_t *result;         /* NULL when the worker died */
    /* Of its run, by the ledger, when there was no word; else 0. */
    int64_t rows_committed;
    int64_t rows_rejected;
    char *job; /* at fault when the worker died, or NULL */
    struct hg_error error;
    int64_t try_at_ms; /* monotonic: when the database was away, not before */
};

/* Guarded by the mutex of struct hg_dispatch. */
struct hg_attempts {
    struct hg_attempt *first;
    struct hg_attempt *first_held; /* claimed and waiting for a worker, oldest first */
    struct hg_attempt *last_held;
    int n_held;
    int n_ended;             /* whose ends were not looked at */
    double task_ms;          /* how long tasks take, the last ones count most */
    pthread_cond_t gathered; /* enough has ended, or no worker has anything to do meanwhile */
};

/* What the workers' supervisor tells; set `arg` to the dispatch. */
extern const struct hg_worker_events hg_attempt_events;
/* How many tasks to claim. */
int hg_attempts_wanted(struct hg_dispatch *dispatch);
/* Takes over a claimed attempt: it waits for a worker, or has ended when something is against it.
 */
void hg_attempts_add(struct hg_dispatch *dispatch, struct hg_attempt *attempt);
/* Waits a moment for more attempts to end, while there is enough to do. Only the dispatcher. */
void hg_attempts_gather(struct hg_dispatch *dispatch);
/* Free workers get what waits. */
void hg_attempts_hand_out(struct hg_dispatch *dispatch);
/* Ends, as released, what has waited too long: the workers got long tasks meanwhile, or the host
 * stops. */
void hg_attempts_give_back(struct hg_dispatch *dispatch);
/* Ends, as cancelled, the attempts at a task that wait, and asks those that run to stop; how
 * many these are. [any] */
size_t hg_attempts_cancel(struct hg_dispatch *dispatch, const char *task_id);
/* It is known how an attempt in doubt has ended (mutex held). */
void hg_attempts_settled(struct hg_dispatch *dispatch, struct hg_attempt *attempt);
/* Takes an ended attempt off the list and frees it. Only the dispatcher. */
void hg_attempts_remove(struct hg_dispatch *dispatch, struct hg_attempt *attempt);
void hg_attempt_free(struct hg_attempt *attempt);

#endif
