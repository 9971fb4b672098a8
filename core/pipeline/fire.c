#include "pipeline/fire.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error_json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "base/uuid.h"
#include "pipeline/backfill.h"
#include "pipeline/live.h"
#include "pipeline/plan.h"
#include "pipeline/runs.h"
#include "pipeline/state.h"
#include "schedule/missed.h"
#include "store/outage.h"

/* One row at least, with the database's time. */
static const struct hg_statement due_rows = {
    "fire_due",
    "select n.now_us, p.* from (select (extract(epoch from now()) * 1000000)::bigint as now_us) n"
    " left join lateral (select id, (extract(epoch from next_run_at) * 1000000)::bigint as due_us,"
    " next_run_at, " HG_SQL_SCHEDULE " as schedule, " HG_SQL_TIMEZONE " as timezone,"
    " coalesce(definition->>'missed', 'last') as missed,"
    " (definition->>'missed_limit')::int as missed_limit,"
    " (definition->>'missed_window_ms')::bigint as missed_window_ms"
    " from pipeline where next_run_at <= now() and not exists (select from pause)) p on true"
    " order by p.next_run_at",
    0};

/* Only from the time that was seen to: the schedule may have been changed meanwhile. */
static const struct hg_statement move_on = {
    "fire_move_on",
    "update pipeline set next_run_at = $2::timestamptz where id = $1"
    " and (extract(epoch from next_run_at) * 1000000)::bigint = $3::bigint returning id",
    3};

static const struct hg_statement write_skipped = {
    "fire_skipped",
    "with tick as (insert into schedule_tick (pipeline_id, scheduled_for, run_id)"
    " values ($2, $3::timestamptz, $1::uuid) on conflict do nothing returning run_id)"
    " insert into run (id, pipeline_id, version, status, trigger, scheduled_for, finished_at, "
    "error)"
    " select run_id, p.id, p.version, 'skipped', 'schedule', $3::timestamptz, now(), $4::jsonb"
    " from tick, pipeline p where p.id = $2",
    4};

/* Of times that a clock which went wrong said had come. */
static const struct hg_statement forget_ticks_to_come = {
    "fire_forget_ticks_to_come",
    "delete from schedule_tick where scheduled_for > now() + interval '1 minute'",
    0};

/* A pipeline that is due. */
struct due {
    struct hg_pipelines *service;
    const char *id;
    int64_t due_us;
    int64_t set_us; /* by how much the clock was just set */
    struct hg_schedule schedule;
    struct hg_zone *zone;
    enum hg_missed_policy policy;
    struct hg_missed missed;
};

/* ---- what does not run ---- */

/* Whoever commits it tells of it. */
static int skip(struct hg_db *db,
                const char *pipeline,
                const char *scheduled_for,
                const struct hg_error *reason,
                char run_id[HG_UUID_TEXT],
                struct hg_error *err)
{
    HG_CLEANUP(hg_json_decrefp) json_t *json = hg_error_to_json(reason);
    HG_CLEANUP(hg_freep) char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    if (!text) {
        return hg_error_nomem(err);
    }
    const char *const params[] = {run_id, pipeline, scheduled_for, text};
    int r = hg_uuid_new(run_id, err);
    r = r < 0 ? r : hg_db_exec(db, &write_skipped, params, NULL, err);
    if (r == HG_OK) {
        hg_log(HG_LOG_WARNING,
               "a scheduled run is skipped",
               "pipeline_id",
               pipeline,
               "scheduled_for",
               scheduled_for,
               "reason",
               reason->message,
               NULL);
    }
    return r;
}

static int skip_overlapping(struct hg_pipelines *service,
                            const char *pipeline,
                            const char *scheduled_for,
                            const char *busy,
                            struct hg_error *err)
{
    struct hg_error reason = HG_ERROR_INIT;
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    char run_id[HG_UUID_TEXT];
    (void)hg_error_set(&reason, HG_ECONFLICT, "run %s of the pipeline was still under way", busy);
    (void)hg_error_hint(&reason, "Let it run less often, or see what makes its runs slow.");
    int r = hg_pool_borrow(service->options.metadata, HG_BORROW_MS, &db, err);
    r = r < 0 ? r : skip(db, pipeline, scheduled_for, &reason, run_id, err);
    if (r == HG_OK) {
        hg_live_run(service, run_id, HG_LIVE_CHANGED); /* it was never queued */
    }
    return r;
}

