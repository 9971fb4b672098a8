#include "plugin/registry.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "plugin/child.h"
#include "plugin/descriptor.h"
#include "plugin/digest.h"
#include "plugin/registry_cache.h"

#define MAX_FILES      10000
#define INSPECTORS     8 /* children at a time; most wait for the disk */
#define MAX_FILE_BYTES ((int64_t)512 << 20)
#define PIN_HINT       "When the file is what it should be, put its SHA-256 into plugins.pin."

static const struct hg_child_limits inspect_limits = {
    .limit_ms = 10000, .max_bytes = (size_t)4 << 20, .max_memory_bytes = (int64_t)1 << 30};

/* Infos point into `answers`; both grow together, file by file. */
struct hg_plugin_registry {
    json_t *answers; /* array of what the children printed, or {"file", "error": {"message"}} */
    struct hg_plugin_info *infos;
    size_t n_infos;
    size_t n_room;
};

/* What a scan needs beside the registry. */
struct scan {
    struct hg_plugin_registry *registry;
    const char *self;
    const char *dir; /* canonical */
    const json_t *pins;
    json_t *cache;
    json_t *next_cache; /* only of files that are still there */
    bool is_own_folder; /* the one beside the program */
};

void hg_plugin_registry_free(struct hg_plugin_registry *registry)
{
    if (registry) {
        json_decref(registry->answers);
        free(registry->infos);
        free(registry);
    }
}

HG_DEFINE_CLEANUP(registry_freep, struct hg_plugin_registry *, hg_plugin_registry_free)

/* ------------------------------------------------------------------------------------------ */
/* One file                                                                                     */
/* ------------------------------------------------------------------------------------------ */

/* Only what nobody but root and this user can have put there is run. */
static int check_owner(const struct stat *st, struct hg_error *err)
{
    if (!S_ISREG(st->st_mode)) {
        return hg_error_set(err, HG_EINVAL, "is not a regular file");
    }
    if (st->st_uid != 0 && st->st_uid != geteuid()) {
        return hg_error_set(err,
                            HG_EFORBIDDEN,
                            "belongs to user %u, who is neither root nor the user that Headgate "
                            "runs as; chown it",
                            (unsigned)st->st_uid);
    }
    bool group_may_write = (st->st_mode & S_IWGRP) && st->st_gid != 0 && st->st_gid != getegid();
    if (group_may_write || (st->st_mode & S_IWOTH)) {
        return hg_error_set(err, HG_EFORBIDDEN, "can be written by other users; chmod go-w it");
    }
    return HG_OK;
}

static int hash_file(const char *file,
                     struct stat *ret_st,
                     char ret_sha256[HG_SHA256_TEXT],
                     struct hg_error *err)
{
    HG_CLEANUP(hg_closep) int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, ret_st)) {
        return hg_error_errno(err, errno, "cannot be opened");
    }
    int r = check_owner(ret_st, err);
    return r ? r : hg_digest_copy(fd, -1, MAX_FILE_BYTES, ret_sha256, err);
}

/* With pins only files that one of them names are looked into at all. */
static int check_pinned(const json_t *pins, const char *sha256, struct hg_error *err)
{
    const char *id;
    json_t *pin;
    if (json_object_size(pins) == 0) {
        return HG_OK;
    }
    json_object_foreach ((json_t *)(uintptr_t)pins, id, pin) {
        if (json_is_string(pin) && strcasecmp(json_string_value(pin), sha256) == 0) {
            return HG_OK;
        }
    }
    (void)hg_error_set(err, HG_EFORBIDDEN, "is not pinned: no plugins.pin has its SHA-256");
    return hg_error_hint(err, PIN_HINT);
}

static json_t *failure_answer(const char *file, const char *message, const char *hint)
{
    return json_pack(
        "{s:s, s:{s:s, s:s}}", "file", file, "error", "message", message, "hint", hint);
}

