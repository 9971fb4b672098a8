#include "api/system.h"

#include <stddef.h>

#include "api/context.h"
#include "base/mem.h"
#include "base/time.h"
#include "plugin/registry.h"
#include "store/activity.h"
#include "store/db.h"
#include "vault/vault.h"

enum {
    PROBE_MS = 2000,
    OLD_TRANSACTION_S = 600,
};

int hg_api_healthz(struct hg_http_request *request, struct hg_error *err)
{
    (void)err;
    static const char alive[] = "{\"status\":\"ok\"}";
    hg_http_answer_static(request, 200, "application/json", alive, sizeof alive - 1);
    return HG_OK;
}

/* Whether a database answers; *ret_version (may be NULL) is its number, 150017 for 15.17. */
static int probe(struct hg_pool *pool, int *ret_version, struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    int r = hg_pool_borrow(pool, PROBE_MS, &db, err);
    r = r < 0 ? r : hg_db_simple(db, "select 1", NULL, err);
    if (r == HG_OK && ret_version) {
        *ret_version = PQserverVersion(hg_db_conn(db));
    }
    return r;
}

static void warn_of_old_transaction(const char *database, int64_t oldest_s, json_t *warnings)
{
    if (oldest_s >= OLD_TRANSACTION_S) {
        (void)json_array_append_new(
            warnings,
            json_sprintf(
                "a transaction in the %s database has been open for %lld minutes and keeps "
                "dead rows from being cleaned away; end it, or see pg_stat_activity",
                database,
                (long long)(oldest_s / 60)));
    }
}

static void warn_of_worn_key(struct hg_vault *vault, json_t *warnings)
{
    struct hg_vault_state state;
    if (vault && hg_vault_look(vault, &state, NULL) == HG_OK && state.is_worn) {
        (void)json_array_append_new(
            warnings,
            json_string("the master key has sealed very often and will be refused one day: run "
                        "headgate key rotate"));
    }
}

/* The reason is for anyone, so it says which database, not where it is. */
int hg_api_readyz(struct hg_http_request *request, struct hg_error *err)
{
    const struct hg_api_options *options = &hg_api_of(request)->options;
    const struct {
        const char *name;
        struct hg_pool *pool;
    } databases[] = {{"metadata", options->metadata}, {"warehouse", options->warehouse}};
    HG_CLEANUP(hg_json_decrefp) json_t *warnings = json_array();
    for (size_t i = 0; i < HG_COUNT(databases); i++) {
        int64_t oldest_s = 0;
        if (!databases[i].pool) {
            continue;
        }
        if (hg_store_oldest_transaction_s(databases[i].pool, PROBE_MS, &oldest_s, NULL) < 0) {
            hg_http_problem_member(request, "database", databases[i].name);
            (void)hg_error_set(
                err, HG_EUNAVAILABLE, "the %s database does not answer", databases[i].name);
            return hg_error_hint(err, "The host's log says why.");
        }
        warn_of_old_transaction(databases[i].name, oldest_s, warnings);
    }
    warn_of_worn_key(options->vault, warnings);
    return hg_http_answer_json(
        request, 200, json_pack("{s:s, s:O}", "status", "ready", "warnings", warnings), err);
}

static json_t *database_state(struct hg_pool *pool)
{
    int version = 0;
    char text[16];
    if (!pool || probe(pool, &version, NULL) < 0) {
        return json_pack("{s:s, s:n}", "status", "unavailable", "version");
    }
    (void)snprintf(text, sizeof text, "%d.%d", version / 10000, version % 10000);
    return json_pack("{s:s, s:s}", "status", "ok", "version", text);
}

int hg_api_system(struct hg_http_request *request, struct hg_error *err)
{
    const struct hg_api *api = hg_api_of(request);
    HG_CLEANUP(hg_json_decrefp) json_t *counts = NULL;
    char started[HG_TIME_TEXT];
    int r = hg_pipelines_status(api->options.pipelines, &counts, err);
    if (r < 0) {
        return r;
    }
    hg_time_format(api->started_us, started);
    json_t *answer = json_pack("{s:s, s:s, s:I, s:{s:o, s:o}}",
                               "version",
                               api->options.version,
                               "started_at",
                               started,
                               "uptime_ms",
                               (json_int_t)((hg_time_now_us() - api->started_us) / 1000),
                               "database",
                               "metadata",
                               database_state(api->options.metadata),
                               "warehouse",
                               database_state(api->options.warehouse));
    if (answer && json_object_update(answer, counts) < 0) {
        json_decref(answer);
        answer = NULL;
    }
    return hg_http_answer_json(request, 200, answer, err);
}

int hg_api_plugins(struct hg_http_request *request, struct hg_error *err)
{
    json_t *plugins = hg_plugin_registry_to_json(hg_api_of(request)->options.plugins);
    if (!plugins) {
        return hg_error_nomem(err);
    }
    return hg_http_answer_json(
        request, 200, json_pack("{s:o, s:n}", "items", plugins, "next_cursor"), err);
}
