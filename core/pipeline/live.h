/*
 * What changed of runs, told to whoever watches (events/bus.h).
 *
 * Whoever has committed a change names its run here; a thread reads how these runs stand by now and
 * tells what is new of each: `run.updated` (a Run without its jobs) and `job.updated` (a JobRun
 * with run_id and pipeline_id). Many changes of one run within a moment are told as one, but no
 * status that a run went through is left out. Nothing is read while nobody watches.
 */
#ifndef HG_PIPELINE_LIVE_H
#define HG_PIPELINE_LIVE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/uuid.h"

struct hg_pipelines;

enum { HG_LIVE_CHANGED_MAX = 1024 };

enum hg_live_how {
    HG_LIVE_CHANGED = 0, /* here */
    HG_LIVE_CREATED,     /* here: it was queued first, however it stands when it is read */
    HG_LIVE_ELSEWHERE,   /* by another host, which has told us */
};

struct hg_live_run {
    char id[HG_UUID_TEXT];
    bool is_new;
};

/* Run ids without repetitions, up to a number; beyond it only that there were more. */
struct hg_live_set {
    struct hg_live_run *runs;
    size_t n;
    bool overflowed;
};

struct hg_live {
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t mutex; /* the innermost */
    pthread_cond_t changed;
    /* Guarded. */
    struct hg_live_set here;   /* to be read and told to our clients */
    struct hg_live_set others; /* to be told to other hosts (peers.c) */
    bool has_others;
    bool stopping;
};

int hg_live_start(struct hg_pipelines *service, struct hg_error *err);
/* Behind all threads that change runs. */
void hg_live_stop(struct hg_pipelines *service);

/* A run was changed, and that is committed. Never waits. [any] */
void hg_live_run(struct hg_pipelines *service, const char *run_id, enum hg_live_how how);
/* More changed than can be named. [any] */
void hg_live_lost(struct hg_pipelines *service);
/* Whether other hosts have to be told of changes. [any] */
void hg_live_set_others(struct hg_pipelines *service, bool has_others);
/* Moves what is to be told to other hosts to *ret, whose `runs` has room for all. [peers] */
void hg_live_take_others(struct hg_pipelines *service, struct hg_live_set *ret);
/* A line of a job's log was written here. Never waits. [any] */
void hg_live_log_line(const struct hg_pipelines *service,
                      const char *run_id,
                      const char *job,
                      int attempt,
                      const char *line,
                      size_t n_line);

#endif
