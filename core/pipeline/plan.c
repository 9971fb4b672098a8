#include "pipeline/plan.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "base/zone.h"
#include "pipeline/peers.h"
#include "pipeline/schedule.h"
#include "pipeline/signal.h"
#include "pipeline/state.h"

static const struct hg_statement schedules = {
    "plan_list",
    "select id, enabled and errors = '[]'::jsonb and not file_missing as active,"
    " coalesce(overrides->'schedule', (definition->'schedule')::jsonb)#>>'{}' as schedule,"
    " coalesce(overrides->>'timezone', definition->>'timezone', 'UTC') as timezone"
    " from pipeline where ($1::text is null or id = $1) and ($2::text is null"
    " or next_run_at is null or next_run_at > now()"
    " or not exists (select from host where name <> $2 and lease_until > now()))",
    2};

static const struct hg_statement plan = {
    "plan_set", "update pipeline set next_run_at = $2::timestamptz where id = $1", 2};

/* The next fire time as text, or false when there is none. */
static bool next_time(const char *schedule_text,
                      const char *zone_name,
                      char ret[HG_TIME_TEXT],
                      struct hg_error *err)
{
    struct hg_schedule schedule;
    HG_CLEANUP(hg_zone_freep) struct hg_zone *zone = NULL;
    int64_t at_us = 0;
    int r = hg_schedule_parse(schedule_text, &schedule, err);
    r = r < 0 ? r : hg_zone_load(zone_name, &zone, err);
    if (r < 0) {
        hg_log_error("a stored schedule cannot be read", err);
        return false;
    }
    if (hg_schedule_next(&schedule, zone, hg_time_now_us(), &at_us) < 0) {
        return false;
    }
    hg_time_format(at_us, ret);
    return true;
}

/*
 * `id` NULL: all. `besides` names a host: what is due is left to those that run besides it; NULL:
 * nothing is.
 */
static int plan_in(struct hg_db *db, const char *id, const char *besides, struct hg_error *err)
{
    const char *const which[] = {id, besides};
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    int r = hg_db_exec(db, &schedules, which, &result, err);
    for (int row = 0; r == HG_OK && row < PQntuples(result); row++) {
        char at[HG_TIME_TEXT];
        const char *schedule = hg_result_text(result, row, "schedule");
        bool has_next = schedule && hg_result_bool(result, row, "active") &&
                        next_time(schedule, hg_result_text(result, row, "timezone"), at, err);
        const char *const params[] = {hg_result_text(result, row, "id"), has_next ? at : NULL};
        r = hg_db_exec(db, &plan, params, NULL, err);
    }
    return r;
}

int hg_plan_in(struct hg_db *db, const char *id, struct hg_error *err)
{
    return plan_in(db, id, NULL, err);
}

static int plan_and_tell(struct hg_pipelines *service,
                         const char *id,
                         const char *besides,
                         struct hg_error *err)
{
    {
        HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
        int r = hg_pool_borrow(service->options.metadata, HG_BORROW_MS, &db, err);
        r = r < 0 ? r : plan_in(db, id, besides, err);
        if (r < 0) {
            return r;
        }
    }
    hg_peers_tell_schedules(service);
    hg_signal_scheduler(service);
    return HG_OK;
}

int hg_plan_one(struct hg_pipelines *service, const char *id, struct hg_error *err)
{
    return plan_and_tell(service, id, NULL, err);
}

int hg_plan_all(struct hg_pipelines *service, bool at_start, struct hg_error *err)
{
    /* At a start our own lease may still hold, of a life in which nobody saw to what was due. */
    return plan_and_tell(service, NULL, at_start ? service->host : "", err);
}
