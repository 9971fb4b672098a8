#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/time.h"
#include "base/uuid.h"
#include "headgate/date.h"

static const struct {
    int year;
    int month;
    int day;
    int32_t days;
} dates[] = {
    {1970, 1, 1, 0},
    {1970, 1, 2, 1},
    {1969, 12, 31, -1},
    {2000, 2, 29, 11016},
    {2000, 3, 1, 11017},
    {1900, 2, 28, -25509},
    {1900, 3, 1, -25508},
    {2026, 11, 25, 20782},
    {1, 1, 1, -719162},
    {0, 2, 29, -719469},
    {-1, 12, 31, -719529},
    {9999, 12, 31, 2932896},
    {2400, 2, 29, 157113},
};

static void converts_dates_both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < HG_COUNT(dates); i++) {
        assert_int_equal(hg_date_to_days(dates[i].year, dates[i].month, dates[i].day),
                         dates[i].days);
        int year;
        int month;
        int day;
        hg_date_from_days(dates[i].days, &year, &month, &day);
        assert_int_equal(year, dates[i].year);
        assert_int_equal(month, dates[i].month);
        assert_int_equal(day, dates[i].day);
    }
    for (int32_t days = -800000; days < 800000; days += 97) {
        int year;
        int month;
        int day;
        hg_date_from_days(days, &year, &month, &day);
        assert_int_equal(hg_date_to_days(year, month, day), days);
        assert_true(day >= 1 && day <= hg_days_in_month(year, month));
    }
}

static void formats_instants(void **state)
{
    (void)state;
    static const struct {
        int64_t time_us;
        const char *text;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {INT64_C(1795572467123999), "2026-11-25T02:07:47.123Z"},
        {-1, "1969-12-31T23:59:59.999Z"},
        {-INT64_C(86400000000), "1969-12-31T00:00:00.000Z"},
        {INT64_C(951782400000000), "2000-02-29T00:00:00.000Z"},
        {INT64_MAX, "294247-01-10T04:00:54.775Z"},
    };
    for (size_t i = 0; i < HG_COUNT(cases); i++) {
        char text[HG_TIME_TEXT];
        hg_time_format(cases[i].time_us, text);
        assert_string_equal(text, cases[i].text);
    }
    char text[HG_TIME_TEXT];
    hg_time_format(INT64_MIN, text); /* fits, whatever it says */
    assert_true(strlen(text) < sizeof text);
}

static void parses_instants(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t time_us;
    } good[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2026-11-25T02:07:47.123456Z", INT64_C(1795572467123456)},
        {"2026-11-25t02:07:47.1234567891z", INT64_C(1795572467123456)},
        {"2026-11-25 03:37:47.5+01:30", INT64_C(1795572467500000)},
        {"2026-11-24T21:07:47-05:00", INT64_C(1795572467000000)},
        {"1969-12-31T23:59:59.9Z", -100000},
        {"2024-02-29T00:00:00-00:00", INT64_C(1709164800000000)},
        {"0000-01-01T00:00:00Z", INT64_C(-62167219200000000)},
    };
    for (size_t i = 0; i < HG_COUNT(good); i++) {
        int64_t time_us = 42;
        assert_int_equal(hg_time_parse(good[i].text, &time_us, NULL), HG_OK);
        assert_int_equal(time_us, good[i].time_us);
    }
    static const char *const bad[] = {
        "",
        "now",
        "2026-11-25",
        "2026-11-25T02:07:47",
        "2026-11-25T02:07Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "2026-11-31T00:00:00Z",
        "2026-11-25T24:00:00Z",
        "2026-11-25T00:60:00Z",
        "2026-11-25T00:00:60Z",
        "2026-11-25T00:00:00.Z",
        "2026-11-25T00:00:00+1:00",
        "2026-11-25T00:00:00+24:00",
        "2026-11-25T00:00:00Zx",
        " 2026-11-25T00:00:00Z",
        "+026-11-25T00:00:00Z",
    };
    for (size_t i = 0; i < HG_COUNT(bad); i++) {
        int64_t time_us = 42;
        struct hg_error err = HG_ERROR_INIT;
        assert_int_equal(hg_time_parse(bad[i], &time_us, &err), HG_EINVAL);
        assert_int_equal(time_us, 42);
        assert_non_null(strstr(err.message, "is not a time"));
    }
}

