/*
 * How long is kept what accumulates: runs with all that belongs to them, rejected rows, rows that
 * wait for a task, logs. Weeks of runs are made ahead in the same go.
 */
#include "pipeline/retention.h"

#include <stdio.h>
#include <string.h>

#include "auth/audit.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "joblog/job_log.h"
#include "pipeline/signal.h"
#include "pipeline/state.h"
#include "store/partition.h"

/* Rows of them are updated a few times in their short life; room in the page keeps that cheap. */
enum { FILL_CHANGING = 70, FILL_FINAL = 100 };

enum { ROWS_AT_ONCE = 10000, DAY_S = 86400 };

/* Whoever changes something waits for the portion that goes just then. */
enum { AUDIT_AT_ONCE = 1000 };

static const struct hg_statement forget_ticks = {
    "retention_ticks",
    "with backfills as (delete from backfill where finished_at < now() - $1::int * interval '1 "
    "day')"
    " delete from schedule_tick where scheduled_for < now() - $1::int * interval '1 day'",
    1};

/* A host that comes back makes its row again. */
static const struct hg_statement forget_hosts = {
    "retention_hosts", "delete from host where lease_until < now() - interval '1 day'", 0};

/* In portions, so that none of them is long. */
static const struct hg_statement forget_quarantine = {
    "retention_quarantine",
    "with old as (delete from headgate.quarantine where id in (select id from headgate.quarantine"
    " where at < now() - $1::int * interval '1 day' limit $2::int) returning id)"
    " select count(*) as n from old",
    2};

static const struct hg_statement forget_bars = {
    "retention_bars",
    "delete from headgate.fence_bar where made_at < now() - interval '30 days'",
    0};

/* Stages that nobody has read for so long. */
static const struct hg_statement old_stages = {
    "retention_old_stages",
    "select coalesce(jsonb_agg(jsonb_build_object('seq', seq, 'pipeline_id', pipeline_id, 'run_id',"
    " run_id, 'n_rows', n_rows) order by seq), '[]')::text as stages from headgate.stage"
    " where created_at < now() - $1::int * interval '1 day'",
    1};

/* Of them those whose run cannot be retried and whose pipeline is gone, and not just renamed. */
static const struct hg_statement lost_stages = {
    "retention_lost_stages",
    "select s.seq, s.pipeline_id, s.run_id, s.n_rows from jsonb_to_recordset($1::jsonb) as s (seq"
    " bigint, pipeline_id text, run_id uuid, n_rows bigint) where not exists (select from run r "
    "where r.id = s.run_id)"
    " and not exists (select from pipeline p where p.id = s.pipeline_id"
    " and not (p.file_missing and p.updated_at < now() - $2::int * interval '1 day'))",
    2};

static const struct hg_statement drop_stage = {
    "retention_drop_stage", "select headgate.stage_drop($1::bigint) as dropped", 1};

/* 0: kept for ever. */
static int days_of(const struct hg_pipelines *service, const char *key)
{
    if (service->scheduler.keeps_all) {
        return 0;
    }
    return (int)json_integer_value(json_object_get(service->options.config->retention, key));
}

int hg_retention_keep_logs(struct hg_pipelines *service, struct hg_error *err)
{
    int days = days_of(service, "logs_days");
    int64_t before_us = hg_time_now_us() - (int64_t)days * DAY_S * 1000000;
    return days == 0 ? HG_OK
                     : hg_job_logs_drop_old(hg_dispatch_logs(service->dispatch), before_us, err);
}

/* ---- tables ---- */

/* How many rows went, at most ROWS_AT_ONCE. */
static int forget_portion(struct hg_db *db, int days, int64_t *ret_n, struct hg_error *err)
{
    char days_text[16];
    char limit[16];
    (void)snprintf(days_text, sizeof days_text, "%d", days);
    (void)snprintf(limit, sizeof limit, "%d", ROWS_AT_ONCE);
    const char *const params[] = {days_text, limit};
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    int r = hg_db_exec(db, &forget_quarantine, params, &result, err);
    if (r == HG_OK) {
        *ret_n = hg_result_int64(result, 0, "n", 0);
    }
    return r;
}

