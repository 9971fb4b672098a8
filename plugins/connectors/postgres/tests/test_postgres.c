/* Another database: types, cursors with ties, snapshots, failures, stopping. */
#include <inttypes.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <libpq-fe.h>

#include "fake_host.h"
#include "shared_pg.h"

static PGconn *admin;

static int setup(void **state)
{
    if (start_pg(state) != 0) {
        return -1;
    }
    admin = PQconnectdb(hg_test_pg_admin(pg));
    return PQstatus(admin) == CONNECTION_OK ? 0 : -1;
}

static int teardown(void **state)
{
    PQfinish(admin);
    return stop_pg(state);
}

static void sql(const char *text)
{
    PGresult *result = PQexec(admin, text);
    if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK) {
        fail_msg("%s: %s", text, PQerrorMessage(admin));
    }
    PQclear(result);
}

/* The first column of a query, "a\n" each. */
static char *column_of(const char *text)
{
    char *out = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&out, &n);
    PGresult *result = PQexec(admin, text);
    assert_int_equal(PQresultStatus(result), PGRES_TUPLES_OK);
    for (int i = 0; i < PQntuples(result); i++) {
        fprintf(f, "%s\n", PQgetvalue(result, i, 0));
    }
    PQclear(result);
    fclose(f);
    return out;
}

/* A configuration with `more` (",\"key\":value..."). */
static char *config_of(const char *more)
{
    char *text = NULL;
    assert_true(asprintf(&text, "{\"url\":\"%s\"%s}", hg_test_pg_admin(pg), more) > 0);
    return text;
}

static void expect(const char *more, const char *rows, const char *rejects)
{
    struct fake fake;
    fake_init(&fake);
    char *config = config_of(more);
    char *found = fake_read(&fake, config, NULL, 2, false);
    assert_string_equal(found ? found : fake.err.message, rows);
    assert_string_equal(fake.rejects ? fake.rejects : "", rejects);
    free(found);
    free(config);
    fake_done(&fake);
}

static void expect_failure(const char *config, hg_status code, const char *words)
{
    struct fake fake;
    fake_init(&fake);
    assert_null(fake_read(&fake, config, NULL, 2, false));
    assert_int_equal(fake.err.code, code);
    if (!strstr(fake.err.message, words)) {
        fail_msg("\"%s\" expected, \"%s\" found", words, fake.err.message);
    }
    assert_null(strstr(fake.err.message, "s3cret"));
    assert_null(strstr(fake.err.hint, "s3cret"));
    fake_done(&fake);
}

/* ------------------------------------------------------------------------------------------ */
/* Types                                                                                        */
/* ------------------------------------------------------------------------------------------ */

static void test_types(void **state)
{
    (void)state;
    sql("DROP SCHEMA IF EXISTS t CASCADE; CREATE SCHEMA t; CREATE TYPE t.mood AS ENUM ('sad','ok');"
        "CREATE DOMAIN t.small AS smallint;"
        "CREATE TABLE t.\"All\" (b bool, i2 t.small, i4 int, i8 bigint, f4 real, f8 float8,"
        " n numeric(12,4), w numeric, x text, vc varchar(5), c char(3), u uuid, j json, jb jsonb,"
        " ba bytea, d date, ts timestamp, tz timestamptz, a int[], m t.mood, t time, q \"char\")");
    sql("INSERT INTO t.\"All\" VALUES (true,-2,2147483647,-9223372036854775808,0.5,1e300,"
        "-12345678.0102,-0.00001230,'x','vc','c','00112233-4455-6677-8899-aabbccddeeff',"
        "'{\"a\": 1.0}','{\"a\":1.0}','abc','2000-01-02','1999-12-31 23:59:59.999999',"
        "'1970-01-01 00:00:01+00','{1,NULL}','ok','12:34:56.5','z'),"
        "(false,0,0,0,0,'NaN',0,12345678901234567890123456789012345678901234567890,'',NULL,NULL,"
        "NULL,NULL,NULL,'','4713-01-01 BC','0001-01-01','2026-06-01 "
        "12:00+02','{}',NULL,NULL,NULL)");
    sql("INSERT INTO t.\"All\" (b) VALUES (NULL)");
    expect(
        ",\"table\":\"t.All\"",
        "true|-2|2147483647|-9223372036854775808|0.5|1.0000000000000001e+300|-12345678.0102|"
        "-0.00001230|x|vc|c  |00112233-4455-6677-8899-aabbccddeeff|{\"a\": 1.0}|{\"a\": 1.0}|abc|"
        "10958d|946684799999999us|1000000us|[1,null]|ok|12:34:56.5|z\n"
        "false|0|0|0|0|nan|0.0000|12345678901234567890123456789012345678901234567890||~|~|~|~|~||"
        "-2440550d|-62135596800000000us|1780308000000000us|[]|~|~|~\n"
        "~|~|~|~|~|~|~|~|~|~|~|~|~|~|~|~|~|~|~|~|~|~\n",
        "");
    expect(",\"query\":\"SELECT n AS \\\"a b\\\", 1 AS one FROM t.\\\"All\\\" WHERE n < 0; \","
           "\"columns\":[\"a b\"]",
           "-12345678.0102\n",
           "");
}

