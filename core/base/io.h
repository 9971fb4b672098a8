/*
 * Files and descriptors.
 */
#ifndef HG_BASE_IO_H
#define HG_BASE_IO_H

#include <stddef.h>
#include <sys/types.h>

#include "headgate/plugin.h"

/* Writes all `n` bytes, going on after partial writes and EINTR. */
int hg_write_all(int fd, const void *bytes, size_t n, struct hg_error *err);
/* Reads exactly `n` bytes; HG_EUNAVAILABLE when the other side closed before the first byte. */
int hg_read_exact(int fd, void *bytes, size_t n, struct hg_error *err);
/*
 * Reads a whole file of at most `max_bytes`. *ret_text is NUL-terminated behind *ret_n bytes (which
 * may hold NULs) and owned by the caller, free. HG_ETOOBIG beyond max_bytes.
 */
int hg_read_file(
    const char *path, size_t max_bytes, char **ret_text, size_t *ret_n, struct hg_error *err);
/* Replaces `path` by a new file with this content in one step (temporary file, fsync, rename). */
int hg_write_file(const char *path, mode_t mode, const void *bytes, size_t n, struct hg_error *err);
/*
 * Calls `each` for every entry of the folder `name` below the open folder `parent`, in no order,
 * "." and ".." among them. A link is not followed; a folder that cannot be read has none.
 */
void hg_each_file(int parent,
                  const char *name,
                  void (*each)(void *arg, int folder, const char *file),
                  void *arg);
/* Makes a folder and those above it; no error when it is there already. */
int hg_make_folders(const char *path, mode_t mode, struct hg_error *err);

#endif
