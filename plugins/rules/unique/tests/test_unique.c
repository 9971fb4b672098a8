/*
 * The rule in a flow in small: rows that it leaves undecided are put aside by partition and shown
 * again, as the host does. The verdicts are compared with those of a plain list of the keys seen.
 */
#include <math.h>

#include "rule_test.h"

enum { PARTITIONS = 256 };

/* ---- rows ---- */

enum shape { SORTED, ALMOST_SORTED, RANDOM, REVERSED, SORTED_THEN_RANDOM, N_SHAPES };

struct rows {
    int64_t n;
    int64_t *keys; /* number of the key, -1 for a row with a null */
};

static void make_rows(
    struct rows *rows, enum shape shape, int64_t n, int64_t n_keys, uint64_t *seed)
{
    rows->n = n;
    rows->keys = malloc((size_t)(n ? n : 1) * sizeof *rows->keys);
    assert_non_null(rows->keys);
    for (int64_t i = 0; i < n; i++) {
        int64_t any = (int64_t)(rt_random(seed) % (uint64_t)n_keys);
        int64_t key = any;
        if (shape == SORTED || (shape == SORTED_THEN_RANDOM && i < n / 2)) {
            key = i;
        } else if (shape == ALMOST_SORTED) {
            key = rt_random(seed) % 100 == 0 ? any : i;
        } else if (shape == REVERSED) {
            key = n - i;
        }
        rows->keys[i] = rt_random(seed) % 50 == 0 ? -1 : key;
    }
}

static void append(struct rule_test *t, int64_t key, int64_t number)
{
    char text[32];
    (void)snprintf(text, sizeof text, key % 5 ? "S%05lld" : "LONGER%012lld", (long long)key / 16);
    if (key < 0 && number % 2) {
        assert_int_equal(hg_batch_append_null(t->batch, 0), HG_OK);
        assert_int_equal(hg_batch_append_int64(t->batch, 1, number), HG_OK);
    } else if (key < 0) {
        assert_int_equal(hg_batch_append_text(t->batch, 0, "S"), HG_OK);
        assert_int_equal(hg_batch_append_null(t->batch, 1), HG_OK);
    } else {
        assert_int_equal(hg_batch_append_text(t->batch, 0, text), HG_OK);
        assert_int_equal(hg_batch_append_int64(t->batch, 1, key), HG_OK);
    }
    assert_int_equal(hg_batch_append_int32(t->batch, 2, (int32_t)number), HG_OK);
    assert_int_equal(hg_batch_end_row(t->batch), HG_OK);
}

/* ---- the plain way ---- */

struct oracle {
    bool *fails; /* one a row */
    int64_t evaluated;
    int64_t failed;
};

static void judge_plainly(const struct rows *rows, struct oracle *ret)
{
    bool *seen = calloc((size_t)rows->n + 1000000, 1);
    ret->fails = calloc((size_t)(rows->n ? rows->n : 1), 1);
    ret->evaluated = 0;
    ret->failed = 0;
    for (int64_t i = 0; i < rows->n; i++) {
        int64_t key = rows->keys[i];
        if (key >= 0) {
            ret->fails[i] = seen[key];
            ret->failed += seen[key];
            ret->evaluated++;
            seen[key] = true;
        }
    }
    free(seen);
}

/* ---- the flow ---- */

struct flow {
    struct rule_test t;
    const struct rows *rows;
    bool rejecting;
    int64_t evaluated;
    int64_t failed;
    bool *fails;
    int64_t *aside[PARTITIONS]; /* numbers of the rows that are undecided */
    int64_t n_aside[PARTITIONS];
    int64_t room_aside[PARTITIONS];
    int64_t n_undecided;
};

static void put_aside(struct flow *flow, uint32_t p, int64_t number)
{
    assert_true(p < PARTITIONS);
    if (flow->n_aside[p] == flow->room_aside[p]) {
        flow->room_aside[p] = flow->room_aside[p] * 2 + 8;
        flow->aside[p] =
            realloc(flow->aside[p], (size_t)flow->room_aside[p] * sizeof *flow->aside[p]);
        assert_non_null(flow->aside[p]);
    }
    flow->aside[p][flow->n_aside[p]++] = number;
    flow->n_undecided++;
}

