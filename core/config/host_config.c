#include "config/host_config.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "config/file_list.h"
#include "config/host_config_keys.h"
#include "config/host_config_set.h"
#include "config/yaml.h"
#include "config/yaml_fill.h"
#include "config/yaml_scalar.h"

enum { KEYS_MAX = 64 };

/* Defaults, which the table of keys has in words. */
enum { STOP_GRACE_MS = 20000, CHECKPOINT_MS = 60000, QUARANTINE_ROWS = 100000 };
enum { ALERT_WINDOW_MS = 900000, ALERT_STORM_LIMIT = 20 };

struct loader {
    struct hg_host_config *config;
    struct hg_diagnostics *diagnostics;
    const char *file;
    char folder[PATH_MAX];  /* of the file, or the working folder */
    char working[PATH_MAX]; /* the working folder */
};

HG_DEFINE_CLEANUP(config_freep, struct hg_host_config *, hg_host_config_free)

void hg_host_config_free(struct hg_host_config *config)
{
    if (!config) {
        return;
    }
    free(config->file);
    free(config->listen_host);
    free(config->public_url);
    free(config->data_dir);
    free(config->metadata_url);
    free(config->warehouse_url);
    hg_file_list_free(config->pipeline_files);
    hg_file_list_free(config->pipeline_globs);
    free(config->plugin_dir);
    json_decref(config->plugin_pins);
    hg_file_list_free(config->file_roots);
    free(config->tls_certificate);
    free(config->tls_key);
    hg_file_list_free(config->trusted_proxies);
    free(config->web_dir);
    free(config->master_key_file);
    json_decref(config->retention);
    hg_file_list_free(config->allow_private);
    free(config->smtp_host);
    free(config->smtp_from);
    free(config->smtp_username);
    free(config->smtp_password);
    free(config->smtp_ca_file);
    hg_host_config_forget_objects(config);
    free(config);
}

void hg_host_config_forget_objects(struct hg_host_config *config)
{
    hg_objects_free(&config->users);
    hg_objects_free(&config->channels);
    hg_object_trees_free(&config->object_trees);
}

/* Keys --------------------------------------------------------------------------------------- */

static const struct hg_config_key *find_key(const char *path)
{
    for (const struct hg_config_key *key = hg_config_keys; key->path || key->environment; key++) {
        if (key->path && strcmp(key->path, path) == 0) {
            return key;
        }
    }
    return NULL;
}

/* Whether there are keys "<path>.something". */
static bool is_section(const char *path)
{
    size_t n = strlen(path);
    for (const struct hg_config_key *key = hg_config_keys; key->path || key->environment; key++) {
        if (key->path && strncmp(key->path, path, n) == 0 && key->path[n] == '.') {
            return true;
        }
    }
    return false;
}

/* The part of a key's path that stands within the section `prefix` ("" or "plugins."). */
static const char *part_within(const struct hg_config_key *key,
                               const char *prefix,
                               char *ret_part,
                               size_t room)
{
    if (!key->path || !hg_starts_with(key->path, prefix)) {
        return NULL;
    }
    (void)snprintf(ret_part, room, "%s", key->path + strlen(prefix));
    ret_part[strcspn(ret_part, ".")] = '\0';
    return ret_part;
}

static void complain_of_key(struct loader *loader,
                            const struct hg_yaml_pair *pair,
                            const char *prefix)
{
    char parts[KEYS_MAX][48];
    const char *names[KEYS_MAX + 1] = {NULL};
    size_t n = 0;
    for (const struct hg_config_key *key = hg_config_keys; key->path || key->environment; key++) {
        const char *part =
            n < KEYS_MAX ? part_within(key, prefix, parts[n], sizeof parts[n]) : NULL;
        if (part) {
            names[n++] = part;
        }
    }
    const char *nearest = hg_nearest(pair->key, names);
    char hint[128] = "docs/configuration.md lists the keys.";
    if (nearest) {
        (void)snprintf(hint, sizeof hint, "Did you mean \"%s%s\"?", prefix, nearest);
    }
    hg_diagnostics_add(loader->diagnostics,
                       loader->file,
                       pair->key_line,
                       pair->key_column,
                       hint,
                       "unknown key \"%s%s\"",
                       prefix,
                       pair->key);
}

