/* Bounds against values of every type. */
#include <math.h>

#include "rule_test.h"

static struct rule_test t;

/* The values (one column of the type) against the bounds: failing rows as bits. */
static void expect(const char *letter, const char *bounds, const char *values, const char *bits)
{
    char config[256];
    char copy[256];
    char *at = copy;
    int64_t n = 0;
    int64_t evaluated = 0;
    rt_init(&t, letter);
    (void)snprintf(config, sizeof config, "{\"column\":\"a\",%s}", bounds);
    if (rt_prepare(&t, config, true)) {
        fail_msg("%s: %s", config, t.err.message);
    }
    (void)snprintf(copy, sizeof copy, "%s", values);
    while (at) {
        const char *value = strsep(&at, " ");
        rt_row(&t, value);
        evaluated += strcmp(value, "~") != 0;
        n++;
    }
    rt_check_rows(&t);
    const struct hg_rule_result *r = &t.results.items[0];
    assert_int_equal(t.results.n, 1);
    assert_int_equal(r->evaluated, evaluated);
    if (strchr(bits, '1')) {
        assert_non_null(r->failures);
        assert_string_equal(rt_bits(r->failures, n), bits);
    } else {
        assert_int_equal(r->failed, 0);
        assert_null(r->failures);
    }
    rt_done(&t);
}

static void refuse(const char *letter, const char *rest, const char *pointer, const char *message)
{
    char config[256];
    rt_init(&t, letter);
    (void)snprintf(config, sizeof config, "{%s}", rest);
    assert_int_equal(rt_prepare(&t, config, true), HG_EINVAL);
    assert_string_equal(t.err.pointer, pointer);
    assert_string_equal(t.err.message, message);
    rt_done(&t);
}

static void test_integers(void **state)
{
    (void)state;
    expect("i", "\"min\":0", "-1 0 1 ~", "1000");
    expect("i", "\"exclusive_min\":0", "-1 0 1 ~", "1100");
    expect("i", "\"max\":5", "4 5 6", "001");
    expect("i", "\"exclusive_max\":5", "4 5 6", "011");
    expect("l", "\"min\":0.5,\"max\":2.5", "0 1 2 3", "1001");
    expect("l", "\"min\":-0.5,\"max\":0.5", "-1 0 1", "101");
    expect("l", "\"exclusive_min\":-1.5,\"exclusive_max\":-0.5", "-2 -1 0", "101");
    expect("i", "\"max\":1e30", "2147483647 -2147483648", "00");
    expect("i", "\"min\":-1e30", "2147483647 -2147483648", "00");
    expect("i", "\"min\":-2147483648,\"max\":2147483646", "2147483647 -2147483648", "10");
    /* Beyond the 53 bits of a double. */
    expect("l",
           "\"min\":9223372036854775806",
           "9223372036854775805 9223372036854775806 9223372036854775807",
           "100");
    expect("l",
           "\"exclusive_max\":-9223372036854775807",
           "-9223372036854775808 -9223372036854775807",
           "01");
    expect("l", "\"min\":\"100\"", "99 100", "10");
    expect("l", "\"min\":1.5e1", "14 15", "10");
}

static void test_decimals(void **state)
{
    (void)state;
    /* Four digits behind the point: 1000 is 0.1. */
    expect("d", "\"min\":0.1", "999 1000 1001", "100");
    expect("d", "\"exclusive_min\":0.1", "999 1000 1001", "110");
    expect("d", "\"max\":0.1", "999 1000 1001", "001");
    expect("d", "\"exclusive_max\":0.1", "999 1000 1001", "011");
    /* What a double prints for 0.1 on the way here means 0.1. */
    expect("d", "\"min\":0.10000000000000001", "999 1000 1001", "100");
    expect("d", "\"max\":0.29999999999999999", "2999 3000 3001", "001");
    /* As text it means what it says. */
    expect("d", "\"min\":\"0.10000000000000001\"", "999 1000 1001", "110");
    expect("d", "\"max\":\"-0.00005\"", "-2 -1 0", "001");
    expect("d", "\"min\":\"-0.00005\"", "-2 -1 0", "110");
    expect("d", "\"min\":1e-4,\"max\":12e1", "0 1 1200000 1200001", "1001");
    expect("d", "\"max\":\"99999999999999.9999\"", "999999999999999999", "0");
    expect("d", "\"max\":\"99999999999999.9998\"", "999999999999999999 ~", "10");
    expect("d", "\"min\":-1e60", "-999999999999999999", "0");
    expect("d", "\"min\":0", "-0 -1", "01");
}

