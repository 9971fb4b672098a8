/*
 * The pipeline service's own state, shared by the files of this folder and by nobody else.
 *
 * Threads: the dispatcher, the keeper, the settler, the scheduler, the workers' supervisor (events)
 * and any number of callers of service.h. `mutex` guards the fields below it and is never held
 * while a database is asked.
 */
#ifndef HG_PIPELINE_INTERNAL_H
#define HG_PIPELINE_INTERNAL_H

#include <pthread.h>
#include <stdbool.h>

#include "base/uuid.h"
#include "pipeline/service.h"
#include "plugin/registry.h"
#include "queue/queue.h"
#include "store/db.h"
#include "worker/pool.h"

enum { HG_BORROW_MS = 5000 }; /* how long a caller waits for a connection */

/* One attempt that a worker of ours runs. */
enum { HG_HANDLE_BYTES = 64 };

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
    bool told;              /* its failure is in the logs */
    json_t *result;         /* NULL when the worker died */
    char *job;              /* at fault when the worker died, or NULL */
    struct hg_error error;
    int64_t try_at_ms; /* monotonic: when the database was away, not before */
};

/* A database that is away, as one thread finds it. Zero at first. */
struct hg_outage {
    int64_t since_ms; /* monotonic; 0: it is there */
    bool told;
};

/* Whether a failure passes by waiting. */
bool hg_outage_passes(int code, const struct hg_error *err);
/*
 * After each round of a thread: logs `what` once the rounds have failed (r < 0) for a while, as the
 * database of a host that restarts it is back soon, and at once when it is there but refuses.
 */
void hg_outage_note(struct hg_outage *outage, int r, const char *what, const struct hg_error *err);

struct hg_pipelines {
    struct hg_pipelines_options options;
    char host[80]; /* this host's name in the queue */
    struct hg_worker_pool *workers;
    pthread_t dispatcher;
    pthread_t keeper;
    pthread_t settler;
    pthread_t scheduler;
    pthread_t peers;
    bool has_dispatcher;
    bool has_keeper;
    bool has_settler;
    bool has_scheduler;
    bool has_peers;
    int peers_event; /* eventfd: something is to be told to other hosts */

    pthread_mutex_t mutex;
    pthread_cond_t work;        /* something for the dispatcher */
    pthread_cond_t run_changed; /* a run moved on */
    pthread_cond_t schedule;    /* schedules changed, or stop */
    pthread_cond_t cancels;     /* somebody asked to stop what runs, or the keeper is to end */
    pthread_cond_t doubt;       /* an attempt has ended in doubt, or the settler is to end */
    uint64_t run_changes;       /* counts them */
    pthread_cond_t gathered;    /* enough has ended, or no worker has anything to do meanwhile */
    int n_ended;                /* whose ends were not looked at */
    bool poked;
    bool cancels_due;       /* somebody asked to stop what runs: the keeper's, */
    bool claims_due;        /* and what was lost with a host: the dispatcher's */
    int64_t lease_until_ms; /* monotonic: nothing is claimed afterwards */
    int64_t round_at_ms;    /* monotonic: when the dispatcher began its round */
    int ask_socket;         /* of the ledger while it is asked, or -1 */
    int64_t ask_until_ms;   /* monotonic: then it is given up */
    bool schedules_changed;
    bool leads;              /* this host fires schedules and drops what is old */
    int64_t n_other_hosts;   /* whose leases hold, by the last look */
    bool has_more_work;      /* to be told to other hosts */
    bool has_new_schedules;  /* likewise */
    bool stopping;           /* nothing more is begun; what runs may go on for its grace, */
    bool drained;            /* then no worker runs any more: the dispatcher and the settler end, */
    bool written;            /* all that can be written down is: the keeper ends */
    int64_t settle_until_ms; /* monotonic, once drained: the ledger is not asked afterwards */
    struct hg_attempt *attempts;
    struct hg_attempt *first_held; /* claimed and waiting for a worker, oldest first */
    struct hg_attempt *last_held;
    int n_held;
    double task_ms;        /* how long tasks take, the last ones count most */
    int64_t highest_fence; /* that was claimed here; the dispatcher's own */
};

