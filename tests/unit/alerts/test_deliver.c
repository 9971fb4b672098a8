/* From a run that failed to what a channel gets. */
#include <stdio.h>
#include <string.h>

#include "alerts/deliver.h"
#include "alerts/fold.h"
#include "alerts/state.h"
#include "base/time.h"
#include "fixture.h"
#include "shared_pg.h"
#include "store/db.h"

#define SENT    "select count(*) from alert_delivery where status = 'sent'"
#define PENDING "select count(*) from alert_delivery where status = 'pending'"
#define FAILED  "select count(*) from alert_delivery where status = 'failed'"

#define STATUS(text) "HTTP/1.1 " text "\r\nContent-Length: 0\r\n\r\n"

static json_t *body_of_last(void)
{
    const char *body = strstr(peer_last(peer), "\r\n\r\n");
    assert_non_null(body);
    json_t *json = json_loads(body + 4, 0, NULL);
    assert_non_null(json);
    return json;
}

static const char *text_at(const json_t *json, const char *key)
{
    const char *text = json_string_value(json_object_get(json, key));
    assert_non_null(text);
    return text;
}

static void test_a_webhook(void **state)
{
    (void)state;
    start_service();
    make_channel("ops", "webhook", url_of("/one?token=hidden"), NULL);
    fail_run("p", "ops");
    reaches(SENT, 1);
    HG_CLEANUP(hg_json_decrefp) json_t *body = body_of_last();
    assert_string_equal(text_at(body, "type"), "run.failed");
    assert_string_equal(text_at(body, "summary"), "p failed: it <b>broke</b> & fell");
    assert_int_equal(json_integer_value(json_object_get(body, "count")), 1);
    HG_CLEANUP(hg_freep)
    char *url = text_of("select 'https://h.example.org/pipelines/p?run=' || run_id from alert");
    assert_string_equal(text_at(body, "url"), url);
    HG_CLEANUP(hg_freep) char *id = text_of("select 'webhook-id: ' || id from alert_delivery");
    assert_non_null(strstr(peer_last(peer), id));
    assert_non_null(strstr(peer_last(peer), "webhook-signature: v1,"));
    assert_int_equal(number("select attempts from alert_delivery"), 1);
    assert_int_equal(number("select http_status from alert_delivery"), 200);
    assert_int_equal(number("select count(*) from alert_event"), 0);
    /* What is secret of it stands nowhere. */
    assert_int_equal(number("select count(*) from alert_channel c, alert_delivery d, alert a,"
                            " secret s where (c::text || d::text || a::text || s::text)"
                            " like any (array['%hidden%', '%whsec%'])"),
                     0);
}

static void test_slack(void **state)
{
    (void)state;
    start_service();
    make_channel("chat", "slack", url_of("/two"), NULL);
    fail_run("p", "chat");
    reaches(SENT, 1);
    HG_CLEANUP(hg_json_decrefp) json_t *body = body_of_last();
    assert_int_equal(json_object_size(body), 1);
    HG_CLEANUP(hg_freep)
    char *text = text_of("select 'p failed: it &lt;b&gt;broke&lt;/b&gt; &amp; fell"
                         " https://h.example.org/pipelines/p?run=' || run_id from alert");
    assert_string_equal(text_at(body, "text"), text);
    assert_null(strstr(peer_last(peer), "webhook-"));
}

static void test_again_is_the_same(void **state)
{
    (void)state;
    start_service();
    make_channel("ops", "webhook", url_of("/one"), NULL);
    fail_run("p", "ops");
    reaches(SENT, 1);
    fail_run("p", "ops");
    fail_run("p", "ops");
    fail_run("q", "ops");
    reaches(SENT, 2);
    reaches("select count from alert where pipeline_id = 'p'", 3);
    assert_int_equal(number("select count(*) from alert"), 2);
    assert_int_equal(number("select count(*) from alert where run_id <> last_run_id"), 1);
    /* Once the window is over it is another one. */
    sql("update alert_window set ends_at = now()");
    fail_run("p", "ops");
    reaches(SENT, 3);
    assert_int_equal(number("select count(*) from alert"), 3);
}

