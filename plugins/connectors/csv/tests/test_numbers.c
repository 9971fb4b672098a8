/* Numbers, dates and the index of separators, each against another way to get there. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "datetime.h"
#include "index.h"
#include "number.h"

static const struct src_number_style plain = {'.', '\0'};

static uint64_t random_state = 0x9E3779B97F4A7C15u;

static uint64_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static uint64_t bits_of(double d)
{
    uint64_t bits;
    memcpy(&bits, &d, sizeof bits);
    return bits;
}

static void check_float(const char *text)
{
    double expected = strtod(text, NULL);
    double found = 0;
    char padded[128] = "";
    snprintf(padded, sizeof padded, "%s", text);
    enum src_verdict verdict = src_float64(text, strlen(text), &plain, &found);
    if (isinf(expected)) {
        assert_int_equal(verdict, SRC_RANGE);
        return;
    }
    assert_int_equal(verdict, SRC_FITS);
    if (bits_of(expected) != bits_of(found)) {
        fail_msg("%s: %.17g, not %.17g", text, expected, found);
    }
    uint32_t n = (uint32_t)strlen(text);
    if (src_float64_fast(padded, n, SRC_EACH_BYTE('.'), &found) &&
        bits_of(expected) != bits_of(found)) {
        fail_msg("fast %s: %.17g, not %.17g", text, expected, found);
    }
}

static void test_floats(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "0",
        "-0",
        "0.0",
        "1",
        "-1",
        ".5",
        "5.",
        "0.1",
        "123456.789",
        "12345678",
        "123456789",
        "1234567.8",
        "12345678.9",
        "0.30000000000000004",
        "9007199254740993",
        "9007199254740992.5",
        "18446744073709551615",
        "18446744073709551616",
        "2.2250738585072011e-308",
        "2.2250738585072014e-308",
        "1.7976931348623158e308",
        "1.7976931348623159e308",
        "4.9e-324",
        "2e-324",
        "1e23",
        "8.5e22",
        "1e-19",
        "1e19",
        "9999999999999999999e19",
        "179769313486231580793728971405301e276",
        "100000000000000016777215",
        "0000000000000000.1",
        "7.2057594037927933e16",
        "1e-400",
        "1e400",
        "1.00000000000000011102230246251565404",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        check_float(texts[i]);
    }
}

/* Doubles as they are printed, short and long, and halves between them. */
static void test_random_floats(void **state)
{
    (void)state;
    char text[128];
    for (int i = 0; i < 200000; i++) {
        uint64_t bits = next_random();
        double d;
        memcpy(&d, &bits, sizeof d);
        if (!isfinite(d)) {
            continue;
        }
        snprintf(text, sizeof text, "%.*g", (int)(next_random() % 20) + 1, d);
        check_float(text);
        uint64_t m = next_random() >> next_random() % 64;
        snprintf(
            text, sizeof text, "%llue%d", (unsigned long long)m, (int)(next_random() % 44) - 22);
        check_float(text);
        snprintf(text,
                 sizeof text,
                 "%.*f",
                 (int)(next_random() % 12),
                 (double)(int64_t)(next_random() >> 20) / 1e6);
        check_float(text);
        /* Between two doubles: 54 bits, the last set. */
        snprintf(text, sizeof text, "%llu", (unsigned long long)(m >> 10 | UINT64_C(1) << 53 | 1));
        check_float(text);
    }
}

static void test_random_integers(void **state)
{
    (void)state;
    char text[64];
    for (int i = 0; i < 200000; i++) {
        int64_t v = (int64_t)next_random() >> next_random() % 64;
        memset(text, 0, sizeof text);
        snprintf(text, sizeof text, "%lld", (long long)v);
        int64_t found = 0;
        assert_int_equal(src_int64(text, strlen(text), &plain, &found), SRC_FITS);
        assert_true(found == v);
        if (src_int64_fast(text, (uint32_t)strlen(text), &found)) {
            assert_true(found == v);
        }
        hg_int128 wide = 0;
        assert_int_equal(src_decimal(text, strlen(text), &plain, 38, 3, &wide), SRC_FITS);
        assert_true(wide == (hg_int128)v * 1000);
    }
}

/* Any 16 bytes, of which the first n count: the fast way agrees or does not answer. */
static void test_fast_on_rubbish(void **state)
{
    (void)state;
    static const char alphabet[] = "0123456789.-+e, 019";
    for (int i = 0; i < 500000; i++) {
        char text[24];
        for (size_t j = 0; j < sizeof text; j++) {
            text[j] = alphabet[next_random() % (sizeof alphabet - 1)];
        }
        uint32_t n = (uint32_t)(next_random() % 18);
        double fast = 0;
        double slow = 0;
        if (src_float64_fast(text, n, SRC_EACH_BYTE('.'), &fast)) {
            assert_int_equal(src_float64(text, n, &plain, &slow), SRC_FITS);
            assert_memory_equal(&fast, &slow, sizeof fast);
        }
        int64_t whole = 0;
        int64_t other = 0;
        if (src_int64_fast(text, n, &whole)) {
            assert_int_equal(src_int64(text, n, &plain, &other), SRC_FITS);
            assert_true(whole == other);
        }
    }
}