static void test_rejected(void **state)
{
    (void)state;
    expect(
        ",\"query\":\"SELECT * FROM (VALUES (1,'infinity'::date,now()::timestamp,1::numeric(5,2)),"
        "(2,'2000-01-01','-infinity',1),(3,'2000-01-01','2000-01-01','NaN'),"
        "(4,'2000-01-01','2000-01-01',99.99)) v(i,d,t,n)\",\"types\":{\"n\":\"decimal(5,2)\"}",
        "4|10957d|946684800000000us|99.99\n",
        "the query, row 1|d|the date is infinity\n"
        "the query, row 2|t|the time is -infinity\n"
        "the query, row 3|n|the number is not finite, which a decimal cannot be\n");
    expect(",\"query\":\"SELECT n FROM (VALUES (1.005),(1000),(999.99),(-0.01),(0.10),(1e-9),(1e9))"
           " v(n)\",\"types\":{\"n\":\"decimal(5,2)\"}",
           "999.99\n-0.01\n0.10\n",
           "the query, row 1|n|the number has more digits behind the point than the column\n"
           "the query, row 2|n|the number has more digits than the column\n"
           "the query, row 6|n|the number has more digits behind the point than the column\n"
           "the query, row 7|n|the number has more digits than the column\n");
}

/* Decimals and numerics of all sizes, against PostgreSQL's own text. */
static void test_numerics(void **state)
{
    (void)state;
    sql("DROP TABLE IF EXISTS nums; SELECT setseed(0.5); CREATE TABLE nums AS SELECT"
        " ((random() - 0.5) * 10::numeric ^ (random() * 24)::int + i * "
        "0.0000000001)::numeric(38,10) AS d"
        " FROM generate_series(1, 3000) i; INSERT INTO nums VALUES"
        " (9999999999999999999999999999.9999999999), (-9999999999999999999999999999.9999999999),"
        " (0), (10000), (0.0001)");
    static const char *const types[] = {"", ",\"types\":{\"d\":\"utf8\"}"};
    for (size_t i = 0; i < 2; i++) {
        struct fake fake;
        char more[100];
        snprintf(more, sizeof more, ",\"table\":\"nums\"%s", types[i]);
        char *config = config_of(more);
        char *want = column_of("SELECT d FROM nums");
        fake_init(&fake);
        char *found = fake_read(&fake, config, NULL, 1000, false);
        assert_string_equal(found ? found : fake.err.message, want);
        free(found);
        free(want);
        free(config);
        fake_done(&fake);
    }
}

/* ------------------------------------------------------------------------------------------ */
/* Cursors                                                                                      */
/* ------------------------------------------------------------------------------------------ */

static uint32_t seed = 7;

static uint32_t dice(uint32_t n)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % n;
}