/* Decimals that need both halves. */
static void test_wide_decimals(void **state)
{
    (void)state;
    static const struct hg_column wide[] = {
        {.name = "w", .type = HG_TYPE_DECIMAL128, .precision = 38, .scale = 2, .nullable = true}};
    const hg_int128 e20 = (hg_int128)10000000000 * 10000000000;
    const hg_int128 values[] = {e20 * 100,
                                e20 * 100 + 1,
                                -e20 * 100,
                                -e20 * 100 - 1,
                                0,
                                -1,
                                (hg_int128)1 << 64,
                                -((hg_int128)1 << 64)};
    rt_init_columns(&t, wide, 1);
    assert_int_equal(
        rt_prepare(&t, "{\"column\":\"w\",\"min\":\"-100000000000000000000\",\"max\":1e20}", true),
        HG_OK);
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        assert_int_equal(hg_batch_append_decimal(t.batch, 0, values[i]), HG_OK);
        assert_int_equal(hg_batch_end_row(t.batch), HG_OK);
    }
    rt_check_rows(&t);
    assert_string_equal(rt_bits(t.results.items[0].failures, 8), "01010000");
    assert_int_equal(rt_prepare(&t, "{\"column\":\"w\",\"min\":0,\"max\":10}", true), HG_OK);
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        assert_int_equal(hg_batch_append_decimal(t.batch, 0, values[i]), HG_OK);
        assert_int_equal(hg_batch_end_row(t.batch), HG_OK);
    }
    rt_check_rows(&t);
    assert_string_equal(rt_bits(t.results.items[0].failures, 8), "11110111");
    rt_done(&t);
}

static void test_floats(void **state)
{
    (void)state;
    expect("g", "\"min\":0.1", "0.1 0.09999999999999999 nan ~ inf -inf", "011001");
    expect("g", "\"exclusive_min\":0", "0 -0 1e-320 nan", "1101");
    expect("g", "\"max\":0", "0 -0 1e-320 -inf nan", "00101");
    expect("g", "\"exclusive_max\":1.5", "1.5 1.4999999999999998", "10");
    expect("g", "\"min\":\"-1e300\"", "-1e301 -1e300", "10");
}

static void test_times(void **state)
{
    (void)state;
    expect("t", "\"min\":\"1970-01-02\"", "0 1 2 ~", "1000");
    expect("t", "\"exclusive_max\":\"2000-03-01\"", "11016 11017 11018", "011");
    expect("t", "\"min\":\"1969-12-31\",\"max\":\"1970-01-01\"", "-2 -1 0 1", "1001");
    expect("t", "\"min\":\"0001-01-01\"", "-719163 -719162", "10");
    expect("s", "\"min\":\"1970-01-01\"", "-1 0", "10");
    expect("s", "\"max\":\"1970-01-01 00:00:01.5\"", "1500000 1500001", "01");
    expect("s", "\"exclusive_min\":\"1970-01-02T01:00\"", "90000000000 90000000001", "10");
    expect("S", "\"min\":\"1970-01-01T01:00:00+01:00\"", "-1 0", "10");
    expect("S", "\"min\":\"1970-01-01T00:00:00Z\"", "-1 0", "10");
    expect("S", "\"max\":\"1969-12-31 23:30:00-00:30\"", "0 1", "01");
}