/* Why missed times do not run, as the one who looks at the history needs it. */
static void say_missed(const struct due *due, struct hg_error *ret)
{
    static const char *const rules[] = {
        "missed: none", "missed: last", "missed: all, within its limits"};
    const struct hg_missed *missed = &due->missed;
    char from[HG_TIME_TEXT];
    char to[HG_TIME_TEXT];
    hg_time_format(missed->first_dropped_us, from);
    hg_time_format(missed->last_dropped_us, to);
    if (due->set_us != 0) {
        (void)hg_error_set(ret,
                           HG_ECANCELLED,
                           "the clock was set by %" PRId64 " min: %" PRId64
                           " times from %s to %s never were",
                           due->set_us / 60000000,
                           missed->n_dropped,
                           from,
                           to);
        return;
    }
    (void)hg_error_set(ret,
                       HG_ECANCELLED,
                       "%" PRId64
                       " scheduled time(s) from %s to %s came while no host ran or all were "
                       "paused, and are not made up for (%s)",
                       missed->n_dropped,
                       from,
                       to,
                       rules[due->policy]);
    (void)hg_error_hint(ret,
                        "A backfill runs them now; `missed` of the pipeline's file says what is "
                        "made up for by itself.");
}

static int skip_missed(struct hg_db *db,
                       const struct due *due,
                       char run_id[HG_UUID_TEXT],
                       struct hg_error *err)
{
    struct hg_error reason = HG_ERROR_INIT;
    char at[HG_TIME_TEXT];
    if (due->missed.n_dropped == 0) {
        return HG_OK;
    }
    hg_time_format(due->missed.last_dropped_us, at);
    say_missed(due, &reason);
    return skip(db, due->id, at, &reason, run_id, err);
}

/* ---- what runs ---- */

/*
 * Creates the run of a time. What cannot be mended by waiting is logged and the time is over; a
 * failure that passes is returned, and the time stays due.
 */
static int fire(struct due *due, int64_t at_us, struct hg_error *ret_err)
{
    struct hg_error err = HG_ERROR_INIT;
    char run_id[HG_UUID_TEXT];
    char busy[HG_UUID_TEXT] = "";
    char at[HG_TIME_TEXT];
    char start[HG_TIME_TEXT];
    int64_t start_us = 0;
    bool has_start = hg_schedule_previous(&due->schedule, due->zone, at_us, &start_us) == HG_OK;
    hg_time_format(at_us, at);
    hg_time_format(start_us, start);
    const struct hg_run_request request = {
        .pipeline_id = due->id,
        .trigger = "schedule",
        .scheduled_for = at,
        .interval_start = has_start ? start : NULL,
    };
    int r = hg_run_create(due->service, &request, run_id, busy, &err);
    if (r == HG_ECONFLICT && busy[0] != '\0') {
        return skip_overlapping(due->service, due->id, at, busy, ret_err);
    }
    if (r < 0 && hg_outage_passes(r, &err)) {
        *ret_err = err;
        return r;
    }
    if (r < 0 && r != HG_ECONFLICT) { /* else another host made this time's run */
        hg_log_error("a scheduled run could not be created", &err);
    }
    return HG_OK;
}

/* What runs in the place of an on-time run: that, or the only one that is made up for. */
static int64_t single(const struct hg_missed *missed)
{
    if (missed->on_time_us != HG_MISSED_NEVER) {
        return missed->on_time_us;
    }
    return missed->n_make_up == 1 ? missed->make_up_us[0] : HG_MISSED_NEVER;
}

/* Beside the pipeline's runs, one at a time. */
static int make_up(struct hg_db *db,
                   const struct due *due,
                   char ret_id[HG_UUID_TEXT],
                   struct hg_error *err)
{
    const struct hg_missed *missed = &due->missed;
    int64_t before_us = 0;
    if (missed->n_make_up == 0 || single(missed) == missed->make_up_us[0]) {
        return HG_OK;
    }
    bool has_before =
        hg_schedule_previous(&due->schedule, due->zone, missed->make_up_us[0], &before_us) == HG_OK;
    const struct hg_backfill_times times = {
        .n = (size_t)missed->n_make_up,
        .times_us = missed->make_up_us,
        .before_first_us = has_before ? &before_us : NULL,
        .from_us = missed->make_up_us[0],
        .to_us = missed->make_up_us[missed->n_make_up - 1],
    };
    return hg_backfill_add(db, due->id, "missed", &times, NULL, ret_id, err);
}

/* Behind the commit. Empty ids are of what there was none of. */
static void tell(const struct due *due, const char *skipped, const char *backfill)
{
    if (skipped[0]) {
        hg_live_run(due->service, skipped, HG_LIVE_CHANGED);
    }
    if (backfill[0]) {
        hg_live_backfill(due->service, backfill);
    }
    hg_live_pipeline(due->service, due->id); /* its next time is another */
}

