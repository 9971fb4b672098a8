#include "set.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_SLOTS = 16 };

static uint32_t limit(uint32_t n_slots)
{
    return n_slots / 4 * 3;
}

void set_init_fixed(struct set *set, struct set_slot *slots, uint32_t max_slots)
{
    *set = (struct set){.slots = slots, .max_slots = max_slots};
    set->n_slots = max_slots < FIRST_SLOTS ? max_slots : FIRST_SLOTS;
}

bool set_init(struct set *set, uint64_t n)
{
    uint64_t n_slots = n / 3 * 4 + FIRST_SLOTS;
    *set = (struct set){0};
    if (n_slots > UINT32_MAX) {
        return false;
    }
    set->slots = calloc(n_slots, sizeof *set->slots);
    set->n_slots = (uint32_t)n_slots;
    return set->slots != NULL;
}

void set_free(struct set *set)
{
    if (set->max_slots == 0) {
        free(set->slots);
    }
    *set = (struct set){0};
}

/* The slot that holds the hash, or the free one where it belongs. */
static struct set_slot *find(const struct set *set, uint64_t low, uint64_t high)
{
    struct set_slot *slot = set_home(set, low, high);
    struct set_slot *end = set->slots + set->n_slots;
    while (slot->high != 0 && (slot->low != low || slot->high != high)) {
        slot = slot + 1 == end ? set->slots : slot + 1;
    }
    return slot;
}

static void put_all(struct set *set, const struct set_slot *from, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (from[i].high != 0) {
            *find(set, from[i].low, from[i].high) = from[i];
        }
    }
}

static enum set_answer grow_fixed(struct set *set, struct set_slot *scratch)
{
    uint32_t n_slots = set->n_slots;
    if (n_slots == set->max_slots) {
        return SET_FULL;
    }
    memcpy(scratch, set->slots, n_slots * sizeof *scratch);
    memset(set->slots, 0, n_slots * sizeof *scratch);
    set->n_slots = n_slots > set->max_slots / 2 ? set->max_slots : n_slots * 2;
    put_all(set, scratch, n_slots);
    return SET_NEW;
}

static enum set_answer grow_allocated(struct set *set)
{
    struct set_slot *old = set->slots;
    uint32_t n_slots = set->n_slots;
    if (n_slots > UINT32_MAX / 2) {
        return SET_NOMEM;
    }
    struct set_slot *slots = calloc((size_t)n_slots * 2, sizeof *slots);
    if (!slots) {
        return SET_NOMEM;
    }
    set->slots = slots;
    set->n_slots = n_slots * 2;
    put_all(set, old, n_slots);
    free(old);
    return SET_NEW;
}

enum set_answer set_add(struct set *set, uint64_t low, uint64_t high, struct set_slot *scratch)
{
    struct set_slot *slot = find(set, low, high);
    if (slot->high != 0) {
        return SET_FOUND;
    }
    while (set->n >= limit(set->n_slots)) {
        enum set_answer answer = set->max_slots ? grow_fixed(set, scratch) : grow_allocated(set);
        if (answer != SET_NEW) {
            return answer;
        }
        slot = find(set, low, high);
    }
    *slot = (struct set_slot){low, high};
    set->n++;
    return SET_NEW;
}
