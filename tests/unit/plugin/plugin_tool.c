/*
 * Stands in for the program's `plugin` subcommands, so that these tests need only this layer:
 *     plugin_tool plugin list DIR | inspect [--json] FILE | check FILE CONFIG [MS] |
 *     run FILE CONFIG [ROWS]
 * CONFIG "-" is none; `check` answers as JSON.
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
    const char *config_file = argc > 4 && strcmp(argv[4], "-") != 0 ? argv[4] : NULL;
    int64_t number = argc > 5 ? strtol(argv[5], NULL, 10) : 0;
    if (strcmp(verb, "inspect") == 0) {
        return json && argc < 5 ? 2 : hg_plugin_cmd_inspect(argv[json ? 4 : 3], json);
    }
    if (strcmp(verb, "list") == 0) {
        return hg_plugin_cmd_list(argv[0], argv[3], NULL, NULL, false);
    }
    if (strcmp(verb, "check") == 0) {
        struct hg_plugin_check_options options = {
            .file = argv[3],
            .config_file = config_file,
            .limit_ms = number,
            .json = true,
        };
        return hg_plugin_cmd_check(&options);
    }
    if (strcmp(verb, "run") == 0) {
        struct hg_plugin_run_options options = {
            .file = argv[3],
            .config_file = config_file,
            .max_rows = number,
        };
        return hg_plugin_cmd_run(&options);
    }
    return 2;
}
