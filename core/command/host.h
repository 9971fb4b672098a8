/*
 * The host without its HTTP side: what `serve` and a `run` of its own have in common.
 */
#ifndef HG_COMMAND_HOST_H
#define HG_COMMAND_HOST_H

#include "alerts/alerts.h"
#include "base/error.h"
#include "command/file_objects.h"
#include "config/host_config.h"
#include "config/host_name.h"
#include "events/bus.h"
#include "pipeline/service.h"
#include "plugin/registry.h"
#include "store/store.h"
#include "vault/vault.h"

struct hg_host_parts {
    int lock; /* of the data folder; -1: not held */
    struct hg_plugin_registry *plugins;
    struct hg_store *store;
    struct hg_vault *vault;
    struct hg_alerts *alerts;
    struct hg_pipelines *pipelines;
    char name[HG_HOST_NAME];  /* among the hosts of the database; "" until the vault is open */
    struct hg_events *events; /* set by who has clients, before hg_host_start; NULL: nobody */
};

/*
 * Becomes the service's user when started as root, and leaves no core dump from then on. Call it
 * before anything else is opened.
 */
int hg_host_become_user(const struct hg_host_config *config, struct hg_error *err);
/*
 * Takes the data folder for us; what comes next does so too where this has not been called.
 * HG_EEXIST when another headgate has it, which says so when that one is stopping.
 */
int hg_host_lock(const struct hg_host_config *config,
                 struct hg_host_parts *ret,
                 struct hg_error *err);
/* From here on others who want the data folder are told that we stop. */
void hg_host_tell_stopping(const struct hg_host_parts *parts);
/*
 * The databases alone, migrated. HG_EEXIST when another headgate uses the data folder: closing them
 * would stop the cluster under it. Stop it also after a failure, as the two below.
 */
int hg_host_open_store(const struct hg_host_config *config,
                       struct hg_host_parts *ret,
                       struct hg_error *err);
/* The databases and the vault. */
int hg_host_open(const struct hg_host_config *config,
                 struct hg_host_parts *ret,
                 struct hg_error *err);
/*
 * Plugins, databases, vault, alerts, pipelines, workers, in this order. `objects`: those of the
 * files of whoever serves, whose channels are applied before there are pipelines. NULL leaves the
 * channels as they are: a run of its own may have any configuration, which is not the deployment's.
 */
int hg_host_start(const struct hg_host_config *config,
                  const struct hg_file_objects *objects,
                  struct hg_host_parts *ret,
                  struct hg_error *err);
#define HG_HOST_PARTS_INIT \
    {                      \
        .lock = -1         \
    }

/* The first half of stopping: no task runs behind it. Running ones go on for `grace_ms`. */
void hg_host_end_tasks(struct hg_host_parts *parts, int64_t grace_ms);
/* The rest of it, or all. */
void hg_host_stop(struct hg_host_parts *parts, int64_t grace_ms);

#endif
