/* Making, changing, removing and testing channels. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "fixture.h"

static struct hg_error err;
static char etag[HG_CHANNEL_ETAG];

static const char *text_at(const json_t *json, const char *key)
{
    const char *text = json_string_value(json_object_get(json, key));
    assert_non_null(text);
    return text;
}

static int create(const struct hg_channel_wish *wish, json_t **ret)
{
    err = (struct hg_error)HG_ERROR_INIT;
    return hg_channel_create(alerts, &admin, wish, ret, etag, &err);
}

static int change(const char *id, const struct hg_channel_wish *wish, bool *ret_stale)
{
    HG_CLEANUP(hg_json_decrefp) json_t *after = NULL;
    err = (struct hg_error)HG_ERROR_INIT;
    *ret_stale = false;
    return hg_channel_update(alerts, &admin, id, wish, &after, etag, ret_stale, &err);
}

static void test_making(void **state)
{
    (void)state;
    HG_CLEANUP(hg_json_decrefp) json_t *made = NULL;
    HG_CLEANUP(hg_json_decrefp) json_t *got = NULL;
    HG_CLEANUP(hg_json_decrefp) json_t *list = NULL;
    HG_CLEANUP(hg_freep) char *audit = NULL;
    start_service();
    const struct hg_channel_wish wish = {
        .name = "ops", .kind = "webhook", .url = "https://Hooks.example.com/a?b=hidden"};
    assert_int_equal(create(&wish, &made), HG_OK);
    assert_string_equal(text_at(made, "target"), "https://hooks.example.com:443");
    assert_int_equal(strncmp(text_at(made, "secret"), "whsec_", 6), 0);
    assert_int_equal(hg_channel_get(alerts, text_at(made, "id"), &got, etag, &err), HG_OK);
    assert_string_equal(etag, "\"1\"");
    assert_null(json_object_get(got, "secret"));
    assert_true(json_is_true(json_object_get(got, "enabled")));
    const struct hg_page page = {.limit = 10};
    assert_int_equal(hg_channel_list(alerts, &page, &list, &err), HG_OK);
    assert_true(json_equal(json_array_get(json_object_get(list, "items"), 0), got));
    audit = text_of("select action || ' ' || object || ' ' || fields::text from audit");
    assert_string_equal(audit, "alert_channel.create ops {}");
    /* A name is for one. */
    json_t *second = NULL;
    assert_int_equal(create(&wish, &second), HG_EEXIST);
    assert_string_equal(err.pointer, "/name");
    assert_null(second);
}

static void test_what_cannot_be(void **state)
{
    static const struct {
        struct hg_channel_wish wish;
        const char *pointer;
    } wishes[] = {
        {{.name = "Ops", .kind = "slack", .url = "https://a"}, "/name"},
        {{.name = "a\r\nb", .kind = "slack", .url = "https://a"}, "/name"},
        {{.name = "ops", .kind = "slak", .url = "https://a"}, "/kind"},
        {{.name = "ops", .kind = "email", .url = "https://a"}, "/kind"},
        {{.name = "ops", .kind = "slack", .url = "ftp://a"}, "/url"},
        {{.name = "ops", .kind = "slack", .url = "https://user:pass@a"}, "/url"},
        {{.name = "ops", .kind = "slack", .url = "https://a/\r\nX: y"}, "/url"},
        {{.name = "ops", .kind = "slack", .url = "no url"}, "/url"},
        {{.name = "ops", .kind = "slack", .url = "https://a", .secret = SECRET}, "/secret"},
        {{.name = "ops", .kind = "webhook", .url = "https://a", .secret = "short"}, "/secret"},
    };
    char url[2100];
    json_t *made = NULL;
    (void)state;
    start_service();
    for (size_t i = 0; i < HG_COUNT(wishes); i++) {
        assert_int_equal(create(&wishes[i].wish, &made), HG_EINVAL);
        if (strcmp(err.pointer, wishes[i].pointer) != 0) {
            fail_msg("%zu: %s at %s", i, err.message, err.pointer);
        }
        assert_null(strstr(err.message, "pass"));
    }
    (void)snprintf(url, sizeof url, "https://a/%02050d", 0);
    const struct hg_channel_wish too_long = {.name = "ops", .kind = "slack", .url = url};
    assert_int_equal(create(&too_long, &made), HG_EINVAL);
    assert_string_equal(err.pointer, "/url");
    assert_null(made);
    assert_int_equal(number("select count(*) from alert_channel"), 0);
    assert_int_equal(number("select count(*) from secret"), 0);
}

