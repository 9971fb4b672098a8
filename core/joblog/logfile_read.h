/*
 * Reading the log of an attempt, be it growing or archived. A reader sees what was there when it
 * was opened. One thread at a time.
 */
#ifndef HG_JOBLOG_LOGFILE_READ_H
#define HG_JOBLOG_LOGFILE_READ_H

#include "base/buf.h"
#include "joblog/logfile_index.h"

struct hg_logfile {
    int fd;
    bool is_archive;
    int64_t written_us;            /* when it was written to last */
    struct hg_logfile_index index; /* all blocks, the last one too */
};

/* HG_ENOTFOUND where there is no log at `path` and no archive of it. */
int hg_logfile_open(const char *path, struct hg_logfile *ret, struct hg_error *err);
void hg_logfile_close(struct hg_logfile *file);
/* The lines of a block, in place of what *ret held. HG_EINVAL where the archive is broken. */
int hg_logfile_block_lines(const struct hg_logfile *file,
                           size_t i,
                           struct hg_buf *ret,
                           struct hg_error *err);
/* The last line without its end, "" where there is none, in place of what *ret held. */
int hg_logfile_last_line(const char *path, struct hg_buf *ret, struct hg_error *err);

#endif