/* ---- signal.c: what the threads tell each other. [any] ---- */

/* There may be something to do: a task was added, an attempt has ended, a worker is free. */
void hg_signal_dispatcher(struct hg_pipelines *service);
/* Somebody asked to stop what runs. */
void hg_signal_keeper(struct hg_pipelines *service);
/* Schedules have changed, or something is due. */
void hg_signal_scheduler(struct hg_pipelines *service);
/* A run moved on; for those who wait for it. */
void hg_signal_run_changed(struct hg_pipelines *service);
/* The threads end when this is true. */
bool hg_signal_is_stopping(struct hg_pipelines *service);

/* ---- catalog.c: definitions in the database ---- */

/*
 * Reads the pipeline files and stores what they say. At a start ticks that came while no host ran
 * are forgotten.
 */
int hg_catalog_sync(struct hg_pipelines *service, bool at_start, struct hg_error *err);

/* A stored pipeline, overrides laid over its definition. Owned by hg_catalog_entry_free. */
struct hg_catalog_entry {
    char *id;
    int version;
    bool enabled;
    json_t *definition; /* NULL while its file has never been read without an error */
    json_t *errors;     /* array */
};
int hg_catalog_get(struct hg_db *db,
                   const char *id,
                   struct hg_catalog_entry *ret,
                   struct hg_error *err);
void hg_catalog_entry_free(struct hg_catalog_entry *entry);

/* ---- runs.c ---- */

struct hg_run_request {
    const char *pipeline_id;
    const char *trigger;       /* "manual", "schedule", ... */
    const json_t *params;      /* may be NULL */
    const char *scheduled_for; /* RFC 3339, or NULL */
};
/* Creates a run and its tasks. HG_ECONFLICT with ret_busy_run_id when one is queued or running. */
int hg_run_create(struct hg_pipelines *service,
                  const struct hg_run_request *request,
                  char ret_run_id[HG_UUID_TEXT],
                  char *ret_busy_run_id,
                  struct hg_error *err);

/* ---- task_spec.c ---- */

/* The policy of that job of a task which retries most; borrowed from the definition. */
const json_t *hg_task_retries(const json_t *definition, const json_t *task);
/* What a task needs to know, all but what changes with each attempt. Owned by the caller. */
int hg_task_spec(const json_t *definition,
                 const json_t *task,
                 const char *run_id,
                 const json_t *params,
                 const char *scheduled_for,
                 json_t **ret,
                 struct hg_error *err);
/*
 * Completes a copy of the spec for one attempt: plugin files, fence, connection. *ret_plugin is the
 * third-party plugin among them, or NULL; borrowed from the registry.
 */
int hg_task_for_attempt(const struct hg_pipelines *service,
                        const struct hg_queue_task *task,
                        json_t **ret,
                        const char **ret_plugin,
                        struct hg_error *err);

/* ---- outcome.c ---- */

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

/* ---- settle.c ---- */

/* The settler: asks the ledger how attempts in doubt have ended. */
int hg_settler_start(struct hg_pipelines *service, struct hg_error *err);
/* Call with `drained` set and the keeper alive. Waits until `settle_until_ms` at most. */
void hg_settler_stop(struct hg_pipelines *service);
/* Gives up asking a warehouse that does not answer in time. Now and then, by the keeper. */
void hg_settler_cut(struct hg_pipelines *service);

/* ---- lease.c ---- */

/* How long this host's lease is. */
int64_t hg_lease_ms(void);

/* ---- keeper.c ---- */

int hg_keeper_start(struct hg_pipelines *service, struct hg_error *err);
/* Call with `written` set. */
void hg_keeper_stop(struct hg_pipelines *service);

/* ---- retention.c ---- */

/* Makes the partitions of the weeks to come and drops runs older than `retention` says. */
int hg_retention_keep(struct hg_pipelines *service, struct hg_error *err);
/* Drops rejected rows that are too old. */
int hg_retention_keep_quarantine(struct hg_pipelines *service, struct hg_error *err);
/* Drops the staged rows of pipelines that are gone, once nobody can retry their runs any more. */
int hg_retention_keep_stages(struct hg_pipelines *service, struct hg_error *err);
/* Removes logs of this host that are too old. */
int hg_retention_keep_logs(struct hg_pipelines *service, struct hg_error *err);

