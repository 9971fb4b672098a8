#include "definition/settings.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/zone.h"
#include "schedule/schedule.h"

static int check_schedule(const json_t *value, struct hg_error *err)
{
    struct hg_schedule schedule;
    if (json_is_null(value)) {
        return HG_OK;
    }
    if (!json_is_string(value)) {
        return hg_error_set(err, HG_EINVAL, "schedule is a cron line, or null for manual only");
    }
    return hg_schedule_parse(json_string_value(value), &schedule, err);
}

static int check_timezone(const json_t *value, struct hg_error *err)
{
    HG_CLEANUP(hg_zone_freep) struct hg_zone *zone = NULL;
    if (!json_is_string(value)) {
        return hg_error_set(err, HG_EINVAL, "timezone is a name such as Europe/Berlin or UTC");
    }
    int r = hg_zone_load(json_string_value(value), &zone, err);
    if (r < 0 && err) {
        err->code = HG_EINVAL;
    }
    return r < 0 ? HG_EINVAL : HG_OK;
}

static int check_number(
    const json_t *value, const char *name, int min, int max, struct hg_error *err)
{
    json_int_t number = json_integer_value(value);
    if (!json_is_integer(value) || number < min || number > max) {
        return hg_error_set(err, HG_EINVAL, "%s is a whole number from %d to %d", name, min, max);
    }
    return HG_OK;
}

static int check_parallelism(const json_t *value, struct hg_error *err)
{
    return check_number(value, "parallelism", 1, HG_PARALLELISM_MAX, err);
}

static int check_retries(const json_t *value, struct hg_error *err)
{
    return check_number(value, "retries", 0, HG_RETRIES_MAX, err);
}

static int check_enabled(const json_t *value, struct hg_error *err)
{
    return json_is_boolean(value) ? HG_OK
                                  : hg_error_set(err, HG_EINVAL, "enabled is true or false");
}

static const struct {
    const char *name;
    int (*check)(const json_t *value, struct hg_error *err);
} settings[] = {
    {"schedule", check_schedule},
    {"timezone", check_timezone},
    {"parallelism", check_parallelism},
    {"retries", check_retries},
    {"enabled", check_enabled},
};

static int unknown(const char *name, struct hg_error *err)
{
    const char *names[HG_COUNT(settings) + 1] = {NULL};
    for (size_t i = 0; i < HG_COUNT(settings); i++) {
        names[i] = settings[i].name;
    }
    const char *nearest = hg_nearest(name, names);
    hg_error_set(err, HG_EINVAL, "\"%.64s\" is not a setting that can be changed here", name);
    hg_error_hint(err,
                  "%s%s%s",
                  nearest ? "Did you mean \""
                          : "Settings: schedule, timezone, parallelism, "
                            "retries, enabled.",
                  nearest ? nearest : "",
                  nearest ? "\"?" : "");
    return HG_EINVAL;
}

static int check_one(const char *name, const json_t *value, struct hg_error *err)
{
    for (size_t i = 0; i < HG_COUNT(settings); i++) {
        if (strcmp(settings[i].name, name) == 0) {
            return settings[i].check(value, err);
        }
    }
    return unknown(name, err);
}

int hg_settings_check(const json_t *patch, struct hg_error *err)
{
    const char *name;
    json_t *value;
    if (!json_is_object(patch)) {
        return hg_error_set(err, HG_EINVAL, "settings are an object of names and values");
    }
    json_object_foreach ((json_t *)(uintptr_t)patch, name, value) {
        int r = check_one(name, value, err);
        if (r < 0) {
            (void)hg_error_at(err, "/%.100s", name);
            return r;
        }
    }
    return HG_OK;
}
