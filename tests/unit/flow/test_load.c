#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libpq-fe.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/uuid.h"
#include "fakes.h"

static const struct hg_column two[] = {
    {.name = "k", .type = HG_TYPE_INT64, .nullable = true},
    {.name = "v", .type = HG_TYPE_UTF8, .nullable = true},
};

static void use(const struct hg_column *columns, size_t n, const char *rows)
{
    fake.columns = columns;
    fake.n_columns = n;
    fake.rows = rows;
}

static void run_well(const struct fake_task *task)
{
    struct hg_error err = HG_ERROR_INIT;
    if (fake_run(pg, task, NULL, &err) != HG_OK) {
        fail_msg("%s (%s)", err.message, err.hint);
    }
}

static void run_badly(const struct fake_task *task, int code, const char *message, const char *hint)
{
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_json_decrefp) json_t *result = NULL;
    int r = fake_run(pg, task, &result, &err);
    if (r != code || !strstr(err.message, message) || !strstr(err.hint, hint)) {
        fail_msg("%d: %s (%s)", r, err.message, err.hint);
    }
    assert_true(json_is_false(json_object_get(result, "committed")));
}

#define ALL(table) "select string_agg(concat_ws(',', t.k, t.v), ' ' order by k, v) from " table " t"

/* ---- durability ---- */

/* A trigger runs in the load's transaction and may say how it commits. */
static void test_a_trigger_cannot_make_the_commit_lazy(void **state)
{
    (void)state;
    use(two, 2, "[[1, \"a\"]]");
    fake_sql(pg,
             "create function headgate.look() returns trigger language plpgsql as $$ begin"
             " insert into headgate.cursor values ('p', 'look', to_jsonb("
             "current_setting('synchronous_commit')), new.run_id); return new; end $$;"
             " create trigger look before insert on headgate.ledger for each row execute function"
             " headgate.look(); create schema m authorization headgate_user;"
             " create table m.t (k bigint, v text); alter table m.t owner to headgate_user;"
             " create function m.lazy() returns trigger language plpgsql as $$ begin"
             " set synchronous_commit = off; return new; end $$;"
             " create trigger lazy before insert on m.t for each row execute function m.lazy()");
    run_well(&(const struct fake_task){.table = "m.t", .mode = "append"});
    fake_sql(pg, "drop trigger look on headgate.ledger; drop function headgate.look()");
    assert_query(pg, "select state #>> '{}' from headgate.cursor where job_id = 'look'", "on");
    assert_query(pg, ALL("m.t"), "1,a");
}

/* ---- modes ---- */

static void test_append_makes_the_table(void **state)
{
    (void)state;
    use(two, 2, "[[1, \"a\"], [2, null], [1, \"\"]]");
    fake.batch_rows = 2;
    const struct fake_task task = {.table = "m.t", .mode = "append"};
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_json_decrefp) json_t *result = NULL;
    assert_int_equal(fake_run(pg, &task, &result, &err), HG_OK);
    assert_query(pg, ALL("m.t"), "1, 1,a 2");
    assert_query(pg, "select tableowner from pg_tables where tablename = 't'", "headgate_user");
    assert_query(pg,
                 "select concat_ws(' ', table_name, mode, rows_extracted, rows_loaded,"
                 " rows_rejected, final, fence, attempt) from headgate.ledger",
                 "m.t append 3 3 0 t 1 1");
    const json_t *jobs = json_object_get(result, "jobs");
    assert_int_equal(json_array_size(jobs), 2);
    assert_string_equal(json_string_value(json_object_get(json_array_get(jobs, 1), "id")), "load");
    assert_string_equal(json_string_value(json_object_get(json_array_get(jobs, 1), "status")),
                        "succeeded");
    assert_int_equal(json_integer_value(json_object_get(json_array_get(jobs, 1), "rows_out")), 3);
    assert_true(json_is_true(json_object_get(result, "committed")));
    assert_true(heard.n_calling > 0);
    run_well(&task);
    assert_query(pg, "select count(*) from m.t", "6");
}

