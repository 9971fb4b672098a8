/* A wall clock that is set, and what is done about it. */
#include <setjmp.h>
#include <stdarg.h>
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_a_correction),
        cmocka_unit_test(doubts_it_for_a_day),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
