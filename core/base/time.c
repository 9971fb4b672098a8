#include "base/time.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "headgate/date.h"

int64_t hg_time_now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t hg_time_monotonic_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void hg_time_pause_ms(int64_t ms)
{
    const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    (void)nanosleep(&pause, NULL);
}

void hg_time_monotonic_after(int64_t wait_ms, struct timespec *ret)
{
    (void)clock_gettime(CLOCK_MONOTONIC, ret);
    int64_t ns = ret->tv_nsec + wait_ms % 1000 * 1000000;
    ret->tv_sec += wait_ms / 1000 + ns / 1000000000;
    ret->tv_nsec = ns % 1000000000;
}

int32_t hg_date_to_days(int year, int month, int day)
{
    return (int32_t)hg_days_of_date((struct hg_date){year, month, day});
}

void hg_date_from_days(int32_t days, int *ret_year, int *ret_month, int *ret_day)
{
    const struct hg_date date = hg_date_of_days(days);
    *ret_year = (int)date.year;
    *ret_month = date.month;
    *ret_day = date.day;
}

void hg_time_format(int64_t time_us, char ret_text[HG_TIME_TEXT])
{
    const int64_t day_us = INT64_C(86400000000);
    int64_t days = time_us / day_us;
    int64_t rest = time_us % day_us;
    if (rest < 0) {
        rest += day_us;
        days--;
    }
    int year;
    int month;
    int day;
    hg_date_from_days((int32_t)days, &year, &month, &day);
    int ms = (int)(rest / 1000);
    /* % 100 changes nothing: it tells the compiler that there is room. */
    (void)snprintf(ret_text,
                   HG_TIME_TEXT,
                   "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ",
                   year,
                   (unsigned)month % 100,
                   (unsigned)day % 100,
                   ms / 3600000,
                   ms / 60000 % 60,
                   ms / 1000 % 60,
                   ms % 1000);
}

/* Exactly `n` digits at *at within [min, max]. */
static bool digits(const char **at, int n, int min, int max, int *ret)
{
    int value = 0;
    for (int i = 0; i < n; i++) {
        if (!isdigit((unsigned char)(*at)[i])) {
            return false;
        }
        value = value * 10 + ((*at)[i] - '0');
    }
    *at += n;
    *ret = value;
    return value >= min && value <= max;
}

static bool literal(const char **at, const char *any_of)
{
    if (**at == '\0' || !strchr(any_of, **at)) {
        return false;
    }
    (*at)++;
    return true;
}

static bool fraction_us(const char **at, int64_t *ret_us)
{
    *ret_us = 0;
    if (**at != '.') {
        return true;
    }
    (*at)++;
    int64_t scale = 100000;
    const char *first = *at;
    for (; isdigit((unsigned char)**at); (*at)++) {
        *ret_us += (**at - '0') * scale;
        scale /= 10;
    }
    return *at > first;
}

static bool zone_minutes(const char **at, int *ret_minutes)
{
    *ret_minutes = 0;
    if (literal(at, "Zz")) {
        return true;
    }
    char sign = **at;
    int hours;
    int minutes;
    if (!literal(at, "+-") || !digits(at, 2, 0, 23, &hours) || !literal(at, ":") ||
        !digits(at, 2, 0, 59, &minutes)) {
        return false;
    }
    *ret_minutes = (hours * 60 + minutes) * (sign == '-' ? -1 : 1);
    return true;
}

int hg_time_parse(const char *text, int64_t *ret_time_us, struct hg_error *err)
{
    const char *at = text;
    int year = 0;
    int month = 0;
    int day = 0;
    int hour = 0;
    int minute = 0;
    int second = 0;
    int zone = 0;
    int64_t fraction = 0;
    bool ok = digits(&at, 4, 0, 9999, &year) && literal(&at, "-") &&
              digits(&at, 2, 1, 12, &month) && literal(&at, "-") &&
              digits(&at, 2, 1, hg_days_in_month(year, month), &day) && literal(&at, "Tt ") &&
              digits(&at, 2, 0, 23, &hour) && literal(&at, ":") && digits(&at, 2, 0, 59, &minute) &&
              literal(&at, ":") && digits(&at, 2, 0, 59, &second) && fraction_us(&at, &fraction) &&
              zone_minutes(&at, &zone) && *at == '\0';
    if (!ok) {
        return hg_error_set(
            err, HG_EINVAL, "\"%.64s\" is not a time such as 2026-11-25T02:07:47Z", text);
    }
    int64_t seconds = (int64_t)hg_date_to_days(year, month, day) * 86400 + hour * 3600 +
                      minute * 60 + second - zone * 60;
    *ret_time_us = seconds * 1000000 + fraction;
    return HG_OK;
}

static int64_t unit_ms(const char **at)
{
    static const struct {
        const char *name;
        int64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        size_t n = strlen(units[i].name);
        if (strncmp(*at, units[i].name, n) == 0 && !isalpha((unsigned char)(*at)[n])) {
            *at += n;
            return units[i].ms;
        }
    }
    return 0;
}

int hg_duration_parse(const char *text, int64_t *ret_ms, struct hg_error *err)
{
    const char *at = text;
    int64_t total = 0;
    bool ok = *at != '\0';
    while (ok && *at) {
        int64_t number = 0;
        const char *first = at;
        while (isdigit((unsigned char)*at) && at - first < 10) {
            number = number * 10 + (*at++ - '0');
        }
        int64_t unit = at > first ? unit_ms(&at) : 0;
        ok = unit > 0 && total <= INT64_C(1000000000000000000);
        total += ok ? number * unit : 0;
    }
    if (!ok) {
        return hg_error_set(
            err, HG_EINVAL, "\"%.64s\" is not a duration such as 500ms, 30s, 10m, 2h or 1d", text);
    }
    *ret_ms = total;
    return HG_OK;
}
