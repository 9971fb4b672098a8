#include "flow/flow.h"

#include <string.h>

#include "base/mem.h"
#include "flow/context.h"
#include "flow/extract_load.h"
#include "flow/plugins.h"
#include "flow/session.h"
#include "flow/stored.h"
#include "flow/transform.h"
#include "flow/watch.h"
#include "plugin/module.h"

static const struct {
    const char *name;
    int (*run)(struct hg_flow *flow, struct hg_error *err);
} kinds[] = {
    {"flow", hg_extract_load_run},
    {"transform", hg_transform_run},
    {"check_table", hg_stored_run},
};

static int run_kind(struct hg_flow *flow, struct hg_error *err)
{
    const char *kind = NULL;
    int r = hg_flow_text(flow->task, "kind", &kind, err);
    for (size_t i = 0; r == HG_OK && i < HG_COUNT(kinds); i++) {
        if (strcmp(kinds[i].name, kind) == 0) {
            return kinds[i].run(flow, err);
        }
    }
    return r < 0 ? r : hg_error_set(err, HG_EINVAL, "\"%s\" is no kind of task", kind);
}

static int connect_and_run(struct hg_flow *flow,
                           struct hg_flow_session *session,
                           struct hg_error *err)
{
    const char *warehouse = NULL;
    int r = hg_flow_text(flow->task, "warehouse", &warehouse, err);
    r = r < 0 ? r : hg_flow_session_take(session, warehouse, &flow->db, err);
    r = r < 0 ? r : hg_flow_session_watch(session, &flow->watch, err);
    if (r == HG_OK) {
        hg_flow_watch_begin(flow->watch, flow->sink, flow->db);
        r = run_kind(flow, err);
        hg_flow_watch_end(flow->watch);
    }
    if (r < 0 && flow->db) {
        hg_db_rollback(flow->db);
    } else if (r == HG_OK && hg_flow_cancelled(flow, NULL) == HG_OK) {
        hg_flow_session_keep(session, warehouse, HG_TAKE(flow->db));
    }
    return r;
}

/*
 * Whatever broke because it was cancelled, it was cancelled; but a connection that was lost may
 * have been lost behind a commit, which only the ledger knows.
 */
static int name_cancel(const struct hg_flow *flow, int r, struct hg_error *err)
{
    if (r < 0 && r != HG_EUNAVAILABLE && !flow->committed && hg_flow_cancelled(flow, NULL) < 0) {
        return hg_error_set(err, HG_ECANCELLED, "the task was cancelled");
    }
    return r;
}

int hg_flow_run_with(const json_t *task,
                     const struct hg_flow_sink *sink,
                     const struct hg_flow_plugins *plugins,
                     struct hg_flow_session *session,
                     json_t **ret_result,
                     struct hg_error *err)
{
    struct hg_error own = HG_ERROR_INIT;
    struct hg_flow_session for_this = {0};
    struct hg_flow flow;
    int r = hg_flow_open(task, sink, plugins, &flow, &own);
    if (r == HG_OK) {
        r = name_cancel(&flow, connect_and_run(&flow, session ? session : &for_this, &own), &own);
        *ret_result = hg_flow_result(&flow, r < 0 ? &own : NULL);
        hg_flow_close(&flow);
    } else {
        *ret_result = json_pack("{s:[], s:[], s:b}", "jobs", "results", "committed", 0);
    }
    hg_flow_session_close(&for_this);
    if (r < 0 && err) {
        hg_error_copy(err, &own);
    }
    return r;
}

static int find_in_file(void *arg,
                        int kind,
                        const char *id,
                        const char *file,
                        const char *sha256,
                        const struct hg_plugin **ret_plugin,
                        struct hg_error *err)
{
    const struct hg_module *module = NULL;
    (void)arg;
    if (!file) {
        return hg_error_set(err, HG_EINVAL, "the task names no file for plugin \"%s\"", id);
    }
    int r = hg_module_open(file, sha256, &module, err);
    if (r < 0) {
        return r;
    }
    const struct hg_plugin *plugin = hg_module_plugin(module, kind, id);
    if (!plugin) {
        return hg_error_set(err, HG_ENOTFOUND, "\"%s\" has no plugin \"%s\"", file, id);
    }
    *ret_plugin = plugin;
    return HG_OK;
}

int hg_flow_run(const json_t *task,
                const struct hg_flow_sink *sink,
                struct hg_flow_session *session,
                json_t **ret_result,
                struct hg_error *err)
{
    static const struct hg_flow_plugins from_files = {NULL, find_in_file};
    return hg_flow_run_with(task, sink, &from_files, session, ret_result, err);
}
