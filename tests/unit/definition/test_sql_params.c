#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "definition/sql_params.h"

static const char schema_text[] =
    "{\"type\":\"object\",\"properties\":{"
    "\"since\":{\"type\":\"string\",\"format\":\"date\"},"
    "\"at\":{\"type\":[\"string\",\"null\"],\"format\":\"date-time\"},"
    "\"name\":{\"type\":\"string\"},\"n\":{\"type\":\"integer\"},\"x\":{\"type\":\"number\"},"
    "\"on\":{\"type\":\"boolean\"},\"list\":{\"type\":\"array\"},"
    "\"any\":{},\"two\":{\"type\":[\"string\",\"integer\"]}}}";

struct outcome {
    int result;
    char *sql;
    json_t *params;
    struct hg_diagnostics diagnostics;
};

static struct outcome rewrite(const char *sql)
{
    HG_CLEANUP(hg_json_decrefp) json_t *schema = json_loads(schema_text, 0, NULL);
    assert_non_null(schema);
    struct outcome outcome = {.diagnostics = HG_DIAGNOSTICS_INIT};
    outcome.result = hg_sql_params_rewrite(
        "q.sql", sql, schema, &outcome.sql, &outcome.params, &outcome.diagnostics, NULL);
    assert_true((outcome.result == HG_OK) == (outcome.sql != NULL));
    assert_true((outcome.result == HG_OK) == (outcome.params != NULL));
    return outcome;
}

static void forget(struct outcome *outcome)
{
    free(outcome->sql);
    json_decref(outcome->params);
    hg_diagnostics_free(&outcome->diagnostics);
}

#define SETTING(name, type) "(nullif(current_setting('headgate.p_" name "', true), '')::" type ")"

static void binds_each_type(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *expected;
    } cases[] = {
        {"params.since", SETTING("params_since", "date")},
        {"params.at", SETTING("params_at", "timestamptz")},
        {"params.name", SETTING("params_name", "text")},
        {"params.n", SETTING("params_n", "bigint")},
        {"params.x", SETTING("params_x", "numeric")},
        {"params.on", SETTING("params_on", "boolean")},
        {"params.list", SETTING("params_list", "jsonb")},
        {"params.any", SETTING("params_any", "jsonb")},
        {"params.two", SETTING("params_two", "jsonb")},
        {"run.id", SETTING("run_id", "uuid")},
        {"run.scheduled_for", SETTING("run_scheduled_for", "timestamptz")},
        {"run.interval_start", SETTING("run_interval_start", "timestamptz")},
        {"run.interval_end", SETTING("run_interval_end", "timestamptz")},
    };
    for (size_t i = 0; i < HG_COUNT(cases); i++) {
        HG_CLEANUP(hg_buf_free) struct hg_buf sql = HG_BUF_INIT;
        hg_buf_printf(&sql, "a${%s}b", cases[i].name);
        HG_CLEANUP(hg_buf_free) struct hg_buf expected = HG_BUF_INIT;
        hg_buf_printf(&expected, "a%sb", cases[i].expected);
        struct outcome outcome = rewrite(hg_buf_text(&sql));
        assert_int_equal(outcome.result, HG_OK);
        assert_string_equal(outcome.sql, hg_buf_text(&expected));
        char setting[HG_SQL_SETTING_NAME];
        hg_sql_setting_name(cases[i].name, setting);
        assert_non_null(strstr(outcome.sql, setting));
        forget(&outcome);
    }
}

static void lists_each_name_once(void **state)
{
    (void)state;
    struct outcome outcome =
        rewrite("SELECT ${params.n}, ${run.id}, ${params.n} WHERE x > ${params.since}");
    HG_CLEANUP(hg_json_decrefp)
    json_t *expected =
        json_loads("[{\"name\":\"params.n\",\"type\":\"bigint\"},{\"name\":\"run.id\","
                   "\"type\":\"uuid\"},{\"name\":\"params.since\",\"type\":\"date\"}]",
                   0,
                   NULL);
    assert_true(json_equal(outcome.params, expected));
    forget(&outcome);
}

static void leaves_the_rest_alone(void **state)
{
    (void)state;
    static const char *const scripts[] = {
        "",
        "SELECT 'it''s', \"a\"\"b\", E'\\'$', e'\\\\', U&'\\0041', 1e5, $1;",
        "SELECT $$ BEGIN; COMMIT; $$, $fn$ a 'b $$ c $fn$;",
        "-- ${gone} 'never closed\nSELECT 1;",
        "/* ${gone} /* nested ' */ \" */ SELECT 1;",
        "SELECT '-- no comment', '/* nor this', 5 /*x*/ / 2 - -1;",
        "SELECT a$b$c FROM t;",
        "CREATE TABLE begin_t (commit int); SELECT begin_t.commit FROM begin_t;",
        "SELECT CASE WHEN a THEN 1 END FROM t;",
        "PREPARE q AS SELECT 1;",
        "SELECT 'caf\xC3\xA9' AS caf\xC3\xA9;",
        "DO $do$ BEGIN PERFORM 1; END $do$;",
    };
    for (size_t i = 0; i < HG_COUNT(scripts); i++) {
        struct outcome outcome = rewrite(scripts[i]);
        if (outcome.result != HG_OK) {
            print_error("%s: %s\n", scripts[i], outcome.diagnostics.items[0].message);
        }
        assert_int_equal(outcome.result, HG_OK);
        assert_string_equal(outcome.sql, scripts[i]);
        assert_int_equal(json_array_size(outcome.params), 0);
        forget(&outcome);
    }
}

