#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/schema.h"
#include "config/yaml.h"
#include "config/yaml_fill.h"
#include "config/yaml_json.h"
#include "scratch.h"

struct outcome {
    int result;
    struct hg_yaml *yaml;
    struct hg_diagnostics diagnostics;
};

static struct outcome parse_n(const char *text, size_t n)
{
    struct outcome outcome = {.diagnostics = HG_DIAGNOSTICS_INIT};
    outcome.result = hg_yaml_parse("t.yaml", text, n, &outcome.yaml, &outcome.diagnostics, NULL);
    assert_non_null(outcome.yaml);
    return outcome;
}

static struct outcome parse(const char *text)
{
    return parse_n(text, strlen(text));
}

static void forget(struct outcome *outcome)
{
    hg_yaml_free(outcome->yaml);
    hg_diagnostics_free(&outcome->diagnostics);
}

static void expect_json(const char *yaml, const char *expected)
{
    struct outcome outcome = parse(yaml);
    if (outcome.result != HG_OK) {
        print_error("%s: %s\n", yaml, outcome.diagnostics.items[0].message);
    }
    assert_int_equal(outcome.result, HG_OK);
    HG_CLEANUP(hg_json_decrefp) json_t *value = hg_yaml_to_json(outcome.yaml->root);
    HG_CLEANUP(hg_freep) char *found = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    assert_string_equal(found, expected);
    forget(&outcome);
}

static void follows_the_core_schema(void **state)
{
    (void)state;
    static const struct {
        const char *yaml;
        const char *json;
    } cases[] = {
        {"true", "true"},
        {"True", "true"},
        {"FALSE", "false"},
        {"no", "\"no\""},
        {"on", "\"on\""},
        {"yes", "\"yes\""},
        {"Off", "\"Off\""},
        {"y", "\"y\""},
        {"~", "null"},
        {"null", "null"},
        {"a:", "{\"a\":null}"},
        {"0", "0"},
        {"-12", "-12"},
        {"+7", "7"},
        {"0o17", "15"},
        {"0x1F", "31"},
        {"017", "17"},
        {"0b11", "\"0b11\""},
        {"1_000", "\"1_000\""},
        {"1.5", "1.5"},
        {".5", "0.5"},
        {"1e3", "1000.0"},
        {"1.", "1.0"},
        {"-1.5E-1", "-0.14999999999999999"},
        {"1.5.2", "\"1.5.2\""},
        {"1e", "\"1e\""},
        {".", "\".\""},
        {"2026-11-25", "\"2026-11-25\""},
        {"12:30:00", "\"12:30:00\""},
        {"9223372036854775807", "9223372036854775807"},
        {"\"5\"", "\"5\""},
        {"'true'", "\"true\""},
        {"!!str 5", "\"5\""},
        {"\"\"", "\"\""},
        {"|\n  a\n  b\n", "\"a\\nb\\n\""},
        {"[a, 1, [], {}]", "[\"a\",1,[],{}]"},
        {"a: {b: [c, {d: e}]}", "{\"a\":{\"b\":[\"c\",{\"d\":\"e\"}]}}"},
        {"x: &a [1, 2]\ny: *a\n", "{\"x\":[1,2],\"y\":[1,2]}"},
        {"x: &a 1\ny: &a 2\nz: *a\n", "{\"x\":1,\"y\":2,\"z\":2}"},
        {"\"<<\": 1", "{\"<<\":1}"},
        {"---\na: 1\n...\n", "{\"a\":1}"},
        {"\"caf\xC3\xA9 \\u00e9\"", "\"caf\xC3\xA9 \xC3\xA9\""},
        {"\xEF\xBB\xBF"
         "a: 1",
         "{\"a\":1}"},
    };
    for (size_t i = 0; i < HG_COUNT(cases); i++) {
        expect_json(cases[i].yaml, cases[i].json);
    }
}

