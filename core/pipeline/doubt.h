/*
 * Whether a clock is in doubt, this host's or the database's: nothing is dropped for its age then.
 * What the clocks said is kept in the database, so that a host that starts anew doubts like the one
 * before.
 */
#ifndef HG_PIPELINE_DOUBT_H
#define HG_PIPELINE_DOUBT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"

struct hg_pipelines;

/* The scheduler's; zero at first. */
struct hg_doubt {
    struct hg_clock own;
    struct hg_clock of_database;
    bool is_recalled;
    bool is_told;
    bool is_new;         /* and not kept or said yet */
    int64_t write_at_us; /* by the steady clock: when what they say is to be kept again */
};

/*
 * Looks at both clocks. *ret: one of them was set within HG_CLOCK_DOUBTFUL_H. `ret_is_new`: this is
 * seen for the first time. Fails with the database, and then nothing is known.
 */
int hg_doubt_look(struct hg_pipelines *service,
                  struct hg_doubt *doubt,
                  bool *ret,
                  bool *ret_is_new,
                  struct hg_error *err);

#endif
