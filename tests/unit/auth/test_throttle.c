#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "auth/throttle.h"
#include "base/mem.h"

static const struct hg_throttle_options options = {3, 1000, 8000};

static int start(void **state)
{
    return hg_throttle_new(&options, (struct hg_throttle **)state, NULL);
}

static int stop(void **state)
{
    hg_throttle_free(*state);
    return 0;
}

static int attempt(void *throttle, const char *key, int64_t now_ms)
{
    return hg_throttle_attempt(throttle, key, now_ms, NULL);
}

/* How long the key has to wait at that time, in milliseconds. */
static int64_t wait_at(void *throttle, const char *key, int64_t now_ms)
{
    struct hg_error err = HG_ERROR_INIT;
    assert_int_equal(hg_throttle_attempt(throttle, key, now_ms, &err), HG_ERATELIMITED);
    assert_int_equal(err.code, HG_ERATELIMITED);
    return err.retry_after_ms;
}

static void test_waits_double_up_to_a_limit(void **state)
{
    static const int64_t waits[] = {1000, 2000, 4000, 8000, 8000};
    int64_t now = 5000;
    assert_int_equal(attempt(*state, "a", now), HG_OK);
    assert_int_equal(attempt(*state, "a", now), HG_OK);
    for (size_t i = 0; i < HG_COUNT(waits); i++) {
        assert_int_equal(attempt(*state, "a", now), HG_OK);
        assert_int_equal(wait_at(*state, "a", now), waits[i]);
        /* Asking too early makes it no longer. */
        assert_int_equal(wait_at(*state, "a", now + waits[i] - 1), 1);
        now += waits[i];
    }
}

static void test_keys_do_not_touch_each_other(void **state)
{
    for (int i = 0; i < 3; i++) {
        assert_int_equal(attempt(*state, "a", 1), HG_OK);
    }
    assert_int_equal(attempt(*state, "a", 1), HG_ERATELIMITED);
    assert_int_equal(attempt(*state, "b", 1), HG_OK);
}

static void test_success_forgets(void **state)
{
    for (int i = 0; i < 3; i++) {
        assert_int_equal(attempt(*state, "a", 1), HG_OK);
    }
    hg_throttle_succeed(*state, "a");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(attempt(*state, "a", 1), HG_OK);
    }
    assert_int_equal(attempt(*state, "a", 1), HG_ERATELIMITED);
}

static void test_what_is_taken_back_does_not_count(void **state)
{
    for (int i = 0; i < 50; i++) {
        assert_int_equal(attempt(*state, "a", 1), HG_OK);
        hg_throttle_undo(*state, "a");
    }
}

static void test_an_hour_forgets(void **state)
{
    for (int i = 0; i < 3; i++) {
        assert_int_equal(attempt(*state, "a", 1), HG_OK);
    }
    assert_int_equal(attempt(*state, "a", 3600 * 1000 + 2), HG_OK);
    assert_int_equal(attempt(*state, "a", 3600 * 1000 + 2), HG_OK);
}

/* Memory is fixed: a flood of keys pushes old ones out, and breaks nothing. */
static void test_a_flood_of_keys(void **state)
{
    char key[100];
    for (int i = 0; i < 50000; i++) {
        (void)snprintf(key, sizeof key, "%d-%080d", i, 0);
        assert_int_equal(attempt(*state, key, i), HG_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_waits_double_up_to_a_limit, start, stop),
        cmocka_unit_test_setup_teardown(test_keys_do_not_touch_each_other, start, stop),
        cmocka_unit_test_setup_teardown(test_success_forgets, start, stop),
        cmocka_unit_test_setup_teardown(test_what_is_taken_back_does_not_count, start, stop),
        cmocka_unit_test_setup_teardown(test_an_hour_forgets, start, stop),
        cmocka_unit_test_setup_teardown(test_a_flood_of_keys, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