int hg_retention_keep_quarantine(struct hg_pipelines *service, struct hg_error *err)
{
    int days = days_of(service, "quarantine_days");
    int64_t n = ROWS_AT_ONCE;
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    if (days == 0) {
        return HG_OK;
    }
    int r = hg_pool_borrow(service->options.warehouse, HG_BORROW_MS, &db, err);
    while (r == HG_OK && n == ROWS_AT_ONCE && !hg_signal_is_stopping(service)) {
        r = forget_portion(db, days, &n, err);
    }
    return r;
}

int hg_retention_keep_audit(struct hg_pipelines *service, struct hg_error *err)
{
    int days = days_of(service, "audit_days");
    int64_t n = AUDIT_AT_ONCE;
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    if (days == 0) {
        return HG_OK;
    }
    int r = hg_pool_borrow(service->options.metadata, HG_BORROW_MS, &db, err);
    while (r == HG_OK && n == AUDIT_AT_ONCE && !hg_signal_is_stopping(service)) {
        r = hg_audit_drop_old(db, days, AUDIT_AT_ONCE, &n, err);
    }
    return r;
}

int hg_retention_keep_bars(struct hg_pipelines *service, struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    if (service->scheduler.keeps_all) {
        return HG_OK;
    }
    int r = hg_pool_borrow(service->options.warehouse, HG_BORROW_MS, &db, err);
    return r < 0 ? r : hg_db_exec(db, &forget_bars, NULL, NULL, err);
}

/* ---- stages ---- */

static int find_old(struct hg_db *warehouse, const char *days, PGresult **ret, struct hg_error *err)
{
    const char *const params[] = {days};
    return hg_db_exec(warehouse, &old_stages, params, ret, err);
}

static int find_lost(struct hg_pipelines *service,
                     const char *stages,
                     const char *days,
                     PGresult **ret,
                     struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *metadata = NULL;
    const char *const params[] = {stages, days};
    int r = hg_pool_borrow(service->options.metadata, HG_BORROW_MS, &metadata, err);
    return r < 0 ? r : hg_db_exec(metadata, &lost_stages, params, ret, err);
}

/* One that somebody looks into just now is dropped the next time. */
static int drop(struct hg_db *warehouse, const char *seq, bool *ret_dropped, struct hg_error *err)
{
    const char *const params[] = {seq};
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    int r = hg_db_begin(warehouse, err);
    r = r < 0 ? r : hg_db_simple(warehouse, "set local lock_timeout = '1s'", NULL, err);
    r = r < 0 ? r : hg_db_exec(warehouse, &drop_stage, params, &result, err);
    r = r < 0 ? r : hg_db_commit(warehouse, err);
    if (r < 0) {
        hg_db_rollback(warehouse);
        return r;
    }
    *ret_dropped = hg_result_bool(result, 0, "dropped");
    return HG_OK;
}

/* Whoever looks for the rows later finds here where they are. */
static void tell_dropped(const PGresult *lost, int i)
{
    hg_log(HG_LOG_INFO,
           "staged rows of a pipeline that is gone are dropped",
           "pipeline_id",
           hg_result_text(lost, i, "pipeline_id"),
           "run_id",
           hg_result_text(lost, i, "run_id"),
           "#rows",
           hg_result_text(lost, i, "n_rows"),
           NULL);
}

