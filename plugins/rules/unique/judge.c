#include "judge.h"

#include <stdlib.h>

#include "headgate/error.h"

/* How many keys ahead memory is asked for. */
enum { AHEAD = 24 };

void judge_init(struct judge *judge,
                const struct hg_host *host,
                bool rejecting,
                size_t memory_bytes)
{
    judge->host = host;
    judge->rejecting = rejecting;
    judge->memory_bytes = memory_bytes;
    judge->phase = JUDGE_RISING;
    store_init(&judge->store, host, memory_bytes);
}

void judge_done(struct judge *judge)
{
    store_done(&judge->store);
    set_free(&judge->late);
    free(judge->slots);
    free(judge->scratch);
    judge->slots = NULL;
    judge->scratch = NULL;
}

static bool is_cancelled(const struct judge *judge)
{
    return judge->host->is_cancelled && judge->host->is_cancelled(judge->host);
}

/* ------------------------------------------------------------------------------------------ */
/* Making the table                                                                             */
/* ------------------------------------------------------------------------------------------ */

static uint32_t slots_per_set(const struct judge *judge)
{
    return (uint32_t)(judge->memory_bytes / STORE_PARTITIONS / sizeof(struct set_slot));
}

static hg_status allocate_table(struct judge *judge, struct hg_error *err)
{
    uint32_t n = slots_per_set(judge);
    /* So much at once comes straight from the kernel: what is not used costs nothing. */
    judge->slots = calloc((size_t)n * STORE_PARTITIONS, sizeof *judge->slots);
    judge->scratch = malloc(n * sizeof *judge->scratch);
    if (!judge->slots || !judge->scratch) {
        return hg_fail_nomem(err);
    }
    for (unsigned p = 0; p < STORE_PARTITIONS; p++) {
        set_init_fixed(&judge->sets[p], judge->slots + (size_t)p * n, n);
    }
    return HG_OK;
}

static hg_status load_one(void *arg, uint64_t low, uint64_t high, struct hg_error *err)
{
    struct judge *judge = arg;
    unsigned p = store_partition(low);
    (void)err;
    if (set_add(&judge->sets[p], low, high, judge->scratch) == SET_FULL) {
        judge->is_full[p] = true;
    }
    return HG_OK;
}

static hg_status make_table(struct judge *judge, struct hg_error *err)
{
    /* Keys in memory and their table side by side must not pass the budget. */
    bool early = judge->store.n_chunks > judge->store.memory_chunks ||
                 store_memory(&judge->store) > judge->memory_bytes / 4;
    hg_status status = early ? store_to_file(&judge->store, err) : HG_OK;
    bool any_full = false;
    status = status ? status : allocate_table(judge, err);
    for (unsigned p = 0; !status && p < STORE_PARTITIONS; p++) {
        if (is_cancelled(judge)) {
            return hg_fail(err, HG_ECANCELLED, "cancelled");
        }
        status = store_each(&judge->store, p, load_one, judge, err);
        any_full = any_full || judge->is_full[p];
        if (!judge->is_full[p]) {
            store_forget(&judge->store, p);
        }
    }
    if (status) {
        return status;
    }
    judge->phase = JUDGE_TABLE;
    if (any_full) {
        return store_to_file(&judge->store, err);
    }
    store_drop_memory(&judge->store);
    return HG_OK;
}

/* ------------------------------------------------------------------------------------------ */
/* Judging keys                                                                                 */
/* ------------------------------------------------------------------------------------------ */

static void set_bit(uint8_t *bits, int32_t row)
{
    bits[row >> 3] = (uint8_t)(bits[row >> 3] | 1u << (row & 7));
}

static hg_status write_down(struct judge *judge,
                            const struct key_hashes *keys,
                            struct hg_error *err)
{
    hg_status status = HG_OK;
    for (int i = 0; !status && i < keys->n; i++) {
        status = store_add(&judge->store, keys->low[i], keys->high[i], err);
    }
    return status;
}

/* A key that is not in its set, which is full. */
static hg_status leave_open(struct judge *judge,
                            const struct key_hashes *keys,
                            int i,
                            struct judge_verdicts *ret,
                            struct hg_error *err)
{
    unsigned p = store_partition(keys->low[i]);
    int32_t row = keys->rows[i];
    judge->is_full[p] = true;
    ret->n_undecided++;
    if (!judge->rejecting) {
        return store_add(&judge->store, keys->low[i], keys->high[i], err);
    }
    set_bit(ret->undecided, row);
    ret->partitions[row] = p;
    return HG_OK;
}

static void fetch(const struct judge *judge, uint64_t low)
{
    const struct set_slot *home = set_home(&judge->sets[store_partition(low)], low, 0);
    __builtin_prefetch(home);
    __builtin_prefetch(home + 4);
}

static hg_status look_up(struct judge *judge,
                         const struct key_hashes *keys,
                         struct judge_verdicts *ret,
                         struct hg_error *err)
{
    for (int i = 0; i < keys->n && i < AHEAD; i++) {
        fetch(judge, keys->low[i]);
    }
    for (int i = 0; i < keys->n; i++) {
        uint64_t low = keys->low[i];
        if (i + AHEAD < keys->n) {
            fetch(judge, keys->low[i + AHEAD]);
        }
        enum set_answer answer =
            set_add(&judge->sets[store_partition(low)], low, keys->high[i], judge->scratch);
        if (answer == SET_FOUND) {
            set_bit(ret->failures, keys->rows[i]);
            ret->n_failed++;
        } else if (answer != SET_NEW) {
            hg_status status = leave_open(judge, keys, i, ret, err);
            if (status) {
                return status;
            }
        }
    }
    return HG_OK;
}

