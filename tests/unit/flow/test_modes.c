/*
 * Random loads compared with the same done by PostgreSQL alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "fakes.h"
#include "random.h"

static struct hg_random dice;

static int below(int n)
{
    return hg_random_below(&dice, n);
}

static const struct hg_column columns[] = {
    {.name = "a", .type = HG_TYPE_INT64, .nullable = true},
    {.name = "b", .type = HG_TYPE_UTF8, .nullable = true},
    {.name = "v", .type = HG_TYPE_DECIMAL128, .precision = 12, .scale = 3, .nullable = true},
    {.name = "w", .type = HG_TYPE_FLOAT64, .nullable = true},
};

/* How the keys of a load come. */
enum shape { RANDOM, SORTED, SORTED_WITH_A_FLAW, SORTED_TWICE, N_SHAPES };

struct row {
    int a; /* -1: null */
    int b; /* -1: null */
    int v;
};

static int compare_rows(const void *left, const void *right)
{
    const struct row *x = left;
    const struct row *y = right;
    return x->a != y->a ? (x->a > y->a) - (x->a < y->a) : (x->b > y->b) - (x->b < y->b);
}

static int unique_rows(struct row *rows, int n)
{
    int kept = 0;
    for (int i = 0; i < n; i++) {
        if (rows[i].a >= 0 && rows[i].b >= 0 &&
            (kept == 0 || compare_rows(&rows[kept - 1], &rows[i]) != 0)) {
            rows[kept++] = rows[i];
        }
    }
    return kept;
}

static int make_rows(struct row *rows, int n, enum shape shape)
{
    for (int i = 0; i < n; i++) {
        rows[i].a = below(12) - (below(20) == 0 ? 20 : 0);
        rows[i].b = below(6) - (below(20) == 0 ? 20 : 0);
        rows[i].a = rows[i].a < 0 ? -1 : rows[i].a;
        rows[i].b = rows[i].b < 0 ? -1 : rows[i].b;
        rows[i].v = below(4) - 1;
    }
    if (shape == RANDOM) {
        return n;
    }
    qsort(rows, (size_t)n, sizeof *rows, compare_rows);
    n = unique_rows(rows, n);
    if (shape == SORTED_WITH_A_FLAW && n > 4) {
        struct row flaw = rows[below(n / 2)];
        flaw.v = 77;
        rows[n / 2 + below(n / 2)] = flaw;
    }
    if (shape == SORTED_TWICE) {
        memcpy(rows + n, rows, (size_t)n * sizeof *rows);
        for (int i = n; i < 2 * n; i++) {
            rows[i].v = below(3);
        }
        n *= 2;
    }
    return n;
}

/* Words that sort otherwise under a language's collation than by their bytes. */
static const char *const words[] = {"", "B", "a", "\xc3\xa4", "b", "A b"};

static void put_rows(const struct row *rows, int n, json_t *list, struct hg_buf *sql)
{
    for (int i = 0; i < n; i++) {
        char v[16];
        char a[16] = "null";
        char b[32] = "null";
        (void)snprintf(v, sizeof v, "%d", rows[i].v);
        if (rows[i].a >= 0) {
            (void)snprintf(a, sizeof a, "%d", rows[i].a);
        }
        if (rows[i].b >= 0) {
            (void)snprintf(b, sizeof b, "'%s'", words[rows[i].b]);
        }
        json_array_append_new(list,
                              json_pack("[o, o, o, o]",
                                        rows[i].a < 0 ? json_null() : json_integer(rows[i].a),
                                        rows[i].b < 0 ? json_null() : json_string(words[rows[i].b]),
                                        rows[i].v < 0 ? json_null() : json_string(v),
                                        json_real(rows[i].v / 2.0)));
        hg_buf_printf(sql,
                      "%s(%d, %s, %s, %s, %g)",
                      i > 0 ? ", " : "",
                      i,
                      a,
                      b,
                      rows[i].v < 0 ? "null" : v,
                      rows[i].v / 2.0);
    }
}

/* What the table should hold after the load. */
static const struct {
    const char *mode;
    const char *sql;
} oracles[] = {
    {"append", "insert into oracle select a, b, v / 1000.0, w from input"},
    {"replace", "delete from oracle; insert into oracle select a, b, v / 1000.0, w from input"},
    {"merge",
     "delete from oracle o using input i where o.a = i.a and o.b = i.b;"
     " insert into oracle select distinct on (a, b) a, b, v / 1000.0, w from input where"
     " a is not null and b is not null order by a, b, seq desc"},
};

