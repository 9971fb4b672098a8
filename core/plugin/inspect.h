/*
 * What a plugin file says about itself, as JSON. Opens the file in this process.
 */
#ifndef HG_PLUGIN_INSPECT_H
#define HG_PLUGIN_INSPECT_H

#include <jansson.h>

#include "base/error.h"

/*
 * {"file", "sha256", "abi": {"major", "minor"}, "sdk_version", "plugins": [{"kind": "connector",
 *  "id", "name", "version", "summary", "homepage", "license", "needs_secret", "config_schema",
 *  "resume": "none" | "cursor",                                       a connector's
 *  "verdict", "grain", "dimension", "issue_type",                     a rule's
 *  "error": why it cannot be used, or null}]}
 * A plugin whose schema is wrong has an error and its schema null. *ret is owned by the caller.
 */
int hg_plugin_inspect(const char *file, json_t **ret, struct hg_error *err);
/*
 * The plugin's config_schema, read and checked: an object that says "type": "object" and keeps to
 * what hg_schema_check knows. *ret is owned by the caller.
 */
int hg_plugin_read_schema(const struct hg_plugin *plugin, json_t **ret, struct hg_error *err);

#endif