/* Rows that were undecided, again. */
static hg_status decide(struct judge *judge,
                        const struct key_hashes *keys,
                        struct judge_verdicts *ret,
                        struct hg_error *err)
{
    for (int i = 0; i < keys->n; i++) {
        if (store_partition(keys->low[i]) != judge->late_partition) {
            return hg_fail(err,
                           HG_ECONFLICT,
                           "a row of partition %u while partition %u is resolved",
                           store_partition(keys->low[i]),
                           judge->late_partition);
        }
        enum set_answer answer = set_add(&judge->late, keys->low[i], keys->high[i], NULL);
        if (answer == SET_NOMEM) {
            return hg_fail_nomem(err);
        }
        if (answer == SET_FOUND) {
            set_bit(ret->failures, keys->rows[i]);
            ret->n_failed++;
        }
    }
    return HG_OK;
}

hg_status judge_keys(struct judge *judge,
                     const struct key_hashes *keys,
                     bool rising,
                     struct judge_verdicts *ret,
                     struct hg_error *err)
{
    if (judge->phase == JUDGE_RESOLVE) {
        return decide(judge, keys, ret, err);
    }
    int64_t failed = ret->n_failed;
    int64_t undecided = ret->n_undecided;
    hg_status status = HG_OK;
    if (judge->phase == JUDGE_RISING && !rising) {
        status = make_table(judge, err);
    }
    if (!status) {
        status = judge->phase == JUDGE_RISING ? write_down(judge, keys, err)
                                              : look_up(judge, keys, ret, err);
    }
    judge->n_seen += keys->n;
    judge->n_decided += keys->n - (ret->n_undecided - undecided);
    judge->n_failed += ret->n_failed - failed;
    return status;
}

/* ------------------------------------------------------------------------------------------ */
/* The end                                                                                      */
/* ------------------------------------------------------------------------------------------ */

/* Writes the full sets down, too, and gives the table's memory back. */
static hg_status dissolve_table(struct judge *judge, struct hg_error *err)
{
    hg_status status = HG_OK;
    for (unsigned p = 0; judge->slots && p < STORE_PARTITIONS; p++) {
        const struct set *set = &judge->sets[p];
        for (uint32_t i = 0; !status && judge->is_full[p] && i < set->n_slots; i++) {
            if (set->slots[i].high != 0) {
                status = store_add(&judge->store, set->slots[i].low, set->slots[i].high, err);
            }
        }
    }
    if (!status) {
        free(judge->slots);
        free(judge->scratch);
        judge->slots = NULL;
        judge->scratch = NULL;
    }
    return status;
}

static hg_status load_late(void *arg, uint64_t low, uint64_t high, struct hg_error *err)
{
    struct judge *judge = arg;
    return set_add(&judge->late, low, high, NULL) == SET_NOMEM ? hg_fail_nomem(err) : HG_OK;
}

/* Puts all keys of a partition that were written down into `late`. */
static hg_status load_partition(struct judge *judge, unsigned p, struct hg_error *err)
{
    set_free(&judge->late);
    /* When only counting, what was written down may be the same few keys over and over. */
    if (!set_init(&judge->late, judge->rejecting ? judge->store.parts[p].n : judge->sets[p].n)) {
        return hg_fail_nomem(err);
    }
    judge->late_partition = p;
    return store_each(&judge->store, p, load_late, judge, err);
}

hg_status judge_resolve(struct judge *judge, uint32_t partition, struct hg_error *err)
{
    hg_status status = HG_OK;
    if (partition >= STORE_PARTITIONS || !judge->rejecting || !judge->is_full[partition]) {
        return hg_fail(
            err, HG_ECONFLICT, "no row of partition %u is undecided", (unsigned)partition);
    }
    if (judge->phase != JUDGE_RESOLVE) {
        status = dissolve_table(judge, err);
    }
    status = status ? status : load_partition(judge, partition, err);
    if (!status) {
        judge->phase = JUDGE_RESOLVE;
    }
    return status;
}

hg_status judge_finish(struct judge *judge,
                       int64_t *ret_evaluated,
                       int64_t *ret_failed,
                       struct hg_error *err)
{
    int64_t distinct = 0;
    int64_t evaluated = judge->n_seen - judge->n_decided;
    if (judge->rejecting || evaluated == 0) {
        *ret_evaluated = 0;
        *ret_failed = 0;
        return HG_OK;
    }
    hg_status status = dissolve_table(judge, err);
    for (unsigned p = 0; !status && p < STORE_PARTITIONS; p++) {
        if (is_cancelled(judge)) {
            return hg_fail(err, HG_ECANCELLED, "cancelled");
        }
        if (judge->is_full[p]) {
            status = load_partition(judge, p, err);
        }
        distinct += judge->is_full[p] ? judge->late.n : judge->sets[p].n;
    }
    if (status) {
        return status;
    }
    *ret_evaluated = evaluated;
    *ret_failed = judge->n_seen - distinct - judge->n_failed;
    return HG_OK;
}