static void test_fast_dates_on_rubbish(void **state)
{
    (void)state;
    static const char alphabet[] = "0123456789-:0012";
    struct src_time_format iso = {.n_steps = 0};
    for (int i = 0; i < 500000; i++) {
        char text[24] = "2024-02-29 23:59:59";
        for (int j = 0; j < 3; j++) {
            text[next_random() % 19] = alphabet[next_random() % (sizeof alphabet - 1)];
        }
        int32_t fast = 0;
        int32_t slow = 0;
        bool fits = src_date_fast(text, &fast);
        assert_int_equal(src_date(text, 10, &iso, &slow) == SRC_FITS, fits);
        assert_int_equal(fast, slow);
        int32_t seconds = 0;
        int64_t us = 0;
        for (int j = 0; j < 11; j++) {
            text[j] = "1970-01-01 "[j];
        }
        fits = src_clock_fast(text + 11, &seconds);
        /* "23:59-12" is a minute with a zone, which the fast way leaves to the other. */
        bool both = src_timestamp(text, 19, &iso, true, 0, &us) == SRC_FITS && text[16] == ':';
        assert_int_equal(both, fits);
        assert_true(!fits || us == seconds * INT64_C(1000000));
    }
}

/* Every day of ten thousand years against the C library. */
static void test_days(void **state)
{
    (void)state;
    for (int32_t day = -719162; day <= 2932896; day += 7) {
        time_t t = (time_t)day * 86400;
        struct tm tm;
        assert_non_null(gmtime_r(&t, &tm));
        assert_true(src_is_day(tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday));
        assert_int_equal(src_days(tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday), day);
    }
    assert_false(src_is_day(1900, 2, 29));
    assert_true(src_is_day(2000, 2, 29));
    assert_false(src_is_day(10000, 1, 1));
}

static void test_zones(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int32_t seconds;
    } good[] = {{"UTC", 0},
                {"Z", 0},
                {"GMT", 0},
                {"+02:00", 7200},
                {"-0530", -19800},
                {"+14", 50400},
                {"-00:00", 0}};
    static const char *const bad[] = {"", "+", "+2", "02:00", "+24:00", "+02:60", "CET", "+02:0"};
    int32_t seconds;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(src_zone_offset(good[i].text, strlen(good[i].text), &seconds));
        assert_int_equal(seconds, good[i].seconds);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(src_zone_offset(bad[i], strlen(bad[i]), &seconds));
    }
}

/* All ways find the same separators, at every beginning and end. */
static void test_index_ways(void **state)
{
    (void)state;
    static const char alphabet[] = "ab,\"\n\r\\\x80\0xyz;,,";
    struct csv_dialect dialects[] = {{.delimiter = ',', .quote = '"'},
                                     {.delimiter = ',', .quote = '"', .escape = '\\'},
                                     {.delimiter = ';', .quote = '\0'}};
    struct csv_index *expected = malloc(sizeof *expected);
    struct csv_index *found = malloc(sizeof *found);
    char buf[400 + CSV_INDEX_PADDING];
    for (int round = 0; round < 3000; round++) {
        for (size_t i = 0; i < sizeof buf; i++) {
            buf[i] = alphabet[next_random() % (round % 2 ? sizeof alphabet - 1 : 4)];
        }
        struct csv_dialect *dialect = &dialects[round % 3];
        csv_dialect_prepare(dialect);
        uint32_t from = (uint32_t)(next_random() % 100);
        uint32_t to = from + (uint32_t)(next_random() % 300);
        const struct csv_index_way *ways = csv_index_ways();
        ways[0].build(dialect, buf, from, to, expected);
        for (int i = 1; ways[i].name; i++) {
            ways[i].build(dialect, buf, from, to, found);
            assert_int_equal(found->n, expected->n);
            assert_int_equal(found->n_special, expected->n_special);
            assert_int_equal(found->odd, expected->odd);
            assert_memory_equal(found->at, expected->at, expected->n * sizeof(uint32_t));
            assert_memory_equal(
                found->special, expected->special, expected->n_special * sizeof(uint32_t));
        }
    }
    free(expected);
    free(found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_floats),
        cmocka_unit_test(test_random_floats),
        cmocka_unit_test(test_random_integers),
        cmocka_unit_test(test_fast_on_rubbish),
        cmocka_unit_test(test_fast_dates_on_rubbish),
        cmocka_unit_test(test_days),
        cmocka_unit_test(test_zones),
        cmocka_unit_test(test_index_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
