/*
 * Dates and times from text: ISO 8601 and formats in the manner of strptime.
 *
 *     %Y year of four digits   %y two digits (69 to 99 are 19xx)   %m month   %d %e day
 *     %j day of the year   %b %B English month name   %a %A English day name (not compared)
 *     %H %I hours   %p AM or PM   %M minutes   %S seconds   %f fraction, 1 to 9 digits
 *     %z Z, +02:00, +0200, +02   %Z UTC, GMT or Z   %s seconds since 1970   %F %T   %%
 *     %n %t and a space: any white space, also none
 *
 * Digits below the microsecond are dropped. A number takes as many digits as it may have, or
 * exactly that many where a number stands right beside it.
 */
#ifndef SRC_DATETIME_H
#define SRC_DATETIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "number.h"

#define SRC_FORMAT_MAX 48

/* A compiled format. Zeroed (n_steps 0): ISO 8601. */
struct src_time_format {
    struct src_time_step {
        char kind; /* the letter behind the %, '=' for a literal, ' ' for white space */
        char literal;
        bool exact; /* all digits must be there */
    } steps[SRC_FORMAT_MAX];
    int n_steps;
    bool has_zone;
    bool has_time;
};

/*
 * NULL, or what is wrong with the format (static text). `is_date`: it may hold no time of day.
 */
const char *src_time_format_compile(const char *text, bool is_date, struct src_time_format *ret);

/* "UTC", "Z", "+02:00", "-0530": seconds east of UTC. False for anything else. */
bool src_zone_offset(const char *text, size_t n, int32_t *ret_seconds);

/* Days since 1970-01-01; the date is one of the calendar. */
int32_t src_days(int32_t year, int32_t month, int32_t day);
/* False where the calendar lacks that day; the years are 1 to 9999. */
bool src_is_day(int32_t year, int32_t month, int32_t day);

enum src_verdict src_date(const char *text,
                          size_t n,
                          const struct src_time_format *format,
                          int32_t *ret_days);
/*
 * Microseconds since 1970-01-01T00:00:00. `instant`: a text without a zone is taken `offset`
 * seconds east of UTC; else a text with a zone is refused with SRC_ZONE.
 */
enum src_verdict src_timestamp(const char *text,
                               size_t n,
                               const struct src_time_format *format,
                               bool instant,
                               int32_t offset,
                               int64_t *ret_us);

/* "YYYY-MM-DD" at p (16 bytes readable). A false answer: look again in the ways above. */
static inline bool src_date_fast(const char *p, int32_t *ret_days)
{
    uint64_t x = src_load64(p) ^ UINT64_C(0x2D30302D30303030);
    unsigned d1 = (unsigned char)p[8] ^ '0';
    unsigned d0 = (unsigned char)p[9] ^ '0';
    if ((((x + UINT64_C(0x7F76767F76767676)) | x) & UINT64_C(0x8080808080808080)) || d1 > 9 ||
        d0 > 9) {
        return false;
    }
    int32_t year =
        (int32_t)((x & 0xF) * 1000 + (x >> 8 & 0xF) * 100 + (x >> 16 & 0xF) * 10 + (x >> 24 & 0xF));
    int32_t month = (int32_t)((x >> 40 & 0xF) * 10 + (x >> 48 & 0xF));
    int32_t day = (int32_t)(d1 * 10 + d0);
    if (!src_is_day(year, month, day)) {
        return false;
    }
    *ret_days = src_days(year, month, day);
    return true;
}

/* "HH:MM:SS" at p (8 bytes readable). */
static inline bool src_clock_fast(const char *p, int32_t *ret_seconds)
{
    uint64_t x = src_load64(p) ^ UINT64_C(0x30303A30303A3030);
    if (((x + UINT64_C(0x76767F76767F7676)) | x) & UINT64_C(0x8080808080808080)) {
        return false;
    }
    uint32_t hour = (uint32_t)((x & 0xF) * 10 + (x >> 8 & 0xF));
    uint32_t minute = (uint32_t)((x >> 24 & 0xF) * 10 + (x >> 32 & 0xF));
    uint32_t second = (uint32_t)((x >> 48 & 0xF) * 10 + (x >> 56 & 0xF));
    *ret_seconds = (int32_t)(hour * 3600 + minute * 60 + second);
    return hour < 24 && minute < 60 && second < 60;
}

#endif
