#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fail_alloc.h"
#include "headgate/json.h"

/* ------------------------------------------------------------------------------------------ */
/* Reading a text, whole or in pieces, into one line that says all about its tokens             */
/* ------------------------------------------------------------------------------------------ */

struct trace {
    char text[8192];
    size_t n;
    hg_status status;
    uint64_t error_offset;
    char message[512];
};

static void add(struct trace *t, const char *fmt, ...) HG_PRINTF(2, 3);
static void add(struct trace *t, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(t->text + t->n, sizeof t->text - t->n, fmt, args);
    va_end(args);
    assert_true(n >= 0 && (size_t)n < sizeof t->text - t->n);
    t->n += (size_t)n;
}

static void add_token(struct trace *t, const struct hg_json_token *token)
{
    static const char letters[] = "?.{}[]ks#tfnv";
    add(t, "%c", letters[token->type]);
    if (token->text) {
        add(t, "<%.*s>", (int)token->n, token->text);
    }
    add(t,
        "@%llu-%llu/%u ",
        (unsigned long long)token->offset,
        (unsigned long long)token->end,
        token->depth);
}

/* Pulls until more input is wanted, the end or a failure; true to go on. */
static bool pull(struct hg_json_reader *reader, struct trace *t)
{
    for (;;) {
        struct hg_json_token token;
        struct hg_error err = HG_ERROR_INIT;
        t->status = hg_json_next(reader, &token, &err);
        if (t->status) {
            t->error_offset = hg_json_error_offset(reader);
            memcpy(t->message, err.message, sizeof err.message);
            /* It stays failed. */
            assert_int_equal(hg_json_next(reader, &token, NULL), t->status);
            return false;
        }
        if (token.type == HG_JSON_MORE) {
            return true;
        }
        add_token(t, &token);
        if (token.type == HG_JSON_END) {
            assert_int_equal(hg_json_next(reader, &token, NULL), HG_OK);
            assert_int_equal(token.type, HG_JSON_END);
            return false;
        }
    }
}

/* Reads `n` bytes cut at `cut`, and into pieces of `step` bytes behind it. */
static void read_cut(const struct hg_json_options *options,
                     const char *text,
                     size_t n,
                     size_t cut,
                     size_t step,
                     struct trace *t)
{
    struct hg_json_reader *reader;
    memset(t, 0, sizeof *t);
    assert_int_equal(hg_json_reader_new(options, &reader, NULL), HG_OK);
    size_t at = 0;
    bool more = true;
    while (more && at < n) {
        size_t size = at < cut ? cut - at : step;
        size = size < n - at ? size : n - at;
        /* A copy of the exact size, so that the address sanitizer sees each byte too far. */
        char *piece = malloc(size ? size : 1);
        memcpy(piece, text + at, size);
        hg_json_feed(reader, piece, size);
        more = pull(reader, t);
        /* Between chunks the reader must hold nothing of the last one. */
        memset(piece, 'X', size);
        free(piece);
        hg_json_feed(reader, NULL, 0);
        at += size;
    }
    if (more) {
        hg_json_finish(reader);
        (void)pull(reader, t);
    }
    hg_json_reader_free(reader);
}

/* Every cut in two, and byte by byte, gives what the whole gives. */
static void read_all_ways(const struct hg_json_options *options,
                          const char *text,
                          size_t n,
                          struct trace *whole)
{
    static struct trace cut;
    read_cut(options, text, n, n, n, whole);
    for (size_t i = 0; i <= n + 1; i++) {
        read_cut(options, text, n, i <= n ? i : 0, i <= n ? n : 1, &cut);
        assert_string_equal(cut.text, whole->text);
        assert_int_equal(cut.status, whole->status);
        assert_int_equal(cut.error_offset, whole->error_offset);
        assert_string_equal(cut.message, whole->message);
    }
}

static struct trace trace;

#define BYTES(text) text, sizeof text - 1

