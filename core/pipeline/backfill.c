#include "pipeline/backfill.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/audit.h"
#include "base/buf.h"
#include "base/error_json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "base/zone.h"
#include "pipeline/catalog.h"
#include "pipeline/live.h"
#include "pipeline/page.h"
#include "pipeline/runs.h"
#include "pipeline/service.h"
#include "pipeline/signal.h"
#include "pipeline/sql_json.h"
#include "pipeline/state.h"
#include "schedule/schedule.h"
#include "store/array.h"
#include "store/outage.h"

/* ---- adding ---- */

static const struct hg_statement add = {
    "backfill_add",
    "insert into backfill (id, pipeline_id, kind, status, window_start, window_end, params, times,"
    " before_first) values ($1, $2, $3, 'running', $4::timestamptz, $5::timestamptz, $6::jsonb,"
    " $7::timestamptz[], $8::timestamptz) on conflict do nothing returning id",
    8};

static const struct hg_statement busy_backfill = {
    "backfill_busy",
    "select id from backfill where pipeline_id = $1 and status = 'running' and kind = 'backfill'",
    1};

static int refuse_busy(struct hg_db *db, const char *pipeline_id, struct hg_error *err)
{
    const char *const params[] = {pipeline_id};
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    int r = hg_db_exec(db, &busy_backfill, params, &result, err);
    if (r < 0) {
        return r;
    }
    (void)hg_error_set(err,
                       HG_ECONFLICT,
                       "pipeline \"%s\" has a backfill under way: %s",
                       pipeline_id,
                       PQntuples(result) > 0 ? hg_result_text(result, 0, "id")
                                             : "one of this moment");
    return hg_error_hint(err, "Wait until it has ended, or cancel it.");
}

int hg_backfill_add(struct hg_db *db,
                    const char *pipeline_id,
                    const char *kind,
                    const struct hg_backfill_times *times,
                    const json_t *params,
                    char ret_id[HG_UUID_TEXT],
                    struct hg_error *err)
{
    char id[HG_UUID_TEXT];
    char texts[3][HG_TIME_TEXT];
    HG_CLEANUP(hg_buf_free) struct hg_buf array = HG_BUF_INIT;
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    HG_CLEANUP(hg_freep)
    char *params_text = params ? json_dumps(params, JSON_COMPACT) : strdup("{}");
    for (size_t i = 0; i < times->n; i++) {
        hg_time_format(times->times_us[i], texts[0]);
        hg_array_put(&array, texts[0]);
    }
    const char *array_text = hg_array_text(&array);
    if (!array_text || !params_text) {
        return hg_error_nomem(err);
    }
    hg_time_format(times->from_us, texts[0]);
    hg_time_format(times->to_us, texts[1]);
    hg_time_format(times->before_first_us ? *times->before_first_us : 0, texts[2]);
    const char *const values[] = {id,
                                  pipeline_id,
                                  kind,
                                  texts[0],
                                  texts[1],
                                  params_text,
                                  array_text,
                                  times->before_first_us ? texts[2] : NULL};
    int r = hg_uuid_new(id, err);
    r = r < 0 ? r : hg_db_exec(db, &add, values, &result, err);
    if (r == HG_OK && PQntuples(result) == 0) {
        return refuse_busy(db, pipeline_id, err);
    }
    if (r == HG_OK) {
        memcpy(ret_id, id, sizeof id);
        hg_log(
            HG_LOG_INFO, "a backfill begins", "pipeline_id", pipeline_id, "backfill_id", id, NULL);
    }
    return r;
}

/* ---- going on ---- */

/* clang-format off */
/* Of each pipeline whose lane is free the oldest. */
static const struct hg_statement next_ones = {
    "backfill_next",
    "select distinct on (b.pipeline_id) b.id, b.pipeline_id, b.kind, b.params, b.n_made,"
    " b.n_made >= cardinality(b.times) as is_over,"
    " " HG_SQL_TIME("b.times[b.n_made + 1]") " as at,"
    " " HG_SQL_TIME("case b.n_made when 0 then b.before_first else b.times[b.n_made] end")
    " as start from backfill b where b.status = 'running'"
    " and not exists (select from run_slot s where s.pipeline_id = b.pipeline_id and s.slot = 2)"
    " and not exists (select from pause) order by b.pipeline_id, b.id",
    0};
