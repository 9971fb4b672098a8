/*
 * What must be true of runs: their tasks, jobs and final states, as one reads it in the rules. The
 * model does to itself what is done to the database and is compared with it after each step.
 */
#ifndef HG_TEST_GRAPH_MODEL_H
#define HG_TEST_GRAPH_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/uuid.h"
#include "queue/queue.h"

enum { GRAPH_TASKS = 12, GRAPH_JOBS = 3, GRAPH_RUNS = 3 };

enum graph_state { WAITING, READY, RUNNING, DONE, FAILED, CANCELLED, SKIPPED };

struct graph_task {
    bool needs[GRAPH_TASKS];
    int n_jobs;
    const char *jobs[GRAPH_JOBS]; /* statuses */
    int jobs_attempt;
    int retries; /* that the definition allows */
    enum graph_state state;
    int attempt;
    int max_attempts;
    int n_lost;
    int64_t fence; /* of the last claim */
    const char *host;
    bool cancel_requested;
    int n_successes; /* that counted */
    int n_counted;   /* attempts that used up a try, since the run was tried again last */
};

struct graph_run {
    char id[HG_UUID_TEXT];
    char pipeline[16];
    struct graph_task tasks[GRAPH_TASKS];
    int n_tasks;
    int parallelism;
    int retry_count;
    const char *status;
};

/* How an attempt ended, as its host says. */
struct graph_end {
    int task;
    int attempt;
    int64_t fence;
    enum hg_queue_how how;
    bool reported; /* by the worker, job by job; else it died */
    int fault;     /* the job at fault */
};

bool graph_has_ended(const struct graph_run *run);
/* The run is new: what needs nothing is ready. */
void graph_start(struct graph_run *run);
/* A host has claimed this task. What is wrong with that, or NULL. */
const char *graph_claimed(struct graph_run *run,
                          const struct hg_queue_task *task,
                          const char *host);
/* Whether the end counts; the model has moved on then, but for graph_move_on. */
bool graph_ended(struct graph_run *run, const struct graph_end *end);
/* After ends: more becomes ready, or the run ends. */
void graph_move_on(struct graph_run *run);
/* What a host runs is taken from it. */
void graph_lost(struct graph_run *run, int task);
void graph_cancel(struct graph_run *run);
/* False when there is nothing to try again. */
bool graph_again(struct graph_run *run);
/* The model in words. */
void graph_describe(const struct graph_run *run, struct hg_buf *text);
/* The run with the id $1 in the database in the same words. */
extern const struct hg_statement graph_statement;
/* Its jobs with times or errors that do not go with their status, in words; "" for none. */
extern const struct hg_statement graph_wrong_jobs;

#endif