/* Shows the rows of these numbers; `again`: none may be undecided. */
static void show(struct flow *flow, const int64_t *numbers, int64_t n, bool again)
{
    struct ArrowArray array;
    for (int64_t i = 0; i < n; i++) {
        append(&flow->t, flow->rows->keys[numbers[i]], numbers[i]);
    }
    rt_take(&flow->t, 0, false, &array);
    assert_int_equal(rt_check(&flow->t, &array), HG_OK);
    assert_int_equal(flow->t.results.n, 1);
    const struct hg_rule_result *r = flow->t.results.items;
    int64_t failed = 0;
    int64_t undecided = 0;
    int64_t n_keys = 0;
    assert_int_equal(r->column, -1);
    assert_true(r->failures || r->failed == 0);
    assert_true(!r->undecided || (flow->rejecting && !again && r->partitions));
    for (int64_t i = 0; i < n; i++) {
        bool fails = r->failures && hg_view_bit(r->failures, i);
        bool open = r->undecided && hg_view_bit(r->undecided, i);
        assert_false(fails && open);
        failed += fails;
        undecided += open;
        n_keys += flow->rows->keys[numbers[i]] >= 0;
        flow->fails[numbers[i]] = fails;
        if (open) {
            put_aside(flow, r->partitions[i], numbers[i]);
        }
    }
    assert_int_equal(r->failed, failed);
    assert_true(r->evaluated <= n_keys - undecided);
    assert_true(!flow->rejecting || r->evaluated == n_keys - undecided);
    flow->evaluated += r->evaluated;
    flow->failed += r->failed;
}

static void show_aside(struct flow *flow, uint64_t *seed)
{
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        if (flow->n_aside[p] == 0) {
            continue;
        }
        assert_int_equal(flow->t.rule->resolve(flow->t.inst, p, &flow->t.err), HG_OK);
        for (int64_t at = 0; at < flow->n_aside[p];) {
            int64_t n = 1 + (int64_t)(rt_random(seed) % 1500);
            n = n < flow->n_aside[p] - at ? n : flow->n_aside[p] - at;
            show(flow, flow->aside[p] + at, n, true);
            at += n;
        }
        free(flow->aside[p]);
    }
}

static void run_flow(struct flow *flow, const char *config, int64_t max_batch, uint64_t *seed)
{
    int64_t *numbers = malloc((size_t)max_batch * sizeof *numbers);
    rt_init(&flow->t, "uli");
    assert_int_equal(rt_prepare(&flow->t, config, flow->rejecting), HG_OK);
    flow->fails = calloc((size_t)(flow->rows->n ? flow->rows->n : 1), 1);
    for (int64_t at = 0; at < flow->rows->n;) {
        int64_t n = (int64_t)(rt_random(seed) % (uint64_t)(max_batch + 1));
        n = n < flow->rows->n - at ? n : flow->rows->n - at;
        for (int64_t i = 0; i < n; i++) {
            numbers[i] = at + i;
        }
        show(flow, numbers, n, false);
        at += n;
    }
    free(numbers);
    show_aside(flow, seed);
    assert_int_equal(rt_finish(&flow->t), HG_OK);
    if (flow->t.results.n > 0) {
        assert_false(flow->rejecting);
        assert_int_equal(flow->t.results.n, 1);
        assert_int_equal(flow->t.results.items[0].column, -1);
        assert_null(flow->t.results.items[0].failures);
        flow->evaluated += flow->t.results.items[0].evaluated;
        flow->failed += flow->t.results.items[0].failed;
    }
    rt_done(&flow->t);
}

