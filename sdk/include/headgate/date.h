/*
 * Days since 1970-01-01 and dates of the Gregorian calendar, which goes on for ever both ways; the
 * year before 1 is 0.
 */
#ifndef HEADGATE_DATE_H
#define HEADGATE_DATE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct hg_date {
    int64_t year;
    int month; /* 1..12 */
    int day;   /* 1..31 */
};

/* The date is not checked: day 31 of April is the first of May. */
int64_t hg_days_of_date(struct hg_date date);
struct hg_date hg_date_of_days(int64_t days);
int hg_days_in_month(int64_t year, int month);

#ifdef __cplusplus
}
#endif

#endif
