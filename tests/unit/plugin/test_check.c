#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "plugin/child.h"
#include "temp.h"

/* The limit in ms of each test of `check`, or the rows of `run`; NULL: the usual. */
static const char *number;

static int tool(const char *verb, const char *file, const char *config, struct hg_child_result *ret)
{
    const char *const argv[] = {
        getenv("HG_PLUGIN_TOOL"), "plugin", verb, file, config ? config : "-", number, NULL};
    static const struct hg_child_limits limits = {.limit_ms = 120000, .max_bytes = 1 << 22};
    assert_int_equal(hg_child_spawn(argv, &limits, ret, NULL), HG_OK);
    assert_int_equal(ret->signal, 0);
    return ret->exit_status;
}

/* Runs `plugin check --json`; the exit status must say what the table says. */
static json_t *check(const char *plugin, const char *config)
{
    struct hg_child_result result;
    int status = tool("check", temp_plugin(plugin), config, &result);
    json_t *answer = json_loadb(hg_buf_text(&result.output), result.output.len, 0, NULL);
    hg_child_result_free(&result);
    assert_non_null(answer);
    assert_int_equal(json_integer_value(json_object_get(answer, "failed")) > 0, status != 0);
    return answer;
}

static const char *field(const json_t *answer, const char *test, const char *key)
{
    size_t i;
    json_t *row;
    json_array_foreach (json_object_get(answer, "tests"), i, row) {
        if (strcmp(json_string_value(json_object_get(row, "test")), test) == 0) {
            return json_string_value(json_object_get(row, key));
        }
    }
    fail_msg("no test \"%s\" was run", test);
    return NULL;
}

static void assert_fails(const json_t *answer, const char *test, const char *says)
{
    assert_string_equal(field(answer, test, "status"), "fail");
    if (!strstr(field(answer, test, "detail"), says)) {
        fail_msg("%s: \"%s\"", test, field(answer, test, "detail"));
    }
}

static const char *config(const char *text)
{
    const char *path = temp_path(folder, "config.json");
    temp_write(path, text);
    return path;
}

static void test_good_connector(void **state)
{
    (void)state;
    HG_CLEANUP(hg_json_decrefp) json_t *answer = check("numbers", config("{\"n\": 20000}"));
    assert_int_equal(json_integer_value(json_object_get(answer, "failed")), 0);
    assert_int_equal(json_integer_value(json_object_get(answer, "skipped")), 0);
    assert_int_equal(json_array_size(json_object_get(answer, "tests")), 14);
    assert_string_equal(field(answer, "batches", "detail"), "20000 rows in 3 batches, 0 rejected");
    /* Without a configuration only what needs none is tried. */
    HG_CLEANUP(hg_json_decrefp) json_t *without = check("numbers", NULL);
    assert_string_equal(field(without, "batches", "status"), "skip");
    assert_string_equal(field(without, "required", "status"), "pass");
    HG_CLEANUP(hg_json_decrefp) json_t *wrong = check("numbers", config("{\"m\": 1}"));
    assert_fails(wrong, "configuration", "config.json: ");
    assert_string_equal(field(wrong, "open", "status"), "skip");
}

/* A read that goes on for ever stops when it is cancelled. */
static void test_cancel_of_a_long_read(void **state)
{
    (void)state;
    number = "3000";
    HG_CLEANUP(hg_json_decrefp)
    json_t *answer = check("numbers", config("{\"n\": 1000000000000, \"batch_rows\": 100}"));
    number = NULL;
    assert_string_equal(field(answer, "cancel", "status"), "pass");
    assert_string_equal(field(answer, "cancel", "detail"), "stopped");
    /* Reading all of it takes longer than a test may. */
    assert_fails(answer, "batches", "did not answer within 3 s");
}

static void test_good_rule(void **state)
{
    (void)state;
    HG_CLEANUP(hg_json_decrefp) json_t *answer = check("always-good", NULL);
    assert_int_equal(json_integer_value(json_object_get(answer, "failed")), 0);
    assert_string_equal(field(answer, "judges", "status"), "pass");
    HG_CLEANUP(hg_json_decrefp) json_t *failing = check("always-good", config("{\"fails_at\": 9}"));
    assert_string_equal(field(failing, "judges", "status"), "pass");
}

static void test_broken_files(void **state)
{
    (void)state;
    HG_CLEANUP(hg_json_decrefp) json_t *crash = check("crash-in-constructor", NULL);
    assert_fails(crash, "loads", "crashed with SIGSEGV");
    number = "700";
    HG_CLEANUP(hg_json_decrefp) json_t *hang = check("hang-in-constructor", NULL);
    number = NULL;
    assert_fails(hang, "loads", "did not answer within 0.7 s");
    HG_CLEANUP(hg_json_decrefp) json_t *exits = check("exit-in-constructor", NULL);
    assert_fails(exits, "loads", "ended with exit status 3");
    HG_CLEANUP(hg_json_decrefp) json_t *major = check("wrong-major", NULL);
    assert_fails(major, "loads", "is built for ABI 9");
    assert_fails(major, "symbols", "it exports hg_module_v9");
    HG_CLEANUP(hg_json_decrefp) json_t *none = check("no-module", NULL);
    assert_fails(none, "symbols", "it does not export hg_module_v0");
    HG_CLEANUP(hg_json_decrefp) json_t *extra = check("extra-symbol", NULL);
    assert_fails(extra, "symbols", "it also exports extra_symbol");
    HG_CLEANUP(hg_json_decrefp) json_t *descriptor = check("bad-descriptor", NULL);
    assert_fails(descriptor, "descriptor", "a version that is not like 1.2.3");
    HG_CLEANUP(hg_json_decrefp) json_t *schema = check("bad-schema", NULL);
    assert_fails(schema, "schema", "its config_schema is wrong");
}