static void test_huge_rows(void **state)
{
    HG_CLEANUP(hg_json_decrefp) json_t *rows = json_array();
    const size_t sizes[] = {3, 300 * 1024, 0, 5 * 1024 * 1024, 256 * 1024, 17};
    (void)state;
    use(two, 2, NULL);
    for (int i = 0; i < 60; i++) {
        size_t n = sizes[(size_t)i % HG_COUNT(sizes)];
        HG_CLEANUP(hg_freep) char *text = malloc(n + 1);
        memset(text, 'a' + i % 26, n);
        json_array_append_new(rows, json_pack("[i, s#]", i, text, (int)n));
    }
    fake.parsed = rows;
    fake.batch_rows = 7;
    run_well(&(struct fake_task){.table = "m.t", .mode = "append"});
    assert_query(pg,
                 "select count(*) from m.t where length(v) = (array[3, 307200, 0, 5242880, 262144,"
                 " 17])[k % 6 + 1] and v = repeat(chr((97 + k % 26)::int), length(v))",
                 "60");
}

static void test_no_rows_at_all(void **state)
{
    (void)state;
    use(two, 2, "[]");
    const char *const modes[] = {"append", "replace", "merge"};
    for (size_t i = 0; i < HG_COUNT(modes); i++) {
        run_well(&(struct fake_task){.table = "m.t", .mode = modes[i], .key = "[\"k\"]"});
        assert_query(pg, "select count(*) from m.t", "0");
        fake_sql(pg, "drop table m.t");
    }
}

static void test_replace(void **state)
{
    (void)state;
    const struct fake_task task = {.table = "m.t", .mode = "replace"};
    use(two, 2, "[[1, \"a\"], [2, \"b\"]]");
    run_well(&task);
    use(two, 2, "[[3, \"c\"]]");
    run_well(&task);
    assert_query(pg, ALL("m.t"), "3,c");
}

static void test_merge_last_row_wins(void **state)
{
    (void)state;
    const struct fake_task task = {.table = "m.t", .mode = "merge", .key = "[\"k\"]"};
    use(two, 2, "[[1, \"a\"], [3, \"b\"], [3, \"c\"], [2, \"d\"], [3, \"e\"], [4, null]]");
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_json_decrefp) json_t *result = NULL;
    assert_int_equal(fake_run(pg, &task, &result, &err), HG_OK);
    assert_query(pg, ALL("m.t"), "1,a 2,d 3,e 4");
    assert_query(pg, "select rows_loaded from headgate.ledger", "4");
    assert_query(pg,
                 "select pg_get_constraintdef(oid) from pg_constraint where conrelid ="
                 " 'm.t'::regclass",
                 "PRIMARY KEY (k)");
    use(two, 2, "[[5, \"x\"], [1, \"y\"], [null, \"z\"], [1, null]]");
    run_well(&task);
    assert_query(pg, ALL("m.t"), "1 2,d 3,e 4 5,x");
    assert_query(pg,
                 "select concat_ws(' ', job_id, reasons->0->>'column',"
                 " reasons->0->>'message', row_data) from headgate.quarantine",
                 "load k k is null, which the table does not take {\"k\": null, \"v\": \"z\"}");
}

static void test_merge_leaves_same_rows_alone(void **state)
{
    (void)state;
    const struct fake_task task = {.table = "m.t", .mode = "merge", .key = "[\"k\"]"};
    use(two, 2, "[[1, \"a\"], [2, null], [3, \"c\"]]");
    run_well(&task);
    HG_CLEANUP(hg_freep)
    char *before = strdup(
        fake_query(pg, "select string_agg(xmin::text, ' ' order by k) from m.t where k < 3"));
    use(two, 2, "[[2, null], [1, \"a\"], [3, \"d\"]]");
    run_well(&task);
    assert_query(pg, "select string_agg(xmin::text, ' ' order by k) from m.t where k < 3", before);
    assert_query(pg, ALL("m.t"), "1,a 2 3,d");
    assert_query(
        pg, "select rows_loaded from headgate.ledger order by committed_at desc limit 1", "3");
}

