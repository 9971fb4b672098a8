#include "schedule/fire_times.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/time.h"
#include "base/zone.h"
#include "schedule/schedule.h"

enum { OFFSET_TEXT = 16 };

static const int64_t DAY_S = 86400;

static int64_t day_of(int64_t local_s)
{
    return local_s / DAY_S - (local_s % DAY_S < 0);
}

/* "-04:00" */
static void format_offset(int32_t offset_s, char ret[OFFSET_TEXT])
{
    int32_t minutes = abs(offset_s) / 60;
    (void)snprintf(
        ret, OFFSET_TEXT, "%c%02d:%02d", offset_s < 0 ? '-' : '+', minutes / 60, minutes % 60);
}

/* "2026-03-08T03:00:00-04:00" */
static void format_local(int64_t time_s, int32_t offset_s, char ret[48])
{
    char utc[HG_TIME_TEXT];
    char offset[OFFSET_TEXT];
    hg_time_format((time_s + offset_s) * 1000000, utc);
    format_offset(offset_s, offset);
    (void)snprintf(ret, 48, "%.19s%s", utc, offset);
}

/* A change of the clock on the local day of a time; false when there is none. */
struct change {
    int64_t at_s;
    int32_t before_s;
    int32_t behind_s;
};

static bool find_change(const struct hg_zone *zone, int64_t time_s, struct change *ret)
{
    int64_t day = day_of(time_s + hg_zone_offset_s(zone, time_s));
    int64_t at_s = time_s - 2 * DAY_S;
    while (hg_zone_next_transition(zone, at_s, &at_s, &ret->before_s, &ret->behind_s) &&
           at_s <= time_s + 2 * DAY_S) {
        if (day_of(at_s + ret->before_s) == day || day_of(at_s + ret->behind_s) == day) {
            ret->at_s = at_s;
            return true;
        }
    }
    return false;
}

/* What the change does to a time of its day. */
static const char *effect_of(const struct hg_schedule *schedule,
                             const struct hg_zone *zone,
                             int64_t time_s,
                             const struct change *change)
{
    int64_t local_s = time_s + hg_zone_offset_s(zone, time_s);
    int64_t again_s = change->at_s + change->behind_s; /* where the local clock goes on */
    int64_t until_s = change->at_s + change->before_s;
    if (again_s < until_s && local_s >= again_s && local_s < until_s) {
        return time_s < change->at_s ? "first_of_two" : "second_of_two";
    }
    if (schedule->is_fixed && time_s == change->at_s && again_s > until_s) {
        int hour = (int)(local_s % DAY_S / 3600);
        int minute = (int)(local_s % 3600 / 60);
        bool named = (schedule->hours >> hour & 1) && (schedule->minutes >> minute & 1);
        return named ? "none" : "moved";
    }
    return "none";
}

static json_t *change_form(const struct hg_schedule *schedule,
                           const struct hg_zone *zone,
                           int64_t time_s)
{
    struct change change;
    char at[HG_TIME_TEXT];
    char before[OFFSET_TEXT];
    char behind[OFFSET_TEXT];
    if (!find_change(zone, time_s, &change)) {
        return json_null();
    }
    hg_time_format(change.at_s * 1000000, at);
    format_offset(change.before_s, before);
    format_offset(change.behind_s, behind);
    return json_pack("{s:s, s:s, s:s, s:s}",
                     "changes_at",
                     at,
                     "offset_before",
                     before,
                     "offset_after",
                     behind,
                     "effect",
                     effect_of(schedule, zone, time_s, &change));
}

static json_t *time_form(const struct hg_schedule *schedule,
                         const struct hg_zone *zone,
                         int64_t time_us)
{
    int64_t time_s = time_us / 1000000;
    int32_t offset_s = hg_zone_offset_s(zone, time_s);
    char at[HG_TIME_TEXT];
    char local[48];
    char offset[OFFSET_TEXT];
    hg_time_format(time_us, at);
    format_local(time_s, offset_s, local);
    format_offset(offset_s, offset);
    return json_pack("{s:s, s:s, s:s, s:o}",
                     "at",
                     at,
                     "local_time",
                     local,
                     "offset",
                     offset,
                     "dst",
                     change_form(schedule, zone, time_s));
}

/* A schedule or a zone that cannot be is the caller's mistake. */
static int name_field(int r, const char *pointer, struct hg_error *err)
{
    if (r == HG_ENOMEM) {
        return r;
    }
    if (err) {
        err->code = HG_EINVAL;
    }
    (void)hg_error_at(err, "%s", pointer);
    return HG_EINVAL;
}

int hg_schedules_next(const char *cron,
                      const char *zone_name,
                      int64_t after_us,
                      int count,
                      json_t **ret,
                      struct hg_error *err)
{
    HG_CLEANUP(hg_zone_freep) struct hg_zone *zone = NULL;
    HG_CLEANUP(hg_json_decrefp) json_t *items = json_array();
    struct hg_schedule schedule;
    int r = hg_schedule_parse(cron, &schedule, err);
    if (r < 0) {
        return name_field(r, "/cron", err);
    }
    r = hg_zone_load(zone_name, &zone, err);
    if (r < 0) {
        return name_field(r, "/timezone", err);
    }
    int64_t at_us = after_us;
    for (int i = 0; i < count && hg_schedule_next(&schedule, zone, at_us, &at_us) == HG_OK; i++) {
        if (json_array_append_new(items, time_form(&schedule, zone, at_us)) < 0) {
            return hg_error_nomem(err);
        }
    }
    json_t *answer = json_pack(
        "{s:s, s:s, s:O, s:n}", "cron", cron, "timezone", zone_name, "items", items, "next_cursor");
    if (!answer) {
        return hg_error_nomem(err);
    }
    *ret = answer;
    return HG_OK;
}