/* What the child printed, when it is what it should be. */
static json_t *read_answer(const struct hg_child_result *result, const char *sha256)
{
    json_t *answer = hg_json_read(
        hg_buf_text(&result->output), result->output.len, JSON_REJECT_DUPLICATES, NULL);
    const char *loaded = json_string_value(json_object_get(answer, "sha256"));
    bool failed = json_is_string(json_object_get(json_object_get(answer, "error"), "message"));
    bool good =
        loaded && strcmp(loaded, sha256) == 0 && json_is_array(json_object_get(answer, "plugins"));
    if (failed || (good && result->exit_status == 0)) {
        return answer;
    }
    json_decref(answer);
    return NULL;
}

static json_t *inspect(const char *self, const char *file, const char *sha256)
{
    const char *const argv[] = {self, "plugin", "inspect", "--json", file, NULL};
    struct hg_child_result result;
    struct hg_error err = HG_ERROR_INIT;
    if (hg_child_spawn(argv, &inspect_limits, &result, &err)) {
        return failure_answer(file, err.message, err.hint);
    }
    char became[96], message[160];
    hg_child_describe(&result, &inspect_limits, became, sizeof became);
    bool ended = !result.signal && !result.timed_out && !result.too_long && !result.too_large;
    json_t *answer = ended ? read_answer(&result, sha256) : NULL;
    if (!answer) {
        (void)snprintf(message,
                       sizeof message,
                       "%s while it was loaded",
                       became[0] ? became : "did not answer as a plugin should");
        answer = failure_answer(file, message, "");
    }
    hg_child_result_free(&result);
    return answer;
}

/* One file of the folder on its way to an answer. */
struct candidate {
    char *file;
    struct stat st;
    char sha256[HG_SHA256_TEXT];
    json_t *answer; /* NULL while it is to be inspected */
    bool inspected; /* its answer comes from a child just now */
};

static void candidates_free(struct candidate *candidates, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(candidates[i].file);
        json_decref(candidates[i].answer);
    }
    free(candidates);
}

/* What can be said without a child: who owns it, whether it is pinned, what the cache knows. */
static int look_at(const struct scan *scan, const char *name, struct candidate *ret)
{
    struct hg_error err = HG_ERROR_INIT;
    ret->file = hg_path_join(scan->dir, name);
    if (!ret->file) {
        return HG_ENOMEM;
    }
    int r = hash_file(ret->file, &ret->st, ret->sha256, &err);
    r = r < 0 ? r : check_pinned(scan->pins, ret->sha256, &err);
    if (r < 0) {
        ret->answer = failure_answer(ret->file, err.message, err.hint);
        return ret->answer ? HG_OK : HG_ENOMEM;
    }
    const json_t *known = hg_registry_cache_find(scan->cache, ret->file, &ret->st, ret->sha256);
    if (known) {
        json_t *entry = json_object_get(scan->cache, ret->file);
        (void)json_object_set(scan->next_cache, ret->file, entry);
        ret->answer = json_incref((json_t *)(uintptr_t)known);
    }
    return HG_OK;
}

/* What the inspecting threads share. Each takes the next file until none is left. */
struct inspection {
    const char *self;
    struct candidate *candidates;
    size_t n;
    _Atomic size_t next;
};

static void *inspect_files(void *arg)
{
    struct inspection *inspection = arg;
    for (;;) {
        size_t i = atomic_fetch_add(&inspection->next, 1);
        if (i >= inspection->n) {
            return NULL;
        }
        struct candidate *candidate = &inspection->candidates[i];
        if (!candidate->answer) {
            candidate->answer = inspect(inspection->self, candidate->file, candidate->sha256);
            candidate->inspected = true;
        }
    }
}

