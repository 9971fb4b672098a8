/*
 * Writing the log of an attempt: lines go to its end, and the index follows block by block.
 *
 * A log that has ended is read-only: by that a host knows, at its start, whether an earlier life of
 * it ended the log or died. One thread at a time.
 */
#ifndef HG_JOBLOG_LOGFILE_WRITE_H
#define HG_JOBLOG_LOGFILE_WRITE_H

#include <limits.h>

#include "joblog/logfile_index.h"

struct hg_logfile_writer {
    char path[PATH_MAX];
    int fd;
    int index_fd; /* -1: there is no full block yet */
    int64_t n_file;
    bool index_stopped; /* it could not be written on; it is made anew later */
    struct hg_logfile_scanner scanner;
};

/*
 * Opens the log at `path`, makes it and its folder where they are not there, takes a torn line off
 * its end and goes on with its index. A log that had ended is opened again.
 */
int hg_logfile_writer_open(struct hg_logfile_writer *writer,
                           const char *path,
                           struct hg_error *err);
/* Appends a line, with its end: all of it or nothing. */
int hg_logfile_append(struct hg_logfile_writer *writer,
                      const char *line,
                      size_t n,
                      struct hg_error *err);
/* Says that the log has ended. */
void hg_logfile_writer_seal(struct hg_logfile_writer *writer);
void hg_logfile_writer_close(struct hg_logfile_writer *writer);
/* Whether a file's mode is that of a log that has ended. */
bool hg_logfile_is_sealed(unsigned mode);

#endif
