#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "api/control.h"
#include "auth/principal.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/patience.h"
#include "base/uuid.h"
#include "command/command.h"
#include "command/host.h"
#include "command/options.h"
#include "command/run_report.h"
#include "command/second_signal.h"

enum { STOP_GRACE_MS = 2000, WAIT_MS = 500, DATABASE_AWAY_MS = 60000 };

struct arguments {
    const char *config;
    const char *pipeline;
    json_t *params;
    bool json;
};

/* "5", "true" and "[1]" are what they are in JSON, anything else is text. */
static json_t *param_value(const char *text)
{
    json_t *value = hg_json_read_text(text, JSON_DECODE_ANY, NULL);
    return value ? value : json_string(text);
}

static int read_params(const char *const *given, json_t **ret)
{
    HG_CLEANUP(hg_json_decrefp) json_t *params = json_object();
    for (; *given; given++) {
        const char *equals = strchr(*given, '=');
        HG_CLEANUP(hg_freep)
        char *name = equals ? strndup(*given, (size_t)(equals - *given)) : NULL;
        if (!name || name[0] == '\0') {
            (void)fprintf(stderr, "headgate: --param takes NAME=VALUE, not \"%s\"\n", *given);
            return HG_EINVAL;
        }
        (void)json_object_set_new(params, name, param_value(equals + 1));
    }
    *ret = HG_TAKE(params);
    return HG_OK;
}

/* A run on its way: what is shown of it, and how to name it when sight of it is lost. */
struct following {
    struct hg_run_progress progress;
    char run_id[HG_UUID_TEXT]; /* empty until it is known */
};

static void keep_id(struct following *following, const char *run_id)
{
    (void)snprintf(following->run_id, sizeof following->run_id, "%s", run_id ? run_id : "");
}

/* Ctrl-C, and SIGTERM: the run is let go of, so that another host takes it up. */
static bool is_interrupted(void)
{
    static const struct timespec at_once = {0};
    sigset_t ending;
    hg_ending_signals(&ending);
    return sigtimedwait(&ending, NULL, &at_once) > 0;
}

/* Waits for the end of a run that a host of ours works on. */
static int follow(struct hg_pipelines *pipelines,
                  const char *run_id,
                  struct following *following,
                  json_t **ret_run,
                  struct hg_error *err)
{
    struct hg_patience patience = {.limit_ms = DATABASE_AWAY_MS};
    HG_CLEANUP(hg_json_decrefp) json_t *run = NULL;
    while (!hg_run_has_ended(run)) {
        json_decref(HG_TAKE(run));
        if (is_interrupted()) {
            return hg_error_set(err, HG_ECANCELLED, "interrupted");
        }
        int r = hg_runs_wait(pipelines, run_id, WAIT_MS, &run, err);
        if (r == HG_OK) {
            hg_run_progress_show(&following->progress, run);
        }
        if (!hg_patience_lasts(&patience, r, err) && r < 0) {
            return r;
        }
    }
    *ret_run = HG_TAKE(run);
    return HG_OK;
}

/*
 * In databases that are this data folder's alone nobody else can be at work: a run that is said to
 * be under way was left by a process that ended, and is taken up before another one begins.
 */
static int trigger(const struct hg_host_config *config,
                   struct hg_pipelines *pipelines,
                   const struct hg_principal *by,
                   const struct arguments *arguments,
                   struct following *following,
                   struct hg_error *err)
{
    HG_CLEANUP(hg_json_decrefp) json_t *triggered = NULL;
    HG_CLEANUP(hg_json_decrefp) json_t *left = NULL;
    char busy[HG_UUID_TEXT] = "";
    int r = hg_pipelines_trigger(
        pipelines, by, arguments->pipeline, arguments->params, &triggered, busy, err);
    if (r == HG_ECONFLICT && busy[0] != '\0' && !config->metadata_url) {
        (void)fprintf(
            stderr, "headgate: run %s was left by a Headgate that ended: it goes first\n", busy);
        r = follow(pipelines, busy, following, &left, err);
        r = r < 0
                ? r
                : hg_pipelines_trigger(
                      pipelines, by, arguments->pipeline, arguments->params, &triggered, NULL, err);
    }
    keep_id(following, json_string_value(json_object_get(triggered, "run_id")));
    return r;
}

