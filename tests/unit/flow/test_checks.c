#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/uuid.h"
#include "fakes.h"
#include "flow/quarantine.h"

static const struct hg_column three[] = {
    {.name = "k", .type = HG_TYPE_INT64, .nullable = true},
    {.name = "v", .type = HG_TYPE_UTF8, .nullable = true},
    {.name = "_hg_pos", .type = HG_TYPE_UTF8, .nullable = true},
};

static void use(size_t n, const char *rows)
{
    fake.columns = three;
    fake.n_columns = n;
    fake.rows = rows;
}

#define RULE(id, columns, more)                                                                \
    "{\"rule\": \"" id "\", \"config\": {\"columns\": " columns ", \"keep\": 2, \"max\": 2}, " \
    "\"severity\": \"critical\", " more "}"
#define CHECK(job, rules) "{\"job\": \"" job "\", \"rules\": [" rules "]}"

static const char *text_at(const json_t *list, size_t i, const char *key)
{
    const char *text = json_string_value(json_object_get(json_array_get(list, i), key));
    return text ? text : "";
}

static int64_t number_at(const json_t *list, size_t i, const char *key)
{
    return json_integer_value(json_object_get(json_array_get(list, i), key));
}

/* "in/out/rejected" of each job. */
static const char *counts(const json_t *result)
{
    static char text[256];
    const json_t *jobs = json_object_get(result, "jobs");
    size_t n = 0;
    text[0] = '\0';
    for (size_t i = 0; i < json_array_size(jobs); i++) {
        n += (size_t)snprintf(text + n,
                              sizeof text - n,
                              "%s%s %lld/%lld/%lld",
                              i ? ", " : "",
                              text_at(jobs, i, "id"),
                              (long long)number_at(jobs, i, "rows_in"),
                              (long long)number_at(jobs, i, "rows_out"),
                              (long long)number_at(jobs, i, "rows_rejected"));
    }
    return text;
}

static json_t *run(const char *checks, int expected, struct hg_error *err)
{
    json_t *result = NULL;
    const struct fake_task task = {.table = "m.t", .mode = "append", .checks = checks};
    int r = fake_run(pg, &task, &result, err);
    if (r != expected) {
        fail_msg("%d: %s", r, err->message);
    }
    return result;
}

/* ---- policies ---- */

static void test_warn_loads_all(void **state)
{
    struct hg_error err = HG_ERROR_INIT;
    (void)state;
    use(3, "[[1, \"a\", \"f:1\"], [null, \"b\", \"f:2\"], [null, null, \"f:3\"]]");
    HG_CLEANUP(hg_json_decrefp)
    json_t *result =
        run("[" CHECK("check", RULE("toy_not_null", "[\"k\", \"v\"]", "\"on_fail\": \"warn\"")) "]",
            HG_OK,
            &err);
    assert_string_equal(counts(result), "fetch 3/3/0, check 3/3/0, load 3/3/0");
    assert_query(pg, "select count(*) from m.t", "3");
    assert_query(pg, "select count(*) from headgate.quarantine", "0");
    const json_t *results = json_object_get(result, "results");
    assert_int_equal(json_array_size(results), 2);
    HG_CLEANUP(hg_freep) char *first = json_dumps(json_array_get(results, 0), JSON_SORT_KEYS);
    assert_string_equal(first,
                        "{\"column\": \"k\", \"dimension\": \"completeness\", \"evaluated\": 3,"
                        " \"failed\": 2, \"grain\": \"cell\", \"issue_type\": \"null\", \"job\":"
                        " \"check\", \"on_fail\": \"warn\", \"rule\": \"toy_not_null\","
                        " \"severity\": \"critical\", \"status\": \"fail\"}");
    assert_string_equal(text_at(results, 1, "column"), "v");
    assert_int_equal(number_at(results, 1, "failed"), 1);
    assert_non_null(strstr(heard.log, "check: f:2: k is bad\n"));
    assert_query(pg,
                 "select string_agg(attname::text, ',' order by attnum) from pg_attribute"
                 " where attrelid = 'm.t'::regclass and attnum > 0",
                 "k,v");
}

