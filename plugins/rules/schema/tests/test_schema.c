/* Columns that are there, missing, of another type, in another order, or too many. */
#include "rule_test.h"

static const struct hg_column bars[] = {
    {.name = "symbol", .type = HG_TYPE_UTF8},
    {.name = "day", .type = HG_TYPE_DATE32},
    {.name = "close", .type = HG_TYPE_DECIMAL128, .precision = 18, .scale = 4},
    {.name = "volume", .type = HG_TYPE_INT64},
    {.name = "_hg_pos", .type = HG_TYPE_INT64},
};
enum { N_BARS = sizeof bars / sizeof bars[0] };

/* "column:failed/evaluated ..." of all results that check or finish gave. */
static const char *figures(const struct rule_test *t)
{
    static char text[256];
    size_t n = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < t->results.n; i++) {
        const struct hg_rule_result *r = &t->results.items[i];
        assert_null(r->failures);
        n += (size_t)snprintf(text + n,
                              sizeof text - n,
                              "%s%d:%d/%d",
                              n ? " " : "",
                              r->column,
                              (int)r->failed,
                              (int)r->evaluated);
    }
    return text;
}

static void expect(const char *config, const char *results, const char *log)
{
    struct rule_test t;
    rt_init_columns(&t, bars, N_BARS);
    assert_int_equal(rt_prepare(&t, config, false), HG_OK);
    assert_int_equal(rt_finish(&t), HG_OK);
    assert_string_equal(figures(&t), results);
    assert_string_equal(t.log, log);
    rt_done(&t);
}

static void test_good(void **state)
{
    (void)state;
    expect("{\"columns\":{\"volume\":\"int64\",\"symbol\":\"utf8\",\"day\":\"date\","
           "\"close\":\"decimal(18,4)\"},\"extra\":\"forbid\"}",
           "3:0/1 0:0/1 1:0/1 2:0/1",
           "");
    expect("{\"columns\":{\"close\":\"decimal\"}}", "2:0/1", "");
    expect("{\"columns\":{\"symbol\":\"utf8\",\"volume\":\"int64\"},\"order\":true}",
           "0:0/1 3:0/1",
           "");
    expect("{\"columns\":{\"close\":\"decimal( 18 , 4 )\"}}", "2:0/1", "");
}

static void test_bad(void **state)
{
    (void)state;
    expect("{\"columns\":{\"close\":\"float64\",\"day\":\"date\"}}",
           "2:1/1 1:0/1",
           "column \"close\" is decimal(18,4), expected float64\n");
    expect("{\"columns\":{\"close\":\"decimal(18,2)\"}}",
           "2:1/1",
           "column \"close\" is decimal(18,4), expected decimal(18,2)\n");
    expect("{\"columns\":{\"closed\":\"float64\",\"x\":\"bool\"}}",
           "-1:1/1 -1:1/1",
           "column \"closed\" (float64) is missing; The nearest of the columns: \"close\","
           " \"volume\", \"symbol\".\n"
           "column \"x\" (bool) is missing; The nearest of the columns: \"day\", \"close\","
           " \"symbol\".\n");
    expect("{\"columns\":{\"symbol\":\"utf8\",\"day\":\"date\",\"close\":\"decimal\"},"
           "\"extra\":\"forbid\"}",
           "0:0/1 1:0/1 2:0/1 3:1/1",
           "column \"volume\" (int64) is there, expected no other columns\n");
    expect("{\"columns\":{\"symbol\":\"utf8\",\"close\":\"decimal\",\"day\":\"date\"},"
           "\"order\":true}",
           "0:0/1 2:0/1 1:1/1",
           "column \"day\" stands before \"close\", expected behind it\n");
}

static void test_all_types(void **state)
{
    (void)state;
    static const char letters[] = "bilgduztsS";
    static const char *const names[] = {"bool",
                                        "int32",
                                        "int64",
                                        "float64",
                                        "decimal(18,4)",
                                        "utf8",
                                        "binary",
                                        "date",
                                        "timestamp",
                                        "timestamp"};
    struct rule_test t;
    rt_init(&t, letters);
    for (int c = 0; letters[c]; c++) {
        for (int k = 0; letters[k]; k++) {
            char config[128];
            (void)snprintf(
                config, sizeof config, "{\"columns\":{\"%c\":\"%s\"}}", 'a' + c, names[k]);
            assert_int_equal(rt_prepare(&t, config, true), HG_OK);
            assert_int_equal(rt_finish(&t), HG_OK);
            assert_int_equal(t.results.n, 1);
            assert_int_equal(t.results.items[0].failed, strcmp(names[c], names[k]) != 0);
            t.n_log = 0;
        }
    }
    rt_done(&t);
}

static void test_told_once(void **state)
{
    (void)state;
    struct rule_test t;
    rt_init(&t, "i");
    assert_int_equal(rt_prepare(&t, "{\"columns\":{\"a\":\"int64\"}}", false), HG_OK);
    rt_row(&t, "1");
    rt_check_rows(&t);
    assert_string_equal(figures(&t), "0:1/1");
    rt_row(&t, "2");
    rt_check_rows(&t);
    assert_int_equal(t.results.n, 0);
    assert_int_equal(rt_finish(&t), HG_OK);
    assert_int_equal(t.results.n, 0);
    rt_done(&t);
}

static void test_bad_config(void **state)
{
    (void)state;
    struct rule_test t;
    rt_init(&t, "i");
    assert_int_equal(rt_prepare(&t, "{\"columns\":{\"a/b\":\"integer\"}}", false), HG_EINVAL);
    assert_string_equal(t.err.pointer, "/columns/a~1b");
    assert_string_equal(t.err.message, "\"integer\" is no type");
    assert_int_equal(rt_prepare(&t, "{\"columns\":{\"a\":\"decimal(4,5)\"}}", false), HG_EINVAL);
    assert_string_equal(t.err.pointer, "/columns/a");
    assert_int_equal(rt_prepare(&t, "{\"columns\":{\"a\":\"decimal(4,2)x\"}}", false), HG_EINVAL);
    assert_int_equal(rt_prepare(&t, "{}", false), HG_EINVAL);
    assert_string_equal(t.err.pointer, "/columns");
    assert_int_equal(rt_prepare(&t, "{\"columns\":{\"a\":\"int32\"},\"extra\":\"no\"}", false),
                     HG_EINVAL);
    assert_string_equal(t.err.pointer, "/extra");
    assert_null(t.inst);
    rt_done(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_all_types),
        cmocka_unit_test(test_told_once),
        cmocka_unit_test(test_bad_config),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
