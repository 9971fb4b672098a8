/* Rows of datasets and of the quarantine. */
#include <stdio.h>
#include <string.h>

#include "fixture.h"

static json_t *rows_of(const struct hg_rows_query *query)
{
    struct hg_error err = HG_ERROR_INIT;
    json_t *rows = NULL;
    must(hg_datasets_rows(warehouse, "m.t", query, &rows, &err), &err);
    return rows;
}

static void expect_rows(const struct hg_rows_query *query, const char *expected)
{
    HG_CLEANUP(hg_json_decrefp) json_t *rows = rows_of(query);
    HG_CLEANUP(hg_freep)
    char *text = json_dumps(json_object_get(rows, "rows"), JSON_COMPACT | JSON_REAL_PRECISION(6));
    assert_string_equal(text, expected);
}

static void test_types_become_json(void **state)
{
    (void)state;
    make_dataset("create table m.t (a bool, b int, c bigint, d numeric(20, 4), e float8, f date,"
                 " g timestamptz, h jsonb, i text, j float8, k smallint, l timestamp);"
                 "insert into m.t values (true, -7, 9007199254740993, 1.5000, 0.5, '2026-01-31',"
                 " '2026-01-31 12:00:00.25+02', '{\"a\": [1, null]}', 'x\"y', 'NaN', 3,"
                 " '2026-01-31 12:00:00')");
    const struct hg_rows_query all = {.page = {10, NULL}};
    expect_rows(&all,
                "[[true,-7,\"9007199254740993\",\"1.5000\",0.5,\"2026-01-31\","
                "\"2026-01-31T10:00:00.250Z\",{\"a\":[1,null]},\"x\\\"y\",\"NaN\",3,"
                "\"2026-01-31 12:00:00\"]]");
    const struct hg_rows_query some = {.page = {10, NULL}, .columns = "i,b"};
    expect_rows(&some, "[[\"x\\\"y\",-7]]");
    HG_CLEANUP(hg_json_decrefp) json_t *rows = rows_of(&some);
    HG_CLEANUP(hg_freep) char *columns = json_dumps(json_object_get(rows, "columns"), JSON_COMPACT);
    assert_string_equal(
        columns, "[{\"name\":\"i\",\"type\":\"text\"},{\"name\":\"b\",\"type\":\"integer\"}]");
}

/* The whole page would be lost for one number. */
static void test_json_that_ours_cannot_hold(void **state)
{
    (void)state;
    make_dataset("create table m.t (j jsonb); insert into m.t values"
                 " ('{\"a\": 18446744073709551616}'), ('[1]')");
    const struct hg_rows_query all = {.page = {10, NULL}};
    expect_rows(&all, "[[\"{\\\"a\\\": 18446744073709551616}\"],[[1]]]");
}

/* An order without an index is made in temporary files, which have a limit (store/cluster.c). */
static void test_an_order_that_takes_too_much_room(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    json_t *rows = NULL;
    make_dataset("create table m.t (id int primary key, a text); insert into m.t"
                 " select i, repeat(md5(i::text), 8) from generate_series(1, 20000) i");
    const struct hg_rows_query sorted = {.page = {1000, NULL}, .order = "a", .columns = "a"};
    const struct hg_rows_query plain = {.page = {1, NULL}, .columns = "id"};
    sql("alter role all set temp_file_limit = '100kB'; alter role all set work_mem = '64kB'");
    int r = hg_datasets_rows(warehouse, "m.t", &sorted, &rows, &err);
    sql("alter role all reset temp_file_limit; alter role all reset work_mem");
    assert_int_equal(r, HG_EINVAL);
    assert_non_null(strstr(err.message, "temp_file_limit"));
    assert_non_null(strstr(err.hint, "order by columns that have an index"));
    expect_rows(&plain, "[[1]]");
}