/* A rule that had no rows says so, as it would of rows: by column where it looks at cells. */
static void test_no_rows_have_figures_too(void **state)
{
    struct hg_error err = HG_ERROR_INIT;
    (void)state;
    use(3, "[]");
    HG_CLEANUP(hg_json_decrefp)
    json_t *result = run(
        "[" CHECK(
            "check",
            RULE("toy_not_null", "[\"k\", \"v\"]", "\"on_fail\": \"warn\"") ", " RULE(
                "toy_unique",
                "[\"k\"]",
                "\"on_fail\": \"warn\"") ", " RULE("toy_table", "[]", "\"on_fail\": \"warn\"")) "]",
        HG_OK,
        &err);
    static const char *const expected[][2] = {
        {"toy_not_null", "k"}, {"toy_not_null", "v"}, {"toy_unique", ""}, {"toy_table", ""}};
    const json_t *results = json_object_get(result, "results");
    assert_int_equal(json_array_size(results), HG_COUNT(expected));
    for (size_t i = 0; i < HG_COUNT(expected); i++) {
        assert_string_equal(text_at(results, i, "rule"), expected[i][0]);
        assert_string_equal(text_at(results, i, "column"), expected[i][1]);
        assert_int_equal(number_at(results, i, "evaluated"), i == 3); /* it looks at the table */
        assert_int_equal(number_at(results, i, "failed"), 0);
        assert_string_equal(text_at(results, i, "status"), "pass");
    }
}

static void test_reject_goes_to_quarantine(void **state)
{
    struct hg_error err = HG_ERROR_INIT;
    (void)state;
    use(3,
        "[[1, \"a\", \"f:1\"], [null, \"b\", \"f:2\"], [null, null, \"f:3\"],"
        " [2, \"c\", \"f:4\"]]");
    fake.n_rejects = 1;
    fake.batch_rows = 3;
    HG_CLEANUP(hg_json_decrefp)
    json_t *result = run(
        "[" CHECK("check", RULE("toy_not_null", "[\"k\", \"v\"]", "\"on_fail\": \"reject\"")) "]",
        HG_OK,
        &err);
    assert_string_equal(counts(result), "fetch 5/4/1, check 4/2/2, load 2/2/0");
    assert_query(pg, "select string_agg(k::text, ',') from m.t", "1,2");
    assert_query(pg,
                 "select string_agg(concat_ws(' ', job_id, position, reasons, row_data), '; '"
                 " order by id) from headgate.quarantine where job_id = 'check'",
                 "check f:2 [{\"rule\": \"toy_not_null\", \"column\": \"k\", \"message\":"
                 " \"k is bad\"}] {\"k\": null, \"v\": \"b\"}; check f:3 [{\"rule\":"
                 " \"toy_not_null\", \"column\": \"k\", \"message\": \"k is bad\"}, {\"rule\":"
                 " \"toy_not_null\", \"column\": \"v\", \"message\": \"v is bad\"}]"
                 " {\"k\": null, \"v\": null}");
    assert_query(pg,
                 "select concat_ws(' ', position, source, reasons, raw, row_data is null) from"
                 " headgate.quarantine where job_id = 'fetch'",
                 "fake.csv:7 fake [{\"rule\": null, \"column\": \"price\", \"message\":"
                 " \"\\\"a\\\\b\\\" is not a float64\"}] x,\"a\xef\xbf\xbd"
                 "b\",\xef\xbf\xbd t");
    assert_query(pg,
                 "select concat_ws(' ', rows_extracted, rows_loaded, rows_rejected) from"
                 " headgate.ledger",
                 "5 2 3");
    assert_non_null(strstr(heard.log,
                           "fetch: rejected fake.csv:7: price: \"a\\b\" is not a"
                           " float64\n"));
    assert_non_null(strstr(heard.log, "check: rejected f:2: k is bad\n"));
    assert_non_null(strstr(heard.log, "check: 2 rows were rejected in all"));
}