static int read_section(struct loader *loader, const struct hg_yaml_node *map, const char *prefix);

static int read_pair(struct loader *loader, const struct hg_yaml_pair *pair, const char *prefix)
{
    char path[128];
    char section[sizeof path + 1];
    if (snprintf(path, sizeof path, "%s%s", prefix, pair->key) >= (int)sizeof path) {
        complain_of_key(loader, pair, prefix);
        return HG_OK;
    }
    const struct hg_config_key *key = find_key(path);
    if (key && pair->value->broken) {
        return HG_OK;
    }
    if (key) {
        struct hg_config_setting setting = {.config = loader->config,
                                            .key = key,
                                            .value = pair->value,
                                            .folder = loader->folder,
                                            .place = loader->file,
                                            .diagnostics = loader->diagnostics};
        return key->set(&setting);
    }
    if (!is_section(path)) {
        complain_of_key(loader, pair, prefix);
        return HG_OK;
    }
    if (pair->value->type != HG_YAML_MAP) {
        hg_diagnostics_add(loader->diagnostics,
                           loader->file,
                           pair->value->line,
                           pair->value->column,
                           NULL,
                           "%s: found no map, expected one such as {key: value}",
                           path);
        return HG_OK;
    }
    (void)snprintf(section, sizeof section, "%s.", path);
    return read_section(loader, pair->value, section);
}

static int read_section(struct loader *loader, const struct hg_yaml_node *map, const char *prefix)
{
    int r = HG_OK;
    for (size_t i = 0; r == HG_OK && i < map->n; i++) {
        r = read_pair(loader, &map->pairs[i], prefix);
    }
    return r;
}

/* Sources of settings ----------------------------------------------------------------------------
 */

/* The tree stays: objects borrow from it. */
static int read_file(struct loader *loader, struct hg_error *err)
{
    HG_CLEANUP(hg_yaml_freep) struct hg_yaml *read = NULL;
    int r = hg_yaml_read(loader->file, &read, loader->diagnostics, err);
    if (r < 0 && r != HG_EINVAL) {
        return r;
    }
    struct hg_yaml *yaml = HG_TAKE(read);
    if (hg_object_trees_add(&loader->config->object_trees, yaml) < 0) {
        return hg_error_nomem(err);
    }
    if (!yaml->root || yaml->root->type == HG_YAML_NULL) {
        return HG_OK; /* empty, or complained of already */
    }
    if (yaml->root->type != HG_YAML_MAP) {
        hg_diagnostics_add(loader->diagnostics,
                           loader->file,
                           yaml->root->line,
                           yaml->root->column,
                           NULL,
                           "found no map, expected keys such as listen: 127.0.0.1:8080");
        return HG_OK;
    }
    r = hg_yaml_fill(yaml, yaml->root, loader->diagnostics, err);
    if (r < 0 && r != HG_EINVAL) {
        return r;
    }
    return read_section(loader, yaml->root, "") < 0 ? hg_error_nomem(err) : HG_OK;
}

static int read_environment(struct loader *loader, struct hg_error *err)
{
    for (const struct hg_config_key *key = hg_config_keys; key->path || key->environment; key++) {
        const char *text = key->environment ? getenv(key->environment) : NULL;
        if (!text || text[0] == '\0' || !key->set) {
            continue;
        }
        char place[128];
        (void)snprintf(place, sizeof place, "environment variable %s", key->environment);
        struct hg_yaml_node value = {.type = HG_YAML_TEXT, .text = text};
        struct hg_config_setting setting = {.config = loader->config,
                                            .key = key,
                                            .value = &value,
                                            .folder = loader->working,
                                            .place = place,
                                            .diagnostics = loader->diagnostics};
        if (key->set(&setting) < 0) {
            return hg_error_nomem(err);
        }
    }
    return HG_OK;
}

