#include "fake_services.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "alerts/alerts.h"
#include "auth/principal.h"
#include "base/mem.h"
#include "datasets/datasets.h"
#include "plugin/registry.h"
#include "schedule/fire_times.h"

struct fake fake = {.mutex = PTHREAD_MUTEX_INITIALIZER};

void fake_reset(void)
{
    HG_LOCK(&fake.mutex);
    fake.code = HG_OK;
    fake.pointer[0] = fake.asked[0] = '\0';
    fake.busy = false;
    fake.waits_left = fake.away_left = 0;
}

void fake_set(int code, const char *pointer)
{
    HG_LOCK(&fake.mutex);
    fake.code = code;
    (void)snprintf(fake.pointer, sizeof fake.pointer, "%s", pointer);
}

void fake_set_busy(bool busy)
{
    HG_LOCK(&fake.mutex);
    fake.busy = busy;
}

void fake_set_waits(int waits)
{
    HG_LOCK(&fake.mutex);
    fake.waits_left = waits;
}

void fake_set_away(int waits)
{
    HG_LOCK(&fake.mutex);
    fake.away_left = waits;
}

void fake_assert_asked(const char *expected)
{
    char asked[sizeof fake.asked];
    {
        HG_LOCK(&fake.mutex);
        memcpy(asked, fake.asked, sizeof asked);
    }
    assert_string_equal(asked, expected);
}

static int HG_PRINTF(2, 3) note(struct hg_error *err, const char *fmt, ...)
{
    va_list args;
    HG_LOCK(&fake.mutex);
    va_start(args, fmt);
    (void)vsnprintf(fake.asked, sizeof fake.asked, fmt, args);
    va_end(args);
    if (fake.code < 0) {
        (void)hg_error_set(err, fake.code, "the service says no");
        (void)hg_error_hint(err, "Ask it otherwise.");
        (void)snprintf(err->pointer, sizeof err->pointer, "%s", fake.pointer);
    }
    return fake.code;
}

static const char *or_none(const char *text)
{
    return text ? text : "-";
}

static int give(int r, json_t *answer, json_t **ret)
{
    if (r < 0) {
        json_decref(answer);
        return r;
    }
    assert_non_null(answer);
    *ret = answer;
    return HG_OK;
}

static json_t *a_list(void)
{
    return json_pack("{s:[{s:s}], s:n}", "items", "id", "x", "next_cursor");
}

static json_t *a_run(const char *status)
{
    return json_pack("{s:s, s:s, s:s}", "id", FAKE_RUN, "pipeline_id", "p", "status", status);
}

static json_t *a_pipeline(const char *id)
{
    return json_pack("{s:s, s:i, s:b}", "id", id, "version", 1, "enabled", 1);
}

int hg_pipelines_list(struct hg_pipelines *service,
                      const struct hg_page *page,
                      json_t **ret,
                      struct hg_error *err)
{
    (void)service;
    return give(note(err, "list %d %s", page->limit, or_none(page->cursor)), a_list(), ret);
}

int hg_pipelines_get(struct hg_pipelines *service,
                     const char *id,
                     json_t **ret,
                     struct hg_error *err)
{
    (void)service;
    return give(note(err, "get %s", id), a_pipeline(id), ret);
}

int hg_pipelines_update(struct hg_pipelines *service,
                        const struct hg_principal *by,
                        const char *id,
                        const json_t *patch,
                        json_t **ret,
                        struct hg_error *err)
{
    HG_CLEANUP(hg_freep) char *text = json_dumps(patch, JSON_COMPACT);
    (void)service;
    (void)by;
    return give(note(err, "update %s %s", id, text), a_pipeline(id), ret);
}

int hg_pipelines_reset(struct hg_pipelines *service,
                       const struct hg_principal *by,
                       const char *id,
                       json_t **ret,
                       struct hg_error *err)
{
    (void)service;
    (void)by;
    return give(note(err, "reset %s", id), a_pipeline(id), ret);
}

int hg_pipelines_pause(struct hg_pipelines *service,
                       const struct hg_principal *by,
                       bool paused,
                       struct hg_error *err)
{
    (void)service;
    return note(err, "%s by %s", paused ? "pause" : "resume", by->username);
}

int hg_pipelines_pause_one(struct hg_pipelines *service,
                           const struct hg_principal *by,
                           const char *id,
                           bool paused,
                           struct hg_error *err)
{
    (void)service;
    return note(err, "%s %s by %s", paused ? "pause" : "resume", id, by->username);
}

