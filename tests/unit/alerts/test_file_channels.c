/* Alert channels of the host's files. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "alerts/file_channels.h"
#include "fixture.h"

#define OTHER_SECRET "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define PLACE        "channels/ops.yaml"

static struct hg_error err;

static const bool off = false;

static void apply(const struct hg_file_channel *channels, size_t n)
{
    err = (struct hg_error)HG_ERROR_INIT;
    if (hg_file_channels_apply(alerts, channels, n, &err) < 0) {
        fail_msg("%s", err.message);
    }
}

static void gives(const char *query, const char *expected)
{
    HG_CLEANUP(hg_freep) char *text = text_of(query);
    assert_string_equal(text, expected);
}

static struct hg_file_channel webhook(const char *url)
{
    return (struct hg_file_channel){
        {.name = "ops", .kind = "webhook", .url = url, .secret = SECRET}, PLACE};
}

#define STATE                                                                              \
    "select concat_ws(' ', name, kind, config->>'origin', enabled, origin, file, version)" \
    " from alert_channel"
#define LAST_AUDIT                                                                    \
    "select concat_ws(' ', actor_kind, action, object, array_to_string(fields, ','))" \
    " from audit order by seq desc limit 1"

static void test_one_is_made_and_stays_untouched(void **state)
{
    (void)state;
    start_service();
    const struct hg_file_channel channel = webhook("https://Hooks.example.com/a");
    apply(&channel, 1);
    gives(STATE, "ops webhook https://hooks.example.com:443 t file " PLACE " 1");
    gives(LAST_AUDIT, "file alert_channel.create ops ");
    HG_CLEANUP(hg_freep) char *sealed = text_of("select string_agg(s::text, ',') from secret s");
    apply(&channel, 1);
    gives(STATE, "ops webhook https://hooks.example.com:443 t file " PLACE " 1");
    assert_int_equal(number("select count(*) from audit"), 1);
    gives("select string_agg(s::text, ',') from secret s", sealed);
    assert_int_equal(number("select count(*) from secret"), 2);
}

static void test_what_is_sent_is_what_the_file_says(void **state)
{
    (void)state;
    start_service();
    const struct hg_file_channel channel = webhook(url_of("/one"));
    apply(&channel, 1);
    fail_run("prices", "ops");
    reaches("select count(*) from alert_delivery where status = 'sent'", 1);
}

static void test_what_a_file_changes(void **state)
{
    (void)state;
    start_service();
    struct hg_file_channel channel = webhook("https://a.example.com/x");
    apply(&channel, 1);
    channel.wish.secret = OTHER_SECRET;
    apply(&channel, 1);
    gives(LAST_AUDIT, "file alert_channel.update ops secret");
    channel.wish.url = "https://a.example.com/y";
    apply(&channel, 1);
    gives(LAST_AUDIT, "file alert_channel.update ops url");
    /* With another origin the secrets are bound anew. */
    channel.wish.url = "https://b.example.com/y";
    apply(&channel, 1);
    gives(STATE, "ops webhook https://b.example.com:443 t file " PLACE " 4");
    channel.wish = (struct hg_channel_wish){
        .name = "ops", .kind = "slack", .url = "https://b.example.com/y", .enabled = &off};
    apply(&channel, 1);
    gives(STATE, "ops slack https://b.example.com:443 f file " PLACE " 5");
    assert_int_equal(number("select count(*) from secret"), 1); /* the old one's is gone */
}

static void test_one_that_goes_keeps_its_log_and_comes_back(void **state)
{
    (void)state;
    start_service();
    peer_change(peer, &answers[0], "HTTP/1.1 503 Away\r\nContent-Length: 0\r\n\r\n", 0);
    const struct hg_file_channel channel = webhook(url_of("/one"));
    apply(&channel, 1);
    fail_run("prices", "ops");
    reaches("select count(*) from alert_delivery where status = 'pending' and attempts > 0", 1);
    apply(NULL, 0);
    gives("select concat_ws(' ', enabled, origin, file) from alert_channel", "f file");
    gives(LAST_AUDIT, "file alert_channel.update ops enabled");
    gives("select status || ': ' || error from alert_delivery",
          "failed: the channel's entry in the host's files is gone");
    apply(NULL, 0); /* it goes but once */
    assert_int_equal(number("select count(*) from audit"), 2);
    apply(&channel, 1);
    gives("select concat_ws(' ', enabled, origin, file) from alert_channel", "t file " PLACE);
    assert_int_equal(number("select count(*) from alert_delivery"), 1);
}

static void test_one_that_was_there_is_taken_over(void **state)
{
    char id[HG_UUID_TEXT];
    (void)state;
    start_service();
    make_channel("ops", "slack", "https://slack.example.com/a", id);
    make_channel("chat", "slack", "https://slack.example.com/b", id);
    const struct hg_file_channel channel = webhook("https://a.example.com/x");
    apply(&channel, 1);
    gives("select concat_ws(' ', kind, origin, file) from alert_channel where name = 'ops'",
          "webhook file " PLACE);
    gives("select concat_ws(' ', kind, enabled, origin, file) from alert_channel"
          " where name = 'chat'",
          "slack t api");
    apply(NULL, 0);
    gives("select concat_ws(' ', kind, enabled, origin, file) from alert_channel"
          " where name = 'chat'",
          "slack t api");
}