/* Nobody has heard of it yet: the next one is news. */
static void test_what_reached_nobody_is_told_again(void **state)
{
    (void)state;
    start_service();
    fail_run("p", "ops");
    reaches("select count(*) from alert_delivery where status = 'failed'", 1);
    make_channel("ops", "webhook", url_of("/one"), NULL);
    fail_run("p", "ops");
    reaches(SENT, 1);
    fail_run("p", "ops");
    reaches("select max(count) from alert", 2);
    assert_int_equal(number("select count(*) from alert"), 2);
    assert_int_equal(number(SENT), 1);
}

static struct hg_db *begun(struct hg_error *err)
{
    struct hg_db *db = NULL;
    assert_int_equal(hg_pool_borrow(alerts->options.metadata, HG_BORROW_MS, &db, err), HG_OK);
    assert_int_equal(hg_db_begin(db, err), HG_OK);
    assert_int_equal(hg_db_simple(db, "select 1", NULL, err), HG_OK);
    return db;
}

/* Whose transaction began first may come to the window last. */
static void test_one_window_of_two_that_came_at_once(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    const struct hg_alert_new alert = {.key = "run.failed:p",
                                       .window_ms = 60000,
                                       .type = "run.failed",
                                       .pipeline_id = "p",
                                       .channels = "{ops}",
                                       .summary = "p failed",
                                       .detail = "{}",
                                       .count = 1};
    char first[HG_UUID_TEXT];
    char second[HG_UUID_TEXT];
    start_service();
    make_channel("ops", "webhook", url_of("/one"), NULL);
    HG_CLEANUP(hg_db_returnp) struct hg_db *early = begun(&err);
    HG_CLEANUP(hg_db_returnp) struct hg_db *late = begun(&err);
    assert_int_equal(hg_alert_raise(late, &alert, first, &err), HG_OK);
    assert_int_equal(hg_db_commit(late, &err), HG_OK);
    assert_int_equal(hg_alert_raise(early, &alert, second, &err), HG_OK);
    assert_int_equal(hg_db_commit(early, &err), HG_OK);
    assert_string_equal(first, second);
    assert_int_equal(number("select count from alert"), 2);
}

static void test_without_a_window(void **state)
{
    (void)state;
    config.alert_window_ms = 0;
    start_service();
    make_channel("ops", "webhook", url_of("/one"), NULL);
    fail_run("p", "ops");
    fail_run("p", "ops");
    reaches(SENT, 2);
    assert_int_equal(number("select count(*) from alert"), 2);
}

static void test_tried_again(void **state)
{
    (void)state;
    start_service();
    peer_change(peer, &answers[0], STATUS("503 Busy"), 0);
    make_channel("ops", "webhook", url_of("/one"), NULL);
    fail_run("p", "ops");
    reaches("select count(*) from alert_delivery where attempts = 1 and http_status = 503"
            " and status = 'pending' and next_at > now()",
            1);
    reaches("select failures from alert_channel where retry_at > now()", 1);
    HG_CLEANUP(hg_freep) char *error = text_of("select error from alert_delivery");
    assert_non_null(strstr(error, "answered 503"));
    peer_change(peer, &answers[0], STATUS("200 OK"), 0);
    hurry();
    reaches(SENT, 1);
    assert_int_equal(number("select attempts from alert_delivery"), 2);
    reaches("select failures from alert_channel where retry_at is null", 0);
    assert_int_equal(number("select count(error) from alert_delivery"), 0);
}

/* How long it asks to be left alone is kept, to an hour. */
static void test_retry_after(void **state)
{
    (void)state;
    start_service();
    peer_change(peer,
                &answers[0],
                "HTTP/1.1 429 Busy\r\nRetry-After: 100000\r\nContent-Length: 0\r\n\r\n",
                0);
    make_channel("ops", "webhook", url_of("/one"), NULL);
    fail_run("p", "ops");
    reaches("select count(*) from alert_channel"
            " where retry_at between now() + interval '50 min' and now() + interval '1 hour'",
            1);
}

