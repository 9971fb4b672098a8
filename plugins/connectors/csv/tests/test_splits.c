/* However the input is cut into reads and batches, and wherever it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>
#include <zstd.h>

#include "fake_host.h"
#include "input.h"

#define COLUMNS                                                                                    \
    "\"s\":\"utf8\",\"n\":\"int64\",\"f\":\"float64\",\"d\":\"date\",\"q\":{\"type\":\"decimal(9," \
    "2)\",\"missing\":[\"-\"]},\"b\":\"bool\""

/* A small bound makes for small buffers, and these tests read some thousand times. */
#define SMALL ",\"max_line_bytes\":65536"
#define MORE  ",\"comment\":\"#\"" SMALL

static const char tricky[] = "\xEF\xBB\xBF# a comment\r\n"
                             "s,n,f,d,q,b\r\n"
                             "plain,1,1.5,2024-02-29,1.25,true\r\n"
                             "\"quoted, with \"\"both\"\"\",-2,\"-2.25\",\"2024-03-01\",-1,0\n"
                             "\"over\r\nthree\nlines\",3,1e3,1999-12-31,7.1,f\r"
                             "\r\n"
                             "# another\n"
                             "\xC3\xA9t\xC3\xA9 \xF0\x9F\x98\x80,4,0.1,,-,\n"
                             "bad number,x,1,2024-01-01,1,1\n"
                             "bad day,5,1,2024-02-30,1,1\r\n"
                             "bad quote\"here,5,1,2024-02-20,1,1\n"
                             "\"behind\"x,5,1,2024-02-20,1,1\n"
                             "short,6\n"
                             "long,6,1,2024-02-20,1,1,\n"
                             "not text \xFF,6,1,2024-02-20,1,1\n"
                             ",,,,,\n"
                             "\"\",7,17.123456789012345,2024-02-20,1234567.89,no\n"
                             "\"never closed,8,1,2024-02-20,1,1\n"
                             "last,9,1,2024-02-20,1,1";

/* Puts a text without its NUL; returns what follows. */
static char *put(char *at, const char *text)
{
    while (*text) {
        *at++ = *text++;
    }
    return at;
}

/* Rows and rejects as one text. */
static char *outcome(struct fake *fake, const char *config, uint32_t batch_rows)
{
    fake_clear(fake);
    char *rows = fake_read(fake, config, NULL, batch_rows, true);
    char *text = NULL;
    int n = asprintf(&text,
                     "%s\n%s\n%s",
                     rows ? rows : fake->err.message,
                     fake->rejects ? fake->rejects : "",
                     fake->raws ? fake->raws : "");
    assert_true(n > 0);
    free(rows);
    return text;
}

static void check_same(const char *expected, char *found, const char *what, size_t number)
{
    if (strcmp(expected, found) != 0) {
        fail_msg("%s %zu:\n%s\n--- expected:\n%s", what, number, found, expected);
    }
    free(found);
}

static void test_every_read_size(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    fake_write(&fake, "t.csv", tricky, sizeof tricky - 1);
    char *config = fake_config(&fake, "t.csv", COLUMNS, MORE);
    char *expected = outcome(&fake, config, 1000);
    assert_non_null(strstr(expected, "last|9|1|19773d|1.00|true|t.csv:21\n"));
    assert_int_equal(fake.n_rejects, 8);
    for (size_t n = 1; n < sizeof tricky + 2; n++) {
        src_file_read_most = n;
        check_same(expected, outcome(&fake, config, 1000), "reads of", n);
    }
    src_file_read_most = SIZE_MAX;
    for (uint32_t n = 1; n < 12; n++) {
        check_same(expected, outcome(&fake, config, n), "batches of", n);
    }
    free(expected);
    free(config);
    fake_done(&fake);
}

static void test_every_end(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    char *config = fake_config(&fake, "t.csv", COLUMNS, MORE);
    for (size_t n = 0; n < sizeof tricky; n++) {
        fake_write(&fake, "t.csv", tricky, n);
        char *expected = outcome(&fake, config, 1000);
        src_file_read_most = 3;
        check_same(expected, outcome(&fake, config, 2), "cut at", n);
        src_file_read_most = SIZE_MAX;
        free(expected);
    }
    free(config);
    fake_done(&fake);
}