int hg_pipelines_check_not_paused(struct hg_pipelines *service, struct hg_error *err)
{
    (void)service;
    (void)err;
    return HG_OK;
}

int hg_schedules_next(const char *cron,
                      const char *zone_name,
                      int64_t after_us,
                      int count,
                      json_t **ret,
                      struct hg_error *err)
{
    return give(note(err, "next %s %s %d %d", cron, zone_name, (int)(after_us / 1000000), count),
                a_list(),
                ret);
}

int hg_versions_list(struct hg_pipelines *service,
                     const char *pipeline_id,
                     const struct hg_page *page,
                     json_t **ret,
                     struct hg_error *err)
{
    (void)service;
    return give(note(err, "versions %s %d", pipeline_id, page->limit), a_list(), ret);
}

int hg_versions_get(struct hg_pipelines *service,
                    const char *pipeline_id,
                    const char *version,
                    json_t **ret,
                    struct hg_error *err)
{
    (void)service;
    return give(note(err, "version %s %s", pipeline_id, version), a_list(), ret);
}

static json_t *a_backfill(void)
{
    return json_pack("{s:s, s:s}", "id", FAKE_RUN, "status_url", "/backfills/x");
}

int hg_backfills_create(struct hg_pipelines *service,
                        const struct hg_principal *by,
                        const char *pipeline_id,
                        const json_t *body,
                        json_t **ret,
                        struct hg_error *err)
{
    HG_CLEANUP(hg_freep) char *text = json_dumps(body, JSON_COMPACT);
    (void)service;
    (void)by;
    return give(note(err, "backfill %s %s", pipeline_id, text), a_backfill(), ret);
}

int hg_backfills_list(struct hg_pipelines *service,
                      const char *pipeline_id,
                      const struct hg_page *page,
                      json_t **ret,
                      struct hg_error *err)
{
    (void)service;
    return give(note(err, "backfills %s %d", pipeline_id, page->limit), a_list(), ret);
}

int hg_backfills_get(struct hg_pipelines *service,
                     const char *pipeline_id,
                     const char *id,
                     json_t **ret,
                     struct hg_error *err)
{
    (void)service;
    return give(note(err, "get backfill %s %s", pipeline_id, id), a_backfill(), ret);
}

int hg_backfills_cancel(struct hg_pipelines *service,
                        const struct hg_principal *by,
                        const char *pipeline_id,
                        const char *id,
                        json_t **ret,
                        struct hg_error *err)
{
    (void)service;
    (void)by;
    return give(note(err, "cancel backfill %s %s", pipeline_id, id), a_backfill(), ret);
}

int hg_pipelines_trigger(struct hg_pipelines *service,
                         const struct hg_principal *by,
                         const char *id,
                         const json_t *params,
                         json_t **ret,
                         char *ret_busy_run_id,
                         struct hg_error *err)
{
    HG_CLEANUP(hg_freep) char *text = params ? json_dumps(params, JSON_COMPACT) : strdup("-");
    (void)service;
    (void)by;
    int r = note(err, "trigger %s %s", id, text);
    bool busy;
    {
        HG_LOCK(&fake.mutex);
        busy = fake.busy;
    }
    if (busy) {
        (void)snprintf(ret_busy_run_id, HG_UUID_TEXT, "%s", FAKE_RUN);
        return hg_error_set(err, HG_ECONFLICT, "run %s is under way", FAKE_RUN);
    }
    return give(r,
                json_pack("{s:s, s:s, s:s}",
                          "run_id",
                          FAKE_RUN,
                          "status",
                          "queued",
                          "status_url",
                          "/api/v1/ingestion/runs/" FAKE_RUN),
                ret);
}

int hg_runs_list(struct hg_pipelines *service,
                 const char *pipeline_id,
                 const char *status,
                 const struct hg_page *page,
                 json_t **ret,
                 struct hg_error *err)
{
    (void)service;
    return give(
        note(err, "runs %s %s %d", pipeline_id, or_none(status), page->limit), a_list(), ret);
}

int hg_runs_get(struct hg_pipelines *service,
                const char *run_id,
                json_t **ret,
                struct hg_error *err)
{
    (void)service;
    return give(note(err, "run %s", run_id), a_run("succeeded"), ret);
}