static void test_times_keep_their_microseconds(void **state)
{
    (void)state;
    make_dataset(
        "create table m.t (k int primary key, t timestamptz);"
        "insert into m.t values (1, '2026-01-31 12:00:00.123456Z'), (2, '2026-01-31 12:00Z'),"
        " (3, '2026-01-31 12:00:00.000007Z'), (4, '1969-12-31 23:59:59.999999Z'),"
        " (5, 'infinity'), (6, null)");
    const struct hg_rows_query times = {.page = {10, NULL}, .columns = "t"};
    expect_rows(&times,
                "[[\"2026-01-31T12:00:00.123456Z\"],[\"2026-01-31T12:00:00.000Z\"],"
                "[\"2026-01-31T12:00:00.000007Z\"],[\"1969-12-31T23:59:59.999999Z\"],"
                "[\"infinity\"],[null]]");
}

/* Goes through all pages of `limit` rows and gives the first column of each row, with commas. */
static void walk(const char *order, int limit, char *ret, size_t size)
{
    HG_CLEANUP(hg_freep) char *cursor = NULL;
    size_t used = 0;
    int n_pages = 0;
    do {
        const struct hg_rows_query query = {.page = {limit, cursor}, .order = order};
        HG_CLEANUP(hg_json_decrefp) json_t *rows = rows_of(&query);
        size_t i;
        json_t *row;
        json_array_foreach (json_object_get(rows, "rows"), i, row) {
            const char *text = json_string_value(json_array_get(row, 0));
            used += (size_t)snprintf(ret + used, size - used, "%s,", text ? text : "null");
        }
        free(cursor);
        const char *next = json_string_value(json_object_get(rows, "next_cursor"));
        cursor = next ? strdup(next) : NULL;
        assert_true(++n_pages < 50);
    } while (cursor);
}

/* Whatever the size of a page: each row once, ties and nulls included, in the order asked for. */
static void test_pages_in_every_order(void **state)
{
    (void)state;
    static const struct {
        const char *order;
        const char *expected;
    } cases[] = {
        {NULL, "1,2,3,4,5,6,7,"},
        {"id", "1,2,3,4,5,6,7,"},
        {"-id", "7,6,5,4,3,2,1,"},
        {"v", "3,6,1,5,7,2,4,"}, /* a a b b c null null */
        {"-v", "7,1,5,3,6,2,4,"},
    };
    make_dataset("create table m.t (id bigint primary key, v text);"
                 "insert into m.t values (1, 'b'), (2, null), (3, 'a'), (4, null), (5, 'b'),"
                 " (6, 'a'), (7, 'c')");
    for (size_t i = 0; i < HG_COUNT(cases); i++) {
        for (int limit = 1; limit <= 8; limit++) {
            char seen[256] = "";
            walk(cases[i].order, limit, seen, sizeof seen);
            assert_string_equal(seen, cases[i].expected);
        }
    }
}

static void test_pages_by_a_key_of_two_columns(void **state)
{
    (void)state;
    make_dataset("create table m.t (b text, a text, primary key (a, b));"
                 "insert into m.t select y, x from unnest(array['p', 'q', 'r']) x,"
                 " unnest(array['1', '2']) y");
    for (int limit = 1; limit <= 7; limit++) {
        char seen[256] = "";
        walk(NULL, limit, seen, sizeof seen);
        assert_string_equal(seen, "1,2,1,2,1,2,");
        seen[0] = '\0';
        walk("-b", limit, seen, sizeof seen);
        assert_string_equal(seen, "2,2,2,1,1,1,");
    }
}

static void test_names_that_try_something(void **state)
{
    (void)state;
    make_dataset("create table m.t (\"a\"\"; drop table m.t; --\" int, \"select\" int,"
                 " \"t\" int, \"Größe\" int); insert into m.t values (1, 2, 3, 4)");
    const struct hg_rows_query all = {.page = {10, NULL}};
    expect_rows(&all, "[[1,2,3,4]]");
    const struct hg_rows_query chosen = {.page = {10, NULL},
                                         .columns = "select,a\"; drop table m.t; --,Größe,t",
                                         .order = "-a\"; drop table m.t; --"};
    expect_rows(&chosen, "[[2,1,4,3]]");
}

static void test_bounds(void **state)
{
    (void)state;
    make_dataset("create table m.t (id int primary key, v date);"
                 "insert into m.t select i, date '2026-01-01' + i from generate_series(1, 5) i;"
                 "insert into m.t values (9, null)");
    const struct hg_rows_query between = {.page = {10, NULL},
                                          .columns = "id",
                                          .order = "-v",
                                          .from = "2026-01-03",
                                          .to = "2026-01-05"};
    expect_rows(&between, "[[4],[3],[2]]");
    const struct hg_rows_query from = {
        .page = {10, NULL}, .columns = "id", .order = "id", .from = "5"};
    expect_rows(&from, "[[5],[9]]");
}

