/*
 * Memory that released arrays give back, so that a stream of batches allocates only once. From any
 * thread. Private to the SDK.
 */
#ifndef HEADGATE_SRC_BATCH_POOL_H
#define HEADGATE_SRC_BATCH_POOL_H

#include <stddef.h>

#define HG_BATCH_ALIGNMENT 64

struct hg_batch_pool;

/* Keeps `n_room` pieces at the most. NULL without memory. Has one user: the caller. */
struct hg_batch_pool *hg_batch_pool_new(size_t n_room);
/* One more user. */
void hg_batch_pool_hold(struct hg_batch_pool *pool);
/* One user less; the last one frees it. */
void hg_batch_pool_drop(struct hg_batch_pool *pool);
/*
 * `size` bytes, a multiple of HG_BATCH_ALIGNMENT, with anything in them; NULL without memory. To be
 * given back or freed.
 */
void *hg_batch_pool_take(struct hg_batch_pool *pool, size_t size);
/* Takes NULL. */
void hg_batch_pool_give(struct hg_batch_pool *pool, void *memory, size_t size);

#endif
