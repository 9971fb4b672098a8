/*
 * What was found out about plugin files, on disk, so that a start does not inspect them again.
 */
#ifndef HG_PLUGIN_REGISTRY_CACHE_H
#define HG_PLUGIN_REGISTRY_CACHE_H

#include <stdint.h>
#include <sys/stat.h>

#include <jansson.h>

#include "base/error.h"

/*
 * The entries of a cache file, an object by path. An empty one when the file is missing, broken, or
 * written by another build of `self`. Owned by the caller; NULL without memory.
 */
json_t *hg_registry_cache_load(const char *cache_file, const char *self);
/* Writes them. */
int hg_registry_cache_save(const char *cache_file,
                           const char *self,
                           const json_t *entries,
                           struct hg_error *err);
/*
 * The answer about the very same file, by path, size, mtime, inode and hash, or NULL. A failure is
 * forgotten after an hour, since it may have been the machine's. Borrowed from `entries`.
 */
const json_t *hg_registry_cache_find(const json_t *entries,
                                     const char *file,
                                     const struct stat *st,
                                     const char *sha256);
/* Puts an answer. `answer` is only referenced. */
int hg_registry_cache_put(json_t *entries,
                          const char *file,
                          const struct stat *st,
                          const char *sha256,
                          json_t *answer,
                          struct hg_error *err);

#endif
