/* What is told of runs that nobody has asked for just now, and of what makes them. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "auth/principal.h"
#include "base/time.h"
#include "pipeline/peers.h"
#include "pipeline/service.h"
#include "service_fixture.h"

#define DAILY "schedule: \"0 3 * * *\"\n"

static const struct hg_principal somebody = {.kind = HG_PRINCIPAL_LOCAL, .username = "a test"};
static struct hg_subscriber *watcher;

static int begin(void **state)
{
    struct hg_error err = HG_ERROR_INIT;
    int r = setup(state);
    return r != 0 ? r : hg_events_new(NULL, &fixture.events, &err);
}

static int end(void **state)
{
    hg_events_unsubscribe(HG_TAKE(watcher));
    return teardown(state);
}

#define LIVE(name) cmocka_unit_test_setup_teardown(name, begin, end)

/* Behind what the start has to say, and what a host says that has just found its database. */
static void watch(void)
{
    const struct timespec moment = {.tv_nsec = 5000000};
    const struct hg_events_filter filter = {.topics = HG_TOPIC_BIT(HG_TOPIC_RUNS)};
    struct hg_error err = HG_ERROR_INIT;
    start_service();
    while (!hg_peers_lead(fixture.service)) {
        (void)nanosleep(&moment, NULL);
    }
    must(hg_events_subscribe(fixture.events, &filter, NULL, &watcher, &err), &err);
}

/* The next message, owned by the caller; what a run's says is in the database by then. */
static json_t *next_message(void)
{
    const struct timespec moment = {.tv_nsec = 5000000};
    int64_t until = hg_time_monotonic_ms() + WAIT_MS;
    const struct hg_event *event;
    while ((event = hg_events_next(watcher)) == NULL) {
        if (hg_time_monotonic_ms() > until) {
            fail_msg("waited in vain for a message");
        }
        (void)nanosleep(&moment, NULL);
    }
    json_t *message = json_loads(event->text, 0, NULL);
    hg_event_unref(event);
    assert_non_null(message);
    return message;
}

/* The data of the next message of a type in which `key` is `value`; what comes before it goes. */
static json_t *told(const char *type, const char *key, const char *value)
{
    for (;;) {
        HG_CLEANUP(hg_json_decrefp) json_t *message = next_message();
        json_t *data = json_object_get(message, "data");
        assert_string_not_equal(text_at(message, "type"), "resync");
        if (strcmp(text_at(message, "type"), type) == 0 && strcmp(text_at(data, key), value) == 0) {
            return json_incref(data);
        }
    }
}

/* The next change of a run's status; it is this one, and committed. */
static json_t *run_is(const char *status)
{
    static char last[HG_UUID_TEXT + 16]; /* what of a run changes while it lasts is passed over */
    char this[sizeof last];
    char statement[160];
    for (;;) {
        HG_CLEANUP(hg_json_decrefp) json_t *message = next_message();
        json_t *data = json_object_get(message, "data");
        if (strcmp(text_at(message, "type"), "run.updated") != 0) {
            continue;
        }
        (void)snprintf(
            this, sizeof this, "%.36s %.15s", text_at(data, "id"), text_at(data, "status"));
        if (strcmp(this, last) == 0) {
            continue;
        }
        memcpy(last, this, sizeof last);
        (void)snprintf(statement,
                       sizeof statement,
                       "select count(*) as n from run where id = '%s'",
                       text_at(data, "id"));
        assert_int_equal(metadata_number(statement), 1);
        assert_string_equal(text_at(data, "status"), status);
        return json_incref(data);
    }
}

static void run_goes_through(const char *trigger)
{
    static const char *const statuses[] = {"queued", "running", "succeeded"};
    char id[HG_UUID_TEXT] = "";
    for (size_t i = 0; i < HG_COUNT(statuses); i++) {
        HG_CLEANUP(hg_json_decrefp) json_t *run = run_is(statuses[i]);
        assert_string_equal(text_at(run, "trigger"), trigger);
        assert_true(i == 0 || strcmp(text_at(run, "id"), id) == 0);
        (void)snprintf(id, sizeof id, "%s", text_at(run, "id"));
    }
}

