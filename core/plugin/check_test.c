#include "plugin/check_test.h"

#include <dirent.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "plugin/inspect.h"
#include "plugin/module.h"

#define WRITE_DETAIL(check, fmt)                                            \
    do {                                                                    \
        va_list args;                                                       \
        va_start(args, fmt);                                                \
        (void)vsnprintf((check)->detail, sizeof(check)->detail, fmt, args); \
        va_end(args);                                                       \
    } while (0)

enum hg_check_status hg_check_fail(struct hg_check *check, const char *fmt, ...)
{
    WRITE_DETAIL(check, fmt);
    return HG_CHECK_FAIL;
}

enum hg_check_status hg_check_skip(struct hg_check *check, const char *fmt, ...)
{
    WRITE_DETAIL(check, fmt);
    return HG_CHECK_SKIP;
}

enum hg_check_status hg_check_pass(struct hg_check *check, const char *fmt, ...)
{
    WRITE_DETAIL(check, fmt);
    return HG_CHECK_PASS;
}

enum hg_check_status hg_check_error(struct hg_check *check,
                                    const char *what,
                                    const struct hg_error *err)
{
    return hg_check_fail(check, "%s: %s", what, err->message);
}

const struct hg_plugin *hg_check_plugin(struct hg_check *check)
{
    const struct hg_module *module;
    struct hg_error err = HG_ERROR_INIT;
    if (hg_module_open(check->file, NULL, &module, &err)) {
        (void)hg_check_error(check, "it cannot be opened", &err);
        return NULL;
    }
    const struct hg_plugin *plugin = hg_module_plugin(module, check->kind, check->id);
    if (!plugin) {
        (void)hg_check_fail(check, "it is not there a second time");
    }
    return plugin;
}

enum hg_check_status hg_check_config(struct hg_check *check,
                                     const struct hg_plugin **ret_plugin,
                                     json_t **ret_config)
{
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_json_decrefp) json_t *schema = NULL;
    const struct hg_plugin *plugin = hg_check_plugin(check);
    if (!plugin) {
        return HG_CHECK_FAIL;
    }
    if (hg_plugin_read_schema(plugin, &schema, &err)) {
        return hg_check_skip(check, "its schema cannot be used");
    }
    if (!check->config_file && json_array_size(json_object_get(schema, "required")) > 0) {
        return hg_check_skip(check, "it wants a configuration; give one with --config");
    }
    if (hg_session_read_config(plugin, check->config_file, ret_config, &err)) {
        return hg_check_skip(check, "the configuration given does not fit its schema");
    }
    *ret_plugin = plugin;
    return HG_CHECK_PASS;
}

/* Of the sanitizer's allocator, when it is there. */
extern size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

void hg_check_usage(size_t *ret_bytes, size_t *ret_fds)
{
    if (__sanitizer_get_current_allocated_bytes) {
        *ret_bytes = __sanitizer_get_current_allocated_bytes();
    } else {
        struct mallinfo2 info = mallinfo2();
        *ret_bytes = info.uordblks + info.hblkhd;
    }
    *ret_fds = 0;
    DIR *dir = opendir("/proc/self/fd");
    while (dir && readdir(dir)) {
        (*ret_fds)++;
    }
    if (dir) {
        (void)closedir(dir);
    }
}
