#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "headgate/date.h"

static void assert_date(int64_t days, int64_t year, int month, int day)
{
    const struct hg_date date = hg_date_of_days(days);
    assert_int_equal(date.year, year);
    assert_int_equal(date.month, month);
    assert_int_equal(date.day, day);
    assert_int_equal(hg_days_of_date(date), days);
}

static void test_dates_that_are_known(void **state)
{
    (void)state;
    assert_date(0, 1970, 1, 1);
    assert_date(-1, 1969, 12, 31);
    assert_date(11016, 2000, 2, 29);
    assert_date(-25509, 1900, 2, 28);
    assert_date(-25508, 1900, 3, 1);
    assert_date(-719162, 1, 1, 1);
    assert_date(-719163, 0, 12, 31);
    assert_date(-719468, 0, 3, 1);
    assert_date(-719469, 0, 2, 29);
    assert_date(2932896, 9999, 12, 31);
    assert_date(2145042905, 5874897, 12, 31);
    assert_date(-2440588, -4713, 11, 24);
}

/* Day for day through 900 years, across the year 0 and leap years of each kind. */
static void test_each_day_follows_the_last(void **state)
{
    int64_t year = -450;
    int month = 1;
    int day = 1;
    int64_t days = hg_days_of_date((struct hg_date){year, month, day});
    (void)state;
    while (year < 450) {
        assert_date(days++, year, month, day);
        if (++day > hg_days_in_month(year, month)) {
            day = 1;
            month = month == 12 ? 1 : month + 1;
            year += month == 1;
        }
    }
}

static void test_days_of_months(void **state)
{
    (void)state;
    assert_int_equal(hg_days_in_month(2023, 2), 28);
    assert_int_equal(hg_days_in_month(2024, 2), 29);
    assert_int_equal(hg_days_in_month(1900, 2), 28);
    assert_int_equal(hg_days_in_month(2000, 2), 29);
    assert_int_equal(hg_days_in_month(0, 2), 29);
    assert_int_equal(hg_days_in_month(-4, 2), 29);
    assert_int_equal(hg_days_in_month(-100, 2), 28);
    assert_int_equal(hg_days_in_month(2024, 4), 30);
    assert_int_equal(hg_days_in_month(2024, 12), 31);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dates_that_are_known),
        cmocka_unit_test(test_each_day_follows_the_last),
        cmocka_unit_test(test_days_of_months),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
