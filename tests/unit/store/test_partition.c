/* Weeks that are made ahead and dropped, and arrays as parameters. */
#include <string.h>

#include "base/buf.h"
#include "base/time.h"
#include "base/uuid.h"
#include "fixture.h"
#include "store/array.h"
#include "store/partition.h"

#define DAY_US INT64_C(86400000000)

/* 2026-11-25, a Wednesday. */
static const int64_t wednesday_us = INT64_C(1795600000000000);

static const struct hg_partitioned forever[] = {{"thing", 90, 0}};
static const struct hg_partitioned a_month[] = {{"thing", 90, 30}};

static void make_table(struct hg_db *db)
{
    must(db,
         "drop table if exists thing; create table thing (id uuid primary key, n bigint generated "
         "always as identity)"
         " partition by range (id); create index on thing (n)");
}

static int keep(struct hg_db *db, const struct hg_partitioned *table, int64_t now_us)
{
    struct hg_error err = HG_ERROR_INIT;
    int n = -1;
    if (hg_partitions_keep(db, table, 1, now_us, &n, &err) < 0) {
        fail_msg("%s", err.message);
    }
    return n;
}

static void test_weeks_are_made_ahead(void **state)
{
    (void)state;
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = connect_to(hg_test_pg_metadata(pg));
    make_table(db);
    assert_int_equal(keep(db, forever, wednesday_us), 0);
    assert_answer(
        db,
        "select string_agg(inhrelid::regclass::text, ' ' order by inhrelid::regclass::text)"
        " from pg_inherits where inhparent = 'thing'::regclass",
        "thing_20261116 thing_20261123 thing_20261130 thing_20261207 thing_20261214"
        " thing_20261221");
    /* 01a20ada... is 2026-11-24; 01a18a1b... 2026-10-30, of which there is no week. */
    must(db, "insert into thing (id) values ('01a20ada-2c00-7000-8000-000000000000')");
    assert_answer(db, "select tableoid::regclass || ' ' || n from thing", "thing_20261123 1");
    must_fail(db,
              "insert into thing (id) values ('01a18a1b-3000-7000-8000-000000000000')",
              HG_EDATA,
              "23514",
              NULL);
    assert_int_equal(keep(db, forever, wednesday_us), 0); /* nothing to do */
}

static void test_old_weeks_are_dropped(void **state)
{
    (void)state;
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = connect_to(hg_test_pg_metadata(pg));
    make_table(db);
    (void)keep(db, a_month, wednesday_us);
    /* The week of 2026-11-16 ended on the 23rd, 29 days before 2026-12-22. */
    assert_int_equal(keep(db, a_month, wednesday_us + 27 * DAY_US), 0);
    assert_int_equal(keep(db, a_month, wednesday_us + 28 * DAY_US), 1);
    assert_answer(db, "select to_regclass('thing_20261116') is null", "t");
    assert_int_equal(keep(db, forever, wednesday_us + 400 * DAY_US), 0);
    assert_answer(db, "select to_regclass('thing_20261123') is not null", "t");
}

static void test_new_ids_have_their_week(void **state)
{
    (void)state;
    char id[HG_UUID_TEXT];
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = connect_to(hg_test_pg_metadata(pg));
    static const struct hg_statement insert = {
        "test_thing", "insert into thing (id) values ($1)", 1};
    make_table(db);
    (void)keep(db, forever, hg_time_now_us());
    assert_int_equal(hg_uuid_new(id, NULL), HG_OK);
    const char *const params[] = {id};
    assert_int_equal(hg_db_exec(db, &insert, params, NULL, NULL), HG_OK);
}

/* Somebody reads for long: we do not wait for ever, and nothing is half done. */
static void test_a_locked_table(void **state)
{
    (void)state;
    HG_CLEANUP(hg_db_returnp) struct hg_db *reader = connect_to(hg_test_pg_metadata(pg));
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = connect_to(hg_test_pg_metadata(pg));
    struct hg_error err = HG_ERROR_INIT;
    make_table(db);
    must(reader, "begin; lock table thing in access exclusive mode");
    assert_int_equal(hg_partitions_keep(db, forever, 1, wednesday_us, NULL, &err), HG_ECONFLICT);
    assert_int_equal(err.retryable, 1);
    must(reader, "rollback");
    assert_answer(db, "select count(*) from pg_inherits where inhparent = 'thing'::regclass", "0");
}

static void test_arrays(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "plain", "", "NULL", "a,b", "{x}", "back\\slash \"quoted\"", NULL};
    static const struct hg_statement count = {
        "test_array", "select t, ord from unnest($1::text[]) with ordinality as u (t, ord)", 1};
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = connect_to(hg_test_pg_metadata(pg));
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    struct hg_buf array = HG_BUF_INIT;
    for (size_t i = 0; i < HG_COUNT(texts); i++) {
        hg_array_put(&array, texts[i]);
    }
    const char *const params[] = {hg_array_text(&array)};
    assert_int_equal(hg_db_exec(db, &count, params, &result, NULL), HG_OK);
    assert_int_equal(PQntuples(result), HG_COUNT(texts));
    for (int i = 0; i < (int)HG_COUNT(texts); i++) {
        const char *found = hg_result_text(result, i, "t");
        assert_true(texts[i] ? found && strcmp(found, texts[i]) == 0 : !found);
    }
    hg_buf_reset(&array);
    assert_string_equal(hg_array_text(&array), "{}");
    hg_buf_reset(&array);
    hg_array_put_int64(&array, INT64_MIN);
    hg_array_put_int64(&array, 7);
    assert_string_equal(hg_array_text(&array), "{-9223372036854775808,7}");
    hg_buf_free(&array);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_weeks_are_made_ahead),
        cmocka_unit_test(test_old_weeks_are_dropped),
        cmocka_unit_test(test_new_ids_have_their_week),
        cmocka_unit_test(test_a_locked_table),
        cmocka_unit_test(test_arrays),
    };
    return cmocka_run_group_tests_name("store/partition", tests, start_pg, stop_pg);
}
