#include <glob.h>
#include <stdio.h>

#include "base/mem.h"
#include "command/check_channels.h"
#include "command/check_places.h"
#include "command/command.h"
#include "command/options.h"
#include "definition/definition.h"

/* Reads every file, prints every error. Returns how many files have errors. */
static int check_files(const struct hg_host_config *config,
                       const struct hg_plugin_registry *plugins,
                       int *ret_n_files)
{
    int n_bad = 0;
    HG_CLEANUP(hg_json_decrefp) json_t *seen = json_object();
    *ret_n_files = 0;
    for (char **file = config->pipeline_files; file && *file; file++) {
        struct hg_error err = HG_ERROR_INIT;
        HG_CLEANUP(hg_diagnostics_free) struct hg_diagnostics diagnostics = HG_DIAGNOSTICS_INIT;
        HG_CLEANUP(hg_json_decrefp) json_t *definition = NULL;
        HG_CLEANUP(hg_freep) char *id = NULL;
        int r = hg_pipeline_definition_read_next(
            *file, plugins, seen, &definition, &id, &diagnostics, &err);
        if (r == HG_OK) {
            hg_check_source_files(config, *file, definition, &diagnostics);
            hg_check_sources_as_host_user(config, *file, definition);
            r = hg_diagnostics_count(&diagnostics) > 0 ? HG_EINVAL : HG_OK;
        }
        hg_diagnostics_print(&diagnostics, stderr);
        if (r < 0 && diagnostics.n == 0) {
            hg_command_complain(&err);
        }
        n_bad += r < 0;
        (*ret_n_files)++;
    }
    return n_bad;
}

/* One without wildcards that is not there is an error of the configuration. */
static void warn_of_empty_patterns(const struct hg_host_config *config)
{
    for (char **pattern = config->pipeline_globs; pattern && *pattern; pattern++) {
        glob_t found = {0};
        if (glob(*pattern, GLOB_NOSORT, NULL, &found) == GLOB_NOMATCH) {
            (void)fprintf(stderr, "headgate: no pipeline file matches \"%s\"\n", *pattern);
        }
        globfree(&found);
    }
}

static void tell_all_is_right(int n_files)
{
    if (n_files == 0) {
        (void)printf("the configuration is right; there is no pipeline file\n");
        return;
    }
    (void)printf(
        "the configuration and %d pipeline file%s are right\n", n_files, n_files == 1 ? "" : "s");
}

static int check(const struct hg_host_config *config)
{
    struct hg_error err = HG_ERROR_INIT;
    struct hg_plugin_registry *plugins = NULL;
    int n_files = 0;
    if (hg_command_plugins(config, false, &plugins, &err) < 0) {
        hg_command_complain(&err);
        return HG_EXIT_FAILED;
    }
    warn_of_empty_patterns(config);
    hg_check_roots(config);
    hg_check_as_host_user(config);
    bool has_keys = hg_check_master_key(config);
    int n_bad = check_files(config, plugins, &n_files);
    hg_check_channels(config);
    hg_plugin_registry_free(plugins);
    if (n_bad > 0) {
        (void)fprintf(stderr, "%d of %d pipeline files have errors\n", n_bad, n_files);
        return HG_EXIT_USAGE;
    }
    if (!has_keys) {
        return HG_EXIT_USAGE;
    }
    tell_all_is_right(n_files);
    return HG_EXIT_OK;
}

int hg_command_check(int argc, char **argv)
{
    return hg_command_with_config(argc, argv, check);
}