/* Defaults ----------------------------------------------------------------------------------- */

static bool default_path(char **field, const char *folder, const char *path)
{
    if (!*field) {
        *field = hg_path_resolve(folder, path);
    }
    return *field != NULL;
}

static bool default_list(char ***field, const char *folder, const char *path)
{
    if (!*field) {
        *field = calloc(2, sizeof **field);
        if (*field) {
            (*field)[0] = hg_path_resolve(folder, path);
        }
    }
    return *field && (*field)[0];
}

/* The folder of this program, "/" when the system does not say. */
static void program_folder(char *ret_folder, size_t room)
{
    ssize_t n = readlink("/proc/self/exe", ret_folder, room - 1);
    ret_folder[n > 0 ? n : 0] = '\0';
    char *slash = strrchr(ret_folder, '/');
    if (slash && slash > ret_folder) {
        *slash = '\0';
    } else {
        (void)snprintf(ret_folder, room, "/");
    }
}

/* frontend/dist beside the program or in one of the three folders above it. */
static bool find_web_dir(struct hg_host_config *config, const char *program)
{
    char folder[PATH_MAX];
    (void)snprintf(folder, sizeof folder, "%s", program);
    for (int up = 0; up < 4; up++) {
        char page[PATH_MAX + 32];
        (void)snprintf(page, sizeof page, "%s/frontend/dist/index.html", folder);
        if (access(page, R_OK) == 0) {
            *strrchr(page, '/') = '\0';
            config->web_dir = strdup(page);
            return config->web_dir != NULL;
        }
        char *slash = strrchr(folder, '/');
        if (!slash || slash == folder) {
            break;
        }
        *slash = '\0';
    }
    return true;
}

static bool default_days(json_t *retention, const char *kind, int days)
{
    return json_object_get(retention, kind) ||
           json_object_set_new(retention, kind, json_integer(days)) == 0;
}

/* The default of public_url, which follows from `listen`. */
static bool default_public_url(struct hg_host_config *config)
{
    if (config->public_url) {
        return true;
    }
    bool v6 = strchr(config->listen_host, ':') != NULL;
    struct hg_buf url = HG_BUF_INIT;
    hg_buf_printf(&url,
                  "%s://%s%s%s:%d",
                  config->tls_certificate ? "https" : "http",
                  v6 ? "[" : "",
                  config->listen_host,
                  v6 ? "]" : "",
                  config->listen_port);
    config->public_url = hg_buf_take(&url);
    return config->public_url != NULL;
}

static int apply_defaults(struct loader *loader, struct hg_error *err)
{
    struct hg_host_config *config = loader->config;
    char program[PATH_MAX];
    program_folder(program, sizeof program);
    if (!config->listen_host) {
        config->listen_host = strdup("127.0.0.1");
        config->listen_port = 8080;
    }
    config->workers = config->workers ? config->workers : 2;
    if (!config->smtp_port) {
        static const int ports[] = {587, 465, 25};
        config->smtp_port = ports[config->smtp_tls];
    }
    bool ok = config->listen_host && default_public_url(config) &&
              default_path(&config->data_dir, loader->folder, "data") &&
              default_path(&config->plugin_dir, program, "plugins") &&
              default_list(&config->pipeline_globs, loader->folder, "pipelines/*.yaml") &&
              default_list(&config->file_roots, loader->folder, ".") &&
              default_days(config->retention, "runs_days", 90) &&
              default_days(config->retention, "logs_days", 30) &&
              default_days(config->retention, "quarantine_days", 30) &&
              default_days(config->retention, "alerts_days", 90) &&
              default_days(config->retention, "audit_days", 365) && find_web_dir(config, program);
    return ok ? HG_OK : hg_error_nomem(err);
}

/* Pipeline files ------------------------------------------------------------------------------- */