int hg_runs_cancel(struct hg_pipelines *service,
                   const struct hg_principal *by,
                   const char *run_id,
                   json_t **ret,
                   struct hg_error *err)
{
    (void)service;
    (void)by;
    return give(note(err, "cancel %s", run_id), json_pack("{s:s}", "run_id", run_id), ret);
}

int hg_runs_retry(struct hg_pipelines *service,
                  const struct hg_principal *by,
                  const char *run_id,
                  json_t **ret,
                  char *ret_busy_run_id,
                  struct hg_error *err)
{
    (void)service;
    (void)by;
    int r = note(err, "retry %s", run_id);
    if (r == HG_ECONFLICT) {
        (void)snprintf(ret_busy_run_id, HG_UUID_TEXT, "%s", FAKE_RUN);
    }
    return give(r, json_pack("{s:s}", "run_id", run_id), ret);
}

int hg_runs_job_log(struct hg_pipelines *service,
                    const char *run_id,
                    const char *job_id,
                    const struct hg_job_log_query *query,
                    json_t **ret,
                    struct hg_error *err)
{
    (void)service;
    return give(note(err,
                     "log %s %s %d attempt %d level %d line %d%s",
                     run_id,
                     job_id,
                     query->limit,
                     query->attempt,
                     query->level,
                     (int)query->line,
                     query->tail ? " tail" : ""),
                a_list(),
                ret);
}

int hg_runs_wait(struct hg_pipelines *service,
                 const char *run_id,
                 int64_t wait_ms,
                 json_t **ret,
                 struct hg_error *err)
{
    (void)service;
    (void)run_id;
    (void)wait_ms;
    HG_LOCK(&fake.mutex);
    if (fake.away_left > 0) {
        fake.away_left--;
        return hg_error_set(err, HG_EUNAVAILABLE, "the database is away");
    }
    bool running = fake.waits_left != 0;
    fake.waits_left -= fake.waits_left > 0;
    *ret = a_run(running ? "running" : "succeeded");
    (void)json_object_set_new(*ret, "waits", json_integer(fake.waits_left));
    return HG_OK;
}

int hg_quarantine_list(struct hg_pool *warehouse,
                       const char *pipeline_id,
                       const char *run_id,
                       const struct hg_page *page,
                       json_t **ret,
                       struct hg_error *err)
{
    (void)warehouse;
    return give(
        note(err, "quarantine %s %s %d", or_none(pipeline_id), or_none(run_id), page->limit),
        a_list(),
        ret);
}

int hg_datasets_list(struct hg_pool *warehouse,
                     const struct hg_page *page,
                     json_t **ret,
                     struct hg_error *err)
{
    (void)warehouse;
    return give(note(err, "datasets %d", page->limit), a_list(), ret);
}

int hg_datasets_export_check(struct hg_pool *warehouse,
                             const char *schema_table,
                             const struct hg_rows_query *query,
                             struct hg_error *err)
{
    (void)warehouse;
    return note(err,
                "export %s %s %s %s %s",
                schema_table,
                or_none(query->columns),
                or_none(query->order),
                or_none(query->from),
                or_none(query->to));
}

int hg_datasets_export(struct hg_pool *warehouse,
                       const char *schema_table,
                       const struct hg_rows_query *query,
                       enum hg_rows_format format,
                       const struct hg_rows_sink *sink,
                       struct hg_error *err)
{
    static const char *const texts[] = {[HG_ROWS_CSV] = "a\n1\n", [HG_ROWS_JSONL] = "{\"a\":1}\n"};
    (void)warehouse;
    (void)schema_table;
    (void)query;
    return sink->write(sink->arg, texts[format], strlen(texts[format]), err);
}

int hg_datasets_rows(struct hg_pool *warehouse,
                     const char *schema_table,
                     const struct hg_rows_query *query,
                     json_t **ret,
                     struct hg_error *err)
{
    (void)warehouse;
    return give(note(err,
                     "rows %s %d %s %s %s %s %s",
                     schema_table,
                     query->page.limit,
                     or_none(query->page.cursor),
                     or_none(query->columns),
                     or_none(query->order),
                     or_none(query->from),
                     or_none(query->to)),
                json_pack("{s:[], s:[], s:n}", "columns", "rows", "next_cursor"),
                ret);
}

int hg_pipelines_status(struct hg_pipelines *service, json_t **ret, struct hg_error *err)
{
    (void)service;
    return give(note(err, "status"), json_pack("{s:i, s:[]}", "pipelines", 3, "workers"), ret);
}