/* NaN is no key's neighbour: neither in front of another number nor behind one do keys increase. */
static void test_merge_with_nan_in_the_key(void **state)
{
    static const struct hg_column columns[] = {
        {.name = "f", .type = HG_TYPE_FLOAT64, .nullable = true},
        {.name = "k", .type = HG_TYPE_INT64, .nullable = true},
        {.name = "v", .type = HG_TYPE_UTF8, .nullable = true},
    };
    (void)state;
    use(columns,
        HG_COUNT(columns),
        "[[\"NaN\", 1, \"a\"], [5, 2, \"b\"], [6, 0, \"c\"], [\"NaN\", 1, \"d\"]]");
    run_well(&(struct fake_task){.table = "m.t", .mode = "merge", .key = "[\"f\", \"k\"]"});
    assert_query(pg,
                 "select string_agg(concat_ws(',', f, k, v), ' ' order by f) from m.t",
                 "5,2,b 6,0,c NaN,1,d");
}

/* ---- types ---- */

static void test_every_type(void **state)
{
    static const char *const json_metadata[] = {"headgate.type", "json", NULL};
    static const struct hg_column columns[] = {
        {.name = "b", .type = HG_TYPE_BOOL, .nullable = true},
        {.name = "i", .type = HG_TYPE_INT32, .nullable = true},
        {.name = "l", .type = HG_TYPE_INT64, .nullable = true},
        {.name = "f", .type = HG_TYPE_FLOAT64, .nullable = true},
        {.name = "n", .type = HG_TYPE_DECIMAL128, .precision = 38, .scale = 10, .nullable = true},
        {.name = "s", .type = HG_TYPE_UTF8, .nullable = true},
        {.name = "z", .type = HG_TYPE_BINARY, .nullable = true},
        {.name = "d", .type = HG_TYPE_DATE32, .nullable = true},
        {.name = "t", .type = HG_TYPE_TIMESTAMP_US, .nullable = true},
        {.name = "tz", .type = HG_TYPE_TIMESTAMP_US, .nullable = true, .timezone = "UTC"},
        {.name = "j", .type = HG_TYPE_UTF8, .nullable = true, .metadata = json_metadata},
    };
    (void)state;
    use(columns,
        HG_COUNT(columns),
        "[[true, 2147483647, 9223372036854775807, 1.5, \"12345678901234567890123456789\", \"é€\","
        " \"\\u0000\", 0, 0, 0, \"{\\\"a\\\": [1]}\"],"
        " [false, -2147483648, -9223372036854775808, \"NaN\", \"-1\", \"\", \"\", -719162,"
        " -62135596800000000, 253402300799999999, \"null\"],"
        " [null, null, null, null, null, null, null, null, null, null, null],"
        " [true, 0, 0, \"-inf\", \"0\", \"x\", \"ab\", 19675, 1700000000123456, -1, \"1\"]]");
    run_well(&(struct fake_task){.table = "m.t", .mode = "append"});
    fake_sql(pg, "set timezone = 'UTC'; set datestyle = 'ISO'");
    const char *const expected[][2] = {
        {"b", "true|false||true"},
        {"i", "2147483647|-2147483648||0"},
        {"l", "9223372036854775807|-9223372036854775808||0"},
        {"f", "1.5|NaN||-Infinity"},
        {"n", "1234567890123456789.0123456789|-0.0000000001||0.0000000000"},
        {"s", "é€|||x"},
        {"z", "\\x00|\\x||\\x6162"},
        {"d", "1970-01-01|0001-01-01||2023-11-14"},
        {"t", "1970-01-01 00:00:00|0001-01-01 00:00:00||2023-11-14 22:13:20.123456"},
        {"tz",
         "1970-01-01 00:00:00+00|9999-12-31 23:59:59.999999+00||1969-12-31"
         " 23:59:59.999999+00"},
        {"j", "{\"a\": [1]}|null||1"},
    };
    for (size_t i = 0; i < HG_COUNT(expected); i++) {
        char sql[256];
        (void)snprintf(sql,
                       sizeof sql,
                       "select string_agg(coalesce(%s::text, ''), '|' order by ctid) from m.t",
                       expected[i][0]);
        assert_query(pg, sql, expected[i][1]);
    }
    assert_query(pg,
                 "select string_agg(format_type(atttypid, atttypmod), ',' order by attnum)"
                 " from pg_attribute where attrelid = 'm.t'::regclass and attnum > 0",
                 "boolean,integer,bigint,double precision,numeric(38,10),text,bytea,date,"
                 "timestamp without time zone,timestamp with time zone,jsonb");
}

