#include <stdio.h>

#include "command/command.h"
#include "command/host.h"
#include "command/options.h"

static int migrate(const struct hg_host_config *config)
{
    struct hg_error err = HG_ERROR_INIT;
    struct hg_host_parts parts = HG_HOST_PARTS_INIT;
    int r = hg_host_become_user(config, &err);
    r = r < 0 ? r : hg_host_open_store(config, &parts, &err);
    hg_host_stop(&parts, 0);
    if (r < 0) {
        hg_command_complain(&err);
        return HG_EXIT_FAILED;
    }
    (void)printf("both databases are up to date\n");
    return HG_EXIT_OK;
}

int hg_command_migrate(int argc, char **argv)
{
    return hg_command_with_config(argc, argv, migrate);
}