static void test_changing(void **state)
{
    (void)state;
    char id[HG_UUID_TEXT];
    char moved[128];
    bool stale = false;
    bool off = false;
    start_service();
    make_channel("ops", "webhook", url_of("/one"), id);
    make_channel("taken", "slack", "https://a.example.com", NULL);
    const struct hg_channel_wish rename = {.name = "day", .if_match = "\"1\""};
    assert_int_equal(change(id, &rename, &stale), HG_OK);
    assert_string_equal(etag, "\"2\"");
    assert_int_equal(change(id, &rename, &stale), HG_ECONFLICT);
    assert_true(stale);
    const struct hg_channel_wish taken = {.name = "taken"};
    assert_int_equal(change(id, &taken, &stale), HG_EEXIST);
    assert_false(stale);
    /* Within its origin it may be moved, elsewhere only with another secret. */
    const struct hg_channel_wish near = {.url = url_of("/two")};
    assert_int_equal(change(id, &near, &stale), HG_OK);
    fail_run("p", "day");
    reaches("select count(*) from alert_delivery where status = 'sent'", 1);
    assert_non_null(strstr(peer_last(peer), "POST /two "));
    (void)snprintf(moved, sizeof moved, "http://localhost:%d/one", peer_port(peer));
    const struct hg_channel_wish far = {.url = moved};
    assert_int_equal(change(id, &far, &stale), HG_EINVAL);
    assert_string_equal(err.pointer, "/secret");
    const struct hg_channel_wish whole = {.url = moved, .secret = SECRET};
    assert_int_equal(change(id, &whole, &stale), HG_OK);
    fail_run("q", "day");
    reaches("select count(*) from alert_delivery where status = 'sent'", 2);
    assert_non_null(strstr(peer_last(peer), "POST /one "));
    const struct hg_channel_wish disable = {.enabled = &off};
    assert_int_equal(change(id, &disable, &stale), HG_OK);
    HG_CLEANUP(hg_freep)
    char *audit = text_of("select string_agg(fields::text, ' ' order by seq) from audit"
                          " where action = 'alert_channel.update'");
    assert_string_equal(audit, "{name} {url} {url,secret} {enabled}");
}

static json_t *recipients(const char *text)
{
    json_t *list = json_loads(text, 0, NULL);
    assert_non_null(list);
    return list;
}

