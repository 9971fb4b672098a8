#include "alerts/log.h"

#include <stdio.h>

#include "base/uuid.h"
#include "store/sql_time.h"

/* clang-format off */

static const struct hg_statement list = {
    "alert_list",
    "select a.id as cursor_key, json_build_object('id', a.id, 'type', a.type,"
    " 'pipeline_id', a.pipeline_id, 'run_id', a.run_id, 'last_run_id', a.last_run_id,"
    " 'summary', a.summary, 'count', a.count, 'first_at', " HG_SQL_TIME("a.first_at") ","
    " 'last_at', " HG_SQL_TIME("a.last_at") ", 'deliveries', coalesce((select json_agg("
    " json_build_object('id', d.id, 'channel', d.channel, 'kind', d.kind, 'status', d.status,"
    " 'attempts', d.attempts, 'next_attempt_at', " HG_SQL_TIME("d.next_at") ","
    " 'sent_at', " HG_SQL_TIME("d.sent_at") ", 'http_status', d.http_status, 'error', d.error)"
    " order by d.channel, d.id) from alert_delivery d where d.alert_id = a.id), '[]')) as item"
    " from alert a where ($1::text is null or a.pipeline_id = $1)"
    " and (($2::text is null and $3::text is null) or exists (select from alert_delivery d"
    " where d.alert_id = a.id and ($2::text is null or d.channel = $2)"
    " and ($3::text is null or d.status = $3)))"
    " and ($4::uuid is null or a.id < $4::uuid) order by a.id desc limit $5::int + 1",
    5};

/* clang-format on */

/*
 * One that still counts or is not delivered yet is kept, however old; and all are while the clock
 * is in doubt, which the scheduler's last look says (pipeline/doubt.h).
 */
static const struct hg_statement drop_old = {
    "alert_drop_old",
    "delete from alert a where a.last_at < now() - $1::int * interval '1 day'"
    " and exists (select from clock_seen where seen_at between now() - interval '15 minutes'"
    " and now() + interval '15 minutes') and not exists (select from clock_seen"
    " where set_at between now() - interval '1 day' and now() + interval '1 day') and not exists"
    " (select from alert_window w where w.alert_id = a.id and w.ends_at > now())"
    " and not exists (select from alert_delivery d where d.alert_id = a.id"
    " and d.status = 'pending')",
    1};

static const struct hg_statement drop_windows = {
    "alert_drop_windows", "delete from alert_window where ends_at < now()", 0};

static const struct hg_statement end_orphans = {
    "alert_end_orphans",
    "update alert_delivery d set status = 'failed', next_at = null, error = 'the channel is gone'"
    " where d.status = 'pending'"
    " and not exists (select from alert_channel c where c.id = d.channel_id)",
    0};

int hg_alert_list(struct hg_alerts *alerts,
                  const struct hg_alert_filter *filter,
                  const struct hg_page *page,
                  json_t **ret,
                  struct hg_error *err)
{
    const char *const filters[] = {filter->pipeline_id, filter->channel, filter->delivery};
    const struct hg_page_query query = {.pool = alerts->options.metadata,
                                        .wait_ms = HG_BORROW_MS,
                                        .list = &list,
                                        .filters = filters,
                                        .is_key = hg_uuid_is_valid};
    return hg_page_ask(&query, page, ret, err);
}

int hg_alert_keep(struct hg_alerts *alerts, struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    char days[16];
    json_int_t n =
        json_integer_value(json_object_get(alerts->options.config->retention, "alerts_days"));
    (void)snprintf(days, sizeof days, "%d", (int)n);
    const char *const params[] = {days};
    int r = hg_pool_borrow(alerts->options.metadata, HG_BORROW_MS, &db, err);
    r = r < 0 || n == 0 ? r : hg_db_exec(db, &drop_old, params, NULL, err);
    r = r < 0 ? r : hg_db_exec(db, &drop_windows, NULL, NULL, err);
    return r < 0 ? r : hg_db_exec(db, &end_orphans, NULL, NULL, err);
}
