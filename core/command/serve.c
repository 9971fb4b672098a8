#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/api.h"
#include "api/control.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "command/check_channels.h"
#include "command/command.h"
#include "command/file_objects.h"
#include "command/host.h"
#include "command/options.h"
#include "command/second_signal.h"
#include "config/host_config_compare.h"
#include "http/listen.h"

enum { HTTP_GRACE_MS = 3000 };

struct serving {
    struct hg_host_config *config;
    const char *config_file;
    struct hg_host_parts host;
    struct hg_control *control;
    struct hg_api *api;
};

/* Found out before a cluster is made or recovered, which takes seconds, and left alone again. */
static int check_address(const struct hg_host_config *config, struct hg_error *err)
{
    HG_CLEANUP(hg_closep) int fd = -1;
    int port = 0;
    return hg_listen(config->listen_host, config->listen_port, &fd, &port, err);
}

static int start(struct serving *serving, struct hg_error *err)
{
    HG_CLEANUP(hg_diagnostics_free) struct hg_diagnostics diagnostics = HG_DIAGNOSTICS_INIT;
    HG_CLEANUP(hg_file_objects_free) struct hg_file_objects objects = {.users = NULL};
    int r = check_address(serving->config, err);
    r = r < 0 ? r : hg_file_objects_read(serving->config, &objects, &diagnostics, err);
    r = r < 0 ? r : hg_events_new(NULL, &serving->host.events, err);
    r = r < 0 ? r : hg_host_start(serving->config, &objects, &serving->host, err);
    r = r < 0 ? r
              : hg_control_start(serving->config->data_dir,
                                 serving->host.pipelines,
                                 serving->host.alerts,
                                 serving->host.vault,
                                 &serving->control,
                                 err);
    if (r < 0) {
        return r;
    }
    const struct hg_api_options options = {
        .config = serving->config,
        .pipelines = serving->host.pipelines,
        .alerts = serving->host.alerts,
        .vault = serving->host.vault,
        .metadata = hg_store_metadata(serving->host.store),
        .warehouse = hg_store_warehouse(serving->host.store),
        .plugins = serving->host.plugins,
        .events = serving->host.events,
        .version = HG_VERSION,
        .admin_password = getenv("HEADGATE_ADMIN_PASSWORD"),
        .terminal = isatty(STDERR_FILENO) ? stderr : NULL,
        .users = objects.users,
        .n_users = objects.n_users,
    };
    r = hg_api_start(&options, &serving->api, err);
    hg_host_config_forget_objects(serving->config);
    if (r == HG_OK) {
        hg_check_channels_of(serving->config, serving->host.alerts);
    }
    return r;
}

/* Requests have a few seconds to be answered, in which nothing is begun that would be cut short. */
static void stop_serving(struct serving *serving)
{
    if (serving->host.pipelines) {
        hg_pipelines_begin_nothing(serving->host.pipelines);
    }
    hg_api_stop(serving->api, HTTP_GRACE_MS);
    hg_control_stop(serving->control);
    hg_host_end_tasks(&serving->host, serving->config->stop_grace_ms);
}

/* A second signal cuts the first half short; the rest is quick, and has asked the server to end. */
static void stop_on_signal(struct serving *serving)
{
    struct hg_second_signal second = {0};
    hg_second_signal_watch(&second,
                           serving->host.store ? hg_store_cluster(serving->host.store) : NULL);
    stop_serving(serving);
    hg_second_signal_leave(&second);
    hg_host_stop(&serving->host, 0);
}

static void reload_pipelines(struct serving *serving)
{
    struct hg_error err = HG_ERROR_INIT;
    if (hg_pipelines_reload(serving->host.pipelines, &err) < 0) {
        hg_log_error("the pipeline files could not be read again", &err);
    } else {
        hg_log(HG_LOG_INFO, "the pipeline files were read again", NULL);
    }
}

