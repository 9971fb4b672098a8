#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/io.h"
#include "base/mem.h"
#include "plugin/registry.h"
#include "temp.h"

static struct hg_plugin_registry *scan(const json_t *pins, const char *cache_file)
{
    struct hg_plugin_registry *registry = NULL;
    struct hg_error err = HG_ERROR_INIT;
    int r =
        hg_plugin_registry_new(getenv("HG_PLUGIN_TOOL"), folder, pins, cache_file, &registry, &err);
    if (r) {
        fail_msg("%s", err.message);
    }
    return registry;
}

struct wanted {
    const char *file; /* name of the file */
    const struct hg_plugin_info *found;
    int n;
};

static void look(void *arg, const struct hg_plugin_info *info)
{
    struct wanted *wanted = arg;
    const char *name = strrchr(info->file, '/') + 1;
    if (strcmp(name, wanted->file) == 0) {
        wanted->found = info;
        wanted->n++;
    }
}

static const struct hg_plugin_info *only_info(const struct hg_plugin_registry *registry,
                                              const char *file)
{
    struct wanted wanted = {.file = file};
    hg_plugin_each(registry, look, &wanted);
    assert_int_equal(wanted.n, 1);
    return wanted.found;
}

static void test_good_plugins(void **state)
{
    (void)state;
    temp_copy_plugin("numbers", folder, "numbers.so");
    temp_copy_plugin("always-good", folder, "rule.so");
    temp_write(temp_path(folder, "readme.txt"), "no plugin");
    struct hg_plugin_registry *registry = scan(NULL, NULL);
    const struct hg_plugin_info *info = hg_plugin_find(registry, HG_KIND_CONNECTOR, "numbers");
    assert_non_null(info);
    assert_string_equal(info->file, temp_path(folder, "numbers.so"));
    assert_string_equal(info->version, "1.0.0");
    assert_int_equal(strlen(info->sha256), 64);
    assert_int_equal(info->resume, HG_RESUME_CURSOR);
    assert_false(info->bundled);
    assert_true(json_is_object(json_object_get(info->config_schema, "properties")));
    info = hg_plugin_find(registry, HG_KIND_RULE, "always_good");
    assert_non_null(info);
    assert_int_equal(info->verdict, HG_VERDICT_BATCH);
    assert_int_equal(info->grain, HG_GRAIN_ROW);
    assert_int_equal(info->dimension, HG_DIM_VALIDITY);
    assert_string_equal(info->issue_type, "test");
    assert_null(hg_plugin_find(registry, HG_KIND_RULE, "numbers"));
    assert_string_equal(hg_plugin_nearest(registry, HG_KIND_CONNECTOR, "nunbers"), "numbers");
    assert_null(hg_plugin_nearest(registry, HG_KIND_CONNECTOR, "something-else"));
    HG_CLEANUP(hg_json_decrefp) json_t *list = hg_plugin_registry_to_json(registry);
    assert_int_equal(json_array_size(list), 2);
    assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "status")),
                        "ready");
    hg_plugin_registry_free(registry);
}