static void test_accepts(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t n;
        const char *tokens;
    } cases[] = {
        {BYTES("{}"), "{@0-1/0 }@1-2/0 .@2-2/0 "},
        {BYTES(" [ ] "), "[@1-2/0 ]@3-4/0 .@5-5/0 "},
        {BYTES("null"), "n@0-4/0 .@4-4/0 "},
        {BYTES("\ttrue\r\n"), "t@1-5/0 .@7-7/0 "},
        {BYTES("false"), "f@0-5/0 .@5-5/0 "},
        {BYTES("\"\""), "s<>@0-2/0 .@2-2/0 "},
        {BYTES("0"), "#<0>@0-1/0 .@1-1/0 "},
        {BYTES("-0"), "#<-0>@0-2/0 .@2-2/0 "},
        {BYTES("-12.50e+07 "), "#<-12.50e+07>@0-10/0 .@11-11/0 "},
        {BYTES("1E5"), "#<1E5>@0-3/0 .@3-3/0 "},
        {BYTES("0.1e-2"), "#<0.1e-2>@0-6/0 .@6-6/0 "},
        {BYTES("123456789012345678901234567890.123456789012345678901234567890"),
         "#<123456789012345678901234567890.123456789012345678901234567890>@0-61/0 .@61-61/0 "},
        {BYTES("{\"a\":1,\"a\":[true,{\"b\":null}]}"),
         "{@0-1/0 k<a>@1-4/1 #<1>@5-6/1 k<a>@7-10/1 [@11-12/1 t@12-16/2 {@17-18/2 k<b>@18-21/3 "
         "n@22-26/3 }@26-27/2 ]@27-28/1 }@28-29/0 .@29-29/0 "},
        {BYTES("\"\\\"\\\\\\/\\b\\f\\n\\r\\tz\""), "s<\"\\/\b\f\n\r\tz>@0-19/0 .@19-19/0 "},
        {BYTES("\"a\\u00e4\\u20AC\\uD83D\\uDE00b\""),
         "s<a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80"
         "b>@0-28/0 .@28-28/0 "},
        {BYTES("\"\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80\x7F\""),
         "s<\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80\x7F>@0-12/0 .@12-12/0 "},
        {BYTES("\"\xED\x9F\xBF\xEE\x80\x80\xF4\x8F\xBF\xBF\""),
         "s<\xED\x9F\xBF\xEE\x80\x80\xF4\x8F\xBF\xBF>@0-12/0 .@12-12/0 "},
        {BYTES("[[[]],[]]"),
         "[@0-1/0 [@1-2/1 [@2-3/2 ]@3-4/2 ]@4-5/1 [@6-7/1 ]@7-8/1 ]@8-9/0 .@9-9/0 "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        read_all_ways(NULL, cases[i].text, cases[i].n, &trace);
        assert_string_equal(trace.text, cases[i].tokens);
        assert_int_equal(trace.status, HG_OK);
    }
}

static void test_string_with_nul_inside(void **state)
{
    (void)state;
    struct hg_json_reader *reader;
    struct hg_json_token token;
    assert_int_equal(hg_json_reader_text(NULL, BYTES("\"a\\u0000b\""), &reader, NULL), HG_OK);
    assert_int_equal(hg_json_next(reader, &token, NULL), HG_OK);
    assert_int_equal(token.n, 3);
    assert_memory_equal(token.text, "a\0b", 3);
    hg_json_reader_free(reader);
}