/* The mail server of the file is not the one in use: until then nobody can be written to. */
static int check_mail_waits(const struct hg_host_config *now,
                            const struct hg_host_config *fresh,
                            const struct hg_file_objects *objects,
                            struct hg_error *err)
{
    bool waits = !now->smtp_host && fresh->smtp_host;
    for (size_t i = 0; waits && i < objects->n_channels; i++) {
        const struct hg_channel_wish *wish = &objects->channels[i].wish;
        if (strcmp(wish->kind, "email") == 0) {
            (void)hg_error_set(err,
                               HG_EINVAL,
                               "the alert channel \"%s\" needs alerts.smtp, which waits for the "
                               "next start",
                               wish->name);
            return hg_error_hint(err, "Start the host anew.");
        }
    }
    return HG_OK;
}

/* All of a kind or none: what could not be applied leaves what was there. */
static void reload_objects(struct serving *serving, const struct hg_host_config *fresh)
{
    HG_CLEANUP(hg_diagnostics_free) struct hg_diagnostics diagnostics = HG_DIAGNOSTICS_INIT;
    HG_CLEANUP(hg_file_objects_free) struct hg_file_objects objects = {.users = NULL};
    struct hg_error err = HG_ERROR_INIT;
    int r = hg_file_objects_read(fresh, &objects, &diagnostics, &err);
    if (r < 0) {
        hg_log_error("the objects of the host's files are not applied", &err);
        return;
    }
    r = hg_api_apply_users(serving->api, objects.users, objects.n_users, &err);
    if (r < 0) {
        hg_log_error("the users of the host's files are not applied, all stay as they are", &err);
    }
    r = check_mail_waits(serving->config, fresh, &objects, &err);
    r = r < 0 ? r
              : hg_file_channels_apply(
                    serving->host.alerts, objects.channels, objects.n_channels, &err);
    if (r < 0) {
        hg_log_error("the alert channels of the host's files are not applied, all stay as they are",
                     &err);
    }
}

static void reload_certificate(struct serving *serving)
{
    struct hg_error err = HG_ERROR_INIT;
    if (!serving->config->tls_certificate) {
        return;
    }
    if (hg_api_reload(serving->api, &err) < 0) {
        hg_log_error("the certificate could not be read again, the old one stays", &err);
    } else {
        hg_log(HG_LOG_INFO, "the certificate was read again", NULL);
    }
}

/* Half of a new configuration may not fit the other half of the old one, so that all of it waits.
 */
static void tell_what_waits(const struct hg_host_config *now, const struct hg_host_config *fresh)
{
    HG_CLEANUP(hg_buf_free) struct hg_buf keys = HG_BUF_INIT;
    hg_host_config_differences(now, fresh, "pipelines", &keys);
    if (keys.len > 0) {
        hg_log(HG_LOG_WARNING,
               "these keys of the configuration changed and wait for the next start",
               "keys",
               hg_buf_text(&keys),
               NULL);
    }
}

/* SIGHUP: files may have come or gone, so the patterns are matched anew. */
static void reload(struct serving *serving)
{
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_diagnostics_free) struct hg_diagnostics diagnostics = HG_DIAGNOSTICS_INIT;
    struct hg_host_config *fresh = NULL;
    int r = hg_command_load(serving->config_file, &fresh, &diagnostics, &err);
    if (r < 0) {
        hg_diagnostics_print(&diagnostics, stderr);
        hg_log(HG_LOG_ERROR, "the configuration has errors, the old one stays", NULL);
        return;
    }
    tell_what_waits(serving->config, fresh);
    char **files = serving->config->pipeline_files;
    serving->config->pipeline_files = fresh->pipeline_files;
    fresh->pipeline_files = files;
    reload_objects(serving, fresh);
    hg_host_config_free(fresh);
    reload_pipelines(serving);
    hg_check_channels_of(serving->config, serving->host.alerts);
}

static void watched_signals(sigset_t *ret)
{
    hg_ending_signals(ret);
    (void)sigaddset(ret, SIGHUP);
}