/* Each file that is broken says in which way, and takes nothing else down. */
static void test_broken_plugins(void **state)
{
    (void)state;
    static const struct {
        const char *plugin;
        const char *says;
    } cases[] = {
        {"crash-in-constructor", "crashed with SIGSEGV while it was loaded"},
        {"hang-in-constructor", "did not answer within 10 s while it was loaded"},
        {"exit-in-constructor", "ended with exit status 3 while it was loaded"},
        {"wrong-major", "is built for ABI 9, and this is ABI 0"},
        {"no-module", "is no plugin: it exports no symbol hg_module_v0"},
        {"bad-descriptor",
         "\"bad-descriptor\": its descriptor has a version that is not like 1.2.3"},
    };
    for (size_t i = 0; i < HG_COUNT(cases); i++) {
        char name[64];
        (void)snprintf(name, sizeof name, "%s.so", cases[i].plugin);
        temp_copy_plugin(cases[i].plugin, folder, name);
    }
    temp_copy_plugin("numbers", folder, "numbers.so");
    temp_copy_plugin("bad-schema", folder, "bad-schema.so");
    temp_write(temp_path(folder, "text.so"), "not an object at all");
    struct hg_plugin_registry *registry = scan(NULL, NULL);
    for (size_t i = 0; i < HG_COUNT(cases); i++) {
        char name[64];
        (void)snprintf(name, sizeof name, "%s.so", cases[i].plugin);
        const struct hg_plugin_info *info = only_info(registry, name);
        assert_non_null(info->error);
        if (!strstr(info->error, cases[i].says)) {
            fail_msg("%s: \"%s\"", cases[i].plugin, info->error);
        }
        assert_null(info->id);
        assert_int_equal(info->kind, 0);
    }
    assert_non_null(strstr(only_info(registry, "text.so")->error, "cannot load the plugin"));
    assert_null(only_info(registry, "text.so")->hint);
    assert_non_null(strstr(only_info(registry, "wrong-major.so")->hint, "Build it with the SDK"));
    assert_non_null(hg_plugin_find(registry, HG_KIND_CONNECTOR, "numbers"));
    /* Both plugins of the file are there, each with its own reason. */
    assert_null(hg_plugin_find(registry, HG_KIND_CONNECTOR, "bad-schema"));
    struct wanted wanted = {.file = "bad-schema.so"};
    hg_plugin_each(registry, look, &wanted);
    assert_int_equal(wanted.n, 2);
    assert_string_equal(wanted.found->id, "bad-json");
    assert_non_null(strstr(wanted.found->error, "its config_schema is no JSON: line 1"));
    hg_plugin_registry_free(registry);
}

static void test_files_of_others_are_not_run(void **state)
{
    (void)state;
    temp_copy_plugin("numbers", folder, "open-to-all.so");
    assert_int_equal(chmod(temp_path(folder, "open-to-all.so"), 0777), 0);
    temp_copy_plugin("numbers", folder, "foreign.so");
    bool root = geteuid() == 0;
    if (root) {
        assert_int_equal(chown(temp_path(folder, "foreign.so"), 12345, 12345), 0);
    }
    assert_int_equal(mkdir(temp_path(folder, "folder.so"), 0755), 0);
    struct hg_plugin_registry *registry = scan(NULL, NULL);
    assert_non_null(
        strstr(only_info(registry, "open-to-all.so")->error, "can be written by other users"));
    assert_non_null(strstr(only_info(registry, "folder.so")->error, "is not a regular file"));
    if (root) {
        assert_non_null(strstr(only_info(registry, "foreign.so")->error, "belongs to user 12345"));
        assert_null(hg_plugin_find(registry, HG_KIND_CONNECTOR, "numbers"));
    }
    hg_plugin_registry_free(registry);
}

static void test_same_id_twice(void **state)
{
    (void)state;
    temp_copy_plugin("numbers", folder, "a.so");
    temp_copy_plugin("numbers", folder, "b.so");
    struct hg_plugin_registry *registry = scan(NULL, NULL);
    assert_string_equal(hg_plugin_find(registry, HG_KIND_CONNECTOR, "numbers")->file,
                        temp_path(folder, "a.so"));
    assert_non_null(strstr(only_info(registry, "b.so")->error, "another file brings a plugin"));
    assert_string_equal(only_info(registry, "b.so")->hint,
                        "Take one of the two files out of the folder.");
    assert_null(only_info(registry, "a.so")->hint);
    hg_plugin_registry_free(registry);
}

static void test_pins(void **state)
{
    (void)state;
    temp_copy_plugin("numbers", folder, "numbers.so");
    temp_copy_plugin("always-good", folder, "rule.so");
    /* This one would take ten seconds if it were run. */
    temp_copy_plugin("hang-in-constructor", folder, "hang.so");
    HG_CLEANUP(hg_json_decrefp) json_t *pins = json_object();
    json_object_set_new(
        pins, "x", json_string("0000000000000000000000000000000000000000000000000000000000000000"));
    struct hg_plugin_registry *registry = scan(pins, NULL);
    char sha256[65];
    memcpy(sha256, only_info(registry, "numbers.so")->sha256, sizeof sha256);
    assert_int_equal(strlen(sha256), 64);
    assert_non_null(strstr(only_info(registry, "numbers.so")->error, "is not pinned"));
    assert_non_null(strstr(only_info(registry, "hang.so")->error, "is not pinned"));
    assert_non_null(strstr(only_info(registry, "hang.so")->hint, "into plugins.pin"));
    hg_plugin_registry_free(registry);

    json_object_set_new(pins, "numbers", json_string(sha256));
    registry = scan(pins, NULL);
    assert_non_null(hg_plugin_find(registry, HG_KIND_CONNECTOR, "numbers"));
    assert_null(hg_plugin_find(registry, HG_KIND_RULE, "always_good"));
    hg_plugin_registry_free(registry);

    /* Pinned under another id, the file is known and its plugin still is not. */
    json_object_del(pins, "numbers");
    json_object_set_new(pins, "other", json_string(sha256));
    registry = scan(pins, NULL);
    assert_null(hg_plugin_find(registry, HG_KIND_CONNECTOR, "numbers"));
    assert_non_null(strstr(only_info(registry, "numbers.so")->error, "has no such id"));
    assert_non_null(strstr(only_info(registry, "numbers.so")->hint, "into plugins.pin"));
    hg_plugin_registry_free(registry);
}