static void test_for_good(void **state)
{
    (void)state;
    start_service();
    peer_change(peer, &answers[0], STATUS("410 Gone"), 0);
    make_channel("ops", "webhook", url_of("/one"), NULL);
    fail_run("p", "ops");
    reaches(FAILED, 1);
    assert_int_equal(number("select http_status from alert_delivery"), 410);
    /* It says nothing of what else it would take. */
    assert_int_equal(number("select failures from alert_channel"), 0);
    peer_change(peer, &answers[0], STATUS("404 None"), 0);
    fail_run("q", "ops");
    reaches("select attempts from alert_delivery where http_status = 404 and status = 'pending'",
            1);
    /* After a day it is given up. */
    sql("update alert_delivery set created_at = created_at - interval '25 hours'");
    hurry();
    reaches(FAILED, 2);
}

static void test_who_is_not_there(void **state)
{
    (void)state;
    bool off = false;
    char id[HG_UUID_TEXT];
    char etag[HG_CHANNEL_ETAG];
    bool stale = false;
    json_t *changed = NULL;
    start_service();
    make_channel("off", "webhook", url_of("/one"), id);
    const struct hg_channel_wish wish = {.enabled = &off};
    assert_int_equal(hg_channel_update(alerts, &admin, id, &wish, &changed, etag, &stale, NULL),
                     HG_OK);
    json_decref(changed);
    fail_run("p", "off,nobody");
    reaches(FAILED, 2);
    HG_CLEANUP(hg_freep)
    char *errors =
        text_of("select string_agg(channel || ': ' || error, ', ' order by channel) from "
                "alert_delivery");
    assert_string_equal(errors,
                        "nobody: there is no channel of this name, off: the channel is switched "
                        "off");
    assert_int_equal(peer_requests(peer), 0);
}

static void test_the_guard(void **state)
{
    (void)state;
    config.allow_private = NULL;
    start_service();
    make_channel("ops", "webhook", url_of("/one"), NULL);
    fail_run("p", "ops");
    reaches(FAILED, 1);
    HG_CLEANUP(hg_freep) char *error = text_of("select error from alert_delivery");
    assert_non_null(strstr(error, "its address is not public. If it is meant"));
    assert_int_equal(peer_connections(peer), 0);
}

/* One that hangs holds up nobody else, and a stop does not wait for it; nothing is lost. */
static void test_a_sink_that_hangs(void **state)
{
    (void)state;
    start_service();
    peer_change(peer, &answers[0], NULL, 0);
    make_channel("slow", "webhook", url_of("/one"), NULL);
    make_channel("quick", "webhook", url_of("/two"), NULL);
    fail_run("p", "slow");
    reaches("select attempts from alert_delivery", 1);
    fail_run("q", "quick");
    reaches(SENT, 1);
    HG_CLEANUP(hg_freep)
    char *id = text_of("select id from alert_delivery where channel = 'slow'");
    stop_service(0);
    /* Its time was not up: it was cut short. */
    assert_int_equal(
        number("select count(*) from alert_delivery where status = 'pending' and error is null"),
        1);
    peer_change(peer, &answers[0], STATUS("200 OK"), 0);
    start_service();
    reaches(SENT, 2);
    assert_non_null(strstr(peer_last(peer), id));
}

/* However many of them hang, one that answers gets what is for it. */
static void test_many_that_hang(void **state)
{
    (void)state;
    start_service();
    peer_change(peer, &answers[0], NULL, 0);
    for (int i = 0; i < 6; i++) {
        char name[8];
        (void)snprintf(name, sizeof name, "slow%d", i);
        make_channel(name, "webhook", url_of("/one"), NULL);
    }
    make_channel("quick", "webhook", url_of("/two"), NULL);
    sql("update alert_channel set failures = 1 where name like 'slow%'");
    fail_run("p", "slow0,slow1,slow2,slow3,slow4,slow5");
    reaches("select sum(attempts) from alert_delivery", 3);
    /* There are more, and the thread for those that answer leaves them. */
    bool found = true;
    assert_int_equal(hg_alert_deliver(alerts, true, &found, NULL), HG_OK);
    assert_false(found);
    fail_run("q", "quick");
    reaches(SENT, 1);
}

