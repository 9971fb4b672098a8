/*
 * The places on disk that a plugin may use: temporary files, and files below the allowed folders.
 * What headgate.file/1 does, without the host around it.
 */
#ifndef HG_PLUGIN_FILE_SCOPE_H
#define HG_PLUGIN_FILE_SCOPE_H

#include "base/error.h"
#include "headgate/plugin.h"

struct hg_file_scope;

/*
 * `base_folder`: absolute, where relative paths start. `roots`: absolute folders, ended by NULL, or
 * NULL for none. Both are copied. *ret is owned by the caller.
 */
int hg_file_scope_new(const char *base_folder,
                      const char *const *roots,
                      struct hg_file_scope **ret,
                      struct hg_error *err);
void hg_file_scope_free(struct hg_file_scope *scope);

/* An unnamed file in TMPDIR (else /tmp), gone when closed. *ret_fd is owned by the caller. */
int hg_file_open_temp(int *ret_fd, struct hg_error *err);
/*
 * Opens a regular file below a root for reading, wherever links lead: HG_EFORBIDDEN when it lies
 * elsewhere, HG_ENOTFOUND, HG_EINVAL when it is no regular file. *ret_fd is owned by the caller.
 */
int hg_file_scope_open(const struct hg_file_scope *scope,
                       const char *path,
                       int *ret_fd,
                       struct hg_error *err);
/*
 * Hands the regular files that match to the sink, sorted by the bytes of their absolute paths. A
 * path that names a file as it stands is taken as such, whatever characters it has. HG_EFORBIDDEN
 * when the pattern or a match lies outside of the roots.
 */
int hg_file_scope_glob(const struct hg_file_scope *scope,
                       const char *pattern,
                       const struct hg_file_sink *sink,
                       struct hg_error *err);

#endif
