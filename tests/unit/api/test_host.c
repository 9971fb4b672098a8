/* The host over HTTP: alert channels, its state, its metrics, whether it is ready. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

/* ---- alerts ---- */

#define CHANNELS "/api/v1/alerts/channels"
#define CHANNEL  CHANNELS "/" FAKE_RUN

static void test_alert_channels(void **state)
{
    static const struct {
        const char *method, *path, *body;
        int status;
        const char *asked; /* NULL: the service is not */
    } calls[] = {
        {"GET", CHANNELS "?limit=3&cursor=a", NULL, 200, "channels 3 a"},
        {"GET", CHANNEL, NULL, 200, "channel " FAKE_RUN},
        {"POST",
         CHANNELS,
         "{\"name\":\"ops\",\"kind\":\"webhook\",\"url\":\"u\",\"secret\":\"s\",\"enabled\":false}",
         201,
         "create admin ops webhook u s off"},
        {"POST",
         CHANNELS,
         "{\"name\":\"ops\",\"kind\":\"slack\",\"url\":\"u\"}",
         201,
         "create admin ops slack u - -"},
        {"POST", CHANNELS, "{\"name\":\"ops\",\"kind\":\"email\",\"to\":\"a@b\"}", 422, NULL},
        {"POST", CHANNELS, "{\"kind\":\"slack\",\"url\":\"u\"}", 422, NULL},
        {"POST", CHANNELS, "{\"name\":\"ops\",\"url\":\"u\"}", 422, NULL},
        {"POST", CHANNELS, "{\"name\":\"ops\",\"kind\":\"slack\",\"url\":7}", 422, NULL},
        {"PATCH", CHANNEL, "{\"enabled\":true}", 200, "change " FAKE_RUN " - - - - on"},
        {"PATCH", CHANNEL, "{\"name\":\"b\",\"url\":\"v\"}", 200, "change " FAKE_RUN " b - v - -"},
        {"PATCH", CHANNEL, "{\"kind\":\"slack\"}", 422, NULL},
        {"PATCH", CHANNEL, "{\"enabled\":1}", 422, NULL},
        {"PATCH", CHANNEL, "{\"secret\":null}", 422, NULL},
        {"DELETE", CHANNEL, NULL, 204, "delete " FAKE_RUN},
        {"POST", CHANNEL "/test", "{}", 200, "test " FAKE_RUN},
        {"POST", CHANNEL "/test", "{\"x\":1}", 422, NULL},
        {"GET", "/api/v1/alerts?pipeline=p&limit=2", NULL, 200, "alerts p - - 2"},
        {"GET", "/api/v1/alerts?channel=c&delivery=failed", NULL, 200, "alerts - c failed 50"},
        {"GET", "/api/v1/alerts?delivery=lost", NULL, 400, NULL},
    };
    (void)state;
    for (size_t i = 0; i < HG_COUNT(calls); i++) {
        fake_reset();
        int status = status_of(calls[i].method, calls[i].path, cookies[ADMIN], calls[i].body);
        if (status != calls[i].status) {
            fail_msg("%s %s: %d", calls[i].method, calls[i].path, status);
        }
        fake_assert_asked(calls[i].asked ? calls[i].asked : "");
    }
}

/* The secret is shown once, also where the request is repeated; who changed it meanwhile is not
 * overruled. */
static void test_an_alert_channel_once(void **state)
{
    static const char body[] = "{\"name\":\"ops\",\"kind\":\"webhook\",\"url\":\"u\"}";
    char headers[512];
    (void)state;
    (void)snprintf(headers, sizeof headers, "%sIdempotency-Key: channel-1\r\n", cookies[ADMIN]);
    json_t *made = ask_json("POST", CHANNELS, headers, body, 201);
    assert_string_equal(text_at(made, "secret"), "s");
    json_decref(made);
    json_t *again = ask_json("POST", CHANNELS, headers, body, 201);
    assert_true(json_is_null(json_object_get(again, "secret")));
    json_decref(again);
    (void)snprintf(headers, sizeof headers, "%sIf-Match: \"7\"\r\n", cookies[ADMIN]);
    fake_set(HG_ECONFLICT, "");
    assert_int_equal(status_of("PATCH", CHANNEL, headers, "{\"enabled\":true}"), 412);
    assert_int_equal(status_of("DELETE", CHANNEL, headers, NULL), 412);
    assert_int_equal(status_of("DELETE", CHANNEL, cookies[ADMIN], NULL), 409);
}