/* All that can be; `err` is the first failure and says whose it was. */
static int drop_lost(struct hg_pipelines *service,
                     struct hg_db *warehouse,
                     const PGresult *lost,
                     struct hg_error *err)
{
    int first = HG_OK;
    int n = lost ? PQntuples(lost) : 0;
    for (int i = 0; i < n && !hg_signal_is_stopping(service); i++) {
        struct hg_error failure = HG_ERROR_INIT;
        bool dropped = false;
        int r = drop(warehouse, hg_result_text(lost, i, "seq"), &dropped, &failure);
        if (r == HG_OK && dropped) {
            tell_dropped(lost, i);
        }
        if (r < 0 && first == HG_OK) {
            hg_error_copy(err, &failure);
            first = r;
            (void)hg_error_wrap(err,
                                "%s rows of run %s of \"%s\"",
                                hg_result_text(lost, i, "n_rows"),
                                hg_result_text(lost, i, "run_id"),
                                hg_result_text(lost, i, "pipeline_id"));
        }
        if (r < 0 && PQstatus(hg_db_conn(warehouse)) != CONNECTION_OK) {
            break;
        }
    }
    return first;
}

int hg_retention_keep_stages(struct hg_pipelines *service, struct hg_error *err)
{
    char days[16];
    HG_CLEANUP(hg_resultp) PGresult *old = NULL;
    HG_CLEANUP(hg_resultp) PGresult *lost = NULL;
    HG_CLEANUP(hg_db_returnp) struct hg_db *warehouse = NULL;
    (void)snprintf(days, sizeof days, "%d", days_of(service, "runs_days"));
    if (strcmp(days, "0") == 0) {
        return HG_OK;
    }
    int r = hg_pool_borrow(service->options.warehouse, HG_BORROW_MS, &warehouse, err);
    r = r < 0 ? r : find_old(warehouse, days, &old, err);
    const char *stages = r == HG_OK ? hg_result_text(old, 0, "stages") : "[]";
    if (strcmp(stages, "[]") != 0) {
        r = find_lost(service, stages, days, &lost, err);
    }
    return r < 0 ? r : drop_lost(service, warehouse, lost, err);
}

/*
 * Days for which weeks are kept: longer than configured while a run of long ago has not ended, for
 * without its rows it could not. A UUIDv7 begins with the ms since 1970.
 */
static const struct hg_statement oldest_run = {
    "retention_oldest_run",
    "select coalesce(floor(extract(epoch from now() - to_timestamp((('x' || substr(replace("
    "min(id::text), '-', ''), 1, 12))::bit(48)::bigint) / 1000.0)) / 86400)::int, 0) as days"
    " from (select run_id as id from run_slot union all select run_id from task) r",
    0};

static int days_to_keep(struct hg_db *db, int configured, int *ret, struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    int r = configured > 0 ? hg_db_exec(db, &oldest_run, NULL, &result, err) : HG_OK;
    if (r == HG_OK) {
        int age = result ? (int)hg_result_int64(result, 0, "days", 0) : 0;
        *ret = configured > 0 && age >= configured ? age + 1 : configured;
    }
    return r;
}

int hg_retention_keep(struct hg_pipelines *service, struct hg_error *err)
{
    int configured = days_of(service, "runs_days");
    int days = configured;
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    int r = hg_pool_borrow(service->options.metadata, HG_BORROW_MS, &db, err);
    r = r < 0 ? r : days_to_keep(db, configured, &days, err);
    if (r < 0) {
        return r;
    }
    const struct hg_partitioned tables[] = {
        {"run", FILL_CHANGING, days},
        {"job_run", FILL_CHANGING, days},
        {"check_result", FILL_FINAL, days},
        {"task_history", FILL_FINAL, days},
    };
    char days_text[16];
    int n_dropped = 0;
    (void)snprintf(days_text, sizeof days_text, "%d", days);
    const char *const params[] = {days_text};
    r = hg_partitions_keep(db, tables, HG_COUNT(tables), hg_time_now_us(), &n_dropped, err);
    r = r < 0 || days == 0 ? r : hg_db_exec(db, &forget_ticks, params, NULL, err);
    r = r < 0 ? r : hg_db_exec(db, &forget_hosts, NULL, NULL, err);
    if (r == HG_OK && n_dropped > 0) {
        char n[16];
        (void)snprintf(n, sizeof n, "%d", n_dropped);
        hg_log(HG_LOG_INFO,
               "old runs are dropped",
               "#partitions",
               n,
               "#older_than_days",
               days_text,
               NULL);
    }
    return r;
}
