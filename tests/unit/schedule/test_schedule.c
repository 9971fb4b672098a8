#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/time.h"
#include "schedule/schedule.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Fire times from a minute-by-minute evaluation over python's zoneinfo. */
static const struct {
    const char *line;
    const char *zone;
    int64_t after_s;
    size_t n;
    int64_t times_s[8];
} oracle[] = {
    /* From within the repeated hour: its 1:30 has fired. */
    {"30 1 * * *", "America/New_York", INT64_C(1793513400), 1, {INT64_C(1793601000)}},
    {"30 2 * * *",
     "America/New_York",
     INT64_C(1772841599),
     4,
     {INT64_C(1772868600), INT64_C(1772953200), INT64_C(1773037800), INT64_C(1773124200)}},
    {"0,30 2 * * *",
     "America/New_York",
     INT64_C(1772841599),
     5,
     {INT64_C(1772866800),
      INT64_C(1772868600),
      INT64_C(1772953200),
      INT64_C(1773036000),
      INT64_C(1773037800)}},
    {"30 1 * * *",
     "America/New_York",
     INT64_C(1793404799),
     3,
     {INT64_C(1793424600), INT64_C(1793511000), INT64_C(1793601000)}},
    {"*/30 * * * *",
     "America/New_York",
     INT64_C(1793505599),
     8,
     {INT64_C(1793505600),
      INT64_C(1793507400),
      INT64_C(1793509200),
      INT64_C(1793511000),
      INT64_C(1793512800),
      INT64_C(1793514600),
      INT64_C(1793516400),
      INT64_C(1793518200)}},
    {"0 * * * *",
     "America/New_York",
     INT64_C(1772942399),
     5,
     {INT64_C(1772942400),
      INT64_C(1772946000),
      INT64_C(1772949600),
      INT64_C(1772953200),
      INT64_C(1772956800)}},
    {"0 0 * * *",
     "America/Santiago",
     INT64_C(1788566399),
     3,
     {INT64_C(1788580800), INT64_C(1788667200), INT64_C(1788750000)}},
    {"15 2 * * *",
     "Australia/Lord_Howe",
     INT64_C(1790985599),
     3,
     {INT64_C(1791041400), INT64_C(1791126900), INT64_C(1791213300)}},
    {"45 1 * * *",
     "Australia/Lord_Howe",
     INT64_C(1775174399),
     3,
     {INT64_C(1775227500), INT64_C(1775313900), INT64_C(1775402100)}},
    {"30 22 * * 1-5",
     "America/New_York",
     INT64_C(1795478399),
     5,
     {INT64_C(1795491000),
      INT64_C(1795577400),
      INT64_C(1795663800),
      INT64_C(1795750200),
      INT64_C(1795836600)}},
    {"0 12 13 * 5",
     "Europe/Berlin",
     INT64_C(1793491199),
     4,
     {INT64_C(1793962800), INT64_C(1794567600), INT64_C(1795172400), INT64_C(1795777200)}},
    {"0 9 * * 7",
     "Asia/Kolkata",
     INT64_C(1793491199),
     3,
     {INT64_C(1793503800), INT64_C(1794108600), INT64_C(1794713400)}},
    {"30 9 * * *",
     "Pacific/Apia",
     INT64_C(1325030399),
     6,
     {INT64_C(1325100600),
      INT64_C(1325187000),
      INT64_C(1325239200),
      INT64_C(1325273400),
      INT64_C(1325359800),
      INT64_C(1325446200)}},
    {"0 0 31 * *",
     "UTC",
     INT64_C(1767225599),
     3,
     {INT64_C(1769817600), INT64_C(1774915200), INT64_C(1780185600)}},
    {"0 0 29 2 *", "UTC", INT64_C(1672531199), 2, {INT64_C(1709164800), INT64_C(1835395200)}},
    {"5 */7 * * *",
     "Europe/Dublin",
     INT64_C(1792799999),
     7,
     {INT64_C(1792821900),
      INT64_C(1792847100),
      INT64_C(1792872300),
      INT64_C(1792883100),
      INT64_C(1792911900),
      INT64_C(1792937100),
      INT64_C(1792962300)}},
};

