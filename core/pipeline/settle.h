/*
 * The thread that asks the ledger how attempts in doubt have ended.
 */
#ifndef HG_PIPELINE_SETTLE_H
#define HG_PIPELINE_SETTLE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct hg_pipelines;

struct hg_settler {
    pthread_t thread;
    bool has_thread;
    /* Guarded by the service's mutex. */
    pthread_cond_t doubt; /* an attempt has ended in doubt, or the settler is to end */
    int ask_socket;       /* of the ledger while it is asked, or -1 */
    int64_t ask_until_ms; /* monotonic: then it is given up */
    int64_t until_ms;     /* monotonic, once drained: the ledger is not asked afterwards */
};

int hg_settler_start(struct hg_pipelines *service, struct hg_error *err);
/* Call with `drained` set and the keeper alive. Waits until `until_ms` at most. */
void hg_settler_stop(struct hg_pipelines *service);
/* Gives up asking a warehouse that does not answer in time. Now and then, by the keeper. */
void hg_settler_cut(struct hg_pipelines *service);

#endif