/* Reads a random number of batches from the state, as a run that dies in the middle would. */
static void read_some(struct fake *fake, const char *config, FILE *out)
{
    void *inst;
    struct ArrowArrayStream stream;
    struct ArrowSchema schema;
    char *state = fake->state ? strdup(fake->state) : NULL;
    struct hg_read_request request = {sizeof request, 1 + dice(5), NULL, state};
    hg_status status = fake->vtable->open(&fake->host, config, &inst, &fake->err);
    if (!status) {
        status = fake->vtable->read(inst, &request, &stream, &fake->err);
    }
    if (status) {
        fail_msg("%s", fake->err.message);
        return;
    }
    assert_int_equal(stream.get_schema(&stream, &schema), 0);
    uint32_t n = dice(3) == 0 ? UINT32_MAX : dice(6);
    for (uint32_t i = 0; i < n; i++) {
        struct ArrowArray batch = {0};
        assert_int_equal(stream.get_next(&stream, &batch), 0);
        if (!batch.release) {
            break;
        }
        fake_print_batch(&schema, &batch, false, inst, NULL, out);
        batch.release(&batch);
    }
    schema.release(&schema);
    stream.release(&stream);
    fake->vtable->close(inst);
    free(state);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *sorted(char *text)
{
    char *lines[4096];
    size_t n = 0;
    for (char *p = text; *p; p = strchr(p, '\n') + 1) {
        assert_true(n < 4096);
        lines[n++] = p;
    }
    for (size_t i = 0; i < n; i++) {
        *strchr(lines[i], '\n') = '\0';
    }
    qsort(lines, n, sizeof *lines, by_text);
    char *out = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&out, &size);
    for (size_t i = 0; i < n; i++) {
        fprintf(f, "%s\n", lines[i]);
    }
    fclose(f);
    free(text);
    return out;
}

/* The pattern with 1000 + n, always of four digits, in the place of its "@". */
static void put_number(char *out, size_t size, const char *pattern, uint32_t n)
{
    const char *at = strchr(pattern, '@');
    snprintf(out, size, "%.*s%u%s", (int)(at - pattern), pattern, 1000 + n, at + 1);
}

/*
 * Rows come with values of the cursor at or above the largest one, many of them the same, keys in
 * any order; between any two steps. All steps together give the table, each row once.
 */
static void random_reads(const char *type, const char *value, bool has_key)
{
    char text[512];
    struct fake fake;
    fake_init(&fake);
    snprintf(text,
             sizeof text,
             "DROP TABLE IF EXISTS r; CREATE TABLE r (c %s%s, k bigint%s, v text)",
             type,
             has_key ? " NOT NULL" : "",
             has_key ? " PRIMARY KEY" : "");
    sql(text);
    char *config = config_of(",\"table\":\"r\",\"cursor\":\"c\",\"columns\":[\"v\",\"k\"]");
    char *got = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&got, &n);
    uint32_t at = 1;
    for (int round = 0; round < 40; round++) {
        uint32_t rows = dice(12);
        for (uint32_t i = 0; i < rows; i++) {
            char c[128];
            char v[32];
            at += dice(4) == 0;
            put_number(c, sizeof c, value, at);
            snprintf(v, sizeof v, dice(5) == 0 ? "NULL" : "'%u'", dice(2));
            /* Without a key whole rows may be the same. */
            int64_t k = has_key ? (int64_t)dice(1u << 24) << 20 | (int64_t)(round * 100) | i
                                : (int64_t)dice(2);
            snprintf(text, sizeof text, "INSERT INTO r VALUES (%s, %" PRId64 ", %s)", c, k, v);
            sql(text);
        }
        read_some(&fake, config, out);
    }
    for (int i = 0; i < 100; i++) {
        read_some(&fake, config, out);
    }
    fclose(out);
    got = sorted(got);
    char *want = sorted(column_of("SELECT k || '|' || coalesce(v, '~') FROM r"));
    assert_string_equal(got, want);
    free(got);
    free(want);
    free(config);
    fake_done(&fake);
}

static void test_random_reads(void **state)
{
    (void)state;
    for (int key = 0; key < 2; key++) {
        random_reads("bigint", "@ - 1020", key);
        random_reads("smallint", "@", key);
        random_reads("timestamptz",
                     "'1999-12-31 23:59:50.5+00'::timestamptz + (@ - 1000) * '1 s'::interval",
                     key);
        random_reads("timestamp", "'0001-01-05 BC'::timestamp + (@ - 1000) * '1 d'::interval", key);
        random_reads("date", "'1969-12-20'::date + @ - 1000", key);
        random_reads("text", "'it''s \"@\" \\ '", key);
        random_reads("uuid", "('00000000-0000-0000-0000-' || lpad(@::text, 12, '0'))::uuid", key);
    }
}