static void agrees_with_the_oracle(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(oracle); i++) {
        struct hg_schedule schedule;
        struct hg_zone *zone = NULL;
        assert_int_equal(hg_schedule_parse(oracle[i].line, &schedule, NULL), HG_OK);
        assert_int_equal(hg_zone_load(oracle[i].zone, &zone, NULL), HG_OK);
        int64_t at_us = oracle[i].after_s * 1000000;
        for (size_t k = 0; k < oracle[i].n; k++) {
            assert_int_equal(hg_schedule_next(&schedule, zone, at_us, &at_us), HG_OK);
            if (at_us != oracle[i].times_s[k] * 1000000) {
                print_error("%s in %s, fire %zu\n", oracle[i].line, oracle[i].zone, k);
            }
            assert_int_equal(at_us, oracle[i].times_s[k] * 1000000);
        }
        hg_zone_free(zone);
    }
}

/* Interval-like lines match each real instant: compare with every minute of the days around. */
static bool minute_matches(const struct hg_schedule *s, int64_t local_s)
{
    int64_t days = local_s / 86400 - (local_s % 86400 < 0);
    int64_t rest = local_s - days * 86400;
    int year;
    int month;
    int day;
    hg_date_from_days((int32_t)days, &year, &month, &day);
    bool by_day = s->days >> day & 1;
    bool by_weekday = s->weekdays >> ((days % 7 + 11) % 7) & 1;
    bool day_ok = s->any_day || s->any_weekday ? by_day && by_weekday : by_day || by_weekday;
    return rest % 60 == 0 && (s->minutes >> rest / 60 % 60 & 1) && (s->hours >> rest / 3600 & 1) &&
           (s->months >> month & 1) && day_ok;
}

static void matches_every_real_instant(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "*/15 * * * *", "7 */5 * * *", "* 2 * * *", "*/20 1-3 * 3,4,9-11 0"};
    static const char *const zones[] = {
        "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Europe/Dublin", "UTC"};
    for (size_t z = 0; z < COUNT(zones); z++) {
        struct hg_zone *zone = NULL;
        assert_int_equal(hg_zone_load(zones[z], &zone, NULL), HG_OK);
        int64_t change_s = INT64_C(1767225600);
        int32_t before;
        int32_t behind;
        for (int n = 0; n < 4; n++) {
            if (!hg_zone_next_transition(zone, change_s, &change_s, &before, &behind)) {
                change_s += 86400 * 90;
            }
            for (size_t i = 0; i < COUNT(lines); i++) {
                struct hg_schedule schedule;
                assert_int_equal(hg_schedule_parse(lines[i], &schedule, NULL), HG_OK);
                assert_false(schedule.is_fixed);
                int64_t at_s = change_s - 43200;
                int64_t next_us = 0;
                assert_int_equal(hg_schedule_next(&schedule, zone, at_s * 1000000 - 1, &next_us),
                                 HG_OK);
                for (; at_s < change_s + 43200; at_s += 60) {
                    if (minute_matches(&schedule, at_s + hg_zone_offset_s(zone, at_s))) {
                        assert_int_equal(next_us, at_s * 1000000);
                        assert_int_equal(hg_schedule_next(&schedule, zone, next_us, &next_us),
                                         HG_OK);
                    }
                    assert_true(next_us > at_s * 1000000);
                }
            }
        }
        hg_zone_free(zone);
    }
}

static void is_strictly_behind_the_given_time(void **state)
{
    (void)state;
    struct hg_schedule schedule;
    struct hg_zone *zone = NULL;
    assert_int_equal(hg_zone_load("UTC", &zone, NULL), HG_OK);
    assert_int_equal(hg_schedule_parse("@hourly", &schedule, NULL), HG_OK);
    int64_t next_us = 0;
    const int64_t hour_us = INT64_C(3600000000);
    assert_int_equal(hg_schedule_next(&schedule, zone, hour_us, &next_us), HG_OK);
    assert_int_equal(next_us, 2 * hour_us);
    assert_int_equal(hg_schedule_next(&schedule, zone, hour_us - 1, &next_us), HG_OK);
    assert_int_equal(next_us, hour_us);
    assert_int_equal(hg_schedule_next(&schedule, zone, -1, &next_us), HG_OK);
    assert_int_equal(next_us, 0);
    assert_int_equal(hg_schedule_next(&schedule, zone, -hour_us, &next_us), HG_OK);
    assert_int_equal(next_us, 0);
    hg_zone_free(zone);
}

