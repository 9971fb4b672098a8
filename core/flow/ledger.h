/*
 * The fence, the ledger and the cursor: what makes a task's transaction count once or not at all.
 */
#ifndef HG_FLOW_LEDGER_H
#define HG_FLOW_LEDGER_H

#include "flow/context.h"

/* How long a host's lease is, and so how long is waited where the task does not say. */
enum { HG_LEASE_MS = 30000 };

/* What a run's task has committed, in all its parts. */
struct hg_ledger_done {
    bool found;  /* all of it: it has a final ledger row */
    int n_parts; /* checkpoints */
    int64_t rows_extracted;
    int64_t rows_loaded;
    int64_t rows_rejected;
};

/*
 * Begins the transaction; its first statement takes the fence. HG_ECONFLICT when a higher one was
 * there. An older attempt whose transaction is open is waited for, but for no longer than a lease
 * (`lease_ms` of the task): then its sessions are ended, for its host may be frozen and itself with
 * it. Then looks whether this run's task has committed before.
 */
int hg_ledger_begin(struct hg_flow *flow, struct hg_ledger_done *ret_done, struct hg_error *err);
/* Says so: HG_ECONFLICT. */
int hg_ledger_taken_over(const char *key, int64_t fence, struct hg_error *err);
/* In the transaction of a connection `db` beside the flow's: it is ended with it, should it come to
 * that. */
int hg_ledger_share(struct hg_flow *flow, struct hg_db *db, struct hg_error *err);

/* How taking a fence ends; see headgate.take_fence. */
enum hg_fence {
    HG_FENCE_TAKEN,
    HG_FENCE_REFUSED, /* a higher one is there */
    HG_FENCE_BUSY,    /* an older attempt has it, or somebody who is none */
    HG_FENCE_ENDED,   /* and has just been ended */
};

/* For how long an older attempt is waited for, by the monotonic clock. */
struct hg_ledger_wait {
    int64_t until_ms;
    int64_t tell_at_ms; /* who is waited for */
    int pause_ms;
    bool told;
    bool ended; /* once is told */
};
struct hg_ledger_wait hg_ledger_wait_begin(const struct hg_flow *flow);
/* p_spared of headgate.take_fence, as the task has it. Borrowed from it. */
const char *hg_ledger_spared(const struct hg_flow *flow);
/* p_end_after_ms of headgate.take_fence: NULL while the older attempt is still waited for. */
const char *hg_ledger_end_after(const struct hg_ledger_wait *wait);
/*
 * Behind a fence that is busy or whose holder was ended: a pause. HG_ECANCELLED. No transaction is
 * open. The job's log is told once that its holder was ended, and once who it is when that takes
 * longer than a moment.
 */
int hg_ledger_wait(struct hg_flow *flow,
                   struct hg_ledger_wait *wait,
                   enum hg_fence fence,
                   struct hg_error *err);

/* The state to start from, NULL when there is none. Owned by the caller, free. */
int hg_ledger_state(struct hg_flow *flow, char **ret_state, struct hg_error *err);

/* What goes into the ledger; texts may be NULL. */
struct hg_ledger_row {
    int part; /* of a checkpoint, from 1; 0: the task is done */
    const char *table;
    const char *mode;
    int64_t rows_extracted;
    int64_t rows_loaded;
    int64_t rows_rejected;
};

/* Writes cursor and ledger row and commits. */
int hg_ledger_commit(struct hg_flow *flow, const struct hg_ledger_row *row, struct hg_error *err);

/* A task's attempt as the ledger knows it; texts are borrowed. */
struct hg_ledger_attempt {
    const char *pipeline_id;
    const char *run_id;
    const char *key;
    int64_t fence; /* above that of the attempt */
    int64_t lease_ms;
    int64_t asking_since_ms; /* by the monotonic clock; 0: this is the first time */
    const char *spared;      /* p_spared of headgate.take_fence, "{10,11}"; NULL: none */
};

/*
 * Whether an attempt of which we have no word (its worker died, its connection broke) has
 * committed, asked on a connection of the host's own outside of a transaction. Takes the fence for
 * that, and so is certain: a transaction of the attempt that is still open is waited for, and none
 * can commit afterwards. Where a spared fence or a higher one is in the way ours is left untaken,
 * and all up to it that are not spared are barred. HG_EUNAVAILABLE with `retryable` when it is open
 * for longer than a moment: ask again, with the same `asking_since_ms`. Once it has been open for a
 * lease it is ended, for its host may be frozen with it; and once we have asked for a lease
 * whatever older one is open, for one that goes on working begins a new transaction with every
 * checkpoint.
 */
int hg_ledger_settle(struct hg_db *db,
                     const struct hg_ledger_attempt *attempt,
                     struct hg_ledger_done *ret_done,
                     struct hg_error *err);

/* The rights of the rest of the transaction: those of users' SQL, or the login's own. */
int hg_ledger_as_user(struct hg_flow *flow, struct hg_error *err);
int hg_ledger_as_self(struct hg_flow *flow, struct hg_error *err);

#endif
