/*
 * Loads that commit on their way.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <libpq-fe.h>

#include "base/mem.h"
#include "base/time.h"
#include "base/uuid.h"
#include "fakes.h"

static char run_id[HG_UUID_TEXT];
static int64_t fence;

/* Lets the interval of a checkpoint pass. */
static void let_time_pass(int number)
{
    int64_t before_ms = hg_time_monotonic_ms();
    (void)number;
    while (hg_time_monotonic_ms() - before_ms < 2) {
        (void)nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
    }
}

static const struct hg_column two[] = {
    {.name = "k", .type = HG_TYPE_INT64, .nullable = true},
    {.name = "v", .type = HG_TYPE_UTF8, .nullable = true},
};

/* Ten rows, two a batch, each of which may be the last of a part. */
static int give_ten(void **state)
{
    int r = reset(state);
    fake.columns = two;
    fake.n_columns = 2;
    fake.rows = "[[1, \"a\"], [2, \"a\"], [1, \"b\"], [null, \"x\"], [3, \"c\"], [4, \"c\"],"
                " [2, \"d\"], [5, \"d\"], [null, \"y\"], [6, \"e\"]]";
    fake.batch_rows = 2;
    fake.resumes = true;
    fake.before_batch = let_time_pass;
    assert_int_equal(hg_uuid_new(run_id, NULL), HG_OK);
    return r;
}

#define CHECK(rule, on_fail)                               \
    "[{\"job\": \"check\", \"rules\": [{\"rule\": \"" rule \
    "\", \"severity\": \"error\", \"on_fail\": \"" on_fail \
    "\", \"config\": {\"columns\": [\"k\"], \"keep\": 100}}]}]"
#define REJECT_NULLS CHECK("toy_not_null", "reject")

/* What the last attempt's error advises. */
static char hint[sizeof((struct hg_error *)NULL)->hint];

/* One more attempt of the run. */
static json_t *attempt(const char *mode, const char *checks, int expected)
{
    struct hg_error err = HG_ERROR_INIT;
    json_t *result = NULL;
    const struct fake_task task = {.run_id = run_id,
                                   .table = "m.t",
                                   .mode = mode,
                                   .key = strcmp(mode, "merge") == 0 ? "[\"k\"]" : NULL,
                                   .checks = checks,
                                   .fence = ++fence};
    HG_CLEANUP(hg_json_decrefp) json_t *json = fake_task_json(pg, &task);
    assert_int_equal(json_object_set_new(json, "checkpoint_ms", json_integer(1)), 0);
    int r = fake_run_json(json, &result, &err);
    if (r != expected) {
        fail_msg("%d: %s (%s)", r, err.message, err.hint);
    }
    memcpy(hint, err.hint, sizeof hint);
    return result;
}

static int64_t rows_of(const json_t *result, size_t job, const char *key)
{
    return json_integer_value(
        json_object_get(json_array_get(json_object_get(result, "jobs"), job), key));
}

#define ALL "select string_agg(concat_ws(',', k, v), ' ' order by k, v) from m.t"
#define SUMS                                                                                     \
    "select concat_ws(' ', count(*), sum(rows_extracted), sum(rows_loaded), sum(rows_rejected)," \
    " count(*) filter (where final)) from headgate.ledger"