static const char *const tables[] = {
    NULL, /* made by the load */
    "create schema m authorization headgate_user; create table m.t (extra int default 3, w float8,"
    " v numeric(14,4), b text, a numeric not null, unique (b, a)); alter table m.t owner to"
    " headgate_user",
    "create schema m authorization headgate_user; create table m.t (a bigint, b text, v"
    " numeric(12,3), w float8, primary key (a, b)) partition by hash (a); create table m.t0"
    " partition of m.t for values with (modulus 2, remainder 0); create table m.t1 partition of m.t"
    " for values with (modulus 2, remainder 1); alter table m.t owner to headgate_user; alter table"
    " m.t0 owner to headgate_user; alter table m.t1 owner to headgate_user",
    "create schema m authorization headgate_user; create collation public.loose (provider = icu,"
    " locale = 'und-u-ks-level1', deterministic = false); create table m.t (a bigint, b text "
    "collate"
    " public.loose, v numeric(12,3), w float8, unique (a, b)); alter table m.t owner to"
    " headgate_user; create table public.oracle (a numeric, b text collate public.loose, v numeric,"
    " w float8); create table public.input (seq int, a numeric, b text collate public.loose, v"
    " numeric, w float8)",
};

static void load_once(size_t mode, enum shape shape, bool loose)
{
    struct row rows[160];
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_json_decrefp) json_t *list = json_array();
    HG_CLEANUP(hg_json_decrefp) json_t *result = NULL;
    struct hg_buf sql = HG_BUF_INIT;
    int n = make_rows(rows, 1 + below(70), shape);
    hg_buf_puts(&sql, "truncate input; insert into input values ");
    put_rows(rows, n, list, &sql);
    hg_buf_puts(&sql, "; ");
    hg_buf_puts(&sql, oracles[mode].sql);
    fake_reset();
    fake.columns = columns;
    fake.n_columns = HG_COUNT(columns);
    fake.parsed = list;
    fake.batch_rows = 1 + below(9);
    const struct fake_task task = {
        .table = "m.t", .mode = oracles[mode].mode, .key = "[\"a\", \"b\"]"};
    HG_CLEANUP(hg_freep) char *keys = NULL;
    if (fake_run(pg, &task, &result, &err) != HG_OK) {
        fail_msg("%s", err.message);
    }
    fake_sql(pg, hg_buf_text(&sql));
    keys = strdup(fake_query(pg,
                             mode == 2 ? "select count(distinct (a, b)) from input where a is"
                                         " not null and b is not null"
                                       : "select count(*) from input"));
    if (!loose) {
        assert_query(pg,
                     "select rows_loaded from headgate.ledger order by committed_at desc limit"
                     " 1",
                     keys);
    }
    const char *differ = fake_query(
        pg,
        "select string_agg(d::text, ' ') from ((select '+', a, b collate \"C\", v, w from m.t"
        " except all select '+', a, b collate \"C\", v, w from oracle) union all (select '-', a,"
        " b collate \"C\", v, w from oracle except all select '-', a, b collate \"C\", v, w"
        " from m.t)) d");
    if (differ[0] != '\0') {
        fail_msg("%s, shape %d, loose %d: %s", oracles[mode].mode, (int)shape, loose, differ);
    }
    hg_buf_free(&sql);
}

static void check_table(size_t table, unsigned seed)
{
    dice.state = seed;
    assert_int_equal(hg_test_pg_reset(pg), 0);
    if (tables[table]) {
        fake_sql(pg, tables[table]);
    }
    bool loose = table == 3;
    fake_sql(pg,
             "create table if not exists public.oracle (a numeric, b text, v numeric, w float8);"
             " create table if not exists public.input (seq int, a numeric, b text, v numeric,"
             " w float8)");
    /* A key takes no null and no second row of its own, so tables that have one only merge. */
    for (int i = 0; i < 4; i++) {
        load_once(2, (enum shape)below(N_SHAPES), loose);
    }
    fake_sql(pg,
             "drop table public.oracle, public.input; drop schema m cascade; drop collation if"
             " exists public.loose");
}

static void test_merge_is_what_sql_does(void **state)
{
    (void)state;
    for (size_t table = 0; table < HG_COUNT(tables); table++) {
        for (unsigned seed = 1; seed <= 8; seed++) {
            check_table(table, seed * 7919u);
        }
    }
}

static void test_append_and_replace_are_what_sql_does(void **state)
{
    (void)state;
    assert_int_equal(hg_test_pg_reset(pg), 0);
    dice.state = 42;
    fake_sql(pg,
             "create table public.oracle (a numeric, b text, v numeric, w float8);"
             " create table public.input (seq int, a numeric, b text, v numeric, w float8)");
    for (int i = 0; i < 12; i++) {
        load_once(below(3) == 0 ? 1 : 0, (enum shape)below(N_SHAPES), false);
    }
    fake_sql(pg, "drop table public.oracle, public.input");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_merge_is_what_sql_does),
        cmocka_unit_test(test_append_and_replace_are_what_sql_does),
    };
    return cmocka_run_group_tests(tests, start_pg, stop_pg);
}