static void test_lossless_widening(void **state)
{
    static const struct hg_column columns[] = {
        {.name = "a", .type = HG_TYPE_INT32},
        {.name = "b", .type = HG_TYPE_INT32},
        {.name = "c", .type = HG_TYPE_INT32},
        {.name = "d", .type = HG_TYPE_INT64},
        {.name = "e", .type = HG_TYPE_DECIMAL128, .precision = 5, .scale = 2},
        {.name = "f", .type = HG_TYPE_UTF8},
        {.name = "g", .type = HG_TYPE_DATE32},
    };
    (void)state;
    fake_sql(pg,
             "create schema m; create table m.t (a bigint, b numeric(10), c double precision,"
             " d numeric, e numeric(8,4), f varchar, g timestamp, extra text,"
             " other int not null default 7); alter schema m owner to headgate_user;"
             " alter table m.t owner to headgate_user");
    use(columns, HG_COUNT(columns), "[[-1, 2147483647, 3, -4, \"-12345\", \"x\", 1]]");
    run_well(&(struct fake_task){.table = "m.t", .mode = "append"});
    assert_query(pg,
                 "select t::text from m.t t",
                 "(-1,2147483647,3,-4,-123.4500,x,\"1970-01-02 00:00:00\",,7)");
}

/* ---- refusals ---- */

/* The statements of a hint, run as they stand, make the table fit. */
static void test_the_hint_mends_the_table(void **state)
{
    static const char begins[] = "Run in the warehouse: ";
    struct hg_error err = HG_ERROR_INIT;
    const struct fake_task task = {.table = "m.t", .mode = "merge", .key = "[\"k\"]"};
    (void)state;
    use(two, 2, "[[1, \"a\"]]");
    fake_sql(pg,
             "create schema m authorization headgate_user; create table m.t (k smallint, v int,"
             " w int not null); insert into m.t values (7, 8, 9); alter table m.t owner to"
             " headgate_user");
    assert_int_equal(fake_run(pg, &task, NULL, &err), HG_EINVAL);
    assert_memory_equal(err.hint, begins, sizeof begins - 1);
    fake_sql(pg, err.hint + sizeof begins - 1);
    run_well(&task);
    assert_query(pg, "select string_agg(t::text, ' ' order by k) from m.t t", "(1,a,) (7,8,9)");
}

/* More than a message holds is counted, and no statement is cut off. */
static void test_many_differences(void **state)
{
    enum { N = 40 };
    struct hg_error err = HG_ERROR_INIT;
    static char names[N][32];
    struct hg_column columns[N];
    HG_CLEANUP(hg_buf_free) struct hg_buf row = HG_BUF_INIT;
    (void)state;
    for (int i = 0; i < N; i++) {
        (void)snprintf(names[i], sizeof names[i], "a_rather_long_name_%d", i);
        columns[i] = two[1];
        columns[i].name = names[i];
        hg_buf_puts(&row, i > 0 ? ", \"x\"" : "[[\"x\"");
    }
    hg_buf_puts(&row, "]]");
    use(columns, N, hg_buf_text(&row));
    fake_sql(pg,
             "create schema m authorization headgate_user; create table m.t (k int);"
             " alter table m.t owner to headgate_user");
    const struct fake_task task = {.table = "m.t", .mode = "append"};
    assert_int_equal(fake_run(pg, &task, NULL, &err), HG_EINVAL);
    assert_non_null(strstr(err.message, "it has no column \"a_rather_long_name_0\""));
    assert_non_null(strstr(err.message, " more"));
    assert_null(strstr(err.hint, "ALTER TABLE"));
}

