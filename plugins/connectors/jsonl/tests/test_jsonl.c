/* Lines of JSON: what becomes of them, and of files that are no JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>
#include <zlib.h>
#include <zstd.h>

#include "fake_host.h"
#include "input.h"
#include "jsonb.h"

/* Reads `bytes` as a file and expects rows and rejects ("a.jsonl:" is left out of these). */
static void expect_bytes(const char *bytes,
                         size_t n,
                         const char *columns,
                         const char *more,
                         const char *rows,
                         const char *rejects)
{
    struct fake fake;
    fake_init(&fake);
    fake_write(&fake, "a.jsonl", bytes, n);
    char *config = fake_config(&fake, "a.jsonl", columns, more);
    /* However the input is cut. */
    static const size_t pieces[] = {1, 3, SIZE_MAX};
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        src_file_read_most = n > 100000 ? SIZE_MAX : pieces[i];
        fake_clear(&fake);
        char *found = fake_read(&fake, config, NULL, 2, false);
        assert_string_equal(found ? found : fake.err.message, rows);
        assert_string_equal(fake.rejects ? fake.rejects : "", rejects);
        free(found);
    }
    src_file_read_most = SIZE_MAX;
    free(config);
    fake_done(&fake);
}

static void expect(
    const char *text, const char *columns, const char *more, const char *rows, const char *rejects)
{
    expect_bytes(text, strlen(text), columns, more, rows, rejects);
}

static void test_types(void **state)
{
    (void)state;
    expect("{\"i\":9223372036854775807,\"d\":0.10,\"s\":\"x\",\"b\":true,\"t\":\"2026-01-31\"}\r\n"
           "\n"
           "{\"d\":12345678901234567890.12,\"i\":-1,\"s\":12.50,\"b\":null,\"t\":null}",
           "\"i\":\"int64\",\"d\":\"decimal(22,2)\",\"s\":\"utf8\",\"b\":\"bool\",\"t\":\"date\"",
           "",
           "9223372036854775807|0.10|x|true|20484d\n"
           "-1|12345678901234567890.12|12.50|~|~\n",
           "");
    expect("{\"i\":9223372036854775808}\n{\"i\":1.5}\n{\"i\":{}}\n{\"i\":\"7\"}\n{\"i\":\"x\"}\n",
           "\"i\":\"int64\"",
           "",
           "7\n",
           "a.jsonl:1|i|\"9223372036854775808\" is out of range for an int64\n"
           "a.jsonl:2|i|\"1.5\" is not an int64\n"
           "a.jsonl:3|i|an object was found where a value of type int64 was expected\n"
           "a.jsonl:5|i|\"x\" is not an int64\n");
}

static void test_paths(void **state)
{
    (void)state;
    expect("{\"a\":{\"b\":[1,{\"c\":2}],\"x.y\":3},\"a/b\":4,\"a\\u0062\":5}\n"
           "{\"a\":[7]}\n{\"a\":1,\"a\":{\"b\":[8]}}\n{\"a\":{\"b\":[9]},\"a\":null}\n",
           "\"p\":{\"type\":\"int32\",\"path\":\"/a/b/0\"},"
           "\"q\":{\"type\":\"int32\",\"path\":\"a.b.1.c\"},"
           "\"r\":{\"type\":\"int32\",\"path\":\"/a/x.y\"},"
           "\"s\":{\"type\":\"int32\",\"path\":\"/a~1b\"},"
           "\"ab\":\"int32\","
           "\"t\":{\"type\":\"json\",\"path\":\"/a\"},"
           "\"u\":{\"type\":\"int32\",\"path\":\"a.0\"}",
           "",
           "1|2|3|4|5|{\"b\":[1,{\"c\":2}],\"x.y\":3}|~\n"
           "~|~|~|~|~|[7]|7\n"
           "8|~|~|~|~|{\"b\":[8]}|~\n"
           "~|~|~|~|~|~|~\n",
           "");
    expect("{\"a\":1}\n", "\"w\":{\"type\":\"json\",\"path\":\"\"}", "", "{\"a\":1}\n", "");
}