static const struct {
    const char *yaml;
    int line;
    int column;
    const char *said;
    const char *hint;
} bad[] = {
    {"schedule: * * * * *\n", 1, 11, "alias without a name", "quote the cron line: \"* * * * *\""},
    {"a: 1\nschedule: */5 * * * *\n", 2, 11, "alias without a name", "\"* * * * *\""},
    {"schedule: @daily\n", 1, 11, "unquoted \"@\"", "Quote it"},
    {"a: `b`\n", 1, 4, "can't begin a value", "Quote"},
    {"a:\n\tb: 1\n", 2, 1, "found a tab", "replace the tab"},
    {"a:\n  b: 1\n\tc: 2\n", 3, 1, "found a tab", "replace the tab"},
    {"a: b: c\n", 1, 5, "a second \":\"", "must be quoted"},
    {"a: 'x\nb: 1\n", 1, 4, "end of the file in a quoted text", "Close the quote"},
    {"a: [1, 2\nb: 1\n", 1, 4, "list in brackets that is not closed", "\"]\""},
    {"a: {b: 1\nc: 1\n", 1, 4, "map in braces that is not closed", "\"}\""},
    {"a: [\n", 2, 1, "no value", "not closed"},
    {"a: \"\\q\"\n", 1, 5, "unknown escape", "single quotes"},
    {"a:\n  - b\n c: 1\n", 3, 2, "no key of the block", "indentation"},
    {"a: 1\n  b: 2\n", 2, 4, "a second \":\"", "indentation"},
    {"a: 1\na: 2\n", 2, 1, "found the key \"a\" again, it stands in line 1", "Remove one"},
    {"a: *b\n", 1, 4, "alias \"*b\", but no anchor", "must be quoted"},
    {"a: &a [*a]\n", 1, 8, "stands within what it names", NULL},
    {"<<: {a: 1}\n", 1, 1, "merge key", "Write the keys out"},
    {"a: !x 1\n", 1, 4, "found the tag \"!x\"", "not supported"},
    {"a: !y!x 1\n", 1, 4, "found a tag", "not supported"},
    {"? [a]\n: 1\n", 1, 3, "no plain key", NULL},
    {"a: 1\n---\nb: 1\n", 2, 1, "second document", "file of its own"},
    {"a: 9223372036854775808\n", 1, 4, "found the number 9223372036854775808", "Quote it"},
    {"a: .inf\n", 1, 4, "found the number .inf", "Quote it"},
    {"a: 1e999\n", 1, 4, "found the number 1e999", "Quote it"},
    {"a: \"x\\0y\"\n", 1, 4, "NUL character", NULL},
    {"\xC3\xA9: b\xFF\n", 1, 5, "found a byte that does not belong", "UTF-8"},
    {"a: b\x01\n", 1, 5, "found a byte that does not belong", "control characters"},
    {"\xC3\xA9\xC3\xA9: * *\n", 1, 5, "alias without a name", NULL},
};

static void says_where_and_what_to_do(void **state)
{
    (void)state;
    int n_wrong = 0;
    for (size_t i = 0; i < HG_COUNT(bad); i++) {
        struct outcome outcome = parse(bad[i].yaml);
        assert_int_equal(outcome.result, HG_EINVAL);
        assert_true(outcome.diagnostics.n > 0);
        const struct hg_diagnostic *first = &outcome.diagnostics.items[0];
        bool hinted = !bad[i].hint || (first->hint && strstr(first->hint, bad[i].hint));
        if (first->line != bad[i].line || first->column != bad[i].column ||
            !strstr(first->message, bad[i].said) || !hinted) {
            print_error("%s  %d:%d: %s | %s\n",
                        bad[i].yaml,
                        first->line,
                        first->column,
                        first->message,
                        first->hint ? first->hint : "");
            n_wrong++;
        }
        forget(&outcome);
    }
    assert_int_equal(n_wrong, 0);
}

static void keeps_what_came_before_an_error(void **state)
{
    (void)state;
    struct outcome outcome = parse("id: x\njobs: [1, {a: b\n");
    assert_int_equal(outcome.result, HG_EINVAL);
    assert_string_equal(hg_yaml_text(hg_yaml_get(outcome.yaml->root, "id")), "x");
    forget(&outcome);
    outcome = parse("a: 1\nb: 2\na: 3\nb: 4\n");
    assert_int_equal(outcome.diagnostics.n, 2);
    forget(&outcome);
}