static void parses_durations(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = {{"500ms", 500},
                {"2s", 2000},
                {"10m", 600000},
                {"1h30m", 5400000},
                {"1d", 86400000},
                {"0s", 0},
                {"1m1ms", 60001}};
    for (size_t i = 0; i < HG_COUNT(good); i++) {
        int64_t ms = 42;
        assert_int_equal(hg_duration_parse(good[i].text, &ms, NULL), HG_OK);
        assert_int_equal(ms, good[i].ms);
    }
    static const char *const bad[] = {
        "",
        "5",
        "m",
        "5 m",
        "5x",
        "-5m",
        "1.5h",
        "5mm",
        "5min",
        "99999999999d",
        "5m ",
        "1h30",
        "999999999999d999999999999d999999999999d999999999999d999999999999d999999999999d",
        "9999999999d9999999999d9999999999d9999999999d9999999999d9999999999d9999999999d"};
    for (size_t i = 0; i < HG_COUNT(bad); i++) {
        int64_t ms = 42;
        struct hg_error err = HG_ERROR_INIT;
        assert_int_equal(hg_duration_parse(bad[i], &ms, &err), HG_EINVAL);
        assert_int_equal(ms, 42);
        assert_non_null(strstr(err.message, "such as 500ms, 30s, 10m, 2h or 1d"));
    }
}

static void clocks_move_forward(void **state)
{
    (void)state;
    int64_t first = hg_time_monotonic_ms();
    assert_true(hg_time_monotonic_ms() >= first);
    assert_true(hg_time_now_us() > INT64_C(1700000000000000));
}

enum { IDS = 20000, THREADS = 4 };

static void *make_ids(void *arg)
{
    char(*ids)[HG_UUID_TEXT] = arg;
    for (int i = 0; i < IDS; i++) {
        if (hg_uuid_new(ids[i], NULL) < 0) {
            return arg;
        }
    }
    return NULL;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void ids_rise_and_never_repeat(void **state)
{
    (void)state;
    char(*ids)[HG_UUID_TEXT] = calloc(IDS * THREADS, sizeof *ids);
    assert_non_null(ids);
    int64_t before_ms = hg_time_now_us() / 1000;
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, make_ids, ids + i * IDS), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        void *failed = NULL;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    for (int t = 0; t < THREADS; t++) {
        for (int i = 1; i < IDS; i++) {
            assert_true(strcmp(ids[t * IDS + i - 1], ids[t * IDS + i]) < 0);
        }
    }
    qsort(ids, IDS * THREADS, sizeof *ids, by_text);
    for (int i = 1; i < IDS * THREADS; i++) {
        assert_true(strcmp(ids[i - 1], ids[i]) < 0);
    }
    assert_true(hg_uuid_is_valid(ids[0]));
    assert_int_equal(ids[0][14], '7');
    assert_non_null(strchr("89ab", ids[0][19]));
    int64_t ms = hg_uuid_time_ms(ids[0]);
    assert_true(ms >= before_ms && ms <= before_ms + 60000);
    free(ids);
}

static void knows_ids(void **state)
{
    (void)state;
    assert_true(hg_uuid_is_valid("0191F3a2-0000-7000-8000-0123456789ab"));
    assert_false(hg_uuid_is_valid(""));
    assert_false(hg_uuid_is_valid("0191f3a2-0000-7000-8000-0123456789a"));
    assert_false(hg_uuid_is_valid("0191f3a2-0000-7000-8000-0123456789abc"));
    assert_false(hg_uuid_is_valid("0191f3a2x0000-7000-8000-0123456789ab"));
    assert_false(hg_uuid_is_valid("0191f3a2-0000-7000-8000-0123456789ag"));
    assert_int_equal(hg_uuid_time_ms("017f22e2-79b0-7cc3-98c4-dc0c0c07398f"),
                     INT64_C(1645557742000)); /* the example of RFC 9562 */
    assert_int_equal(hg_uuid_time_ms("017f22e2-79b0-4cc3-98c4-dc0c0c07398f"), -1);
    assert_int_equal(hg_uuid_time_ms("nonsense"), -1);
}

static int64_t ms_of(const struct timespec *at)
{
    return (int64_t)at->tv_sec * 1000 + at->tv_nsec / 1000000;
}

static void waits_end_after_their_time(void **state)
{
    (void)state;
    static const int64_t waits[] = {0, 1, 999, 1000, 1999, 3600000};
    for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++) {
        struct timespec until;
        int64_t before = hg_time_monotonic_ms();
        hg_time_monotonic_after(waits[i], &until);
        int64_t after = hg_time_monotonic_ms();
        assert_in_range(until.tv_nsec, 0, 999999999);
        assert_true(ms_of(&until) >= before + waits[i] && ms_of(&until) <= after + waits[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(converts_dates_both_ways),
        cmocka_unit_test(formats_instants),
        cmocka_unit_test(parses_instants),
        cmocka_unit_test(parses_durations),
        cmocka_unit_test(clocks_move_forward),
        cmocka_unit_test(waits_end_after_their_time),
        cmocka_unit_test(ids_rise_and_never_repeat),
        cmocka_unit_test(knows_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
