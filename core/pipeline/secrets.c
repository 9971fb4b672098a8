#include "pipeline/secrets.h"

#include "base/buf.h"
#include "base/mem.h"
#include "config/fill.h"

static bool is_secret(const json_t *property)
{
    return json_is_true(json_object_get(property, "writeOnly"));
}

static const json_t *properties_of(const struct hg_plugin_info *plugin)
{
    return json_object_get(plugin->config_schema, "properties");
}

static void keep_of(const struct hg_plugin_registry *plugins, const struct hg_yaml_node *extract)
{
    const char *source = hg_yaml_text(hg_yaml_get(extract, "source"));
    const struct hg_plugin_info *plugin =
        source ? hg_plugin_find(plugins, HG_KIND_CONNECTOR, source) : NULL;
    const char *key;
    json_t *property;
    if (!plugin) {
        return;
    }
    json_object_foreach ((json_t *)(uintptr_t)properties_of(plugin), key, property) {
        const struct hg_yaml_pair *pair = hg_yaml_pair(hg_yaml_get(extract, "config"), key);
        if (pair && is_secret(property)) {
            pair->value->kept = true;
        }
    }
}

void hg_secrets_keep(const struct hg_plugin_registry *plugins, const struct hg_yaml_node *root)
{
    const struct hg_yaml_node *jobs = hg_yaml_get(root, "jobs");
    for (size_t i = 0; jobs && jobs->type == HG_YAML_LIST && i < jobs->n; i++) {
        keep_of(plugins, hg_yaml_get(jobs->items[i], "extract"));
    }
}

/* HG_EINVAL with what is wrong about a secret's name. */
static int check(const struct hg_plugin_info *plugin,
                 const char *key,
                 const char *text,
                 const char *folder,
                 struct hg_error *err)
{
    HG_CLEANUP(hg_buf_free) struct hg_buf filled = HG_BUF_INIT;
    if (!plugin->may_hold_secrets) {
        (void)hg_error_set(err,
                           HG_EINVAL,
                           "\"%s\" is a secret, which the plugin %s is not given",
                           key,
                           plugin->id);
        return hg_error_hint(err,
                             "Only plugins that say needs_secret, and ship with Headgate or stand "
                             "in plugins.pin, are given one.");
    }
    if (!text || !hg_fill_has_reference(text)) {
        (void)hg_error_set(
            err, HG_EINVAL, "\"%s\" is a secret, and pipeline files are stored in the clear", key);
        return hg_error_hint(err,
                             "Write ${NAME} for an environment variable of the host, or "
                             "${file:PATH}.");
    }
    int r = hg_fill_text(text, folder, &filled, err);
    return r < 0 ? hg_error_wrap(err, "\"%s\"", key) : r;
}

void hg_secrets_check(const struct hg_plugin_info *plugin,
                      const json_t *config,
                      const char *folder,
                      hg_secret_complaint *complain,
                      void *arg)
{
    const char *key;
    json_t *property;
    json_object_foreach ((json_t *)(uintptr_t)properties_of(plugin), key, property) {
        const json_t *value = json_object_get(config, key);
        struct hg_error err = HG_ERROR_INIT;
        if (value && is_secret(property) &&
            check(plugin, key, json_string_value(value), folder, &err) < 0) {
            complain(arg, key, err.hint, err.message);
        }
    }
}

static int fill_one(json_t *config, const char *key, const char *folder, struct hg_error *err)
{
    HG_CLEANUP(hg_buf_free) struct hg_buf filled = HG_BUF_INIT;
    const char *text = json_string_value(json_object_get(config, key));
    int r = hg_fill_text(text ? text : "", folder, &filled, err);
    if (r < 0) {
        return hg_error_wrap(err, "\"%s\"", key);
    }
    return json_object_set_new(config, key, json_string(hg_buf_text(&filled))) < 0
               ? hg_error_nomem(err)
               : HG_OK;
}

int hg_secrets_fill(const struct hg_plugin_info *plugin,
                    const char *folder,
                    json_t *config,
                    struct hg_error *err)
{
    const char *key;
    json_t *property;
    json_object_foreach ((json_t *)(uintptr_t)properties_of(plugin), key, property) {
        if (!json_object_get(config, key) || !is_secret(property)) {
            continue;
        }
        /* The plugin may be another file than the one the definition was checked against. */
        if (!plugin->may_hold_secrets) {
            return hg_error_set(err,
                                HG_EFORBIDDEN,
                                "\"%s\" is a secret, which the plugin %s is not given",
                                key,
                                plugin->id);
        }
        int r = fill_one(config, key, folder, err);
        if (r < 0) {
            return r;
        }
    }
    return HG_OK;
}