static void test_cursor_without_value(void **state)
{
    (void)state;
    sql("DROP TABLE IF EXISTS r; CREATE TABLE r (c date, v int);"
        "INSERT INTO r VALUES (NULL, 1), ('infinity', 2), ('2026-01-01', 3)");
    expect(",\"table\":\"r\",\"cursor\":\"c\",\"columns\":[\"v\"]", "3\n", "");
    sql("INSERT INTO r VALUES (now()::date + 1, 4)");
    expect(",\"table\":\"r\",\"cursor\":\"c\",\"columns\":[\"v\"],\"lag_seconds\":3600", "3\n", "");
}

static void test_bad_states(void **state)
{
    static const struct {
        const char *json;
        hg_status code;
    } all[] = {{"{}", HG_EDATA},
               {"[1]", HG_EDATA},
               {"{\"column\":\"c\",\"value\":\"2026-01-01\",\"seen\":\"00\"}", HG_EDATA},
               {"{\"column\":\"d\",\"value\":\"2026-01-01\",\"seen\":\"\"}", HG_ECONFLICT}};
    (void)state;
    sql("DROP TABLE IF EXISTS r; CREATE TABLE r (c date, v int)");
    char *config = config_of(",\"table\":\"r\",\"cursor\":\"c\"");
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        struct fake fake;
        fake_init(&fake);
        assert_null(fake_read(&fake, config, all[i].json, 2, false));
        assert_int_equal(fake.err.code, all[i].code);
        fake_done(&fake);
    }
    free(config);
}

/* ------------------------------------------------------------------------------------------ */
/* Snapshots, failures, stopping                                                                */
/* ------------------------------------------------------------------------------------------ */

static void test_snapshot(void **state)
{
    (void)state;
    struct fake fake;
    void *inst;
    struct ArrowArrayStream stream;
    struct hg_read_request request = {sizeof request, 100, NULL, NULL};
    sql("DROP TABLE IF EXISTS s; CREATE TABLE s AS SELECT i, repeat('x', 500) AS t"
        " FROM generate_series(1, 20000) i");
    fake_init(&fake);
    char *config = config_of(",\"table\":\"s\"");
    assert_int_equal(fake.vtable->open(&fake.host, config, &inst, &fake.err), HG_OK);
    assert_int_equal(fake.vtable->read(inst, &request, &stream, &fake.err), HG_OK);
    sql("DELETE FROM s WHERE i % 2 = 0; INSERT INTO s SELECT -i, '' FROM generate_series(1, 99) i");
    int64_t rows = 0;
    for (;;) {
        struct ArrowArray batch = {0};
        assert_int_equal(stream.get_next(&stream, &batch), 0);
        if (!batch.release) {
            break;
        }
        for (int64_t i = 0; i < batch.length; i++) {
            assert_int_equal(((const int32_t *)batch.children[0]->buffers[1])[i], ++rows);
        }
        batch.release(&batch);
    }
    assert_int_equal(rows, 20000);
    stream.release(&stream);
    fake.vtable->close(inst);
    free(config);
    fake_done(&fake);
}

/* A table that is not there has a hint; what the server says in several lines is one. */
static void test_what_a_failure_says(void **state)
{
    struct fake fake;
    (void)state;
    fake_init(&fake);
    char *config = config_of(",\"table\":\"nosuch\"");
    assert_null(fake_read(&fake, config, NULL, 2, false));
    assert_non_null(strstr(fake.err.hint, "schema.table"));
    fake_done(&fake);
    free(config);
    fake_init(&fake);
    config = config_of(",\"query\":\"SELECT 'a\\nb'::int AS a\"");
    assert_null(fake_read(&fake, config, NULL, 2, false));
    assert_null(strchr(fake.err.message, '\n'));
    assert_non_null(strstr(fake.err.message, "\"a b\""));
    fake_done(&fake);
    free(config);
}