static void test_refuses(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t n;
        uint64_t offset;
        const char *says;
    } cases[] = {
        {BYTES(""), 0, "the input is empty"},
        {BYTES(" \n"), 2, "the input is empty"},
        {BYTES("\xEF\xBB\xBF{}"), 0, "found the byte 0xEF where a value was expected"},
        {BYTES("[1,]"), 3, "found ']' where a value was expected"},
        {BYTES("[,1]"), 1, "found ',' where a value or ] was expected"},
        {BYTES("[1 2]"), 3, "found '2' where , or the end of what is open was expected"},
        {BYTES("[1}"), 2, "found '}' where"},
        {BYTES("{\"a\":1]"), 6, "found ']' where"},
        {BYTES("{1:2}"), 1, "found '1' where a key in quotes or } was expected"},
        {BYTES("{\"a\":1,}"), 7, "found '}' where a key in quotes was expected"},
        {BYTES("{\"a\" 1}"), 5, "found '1' where : behind the key was expected"},
        {BYTES("{\"a\":}"), 5, "found '}' where a value was expected"},
        {BYTES("{\"a\"}"), 4, "found '}' where : behind the key"},
        {BYTES("{a:1}"), 1, "found 'a'"},
        {BYTES("{'a':1}"), 1, "found '''"},
        {BYTES("]"), 0, "found ']'"},
        {BYTES("1 2"), 2, "found '2' where nothing more was expected"},
        {BYTES("{}x"), 2, "found 'x' where nothing more was expected"},
        {BYTES("{} \0"), 3, "found the byte 0x00"},
        {BYTES("01"), 1, "a number does not begin with 0"},
        {BYTES("-01"), 2, "a number does not begin with 0"},
        {BYTES("[00]"), 2, "a number does not begin with 0"},
        {BYTES("-"), 1, "a digit is missing"},
        {BYTES("[-]"), 2, "a digit is missing"},
        {BYTES("1."), 2, "a digit is missing"},
        {BYTES("[1.]"), 3, "a digit is missing"},
        {BYTES("[1.e3]"), 3, "a digit is missing"},
        {BYTES("1e"), 2, "a digit is missing"},
        {BYTES("[1e+]"), 4, "a digit is missing"},
        {BYTES(".5"), 0, "found '.'"},
        {BYTES("+1"), 0, "found '+'"},
        {BYTES("0x10"), 1, "found 'x'"},
        {BYTES("1_000"), 1, "found '_'"},
        {BYTES("NaN"), 0, "found 'N'"},
        {BYTES("-Infinity"), 1, "a digit is missing"},
        {BYTES("nul"), 3, "ends inside true, false or null"},
        {BYTES("nulL"), 3, "only true, false and null"},
        {BYTES("truex"), 4, "found 'x'"},
        {BYTES("[tru]"), 4, "only true, false and null"},
        {BYTES("\"abc"), 4, "ends inside a string"},
        {BYTES("\"abc\\"), 5, "ends inside a string"},
        {BYTES("\"a\nb\""), 2, "a control character in a string must be escaped"},
        {BYTES("\"a\0b\""), 2, "a control character"},
        {BYTES("\"\x1F\""), 1, "a control character"},
        {BYTES("\"\\x41\""), 2, "no escape begins so"},
        {BYTES("\"\\\0\""), 2, "no escape begins so"},
        {BYTES("\"\\u12G4\""), 5, "four hexadecimal digits"},
        {BYTES("\"\\u123\""), 6, "four hexadecimal digits"},
        {BYTES("\"\\uD800\""), 7, "a high surrogate without its low one"},
        {BYTES("\"\\uD800x\""), 7, "a high surrogate without its low one"},
        {BYTES("\"\\uD800\\n\""), 8, "a high surrogate without its low one"},
        {BYTES("\"\\uD800\\u0041\""), 12, "a high surrogate without its low one"},
        {BYTES("\"\\uD800\\uD800\""), 12, "a high surrogate without its low one"},
        {BYTES("\"\\uDC00\""), 6, "a low surrogate without its high one"},
        {BYTES("\"\x80\""), 1, "not valid UTF-8"},
        {BYTES("\"\xC0\x80\""), 1, "not valid UTF-8"},
        {BYTES("\"\xC3\""), 2, "not valid UTF-8"},
        {BYTES("\"\xE0\x9F\xBF\""), 2, "not valid UTF-8"},
        {BYTES("\"\xED\xA0\x80\""), 2, "not valid UTF-8"},
        {BYTES("\"\xF4\x90\x80\x80\""), 2, "not valid UTF-8"},
        {BYTES("\"\xF5\x80\x80\x80\""), 1, "not valid UTF-8"},
        {BYTES("\"\xE2\x82\\\""), 3, "not valid UTF-8"},
        {BYTES("\"\xFF\""), 1, "not valid UTF-8"},
        {BYTES("{\"\xFF\":1}"), 2, "not valid UTF-8"},
        {BYTES("["), 1, "ends inside an array"},
        {BYTES("[1,"), 3, "ends inside an array"},
        {BYTES("[1"), 2, "ends inside an array"},
        {BYTES("{\"a\":"), 5, "ends inside an object"},
        {BYTES("{\"a\":{}"), 7, "ends inside an object"},
        {BYTES("/* no */ 1"), 0, "found '/'"},
        {BYTES("[1,\v2]"), 3, "found the byte 0x0B"},
        {BYTES("\xC2\xA0"
               "1"),
         0,
         "found the byte 0xC2"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        read_all_ways(NULL, cases[i].text, cases[i].n, &trace);
        assert_int_equal(trace.status, HG_EDATA);
        assert_int_equal(trace.error_offset, cases[i].offset);
        if (!strstr(trace.message, cases[i].says)) {
            fail_msg("%s: \"%s\" lacks \"%s\"", cases[i].text, trace.message, cases[i].says);
        }
        char place[32];
        snprintf(place, sizeof place, "at byte %llu:", (unsigned long long)cases[i].offset);
        assert_non_null(strstr(trace.message, place));
    }
}

