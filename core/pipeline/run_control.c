/*
 * Runs that are stopped, and runs that are tried again.
 */
#include <stdio.h>
#include <string.h>

#include "auth/audit.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/uuid.h"
#include "dispatch/outcome.h"
#include "pipeline/service.h"
#include "pipeline/signal.h"
#include "pipeline/sql_json.h"
#include "pipeline/state.h"
#include "store/array.h"

static const struct hg_statement get_run = {
    "control_get_run", "select pipeline_id, status from run where id = $1", 1};

static const struct hg_statement get_answer = {
    "control_answer",
    "select json_build_object('run_id', id, 'status', status, 'status_url',"
    " '/api/v1/ingestion/runs/' || id) as item from run where id = $1",
    1};

/* Its slot may be taken by another run by now: the key decides, not a look-up. */
static const struct hg_statement take_slot = {
    "control_take_slot",
    "insert into run_slot (pipeline_id, slot, run_id) select pipeline_id,"
    " case when trigger = 'backfill' then 2 else 0 end, id from run"
    " where id = $1 on conflict do nothing returning run_id",
    1};

static const struct hg_statement queue_again = {
    "control_queue_again",
    "update run set status = 'queued', finished_at = null, error = null,"
    " retry_count = retry_count + 1 where id = $1",
    1};

static const struct hg_statement jobs_again = {
    "control_jobs_again",
    "update job_run j set status = 'queued', started_at = null, finished_at = null, error = null,"
    " rows_in = 0, rows_rejected = 0, warnings = null, max_attempts = t.max_attempts,"
    " rows_out = case j.type when 'load' then j.rows_out else 0 end"
    " from task t where t.run_id = $1 and t.state = 'waiting' and j.run_id = t.run_id"
    " and j.task_id = t.id",
    1};

static const struct hg_statement busy_run = {
    "control_busy",
    "select s.run_id as id from run r join run_slot s on s.pipeline_id = r.pipeline_id"
    " and s.slot = case when r.trigger = 'backfill' then 2 else 0 end where r.id = $1",
    1};

static bool has_ended(const char *status)
{
    return strcmp(status, "queued") != 0 && strcmp(status, "running") != 0;
}

/* Locks the run and says how it stands; `ret_status` has room for 16 bytes. */
static int lock(struct hg_db *db, const char *run_id, char ret_status[16], struct hg_error *err)
{
    const char *const params[] = {run_id};
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    int r = hg_queue_lock_run(db, run_id, err);
    r = r < 0 ? r : hg_db_exec(db, &get_run, params, &result, err);
    if (r == HG_OK) {
        (void)snprintf(ret_status, 16, "%s", hg_result_text(result, 0, "status"));
    }
    return r;
}

static int answer(struct hg_db *db, const char *run_id, json_t **ret, struct hg_error *err)
{
    const char *const params[] = {run_id};
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    int r = hg_db_exec(db, &get_answer, params, &result, err);
    if (r < 0) {
        return r;
    }
    json_t *item = hg_result_json(result, 0, "item");
    if (!item) {
        return hg_error_nomem(err);
    }
    *ret = item;
    return HG_OK;
}

static int move_on(struct hg_db *db, const char *run_id, struct hg_error *err)
{
    HG_CLEANUP(hg_buf_free) struct hg_buf ids = HG_BUF_INIT;
    hg_array_put(&ids, run_id);
    const char *text = hg_array_text(&ids);
    return text ? hg_outcome_move_on(db, text, true, err) : hg_error_nomem(err);
}

static int cancel(struct hg_db *db, const char *run_id, struct hg_error *err)
{
    char status[16];
    int r = lock(db, run_id, status, err);
    if (r == HG_OK && has_ended(status)) {
        return hg_error_set(err, HG_ECONFLICT, "run %s has ended already (%s)", run_id, status);
    }
    r = r < 0 ? r : hg_queue_cancel(db, run_id, err);
    return r < 0 ? r : move_on(db, run_id, err);
}