static void bounds_what_aliases_make(void **state)
{
    (void)state;
    HG_CLEANUP(hg_buf_free) struct hg_buf text = HG_BUF_INIT;
    hg_buf_puts(&text, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 10; i++) {
        hg_buf_printf(&text, "a%d: &a%d [", i, i);
        for (int k = 0; k < 10; k++) {
            hg_buf_printf(&text, "%s*a%d", k ? ", " : "", i - 1);
        }
        hg_buf_puts(&text, "]\n");
    }
    struct outcome outcome = parse(hg_buf_text(&text));
    assert_int_equal(outcome.result, HG_EINVAL);
    assert_int_equal(outcome.diagnostics.n, 1);
    assert_non_null(strstr(outcome.diagnostics.items[0].message, "more than 100000 values"));
    forget(&outcome);
    /* Ever deeper without ever wider. */
    hg_buf_reset(&text);
    hg_buf_puts(&text, "a0: &a0 [x]\n");
    for (int i = 1; i < 80; i++) {
        hg_buf_printf(&text, "a%d: &a%d [*a%d]\n", i, i, i - 1);
    }
    outcome = parse(hg_buf_text(&text));
    assert_int_equal(outcome.result, HG_EINVAL);
    assert_non_null(strstr(outcome.diagnostics.items[0].message, "nests too deeply"));
    forget(&outcome);
}

static void bounds_depth_size_and_keys(void **state)
{
    (void)state;
    HG_CLEANUP(hg_buf_free) struct hg_buf text = HG_BUF_INIT;
    for (int i = 0; i < 65; i++) {
        hg_buf_putc(&text, '[');
    }
    struct outcome outcome = parse(hg_buf_text(&text));
    assert_int_equal(outcome.result, HG_EINVAL);
    assert_non_null(strstr(outcome.diagnostics.items[0].message, "more than 64 levels"));
    assert_int_equal(outcome.diagnostics.items[0].column, 65);
    forget(&outcome);
    hg_buf_reset(&text);
    for (int i = 0; i <= HG_YAML_MAX_KEYS; i++) {
        hg_buf_printf(&text, "k%d: 1\n", i);
    }
    outcome = parse(hg_buf_text(&text));
    assert_int_equal(outcome.result, HG_EINVAL);
    assert_non_null(strstr(outcome.diagnostics.items[0].message, "more than 4096 keys"));
    forget(&outcome);
    hg_buf_reset(&text);
    while (text.len <= HG_YAML_MAX_BYTES) {
        hg_buf_puts(&text, "# a comment of some length, again and again\n");
    }
    outcome = parse_n(text.data, text.len);
    assert_int_equal(outcome.result, HG_EINVAL);
    assert_non_null(strstr(outcome.diagnostics.items[0].message, "larger than 1048576 bytes"));
    forget(&outcome);
}

static void finds_places_of_pointers(void **state)
{
    (void)state;
    struct outcome outcome = parse("a:\n  - x: 1\n    \"y/z~\": [2,\n      3]\n  - q\nb: t\n");
    assert_int_equal(outcome.result, HG_OK);
    static const struct {
        const char *pointer;
        bool at_key;
        int line;
        int column;
    } cases[] = {
        {"", false, 1, 1},
        {"/a", true, 1, 1},
        {"/a", false, 2, 3},
        {"/a/0/x", true, 2, 5},
        {"/a/0/x", false, 2, 8},
        {"/a/0/y~1z~0/1", false, 4, 7},
        {"/a/1", false, 5, 5},
        {"/a/1", true, 5, 5},
        {"/a/7", false, 2, 3},
        {"/b", false, 6, 4},
        {"/b/deeper/still", false, 6, 4},
        {"/nothing", false, 1, 1},
        {"/a/-1", false, 2, 3},
    };
    for (size_t i = 0; i < HG_COUNT(cases); i++) {
        struct hg_yaml_place at =
            hg_yaml_find(outcome.yaml->root, cases[i].pointer, cases[i].at_key);
        if (at.line != cases[i].line || at.column != cases[i].column) {
            print_error("%s: %d:%d\n", cases[i].pointer, at.line, at.column);
        }
        assert_int_equal(at.line, cases[i].line);
        assert_int_equal(at.column, cases[i].column);
    }
    forget(&outcome);
}