static int64_t compare(
    enum shape shape, int64_t n, int64_t n_keys, bool rejecting, int64_t memory, uint64_t *seed)
{
    char config[128];
    struct rows rows;
    struct oracle oracle;
    struct flow flow = {.rows = &rows, .rejecting = rejecting};
    make_rows(&rows, shape, n, n_keys, seed);
    judge_plainly(&rows, &oracle);
    (void)snprintf(config,
                   sizeof config,
                   "{\"columns\":[\"b\",\"a\"],\"memory_bytes\":%lld}",
                   (long long)memory);
    run_flow(&flow, config, n > 10000 ? 9000 : 1 + n / 3, seed);
    assert_int_equal(flow.evaluated, oracle.evaluated);
    assert_int_equal(flow.failed, oracle.failed);
    for (int64_t i = 0; i < n; i++) {
        /* When only counting, what is found late has no row. */
        assert_true(rejecting ? flow.fails[i] == oracle.fails[i]
                              : !flow.fails[i] || oracle.fails[i]);
    }
    free(rows.keys);
    free(oracle.fails);
    free(flow.fails);
    return flow.n_undecided;
}

/* ---- tests ---- */

static void test_small(void **state)
{
    (void)state;
    uint64_t seed = 11;
    for (int64_t n = 0; n < 200; n += n < 70 ? 1 : 13) {
        for (enum shape shape = SORTED; shape < N_SHAPES; shape++) {
            (void)compare(shape, n, 1 + n / 2, n % 2, 65536, &seed);
        }
    }
}

/* Everything fits. */
static void test_in_memory(void **state)
{
    (void)state;
    uint64_t seed = 12;
    for (enum shape shape = SORTED; shape < N_SHAPES; shape++) {
        assert_int_equal(compare(shape, 20000, 15000, true, 33554432, &seed), 0);
        assert_int_equal(compare(shape, 20000, 15000, false, 33554432, &seed), 0);
    }
}

/* 64 KiB hold 3072 keys. */
static void test_spill_rejecting(void **state)
{
    (void)state;
    uint64_t seed = 13;
    assert_int_equal(compare(SORTED, 120000, 1, true, 65536, &seed), 0);
    assert_true(compare(ALMOST_SORTED, 110000, 110000, true, 65536, &seed) > 1000);
    assert_true(compare(RANDOM, 110000, 60000, true, 65536, &seed) > 50000);
    assert_true(compare(REVERSED, 100000, 1, true, 65536, &seed) > 90000);
    assert_true(compare(SORTED_THEN_RANDOM, 100000, 120000, true, 65536, &seed) > 30000);
    assert_true(compare(RANDOM, 30000, 100000, true, 100001, &seed) > 10000);
}

static void test_spill_counting(void **state)
{
    (void)state;
    uint64_t seed = 14;
    (void)compare(SORTED, 120000, 1, false, 65536, &seed);
    (void)compare(ALMOST_SORTED, 110000, 110000, false, 65536, &seed);
    (void)compare(RANDOM, 110000, 60000, false, 65536, &seed);
    (void)compare(REVERSED, 100000, 1, false, 65536, &seed);
    (void)compare(SORTED_THEN_RANDOM, 100000, 120000, false, 65536, &seed);
    (void)compare(RANDOM, 30000, 100000, false, 100001, &seed);
}

static void test_random_sizes(void **state)
{
    (void)state;
    uint64_t seed = 15;
    for (int round = 0; round < 40; round++) {
        enum shape shape = (enum shape)(rt_random(&seed) % N_SHAPES);
        int64_t n = (int64_t)(rt_random(&seed) % 9000);
        int64_t n_keys = 1 + (int64_t)(rt_random(&seed) % 12000);
        int64_t memory = 65536 + (int64_t)(rt_random(&seed) % 200000);
        (void)compare(shape, n, n_keys, round % 2, memory, &seed);
    }
}

