/*
 * A wall clock that is set: seen by one that never is (CLOCK_BOOTTIME, which goes on while the
 * machine sleeps). [any] thread, each with a struct of its own.
 */
#ifndef HG_BASE_CLOCK_H
#define HG_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

enum {
    HG_CLOCK_CORRECTION_H = 3,
    HG_CLOCK_DOUBTFUL_H = 24,
};

/* The clock as it was seen last; zero at first. */
struct hg_clock {
    bool seen;
    int64_t ahead_us;  /* of the steady one */
    bool was_set;      /* by more than HG_CLOCK_CORRECTION_H, */
    int64_t set_at_us; /* last at this time of the steady one */
};

/*
 * By how much the clock was set since it was seen last, in us: positive when forward. 0 when by no
 * more than HG_CLOCK_CORRECTION_H: then the times between are missed, as if the host had slept.
 */
int64_t hg_clock_correction(struct hg_clock *clock, int64_t wall_us, int64_t steady_us);
/*
 * Whether the clock was set within the last HG_CLOCK_DOUBTFUL_H: nothing is thrown away for its age
 * then. Whoever put it wrong has as long to put it right.
 */
bool hg_clock_is_doubtful(const struct hg_clock *clock, int64_t steady_us);
/*
 * What was known of the clock before this process: when it was seen last and when it was last set,
 * in wall time, 0 for never. It is taken for set just now when that lies ahead of `wall_us`, or
 * further behind than HG_CLOCK_DOUBTFUL_H: a host that was off for long drops nothing for as long.
 */
void hg_clock_recall(
    struct hg_clock *clock, int64_t seen_us, int64_t set_us, int64_t wall_us, int64_t steady_us);
/* When the clock was last set, in wall time as it is now; 0: not that is known. */
int64_t hg_clock_last_set(const struct hg_clock *clock, int64_t wall_us, int64_t steady_us);
/* The steady clock, in us. */
int64_t hg_clock_steady_us(void);

#endif
