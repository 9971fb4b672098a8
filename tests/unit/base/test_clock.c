/* A wall clock that is set, and what is done about it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"

#define HOUR_US INT64_C(3600000000)

static void knows_a_correction(void **state)
{
    struct hg_clock clock = {0};
    (void)state;
    assert_int_equal(hg_clock_correction(&clock, 500 * HOUR_US, HOUR_US), 0);
    /* Time passes, also a night in which the machine sleeps. */
    assert_int_equal(hg_clock_correction(&clock, 510 * HOUR_US, 11 * HOUR_US), 0);
    /* Set a little, in either direction. */
    assert_int_equal(hg_clock_correction(&clock, 513 * HOUR_US, 11 * HOUR_US), 0);
    assert_int_equal(hg_clock_correction(&clock, 510 * HOUR_US, 11 * HOUR_US), 0);
    /* And by much. */
    assert_int_equal(hg_clock_correction(&clock, 514 * HOUR_US, 11 * HOUR_US), 4 * HOUR_US);
    assert_int_equal(hg_clock_correction(&clock, 515 * HOUR_US, 12 * HOUR_US), 0);
    assert_int_equal(hg_clock_correction(&clock, 415 * HOUR_US, 12 * HOUR_US), -100 * HOUR_US);
    assert_int_equal(hg_clock_correction(&clock, 415 * HOUR_US, 12 * HOUR_US), 0);
}

static void doubts_it_for_a_day(void **state)
{
    struct hg_clock clock = {0};
    (void)state;
    assert_false(hg_clock_is_doubtful(&clock, 0)); /* a machine that has just begun */
    (void)hg_clock_correction(&clock, 500 * HOUR_US, HOUR_US);
    (void)hg_clock_correction(&clock, 502 * HOUR_US, 2 * HOUR_US);
    assert_false(hg_clock_is_doubtful(&clock, 2 * HOUR_US));
    (void)hg_clock_correction(&clock, 9000 * HOUR_US, 3 * HOUR_US);
    assert_true(hg_clock_is_doubtful(&clock, 3 * HOUR_US));
    (void)hg_clock_correction(&clock, 9023 * HOUR_US, 26 * HOUR_US);
    assert_true(hg_clock_is_doubtful(&clock, 26 * HOUR_US));
    (void)hg_clock_correction(&clock, 9024 * HOUR_US, 27 * HOUR_US);
    assert_false(hg_clock_is_doubtful(&clock, 27 * HOUR_US));
}

/* What the process before knew: `seen` and `set` hours of wall time, at hour 9000. */
static bool doubts_at_start(int64_t seen, int64_t set)
{
    struct hg_clock clock = {0};
    (void)hg_clock_correction(&clock, 9000 * HOUR_US, HOUR_US);
    hg_clock_recall(&clock, seen * HOUR_US, set * HOUR_US, 9000 * HOUR_US, HOUR_US);
    return hg_clock_is_doubtful(&clock, HOUR_US);
}

static void doubts_it_after_a_restart(void **state)
{
    (void)state;
    assert_false(doubts_at_start(0, 0)); /* the first start ever */
    assert_false(doubts_at_start(8999, 0));
    assert_false(doubts_at_start(8980, 100));
    assert_true(doubts_at_start(8970, 0)); /* off for more than a day, or set while it was */
    assert_true(doubts_at_start(100, 0));
    assert_true(doubts_at_start(9010, 0)); /* set back while it was off */
    assert_true(doubts_at_start(8999, 8998));
    assert_true(doubts_at_start(8999, 8977));
    assert_false(doubts_at_start(8999, 8976));
    assert_false(doubts_at_start(9001, 9500)); /* set back to what is right: that day is over */
    struct hg_clock clock = {0};
    hg_clock_recall(&clock, 8999 * HOUR_US, 8990 * HOUR_US, 9000 * HOUR_US, HOUR_US);
    assert_int_equal(hg_clock_last_set(&clock, 9001 * HOUR_US, 2 * HOUR_US), 8990 * HOUR_US);
    assert_true(hg_clock_is_doubtful(&clock, 14 * HOUR_US));
    assert_false(hg_clock_is_doubtful(&clock, 15 * HOUR_US));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_a_correction),
        cmocka_unit_test(doubts_it_for_a_day),
        cmocka_unit_test(doubts_it_after_a_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