/* What was said in an answer is not kept, and one without an end is cut. */
static void test_an_endless_answer(void **state)
{
    (void)state;
    start_service();
    peer_change(peer, &answers[0], "HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n", 100000);
    make_channel("ops", "webhook", url_of("/one"), NULL);
    fail_run("p", "ops");
    reaches(FAILED, 1);
    HG_CLEANUP(hg_freep) char *error = text_of("select error from alert_delivery");
    assert_non_null(strstr(error, "larger than allowed"));
    assert_int_equal(number("select failures from alert_channel"), 0);
}

/* What a host died with is sent by the next, which needs not wait for a lease of its own name. */
static void test_after_a_death(void **state)
{
    (void)state;
    start_service();
    make_channel("ops", "webhook", url_of("/one"), NULL);
    stop_service(0);
    sql("update alert_channel set host = 'us', lease_until = now() + interval '1 hour'");
    fail_run("p", "ops");
    start_service();
    reaches(SENT, 1);
}

/* Another host's lease is kept, until it is over. */
static void test_another_host(void **state)
{
    (void)state;
    start_service();
    make_channel("ops", "webhook", url_of("/one"), NULL);
    make_channel("mine", "webhook", url_of("/two"), NULL);
    sql("update alert_channel set host = 'other', lease_until = now() + interval '1 minute'"
        " where name = 'ops'");
    fail_run("p", "ops,mine");
    reaches(SENT, 1);
    assert_int_equal(number(PENDING), 1);
    assert_int_equal(number("select attempts from alert_delivery where channel = 'ops'"), 0);
    sql("update alert_channel set lease_until = now()");
    reaches(SENT, 2);
}

/* Hosts that look at the same moment tell everybody once and count every run. */
static void test_two_hosts(void **state)
{
    enum { PIPELINES = 12 };
    (void)state;
    config.alert_storm_limit = 1000;
    start_service();
    make_channel("ops", "webhook", url_of("/one"), NULL);
    make_channel("chat", "slack", url_of("/two"), NULL);
    make_channel("mine", "webhook", url_of("/one"), NULL);
    struct hg_alerts *other = start_another("them");
    for (int i = 0; i < 2 * PIPELINES; i++) {
        char name[8];
        (void)snprintf(name, sizeof name, "p%d", i % PIPELINES);
        fail_run(name, "ops,chat,mine");
        hg_alerts_wake(other);
    }
    reaches("select count(*) from alert_event", 0);
    reaches(PENDING, 0);
    hg_alerts_stop(other, 5000);
    assert_int_equal(number("select count(*) from alert"), PIPELINES);
    assert_int_equal(number("select sum(count) from alert"), 2 * PIPELINES);
    assert_int_equal(number(SENT), 3 * PIPELINES);
    assert_int_equal(number("select max(attempts) from alert_delivery"), 1);
    assert_int_equal(peer_requests(peer), 3 * PIPELINES);
}

/* An attempt that lost its claim meanwhile changes nothing. */
static void test_the_fence(void **state)
{
    (void)state;
    start_service();
    peer_change(peer, &answers[0], NULL, 0);
    make_channel("ops", "webhook", url_of("/one"), NULL);
    fail_run("p", "ops");
    reaches("select attempts from alert_delivery", 1);
    sql("update alert_channel set host = 'other', fence = fence + 1,"
        " lease_until = now() + interval '1 minute'");
    stop_service(0);
    assert_int_equal(number("select count(*) from alert_channel where host = 'other'"
                            " and lease_until > now() and failures = 0"),
                     1);
    assert_int_equal(number("select count(*) from alert_delivery where status = 'pending'"
                            " and error is null"),
                     1);
}