static void test_all_or_none(void **state)
{
    (void)state;
    start_service();
    const struct hg_file_channel channels[] = {
        webhook("https://a.example.com/x"),
        {{.name = "mail", .kind = "email", .to = NULL}, PLACE},
    };
    assert_int_equal(hg_file_channels_apply(alerts, channels, 2, &err), HG_EINVAL);
    assert_int_equal(number("select count(*) from alert_channel"), 0);
    assert_int_equal(number("select count(*) from secret"), 0);
}

static void *apply_at_once(void *arg)
{
    struct hg_error why = HG_ERROR_INIT;
    const struct hg_file_channel channel = webhook("https://a.example.com/x");
    return hg_file_channels_apply(arg, &channel, 1, &why) == HG_OK ? arg : NULL;
}

static void test_hosts_that_start_at_once(void **state)
{
    pthread_t threads[4];
    (void)state;
    start_service();
    struct hg_alerts *other = start_another("them");
    for (size_t i = 0; i < HG_COUNT(threads); i++) {
        struct hg_alerts *host = i % 2 ? other : alerts;
        assert_int_equal(pthread_create(&threads[i], NULL, apply_at_once, host), 0);
    }
    for (size_t i = 0; i < HG_COUNT(threads); i++) {
        void *done = NULL;
        assert_int_equal(pthread_join(threads[i], &done), 0);
        assert_non_null(done);
    }
    hg_alerts_stop(other, 0);
    gives(STATE, "ops webhook https://a.example.com:443 t file " PLACE " 1");
    assert_int_equal(number("select count(*) from audit"), 1);
}

static void test_the_api_leaves_them_alone(void **state)
{
    const struct hg_channel_wish wish = {.enabled = &off};
    char etag[HG_CHANNEL_ETAG];
    json_t *channel = NULL;
    bool stale = false;
    (void)state;
    start_service();
    const struct hg_file_channel of_file = webhook(url_of("/one"));
    apply(&of_file, 1);
    HG_CLEANUP(hg_freep) char *id = text_of("select id from alert_channel");
    assert_int_equal(hg_channel_update(alerts, &admin, id, &wish, &channel, etag, &stale, &err),
                     HG_ECONFLICT);
    assert_string_equal(err.message, "the alert channel \"ops\" comes from the host's file " PLACE);
    assert_int_equal(hg_channel_delete(alerts, &admin, id, NULL, &stale, &err), HG_ECONFLICT);
    assert_false(stale);
    assert_int_equal(hg_channel_test(alerts, &admin, id, &channel, &err), HG_OK);
    assert_true(json_is_true(json_object_get(channel, "success")));
    json_decref(channel);
    /* One that no file names any more it may have. */
    apply(NULL, 0);
    assert_int_equal(hg_channel_delete(alerts, &admin, id, NULL, &stale, &err), HG_OK);
    assert_int_equal(number("select count(*) from alert_channel"), 0);
}

static void test_what_it_may_not_be(void **state)
{
    static const struct {
        struct hg_channel_wish wish;
        const char *pointer;
    } cases[] = {
        {{.name = "Ops", .kind = "webhook", .url = "https://a", .secret = SECRET}, "/name"},
        {{.name = "ops", .kind = "web", .url = "https://a", .secret = SECRET}, "/kind"},
        {{.name = "ops", .kind = "webhook", .url = "ftp://a", .secret = SECRET}, "/url"},
        {{.name = "ops", .kind = "webhook", .secret = SECRET}, "/url"},
        {{.name = "ops", .kind = "webhook", .url = "https://a", .secret = "x"}, "/secret"},
        {{.name = "ops", .kind = "webhook", .url = "https://a"}, "/secret"},
        {{.name = "ops", .kind = "slack", .url = "https://a", .secret = SECRET}, "/secret"},
    };
    (void)state;
    for (size_t i = 0; i < HG_COUNT(cases); i++) {
        const struct hg_file_channel channel = {cases[i].wish, PLACE};
        assert_int_equal(hg_file_channel_check(&config, &channel, &err), HG_EINVAL);
        assert_string_equal(err.pointer, cases[i].pointer);
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, open_alerts, close_alerts)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_one_is_made_and_stays_untouched),
        TEST(test_what_is_sent_is_what_the_file_says),
        TEST(test_what_a_file_changes),
        TEST(test_one_that_goes_keeps_its_log_and_comes_back),
        TEST(test_one_that_was_there_is_taken_over),
        TEST(test_all_or_none),
        TEST(test_hosts_that_start_at_once),
        TEST(test_the_api_leaves_them_alone),
        TEST(test_what_it_may_not_be),
    };
    return cmocka_run_group_tests(tests, start_all, stop_all);
}