static void test_json_columns(void **state)
{
    (void)state;
    expect("{\"j\":\"a\\\"b\\n\"}\n{\"j\":1e2}\n{\"j\":[true, {\"x\" : 1.0}]}\n"
           "{\"j\":\"\\u0000\"}\n{\"j\":{\"k\":[\"\\u0000\"]}}\n{\"j\":{\"\\u0000\":1}}\n"
           "{\"j\":\"\\ud800\"}\n{\"j\":1e200000}\n{\"j\":[1e-99999]}\n{\"j\":\"\\\\u0000\"}\n",
           "\"j\":\"json\"",
           "",
           "\"a\\\"b\\u000a\"\n1e2\n[true,{\"x\":1.0}]\n\"\\\\u0000\"\n",
           "a.jsonl:4|j|a text holds the character \\u0000, which jsonb does not take\n"
           "a.jsonl:5|j|a text holds the character \\u0000, which jsonb does not take\n"
           "a.jsonl:6|j|a text holds the character \\u0000, which jsonb does not take\n"
           "a.jsonl:7||not JSON at byte 12: a high surrogate without its low one\n"
           "a.jsonl:8|j|a number has more digits than jsonb takes\n"
           "a.jsonl:9|j|a number has more digits than jsonb takes\n");
}

/* Lines that are no JSON, each on its own. */
static void test_bad_lines(void **state)
{
    static const char *const bad[] = {"{",
                                      "}",
                                      "{\"s\":}",
                                      "[1,]",
                                      "{} {}",
                                      "nul",
                                      "\"x\"",
                                      "12",
                                      "{\"s\":\"\xff\"}",
                                      "{\"s\":\"\xed\xa0\x80\"}",
                                      "{\"s\":\"a\tb\"}",
                                      "{\"s\":01}",
                                      "\xef\xbb\xbf{}",
                                      "{'s':1}"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct fake fake;
        char text[128];
        int n = snprintf(text, sizeof text, "{\"s\":\"1\"}\n%s\n{\"s\":\"2\"}\n", bad[i]);
        fake_init(&fake);
        fake_write(&fake, "a.jsonl", text, (size_t)n);
        char *config = fake_config(&fake, "a.jsonl", "\"s\":\"utf8\"", "");
        char *found = fake_read(&fake, config, NULL, 100, false);
        assert_string_equal(found ? found : fake.err.message, "1\n2\n");
        assert_int_equal(fake.n_rejects, 1);
        assert_memory_equal(fake.rejects, "a.jsonl:2||", 11);
        free(found);
        free(config);
        fake_done(&fake);
    }
    expect_bytes("{\"s\":\"a\0b\"}\n{\"s\":\"\\u0000\"}\n\0\n{\"s\":\"c\"}\n",
                 39,
                 "\"s\":\"utf8\"",
                 "",
                 "c\n",
                 "a.jsonl:1||not JSON at byte 7: a control character in a string must be escaped\n"
                 "a.jsonl:2|s|the text holds the character \\u0000\n"
                 "a.jsonl:3||not JSON at byte 0: found the byte 0x00 where a value was expected\n");
}

static void test_missing_and_required(void **state)
{
    (void)state;
    expect("{\"a\":\"\",\"b\":-999}\n{\"a\":\"NA\",\"b\":1}\n{\"b\":2}\n{\"a\":\"1\"}\n",
           "\"a\":{\"type\":\"int32\",\"missing\":[\"\",\"NA\"]},"
           "\"b\":{\"type\":\"int32\",\"missing\":[\"-999\"],\"required\":true}",
           "",
           "~|1\n~|2\n",
           "a.jsonl:1|b|there is no value, but the column is required\n"
           "a.jsonl:4|b|there is no value, but the column is required\n");
}

/* Around the bound, and far beyond it. */
static void test_long_lines(void **state)
{
    (void)state;
    static const size_t extra[] = {0, 1, 2, 3, 1000, 400000};
    for (size_t i = 0; i < sizeof extra / sizeof extra[0]; i++) {
        struct fake fake;
        size_t n = 65536 + extra[i];
        char *text = malloc(n + 64);
        assert_non_null(text);
        int begun = snprintf(text, n, "{\"s\":\"");
        memset(text + begun, 'x', n - (size_t)begun);
        snprintf(text + n - 2, 66, "%s", "\"}\r\n{\"s\":\"after\"}\n");
        fake_init(&fake);
        fake_write(&fake, "a.jsonl", text, strlen(text));
        char *config = fake_config(&fake, "a.jsonl", "\"s\":\"utf8\"", ",\"max_line_bytes\":65536");
        char *found = fake_read(&fake, config, NULL, 100, false);
        assert_non_null(found);
        assert_string_equal(found + strlen(found) - 6, "after\n");
        assert_int_equal(fake.n_rejects, extra[i] > 0);
        assert_string_equal(fake.rejects ? fake.rejects : "",
                            extra[i] > 0 ? "a.jsonl:1||the line is longer than 65536 bytes\n" : "");
        free(found);
        free(config);
        free(text);
        fake_done(&fake);
    }
}