static void places_violations(void **state)
{
    (void)state;
    struct outcome outcome = parse("port: x\nhots: y\nsecret: ${HG_TEST_SECRET}\n");
    assert_int_equal(setenv("HG_TEST_SECRET", "hunter2", 1), 0);
    assert_int_equal(hg_yaml_fill(outcome.yaml, outcome.yaml->root, &outcome.diagnostics, NULL),
                     HG_OK);
    HG_CLEANUP(hg_json_decrefp)
    json_t *schema =
        json_loads("{\"properties\":{\"port\":{\"type\":\"integer\"},\"host\":{},"
                   "\"secret\":{\"type\":\"integer\"}},\"additionalProperties\":false}",
                   0,
                   NULL);
    HG_CLEANUP(hg_json_decrefp) json_t *value = hg_yaml_to_json(outcome.yaml->root);
    struct hg_yaml_violations to = {"t.yaml", outcome.yaml->root, &outcome.diagnostics, "x: "};
    assert_int_equal(hg_schema_validate(schema, value, hg_yaml_report_violation, &to), 3);
    HG_CLEANUP(hg_json_decrefp) json_t *found = hg_diagnostics_to_json(&outcome.diagnostics);
    HG_CLEANUP(hg_json_decrefp)
    json_t *expected = json_loads(
        "[{\"file\":\"t.yaml\",\"line\":1,\"column\":7,\"message\":\"x: found the text \\\"x\\\", "
        "expected a whole number\",\"hint\":null},"
        "{\"file\":\"t.yaml\",\"line\":2,\"column\":1,\"message\":\"x: unknown key \\\"hots\\\"\","
        "\"hint\":\"Did you mean \\\"host\\\"?\"},"
        "{\"file\":\"t.yaml\",\"line\":3,\"column\":9,\"message\":\"x: found what was filled in, "
        "expected a whole number\",\"hint\":null}]",
        0,
        NULL);
    if (!json_equal(found, expected)) {
        HG_CLEANUP(hg_freep) char *text = json_dumps(found, JSON_INDENT(1));
        print_error("%s\n", text);
    }
    assert_true(json_equal(found, expected));
    forget(&outcome);
}

static void fills_in(void **state)
{
    (void)state;
    char folder[HG_SCRATCH_BYTES];
    assert_int_equal(hg_scratch_make("yaml", folder), 0);
    char file[sizeof folder + 8];
    char secret[sizeof folder + 8];
    (void)snprintf(file, sizeof file, "%s/f.yaml", folder);
    (void)snprintf(secret, sizeof secret, "%s/s", folder);
    assert_int_equal(hg_write_file(secret, 0600, "from a file\r\n\n", 14, NULL), HG_OK);
    assert_int_equal(setenv("HG_TEST_N", "12", 1), 0);
    const char text[] = "a: ${HG_TEST_N}\nb: \"${HG_TEST_N}\"\nc: x${HG_TEST_N}y${file:s}\n"
                        "d: $${HG_TEST_N} $5 ${HG_TEST_N}\ne: &e \"$${x}\"\nf: *e\n";
    assert_int_equal(hg_write_file(file, 0600, text, strlen(text), NULL), HG_OK);
    struct outcome outcome = {.diagnostics = HG_DIAGNOSTICS_INIT};
    assert_int_equal(hg_yaml_read(file, &outcome.yaml, &outcome.diagnostics, NULL), HG_OK);
    assert_int_equal(hg_yaml_fill(outcome.yaml, outcome.yaml->root, &outcome.diagnostics, NULL),
                     HG_OK);
    HG_CLEANUP(hg_json_decrefp) json_t *value = hg_yaml_to_json(outcome.yaml->root);
    HG_CLEANUP(hg_freep) char *found = json_dumps(value, JSON_COMPACT);
    assert_string_equal(found,
                        "{\"a\":12,\"b\":\"12\",\"c\":\"x12yfrom a file\","
                        "\"d\":\"${HG_TEST_N} $5 12\",\"e\":\"${x}\",\"f\":\"${x}\"}");
    forget(&outcome);
    assert_int_equal(hg_scratch_remove(folder), 0);
}

