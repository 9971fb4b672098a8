#include <stdio.h>

#include "command/command.h"
#include "command/host.h"
#include "command/options.h"

static int migrate(const struct hg_host_config *config)
{
    struct hg_error err = HG_ERROR_INIT;
    struct hg_store *store = NULL;
    const struct hg_store_options options = {
        .data_dir = config->data_dir,
        .metadata_url = config->metadata_url,
        .warehouse_url = config->warehouse_url,
    };
    int r = hg_host_become_user(config, &err);
    r = r < 0 ? r : hg_store_open(&options, &store, &err);
    if (r < 0) {
        hg_command_complain(&err);
        return HG_EXIT_FAILED;
    }
    hg_store_close(store, true);
    (void)printf("both databases are up to date\n");
    return HG_EXIT_OK;
}

int hg_command_migrate(int argc, char **argv)
{
    return hg_command_with_config(argc, argv, migrate);
}