static void test_numbered_positions(void **state)
{
    static const struct hg_column columns[] = {
        {.name = "k", .type = HG_TYPE_INT64, .nullable = true},
        {.name = "_hg_pos", .type = HG_TYPE_INT64},
    };
    struct hg_error err = HG_ERROR_INIT;
    (void)state;
    use(2, "[[null, 17], [1, 18], [null, 19]]");
    fake.columns = columns;
    for (int i = 0; i < 2; i++) {
        fake.numbers = i == 0;
        json_decref(
            run("[" CHECK("check", RULE("toy_not_null", "[\"k\"]", "\"on_fail\": \"reject\"")) "]",
                HG_OK,
                &err));
    }
    assert_query(pg,
                 "select string_agg(position, ' ' order by id) from headgate.quarantine",
                 "numbered.csv:17 numbered.csv:19 17 19");
    assert_query(pg, "select count(*) from m.t", "2");
}

static void test_stop(void **state)
{
    struct hg_error err = HG_ERROR_INIT;
    (void)state;
    use(3, "[[1, \"a\", \"f:1\"], [null, \"b\", \"f:2\"]]");
    HG_CLEANUP(hg_json_decrefp)
    json_t *result =
        run("[" CHECK("one", RULE("toy_not_null", "[\"v\"]", "\"on_fail\": \"stop\"")) ", " CHECK(
                "two", RULE("toy_not_null", "[\"k\"]", "\"on_fail\": \"stop\"")) "]",
            HG_ESTOP,
            &err);
    assert_string_equal(err.message, "rule \"toy_not_null\" on k failed 1 of 2 at f:2: k is bad");
    assert_string_equal(
        err.hint, "The rule has on_fail: stop; nothing that goes through this check was loaded.");
    const json_t *jobs = json_object_get(result, "jobs");
    const char *const statuses[] = {"cancelled", "cancelled", "failed", "skipped"};
    for (size_t i = 0; i < HG_COUNT(statuses); i++) {
        assert_string_equal(text_at(jobs, i, "status"), statuses[i]);
    }
    assert_query(pg, "select to_regclass('m.t') is null", "t");
    assert_int_equal(json_array_size(json_object_get(result, "results")), 2);
}

static void test_verdict_at_the_end(void **state)
{
    struct hg_error err = HG_ERROR_INIT;
    (void)state;
    use(2, "[[1, \"a\"], [2, \"b\"], [3, \"c\"]]");
    fake.batch_rows = 2;
    json_decref(run(
        "[" CHECK("check", RULE("toy_table", "[]", "\"on_fail\": \"stop\"")) "]", HG_ESTOP, &err));
    assert_query(pg, "select to_regclass('m.t') is null", "t");
    HG_CLEANUP(hg_json_decrefp)
    json_t *result =
        run("[" CHECK("check", RULE("toy_table", "[]", "\"on_fail\": \"warn\"")) "]", HG_OK, &err);
    const json_t *results = json_object_get(result, "results");
    assert_int_equal(number_at(results, 0, "evaluated"), 1);
    assert_int_equal(number_at(results, 0, "failed"), 1);
    assert_string_equal(text_at(results, 0, "grain"), "table");
    assert_query(pg, "select count(*) from m.t", "3");
}

static void test_two_checks_count_apart(void **state)
{
    struct hg_error err = HG_ERROR_INIT;
    (void)state;
    use(2, "[[1, \"a\"], [null, \"b\"], [3, null], [null, null]]");
    HG_CLEANUP(hg_json_decrefp)
    json_t *result =
        run("[" CHECK("one", RULE("toy_not_null", "[\"v\"]", "\"on_fail\": \"reject\"")) ", " CHECK(
                "two", RULE("toy_not_null", "[\"k\"]", "\"on_fail\": \"reject\"")) "]",
            HG_OK,
            &err);
    assert_string_equal(counts(result), "fetch 4/4/0, one 4/2/2, two 2/1/1, load 1/1/0");
    assert_query(pg,
                 "select string_agg(concat_ws(' ', job_id, jsonb_array_length(reasons)), ','"
                 " order by id) from headgate.quarantine",
                 "two 1,one 1,one 2");
}