static void test_questions_that_are_refused(void **state)
{
    (void)state;
    static const struct {
        struct hg_rows_query query;
        const char *says;
    } cases[] = {
        {{.page = {10, NULL}, .columns = "id,nope"}, "no column \"nope\""},
        {{.page = {10, NULL}, .columns = ""}, "no column \"\""},
        {{.page = {10, NULL}, .columns = "id,id,id,id"}, "no column"},
        {{.page = {10, NULL}, .order = "-"}, "no column \"\""},
        {{.page = {10, NULL}, .order = "ctid"}, "no column \"ctid\""},
        {{.page = {10, NULL}, .from = "1"}, "name it with order="},
        {{.page = {10, NULL}, .order = "id", .from = "x"}, "integer"},
        {{.page = {10, NULL}, .order = "id", .to = "99999999999"}, "integer"},
        {{.page = {10, NULL}, .order = "doc"}, "operator"},
        {{.page = {10, "nonsense"}}, "cursor"},
        {{.page = {10, "[]"}}, "cursor"},
        {{.page = {10, "[\"1\", \"2\"]"}}, "cursor"},
        {{.page = {10, "[\"x\"]"}}, "integer"},
    };
    make_dataset("create table m.t (id int primary key, doc json, v text);"
                 "insert into m.t values (1, '{}', 'x')");
    for (size_t i = 0; i < HG_COUNT(cases); i++) {
        struct hg_error err = HG_ERROR_INIT;
        json_t *none = NULL;
        assert_int_equal(hg_datasets_rows(warehouse, "m.t", &cases[i].query, &none, &err),
                         HG_EINVAL);
        assert_null(none);
        if (!strstr(err.message, cases[i].says)) {
            fail_msg("\"%s\" does not say \"%s\"", err.message, cases[i].says);
        }
    }
}

static const json_t *item_of(const json_t *list, const char *name)
{
    size_t i;
    const json_t *item;
    json_array_foreach (json_object_get(list, "items"), i, item) {
        if (strcmp(json_string_value(json_object_get(item, "name")), name) == 0) {
            return item;
        }
    }
    fail_msg("%s is not listed", name);
    return NULL;
}

static void assert_count(const json_t *list, const char *name, json_int_t least, json_int_t most)
{
    const json_t *item = item_of(list, name);
    json_int_t n = json_integer_value(json_object_get(item, "row_count"));
    assert_int_equal(json_is_true(json_object_get(item, "row_count_exact")), least == most);
    assert_in_range(n, least, most);
}

/* Many loads of many tables, some of them gone: each once, with its last load, by pages. */
static void test_lists_each_table_once(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    char cursor[64] = "";
    int n = 0;
    make_dataset("create table m.t (id int);"
                 "do $$ begin for i in 10 .. 39 loop if i % 3 <> 0 then"
                 " execute format('create table m.n%s (id int)', i); end if; end loop; end $$");
    sql("insert into headgate.ledger (pipeline_id, run_id, task_key, attempt, fence, table_name,"
        " final, committed_at) select 'p' || j, gen_random_uuid(), 'k', 1, 1, 'm.n' || i, true,"
        " '2026-01-01'::timestamptz + j * interval '1 day'"
        " from generate_series(10, 39) i, generate_series(1, 5) j;"
        "insert into headgate.ledger (pipeline_id, run_id, task_key, attempt, fence, final)"
        " values ('p', gen_random_uuid(), 'a transform', 1, 1, true)");
    do {
        const struct hg_page page = {7, cursor[0] ? cursor : NULL};
        HG_CLEANUP(hg_json_decrefp) json_t *list = NULL;
        size_t i;
        const json_t *item;
        must(hg_datasets_list(warehouse, &page, &list, &err), &err);
        json_array_foreach (json_object_get(list, "items"), i, item) {
            const char *name = json_string_value(json_object_get(item, "name"));
            assert_true(strcmp(name, cursor) > 0);
            (void)snprintf(cursor, sizeof cursor, "%s", name);
            if (strcmp(name, "m.t") != 0) {
                assert_string_equal(json_string_value(json_object_get(item, "pipeline_id")), "p5");
            }
            n++;
        }
        if (json_is_null(json_object_get(list, "next_cursor"))) {
            break;
        }
    } while (n < 100);
    assert_int_equal(n, 20 + 1);
}