/* ---- job_log.c ---- */

/* Appends a line to the log of an attempt of a job. Failures are logged once and dropped. */
void hg_job_log_append(const struct hg_pipelines *service,
                       const char *run_id,
                       const char *job,
                       int attempt,
                       int level,
                       int64_t at_us,
                       const char *message);

/* ---- attempts.c ---- */

/* What the workers' supervisor tells; set `arg` to the service. */
extern const struct hg_worker_events hg_attempt_events;
/* How many tasks to claim. */
int hg_attempts_wanted(struct hg_pipelines *service);
/* Takes over a claimed attempt: it waits for a worker, or has ended when something is against it.
 */
void hg_attempts_add(struct hg_pipelines *service, struct hg_attempt *attempt);
/* Waits a moment for more attempts to end, while there is enough to do. Only the dispatcher. */
void hg_attempts_gather(struct hg_pipelines *service);
/* Free workers get what waits. */
void hg_attempts_hand_out(struct hg_pipelines *service);
/* Ends, as released, what has waited too long: the workers got long tasks meanwhile, or the host
 * stops. */
void hg_attempts_give_back(struct hg_pipelines *service);
/* Ends, as cancelled, the attempts at a task that wait, and asks those that run to stop; how
 * many these are. [any] */
size_t hg_attempts_cancel(struct hg_pipelines *service, const char *task_id);
/* It is known how an attempt in doubt has ended (mutex held). */
void hg_attempts_settled(struct hg_pipelines *service, struct hg_attempt *attempt);
/* Takes an ended attempt off the list and frees it. Only the dispatcher. */
void hg_attempts_remove(struct hg_pipelines *service, struct hg_attempt *attempt);
void hg_attempt_free(struct hg_attempt *attempt);

/* ---- dispatcher.c, scheduler.c ---- */

/* The workers and all that looks after them: dispatcher, keeper, settler. */
int hg_dispatcher_start(struct hg_pipelines *service, struct hg_error *err);
/*
 * Call with `stopping` set. Tasks go on for `grace_ms`, under their lease, and end as ever; what is
 * cut short is taken up by others or at a start.
 */
void hg_dispatcher_stop(struct hg_pipelines *service, int64_t grace_ms);
int hg_scheduler_start(struct hg_pipelines *service, struct hg_error *err);
void hg_scheduler_stop(struct hg_pipelines *service);

/* ---- plan.c: when each pipeline fires next ---- */

/* Sets next_run_at of a pipeline from its schedule. */
int hg_plan_one(struct hg_pipelines *service, const char *id, struct hg_error *err);
/* The same on the caller's connection, and nobody is told. */
int hg_plan_in(struct hg_db *db, const char *id, struct hg_error *err);
/* That of all, but for those that are due and that a host which runs will see to. */
int hg_plan_all(struct hg_pipelines *service, bool at_start, struct hg_error *err);

/* ---- peers.c ---- */

int hg_peers_start(struct hg_pipelines *service, struct hg_error *err);
/* Call with `stopping` set, behind the threads that tell. */
void hg_peers_stop(struct hg_pipelines *service);
/* Whether this host does what one host is to do. [any] */
bool hg_peers_lead(struct hg_pipelines *service);
/* There may be more tasks than this host takes; schedules have changed. [any] */
void hg_peers_tell_work(struct hg_pipelines *service);
void hg_peers_tell_schedules(struct hg_pipelines *service);

/* ---- answers ---- */

/* HG_EINVAL when the page's cursor is none of the list's keys, by their form. */
int hg_page_check(const struct hg_page *page,
                  bool (*is_key)(const char *text),
                  struct hg_error *err);
/* The items' `cursor_key` of the last item becomes the next cursor when there were more. */
int hg_page_answer(PGresult *result,
                   const struct hg_page *page,
                   json_t **ret,
                   struct hg_error *err);

#endif
