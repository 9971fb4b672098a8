#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/control.h"
#include "base/json.h"
#include "base/mem.h"
#include "command/command.h"
#include "command/host.h"
#include "command/options.h"
#include "command/run_report.h"

enum { STOP_GRACE_MS = 2000, WAIT_MS = 500 };

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

/* Starts what is needed of a host, without HTTP, for this one run. */
static int run_alone(const struct hg_host_config *config,
                     const struct arguments *arguments,
                     struct hg_run_progress *progress,
                     json_t **ret_run,
                     struct hg_error *err)
{
    struct hg_host_parts host = HG_HOST_PARTS_INIT;
    HG_CLEANUP(hg_json_decrefp) json_t *triggered = NULL;
    HG_CLEANUP(hg_json_decrefp) json_t *run = NULL;
    int r = hg_host_become_user(config, err);
    r = r < 0 ? r : hg_host_start(config, &host, err);
    r = r < 0 ? r
              : hg_pipelines_trigger(
                    host.pipelines, arguments->pipeline, arguments->params, &triggered, NULL, err);
    const char *run_id = json_string_value(json_object_get(triggered, "run_id"));
    while (r == HG_OK && !hg_run_has_ended(run)) {
        json_decref(run);
        run = NULL;
        r = hg_runs_wait(host.pipelines, run_id, WAIT_MS, &run, err);
        if (r == HG_OK) {
            hg_run_progress_show(progress, run);
        }
    }
    hg_host_stop(&host, STOP_GRACE_MS);
    if (r == HG_OK) {
        *ret_run = HG_TAKE(run);
    }
    return r;
}

static void on_progress(void *arg, const json_t *run)
{
    hg_run_progress_show(arg, run);
}

static int run(const struct hg_host_config *config, const struct arguments *arguments)
{
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_json_decrefp) json_t *ended = NULL;
    struct hg_run_progress progress = {.on = !arguments->json && isatty(STDERR_FILENO)};
    int r = hg_control_is_running(config->data_dir)
                ? hg_control_run_pipeline(config->data_dir,
                                          arguments->pipeline,
                                          arguments->params,
                                          on_progress,
                                          &progress,
                                          &ended,
                                          &err)
                : run_alone(config, arguments, &progress, &ended, &err);
    hg_run_progress_end(&progress);
    if (r < 0) {
        hg_command_complain(&err);
        return r == HG_EINVAL || r == HG_ENOTFOUND ? HG_EXIT_USAGE : HG_EXIT_FAILED;
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
    if (hg_options_read(argc, argv, options, operands) != 1) {
        (void)fprintf(stderr,
                      "usage: headgate run PIPELINE [--param NAME=VALUE]... [--json] [-c FILE]\n");
        return HG_EXIT_USAGE;
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