/* What a page reads to count is bounded; a large table is told by what the server knows of it. */
static void test_counts_what_is_small(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    const struct hg_page page = {10, NULL};
    make_dataset("create table m.t (id int, pad text);"
                 "alter table m.t alter pad set storage plain;"
                 "insert into m.t select n, repeat('x', 1000) from generate_series(1, 20000) n;"
                 "create table m.small (id int); insert into m.small values (1), (2), (3);"
                 "create table m.parts (id int) partition by range (id);"
                 "create table m.part partition of m.parts for values from (0) to (10);"
                 "insert into m.parts values (1), (2)");
    sql("insert into headgate.ledger (pipeline_id, run_id, task_key, attempt, fence, table_name,"
        " final) values ('p', gen_random_uuid(), 'k', 1, 1, 'm.small', true),"
        " ('p', gen_random_uuid(), 'k', 1, 1, 'm.parts', true)");
    HG_CLEANUP(hg_json_decrefp) json_t *fresh = NULL;
    must(hg_datasets_list(warehouse, &page, &fresh, &err), &err);
    assert_count(fresh, "m.small", 3, 3);
    assert_count(fresh, "m.parts", 2, 2);
    assert_true(json_integer_value(json_object_get(item_of(fresh, "m.parts"), "size_bytes")) >=
                8192);
    assert_true(json_is_null(json_object_get(item_of(fresh, "m.t"), "row_count")));
    /* Rows that came since it was analysed are in the estimate. */
    sql("analyze m.t;"
        "insert into m.t select n, repeat('x', 1000) from generate_series(1, 20000) n");
    HG_CLEANUP(hg_json_decrefp) json_t *later = NULL;
    must(hg_datasets_list(warehouse, &page, &later, &err), &err);
    assert_count(later, "m.t", 39000, 41000);
    assert_count(later, "m.small", 3, 3);
}

/* A table whose policy fails costs the others nothing. */
static void test_counts_the_others(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    const struct hg_page page = {10, NULL};
    make_dataset("create table m.t (id int); insert into m.t values (1), (2);"
                 "create table m.sick (id int); insert into m.sick values (1);"
                 "create policy sick on m.sick using (id / 0 = 1);"
                 "alter table m.sick enable row level security;"
                 "alter table m.sick force row level security");
    sql("insert into headgate.ledger (pipeline_id, run_id, task_key, attempt, fence, table_name,"
        " final) values ('p', gen_random_uuid(), 'k', 1, 1, 'm.sick', true)");
    HG_CLEANUP(hg_json_decrefp) json_t *list = NULL;
    must(hg_datasets_list(warehouse, &page, &list, &err), &err);
    assert_count(list, "m.t", 2, 2);
    const json_t *sick = item_of(list, "m.sick");
    assert_true(json_is_null(json_object_get(sick, "row_count")));
    assert_true(json_is_false(json_object_get(sick, "row_count_exact")));
}

/* A script may have put a view over a function of its own in the place of a table. */
static void test_nothing_runs_with_the_hosts_rights(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    const struct hg_page page = {10, NULL};
    make_dataset("create table m.who (name text); grant insert on m.who to public;"
                 "grant usage on schema m to public;"
                 "create function m.spy() returns int language plpgsql as"
                 " $$begin insert into m.who values (current_user); return 1; end$$;"
                 "create view m.t as select m.spy() as n");
    HG_CLEANUP(hg_json_decrefp) json_t *list = NULL;
    must(hg_datasets_list(warehouse, &page, &list, &err), &err);
    const json_t *item = json_array_get(json_object_get(list, "items"), 0);
    assert_true(json_is_null(json_object_get(item, "row_count")));
    json_t *rows = NULL;
    const struct hg_rows_query all = {.page = {10, NULL}};
    assert_true(hg_datasets_rows(warehouse, "m.t", &all, &rows, &err) < 0);
    json_decref(rows);
    assert_int_equal(number("select count(*) as n from m.who"), 0);
    /* The same by a policy, which runs as whoever reads. */
    sql("set role headgate_user; drop view m.t; create table m.t (id int);"
        "insert into m.t values (1); create policy spy on m.t using (m.spy() = 1);"
        "alter table m.t enable row level security; alter table m.t force row level security");
    HG_CLEANUP(hg_json_decrefp) json_t *again = NULL;
    must(hg_datasets_list(warehouse, &page, &again, &err), &err);
    assert_int_equal(json_array_size(json_object_get(again, "items")), 1);
    assert_int_equal(number("select count(*) as n from m.who"), 0);
}

