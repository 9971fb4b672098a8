#include "pipeline/plan.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "base/zone.h"
#include "pipeline/live.h"
#include "pipeline/peers.h"
#include "pipeline/signal.h"
#include "pipeline/state.h"
#include "schedule/schedule.h"

/* What a next time was made with. */
#define PLANNED_BY HG_SQL_SCHEDULE " || ' ' || " HG_SQL_TIMEZONE
#define NEXT_US    "coalesce((extract(epoch from next_run_at) * 1000000)::bigint, 0)"

/* clang-format off */
static const struct hg_statement schedules = {
    "plan_list",
    "select id, enabled and errors = '[]'::jsonb and not file_missing as active,"
    " " HG_SQL_SCHEDULE " as schedule, " HG_SQL_TIMEZONE " as timezone,"
    " " PLANNED_BY " as planned_by, " NEXT_US " as next_us,"
    " coalesce(next_run_at <= now() and planned_by = " PLANNED_BY ", false) as is_due,"
    " (extract(epoch from now()) * 1000000)::bigint as now_us"
    " from pipeline where $1::text is null or id = $1",
    1};

/* Only of what was read: somebody else may have moved on, or changed the schedule. */
static const struct hg_statement plan = {
    "plan_set",
    "update pipeline set next_run_at = $2::timestamptz, planned_by = $3 where id = $1"
    " and (" PLANNED_BY ") is not distinct from $3 and " NEXT_US " = $4::bigint returning id",
    4};
/* clang-format on */

enum { TRIES = 5 };

/* The next fire time as text, or false when there is none. */
static bool next_time(const char *schedule_text,
                      const char *zone_name,
                      int64_t now_us,
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
    if (hg_schedule_next(&schedule, zone, now_us, &at_us) < 0) {
        return false;
    }
    hg_time_format(at_us, ret);
    return true;
}

static int plan_row(
    struct hg_db *db, const PGresult *result, int row, bool *ret_missed, struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *planned = NULL;
    char at[HG_TIME_TEXT];
    const char *schedule = hg_result_text(result, row, "schedule");
    bool is_active = schedule && hg_result_bool(result, row, "active");
    if (is_active && hg_result_bool(result, row, "is_due")) {
        return HG_OK;
    }
    bool has_next = is_active && next_time(schedule,
                                           hg_result_text(result, row, "timezone"),
                                           hg_result_int64(result, row, "now_us", 0),
                                           at,
                                           err);
    const char *const params[] = {hg_result_text(result, row, "id"),
                                  has_next ? at : NULL,
                                  hg_result_text(result, row, "planned_by"),
                                  hg_result_text(result, row, "next_us")};
    int r = hg_db_exec(db, &plan, params, &planned, err);
    *ret_missed = *ret_missed || (r == HG_OK && PQntuples(planned) == 0);
    return r;
}

static int plan_once(struct hg_db *db, const char *id, bool *ret_missed, struct hg_error *err)
{
    const char *const which[] = {id};
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    int r = hg_db_exec(db, &schedules, which, &result, err);
    for (int row = 0; r == HG_OK && row < PQntuples(result); row++) {
        r = plan_row(db, result, row, ret_missed, err);
    }
    return r;
}

static int plan_in(struct hg_db *db, const char *id, struct hg_error *err)
{
    int r = HG_OK;
    bool missed = true;
    for (int i = 0; r == HG_OK && missed && i < TRIES; i++) {
        missed = false;
        r = plan_once(db, id, &missed, err);
    }
    return r;
}

int hg_plan(struct hg_pipelines *service, const char *id, struct hg_error *err)
{
    {
        HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
        int r = hg_pool_borrow(service->options.metadata, HG_BORROW_MS, &db, err);
        r = r < 0 ? r : plan_in(db, id, err);
        if (r < 0) {
            return r;
        }
    }
    if (id) {
        hg_live_pipeline(service, id);
    }
    hg_peers_tell_schedules(service);
    hg_signal_scheduler(service);
    return HG_OK;
}