static void test_rule_that_cannot_be_prepared(void **state)
{
    struct hg_error err = HG_ERROR_INIT;
    (void)state;
    use(2, "[[1, \"a\"]]");
    HG_CLEANUP(hg_json_decrefp)
    json_t *result =
        run("[" CHECK("check", RULE("toy_not_null", "[\"z\"]", "\"on_fail\": \"warn\"")) "]",
            HG_EINVAL,
            &err);
    assert_string_equal(text_at(json_object_get(result, "jobs"), 1, "status"), "failed");
    assert_query(pg, "select to_regclass('m.t') is null", "t");
}

/* One document that jsonb refuses makes one rejected row. */
static void test_json_that_jsonb_refuses(void **state)
{
    static const char *const json[] = {"headgate.type", "json", NULL};
    static const struct hg_column columns[] = {
        {.name = "k", .type = HG_TYPE_INT64, .nullable = true},
        {.name = "doc", .type = HG_TYPE_UTF8, .nullable = true, .metadata = json},
    };
    struct hg_error err = HG_ERROR_INIT;
    (void)state;
    fake.columns = columns;
    fake.n_columns = 2;
    fake.rows =
        "[[1, \"{\\\"a\\\": [1, \\\"x\\\", null]}\"], [2, \"{\\\"a\\\": \\\"\\\\u0000\\\"}\"],"
        " [3, \"{\"], [4, null], [5, \"1e131071\"], [6, \"1e131072\"], [7, \"1e-16383\"],"
        " [8, \"1e-16384\"], [9, \"\"], [10, \"\\\"\\\\ud800\\\"\"], [11, \"{\\\"\\\\u0000\\\": "
        "1}\"],"
        " [12, \"[1] x\"], [13, \"\\\"ok\\\"\"]]";
    for (int i = 0; i < 2; i++) { /* into a table that is made, and one that is there */
        json_decref(run(NULL, HG_OK, &err));
        assert_query(pg, "select string_agg(distinct k::text, ',') from m.t", "1,13,4,5,7");
    }
    assert_query(pg, "select count(*) from m.t", "10");
    assert_query(pg, "select count(*) from headgate.quarantine", "16");
    assert_query(pg,
                 "select count(*) from headgate.quarantine where"
                 " reasons->0->>'message' like '%u0000%'",
                 "4");
}

/* ---- rows that are decided late ---- */

#define UNIQUE(columns) RULE("toy_unique", columns, "\"on_fail\": \"reject\"")

static void test_undecided_rows(void **state)
{
    struct hg_error err = HG_ERROR_INIT;
    (void)state;
    /* Two keys are remembered; 3 to 6 must wait. The second and later of each is a duplicate. */
    use(3,
        "[[1, \"a\", \"f:1\"], [2, \"b\", \"f:2\"], [3, \"c\", \"f:3\"], [3, \"d\", \"f:4\"],"
        " [1, \"e\", \"f:5\"], [4, \"f\", \"f:6\"], [5, \"g\", \"f:7\"], [6, null, \"f:8\"],"
        " [6, \"i\", \"f:9\"], [null, \"j\", \"f:10\"], [3, \"k\", \"f:11\"]]");
    fake.batch_rows = 2;
    HG_CLEANUP(hg_json_decrefp)
    json_t *result = run("[" CHECK("check", UNIQUE("[\"k\"]")) "]", HG_OK, &err);
    assert_query(pg,
                 "select string_agg(concat_ws('', k, v), ' ' order by k) from m.t",
                 "1a 2b 3c 4f 5g 6 j");
    assert_query(pg,
                 "select string_agg(concat_ws('', position, row_data->>'v'), ' ' order by"
                 " position) from headgate.quarantine",
                 "f:11k f:4d f:5e f:9i");
    assert_string_equal(counts(result), "fetch 11/11/0, check 11/7/4, load 7/7/0");
    const json_t *results = json_object_get(result, "results");
    assert_int_equal(json_array_size(results), 1);
    assert_int_equal(number_at(results, 0, "evaluated"), 11);
    assert_int_equal(number_at(results, 0, "failed"), 4);
}