/* clang-format on */

static const struct hg_statement are_left = {
    "backfill_are_left",
    "select exists (select from backfill where status = 'running') as are_left",
    0};

static const struct hg_statement end_one = {
    "backfill_end",
    "update backfill b set finished_at = now(), error = $2::jsonb, status = case"
    " when $2::jsonb is not null or exists (select from run r where r.backfill_id = b.id"
    " and r.status = 'failed') then 'failed' else 'succeeded' end"
    " where id = $1 and status = 'running'",
    2};

/* Its run was made on time after all. */
static const struct hg_statement pass_by = {
    "backfill_pass_by",
    "update backfill b set n_made = n_made + 1 where id = $1 and n_made = $2::int"
    " and status = 'running' and b.kind = 'missed' and exists (select from schedule_tick t"
    " where t.pipeline_id = b.pipeline_id and t.scheduled_for = b.times[b.n_made + 1])",
    2};

static int execute(struct hg_pipelines *service,
                   const struct hg_statement *statement,
                   const char *const *params,
                   struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    int r = hg_pool_borrow(service->options.metadata, HG_BORROW_MS, &db, err);
    return r < 0 ? r : hg_db_exec(db, statement, params, NULL, err);
}

static int end_with(struct hg_pipelines *service,
                    const char *id,
                    const struct hg_error *reason,
                    struct hg_error *err)
{
    HG_CLEANUP(hg_json_decrefp) json_t *json = reason ? hg_error_to_json(reason) : NULL;
    HG_CLEANUP(hg_freep) char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    const char *const params[] = {id, text};
    if (reason && !text) {
        return hg_error_nomem(err);
    }
    if (reason) {
        hg_log_error("a backfill ends before its time", reason);
    }
    int r = execute(service, &end_one, params, err);
    if (r == HG_OK) {
        hg_live_backfill(service, id);
    }
    return r;
}

static int make_next(struct hg_pipelines *service,
                     const PGresult *result,
                     int row,
                     struct hg_error *err)
{
    HG_CLEANUP(hg_json_decrefp) json_t *params = hg_result_json(result, row, "params");
    struct hg_error reason = HG_ERROR_INIT;
    char run_id[HG_UUID_TEXT];
    char busy[HG_UUID_TEXT] = "";
    const char *id = hg_result_text(result, row, "id");
    bool is_missed = strcmp(hg_result_text(result, row, "kind"), "missed") == 0;
    const struct hg_run_request request = {
        .pipeline_id = hg_result_text(result, row, "pipeline_id"),
        .trigger = is_missed ? "schedule" : "backfill",
        .params = params,
        .slot = HG_SLOT_BACKFILL,
        .scheduled_for = hg_result_text(result, row, "at"),
        .interval_start = hg_result_text(result, row, "start"),
        .backfill_id = id,
        .backfill_n_made = (int)hg_result_int64(result, row, "n_made", 0),
    };
    int r = hg_run_create(service, &request, run_id, busy, &reason);
    if (r == HG_OK) {
        return r;
    }
    if (r == HG_ECONFLICT && !reason.retryable) {
        const char *const passed[] = {id, hg_result_text(result, row, "n_made")};
        return execute(service, &pass_by, passed, err);
    }
    if (hg_outage_passes(r, &reason)) {
        *err = reason;
        return r;
    }
    return end_with(service, id, &reason, err);
}

int hg_backfill_advance(struct hg_pipelines *service, bool *ret_are_left, struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    HG_CLEANUP(hg_resultp) PGresult *left = NULL;
    {
        HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
        int r = hg_pool_borrow(service->options.metadata, HG_BORROW_MS, &db, err);
        r = r < 0 ? r : hg_db_exec(db, &are_left, NULL, &left, err);
        r = r < 0 ? r : hg_db_exec(db, &next_ones, NULL, &result, err);
        if (r < 0) {
            return r;
        }
    }
    *ret_are_left = hg_result_bool(left, 0, "are_left");
    int r = HG_OK;
    for (int row = 0; r == HG_OK && row < PQntuples(result); row++) {
        r = hg_result_bool(result, row, "is_over")
                ? end_with(service, hg_result_text(result, row, "id"), NULL, err)
                : make_next(service, result, row, err);
    }
    return r;
}

