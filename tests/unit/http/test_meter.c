/* What the server counts of its answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "http/meter.h"

static const struct hg_route routes[] = {
    {.method = "GET", .pattern = "/a"},
    {.method = "POST", .pattern = "/b/{id}"},
};

static bool has(const struct hg_buf *buf, const char *line)
{
    return strstr(hg_buf_text(buf), line) != NULL;
}

static void test_answers_by_route_and_status(void **state)
{
    (void)state;
    struct hg_http_meter *meter = NULL;
    HG_CLEANUP(hg_buf_free) struct hg_buf buf = HG_BUF_INIT;
    assert_int_equal(hg_http_meter_new(routes, HG_COUNT(routes), &meter, NULL), HG_OK);
    hg_http_meter_note(meter, &routes[1], 202, 7);
    hg_http_meter_note(meter, &routes[1], 202, 60000);
    hg_http_meter_note(meter, &routes[1], 409, 3);
    hg_http_meter_note(meter, NULL, 404, 1);
    hg_http_meter_note(meter, &routes[0], 0, 1); /* nobody was there to take it */
    hg_http_meter_put(meter, &buf);
    assert_true(has(&buf,
                    "headgate_http_requests_total{method=\"POST\",route=\"/b/{id}\",status=\"202\"}"
                    " 2\n"));
    assert_true(has(&buf, "route=\"/b/{id}\",status=\"409\"} 1\n"));
    assert_true(has(&buf, "{method=\"\",route=\"\",status=\"404\"} 1\n"));
    assert_false(has(&buf, "route=\"/a\""));
    hg_http_meter_free(meter);
}

/* Buckets hold all that took no longer; what took longest is in the last one alone. */
static void test_durations(void **state)
{
    (void)state;
    struct hg_http_meter *meter = NULL;
    HG_CLEANUP(hg_buf_free) struct hg_buf buf = HG_BUF_INIT;
    assert_int_equal(hg_http_meter_new(routes, HG_COUNT(routes), &meter, NULL), HG_OK);
    hg_http_meter_note(meter, &routes[0], 200, 5);
    hg_http_meter_note(meter, &routes[0], 200, 6);
    hg_http_meter_note(meter, &routes[0], 200, 40000);
    hg_http_meter_put(meter, &buf);
    assert_true(has(&buf, "route=\"/a\",le=\"0.005\"} 1\n"));
    assert_true(has(&buf, "route=\"/a\",le=\"0.01\"} 2\n"));
    assert_true(has(&buf, "route=\"/a\",le=\"30\"} 2\n"));
    assert_true(has(&buf, "route=\"/a\",le=\"+Inf\"} 3\n"));
    assert_true(has(&buf, "_sum{method=\"GET\",route=\"/a\"} 40.011"));
    assert_true(has(&buf, "_count{method=\"GET\",route=\"/a\"} 3\n"));
    hg_http_meter_free(meter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers_by_route_and_status),
        cmocka_unit_test(test_durations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