static void test_mail(void **state)
{
    static char mail_host[] = "127.0.0.1";
    static char from[] = "headgate@example.net";
    static const struct {
        const char *to, *pointer;
    } bad[] = {
        {"[]", "/to"},
        {"[7]", "/to/0"},
        {"[\"a@b.c\", \"a@b\\r\\nRCPT TO:<x@y>\"]", "/to/1"},
        {"[\"a@b\",\"a@b\",\"a@b\",\"a@b\",\"a@b\",\"a@b\",\"a@b\",\"a@b\",\"a@b\",\"a@b\",\"a@b\","
         "\"a@b\",\"a@b\",\"a@b\",\"a@b\",\"a@b\",\"a@b\",\"a@b\",\"a@b\",\"a@b\",\"a@b\"]",
         "/to"},
    };
    HG_CLEANUP(hg_json_decrefp) json_t *one = recipients("[\"a@b.org\"]");
    HG_CLEANUP(hg_json_decrefp) json_t *two = recipients("[\"c@d.org\", \"e@f.org\"]");
    HG_CLEANUP(hg_json_decrefp) json_t *made = NULL;
    json_t *none = NULL;
    bool stale;
    (void)state;
    config.smtp_host = mail_host;
    config.smtp_from = from;
    start_service();
    for (size_t i = 0; i < HG_COUNT(bad); i++) {
        HG_CLEANUP(hg_json_decrefp) json_t *to = recipients(bad[i].to);
        const struct hg_channel_wish wish = {.name = "post", .kind = "email", .to = to};
        assert_int_equal(create(&wish, &none), HG_EINVAL);
        assert_string_equal(err.pointer, bad[i].pointer);
    }
    const struct hg_channel_wish nobody = {.name = "post", .kind = "email"};
    assert_int_equal(create(&nobody, &none), HG_EINVAL);
    assert_string_equal(err.pointer, "/to");
    const struct hg_channel_wish both = {
        .name = "post", .kind = "email", .to = one, .url = "https://a"};
    assert_int_equal(create(&both, &none), HG_EINVAL);
    assert_string_equal(err.pointer, "/url");
    const struct hg_channel_wish hook = {
        .name = "post", .kind = "webhook", .to = one, .url = "https://a"};
    assert_int_equal(create(&hook, &none), HG_EINVAL);
    assert_string_equal(err.pointer, "/to");
    assert_null(none);

    const struct hg_channel_wish good = {.name = "post", .kind = "email", .to = one};
    assert_int_equal(create(&good, &made), HG_OK);
    assert_true(json_equal(json_object_get(made, "to"), one));
    assert_true(json_is_null(json_object_get(made, "target")));
    assert_null(json_object_get(made, "secret"));
    const struct hg_channel_wish others = {.to = two};
    assert_int_equal(change(text_at(made, "id"), &others, &stale), HG_OK);
    assert_int_equal(number("select count(*) from alert_channel"
                            " where config = '{\"to\": [\"c@d.org\", \"e@f.org\"]}'"),
                     1);
    const struct hg_channel_wish url = {.url = "https://a"};
    assert_int_equal(change(text_at(made, "id"), &url, &stale), HG_EINVAL);
    const struct hg_channel_wish secret = {.secret = SECRET};
    assert_int_equal(change(text_at(made, "id"), &secret, &stale), HG_EINVAL);
    assert_string_equal(err.pointer, "/secret");
    /* A change of something else leaves it where it goes. */
    const struct hg_channel_wish name = {.name = "letters"};
    assert_int_equal(change(text_at(made, "id"), &name, &stale), HG_OK);
    assert_int_equal(number("select json_array_length((config->'to')::json) from alert_channel"),
                     2);
}

/* Somebody who writes to the database cannot have secrets sent elsewhere. */
static void test_moved_behind_its_back(void **state)
{
    (void)state;
    start_service();
    make_channel("ops", "webhook", url_of("/one"), NULL);
    sql("update alert_channel set config = '{\"origin\": \"https://evil.example.com:443\"}'");
    fail_run("p", "ops");
    reaches("select attempts from alert_delivery where error is not null", 1);
    assert_int_equal(peer_connections(peer), 0);
}

static void test_removing(void **state)
{
    (void)state;
    char id[HG_UUID_TEXT];
    bool stale = false;
    start_service();
    peer_change(peer, &answers[0], "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", 0);
    make_channel("ops", "webhook", url_of("/one"), id);
    fail_run("p", "ops");
    reaches("select attempts from alert_delivery where http_status = 503", 1);
    assert_int_equal(number("select count(*) from secret"), 2);
    assert_int_equal(hg_channel_delete(alerts, &admin, id, "\"9\"", &stale, &err), HG_ECONFLICT);
    assert_true(stale);
    assert_int_equal(hg_channel_delete(alerts, &admin, id, NULL, &stale, &err), HG_OK);
    assert_int_equal(hg_channel_delete(alerts, &admin, id, NULL, &stale, &err), HG_ENOTFOUND);
    assert_int_equal(hg_channel_delete(alerts, &admin, "x", NULL, &stale, &err), HG_ENOTFOUND);
    assert_int_equal(number("select count(*) from secret"), 0);
    HG_CLEANUP(hg_freep)
    char *error = text_of("select status || ': ' || error from alert_delivery");
    assert_string_equal(error, "failed: the channel was removed");
}

