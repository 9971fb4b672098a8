/*
 * Hashes that are only written down, by partition: in memory at first, then in an unnamed file.
 *
 * Each partition fills a chunk; full chunks are written one behind the other and name the chunk of
 * their partition that came before, so that what is kept in memory does not grow with the rows.
 * The order within a partition is lost, which a set does not need.
 */
#ifndef UNIQUE_STORE_H
#define UNIQUE_STORE_H

#include "headgate/plugin.h"
#include "set.h"

enum { STORE_PARTITIONS = 256 };

struct store_part {
    uint64_t n;    /* hashes */
    uint64_t last; /* number of its last written chunk, counted from 1 */
    uint32_t fill; /* slots used in its buffer, the first being the chunk's head */
    uint32_t reserved;
};

struct store {
    const struct hg_host *host;
    size_t chunk_bytes;
    uint64_t memory_chunks; /* so many are kept in memory */
    uint64_t n_chunks;
    struct set_slot *buffers; /* one chunk a partition, and one for reading */
    uint8_t *memory;
    int fd; /* -1 until it is needed */
    struct store_part parts[STORE_PARTITIONS];
};

/* Chunks of about memory_bytes stay in memory. `host` is borrowed until store_done. */
void store_init(struct store *store, const struct hg_host *host, size_t memory_bytes);
void store_done(struct store *store);

static inline unsigned store_partition(uint64_t low)
{
    return (unsigned)(low >> 56);
}

hg_status store_add(struct store *store, uint64_t low, uint64_t high, struct hg_error *err);

/* Bytes of the chunks kept in memory. */
size_t store_memory(const struct store *store);
/* Moves these to the file and gives their memory back; from now on all goes to the file. */
hg_status store_to_file(struct store *store, struct hg_error *err);
/* The same when no partition has hashes any more. */
void store_drop_memory(struct store *store);

/*
 * Hands each hash of a partition to `each`, which ends it by returning something else than HG_OK.
 */
hg_status store_each(
    struct store *store,
    unsigned partition,
    hg_status (*each)(void *arg, uint64_t low, uint64_t high, struct hg_error *err),
    void *arg,
    struct hg_error *err);
/* Forgets the hashes of a partition. */
void store_forget(struct store *store, unsigned partition);

#endif