/* Side by side, so that one that hangs holds up none of the others. */
static void inspect_all(const struct scan *scan, struct candidate *candidates, size_t n)
{
    struct inspection inspection = {.self = scan->self, .candidates = candidates, .n = n};
    pthread_t threads[INSPECTORS];
    size_t n_threads = 0;
    size_t n_new = 0;
    for (size_t i = 0; i < n; i++) {
        n_new += candidates[i].answer == NULL;
    }
    while (n_threads + 1 < n_new && n_threads < INSPECTORS &&
           pthread_create(&threads[n_threads], NULL, inspect_files, &inspection) == 0) {
        n_threads++;
    }
    (void)inspect_files(&inspection); /* this thread is one of them, or the only one */
    for (size_t i = 0; i < n_threads; i++) {
        (void)pthread_join(threads[i], NULL);
    }
}

/* ------------------------------------------------------------------------------------------ */
/* Infos                                                                                        */
/* ------------------------------------------------------------------------------------------ */

static const char *text_at(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static int add_info(struct hg_plugin_registry *registry, const struct hg_plugin_info *info)
{
    int r =
        hg_grow(&registry->infos, registry->n_infos, &registry->n_room, sizeof *registry->infos);
    if (!r) {
        registry->infos[registry->n_infos++] = *info;
    }
    return r;
}

static struct hg_plugin_info info_of(const json_t *plugin)
{
    return (struct hg_plugin_info){
        .kind = hg_descriptor_kind_parse(text_at(plugin, "kind")),
        .id = text_at(plugin, "id"),
        .name = text_at(plugin, "name"),
        .version = text_at(plugin, "version"),
        .summary = text_at(plugin, "summary"),
        .may_hold_secrets = json_is_true(json_object_get(plugin, "needs_secret")),
        .config_schema = json_object_get(plugin, "config_schema"),
        .verdict = hg_descriptor_verdict_parse(text_at(plugin, "verdict")),
        .grain = hg_descriptor_grain_parse(text_at(plugin, "grain")),
        .dimension = hg_descriptor_dimension_parse(text_at(plugin, "dimension")),
        .issue_type = text_at(plugin, "issue_type"),
        .resume = hg_descriptor_resume_parse(text_at(plugin, "resume")),
        .error = text_at(plugin, "error"),
    };
}

/* Why a plugin that is well in itself cannot be used here, and what to do; *ret_hint as it was
 * where that is said already. */
static const char *refusal(const struct scan *scan,
                           const struct hg_plugin_info *info,
                           const char **ret_hint)
{
    if (!info->id || !info->kind || !json_is_object(info->config_schema)) {
        return "its descriptor cannot be read";
    }
    if (json_object_size(scan->pins) > 0) {
        const char *pin = text_at(scan->pins, info->id);
        if (!pin || strcasecmp(pin, info->sha256) != 0) {
            *ret_hint = PIN_HINT;
            return "it is not pinned: plugins.pin has no such id, or another SHA-256 for it";
        }
    }
    if (hg_plugin_find(scan->registry, info->kind, info->id)) {
        *ret_hint = "Take one of the two files out of the folder.";
        return "another file brings a plugin of the same kind and id";
    }
    return NULL;
}

/* By its name: whoever can replace a file in the program's own folder could replace the program. */
static bool is_shipped(const char *file)
{
    static const char *const shipped[] = {
#include "shipped_plugins.inc"
    };
    const char *name = strrchr(file, '/') + 1;
    for (size_t i = 0; i < HG_COUNT(shipped); i++) {
        if (strcmp(shipped[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* Takes over the reference to `answer`. */
static int add_answer(struct scan *scan, const char *file, const char *sha256, json_t *answer)
{
    struct hg_plugin_registry *registry = scan->registry;
    if (json_array_append_new(registry->answers, answer) ||
        json_object_set_new(answer, "file", json_string(file)) ||
        json_object_set_new(answer, "sha256", json_string(sha256))) {
        return HG_ENOMEM;
    }
    const json_t *plugins = json_object_get(answer, "plugins");
    const json_t *why = json_object_get(answer, "error");
    const char *failure = text_at(why, "message");
    size_t n = failure ? 1 : json_array_size(plugins);
    for (size_t i = 0; i < n; i++) {
        struct hg_plugin_info info = {.error = failure, .hint = text_at(why, "hint")};
        if (!failure) {
            info = info_of(json_array_get(plugins, i));
        }
        info.file = text_at(answer, "file");
        info.sha256 = text_at(answer, "sha256");
        info.bundled = scan->is_own_folder && is_shipped(file);
        info.may_hold_secrets &= info.bundled || json_object_size(scan->pins) > 0;
        if (!info.error) {
            info.error = refusal(scan, &info, &info.hint);
        }
        if (info.hint && !*info.hint) {
            info.hint = NULL;
        }
        int r = add_info(registry, &info);
        if (r) {
            return r;
        }
    }
    return HG_OK;
}

/* The outcome of the inspections, in the order of the files' names. */
static int add_all(struct scan *scan, struct candidate *candidates, size_t n, struct hg_error *err)
{
    for (size_t i = 0; i < n; i++) {
        struct candidate *candidate = &candidates[i];
        json_t *answer = HG_TAKE(candidate->answer);
        if (!answer) {
            return hg_error_nomem(err);
        }
        if (candidate->inspected) {
            (void)hg_registry_cache_put(
                scan->next_cache, candidate->file, &candidate->st, candidate->sha256, answer, NULL);
        }
        if (add_answer(scan, candidate->file, candidate->sha256, answer) < 0) {
            return hg_error_nomem(err);
        }
    }
    return HG_OK;
}

/* ------------------------------------------------------------------------------------------ */
/* The folder                                                                                   */
/* ------------------------------------------------------------------------------------------ */

static int is_plugin_name(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && hg_ends_with(entry->d_name, ".so");
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int scan_folder(struct scan *scan, struct hg_error *err)
{
    struct dirent **entries = NULL;
    int n = scandir(scan->dir, &entries, is_plugin_name, by_name);
    if (n < 0) {
        return hg_error_errno(err, errno, "cannot read the plugin folder \"%s\"", scan->dir);
    }
    int r = HG_OK;
    if (n > MAX_FILES) {
        r = hg_error_set(
            err, HG_ETOOBIG, "\"%s\" holds more than %d plugins", scan->dir, MAX_FILES);
    }
    struct candidate *candidates = calloc(n ? (size_t)n : 1, sizeof *candidates);
    if (!candidates) {
        r = hg_error_nomem(err);
    }
    for (int i = 0; i < n; i++) {
        if (!r && look_at(scan, entries[i]->d_name, &candidates[i]) < 0) {
            r = hg_error_nomem(err);
        }
        free(entries[i]);
    }
    free(entries);
    if (!r) {
        inspect_all(scan, candidates, (size_t)n);
        r = add_all(scan, candidates, (size_t)n, err);
    }
    if (candidates) {
        candidates_free(candidates, (size_t)n);
    }
    return r;
}

/* The folder `plugins` beside the program, where those that ship with it are. */
static bool is_own_folder(const char *self, const char *dir)
{
    HG_CLEANUP(hg_freep) char *real_self = realpath(self, NULL);
    HG_CLEANUP(hg_freep) char *home = real_self ? hg_path_folder(real_self) : NULL;
    HG_CLEANUP(hg_freep) char *own = home ? hg_path_join(home, "plugins") : NULL;
    HG_CLEANUP(hg_freep) char *real_own = own ? realpath(own, NULL) : NULL;
    return real_own && strcmp(real_own, dir) == 0;
}

static int scan_all(struct scan *scan, const char *cache_file, struct hg_error *err)
{
    HG_CLEANUP(hg_json_decrefp) json_t *cache = hg_registry_cache_load(cache_file, scan->self);
    HG_CLEANUP(hg_json_decrefp) json_t *next_cache = json_object();
    if (!cache || !next_cache) {
        return hg_error_nomem(err);
    }
    scan->cache = cache;
    scan->next_cache = next_cache;
    int r = scan_folder(scan, err);
    if (!r && cache_file && !json_equal(cache, next_cache)) {
        /* Without it the next start inspects again, which is no failure of this one. */
        (void)hg_registry_cache_save(cache_file, scan->self, next_cache, NULL);
    }
    return r;
}

int hg_plugin_registry_new(const char *self,
                           const char *dir,
                           const json_t *pins,
                           const char *cache_file,
                           struct hg_plugin_registry **ret,
                           struct hg_error *err)
{
    HG_CLEANUP(registry_freep)
    struct hg_plugin_registry *registry = calloc(1, sizeof *registry);
    if (!registry || !(registry->answers = json_array())) {
        return hg_error_nomem(err);
    }
    HG_CLEANUP(hg_freep) char *real_dir = realpath(dir, NULL);
    if (!real_dir) {
        hg_error_errno(err, errno, "cannot find the plugin folder \"%s\"", dir);
        hg_error_hint(err, "Set plugins.dir in the host's configuration, or HEADGATE_PLUGIN_DIR.");
        return err ? err->code : HG_ENOTFOUND;
    }
    struct scan scan = {.registry = registry,
                        .self = self,
                        .dir = real_dir,
                        .pins = pins,
                        .is_own_folder = is_own_folder(self, real_dir)};
    int r = scan_all(&scan, cache_file, err);
    if (r) {
        return r;
    }
    *ret = HG_TAKE(registry);
    return HG_OK;
}

/* ------------------------------------------------------------------------------------------ */
/* Questions                                                                                    */
/* ------------------------------------------------------------------------------------------ */

const struct hg_plugin_info *hg_plugin_find(const struct hg_plugin_registry *registry,
                                            int kind,
                                            const char *id)
{
    for (size_t i = 0; i < registry->n_infos; i++) {
        const struct hg_plugin_info *info = &registry->infos[i];
        if (!info->error && info->kind == kind && strcmp(info->id, id) == 0) {
            return info;
        }
    }
    return NULL;
}

const char *hg_plugin_nearest(const struct hg_plugin_registry *registry, int kind, const char *id)
{
    const char **names = calloc(registry->n_infos + 1, sizeof *names);
    if (!names) {
        return NULL;
    }
    size_t n = 0;
    for (size_t i = 0; i < registry->n_infos; i++) {
        if (!registry->infos[i].error && registry->infos[i].kind == kind) {
            names[n++] = registry->infos[i].id;
        }
    }
    const char *nearest = hg_nearest(id, names);
    free(names);
    return nearest;
}

void hg_plugin_each(const struct hg_plugin_registry *registry,
                    void (*each)(void *arg, const struct hg_plugin_info *info),
                    void *arg)
{
    for (size_t i = 0; i < registry->n_infos; i++) {
        each(arg, &registry->infos[i]);
    }
}

static json_t *info_to_json(const struct hg_plugin_info *info)
{
    return json_pack(
        "{s:s?, s:s?, s:s?, s:s?, s:s?, s:s, s:s, s:b, s:i, s:s, s:s?, s:s?, s:O?, s:s?, "
        "s:s?, s:s?, s:s?, s:s?}",
        "kind",
        hg_descriptor_kind_name(info->kind),
        "id",
        info->id,
        "name",
        info->name,
        "version",
        info->version,
        "summary",
        info->summary,
        "file",
        info->file,
        "sha256",
        info->sha256,
        "bundled",
        (int)info->bundled,
        "abi_major",
        HG_ABI_MAJOR,
        "status",
        info->error ? "failed" : "ready",
        "error",
        info->error,
        "hint",
        info->hint,
        "config_schema",
        info->config_schema,
        "resume",
        hg_descriptor_resume_name(info->resume),
        "verdict",
        hg_descriptor_verdict_name(info->verdict),
        "grain",
        hg_descriptor_grain_name(info->grain),
        "dimension",
        hg_descriptor_dimension_name(info->dimension),
        "issue_type",
        info->issue_type);
}

json_t *hg_plugin_registry_to_json(const struct hg_plugin_registry *registry)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < registry->n_infos; i++) {
        if (json_array_append_new(list, info_to_json(&registry->infos[i]))) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}