/* All but the run itself, whose time has a key of its own: at once, or not at all. */
static int write_down(const struct due *due, struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    HG_CLEANUP(hg_resultp) PGresult *moved = NULL;
    char next[HG_TIME_TEXT];
    char from[24];
    char skipped[HG_UUID_TEXT] = "";
    char backfill[HG_UUID_TEXT] = "";
    hg_time_format(due->missed.next_us == HG_MISSED_NEVER ? 0 : due->missed.next_us, next);
    (void)snprintf(from, sizeof from, "%" PRId64, due->due_us);
    const char *const params[] = {
        due->id, due->missed.next_us == HG_MISSED_NEVER ? NULL : next, from};
    int r = hg_pool_borrow(due->service->options.metadata, HG_BORROW_MS, &db, err);
    r = r < 0 ? r : hg_db_begin(db, err);
    r = r < 0 ? r : hg_db_exec(db, &move_on, params, &moved, err);
    if (r == HG_OK && PQntuples(moved) == 0) {
        return HG_OK; /* another host saw to it, or somebody changed the schedule */
    }
    r = r < 0 ? r : make_up(db, due, backfill, err);
    r = r < 0 ? r : skip_missed(db, due, skipped, err);
    r = r < 0 ? r : hg_db_commit(db, err);
    if (r == HG_OK) {
        tell(due, skipped, backfill);
    }
    return r;
}

/* ---- a row ---- */

static void rule_of(const PGresult *result, int row, struct hg_missed_rule *ret)
{
    *ret = (struct hg_missed_rule){
        .policy = HG_MISSED_LAST,
        .limit = (int)hg_result_int64(result, row, "missed_limit", HG_MISSED_LIMIT),
        .window_us =
            1000 * hg_result_int64(
                       result, row, "missed_window_ms", HG_MISSED_WINDOW_D * INT64_C(86400000)),
    };
    (void)hg_missed_policy_of(hg_result_text(result, row, "missed"), &ret->policy);
}

static int see_to(struct due *due, const PGresult *result, int row, struct hg_error *err)
{
    struct hg_error reason = HG_ERROR_INIT;
    struct hg_missed_rule rule;
    const char *schedule = hg_result_text(result, row, "schedule");
    int r = hg_schedule_parse(schedule ? schedule : "", &due->schedule, &reason);
    r = r < 0 ? r : hg_zone_load(hg_result_text(result, row, "timezone"), &due->zone, &reason);
    rule_of(result, row, &rule);
    due->policy = rule.policy;
    due->missed.next_us = HG_MISSED_NEVER;
    due->missed.on_time_us = HG_MISSED_NEVER;
    if (r == HG_ENOMEM) {
        return hg_error_nomem(err);
    }
    if (r < 0) { /* it has no next time then */
        hg_log_error("a stored schedule cannot be read", &reason);
        return write_down(due, err);
    }
    hg_missed_find(&due->schedule,
                   due->zone,
                   due->due_us,
                   hg_result_int64(result, row, "now_us", 0),
                   &rule,
                   due->set_us != 0,
                   &due->missed);
    int64_t at_us = single(&due->missed);
    r = at_us == HG_MISSED_NEVER ? HG_OK : fire(due, at_us, err);
    return r < 0 ? r : write_down(due, err);
}

static int see_to_row(struct hg_pipelines *service,
                      const PGresult *result,
                      int row,
                      int64_t set_us,
                      struct hg_error *err)
{
    HG_CLEANUP(hg_freep) struct due *due = calloc(1, sizeof *due);
    if (!due) {
        return hg_error_nomem(err);
    }
    due->service = service;
    due->id = hg_result_text(result, row, "id");
    due->due_us = hg_result_int64(result, row, "due_us", 0);
    due->set_us = set_us;
    int r = see_to(due, result, row, err);
    hg_zone_free(due->zone);
    return r;
}

/* Times that were to come are made anew from a clock that was set back. */
static int set_back(struct hg_pipelines *service, struct hg_error *err)
{
    {
        HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
        int r = hg_pool_borrow(service->options.metadata, HG_BORROW_MS, &db, err);
        r = r < 0 ? r : hg_db_exec(db, &forget_ticks_to_come, NULL, NULL, err);
        if (r < 0) {
            return r;
        }
    }
    return hg_plan(service, NULL, err);
}

static int64_t note_clock(struct hg_clock *clock, const PGresult *result)
{
    char text[24];
    int64_t now_us = hg_result_int64(result, 0, "now_us", 0);
    int64_t set_us = hg_clock_correction(clock, now_us, hg_clock_steady_us());
    if (set_us != 0) {
        (void)snprintf(text, sizeof text, "%" PRId64, set_us / 1000000);
        hg_log(HG_LOG_WARNING, "the clock was set: nothing is made up for", "#by_s", text, NULL);
    }
    return set_us;
}

int hg_fire_due(struct hg_pipelines *service, struct hg_clock *clock, struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *ready = NULL;
    {
        HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
        int r = hg_pool_borrow(service->options.metadata, HG_BORROW_MS, &db, err);
        r = r < 0 ? r : hg_db_exec(db, &due_rows, NULL, &ready, err);
        if (r < 0) {
            return r;
        }
    }
    int64_t set_us = note_clock(clock, ready);
    int r = set_us < 0 ? set_back(service, err) : HG_OK;
    for (int row = 0; r == HG_OK && row < PQntuples(ready); row++) {
        if (hg_result_text(ready, row, "id")) {
            r = see_to_row(service, ready, row, set_us, err);
        }
    }
    return r;
}
