/*
 * Finding the rows whose key was there before, within bounded memory.
 *
 * 1. While the keys only rise there can be no duplicate: hashes are written down, nothing more.
 * 2. When the order breaks, a table is made of what was written down. It consists of 256 sets, by
 *    the hash's highest byte, its partition. A set that is full takes no more: a row that is found
 *    in it is a duplicate, one that is not found is undecided (when the rule rejects) or written
 *    down (when it only counts).
 * 3. At the end partition after partition is loaded whole, and the rows that were undecided are
 *    seen again and decided, or, when only counting, the distinct keys are counted.
 */
#ifndef UNIQUE_JUDGE_H
#define UNIQUE_JUDGE_H

#include "key.h"
#include "store.h"

enum judge_phase { JUDGE_RISING, JUDGE_TABLE, JUDGE_RESOLVE };

struct judge {
    const struct hg_host *host;
    bool rejecting;
    size_t memory_bytes;
    enum judge_phase phase;
    struct store store;
    struct set_slot *slots;   /* of all sets */
    struct set_slot *scratch; /* for growing one */
    struct set sets[STORE_PARTITIONS];
    bool is_full[STORE_PARTITIONS];
    struct set late; /* the partition that is resolved */
    unsigned late_partition;
    /* Keys seen, and those that were decided at once. */
    int64_t n_seen;
    int64_t n_decided;
    int64_t n_failed;
};

/* Where verdicts about the rows of a batch go. */
struct judge_verdicts {
    uint8_t *failures; /* bitmaps, cleared before */
    uint8_t *undecided;
    uint32_t *partitions; /* of rows that are undecided */
    int64_t n_failed;
    int64_t n_undecided; /* or, when only counting, written down */
};

void judge_init(struct judge *judge,
                const struct hg_host *host,
                bool rejecting,
                size_t memory_bytes);
void judge_done(struct judge *judge);

/* Judges keys; `rising`: they and all before came in rising order. */
hg_status judge_keys(struct judge *judge,
                     const struct key_hashes *keys,
                     bool rising,
                     struct judge_verdicts *ret,
                     struct hg_error *err);

/* From now on the rows of that partition that were undecided come again. */
hg_status judge_resolve(struct judge *judge, uint32_t partition, struct hg_error *err);

/* When only counting: how many keys are decided by the end, and how many of them fail. */
hg_status judge_finish(struct judge *judge,
                       int64_t *ret_evaluated,
                       int64_t *ret_failed,
                       struct hg_error *err);

#endif
