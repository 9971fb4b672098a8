#include "base/clock.h"

#include <stddef.h>
#include <time.h>

#define HOUR_US INT64_C(3600000000)

int64_t hg_clock_correction(struct hg_clock *clock, int64_t wall_us, int64_t steady_us)
{
    const int64_t limit_us = HG_CLOCK_CORRECTION_H * HOUR_US;
    int64_t ahead_us = wall_us - steady_us;
    int64_t set_us = clock->seen ? ahead_us - clock->ahead_us : 0;
    clock->seen = true;
    clock->ahead_us = ahead_us;
    if (set_us <= limit_us && set_us >= -limit_us) {
        return 0;
    }
    clock->was_set = true;
    clock->set_at_us = steady_us;
    return set_us;
}

bool hg_clock_is_doubtful(const struct hg_clock *clock, int64_t steady_us)
{
    return clock->was_set && steady_us - clock->set_at_us < HG_CLOCK_DOUBTFUL_H * HOUR_US;
}

void hg_clock_recall(
    struct hg_clock *clock, int64_t seen_us, int64_t set_us, int64_t wall_us, int64_t steady_us)
{
    int64_t since_us = wall_us - set_us;
    if (set_us > 0 && since_us >= 0 && since_us < HG_CLOCK_DOUBTFUL_H * HOUR_US) {
        clock->was_set = true;
        clock->set_at_us = steady_us - since_us;
    }
    if (seen_us > 0 && (wall_us < seen_us - HG_CLOCK_CORRECTION_H * HOUR_US ||
                        wall_us > seen_us + HG_CLOCK_DOUBTFUL_H * HOUR_US)) {
        clock->was_set = true;
        clock->set_at_us = steady_us;
    }
}

int64_t hg_clock_last_set(const struct hg_clock *clock, int64_t wall_us, int64_t steady_us)
{
    return clock->was_set ? wall_us - (steady_us - clock->set_at_us) : 0;
}

int64_t hg_clock_steady_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}
