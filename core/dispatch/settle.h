/*
 * The thread that asks the ledger how attempts in doubt have ended.
 */
#ifndef HG_DISPATCH_SETTLE_H
#define HG_DISPATCH_SETTLE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct hg_dispatch;

enum { HG_ASK_MS = 3000 };

struct hg_settler {
    pthread_t thread;
    bool has_thread;
    /* Guarded by the mutex of struct hg_dispatch. */
    pthread_cond_t doubt; /* an attempt has ended in doubt, or the settler is to end */
    bool asks;            /* the ledger, just now */
    int ask_ms;           /* how long one answer is waited for */
    int64_t until_ms;     /* monotonic, once drained: the ledger is not asked afterwards */
};

int hg_settler_start(struct hg_dispatch *dispatch, struct hg_error *err);
/* Call with `drained` set. Waits until `until_ms` at most. */
void hg_settler_stop(struct hg_dispatch *dispatch);

#endif
