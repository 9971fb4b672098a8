#include "plugin/inspect.h"

#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/schema.h"
#include "plugin/descriptor.h"
#include "plugin/digest.h"
#include "plugin/module.h"

static bool holds_secret(const json_t *node)
{
    const char *key;
    json_t *value;
    size_t i;
    if (json_is_true(json_object_get(node, "writeOnly"))) {
        return true;
    }
    json_object_foreach ((json_t *)(uintptr_t)node, key, value) {
        if (holds_secret(value)) {
            return true;
        }
    }
    json_array_foreach ((json_t *)(uintptr_t)node, i, value) {
        if (holds_secret(value)) {
            return true;
        }
    }
    return false;
}

/* Below what is itself a secret, or no secret at all. */
static bool hides_secret(const json_t *properties)
{
    const char *name;
    const char *key;
    json_t *property;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)properties, name, property) {
        json_object_foreach (property, key, value) {
            if (holds_secret(value)) {
                return true;
            }
        }
    }
    return false;
}

/*
 * Secrets are found by their names in the configuration: one that a schema hides deeper would be
 * stored and shown like any other value.
 */
static int check_secrets(const struct hg_plugin *plugin, const json_t *schema, struct hg_error *err)
{
    const char *key;
    json_t *value;
    bool hidden = false;
    if (plugin->kind == HG_KIND_RULE && holds_secret(schema)) {
        return hg_error_set(
            err, HG_EINVAL, "its config_schema has a secret (writeOnly), and rules are given none");
    }
    json_object_foreach ((json_t *)(uintptr_t)schema, key, value) {
        hidden |= strcmp(key, "properties") == 0 ? hides_secret(value) : holds_secret(value);
    }
    if (hidden) {
        hg_error_set(
            err,
            HG_EINVAL,
            "its config_schema has a secret (writeOnly) that is not a property of its own");
        return hg_error_hint(err, "Put it directly under \"properties\" of the schema.");
    }
    return HG_OK;
}

int hg_plugin_read_schema(const struct hg_plugin *plugin, json_t **ret, struct hg_error *err)
{
    json_error_t error;
    HG_CLEANUP(hg_json_decrefp)
    json_t *schema = hg_json_read_text(plugin->config_schema, JSON_REJECT_DUPLICATES, &error);
    if (!schema) {
        return hg_error_set(err,
                            HG_EINVAL,
                            "its config_schema is no JSON: line %d, column %d: %s",
                            error.line,
                            error.column,
                            error.text);
    }
    const json_t *type = json_object_get(schema, "type");
    if (!json_is_object(schema) || !json_is_string(type) ||
        strcmp(json_string_value(type), "object") != 0) {
        return hg_error_set(err, HG_EINVAL, "its config_schema does not say \"type\": \"object\"");
    }
    int r = hg_schema_check(schema, err);
    if (r) {
        hg_error_wrap(err, "its config_schema is wrong");
        return r;
    }
    r = check_secrets(plugin, schema, err);
    if (r) {
        return r;
    }
    *ret = HG_TAKE(schema);
    return HG_OK;
}

static int add_connector(json_t *entry, const struct hg_connector_vtable *v)
{
    return json_object_set_new(
        entry, "resume", json_string(hg_descriptor_resume_name((int)v->resume)));
}

static int add_rule(json_t *entry, const struct hg_rule_vtable *v)
{
    int r = json_object_set_new(
        entry, "verdict", json_string(hg_descriptor_verdict_name((int)v->verdict)));
    r |= json_object_set_new(entry, "grain", json_string(hg_descriptor_grain_name((int)v->grain)));
    r |= json_object_set_new(
        entry, "dimension", json_string(hg_descriptor_dimension_name((int)v->dimension)));
    r |= json_object_set_new(entry, "issue_type", json_string(v->issue_type));
    return r;
}

static json_t *plugin_to_json(const struct hg_plugin *plugin)
{
    struct hg_error err = HG_ERROR_INIT;
    json_t *schema = NULL;
    int bad = hg_plugin_read_schema(plugin, &schema, &err);
    json_t *entry = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:o?, s:s?}",
                              "kind",
                              hg_descriptor_kind_name((int)plugin->kind),
                              "id",
                              plugin->id,
                              "name",
                              plugin->name,
                              "version",
                              plugin->version,
                              "summary",
                              plugin->summary,
                              "homepage",
                              plugin->homepage,
                              "license",
                              plugin->license,
                              "needs_secret",
                              (int)(plugin->flags & HG_PLUGIN_NEEDS_SECRET),
                              "config_schema",
                              schema,
                              "error",
                              bad ? err.message : NULL);
    if (!entry) {
        return NULL;
    }
    int r = plugin->kind == HG_KIND_CONNECTOR ? add_connector(entry, plugin->vtable)
                                              : add_rule(entry, plugin->vtable);
    if (r) {
        json_decref(entry);
        return NULL;
    }
    return entry;
}

int hg_plugin_inspect(const char *file, json_t **ret, struct hg_error *err)
{
    const struct hg_module *module;
    char sha256[HG_SHA256_TEXT];
    int r = hg_module_open_hashed(file, NULL, &module, sha256, err);
    if (r) {
        return r;
    }
    HG_CLEANUP(hg_json_decrefp)
    json_t *result = json_pack("{s:s, s:s, s:{s:i, s:i}, s:s, s:[]}",
                               "file",
                               file,
                               "sha256",
                               sha256,
                               "abi",
                               "major",
                               (int)module->abi_major,
                               "minor",
                               (int)module->abi_minor,
                               "sdk_version",
                               module->sdk_version,
                               "plugins");
    if (!result) {
        return hg_error_nomem(err);
    }
    json_t *plugins = json_object_get(result, "plugins");
    for (uint64_t i = 0; i < module->n_plugins; i++) {
        if (json_array_append_new(plugins, plugin_to_json(module->plugins[i]))) {
            return hg_error_nomem(err);
        }
    }
    *ret = HG_TAKE(result);
    return HG_OK;
}
