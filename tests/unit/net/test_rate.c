/* Limits of calls, against a list of all calls that were let through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "net/rate.h"

static struct hg_rates *rates;
static struct hg_error err;

static int set_up(void **state)
{
    (void)state;
    return hg_rates_new(&rates, &err);
}

static int tear_down(void **state)
{
    (void)state;
    hg_rates_free(rates);
    return 0;
}

static int64_t take(const char *key, const struct hg_rate_limit *limits, size_t n, int64_t now_ms)
{
    int64_t wait_ms = -1;
    assert_int_equal(hg_rates_take(rates, key, limits, n, now_ms, &wait_ms, &err), HG_OK);
    return wait_ms;
}

static void test_one_window(void **state)
{
    static const struct hg_rate_limit limit[] = {{3, 6000}};
    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(take("a", limit, 1, 1000), 0);
    }
    int64_t wait_ms = take("a", limit, 1, 1000);
    assert_true(wait_ms >= 6000 && wait_ms <= 6100);
    assert_int_equal(take("b", limit, 1, 1000), 0);
    assert_true(take("a", limit, 1, 1000 + wait_ms - 1) > 0);
    assert_int_equal(take("a", limit, 1, 1000 + wait_ms), 0);
}

/* A minute is used up: nothing is counted in the day either. */
static void test_all_windows_or_none(void **state)
{
    static const struct hg_rate_limit limits[] = {{2, 60000}, {3, 86400000}};
    (void)state;
    assert_int_equal(take("a", limits, 2, 0), 0);
    assert_int_equal(take("a", limits, 2, 0), 0);
    for (int i = 0; i < 10; i++) {
        assert_true(take("a", limits, 2, 30000) > 0);
    }
    assert_int_equal(take("a", limits, 2, 70000), 0);
    int64_t wait_ms = take("a", limits, 2, 140000);
    assert_true(wait_ms > 86400000 - 140000 && wait_ms <= 86400000 + 1440000);
}

/* Never more than n in any window, and not much less. */
static void test_against_a_list(void **state)
{
    static const struct hg_rate_limit limits[] = {{5, 1000}, {40, 61007}};
    enum { CALLS = 20000 };
    static int64_t taken[CALLS];
    unsigned seed = 7;
    size_t n = 0;
    int64_t now_ms = 123;
    (void)state;
    for (int i = 0; i < CALLS; i++) {
        seed = seed * 1103515245U + 12345U;
        now_ms += (seed >> 16) % 400;
        if (take("a", limits, HG_COUNT(limits), now_ms) == 0) {
            taken[n++] = now_ms;
        }
    }
    for (size_t k = 0; k < HG_COUNT(limits); k++) {
        for (size_t i = 0; i + (size_t)limits[k].n < n; i++) {
            assert_true(taken[i + (size_t)limits[k].n] - taken[i] >= limits[k].window_ms);
        }
    }
    int64_t ideal = (now_ms - 123) / limits[1].window_ms * limits[1].n;
    assert_true((int64_t)n > ideal * 9 / 10);
}

static void test_a_window_that_changes(void **state)
{
    static const struct hg_rate_limit few[] = {{1, 1000}};
    static const struct hg_rate_limit more[] = {{2, 1000}};
    static const struct hg_rate_limit others[] = {{1, 2000}, {1, 3000}, {1, 4000}, {1, 5000}};
    (void)state;
    assert_int_equal(take("a", few, 1, 10), 0);
    assert_true(take("a", few, 1, 20) > 0);
    assert_int_equal(take("a", more, 1, 20), 0);
    assert_true(take("a", more, 1, 20) > 0);
    assert_int_equal(take("a", others, HG_COUNT(others), 30), 0);
    assert_true(take("a", others, HG_COUNT(others), 40) > 4000);
}

static void test_hold(void **state)
{
    static const struct hg_rate_limit limit[] = {{100, 1000}};
    (void)state;
    assert_int_equal(hg_rates_hold(rates, "a", 5000, &err), HG_OK);
    assert_int_equal(hg_rates_hold(rates, "a", 3000, &err), HG_OK);
    assert_int_equal(take("a", limit, 1, 1000), 4000);
    assert_int_equal(take("a", NULL, 0, 4999), 1);
    assert_int_equal(take("a", limit, 1, 5000), 0);
    assert_int_equal(take("b", limit, 1, 1000), 0);
}

static void test_limits_that_cannot_be(void **state)
{
    static const struct hg_rate_limit wrong[][2] = {{{0, 1000}, {1, 2000}},
                                                    {{1, 59}, {1, 2000}},
                                                    {{1, 1000}, {2, 1000}},
                                                    {{-1, 1000}, {1, 60}}};
    int64_t wait_ms;
    (void)state;
    for (size_t i = 0; i < HG_COUNT(wrong); i++) {
        assert_int_equal(hg_rates_take(rates, "a", wrong[i], 2, 0, &wait_ms, &err), HG_EINVAL);
    }
    const struct hg_rate_limit many[5] = {{1, 100}, {1, 101}, {1, 102}, {1, 103}, {1, 104}};
    assert_int_equal(hg_rates_take(rates, "a", many, 5, 0, &wait_ms, &err), HG_EINVAL);
}

/* Keys that are used no more are dropped, those in use stay. */
static void test_many_keys(void **state)
{
    static const struct hg_rate_limit limit[] = {{1, 1000}};
    static const struct hg_rate_limit day[] = {{1, 86400000}};
    char key[16];
    (void)state;
    assert_int_equal(take("kept", day, 1, 0), 0);
    for (int i = 0; i < 5000; i++) {
        (void)snprintf(key, sizeof key, "k%d", i);
        assert_int_equal(take(key, limit, 1, (int64_t)i * 100), 0);
    }
    assert_true(take("kept", day, 1, 500000) > 0);
    assert_true(take("k4999", limit, 1, 499950) > 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_one_window),
        TEST(test_all_windows_or_none),
        TEST(test_against_a_list),
        TEST(test_a_window_that_changes),
        TEST(test_hold),
        TEST(test_limits_that_cannot_be),
        TEST(test_many_keys),
    };
    return cmocka_run_group_tests_name("rate", tests, NULL, NULL);
}
