/*
 * The service's state and what its files share; for nobody else.
 */
#ifndef HG_ALERTS_STATE_H
#define HG_ALERTS_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "alerts/alerts.h"
#include "net/client.h"
#include "net/guard.h"
#include "store/db.h"
#include "vault/vault.h"

enum {
    HG_ALERT_SENDERS = 4,
    HG_ALERT_TIMEOUT_MS = 10000, /* of one attempt */
    HG_ALERT_LEASE_MS = 60000,   /* of a channel; longer than an attempt and its end */
};

/* How an attempt ended. */
enum hg_alert_outcome {
    HG_ALERT_SENT = 0,
    HG_ALERT_RETRIED,
    HG_ALERT_FAILED,
    HG_ALERT_SUPPRESSED,
    HG_ALERT_OUTCOMES,
};

struct hg_alerts {
    struct hg_alerts_options options;
    char host[80];
    struct hg_guard *guard;
    struct hg_net_client *client;
    atomic_bool cancelled; /* what is under way ends */
    atomic_bool is_away;   /* the database, and it was said */
    atomic_uint_fast64_t n[HG_ALERT_OUTCOMES];

    pthread_mutex_t mutex;
    pthread_cond_t work;                     /* there is something to do */
    pthread_cond_t ended;                    /* a thread has */
    pthread_t threads[HG_ALERT_SENDERS + 1]; /* and the one that tells who watches */
    size_t n_threads;                        /* to be joined; not guarded */
    size_t n_running;                        /* guarded, as what is below */
    bool stopping;                           /* what is due is still tried */
};

/* The senders look at once. */
void hg_alerts_wake(struct hg_alerts *alerts);

#endif
