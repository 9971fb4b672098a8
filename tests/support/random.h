/*
 * Random numbers for property tests: the same ones again for the same seed, on every machine.
 */
#ifndef HG_TEST_RANDOM_H
#define HG_TEST_RANDOM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

struct hg_random {
    uint64_t state;
};

/* One number from another: splitmix64, whose outputs differ much for inputs that differ little. */
static inline uint64_t hg_random_mix(uint64_t value)
{
    value += UINT64_C(0x9e3779b97f4a7c15);
    value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
    return value ^ (value >> 31);
}

/* From 0 to n - 1. */
static inline int hg_random_below(struct hg_random *random, int n)
{
    random->state += UINT64_C(0x9e3779b97f4a7c15);
    return (int)(hg_random_mix(random->state) % (uint64_t)n);
}

static inline bool hg_random_chance(struct hg_random *random, int percent)
{
    return hg_random_below(random, 100) < percent;
}

/*
 * The seeds of a run are *ret_first to *ret_first + *ret_n - 1. HG_SEED in the environment names
 * the first and only one, HG_SEEDS how many there are.
 */
static inline void hg_random_seeds(uint64_t first, int n, uint64_t *ret_first, int *ret_n)
{
    const char *only = getenv("HG_SEED");
    const char *many = getenv("HG_SEEDS");
    *ret_first = only ? strtoull(only, NULL, 10) : first;
    *ret_n = many ? (int)strtol(many, NULL, 10) : only ? 1 : n;
}

/* Tries each seed of the run, see hg_random_seeds. Returns how many there were. */
static inline int hg_random_try(uint64_t first,
                                int n,
                                void (*try_seed)(void *trial, uint64_t seed),
                                void *trial)
{
    uint64_t seed;
    hg_random_seeds(first, n, &seed, &n);
    for (int i = 0; i < n; i++) {
        try_seed(trial, seed + (uint64_t)i);
    }
    return n;
}

#endif
