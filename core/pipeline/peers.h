/*
 * The hosts on one database: which of them leads, and how they wake each other.
 */
#ifndef HG_PIPELINE_PEERS_H
#define HG_PIPELINE_PEERS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct hg_pipelines;

struct hg_peers {
    pthread_t thread;
    bool has_thread;
    int event; /* eventfd: something is to be told to other hosts */
    /* Guarded by the service's mutex. */
    bool leads;             /* this host fires schedules and drops what is old */
    int64_t n_others;       /* whose leases hold, by the last look */
    bool has_more_work;     /* to be told to other hosts */
    bool has_new_schedules; /* likewise */
};

int hg_peers_start(struct hg_pipelines *service, struct hg_error *err);
/* Call with `stopping` set, behind the threads that tell. */
void hg_peers_stop(struct hg_pipelines *service);
/* Whether this host does what one host is to do. [any] */
bool hg_peers_lead(struct hg_pipelines *service);
/* There may be more tasks than this host takes; schedules have changed. [any] */
void hg_peers_tell_work(struct hg_pipelines *service);
/* Something is to be told (pipeline/live.h). [any] */
void hg_peers_wake(struct hg_pipelines *service);
void hg_peers_tell_schedules(struct hg_pipelines *service);

#endif