static void test_failures(void **state)
{
    static const struct {
        const char *more;
        hg_status code;
        const char *words;
    } all[] = {
        {",\"table\":\"no.such\"", HG_ENOTFOUND, "no.such"},
        {",\"query\":\"SELEC 1\"", HG_EINVAL, "syntax"},
        {",\"query\":\"SELECT 1 AS a) q; DROP TABLE s; --\"", HG_EINVAL, ""},
        {",\"query\":\"SELECT 1/0 AS a\"", HG_EDATA, "division by zero"},
        {",\"query\":\"SELECT nextval('sq') AS a\"", HG_EFORBIDDEN, "read-only"},
        {",\"query\":\"SELECT 1 AS a\",\"columns\":[\"b\"]", HG_EINVAL, "no column \"b\""},
        {",\"query\":\"SELECT 1.5 AS a\",\"cursor\":\"a\"", HG_EINVAL, "cannot be a cursor"},
        {",\"query\":\"SELECT pg_sleep(9)::text AS a\",\"statement_timeout_ms\":50",
         HG_ETIMEDOUT,
         "statement timeout"},
        {"", HG_EINVAL, "neither a table nor a query"},
    };
    (void)state;
    sql("DROP SEQUENCE IF EXISTS sq; CREATE SEQUENCE sq");
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        char *config = config_of(all[i].more);
        expect_failure(config, all[i].code, all[i].words);
        free(config);
    }
    expect_failure("{\"host\":\"127.0.0.1\",\"port\":1,\"dbname\":\"d1\",\"user\":\"u1\","
                   "\"password\":\"s3cret\",\"table\":\"x\"}",
                   HG_EUNAVAILABLE,
                   "database \"d1\" on 127.0.0.1 port 1 as \"u1\"");
    expect_failure(
        "{\"url\":\"postgresql://u:s3cret@h/d\",\"table\":\"x\"}", HG_EINVAL, "holds a password");
    expect_failure(
        "{\"url\":\"postgresql://u:s3cret@[h/d\",\"table\":\"x\"}", HG_EINVAL, "the url");
    expect_failure("{\"url\":\"host=h passfile=/etc/x\",\"table\":\"x\"}", HG_EINVAL, "passfile");
    expect_failure("{\"url\":\"host=h\",\"host\":\"h\",\"table\":\"x\"}", HG_EINVAL, "either url");
}

static void *cancel_soon(void *arg)
{
    struct fake *fake = arg;
    /* Until the statement runs. */
    PGconn *other = PQconnectdb(hg_test_pg_admin(pg));
    for (;;) {
        PGresult *result = PQexec(other,
                                  "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
                                  " AND application_name = 'headgate'");
        bool runs = PQntuples(result) > 0;
        PQclear(result);
        if (runs) {
            break;
        }
    }
    PQfinish(other);
    atomic_store(&fake->cancelled, true);
    return NULL;
}

static void test_cancel(void **state)
{
    (void)state;
    struct fake fake;
    pthread_t thread;
    fake_init(&fake);
    char *config = config_of(",\"query\":\"SELECT pg_sleep(600)::text AS a\"");
    assert_int_equal(pthread_create(&thread, NULL, cancel_soon, &fake), 0);
    assert_null(fake_read(&fake, config, NULL, 2, false));
    assert_int_equal(fake.err.code, HG_ECANCELLED);
    pthread_join(thread, NULL);
    /* The statement ends, too. */
    for (;;) {
        char *left =
            column_of("SELECT 1 FROM pg_stat_activity WHERE application_name = 'headgate'");
        bool gone = !*left;
        free(left);
        if (gone) {
            break;
        }
    }
    free(config);
    fake_done(&fake);
}

struct found {
    bool table;
    int n;
};

static hg_status found_stream(void *arg, const struct hg_stream_info *info, struct hg_error *err)
{
    struct found *found = arg;
    (void)err;
    found->n++;
    if (strcmp(info->name, "public.s") == 0) {
        found->table =
            info->schema->n_children == 2 && strcmp(info->schema->children[0]->format, "i") == 0;
    }
    return HG_OK;
}

static void test_discover(void **state)
{
    (void)state;
    struct fake fake;
    struct found found = {false, 0};
    const struct hg_discover_sink sink = {sizeof sink, &found, found_stream};
    void *inst;
    fake_init(&fake);
    char *config = config_of("");
    assert_int_equal(fake.vtable->open(&fake.host, config, &inst, &fake.err), HG_OK);
    assert_int_equal(fake.vtable->test(inst, &fake.err), HG_OK);
    assert_int_equal(fake.vtable->discover(inst, &sink, &fake.err), HG_OK);
    assert_true(found.table && found.n > 1);
    fake.vtable->close(inst);
    free(config);
    fake_done(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_rejected),
        cmocka_unit_test(test_numerics),
        cmocka_unit_test(test_random_reads),
        cmocka_unit_test(test_cursor_without_value),
        cmocka_unit_test(test_bad_states),
        cmocka_unit_test(test_snapshot),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_what_a_failure_says),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_discover),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