/* What was committed stays, and the next attempt goes on behind it. */
static void test_a_retry_goes_on(void **state)
{
    (void)state;
    fake.fail_at_batch = 4;
    HG_CLEANUP(hg_json_decrefp)
    json_t *failed = attempt("append", REJECT_NULLS, HG_EUNAVAILABLE);
    /* Those of the part that was rolled back are not in the table. */
    assert_int_equal(rows_of(failed, 2, "rows_out"), 5);
    assert_int_equal(rows_of(failed, 1, "rows_rejected"), 1);
    assert_query(pg, ALL, "1,a 1,b 2,a 3,c 4,c");
    assert_query(pg, SUMS, "3 6 5 1 0");
    assert_query(pg, "select count(*) from headgate.quarantine", "1");
    fake.fail_at_batch = 0;
    /* One that does not come to read knows it too. */
    HG_CLEANUP(hg_json_decrefp)
    json_t *unread = attempt("append", CHECK("toy_none", "reject"), HG_ENOTFOUND);
    assert_int_equal(rows_of(unread, 2, "rows_out"), 5);
    assert_int_equal(rows_of(unread, 1, "rows_rejected"), 1);
    HG_CLEANUP(hg_json_decrefp) json_t *result = attempt("append", REJECT_NULLS, HG_OK);
    assert_string_equal(fake.state_seen, "{\"at\": 6}");
    assert_query(pg, ALL, "1,a 1,b 2,a 2,d 3,c 4,c 5,d 6,e");
    assert_query(pg, "select count(*) from headgate.quarantine", "2");
    /* The last batch was the last of a part too; the final one is empty. */
    assert_query(pg, SUMS, "6 10 8 2 1");
    assert_int_equal(rows_of(result, 0, "rows_in"), 10);
    assert_int_equal(rows_of(result, 1, "rows_in"), 10);
    assert_int_equal(rows_of(result, 1, "rows_rejected"), 2);
    assert_int_equal(rows_of(result, 2, "rows_in"), 8);
    assert_int_equal(rows_of(result, 2, "rows_out"), 8);
    assert_true(json_is_true(json_object_get(result, "committed")));
    /* And one more finds it done. */
    HG_CLEANUP(hg_json_decrefp) json_t *again = attempt("append", REJECT_NULLS, HG_OK);
    assert_query(pg, SUMS, "6 10 8 2 1");
    for (size_t job = 0; job < 3; job++) {
        assert_int_equal(rows_of(again, job, "rows_in"), rows_of(result, job, "rows_in"));
        assert_int_equal(rows_of(again, job, "rows_out"), rows_of(result, job, "rows_out"));
        assert_int_equal(rows_of(again, job, "rows_rejected"),
                         rows_of(result, job, "rows_rejected"));
    }
}

static void test_merge_in_parts(void **state)
{
    (void)state;
    fake.fail_at_batch = 3;
    json_decref(attempt("merge", REJECT_NULLS, HG_EUNAVAILABLE));
    assert_query(pg, ALL, "1,b 2,a");
    fake.fail_at_batch = 0;
    json_decref(attempt("merge", REJECT_NULLS, HG_OK));
    assert_query(pg, ALL, "1,b 2,d 3,c 4,c 5,d 6,e");
    assert_query(pg,
                 "select count(*) from pg_constraint where conrelid = 'm.t'::regclass"
                 " and contype = 'p'",
                 "1");
}

/* A rule that stops does so before the rows behind it; those before are there. */
static void test_a_stop_leaves_what_was_committed(void **state)
{
    (void)state;
    json_decref(attempt("append", CHECK("toy_not_null", "stop"), HG_ESTOP));
    assert_string_equal(
        hint, "The rule has on_fail: stop; the 2 rows that this run committed before stay.");
    assert_query(pg, ALL, "1,a 2,a");
    assert_query(pg, "select state from headgate.cursor", "{\"at\": 2}");
}

/* Where what was committed might have to be taken back, nothing is. */
static void test_where_it_may_not(void **state)
{
    static const struct {
        const char *mode;
        const char *checks;
        bool resumes;
    } cases[] = {
        {"replace", NULL, true},
        {"append", CHECK("toy_unique", "reject"), true},
        {"append", CHECK("toy_table", "stop"), true},
        {"append", NULL, false},
    };
    (void)state;
    for (size_t i = 0; i < HG_COUNT(cases); i++) {
        fake.resumes = cases[i].resumes;
        fake.state = cases[i].resumes ? NULL : "{\"once\": 1}";
        fake.fail_at_batch = 5;
        HG_CLEANUP(hg_json_decrefp)
        json_t *failed = attempt(cases[i].mode, cases[i].checks, HG_EUNAVAILABLE);
        size_t load = json_array_size(json_object_get(failed, "jobs")) - 1;
        assert_int_equal(rows_of(failed, load, "rows_out"), cases[i].resumes ? 0 : 2);
        /* A state that came with the first batch stands for that one alone. */
        assert_query(pg, "select count(*) from headgate.ledger", cases[i].resumes ? "0" : "1");
        assert_int_equal(hg_test_pg_reset(pg), 0);
    }
}