/* A row is seen when what its policy tried has failed. */
static void test_no_way_to_the_hosts_rights(void **state)
{
    (void)state;
    static const char *const ways[] = {
        "reset role",
        "set role none",
        "set local role none",
        "set role headgate_load",
        "reset session authorization",
        "set session authorization default",
        "select set_config(''role'', ''none'', true)",
        "alter function headgate.read_rows(text, text[]) security invoker",
        "alter function headgate.read_rows(text, text[]) owner to headgate_user",
        "drop owned by headgate_user",
        "set transaction read write",
        "copy (select 1) to program ''true''",
    };
    HG_CLEANUP(hg_buf_free) struct hg_buf text = HG_BUF_INIT;
    hg_buf_puts(&text,
                "create function m.try(what text) returns text language plpgsql as $$ begin"
                " execute what; return 'done as ' || current_user;"
                " exception when others then return current_user; end $$;"
                "create table m.t (id int primary key, what text)");
    for (size_t i = 0; i < HG_COUNT(ways); i++) {
        hg_buf_printf(&text, "; insert into m.t values (%zu, '%s')", i, ways[i]);
    }
    hg_buf_puts(&text,
                "; create policy spy on m.t using (m.try(what) = 'headgate_reader');"
                " alter table m.t enable row level security;"
                " alter table m.t force row level security");
    make_dataset(hg_buf_text(&text));
    const struct hg_rows_query all = {.page = {100, NULL}};
    HG_CLEANUP(hg_json_decrefp) json_t *rows = rows_of(&all);
    for (size_t i = 0; i < HG_COUNT(ways); i++) {
        const json_t *row = json_array_get(json_object_get(rows, "rows"), i);
        if (json_integer_value(json_array_get(row, 0)) != (json_int_t)i || !row) {
            fail_msg("%s", ways[i]);
        }
    }
}

static void test_nothing_of_users_stays_in_the_hosts_session(void **state)
{
    (void)state;
    make_dataset(
        "create function m.spy() returns int language plpgsql as $$ declare s record; begin"
        " for s in select name from pg_prepared_statements loop"
        " execute format('deallocate %I', s.name); end loop;"
        " execute 'prepare datasets_list (text, text) as select 1 as cursor_key, 1/0 as item';"
        " execute 'prepare datasets_find (text) as select 1/0 as found';"
        " execute 'prepare rows_columns (text) as select 1/0';"
        " perform pg_advisory_lock(77); return 1; end $$;"
        "create table m.t (id int); insert into m.t values (1);"
        "create policy spy on m.t using (m.spy() = 1); alter table m.t enable row level"
        " security; alter table m.t force row level security");
    const struct hg_page page = {10, NULL};
    const struct hg_rows_query all = {.page = page};
    for (int i = 0; i < 10; i++) {
        struct hg_error err = HG_ERROR_INIT;
        HG_CLEANUP(hg_json_decrefp) json_t *list = NULL;
        must(hg_datasets_list(warehouse, &page, &list, &err), &err);
        expect_rows(&all, "[[1]]");
    }
    assert_int_equal(number("select count(*) as n from pg_locks where locktype = 'advisory'"
                            " and objid = 77"),
                     0);
}

