/* Keys as words: equal for equal cells, ordered like the cells, one hash whatever the way. */
#include "key.h"
#include "rule_test.h"

enum { ROOM = 4096 };

static struct rule_test t;
static struct key_maker maker;
static struct hg_view views[12];
static int32_t rows[ROOM];
static uint64_t low[ROOM];
static uint64_t high[ROOM];

static void start(const char *letters)
{
    rt_init(&t, letters);
    memset(&maker, 0, sizeof maker);
    maker.sip = (struct sip_key){1, 2};
    maker.views = views;
    maker.n_views = strlen(letters);
    maker.rising = true;
    for (size_t i = 0; i < maker.n_views; i++) {
        assert_int_equal(hg_view_init(&t.schema, (int32_t)i, &views[i], NULL), HG_OK);
    }
}

/* Hashes the rows appended, without the first `cut`; returns how many have no null. */
static int hash_batch(int64_t cut)
{
    struct ArrowArray array;
    uint8_t nulls[ROOM / 8];
    uint8_t scratch[ROOM / 8];
    struct key_hashes keys = {.rows = rows, .low = low, .high = high};
    rt_take(&t, cut, cut % 2, &array);
    assert_true(array.length <= ROOM);
    for (size_t i = 0; i < maker.n_views; i++) {
        hg_view_bind(&views[i], &array);
    }
    key_nulls(views, maker.n_views, nulls, scratch);
    key_hash_rows(&maker, 0, array.length, nulls, &keys);
    array.release(&array);
    return keys.n;
}

/* Whether these rows, "a b c" with a cell each, rise. */
static void order(const char *letters, const char *list, bool rising)
{
    char copy[512];
    char *at = copy;
    start(letters);
    (void)snprintf(copy, sizeof copy, "%s", list);
    while (at) {
        rt_row(&t, strsep(&at, " "));
    }
    (void)hash_batch(0);
    if (maker.rising != rising) {
        fail_msg("%s %s", list, rising ? "do not rise" : "rise");
    }
    rt_done(&t);
}

static void test_order(void **state)
{
    (void)state;
    order("i", "-2147483648 -1 0 1 2147483647", true);
    order("i", "0 -1", false);
    order("i", "1 1", false);
    order("l", "-9223372036854775808 -5 0 9223372036854775807", true);
    order("b", "false true", true);
    order("b", "true false", false);
    order("g", "-inf -1e300 -1 -1e-300 0 1e-300 1 1e300 inf nan", true);
    order("g", "-0 0", false);
    order("g", "0 -0", false);
    order("g", "nan nan", false);
    order("g", "nan 1", false);
    order("d", "-999999999999 -1 0 1 999999999999", true);
    order("d", "0 -1", false);
    order("t", "-719162 0 2932896", true);
    order("s", "-1 0 1", true);
    order("S", "1 0", false);
}

static void test_order_of_texts(void **state)
{
    (void)state;
    order("u", "A AA AAAAAAA AAAAAAAA AAAAAAAAA AAAAAAAAAAAAAA AAAAAAAAAAAAAAA AB B", true);
    order("u", "AAAAAAAA AAAAAAA", false);
    order("u", "AAAAAAA AAAAAAA", false);
    order("u", "ABCDEFGHIJKLMNOPQRSTUVWXYZ ABCDEFGHIJKLMNOPQRSTUVWXYZ0", true);
    order("u", "ABCDEFGHIJKLMNOPQRSTUVWXYZ0 ABCDEFGHIJKLMNOPQRSTUVWXYZ", false);
    order("u", "US0378331005 US5949181045 US88160R1014", true);
    order("u", "US5949181045 US0378331005", false);
    order("u", "z \xc3\xa9", true); /* bytes, not signed ones */
    order("z", "a \xff", true);
}

static void test_order_of_columns(void **state)
{
    (void)state;
    order("ul", "A|1 A|2 B|1 C|-5", true);
    order("ul", "A|2 A|1", false);
    order("ul", "B|1 A|2", false);
    order("ul", "A|1 A|1", false);
    order("lu", "1|A 1|AAAAAAAAAAAA 2|A", true);
    order("ul", "A|1 ~|7 A|~ A|2", true);
    order("ul", "A|2 ~|7 A|~ A|2", false);
    order("uu", "A|B AB|~ AA|", true);
    order("ibtgdS", "1|true|3|4|5|6 1|true|3|4|5|7 1|true|3|4|6|0 2|false|0|0|0|0", true);
}

