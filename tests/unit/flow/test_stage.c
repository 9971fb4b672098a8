/*
 * Flows that are cut: one task writes a stage, others read it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/time.h"
#include "base/uuid.h"
#include "fakes.h"

static int64_t fence;

static const struct hg_column two[] = {
    {.name = "k", .type = HG_TYPE_INT64, .nullable = true},
    {.name = "v", .type = HG_TYPE_UTF8, .nullable = true},
};

static int give_two(void **state)
{
    int r = reset(state);
    fake.columns = two;
    fake.n_columns = 2;
    return r;
}

struct run {
    char id[HG_UUID_TEXT];
};

static struct run new_run(void)
{
    struct run run;
    assert_int_equal(hg_uuid_new(run.id, NULL), HG_OK);
    return run;
}

/* ---- tasks ---- */

/* Of every task a new attempt. */
static json_t *task_of(const struct run *run,
                       const char *table,
                       const char *mode,
                       const char *checks)
{
    const struct fake_task task = {.run_id = run->id,
                                   .table = table,
                                   .mode = mode,
                                   .key = strcmp(mode, "merge") == 0 ? "[\"k\"]" : NULL,
                                   .checks = checks,
                                   .fence = ++fence};
    return fake_task_json(pg, &task);
}

/* Reads the source and writes the stage "fetch". */
static json_t *writer(const struct run *run, const char *stage, const char *checks)
{
    json_t *task = task_of(run, "", "append", checks);
    (void)json_object_del(task, "load");
    assert_int_equal(json_object_set_new(task, "stage", json_loads(stage, 0, NULL)), 0);
    return task;
}

/* Reads the stage `reads` and loads it into "m.<key>". */
static json_t *reader(const struct run *run, const char *reads, const char *key, const char *mode)
{
    char table[64];
    (void)snprintf(table, sizeof table, "m.%s", key);
    json_t *task = task_of(run, table, mode, NULL);
    (void)json_object_del(task, "extract");
    assert_int_equal(json_object_set_new(task, "task", json_string(key)), 0);
    assert_int_equal(json_object_set_new(task, "reads", json_string(reads)), 0);
    return task;
}

static void run_well(json_t *task)
{
    struct hg_error err = HG_ERROR_INIT;
    if (fake_run_json(task, NULL, &err) != HG_OK) {
        fail_msg("%s (%s)", err.message, err.hint);
    }
    json_decref(task);
}

static void run_badly(json_t *task, int code, const char *message)
{
    struct hg_error err = HG_ERROR_INIT;
    int r = fake_run_json(task, NULL, &err);
    if (r != code || !strstr(err.message, message)) {
        fail_msg("%d: %s (%s)", r, err.message, err.hint);
    }
    json_decref(task);
}

#define APPENDED   "{\"readers\": [\"a\", \"b\"], \"mode\": \"append\", \"mixed\": false}"
#define ALL(table) "select string_agg(concat_ws(',', t.k, t.v), ' ' order by k, v) from " table " t"

static void assert_nothing_is_staged(void)
{
    assert_query(pg, "select count(*) from headgate.stage", "0");
    assert_query(pg, "select count(*) from headgate.stage_reader", "0");
    assert_query(pg, "select count(*) from pg_tables where schemaname = 'headgate_stage'", "0");
}

/* ---- what goes through ---- */

static const struct hg_column many[] = {
    {.name = "k", .type = HG_TYPE_INT32, .nullable = true},
    {.name = "flag", .type = HG_TYPE_BOOL, .nullable = true},
    {.name = "big", .type = HG_TYPE_INT64, .nullable = true},
    {.name = "real", .type = HG_TYPE_FLOAT64, .nullable = true},
    {.name = "price", .type = HG_TYPE_DECIMAL128, .precision = 20, .scale = 3, .nullable = true},
    {.name = "it's \"v\"", .type = HG_TYPE_UTF8, .nullable = true},
    {.name = "day", .type = HG_TYPE_DATE32, .nullable = true},
    {.name = "at", .type = HG_TYPE_TIMESTAMP_US, .nullable = true, .timezone = "UTC"},
    {.name = "local", .type = HG_TYPE_TIMESTAMP_US, .nullable = true},
    {.name = "doc",
     .type = HG_TYPE_UTF8,
     .nullable = true,
     .metadata = (const char *const[]){"headgate.type", "json", NULL}},
    {.name = "_hg_pos", .type = HG_TYPE_INT64, .nullable = true},
};

