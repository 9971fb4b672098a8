/* What has come of deliveries, told to whoever watches. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alerts/live.h"
#include "base/time.h"
#include "events/bus.h"
#include "fixture.h"

static struct hg_error err;
static struct hg_events *events;
static struct hg_subscriber *subscriber;
static struct hg_alert_live live;

/* The service has no thread for it: the test looks itself. */
static int open_watched(void **state)
{
    /* What nobody watches any more is forgotten at once. */
    const struct hg_events_options options = {.linger_ms = 1};
    if (open_alerts(state) != 0 || hg_events_new(&options, &events, NULL) < 0) {
        return -1;
    }
    start_service();
    alerts->options.events = events;
    live = (struct hg_alert_live){.looked_at_ms = hg_time_monotonic_ms()};
    return 0;
}

static int close_watched(void **state)
{
    hg_events_unsubscribe(subscriber);
    subscriber = NULL;
    hg_alert_live_free(&live);
    int r = close_alerts(state);
    hg_events_free(events);
    return r;
}

static void watch(void)
{
    const struct hg_events_filter filter = {.topics = HG_TOPIC_BIT(HG_TOPIC_ALERTS)};
    assert_int_equal(hg_events_subscribe(events, &filter, NULL, &subscriber, &err), HG_OK);
}

static void look(void)
{
    if (hg_alert_live_look(alerts, &live, &err) < 0) {
        fail_msg("%s", err.message);
    }
}

/* The next message's type and channel as "type channel"; "" for none. */
static const char *next(void)
{
    static char text[128];
    const struct hg_event *event = hg_events_next(subscriber);
    text[0] = '\0';
    if (event) {
        HG_CLEANUP(hg_json_decrefp) json_t *json = json_loadb(event->text, event->n, 0, NULL);
        const char *channel =
            json_string_value(json_object_get(json_object_get(json, "data"), "channel"));
        (void)snprintf(text,
                       sizeof text,
                       "%s%s%s",
                       json_string_value(json_object_get(json, "type")),
                       channel ? " " : "",
                       channel ? channel : "");
        hg_event_unref(event);
    }
    return text;
}

static void test_what_ends_is_told_once(void **state)
{
    char id[HG_UUID_TEXT];
    (void)state;
    make_channel("ops", "webhook", url_of("/one"), id);
    watch();
    look();
    assert_string_equal(next(), "");
    fail_run("prices", "ops");
    reaches("select count(*) from alert_delivery where status = 'sent'", 1);
    look();
    assert_string_equal(next(), "alert.delivered ops");
    look();
    assert_string_equal(next(), "");
    fail_run("orders", "nobody");
    reaches("select count(*) from alert_delivery where status = 'failed'", 1);
    look();
    assert_string_equal(next(), "alert.failed nobody");
    sql("insert into alert_delivery (alert_id, channel, status) select id, 'held', 'suppressed'"
        " from alert limit 1");
    look();
    assert_string_equal(next(), "alert.suppressed held");
    assert_string_equal(next(), "");
}

/* One that ended earlier than what was read last, but was committed later. */
static void test_late_commits_are_found(void **state)
{
    (void)state;
    sql("insert into alert (id, type, summary, detail) values (gen_random_uuid(), 'test', '', "
        "'{}')");
    watch();
    look();
    sql("insert into alert_delivery (alert_id, channel, status, ended_at)"
        " select id, 'first', 'failed', now() + interval '2 seconds' from alert");
    look();
    assert_string_equal(next(), "alert.failed first");
    sql("insert into alert_delivery (alert_id, channel, status, ended_at)"
        " select id, 'late', 'failed', now() + interval '1 second' from alert");
    look();
    assert_string_equal(next(), "alert.failed late");
}

/* What was read last lies five hours ahead then, and so do ends that were told. */
static void test_a_clock_that_was_set_back(void **state)
{
    (void)state;
    sql("insert into alert (id, type, summary, detail) values (gen_random_uuid(), 'test', '', "
        "'{}')");
    watch();
    look();
    sql("insert into alert_delivery (alert_id, channel, status) select id, 'before', 'failed'"
        " from alert");
    look();
    assert_string_equal(next(), "alert.failed before");
    sql("update alert_delivery set ended_at = ended_at + interval '5 hours'");
    free(live.newest);
    free(live.from);
    live.newest = text_of("select max(ended_at) from alert_delivery");
    live.from = text_of("select now() + interval '5 hours'");
    for (int i = 0; i < 2; i++) {
        sql("insert into alert_delivery (alert_id, channel, status) select id, 'after', 'failed'"
            " from alert");
        look();
        assert_string_equal(next(), "alert.failed after");
        look();
        assert_string_equal(next(), "");
    }
}

static void test_old_ends_are_nobodys_news(void **state)
{
    (void)state;
    sql("insert into alert (id, type, summary, detail) values (gen_random_uuid(), 'test', '', "
        "'{}')");
    sql("insert into alert_delivery (alert_id, channel, status, ended_at)"
        " select id, 'old', 'failed', now() - interval '5 seconds' from alert");
    watch();
    look();
    look();
    assert_string_equal(next(), "");
    sql("insert into alert_delivery (alert_id, channel, status) select id, 'new', 'failed'"
        " from alert");
    look();
    assert_string_equal(next(), "alert.failed new");
    assert_string_equal(next(), "");
}

static void test_nothing_is_read_for_nobody(void **state)
{
    (void)state;
    look();
    assert_null(live.from);
    watch();
    look();
    assert_non_null(live.from);
    hg_events_unsubscribe(subscriber);
    subscriber = NULL;
    hg_time_pause_ms(20);
    look();
    assert_null(live.from);
}

/* Its time is set wherever it ends, and taken away where it is to be sent again. */
static void test_each_end_has_its_time(void **state)
{
    char id[HG_UUID_TEXT];
    (void)state;
    peer_change(peer, &answers[0], "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", 0);
    make_channel("ops", "webhook", url_of("/one"), id);
    fail_run("prices", "ops");
    reaches("select count(*) from alert_delivery where attempts > 0", 1);
    assert_int_equal(number("select count(*) from alert_delivery where ended_at is null"), 1);
    sql("delete from alert_channel");
    sql("update alert_delivery set status = 'failed', next_at = null");
    assert_int_equal(number("select count(*) from alert_delivery where ended_at > now() -"
                            " interval '1 minute'"),
                     1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, open_watched, close_watched)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_ends_is_told_once),
        TEST(test_late_commits_are_found),
        TEST(test_a_clock_that_was_set_back),
        TEST(test_old_ends_are_nobodys_news),
        TEST(test_nothing_is_read_for_nobody),
        TEST(test_each_end_has_its_time),
    };
    return cmocka_run_group_tests(tests, start_all, stop_all);
}