/* Also from one batch to the next, and across blocks. */
static void test_order_goes_on(void **state)
{
    (void)state;
    for (int64_t at = 0; at < 300; at++) {
        start("ul");
        for (int64_t i = 0; i < 300; i++) {
            char row[64];
            (void)snprintf(row, sizeof row, "S|%lld", (long long)(i == at && at > 0 ? i - 1 : i));
            rt_row(&t, row);
            if (i % 130 == 129) {
                (void)hash_batch(0);
            }
        }
        (void)hash_batch(0);
        assert_int_equal(maker.rising, at == 0);
        rt_done(&t);
    }
}

/* A key too long to be remembered ends the order, and is hashed all the same. */
static void test_long_keys(void **state)
{
    (void)state;
    static char text[3000];
    uint64_t seen[4];
    start("u");
    memset(text, 'x', sizeof text - 1);
    for (int i = 0; i < 4; i++) {
        text[sizeof text - 2] = (char)('a' + i % 3);
        assert_int_equal(hg_batch_append_text(t.batch, 0, text), HG_OK);
        assert_int_equal(hg_batch_end_row(t.batch), HG_OK);
    }
    assert_int_equal(hash_batch(0), 4);
    assert_false(maker.rising);
    memcpy(seen, low, sizeof seen);
    assert_int_equal(seen[0], seen[3]);
    assert_true(seen[0] != seen[1] && seen[1] != seen[2] && seen[0] != seen[2]);
    rt_done(&t);
}

/* Number k of the texts: short, of seven bytes, and long ones. */
static void text_of(uint64_t k, char *buf, size_t size)
{
    static const char *const beginnings[] = {"", "ABCDEF", "ABCDEFGHIJKLM", "A\x01"};
    (void)snprintf(buf, size, "%s%llu", beginnings[k % 4], (unsigned long long)(k / 4));
}

/*
 * Rows with one of 200 keys each, at random, in batches of any length and cut: equal keys have one
 * hash and different ones have different ones, however the rows lie in blocks.
 */
static void test_one_hash_a_key(void **state)
{
    (void)state;
    static uint64_t key_low[200];
    static uint64_t key_high[200];
    uint64_t seed = 3;
    start("ulgd");
    for (int round = 0; round < 60; round++) {
        int keys[ROOM];
        int64_t cut = (int64_t)(rt_random(&seed) % 20);
        int64_t n = cut + (int64_t)(rt_random(&seed) % 300);
        bool short_only = round % 3 == 0;
        int n_kept = 0;
        for (int64_t i = 0; i < n; i++) {
            char row[96];
            char text[32];
            int k = (int)(rt_random(&seed) % 50) * 4 + (short_only ? 0 : (int)(seed % 4));
            bool null = rt_random(&seed) % 9 == 0 && round % 2;
            text_of((uint64_t)k, text, sizeof text);
            (void)snprintf(row,
                           sizeof row,
                           null ? "%s|%d|~|%d" : "%s|%d|%d|%d",
                           text,
                           -k,
                           null ? 5 : k / 7,
                           k - 100);
            rt_row(&t, row);
            if (i >= cut && !null) {
                keys[n_kept++] = k;
            }
        }
        assert_int_equal(hash_batch(cut), n_kept);
        for (int i = 0; i < n_kept; i++) {
            int k = keys[i];
            assert_true(high[i] != 0);
            if (key_high[k] == 0) {
                key_low[k] = low[i];
                key_high[k] = high[i];
            }
            assert_true(key_low[k] == low[i] && key_high[k] == high[i]);
        }
    }
    for (int i = 0; i < 200; i++) {
        for (int k = 0; k < i; k++) {
            assert_true(key_high[i] == 0 || key_low[i] != key_low[k]);
        }
    }
    rt_done(&t);
}

/* The columns' borders count: ("A", "BC") is not ("AB", "C"). */
static void test_borders(void **state)
{
    (void)state;
    start("uu");
    rt_row(&t, "A|BC");
    rt_row(&t, "AB|C");
    rt_row(&t, "ABC|");
    rt_row(&t, "|ABC");
    rt_row(&t, "AAAAAAA|A");
    rt_row(&t, "AAAAAAAA|");
    assert_int_equal(hash_batch(0), 6);
    for (int i = 0; i < 6; i++) {
        for (int k = 0; k < i; k++) {
            assert_true(low[i] != low[k]);
        }
    }
    rt_done(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_order_of_texts),
        cmocka_unit_test(test_order_of_columns),
        cmocka_unit_test(test_order_goes_on),
        cmocka_unit_test(test_long_keys),
        cmocka_unit_test(test_one_hash_a_key),
        cmocka_unit_test(test_borders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
