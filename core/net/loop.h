/*
 * The thread that libcurl works in: all exchanges at once, over connections that stay open.
 */
#ifndef HG_NET_LOOP_H
#define HG_NET_LOOP_H

#include "net/exchange.h"

struct hg_net_loop;

int hg_net_loop_new(struct hg_net_loop **ret, struct hg_error *err);
/* Cancels what is under way and waits until its callers are told. NULL is fine. */
void hg_net_loop_free(struct hg_net_loop *loop);

/*
 * Runs an exchange to its end; its `code` says which. `is_cancelled` (or NULL) is asked about every
 * 100 ms. [any] thread.
 */
void hg_net_loop_run(struct hg_net_loop *loop,
                     struct hg_net_exchange *exchange,
                     bool (*is_cancelled)(void *arg),
                     void *arg);

#endif
