/* What goes on in a database besides us. */
#ifndef HG_STORE_ACTIVITY_H
#define HG_STORE_ACTIVITY_H

#include <stdint.h>

#include "base/error.h"

struct hg_pool;

/*
 * For how many seconds the oldest transaction of anybody has been open that holds back cleaning, or
 * 0. Dead rows of the queue stay as long as it is open. Transactions of other roles are seen where
 * the pool's role may see them. Waits `wait_ms` for a connection. [any] thread.
 */
int hg_store_oldest_transaction_s(struct hg_pool *pool,
                                  int wait_ms,
                                  int64_t *ret_s,
                                  struct hg_error *err);

#endif
