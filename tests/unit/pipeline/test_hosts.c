/*
 * Several hosts on one database: who leads, who works, what a host that joins leaves alone.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/time.h"
#include "scratch.h"
#include "service_fixture.h"

/* A second host with a data dir of its own. */
static struct {
    char folder[HG_SCRATCH_BYTES];
    struct hg_host_config config;
    char host[HG_HOST_NAME];
    struct hg_pipelines *service;
} other;

static void start_other(void)
{
    struct hg_error err = HG_ERROR_INIT;
    other.config = fixture.config;
    assert_int_equal(hg_scratch_make("other", other.folder), 0);
    other.config.data_dir = other.folder;
    must(hg_host_name(other.folder, other.host, &err), &err);
    const struct hg_pipelines_options options = {
        .config = &other.config,
        .host = other.host,
        .self = getenv("HG_HEADGATE"),
        .metadata = fixture.metadata,
        .warehouse = fixture.warehouse,
        .worker_warehouse_url = hg_test_pg_worker(pg),
        .plugins = fixture.plugins,
    };
    must(hg_pipelines_start(&options, &other.service, &err), &err);
}

static void stop_other(void)
{
    hg_pipelines_stop(other.service, 0);
    other.service = NULL;
    if (other.folder[0] != '\0') {
        assert_int_equal(hg_scratch_remove(other.folder), 0);
        other.folder[0] = '\0';
    }
}

/* A test that failed has left it running. */
static int stop_both(void **state)
{
    stop_other();
    return teardown(state);
}

static bool leads(struct hg_pipelines *service)
{
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_json_decrefp) json_t *status = NULL;
    must(hg_pipelines_status(service, &status, &err), &err);
    return json_is_true(json_object_get(status, "leader"));
}

static void wait_until_leads(struct hg_pipelines *service)
{
    int64_t until = hg_time_monotonic_ms() + WAIT_MS;
    while (!leads(service)) {
        assert_true(hg_time_monotonic_ms() < until);
    }
}

/* The lock's holder leads; when it goes, another does, and sees to what is due. */
static void test_one_leads_and_another_follows(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    write_pipeline("good", FLOW("good", "numbers", "10", "schedule: \"0 3 * * *\"\n"));
    start_service();
    wait_until_leads(fixture.service);
    metadata_reaches("select count(*) as n from host where leads", 1);
    start_other();
    metadata_reaches("select count(*) as n from host", 2);
    metadata_reaches("select count(*) as n from pg_stat_activity where query like '%pg_try_advis%'"
                     " or query like '%update host set leads%'",
                     2); /* both have looked */
    assert_false(leads(other.service));
    stop_service();
    wait_until_leads(other.service);
    sql("metadata", "update pipeline set next_run_at = now()");
    must(hg_pipelines_reload(other.service, &err), &err); /* wakes its scheduler */
    metadata_reaches("select count(*) as n from run where trigger = 'schedule'", 1);
    stop_other();
}

/* A frozen leader keeps its lock, but not its lease. */
static void test_a_lock_without_a_lease_does_not_lead(void **state)
{
    (void)state;
    HG_CLEANUP(hg_db_returnp) struct hg_db *frozen = NULL;
    struct hg_error err = HG_ERROR_INIT;
    must(hg_pool_borrow(fixture.metadata, 5000, &frozen, &err), &err);
    must(hg_db_simple(frozen, "select pg_advisory_lock(5260129372348)", NULL, &err), &err);
    sql("metadata",
        "insert into host (name, leads, lease_until) values ('frozen', true, now() + '1 hour')");
    start_service();
    metadata_reaches("select count(*) as n from host where not leads", 1);
    assert_false(leads(fixture.service));
    sql("metadata", "update host set lease_until = now() - interval '1 s' where name = 'frozen'");
    wait_until_leads(fixture.service);
    must(hg_db_simple(frozen, "select pg_advisory_unlock_all()", NULL, &err), &err);
}

/*
 * The database may have been away, so that nobody could keep his lease: a host that finds it back
 * lets the others renew theirs, and takes nothing from them before a lease of its own is over.
 */