/* Anything at all gives the same whatever the size of reads. */
static void test_rubbish(void **state)
{
    (void)state;
    static const char *const mores[] = {
        SMALL,
        ",\"escape\":\"\\\\\"" SMALL,
        ",\"trim\":true" SMALL,
        ",\"ragged\":\"pad\"" MORE,
        ",\"header\":false" SMALL,
        ",\"delimiter\":\"auto\"" SMALL,
        ",\"encoding\":\"windows-1252\"" SMALL,
        ",\"encoding\":\"utf-16le\"" SMALL,
    };
    static const char alphabet[] = "a1,,\"\"\n\r\\# \t;\0\xC3\xA9\xFF.";
    struct fake fake;
    uint64_t seed = 7;
    char text[300];
    fake_init(&fake);
    for (int round = 0; round < 2000; round++) {
        size_t n = (size_t)(round % 300);
        size_t letters = round % 3 ? 8 : sizeof alphabet - 1;
        put(text, "a,b\n");
        for (size_t i = 4; i < n; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            text[i] = alphabet[(seed >> 33) % letters];
        }
        fake_write(&fake, "t.csv", text, n);
        const char *columns = round % 16 < 8 ? "\"a\":\"utf8\",\"b\":\"int32\"" : "\"a\":\"utf8\"";
        char *config = fake_config(&fake, "t.csv", columns, mores[round % 8]);
        char *expected = outcome(&fake, config, 1000);
        for (size_t reads = 1; reads < 12; reads += 5) {
            src_file_read_most = reads;
            check_same(expected, outcome(&fake, config, 3), "round", (size_t)round);
        }
        src_file_read_most = SIZE_MAX;
        free(expected);
        free(config);
    }
    fake_done(&fake);
}

/* ------------------------------------------------------------------------------------------ */
/* Long rows                                                                                    */
/* ------------------------------------------------------------------------------------------ */

#define MOST 65536u

/* "a\n" <row of n bytes> "\nx\n" */
static void write_long(struct fake *fake, size_t n, const char *begin, const char *end)
{
    char *text = malloc(n + 16);
    assert_non_null(text);
    char *row = put(text, "a\n");
    memset(row, 'z', n);
    put(row, begin);
    put(put(row + n - strlen(end), end), "\nx\n");
    fake_write(fake, "t.csv", text, n + 5);
    free(text);
}

static void check_long(struct fake *fake, const char *rejects)
{
    char *config = fake_config(fake, "t.csv", "\"a\":\"utf8\"", ",\"max_line_bytes\":65536");
    for (size_t reads = 1000; reads < 5000000; reads *= 17) {
        src_file_read_most = reads;
        fake_clear(fake);
        char *rows = fake_read(fake, config, NULL, 100, false);
        assert_non_null(rows);
        size_t n = strlen(rows);
        assert_string_equal(n < 3 ? rows : rows + n - 3, n < 3 ? "x\n" : "\nx\n");
        assert_int_equal(n > MOST, rejects[0] == '\0');
        assert_string_equal(fake->rejects ? fake->rejects : "", rejects);
        free(rows);
    }
    src_file_read_most = SIZE_MAX;
    free(config);
}

static void test_long_rows(void **state)
{
    (void)state;
    static const char too_long[] = "t.csv:2||the row is longer than 65536 bytes\n";
    struct fake fake;
    fake_init(&fake);
    write_long(&fake, MOST, "", "");
    check_long(&fake, "");
    write_long(&fake, MOST, "\"", "\"");
    check_long(&fake, "");
    for (size_t n = MOST + 1; n < MOST + 6; n++) {
        write_long(&fake, n, "", "");
        check_long(&fake, too_long);
        write_long(&fake, n, "\"", "\"");
        check_long(&fake, too_long);
        write_long(&fake, n, "\"", "");
        check_long(&fake, too_long);
        write_long(&fake, n, "", "\r");
        check_long(&fake, n == MOST + 1 ? "" : too_long);
    }
    write_long(&fake, 5000000, "", "");
    check_long(&fake, too_long);
    write_long(&fake, 700000, "\"y\n", "");
    check_long(&fake,
               "t.csv:2||the quote at byte 1 of the row is never closed\n"
               "t.csv:3||the row is longer than 65536 bytes\n");
    fake_done(&fake);
}

/* ------------------------------------------------------------------------------------------ */
/* Compressed                                                                                   */
/* ------------------------------------------------------------------------------------------ */

static size_t gzip_bytes(const char *text, size_t n, unsigned char *out, size_t room)
{
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
    unsigned char *copy = malloc(n + 1);
    memcpy(copy, text, n);
    z.next_in = copy;
    z.avail_in = (uInt)n;
    z.next_out = out;
    z.avail_out = (uInt)room;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    size_t made = z.total_out;
    deflateEnd(&z);
    free(copy);
    return made;
}

/* The text as two members or frames. */
static size_t pack(bool gzip, unsigned char *out, size_t room)
{
    size_t half = sizeof tricky / 2;
    size_t rest = sizeof tricky - 1 - half;
    if (gzip) {
        size_t n = gzip_bytes(tricky, half, out, room);
        return n + gzip_bytes(tricky + half, rest, out + n, room - n);
    }
    size_t n = ZSTD_compress(out, room, tricky, half, 3);
    assert_false(ZSTD_isError(n));
    size_t m = ZSTD_compress(out + n, room - n, tricky + half, rest, 3);
    assert_false(ZSTD_isError(m));
    return n + m;
}