/* Each type as the only column; the third value equals the first. */
static void test_types(void **state)
{
    (void)state;
    static const struct {
        const char *letter;
        const char *values[4];
    } cases[] = {
        {"b", {"true", "false", "true", "~"}},
        {"i", {"1", "2", "1", "~"}},
        {"l", {"-1", "1", "-1", "~"}},
        {"g", {"0", "1", "-0", "~"}},
        {"g", {"nan", "1", "-nan", "~"}},
        {"d", {"10000", "1", "10000", "~"}},
        {"u", {"", "a", "", "~"}},
        {"u", {"a longer text", "a longer texu", "a longer text", "~"}},
        {"z", {"x", "y", "x", "~"}},
        {"t", {"5", "-5", "5", "~"}},
        {"s", {"5", "-5", "5", "~"}},
        {"S", {"5", "-5", "5", "~"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int64_t cut = 0; cut < 3; cut++) {
            struct rule_test t;
            struct ArrowArray array;
            rt_init(&t, cases[i].letter);
            assert_int_equal(rt_prepare(&t, "{\"columns\":\"a\"}", true), HG_OK);
            for (int64_t k = 0; k < cut; k++) {
                rt_row(&t, cases[i].values[1]);
            }
            for (int k = 0; k < 4; k++) {
                rt_row(&t, cases[i].values[k]);
            }
            rt_row(&t, "~");
            rt_take(&t, cut, cut == 2, &array);
            assert_int_equal(rt_check(&t, &array), HG_OK);
            const struct hg_rule_result *r = t.results.items;
            assert_int_equal(r->evaluated, 3);
            assert_int_equal(r->failed, 1);
            assert_string_equal(rt_bits(r->failures, 5), "00100");
            rt_done(&t);
        }
    }
}

static void test_words(void **state)
{
    (void)state;
    static const struct hg_column columns[] = {
        {.name = "symbol", .type = HG_TYPE_UTF8},
        {.name = "date", .type = HG_TYPE_DATE32},
    };
    struct rule_test t;
    struct ArrowArray array;
    char text[256];
    rt_init_columns(&t, columns, 2);
    assert_int_equal(rt_prepare(&t, "{\"columns\":[\"symbol\",\"date\"]}", true), HG_OK);
    rt_row(&t, "A|18263");
    rt_row(&t, "A|18263");
    rt_take(&t, 0, false, &array);
    t.results.struct_size = sizeof t.results;
    assert_int_equal(t.rule->check(t.inst, &array, &t.results, &t.err), HG_OK);
    assert_string_equal(rt_bits(t.results.items[0].failures, 2), "01");
    t.rule->explain(t.inst, &array, 0, 1, text, sizeof text);
    assert_string_equal(text, "duplicate of an earlier row: (symbol=\"A\", date=2020-01-02)");
    for (size_t size = 1; size < 70; size++) {
        memset(text, 'x', sizeof text);
        t.rule->explain(t.inst, &array, 0, 1, text, size);
        assert_int_equal(strlen(text), size - 1 < 58 ? size - 1 : 58);
    }
    array.release(&array);
    rt_done(&t);
}

static void test_bad_config(void **state)
{
    (void)state;
    struct rule_test t;
    rt_init(&t, "il");
    assert_int_equal(rt_prepare(&t, "{\"columns\":[\"a\",\"bb\"]}", true), HG_EINVAL);
    assert_string_equal(t.err.pointer, "/columns/1");
    assert_string_equal(t.err.hint, "The nearest of the columns: \"b\", \"a\".");
    assert_int_equal(rt_prepare(&t, "{\"columns\":[]}", true), HG_EINVAL);
    assert_string_equal(t.err.pointer, "/columns");
    assert_int_equal(rt_prepare(&t, "{}", true), HG_EINVAL);
    assert_string_equal(t.err.pointer, "/columns");
    assert_int_equal(rt_prepare(&t, "{\"columns\":\"a\",\"memory_bytes\":65535}", true), HG_EINVAL);
    assert_string_equal(t.err.pointer, "/memory_bytes");
    assert_int_equal(rt_prepare(&t, "{\"columns\":\"a\",\"memory_bytes\":4294967297}", true),
                     HG_EINVAL);
    assert_null(t.inst);
    rt_done(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small),
        cmocka_unit_test(test_in_memory),
        cmocka_unit_test(test_spill_rejecting),
        cmocka_unit_test(test_spill_counting),
        cmocka_unit_test(test_random_sizes),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_bad_config),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