static void says_what_cannot_be_filled_in(void **state)
{
    (void)state;
    static const struct {
        const char *yaml;
        const char *said;
    } cases[] = {
        {"a: ${HG_TEST_NOT_SET}", "the environment variable HG_TEST_NOT_SET is not set"},
        {"a: ${file:/nowhere/x}", "${file:/nowhere/x}: cannot open"},
        {"a: ${two words}", "found ${two words}, expected ${NAME} or ${file:PATH}"},
        {"a: ${1A}", "found ${1A}, expected"},
        {"a: ${open", "found \"${\" without a \"}\""},
        {"a: \"${}\"", "found ${}, expected"},
    };
    for (size_t i = 0; i < HG_COUNT(cases); i++) {
        struct outcome outcome = parse(cases[i].yaml);
        assert_int_equal(outcome.result, HG_OK);
        assert_int_equal(hg_yaml_fill(outcome.yaml, outcome.yaml->root, &outcome.diagnostics, NULL),
                         HG_EINVAL);
        assert_int_equal(outcome.diagnostics.n, 1);
        assert_non_null(strstr(outcome.diagnostics.items[0].message, cases[i].said));
        assert_int_equal(outcome.diagnostics.items[0].line, 1);
        assert_int_equal(outcome.diagnostics.items[0].column, 4);
        forget(&outcome);
    }
    assert_int_equal(setenv("HG_TEST_LATIN", "caf\xE9", 1), 0);
    struct outcome outcome = parse("a: ${HG_TEST_LATIN}");
    assert_int_equal(hg_yaml_fill(outcome.yaml, outcome.yaml->root, &outcome.diagnostics, NULL),
                     HG_EINVAL);
    forget(&outcome);
}

static void prints_sorted_by_place(void **state)
{
    (void)state;
    struct hg_diagnostics diagnostics = HG_DIAGNOSTICS_INIT;
    hg_diagnostics_add(&diagnostics, "b.yaml", 1, 1, NULL, "third");
    hg_diagnostics_add(&diagnostics, "a.yaml", 10, 2, "do that", "second %d", 2);
    hg_diagnostics_add(&diagnostics, "a.yaml", 9, 5, "", "first");
    hg_diagnostics_add(&diagnostics, "c.yaml", 0, 0, NULL, "whole file");
    assert_int_equal(hg_diagnostics_count(&diagnostics), 4);
    char *text = NULL;
    size_t n = 0;
    FILE *to = open_memstream(&text, &n);
    assert_non_null(to);
    hg_diagnostics_print(&diagnostics, to);
    assert_int_equal(fclose(to), 0);
    assert_string_equal(text,
                        "a.yaml:9:5: first\na.yaml:10:2: second 2\n    do that\n"
                        "b.yaml:1:1: third\nc.yaml: whole file\n");
    free(text);
    hg_diagnostics_free(&diagnostics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_the_core_schema),
        cmocka_unit_test(says_where_and_what_to_do),
        cmocka_unit_test(keeps_what_came_before_an_error),
        cmocka_unit_test(bounds_what_aliases_make),
        cmocka_unit_test(bounds_depth_size_and_keys),
        cmocka_unit_test(finds_places_of_pointers),
        cmocka_unit_test(places_violations),
        cmocka_unit_test(fills_in),
        cmocka_unit_test(says_what_cannot_be_filled_in),
        cmocka_unit_test(prints_sorted_by_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
