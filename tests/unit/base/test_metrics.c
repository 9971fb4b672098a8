/* Prometheus' text form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/metrics.h"

static const struct hg_metric gauge = {"a_bytes", "gauge", "What it is."};

static void test_a_family_with_one_value(void **state)
{
    (void)state;
    HG_CLEANUP(hg_buf_free) struct hg_buf buf = HG_BUF_INIT;
    hg_metrics_single(&buf, &gauge, 12);
    assert_string_equal(hg_buf_text(&buf),
                        "# HELP a_bytes What it is.\n# TYPE a_bytes gauge\na_bytes 12\n");
}

static void test_labels_are_escaped(void **state)
{
    (void)state;
    HG_CLEANUP(hg_buf_free) struct hg_buf buf = HG_BUF_INIT;
    const struct hg_metric_label labels[] = {{"x", "a\"b\\c\nd"}, {"y", NULL}};
    hg_metrics_sample(&buf, &gauge, "_sum", labels, 2, 0.5);
    assert_string_equal(hg_buf_text(&buf), "a_bytes_sum{x=\"a\\\"b\\\\c\\nd\",y=\"\"} 0.5\n");
}

static void test_values(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {0, "a_bytes 0\n"},
        {-3, "a_bytes -3\n"},
        {123456789012345, "a_bytes 123456789012345\n"},
        {1.25, "a_bytes 1.25\n"},
        {1e300, "a_bytes 1.0000000000000001e+300\n"},
    };
    for (size_t i = 0; i < HG_COUNT(cases); i++) {
        HG_CLEANUP(hg_buf_free) struct hg_buf buf = HG_BUF_INIT;
        hg_metrics_sample(&buf, &gauge, "", NULL, 0, cases[i].value);
        assert_string_equal(hg_buf_text(&buf), cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_family_with_one_value),
        cmocka_unit_test(test_labels_are_escaped),
        cmocka_unit_test(test_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