/* 1 GB in one line, as 1 MB of gzip, within the memory of a short one. */
static void test_gigabyte_line(void **state)
{
    (void)state;
    struct fake fake;
    struct rusage before;
    struct rusage after;
    char path[128];
    static char chunk[1 << 20];
    fake_init(&fake);
    snprintf(path, sizeof path, "%s/a.jsonl", fake.dir);
    gzFile file = gzopen(path, "wb1");
    assert_non_null(file);
    memset(chunk, 'y', sizeof chunk);
    for (int i = 0; i < 1024; i++) {
        assert_int_equal(gzwrite(file, chunk, sizeof chunk), sizeof chunk);
    }
    gzputs(file, "\n{\"s\":\"after\"}\n");
    gzclose(file);
    char *config = fake_config(&fake, "a.jsonl", "\"s\":\"utf8\"", ",\"max_line_bytes\":1000000");
    getrusage(RUSAGE_SELF, &before);
    char *found = fake_read(&fake, config, NULL, 100, true);
    getrusage(RUSAGE_SELF, &after);
    assert_string_equal(found ? found : fake.err.message, "after|a.jsonl:2\n");
    assert_string_equal(fake.rejects, "a.jsonl:1||the line is longer than 1000000 bytes\n");
    assert_true(after.ru_maxrss - before.ru_maxrss < 64 * 1024);
    free(found);
    free(config);
    fake_done(&fake);
}

static void test_compressed(void **state)
{
    (void)state;
    struct fake fake;
    char path[128];
    char packed[256];
    static const char text[] = "{\"s\":\"in zstd\"}\n";
    fake_init(&fake);
    size_t n = ZSTD_compress(packed, sizeof packed, text, strlen(text), 1);
    assert_false(ZSTD_isError(n));
    fake_write(&fake, "a.zst", packed, n);
    snprintf(path, sizeof path, "%s/b.gz", fake.dir);
    gzFile file = gzopen(path, "wb");
    assert_non_null(file);
    gzputs(file, "{\"s\":\"in gzip\"}\n");
    gzclose(file);
    char *config = fake_config(&fake, "*", "\"s\":\"utf8\"", "");
    char *found = fake_read(&fake, config, NULL, 100, true);
    assert_string_equal(found ? found : fake.err.message, "in zstd|a.zst:1\nin gzip|b.gz:1\n");
    free(found);
    fake_write(&fake, "a.zst", packed, n - 3);
    assert_null(fake_read(&fake, config, NULL, 100, true));
    assert_non_null(strstr(fake.err.message, "a.zst"));
    assert_int_equal(fake.err.code, HG_EDATA);
    free(config);
    fake_done(&fake);
}

/* A read from any state goes on with the row behind it. */
static void test_resume(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    static const char a[] = "{\"i\":1}\nbad\n\n{\"i\":2}\n{\"i\":3}\n";
    fake_write(&fake, "a.jsonl", a, strlen(a));
    fake_write(&fake, "b.jsonl", "{\"i\":4}\n", 8);
    char *config = fake_config(&fake, "*.jsonl", "\"i\":\"int32\"", ",\"files\":\"new\"");
    void *inst;
    struct ArrowArrayStream stream;
    struct hg_read_request request = {sizeof request, 1, NULL, NULL};
    assert_int_equal(fake.vtable->open(&fake.host, config, &inst, &fake.err), HG_OK);
    assert_int_equal(fake.vtable->read(inst, &request, &stream, &fake.err), HG_OK);
    static const char *const rest[] = {"2\n3\n4\n", "3\n4\n", "4\n", ""};
    for (size_t i = 0; i < 4; i++) {
        struct ArrowArray batch = {0};
        assert_int_equal(stream.get_next(&stream, &batch), 0);
        assert_int_equal(batch.length, 1);
        batch.release(&batch);
        char *from = strdup(fake.state);
        struct fake other;
        fake_init(&other);
        char *found = fake_read(&other, config, from, 10, false);
        assert_string_equal(found ? found : other.err.message, rest[i]);
        free(found);
        free(from);
        fake_done(&other);
    }
    stream.release(&stream);
    fake.vtable->close(inst);
    free(config);
    fake_done(&fake);
}