static void test_broken_reads(void **state)
{
    (void)state;
    const char *rows = config("{\"n\": 30, \"batch_rows\": 10}");
    HG_CLEANUP(hg_json_decrefp) json_t *crash = check("crash-in-read", rows);
    assert_fails(crash, "batches", "crashed with SIGSEGV");
    assert_string_equal(field(crash, "open", "status"), "pass");
    number = "700";
    HG_CLEANUP(hg_json_decrefp) json_t *hang = check("hang-in-read", rows);
    number = NULL;
    assert_fails(hang, "batches", "did not answer within 0.7 s");
    assert_fails(hang, "cancel", "did not answer within 0.7 s");
    HG_CLEANUP(hg_json_decrefp) json_t *leak = check("leak", rows);
    assert_fails(leak, "batches", "used more than 1024 MiB of memory");
    HG_CLEANUP(hg_json_decrefp) json_t *lost = check("leak-in-open", rows);
    assert_fails(lost, "open and close", " bytes are lost after 100 rounds");
}

static void test_broken_batches(void **state)
{
    (void)state;
    static const struct {
        const char *config;
        const char *says;
    } cases[] = {
        {"{\"n\": 10, \"batch_rows\": 1}", "has offsets that run backwards"},
        {"{\"n\": 10, \"batch_rows\": 2}", "row 0: the text is not valid UTF-8"},
        {"{\"n\": 10, \"batch_rows\": 3}", "has nulls and no validity bitmap"},
        {"{\"n\": 10, \"batch_rows\": 4}", "the batch has 1 columns and its schema has 2"},
        {"{\"n\": 10, \"batch_rows\": 5}", "has fewer rows than the batch"},
    };
    for (size_t i = 0; i < HG_COUNT(cases); i++) {
        HG_CLEANUP(hg_json_decrefp) json_t *answer = check("bad-batch", config(cases[i].config));
        assert_fails(answer, "batches", cases[i].says);
        assert_non_null(strstr(field(answer, "batches", "detail"), "batch 1: "));
    }
}

static void test_run(void **state)
{
    (void)state;
    struct hg_child_result result;
    const char *rows = config("{\"n\": 8, \"batch_rows\": 3}");
    assert_int_equal(tool("run", temp_plugin("numbers"), rows, &result), 0);
    assert_string_equal(hg_buf_text(&result.output),
                        "number,text\n0,row 0\n1,row 1\n2,row 2\n3,row 3\n4,row 4\n5,row 5\n6,\n"
                        "7,row 7\n");
    hg_child_result_free(&result);
    number = "4";
    assert_int_equal(tool("run", temp_plugin("numbers"), rows, &result), 0);
    number = NULL;
    assert_string_equal(hg_buf_text(&result.output),
                        "number,text\n0,row 0\n1,row 1\n2,row 2\n3,row 3\n");
    hg_child_result_free(&result);
    assert_int_equal(tool("run", temp_plugin("always-good"), rows, &result), 1);
    hg_child_result_free(&result);
    assert_int_equal(tool("run", temp_plugin("numbers"), "/nonexistent", &result), 1);
    hg_child_result_free(&result);
    rows = config("{\"n\": 8, \"batch_rows\": 2}");
    assert_int_equal(tool("run", temp_plugin("bad-batch"), rows, &result), 1);
    hg_child_result_free(&result);
}

static void test_inspect(void **state)
{
    (void)state;
    struct hg_child_result result;
    assert_int_equal(tool("inspect", "--json", temp_plugin("numbers"), &result), 0);
    HG_CLEANUP(hg_json_decrefp)
    json_t *found = json_loadb(hg_buf_text(&result.output), result.output.len, 0, NULL);
    json_t *plugin = json_array_get(json_object_get(found, "plugins"), 0);
    assert_string_equal(json_string_value(json_object_get(plugin, "kind")), "connector");
    assert_string_equal(json_string_value(json_object_get(plugin, "resume")), "cursor");
    assert_true(json_is_null(json_object_get(plugin, "error")));
    hg_child_result_free(&result);
    /* A failure is JSON too. */
    assert_int_equal(tool("inspect", "--json", temp_plugin("no-module"), &result), 1);
    HG_CLEANUP(hg_json_decrefp)
    json_t *failed = json_loadb(hg_buf_text(&result.output), result.output.len, 0, NULL);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(failed, "error"), "code")),
                     HG_EINVAL);
    hg_child_result_free(&result);
    assert_int_equal(tool("inspect", temp_plugin("bad-schema"), NULL, &result), 0);
    assert_non_null(strstr(hg_buf_text(&result.output), "connector bad-json"));
    hg_child_result_free(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_connector),
        cmocka_unit_test(test_cancel_of_a_long_read),
        cmocka_unit_test(test_good_rule),
        cmocka_unit_test(test_broken_files),
        cmocka_unit_test(test_broken_reads),
        cmocka_unit_test(test_broken_batches),
        cmocka_unit_test(test_run),
        cmocka_unit_test(test_inspect),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
