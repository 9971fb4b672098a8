#include "command/check_places.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "command/command.h"
#include "command/options.h"
#include "plugin/file_scope.h"
#include "store/account.h"
#include "vault/key_file.h"

void hg_check_roots(const struct hg_host_config *config)
{
    for (char **root = config->file_roots; root && *root; root++) {
        struct stat st;
        if (stat(*root, &st) < 0 || !S_ISDIR(st.st_mode)) {
            (void)fprintf(stderr, "headgate: files.roots: there is no folder \"%s\"\n", *root);
        }
    }
}

static void warn_unless_read(const char *what, const char *path)
{
    struct hg_error err = HG_ERROR_INIT;
    if (path && hg_account_check_path(what, path, &err) == HG_EFORBIDDEN) {
        (void)fprintf(stderr,
                      "headgate: as root the host runs as user %s: %s\n    %s\n",
                      HG_ACCOUNT_USER,
                      err.message,
                      err.hint[0] ? err.hint
                                  : "Let that user read it. `make up` serves a copy that it can "
                                    "read where it cannot reach the checkout.");
    }
}

void hg_check_as_host_user(const struct hg_host_config *config)
{
    struct hg_error err = HG_ERROR_INIT;
    if (geteuid() != 0) {
        return;
    }
    if (hg_account_look_as(HG_ACCOUNT_USER, &err) < 0) {
        (void)fprintf(stderr,
                      "headgate: files were read as root, which the host does not run as: %s\n",
                      err.message);
        return;
    }
    warn_unless_read("the plugins", config->plugin_dir);
    for (char **file = config->pipeline_files; file && *file; file++) {
        warn_unless_read("a pipeline file", *file);
    }
    for (char **root = config->file_roots; root && *root; root++) {
        warn_unless_read("a folder of files.roots", *root);
    }
    hg_account_look_back();
}

static int read_master_key(const char *path, struct hg_error *err)
{
    HG_CLEANUP(hg_keyring_freep) struct hg_keyring *keyring = NULL;
    bool root = geteuid() == 0;
    if (root && hg_account_look_as(HG_ACCOUNT_USER, NULL) < 0) {
        return HG_OK; /* which hg_check_as_host_user has told */
    }
    int r = hg_key_file_read(path, &keyring, err);
    if (root) {
        hg_account_look_back();
    }
    return r;
}

/* Who may not look says nothing of what the host may: that is whose the data folder is. */
static bool is_anothers(const struct hg_host_config *config)
{
    struct stat st;
    return geteuid() != 0 && (stat(config->data_dir, &st) < 0 || st.st_uid != geteuid());
}

bool hg_check_master_key(const struct hg_host_config *config)
{
    const char *given = config->master_key_file;
    HG_CLEANUP(hg_freep)
    char *path = given ? strdup(given) : hg_path_join(config->data_dir, "master.key");
    struct hg_error err = HG_ERROR_INIT;
    int r = path ? read_master_key(path, &err) : hg_error_nomem(&err);
    if (r == HG_OK || (r == HG_ENOTFOUND && !given)) {
        return true;
    }
    if (r == HG_EFORBIDDEN && is_anothers(config)) {
        (void)fprintf(stderr, "headgate: not looked at, the host may: %s\n", err.message);
        return true;
    }
    hg_command_complain(&err);
    return false;
}

/* ---- sources ---- */

/* What is looked at of one job. */
struct looking {
    const struct hg_file_scope *scope;
    const char *file; /* of the pipeline */
    const char *job;
    struct hg_diagnostics *diagnostics;
    size_t n_denied; /* files that the host's user may not read */
};

static hg_status pass_over(void *arg, const struct hg_file_match *match, struct hg_error *err)
{
    (void)arg;
    (void)match;
    (void)err;
    return HG_OK;
}

/* One that matches nothing yet is none of a check's business. */
static void check_path(struct looking *looking, const char *path)
{
    const struct hg_file_sink sink = {sizeof sink, NULL, pass_over};
    struct hg_error err = HG_ERROR_INIT;
    if (hg_file_scope_glob(looking->scope, path, &sink, &err) == HG_EFORBIDDEN) {
        hg_diagnostics_add(looking->diagnostics,
                           looking->file,
                           0,
                           0,
                           err.hint,
                           "job \"%s\": %s",
                           looking->job,
                           err.message);
    }
}