static void says_never(void **state)
{
    (void)state;
    struct hg_schedule schedule;
    struct hg_zone *zone = NULL;
    int64_t next_us = 42;
    assert_int_equal(hg_zone_load("Europe/Berlin", &zone, NULL), HG_OK);
    assert_int_equal(hg_schedule_parse("0 0 30 1 *", &schedule, NULL), HG_OK);
    schedule.months = 1u << 2; /* which no line can say */
    assert_int_equal(hg_schedule_next(&schedule, zone, 0, &next_us), HG_ENOTFOUND);
    assert_int_equal(next_us, 42);
    /* 1900 was no leap year: eight years without a 29 February. */
    assert_int_equal(hg_schedule_parse("0 0 29 2 *", &schedule, NULL), HG_OK);
    assert_int_equal(hg_schedule_next(&schedule, zone, INT64_C(-2329000000000000), &next_us),
                     HG_OK);
    hg_zone_free(zone);
}

static void reads_fields(void **state)
{
    (void)state;
    struct hg_schedule s;
    assert_int_equal(hg_schedule_parse("  0,30  9-17/4\t1 jan-MAR mon-FRI ", &s, NULL), HG_OK);
    assert_true(s.minutes == (UINT64_C(1) | UINT64_C(1) << 30));
    assert_int_equal(s.hours, 1 << 9 | 1 << 13 | 1 << 17);
    assert_int_equal(s.days, 1 << 1);
    assert_int_equal(s.months, 1 << 1 | 1 << 2 | 1 << 3);
    assert_int_equal(s.weekdays, 0x3E);
    assert_false(s.is_fixed);
    assert_int_equal(hg_schedule_parse("5 4 * * 5-7", &s, NULL), HG_OK);
    assert_int_equal(s.weekdays, 1 << 5 | 1 << 6 | 1);
    assert_true(s.is_fixed && s.any_day && !s.any_weekday);
    assert_int_equal(hg_schedule_parse("@weekly", &s, NULL), HG_OK);
    assert_int_equal(s.weekdays, 1);
    assert_int_equal(hg_schedule_parse("59 23 31 12 0", &s, NULL), HG_OK);
    assert_true(s.minutes == UINT64_C(1) << 59);
    assert_true(s.days == UINT32_C(1) << 31);
}

static void names_the_field_at_fault(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *said;
    } bad[] = {
        {"", "found 0 fields"},
        {"* * * *", "found 4 fields"},
        {"0 0 * * * *", "found more than 5 fields"},
        {"60 * * * *", "minute: found \"60\""},
        {"-1 * * * *", "minute: found \"-1\""},
        {"99999999999 * * * *", "minute: found \"99999999999\""},
        {"* 24 * * *", "hour: found \"24\""},
        {"* * 0 * *", "day of month: found \"0\""},
        {"* * 32 * *", "day of month: found \"32\""},
        {"0 0 31 2 *", "\"0 0 31 2 *\" never comes"},
        {"0 0 30,31 feb *", "never comes"},
        {"0 0 31 4,6,9,11 *", "never comes"},
        {"* * * 13 *", "month: found \"13\""},
        {"* * * janu *", "month: found \"janu\""},
        {"* * * * 8", "day of week: found \"8\""},
        {"* * * * moon", "day of week: found \"moon\""},
        {"*/0 * * * *", "minute: found \"*/0\", expected a step"},
        {"5/2 * * * *", "minute: found \"5/2\", expected a step only behind"},
        {"*/ * * * *", "minute: found \"*/\""},
        {"50-10 * * * *", "minute: found \"50-10\", expected a range that does not run backwards"},
        {"1,,2 * * * *", "minute: found \"\""},
        {"1- * * * *", "minute: found \"1-\""},
        {"* * * * *x", "day of week: found \"*x\""},
        {"@fortnightly", "found \"@fortnightly\", expected @hourly"},
        {"@reboot", "@reboot is not supported"},
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct hg_schedule schedule = {.hours = 7};
        struct hg_error err = HG_ERROR_INIT;
        assert_int_equal(hg_schedule_parse(bad[i].line, &schedule, &err), HG_EINVAL);
        if (!strstr(err.message, bad[i].said)) {
            print_error("%s: %s\n", bad[i].line, err.message);
        }
        assert_non_null(strstr(err.message, bad[i].said));
        assert_int_equal(schedule.hours, 7);
    }
    char line[1100];
    memset(line, ' ', sizeof line - 1);
    line[sizeof line - 1] = '\0';
    struct hg_schedule schedule;
    assert_int_equal(hg_schedule_parse(line, &schedule, NULL), HG_EINVAL);
}