/* Where the first member ends, a cut is a whole file of less; all other cuts are found. */
static void test_compressed(void **state)
{
    bool gzip = *state == NULL;
    unsigned char packed[4096];
    struct fake fake;
    fake_init(&fake);
    char *config = fake_config(&fake, "t.csv", COLUMNS, MORE);
    fake_write(&fake, "t.csv", tricky, sizeof tricky - 1);
    char *expected = outcome(&fake, config, 1000);
    size_t n = pack(gzip, packed, sizeof packed);
    for (size_t reads = 1; reads < n; reads += 13) {
        fake_write(&fake, "t.csv", packed, n);
        src_file_read_most = reads;
        check_same(expected, outcome(&fake, config, 1000), "reads of", reads);
    }
    src_file_read_most = SIZE_MAX;
    int n_whole = 0;
    for (size_t cut = 5; cut < n; cut++) {
        fake_write(&fake, "t.csv", packed, cut);
        fake_clear(&fake);
        char *rows = fake_read(&fake, config, NULL, 1000, true);
        n_whole += rows != NULL;
        if (!rows && !strstr(fake.err.message, "is cut off after")) {
            fail_msg("cut at %zu: %s", cut, fake.err.message);
        }
        free(rows);
    }
    assert_int_equal(n_whole, 1);
    free(expected);
    free(config);
    fake_done(&fake);
}

/* A flipped byte is found, or changes nothing (the time in a header, say). */
static void test_corrupt(void **state)
{
    bool gzip = *state == NULL;
    unsigned char packed[4096];
    struct fake fake;
    fake_init(&fake);
    char *config = fake_config(&fake, "t.csv", COLUMNS, MORE);
    fake_write(&fake, "t.csv", tricky, sizeof tricky - 1);
    char *expected = outcome(&fake, config, 1000);
    size_t n = pack(gzip, packed, sizeof packed);
    for (size_t at = 4; at < n; at++) {
        packed[at] ^= 0x20;
        fake_write(&fake, "t.csv", packed, n);
        char *found = outcome(&fake, config, 1000);
        if (fake.err.code == 0 && gzip) {
            assert_string_equal(found, expected);
        }
        free(found);
        packed[at] ^= 0x20;
    }
    put((char *)packed + n, "garbage");
    fake_write(&fake, "t.csv", packed, n + 7);
    char *found = outcome(&fake, config, 1000);
    assert_int_equal(fake.err.code, HG_EDATA);
    assert_non_null(strstr(found, gzip ? "the gzip data is broken" : "the zstd data is broken"));
    free(found);
    /* Zeros behind the last member are the padding of tapes and blocks. */
    memset(packed + n, 0, 512);
    fake_write(&fake, "t.csv", packed, n + 512);
    found = outcome(&fake, config, 1000);
    assert_int_equal(strcmp(found, expected) == 0, gzip);
    free(found);
    free(expected);
    free(config);
    fake_done(&fake);
}

/* Much that compresses well: more comes out of one piece of input than a buffer takes. */
static void test_compressed_much(void **state)
{
    bool gzip = *state == NULL;
    size_t n = 3000000;
    char *text = malloc(n);
    unsigned char *packed = malloc(n);
    struct fake fake;
    fake_init(&fake);
    put(text, "a\n");
    for (size_t i = 2; i < n; i++) {
        text[i] = i % 10 == 9 ? '\n' : '7';
    }
    size_t size = gzip ? gzip_bytes(text, n, packed, n) : ZSTD_compress(packed, n, text, n, 3);
    fake_write(&fake, "t.csv", packed, size);
    char *config = fake_config(&fake, "t.csv", "\"a\":\"int64\"", SMALL);
    char *rows = fake_read(&fake, config, NULL, 100000, false);
    assert_non_null(rows);
    assert_int_equal(strlen(rows), n - 2);
    assert_memory_equal(rows, text + 2, n - 2);
    free(rows);
    free(config);
    free(text);
    free(packed);
    fake_done(&fake);
}

int main(void)
{
    static int zstd;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_read_size),
        cmocka_unit_test(test_every_end),
        cmocka_unit_test(test_rubbish),
        cmocka_unit_test(test_long_rows),
        cmocka_unit_test_prestate(test_compressed, NULL),
        cmocka_unit_test_prestate(test_compressed, &zstd),
        cmocka_unit_test_prestate(test_corrupt, NULL),
        cmocka_unit_test_prestate(test_corrupt, &zstd),
        cmocka_unit_test_prestate(test_compressed_much, NULL),
        cmocka_unit_test_prestate(test_compressed_much, &zstd),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
