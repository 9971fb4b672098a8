/*
 * Bearing that something which others wait for is away for a while, such as a database that is
 * started again.
 */
#ifndef HG_BASE_PATIENCE_H
#define HG_BASE_PATIENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* `limit_ms` of failures in a row are borne. */
struct hg_patience {
    int64_t limit_ms;
    int64_t since_ms; /* monotonic; 0: the last try was no failure */
};

/*
 * After each try, which ended with `r`: whether to try again, for what failed passes by waiting.
 * Sleeps for a moment then.
 */
bool hg_patience_lasts(struct hg_patience *patience, int r, const struct hg_error *err);

#endif