static void test_undecided_by_two_rules(void **state)
{
    struct hg_error err = HG_ERROR_INIT;
    static const struct hg_column columns[] = {
        {.name = "a", .type = HG_TYPE_INT64, .nullable = true},
        {.name = "b", .type = HG_TYPE_INT64, .nullable = true},
        {.name = "c", .type = HG_TYPE_INT64, .nullable = true},
    };
    char text[16 * 1024];
    size_t n = (size_t)snprintf(text, sizeof text, "[[0, 0, 0]");
    unsigned random = 1;
    (void)state;
    fake_sql(pg, "create table public.input (a bigint, b bigint, c bigint, seq bigint)");
    fake_sql(pg, "insert into public.input values (0, 0, 0, 0)");
    for (int i = 1; i < 300; i++) {
        random = random * 1103515245u + 12345u;
        int a = (int)(random >> 16) % 150;
        random = random * 1103515245u + 12345u;
        int b = (int)(random >> 16) % 150;
        char cell[16] = "null";
        if (i % 7) {
            (void)snprintf(cell, sizeof cell, "%d", i);
        }
        n += (size_t)snprintf(text + n, sizeof text - n, ", [%d, %d, %s]", a, b, cell);
        char sql[128];
        (void)snprintf(
            sql, sizeof sql, "insert into public.input values (%d, %d, %s, %d)", a, b, cell, i);
        fake_sql(pg, sql);
    }
    (void)snprintf(text + n, sizeof text - n, "]");
    use(0, text);
    fake.columns = columns;
    fake.n_columns = 3;
    fake.batch_rows = 11;
    HG_CLEANUP(hg_json_decrefp)
    json_t *result =
        run("[" CHECK("one",
                      UNIQUE("[\"a\"]") ", " RULE(
                          "toy_not_null",
                          "[\"c\"]",
                          "\"on_fail\": \"reject\"")) ", " CHECK("two", UNIQUE("[\"b\"]")) "]",
            HG_OK,
            &err);
    /* Rules do not see each other: a row passes when it is the first of its a and of its b. */
    fake_sql(pg,
             "create view public.good as select a, b, c from (select *, row_number() over"
             " (partition by a order by seq) as na, row_number() over (partition by b order by"
             " seq) as nb from public.input) i where na = 1 and nb = 1 and c is not null");
    assert_query(pg,
                 "select (select count(*) from m.t) = (select count(*) from public.good)"
                 " and not exists (select * from public.good except select a, b, c from m.t)",
                 "t");
    fake_sql(pg, "drop view public.good");
    assert_query(pg,
                 "select (select count(*) from m.t) + (select count(*) from"
                 " headgate.quarantine)",
                 "300");
    const json_t *jobs = json_object_get(result, "jobs");
    assert_int_equal(number_at(jobs, 1, "rows_in"), 300);
    assert_int_equal(number_at(jobs, 2, "rows_in"), number_at(jobs, 1, "rows_out"));
    assert_int_equal(number_at(jobs, 3, "rows_in"), number_at(jobs, 2, "rows_out"));
}

static void test_late_rows_keep_their_place_in_a_merge(void **state)
{
    static const struct hg_column columns[] = {
        {.name = "k", .type = HG_TYPE_INT64, .nullable = true},
        {.name = "u", .type = HG_TYPE_INT64, .nullable = true},
        {.name = "v", .type = HG_TYPE_UTF8, .nullable = true},
    };
    struct hg_error err = HG_ERROR_INIT;
    (void)state;
    /* The row with u = 9 waits for its verdict and comes behind the others, but its place in the
     * stream is before the last row of k = 3, which must win. */
    use(0,
        "[[1, 1, \"a\"], [2, 2, \"b\"], [3, 9, \"early\"], [3, 1, \"dup\"], [4, 8, \"x\"],"
        " [4, 9, \"dup\"]]");
    fake.columns = columns;
    fake.n_columns = 3;
    const struct fake_task task = {.table = "m.t",
                                   .mode = "merge",
                                   .key = "[\"k\"]",
                                   .checks = "[" CHECK("check", UNIQUE("[\"u\"]")) "]"};
    assert_int_equal(fake_run(pg, &task, NULL, &err), HG_OK);
    assert_query(pg,
                 "select string_agg(concat_ws(',', k, v), ' ' order by k) from m.t",
                 "1,a 2,b 3,early 4,x");
    /* Now u = 9 waits, and a later row of the same key does not. */
    fake.rows = "[[7, 1, \"a\"], [8, 2, \"b\"], [3, 9, \"late\"], [3, 7, \"later\"]]";
    const struct fake_task again = {.table = "m.t",
                                    .mode = "merge",
                                    .key = "[\"k\"]",
                                    .checks = "[" CHECK("check", UNIQUE("[\"u\"]")) "]"};
    assert_int_equal(fake_run(pg, &again, NULL, &err), HG_OK);
    assert_query(pg, "select v from m.t where k = 3", "later");
}