/* ---- what the API answers ---- */

/* clang-format off */
#define BACKFILL                                                                                   \
    "json_build_object('id', b.id, 'pipeline_id', b.pipeline_id, 'kind', b.kind,"                  \
    " 'status', b.status, 'from', " HG_SQL_TIME("b.window_start") ","                              \
    " 'to', " HG_SQL_TIME("b.window_end") ", 'params', b.params,"                                  \
    " 'first_time', " HG_SQL_TIME("b.times[1]") ","                                                \
    " 'last_time', " HG_SQL_TIME("b.times[cardinality(b.times)]") ","                              \
    " 'runs', cardinality(b.times), 'runs_made', b.n_made,"                                        \
    " 'runs_succeeded', (select count(*) from run r where r.backfill_id = b.id"                    \
    " and r.status = 'succeeded'),"                                                                \
    " 'runs_failed', (select count(*) from run r where r.backfill_id = b.id"                       \
    " and r.status = 'failed'),"                                                                   \
    " 'error', b.error, 'created_at', " HG_SQL_TIME("b.created_at") ","                            \
    " 'finished_at', " HG_SQL_TIME("b.finished_at") ","                                            \
    " 'status_url', '/api/v1/ingestion/pipelines/' || b.pipeline_id || '/backfills/' || b.id)"
/* clang-format on */

static const struct hg_statement list = {
    "backfill_list",
    "select b.id as cursor_key, " BACKFILL " as item from backfill b where b.pipeline_id = $1"
    " and ($2::uuid is null or b.id < $2::uuid) order by b.id desc limit $3::int + 1",
    3};

static const struct hg_statement get = {
    "backfill_get",
    "select " BACKFILL " as item from backfill b where b.pipeline_id = $1 and b.id = $2",
    2};

const struct hg_statement hg_backfills_read = {
    "backfills_read",
    "select " BACKFILL " as item from backfill b where b.id = any($1::uuid[])",
    1};

static const struct hg_statement cancel = {
    "backfill_cancel",
    "update backfill b set status = 'cancelled', finished_at = now() where b.pipeline_id = $1"
    " and b.id = $2 and b.status = 'running' returning (select s.run_id from run_slot s join run r"
    " on r.id = s.run_id where s.pipeline_id = $1 and s.slot = 2 and r.backfill_id = b.id) as "
    "run_id",
    2};

static int in_db_get(
    struct hg_db *db, const char *pipeline_id, const char *id, json_t **ret, struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    const char *const params[] = {pipeline_id, id};
    int r = hg_db_exec(db, &get, params, &result, err);
    if (r < 0) {
        return r;
    }
    if (PQntuples(result) == 0) {
        return hg_error_set(
            err, HG_ENOTFOUND, "pipeline \"%.64s\" has no backfill %s", pipeline_id, id);
    }
    json_t *item = hg_result_json(result, 0, "item");
    if (!item) {
        return hg_error_nomem(err);
    }
    *ret = item;
    return HG_OK;
}

static int check_id(const char *pipeline_id, const char *id, struct hg_error *err)
{
    return hg_uuid_is_valid(id) ? HG_OK
                                : hg_error_set(err,
                                               HG_ENOTFOUND,
                                               "pipeline \"%.64s\" has no backfill \"%.64s\"",
                                               pipeline_id,
                                               id);
}

int hg_backfills_get(struct hg_pipelines *service,
                     const char *pipeline_id,
                     const char *id,
                     json_t **ret,
                     struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    int r = check_id(pipeline_id, id, err);
    r = r < 0 ? r : hg_pool_borrow(service->options.metadata, HG_BORROW_MS, &db, err);
    return r < 0 ? r : in_db_get(db, pipeline_id, id, ret, err);
}

