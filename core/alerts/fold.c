#include "alerts/fold.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { NUMBER_TEXT = 24 };

/*
 * Whoever comes to the same key waits here for the other's end, and sees its alert afterwards. A
 * window that ends much later than one that begins now is of a clock that was set back since; a
 * little later is that of who began behind us and came here first. And where the alert reached
 * nobody the next one is news.
 */
#define IS_OPEN                                                                  \
    "(w.ends_at > now() and w.ends_at <= excluded.ends_at + interval '1 minute'" \
    " and coalesce((select bool_or(d.status <> 'failed') from alert_delivery d"  \
    " where d.alert_id = w.alert_id), true))"
static const struct hg_statement take_window = {
    "alert_window",
    "insert into alert_window as w (key, alert_id, ends_at)"
    " values ($1, $2::uuid, now() + $3::bigint * interval '1 millisecond')"
    " on conflict (key) do update set"
    " alert_id = case when " IS_OPEN " then w.alert_id else excluded.alert_id end,"
    " ends_at = case when " IS_OPEN " then w.ends_at else excluded.ends_at end"
    " returning alert_id",
    3};

static const struct hg_statement add_alert = {
    "alert_add",
    "insert into alert (id, type, pipeline_id, run_id, last_run_id, summary, detail, count)"
    " values ($1, $2, $3, $4, $4, $5, $6, $7)",
    7};

static const struct hg_statement add_deliveries = {
    "alert_add_deliveries",
    "insert into alert_delivery (alert_id, channel_id, channel, kind, status, next_at, error,"
    " is_notice)"
    " select $1::uuid, c.id, n.name, c.kind, case when c.enabled then 'pending' else 'failed' end,"
    " case when c.enabled then now() end,"
    " case when c.id is null then 'there is no channel of this name'"
    " when not c.enabled then 'the channel is switched off' end, $3::boolean"
    " from (select distinct unnest($2::text[]) as name) n"
    " left join alert_channel c on c.name = n.name",
    3};

static const struct hg_statement count_again = {
    "alert_count",
    "update alert set count = count + $2::int, last_at = now(),"
    " last_run_id = coalesce($3, last_run_id), summary = $4, detail = $5 where id = $1",
    5};

static const struct hg_statement take_event = {
    "alert_take_event",
    "delete from alert_event where seq = (select seq from alert_event order by seq limit 1"
    " for update skip locked) returning type, pipeline_id, run_id, channels, summary, detail",
    0};

static int add(struct hg_db *db,
               const char *id,
               const struct hg_alert_new *alert,
               const char *count,
               struct hg_error *err)
{
    const char *const row[] = {
        id, alert->type, alert->pipeline_id, alert->run_id, alert->summary, alert->detail, count};
    const char *const deliveries[] = {id, alert->channels, alert->is_notice ? "true" : "false"};
    int r = hg_db_exec(db, &add_alert, row, NULL, err);
    return r < 0 ? r : hg_db_exec(db, &add_deliveries, deliveries, NULL, err);
}

int hg_alert_raise(struct hg_db *db,
                   const struct hg_alert_new *alert,
                   char *ret_id,
                   struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *window = NULL;
    char id[HG_UUID_TEXT];
    char window_ms[NUMBER_TEXT];
    char count[NUMBER_TEXT];
    (void)snprintf(window_ms, sizeof window_ms, "%" PRId64, alert->window_ms);
    (void)snprintf(count, sizeof count, "%" PRId64, alert->count);
    int r = hg_uuid_new(id, err);
    const char *const key[] = {alert->key, id, window_ms};
    r = r < 0 ? r : hg_db_exec(db, &take_window, key, &window, err);
    if (r < 0) {
        return r;
    }
    const char *of_window = hg_result_text(window, 0, "alert_id");
    if (strcmp(of_window, id) == 0) {
        r = add(db, id, alert, count, err);
    } else {
        const char *const again[] = {
            of_window, count, alert->run_id, alert->summary, alert->detail};
        r = hg_db_exec(db, &count_again, again, NULL, err);
    }
    if (r == HG_OK && ret_id) {
        (void)snprintf(ret_id, HG_UUID_TEXT, "%s", of_window);
    }
    return r;
}

static int fold_row(struct hg_alerts *alerts,
                    struct hg_db *db,
                    const PGresult *event,
                    struct hg_error *err)
{
    char key[256];
    const char *type = hg_result_text(event, 0, "type");
    const char *pipeline_id = hg_result_text(event, 0, "pipeline_id");
    (void)snprintf(key, sizeof key, "%s:%s", type, pipeline_id ? pipeline_id : "");
    const struct hg_alert_new alert = {
        .key = key,
        .window_ms = alerts->options.config->alert_window_ms,
        .type = type,
        .pipeline_id = pipeline_id,
        .run_id = hg_result_text(event, 0, "run_id"),
        .channels = hg_result_text(event, 0, "channels"),
        .summary = hg_result_text(event, 0, "summary"),
        .detail = hg_result_text(event, 0, "detail"),
        .count = 1,
    };
    return hg_alert_raise(db, &alert, NULL, err);
}

int hg_alert_fold(struct hg_alerts *alerts, bool *ret_found, struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    HG_CLEANUP(hg_resultp) PGresult *event = NULL;
    int r = hg_pool_borrow(alerts->options.metadata, HG_BORROW_MS, &db, err);
    r = r < 0 ? r : hg_db_begin(db, err);
    r = r < 0 ? r : hg_db_exec(db, &take_event, NULL, &event, err);
    bool found = r == HG_OK && PQntuples(event) > 0;
    if (found) {
        r = fold_row(alerts, db, event, err);
    }
    r = r < 0 ? r : hg_db_commit(db, err);
    if (r == HG_OK) {
        *ret_found = found;
    }
    return r;
}