/* Reads the cache, lets `change` at the entry's answer and writes it back. */
static void edit_cache(const char *cache, const char *file, const char *version, json_int_t at_us)
{
    json_t *whole = json_load_file(cache, 0, NULL);
    assert_non_null(whole);
    json_t *entry = json_object_get(json_object_get(whole, "files"), temp_path(folder, file));
    assert_non_null(entry);
    json_t *plugin =
        json_array_get(json_object_get(json_object_get(entry, "answer"), "plugins"), 0);
    if (version) {
        json_object_set_new(plugin, "version", json_string(version));
    }
    if (at_us >= 0) {
        json_object_set_new(entry, "at_us", json_integer(at_us));
    }
    assert_int_equal(json_dump_file(whole, cache, 0), 0);
    json_decref(whole);
}

static void test_cache(void **state)
{
    (void)state;
    char cache[300];
    (void)snprintf(cache, sizeof cache, "%s/plugins.json", folder);
    temp_copy_plugin("numbers", folder, "numbers.so");
    temp_copy_plugin("crash-in-constructor", folder, "crash.so");
    hg_plugin_registry_free(scan(NULL, cache));
    /* What stands in the cache is what counts, so it was not inspected again. */
    edit_cache(cache, "numbers.so", "9.9.9", -1);
    struct hg_plugin_registry *registry = scan(NULL, cache);
    assert_string_equal(only_info(registry, "numbers.so")->version, "9.9.9");
    assert_non_null(strstr(only_info(registry, "crash.so")->error, "crashed with SIGSEGV"));
    hg_plugin_registry_free(registry);
    /* A copy of the file is another file. */
    temp_copy_plugin("numbers", folder, "numbers.so");
    registry = scan(NULL, cache);
    assert_string_equal(only_info(registry, "numbers.so")->version, "1.0.0");
    hg_plugin_registry_free(registry);
    /* A failure is tried again after a while: here it is another plugin that crashed. */
    edit_cache(cache, "crash.so", NULL, 0);
    registry = scan(NULL, cache);
    assert_non_null(strstr(only_info(registry, "crash.so")->error, "crashed with SIGSEGV"));
    hg_plugin_registry_free(registry);
    json_t *whole = json_load_file(cache, 0, NULL);
    json_t *entry = json_object_get(json_object_get(whole, "files"), temp_path(folder, "crash.so"));
    assert_true(json_integer_value(json_object_get(entry, "at_us")) > 0);
    json_decref(whole);
    /* A file that is gone leaves the cache; one that is broken is no failure. */
    assert_int_equal(unlink(temp_path(folder, "crash.so")), 0);
    hg_plugin_registry_free(scan(NULL, cache));
    whole = json_load_file(cache, 0, NULL);
    assert_int_equal(json_object_size(json_object_get(whole, "files")), 1);
    json_decref(whole);
    temp_write(cache, "{broken");
    registry = scan(NULL, cache);
    assert_non_null(hg_plugin_find(registry, HG_KIND_CONNECTOR, "numbers"));
    hg_plugin_registry_free(registry);
}

