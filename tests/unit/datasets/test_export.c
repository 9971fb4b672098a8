/* All rows of a dataset as text. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "fixture.h"

/* More than one query brings, by key as by blocks. */
#define N_ROWS "12001"

static struct {
    struct hg_buf text;
    int n_writes;
    const char *meanwhile; /* SQL that is run at the first write */
    int fails_at;          /* that write fails; 0: none */
    int gone_after;        /* questions; then nobody takes it any more; 0: never */
    int n_questions;
} sink;

static int take(void *arg, const void *bytes, size_t n, struct hg_error *err)
{
    (void)arg;
    sink.n_writes++;
    if (sink.n_writes == sink.fails_at) {
        return hg_error_set(err, HG_ECANCELLED, "enough");
    }
    if (sink.n_writes == 1 && sink.meanwhile) {
        sql(sink.meanwhile);
    }
    hg_buf_append(&sink.text, bytes, n);
    return HG_OK;
}

static bool is_wanted(void *arg)
{
    (void)arg;
    sink.n_questions++;
    return sink.gone_after == 0 || sink.n_questions <= sink.gone_after;
}

static int export(const struct hg_rows_query *query,
                  enum hg_rows_format format,
                  struct hg_error *err)
{
    const struct hg_rows_sink to = {take, is_wanted, NULL};
    hg_buf_reset(&sink.text);
    sink.n_writes = 0;
    return hg_datasets_export(warehouse, "m.t", query, format, &to, err);
}

static void expect(const struct hg_rows_query *query,
                   enum hg_rows_format format,
                   const char *expected)
{
    struct hg_error err = HG_ERROR_INIT;
    must(export(query, format, &err), &err);
    assert_string_equal(hg_buf_text(&sink.text), expected);
}

/* Sets the service up with `statements`, and forgets what the test before has left. */
static void begin(const char *statements)
{
    hg_buf_free(&sink.text);
    memset(&sink, 0, sizeof sink);
    make_dataset(statements);
}

static void test_csv(void **state)
{
    (void)state;
    const struct hg_rows_query all = {.columns = NULL};
    const struct hg_rows_query some = {.columns = "text,n"};
    begin("create table m.t (n int primary key, text text, \"a \"\"b\"\"\" bool, at timestamptz,"
          " d numeric(20, 4));"
          "insert into m.t values (3, 'plain', true, '2026-01-31 12:00:00.25+02', 1.5),"
          " (1, '', false, null, null), (2, null, null, '2026-01-31', -0.0001),"
          " (4, E'x\"y,\nz', null, 'infinity', 0), (5, ' padded', null, null, null),"
          " (6, '\\.', null, null, null)");
    expect(&all,
           HG_ROWS_CSV,
           "n,text,\"a \"\"b\"\"\",at,d\n"
           "1,\"\",false,,\n"
           "2,,,2026-01-31T00:00:00.000Z,-0.0001\n"
           "3,plain,true,2026-01-31T10:00:00.250Z,1.5000\n"
           "4,\"x\"\"y,\nz\",,infinity,0.0000\n"
           "5,\" padded\",,,\n"
           "6,\"\\.\",,,\n");
    expect(&some,
           HG_ROWS_CSV,
           "text,n\n\"\",1\n,2\nplain,3\n\"x\"\"y,\nz\",4\n\" padded\",5\n\"\\.\",6\n");
}

static void test_json_lines(void **state)
{
    (void)state;
    const struct hg_rows_query all = {.columns = NULL};
    begin(
        "create table m.t (n int primary key, big bigint, f float8, j jsonb, \"k\"\"\" text,"
        " o json);"
        "insert into m.t values (1, 9007199254740993, 0.1, '[1, null]', E'a\"\n', E'{\"a\":\n1}'),"
        " (2, null, 'NaN', '{\"Infinity\": 18446744073709551616}', null, null),"
        " (3, null, '-Infinity', '1.10', null, null), (4, null, -1e300, null, null, null)");
    expect(&all,
           HG_ROWS_JSONL,
           "{\"n\":1,\"big\":\"9007199254740993\",\"f\":0.1,\"j\":[1, null],"
           "\"k\\\"\":\"a\\\"\\n\",\"o\":{\"a\": 1}}\n"
           "{\"n\":2,\"big\":null,\"f\":\"NaN\",\"j\":{\"Infinity\": 18446744073709551616},"
           "\"k\\\"\":null,\"o\":null}\n"
           "{\"n\":3,\"big\":null,\"f\":\"-Infinity\",\"j\":1.10,\"k\\\"\":null,\"o\":null}\n"
           "{\"n\":4,\"big\":null,\"f\":-1e+300,\"j\":null,\"k\\\"\":null,\"o\":null}\n");
}

