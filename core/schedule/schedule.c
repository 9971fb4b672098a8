#include "schedule/schedule.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/time.h"

enum { LINE_MAX_BYTES = 1024, N_FIELDS = 5, YEARS_SEARCHED = 8 };

static const int64_t DAY_S = 86400;
/* No change of a clock is larger; what lies further back can't matter for what comes next. */
static const int64_t LOOK_BACK_S = 2 * 86400;

/* Parsing ------------------------------------------------------------------------------------ */

struct field {
    const char *name;
    int min;
    int max;
    const char *words; /* three letters each, the first for `first_word` */
    int first_word;
};

static const struct field fields[N_FIELDS] = {
    {"minute", 0, 59, "", 0},
    {"hour", 0, 23, "", 0},
    {"day of month", 1, 31, "", 0},
    {"month", 1, 12, "janfebmaraprmayjunjulaugsepoctnovdec", 1},
    {"day of week", 0, 7, "sunmontuewedthufrisat", 0},
};

static const struct {
    const char *name;
    const char *line; /* NULL: not a time */
} nicknames[] = {
    {"@hourly", "0 * * * *"},
    {"@daily", "0 0 * * *"},
    {"@midnight", "0 0 * * *"},
    {"@weekly", "0 0 * * 0"},
    {"@monthly", "0 0 1 * *"},
    {"@yearly", "0 0 1 1 *"},
    {"@annually", "0 0 1 1 *"},
    {"@reboot", NULL},
};

static int wrong(const struct field *field,
                 const char *found,
                 const char *expected,
                 struct hg_error *err)
{
    return hg_error_set(err,
                        HG_EINVAL,
                        "%s: found \"%.60s\", expected %s within %d to %d",
                        field->name,
                        found,
                        expected,
                        field->min,
                        field->max);
}

/* A number or a word at *at, which moves behind it; -1 when there is none. */
static int read_value(const struct field *field, const char **at)
{
    if (isdigit((unsigned char)**at)) {
        int value = 0;
        for (int n = 0; isdigit((unsigned char)**at); n++) {
            value = n < 4 ? value * 10 + (**at - '0') : 10000;
            (*at)++;
        }
        return value;
    }
    for (int i = 0; field->words[i]; i += 3) {
        if (strncasecmp(*at, field->words + i, 3) == 0 && !isalpha((unsigned char)(*at)[3])) {
            *at += 3;
            return field->first_word + i / 3;
        }
    }
    return -1;
}

static int read_step(const struct field *field,
                     const char *item,
                     const char **at,
                     bool may_step,
                     int *ret_step,
                     struct hg_error *err)
{
    *ret_step = 1;
    if (**at != '/') {
        return HG_OK;
    }
    if (!may_step) {
        (void)wrong(field, item, "a step only behind * or a range,", err);
        (void)hg_error_hint(err, "For example */5 or 10-50/5.");
        return HG_EINVAL;
    }
    (*at)++;
    static const struct field number = {"", 0, 0, "", 0};
    *ret_step = read_value(&number, at);
    if (*ret_step < 1 || *ret_step > field->max) {
        return wrong(field, item, "a step of at least 1,", err);
    }
    return HG_OK;
}

/* One item of a list: *, 5, 1-5, with a step. */
static int read_item(const struct field *field,
                     const char *item,
                     uint64_t *set,
                     struct hg_error *err)
{
    const char *at = item;
    int first = field->min;
    int last = field->max == 7 ? 6 : field->max;
    bool star = *at == '*';
    bool range = false;
    if (star) {
        at++;
    } else {
        first = last = read_value(field, &at);
        range = *at == '-';
        if (range) {
            at++;
            last = read_value(field, &at);
        }
    }
    int step = 1;
    int r = read_step(field, item, &at, star || range, &step, err);
    if (r < 0) {
        return r;
    }
    if (*at != '\0' || first < field->min || last < field->min || first > field->max ||
        last > field->max) {
        return wrong(field, item, "*, numbers, ranges and steps", err);
    }
    if (first > last) {
        (void)wrong(field, item, "a range that does not run backwards,", err);
        (void)hg_error_hint(err, "Write it as two ranges, for example 22-23,0-5.");
        return HG_EINVAL;
    }
    for (int value = first; value <= last; value += step) {
        *set |= UINT64_C(1) << ((unsigned)value & 63U);
    }
    return HG_OK;
}