/* Complains of a folder that cannot be read; *ret stays NULL then. */
static int expand(struct loader *loader,
                  const char *const *patterns,
                  char ***ret,
                  struct hg_error *err)
{
    struct hg_error why = HG_ERROR_INIT;
    int r = hg_file_list_expand(patterns, ret, &why);
    if (r == HG_ENOMEM) {
        return hg_error_nomem(err);
    }
    if (r < 0) {
        hg_diagnostics_add(loader->diagnostics,
                           loader->file ? loader->file : "headgate.yaml",
                           0,
                           0,
                           "Let the host's user read the folder.",
                           "%s",
                           why.message);
    }
    return HG_OK;
}

static int find_pipeline_files(struct loader *loader, struct hg_error *err)
{
    struct hg_host_config *config = loader->config;
    for (char **pattern = config->pipeline_globs; *pattern; pattern++) {
        if (!strpbrk(*pattern, "*?[") && access(*pattern, F_OK) < 0) {
            hg_diagnostics_add(loader->diagnostics,
                               loader->file ? loader->file : "headgate.yaml",
                               0,
                               0,
                               "Make the file, or correct the path under \"pipelines\".",
                               "there is no pipeline file \"%s\"",
                               *pattern);
        }
    }
    return expand(
        loader, (const char *const *)config->pipeline_globs, &config->pipeline_files, err);
}

/* Files of objects ----------------------------------------------------------------------------- */

/* Beside the host's file, or in the working folder. */
static const struct {
    const char *pattern;
    const char *key; /* of the host's file, under which the same may stand */
    size_t offset;
} object_files[] = {
    {"users/*.yaml", "users", offsetof(struct hg_host_config, users)},
    {"channels/*.yaml", "alerts.channels", offsetof(struct hg_host_config, channels)},
};

static int read_objects(struct loader *loader,
                        const char *file,
                        const char *what,
                        struct hg_objects *objects,
                        struct hg_error *err)
{
    HG_CLEANUP(hg_yaml_freep) struct hg_yaml *read = NULL;
    int r = hg_yaml_read(file, &read, loader->diagnostics, err);
    if (r < 0 && r != HG_EINVAL) {
        return r;
    }
    struct hg_yaml *yaml = HG_TAKE(read);
    if (hg_object_trees_add(&loader->config->object_trees, yaml) < 0) {
        return hg_error_nomem(err);
    }
    if (r == HG_EINVAL || !yaml->root || yaml->root->type == HG_YAML_NULL) {
        return HG_OK; /* complained of already, or empty */
    }
    r = hg_yaml_fill(yaml, yaml->root, loader->diagnostics, err);
    if (r < 0 && r != HG_EINVAL) {
        return r;
    }
    size_t n = strlen(loader->folder);
    const char *label = yaml->file + n + (loader->folder[n - 1] != '/');
    r = hg_objects_add(objects, yaml->file, label, yaml->root, what, loader->diagnostics);
    return r < 0 ? hg_error_nomem(err) : HG_OK;
}

static int find_object_files(struct loader *loader, struct hg_error *err)
{
    int r = HG_OK;
    for (size_t i = 0; r == HG_OK && i < HG_COUNT(object_files); i++) {
        HG_CLEANUP(hg_file_list_freep) char **files = NULL;
        HG_CLEANUP(hg_freep)
        char *pattern = hg_path_resolve(loader->folder, object_files[i].pattern);
        const char *const patterns[] = {pattern, NULL};
        void *objects = (char *)loader->config + object_files[i].offset;
        r = pattern ? expand(loader, patterns, &files, err) : hg_error_nomem(err);
        for (size_t k = 0; r == HG_OK && files && files[k]; k++) {
            r = read_objects(loader, files[k], object_files[i].key, objects, err);
        }
    }
    return r;
}

/* What goes together ------------------------------------------------------------------------- */

static void check_tls(struct loader *loader)
{
    const struct hg_host_config *config = loader->config;
    if ((config->tls_certificate != NULL) != (config->tls_key != NULL)) {
        hg_diagnostics_add(loader->diagnostics,
                           loader->file ? loader->file : "headgate.yaml",
                           0,
                           0,
                           "Give both paths, or neither for plain HTTP.",
                           "tls: %s is missing",
                           config->tls_key ? "certificate" : "key");
    }
}