static void test_nothing_there(void **state)
{
    (void)state;
    const struct hg_rows_query all = {.columns = NULL};
    begin("create table m.t (n int)");
    expect(&all, HG_ROWS_CSV, "n\n");
    expect(&all, HG_ROWS_JSONL, "");
}

/* Each number from 1 to N_ROWS once, in the column n, which comes first. */
static void assert_complete(bool in_order)
{
    long n = strtol(N_ROWS, NULL, 10);
    HG_CLEANUP(hg_freep) bool *seen = calloc((size_t)n + 1, sizeof *seen);
    long at = 0;
    assert_non_null(seen);
    const char *line = strchr(hg_buf_text(&sink.text), '\n');
    for (; line && line[1]; line = strchr(line + 1, '\n')) {
        long number = strtol(line + 1, NULL, 10);
        assert_true(number >= 1 && number <= n && !seen[number]);
        seen[number] = true;
        at++;
        assert_true(!in_order || number == at);
    }
    assert_int_equal(at, n);
}

/* However it is asked for, and whatever happens to the table meanwhile. */
static void test_each_row_once(void **state)
{
    (void)state;
    static const struct {
        const char *statements;
        struct hg_rows_query query;
        bool in_order;
    } cases[] = {
        {"create table m.t (n int primary key, wide text); insert into m.t"
         " select i, repeat('x', 500) from generate_series(" N_ROWS ", 1, -1) i",
         {.columns = NULL},
         true},
        {"create table m.t (n int, wide text); insert into m.t"
         " select i, repeat('x', 500) from generate_series(1, " N_ROWS ") i",
         {.columns = NULL},
         true},
        {"create table m.t (n int, wide text); insert into m.t"
         " select i, repeat('x', 500) from generate_series(" N_ROWS ", 1, -1) i",
         {.order = "n"},
         true},
        {"create table m.of_t (n int, wide text); insert into m.of_t"
         " select i, repeat('x', 500) from generate_series(1, " N_ROWS ") i;"
         " create view m.t as select * from m.of_t",
         {.columns = NULL},
         false},
        {"create table m.t (n int, wide text) partition by range (n);"
         " create table m.t1 partition of m.t for values from (0) to (6000);"
         " create table m.t2 partition of m.t for values from (6000) to (20000);"
         " insert into m.t select i, repeat('x', 500) from generate_series(1, " N_ROWS ") i",
         {.columns = NULL},
         false},
    };
    for (size_t i = 0; i < HG_COUNT(cases); i++) {
        struct hg_error err = HG_ERROR_INIT;
        begin(cases[i].statements);
        sink.meanwhile = "update m.t set wide = 'y' where n % 3 = 0; delete from m.t where n % 2 ="
                         " 0; insert into m.t values (15000, 'y')";
        must(export(&cases[i].query, HG_ROWS_CSV, &err), &err);
        assert_true(sink.n_writes > 10);
        assert_complete(cases[i].in_order);
        assert_null(strstr(hg_buf_text(&sink.text), "y"));
        sql("drop schema m cascade");
    }
}

/* It cannot be locked as a table is. */
static void test_a_materialized_view(void **state)
{
    (void)state;
    const struct hg_rows_query all = {.columns = NULL};
    begin("create materialized view m.t as select generate_series(1, 3) as n");
    expect(&all, HG_ROWS_CSV, "n\n1\n2\n3\n");
}

/* Whoever rebuilds it just then is waited for, but not for ever. */
static void test_a_table_that_somebody_holds(void **state)
{
    (void)state;
    const struct hg_rows_query all = {.columns = NULL};
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_db_returnp) struct hg_db *holds = NULL;
    begin("create table m.t (n int)");
    must(hg_db_connect(hg_test_pg_warehouse(pg), "holds", &holds, &err), &err);
    must(hg_db_begin(holds, &err), &err);
    must(hg_db_simple(holds, "lock table m.t in access exclusive mode", NULL, &err), &err);
    assert_true(export(&all, HG_ROWS_CSV, &err) < 0);
    assert_string_equal(err.sqlstate, "55P03"); /* lock_not_available */
    assert_int_equal(sink.n_writes, 0);
}

static void test_bounds(void **state)
{
    (void)state;
    const struct hg_rows_query some = {.columns = "n", .order = "n", .from = "3", .to = "5"};
    const struct hg_rows_query falling = {.columns = "n", .order = "-n", .to = "2"};
    begin("create table m.t (n int); insert into m.t select generate_series(1, 9)");
    expect(&some, HG_ROWS_CSV, "n\n3\n4\n5\n");
    expect(&falling, HG_ROWS_CSV, "n\n2\n1\n");
}