/* The task's roots are those of the host and the folder of the pipeline's file: flow/services.c. */
static struct hg_file_scope *make_scope(const struct hg_host_config *config, const char *base)
{
    struct hg_file_scope *scope = NULL;
    size_t n = 0;
    while (config->file_roots && config->file_roots[n]) {
        n++;
    }
    HG_CLEANUP(hg_freep) const char **roots = calloc(n + 2, sizeof *roots);
    if (roots) {
        for (size_t i = 0; i < n; i++) {
            roots[i] = config->file_roots[i];
        }
        roots[n] = base;
        (void)hg_file_scope_new(base, roots, &scope, NULL);
    }
    return scope;
}

/* Those whose `path` says what files they read. */
static bool reads_files(const char *source)
{
    static const char *const connectors[] = {"csv", "jsonl"};
    for (size_t i = 0; i < HG_COUNT(connectors); i++) {
        if (source && strcmp(source, connectors[i]) == 0) {
            return true;
        }
    }
    return false;
}

static void check_paths(struct looking *looking,
                        const json_t *given,
                        void (*check)(struct looking *looking, const char *path))
{
    size_t i;
    const json_t *path;
    if (json_is_string(given)) {
        check(looking, json_string_value(given));
    }
    json_array_foreach (given, i, path) {
        if (json_is_string(path)) {
            check(looking, json_string_value(path));
        }
    }
}

static void check_each_job(const struct hg_host_config *config,
                           const char *file,
                           const json_t *definition,
                           struct hg_diagnostics *diagnostics,
                           void (*check)(struct looking *looking, const json_t *given))
{
    size_t i;
    const json_t *job;
    struct hg_file_scope *scope =
        make_scope(config, json_string_value(json_object_get(definition, "base_folder")));
    json_array_foreach (json_object_get(definition, "jobs"), i, job) {
        const json_t *extract = json_object_get(job, "extract");
        const json_t *given = json_object_get(json_object_get(extract, "config"), "path");
        struct looking looking = {.scope = scope,
                                  .file = file,
                                  .job = json_string_value(json_object_get(job, "id")),
                                  .diagnostics = diagnostics};
        if (scope && reads_files(json_string_value(json_object_get(extract, "source")))) {
            check(&looking, given);
        }
    }
    hg_file_scope_free(scope);
}

static void check_scope(struct looking *looking, const json_t *given)
{
    check_paths(looking, given, check_path);
}

void hg_check_source_files(const struct hg_host_config *config,
                           const char *file,
                           const json_t *definition,
                           struct hg_diagnostics *diagnostics)
{
    check_each_job(config, file, definition, diagnostics, check_scope);
}

/* ---- sources, as the host's user ---- */

/* The first one is named: of a folder's files mostly all are denied. */
static void tell_denied(struct looking *looking, const char *path, const struct hg_error *err)
{
    if (looking->n_denied++ == 0) {
        (void)fprintf(stderr,
                      "headgate: %s: job \"%s\": as root the host runs as user %s: %s\n"
                      "    Let that user read it: chmod o+r \"%s\", or chown %s.\n",
                      looking->file,
                      looking->job,
                      HG_ACCOUNT_USER,
                      err->message,
                      path,
                      HG_ACCOUNT_USER);
    }
}

static hg_status look_at_file(void *arg, const struct hg_file_match *match, struct hg_error *err)
{
    struct hg_error denied = HG_ERROR_INIT;
    HG_CLEANUP(hg_freep) char *path = hg_path_resolve("/", match->path);
    (void)err;
    if (path && hg_account_check_path("a source's file", path, &denied) == HG_EFORBIDDEN) {
        tell_denied(arg, path, &denied);
    }
    return HG_OK;
}

static void look_at_path(struct looking *looking, const char *path)
{
    const struct hg_file_sink sink = {sizeof sink, looking, look_at_file};
    struct hg_error err = HG_ERROR_INIT;
    if (hg_file_scope_glob(looking->scope, path, &sink, &err) == HG_EFORBIDDEN) {
        tell_denied(looking, path, &err);
    }
}

static void look_at_job(struct looking *looking, const json_t *given)
{
    if (hg_account_look_as(HG_ACCOUNT_USER, NULL) < 0) {
        return; /* which hg_check_as_host_user has told */
    }
    check_paths(looking, given, look_at_path);
    hg_account_look_back();
    size_t n_more = looking->n_denied > 0 ? looking->n_denied - 1 : 0;
    if (n_more > 0) {
        (void)fprintf(stderr,
                      "    It may not read %zu more file%s of this job.\n",
                      n_more,
                      n_more == 1 ? "" : "s");
    }
}

void hg_check_sources_as_host_user(const struct hg_host_config *config,
                                   const char *file,
                                   const json_t *definition)
{
    if (geteuid() == 0) {
        check_each_job(config, file, definition, NULL, look_at_job);
    }
}
