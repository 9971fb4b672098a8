/*
 * When a schedule fires next, for people who write one: with local times, and what the change of a
 * clock does to them.
 */
#ifndef HG_SCHEDULE_FIRE_TIMES_H
#define HG_SCHEDULE_FIRE_TIMES_H

#include <stdint.h>

#include <jansson.h>

#include "base/error.h"

/*
 * The `count` fire times of a cron line above `after_us`: {"cron", "timezone", "items": [{"at",
 * "local_time", "offset", "dst": null | {"changes_at", "offset_before", "offset_after",
 * "effect"}}], "next_cursor"}. `dst` is there on days on which the clock changes.
 */
int hg_schedules_next(const char *cron,
                      const char *zone_name,
                      int64_t after_us,
                      int count,
                      json_t **ret,
                      struct hg_error *err);

#endif
