/* Memory or files that run out at any point give a status, and nothing is lost or touched. */
#include "rule_test.h"

/* The linker sends all calls in this program's own objects here. */
void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);

static int countdown = -1; /* allocations until one fails; -1: none does */
static bool in_rule;

static bool fails(void)
{
    return in_rule && countdown >= 0 && countdown-- == 0;
}

void *__wrap_malloc(size_t n)
{
    return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
    return fails() ? NULL : __real_realloc(p, n);
}

enum { ROWS = 8000, BATCH = 2000 };

static struct rule_test t;

/* Makes a batch of rows whose keys begin at `from`, rising or falling. */
static void make_batch(int64_t from, bool rising, struct ArrowArray *ret)
{
    for (int64_t i = 0; i < BATCH; i++) {
        assert_int_equal(hg_batch_append_int64(t.batch, 0, rising ? from + i : from - i), HG_OK);
        assert_int_equal(hg_batch_end_row(t.batch), HG_OK);
    }
    rt_take(&t, 0, false, ret);
}

/* One whole life of an instance. The first status that is bad. */
static hg_status live(bool rejecting)
{
    struct ArrowArray array;
    uint32_t open = UINT32_MAX;
    in_rule = true;
    hg_status status = rt_prepare(&t, "{\"columns\":\"a\",\"memory_bytes\":65536}", rejecting);
    in_rule = false;
    for (int64_t at = 0; !status && at < ROWS; at += BATCH) {
        make_batch(at < ROWS / 2 ? at : ROWS - at, at < ROWS / 2, &array);
        in_rule = true;
        status = rt_check(&t, &array);
        in_rule = false;
        const struct hg_rule_result *r = t.results.items;
        for (int64_t i = 0; !status && r->undecided && open == UINT32_MAX && i < BATCH; i++) {
            open = hg_view_bit(r->undecided, i) ? r->partitions[i] : UINT32_MAX;
        }
    }
    in_rule = true;
    if (!status && rejecting) {
        assert_true(open != UINT32_MAX);
        status = t.rule->resolve(t.inst, open, &t.err);
    }
    status = status ? status : rt_finish(&t);
    in_rule = false;
    return status;
}

static void test_memory(void **state)
{
    (void)state;
    rt_init(&t, "l");
    for (int rejecting = 0; rejecting < 2; rejecting++) {
        hg_status status = HG_ENOMEM;
        int n = 0;
        for (; status; n++) {
            countdown = n;
            status = live(rejecting);
            countdown = -1;
            assert_true(status == HG_OK || status == HG_ENOMEM);
            assert_true(status == HG_OK || t.err.code == HG_ENOMEM);
            assert_true(n < 1000);
        }
        assert_true(n > 10);
    }
    rt_done(&t);
}

static void test_no_file(void **state)
{
    (void)state;
    for (int rejecting = 0; rejecting < 2; rejecting++) {
        rt_init(&t, "l");
        t.no_file = true;
        assert_int_equal(live(rejecting), HG_ENOTSUP);
        assert_string_equal(t.err.hint, "Give the rule more memory_bytes.");
        t.no_file = false;
        t.fail_temp = true;
        assert_int_equal(live(rejecting), HG_EIO);
        assert_string_equal(t.err.message, "the temporary file for keys: no room for a file");
        t.fail_temp = false;
        assert_int_equal(live(rejecting), HG_OK);
        rt_done(&t);
    }
}

static void test_bad_file(void **state)
{
    (void)state;
    for (int rejecting = 0; rejecting < 2; rejecting++) {
        rt_init(&t, "l");
        t.bad_temp = 1;
        assert_true(live(rejecting) != HG_OK);
        assert_non_null(strstr(t.err.message, "writing the temporary file for keys"));
        t.bad_temp = 2;
        assert_true(live(rejecting) != HG_OK);
        assert_non_null(strstr(t.err.message, "reading the temporary file for keys"));
        rt_done(&t);
    }
}

static void test_cancelled(void **state)
{
    (void)state;
    struct ArrowArray array;
    rt_init(&t, "l");
    assert_int_equal(rt_prepare(&t, "{\"columns\":\"a\",\"memory_bytes\":65536}", false), HG_OK);
    make_batch(BATCH, false, &array);
    assert_int_equal(rt_check(&t, &array), HG_OK);
    t.cancelled = true;
    assert_int_equal(rt_finish(&t), HG_ECANCELLED);
    rt_done(&t);
}

/* What a host must not do. */
static void test_misuse(void **state)
{
    (void)state;
    struct ArrowArray array;
    uint32_t open = UINT32_MAX;
    rt_init(&t, "l");
    assert_int_equal(rt_prepare(&t, "{\"columns\":\"a\",\"memory_bytes\":65536}", true), HG_OK);
    assert_int_equal(t.rule->resolve(t.inst, 0, &t.err), HG_ECONFLICT);
    make_batch(BATCH, false, &array);
    assert_int_equal(rt_check(&t, &array), HG_OK);
    for (int64_t i = 0; open == UINT32_MAX && i < BATCH; i++) {
        const struct hg_rule_result *r = t.results.items;
        open = hg_view_bit(r->undecided, i) ? r->partitions[i] : UINT32_MAX;
    }
    assert_int_equal(t.rule->resolve(t.inst, 256, &t.err), HG_ECONFLICT);
    assert_int_equal(t.rule->resolve(t.inst, open, &t.err), HG_OK);
    make_batch(BATCH, false, &array); /* rows of all partitions */
    assert_int_equal(rt_check(&t, &array), HG_ECONFLICT);
    rt_done(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_no_file),
        cmocka_unit_test(test_bad_file),
        cmocka_unit_test(test_cancelled),
        cmocka_unit_test(test_misuse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