static void test_a_storm(void **state)
{
    (void)state;
    config.alert_storm_limit = 2;
    start_service();
    make_channel("ops", "webhook", url_of("/one"), NULL);
    make_channel("other", "webhook", url_of("/two"), NULL);
    for (int i = 0; i < 5; i++) {
        char name[8];
        (void)snprintf(name, sizeof name, "p%d", i);
        fail_run(name, "ops");
    }
    reaches("select count(*) from alert_delivery where status = 'suppressed'", 3);
    reaches("select count(*) from alert_delivery where status = 'sent' and is_notice", 1);
    assert_int_equal(number(SENT), 3);
    reaches("select count from alert where type = 'alerts.held_back'", 3);
    fail_run("q", "ops,other");
    reaches("select count(*) from alert_delivery where status = 'sent' and channel = 'other'", 1);
    reaches("select count from alert where type = 'alerts.held_back'", 4);
    /* It is said once, and over when the channel has had its ten minutes. */
    assert_int_equal(number("select count(*) from alert_delivery where is_notice"), 1);
    sql("update alert_delivery set sent_at = sent_at - interval '11 minutes'");
    fail_run("r", "ops");
    reaches("select count(*) from alert_delivery d join alert a on a.id = alert_id"
            " where pipeline_id = 'r' and d.status = 'sent'",
            1);
}

/*
 * The clock was set back by five hours: what was written before lies as far ahead. Nobody waits for
 * it: neither what is due, nor a channel in a pause or held by a host, nor what is folded or
 * counted.
 */
static void test_a_clock_that_was_set_back(void **state)
{
    (void)state;
    config.alert_storm_limit = 2;
    start_service();
    make_channel("ops", "webhook", url_of("/one"), NULL);
    make_channel("held", "webhook", url_of("/two"), NULL);
    fail_run("p", "ops");
    fail_run("q", "ops");
    reaches(SENT, 2);
    stop_service(0);
    fail_run("r", "held");
    start_service();
    reaches(SENT, 3);
    stop_service(0);
    sql("update alert_delivery set status = 'pending', next_at = now() + interval '5 hours',"
        " ended_at = null, sent_at = null where channel = 'held'");
    sql("update alert_delivery set sent_at = sent_at + interval '5 hours',"
        " ended_at = ended_at + interval '5 hours' where channel = 'ops'");
    sql("update alert_channel set failures = 3, retry_at = now() + interval '5 hours',"
        " host = 'other', lease_until = now() + interval '5 hours'");
    sql("update alert_window set ends_at = ends_at + interval '5 hours'");
    start_service();
    reaches("select count(*) from alert_delivery where channel = 'held' and status = 'sent'", 1);
    fail_run("p", "ops");
    reaches("select count(*) from alert where pipeline_id = 'p'", 2);
    reaches("select count(*) from alert_delivery where channel = 'ops' and status = 'sent'", 3);
    /* The window is one of now. */
    fail_run("p", "ops");
    reaches("select max(count) from alert where pipeline_id = 'p'", 2);
    assert_int_equal(number("select count(*) from alert where pipeline_id = 'p'"), 2);
}

/* What nobody needs any more goes; what still counts stays. */
static void test_old_ones_go(void **state)
{
    (void)state;
    start_service();
    make_channel("ops", "webhook", url_of("/one"), NULL);
    fail_run("old", "ops");
    fail_run("counts", "ops");
    fail_run("new", "ops");
    reaches(SENT, 3);
    stop_service(0);
    fail_run("waits", "ops");
    sql("update alert_channel set retry_at = now() + interval '1 hour'");
    start_service();
    reaches(PENDING, 1);
    stop_service(0);
    sql("update alert set last_at = now() - interval '91 days' where pipeline_id <> 'new'");
    sql("update alert_window set ends_at = now() where key like '%:old' or key like '%:waits'");
    /* Not by a clock that was set lately; the windows that it closes say that it has looked. */
    sql("insert into clock_seen (name, seen_at, set_at) values ('h', now(), now())");
    start_service();
    reaches("select count(*) from alert_window where ends_at < now()", 0);
    stop_service(0);
    assert_int_equal(number("select count(*) from alert"), 4);
    sql("update clock_seen set set_at = now() - interval '25 hours'");
    start_service();
    reaches("select count(*) from alert", 3);
    assert_int_equal(number("select count(*) from alert_delivery"), 3);
    assert_int_equal(number(PENDING), 1);
    assert_int_equal(number("select count(*) from alert where pipeline_id = 'old'"), 0);
}

