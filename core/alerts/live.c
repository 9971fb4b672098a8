#include "alerts/live.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "events/bus.h"
#include "store/sql_time.h"

enum { ROWS_MAX = 500 };

/* Whoever watches now has begun since the last look. */
static const struct hg_statement begin = {
    "alert_live_begin", "select (now() - $1::bigint * interval '1 millisecond')::text as at", 1};

/*
 * Ten seconds more than have been read: what is committed later may have ended earlier. What has
 * been read lies ahead where the clock was set back since: then what ended just now is news.
 */
#define READ "greatest($1::timestamptz, $2::timestamptz - interval '10 seconds')"
static const struct hg_statement ended = {
    "alert_live",
    "select d.id, d.ended_at, case d.status when 'sent' then 'alert.delivered'"
    " when 'suppressed' then 'alert.suppressed' else 'alert.failed' end as event, a.run_id,"
    " json_build_object('id', d.id, 'alert_id', a.id, 'type', a.type, 'pipeline_id',"
    " a.pipeline_id, 'run_id', a.run_id, 'summary', a.summary, 'channel', d.channel, 'kind',"
    " d.kind, 'status', d.status, 'attempts', d.attempts, 'sent_at', " HG_SQL_TIME(
        "d.sent_at") ", 'http_status', d.http_status, 'error', d.error) as item"
                     " from alert_delivery d join alert a on a.id = d.alert_id"
                     " where d.ended_at > case when " READ " > now()"
                     " then now() - interval '10 seconds' else " READ " end"
                     " and d.ended_at < now() + interval '1 minute'"
                     " order by d.ended_at desc limit $3::int",
    3};

void hg_alert_live_free(struct hg_alert_live *live)
{
    free(live->from);
    free(live->newest);
    json_decref(live->told);
    *live = (struct hg_alert_live){.looked_at_ms = hg_time_monotonic_ms()};
}

static void publish(struct hg_alerts *alerts, const PGresult *result, int row)
{
    const char *data = hg_result_text(result, row, "item");
    hg_events_publish(alerts->options.events,
                      HG_TOPIC_ALERTS,
                      hg_result_text(result, row, "event"),
                      hg_result_text(result, row, "run_id"),
                      data,
                      strlen(data));
}

/* In the order in which they ended. */
static int tell(struct hg_alerts *alerts,
                struct hg_alert_live *live,
                const PGresult *result,
                struct hg_error *err)
{
    json_t *told = json_object();
    for (int row = PQntuples(result) - 1; told && row >= 0; row--) {
        const char *id = hg_result_text(result, row, "id");
        if (!json_object_get(live->told, id)) {
            publish(alerts, result, row);
        }
        if (json_object_set_new(told, id, json_true()) < 0) {
            json_decref(told);
            told = NULL;
        }
    }
    if (!told) {
        hg_events_hole(alerts->options.events, HG_TOPIC_ALERTS);
        return hg_error_nomem(err);
    }
    json_decref(live->told);
    live->told = told;
    return HG_OK;
}

/* A text of its own in place of another. */
static int keep(char **field, const PGresult *result, const char *column, struct hg_error *err)
{
    char *text = strdup(hg_result_text(result, 0, column));
    if (!text) {
        return hg_error_nomem(err);
    }
    free(*field);
    *field = text;
    return HG_OK;
}

static int begin_to_watch(struct hg_db *db, struct hg_alert_live *live, struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    char age_ms[24];
    (void)snprintf(age_ms, sizeof age_ms, "%" PRId64, hg_time_monotonic_ms() - live->looked_at_ms);
    const char *const params[] = {age_ms};
    int r = hg_db_exec(db, &begin, params, &result, err);
    return r < 0 ? r : keep(&live->from, result, "at", err);
}

static int read_and_tell(struct hg_alerts *alerts, struct hg_alert_live *live, struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    char limit[16];
    (void)snprintf(limit, sizeof limit, "%d", ROWS_MAX);
    int r = hg_pool_borrow(alerts->options.metadata, HG_BORROW_MS, &db, err);
    r = r < 0 || live->from ? r : begin_to_watch(db, live, err);
    const char *const params[] = {live->from, live->newest, limit};
    r = r < 0 ? r : hg_db_exec(db, &ended, params, &result, err);
    if (r < 0 || PQntuples(result) == 0) {
        return r;
    }
    if (PQntuples(result) == ROWS_MAX) {
        /* Maybe more than are read at once: who watches asks for all of them. */
        hg_events_hole(alerts->options.events, HG_TOPIC_ALERTS);
    }
    r = tell(alerts, live, result, err);
    return r < 0 ? r : keep(&live->newest, result, "ended_at", err);
}

int hg_alert_live_look(struct hg_alerts *alerts, struct hg_alert_live *live, struct hg_error *err)
{
    if (hg_events_wanted(alerts->options.events, HG_TOPIC_ALERTS)) {
        return read_and_tell(alerts, live, err);
    }
    if (live->from) {
        /* Whoever comes back later has missed what ends meanwhile. */
        hg_events_hole(alerts->options.events, HG_TOPIC_ALERTS);
        hg_alert_live_free(live);
    }
    live->looked_at_ms = hg_time_monotonic_ms();
    return HG_OK;
}
