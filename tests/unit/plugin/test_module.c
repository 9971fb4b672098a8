#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "plugin/descriptor.h"
#include "plugin/inspect.h"
#include "plugin/module.h"
#include "temp.h"

static void test_open_and_find(void **state)
{
    (void)state;
    const struct hg_module *module = NULL, *again = NULL;
    char sha256[HG_SHA256_TEXT], same[HG_SHA256_TEXT];
    temp_copy_plugin("numbers", folder, "numbers.so");
    const char *file = temp_path(folder, "numbers.so");
    assert_int_equal(hg_module_open_hashed(file, NULL, &module, sha256, NULL), HG_OK);
    assert_non_null(hg_module_plugin(module, HG_KIND_CONNECTOR, "numbers"));
    assert_null(hg_module_plugin(module, HG_KIND_RULE, "numbers"));
    assert_null(hg_module_plugin(module, HG_KIND_CONNECTOR, "nothing"));
    /* From memory, even when the file is gone; and its hash is still asked. */
    assert_int_equal(unlink(file), 0);
    assert_int_equal(hg_module_open_hashed(file, sha256, &again, same, NULL), HG_OK);
    assert_ptr_equal(again, module);
    assert_string_equal(same, sha256);
    sha256[0] = sha256[0] == '0' ? '1' : '0';
    assert_int_equal(hg_module_open(file, sha256, &again, NULL), HG_ENOTFOUND);
}

/* The file was replaced after it was inspected: what is run is never what was not looked at. */
static void test_other_hash_is_refused(void **state)
{
    (void)state;
    const struct hg_module *module = NULL;
    struct hg_error err = HG_ERROR_INIT;
    char zeros[HG_SHA256_TEXT];
    memset(zeros, '0', 64);
    zeros[64] = '\0';
    temp_copy_plugin("crash-in-constructor", folder, "other.so");
    assert_int_equal(hg_module_open(temp_path(folder, "other.so"), zeros, &module, &err),
                     HG_ECONFLICT);
    assert_non_null(strstr(err.message, "is another file than the one that was inspected"));
    assert_non_null(strstr(err.hint, zeros));
    assert_null(module);
}