static void test_tables_that_are_not_served(void **state)
{
    (void)state;
    static const char *const names[] = {
        "pg_catalog.pg_authid", "headgate.ledger", "m.other", "m", "", "m.t\"", "m.t; drop"};
    make_dataset("create table m.t (id int); create table m.other (id int)");
    for (size_t i = 0; i < HG_COUNT(names); i++) {
        struct hg_error err = HG_ERROR_INIT;
        json_t *none = NULL;
        const struct hg_rows_query all = {.page = {10, NULL}};
        assert_int_equal(hg_datasets_rows(warehouse, names[i], &all, &none, &err), HG_ENOTFOUND);
    }
    sql("drop table m.t"); /* in the ledger, but gone */
    struct hg_error err = HG_ERROR_INIT;
    json_t *none = NULL;
    const struct hg_rows_query all = {.page = {10, NULL}};
    assert_int_equal(hg_datasets_rows(warehouse, "m.t", &all, &none, &err), HG_ENOTFOUND);
    const struct hg_page page = {10, NULL};
    HG_CLEANUP(hg_json_decrefp) json_t *list = NULL;
    must(hg_datasets_list(warehouse, &page, &list, &err), &err);
    assert_int_equal(json_array_size(json_object_get(list, "items")), 0);
}

static void test_quarantine_comes_in_pages(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    static const char run_id[] = "01900000-0000-7000-8000-000000000001";
    sql("insert into headgate.quarantine (pipeline_id, run_id, job_id, source, position, reasons,"
        " row_data, raw) select case when i <= 5 then 'a' else 'b' end,"
        " case when i <= 5 then '01900000-0000-7000-8000-000000000001'"
        " else '01900000-0000-7000-8000-000000000002' end::uuid, 'load', 'x.csv', 'x.csv:' || i,"
        " '[{\"rule\": \"range\", \"column\": \"c\", \"message\": \"too big\"}]', '{\"c\": 1}', "
        "null"
        " from generate_series(1, 7) i");
    int n = 0;
    HG_CLEANUP(hg_freep) char *cursor = NULL;
    do {
        const struct hg_page page = {2, cursor};
        HG_CLEANUP(hg_json_decrefp) json_t *list = NULL;
        must(hg_quarantine_list(warehouse, "a", run_id, &page, &list, &err), &err);
        size_t i;
        json_t *item;
        json_array_foreach (json_object_get(list, "items"), i, item) {
            char position[24];
            (void)snprintf(position, sizeof position, "x.csv:%d", ++n);
            assert_string_equal(text_at(item, "position"), position);
            const json_t *reason = json_array_get(json_object_get(item, "reasons"), 0);
            assert_string_equal(text_at(reason, "message"), "too big");
        }
        free(cursor);
        const char *next = json_string_value(json_object_get(list, "next_cursor"));
        cursor = next ? strdup(next) : NULL;
    } while (cursor);
    assert_int_equal(n, 5);
    const struct hg_page all = {100, NULL};
    HG_CLEANUP(hg_json_decrefp) json_t *list = NULL;
    must(hg_quarantine_list(warehouse, NULL, NULL, &all, &list, &err), &err);
    assert_int_equal(json_array_size(json_object_get(list, "items")), 7);
    json_t *none = NULL;
    const struct hg_page bad = {2, "x"};
    assert_int_equal(hg_quarantine_list(warehouse, NULL, NULL, &bad, &none, &err), HG_EINVAL);
    assert_int_equal(hg_quarantine_list(warehouse, NULL, "x", &all, &none, &err), HG_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_types_become_json),
        TEST(test_json_that_ours_cannot_hold),
        TEST(test_an_order_that_takes_too_much_room),
        TEST(test_times_keep_their_microseconds),
        TEST(test_pages_in_every_order),
        TEST(test_pages_by_a_key_of_two_columns),
        TEST(test_names_that_try_something),
        TEST(test_bounds),
        TEST(test_questions_that_are_refused),
        TEST(test_counts_what_is_small),
        TEST(test_counts_the_others),
        TEST(test_lists_each_table_once),
        TEST(test_nothing_runs_with_the_hosts_rights),
        TEST(test_no_way_to_the_hosts_rights),
        TEST(test_nothing_of_users_stays_in_the_hosts_session),
        TEST(test_tables_that_are_not_served),
        TEST(test_quarantine_comes_in_pages),
    };
    return cmocka_run_group_tests(tests, start_pg, stop_pg);
}