void hg_pipelines_put_metrics(struct hg_pipelines *service, struct hg_buf *buf)
{
    (void)service;
    hg_buf_puts(buf, "fake_pipelines 1\n");
}

json_t *hg_plugin_registry_to_json(const struct hg_plugin_registry *registry)
{
    (void)registry;
    return json_pack("[{s:s}]", "id", "csv");
}

/* ---- alerts ---- */

static int give_channel(int r, json_t **ret, char ret_etag[HG_CHANNEL_ETAG])
{
    r = give(r, json_pack("{s:s, s:s, s:s}", "id", FAKE_RUN, "name", "ops", "secret", "s"), ret);
    if (r == HG_OK) {
        (void)snprintf(ret_etag, HG_CHANNEL_ETAG, "\"1\"");
    }
    return r;
}

static int note_wish(const char *what,
                     const char *id,
                     const struct hg_channel_wish *wish,
                     bool *ret_stale,
                     struct hg_error *err)
{
    if (ret_stale) {
        *ret_stale = wish->if_match && strcmp(wish->if_match, "\"1\"") != 0;
    }
    return note(err,
                "%s %s %s %s %s %s %s",
                what,
                id,
                or_none(wish->name),
                or_none(wish->kind),
                or_none(wish->url),
                or_none(wish->secret),
                !wish->enabled   ? "-"
                : *wish->enabled ? "on"
                                 : "off");
}

int hg_channel_list(struct hg_alerts *alerts,
                    const struct hg_page *page,
                    json_t **ret,
                    struct hg_error *err)
{
    (void)alerts;
    return give(note(err, "channels %d %s", page->limit, or_none(page->cursor)), a_list(), ret);
}

int hg_channel_names(struct hg_alerts *alerts, json_t **ret, struct hg_error *err)
{
    (void)alerts;
    *ret = json_pack("{s:b, s:b}", "chat", 1, "ops", 1);
    return *ret ? HG_OK : hg_error_nomem(err);
}

int hg_channel_get(struct hg_alerts *alerts,
                   const char *id,
                   json_t **ret,
                   char ret_etag[HG_CHANNEL_ETAG],
                   struct hg_error *err)
{
    (void)alerts;
    return give_channel(note(err, "channel %s", id), ret, ret_etag);
}

int hg_channel_create(struct hg_alerts *alerts,
                      const struct hg_principal *by,
                      const struct hg_channel_wish *wish,
                      json_t **ret,
                      char ret_etag[HG_CHANNEL_ETAG],
                      struct hg_error *err)
{
    (void)alerts;
    return give_channel(note_wish("create", by->username, wish, NULL, err), ret, ret_etag);
}

int hg_channel_update(struct hg_alerts *alerts,
                      const struct hg_principal *by,
                      const char *id,
                      const struct hg_channel_wish *wish,
                      json_t **ret,
                      char ret_etag[HG_CHANNEL_ETAG],
                      bool *ret_stale,
                      struct hg_error *err)
{
    (void)alerts;
    (void)by;
    return give_channel(note_wish("change", id, wish, ret_stale, err), ret, ret_etag);
}

int hg_channel_delete(struct hg_alerts *alerts,
                      const struct hg_principal *by,
                      const char *id,
                      const char *if_match,
                      bool *ret_stale,
                      struct hg_error *err)
{
    (void)alerts;
    (void)by;
    *ret_stale = if_match && strcmp(if_match, "\"1\"") != 0;
    return note(err, "delete %s", id);
}

int hg_channel_test(struct hg_alerts *alerts,
                    const struct hg_principal *by,
                    const char *id,
                    json_t **ret,
                    struct hg_error *err)
{
    (void)alerts;
    (void)by;
    return give(note(err, "test %s", id), json_pack("{s:b}", "success", 1), ret);
}

int hg_alert_list(struct hg_alerts *alerts,
                  const struct hg_alert_filter *filter,
                  const struct hg_page *page,
                  json_t **ret,
                  struct hg_error *err)
{
    (void)alerts;
    return give(note(err,
                     "alerts %s %s %s %d",
                     or_none(filter->pipeline_id),
                     or_none(filter->channel),
                     or_none(filter->delivery),
                     page->limit),
                a_list(),
                ret);
}

void hg_alerts_put_metrics(struct hg_alerts *alerts, struct hg_buf *buf)
{
    (void)alerts;
    hg_buf_puts(buf, "fake_alerts 1\n");
}
