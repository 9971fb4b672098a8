#include "base/zone.h"

#include <ctype.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/time.h"
#include "headgate/date.h"

enum {
    HEADER_BYTES = 44,
    FILE_MAX_BYTES = 1048576,
    NAME_MAX_BYTES = 64,
    FOOTER_MAX_BYTES = 128,
    YEARS_AHEAD = 401, /* the calendar repeats after 400 */
};

static const char zone_folder[] = "/usr/share/zoneinfo/";

/* A day of the year and a time of day at which a rule changes the clock. */
struct change {
    char form;      /* 'M' month.week.weekday, 'J' day 1..365 without leap days, 'N' day 0..365 */
    int month;      /* M */
    int week;       /* M: 1..5, 5 is the last */
    int day;        /* M: weekday, 0 is Sunday; J and N: the day */
    int32_t time_s; /* of local time, may be negative or beyond a day */
};

/* The footer: what holds behind the last transition. */
struct rule {
    bool present;
    bool has_dst;
    int32_t standard_s; /* east of UTC */
    int32_t dst_s;
    struct change start; /* of daylight saving time */
    struct change end;
};

struct hg_zone {
    size_t n;         /* transitions */
    int64_t *times_s; /* rising */
    int32_t *offsets; /* from the transition of the same index on */
    int32_t first_offset;
    struct rule rule;
};

void hg_zone_free(struct hg_zone *zone)
{
    if (zone) {
        free(zone->times_s);
        free(zone->offsets);
        free(zone);
    }
}

/* The footer: a POSIX TZ text ------------------------------------------------------------------ */

/* "EST", "<+03>" */
static bool skip_abbreviation(const char **at)
{
    if (**at == '<') {
        const char *end = strchr(*at, '>');
        *at = end ? end + 1 : *at;
        return end != NULL;
    }
    const char *start = *at;
    while (isalpha((unsigned char)**at)) {
        (*at)++;
    }
    return *at - start >= 3;
}

static bool read_number(const char **at, int max, int *ret)
{
    int value = 0;
    const char *start = *at;
    while (isdigit((unsigned char)**at) && value <= max) {
        value = value * 10 + (*(*at)++ - '0');
    }
    *ret = value;
    return *at > start && value <= max;
}

/* [+-]hh[:mm[:ss]] as seconds. */
static bool read_time(const char **at, int32_t *ret_s)
{
    int sign = **at == '-' ? -1 : 1;
    *at += **at == '-' || **at == '+';
    int hours = 0;
    int minutes = 0;
    int seconds = 0;
    if (!read_number(at, 167, &hours)) {
        return false;
    }
    if (**at == ':') {
        (*at)++;
        if (!read_number(at, 59, &minutes)) {
            return false;
        }
    }
    if (**at == ':') {
        (*at)++;
        if (!read_number(at, 59, &seconds)) {
            return false;
        }
    }
    *ret_s = sign * (hours * 3600 + minutes * 60 + seconds);
    return true;
}

static bool skip(const char **at, char c)
{
    bool is_there = **at == c;
    *at += is_there;
    return is_there;
}

/* "M3.2.0/2", "J60", "59" behind a comma. */
static bool read_change(const char **at, struct change *ret)
{
    ret->time_s = 7200;
    bool ok = skip(at, ',');
    if (ok && skip(at, 'M')) {
        ret->form = 'M';
        ok = read_number(at, 12, &ret->month) && ret->month >= 1 && skip(at, '.') &&
             read_number(at, 5, &ret->week) && ret->week >= 1 && skip(at, '.') &&
             read_number(at, 6, &ret->day);
    } else if (ok) {
        ret->form = skip(at, 'J') ? 'J' : 'N';
        ok = read_number(at, 365, &ret->day) && (ret->form == 'N' || ret->day >= 1);
    }
    if (ok && skip(at, '/')) {
        ok = read_time(at, &ret->time_s);
    }
    return ok;
}

