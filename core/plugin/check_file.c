/* Tests of a plugin file as a whole. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/schema.h"
#include "plugin/check_test.h"
#include "plugin/descriptor.h"
#include "plugin/elf_symbols.h"
#include "plugin/inspect.h"
#include "plugin/module.h"

/* What linkers put into every shared object. */
static const char *const harmless[] = {"_init", "_fini", "__bss_start", "_edata", "_end"};

struct symbols {
    char foreign[256];
    size_t n_foreign;
    bool module;
};

static void see_symbol(void *arg, const char *name)
{
    struct symbols *seen = arg;
    if (strcmp(name, HG_MODULE_SYMBOL) == 0) {
        seen->module = true;
        return;
    }
    for (size_t i = 0; i < HG_COUNT(harmless); i++) {
        if (strcmp(name, harmless[i]) == 0) {
            return;
        }
    }
    /* The address sanitizer's note about the module. */
    if (strncmp(name, "__odr_asan", 10) == 0) {
        return;
    }
    size_t used = strlen(seen->foreign);
    if (seen->n_foreign++ < 5) {
        (void)snprintf(
            seen->foreign + used, sizeof seen->foreign - used, "%s%.40s", used ? ", " : "", name);
    }
}

static enum hg_check_status test_symbols(struct hg_check *check)
{
    struct symbols seen = {.n_foreign = 0};
    struct hg_error err = HG_ERROR_INIT;
    if (hg_elf_exports(check->file, see_symbol, &seen, &err)) {
        return hg_check_error(check, "its symbols cannot be read", &err);
    }
    if (!seen.module) {
        return hg_check_fail(check,
                             "it does not export %s; it exports %s",
                             HG_MODULE_SYMBOL,
                             seen.n_foreign ? seen.foreign : "nothing");
    }
    if (seen.n_foreign > 0) {
        return hg_check_fail(
            check, "it also exports %s%s", seen.foreign, seen.n_foreign > 5 ? ", ..." : "");
    }
    return HG_CHECK_PASS;
}

static enum hg_check_status test_loads(struct hg_check *check)
{
    const struct hg_module *module;
    struct hg_error err = HG_ERROR_INIT;
    if (hg_module_open_unchecked(check->file, &module, &err)) {
        return hg_check_fail(check, "%s", err.message);
    }
    return HG_CHECK_PASS;
}

static enum hg_check_status test_descriptor(struct hg_check *check)
{
    const struct hg_module *module;
    struct hg_error err = HG_ERROR_INIT;
    if (hg_module_open_unchecked(check->file, &module, &err)) {
        return hg_check_skip(check, "it cannot be loaded");
    }
    if (hg_descriptor_check_module(module, &err)) {
        return hg_check_fail(check, "%s", err.message);
    }
    return hg_check_pass(check,
                         "%llu plugin%s",
                         (unsigned long long)module->n_plugins,
                         module->n_plugins == 1 ? "" : "s");
}

struct violations {
    char text[400];
    const char *property;
};

static void see_violation(void *arg, const char *pointer, const char *detail, const char *hint)
{
    struct violations *seen = arg;
    size_t used = strlen(seen->text);
    (void)hint;
    (void)snprintf(seen->text + used,
                   sizeof seen->text - used,
                   "%s\"%s\"%s %s",
                   used ? "; " : "",
                   seen->property,
                   pointer,
                   detail);
}

/* Each property's default against that property's own schema. */
static int check_defaults(json_t *schema, struct violations *seen)
{
    const char *name;
    json_t *property;
    json_object_foreach (json_object_get(schema, "properties"), name, property) {
        json_t *value = json_object_get(property, "default");
        if (!value) {
            continue;
        }
        /* Together with the definitions that it may refer to. */
        HG_CLEANUP(hg_json_decrefp)
        json_t *whole = json_pack(
            "{s:[O], s:O*}", "allOf", property, "$defs", json_object_get(schema, "$defs"));
        seen->property = name;
        if (!whole || hg_schema_validate(whole, value, see_violation, seen) < 0) {
            return HG_ENOMEM;
        }
    }
    return HG_OK;
}

static enum hg_check_status test_schema(struct hg_check *check)
{
    struct hg_error err = HG_ERROR_INIT;
    struct violations seen = {.text = ""};
    HG_CLEANUP(hg_json_decrefp) json_t *schema = NULL;
    const struct hg_plugin *plugin = hg_check_plugin(check);
    if (!plugin) {
        return HG_CHECK_FAIL;
    }
    if (hg_plugin_read_schema(plugin, &schema, &err)) {
        return hg_check_fail(check, "%s", err.message);
    }
    if (check_defaults(schema, &seen)) {
        return hg_check_fail(check, "out of memory");
    }
    return seen.text[0] ? hg_check_fail(check, "a default breaks its schema: %s", seen.text)
                        : HG_CHECK_PASS;
}

static enum hg_check_status test_configuration(struct hg_check *check)
{
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_json_decrefp) json_t *config = NULL;
    const struct hg_plugin *plugin = hg_check_plugin(check);
    if (!check->config_file) {
        return hg_check_skip(check, "no configuration was given with --config");
    }
    if (!plugin) {
        return HG_CHECK_FAIL;
    }
    return hg_session_read_config(plugin, check->config_file, &config, &err)
               ? hg_check_fail(check, "%s", err.message)
               : HG_CHECK_PASS;
}

const struct hg_check_test hg_check_file_tests[] = {
    {"symbols", "exports " HG_MODULE_SYMBOL " and nothing else", 0, test_symbols},
    {"loads", "is loaded and has the module symbol of this ABI", 0, test_loads},
    {"descriptor", "describes itself completely, with unique ids", 0, test_descriptor},
    {"schema", "has a valid schema whose defaults pass it", -1, test_schema},
    {"configuration", "takes the configuration given", -1, test_configuration},
};
const size_t hg_check_n_file_tests = HG_COUNT(hg_check_file_tests);
