/* Nulls of columns of every type, in whole and cut batches. */
#include "rule_test.h"

#define ALL_TYPES "bilgduztsS"
static const char all_columns[] =
    "{\"columns\":[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\",\"h\",\"i\",\"j\"]}";
enum { N_TYPES = sizeof ALL_TYPES - 1 };

static const int64_t lengths[] = {0, 1, 7, 8, 9, 63, 64, 65, 200};

/* Rows with random nulls; nulls[column][row] says where. */
static void random_rows(struct rule_test *t, int64_t n, uint64_t *seed, bool (*nulls)[256])
{
    for (int64_t row = 0; row < n; row++) {
        char text[64] = "";
        for (int c = 0; c < N_TYPES; c++) {
            nulls[c][row] = rt_random(seed) % 4 == 0;
            strncat(text, nulls[c][row] ? "~" : "1", 2);
            strncat(text, c + 1 < N_TYPES ? "|" : "", 2);
        }
        rt_row(t, text);
    }
}

static void check_results(const struct rule_test *t, int64_t cut, int64_t n, bool (*nulls)[256])
{
    assert_int_equal(t->results.n, N_TYPES);
    for (int c = 0; c < N_TYPES; c++) {
        const struct hg_rule_result *r = &t->results.items[c];
        int64_t failed = 0;
        for (int64_t row = 0; row < n; row++) {
            failed += nulls[c][cut + row];
            if (r->failures) {
                assert_int_equal(hg_view_bit(r->failures, row), nulls[c][cut + row]);
            }
        }
        for (int64_t row = n; r->failures && row < (n + 7) / 8 * 8; row++) {
            assert_false(hg_view_bit(r->failures, row));
        }
        assert_int_equal(r->column, c);
        assert_int_equal(r->evaluated, n);
        assert_int_equal(r->failed, failed);
        assert_int_equal(r->failures != NULL, failed > 0);
        assert_null(r->undecided);
    }
}

static void test_all_types(void **state)
{
    (void)state;
    static bool nulls[N_TYPES][256];
    struct rule_test t;
    uint64_t seed = 1;
    rt_init(&t, ALL_TYPES);
    assert_int_equal(rt_prepare(&t, all_columns, true), HG_OK);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        for (int64_t cut = 0; cut < 18; cut++) {
            struct ArrowArray array;
            random_rows(&t, lengths[i] + cut, &seed, nulls);
            rt_take(&t, cut, cut % 2, &array);
            assert_int_equal(rt_check(&t, &array), HG_OK);
            check_results(&t, cut, lengths[i], nulls);
        }
    }
    assert_int_equal(rt_finish(&t), HG_OK);
    assert_int_equal(t.results.n, 0);
    rt_done(&t);
}

static void test_one_column(void **state)
{
    (void)state;
    struct rule_test t;
    char words[64];
    rt_init(&t, "iu");
    assert_int_equal(rt_prepare(&t, "{\"columns\":\"b\"}", false), HG_OK);
    rt_row(&t, "~|x");
    rt_row(&t, "1|~");
    rt_row(&t, "2|");
    struct ArrowArray array;
    rt_take(&t, 0, false, &array);
    t.results.struct_size = sizeof t.results;
    assert_int_equal(t.rule->check(t.inst, &array, &t.results, &t.err), HG_OK);
    assert_int_equal(t.results.n, 1);
    assert_int_equal(t.results.items[0].column, 1);
    assert_int_equal(t.results.items[0].failed, 1);
    assert_string_equal(rt_bits(t.results.items[0].failures, 3), "010");
    t.rule->explain(t.inst, &array, 0, 1, words, sizeof words);
    assert_string_equal(words, "b is null");
    t.rule->explain(t.inst, &array, 0, 1, words, 5);
    assert_string_equal(words, "b is");
    array.release(&array);
    rt_done(&t);
}

static void test_bad_config(void **state)
{
    (void)state;
    struct rule_test t;
    rt_init(&t, "iu");
    assert_int_equal(rt_prepare(&t, "{\"columns\":[\"a\",\"x\"]}", false), HG_EINVAL);
    assert_string_equal(t.err.pointer, "/columns/1");
    assert_string_equal(t.err.hint, "The nearest of the columns: \"a\", \"b\".");
    assert_int_equal(rt_prepare(&t, "{}", false), HG_EINVAL);
    assert_string_equal(t.err.pointer, "/columns");
    assert_int_equal(rt_prepare(&t, "{\"columns\":[]}", false), HG_EINVAL);
    assert_string_equal(t.err.pointer, "/columns");
    assert_int_equal(rt_prepare(&t, "{\"columns\":[3]}", false), HG_EINVAL);
    assert_null(t.inst);
    rt_done(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_types),
        cmocka_unit_test(test_one_column),
        cmocka_unit_test(test_bad_config),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
