#include "plugin/commands.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/mem.h"
#include "plugin/check.h"
#include "plugin/child.h"
#include "plugin/inspect.h"
#include "plugin/registry.h"
#include "plugin/run.h"

/* A little over the registry's own limit, which gives the better message. */
#define INSPECT_LIMIT_S 12

static int print_error(const struct hg_error *err)
{
    (void)fprintf(stderr, "%s\n", err->message);
    if (err->hint[0]) {
        (void)fprintf(stderr, "%s\n", err->hint);
    }
    return 1;
}

static int print_json(FILE *to, json_t *json)
{
    int r = json ? json_dumpf(json, to, JSON_INDENT(2)) : -1;
    (void)fputc('\n', to);
    json_decref(json);
    return r || fflush(to) ? 1 : 0;
}

/* ------------------------------------------------------------------------------------------ */
/* list                                                                                         */
/* ------------------------------------------------------------------------------------------ */

static void print_row(void *arg, const struct hg_plugin_info *info)
{
    static const char *const kinds[] = {"-", "connector", "provider", "rule"};
    const char *name = strrchr(info->file, '/');
    (void)arg;
    (void)printf("%-10s %-20s %-10s %-7s %s\n",
                 kinds[info->kind >= 0 && info->kind <= 3 ? info->kind : 0],
                 info->id ? info->id
                 : name   ? name + 1
                          : info->file,
                 info->version ? info->version : "-",
                 info->error ? "failed" : "ready",
                 info->error     ? info->error
                 : info->summary ? info->summary
                                 : "");
}

int hg_plugin_cmd_list(
    const char *self, const char *dir, const json_t *pins, const char *cache_file, bool json)
{
    struct hg_plugin_registry *registry;
    struct hg_error err = HG_ERROR_INIT;
    if (hg_plugin_registry_new(self, dir, pins, cache_file, &registry, &err)) {
        return print_error(&err);
    }
    int r = 0;
    if (json) {
        r = print_json(stdout, hg_plugin_registry_to_json(registry));
    } else {
        (void)printf("%-10s %-20s %-10s %-7s %s\n", "KIND", "ID", "VERSION", "STATUS", "");
        hg_plugin_each(registry, print_row, NULL);
    }
    hg_plugin_registry_free(registry);
    return r;
}

/* ------------------------------------------------------------------------------------------ */
/* inspect                                                                                      */
/* ------------------------------------------------------------------------------------------ */

/* Ends with its parent, at the limit of time, or as it crashes. */
static void set_limits(void)
{
    hg_child_crash_plainly();
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)signal(SIGALRM, SIG_DFL);
    (void)alarm(INSPECT_LIMIT_S);
}

/*
 * Our own way to stdout; what the plugin prints while it is loaded goes to stderr instead of into
 * the middle of our answer.
 */
static FILE *take_stdout(void)
{
    int own = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    if (own < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0) {
        return NULL;
    }
    return fdopen(own, "w");
}

static void print_plugin(FILE *to, const json_t *plugin)
{
    const char *error = json_string_value(json_object_get(plugin, "error"));
    static const char *const keys[] = {
        "name", "version", "summary", "license", "resume", "verdict", "grain", "dimension"};
    (void)fprintf(to,
                  "%s %s\n",
                  json_string_value(json_object_get(plugin, "kind")),
                  json_string_value(json_object_get(plugin, "id")));
    for (size_t i = 0; i < HG_COUNT(keys); i++) {
        const char *text = json_string_value(json_object_get(plugin, keys[i]));
        if (text) {
            (void)fprintf(to, "  %-10s %s\n", keys[i], text);
        }
    }
    if (error) {
        (void)fprintf(to, "  %-10s %s\n", "error", error);
    }
}

static void print_inspection(FILE *to, const json_t *found)
{
    size_t i;
    json_t *plugin;
    (void)fprintf(to, "sha256 %s\n", json_string_value(json_object_get(found, "sha256")));
    (void)fprintf(to, "sdk %s\n", json_string_value(json_object_get(found, "sdk_version")));
    json_array_foreach (json_object_get(found, "plugins"), i, plugin) {
        print_plugin(to, plugin);
    }
}

static json_t *error_to_json(const char *file, const struct hg_error *err)
{
    return json_pack("{s:s, s:{s:i, s:s, s:s}}",
                     "file",
                     file,
                     "error",
                     "code",
                     err->code,
                     "message",
                     err->message,
                     "hint",
                     err->hint);
}

int hg_plugin_cmd_inspect(const char *file, bool json)
{
    struct hg_error err = HG_ERROR_INIT;
    json_t *found = NULL;
    FILE *out = take_stdout();
    if (!out) {
        (void)fputs("cannot write to stdout\n", stderr);
        return 1;
    }
    set_limits();
    int r = hg_plugin_inspect(file, &found, &err);
    int code = r ? 1 : 0;
    if (json) {
        code |= print_json(out, r ? error_to_json(file, &err) : json_incref(found));
    } else if (r) {
        (void)print_error(&err);
    } else {
        print_inspection(out, found);
    }
    json_decref(found);
    return fclose(out) ? 1 : code;
}

/* ------------------------------------------------------------------------------------------ */
/* check, run                                                                                   */
/* ------------------------------------------------------------------------------------------ */

int hg_plugin_cmd_check(const struct hg_plugin_check_options *options)
{
    return hg_plugin_check(options, stdout);
}

int hg_plugin_cmd_run(const struct hg_plugin_run_options *options)
{
    struct hg_error err = HG_ERROR_INIT;
    return hg_plugin_run(options, stdout, stderr, &err) ? print_error(&err) : 0;
}
