/*
 * Stands in for the program's `plugin` subcommands, so that these tests need only this layer:
 *     plugin_tool plugin list DIR | inspect [--json] FILE | check FILE [CONFIG] | run FILE CONFIG
 */
#include <stdlib.h>
#include <string.h>

#include "plugin/commands.h"

int main(int argc, char **argv)
{
    if (argc < 4) {
        return 2;
    }
    const char *verb = argv[2];
    bool json = strcmp(argv[3], "--json") == 0;
    if (strcmp(verb, "inspect") == 0) {
        return json && argc < 5 ? 2 : hg_plugin_cmd_inspect(argv[json ? 4 : 3], json);
    }
    if (strcmp(verb, "list") == 0) {
        return hg_plugin_cmd_list(argv[0], argv[3], NULL, NULL, false);
    }
    if (strcmp(verb, "check") == 0) {
        const char *limit_ms = getenv("PLUGIN_TOOL_LIMIT_MS");
        struct hg_plugin_check_options options = {
            .file = argv[3],
            .config_file = argc > 4 ? argv[4] : NULL,
            .limit_ms = limit_ms ? strtol(limit_ms, NULL, 10) : 0,
            .json = getenv("PLUGIN_TOOL_JSON") != NULL,
        };
        return hg_plugin_cmd_check(&options);
    }
    if (strcmp(verb, "run") == 0) {
        const char *max_rows = getenv("PLUGIN_TOOL_ROWS");
        struct hg_plugin_run_options options = {
            .file = argv[3],
            .config_file = argc > 4 ? argv[4] : NULL,
            .max_rows = max_rows ? strtol(max_rows, NULL, 10) : 0,
        };
        return hg_plugin_cmd_run(&options);
    }
    return 2;
}