static void test_bad_config(void **state)
{
    static const struct {
        const char *columns;
        const char *pointer;
    } all[] = {{"\"a\":{\"type\":\"int32\",\"path\":\"a..b\"}", "/columns/a/path"},
               {"\"a\":{\"type\":\"int32\",\"path\":\"/a~2\"}", "/columns/a/path"},
               {"\"a\":{\"type\":\"int32\",\"source\":\"x\"}", "/columns/a/source"},
               {"\"a\":\"xml\"", "/columns/a/type"}};
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        struct fake fake;
        fake_init(&fake);
        fake_write(&fake, "a.jsonl", "{}\n", 3);
        char *config = fake_config(&fake, "a.jsonl", all[i].columns, "");
        assert_null(fake_read(&fake, config, NULL, 10, false));
        assert_int_equal(fake.err.code, HG_EINVAL);
        assert_string_equal(fake.err.pointer, all[i].pointer);
        free(config);
        fake_done(&fake);
    }
}

/* Random JSON with random bytes changed: rows or rejects, one for each line, and no crash. */
static void test_random(void **state)
{
    (void)state;
    uint32_t seed = 1;
    static const char *const parts[] = {"{",
                                        "}",
                                        "[",
                                        "]",
                                        ",",
                                        ":",
                                        "\"a\"",
                                        "\"b\"",
                                        "1",
                                        "-2.5e3",
                                        "null",
                                        "true",
                                        "\"\\u00e9\"",
                                        "\"\\ud83d\\ude00\"",
                                        "\\",
                                        "\"",
                                        " ",
                                        "\xff",
                                        "{\"a\":{\"b\":[1,2]}}",
                                        "{\"a\":1}"};
    for (int round = 0; round < 300; round++) {
        struct fake fake;
        char text[4096];
        size_t n = 0;
        size_t lines = 0;
        for (int line = 0; line < 8; line++) {
            lines++;
            n += (size_t)snprintf(text + n, sizeof text - n, "{\"a\":");
            for (int i = 0; i < 8; i++) {
                seed = seed * 1664525 + 1013904223;
                const char *part = parts[(seed >> 16) % (sizeof parts / sizeof parts[0])];
                n += (size_t)snprintf(text + n, sizeof text - n, "%s", part);
                if (seed >> 29 == 0) {
                    break;
                }
            }
            n += (size_t)snprintf(text + n, sizeof text - n, "}\n");
        }
        fake_init(&fake);
        fake_write(&fake, "a.jsonl", text, n);
        char *config = fake_config(
            &fake, "a.jsonl", "\"a\":\"json\",\"b\":{\"type\":\"utf8\",\"path\":\"a.b.1\"}", "");
        char *found = fake_read(&fake, config, NULL, 3, false);
        assert_non_null(found);
        size_t rows = 0;
        for (const char *p = found; *p; p++) {
            rows += *p == '\n';
        }
        assert_int_equal(rows + fake.n_rejects, lines);
        free(found);
        free(config);
        fake_done(&fake);
    }
}

static void test_jsonb_refuses(void **state)
{
    (void)state;
    assert_null(jsonl_jsonb_refuses("[1,\"\\\\u0000\",-1.5e10]", 22));
    assert_non_null(jsonl_jsonb_refuses("\"\\\\\\u0000\"", 10));
    assert_non_null(jsonl_jsonb_refuses("1e99999999999999999999", 22));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_json_columns),
        cmocka_unit_test(test_bad_lines),
        cmocka_unit_test(test_missing_and_required),
        cmocka_unit_test(test_long_lines),
        cmocka_unit_test(test_gigabyte_line),
        cmocka_unit_test(test_compressed),
        cmocka_unit_test(test_resume),
        cmocka_unit_test(test_bad_config),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_jsonb_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
