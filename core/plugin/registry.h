/*
 * What plugins there are. The host never opens one: `headgate plugin inspect FILE` does, in a short
 * child with a time limit, and the registry keeps what it printed by path, size, mtime, inode and
 * SHA-256 (also on disk, in <data_dir>/plugins.json, so that a start does not inspect again).
 */
#ifndef HG_PLUGIN_REGISTRY_H
#define HG_PLUGIN_REGISTRY_H

#include <stdbool.h>

#include <jansson.h>

#include "base/error.h"

struct hg_plugin_registry;

/* Borrowed until the registry is freed or scanned again. */
struct hg_plugin_info {
    int kind;       /* enum hg_kind; 0 for a file that could not be read */
    const char *id; /* NULL for a file that could not be read */
    const char *name;
    const char *version;
    const char *summary;
    const char *file;      /* absolute */
    const char *sha256;    /* hex */
    bool bundled;          /* ships with the program */
    bool may_hold_secrets; /* asks for secrets, and is bundled or pinned */
    const json_t *config_schema;
    /* rules only, else 0 */
    int verdict;
    int grain;
    int dimension;
    const char *issue_type;
    /* connectors only, else 0 */
    int resume;
    const char *error; /* why it is not usable, or NULL */
    const char *hint;  /* what to do about that, or NULL */
};

/*
 * `self` is the path of the headgate binary, `dir` the folder of *.so files, `pins` an object id ->
 * sha256 (may be empty or NULL), `cache_file` may be NULL. A file that fails is listed with its
 * error and does not fail the scan.
 */
int hg_plugin_registry_new(const char *self,
                           const char *dir,
                           const json_t *pins,
                           const char *cache_file,
                           struct hg_plugin_registry **ret,
                           struct hg_error *err);
void hg_plugin_registry_free(struct hg_plugin_registry *registry);

/* The usable plugin of that kind and id, or NULL. */
const struct hg_plugin_info *hg_plugin_find(const struct hg_plugin_registry *registry,
                                            int kind,
                                            const char *id);
/* The usable id of that kind nearest to `id`, or NULL. */
const char *hg_plugin_nearest(const struct hg_plugin_registry *registry, int kind, const char *id);
/* Calls `each` for every file and plugin, also those with errors. */
void hg_plugin_each(const struct hg_plugin_registry *registry,
                    void (*each)(void *arg, const struct hg_plugin_info *info),
                    void *arg);
/* For GET /api/v1/plugins and `plugin list --json`. Owned by the caller. */
json_t *hg_plugin_registry_to_json(const struct hg_plugin_registry *registry);

#endif
