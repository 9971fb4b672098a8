/*
 * The archive of a log: a gzip member for each block, so that `zcat` reads the whole and a page
 * costs the blocks that it shows.
 */
#ifndef HG_JOBLOG_LOGFILE_ARCHIVE_H
#define HG_JOBLOG_LOGFILE_ARCHIVE_H

#include <sys/stat.h>

#include "base/buf.h"
#include "joblog/logfile_index.h"

enum {
    /* What is smaller stays as it is: its archive would take the same block of the disk. */
    HG_LOGFILE_ARCHIVE_MIN = 4096,
};

/*
 * Makes the archive of the log at `path`, with its times, beside it, and its index; the log stays.
 * The archive is whole and on the disk when this returns, and *ret_of is the log that it was made
 * of. HG_ENOTFOUND where there is no log.
 */
int hg_logfile_archive_make(const char *path, struct stat *ret_of, struct hg_error *err);
/*
 * Puts what was made in the place of the log, while nobody else writes to that. HG_ECONFLICT when
 * the log is no longer as it was: it stays, and what was made of it goes.
 */
int hg_logfile_archive_place(const char *path, const struct stat *of, struct hg_error *err);
/* Adds a line, with its end, to the archive of the log at `path`. */
int hg_logfile_archive_append(const char *path, const char *line, size_t n, struct hg_error *err);
/* How many bytes of lines the archive of the log at `path` holds. */
int hg_logfile_archive_bytes(const char *path, int64_t *ret, struct hg_error *err);
/* Appends the lines of a block of an archive to *lines. HG_EINVAL where it is broken. */
int hg_logfile_archive_read(int fd,
                            const struct hg_logfile_block *block,
                            struct hg_buf *lines,
                            struct hg_error *err);
/*
 * The index of an archive of `n_file` bytes: what stands beside it at `index_path`, or made anew
 * from the archive, up to where that is broken, and kept there.
 */
int hg_logfile_archive_index(int fd,
                             int64_t n_file,
                             const char *index_path,
                             struct hg_logfile_index *ret,
                             struct hg_error *err);

#endif