static void test_many_values(void **state)
{
    (void)state;
    static const struct hg_json_options many = {.many = true};
    read_all_ways(&many, BYTES("{}\n1\n\"x\" null\n"), &trace);
    assert_string_equal(trace.text, "{@0-1/0 }@1-2/0 #<1>@3-4/0 s<x>@5-8/0 n@9-13/0 .@14-14/0 ");
    read_all_ways(&many, BYTES(" "), &trace);
    assert_string_equal(trace.text, ".@1-1/0 ");
    read_all_ways(&many, BYTES(""), &trace);
    assert_string_equal(trace.text, ".@0-0/0 ");
    read_all_ways(&many, BYTES("1\"a\""), &trace);
    assert_int_equal(trace.status, HG_EDATA);
    assert_int_equal(trace.error_offset, 1);
    read_all_ways(&many, BYTES("1-2"), &trace);
    assert_int_equal(trace.status, HG_EDATA);
    read_all_ways(&many, BYTES("{}\n{\n"), &trace);
    assert_int_equal(trace.error_offset, 5);
}

static void test_depth(void **state)
{
    (void)state;
    static char text[4000];
    static const struct hg_json_options deepest = {.max_depth = 1024};
    memset(text, '[', 1024);
    memset(text + 1024, ']', 1024);
    read_cut(NULL, text, 2048, 2048, 1, &trace);
    assert_int_equal(trace.status, HG_ETOOBIG);
    assert_int_equal(trace.error_offset, 64);
    assert_non_null(strstr(trace.message, "over the limit of 64"));

    struct hg_json_reader *reader;
    struct hg_json_token token;
    assert_int_equal(hg_json_reader_text(&deepest, text, 2048, &reader, NULL), HG_OK);
    for (uint32_t i = 0; i < 2048; i++) {
        assert_int_equal(hg_json_next(reader, &token, NULL), HG_OK);
        assert_int_equal(token.depth, i < 1024 ? i : 2047 - i);
    }
    assert_int_equal(hg_json_next(reader, &token, NULL), HG_OK);
    assert_int_equal(token.type, HG_JSON_END);
    hg_json_reader_free(reader);

    struct hg_json_options too_deep = {.max_depth = 1025};
    assert_int_equal(hg_json_reader_new(&too_deep, &reader, NULL), HG_EINVAL);
    /* Objects and arrays in turn are told apart at every level. */
    char mixed[512] = "";
    for (int i = 0; i < 20; i++) {
        strncat(mixed, "[{\"k\":", sizeof mixed - strlen(mixed) - 1);
    }
    strncat(mixed, "1", 2);
    for (int i = 0; i < 20; i++) {
        strncat(mixed, "}]", 3);
    }
    read_cut(NULL, mixed, strlen(mixed), 0, 1, &trace);
    assert_int_equal(trace.status, HG_OK);
}