int hg_backfills_list(struct hg_pipelines *service,
                      const char *pipeline_id,
                      const struct hg_page *page,
                      json_t **ret,
                      struct hg_error *err)
{
    return hg_page_of_pipeline(service, &list, pipeline_id, NULL, page, hg_uuid_is_valid, ret, err);
}

int hg_backfills_cancel(struct hg_pipelines *service,
                        const struct hg_principal *by,
                        const char *pipeline_id,
                        const char *id,
                        json_t **ret,
                        struct hg_error *err)
{
    char run_id[HG_UUID_TEXT] = "";
    HG_CLEANUP(hg_json_decrefp) json_t *answer = NULL;
    int r = check_id(pipeline_id, id, err);
    if (r == HG_OK) {
        HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
        HG_CLEANUP(hg_resultp) PGresult *result = NULL;
        const char *const params[] = {pipeline_id, id};
        r = hg_pool_borrow(service->options.metadata, HG_BORROW_MS, &db, err);
        r = r < 0 ? r : hg_db_begin(db, err);
        r = r < 0 ? r : hg_db_exec(db, &cancel, params, &result, err);
        r = r < 0 ? r : in_db_get(db, pipeline_id, id, &answer, err);
        if (r == HG_OK && PQntuples(result) == 0) {
            return hg_error_set(err,
                                HG_ECONFLICT,
                                "backfill %s has ended already (%s)",
                                id,
                                json_string_value(json_object_get(answer, "status")));
        }
        r = r < 0 ? r : hg_audit_write(db, by, "backfill.cancel", id, NULL, err);
        r = r < 0 ? r : hg_db_commit(db, err);
        const char *run = r < 0 ? NULL : hg_result_text(result, 0, "run_id");
        (void)snprintf(run_id, sizeof run_id, "%s", run ? run : "");
    }
    if (r == HG_OK) {
        hg_live_backfill(service, id);
    }
    if (r == HG_OK && run_id[0]) {
        HG_CLEANUP(hg_json_decrefp) json_t *cancelled = NULL;
        r = hg_runs_cancel(service, by, run_id, &cancelled, err);
        r = r == HG_ECONFLICT || r == HG_ENOTFOUND ? HG_OK : r; /* it has ended meanwhile */
    }
    if (r == HG_OK) {
        *ret = HG_TAKE(answer);
    }
    return r;
}

/* ---- asking for one ---- */

static int read_time(const json_t *body, const char *name, int64_t *ret_us, struct hg_error *err)
{
    const char *text = json_string_value(json_object_get(body, name));
    if (!text || hg_time_parse(text, ret_us, err) < 0) {
        (void)hg_error_set(err,
                           HG_EINVAL,
                           "%s is a time as in 2026-03-01T00:00:00Z, found %s%.64s%s",
                           name,
                           text ? "\"" : "",
                           text ? text : "none",
                           text ? "\"" : "");
        (void)hg_error_at(err, "/%s", name);
        return HG_EINVAL;
    }
    return HG_OK;
}

static int read_window(const json_t *body, struct hg_backfill_times *ret, struct hg_error *err)
{
    int r = read_time(body, "from", &ret->from_us, err);
    r = r < 0 ? r : read_time(body, "to", &ret->to_us, err);
    if (r == HG_OK && ret->to_us <= ret->from_us) {
        (void)hg_error_set(err, HG_EINVAL, "the window is empty: to is not behind from");
        (void)hg_error_at(err, "/to");
        return HG_EINVAL;
    }
    if (r == HG_OK && ret->to_us > hg_time_now_us() + INT64_C(60000000)) {
        (void)hg_error_set(
            err, HG_EINVAL, "to lies in the future: what has not been yet is the schedule's");
        (void)hg_error_at(err, "/to");
        return HG_EINVAL;
    }
    return r;
}

