#include "plugin/descriptor.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"

#define MAX_PLUGINS 1000

/* ------------------------------------------------------------------------------------------ */
/* Names of the enumerations                                                                    */
/* ------------------------------------------------------------------------------------------ */

static const char *const kinds[] = {NULL, "connector", "provider", "rule"};
static const char *const resumes[] = {NULL, "none", "cursor"};
static const char *const verdicts[] = {NULL, "batch", "finish"};
static const char *const grains[] = {NULL, "cell", "row", "table"};
static const char *const dimensions[] = {NULL,
                                         "completeness",
                                         "validity",
                                         "consistency",
                                         "accuracy",
                                         "uniqueness",
                                         "timeliness",
                                         "volume",
                                         "schema",
                                         "coverage"};

static const char *name_of(const char *const *names, size_t n, int value)
{
    return value > 0 && (size_t)value < n ? names[value] : NULL;
}

static int value_of(const char *const *names, size_t n, const char *name)
{
    for (size_t i = 1; name && i < n; i++) {
        if (strcmp(names[i], name) == 0) {
            return (int)i;
        }
    }
    return 0;
}

#define DEFINE_NAMES(what, table)                      \
    const char *hg_descriptor_##what##_name(int value) \
    {                                                  \
        return name_of(table, HG_COUNT(table), value); \
    }                                                  \
    int hg_descriptor_##what##_parse(const char *name) \
    {                                                  \
        return value_of(table, HG_COUNT(table), name); \
    }

DEFINE_NAMES(kind, kinds)
DEFINE_NAMES(resume, resumes)
DEFINE_NAMES(verdict, verdicts)
DEFINE_NAMES(grain, grains)
DEFINE_NAMES(dimension, dimensions)

/* ------------------------------------------------------------------------------------------ */
/* Checks                                                                                       */
/* ------------------------------------------------------------------------------------------ */

static int fail(const struct hg_plugin *plugin, const char *what, struct hg_error *err)
{
    return hg_error_set(
        err, HG_EINVAL, "\"%.63s\": its descriptor has %s", plugin->id ? plugin->id : "?", what);
}

/* [a-z0-9-]{1,63}, for a rule also '_'. */
static bool id_is_good(const char *id, bool rule)
{
    size_t n = strspn(id,
                      rule ? "abcdefghijklmnopqrstuvwxyz0123456789-_"
                           : "abcdefghijklmnopqrstuvwxyz0123456789-");
    return n >= 1 && n <= 63 && id[n] == '\0';
}

/* "1.2.3", with anything behind a '-' or a '+'. */
static bool version_is_good(const char *version)
{
    for (int part = 0; part < 3; part++) {
        size_t n = strspn(version, "0123456789");
        if (n == 0 || n > 9 || (n > 1 && version[0] == '0')) {
            return false;
        }
        version += n;
        if (part < 2 && *version++ != '.') {
            return false;
        }
    }
    return *version == '\0' || ((*version == '-' || *version == '+') && version[1] != '\0');
}

static int check_texts(const struct hg_plugin *plugin, struct hg_error *err)
{
    const struct {
        const char *text;
        bool may_be_empty;
        const char *missing;
        const char *wrong;
    } texts[] = {
        {plugin->name, false, "no name", "a name that is not UTF-8"},
        {plugin->version, false, "no version", "a version that is not UTF-8"},
        {plugin->summary, false, "no summary", "a summary that is not UTF-8"},
        {plugin->homepage, true, "no homepage (it may be \"\")", "a homepage that is not UTF-8"},
        {plugin->license, false, "no license", "a license that is not UTF-8"},
        {plugin->config_schema, false, "no config_schema", "a config_schema that is not UTF-8"},
    };
    for (size_t i = 0; i < HG_COUNT(texts); i++) {
        if (!texts[i].text || (!texts[i].text[0] && !texts[i].may_be_empty)) {
            return fail(plugin, texts[i].missing, err);
        }
        size_t n = strlen(texts[i].text);
        if (hg_utf8_valid(texts[i].text, n) != n) {
            return fail(plugin, texts[i].wrong, err);
        }
    }
    return version_is_good(plugin->version) ? HG_OK
                                            : fail(plugin, "a version that is not like 1.2.3", err);
}

#define END_OF(type, field) (offsetof(type, field) + sizeof(((type *)0)->field))