/* Lets the schedule's time come, and wakes the scheduler as a change on the page does. */
static void come_due(const char *pipeline)
{
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_json_decrefp) json_t *patch = json_pack("{s:i}", "parallelism", 3);
    HG_CLEANUP(hg_json_decrefp) json_t *answer = NULL;
    sql("metadata", "update pipeline set next_run_at = now()");
    must(hg_pipelines_update(fixture.service, NULL, pipeline, patch, &answer, &err), &err);
}

static void test_what_a_schedule_makes(void **state)
{
    (void)state;
    write_pipeline("good", FLOW("good", "numbers", "10", DAILY));
    watch();
    come_due("good");
    run_goes_through("schedule");
    metadata_reaches("select count(*) as n from pipeline where next_run_at > now()", 1);
}

/* A change of the settings is told, and the next time too, once it has been moved on. */
static void test_where_a_schedule_goes_on(void **state)
{
    (void)state;
    char now[HG_TIME_TEXT];
    write_pipeline("good", FLOW("good", "numbers", "10", DAILY));
    watch();
    hg_time_format(hg_time_now_us(), now);
    come_due("good");
    for (;;) {
        HG_CLEANUP(hg_json_decrefp) json_t *pipeline = told("pipeline.updated", "id", "good");
        assert_null(json_object_get(pipeline, "jobs"));
        if (strcmp(text_at(pipeline, "next_run_at"), now) > 0 &&
            json_integer_value(json_object_get(pipeline, "parallelism")) == 3) {
            return;
        }
    }
}

/* A run that was skipped was never queued, and so nobody is told that it was. */
static void test_what_is_skipped(void **state)
{
    (void)state;
    char busy[HG_UUID_TEXT];
    write_pipeline("hang", FLOW("hang", "hang-in-read", "10", DAILY));
    watch();
    trigger("hang", busy);
    json_decref(run_is("queued"));
    HG_CLEANUP(hg_json_decrefp) json_t *running = run_is("running");
    assert_string_equal(text_at(running, "id"), busy);
    come_due("hang");
    HG_CLEANUP(hg_json_decrefp) json_t *skipped = run_is("skipped");
    assert_string_equal(text_at(skipped, "trigger"), "schedule");
    assert_non_null(strstr(error_of(skipped), busy));
}

static void test_what_a_backfill_makes(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_json_decrefp) json_t *made = NULL;
    HG_CLEANUP(hg_json_decrefp)
    json_t *body = json_loads(
        "{\"from\": \"2026-03-01T00:00:00Z\", \"to\": \"2026-03-03T00:00:00Z\"}", 0, NULL);
    write_pipeline("good", FLOW("good", "numbers", "10", DAILY));
    watch();
    must(hg_backfills_create(fixture.service, NULL, "good", body, &made, &err), &err);
    run_goes_through("backfill");
    run_goes_through("backfill");
    HG_CLEANUP(hg_json_decrefp) json_t *ended = told("backfill.updated", "status", "succeeded");
    assert_string_equal(text_at(ended, "id"), text_at(made, "id"));
    assert_int_equal(json_integer_value(json_object_get(ended, "runs_succeeded")), 2);
}

/* Its figures are told while it goes on. */
static void test_how_a_backfill_goes_on(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_json_decrefp) json_t *made = NULL;
    HG_CLEANUP(hg_json_decrefp) json_t *cancelled = NULL;
    HG_CLEANUP(hg_json_decrefp)
    json_t *body = json_loads(
        "{\"from\": \"2026-03-01T00:00:00Z\", \"to\": \"2026-03-03T00:00:00Z\"}", 0, NULL);
    write_pipeline("hang", FLOW("hang", "hang-in-read", "10", DAILY));
    watch();
    must(hg_backfills_create(fixture.service, NULL, "hang", body, &made, &err), &err);
    int64_t runs_made = 0;
    while (runs_made == 0) {
        HG_CLEANUP(hg_json_decrefp) json_t *one = told("backfill.updated", "status", "running");
        runs_made = json_integer_value(json_object_get(one, "runs_made"));
    }
    assert_int_equal(runs_made, 1);
    must(hg_backfills_cancel(fixture.service, NULL, "hang", text_at(made, "id"), &cancelled, &err),
         &err);
    json_decref(told("backfill.updated", "status", "cancelled"));
    json_decref(told("run.updated", "status", "cancelled"));
}