/* What comes out of a stage is what would have gone straight into the table. */
static void test_every_type_goes_through_unchanged(void **state)
{
    static const char rows[] =
        "[[1, true, 9007199254740993, \"NaN\", \"-12345678901234567\", \"\", 20000, 1, -1,"
        " \"{\\\"b\\\": 1, \\\"a\\\": 2}\", 7],"
        " [2, false, -1, \"-Infinity\", \"1\", \"a\\tb\\\\c\\u20ac\", -800000, -62135596800000000,"
        " 253402300799999999, \"[1]\", 8],"
        " [null, null, null, null, null, null, null, null, null, null, null]]";
    const struct run run = new_run();
    (void)state;
    fake.columns = many;
    fake.n_columns = HG_COUNT(many);
    fake.rows = rows;
    fake.numbers = true;
    const struct fake_task straight = {.table = "m.straight", .mode = "append", .fence = ++fence};
    struct hg_error err = HG_ERROR_INIT;
    assert_int_equal(fake_run(pg, &straight, NULL, &err), HG_OK);
    run_well(writer(&run, APPENDED, NULL));
    run_well(reader(&run, "fetch", "a", "append"));
    run_well(reader(&run, "fetch", "b", "append"));
    assert_query(pg, "select count(*) from m.a", "3");
    assert_query(pg,
                 "select count(*) from ((table m.straight except all table m.a) union all"
                 " (table m.a except all table m.straight) union all"
                 " (table m.straight except all table m.b)) d",
                 "0");
    assert_query(pg,
                 "select string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ','"
                 " order by attnum) from pg_attribute a where attrelid = 'm.a'::regclass"
                 " and attnum > 0",
                 fake_query(pg,
                            "select string_agg(a.attname || ' ' || format_type(a.atttypid,"
                            " a.atttypmod), ',' order by attnum) from pg_attribute a where attrelid"
                            " = 'm.straight'::regclass and attnum > 0"));
    assert_nothing_is_staged();
}

/* A row that a reader's check rejects is still known by its place in the source. */
static void test_positions_outlive_the_source(void **state)
{
    static const struct hg_column columns[] = {
        {.name = "k", .type = HG_TYPE_INT64, .nullable = true},
        {.name = "_hg_pos", .type = HG_TYPE_INT64, .nullable = true},
    };
    const struct run run = new_run();
    (void)state;
    fake.columns = columns;
    fake.n_columns = 2;
    fake.numbers = true;
    fake.rows = "[[1, 41], [null, 42]]";
    run_well(writer(&run, APPENDED, NULL));
    json_t *task = reader(&run, "fetch", "a", "append");
    json_object_set_new(task,
                        "checks",
                        json_loads("[{\"job\": \"check\", \"rules\": [{\"rule\": \"toy_not_null\","
                                   " \"severity\": \"error\", \"on_fail\": \"reject\","
                                   " \"config\": {\"columns\": [\"k\"]}}]}]",
                                   0,
                                   NULL));
    run_well(task);
    assert_query(pg, "select string_agg(k::text, ',') from m.a", "1");
    fake.rows = "[[null, 42]]";
    const struct fake_task straight = {
        .table = "m.c",
        .mode = "append",
        .fence = ++fence,
        .checks = "[{\"job\": \"check\", \"rules\": [{\"rule\": \"toy_not_null\", \"severity\":"
                  " \"error\", \"on_fail\": \"reject\", \"config\": {\"columns\": [\"k\"]}}]}]"};
    struct hg_error err = HG_ERROR_INIT;
    assert_int_equal(fake_run(pg, &straight, NULL, &err), HG_OK);
    assert_query(
        pg,
        "select count(*) || ' ' || count(distinct position) || ' ' || min(source) || ' ' ||"
        " count(source) from headgate.quarantine",
        "2 1 fake 2");
}