static bool read_rule(const char *text, struct rule *ret)
{
    const char *at = text;
    int32_t west_s = 0;
    if (*at == '\0') {
        return true;
    }
    if (!skip_abbreviation(&at) || !read_time(&at, &west_s)) {
        return false;
    }
    ret->present = true;
    ret->standard_s = -west_s;
    if (*at == '\0') {
        return true;
    }
    ret->has_dst = true;
    ret->dst_s = ret->standard_s + 3600;
    if (!skip_abbreviation(&at)) {
        return false;
    }
    if (*at != ',') {
        if (!read_time(&at, &west_s)) {
            return false;
        }
        ret->dst_s = -west_s;
    }
    return read_change(&at, &ret->start) && read_change(&at, &ret->end) && *at == '\0';
}

static int weekday_of(int32_t days)
{
    int weekday = (days + 4) % 7; /* 1970-01-01 was a Thursday */
    return weekday < 0 ? weekday + 7 : weekday;
}

static int32_t day_of_change(const struct change *change, int year)
{
    int32_t new_year = hg_date_to_days(year, 1, 1);
    if (change->form == 'N') {
        return new_year + change->day;
    }
    if (change->form == 'J') {
        bool behind_leap_day = change->day >= 60 && hg_days_in_month(year, 2) == 29;
        return new_year + change->day - 1 + behind_leap_day;
    }
    int32_t first = hg_date_to_days(year, change->month, 1);
    int32_t day = first + (change->day - weekday_of(first) + 7) % 7 + (change->week - 1) * 7;
    int32_t last = first + hg_days_in_month(year, change->month) - 1;
    return day > last ? day - 7 : day;
}

static int64_t change_s(const struct change *change, int year, int32_t offset_before_s)
{
    return (int64_t)day_of_change(change, year) * 86400 + change->time_s - offset_before_s;
}

static int year_of(int64_t time_s)
{
    int64_t days = time_s / 86400 - (time_s % 86400 < 0);
    int year;
    int month;
    int day;
    hg_date_from_days((int32_t)days, &year, &month, &day);
    return year;
}

static int32_t offset_by_rule(const struct rule *rule, int64_t time_s)
{
    if (!rule->has_dst) {
        return rule->standard_s;
    }
    int year = year_of(time_s + rule->standard_s);
    int64_t start_s = change_s(&rule->start, year, rule->standard_s);
    int64_t end_s = change_s(&rule->end, year, rule->dst_s);
    bool is_dst =
        start_s < end_s ? time_s >= start_s && time_s < end_s : time_s >= start_s || time_s < end_s;
    return is_dst ? rule->dst_s : rule->standard_s;
}

/* TZif --------------------------------------------------------------------------------------- */

struct counts {
    uint32_t is_utc;
    uint32_t is_standard;
    uint32_t leaps;
    uint32_t times;
    uint32_t types;
    uint32_t chars;
};