/* The database goes and comes back under it. */
static void test_without_a_database(void **state)
{
    (void)state;
    start_service();
    make_channel("ops", "webhook", url_of("/one"), NULL);
    fail_run("p", "ops");
    reaches(SENT, 1);
    hg_test_pg_kill(pg);
    hg_time_pause_ms(1500); /* it has looked in vain */
    assert_int_equal(hg_test_pg_resume(pg), 0);
    fail_run("q", "ops");
    reaches(SENT, 2);
}

/*
 * It goes while something is on its way: what came of that is written down once it is back, and the
 * channel need not wait for its lease to run out.
 */
static void test_a_database_that_goes_meanwhile(void **state)
{
    (void)state;
    start_service();
    peer_change(peer, &answers[0], NULL, 0);
    make_channel("ops", "webhook", url_of("/one"), NULL);
    fail_run("p", "ops");
    reaches("select attempts from alert_delivery", 1);
    hg_test_pg_kill(pg);
    peer_hang_up(peer);
    hg_time_pause_ms(300); /* it finds nobody to tell */
    assert_int_equal(hg_test_pg_resume(pg), 0);
    reaches("select attempts from alert_delivery where error is not null", 1);
    reaches("select count(*) from alert_channel where lease_until is null", 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_alerts, close_alerts)

/* Say since its channel was switched off; that was not committed yet when the result came. */
static void test_what_was_ended_meanwhile_stays_so(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    struct hg_db *other = NULL;
    start_service();
    peer_change(peer, &answers[0], NULL, 0);
    make_channel("ops", "webhook", url_of("/one"), NULL);
    fail_run("prices", "ops");
    reaches("select count(*) from alert_delivery where attempts > 0", 1);
    assert_int_equal(hg_db_connect(hg_test_pg_metadata(pg), "switches off", &other, &err), HG_OK);
    assert_int_equal(hg_db_begin(other, &err), HG_OK);
    assert_int_equal(hg_db_simple(other,
                                  "update alert_delivery set status = 'failed', next_at = null,"
                                  " error = 'switched off'",
                                  NULL,
                                  &err),
                     HG_OK);
    peer_hang_up(peer);
    reaches("select count(*) from pg_stat_activity where wait_event_type = 'Lock'"
            " and query like '%alert_delivery%'",
            1);
    assert_int_equal(hg_db_commit(other, &err), HG_OK);
    hg_db_return(other);
    reaches("select count(*) from alert_channel where host is null", 1);
    HG_CLEANUP(hg_freep)
    char *ended = text_of("select status || ': ' || error from alert_delivery");
    assert_string_equal(ended, "failed: switched off");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_webhook),
        TEST(test_slack),
        TEST(test_again_is_the_same),
        TEST(test_what_reached_nobody_is_told_again),
        TEST(test_one_window_of_two_that_came_at_once),
        TEST(test_without_a_window),
        TEST(test_tried_again),
        TEST(test_retry_after),
        TEST(test_for_good),
        TEST(test_who_is_not_there),
        TEST(test_the_guard),
        TEST(test_a_sink_that_hangs),
        TEST(test_many_that_hang),
        TEST(test_an_endless_answer),
        TEST(test_after_a_death),
        TEST(test_another_host),
        TEST(test_two_hosts),
        TEST(test_the_fence),
        TEST(test_a_storm),
        TEST(test_what_was_ended_meanwhile_stays_so),
        TEST(test_a_clock_that_was_set_back),
        TEST(test_old_ones_go),
        TEST(test_without_a_database),
        TEST(test_a_database_that_goes_meanwhile),
    };
    return cmocka_run_group_tests(tests, start_all, stop_all);
}