static void test_testing(void **state)
{
    (void)state;
    char id[HG_UUID_TEXT];
    HG_CLEANUP(hg_json_decrefp) json_t *good = NULL;
    HG_CLEANUP(hg_json_decrefp) json_t *bad = NULL;
    HG_CLEANUP(hg_json_decrefp) json_t *log = NULL;
    start_service();
    make_channel("ops", "webhook", url_of("/one"), id);
    assert_int_equal(hg_channel_test(alerts, &admin, id, &good, &err), HG_OK);
    assert_true(json_is_true(json_object_get(good, "success")));
    assert_non_null(strstr(peer_last(peer), "\"type\":\"test\""));
    peer_change(peer, &answers[0], "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", 0);
    assert_int_equal(hg_channel_test(alerts, &admin, id, &bad, &err), HG_OK);
    assert_true(json_is_false(json_object_get(bad, "success")));
    assert_int_equal(json_integer_value(json_object_get(bad, "http_status")), 403);
    assert_non_null(strstr(text_at(bad, "error"), "403"));
    /* A test is not tried again, and stands in the log. */
    const struct hg_page page = {.limit = 10};
    const struct hg_alert_filter of_all = {0};
    assert_int_equal(hg_alert_list(alerts, &of_all, &page, &log, &err), HG_OK);
    const json_t *items = json_object_get(log, "items");
    assert_int_equal(json_array_size(items), 2);
    const json_t *newest = json_array_get(items, 0);
    assert_string_equal(text_at(newest, "id"), text_at(bad, "alert_id"));
    const json_t *delivery = json_array_get(json_object_get(newest, "deliveries"), 0);
    assert_string_equal(text_at(delivery, "status"), "failed");
    assert_int_equal(hg_channel_test(alerts, &admin, "none", &bad, &err), HG_ENOTFOUND);
}

static void test_the_log(void **state)
{
    (void)state;
    HG_CLEANUP(hg_json_decrefp) json_t *first = NULL;
    HG_CLEANUP(hg_json_decrefp) json_t *second = NULL;
    HG_CLEANUP(hg_json_decrefp) json_t *of_q = NULL;
    json_t *none = NULL;
    start_service();
    fail_run("p", "nobody");
    reaches("select count(*) from alert", 1);
    fail_run("q", "nobody");
    reaches("select count(*) from alert", 2);
    struct hg_page page = {.limit = 1};
    const struct hg_alert_filter of_all = {0};
    const struct hg_alert_filter q = {.pipeline_id = "q"};
    assert_int_equal(hg_alert_list(alerts, &of_all, &page, &first, &err), HG_OK);
    page.cursor = text_at(first, "next_cursor");
    assert_int_equal(hg_alert_list(alerts, &of_all, &page, &second, &err), HG_OK);
    assert_true(json_is_null(json_object_get(second, "next_cursor")));
    page.cursor = NULL;
    assert_int_equal(hg_alert_list(alerts, &q, &page, &of_q, &err), HG_OK);
    assert_true(json_equal(json_object_get(of_q, "items"), json_object_get(first, "items")));
    page.cursor = "'; drop table alert";
    assert_int_equal(hg_alert_list(alerts, &of_all, &page, &none, &err), HG_EINVAL);
    assert_null(none);
}

static size_t count_told(const char *channel, const char *delivery)
{
    HG_CLEANUP(hg_json_decrefp) json_t *log = NULL;
    const struct hg_alert_filter filter = {.channel = channel, .delivery = delivery};
    const struct hg_page page = {.limit = 10};
    assert_int_equal(hg_alert_list(alerts, &filter, &page, &log, &err), HG_OK);
    return json_array_size(json_object_get(log, "items"));
}

static void test_the_log_of_a_channel_and_of_a_state(void **state)
{
    (void)state;
    char id[HG_UUID_TEXT];
    start_service();
    make_channel("ops", "webhook", url_of("/one"), id);
    fail_run("p", "ops,nobody");
    reaches("select count(*) from alert_delivery where status = 'sent'", 1);
    fail_run("q", "nobody");
    reaches("select count(*) from alert_delivery where status = 'failed'", 2);
    assert_int_equal(count_told(NULL, NULL), 2);
    assert_int_equal(count_told("ops", NULL), 1);
    assert_int_equal(count_told("nobody", NULL), 2);
    assert_int_equal(count_told(NULL, "sent"), 1);
    assert_int_equal(count_told(NULL, "failed"), 2);
    /* Of one and the same delivery. */
    assert_int_equal(count_told("ops", "failed"), 0);
    assert_int_equal(count_told("ops", "sent"), 1);
    assert_int_equal(count_told("none", NULL), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_alerts, close_alerts)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_making),
        TEST(test_what_cannot_be),
        TEST(test_changing),
        TEST(test_mail),
        TEST(test_moved_behind_its_back),
        TEST(test_removing),
        TEST(test_testing),
        TEST(test_the_log),
        TEST(test_the_log_of_a_channel_and_of_a_state),
    };
    return cmocka_run_group_tests(tests, start_all, stop_all);
}
