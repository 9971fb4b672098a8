#include "command/options.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "command/command.h"
#include "command/file_objects.h"

static const struct hg_option *find_option(const struct hg_option *options,
                                           const char *arg,
                                           const char **ret_value)
{
    *ret_value = NULL;
    for (const struct hg_option *option = options; option->name; option++) {
        size_t n = strlen(option->name);
        if (arg[1] == option->letter && option->letter && arg[1] != '-') {
            *ret_value = arg[2] ? arg + 2 : NULL;
            return option;
        }
        if (arg[1] == '-' && strncmp(arg + 2, option->name, n) == 0 &&
            (arg[2 + n] == '\0' || arg[2 + n] == '=')) {
            *ret_value = arg[2 + n] ? arg + 3 + n : NULL;
            return option;
        }
    }
    return NULL;
}

static void complain_unknown(const struct hg_option *options, const char *arg)
{
    const char *names[32] = {NULL};
    for (size_t i = 0; options[i].name && i + 1 < HG_COUNT(names); i++) {
        names[i] = options[i].name;
    }
    const char *nearest = hg_nearest(arg + strspn(arg, "-"), names);
    (void)fprintf(stderr, "headgate: unknown option %s\n", arg);
    if (nearest) {
        (void)fprintf(stderr, "    Did you mean --%s?\n", nearest);
    }
}

bool hg_command_asks_help(const char *arg)
{
    return strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0;
}

/* Returns how many arguments it took, or -1. */
static int take(const struct hg_option *option, const char *value, const char *next)
{
    if (option->flag && value) {
        (void)fprintf(stderr, "headgate: --%s takes no value\n", option->name);
        return -1;
    }
    if (option->flag) {
        *option->flag = true;
        return 1;
    }
    const char *taken = value ? value : next;
    if (!taken) {
        (void)fprintf(stderr, "headgate: --%s needs a value\n", option->name);
        return -1;
    }
    if (option->text) {
        *option->text = taken;
    } else {
        *(*option->list)++ = taken;
    }
    return value ? 1 : 2;
}

int hg_options_read(int argc, char **argv, const struct hg_option *options, const char **operands)
{
    int n = 0;
    bool only_operands = false;
    if (argc > HG_OPERANDS_MAX) {
        (void)fprintf(stderr, "headgate: more than %d arguments\n", HG_OPERANDS_MAX);
        return HG_OPTIONS_WRONG;
    }
    for (int i = 1; i < argc;) {
        const char *value;
        if (only_operands || argv[i][0] != '-' || argv[i][1] == '\0') {
            operands[n++] = argv[i++];
            continue;
        }
        if (strcmp(argv[i], "--") == 0) {
            only_operands = true;
            i++;
            continue;
        }
        if (hg_command_asks_help(argv[i])) {
            return HG_OPTIONS_HELP;
        }
        const struct hg_option *option = find_option(options, argv[i], &value);
        int took = option ? take(option, value, i + 1 < argc ? argv[i + 1] : NULL) : -1;
        if (!option) {
            complain_unknown(options, argv[i]);
        }
        if (took < 0) {
            return HG_OPTIONS_WRONG;
        }
        i += took;
    }
    return n;
}

int hg_command_usage(int n_operands, const char *usage)
{
    bool asked = n_operands == HG_OPTIONS_HELP;
    (void)fprintf(asked ? stdout : stderr, "usage: headgate %s\n", usage);
    return asked ? HG_EXIT_OK : HG_EXIT_USAGE;
}

void hg_command_unknown(const char *of, const char *name, const char *const *names)
{
    const char *nearest = hg_nearest(name, names);
    (void)fprintf(stderr, "headgate: there is no command \"%s %s\"\n", of, name);
    if (nearest) {
        (void)fprintf(stderr, "    Did you mean %s %s?\n", of, nearest);
    }
}

void hg_command_complain(const struct hg_error *err)
{
    (void)fprintf(stderr, "headgate: %s\n", err->message);
    if (err->hint[0] != '\0') {
        (void)fprintf(stderr, "    %s\n", err->hint);
    }
}

int hg_command_load(const char *file,
                    struct hg_host_config **ret,
                    struct hg_diagnostics *diagnostics,
                    struct hg_error *err)
{
    struct hg_host_config *config = NULL;
    HG_CLEANUP(hg_file_objects_free) struct hg_file_objects objects = {.users = NULL};
    int r = hg_host_config_load(file, &config, diagnostics, err);
    r = r < 0 ? r : hg_file_objects_read(config, &objects, diagnostics, err);
    if (r < 0) {
        hg_host_config_free(config);
        return r;
    }
    *ret = config;
    return HG_OK;
}

bool hg_command_config(const char *file, struct hg_host_config **ret)
{
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_diagnostics_free) struct hg_diagnostics diagnostics = HG_DIAGNOSTICS_INIT;
    int r = hg_command_load(file, ret, &diagnostics, &err);
    hg_diagnostics_print(&diagnostics, stderr);
    if (r < 0 && diagnostics.n == 0) {
        hg_command_complain(&err);
    }
    if (r == HG_OK) {
        hg_log_configure((*ret)->log_level, (*ret)->log_json);
    }
    return r == HG_OK;
}

int hg_command_with_config(int argc, char **argv, int (*run)(const struct hg_host_config *config))
{
    const char *file = NULL;
    const char *operands[HG_OPERANDS_MAX];
    struct hg_host_config *config = NULL;
    const struct hg_option options[] = {
        {"config", 'c', &file, NULL, NULL},
        {NULL, 0, NULL, NULL, NULL},
    };
    int n = hg_options_read(argc, argv, options, operands);
    if (n != 0) {
        char usage[64];
        (void)snprintf(usage, sizeof usage, "%s [-c FILE]", argv[0]);
        return hg_command_usage(n, usage);
    }
    if (!hg_command_config(file, &config)) {
        return HG_EXIT_USAGE;
    }
    int code = run(config);
    hg_host_config_free(config);
    return code;
}

const char *hg_command_self(void)
{
    static char path[PATH_MAX];
    if (path[0] == '\0') {
        ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
        path[n > 0 ? n : 0] = '\0';
    }
    return path;
}

int hg_command_plugins(const struct hg_host_config *config,
                       bool cache,
                       struct hg_plugin_registry **ret,
                       struct hg_error *err)
{
    HG_CLEANUP(hg_freep)
    char *cache_file = cache ? hg_path_join(config->data_dir, "plugins.json") : NULL;
    return hg_plugin_registry_new(
        hg_command_self(), config->plugin_dir, config->plugin_pins, cache_file, ret, err);
}
