/*
 * Bytes that may be too many for memory: the first of them stay in memory, the rest goes to an
 * unnamed temporary file. Written once from front to end in several logs that share the file, then
 * read back log by log.
 */
#ifndef HG_FLOW_TEMP_H
#define HG_FLOW_TEMP_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* An unnamed temporary file in $TMPDIR or /tmp, close-on-exec. Owned by the caller, who closes it.
 */
int hg_temp_open(int *ret_fd, struct hg_error *err);

struct hg_temp;

/* `n_logs` logs that together hold at most about `memory_bytes` in memory. */
int hg_temp_new(unsigned n_logs, size_t memory_bytes, struct hg_temp **ret, struct hg_error *err);
void hg_temp_free(struct hg_temp *temp);

int hg_temp_write(
    struct hg_temp *temp, unsigned log, const void *bytes, size_t n, struct hg_error *err);
/* Bytes written to the log so far. */
int64_t hg_temp_size(const struct hg_temp *temp, unsigned log);

/* Where a reader stands; zero it for the start of a log. */
struct hg_temp_reader {
    unsigned log;
    size_t extent;
    size_t at; /* within the extent */
};

/* Reads exactly `n` bytes. HG_EIO at the end of the log. No write may follow the first read. */
int hg_temp_read(struct hg_temp *temp,
                 struct hg_temp_reader *reader,
                 void *bytes,
                 size_t n,
                 struct hg_error *err);

#endif
