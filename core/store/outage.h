/*
 * A database that is away: what passes by waiting, and when it is worth a line in the log.
 */
#ifndef HG_STORE_OUTAGE_H
#define HG_STORE_OUTAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* A database that is away, as one thread finds it. Zero at first. */
struct hg_outage {
    int64_t since_ms; /* monotonic; 0: it is there */
    bool told;
};

/* Whether a failure passes by waiting. */
bool hg_outage_passes(int code, const struct hg_error *err);
/*
 * After each round of a thread: logs `what` once the rounds have failed (r < 0) for a while, as the
 * database of a host that restarts it is back soon, and at once when it is there but refuses.
 */
void hg_outage_note(struct hg_outage *outage, int r, const char *what, const struct hg_error *err);

#endif
