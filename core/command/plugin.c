#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/parse.h"
#include "base/str.h"
#include "command/command.h"
#include "command/options.h"
#include "plugin/commands.h"

struct arguments {
    const char *config;
    const char *plugin;
    const char *stream;
    const char *limit;
    bool json;
    const char *operands[HG_OPERANDS_MAX];
    int n_operands;
};

static int list(const struct arguments *arguments)
{
    struct hg_host_config *config = NULL;
    if (!hg_command_config(arguments->config, &config)) {
        return HG_EXIT_USAGE;
    }
    int code = hg_plugin_cmd_list(
        hg_command_self(), config->plugin_dir, config->plugin_pins, NULL, arguments->json);
    hg_host_config_free(config);
    return code;
}

static int inspect(const struct arguments *arguments)
{
    return hg_plugin_cmd_inspect(arguments->operands[0], arguments->json);
}

static int check(const struct arguments *arguments)
{
    const struct hg_plugin_check_options options = {
        .file = arguments->operands[0],
        .config_file = arguments->config,
        .plugin = arguments->plugin,
        .json = arguments->json,
    };
    return hg_plugin_cmd_check(&options);
}

static int run(const struct arguments *arguments)
{
    struct hg_error err = HG_ERROR_INIT;
    struct hg_plugin_run_options options = {
        .file = arguments->operands[0],
        .config_file = arguments->config,
        .plugin = arguments->plugin,
        .stream = arguments->stream,
    };
    if (arguments->limit &&
        hg_parse_int64(arguments->limit, 1, INT64_MAX, &options.max_rows, &err) < 0) {
        hg_command_complain(&err);
        return HG_EXIT_USAGE;
    }
    if (!options.config_file) {
        (void)fprintf(stderr, "headgate: plugin run needs --config FILE.json\n");
        return HG_EXIT_USAGE;
    }
    return hg_plugin_cmd_run(&options);
}

static const struct {
    const char *name;
    int n_operands;
    int (*run)(const struct arguments *arguments);
    const char *usage;
} commands[] = {
    {"list", 0, list, "list [-c FILE] [--json]"},
    {"inspect", 1, inspect, "inspect FILE.so [--json]"},
    {"check", 1, check, "check FILE.so [--config FILE.json] [--plugin ID] [--json]"},
    {"run", 1, run, "run FILE.so --config FILE.json [--plugin ID] [--stream NAME] [--limit ROWS]"},
};

static int usage(bool asked)
{
    for (size_t i = 0; i < HG_COUNT(commands); i++) {
        (void)fprintf(asked ? stdout : stderr,
                      "%s headgate plugin %s\n",
                      i == 0 ? "usage:" : "      ",
                      commands[i].usage);
    }
    return asked ? HG_EXIT_OK : HG_EXIT_USAGE;
}

static bool is_known(const char *name)
{
    for (size_t i = 0; i < HG_COUNT(commands); i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static int unknown(const char *name)
{
    const char *names[HG_COUNT(commands) + 1] = {NULL};
    for (size_t i = 0; i < HG_COUNT(commands); i++) {
        names[i] = commands[i].name;
    }
    hg_command_unknown("headgate plugin", name, names);
    return usage(false);
}

int hg_command_plugin(int argc, char **argv)
{
    struct arguments arguments = {0};
    const struct hg_option options[] = {
        {"config", 'c', &arguments.config, NULL, NULL},
        {"plugin", 0, &arguments.plugin, NULL, NULL},
        {"stream", 0, &arguments.stream, NULL, NULL},
        {"limit", 0, &arguments.limit, NULL, NULL},
        {"json", 0, NULL, &arguments.json, NULL},
        {NULL, 0, NULL, NULL, NULL},
    };
    if (argc < 2) {
        return usage(false);
    }
    if (hg_command_asks_help(argv[1])) {
        return usage(true);
    }
    if (!is_known(argv[1])) {
        return unknown(argv[1]);
    }
    arguments.n_operands = hg_options_read(argc - 1, argv + 1, options, arguments.operands);
    for (size_t i = 0; i < HG_COUNT(commands); i++) {
        if (strcmp(commands[i].name, argv[1]) == 0 &&
            arguments.n_operands == commands[i].n_operands) {
            return commands[i].run(&arguments);
        }
    }
    return usage(arguments.n_operands == HG_OPTIONS_HELP);
}