/* What of the vault is not as it should be, but stops nothing. */
static void warn_of_vault(struct hg_vault *vault)
{
    struct hg_vault_state state;
    struct hg_error err = HG_ERROR_INIT;
    int r = hg_vault_look(vault, &state, &err);
    if (r < 0) {
        hg_log_error("cannot look at the master key", &err);
        return;
    }
    if (!state.locked) {
        hg_log(HG_LOG_WARNING,
               "secrets in use may be swapped out: raise the limit of locked memory (ulimit -l)",
               NULL);
    }
    if (state.is_worn) {
        hg_log(
            HG_LOG_WARNING, "the master key has sealed very often: run headgate key rotate", NULL);
    }
}

/* In one line how long it may last and how to cut it short: what follows may be silence. */
static void tell_stopping(struct serving *serving, int signal_number)
{
    char tasks[24];
    char at_most[24];
    size_t n = hg_pipelines_running(serving->host.pipelines);
    hg_host_tell_stopping(&serving->host);
    (void)snprintf(tasks, sizeof tasks, "%zu", n);
    (void)snprintf(at_most, sizeof at_most, "%lld", (long long)serving->config->stop_grace_ms);
    hg_log(HG_LOG_INFO,
           n > 0 ? "stopping: waits for running tasks; a second signal ends it at once"
                 : "stopping",
           "signal",
           sigabbrev_np(signal_number),
           "#tasks",
           tasks,
           "at_most_ms",
           n > 0 ? at_most : NULL,
           NULL);
}

/* Returns the signal. */
static int wait_for_stop(struct serving *serving)
{
    sigset_t watched;
    int signal_number = 0;
    watched_signals(&watched);
    while (sigwait(&watched, &signal_number) != 0 || signal_number == SIGHUP) {
        if (signal_number == SIGHUP) {
            reload_certificate(serving);
            reload(serving);
        }
    }
    return signal_number;
}

static int serve(struct serving *serving, int64_t started_ms)
{
    struct hg_error err = HG_ERROR_INIT;
    char text[32];
    char url[300];
    int r = hg_host_become_user(serving->config, &err);
    r = r < 0 ? r : start(serving, &err);
    if (r < 0) {
        hg_command_complain(&err);
        stop_serving(serving);
        hg_host_stop(&serving->host, 0);
        return HG_EXIT_FAILED;
    }
    (void)snprintf(text, sizeof text, "%lld", (long long)(hg_time_monotonic_ms() - started_ms));
    (void)snprintf(url,
                   sizeof url,
                   "%s://%s:%d",
                   serving->config->tls_certificate ? "https" : "http",
                   serving->config->listen_host,
                   hg_api_port(serving->api));
    hg_log(HG_LOG_INFO, "ready", "url", url, "#ms", text, "version", HG_VERSION, NULL);
    warn_of_vault(serving->host.vault);
    tell_stopping(serving, wait_for_stop(serving));
    stop_on_signal(serving);
    hg_log(HG_LOG_INFO, "stopped", NULL);
    return HG_EXIT_OK;
}

int hg_command_serve(int argc, char **argv)
{
    int64_t started_ms = hg_time_monotonic_ms();
    struct serving serving = {.host = HG_HOST_PARTS_INIT};
    const char *operands[HG_OPERANDS_MAX];
    const struct hg_option options[] = {
        {"config", 'c', &serving.config_file, NULL, NULL},
        {NULL, 0, NULL, NULL, NULL},
    };
    int n = hg_options_read(argc, argv, options, operands);
    if (n != 0) {
        return hg_command_usage(n, "serve [-c FILE]");
    }
    if (!hg_command_config(serving.config_file, &serving.config)) {
        return HG_EXIT_USAGE;
    }
    /* Before there are threads, so that all of them inherit it. */
    sigset_t watched;
    watched_signals(&watched);
    (void)pthread_sigmask(SIG_BLOCK, &watched, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    int code = serve(&serving, started_ms);
    hg_host_config_free(serving.config);
    return code;
}