/* Rows that were decided late lie at the end of the stage, and are read where they belong. */
static void test_order_is_kept(void **state)
{
    static const struct hg_column columns[] = {
        {.name = "k", .type = HG_TYPE_INT64, .nullable = true},
        {.name = "v", .type = HG_TYPE_UTF8, .nullable = true},
        {.name = "once", .type = HG_TYPE_INT64, .nullable = true},
    };
    const struct run run = new_run();
    (void)state;
    fake.columns = columns;
    fake.n_columns = 3;
    fake.rows = "[[1, \"a\", 1], [2, \"b\", 2], [3, \"early\", 7], [4, \"d\", 6], [5, \"e\", 5],"
                " [6, \"f\", 4], [3, \"late\", 3]]";
    fake.batch_rows = 2;
    run_well(writer(&run,
                    "{\"readers\": [\"a\"], \"mode\": \"merge\", \"mixed\": false}",
                    "[{\"job\": \"check\", \"rules\": [{\"rule\": \"toy_unique\", \"severity\":"
                    " \"error\", \"on_fail\": \"reject\", \"config\": {\"columns\": [\"once\"],"
                    " \"keep\": 2}}]}]"));
    assert_query(pg, "select in_order from headgate.stage", "f");
    run_well(reader(&run, "fetch", "a", "merge"));
    assert_query(pg,
                 "select string_agg(concat_ws(',', k, v), ' ' order by k) from m.a",
                 "1,a 2,b 3,late 4,d 5,e 6,f");
}

static void test_no_rows(void **state)
{
    const struct run run = new_run();
    (void)state;
    fake.rows = "[]";
    run_well(writer(&run, APPENDED, NULL));
    run_well(reader(&run, "fetch", "a", "append"));
    run_well(reader(&run, "fetch", "b", "replace"));
    assert_query(pg, "select count(*) from m.a", "0");
    assert_nothing_is_staged();
}

/* ---- what happens when a reader fails ---- */

#define CURSOR "select state::text from headgate.cursor where job_id = 'fetch'"

static void test_the_cursor_moves_with_the_first_reader(void **state)
{
    const struct run run = new_run();
    (void)state;
    fake.rows = "[[1, \"a\"]]";
    fake.state = "{\"at\": 1}";
    run_well(writer(&run, APPENDED, NULL));
    assert_query(pg, CURSOR, "");
    run_well(reader(&run, "fetch", "b", "append"));
    assert_query(pg, CURSOR, "{\"at\": 1}");
    assert_query(pg, "select count(*) from headgate.stage where taken", "1");
    run_well(reader(&run, "fetch", "a", "append"));
    assert_nothing_is_staged();
}

/* What one reader has taken and another has not is read by the other in the next run. */
static void test_a_reader_catches_up(void **state)
{
    const struct run first = new_run();
    const struct run second = new_run();
    (void)state;
    fake_sql(pg,
             "create schema m authorization headgate_user;"
             "create table m.b (k text, v text); alter table m.b owner to headgate_user");
    fake.rows = "[[1, \"a\"]]";
    fake.state = "{\"at\": 1}";
    run_well(writer(&first, APPENDED, NULL));
    run_well(reader(&first, "fetch", "a", "append"));
    run_badly(reader(&first, "fetch", "b", "append"), HG_EINVAL, "does not go into it");
    fake_sql(pg, "drop table m.b");
    fake.rows = "[[2, \"b\"]]";
    fake.state = "{\"at\": 2}";
    run_well(writer(&second, APPENDED, NULL));
    assert_string_equal(fake.state_seen, "{\"at\": 1}");
    run_well(reader(&second, "fetch", "a", "append"));
    run_well(reader(&second, "fetch", "b", "append"));
    assert_query(pg, ALL("m.a"), "1,a 2,b");
    assert_query(pg, ALL("m.b"), "1,a 2,b");
    assert_query(pg, CURSOR, "{\"at\": 2}");
    assert_nothing_is_staged();
    /* Nothing is left of the first run for a retry to load. */
    run_badly(reader(&first, "fetch", "b", "append"), HG_ENOTFOUND, "no longer there");
}

/* A source that has nothing new puts no state; what a reader has still to have stays all the same.
 */
static void test_a_reader_catches_up_when_nothing_is_new(void **state)
{
    const struct run first = new_run();
    const struct run second = new_run();
    (void)state;
    fake.rows = "[[1, \"a\"]]";
    fake.state = "{\"at\": 1}";
    run_well(writer(&first, APPENDED, NULL));
    run_well(reader(&first, "fetch", "a", "append"));
    fake.rows = "[]";
    fake.state = NULL;
    run_well(writer(&second, APPENDED, NULL));
    run_well(reader(&second, "fetch", "a", "append"));
    run_well(reader(&second, "fetch", "b", "append"));
    assert_query(pg, ALL("m.a"), "1,a");
    assert_query(pg, ALL("m.b"), "1,a");
    assert_query(pg, CURSOR, "{\"at\": 1}");
    assert_nothing_is_staged();
}