static void test_what_runs_elsewhere_is_not_taken_at_once(void **state)
{
    (void)state;
    sql("metadata",
        "insert into host (name, lease_until) values ('elsewhere', now() - interval '1 s');"
        " insert into task (id, run_id, pipeline_id, key, kind, state, host, fence, attempt, spec)"
        " values (gen_random_uuid(), gen_random_uuid(), 'p', 'k', 'transform', 'running',"
        " 'elsewhere', 1, 1, '{}')");
    write_pipeline("good", FLOW("good", "numbers", "10", ""));
    start_service();
    HG_CLEANUP(hg_json_decrefp) json_t *run = run_to_end("good");
    assert_string_equal(text_at(run, "status"), "succeeded");
    assert_int_equal(metadata_number("select count(*)::int as n from task where state = 'running'"
                                     " and host = 'elsewhere' and n_lost = 0"),
                     1);
}

/* More tasks than one host has workers: the other takes some. */
static void test_both_work(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    char path[128];
    char run_id[HG_UUID_TEXT];
    char text[2048] = "id: wide\nparallelism: 8\njobs:\n";
    for (int i = 0; i < 12; i++) {
        size_t n = strlen(text);
        (void)snprintf(text + n, sizeof text - n, "  - {id: j%d, transform: {sql: nap.sql}}\n", i);
    }
    (void)snprintf(path, sizeof path, "%s/nap.sql", fixture.folder);
    must(hg_write_file(path, 0644, "select pg_sleep(0.3)", 20, &err), &err);
    write_pipeline("wide", text);
    start_service();
    start_other();
    metadata_reaches("select count(*) as n from host", 2);
    trigger("wide", run_id);
    metadata_reaches("select count(distinct host) as n from task where state = 'running'", 2);
    HG_CLEANUP(hg_json_decrefp) json_t *run = run_ended(run_id);
    assert_string_equal(text_at(run, "status"), "succeeded");
    stop_other();
}

/* Once the test waits for it. */
static void *end_the_run(void *arg)
{
    for (int i = 0; i < 50; i++) {
        (void)metadata_number("select 1 as n");
    }
    sql("metadata", "update run set status = 'failed', finished_at = now()");
    return arg;
}

/* Nobody tells who waits here: without a look of its own it would wait until the test is ended. */
static void test_a_run_that_another_host_ends(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_json_decrefp) json_t *run = NULL;
    char run_id[HG_UUID_TEXT];
    pthread_t ender;
    write_pipeline("hang", FLOW("hang", "hang-in-read", "10", ""));
    start_service();
    trigger("hang", run_id);
    metadata_reaches("select count(*) as n from task where state = 'running'", 1);
    assert_int_equal(pthread_create(&ender, NULL, end_the_run, NULL), 0);
    must(hg_runs_wait(fixture.service, run_id, 3600000, &run, &err), &err);
    assert_string_equal(text_at(run, "status"), "failed");
    (void)pthread_join(ender, NULL);
}

/* A host that comes up next to another must not take a tick for one that nobody saw to. */
static void test_a_host_that_joins_leaves_what_is_due(void **state)
{
    (void)state;
    write_pipeline("good", FLOW("good", "numbers", "10", "schedule: \"0 3 * * *\"\n"));
    start_service();
    metadata_reaches("select count(*) as n from host where leads", 1);
    sql("metadata", "update pipeline set next_run_at = now() - interval '1 s'");
    start_other();
    metadata_reaches("select count(*) as n from run where trigger = 'schedule'", 1);
    metadata_reaches("select count(*) as n from pipeline where next_run_at > now()", 1);
    stop_other();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_one_leads_and_another_follows, setup, stop_both),
        cmocka_unit_test_setup_teardown(
            test_a_lock_without_a_lease_does_not_lead, setup, stop_both),
        cmocka_unit_test_setup_teardown(
            test_what_runs_elsewhere_is_not_taken_at_once, setup, stop_both),
        cmocka_unit_test_setup_teardown(test_both_work, setup, stop_both),
        TEST(test_a_run_that_another_host_ends),
        cmocka_unit_test_setup_teardown(
            test_a_host_that_joins_leaves_what_is_due, setup, stop_both),
    };
    return cmocka_run_group_tests(tests, start_pg, stop_pg);
}
