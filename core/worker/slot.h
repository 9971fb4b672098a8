/*
 * One place for a worker: the process in it now, its task, when it is started again.
 *
 *   DOWN      no process; started when restart_at_ms has come
 *   STARTING  started, has not said "ready"
 *   READY     waits for a task, or runs one (task_id set)
 *   STOPPING  told to stop after its last task (recycled)
 *
 * One of the interactive lane stays DOWN until it has a task, and is told to stop when it had none
 * for a while.
 *
 * STARTING and STOPPING have a deadline (a plugin's destructors may hang at the end), after which
 * the process is killed.
 *
 * A task may be given to a slot in any state but STOPPING; it is sent once the worker is ready. All
 * functions run on the supervisor's thread with the pool's mutex held, except where said.
 */
#ifndef HG_WORKER_SLOT_H
#define HG_WORKER_SLOT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "worker/pool.h"
#include "worker/process.h"

enum hg_slot_state { HG_SLOT_DOWN = 1, HG_SLOT_STARTING, HG_SLOT_READY, HG_SLOT_STOPPING };

struct hg_slot {
    enum hg_lane lane;
    enum hg_slot_state state;
    struct hg_process process;
    struct hg_buf in;       /* read, not yet a whole frame */
    struct hg_buf out;      /* to be written when the socket takes it */
    int64_t restart_at_ms;  /* monotonic; while DOWN */
    int64_t state_until_ms; /* monotonic; while STARTING or STOPPING */
    int64_t idle_since_ms;  /* monotonic; while READY without a task */
    int crashes_in_a_row;
    int tasks_done;          /* by this process */
    int64_t first_rss_bytes; /* after its first task */
    char *isolated;          /* third-party plugin that this process has opened, or NULL */

    char *task_id;       /* NULL: none */
    char *task_plugin;   /* third-party plugin that the task needs, or NULL */
    struct hg_buf task;  /* the frame, until sent */
    int64_t timeout_ms;  /* of the task; 0: none */
    int64_t deadline_ms; /* monotonic; 0: none */
    int64_t kill_at_ms;  /* monotonic; 0: not asked to stop */
    int64_t heard_at_ms; /* monotonic: the worker's last sign of life, or when it got its task */
    int64_t memory_look_at_ms; /* monotonic: when its memory is looked at next */
    bool cancelled;            /* the host asked */
    bool timed_out;
    bool silent;              /* it gave no sign of life and was killed */
    int64_t over_limit_bytes; /* memory in use when it was killed for that, else 0 */
};

/* True when a task can be given to it now. */
bool hg_slot_is_free(const struct hg_slot *slot);

/* True when it has a task that no worker has got yet. */
bool hg_slot_has_unsent(const struct hg_slot *slot);

/* True when a slot that is DOWN is to have a process. */
bool hg_slot_wants_process(const struct hg_slot *slot);
/* Starts a process in a slot that is DOWN; on failure it stays so, with a growing delay. */
int hg_slot_start(struct hg_slot *slot,
                  const struct hg_worker_options *options,
                  struct hg_error *err);
/* Tells the worker to end after what it does now. */
void hg_slot_retire(struct hg_slot *slot);
/* Puts the task's frame on its way when the worker is ready. */
void hg_slot_send_task(struct hg_slot *slot);
/* Asks the running task to stop; killed 2 s later. Nothing for a task that was not sent yet. */
void hg_slot_cancel(struct hg_slot *slot);
/* Writes what waits. False when the worker is gone. */
bool hg_slot_flush(struct hg_slot *slot);
/* Deadlines and memory: cancels, kills. Returns the next monotonic time to look again, 0: never. */
int64_t hg_slot_check(struct hg_slot *slot, const struct hg_worker_options *options);
/* Forgets the task. */
void hg_slot_clear_task(struct hg_slot *slot);
/*
 * The process has ended: collects it, and says in *ret_error why the task (if there is one) did
 * not finish; *ret_note names the job and plugin at fault. The slot is DOWN afterwards.
 */
void hg_slot_reap(struct hg_slot *slot,
                  const struct hg_worker_options *options,
                  struct hg_blame_note *ret_note,
                  struct hg_error *ret_error);
/* Monotonic delay before the n-th start in a row that follows a crash. */
int64_t hg_slot_restart_delay_ms(int crashes_in_a_row);
void hg_slot_free(struct hg_slot *slot);

#endif