/* As long as nobody has taken them, the source gives the same rows again. */
static void test_a_stage_that_nobody_read_is_made_anew(void **state)
{
    const struct run first = new_run();
    const struct run second = new_run();
    (void)state;
    fake.rows = "[[1, \"old\"]]";
    fake.state = "{\"at\": 1}";
    run_well(writer(&first, APPENDED, NULL));
    fake.rows = "[[1, \"new\"], [2, \"b\"]]";
    run_well(writer(&second, APPENDED, NULL));
    assert_string_equal(fake.state_seen, "");
    run_badly(reader(&first, "fetch", "a", "append"), HG_ENOTFOUND, "no longer there");
    run_well(reader(&second, "fetch", "a", "append"));
    run_well(reader(&second, "fetch", "b", "append"));
    assert_query(pg, ALL("m.b"), "1,new 2,b");
    assert_nothing_is_staged();
}

/* A source that gives all its rows each time gives those of the failed run again too. */
static void test_all_rows_are_not_caught_up_with(void **state)
{
    const struct run first = new_run();
    const struct run second = new_run();
    (void)state;
    fake.rows = "[[1, \"a\"]]";
    run_well(writer(&first, APPENDED, NULL));
    run_well(reader(&first, "fetch", "a", "append"));
    run_well(writer(&second, APPENDED, NULL));
    run_well(reader(&second, "fetch", "a", "append"));
    run_well(reader(&second, "fetch", "b", "append"));
    assert_query(pg, ALL("m.a"), "1,a 1,a");
    assert_query(pg, ALL("m.b"), "1,a");
    assert_nothing_is_staged();
}

/* Nobody gives the rows of a stage again that was made of a stage. */
static void test_a_stage_behind_a_stage_is_kept(void **state)
{
    static const char one[] = "{\"readers\": [\"mid\"], \"mode\": \"append\", \"mixed\": false}";
    const struct run runs[] = {new_run(), new_run()};
    (void)state;
    for (int i = 0; i < 2; i++) {
        fake.rows = i == 0 ? "[[1, \"a\"]]" : "[[2, \"b\"]]";
        fake.state = i == 0 ? "{\"at\": 1}" : "{\"at\": 2}";
        run_well(writer(&runs[i], one, NULL));
        json_t *mid = reader(&runs[i], "fetch", "mid", "append");
        (void)json_object_del(mid, "load");
        json_object_set_new(
            mid, "checks", json_loads("[{\"job\": \"mid\", \"rules\": []}]", 0, NULL));
        json_object_set_new(mid, "stage", json_loads(APPENDED, 0, NULL));
        run_well(mid);
        assert_query(pg, CURSOR, fake.state);
    }
    run_well(reader(&runs[1], "mid", "b", "append"));
    assert_query(pg, ALL("m.b"), "1,a 2,b");
    run_well(reader(&runs[1], "mid", "a", "append"));
    assert_query(pg, ALL("m.a"), "1,a 2,b");
    assert_nothing_is_staged();
}

/* A run that stages `rows` with the columns `then`, of which only "a" takes them; then another with
 * the columns `now`. */
static void stage_twice(const struct run runs[2],
                        const char *rows,
                        const struct hg_column *now,
                        size_t n_now,
                        const char *rows_now)
{
    fake.rows = rows;
    fake.state = "1";
    run_well(writer(&runs[0], APPENDED, NULL));
    run_well(reader(&runs[0], "fetch", "a", "append"));
    fake.columns = now;
    fake.n_columns = n_now;
    fake.rows = rows_now;
    fake.state = "2";
    run_well(writer(&runs[1], APPENDED, NULL));
}

/* Rows that lack what would be loaded of them: the run that staged them loads them, with its own
 * definition. */