static uint32_t be32(const unsigned char *b)
{
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static int64_t be64(const unsigned char *b)
{
    return (int64_t)((uint64_t)be32(b) << 32 | be32(b + 4));
}

static bool read_header(const unsigned char *b, size_t n, struct counts *ret)
{
    if (n < HEADER_BYTES || memcmp(b, "TZif", 4) != 0 || b[4] < '2') {
        return false;
    }
    *ret = (struct counts){.is_utc = be32(b + 20),
                           .is_standard = be32(b + 24),
                           .leaps = be32(b + 28),
                           .times = be32(b + 32),
                           .types = be32(b + 36),
                           .chars = be32(b + 40)};
    const uint32_t limit = FILE_MAX_BYTES;
    return ret->is_utc <= limit && ret->is_standard <= limit && ret->leaps <= limit &&
           ret->times <= limit && ret->types >= 1 && ret->types <= 256 && ret->chars <= limit;
}

/* Bytes of a data block whose times have `width` bytes. */
static size_t block_bytes(const struct counts *counts, size_t width)
{
    return counts->times * (width + 1) + counts->types * (size_t)6 + counts->chars +
           counts->leaps * (width + 4) + counts->is_standard + counts->is_utc;
}

static bool read_block(const unsigned char *b, const struct counts *counts, struct hg_zone *zone)
{
    const unsigned char *indexes = b + counts->times * (size_t)8;
    const unsigned char *types = indexes + counts->times;
    zone->first_offset = (int32_t)be32(types);
    zone->n = counts->times;
    for (size_t i = 0; i < zone->n; i++) {
        if (indexes[i] >= counts->types) {
            return false;
        }
        zone->times_s[i] = be64(b + i * 8);
        zone->offsets[i] = (int32_t)be32(types + indexes[i] * (size_t)6);
        if (i > 0 && zone->times_s[i] <= zone->times_s[i - 1]) {
            return false;
        }
    }
    for (size_t i = 0; i < counts->types; i++) {
        int32_t offset = (int32_t)be32(types + i * 6);
        if (offset < -93600 || offset > 93600) {
            return false;
        }
    }
    return true;
}

static bool read_footer(const unsigned char *b, size_t n, struct rule *ret)
{
    char text[FOOTER_MAX_BYTES];
    const unsigned char *end = n >= 2 && b[0] == '\n' ? memchr(b + 1, '\n', n - 1) : NULL;
    if (!end || (size_t)(end - b) > sizeof text) {
        return false;
    }
    size_t length = (size_t)(end - b) - 1;
    memcpy(text, b + 1, length);
    text[length] = '\0';
    return read_rule(text, ret);
}

static int not_tzif(struct hg_error *err)
{
    return hg_error_set(err, HG_EDATA, "the file is no TZif of version 2 or later");
}

int hg_zone_parse(const void *bytes, size_t n, struct hg_zone **ret, struct hg_error *err)
{
    const unsigned char *b = bytes;
    struct counts counts;
    if (!read_header(b, n, &counts) || n - HEADER_BYTES < block_bytes(&counts, 4)) {
        return not_tzif(err);
    }
    size_t skipped = HEADER_BYTES + block_bytes(&counts, 4);
    b += skipped;
    n -= skipped;
    if (!read_header(b, n, &counts) || n - HEADER_BYTES < block_bytes(&counts, 8)) {
        return not_tzif(err);
    }
    if (counts.leaps > 0) {
        return hg_error_set(err, HG_EDATA, "the zone counts leap seconds, which is not supported");
    }
    HG_CLEANUP(hg_zone_freep) struct hg_zone *zone = calloc(1, sizeof *zone);
    if (!zone) {
        return hg_error_nomem(err);
    }
    zone->times_s = calloc(counts.times + (size_t)1, sizeof *zone->times_s);
    zone->offsets = calloc(counts.times + (size_t)1, sizeof *zone->offsets);
    if (!zone->times_s || !zone->offsets) {
        return hg_error_nomem(err);
    }
    size_t block = block_bytes(&counts, 8);
    if (!read_block(b + HEADER_BYTES, &counts, zone) ||
        !read_footer(b + HEADER_BYTES + block, n - HEADER_BYTES - block, &zone->rule)) {
        return not_tzif(err);
    }
    *ret = HG_TAKE(zone);
    return HG_OK;
}

static bool is_name(const char *name)
{
    size_t n = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/");
    return n > 0 && n <= NAME_MAX_BYTES && name[n] == '\0' && name[0] != '/' &&
           name[n - 1] != '/' && !strstr(name, "//");
}

static const char name_hint[] = "Use an IANA name such as UTC, Europe/Berlin or America/New_York.";

int hg_zone_load(const char *name, struct hg_zone **ret, struct hg_error *err)
{
    if (!is_name(name)) {
        (void)hg_error_set(err, HG_EINVAL, "\"%.80s\" is no name of a time zone", name);
        (void)hg_error_hint(err, "%s", name_hint);
        return HG_EINVAL;
    }
    if (strcmp(name, "UTC") == 0) {
        /* There on every system, also without tzdata. */
        struct hg_zone *utc = calloc(1, sizeof *utc);
        *ret = utc ? utc : *ret;
        return utc ? HG_OK : hg_error_nomem(err);
    }
    char path[sizeof zone_folder + NAME_MAX_BYTES];
    memcpy(path, zone_folder, sizeof zone_folder);
    memcpy(path + sizeof zone_folder - 1, name, strlen(name) + 1);
    HG_CLEANUP(hg_freep) char *bytes = NULL;
    size_t n = 0;
    int r = hg_read_file(path, FILE_MAX_BYTES, &bytes, &n, err);
    if (r == HG_ENOMEM) {
        return r;
    }
    if (r < 0) {
        (void)hg_error_set(err, HG_ENOTFOUND, "there is no time zone \"%s\"", name);
        (void)hg_error_hint(err, "%s", name_hint);
        return HG_ENOTFOUND;
    }
    r = hg_zone_parse(bytes, n, ret, err);
    if (r < 0) {
        (void)hg_error_wrap(err, "time zone \"%s\"", name);
    }
    return r;
}

/* Looking up --------------------------------------------------------------------------------- */

/* How many transitions lie at or before an instant. */
static size_t passed(const struct hg_zone *zone, int64_t time_s)
{
    size_t low = 0;
    size_t high = zone->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (zone->times_s[middle] <= time_s) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

int32_t hg_zone_offset_s(const struct hg_zone *zone, int64_t time_s)
{
    size_t n = passed(zone, time_s);
    if (n == zone->n && zone->rule.present) {
        return offset_by_rule(&zone->rule, time_s);
    }
    return n == 0 ? zone->first_offset : zone->offsets[n - 1];
}

/* Whether the offset changes at an instant; then the answer is filled in. */
static bool changes_at(const struct hg_zone *zone,
                       int64_t time_s,
                       int64_t *ret_time_s,
                       int32_t *ret_before_s,
                       int32_t *ret_behind_s)
{
    int32_t before_s = hg_zone_offset_s(zone, time_s - 1);
    int32_t behind_s = hg_zone_offset_s(zone, time_s);
    if (before_s == behind_s) {
        return false;
    }
    *ret_time_s = time_s;
    *ret_before_s = before_s;
    *ret_behind_s = behind_s;
    return true;
}

bool hg_zone_next_transition(const struct hg_zone *zone,
                             int64_t after_s,
                             int64_t *ret_time_s,
                             int32_t *ret_before_s,
                             int32_t *ret_behind_s)
{
    for (size_t i = passed(zone, after_s); i < zone->n; i++) {
        if (changes_at(zone, zone->times_s[i], ret_time_s, ret_before_s, ret_behind_s)) {
            return true;
        }
    }
    const struct rule *rule = &zone->rule;
    if (!rule->present || !rule->has_dst) {
        return false;
    }
    int64_t last_s = zone->n > 0 ? zone->times_s[zone->n - 1] : INT64_MIN;
    int64_t from_s = after_s > last_s ? after_s : last_s;
    int year = year_of(from_s) - 1;
    for (int i = 0; i < YEARS_AHEAD; i++) {
        int64_t start_s = change_s(&rule->start, year + i, rule->standard_s);
        int64_t end_s = change_s(&rule->end, year + i, rule->dst_s);
        int64_t first_s = start_s < end_s ? start_s : end_s;
        int64_t second_s = start_s < end_s ? end_s : start_s;
        if ((first_s > from_s &&
             changes_at(zone, first_s, ret_time_s, ret_before_s, ret_behind_s)) ||
            (second_s > from_s &&
             changes_at(zone, second_s, ret_time_s, ret_before_s, ret_behind_s))) {
            return true;
        }
    }
    return false;
}