static void test_refusals(void **state)
{
    static const struct {
        const char *table;
        const char *mode;
        const char *message;
        const char *hint;
    } cases[] = {
        {"k int, v text",
         "append",
         "table m.t does not fit: column \"k\" is integer, the source gives bigint, which",
         "Run in the warehouse: ALTER TABLE \"m\".\"t\" ALTER COLUMN \"k\" TYPE bigint;"},
        {"k bigint, v varchar(9)",
         "append",
         "is character varying(9), the source gives text",
         "ALTER COLUMN \"v\" TYPE text;"},
        {"k numeric(18), v text",
         "append",
         "is numeric(18,0), the source gives bigint",
         "ALTER COLUMN \"k\" TYPE numeric;"},
        /* A text that is no number cannot become one; what is a number can be kept as text. */
        {"k text, v integer",
         "append",
         "column \"k\" is text, the source gives bigint, which does not go into it without loss;"
         " column \"v\" is integer, the source gives text",
         "Have the source give \"k\" as text: cast in its query, or say the type in its config. Run"
         " in the warehouse: ALTER TABLE \"m\".\"t\" ALTER COLUMN \"v\" TYPE text;"},
        {"k bigint",
         "append",
         "has no column \"v\"",
         "Run in the warehouse: ALTER TABLE \"m\".\"t\" ADD COLUMN \"v\" text;"},
        {"k bigint, v text, w int not null",
         "append",
         "column \"w\" takes no null",
         "ALTER TABLE \"m\".\"t\" ALTER COLUMN \"w\" DROP NOT NULL;"},
        {"k smallint, w int not null",
         "merge",
         "column \"k\" is smallint, the source gives bigint, which does not go into it without"
         " loss; it has no column \"v\", which the source gives; column \"w\" takes no null and has"
         " no default, and the source does not give it; it has no unique index on exactly the key",
         "Run in the warehouse: ALTER TABLE \"m\".\"t\" ALTER COLUMN \"k\" TYPE bigint, ADD COLUMN"
         " \"v\" text, ALTER COLUMN \"w\" DROP NOT NULL; CREATE UNIQUE INDEX ON \"m\".\"t\""
         " (\"k\");"},
        {"k bigint, v text",
         "merge",
         "no unique index on exactly the key",
         "Run in the warehouse: CREATE UNIQUE INDEX ON \"m\".\"t\" (\"k\");"},
        {"k bigint, v text, unique (k, v)", "merge", "no unique index on exactly the key", ""},
        {"k bigint, v text, w text, unique (k, w)", "merge", "no unique index", ""},
        {"k bigint unique deferrable, v text", "merge", "no unique index", ""},
        {"k bigint generated always as identity, v text", "append", "always generated", ""},
    };
    (void)state;
    use(two, 2, "[[1, \"a\"]]");
    for (size_t i = 0; i < HG_COUNT(cases); i++) {
        char sql[512];
        (void)snprintf(sql,
                       sizeof sql,
                       "drop schema if exists m cascade; create schema m authorization"
                       " headgate_user; create table m.t (%s); alter table m.t owner to"
                       " headgate_user",
                       cases[i].table);
        fake_sql(pg, sql);
        run_badly(&(struct fake_task){.table = "m.t", .mode = cases[i].mode, .key = "[\"k\"]"},
                  HG_EINVAL,
                  cases[i].message,
                  cases[i].hint);
        assert_query(pg, "select count(*) from m.t", "0");
    }
    fake_sql(pg, "create view m.w as select 1::bigint as k, 'a'::text as v");
    run_badly(
        &(struct fake_task){.table = "m.w", .mode = "append"}, HG_EINVAL, "is not a table", "");
    run_badly(&(struct fake_task){.table = "m.t", .mode = "merge", .key = "[\"nope\"]"},
              HG_EINVAL,
              "the key's column \"nope\"",
              "");
    run_badly(&(struct fake_task){.table = "t", .mode = "append"}, HG_EINVAL, "", "");
    run_badly(&(struct fake_task){.table = "m.t", .mode = "upsert"},
              HG_EINVAL,
              "\"upsert\" is not append, replace or merge",
              "");
}

/* ---- all or nothing ---- */

static void test_failure_leaves_nothing(void **state)
{
    (void)state;
    use(two, 2, "[[1, \"a\"], [2, \"b\"]]");
    fake.batch_rows = 1;
    fake.fail_at_batch = 2;
    fake.n_rejects = 1;
    fake.state = "{\"at\": 1}";
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_json_decrefp) json_t *result = NULL;
    const struct fake_task task = {.table = "m.t", .mode = "append"};
    assert_int_equal(fake_run(pg, &task, &result, &err), HG_EUNAVAILABLE);
    assert_string_equal(err.message, "the fake source is away");
    assert_int_equal(err.retryable, 1);
    const json_t *jobs = json_object_get(result, "jobs");
    assert_string_equal(json_string_value(json_object_get(json_array_get(jobs, 0), "status")),
                        "failed");
    assert_string_equal(json_string_value(json_object_get(json_array_get(jobs, 1), "status")),
                        "skipped");
    assert_string_equal(json_string_value(json_object_get(
                            json_object_get(json_array_get(jobs, 0), "error"), "code")),
                        "unavailable");
    assert_query(pg, "select to_regclass('m.t') is null and to_regnamespace('m') is null", "t");
    assert_query(pg,
                 "select (select count(*) from headgate.ledger) + (select count(*) from"
                 " headgate.ledger_head) + (select count(*) from headgate.cursor) + (select"
                 " count(*) from headgate.quarantine)",
                 "0");
}