static void test_other_columns_are_not_mixed(void **state)
{
    static const struct {
        struct hg_column now;
        const char *message;
    } cases[] = {
        {{.name = "k", .type = HG_TYPE_INT64, .nullable = true}, "column \"v\" is no longer there"},
        {{.name = "k", .type = HG_TYPE_UTF8, .nullable = true}, "\"k\" has another type since"},
    };
    (void)state;
    for (size_t i = 0; i < HG_COUNT(cases); i++) {
        const struct run runs[] = {new_run(), new_run()};
        struct hg_error err = HG_ERROR_INIT;
        stage_twice(runs, "[[1, \"a\"]]", &cases[i].now, 1, i == 0 ? "[[2]]" : "[[\"b\"]]");
        HG_CLEANUP(hg_json_decrefp) json_t *second = reader(&runs[1], "fetch", "b", "append");
        assert_int_equal(fake_run_json(second, NULL, &err), HG_EINVAL);
        assert_non_null(strstr(err.message, cases[i].message));
        assert_non_null(strstr(err.message, runs[0].id));
        run_well(reader(&runs[0], "fetch", "b", "append"));
        assert_query(pg, ALL("m.b"), "1,a");
        assert_query(pg, "select count(*) from headgate.stage", "1");
        /* The hint's way: they are not wanted. */
        const char *drop = strstr(err.hint, "select headgate.stage_drop(");
        assert_non_null(drop);
        assert_int_equal(hg_test_pg_reset(pg), 0);
        fake.columns = two;
        fake.n_columns = 2;
    }
}

/* A column that came since is null in the rows of before, whatever the order. */
static void test_columns_that_came_since(void **state)
{
    static const struct hg_column now[] = {
        {.name = "x", .type = HG_TYPE_FLOAT64, .nullable = true},
        {.name = "v", .type = HG_TYPE_UTF8, .nullable = true},
        {.name = "k", .type = HG_TYPE_INT64, .nullable = true},
    };
    const struct run runs[] = {new_run(), new_run()};
    (void)state;
    stage_twice(runs, "[[1, \"a\"]]", now, HG_COUNT(now), "[[0.5, \"b\", 2]]");
    run_well(reader(&runs[1], "fetch", "b", "append"));
    assert_query(pg,
                 "select string_agg(concat_ws(',', k, v, coalesce(x::text, 'none')), ' ' order by"
                 " k) from m.b",
                 "1,a,none 2,b,0.5");
}

/* Where there are no rows nothing can be lost. */
static void test_columns_of_no_rows(void **state)
{
    static const struct hg_column now[] = {{.name = "k", .type = HG_TYPE_UTF8, .nullable = true}};
    const struct run runs[] = {new_run(), new_run()};
    (void)state;
    stage_twice(runs, "[]", now, 1, "[[\"b\"]]");
    run_well(reader(&runs[1], "fetch", "b", "append"));
    assert_query(pg, "select string_agg(k, ',') from m.b", "b");
}

/* ---- who reads ---- */

static void test_replacing_readers(void **state)
{
    const struct run first = new_run();
    const struct run second = new_run();
    static const char both[] =
        "{\"readers\": [\"a\", \"b\"], \"mode\": \"replace\", \"mixed\": false}";
    static const char mixed[] =
        "{\"readers\": [\"a\", \"b\"], \"mode\": \"replace\", \"mixed\": true}";
    (void)state;
    fake.rows = "[[1, \"a\"]]";
    fake.state = "1";
    run_badly(writer(&first, mixed, NULL), HG_EINVAL, "and its source gives only what is new");
    run_well(writer(&first, both, NULL));
    run_well(reader(&first, "fetch", "a", "replace"));
    fake.rows = "[[2, \"b\"]]";
    run_well(writer(&second, both, NULL));
    assert_string_equal(fake.state_seen, "");
    run_well(reader(&second, "fetch", "a", "replace"));
    run_well(reader(&second, "fetch", "b", "replace"));
    assert_query(pg, ALL("m.a"), "2,b");
    assert_query(pg, ALL("m.b"), "2,b");
    assert_nothing_is_staged();
}

/* ---- the pipeline is changed while rows wait ---- */

/* Nobody would ever load them: the run before must come to its end first. */
static void test_rows_for_a_reader_that_is_gone(void **state)
{
    static const char other[] =
        "{\"readers\": [\"a\", \"c\"], \"mode\": \"append\", \"mixed\": false}";
    const struct run runs[] = {new_run(), new_run()};
    (void)state;
    fake.rows = "[[1, \"a\"]]";
    fake.state = "1";
    run_well(writer(&runs[0], APPENDED, NULL));
    run_well(reader(&runs[0], "fetch", "a", "append"));
    fake.rows = "[[2, \"b\"]]";
    fake.state = "2";
    run_badly(writer(&runs[1], other, NULL), HG_EINVAL, "has staged 1 rows for \"b\"");
    run_well(reader(&runs[0], "fetch", "b", "append"));
    run_well(writer(&runs[1], other, NULL));
    assert_query(pg, ALL("m.b"), "1,a");
    assert_query(pg, "select count(*) from headgate.stage", "1");
}