static const struct {
    const char *sql;
    int line;
    int column;
    const char *said;
    const char *hint;
} bad[] = {
    {"SELECT ${params.sinse}", 1, 8, "there is no value ${params.sinse}", "${params.since}"},
    {"SELECT ${since}", 1, 8, "there is no value ${since}", NULL},
    {"SELECT ${params.}", 1, 8, "there is no value", NULL},
    {"SELECT ${}", 1, 8, "begins no name", NULL},
    {"SELECT ${params.n\n}", 1, 8, "begins no name", NULL},
    {"SELECT ${params.n", 1, 8, "begins no name", NULL},
    {"\n  SELECT 'a ${params.n}'", 2, 13, "within a text", "Take it out of the quotes"},
    {"SELECT E'\\' ${params.n}'", 1, 13, "within a text", NULL},
    {"SELECT \"${params.n}\"", 1, 9, "within a quoted name", NULL},
    {"SELECT $a$ ${params.n} $a$", 1, 12, "within a dollar-quoted text", NULL},
    {"SELECT 'abc", 1, 8, "found a text that is not closed", NULL},
    {"SELECT \"abc", 1, 8, "found a quoted name that is not closed", NULL},
    {"SELECT $x$abc$y$", 1, 8, "found a dollar-quoted text that is not closed", NULL},
    {"SELECT 1 /* /* */", 1, 10, "found a comment that is not closed", NULL},
    {"BEGIN; SELECT 1", 1, 1, "found BEGIN, which controls the transaction", NULL},
    {"SELECT 1;\n-- x\n  commit;", 3, 3, "found commit", NULL},
    {"SELECT '\xC3\xA9';ROLLBACK", 1, 12, "found ROLLBACK", NULL},
    {"SAVEPOINT a", 1, 1, "found SAVEPOINT", NULL},
    {"RELEASE a", 1, 1, "found RELEASE", NULL},
    {"/**/START TRANSACTION", 1, 5, "found START", NULL},
    {"End", 1, 1, "found End", NULL},
    {"ABORT", 1, 1, "found ABORT", NULL},
    {";;PREPARE  TRANSACTION 'x'", 1, 3, "found PREPARE", NULL},
};

static void refuses_what_cannot_be_bound(void **state)
{
    (void)state;
    for (size_t i = 0; i < HG_COUNT(bad); i++) {
        struct outcome outcome = rewrite(bad[i].sql);
        assert_int_equal(outcome.result, HG_EINVAL);
        assert_true(outcome.diagnostics.n >= 1);
        const struct hg_diagnostic *first = &outcome.diagnostics.items[0];
        if (!strstr(first->message, bad[i].said) || first->line != bad[i].line ||
            first->column != bad[i].column) {
            print_error(
                "%s\n  %d:%d: %s\n", bad[i].sql, first->line, first->column, first->message);
        }
        assert_string_equal(first->file, "q.sql");
        assert_non_null(strstr(first->message, bad[i].said));
        assert_int_equal(first->line, bad[i].line);
        assert_int_equal(first->column, bad[i].column);
        assert_true(!bad[i].hint || strstr(first->hint, bad[i].hint));
        forget(&outcome);
    }
}

static void takes_no_schema(void **state)
{
    (void)state;
    char *sql = NULL;
    json_t *params = NULL;
    struct hg_diagnostics diagnostics = HG_DIAGNOSTICS_INIT;
    assert_int_equal(
        hg_sql_params_rewrite("q", "${run.id}", NULL, &sql, &params, &diagnostics, NULL), HG_OK);
    assert_int_equal(json_array_size(params), 1);
    free(sql);
    json_decref(params);
    sql = NULL;
    params = NULL;
    assert_int_equal(
        hg_sql_params_rewrite("q", "${params.a}", NULL, &sql, &params, &diagnostics, NULL),
        HG_EINVAL);
    assert_null(sql);
    hg_diagnostics_free(&diagnostics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(binds_each_type),
        cmocka_unit_test(lists_each_name_once),
        cmocka_unit_test(leaves_the_rest_alone),
        cmocka_unit_test(refuses_what_cannot_be_bound),
        cmocka_unit_test(takes_no_schema),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
