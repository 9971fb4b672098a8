/* Sets of hashes and the store that they are written down in. */
#include "rule_test.h"
#include "set.h"
#include "store.h"

/* Number k of the hashes; many share their lower half, so that probing is long. */
static uint64_t low_of(uint64_t k)
{
    uint64_t state = k / 3;
    return rt_random(&state);
}

static uint64_t high_of(uint64_t k)
{
    return k | UINT64_C(1) << 63;
}

static void fill_and_find(struct set *set, struct set_slot *scratch, uint64_t n)
{
    for (uint64_t k = 0; k < n; k++) {
        assert_int_equal(set_add(set, low_of(k), high_of(k), scratch), SET_NEW);
        assert_int_equal(set_add(set, low_of(k / 2), high_of(k / 2), scratch), SET_FOUND);
        assert_int_equal(set->n, k + 1);
    }
    for (uint64_t k = 0; k < n; k++) {
        assert_int_equal(set_add(set, low_of(k), high_of(k), scratch), SET_FOUND);
    }
}

static void test_fixed(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {16, 17, 31, 32, 100, 8192};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct set set;
        struct set_slot *slots = calloc(sizes[i], sizeof *slots);
        struct set_slot *scratch = malloc(sizes[i] * sizeof *scratch);
        uint64_t full = sizes[i] / 4 * 3;
        set_init_fixed(&set, slots, sizes[i]);
        fill_and_find(&set, scratch, full);
        assert_int_equal(set_add(&set, low_of(full), high_of(full), scratch), SET_FULL);
        assert_int_equal(set_add(&set, low_of(0), high_of(0), scratch), SET_FOUND);
        assert_int_equal(set.n, full);
        set_free(&set);
        free(slots);
        free(scratch);
    }
}

static void test_growing(void **state)
{
    (void)state;
    struct set set;
    assert_true(set_init(&set, 0));
    fill_and_find(&set, NULL, 10000);
    set_free(&set);
    assert_true(set_init(&set, 3000));
    uint32_t n_slots = set.n_slots;
    fill_and_find(&set, NULL, 3000);
    assert_int_equal(set.n_slots, n_slots);
    set_free(&set);
    assert_null(set.slots);
    assert_false(set_init(&set, UINT64_C(1) << 40));
}

/* ---- the store ---- */

static struct rule_test t;

struct sums {
    uint64_t n;
    uint64_t low;
    uint64_t high;
};

static hg_status add_up(void *arg, uint64_t low, uint64_t high, struct hg_error *err)
{
    struct sums *sums = arg;
    (void)err;
    sums->n++;
    sums->low += low * (high | 1);
    sums->high += high;
    return HG_OK;
}

static void check_store(struct store *store, const struct sums *expected)
{
    for (unsigned p = 0; p < STORE_PARTITIONS; p++) {
        struct sums found = {0};
        assert_int_equal(store_each(store, p, add_up, &found, &t.err), HG_OK);
        assert_memory_equal(&found, &expected[p], sizeof found);
        assert_int_equal(store->parts[p].n, found.n);
    }
}

/* 30000 hashes, most of them of few partitions; `memory` bytes stay in memory. */
static void fill_store(size_t memory, bool to_file, bool expect_file)
{
    static struct sums expected[STORE_PARTITIONS];
    struct store store;
    uint64_t seed = memory;
    memset(expected, 0, sizeof expected);
    t.n_temp = 0;
    store_init(&store, &t.host, memory);
    check_store(&store, expected);
    for (int i = 0; i < 30000; i++) {
        uint64_t low = rt_random(&seed);
        uint64_t high = rt_random(&seed);
        low = i % 4 ? low & UINT64_C(0x03ffffffffffffff) : low;
        assert_int_equal(store_add(&store, low, high, &t.err), HG_OK);
        assert_int_equal(add_up(&expected[store_partition(low)], low, high, NULL), HG_OK);
        if (i == 20000) {
            check_store(&store, expected);
            assert_true(store_memory(&store) <= memory);
            if (to_file) {
                assert_int_equal(store_to_file(&store, &t.err), HG_OK);
                assert_int_equal(store_memory(&store), 0);
            }
        }
    }
    check_store(&store, expected);
    store_forget(&store, 2);
    expected[2] = (struct sums){0};
    check_store(&store, expected);
    assert_int_equal(store_add(&store, UINT64_C(2) << 56, 9, &t.err), HG_OK);
    assert_int_equal(add_up(&expected[2], UINT64_C(2) << 56, 9, NULL), HG_OK);
    check_store(&store, expected);
    assert_int_equal(t.n_temp, expect_file);
    store_done(&store);
}

static void test_store(void **state)
{
    (void)state;
    rt_init(&t, "i");
    fill_store(65536, false, true);
    fill_store(65536, true, true);
    fill_store(1 << 20, false, false);
    fill_store(1 << 20, true, true);
    fill_store(3 * 65536 + 17, true, true);
    fill_store((size_t)32 << 20, false, false);
    rt_done(&t);
}

static hg_status refuse(void *arg, uint64_t low, uint64_t high, struct hg_error *err)
{
    (void)low;
    (void)high;
    (void)err;
    ++*(int *)arg;
    return HG_ECANCELLED;
}

static void test_each_ends(void **state)
{
    (void)state;
    struct store store;
    int calls = 0;
    rt_init(&t, "i");
    store_init(&store, &t.host, 65536);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(store_add(&store, 1, 1, &t.err), HG_OK);
    }
    assert_int_equal(store_each(&store, 0, refuse, &calls, &t.err), HG_ECANCELLED);
    assert_int_equal(calls, 1);
    store_done(&store);
    rt_done(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fixed),
        cmocka_unit_test(test_growing),
        cmocka_unit_test(test_store),
        cmocka_unit_test(test_each_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