static void test_text_limit(void **state)
{
    (void)state;
    static const struct hg_json_options small = {.max_text_bytes = 8};
    read_all_ways(&small, BYTES("[\"12345678\",12345678]"), &trace);
    assert_int_equal(trace.status, HG_OK);
    /* Where it is noticed depends on the chunks, that it is does not. */
    static const char *const too_long[] = {"\"123456789\"", "123456789", "\"1234567\\u00e4\""};
    for (size_t i = 0; i < 3; i++) {
        size_t n = strlen(too_long[i]);
        for (size_t step = 1; step <= n; step++) {
            read_cut(&small, too_long[i], n, 0, step, &trace);
            assert_int_equal(trace.status, HG_ETOOBIG);
            assert_non_null(strstr(trace.message, "over the limit of 8"));
        }
    }
}

/* ------------------------------------------------------------------------------------------ */
/* Skipping, capturing, values                                                                  */
/* ------------------------------------------------------------------------------------------ */

/* Skips the values of keys "skip", captures containers below "keep". */
static void walk(struct hg_json_reader *reader, struct trace *t, bool *skip_next, bool *keep_next)
{
    struct hg_json_token token;
    for (;;) {
        assert_int_equal(hg_json_next(reader, &token, NULL), HG_OK);
        if (token.type == HG_JSON_MORE || token.type == HG_JSON_END) {
            return;
        }
        add_token(t, &token);
        bool begin = token.type == HG_JSON_OBJECT_BEGIN || token.type == HG_JSON_ARRAY_BEGIN;
        if (*skip_next && begin) {
            hg_json_skip(reader);
        } else if (*keep_next && begin) {
            hg_json_capture(reader);
        } else if (hg_json_is(&token, "skip")) {
            hg_json_skip(reader);
        }
        *skip_next = token.type == HG_JSON_KEY && hg_json_is(&token, "inside");
        *keep_next = token.type == HG_JSON_KEY && hg_json_is(&token, "keep");
    }
}

static void test_skip_and_capture_over_chunks(void **state)
{
    (void)state;
    static const char text[] = "{\"skip\":{\"a\":[1,{}],\"skip\":1},\"skip\":7,\"inside\":[1,[2]],"
                               "\"keep\": {\"x\\n\\\"\" : [ 1.50 , \"\\u00e4\\u0001\\\\\", true, "
                               "false , null, {}, []] , \"y\":{ }},\"end\":1,\"keep\":[]}";
    static const char tokens[] =
        "{@0-1/0 k<skip>@1-7/1 k<skip>@30-36/1 k<inside>@39-47/1 [@48-49/1 k<keep>@56-62/1 "
        "{@64-65/1 v<{\"x\\u000a\\\"\":[1.50,\"\xC3\xA4\\u0001\\\\\",true,false,null,{},[]],"
        "\"y\":{}}>@64-140/1 k<end>@141-146/1 #<1>@147-148/1 k<keep>@149-155/1 [@156-157/1 "
        "v<[]>@156-158/1 }@158-159/0 ";
    for (size_t step = 1; step < sizeof text; step++) {
        struct hg_json_reader *reader;
        bool skip_next = false, keep_next = false;
        memset(&trace, 0, sizeof trace);
        assert_int_equal(hg_json_reader_new(NULL, &reader, NULL), HG_OK);
        for (size_t at = 0; at < sizeof text - 1; at += step) {
            size_t n = sizeof text - 1 - at < step ? sizeof text - 1 - at : step;
            hg_json_feed(reader, text + at, n);
            walk(reader, &trace, &skip_next, &keep_next);
        }
        hg_json_finish(reader);
        walk(reader, &trace, &skip_next, &keep_next);
        hg_json_reader_free(reader);
        assert_string_equal(trace.text, tokens);
    }
}

