/* Which missed times still run, and when a clock was set. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "schedule/missed.h"

#define HOUR_US INT64_C(3600000000)
#define DAY_US  (24 * HOUR_US)

static struct hg_schedule hourly;
static struct hg_zone *utc;

static int set_up(void **state)
{
    (void)state;
    return hg_schedule_parse("@hourly", &hourly, NULL) < 0 || hg_zone_load("UTC", &utc, NULL) < 0;
}

static int tear_down(void **state)
{
    (void)state;
    hg_zone_free(utc);
    return 0;
}

static void find(int64_t now_us, const struct hg_missed_rule *rule, bool set, struct hg_missed *ret)
{
    memset(ret, 0, sizeof *ret);
    hg_missed_find(&hourly, utc, 1000 * HOUR_US, now_us, rule, set, ret);
}

static const struct hg_missed_rule none = {HG_MISSED_NONE, 3, DAY_US};
static const struct hg_missed_rule last = {HG_MISSED_LAST, 3, DAY_US};
static const struct hg_missed_rule all = {HG_MISSED_ALL, 3, DAY_US};

static void on_time_is_not_missed(void **state)
{
    static const struct hg_missed_rule *const rules[] = {&none, &last, &all};
    struct hg_missed missed;
    (void)state;
    for (int i = 0; i < 6; i++) {
        int64_t late_us = i < 3 ? 0 : HG_MISSED_LATE_US;
        find(1000 * HOUR_US + late_us, rules[i % 3], false, &missed);
        assert_int_equal(missed.on_time_us, 1000 * HOUR_US);
        assert_int_equal(missed.n_make_up, 0);
        assert_int_equal(missed.n_dropped, 0);
        assert_int_equal(missed.next_us, 1001 * HOUR_US);
    }
}

static void each_rule_makes_up_for_its_own(void **state)
{
    struct hg_missed missed;
    int64_t now_us = 1005 * HOUR_US + HOUR_US / 2; /* six are missed */
    (void)state;
    find(now_us, &none, false, &missed);
    assert_int_equal(missed.on_time_us, HG_MISSED_NEVER);
    assert_int_equal(missed.n_make_up, 0);
    assert_int_equal(missed.n_dropped, 6);
    assert_int_equal(missed.first_dropped_us, 1000 * HOUR_US);
    assert_int_equal(missed.last_dropped_us, 1005 * HOUR_US);
    find(now_us, &last, false, &missed);
    assert_int_equal(missed.n_make_up, 1);
    assert_int_equal(missed.make_up_us[0], 1005 * HOUR_US);
    assert_int_equal(missed.n_dropped, 5);
    assert_int_equal(missed.last_dropped_us, 1004 * HOUR_US);
    find(now_us, &all, false, &missed);
    assert_int_equal(missed.n_make_up, 3);
    assert_int_equal(missed.make_up_us[0], 1003 * HOUR_US);
    assert_int_equal(missed.make_up_us[2], 1005 * HOUR_US);
    assert_int_equal(missed.n_dropped, 3);
    assert_int_equal(missed.last_dropped_us, 1002 * HOUR_US);
    assert_int_equal(missed.next_us, 1006 * HOUR_US);
}

/* The one on time stands for those before it, unless all are to run. */
static void some_are_missed_before_one_on_time(void **state)
{
    struct hg_missed missed;
    (void)state;
    find(1002 * HOUR_US + 1000000, &last, false, &missed);
    assert_int_equal(missed.on_time_us, 1002 * HOUR_US);
    assert_int_equal(missed.n_make_up, 0);
    assert_int_equal(missed.n_dropped, 2);
    find(1002 * HOUR_US + 1000000, &all, false, &missed);
    assert_int_equal(missed.on_time_us, 1002 * HOUR_US);
    assert_int_equal(missed.n_make_up, 2);
    assert_int_equal(missed.n_dropped, 0);
}

static void what_is_long_ago_is_not_made_up_for(void **state)
{
    const struct hg_missed_rule short_window = {HG_MISSED_ALL, 1000, 2 * HOUR_US};
    const struct hg_missed_rule shorter = {HG_MISSED_LAST, 1, HOUR_US / 4};
    struct hg_missed missed;
    (void)state;
    find(1010 * HOUR_US + HOUR_US / 2, &short_window, false, &missed);
    assert_int_equal(missed.n_make_up, 2);
    assert_int_equal(missed.make_up_us[0], 1009 * HOUR_US);
    find(1010 * HOUR_US + HOUR_US / 2, &shorter, false, &missed);
    assert_int_equal(missed.n_make_up, 0);
    assert_int_equal(missed.n_dropped, 11);
}

static void more_than_the_limit_are_missed(void **state)
{
    const struct hg_missed_rule most = {HG_MISSED_ALL, 5000, 3660 * DAY_US};
    struct hg_missed missed;
    (void)state;
    find(6000 * HOUR_US + HOUR_US / 2, &most, false, &missed);
    assert_int_equal(missed.n_make_up, HG_MISSED_LIMIT_MAX);
    assert_int_equal(missed.make_up_us[0], 5001 * HOUR_US);
    assert_int_equal(missed.make_up_us[HG_MISSED_LIMIT_MAX - 1], 6000 * HOUR_US);
    assert_int_equal(missed.n_dropped, 4001);
    assert_int_equal(missed.last_dropped_us, 5000 * HOUR_US);
}

static void nothing_is_made_up_for_when_the_clock_was_set(void **state)
{
    struct hg_missed missed;
    (void)state;
    find(1005 * HOUR_US + HOUR_US / 2, &all, true, &missed);
    assert_int_equal(missed.n_make_up, 0);
    assert_int_equal(missed.n_dropped, 6);
    find(1005 * HOUR_US, &all, true, &missed);
    assert_int_equal(missed.on_time_us, 1005 * HOUR_US);
    assert_int_equal(missed.n_dropped, 5);
}

static void reads_the_rules(void **state)
{
    enum hg_missed_policy policy = HG_MISSED_LAST;
    (void)state;
    assert_true(hg_missed_policy_of("all", &policy) && policy == HG_MISSED_ALL);
    assert_true(hg_missed_policy_of("none", &policy) && policy == HG_MISSED_NONE);
    assert_false(hg_missed_policy_of("some", &policy));
    assert_false(hg_missed_policy_of(NULL, &policy));
    assert_int_equal(policy, HG_MISSED_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(on_time_is_not_missed),
        cmocka_unit_test(each_rule_makes_up_for_its_own),
        cmocka_unit_test(some_are_missed_before_one_on_time),
        cmocka_unit_test(what_is_long_ago_is_not_made_up_for),
        cmocka_unit_test(more_than_the_limit_are_missed),
        cmocka_unit_test(nothing_is_made_up_for_when_the_clock_was_set),
        cmocka_unit_test(reads_the_rules),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
