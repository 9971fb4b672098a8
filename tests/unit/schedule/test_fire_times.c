/* What people see of a schedule's next fire times. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/time.h"
#include "schedule/fire_times.h"

static const char *text_at(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "null";
}

/* "<local time> <effect>" of each, one a line. */
static void assert_times(const char *cron,
                         const char *zone,
                         const char *after,
                         const char *expected)
{
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_json_decrefp) json_t *answer = NULL;
    char all[1024] = "";
    int64_t after_us = 0;
    size_t i;
    const json_t *item;
    assert_int_equal(hg_time_parse(after, &after_us, NULL), HG_OK);
    if (hg_schedules_next(cron, zone, after_us, 3, &answer, &err) < 0) {
        fail_msg("%s", err.message);
    }
    json_array_foreach (json_object_get(answer, "items"), i, item) {
        const json_t *dst = json_object_get(item, "dst");
        size_t n = strlen(all);
        int64_t at_us = 0;
        int64_t local_us = 1;
        (void)snprintf(all + n,
                       sizeof all - n,
                       "%s %s\n",
                       text_at(item, "local_time"),
                       text_at(dst, "effect"));
        assert_int_equal(hg_time_parse(text_at(item, "at"), &at_us, NULL), HG_OK);
        assert_int_equal(hg_time_parse(text_at(item, "local_time"), &local_us, NULL), HG_OK);
        assert_int_equal(at_us, local_us);
    }
    assert_string_equal(all, expected);
}

static void marks_the_days_on_which_clocks_change(void **state)
{
    (void)state;
    assert_times("30 2 * * *",
                 "America/New_York",
                 "2026-03-07T00:00:00Z",
                 "2026-03-07T02:30:00-05:00 null\n"
                 "2026-03-08T03:00:00-04:00 moved\n"
                 "2026-03-09T02:30:00-04:00 null\n");
    assert_times("30 1 * * *",
                 "America/New_York",
                 "2026-10-31T12:00:00Z",
                 "2026-11-01T01:30:00-04:00 first_of_two\n"
                 "2026-11-02T01:30:00-05:00 null\n"
                 "2026-11-03T01:30:00-05:00 null\n");
    assert_times("30 * * * *",
                 "America/New_York",
                 "2026-11-01T05:00:00Z",
                 "2026-11-01T01:30:00-04:00 first_of_two\n"
                 "2026-11-01T01:30:00-05:00 second_of_two\n"
                 "2026-11-01T02:30:00-05:00 none\n");
    assert_times("0 3 * * *",
                 "America/New_York",
                 "2026-03-08T00:00:00Z",
                 "2026-03-08T03:00:00-04:00 none\n"
                 "2026-03-09T03:00:00-04:00 null\n"
                 "2026-03-10T03:00:00-04:00 null\n");
    assert_times("0 0 * * *",
                 "America/Santiago",
                 "2026-09-05T12:00:00Z",
                 "2026-09-06T01:00:00-03:00 moved\n"
                 "2026-09-07T00:00:00-03:00 null\n"
                 "2026-09-08T00:00:00-03:00 null\n");
    assert_times("@daily",
                 "Asia/Kathmandu",
                 "2026-09-05T12:00:00Z",
                 "2026-09-06T00:00:00+05:45 null\n"
                 "2026-09-07T00:00:00+05:45 null\n"
                 "2026-09-08T00:00:00+05:45 null\n");
}

static void names_what_is_wrong(void **state)
{
    static const struct {
        const char *cron;
        const char *zone;
        const char *pointer;
    } cases[] = {
        {"61 * * * *", "UTC", "/cron"},
        {"@reboot", "UTC", "/cron"},
        {"0 0 31 2 *", "UTC", "/cron"},
        {"@daily", "Moon/Tycho", "/timezone"},
        {"@daily", "../../etc/passwd", "/timezone"},
    };
    (void)state;
    for (size_t i = 0; i < HG_COUNT(cases); i++) {
        struct hg_error err = HG_ERROR_INIT;
        json_t *answer = NULL;
        assert_int_equal(hg_schedules_next(cases[i].cron, cases[i].zone, 0, 5, &answer, &err),
                         HG_EINVAL);
        assert_string_equal(err.pointer, cases[i].pointer);
        assert_null(answer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(marks_the_days_on_which_clocks_change),
        cmocka_unit_test(names_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