/* A source that is no longer shared knows of what was staged when it was. */
static void test_a_flow_that_is_no_longer_cut(void **state)
{
    const struct run runs[] = {new_run(), new_run(), new_run()};
    (void)state;
    fake.rows = "[[1, \"a\"]]";
    fake.state = "1";
    run_well(writer(&runs[0], APPENDED, NULL));
    run_well(reader(&runs[0], "fetch", "a", "append"));
    fake.rows = "[[2, \"b\"]]";
    fake.state = "2";
    run_badly(task_of(&runs[1], "m.b", "append", NULL), HG_EINVAL, "has staged 1 rows for \"b\"");
    run_well(reader(&runs[0], "fetch", "b", "append"));
    run_well(task_of(&runs[1], "m.b", "append", NULL));
    assert_query(pg, ALL("m.b"), "1,a 2,b");
    /* One that nobody has read is read again, and cannot be loaded by a late retry as well. */
    fake.state = "3";
    run_well(writer(&runs[0], APPENDED, NULL)); /* found done */
    fake.rows = "[[3, \"c\"]]";
    run_well(writer(&runs[2], APPENDED, NULL));
    run_well(task_of(&runs[2], "m.d", "append", NULL)); /* the ledger has it */
    const struct run fused = new_run();
    run_well(task_of(&fused, "m.b", "append", NULL));
    run_badly(reader(&runs[2], "fetch", "a", "append"), HG_ENOTFOUND, "no longer there");
    assert_query(pg, ALL("m.b"), "1,a 2,b 3,c");
    assert_query(pg, CURSOR, "3");
    assert_nothing_is_staged();
    /* One that replaces its table misses nothing. */
    const struct run again[] = {new_run(), new_run()};
    run_well(writer(&again[0], APPENDED, NULL));
    run_well(reader(&again[0], "fetch", "a", "append"));
    run_well(task_of(&again[1], "m.b", "replace", NULL));
    assert_nothing_is_staged();
}

/* The cursor that a stage moves is the one that its source went on from. */
static void test_the_cursor_never_moves_back(void **state)
{
    const struct run run = new_run();
    (void)state;
    fake.rows = "[[1, \"a\"]]";
    fake.state = "1";
    run_well(writer(&run, APPENDED, NULL));
    fake_sql(
        pg,
        "insert into headgate.cursor (pipeline_id, job_id, state, run_id) values ('p', 'fetch',"
        " '7', gen_random_uuid())");
    run_badly(reader(&run, "fetch", "a", "append"), HG_EINVAL, "have been read again since");
    assert_query(pg, CURSOR, "7");
}

/* An attempt that failed leaves no table; one that was repeated changes nothing. */
static void test_attempts(void **state)
{
    const struct run run = new_run();
    (void)state;
    fake.rows = "[[1, \"a\"], [2, \"b\"]]";
    fake.batch_rows = 1;
    fake.fail_at_batch = 2;
    run_badly(writer(&run, APPENDED, NULL), HG_EUNAVAILABLE, "is away");
    assert_nothing_is_staged();
    fake.fail_at_batch = 0;
    run_well(writer(&run, APPENDED, NULL));
    run_well(writer(&run, APPENDED, NULL));
    assert_query(pg, "select count(*) from headgate.stage", "1");
    run_well(reader(&run, "fetch", "a", "append"));
    run_well(reader(&run, "fetch", "a", "append"));
    assert_query(pg, ALL("m.a"), "1,a 2,b");
    /* Users' scripts see nothing of it. */
    assert_query(
        pg, "select has_schema_privilege('headgate_user', 'headgate_stage', 'usage')", "f");
}