static void test_refused(void **state)
{
    (void)state;
    refuse("i", "\"column\":\"a\"", "", "a range without a bound");
    refuse("i", "\"min\":1", "/columns", "a range without a column");
    refuse("i",
           "\"min\":1,\"column\":\"a\",\"columns\":[\"a\"]",
           "/columns",
           "\"columns\" and \"column\" are both given");
    refuse("i", "\"min\":1,\"column\":\"x\"", "/column", "there is no column \"x\"");
    refuse("i", "\"min\":1,\"columns\":[\"a\",\"x\"]", "/columns/1", "there is no column \"x\"");
    refuse("iu",
           "\"min\":1,\"columns\":[\"a\",\"b\"]",
           "/columns/1",
           "column \"b\" is utf8, which has no range");
    refuse(
        "b", "\"min\":1,\"column\":\"a\"", "/column", "column \"a\" is bool, which has no range");
    refuse("i",
           "\"min\":1,\"exclusive_min\":2,\"column\":\"a\"",
           "/exclusive_min",
           "\"min\" and \"exclusive_min\" are both given");
    refuse("i",
           "\"max\":1,\"exclusive_max\":2,\"column\":\"a\"",
           "/exclusive_max",
           "\"max\" and \"exclusive_max\" are both given");
    refuse("i", "\"min\":true,\"column\":\"a\"", "/min", "\"min\" is neither a number nor a text");
    refuse(
        "i", "\"min\":\"\",\"column\":\"a\"", "/min", "\"min\" has 0 characters, expected 1 to 63");
    refuse("i", "\"max\":\"12x\",\"column\":\"a\"", "/max", "\"max\" is \"12x\", not a number");
    refuse("g", "\"max\":\"x\",\"column\":\"a\"", "/max", "\"max\" is \"x\", not a number");
    refuse("g", "\"max\":\"1e999\",\"column\":\"a\"", "/max", "\"max\" is \"1e999\", not a number");
    refuse("t", "\"max\":12,\"column\":\"a\"", "/max", "\"max\" is 12, not a date");
    refuse("t",
           "\"max\":\"2001-02-29\",\"column\":\"a\"",
           "/max",
           "\"max\" is 2001-02-29, not a date");
    refuse("t",
           "\"max\":\"2001-02-01 10:00\",\"column\":\"a\"",
           "/max",
           "\"max\" is 2001-02-01 10:00, not a date");
    refuse("s",
           "\"min\":\"2001-02-01 25:00\",\"column\":\"a\"",
           "/min",
           "\"min\" is 2001-02-01 25:00, not a timestamp");
    refuse("s",
           "\"min\":\"2001-02-01 10:00Z\",\"column\":\"a\"",
           "/min",
           "\"min\" is 2001-02-01 10:00Z, but the column's timestamps have no zone");
    refuse("S",
           "\"min\":\"2001-02-01 10:00:00.\",\"column\":\"a\"",
           "/min",
           "\"min\" is 2001-02-01 10:00:00., not a timestamp");
    refuse("i",
           "\"min\":3,\"max\":2,\"column\":\"a\"",
           "/max",
           "no int32 lies within the bounds for column \"a\"");
    refuse("i",
           "\"min\":1e30,\"column\":\"a\"",
           "/min",
           "no int32 lies within the bounds for column \"a\"");
    refuse("l",
           "\"min\":0.2,\"max\":0.8,\"column\":\"a\"",
           "/max",
           "no int64 lies within the bounds for column \"a\"");
    refuse("g",
           "\"exclusive_min\":1,\"exclusive_max\":1,\"column\":\"a\"",
           "/exclusive_max",
           "no float64 lies within the bounds for column \"a\"");
}

static void explain(const char *letter, const char *bounds, const char *value, const char *words)
{
    char config[256];
    char text[256];
    struct ArrowArray array;
    rt_init(&t, letter);
    (void)snprintf(config, sizeof config, "{\"columns\":\"a\",%s}", bounds);
    assert_int_equal(rt_prepare(&t, config, true), HG_OK);
    rt_row(&t, "~");
    rt_row(&t, value);
    rt_take(&t, 1, false, &array);
    t.results.struct_size = sizeof t.results;
    assert_int_equal(t.rule->check(t.inst, &array, &t.results, &t.err), HG_OK);
    assert_int_equal(t.results.items[0].failed, 1);
    t.rule->explain(t.inst, &array, 0, 0, text, sizeof text);
    assert_string_equal(text, words);
    t.rule->explain(t.inst, &array, 0, 0, text, 4);
    assert_int_equal(strlen(text), 3);
    array.release(&array);
    rt_done(&t);
}

