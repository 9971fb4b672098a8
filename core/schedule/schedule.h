/*
 * Schedules: five-field cron lines and @hourly, @daily, @midnight, @weekly, @monthly, @yearly,
 * @annually. The language is that of the Open Cron Pattern Specification, 1.0 and 1.1.
 *
 * Fields are minute, hour, day of month, month, day of week (0 and 7 are Sunday), each "*",
 * numbers, ranges, lists, and steps behind "*" or a range; months and days of the week also by
 * their English three letters. When both days are restricted, either is enough; a day whose first
 * item is "*" is not.
 *
 * Where clocks change: a line that names its hours and minutes (no "*", no step there) fires once
 * at the first instant behind a gap it falls into, and once, the first time, in an overlap. All
 * others match each real instant.
 */
#ifndef HG_SCHEDULE_SCHEDULE_H
#define HG_SCHEDULE_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/zone.h"

/* Bit n of a set is the value n. */
struct hg_schedule {
    uint64_t minutes;
    uint32_t hours;
    uint32_t days;
    uint32_t months;
    uint32_t weekdays; /* bit 0 is Sunday */
    bool any_day;      /* the day of month begins with the item "*" */
    bool any_weekday;  /* likewise the day of week */
    bool is_fixed;     /* names its hours and minutes */
    bool at_start;     /* @reboot: no time at all; only from hg_schedule_parse_pattern */
};

/*
 * A schedule that a pipeline may have. HG_EINVAL; the message names the field, what was found and
 * what is accepted. Lines that can never come (31 February) and @reboot are refused here.
 */
int hg_schedule_parse(const char *text, struct hg_schedule *ret, struct hg_error *err);
/* What the specification calls a valid pattern: also 31 February and @reboot. HG_EINVAL. */
int hg_schedule_parse_pattern(const char *text, struct hg_schedule *ret, struct hg_error *err);
/*
 * The first fire time above `after_us` (strictly), both in microseconds since 1970 UTC, in `zone`.
 * HG_ENOTFOUND when there is none in the eight years behind it.
 */
int hg_schedule_next(const struct hg_schedule *schedule,
                     const struct hg_zone *zone,
                     int64_t after_us,
                     int64_t *ret_us);
/*
 * The last fire time below `before_us`. HG_ENOTFOUND when there is none in the eight years before.
 */
int hg_schedule_previous(const struct hg_schedule *schedule,
                         const struct hg_zone *zone,
                         int64_t before_us,
                         int64_t *ret_us);

#endif
