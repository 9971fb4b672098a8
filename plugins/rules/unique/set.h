/*
 * A set of hashes: open addressing, linear probing, at most three quarters full.
 */
#ifndef UNIQUE_SET_H
#define UNIQUE_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct set_slot {
    uint64_t low;
    uint64_t high; /* 0: the slot is free */
};

enum set_answer {
    SET_FOUND, /* it was there */
    SET_NEW,   /* it is there now */
    SET_FULL,  /* it is not there, and there is no room for it */
    SET_NOMEM  /* the same for want of memory */
};

struct set {
    struct set_slot *slots;
    uint32_t n_slots;
    uint32_t n;
    uint32_t max_slots; /* `slots` has room for so many; 0: they are allocated */
};

/*
 * The slot where the search for a hash begins. The two kinds take different bits: the slots of one
 * set put into a smaller one that takes the same bits would fill it from one end, run upon run.
 */
static inline struct set_slot *set_home(const struct set *set, uint64_t low, uint64_t high)
{
    uint64_t bits = set->max_slots ? low & UINT32_MAX : high >> 32;
    return set->slots + ((bits * set->n_slots) >> 32);
}

/* A set within memory of the caller: max_slots zeroed slots. */
void set_init_fixed(struct set *set, struct set_slot *slots, uint32_t max_slots);
/* A set that grows, with room for `n` hashes. False: no memory. Freed with set_free. */
bool set_init(struct set *set, uint64_t n);
void set_free(struct set *set);

/* Looks for a hash and adds it. `scratch` is for sets in fixed memory: max_slots slots. */
enum set_answer set_add(struct set *set, uint64_t low, uint64_t high, struct set_slot *scratch);

#endif