static void test_program_that_is_none(void **state)
{
    (void)state;
    temp_copy_plugin("numbers", folder, "numbers.so");
    struct hg_plugin_registry *registry = NULL;
    assert_int_equal(
        hg_plugin_registry_new("/nonexistent/headgate", folder, NULL, NULL, &registry, NULL),
        HG_OK);
    assert_non_null(strstr(only_info(registry, "numbers.so")->error, "cannot start"));
    hg_plugin_registry_free(registry);
    registry = NULL;
    assert_int_equal(hg_plugin_registry_new("/bin/echo", folder, NULL, NULL, &registry, NULL),
                     HG_OK);
    assert_string_equal(only_info(registry, "numbers.so")->error,
                        "did not answer as a plugin should while it was loaded");
    hg_plugin_registry_free(registry);
}

/* Each child waits until the other is there too: one after the other they would never meet. */
static void test_files_are_inspected_side_by_side(void **state)
{
    (void)state;
    static const char script[] = "#!/bin/sh\n"
                                 "here=$(dirname \"$4\")\n"
                                 "touch \"$4.seen\"\n"
                                 "while [ ! -e \"$here/a.so.seen\" ] || [ ! -e "
                                 "\"$here/b.so.seen\" ]; do sleep 0.02; done\n"
                                 "exit 3\n";
    char program[300];
    (void)snprintf(program, sizeof program, "%s/meet", folder);
    temp_write(program, script);
    assert_int_equal(chmod(program, 0755), 0);
    temp_copy_plugin("numbers", folder, "a.so");
    temp_copy_plugin("always-good", folder, "b.so");
    struct hg_plugin_registry *registry = NULL;
    assert_int_equal(hg_plugin_registry_new(program, folder, NULL, NULL, &registry, NULL), HG_OK);
    assert_non_null(strstr(only_info(registry, "a.so")->error, "exit status 3"));
    assert_non_null(strstr(only_info(registry, "b.so")->error, "exit status 3"));
    hg_plugin_registry_free(registry);
}

/* Beside the program lie those that ship with it, and what somebody put there. */
static void test_what_ships_with_the_program(void **state)
{
    (void)state;
    char program[300], plugins[300], script[600], csv[300];
    (void)snprintf(program, sizeof program, "%s/headgate", folder);
    (void)snprintf(plugins, sizeof plugins, "%s/plugins", folder);
    (void)snprintf(csv, sizeof csv, "%s/csv.so", getenv("HG_PLUGIN_DIR"));
    (void)snprintf(
        script, sizeof script, "#!/bin/sh\nexec \"%s\" \"$@\"\n", getenv("HG_PLUGIN_TOOL"));
    temp_write(program, script);
    assert_int_equal(chmod(program, 0755), 0);
    assert_int_equal(mkdir(plugins, 0755), 0);
    temp_copy_plugin("numbers", plugins, "numbers.so");
    HG_CLEANUP(hg_freep) char *data = NULL;
    size_t n = 0;
    assert_int_equal(hg_read_file(csv, (size_t)64 << 20, &data, &n, NULL), HG_OK);
    assert_int_equal(hg_write_file(temp_path(plugins, "csv.so"), 0755, data, n, NULL), HG_OK);
    struct hg_plugin_registry *registry = NULL;
    assert_int_equal(hg_plugin_registry_new(program, plugins, NULL, NULL, &registry, NULL), HG_OK);
    assert_true(hg_plugin_find(registry, HG_KIND_CONNECTOR, "csv")->bundled);
    assert_false(hg_plugin_find(registry, HG_KIND_CONNECTOR, "numbers")->bundled);
    hg_plugin_registry_free(registry);
}

static void test_missing_folder(void **state)
{
    (void)state;
    struct hg_plugin_registry *registry = NULL;
    struct hg_error err = HG_ERROR_INIT;
    assert_int_equal(
        hg_plugin_registry_new("x", temp_path(folder, "none"), NULL, NULL, &registry, &err),
        HG_ENOTFOUND);
    assert_non_null(strstr(err.message, "cannot find the plugin folder"));
    assert_non_null(strstr(err.hint, "plugins.dir"));
    assert_null(registry);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_good_plugins),
        TEST(test_broken_plugins),
        TEST(test_files_of_others_are_not_run),
        TEST(test_same_id_twice),
        TEST(test_pins),
        TEST(test_cache),
        TEST(test_program_that_is_none),
        TEST(test_files_are_inspected_side_by_side),
        TEST(test_what_ships_with_the_program),
        TEST(test_missing_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
