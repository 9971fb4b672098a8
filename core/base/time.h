/*
 * Time. An instant is int64 microseconds since 1970-01-01T00:00:00Z; a date is int32 days since
 * 1970-01-01 (proleptic Gregorian). No function here reads TZ.
 */
#ifndef HG_BASE_TIME_H
#define HG_BASE_TIME_H

#include <stdint.h>
#include <time.h>

#include "headgate/plugin.h"

/* Room for "2026-11-25T02:07:47.123Z" and years of five digits, with the NUL. */
#define HG_TIME_TEXT 32

int64_t hg_time_now_us(void);
/* Milliseconds of a clock that never jumps; for delays and deadlines. */
int64_t hg_time_monotonic_ms(void);
/* Sleeps; a signal may end it early. */
void hg_time_pause_ms(int64_t ms);
/* When `wait_ms` (0 or more) from now will have passed, by CLOCK_MONOTONIC: for timed waits. */
void hg_time_monotonic_after(int64_t wait_ms, struct timespec *ret);
/* RFC 3339 in UTC with milliseconds and Z. */
void hg_time_format(int64_t time_us, char ret_text[HG_TIME_TEXT]);
/* RFC 3339 with any fraction and zone. HG_EINVAL for anything else. */
int hg_time_parse(const char *text, int64_t *ret_time_us, struct hg_error *err);

/* Days since 1970-01-01 of a date; any year, month 1..12, day 1..31 (not checked). */
int32_t hg_date_to_days(int year, int month, int day);
void hg_date_from_days(int32_t days, int *ret_year, int *ret_month, int *ret_day);

/* "10m", "2s", "500ms", "1h30m", "1d": to milliseconds. HG_EINVAL with what is accepted. */
int hg_duration_parse(const char *text, int64_t *ret_ms, struct hg_error *err);

#endif