static void check_smtp(struct loader *loader)
{
    const struct hg_host_config *config = loader->config;
    const char *tls = hg_config_smtp_tls[config->smtp_tls];
    bool signs_in = config->smtp_username || config->smtp_password;
    const char *wrong = NULL;
    if ((config->smtp_host != NULL) != (config->smtp_from != NULL)) {
        wrong = config->smtp_host ? "from is missing" : "host is missing";
    } else if ((config->smtp_username != NULL) != (config->smtp_password != NULL)) {
        wrong = config->smtp_username ? "password is missing" : "username is missing";
    } else if (signs_in && strcmp(tls, "none") == 0) {
        wrong = "a password is not sent without TLS";
    }
    if (wrong) {
        hg_diagnostics_add(loader->diagnostics,
                           loader->file ? loader->file : "headgate.yaml",
                           0,
                           0,
                           "host and from go together, and username, password and TLS.",
                           "alerts.smtp: %s",
                           wrong);
    }
}

/* Loading ------------------------------------------------------------------------------------ */

static int find_folders(struct loader *loader, const char *path, struct hg_error *err)
{
    if (!getcwd(loader->working, sizeof loader->working)) {
        return hg_error_errno(err, errno, "cannot tell the working folder");
    }
    (void)snprintf(loader->folder, sizeof loader->folder, "%s", loader->working);
    const char *file = path ? path : "headgate.yaml";
    if (!path && access(file, F_OK) < 0) {
        return HG_OK;
    }
    char *absolute = hg_path_resolve(loader->working, file);
    HG_CLEANUP(hg_freep) char *folder = absolute ? hg_path_folder(absolute) : NULL;
    loader->config->file = absolute;
    if (!folder) {
        return hg_error_nomem(err);
    }
    loader->file = absolute;
    (void)snprintf(loader->folder, sizeof loader->folder, "%s", folder);
    return HG_OK;
}

static struct hg_host_config *new_config(void)
{
    struct hg_host_config *config = calloc(1, sizeof *config);
    if (config) {
        config->log_level = HG_LOG_INFO;
        config->plugin_pins = json_object();
        config->retention = json_object();
        config->stop_grace_ms = STOP_GRACE_MS;
        config->checkpoint_ms = CHECKPOINT_MS;
        config->quarantine_rows = QUARANTINE_ROWS;
        config->alert_window_ms = ALERT_WINDOW_MS;
        config->alert_storm_limit = ALERT_STORM_LIMIT;
    }
    if (config && (!config->plugin_pins || !config->retention)) {
        hg_host_config_free(config);
        return NULL;
    }
    return config;
}

int hg_host_config_load(const char *path,
                        struct hg_host_config **ret,
                        struct hg_diagnostics *diagnostics,
                        struct hg_error *err)
{
    HG_CLEANUP(config_freep) struct hg_host_config *config = new_config();
    if (!config) {
        return hg_error_nomem(err);
    }
    struct loader loader = {.config = config, .diagnostics = diagnostics};
    size_t before = hg_diagnostics_count(diagnostics);
    int r = find_folders(&loader, path, err);
    r = r == HG_OK && loader.file ? read_file(&loader, err) : r;
    r = r < 0 ? r : read_environment(&loader, err);
    check_tls(&loader);
    check_smtp(&loader);
    r = r < 0 ? r : apply_defaults(&loader, err);
    r = r < 0 ? r : find_pipeline_files(&loader, err);
    r = r < 0 ? r : find_object_files(&loader, err);
    if (r < 0) {
        return r;
    }
    size_t n = hg_diagnostics_count(diagnostics) - before;
    if (n > 0) {
        return hg_error_set(err, HG_EINVAL, "the configuration has %zu error(s)", n);
    }
    *ret = HG_TAKE(config);
    return HG_OK;
}
