#include "pipeline/pause.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "api/control.h"
#include "auth/principal.h"
#include "base/mem.h"
#include "command/command.h"
#include "command/host.h"
#include "command/options.h"

/* Nobody means to make databases by pausing them: it is another folder that is wanted. */
static int check_place(const struct hg_host_config *config, struct hg_error *err)
{
    char path[PATH_MAX];
    if (config->metadata_url ||
        snprintf(path, sizeof path, "%s/postgres", config->data_dir) >= (int)sizeof path ||
        access(path, F_OK) == 0 || errno != ENOENT) {
        return HG_OK;
    }
    (void)hg_error_set(
        err, HG_ENOTFOUND, "there are no databases of Headgate in \"%s\"", config->data_dir);
    return hg_error_hint(err,
                         "Name its configuration with -c, or its folder by HEADGATE_DATA_DIR.");
}

/* No host runs on the data folder: in the database itself, for those that will. */
static int store_it(const struct hg_host_config *config,
                    bool paused,
                    const char *pipeline,
                    const struct hg_principal *by,
                    struct hg_error *err)
{
    struct hg_host_parts parts = HG_HOST_PARTS_INIT;
    int r = check_place(config, err);
    r = r < 0 ? r : hg_host_become_user(config, err);
    r = r < 0 ? r : hg_host_open_store(config, &parts, err);
    if (r == HG_OK) {
        struct hg_pool *metadata = hg_store_metadata(parts.store);
        r = pipeline ? hg_pause_set_pipeline(metadata, by, pipeline, paused, err)
                     : hg_pause_set(metadata, by, paused, err);
    }
    hg_host_stop(&parts, 0);
    return r;
}

static void say_done(bool paused, const char *pipeline)
{
    if (pipeline) {
        (void)printf("the schedule of \"%s\" is %s\n", pipeline, paused ? "paused" : "resumed");
    } else {
        (void)printf("%s\n",
                     paused
                         ? "paused: nothing new begins until `headgate resume`; what runs goes on"
                         : "resumed");
    }
}

static int pause_or_resume(const struct hg_host_config *config, bool paused, const char *pipeline)
{
    struct hg_error err = HG_ERROR_INIT;
    /* Before we become the host's user. */
    const struct hg_principal by = hg_principal_local(getuid());
    int r = hg_control_is_running(config->data_dir)
                ? hg_control_pause(config->data_dir, paused, pipeline, &err)
                : store_it(config, paused, pipeline, &by, &err);
    if (r < 0) {
        hg_command_complain(&err);
        return r == HG_ENOTFOUND ? HG_EXIT_USAGE : HG_EXIT_FAILED;
    }
    say_done(paused, pipeline);
    return HG_EXIT_OK;
}

static int command(int argc, char **argv, bool paused)
{
    const char *file = NULL;
    const char *operands[HG_OPERANDS_MAX];
    struct hg_host_config *config = NULL;
    const struct hg_option options[] = {
        {"config", 'c', &file, NULL, NULL},
        {NULL, 0, NULL, NULL, NULL},
    };
    int n = hg_options_read(argc, argv, options, operands);
    if (n != 0 && n != 1) {
        return hg_command_usage(n,
                                paused ? "pause [PIPELINE] [-c FILE]\n"
                                         "nothing new begins, on any host of the database, until "
                                         "headgate resume; or the schedule of one pipeline"
                                       : "resume [PIPELINE] [-c FILE]\n"
                                         "ends what headgate pause began");
    }
    if (!hg_command_config(file, &config)) {
        return HG_EXIT_USAGE;
    }
    int code = pause_or_resume(config, paused, n == 1 ? operands[0] : NULL);
    hg_host_config_free(config);
    return code;
}

int hg_command_pause(int argc, char **argv)
{
    return command(argc, argv, true);
}

int hg_command_resume(int argc, char **argv)
{
    return command(argc, argv, false);
}
