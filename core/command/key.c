#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/control.h"
#include "auth/principal.h"
#include "command/command.h"
#include "command/host.h"
#include "command/options.h"
#include "vault/rotate.h"

#define USAGE                                                                                      \
    "key rotate [--prepare] [-c FILE]\n"                                                           \
    "  makes a new master key and seals all secrets with it, while the host runs; goes on where\n" \
    "  one ended that was interrupted. --prepare: only puts the new key into the file, to be\n"    \
    "  copied to all other hosts on the same database before it is used"

struct arguments {
    const char *config;
    bool prepare;
};

static void show_progress(void *arg, const struct hg_rotation *rotation)
{
    (void)arg;
    (void)fprintf(stderr,
                  "\r%" PRId64 " of %" PRId64 " secret%s",
                  rotation->n_done < rotation->n_total ? rotation->n_done : rotation->n_total,
                  rotation->n_total,
                  rotation->n_total == 1 ? "" : "s");
}

static int rotate_alone(const struct hg_host_config *config,
                        const struct hg_rotation_options *options,
                        struct hg_rotation *ret,
                        struct hg_error *err)
{
    struct hg_host_parts host = HG_HOST_PARTS_INIT;
    int r = hg_host_become_user(config, err);
    r = r < 0 ? r : hg_host_open(config, &host, err);
    r = r < 0 ? r : hg_vault_rotate(host.vault, options, ret, err);
    hg_host_stop(&host, 0);
    return r;
}

static void report(const struct hg_rotation *rotation)
{
    if (rotation->kid == 0) {
        (void)printf("there is no master key yet: it is made with the first secret\n");
        return;
    }
    if (rotation->prepared) {
        (void)printf("key %d is in the file and not used yet: copy the file to all hosts, then run "
                     "headgate key rotate\n",
                     (int)rotation->kid);
        return;
    }
    (void)printf("%s key %d: %" PRId64 " secret%s sealed anew\n",
                 rotation->resumed ? "finished the rotation to" : "rotated to",
                 (int)rotation->kid,
                 rotation->n_done,
                 rotation->n_done == 1 ? "" : "s");
    if (rotation->old_stays) {
        (void)printf("take older keys out of the file yourself: %s\n", rotation->why.message);
    } else {
        (void)printf("older keys are no longer in the file; a backup of the database from before "
                     "needs the file from before\n");
    }
}

static int rotate(const struct hg_host_config *config, const struct arguments *arguments)
{
    struct hg_error err = HG_ERROR_INIT;
    struct hg_rotation rotation = {0};
    bool alone = !hg_control_is_running(config->data_dir);
    bool show = isatty(STDERR_FILENO);
    /* Before we become the host's user. */
    const struct hg_principal by = hg_principal_local(getuid());
    const struct hg_rotation_options options = {
        .only_prepare = arguments->prepare,
        .by = &by,
        .on_progress = show ? show_progress : NULL,
    };
    int r = alone ? rotate_alone(config, &options, &rotation, &err)
                  : hg_control_rotate_key(config->data_dir,
                                          options.only_prepare,
                                          options.on_progress,
                                          NULL,
                                          &rotation,
                                          &err);
    if (show) {
        (void)fprintf(stderr, "\r\033[K");
    }
    if (r < 0) {
        hg_command_complain(&err);
        return HG_EXIT_FAILED;
    }
    report(&rotation);
    return HG_EXIT_OK;
}

int hg_command_key(int argc, char **argv)
{
    struct arguments arguments = {0};
    struct hg_host_config *config = NULL;
    const char *operands[HG_OPERANDS_MAX];
    const char *const names[] = {"rotate", NULL};
    const struct hg_option options[] = {
        {"config", 'c', &arguments.config, NULL, NULL},
        {"prepare", 0, NULL, &arguments.prepare, NULL},
        {NULL, 0, NULL, NULL, NULL},
    };
    int n = hg_options_read(argc, argv, options, operands);
    if (n != 1) {
        return hg_command_usage(n, USAGE);
    }
    if (strcmp(operands[0], "rotate") != 0) {
        hg_command_unknown("key", operands[0], names);
        return HG_EXIT_USAGE;
    }
    if (!hg_command_config(arguments.config, &config)) {
        return HG_EXIT_USAGE;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    int code = rotate(config, &arguments);
    hg_host_config_free(config);
    return code;
}