static int read_field(const struct field *field, char *text, uint64_t *ret, struct hg_error *err)
{
    uint64_t set = 0;
    for (char *item = text; item;) {
        char *comma = strchr(item, ',');
        if (comma) {
            *comma = '\0';
        }
        int r = read_item(field, item, &set, err);
        if (r < 0) {
            return r;
        }
        item = comma ? comma + 1 : NULL;
    }
    *ret = set;
    return HG_OK;
}

/* Cuts the line into fields at blanks; how many there are, N_FIELDS + 1 for more. */
static int split(char *line, char *ret[N_FIELDS])
{
    int n = 0;
    char *at = line + strspn(line, " \t");
    while (*at) {
        if (n == N_FIELDS) {
            return n + 1;
        }
        ret[n++] = at;
        at += strcspn(at, " \t");
        if (*at) {
            *at++ = '\0';
            at += strspn(at, " \t");
        }
    }
    return n;
}

static int wrong_count(const char *text, int n, struct hg_error *err)
{
    (void)hg_error_set(err,
                       HG_EINVAL,
                       "found %s%d fields in \"%.60s\", expected 5: minute, hour, day of month, "
                       "month, day of week",
                       n > N_FIELDS ? "more than " : "",
                       n > N_FIELDS ? N_FIELDS : n,
                       text);
    (void)hg_error_hint(err, "For example \"30 22 * * 1-5\": at 22:30 from Monday to Friday.");
    return HG_EINVAL;
}

/* Whether a field says nothing: its first item is "*", as in Vixie's cron and in OCPS 6.1. */
static bool is_any(const char *text)
{
    return text[0] == '*' && (text[1] == '\0' || text[1] == ',');
}

static int read_line(char *line, const char *text, struct hg_schedule *ret, struct hg_error *err)
{
    char *texts[N_FIELDS] = {NULL};
    int n = split(line, texts);
    if (n != N_FIELDS) {
        return wrong_count(text, n, err);
    }
    struct hg_schedule parsed = {
        .any_day = is_any(texts[2]),
        .any_weekday = is_any(texts[4]),
        .is_fixed = !strpbrk(texts[0], "*/") && !strpbrk(texts[1], "*/"),
    };
    uint64_t sets[N_FIELDS] = {0};
    for (int i = 0; i < N_FIELDS; i++) {
        int r = read_field(&fields[i], texts[i], &sets[i], err);
        if (r < 0) {
            return r;
        }
    }
    parsed.minutes = sets[0];
    parsed.hours = (uint32_t)sets[1];
    parsed.days = (uint32_t)sets[2];
    parsed.months = (uint32_t)sets[3];
    parsed.weekdays = (uint32_t)((sets[4] | sets[4] >> 7) & 0x7F);
    *ret = parsed;
    return HG_OK;
}

static int read_nickname(char *line, struct hg_schedule *ret, struct hg_error *err)
{
    for (size_t i = 0; i < HG_COUNT(nicknames); i++) {
        char expanded[16];
        if (strcmp(nicknames[i].name, line) != 0) {
            continue;
        }
        if (!nicknames[i].line) {
            *ret = (struct hg_schedule){.at_start = true};
            return HG_OK;
        }
        (void)snprintf(expanded, sizeof expanded, "%s", nicknames[i].line);
        return read_line(expanded, line, ret, err);
    }
    return hg_error_set(err,
                        HG_EINVAL,
                        "found \"%.60s\", expected @hourly, @daily, @midnight, @weekly, @monthly, "
                        "@yearly or @annually",
                        line);
}