static void test_system_and_plugins(void **state)
{
    (void)state;
    json_t *system = ask_json("GET", "/api/v1/system", cookies[ADMIN], NULL, 200);
    const json_t *database = json_object_get(system, "database");
    assert_string_equal(text_at(system, "version"), "1.2.3");
    assert_int_equal(json_integer_value(json_object_get(system, "pipelines")), 3);
    assert_string_equal(text_at(json_object_get(database, "metadata"), "status"), "ok");
    assert_string_equal(text_at(json_object_get(database, "warehouse"), "status"), "ok");
    assert_int_equal(strncmp(text_at(json_object_get(database, "metadata"), "version"), "15.", 3),
                     0);
    json_decref(system);
    json_t *plugins = ask_json("GET", "/api/v1/plugins", cookies[ADMIN], NULL, 200);
    assert_int_equal(json_array_size(json_object_get(plugins, "items")), 1);
    assert_true(json_is_null(json_object_get(plugins, "next_cursor")));
    json_decref(plugins);
}

static char *metrics_for(const char *headers)
{
    struct answer answer;
    ask("GET", "/metrics", headers, NULL, &answer);
    assert_int_equal(answer.status, 200);
    assert_int_equal(strncmp(answer_header(&answer, "Content-Type"), "text/plain", 10), 0);
    char *text = strdup(answer.body);
    answer_free(&answer);
    return text;
}

static void test_metrics(void **state)
{
    (void)state;
    char proxied[320];
    (void)snprintf(proxied, sizeof proxied, "X-Forwarded-For: 192.0.2.1\r\n%s", cookies[VIEWER]);
    struct answer answer;
    log_in("admin", &answer);
    assert_int_equal(answer.status, 200);
    answer_free(&answer);
    HG_CLEANUP(hg_freep) char *text = metrics_for("");
    static const char *const lines[] = {
        "headgate_build_info{version=\"1.2.3\"} 1\n",
        "headgate_database_up{database=\"warehouse\"} 1\n",
        "headgate_database_oldest_transaction_seconds{database=\"metadata\"} 0\n",
        "fake_pipelines 1\n",
        "fake_alerts 1\n",
        "{method=\"POST\",route=\"/api/v1/auth/login\",status=\"200\"}",
    };
    for (size_t i = 0; i < HG_COUNT(lines); i++) {
        assert_non_null(strstr(text, lines[i]));
    }
    /* Who comes through a proxy is not known to be on this machine. */
    assert_int_equal(status_of("GET", "/metrics", "X-Forwarded-For: 127.0.0.1\r\n", NULL), 401);
    HG_CLEANUP(hg_freep) char *signed_in = metrics_for(proxied);
    assert_non_null(strstr(signed_in, "process_open_fds "));
    hg_test_pg_kill(pg);
    HG_CLEANUP(hg_freep) char *without = metrics_for("");
    assert_non_null(strstr(without, "headgate_database_up{database=\"metadata\"} 0\n"));
    assert_null(strstr(without, "oldest_transaction_seconds{"));
    assert_int_equal(hg_test_pg_resume(pg), 0);
}

static void test_ready_or_not(void **state)
{
    (void)state;
    assert_int_equal(status_of("GET", "/healthz", "", NULL), 200);
    assert_int_equal(status_of("GET", "/readyz", "", NULL), 200);
    hg_test_pg_kill(pg);
    struct answer answer;
    ask("GET", "/readyz", "", NULL, &answer);
    json_t *problem = answer_problem(&answer, 503);
    assert_string_equal(text_at(problem, "database"), "metadata");
    assert_non_null(strstr(text_at(problem, "detail"), "metadata database"));
    assert_non_null(answer_header(&answer, "Retry-After"));
    json_decref(problem);
    answer_free(&answer);
    assert_int_equal(status_of("GET", "/healthz", "", NULL), 200);
    assert_int_equal(status_of("GET", "/api/v1/auth/me", cookies[ADMIN], NULL), 503);
    assert_int_equal(hg_test_pg_resume(pg), 0);
    assert_int_equal(status_of("GET", "/readyz", "", NULL), 200);
    assert_int_equal(status_of("GET", "/api/v1/auth/me", cookies[ADMIN], NULL), 200);
}

static void test_what_is_not_there(void **state)
{
    (void)state;
    struct answer answer;
    assert_int_equal(status_of("GET", "/api/v1/no/such/thing", cookies[ADMIN], NULL), 404);
    ask("DELETE", INGESTION "/pipelines/p", cookies[ADMIN], NULL, &answer);
    json_decref(answer_problem(&answer, 405));
    assert_string_equal(answer_header(&answer, "Allow"), "GET, HEAD, PATCH, OPTIONS");
    answer_free(&answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_alert_channels),
        TEST(test_an_alert_channel_once),
        TEST(test_system_and_plugins),
        TEST(test_metrics),
        TEST(test_ready_or_not),
        TEST(test_what_is_not_there),
    };
    return cmocka_run_group_tests(tests, open_api, close_api);
}