static int check_connector(const struct hg_plugin *plugin, struct hg_error *err)
{
    const struct hg_connector_vtable *v = plugin->vtable;
    if (v->struct_size < END_OF(struct hg_connector_vtable, get_extension)) {
        return fail(plugin, "a function table that is too short", err);
    }
    if (!v->open || !v->test || !v->discover || !v->read || !v->cancel || !v->close) {
        return fail(
            plugin, "no function for one of open, test, discover, read, cancel, close", err);
    }
    return hg_descriptor_resume_name((int)v->resume)
               ? HG_OK
               : fail(plugin, "no valid value for resume", err);
}

static int check_rule(const struct hg_plugin *plugin, struct hg_error *err)
{
    const struct hg_rule_vtable *v = plugin->vtable;
    if (v->struct_size < END_OF(struct hg_rule_vtable, n_partitions)) {
        return fail(plugin, "a function table that is too short", err);
    }
    if (!v->prepare || !v->check || !v->finish || !v->explain || !v->close) {
        return fail(plugin, "no function for one of prepare, check, finish, explain, close", err);
    }
    if (!hg_descriptor_verdict_name((int)v->verdict) || !hg_descriptor_grain_name((int)v->grain) ||
        !hg_descriptor_dimension_name((int)v->dimension)) {
        return fail(plugin, "no valid value for verdict, grain or dimension", err);
    }
    if (!v->issue_type || !v->issue_type[0]) {
        return fail(plugin, "no issue_type", err);
    }
    if (v->resolve ? v->n_partitions < 1 || v->n_partitions > 1024 : v->n_partitions != 0) {
        return fail(plugin, "an n_partitions that does not fit resolve", err);
    }
    return HG_OK;
}

static int check_plugin(const struct hg_plugin *plugin, struct hg_error *err)
{
    if (plugin->struct_size < END_OF(struct hg_plugin, vtable)) {
        return hg_error_set(err, HG_EINVAL, "a plugin's descriptor is too short");
    }
    if (!plugin->id || !id_is_good(plugin->id, plugin->kind == HG_KIND_RULE)) {
        return fail(plugin, "an id that is not 1 to 63 of a-z, 0-9 and -", err);
    }
    int r = check_texts(plugin, err);
    if (r) {
        return r;
    }
    if (!plugin->vtable) {
        return fail(plugin, "no function table", err);
    }
    switch (plugin->kind) {
    case HG_KIND_CONNECTOR:
        return check_connector(plugin, err);
    case HG_KIND_RULE:
        return check_rule(plugin, err);
    default:
        return fail(plugin, "a kind that is neither connector nor rule", err);
    }
}

int hg_descriptor_check_module(const struct hg_module *module, struct hg_error *err)
{
    if (module->struct_size < END_OF(struct hg_module, plugins)) {
        return hg_error_set(err, HG_EINVAL, "its module descriptor is too short");
    }
    if (module->abi_major != HG_ABI_MAJOR) {
        return hg_error_set(err,
                            HG_ENOTSUP,
                            "it is built for ABI %d, and this is ABI %d",
                            module->abi_major,
                            HG_ABI_MAJOR);
    }
    if (!module->sdk_version) {
        return hg_error_set(err, HG_EINVAL, "its module descriptor has no sdk_version");
    }
    /* Until the ABI is frozen a plugin fits only the SDK it was built with. */
    if (HG_ABI_MAJOR == 0 && strcmp(module->sdk_version, HG_SDK_VERSION) != 0) {
        hg_error_set(err,
                     HG_ENOTSUP,
                     "it is built with SDK %.32s, and this is SDK %s",
                     module->sdk_version,
                     HG_SDK_VERSION);
        hg_error_hint(err, "Build it again with the SDK of this release.");
        return HG_ENOTSUP;
    }
    if (module->n_plugins < 1 || module->n_plugins > MAX_PLUGINS || !module->plugins) {
        return hg_error_set(err, HG_EINVAL, "it holds no plugin, or more than %d", MAX_PLUGINS);
    }
    for (uint64_t i = 0; i < module->n_plugins; i++) {
        if (!module->plugins[i]) {
            return hg_error_set(err, HG_EINVAL, "a plugin of it is missing");
        }
        int r = check_plugin(module->plugins[i], err);
        if (r) {
            return r;
        }
        for (uint64_t k = 0; k < i; k++) {
            if (module->plugins[k]->kind == module->plugins[i]->kind &&
                strcmp(module->plugins[k]->id, module->plugins[i]->id) == 0) {
                return fail(module->plugins[i], "an id that is there twice", err);
            }
        }
    }
    return HG_OK;
}
