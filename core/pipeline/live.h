/*
 * What changed of runs, pipelines and backfills, told to whoever watches (events/bus.h).
 *
 * Whoever has committed a change names its run here; a thread reads how these runs stand by now and
 * tells what is new of each: `run.updated` (a Run without its jobs) and `job.updated` (a JobRun
 * with run_id and pipeline_id). Many changes of one run within a moment are told as one, but no
 * status that a run went through is left out. Likewise `pipeline.updated` (a Pipeline without its
 * jobs and its last run) and `backfill.updated` (a Backfill), which is told of a backfill's runs
 * too, and `system.updated` of the pause of all. Nothing is read while nobody watches.
 */
#ifndef HG_PIPELINE_LIVE_H
#define HG_PIPELINE_LIVE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/uuid.h"

struct hg_job_log_name;
struct hg_pipelines;

enum { HG_LIVE_CHANGED_MAX = 1024 };

enum hg_live_how {
    HG_LIVE_CHANGED = 0, /* here */
    HG_LIVE_CREATES,     /* here, just before the commit: see hg_live_run */
};

/* The letters by which hosts tell each other of what kind an id is. */
enum hg_live_kind {
    HG_LIVE_RUN = 'r',
    HG_LIVE_PIPELINE = 'p',
    HG_LIVE_BACKFILL = 'b',
    HG_LIVE_PAUSE = 'h', /* of all; it has no id */
};

enum { HG_LIVE_ID = 64 }; /* bytes of an id, with the NUL: a pipeline's is the longest */

struct hg_live_thing {
    enum hg_live_kind kind;
    bool is_new;
    char id[HG_LIVE_ID];
};

/* What changed, without repetitions, up to a number; beyond it only that there was more. */
struct hg_live_set {
    struct hg_live_thing *things;
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

/*
 * A run was changed, and that is committed. One that is created is named as such before its commit
 * and as changed behind it: it was queued first, and others may start it the moment it is there.
 * Never waits. [any]
 */
void hg_live_run(struct hg_pipelines *service, const char *run_id, enum hg_live_how how);
/* Likewise a pipeline's settings or next fire time, and a backfill. [any] */
void hg_live_pipeline(struct hg_pipelines *service, const char *id);
void hg_live_backfill(struct hg_pipelines *service, const char *id);
void hg_live_pause(struct hg_pipelines *service);
/* What another host has told of; false for a kind that this one does not know. [peers] */
bool hg_live_heard(struct hg_pipelines *service, char kind, const char *id);
/* More changed than can be named. [any] */
void hg_live_lost(struct hg_pipelines *service);
/* Whether other hosts have to be told of changes. [any] */
void hg_live_set_others(struct hg_pipelines *service, bool has_others);
/* Moves what is to be told to other hosts to *ret, whose `things` has room for all. [peers] */
void hg_live_take_others(struct hg_pipelines *service, struct hg_live_set *ret);
/* A line of a job's log was written here. Never waits. [any] */
void hg_live_log_line(const struct hg_pipelines *service,
                      const struct hg_job_log_name *name,
                      const char *line,
                      size_t n_line);

#endif