static void test_what_a_pause_holds_up(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    char run_id[HG_UUID_TEXT];
    write_pipeline("good", FLOW("good", "numbers", "10", ""));
    watch();
    must(hg_pipelines_pause(fixture.service, &somebody, true, &err), &err);
    HG_CLEANUP(hg_json_decrefp) json_t *paused = next_message();
    assert_string_equal(text_at(paused, "type"), "system.updated");
    assert_true(json_is_true(json_object_get(json_object_get(paused, "data"), "paused")));
    trigger("good", run_id);
    json_decref(run_is("queued"));
    must(hg_pipelines_pause(fixture.service, &somebody, false, &err), &err);
    /* What it held up begins behind its end, and both may be told in one look. */
    HG_CLEANUP(hg_json_decrefp) json_t *running = run_is("running");
    assert_string_equal(text_at(running, "id"), run_id);
    HG_CLEANUP(hg_json_decrefp) json_t *succeeded = run_is("succeeded");
    assert_string_equal(text_at(succeeded, "id"), run_id);
}

static void test_what_is_tried_again(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    char run_id[HG_UUID_TEXT];
    HG_CLEANUP(hg_json_decrefp) json_t *answer = NULL;
    write_pipeline("crash",
                   FLOW("crash", "crash-in-read", "10", "retries: {max: 1, backoff: 300ms}\n"));
    watch();
    trigger("crash", run_id);
    HG_CLEANUP(hg_json_decrefp) json_t *retrying = told("job.updated", "status", "retrying");
    assert_string_equal(text_at(retrying, "run_id"), run_id);
    assert_string_equal(text_at(retrying, "pipeline_id"), "crash");
    HG_CLEANUP(hg_json_decrefp) json_t *again = told("job.updated", "status", "running");
    assert_int_equal(json_integer_value(json_object_get(again, "attempt")), 2);
    HG_CLEANUP(hg_json_decrefp) json_t *failed = told("run.updated", "status", "failed");
    must(hg_runs_retry(fixture.service, NULL, run_id, &answer, NULL, &err), &err);
    HG_CLEANUP(hg_json_decrefp) json_t *queued = told("run.updated", "status", "running");
    assert_string_equal(text_at(queued, "id"), run_id);
    assert_true(json_integer_value(json_object_get(queued, "retry_count")) >
                json_integer_value(json_object_get(failed, "retry_count")));
    json_decref(told("run.updated", "status", "failed"));
}

/* What was refused has not been: nobody hears of it. */
static void test_nothing_of_what_was_rolled_back(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    char run_id[HG_UUID_TEXT];
    char busy[HG_UUID_TEXT] = "";
    json_t *answer = NULL;
    write_pipeline("hang", FLOW("hang", "hang-in-read", "10", ""));
    watch();
    trigger("hang", run_id);
    assert_int_equal(hg_pipelines_trigger(fixture.service, NULL, "hang", NULL, &answer, busy, &err),
                     HG_ECONFLICT);
    assert_string_equal(busy, run_id);
    must(hg_runs_cancel(fixture.service, NULL, run_id, &answer, &err), &err);
    json_decref(answer);
    for (bool over = false; !over;) {
        HG_CLEANUP(hg_json_decrefp) json_t *message = next_message();
        json_t *data = json_object_get(message, "data");
        bool is_run = strcmp(text_at(message, "type"), "run.updated") == 0;
        assert_string_equal(text_at(data, is_run ? "id" : "run_id"), run_id);
        over = is_run && strcmp(text_at(data, "status"), "cancelled") == 0;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LIVE(test_what_a_schedule_makes),
        LIVE(test_where_a_schedule_goes_on),
        LIVE(test_what_is_skipped),
        LIVE(test_what_a_backfill_makes),
        LIVE(test_how_a_backfill_goes_on),
        LIVE(test_what_a_pause_holds_up),
        LIVE(test_what_is_tried_again),
        LIVE(test_nothing_of_what_was_rolled_back),
    };
    return cmocka_run_group_tests(tests, start_pg, stop_pg);
}
