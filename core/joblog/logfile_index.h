/*
 * Blocks of a log, and the index of them.
 *
 * The log of an attempt is lines of JSON in a file, `<job>.<attempt>.jsonl`, while it grows, and
 * the same lines in gzip members once it is archived, `<job>.<attempt>.jsonl.gz`. Both are seen as
 * blocks of whole lines, of 64 KiB or a little more. The index beside the file (`.idx`) has a
 * record of fixed size for each full block: a page anywhere in the log costs the index and the
 * blocks that it shows. Records check themselves and each other: what is torn or missing behind a
 * crash is made anew from the lines, which are the truth.
 */
#ifndef HG_JOBLOG_LOGFILE_INDEX_H
#define HG_JOBLOG_LOGFILE_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum {
    HG_LOGFILE_BLOCK_BYTES = 65536, /* of lines; the one that fills it may go beyond */
    HG_LOGFILE_LEVELS = 4,          /* enum hg_log_level, from 1 */
    HG_LOGFILE_HEAD_BYTES = 64,     /* of a line in which its level stands */
};

/* As it stands in an index, in the machine's byte order: logs stay on the host that wrote them. */
struct hg_logfile_block {
    int64_t offset; /* of its first byte among all lines */
    int64_t line;   /* the number of its first line, from 0 */
    int64_t stored; /* where it is in the file: at `offset`, or where its gzip member begins */
    uint32_t n_bytes;
    uint32_t n_lines;
    uint32_t n_stored;
    uint32_t n_of_level[HG_LOGFILE_LEVELS]; /* debug first */
    uint32_t check;                         /* CRC-32 of all before it */
};

struct hg_logfile_index {
    struct hg_logfile_block *blocks;
    size_t n;
    size_t room;
};

void hg_logfile_index_free(struct hg_logfile_index *index);
int hg_logfile_index_add(struct hg_logfile_index *index,
                         const struct hg_logfile_block *block,
                         struct hg_error *err);
/* Behind the last block: bytes of lines, lines, bytes of the file. */
int64_t hg_logfile_index_end(const struct hg_logfile_index *index);
int64_t hg_logfile_index_lines(const struct hg_logfile_index *index);
int64_t hg_logfile_index_stored(const struct hg_logfile_index *index);
/* The block with the byte, or with the line; index->n when it is behind all. */
size_t hg_logfile_index_of_offset(const struct hg_logfile_index *index, int64_t offset);
size_t hg_logfile_index_of_line(const struct hg_logfile_index *index, int64_t line);

/*
 * Reads the records of an index, as far as they are whole, follow each other and lie within a file
 * of `n_file` bytes; none when there is no index. *ret is empty before.
 */
int hg_logfile_index_load(const char *path,
                          int64_t n_file,
                          struct hg_logfile_index *ret,
                          struct hg_error *err);
/* Replaces an index in one step. */
int hg_logfile_index_save(const char *path,
                          const struct hg_logfile_index *index,
                          struct hg_error *err);
/* The record to be written. */
void hg_logfile_block_seal(struct hg_logfile_block *block);

/*
 * Cuts bytes into blocks. Set block.offset, block.line and block.stored to where they begin, all
 * else to 0.
 */
struct hg_logfile_scanner {
    struct hg_logfile_block block; /* whole lines of the block under way */
    uint32_t n_open;               /* bytes of the line that has not ended */
    uint32_t n_head;
    char head[HG_LOGFILE_HEAD_BYTES]; /* its first bytes */
};

/*
 * Takes bytes in and gives how many: all, or those up to the end of the line that has filled the
 * block (*ret_full), which is taken by hg_logfile_scanner_next before there are more.
 */
size_t hg_logfile_scan(struct hg_logfile_scanner *scanner,
                       const char *bytes,
                       size_t n,
                       bool *ret_full);
/* Gives the block, as one that stands in a file as it is, and begins the next one. */
struct hg_logfile_block hg_logfile_scanner_next(struct hg_logfile_scanner *scanner);

/* The level of a line of a log; HG_LOG_INFO where it says none. */
int hg_logfile_level_of(const char *line, size_t n);

/*
 * Adds the blocks of a plain file that an index does not have yet: those that are full, and with
 * `with_last` the whole lines behind them. *scanner, which may be NULL, is left where the file
 * ends.
 */
int hg_logfile_index_scan(int fd,
                          struct hg_logfile_index *index,
                          bool with_last,
                          struct hg_logfile_scanner *scanner,
                          struct hg_error *err);

#endif