static void test_late_rows_of_one_key_keep_their_order(void **state)
{
    static const struct hg_column columns[] = {
        {.name = "k", .type = HG_TYPE_INT64, .nullable = true},
        {.name = "u", .type = HG_TYPE_INT64, .nullable = true},
        {.name = "v", .type = HG_TYPE_UTF8, .nullable = true},
    };
    struct hg_error err = HG_ERROR_INIT;
    (void)state;
    /* u = 9 is decided before u = 8, whose partition is a higher one, and finds the table empty of
     * its key; still it is the last row of k = 3. */
    use(0, "[[1, 1, \"a\"], [2, 2, \"b\"], [3, 8, \"early\"], [3, 9, \"late\"]]");
    fake.columns = columns;
    fake.n_columns = 3;
    const struct fake_task task = {.table = "m.t",
                                   .mode = "merge",
                                   .key = "[\"k\"]",
                                   .checks = "[" CHECK("check", UNIQUE("[\"u\"]")) "]"};
    assert_int_equal(fake_run(pg, &task, NULL, &err), HG_OK);
    assert_query(
        pg, "select string_agg(concat_ws(',', k, v), ' ' order by k) from m.t", "1,a 2,b 3,late");
}

/* ---- what PostgreSQL would not take ---- */

static void test_rows_the_table_does_not_take(void **state)
{
    static const struct hg_column columns[] = {
        {.name = "s", .type = HG_TYPE_UTF8, .nullable = true},
        {.name = "d", .type = HG_TYPE_DATE32, .nullable = true},
        {.name = "t", .type = HG_TYPE_TIMESTAMP_US, .nullable = true},
        {.name = "x", .type = HG_TYPE_INT32, .nullable = true},
    };
    struct hg_error err = HG_ERROR_INIT;
    (void)state;
    fake_sql(pg,
             "create schema m authorization headgate_user; create table m.t (s text, d date,"
             " t timestamp, x int not null); alter table m.t owner to headgate_user");
    use(0,
        "[[\"a\\u0000b\", 0, 0, 1], [\"ok\", 0, 0, 1], [\"c\", 2147483647, 0, 1],"
        " [\"d\", 0, 9223372036854775807, 1], [\"e\", 0, -9223372036854775807, 1],"
        " [\"f\", 0, 0, null], [\"g\", -2440588, -210866803200000000, 1],"
        " [\"h\", 2145042905, 9223372036854775806, 1], [\"i\", -2440589, 0, 1]]");
    fake.columns = columns;
    fake.n_columns = HG_COUNT(columns);
    HG_CLEANUP(hg_json_decrefp) json_t *result = run("[]", HG_OK, &err);
    assert_query(pg, "select string_agg(s, ',' order by s) from m.t", "g,h,ok");
    assert_string_equal(counts(result), "fetch 9/9/0, load 9/3/6");
    assert_query(pg,
                 "select string_agg(reasons->0->>'message', '; ' order by id) from"
                 " headgate.quarantine",
                 "s holds a NUL byte, which PostgreSQL's text cannot; d is a date beyond"
                 " PostgreSQL's range; t is a time beyond PostgreSQL's range; t is a time beyond"
                 " PostgreSQL's range; x is null, which the table does not take; d is a date beyond"
                 " PostgreSQL's range");
    assert_query(pg,
                 "select row_data->>'s' from headgate.quarantine order by id limit 1",
                 "a\xef\xbf\xbd"
                 "b");
}