/* The run is its pipeline's active one again, or another is, which is told. */
static int take_the_slot(struct hg_db *db,
                         const char *run_id,
                         char *ret_busy_run_id,
                         struct hg_error *err)
{
    const char *const params[] = {run_id};
    HG_CLEANUP(hg_resultp) PGresult *taken = NULL;
    HG_CLEANUP(hg_resultp) PGresult *busy = NULL;
    int r = hg_db_exec(db, &take_slot, params, &taken, err);
    if (r < 0 || PQntuples(taken) > 0) {
        return r;
    }
    r = hg_db_exec(db, &busy_run, params, &busy, err);
    if (r < 0) {
        return r;
    }
    const char *id = PQntuples(busy) > 0 ? hg_result_text(busy, 0, "id") : "of the same moment";
    (void)snprintf(ret_busy_run_id, HG_UUID_TEXT, "%s", PQntuples(busy) > 0 ? id : "");
    return hg_error_set(err, HG_ECONFLICT, "the pipeline is already running: run %s", id);
}

static int again(struct hg_db *db, const char *run_id, char *ret_busy_run_id, struct hg_error *err)
{
    char status[16];
    int n = 0;
    const char *const params[] = {run_id};
    int r = lock(db, run_id, status, err);
    if (r == HG_OK && !has_ended(status)) {
        return hg_error_set(err, HG_ECONFLICT, "run %s has not ended yet (%s)", run_id, status);
    }
    r = r < 0 ? r : take_the_slot(db, run_id, ret_busy_run_id, err);
    r = r < 0 ? r : hg_queue_again(db, run_id, &n, err);
    if (r == HG_OK && n == 0) {
        (void)hg_error_set(
            err, HG_ECONFLICT, "run %s %s, so there is nothing to try again", run_id, status);
        return hg_error_hint(err, "Start a new run.");
    }
    r = r < 0 ? r : hg_db_exec(db, &queue_again, params, NULL, err);
    r = r < 0 ? r : hg_db_exec(db, &jobs_again, params, NULL, err);
    return r < 0 ? r : move_on(db, run_id, err);
}

static void run_changed(struct hg_pipelines *service, const char *run_id)
{
    hg_signal_run_changed(service);
    hg_live_run(service, run_id, HG_LIVE_CHANGED);
    hg_dispatch_cancel(service->dispatch);
}

int hg_runs_cancel(struct hg_pipelines *service,
                   const struct hg_principal *by,
                   const char *run_id,
                   json_t **ret,
                   struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    HG_CLEANUP(hg_json_decrefp) json_t *item = NULL;
    int r = hg_pool_borrow(service->options.metadata, HG_BORROW_MS, &db, err);
    r = r < 0 ? r : hg_db_begin(db, err);
    r = r < 0 ? r : cancel(db, run_id, err);
    r = r < 0 ? r : answer(db, run_id, &item, err);
    r = r < 0 ? r : hg_audit_write(db, by, "run.cancel", run_id, NULL, err);
    r = r < 0 ? r : hg_db_commit(db, err);
    if (r == HG_OK) {
        *ret = HG_TAKE(item);
        hg_log(HG_LOG_INFO, "run is cancelled", "run_id", run_id, NULL);
        run_changed(service, run_id);
    }
    return r;
}

int hg_runs_retry(struct hg_pipelines *service,
                  const struct hg_principal *by,
                  const char *run_id,
                  json_t **ret,
                  char *ret_busy_run_id,
                  struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    HG_CLEANUP(hg_json_decrefp) json_t *item = NULL;
    int r = hg_pool_borrow(service->options.metadata, HG_BORROW_MS, &db, err);
    r = r < 0 ? r : hg_db_begin(db, err);
    r = r < 0 ? r : again(db, run_id, ret_busy_run_id, err);
    r = r < 0 ? r : answer(db, run_id, &item, err);
    r = r < 0 ? r : hg_audit_write(db, by, "run.retry", run_id, NULL, err);
    r = r < 0 ? r : hg_db_commit(db, err);
    if (r == HG_OK) {
        *ret = HG_TAKE(item);
        hg_log(HG_LOG_INFO, "run is tried again", "run_id", run_id, NULL);
        run_changed(service, run_id);
    }
    return r;
}