/* The conformance vectors of the Open Cron Pattern Specification, 1.0 and 1.1. */
static int64_t local_minute(const char *text)
{
    int year;
    int month;
    int day;
    int hour;
    int minute;
    assert_int_equal(sscanf(text, "%d-%d-%d %d:%d", &year, &month, &day, &hour, &minute), 5);
    return ((int64_t)hg_date_to_days(year, month, day) * 1440 + hour * 60 + minute) * 60;
}

static bool fires_at(const char *line, const char *at)
{
    struct hg_schedule schedule;
    struct hg_error err = HG_ERROR_INIT;
    struct hg_zone *utc = NULL;
    int64_t next_us = 0;
    int64_t at_us = local_minute(at) * 1000000;
    if (hg_schedule_parse(line, &schedule, &err) < 0) {
        fail_msg("%s: %s", line, err.message);
    }
    assert_int_equal(hg_zone_load("UTC", &utc, NULL), HG_OK);
    assert_int_equal(hg_schedule_next(&schedule, utc, at_us - 1, &next_us), HG_OK);
    hg_zone_free(utc);
    return next_us == at_us;
}

static void matches_as_ocps_says(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *fires[4];
        const char *not_then[2];
    } cases[] = {
        {"15 10 * * *", {"2025-03-10 10:15"}, {"2025-03-10 10:14"}},
        {"30 8 * jan Mon", {"2025-01-06 08:30"}, {"2025-02-03 08:30"}},
        {"5-59/15 9 * * *",
         {"2025-03-10 09:05", "2025-03-10 09:20", "2025-03-10 09:35", "2025-03-10 09:50"},
         {"2025-03-10 09:15"}},
        {"0 12 1 * MON", {"2025-10-01 12:00", "2025-10-06 12:00"}, {"2025-10-07 12:00"}},
        {"0 12 * * MON", {"2025-10-06 12:00"}, {"2025-10-07 12:00"}},
        {"0 12 1-31 * MON", {"2025-10-06 12:00", "2025-10-07 12:00"}, {"2025-10-08 11:00"}},
        {"0 12 *,1 * MON", {"2025-10-06 12:00"}, {"2025-10-07 12:00", "2025-10-01 12:00"}},
        {"0 12 1,* * MON", {"2025-10-06 12:00", "2025-10-07 12:00"}, {"2025-10-08 11:00"}},
        {"0 12 */2 * MON", {"2025-10-06 12:00", "2025-10-07 12:00"}, {"2025-10-08 12:00"}},
        {"@yearly", {"2026-01-01 00:00"}, {"2026-01-02 00:00"}},
        {"@annually", {"2026-01-01 00:00"}, {"2026-02-01 00:00"}},
        {"@monthly", {"2026-02-01 00:00"}, {"2026-02-02 00:00"}},
        {"@weekly", {"2025-10-05 00:00"}, {"2025-10-06 00:00"}},
        {"@daily", {"2025-10-07 00:00"}, {"2025-10-07 00:01"}},
        {"@midnight", {"2025-10-07 00:00"}, {"2025-10-07 00:01"}},
        {"@hourly", {"2025-10-07 10:00"}, {"2025-10-07 10:01"}},
        {" \t@daily ", {"2025-10-07 00:00"}, {"2025-10-07 00:01"}},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        for (size_t k = 0; k < COUNT(cases[i].fires) && cases[i].fires[k]; k++) {
            assert_true(fires_at(cases[i].line, cases[i].fires[k]));
        }
        for (size_t k = 0; k < COUNT(cases[i].not_then) && cases[i].not_then[k]; k++) {
            assert_false(fires_at(cases[i].line, cases[i].not_then[k]));
        }
    }
}

