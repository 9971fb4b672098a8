#include "batch_pool.h"

#include <stdatomic.h>
#include <stdlib.h>

struct hg_batch_pool {
    atomic_flag busy;
    size_t n_users; /* under `busy` */
    size_t n_free;
    size_t n_room;
    struct pool_piece {
        void *memory;
        size_t size;
    } free[];
};

static void pool_lock(struct hg_batch_pool *pool)
{
    while (atomic_flag_test_and_set_explicit(&pool->busy, memory_order_acquire)) {
    }
}

static void pool_unlock(struct hg_batch_pool *pool)
{
    atomic_flag_clear_explicit(&pool->busy, memory_order_release);
}

struct hg_batch_pool *hg_batch_pool_new(size_t n_room)
{
    struct hg_batch_pool *pool = calloc(1, sizeof *pool + n_room * sizeof pool->free[0]);
    if (pool) {
        atomic_flag_clear(&pool->busy);
        pool->n_users = 1;
        pool->n_room = n_room;
    }
    return pool;
}

void hg_batch_pool_hold(struct hg_batch_pool *pool)
{
    pool_lock(pool);
    pool->n_users++;
    pool_unlock(pool);
}

void hg_batch_pool_drop(struct hg_batch_pool *pool)
{
    pool_lock(pool);
    size_t n_users = --pool->n_users;
    pool_unlock(pool);
    if (n_users > 0) {
        return;
    }
    for (size_t i = 0; i < pool->n_free; i++) {
        free(pool->free[i].memory);
    }
    free(pool);
}

void *hg_batch_pool_take(struct hg_batch_pool *pool, size_t size)
{
    void *memory = NULL;
    pool_lock(pool);
    for (size_t i = 0; i < pool->n_free && !memory; i++) {
        if (pool->free[i].size == size) {
            memory = pool->free[i].memory;
            pool->free[i] = pool->free[--pool->n_free];
        }
    }
    pool_unlock(pool);
    return memory ? memory : aligned_alloc(HG_BATCH_ALIGNMENT, size);
}

#if !defined(HG_SANITIZED)
/* Where a piece of this size is kept: a free place, else that of the smallest when it is smaller.
 */
static struct pool_piece *pool_place(struct hg_batch_pool *pool, size_t size)
{
    if (pool->n_free < pool->n_room) {
        struct pool_piece *place = &pool->free[pool->n_free++];
        place->memory = NULL;
        return place;
    }
    struct pool_piece *smallest = NULL;
    for (size_t i = 0; i < pool->n_free; i++) {
        if (!smallest || pool->free[i].size < smallest->size) {
            smallest = &pool->free[i];
        }
    }
    return smallest && smallest->size < size ? smallest : NULL;
}
#endif

void hg_batch_pool_give(struct hg_batch_pool *pool, void *memory, size_t size)
{
#if !defined(HG_SANITIZED)
    if (memory) {
        pool_lock(pool);
        struct pool_piece *place = pool_place(pool, size);
        if (place) {
            void *smaller = place->memory;
            *place = (struct pool_piece){memory, size};
            memory = smaller;
        }
        pool_unlock(pool);
    }
#else
    /* So that the address sanitizer sees uses after release. */
    (void)pool;
    (void)size;
#endif
    free(memory);
}
