/*
 * Times of a schedule that nobody saw to: which of them still run.
 *
 * A time is on time for HG_MISSED_LATE_US; then it is missed, since no host ran, all were paused,
 * or the database was away.
 */
#ifndef HG_SCHEDULE_MISSED_H
#define HG_SCHEDULE_MISSED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/zone.h"
#include "schedule/schedule.h"

enum {
    HG_MISSED_LIMIT_MAX = 1000,
    HG_MISSED_LIMIT = 100,  /* when the pipeline does not say, */
    HG_MISSED_WINDOW_D = 7, /* likewise */
};
#define HG_MISSED_LATE_US INT64_C(60000000)
#define HG_MISSED_NEVER   INT64_MAX

enum hg_missed_policy {
    HG_MISSED_NONE, /* what was missed is written down */
    HG_MISSED_LAST, /* the last one runs */
    HG_MISSED_ALL,  /* the last `limit` run, one at a time */
};

struct hg_missed_rule {
    enum hg_missed_policy policy;
    int limit;         /* 1..HG_MISSED_LIMIT_MAX; of HG_MISSED_ALL */
    int64_t window_us; /* what is longer ago is not made up for */
};

/* "none", "last", "all"; false for anything else, NULL too. */
bool hg_missed_policy_of(const char *name, enum hg_missed_policy *ret);

struct hg_missed {
    int64_t on_time_us;                      /* runs as ever; HG_MISSED_NEVER: none */
    int n_make_up;                           /* run late, */
    int64_t make_up_us[HG_MISSED_LIMIT_MAX]; /* rising */
    int64_t n_dropped;                       /* do not run, */
    int64_t first_dropped_us;                /* from here */
    int64_t last_dropped_us;                 /* to here */
    int64_t next_us;                         /* above `now_us`; HG_MISSED_NEVER: none */
};

/*
 * Looks at the times of a schedule from `due_us` to `now_us`, both included. With `corrected` the
 * clock was set and no time has passed: nothing is made up for.
 */
void hg_missed_find(const struct hg_schedule *schedule,
                    const struct hg_zone *zone,
                    int64_t due_us,
                    int64_t now_us,
                    const struct hg_missed_rule *rule,
                    bool corrected,
                    struct hg_missed *ret);

#endif
