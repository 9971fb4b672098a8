#include "command/host.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/str.h"
#include "command/options.h"
#include "store/account.h"

enum { ALERTS_GRACE_MS = 5000 };

int hg_host_become_user(const struct hg_host_config *config, struct hg_error *err)
{
    const struct hg_account_path paths[] = {
        {"the program", hg_command_self()},
        {"the plugins", config->plugin_dir},
        {"the configuration", config->file},
        {"the web pages", config->web_dir},
        {NULL, NULL},
    };
    int r = hg_account_become(HG_ACCOUNT_USER, config->data_dir, paths, NULL, err);
    return r < 0 ? r : hg_secret_no_dumps(err);
}

static int open_store(const struct hg_host_config *config,
                      struct hg_store **ret,
                      struct hg_error *err)
{
    const struct hg_store_options options = {
        .data_dir = config->data_dir,
        .metadata_url = config->metadata_url,
        .warehouse_url = config->warehouse_url,
        .supervise = true,
    };
    return hg_store_open(&options, ret, err);
}

static int open_vault(const struct hg_host_config *config,
                      struct hg_host_parts *parts,
                      struct hg_error *err)
{
    int r = hg_host_name(config->data_dir, parts->name, err);
    if (r < 0) {
        return r;
    }
    const struct hg_vault_options options = {
        .metadata = hg_store_metadata(parts->store),
        .key_file = config->master_key_file,
        .data_dir = config->data_dir,
        .host = parts->name,
    };
    return hg_vault_open(&options, &parts->vault, err);
}

/* What the holder of the lock has written into its file, beside holding it. */
static const char stopping[] = "stopping";

static int refuse_locked(int fd, const char *data_dir, struct hg_error *err)
{
    char text[sizeof stopping] = "";
    if (pread(fd, text, sizeof text - 1, 0) > 0 && strcmp(text, stopping) == 0) {
        hg_error_set(err, HG_EEXIST, "the host on \"%s\" is stopping and begins nothing", data_dir);
        return hg_error_hint(err, "Wait until it has ended, then do this again.");
    }
    hg_error_set(err, HG_EEXIST, "another headgate uses the data folder \"%s\"", data_dir);
    return hg_error_hint(err, "Wait until it has ended, or stop it.");
}

void hg_host_tell_stopping(const struct hg_host_parts *parts)
{
    (void)!pwrite(parts->lock, stopping, sizeof stopping - 1, 0);
}

/*
 * Whoever comes second touches nothing: two hosts on one data folder share a name in the queue and
 * would take each other's tasks for their own.
 */
static int lock_data_dir(const char *data_dir, int *ret_fd, struct hg_error *err)
{
    HG_CLEANUP(hg_freep) char *path = hg_path_join(data_dir, "host.lock");
    if (!path) {
        return hg_error_nomem(err);
    }
    int r = hg_make_folders(data_dir, 0700, err);
    if (r < 0) {
        return r;
    }
    HG_CLEANUP(hg_closep) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        return hg_error_errno(err, errno, "cannot open \"%s\"", path);
    }
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        return refuse_locked(fd, data_dir, err);
    }
    (void)!ftruncate(fd, 0);
    *ret_fd = fd;
    fd = -1;
    return HG_OK;
}

int hg_host_lock(const struct hg_host_config *config,
                 struct hg_host_parts *ret,
                 struct hg_error *err)
{
    return ret->lock >= 0 ? HG_OK : lock_data_dir(config->data_dir, &ret->lock, err);
}

int hg_host_open_store(const struct hg_host_config *config,
                       struct hg_host_parts *ret,
                       struct hg_error *err)
{
    int r = hg_host_lock(config, ret, err);
    return r < 0 ? r : open_store(config, &ret->store, err);
}

int hg_host_open(const struct hg_host_config *config,
                 struct hg_host_parts *ret,
                 struct hg_error *err)
{
    int r = hg_host_open_store(config, ret, err);
    return r < 0 ? r : open_vault(config, ret, err);
}

static int start_alerts(const struct hg_host_config *config,
                        const struct hg_file_objects *objects,
                        struct hg_host_parts *parts,
                        struct hg_error *err)
{
    const struct hg_alerts_options options = {
        .config = config,
        .metadata = hg_store_metadata(parts->store),
        .vault = parts->vault,
        .events = parts->events,
        .host = parts->name,
    };
    int r = hg_alerts_start(&options, &parts->alerts, err);
    return r < 0 || !objects
               ? r
               : hg_file_channels_apply(parts->alerts, objects->channels, objects->n_channels, err);
}

int hg_host_start(const struct hg_host_config *config,
                  const struct hg_file_objects *objects,
                  struct hg_host_parts *ret,
                  struct hg_error *err)
{
    int r = hg_host_lock(config, ret, err);
    r = r < 0 ? r : hg_command_plugins(config, true, &ret->plugins, err);
    r = r < 0 ? r : open_store(config, &ret->store, err);
    r = r < 0 ? r : open_vault(config, ret, err);
    r = r < 0 ? r : start_alerts(config, objects, ret, err);
    if (r < 0) {
        return r;
    }
    const struct hg_pipelines_options options = {
        .config = config,
        .host = ret->name,
        .self = hg_command_self(),
        .metadata = hg_store_metadata(ret->store),
        .warehouse = hg_store_warehouse(ret->store),
        .worker_warehouse_url = hg_store_worker_url(ret->store),
        .plugins = ret->plugins,
        .events = ret->events,
    };
    return hg_pipelines_start(&options, &ret->pipelines, err);
}

void hg_host_end_tasks(struct hg_host_parts *parts, int64_t grace_ms)
{
    hg_pipelines_stop(parts->pipelines, grace_ms);
    parts->pipelines = NULL;
    /* Behind the pipelines, so that what their last runs came to is told. */
    hg_alerts_stop(parts->alerts, grace_ms < ALERTS_GRACE_MS ? grace_ms : ALERTS_GRACE_MS);
    parts->alerts = NULL;
}

void hg_host_stop(struct hg_host_parts *parts, int64_t grace_ms)
{
    hg_host_end_tasks(parts, grace_ms);
    hg_vault_close(parts->vault);
    hg_events_free(parts->events);
    hg_store_close(parts->store, true);
    hg_plugin_registry_free(parts->plugins);
    hg_closep(&parts->lock);
    *parts = (struct hg_host_parts)HG_HOST_PARTS_INIT;
}