static void test_refuses(void **state)
{
    (void)state;
    static const struct {
        const char *plugin;
        int code;
        const char *says;
    } cases[] = {
        {"wrong-major", HG_ENOTSUP, "is built for ABI 9, and this is ABI 0"},
        {"no-module", HG_EINVAL, "it exports no symbol hg_module_v0"},
        {"bad-descriptor", HG_EINVAL, "a version that is not like 1.2.3"},
        {"not-there", HG_ENOTFOUND, "cannot open the plugin"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct hg_module *module = NULL;
        struct hg_error err = HG_ERROR_INIT;
        assert_int_equal(hg_module_open(temp_plugin(cases[i].plugin), NULL, &module, &err),
                         cases[i].code);
        assert_non_null(strstr(err.message, cases[i].says));
        assert_non_null(strstr(err.message, cases[i].plugin));
        assert_null(module);
    }
    struct hg_error err = HG_ERROR_INIT;
    const struct hg_module *module = NULL;
    temp_write(temp_path(folder, "text.so"), "text");
    assert_int_equal(hg_module_open(temp_path(folder, "text.so"), NULL, &module, &err), HG_EINVAL);
    /* By its own name and not by that of the copy. */
    assert_non_null(strstr(err.message, "text.so"));
    assert_null(strstr(err.message, "/proc/self"));
}

/* ------------------------------------------------------------------------------------------ */
/* Descriptors                                                                                  */
/* ------------------------------------------------------------------------------------------ */

static hg_status no_open(const struct hg_host *host,
                         const char *config_json,
                         void **ret_inst,
                         struct hg_error *err)
{
    (void)host;
    (void)config_json;
    (void)ret_inst;
    (void)err;
    return HG_ENOTSUP;
}

static hg_status no_test(void *inst, struct hg_error *err)
{
    (void)inst;
    (void)err;
    return HG_ENOTSUP;
}

static hg_status no_discover(void *inst, const struct hg_discover_sink *sink, struct hg_error *err)
{
    (void)inst;
    (void)sink;
    (void)err;
    return HG_ENOTSUP;
}

static hg_status no_read(void *inst,
                         const struct hg_read_request *request,
                         struct ArrowArrayStream *ret_stream,
                         struct hg_error *err)
{
    (void)inst;
    (void)request;
    (void)ret_stream;
    (void)err;
    return HG_ENOTSUP;
}

static void nothing(void *inst)
{
    (void)inst;
}

static struct hg_connector_vtable vtable;
static struct hg_plugin plugin;
static struct hg_module module;
static const struct hg_plugin *const plugins[] = {&plugin, &plugin};

static void make_good(void)
{
    vtable = (struct hg_connector_vtable){.struct_size = sizeof vtable,
                                          .resume = HG_RESUME_NONE,
                                          .open = no_open,
                                          .test = no_test,
                                          .discover = no_discover,
                                          .read = no_read,
                                          .cancel = nothing,
                                          .close = nothing};
    plugin = (struct hg_plugin){.struct_size = sizeof plugin,
                                .kind = HG_KIND_CONNECTOR,
                                .id = "good",
                                .name = "Good",
                                .version = "1.2.3",
                                .summary = "Good.",
                                .homepage = "",
                                .license = "MIT",
                                .config_schema = "{}",
                                .vtable = &vtable};
    module = (struct hg_module){.struct_size = sizeof module,
                                .abi_major = HG_ABI_MAJOR,
                                .abi_minor = HG_ABI_MINOR,
                                .sdk_version = HG_SDK_VERSION,
                                .n_plugins = 1,
                                .plugins = plugins};
}

#define ASSERT_REFUSED(change, says)                                            \
    do {                                                                        \
        struct hg_error err = HG_ERROR_INIT;                                    \
        make_good();                                                            \
        change;                                                                 \
        assert_int_not_equal(hg_descriptor_check_module(&module, &err), HG_OK); \
        if (!strstr(err.message, says)) {                                       \
            fail_msg("\"%s\" lacks \"%s\"", err.message, says);                 \
        }                                                                       \
    } while (0)

static void test_descriptor(void **state)
{
    (void)state;
    make_good();
    assert_int_equal(hg_descriptor_check_module(&module, NULL), HG_OK);
    ASSERT_REFUSED(module.struct_size = 8, "module descriptor is too short");
    ASSERT_REFUSED(module.abi_major = 3, "it is built for ABI 3");
    ASSERT_REFUSED(module.sdk_version = "0.0.9", "it is built with SDK 0.0.9");
    ASSERT_REFUSED(module.sdk_version = NULL, "no sdk_version");
    ASSERT_REFUSED(module.n_plugins = 0, "it holds no plugin");
    ASSERT_REFUSED(module.n_plugins = 2, "an id that is there twice");
    ASSERT_REFUSED(plugin.struct_size = 16, "descriptor is too short");
    ASSERT_REFUSED(plugin.id = NULL, "an id that is not");
    ASSERT_REFUSED(plugin.id = "Good", "an id that is not");
    ASSERT_REFUSED(plugin.id = "with_line", "an id that is not");
    ASSERT_REFUSED(plugin.id = "", "an id that is not");
    ASSERT_REFUSED(plugin.name = NULL, "no name");
    ASSERT_REFUSED(plugin.summary = "", "no summary");
    ASSERT_REFUSED(plugin.homepage = NULL, "no homepage");
    ASSERT_REFUSED(plugin.license = "\xFF", "a license that is not UTF-8");
    ASSERT_REFUSED(plugin.config_schema = NULL, "no config_schema");
    ASSERT_REFUSED(plugin.version = "1.2", "a version that is not like 1.2.3");
    ASSERT_REFUSED(plugin.version = "1.02.3", "a version that is not like 1.2.3");
    ASSERT_REFUSED(plugin.version = "1.2.3-", "a version that is not like 1.2.3");
    ASSERT_REFUSED(plugin.kind = 9, "a kind that is neither");
    ASSERT_REFUSED(plugin.vtable = NULL, "no function table");
    ASSERT_REFUSED(vtable.struct_size = 8, "a function table that is too short");
    ASSERT_REFUSED(vtable.cancel = NULL, "no function for one of open");
    ASSERT_REFUSED(vtable.resume = 0, "no valid value for resume");
}

#define PROPERTY(text) "{\"type\":\"object\",\"properties\":{\"a\":" text "}}"
#define SECRET         "{\"type\":\"string\",\"writeOnly\":true}"

/* A secret that is not seen as one would be stored in the clear. */
static void test_secrets_stand_where_they_are_looked_for(void **state)
{
    static const struct {
        const char *schema;
        uint32_t kind;
        bool good;
    } cases[] = {
        {PROPERTY(SECRET), HG_KIND_CONNECTOR, true},
        {PROPERTY("{\"type\":\"string\",\"writeOnly\":false}"), HG_KIND_RULE, true},
        {PROPERTY(SECRET), HG_KIND_RULE, false},
        {PROPERTY("{\"type\":\"object\",\"properties\":{\"b\":" SECRET "}}"),
         HG_KIND_CONNECTOR,
         false},
        {PROPERTY("{\"type\":\"array\",\"items\":" SECRET "}"), HG_KIND_CONNECTOR, false},
        {PROPERTY("{\"anyOf\":[{\"type\":\"null\"}," SECRET "]}"), HG_KIND_CONNECTOR, false},
        {"{\"type\":\"object\",\"additionalProperties\":" SECRET "}", HG_KIND_CONNECTOR, false},
    };
    (void)state;
    for (size_t i = 0; i < HG_COUNT(cases); i++) {
        HG_CLEANUP(hg_json_decrefp) json_t *schema = NULL;
        struct hg_error err = HG_ERROR_INIT;
        make_good();
        plugin.kind = cases[i].kind;
        plugin.config_schema = cases[i].schema;
        int r = hg_plugin_read_schema(&plugin, &schema, &err);
        assert_int_equal(r, cases[i].good ? HG_OK : HG_EINVAL);
        assert_true(cases[i].good || strstr(err.message, "writeOnly"));
    }
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(hg_descriptor_kind_name(HG_KIND_RULE), "rule");
    assert_null(hg_descriptor_kind_name(0));
    assert_null(hg_descriptor_kind_name(99));
    assert_null(hg_descriptor_dimension_name(-1));
    for (int i = HG_DIM_COMPLETENESS; i <= HG_DIM_COVERAGE; i++) {
        assert_int_equal(hg_descriptor_dimension_parse(hg_descriptor_dimension_name(i)), i);
    }
    assert_int_equal(hg_descriptor_grain_parse("cell"), HG_GRAIN_CELL);
    assert_int_equal(hg_descriptor_resume_parse("cursor"), HG_RESUME_CURSOR);
    assert_int_equal(hg_descriptor_verdict_parse("nothing"), 0);
    assert_int_equal(hg_descriptor_verdict_parse(NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open_and_find),
        cmocka_unit_test(test_other_hash_is_refused),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_descriptor),
        cmocka_unit_test(test_secrets_stand_where_they_are_looked_for),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