/* Starts what is needed of a host, without HTTP, for this one run. */
static int run_alone(const struct hg_host_config *config,
                     const struct arguments *arguments,
                     struct following *following,
                     json_t **ret_run,
                     struct hg_error *err)
{
    struct hg_host_parts host = HG_HOST_PARTS_INIT;
    /* Before we become the host's user. */
    const struct hg_principal by = hg_principal_local(getuid());
    struct hg_second_signal second = {0};
    sigset_t ending;
    int r = hg_host_become_user(config, err);
    r = r < 0 ? r : hg_host_lock(config, &host, err);
    if (r < 0) {
        return r;
    }
    (void)fprintf(stderr,
                  "headgate: no host runs on \"%s\": this run has a host of its own\n",
                  config->data_dir);
    /* Before there are threads and workers, so that all of them inherit it. */
    hg_ending_signals(&ending);
    (void)pthread_sigmask(SIG_BLOCK, &ending, NULL);
    r = hg_host_start(config, NULL, &host, err);
    r = r < 0 ? r : hg_pipelines_check_not_paused(host.pipelines, err);
    r = r < 0 ? r : trigger(config, host.pipelines, &by, arguments, following, err);
    r = r < 0 ? r : follow(host.pipelines, following->run_id, following, ret_run, err);
    hg_second_signal_watch(&second, host.store ? hg_store_cluster(host.store) : NULL);
    hg_host_stop(&host, STOP_GRACE_MS);
    hg_second_signal_leave(&second);
    return r;
}

static void on_progress(void *arg, const json_t *run)
{
    struct following *following = arg;
    keep_id(following, json_string_value(json_object_get(run, "id")));
    hg_run_progress_show(&following->progress, run);
}

/* Says why there is no end to report. */
static int report_failure(const struct following *following, bool alone, const struct hg_error *err)
{
    bool is_made = following->run_id[0] != '\0';
    hg_command_complain(err);
    if (is_made && alone) {
        (void)fprintf(stderr,
                      "    Run %s goes on when a host is started on this data folder, or with the "
                      "next `headgate run`.\n",
                      following->run_id);
    } else if (is_made) {
        (void)fprintf(stderr,
                      "    Run %s may go on: see the host's page, or GET "
                      "/api/v1/ingestion/runs/%s.\n",
                      following->run_id,
                      following->run_id);
    }
    if (is_made || (!alone && err->code == HG_EUNAVAILABLE)) {
        return HG_EXIT_UNKNOWN;
    }
    return err->code == HG_EINVAL || err->code == HG_ENOTFOUND ? HG_EXIT_USAGE : HG_EXIT_FAILED;
}

static int run(const struct hg_host_config *config, const struct arguments *arguments)
{
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_json_decrefp) json_t *ended = NULL;
    struct following following = {.progress.on = !arguments->json && isatty(STDERR_FILENO)};
    bool alone = !hg_control_is_running(config->data_dir);
    int r = alone ? run_alone(config, arguments, &following, &ended, &err)
                  : hg_control_run_pipeline(config->data_dir,
                                            arguments->pipeline,
                                            arguments->params,
                                            on_progress,
                                            &following,
                                            &ended,
                                            &err);
    hg_run_progress_end(&following.progress);
    if (r < 0) {
        return report_failure(&following, alone, &err);
    }
    hg_run_report(ended, arguments->json);
    return hg_run_succeeded(ended) ? HG_EXIT_OK : HG_EXIT_FAILED;
}

int hg_command_run(int argc, char **argv)
{
    struct arguments arguments = {0};
    struct hg_host_config *config = NULL;
    const char *operands[HG_OPERANDS_MAX];
    const char *params[HG_OPERANDS_MAX] = {NULL};
    const char **next_param = params;
    const struct hg_option options[] = {
        {"config", 'c', &arguments.config, NULL, NULL},
        {"param", 'p', NULL, NULL, &next_param},
        {"json", 0, NULL, &arguments.json, NULL},
        {NULL, 0, NULL, NULL, NULL},
    };
    int n = hg_options_read(argc, argv, options, operands);
    if (n != 1) {
        return hg_command_usage(n,
                                "run PIPELINE [--param NAME=VALUE]... [--json] [-c FILE]\n"
                                "exit code: 0 it succeeded, 1 it failed, 2 wrong use or "
                                "configuration, 3 its end is not known, it may go on");
    }
    arguments.pipeline = operands[0];
    if (read_params(params, &arguments.params) < 0 ||
        !hg_command_config(arguments.config, &config)) {
        json_decref(arguments.params);
        return HG_EXIT_USAGE;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    int code = run(config, &arguments);
    json_decref(arguments.params);
    hg_host_config_free(config);
    return code;
}
