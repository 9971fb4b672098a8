#include "pipeline/pause.h"

#include "auth/audit.h"
#include "auth/principal.h"
#include "base/log.h"
#include "base/mem.h"
#include "pipeline/catalog.h"
#include "pipeline/live.h"
#include "pipeline/peers.h"
#include "pipeline/service.h"
#include "pipeline/signal.h"
#include "pipeline/state.h"

static const struct hg_statement begin = {
    "pause_begin",
    "insert into pause (paused_by) values ($1) on conflict (only_row) do nothing",
    1};

static const struct hg_statement end = {"pause_end", "delete from pause", 0};

static const struct hg_statement look = {
    "pause_look",
    "select to_char(paused_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI') as since, paused_by"
    " from pause",
    0};

static const struct hg_statement switch_pipeline = {
    "pause_switch",
    "update pipeline set overrides = overrides || jsonb_build_object('enabled', $2::boolean),"
    " enabled = $2::boolean and not file_missing, next_run_at = null, updated_at = now()"
    " where id = $1 returning enabled",
    2};

/* A schedule that cannot be resumed is not said to be. */
static int refuse_removed(const char *id, struct hg_error *err)
{
    (void)hg_error_set(
        err, HG_ECONFLICT, "the schedule of \"%s\" cannot be resumed: its file was removed", id);
    return hg_error_hint(err, "Put the file back, then send the host SIGHUP or start it.");
}

int hg_pause_set(struct hg_pool *metadata,
                 const struct hg_principal *by,
                 bool paused,
                 struct hg_error *err)
{
    const char *const params[] = {by->username};
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    int r = hg_pool_borrow(metadata, HG_BORROW_MS, &db, err);
    r = r < 0 ? r : hg_db_begin(db, err);
    r = r < 0 ? r : hg_db_exec(db, paused ? &begin : &end, paused ? params : NULL, NULL, err);
    r = r < 0 ? r : hg_audit_write(db, by, paused ? "host.pause" : "host.resume", NULL, NULL, err);
    return r < 0 ? r : hg_db_commit(db, err);
}

int hg_pause_set_pipeline(struct hg_pool *metadata,
                          const struct hg_principal *by,
                          const char *id,
                          bool paused,
                          struct hg_error *err)
{
    const char *const params[] = {id, paused ? "false" : "true"};
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    int r = hg_pool_borrow(metadata, HG_BORROW_MS, &db, err);
    r = r < 0 ? r : hg_db_begin(db, err);
    r = r < 0 ? r : hg_db_exec(db, &switch_pipeline, params, &result, err);
    if (r == HG_OK && PQntuples(result) == 0) {
        return hg_error_set(err, HG_ENOTFOUND, "there is no pipeline \"%.64s\"", id);
    }
    if (r == HG_OK && !paused && !hg_result_bool(result, 0, "enabled")) {
        return refuse_removed(id, err);
    }
    r = r < 0
            ? r
            : hg_audit_write(db, by, paused ? "pipeline.pause" : "pipeline.resume", id, NULL, err);
    return r < 0 ? r : hg_db_commit(db, err);
}

int hg_pipelines_pause(struct hg_pipelines *service,
                       const struct hg_principal *by,
                       bool paused,
                       struct hg_error *err)
{
    int r = hg_pause_set(service->options.metadata, by, paused, err);
    if (r < 0) {
        return r;
    }
    hg_log(HG_LOG_INFO,
           paused ? "paused: nothing new begins until it is resumed" : "resumed",
           "by",
           by->username,
           NULL);
    hg_live_pause(service);
    hg_peers_tell_schedules(service);
    hg_peers_tell_work(service);
    hg_signal_scheduler(service);
    hg_dispatch_wake(service->dispatch);
    return HG_OK;
}

/* Before anything is changed: what was refused must not hold once the file is back. */
static int check_file(struct hg_pipelines *service, const char *id, struct hg_error *err)
{
    HG_CLEANUP(hg_catalog_entry_free) struct hg_catalog_entry entry = {0};
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    int r = hg_pool_borrow(service->options.metadata, HG_BORROW_MS, &db, err);
    r = r < 0 ? r : hg_catalog_get(db, id, &entry, err);
    return r == HG_OK && entry.file_missing ? refuse_removed(id, err) : r;
}

int hg_pipelines_pause_one(struct hg_pipelines *service,
                           const struct hg_principal *by,
                           const char *id,
                           bool paused,
                           struct hg_error *err)
{
    HG_CLEANUP(hg_json_decrefp) json_t *pipeline = NULL;
    HG_CLEANUP(hg_json_decrefp) json_t *patch = json_pack("{s:b}", "enabled", !paused);
    if (!patch) {
        return hg_error_nomem(err);
    }
    int r = paused ? HG_OK : check_file(service, id, err);
    return r < 0 ? r : hg_pipelines_update(service, by, id, patch, &pipeline, err);
}

int hg_pipelines_check_not_paused(struct hg_pipelines *service, struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    int r = hg_pool_borrow(service->options.metadata, HG_BORROW_MS, &db, err);
    r = r < 0 ? r : hg_db_exec(db, &look, NULL, &result, err);
    if (r < 0 || PQntuples(result) == 0) {
        return r;
    }
    (void)hg_error_set(err,
                       HG_ECONFLICT,
                       "all is paused, since %s UTC by %s: nothing new begins",
                       hg_result_text(result, 0, "since"),
                       hg_result_text(result, 0, "paused_by"));
    return hg_error_hint(err, "`headgate resume` ends the pause.");
}