/* headgate_load writes these rows, and the host drops what they name with rights of its own. */
static void test_only_stages_are_dropped(void **state)
{
    (void)state;
    assert_int_equal(
        hg_test_pg_sql(
            pg,
            "warehouse",
            "insert into headgate.stage (pipeline_id, task_key, run_id, table_name, columns, "
            "n_rows,"
            " in_order, incremental, from_source) values ('gone', 'x', gen_random_uuid(),"
            " 'headgate.ledger', '[]', 1, true, true, true)"),
        -1);
    /* Also when the check is not there, and from whatever path it is called. */
    fake_sql(pg,
             "alter table headgate.stage drop constraint stage_table_name_check;"
             " insert into headgate.stage (pipeline_id, task_key, run_id, table_name, columns,"
             " n_rows, in_order, incremental, from_source) values ('gone', 'x',"
             " gen_random_uuid(), 'headgate.ledger', '[]', 1, true, true, true);"
             " select headgate.stage_drop(seq) from headgate.stage");
    fake_sql(pg,
             "alter table headgate.stage add constraint stage_table_name_check"
             " check (table_name ^@ 'headgate_stage.')");
    assert_query(pg, "select to_regclass('headgate.ledger') is not null", "t");
    assert_query(pg, "select count(*) from headgate.stage", "0");
}

/* ---- cancelling ---- */

enum { CANCEL_WITHIN_MS = 2000 };

static atomic_int n_asked;
static atomic_llong cancelled_at_ms;

static bool after_some_asking(void)
{
    if (atomic_fetch_add(&n_asked, 1) < 3) {
        return false;
    }
    long long never = 0;
    (void)atomic_compare_exchange_strong(&cancelled_at_ms, &never, hg_time_monotonic_ms());
    return true;
}

static void cancel_reader(const struct run *run)
{
    atomic_store(&n_asked, 0);
    atomic_store(&cancelled_at_ms, 0);
    heard.cancel = after_some_asking;
    run_badly(reader(run, "fetch", "a", "append"), HG_ECANCELLED, "the task was cancelled");
    heard.cancel = NULL;
    assert_true(hg_time_monotonic_ms() - atomic_load(&cancelled_at_ms) < CANCEL_WITHIN_MS);
    assert_query(pg, "select to_regclass('m.a') is null", "t");
    assert_query(pg, "select count(*) from headgate.stage_reader", "2");
}

/* Between two batches, and while the server is still busy with the first. */
static void test_cancel_a_reader(void **state)
{
    const struct run run = new_run();
    (void)state;
    HG_CLEANUP(hg_json_decrefp) json_t *rows = json_array();
    for (int i = 0; i < 600; i++) {
        json_array_append_new(rows, json_pack("[i, s]", i, "a"));
    }
    fake.parsed = rows;
    fake.n_repeat = 100;
    fake.state = "1";
    run_well(writer(&run, APPENDED, NULL));
    cancel_reader(&run);
    fake_sql(pg, "begin");
    fake_sql(pg,
             fake_query(pg,
                        "select format('lock table %s in access exclusive mode', table_name) from"
                        " headgate.stage"));
    cancel_reader(&run);
    fake_sql(pg, "rollback");
    /* The server goes on with nothing of it. */
    int64_t until_ms = hg_time_monotonic_ms() + CANCEL_WITHIN_MS;
    while (strcmp(fake_query(pg,
                             "select count(*) from pg_stat_activity where usename ="
                             " 'headgate_load' and state <> 'idle'"),
                  "0") != 0) {
        assert_true(hg_time_monotonic_ms() < until_ms);
    }
    run_well(reader(&run, "fetch", "a", "append"));
    run_well(reader(&run, "fetch", "b", "append"));
    assert_query(pg, "select count(*) from m.a", "60000");
    assert_query(pg, "select count(*) from m.b", "60000");
    assert_nothing_is_staged();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, give_two)
    const struct CMUnitTest tests[] = {
        TEST(test_every_type_goes_through_unchanged),
        TEST(test_positions_outlive_the_source),
        TEST(test_order_is_kept),
        TEST(test_no_rows),
        TEST(test_the_cursor_moves_with_the_first_reader),
        TEST(test_a_reader_catches_up),
        TEST(test_a_reader_catches_up_when_nothing_is_new),
        TEST(test_a_stage_that_nobody_read_is_made_anew),
        TEST(test_all_rows_are_not_caught_up_with),
        TEST(test_a_stage_behind_a_stage_is_kept),
        TEST(test_other_columns_are_not_mixed),
        TEST(test_columns_that_came_since),
        TEST(test_columns_of_no_rows),
        TEST(test_replacing_readers),
        TEST(test_rows_for_a_reader_that_is_gone),
        TEST(test_a_flow_that_is_no_longer_cut),
        TEST(test_the_cursor_never_moves_back),
        TEST(test_attempts),
        TEST(test_only_stages_are_dropped),
        TEST(test_cancel_a_reader),
    };
    return cmocka_run_group_tests(tests, start_pg, stop_pg);
}