static struct hg_json_token number_token(const char *text)
{
    return (struct hg_json_token){.type = HG_JSON_NUMBER, .text = text, .n = strlen(text)};
}

static void test_integers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        hg_status status;
        int64_t value;
    } cases[] = {
        {"0", HG_OK, 0},
        {"-0", HG_OK, 0},
        {"9223372036854775807", HG_OK, INT64_MAX},
        {"-9223372036854775808", HG_OK, INT64_MIN},
        {"9223372036854775808", HG_EDATA, 0},
        {"-9223372036854775809", HG_EDATA, 0},
        {"99999999999999999999999", HG_EDATA, 0},
        {"1.0", HG_EDATA, 0},
        {"1e2", HG_EDATA, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct hg_json_token token = number_token(cases[i].text);
        int64_t value = 42;
        assert_int_equal(hg_json_int64(&token, &value, NULL), cases[i].status);
        assert_true(value == (cases[i].status ? 42 : cases[i].value));
    }
    struct hg_json_token text = {.type = HG_JSON_STRING, .text = "1", .n = 1};
    struct hg_error err = HG_ERROR_INIT;
    int64_t value;
    assert_int_equal(hg_json_int64(&text, &value, &err), HG_EDATA);
    assert_string_equal(err.message, "a string is no integer");
}

static void test_doubles(void **state)
{
    (void)state;
    double value = 0;
    struct hg_json_token token = number_token("-1.5e3");
    assert_int_equal(hg_json_float64(&token, &value, NULL), HG_OK);
    assert_true(value == -1500.0);
    token = number_token("0.1");
    assert_int_equal(hg_json_float64(&token, &value, NULL), HG_OK);
    assert_true(value == 0.1);
    token = number_token("1e400");
    struct hg_error err = HG_ERROR_INIT;
    assert_int_equal(hg_json_float64(&token, &value, &err), HG_EDATA);
    assert_string_equal(err.message, "1e400 is too large for a float64");
    char digits[401];
    memset(digits, '1', 300);
    memcpy(digits + 300, "e-299", 6);
    token = number_token(digits);
    assert_int_equal(hg_json_float64(&token, &value, NULL), HG_OK);
    assert_true(value > 1.11 && value < 1.12);
}

static void test_every_failing_allocation(void **state)
{
    (void)state;
    static const char text[] = "{\"a\\n\":[\"long enough to grow the text \\u00e4\",{\"b\":1}]}";
    int n = 0;
    for (;; n++) {
        struct hg_json_reader *reader = NULL;
        struct hg_json_token token = {.type = HG_JSON_MORE};
        fail_alloc_arm(n);
        hg_status status = hg_json_reader_text(NULL, BYTES(text), &reader, NULL);
        while (!status && token.type != HG_JSON_END) {
            status = hg_json_next(reader, &token, NULL);
            if (!status && token.type == HG_JSON_ARRAY_BEGIN) {
                hg_json_capture(reader);
            }
        }
        bool failed = fail_alloc_disarm();
        hg_json_reader_free(reader);
        assert_int_equal(status, failed ? HG_ENOMEM : HG_OK);
        if (!failed) {
            break;
        }
    }
    assert_true(n >= 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepts),
        cmocka_unit_test(test_string_with_nul_inside),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_many_values),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_text_limit),
        cmocka_unit_test(test_skip_and_capture_over_chunks),
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_doubles),
        cmocka_unit_test(test_every_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