/* The schedule's times from `from_us` on, before `to_us`. */
static int find_times(const struct hg_catalog_entry *entry,
                      struct hg_backfill_times *times,
                      int64_t *ret_us,
                      int64_t *ret_before_us,
                      struct hg_error *err)
{
    const char *line = json_string_value(json_object_get(entry->definition, "schedule"));
    const char *zone_name = json_string_value(json_object_get(entry->definition, "timezone"));
    HG_CLEANUP(hg_zone_freep) struct hg_zone *zone = NULL;
    struct hg_schedule schedule;
    if (!line) {
        (void)hg_error_set(err,
                           HG_EINVAL,
                           "pipeline \"%s\" has no schedule, so there are no times to run for",
                           entry->id);
        return hg_error_hint(err, "Give it one, or trigger it with parameters of its own.");
    }
    int r = hg_schedule_parse(line, &schedule, err);
    r = r < 0 ? r : hg_zone_load(zone_name ? zone_name : "UTC", &zone, err);
    if (r < 0) {
        return r;
    }
    int64_t at_us = times->from_us - 1;
    times->n = 0;
    while (hg_schedule_next(&schedule, zone, at_us, &at_us) == HG_OK && at_us < times->to_us) {
        if (times->n == HG_BACKFILL_MAX) {
            (void)hg_error_set(err,
                               HG_EINVAL,
                               "the window has more than %d times of the schedule \"%s\"",
                               HG_BACKFILL_MAX,
                               line);
            (void)hg_error_hint(err,
                                "Take a smaller window, and the rest when this one has ended.");
            (void)hg_error_at(err, "/to");
            return HG_EINVAL;
        }
        ret_us[times->n++] = at_us;
    }
    if (times->n == 0) {
        (void)hg_error_set(err, HG_EINVAL, "the window has no time of the schedule \"%s\"", line);
        (void)hg_error_at(err, "/from");
        return HG_EINVAL;
    }
    if (hg_schedule_previous(&schedule, zone, ret_us[0], ret_before_us) == HG_OK) {
        times->before_first_us = ret_before_us;
    }
    times->times_us = ret_us;
    return HG_OK;
}

static int add_asked(struct hg_db *db,
                     const char *pipeline_id,
                     const json_t *body,
                     char id[HG_UUID_TEXT],
                     struct hg_error *err)
{
    struct hg_backfill_times times = {0};
    HG_CLEANUP(hg_catalog_entry_free) struct hg_catalog_entry entry = {0};
    HG_CLEANUP(hg_json_decrefp) json_t *params = NULL;
    HG_CLEANUP(hg_freep) int64_t *all_us = calloc(HG_BACKFILL_MAX, sizeof *all_us);
    int64_t before_us = 0;
    if (!all_us) {
        return hg_error_nomem(err);
    }
    int r = hg_catalog_get(db, pipeline_id, &entry, err);
    r = r < 0 ? r : read_window(body, &times, err);
    r = r < 0 ? r : hg_run_check(&entry, json_object_get(body, "params"), &params, err);
    r = r < 0 ? r : find_times(&entry, &times, all_us, &before_us, err);
    /* What was given: what is missing gets the defaults of the day. */
    return r < 0
               ? r
               : hg_backfill_add(
                     db, pipeline_id, "backfill", &times, json_object_get(body, "params"), id, err);
}

int hg_backfills_create(struct hg_pipelines *service,
                        const struct hg_principal *by,
                        const char *pipeline_id,
                        const json_t *body,
                        json_t **ret,
                        struct hg_error *err)
{
    HG_CLEANUP(hg_json_decrefp) json_t *answer = NULL;
    char id[HG_UUID_TEXT];
    {
        HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
        int r = hg_pool_borrow(service->options.metadata, HG_BORROW_MS, &db, err);
        r = r < 0 ? r : hg_db_begin(db, err);
        r = r < 0 ? r : add_asked(db, pipeline_id, body, id, err);
        r = r < 0 ? r : in_db_get(db, pipeline_id, id, &answer, err);
        r = r < 0 ? r : hg_audit_write(db, by, "backfill.create", pipeline_id, body, err);
        r = r < 0 ? r : hg_db_commit(db, err);
        if (r < 0) {
            return r;
        }
    }
    hg_live_backfill(service, id);
    hg_peers_tell_schedules(service);
    hg_signal_scheduler(service);
    *ret = HG_TAKE(answer);
    return HG_OK;
}