static void reads_what_ocps_reads(void **state)
{
    (void)state;
    static const char *const valid[] = {"* * 31 2 *", "@reboot", "*,1-30 * * * *", "0 0 * * 0-7"};
    static const char *const invalid[] = {"60 0 * * *",
                                          "0 0 10-5 * *",
                                          "0 0 /30 * *",
                                          "*/0 * * * *",
                                          "0/15 * * * *",
                                          "10/10 * * * *",
                                          "*,*,61 * * * *",
                                          "@Daily",
                                          "@daily 0 0 * * *",
                                          "@DAILY",
                                          "? 12 * * *",
                                          "0 0 L * *",
                                          "0 12 * * +MON"};
    for (size_t i = 0; i < COUNT(valid); i++) {
        struct hg_schedule schedule;
        assert_int_equal(hg_schedule_parse_pattern(valid[i], &schedule, NULL), HG_OK);
    }
    for (size_t i = 0; i < COUNT(invalid); i++) {
        struct hg_schedule schedule = {.hours = 7};
        assert_int_equal(hg_schedule_parse_pattern(invalid[i], &schedule, NULL), HG_EINVAL);
        assert_int_equal(schedule.hours, 7);
    }
}

static void finds_the_time_before(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *at;
        const char *before;
    } cases[] = {
        {"* * * * *", "2026-03-01 00:00", "2026-02-28 23:59"},
        {"*/30 * * * *", "2026-03-01 00:29", "2026-03-01 00:00"},
        {"0 3 * * *", "2026-03-01 03:00", "2026-02-28 03:00"},
        {"0 3 * * 1", "2026-03-02 03:00", "2026-02-23 03:00"},
        {"0 0 1 * *", "2026-03-01 00:00", "2026-02-01 00:00"},
        {"0 0 1 1 *", "2026-03-01 00:00", "2026-01-01 00:00"},
        {"0 0 29 2 *", "2028-02-29 00:00", "2024-02-29 00:00"},
        {"0 0 29 2 *", "1904-02-29 00:00", "1896-02-29 00:00"},
    };
    struct hg_zone *utc = NULL;
    assert_int_equal(hg_zone_load("UTC", &utc, NULL), HG_OK);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct hg_schedule schedule;
        int64_t before_us = 0;
        assert_int_equal(hg_schedule_parse(cases[i].line, &schedule, NULL), HG_OK);
        int64_t at_us = local_minute(cases[i].at) * 1000000;
        assert_int_equal(hg_schedule_previous(&schedule, utc, at_us, &before_us), HG_OK);
        assert_int_equal(before_us, local_minute(cases[i].before) * 1000000);
    }
    struct hg_schedule never;
    int64_t untouched = 42;
    assert_int_equal(hg_schedule_parse_pattern("0 0 31 2 *", &never, NULL), HG_OK);
    assert_int_equal(hg_schedule_previous(&never, utc, 0, &untouched), HG_ENOTFOUND);
    assert_int_equal(untouched, 42);
    hg_zone_free(utc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_the_oracle),
        cmocka_unit_test(matches_every_real_instant),
        cmocka_unit_test(is_strictly_behind_the_given_time),
        cmocka_unit_test(says_never),
        cmocka_unit_test(reads_fields),
        cmocka_unit_test(names_the_field_at_fault),
        cmocka_unit_test(matches_as_ocps_says),
        cmocka_unit_test(reads_what_ocps_reads),
        cmocka_unit_test(finds_the_time_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
