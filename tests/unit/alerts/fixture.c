#include "fixture.h"

#include <stdio.h>
#include <string.h>

#include "alerts/state.h"
#include "base/time.h"
#include "scratch.h"
#include "store/db.h"

enum { WAIT_MS = 30000 };

struct hg_alerts *alerts;
struct hg_host_config config;
struct peer *peer;
struct hg_principal admin = {.kind = HG_PRINCIPAL_LOCAL, .username = "root", .role = HG_ROLE_ADMIN};

static struct hg_pool *pool;
static struct hg_vault *vault;
static char data_dir[HG_SCRATCH_BYTES];
static char *allowed[2];

#define TAKEN "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
struct peer_answer answers[] = {
    {.path = "/one", .bytes = TAKEN}, {.path = "/two", .bytes = TAKEN}, {.path = NULL}};

int start_all(void **state)
{
    return start_pg(state) != 0 ? -1 : hg_pool_new(hg_test_pg_metadata(pg), 8, "test", &pool, NULL);
}

int stop_all(void **state)
{
    hg_pool_free(pool);
    return stop_pg(state);
}

struct hg_alerts *start_another(const char *host)
{
    struct hg_error err = HG_ERROR_INIT;
    struct hg_alerts *started = NULL;
    const struct hg_alerts_options options = {
        .config = &config, .metadata = pool, .vault = vault, .host = host};
    if (hg_alerts_start(&options, &started, &err) < 0) {
        fail_msg("%s", err.message);
    }
    return started;
}

void start_service(void)
{
    alerts = start_another("us");
}

void stop_service(int64_t grace_ms)
{
    hg_alerts_stop(alerts, grace_ms);
    alerts = NULL;
}

int open_alerts(void **state)
{
    static char loopback[] = "127.0.0.1/32";
    static char base[] = "https://h.example.org";
    (void)state;
    if (hg_test_pg_reset(pg) != 0 || hg_scratch_make("alerts", data_dir) != 0) {
        return -1;
    }
    allowed[0] = loopback;
    config = (struct hg_host_config){.data_dir = data_dir,
                                     .public_url = base,
                                     .allow_private = allowed,
                                     .alert_window_ms = 900000,
                                     .alert_storm_limit = 20,
                                     .retention = json_pack("{s:i}", "alerts_days", 90)};
    const struct hg_vault_options options = {pool, NULL, data_dir, "us"};
    answers[0].bytes = answers[1].bytes = TAKEN;
    answers[0].repeat = 0;
    peer = peer_start(answers);
    return hg_vault_open(&options, &vault, NULL);
}

int close_alerts(void **state)
{
    (void)state;
    stop_service(0);
    hg_vault_close(vault);
    vault = NULL;
    peer_stop(peer);
    json_decref(config.retention);
    return hg_scratch_remove(data_dir);
}

void sql(const char *text)
{
    assert_int_equal(hg_test_pg_sql(pg, "metadata", text), 0);
}

char *text_of(const char *text)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    struct hg_error err = HG_ERROR_INIT;
    if (hg_pool_borrow(pool, 10000, &db, &err) < 0 || hg_db_simple(db, text, &result, &err) < 0) {
        fail_msg("%s", err.message);
    }
    assert_true(PQntuples(result) <= 1);
    char *value = strdup(PQntuples(result) == 1 ? PQgetvalue(result, 0, 0) : "-1");
    assert_non_null(value);
    return value;
}

int64_t number(const char *text)
{
    HG_CLEANUP(hg_freep) char *value = text_of(text);
    return strtoll(value, NULL, 10);
}

void reaches(const char *text, int64_t n)
{
    int64_t until = hg_time_monotonic_ms() + WAIT_MS;
    int64_t last = -1;
    while ((last = number(text)) != n) {
        if (hg_time_monotonic_ms() > until) {
            fail_msg("%s is %lld and not %lld", text, (long long)last, (long long)n);
        }
        hg_time_pause_ms(10);
    }
}

const char *url_of(const char *path)
{
    static char url[128];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d%s", peer_port(peer), path);
    return url;
}

void make_channel(const char *name, const char *kind, const char *url, char ret_id[HG_UUID_TEXT])
{
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_json_decrefp) json_t *made = NULL;
    char etag[HG_CHANNEL_ETAG];
    const struct hg_channel_wish wish = {.name = name,
                                         .kind = kind,
                                         .url = url,
                                         .secret = strcmp(kind, "webhook") == 0 ? SECRET : NULL};
    if (hg_channel_create(alerts, &admin, &wish, &made, etag, &err) < 0) {
        fail_msg("%s", err.message);
    }
    if (ret_id) {
        (void)snprintf(ret_id, HG_UUID_TEXT, "%s", json_string_value(json_object_get(made, "id")));
    }
}

/* A host looks once a second; tests have no time for that. */
static void wake(void)
{
    if (alerts) {
        hg_alerts_wake(alerts);
    }
}

void fail_run(const char *pipeline, const char *channels)
{
    char text[1024];
    (void)snprintf(text,
                   sizeof text,
                   "insert into alert_event (type, pipeline_id, run_id, channels, summary, detail)"
                   " select 'run.failed', '%s', id, '{%s}', '%s failed: it <b>broke</b> & fell',"
                   " json_build_object('pipeline', json_build_object('id', '%s', 'name', '%s'),"
                   " 'run', json_build_object('id', id)) from gen_random_uuid() id",
                   pipeline,
                   channels,
                   pipeline,
                   pipeline,
                   pipeline);
    sql(text);
    wake();
}

void hurry(void)
{
    sql("update alert_delivery set next_at = now() where status = 'pending'");
    sql("update alert_channel set retry_at = null");
    wake();
}