/* ---- cancelling ---- */

static PGconn *probe;
static pthread_mutex_t probe_mutex = PTHREAD_MUTEX_INITIALIZER;

/* Once the server is in the trigger below. Asked by two threads. */
static bool once_it_sleeps(void)
{
    (void)pthread_mutex_lock(&probe_mutex);
    PGresult *result =
        PQexec(probe, "select exists (select from pg_stat_activity where wait_event = 'PgSleep')");
    bool sleeps = PQntuples(result) == 1 && strcmp(PQgetvalue(result, 0, 0), "t") == 0;
    static bool cancelled;
    cancelled = cancelled || sleeps;
    bool is_cancelled = cancelled;
    PQclear(result);
    (void)pthread_mutex_unlock(&probe_mutex);
    return is_cancelled;
}

/* In the middle of the third part's merge: the two before it stay, nothing of itself. */
static void test_cancel_a_merge_of_a_part(void **state)
{
    (void)state;
    fake_sql(pg,
             "create schema m authorization headgate_user;"
             " create table m.t (k bigint primary key, v text);"
             " create function m.nap() returns trigger language plpgsql as"
             " $$ begin perform pg_catalog.pg_sleep(600); return new; end $$;"
             " create trigger nap before insert on m.t for each row when (new.k = 3)"
             " execute function m.nap(); insert into m.t values (9, 'old');"
             " alter table m.t owner to headgate_user; alter function m.nap owner to"
             " headgate_user");
    probe = PQconnectdb(hg_test_pg_admin(pg));
    assert_int_equal(PQstatus(probe), CONNECTION_OK);
    heard.cancel = once_it_sleeps;
    HG_CLEANUP(hg_json_decrefp) json_t *result = attempt("merge", REJECT_NULLS, HG_ECANCELLED);
    heard.cancel = NULL;
    PQfinish(probe);
    assert_string_equal(json_string_value(json_object_get(
                            json_array_get(json_object_get(result, "jobs"), 2), "status")),
                        "cancelled");
    assert_false(json_is_true(json_object_get(result, "committed")));
    assert_query(pg, ALL, "1,b 2,a 9,old");
    assert_query(pg, SUMS, "2 4 3 1 0");
    assert_query(pg, "select state from headgate.cursor", "{\"at\": 4}");
    assert_query(pg, "select count(*) from headgate.quarantine", "1");
    fake_sql(pg, "drop trigger nap on m.t");
    json_decref(attempt("merge", REJECT_NULLS, HG_OK));
    assert_string_equal(fake.state_seen, "{\"at\": 4}");
    assert_query(pg, ALL, "1,b 2,d 3,c 4,c 5,d 6,e 9,old");
    assert_query(pg, "select count(*) from headgate.quarantine", "2");
    assert_query(
        pg, "select sum(rows_extracted) || ' ' || sum(rows_rejected) from headgate.ledger", "10 2");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, give_ten)
    const struct CMUnitTest tests[] = {
        TEST(test_a_retry_goes_on),
        TEST(test_merge_in_parts),
        TEST(test_a_stop_leaves_what_was_committed),
        TEST(test_where_it_may_not),
        TEST(test_cancel_a_merge_of_a_part),
    };
    return cmocka_run_group_tests(tests, start_pg, stop_pg);
}
