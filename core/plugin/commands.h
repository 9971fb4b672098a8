/*
 * `headgate plugin list | inspect | check | run`: each prints to stdout, its failures to stderr,
 * and returns the exit code: 0, 1 for a failure, 2 for a wrong use. The caller has read the command
 * line.
 */
#ifndef HG_PLUGIN_COMMANDS_H
#define HG_PLUGIN_COMMANDS_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

/* Every plugin in `dir`, also those that cannot be used, with the reason. See registry.h. */
int hg_plugin_cmd_list(
    const char *self, const char *dir, const json_t *pins, const char *cache_file, bool json);
/*
 * What the file says about itself. Opens it in this process, which must end right after. With
 * `json` the answer is one JSON object on stdout, also for a failure: {"error": {...}}.
 */
int hg_plugin_cmd_inspect(const char *file, bool json);

struct hg_plugin_check_options {
    const char *file;
    const char *config_file; /* JSON; NULL: no read of a connector is tried */
    const char *plugin;      /* id, when the file holds several; NULL: each */
    bool json;
    int64_t limit_ms; /* for each test; 0: 10 s */
};
/* The table of tests. Forks for each: the process must have one thread. */
int hg_plugin_cmd_check(const struct hg_plugin_check_options *options);

struct hg_plugin_run_options {
    const char *file;
    const char *config_file; /* JSON */
    const char *plugin;      /* id of the connector, when the file holds several */
    const char *stream;      /* NULL: the only one */
    int64_t max_rows;        /* 0: all */
};
/* The rows of a connector as CSV on stdout. */
int hg_plugin_cmd_run(const struct hg_plugin_run_options *options);

#endif
