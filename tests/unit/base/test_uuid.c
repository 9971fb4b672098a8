/* Ids while the wall clock stands still or is set back. Linked with --wrap for hg_time_now_us. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/time.h"
#include "base/uuid.h"

enum { HOUR_MS = 3600000, IDS = 10000 /* more than one millisecond has */ };

static const int64_t DAY_MS = 24 * (int64_t)HOUR_MS;
static int64_t now_ms = INT64_C(1795572467123);

int64_t __wrap_hg_time_now_us(void);

int64_t __wrap_hg_time_now_us(void)
{
    return now_ms * 1000 + 999;
}

static int64_t new_id(char ret_text[HG_UUID_TEXT])
{
    assert_int_equal(hg_uuid_new(ret_text, NULL), HG_OK);
    return hg_uuid_time_ms(ret_text);
}

/* Makes ids that rise from `last`, which becomes the last of them. Returns the time of that. */
static int64_t rise_from(char last[HG_UUID_TEXT], int n)
{
    int64_t ms = 0;
    for (int i = 0; i < n; i++) {
        char id[HG_UUID_TEXT];
        ms = new_id(id);
        assert_true(strcmp(last, id) < 0);
        memcpy(last, id, sizeof id);
    }
    return ms;
}

/* The next test begins where no id has been yet; returns the time of its first one. */
static int64_t begin(char ret_first[HG_UUID_TEXT])
{
    now_ms += 10 * DAY_MS;
    int64_t ms = new_id(ret_first);
    assert_int_equal(ms, now_ms);
    return ms;
}

static void rise_while_time_stands_still(void **state)
{
    (void)state;
    char last[HG_UUID_TEXT];
    int64_t first_ms = begin(last);
    int64_t ms = rise_from(last, IDS);
    assert_true(ms > first_ms && ms < first_ms + IDS);
    now_ms = ms + 1;
    assert_int_equal(rise_from(last, 1), now_ms);
}

static void go_on_when_the_clock_is_set_back_a_little(void **state)
{
    (void)state;
    static const int64_t backs[] = {1, HOUR_MS / 2, HOUR_MS};
    for (size_t i = 0; i < sizeof backs / sizeof backs[0]; i++) {
        char last[HG_UUID_TEXT];
        int64_t first_ms = begin(last);
        now_ms -= backs[i];
        assert_int_equal(rise_from(last, 2), first_ms);
        now_ms = first_ms + 1;
        assert_int_equal(rise_from(last, 1), now_ms);
    }
}

/* Or they would lie in weeks that nobody has made, until the clock has come there again. */
static void take_the_time_of_a_clock_that_was_set_back_far(void **state)
{
    (void)state;
    static const int64_t backs[] = {HOUR_MS + 1, 5 * HOUR_MS, 9 * DAY_MS};
    for (size_t i = 0; i < sizeof backs / sizeof backs[0]; i++) {
        char last[HG_UUID_TEXT];
        (void)begin(last);
        now_ms -= backs[i];
        assert_int_equal(new_id(last), now_ms);
        assert_int_equal(rise_from(last, 1), now_ms); /* and go on from there */
        now_ms++;
        assert_int_equal(rise_from(last, 1), now_ms);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rise_while_time_stands_still),
        cmocka_unit_test(go_on_when_the_clock_is_set_back_a_little),
        cmocka_unit_test(take_the_time_of_a_clock_that_was_set_back_far),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