static void test_a_row_the_server_refuses(void **state)
{
    (void)state;
    fake_sql(pg,
             "create schema m authorization headgate_user; create table m.t (k bigint check"
             " (k < 100), v text); alter table m.t owner to headgate_user");
    use(two, 2, "[[1, \"a\"], [100, \"b\"]]");
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_json_decrefp) json_t *result = NULL;
    const struct fake_task task = {.table = "m.t", .mode = "append"};
    assert_int_equal(fake_run(pg, &task, &result, &err), HG_EDATA);
    assert_non_null(strstr(err.message, "t_k_check"));
    assert_string_equal(err.sqlstate, "23514");
    const json_t *jobs = json_object_get(result, "jobs");
    assert_string_equal(json_string_value(json_object_get(json_array_get(jobs, 0), "status")),
                        "cancelled");
    assert_string_equal(json_string_value(json_object_get(json_array_get(jobs, 1), "status")),
                        "failed");
    assert_query(pg, "select count(*) from m.t", "0");
}

/* ---- the server goes away ---- */

static void kill_at_the_third(int number)
{
    if (number == 3) {
        hg_test_pg_kill(pg);
    }
}

static void test_the_server_dies(void **state)
{
    static const char *const modes[] = {"append", "merge"};
    (void)state;
    for (size_t i = 0; i < HG_COUNT(modes); i++) {
        struct hg_error err = HG_ERROR_INIT;
        const struct fake_task task = {.table = "m.t", .mode = modes[i], .key = "[\"k\"]"};
        use(two, 2, "[[1, \"a\"], [2, \"b\"]]");
        fake.n_repeat = 100000;
        fake.before_batch = kill_at_the_third;
        assert_int_equal(fake_run(pg, &task, NULL, &err), HG_EUNAVAILABLE);
        assert_int_equal(err.retryable, 1);
        assert_int_equal(hg_test_pg_resume(pg), 0);
        fake_sql(pg, "select 1");
        assert_query(pg,
                     "select to_regclass('m.t') is null and not exists (select from"
                     " headgate.ledger_head)",
                     "t");
        fake.n_repeat = 1;
        fake.before_batch = NULL;
        assert_int_equal(fake_run(pg, &task, NULL, &err), HG_OK);
        assert_query(pg, "select count(*) from m.t", "2");
        assert_int_equal(hg_test_pg_reset(pg), 0);
    }
}

static void test_fence(void **state)
{
    (void)state;
    use(two, 2, "[[1, \"a\"]]");
    run_well(&(struct fake_task){.table = "m.t", .mode = "append", .fence = 5});
    run_badly(&(struct fake_task){.table = "m.t", .mode = "append", .fence = 4},
              HG_ECONFLICT,
              "a newer attempt of task \"fetch\" has taken over",
              "");
    assert_query(pg, "select count(*) from m.t", "1");
    run_well(&(struct fake_task){.table = "m.t", .mode = "append", .fence = 5});
    assert_query(pg, "select fence from headgate.ledger_head", "5");
}

static void *run_in_thread(void *arg)
{
    struct hg_error err = HG_ERROR_INIT;
    const struct fake_task task = {.table = "m.t", .mode = "append"};
    *(int *)arg = fake_run(pg, &task, NULL, &err);
    return NULL;
}

static void one_command(PGconn *conn, const char *sql)
{
    PGresult *result = PQexec(conn, sql);
    assert_true(PQresultStatus(result) == PGRES_COMMAND_OK ||
                PQresultStatus(result) == PGRES_TUPLES_OK);
    PQclear(result);
}

