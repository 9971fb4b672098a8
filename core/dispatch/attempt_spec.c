#include "dispatch/attempt_spec.h"

#include "base/mem.h"
#include "definition/secrets.h"
#include "dispatch/lease.h"
#include "dispatch/state.h"
#include "plugin/registry.h"

/* `*ret` is the plugin, set on success. */
static int add_plugin_file(const struct hg_dispatch *dispatch,
                           json_t *part,
                           int kind,
                           const char *id,
                           const struct hg_plugin_info **ret,
                           struct hg_error *err)
{
    const struct hg_plugin_info *info = hg_plugin_find(dispatch->options.plugins, kind, id);
    if (!info) {
        hg_error_set(err, HG_ENOTFOUND, "there is no plugin \"%s\"", id);
        return hg_error_hint(err,
                             "Put its .so file into the plugin folder, or see `headgate "
                             "plugin list` for why it was not loaded.");
    }
    if (json_object_set_new(part, "plugin_file", json_string(info->file)) < 0 ||
        json_object_set_new(part, "plugin_sha256", json_string(info->sha256)) < 0) {
        return hg_error_nomem(err);
    }
    *ret = info;
    return HG_OK;
}

/* The plugin file of the extract, and its secrets. */
static int add_source(const struct hg_dispatch *dispatch,
                      json_t *spec,
                      const char **ret_plugin,
                      struct hg_error *err)
{
    json_t *extract = json_object_get(spec, "extract");
    const char *source = json_string_value(json_object_get(extract, "plugin"));
    const char *folder = json_string_value(json_object_get(spec, "base_folder"));
    const struct hg_plugin_info *info;
    if (!source) {
        return HG_OK;
    }
    int r = add_plugin_file(dispatch, extract, HG_KIND_CONNECTOR, source, &info, err);
    if (r < 0) {
        return r;
    }
    *ret_plugin = info->bundled ? *ret_plugin : info->id;
    return hg_secrets_fill(info, folder, json_object_get(extract, "config"), err);
}

static int add_rule_files(const struct hg_dispatch *dispatch,
                          json_t *spec,
                          const char **ret_plugin,
                          struct hg_error *err)
{
    size_t i;
    size_t k;
    json_t *check;
    json_t *rule;
    json_array_foreach (json_object_get(spec, "checks"), i, check) {
        json_array_foreach (json_object_get(check, "rules"), k, rule) {
            const char *id = json_string_value(json_object_get(rule, "rule"));
            const struct hg_plugin_info *info;
            int r = add_plugin_file(dispatch, rule, HG_KIND_RULE, id, &info, err);
            if (r < 0) {
                return r;
            }
            *ret_plugin = info->bundled ? *ret_plugin : info->id;
        }
    }
    return HG_OK;
}

static json_t *roots_to_json(const struct hg_dispatch *dispatch)
{
    json_t *roots = json_array();
    for (char **root = dispatch->options.config->file_roots; roots && root && *root; root++) {
        (void)json_array_append_new(roots, json_string(*root));
    }
    return roots;
}

int hg_attempt_spec(const struct hg_dispatch *dispatch,
                    const struct hg_queue_task *task,
                    json_t **ret,
                    const char **ret_plugin,
                    struct hg_error *err)
{
    const char *plugin = NULL;
    HG_CLEANUP(hg_json_decrefp) json_t *spec = json_deep_copy(task->spec);
    int r = add_source(dispatch, spec, &plugin, err);
    r = r < 0 ? r : add_rule_files(dispatch, spec, &plugin, err);
    if (r < 0) {
        return r;
    }
    if (!spec ||
        json_object_update_new(spec,
                               json_pack("{s:s, s:i, s:i, s:I, s:s, s:I, s:I, s:i, s:s, s:o}",
                                         "task_id",
                                         task->id,
                                         "attempt",
                                         task->attempt,
                                         "max_attempts",
                                         task->max_attempts,
                                         "fence",
                                         (json_int_t)task->fence,
                                         "spared",
                                         task->spared,
                                         "lease_ms",
                                         (json_int_t)hg_lease_ms(),
                                         "checkpoint_ms",
                                         (json_int_t)dispatch->options.config->checkpoint_ms,
                                         "quarantine_rows",
                                         dispatch->options.config->quarantine_rows,
                                         "warehouse",
                                         dispatch->options.worker_warehouse_url,
                                         "file_roots",
                                         roots_to_json(dispatch))) < 0) {
        return hg_error_nomem(err);
    }
    *ret = HG_TAKE(spec);
    *ret_plugin = plugin;
    return HG_OK;
}