int hg_schedule_parse_pattern(const char *text, struct hg_schedule *ret, struct hg_error *err)
{
    char line[LINE_MAX_BYTES];
    const char *begin = text + strspn(text, " \t");
    if (snprintf(line, sizeof line, "%s", begin) >= (int)sizeof line) {
        return hg_error_set(err, HG_EINVAL, "the line is longer than %d bytes", LINE_MAX_BYTES - 1);
    }
    size_t n = strlen(line);
    while (n > 0 && (line[n - 1] == ' ' || line[n - 1] == '\t')) {
        line[--n] = '\0';
    }
    return line[0] == '@' ? read_nickname(line, ret, err) : read_line(line, text, ret, err);
}

/* 31 February and the like: lines that are well formed and never fire. */
static int check_comes(const struct hg_schedule *schedule, const char *text, struct hg_error *err)
{
    static const int longest[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    /* Either day is enough, and each month has all weekdays. */
    bool comes = !schedule->any_day && !schedule->any_weekday;
    for (int month = 1; month <= 12; month++) {
        uint32_t days = schedule->days & ((UINT32_C(2) << longest[month - 1]) - 1);
        comes |= (schedule->months >> month & 1) && days != 0;
    }
    if (comes) {
        return HG_OK;
    }
    (void)hg_error_set(err,
                       HG_EINVAL,
                       "\"%.60s\" never comes: none of its months has any of its days of the month",
                       text);
    return hg_error_hint(err, "Mend the third field, the day of month, or the fourth, the month.");
}

/*
 * The start of a host is no time that a schedule could name: several hosts share a database, a host
 * is restarted to change its configuration, and what must not be lost over a restart is what
 * `missed` is for.
 */
static int refuse_at_start(struct hg_error *err)
{
    (void)hg_error_set(err, HG_EINVAL, "@reboot is not supported: a host's start is no schedule");
    return hg_error_hint(
        err,
        "Give the pipeline a time, and missed: last to run it after a start that "
        "came late; or call `headgate run PIPELINE` where the machine is started.");
}

int hg_schedule_parse(const char *text, struct hg_schedule *ret, struct hg_error *err)
{
    struct hg_schedule parsed = {0};
    int r = hg_schedule_parse_pattern(text, &parsed, err);
    r = r == HG_OK && parsed.at_start ? refuse_at_start(err) : r;
    r = r < 0 ? r : check_comes(&parsed, text, err);
    if (r == HG_OK) {
        *ret = parsed;
    }
    return r;
}

/* Local time --------------------------------------------------------------------------------- */

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static bool day_matches(const struct hg_schedule *schedule, int32_t days)
{
    int year;
    int month;
    int day;
    hg_date_from_days(days, &year, &month, &day);
    int64_t weekday = (days + INT64_C(4)) - floor_div(days + INT64_C(4), 7) * 7;
    bool by_day = (schedule->days >> day & 1) != 0;
    bool by_weekday = (schedule->weekdays >> weekday & 1) != 0;
    bool either = !schedule->any_day && !schedule->any_weekday;
    return (schedule->months >> month & 1) != 0 &&
           (either ? by_day || by_weekday : by_day && by_weekday);
}

/* The first minute of the day at or behind `from` that matches, or -1. */
static int minute_of_day(const struct hg_schedule *schedule, int from)
{
    for (int hour = from / 60; hour < 24; hour++) {
        if (!(schedule->hours >> hour & 1)) {
            continue;
        }
        int first = hour == from / 60 ? from % 60 : 0;
        uint64_t left = schedule->minutes >> first << first;
        if (left) {
            return hour * 60 + __builtin_ctzll(left);
        }
    }
    return -1;
}

/*
 * The first local time within [from_s, until_s) that matches, both in seconds since 1970 on the
 * local clock. False when there is none.
 */
static bool next_local(const struct hg_schedule *schedule,
                       int64_t from_s,
                       int64_t until_s,
                       int64_t *ret_s)
{
    int64_t minute = floor_div(from_s + 59, 60);
    int64_t last_day = floor_div(until_s - 1, DAY_S);
    for (int64_t day = floor_div(minute, 1440); day <= last_day; day++) {
        int from = minute > day * 1440 ? (int)(minute - day * 1440) : 0;
        int found = day_matches(schedule, (int32_t)day) ? minute_of_day(schedule, from) : -1;
        if (found >= 0) {
            *ret_s = day * DAY_S + (int64_t)found * 60;
            return *ret_s < until_s;
        }
    }
    return false;
}

/* Instants ----------------------------------------------------------------------------------- */

/* A stretch of time with one offset. */
struct stretch {
    int64_t start_s;
    int64_t end_s;
    int32_t offset_s;
    int32_t next_offset_s; /* of the stretch behind it */
    bool is_last;          /* the offset never changes again, or not before end_s */
    int64_t repeated_s;    /* local times before this one stood in the stretch before */
};

static void find_end(const struct hg_zone *zone, int64_t limit_s, struct stretch *stretch)
{
    int32_t before_s;
    stretch->is_last = !hg_zone_next_transition(
        zone, stretch->start_s, &stretch->end_s, &before_s, &stretch->next_offset_s);
    if (stretch->is_last || stretch->end_s > limit_s) {
        stretch->is_last = true;
        stretch->end_s = limit_s;
    }
}

static struct stretch next_stretch(const struct stretch *stretch)
{
    return (struct stretch){
        .start_s = stretch->end_s,
        .offset_s = stretch->next_offset_s,
        .repeated_s = stretch->end_s + stretch->offset_s,
    };
}

/* The first fire time within a stretch and not before `from_s`, the gap at its end included. */
static bool fire_within(const struct hg_schedule *schedule,
                        const struct stretch *stretch,
                        int64_t from_s,
                        int64_t *ret_s)
{
    int64_t first_s = from_s > stretch->start_s ? from_s : stretch->start_s;
    int64_t local_s = first_s + stretch->offset_s;
    if (schedule->is_fixed && local_s < stretch->repeated_s) {
        local_s = stretch->repeated_s;
    }
    int64_t found_s;
    if (next_local(schedule, local_s, stretch->end_s + stretch->offset_s, &found_s)) {
        *ret_s = found_s - stretch->offset_s;
        return true;
    }
    bool in_gap = schedule->is_fixed && !stretch->is_last && stretch->end_s >= from_s &&
                  next_local(schedule,
                             stretch->end_s + stretch->offset_s,
                             stretch->end_s + stretch->next_offset_s,
                             &found_s);
    if (in_gap) {
        *ret_s = stretch->end_s;
    }
    return in_gap;
}

int hg_schedule_next(const struct hg_schedule *schedule,
                     const struct hg_zone *zone,
                     int64_t after_us,
                     int64_t *ret_us)
{
    int64_t from_s = floor_div(after_us, 1000000) + 1;
    int64_t limit_s = from_s + (YEARS_SEARCHED * INT64_C(366) + 1) * DAY_S;
    struct stretch stretch = {.start_s = from_s - LOOK_BACK_S, .repeated_s = INT64_MIN};
    stretch.offset_s = hg_zone_offset_s(zone, stretch.start_s);
    for (;;) {
        find_end(zone, limit_s, &stretch);
        int64_t found_s;
        if (stretch.end_s >= from_s && fire_within(schedule, &stretch, from_s, &found_s)) {
            *ret_us = found_s * 1000000;
            return HG_OK;
        }
        if (stretch.is_last) {
            return HG_ENOTFOUND;
        }
        stretch = next_stretch(&stretch);
    }
}

int hg_schedule_previous(const struct hg_schedule *schedule,
                         const struct hg_zone *zone,
                         int64_t before_us,
                         int64_t *ret_us)
{
    /* Forward from further and further back, so that few fire times are passed by. */
    static const int64_t back_s[] = {3600, 86400, 8 * 86400, 32 * 86400, 367 * 86400, 2923 * 86400};
    for (size_t i = 0; i < HG_COUNT(back_s); i++) {
        int64_t found_us = 0;
        int64_t at_us = before_us - back_s[i] * 1000000 - 1;
        bool found = false;
        while (hg_schedule_next(schedule, zone, at_us, &at_us) == HG_OK && at_us < before_us) {
            found_us = at_us;
            found = true;
        }
        if (found) {
            *ret_us = found_us;
            return HG_OK;
        }
    }
    return HG_ENOTFOUND;
}