/* Another flow is about to make the same schema: ours waits for it and then uses that one. */
static void test_two_make_one_schema(void **state)
{
    (void)state;
    pthread_t thread;
    int r = HG_EINTERNAL;
    use(two, 2, "[[1, \"a\"]]");
    PGconn *other = PQconnectdb(hg_test_pg_worker(pg));
    assert_int_equal(PQstatus(other), CONNECTION_OK);
    one_command(other, "begin");
    one_command(other, "set local role headgate_user");
    one_command(other, "select pg_advisory_xact_lock(hashtext('headgate.make'), hashtext('m'))");
    one_command(other, "create schema m");
    assert_int_equal(pthread_create(&thread, NULL, run_in_thread, &r), 0);
    while (
        strcmp(fake_query(
                   pg, "select count(*) from pg_locks where locktype = 'advisory' and not granted"),
               "1") != 0 &&
        r == HG_EINTERNAL) {
    }
    one_command(other, "commit");
    assert_int_equal(pthread_join(thread, NULL), 0);
    PQfinish(other);
    assert_int_equal(r, HG_OK);
    assert_query(pg, "select count(*) from m.t", "1");
}

static void test_run_that_committed_is_not_repeated(void **state)
{
    (void)state;
    use(two, 2, "[[1, \"a\"], [2, \"b\"]]");
    const struct fake_task task = {
        .table = "m.t", .mode = "append", .run_id = "01900000-0000-7000-8000-000000000001"};
    run_well(&task);
    assert_int_equal(fake.n_open, 1);
    struct fake_task again = task;
    again.fence = 2;
    HG_CLEANUP(hg_json_decrefp) json_t *result = NULL;
    struct hg_error err = HG_ERROR_INIT;
    assert_int_equal(fake_run(pg, &again, &result, &err), HG_OK);
    assert_int_equal(fake.n_open, 1);
    assert_true(json_is_true(json_object_get(result, "committed")));
    assert_int_equal(json_integer_value(json_object_get(
                         json_array_get(json_object_get(result, "jobs"), 1), "rows_out")),
                     2);
    assert_query(pg, "select count(*) from m.t", "2");
}

static void test_cursor(void **state)
{
    (void)state;
    const struct fake_task append = {.table = "m.t", .mode = "append"};
    use(two, 2, "[[1, \"a\"]]");
    fake.state = "{\"at\": 1}";
    run_well(&append);
    assert_string_equal(fake.state_seen, "");
    assert_string_equal(fake.config_seen, "{\"files\":\"new\"}");
    run_well(&append);
    assert_string_equal(fake.state_seen, "{\"at\": 1}");
    fake.state = NULL;
    run_well(&append);
    assert_query(pg, "select state from headgate.cursor", "{\"at\": 1}");
    run_well(&(struct fake_task){.table = "m.t", .mode = "replace"});
    assert_string_equal(fake.state_seen, "");
    assert_string_equal(fake.config_seen, "{}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_trigger_cannot_make_the_commit_lazy, reset),
        cmocka_unit_test_setup(test_append_makes_the_table, reset),
        cmocka_unit_test_setup(test_huge_rows, reset),
        cmocka_unit_test_setup(test_no_rows_at_all, reset),
        cmocka_unit_test_setup(test_replace, reset),
        cmocka_unit_test_setup(test_merge_last_row_wins, reset),
        cmocka_unit_test_setup(test_merge_leaves_same_rows_alone, reset),
        cmocka_unit_test_setup(test_merge_with_nan_in_the_key, reset),
        cmocka_unit_test_setup(test_every_type, reset),
        cmocka_unit_test_setup(test_lossless_widening, reset),
        cmocka_unit_test_setup(test_the_hint_mends_the_table, reset),
        cmocka_unit_test_setup(test_many_differences, reset),
        cmocka_unit_test_setup(test_refusals, reset),
        cmocka_unit_test_setup(test_failure_leaves_nothing, reset),
        cmocka_unit_test_setup(test_a_row_the_server_refuses, reset),
        cmocka_unit_test_setup(test_the_server_dies, reset),
        cmocka_unit_test_setup(test_fence, reset),
        cmocka_unit_test_setup(test_two_make_one_schema, reset),
        cmocka_unit_test_setup(test_run_that_committed_is_not_repeated, reset),
        cmocka_unit_test_setup(test_cursor, reset),
    };
    return cmocka_run_group_tests(tests, start_pg, stop_pg);
}
