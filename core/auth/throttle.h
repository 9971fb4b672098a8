/*
 * Slows down guessing: counts failed attempts by key (a user's name, an address), in memory.
 *
 * After `free_attempts` failures a key waits, twice as long after each further one, up to a limit;
 * an hour without a failure forgets it. An attempt counts as failed until hg_throttle_succeed says
 * otherwise, so that many at once gain nothing. [any] thread.
 */
#ifndef HG_AUTH_THROTTLE_H
#define HG_AUTH_THROTTLE_H

#include <stdint.h>

#include "base/error.h"

struct hg_throttle;

struct hg_throttle_options {
    int free_attempts;
    int64_t first_wait_ms;
    int64_t max_wait_ms;
};

/* Owned by the caller, hg_throttle_free. */
int hg_throttle_new(const struct hg_throttle_options *options,
                    struct hg_throttle **ret,
                    struct hg_error *err);
void hg_throttle_free(struct hg_throttle *throttle);

/*
 * An attempt at `now_ms` (monotonic). HG_ERATELIMITED with err->retry_after_ms while the key has to
 * wait; such an attempt does not count.
 */
int hg_throttle_attempt(struct hg_throttle *throttle,
                        const char *key,
                        int64_t now_ms,
                        struct hg_error *err);
/* The attempt was good: forgets the key's failures. */
void hg_throttle_succeed(struct hg_throttle *throttle, const char *key);
/* The attempt said nothing about the key (the database was away, say): takes it back. */
void hg_throttle_undo(struct hg_throttle *throttle, const char *key);

#endif