static void test_words(void **state)
{
    (void)state;
    explain("i", "\"min\":0", "-3", "a = -3 is below the minimum 0");
    explain("l", "\"max\":100000.5", "100001", "a = 100001 is above the maximum 100000.5");
    explain("d", "\"exclusive_min\":0.10000000000000001", "1000", "a = 0.1000 is not above 0.1");
    explain("g", "\"exclusive_max\":100.0", "100", "a = 100 is not below 100");
    explain("g", "\"min\":1e22", "1", "a = 1 is below the minimum 1e+22");
    explain("g", "\"min\":0", "nan", "a is not a number (NaN)");
    explain("t", "\"min\":\"1970-01-02\"", "0", "a = 1970-01-01 is below the minimum 1970-01-02");
    explain("S",
            "\"min\":\"1970-01-02\"",
            "0",
            "a = 1970-01-01 00:00:00Z is below the minimum 1970-01-02");
}

/* Random values and nulls of all numeric types against plain comparisons, in cut batches. */
static void test_random(void **state)
{
    (void)state;
    static const int64_t lengths[] = {0, 1, 7, 8, 9, 63, 64, 65, 127, 129, 300};
    static int values[6][512];
    static bool nulls[6][512];
    uint64_t seed = 7;
    rt_init(&t, "ilgdts");
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        for (int64_t cut = 0; cut < 20; cut += 1 + (int64_t)i % 3) {
            struct ArrowArray array;
            int spread = i % 2 ? 20 : 12; /* the second rarely fails */
            assert_int_equal(rt_prepare(&t,
                                        "{\"columns\":[\"a\",\"b\",\"c\",\"d\"],\"min\":-10,"
                                        "\"exclusive_max\":10}",
                                        false),
                             HG_OK);
            for (int64_t row = 0; row < lengths[i] + cut; row++) {
                char text[128];
                char cells[6][16];
                for (int c = 0; c < 6; c++) {
                    values[c][row] = (int)(rt_random(&seed) % (unsigned)(2 * spread)) - spread;
                    nulls[c][row] = rt_random(&seed) % 5 == 0 && lengths[i] != 64;
                    (void)snprintf(cells[c],
                                   sizeof cells[c],
                                   nulls[c][row] ? "~" : "%d",
                                   values[c][row] * (c == 3 ? 10000 : 1));
                }
                (void)snprintf(text,
                               sizeof text,
                               "%s|%s|%s|%s|%s|%s",
                               cells[0],
                               cells[1],
                               cells[2],
                               cells[3],
                               cells[4],
                               cells[5]);
                rt_row(&t, text);
            }
            rt_take(&t, cut, cut % 2, &array);
            assert_int_equal(rt_check(&t, &array), HG_OK);
            for (int c = 0; c < 4; c++) {
                const struct hg_rule_result *r = &t.results.items[c];
                int64_t failed = 0;
                int64_t evaluated = 0;
                for (int64_t row = 0; row < lengths[i]; row++) {
                    int value = values[c][cut + row];
                    bool fails = !nulls[c][cut + row] && (value < -10 || value >= 10);
                    failed += fails;
                    evaluated += !nulls[c][cut + row];
                    assert_int_equal(r->failures && hg_view_bit(r->failures, row), fails);
                }
                for (int64_t row = lengths[i]; r->failures && row % 8; row++) {
                    assert_false(hg_view_bit(r->failures, row));
                }
                assert_int_equal(r->column, c);
                assert_int_equal(r->failed, failed);
                assert_int_equal(r->evaluated, evaluated);
            }
        }
    }
    rt_done(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_decimals),
        cmocka_unit_test(test_wide_decimals),
        cmocka_unit_test(test_floats),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
