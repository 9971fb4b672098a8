/*
 * Which files a read takes, and which were read before.
 */
#ifndef SRC_FILES_H
#define SRC_FILES_H

#include "headgate/config.h"

struct src_file {
    char *path;
    const char *shown; /* the end of the path: what is not common to all files */
    int64_t size_bytes;
    int64_t mtime_ms;
};

struct src_files {
    struct src_file *items;
    size_t n;
    size_t room;
};

/*
 * All files that the paths (char *) match, each once, in the order of the paths and by name
 * within one. HG_ENOTFOUND where a path matches none, unless only new files are wanted and it is a
 * pattern: then nothing has been delivered yet.
 */
hg_status src_files_list(const struct hg_host *host,
                         const struct hg_config_list *paths,
                         bool only_new,
                         struct src_files *ret,
                         struct hg_error *err);
void src_files_done(struct src_files *files);
/* The path is copied, `n` bytes of it. */
hg_status src_files_add(struct src_files *files,
                        const char *path,
                        size_t n,
                        int64_t size_bytes,
                        int64_t mtime_ms,
                        struct hg_error *err);

/* Opens one; HG_OK and *ret_fd, owned by the caller. */
hg_status src_file_open(const struct hg_host *host,
                        const struct src_file *file,
                        int *ret_fd,
                        struct hg_error *err);

#endif