/* Said before anything is sent. */
static void test_questions_that_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *table;
        struct hg_rows_query query;
        int code;
    } cases[] = {
        {"m.t", {.columns = NULL}, HG_OK},
        {"m.t", {.order = "n", .from = "1"}, HG_OK},
        {"m.t", {.columns = "n,none"}, HG_EINVAL},
        {"m.t", {.columns = "n,n"}, HG_EINVAL},
        {"m.t", {.order = "none"}, HG_EINVAL},
        {"m.t", {.order = "n", .from = "x"}, HG_EINVAL},
        {"m.t", {.from = "1"}, HG_EINVAL},
        {"m.other", {.columns = NULL}, HG_ENOTFOUND},
        {"pg_catalog.pg_authid", {.columns = NULL}, HG_ENOTFOUND},
    };
    begin("create table m.t (n int); create table m.other (n int)");
    for (size_t i = 0; i < HG_COUNT(cases); i++) {
        struct hg_error err = HG_ERROR_INIT;
        assert_int_equal(hg_datasets_export_check(warehouse, cases[i].table, &cases[i].query, &err),
                         cases[i].code);
    }
}

/* The query is cancelled, and the connection is of use to others. */
static void test_a_sink_that_takes_no_more(void **state)
{
    (void)state;
    const struct hg_rows_query all = {.order = "n"};
    struct hg_error err = HG_ERROR_INIT;
    begin("create table m.t (n int, wide text); insert into m.t"
          " select i, repeat('x', 500) from generate_series(1, " N_ROWS ") i");
    for (int i = 0; i < 10; i++) {
        sink.fails_at = 2;
        assert_int_equal(export(&all, HG_ROWS_CSV, &err), HG_ECANCELLED);
        assert_string_equal(err.message, "enough");
    }
    sink.fails_at = 0;
    must(export(&all, HG_ROWS_CSV, &err), &err);
    assert_complete(true);
}

/* While the server is at work, too: what it does is cancelled. */
static void test_somebody_who_goes_away(void **state)
{
    (void)state;
    const struct hg_rows_query all = {.columns = "n"};
    struct hg_error err = HG_ERROR_INIT;
    begin("create view m.t as select 1 as n where pg_sleep(600)::text = 'x'");
    sink.gone_after = 2;
    assert_int_equal(export(&all, HG_ROWS_CSV, &err), HG_ECANCELLED);
    while (host_number("select count(*) as n from pg_stat_activity where wait_event = 'PgSleep'") !=
           0) {
    }
}

/* Each query begins at its key, however deep it is and of however many columns. */
static void test_a_key_is_gone_straight_to(void **state)
{
    (void)state;
    static const char n_read[] = "select sum(idx_tup_read)::bigint as n from"
                                 " pg_stat_all_indexes where schemaname = 'm'";
    const struct hg_rows_query all = {.columns = "n"};
    struct hg_error err = HG_ERROR_INIT;
    begin("create table m.t (n int, b int, primary key (n, b)); insert into m.t"
          " select i, i % 7 from generate_series(1, " N_ROWS ") i; analyze m.t");
    int64_t before = number(n_read);
    must(export(&all, HG_ROWS_CSV, &err), &err);
    assert_complete(true);
    int64_t n = 0;
    while ((n = number(n_read) - before) < strtol(N_ROWS, NULL, 10)) {
    }
    assert_in_range(n, 0, 15000);
}

/* A policy runs as whoever reads: in no query of an export with the host's rights. */
static void test_nothing_runs_with_the_hosts_rights(void **state)
{
    (void)state;
    const struct hg_rows_query all = {.columns = "n"};
    struct hg_error err = HG_ERROR_INIT;
    begin("create table m.who (name text);"
          "create function m.spy() returns int language plpgsql volatile as $$ begin"
          " if current_user <> 'headgate_reader' or session_user = 'headgate_reader' then"
          " raise exception 'run by %', current_user; end if;"
          " begin perform set_config('role', 'none', true); exception when others then null; end;"
          " return 1; end $$;"
          "create table m.t (n int primary key);"
          " insert into m.t select generate_series(1, " N_ROWS ");"
          " create policy spy on m.t using (m.spy() = 1); alter table m.t enable row level"
          " security; alter table m.t force row level security");
    must(export(&all, HG_ROWS_CSV, &err), &err);
    assert_complete(true);
    assert_int_equal(number("select count(*) as n from pg_roles where rolsuper"
                            " and rolname = 'headgate_user'"),
                     0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_csv),
        TEST(test_json_lines),
        TEST(test_nothing_there),
        TEST(test_each_row_once),
        TEST(test_a_materialized_view),
        TEST(test_a_table_that_somebody_holds),
        TEST(test_bounds),
        TEST(test_questions_that_are_refused),
        TEST(test_a_sink_that_takes_no_more),
        TEST(test_somebody_who_goes_away),
        TEST(test_a_key_is_gone_straight_to),
        TEST(test_nothing_runs_with_the_hosts_rights),
    };
    int r = cmocka_run_group_tests(tests, start_pg, stop_pg);
    hg_buf_free(&sink.text);
    return r;
}
