/*
 * Which files a read takes, and which were read before.
 */
#ifndef CSV_FILES_H
#define CSV_FILES_H

#include "config.h"

struct csv_file {
    char *path;
    const char *shown; /* the end of the path: what is not common to all files */
    int64_t size_bytes;
    int64_t mtime_ms;
};

struct csv_files {
    struct csv_file *items;
    size_t n;
    size_t room;
};

/*
 * All files that the configuration's paths match, each once, in the order of the paths and by name
 * within one. HG_ENOTFOUND where a path matches none, unless only new files are wanted and it is a
 * pattern: then nothing has been delivered yet.
 */
hg_status csv_files_list(const struct hg_host *host,
                         const struct csv_config *config,
                         struct csv_files *ret,
                         struct hg_error *err);
void csv_files_done(struct csv_files *files);
/* The path is copied, `n` bytes of it. */
hg_status csv_files_add(struct csv_files *files,
                        const char *path,
                        size_t n,
                        int64_t size_bytes,
                        int64_t mtime_ms,
                        struct hg_error *err);

/* Opens one; HG_OK and *ret_fd, owned by the caller. */
hg_status csv_file_open(const struct hg_host *host,
                        const struct csv_file *file,
                        int *ret_fd,
                        struct hg_error *err);

#endif
