/*
 * Opening a plugin in this process. Only workers and the short children of `plugin inspect`,
 * `plugin check` and `plugin run` do so.
 */
#ifndef HG_PLUGIN_MODULE_H
#define HG_PLUGIN_MODULE_H

#include "base/error.h"
#include "plugin/digest.h"

/*
 * Copies the file into a sealed memfd, compares its SHA-256 with `sha256` (hex; NULL: any), opens
 * that with RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE and never closes it. Refuses another major, a
 * missing symbol, a descriptor that lacks something: the error names the file and the field. A file
 * opened before in this process is answered from memory. *ret_module is static.
 */
int hg_module_open(const char *file,
                   const char *sha256,
                   const struct hg_module **ret_module,
                   struct hg_error *err);
/* The same, and the SHA-256 of what was opened. */
int hg_module_open_hashed(const char *file,
                          const char *sha256,
                          const struct hg_module **ret_module,
                          char ret_sha256[HG_SHA256_TEXT],
                          struct hg_error *err);
/*
 * For checks: opens the file without asking whether its descriptor is right, and without
 * remembering it. The process should end soon.
 */
int hg_module_open_unchecked(const char *file,
                             const struct hg_module **ret_module,
                             struct hg_error *err);
/* The plugin of that kind and id in the module, or NULL. */
const struct hg_plugin *hg_module_plugin(const struct hg_module *module, int kind, const char *id);

#endif