/* A date column goes on for millions of years, a timestamp does not. */
static void test_dates_that_become_timestamps(void **state)
{
    static const struct hg_column columns[] = {
        {.name = "s", .type = HG_TYPE_UTF8, .nullable = true},
        {.name = "d", .type = HG_TYPE_DATE32, .nullable = true},
    };
    struct hg_error err = HG_ERROR_INIT;
    (void)state;
    fake_sql(pg,
             "create schema m authorization headgate_user; create table m.t (s text, d timestamp);"
             " alter table m.t owner to headgate_user");
    use(0,
        "[[\"first\", -2440588], [\"last\", 106762939], [\"beyond\", 106762940],"
        " [\"date\", 2145042905], [\"null\", null]]");
    fake.columns = columns;
    fake.n_columns = HG_COUNT(columns);
    HG_CLEANUP(hg_json_decrefp) json_t *result = run("[]", HG_OK, &err);
    assert_query(pg,
                 "select string_agg(concat_ws(' ', s, d), ', ' order by d) from m.t",
                 "first 4714-11-24 00:00:00 BC, last 294276-12-31 00:00:00, null");
    assert_string_equal(counts(result), "fetch 5/5/0, load 5/3/2");
    assert_query(pg,
                 "select reasons->0->>'message' from headgate.quarantine limit 1",
                 "d is a date beyond the range of PostgreSQL's timestamp");
}

static void test_quarantine_is_bounded(void **state)
{
    struct hg_error err = HG_ERROR_INIT;
    (void)state;
    use(2, NULL);
    HG_CLEANUP(hg_json_decrefp) json_t *rows = json_array();
    for (int i = 0; i < 1000; i++) {
        json_array_append_new(rows, json_pack("[n, s]", "abcdefghijklmnopqrstuvwxyz"));
    }
    json_array_append_new(rows, json_pack("[i, s]", 1, "b"));
    fake.parsed = rows;
    fake.n_repeat = FAKE_QUARANTINE_ROWS / 1000 + 1;
    HG_CLEANUP(hg_json_decrefp)
    json_t *result =
        run("[" CHECK("check", RULE("toy_not_null", "[\"k\"]", "\"on_fail\": \"reject\"")) "]",
            HG_OK,
            &err);
    assert_query(pg, "select count(*) from headgate.quarantine", "100000");
    assert_query(pg, "select count(*) from m.t", "101");
    assert_int_equal(number_at(json_object_get(result, "jobs"), 1, "rows_rejected"), 101000);
    assert_int_equal(heard.n_lines,
                     HG_QUARANTINE_LOG_ROWS + 4); /* with the sums of check and load */
    assert_non_null(strstr(heard.log, "1000 more are counted, not kept"));
    json_t *load = json_array_get(json_object_get(result, "jobs"), 2);
    const char *warning = json_string_value(json_array_get(json_object_get(load, "warnings"), 0));
    assert_non_null(warning);
    assert_non_null(strstr(warning, "1000 more are counted, not kept"));
    /* What nobody reads is not put into words either. */
    assert_int_equal(heard.n_explained, FAKE_QUARANTINE_ROWS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_warn_loads_all, reset),
        cmocka_unit_test_setup(test_no_rows_have_figures_too, reset),
        cmocka_unit_test_setup(test_reject_goes_to_quarantine, reset),
        cmocka_unit_test_setup(test_numbered_positions, reset),
        cmocka_unit_test_setup(test_stop, reset),
        cmocka_unit_test_setup(test_verdict_at_the_end, reset),
        cmocka_unit_test_setup(test_two_checks_count_apart, reset),
        cmocka_unit_test_setup(test_rule_that_cannot_be_prepared, reset),
        cmocka_unit_test_setup(test_json_that_jsonb_refuses, reset),
        cmocka_unit_test_setup(test_undecided_rows, reset),
        cmocka_unit_test_setup(test_undecided_by_two_rules, reset),
        cmocka_unit_test_setup(test_late_rows_keep_their_place_in_a_merge, reset),
        cmocka_unit_test_setup(test_late_rows_of_one_key_keep_their_order, reset),
        cmocka_unit_test_setup(test_rows_the_table_does_not_take, reset),
        cmocka_unit_test_setup(test_dates_that_become_timestamps, reset),
        cmocka_unit_test_setup(test_quarantine_is_bounded, reset),
    };
    return cmocka_run_group_tests(tests, start_pg, stop_pg);
}
