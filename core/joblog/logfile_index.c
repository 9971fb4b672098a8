#include "joblog/logfile_index.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zlib.h>

#include "base/io.h"
#include "base/mem.h"

enum { INDEX_MAX_BYTES = 64 << 20 };

/* ---- the list ---- */

void hg_logfile_index_free(struct hg_logfile_index *index)
{
    free(index->blocks);
    memset(index, 0, sizeof *index);
}

int hg_logfile_index_add(struct hg_logfile_index *index,
                         const struct hg_logfile_block *block,
                         struct hg_error *err)
{
    if (hg_grow(&index->blocks, index->n, &index->room, sizeof *block) < 0) {
        return hg_error_nomem(err);
    }
    index->blocks[index->n++] = *block;
    return HG_OK;
}

static const struct hg_logfile_block *last_of(const struct hg_logfile_index *index)
{
    static const struct hg_logfile_block none;
    return index->n > 0 ? &index->blocks[index->n - 1] : &none;
}

int64_t hg_logfile_index_end(const struct hg_logfile_index *index)
{
    return last_of(index)->offset + last_of(index)->n_bytes;
}

int64_t hg_logfile_index_lines(const struct hg_logfile_index *index)
{
    return last_of(index)->line + last_of(index)->n_lines;
}

int64_t hg_logfile_index_stored(const struct hg_logfile_index *index)
{
    return last_of(index)->stored + last_of(index)->n_stored;
}

static int64_t end_by_offset(const struct hg_logfile_block *block)
{
    return block->offset + block->n_bytes;
}

static int64_t end_by_line(const struct hg_logfile_block *block)
{
    return block->line + block->n_lines;
}

/* The first block that ends behind `value`. */
static size_t find(const struct hg_logfile_index *index,
                   int64_t value,
                   int64_t (*end_of)(const struct hg_logfile_block *))
{
    size_t low = 0;
    size_t high = index->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (end_of(&index->blocks[middle]) <= value) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

size_t hg_logfile_index_of_offset(const struct hg_logfile_index *index, int64_t offset)
{
    return find(index, offset, end_by_offset);
}

size_t hg_logfile_index_of_line(const struct hg_logfile_index *index, int64_t line)
{
    return find(index, line, end_by_line);
}

/* ---- records ---- */

static uint32_t check_of(const struct hg_logfile_block *block)
{
    return (uint32_t)crc32(
        0, (const unsigned char *)block, (unsigned)offsetof(struct hg_logfile_block, check));
}

void hg_logfile_block_seal(struct hg_logfile_block *block)
{
    block->check = check_of(block);
}

static bool follows(const struct hg_logfile_block *block,
                    const struct hg_logfile_index *index,
                    int64_t n_file)
{
    return block->check == check_of(block) && block->n_lines > 0 &&
           block->offset == hg_logfile_index_end(index) &&
           block->line == hg_logfile_index_lines(index) &&
           block->stored == hg_logfile_index_stored(index) &&
           block->stored + block->n_stored <= n_file;
}

int hg_logfile_index_load(const char *path,
                          int64_t n_file,
                          struct hg_logfile_index *ret,
                          struct hg_error *err)
{
    HG_CLEANUP(hg_freep) char *bytes = NULL;
    size_t n = 0;
    int r = hg_read_file(path, INDEX_MAX_BYTES, &bytes, &n, err);
    if (r < 0) {
        return r == HG_ENOMEM ? r : HG_OK; /* it is made anew */
    }
    for (size_t at = 0; r == HG_OK && n - at >= sizeof(struct hg_logfile_block);
         at += sizeof(struct hg_logfile_block)) {
        struct hg_logfile_block block;
        memcpy(&block, bytes + at, sizeof block);
        if (!follows(&block, ret, n_file)) {
            break;
        }
        r = hg_logfile_index_add(ret, &block, err);
    }
    return r;
}

int hg_logfile_index_save(const char *path,
                          const struct hg_logfile_index *index,
                          struct hg_error *err)
{
    for (size_t i = 0; i < index->n; i++) {
        hg_logfile_block_seal(&index->blocks[i]);
    }
    return hg_write_file(path,
                         0440,
                         index->n ? (const void *)index->blocks : "",
                         index->n * sizeof index->blocks[0],
                         err);
}

/* ---- scanning ---- */

/* What hg_job_log_append writes has it at a fixed place, behind the time. */
int hg_logfile_level_of(const char *line, size_t n)
{
    static const char key[] = "\"level\":\"";
    static const char firsts[] = "diwe"; /* debug, info, warning, error */
    size_t n_head = n < HG_LOGFILE_HEAD_BYTES ? n : HG_LOGFILE_HEAD_BYTES;
    const char *found = memmem(line, n_head, key, sizeof key - 1);
    const char *first = found ? found + sizeof key - 1 : NULL;
    const char *level = first && first < line + n_head && *first ? strchr(firsts, *first) : NULL;
    return level ? (int)(level - firsts) + HG_LOG_DEBUG : HG_LOG_INFO;
}

static void end_line(struct hg_logfile_scanner *scanner)
{
    struct hg_logfile_block *block = &scanner->block;
    block->n_bytes += scanner->n_open;
    block->n_lines++;
    block->n_of_level[hg_logfile_level_of(scanner->head, scanner->n_head) - HG_LOG_DEBUG]++;
    scanner->n_open = 0;
    scanner->n_head = 0;
}

/* A part of one line. */
static void take_part(struct hg_logfile_scanner *scanner, const char *bytes, size_t n)
{
    size_t room = sizeof scanner->head - scanner->n_head;
    size_t n_head = n < room ? n : room;
    memcpy(scanner->head + scanner->n_head, bytes, n_head);
    scanner->n_head += (uint32_t)n_head;
    scanner->n_open += (uint32_t)n;
}

size_t hg_logfile_scan(struct hg_logfile_scanner *scanner,
                       const char *bytes,
                       size_t n,
                       bool *ret_full)
{
    size_t used = 0;
    *ret_full = false;
    while (used < n && !*ret_full) {
        const char *end = memchr(bytes + used, '\n', n - used);
        size_t n_part = end ? (size_t)(end + 1 - (bytes + used)) : n - used;
        take_part(scanner, bytes + used, n_part);
        used += n_part;
        if (end) {
            end_line(scanner);
            *ret_full = scanner->block.n_bytes >= HG_LOGFILE_BLOCK_BYTES;
        }
    }
    return used;
}

struct hg_logfile_block hg_logfile_scanner_next(struct hg_logfile_scanner *scanner)
{
    struct hg_logfile_block block = scanner->block;
    block.n_stored = block.n_bytes;
    scanner->block = (struct hg_logfile_block){
        .offset = block.offset + block.n_bytes,
        .line = block.line + block.n_lines,
        .stored = block.stored + block.n_stored,
    };
    return block;
}

static int scan_chunk(struct hg_logfile_scanner *scanner,
                      const char *bytes,
                      size_t n,
                      struct hg_logfile_index *index,
                      struct hg_error *err)
{
    int r = HG_OK;
    for (size_t at = 0; r == HG_OK && at < n;) {
        bool full;
        at += hg_logfile_scan(scanner, bytes + at, n - at, &full);
        if (full) {
            struct hg_logfile_block block = hg_logfile_scanner_next(scanner);
            r = hg_logfile_index_add(index, &block, err);
        }
    }
    return r;
}

int hg_logfile_index_scan(int fd,
                          struct hg_logfile_index *index,
                          bool with_last,
                          struct hg_logfile_scanner *scanner,
                          struct hg_error *err)
{
    char chunk[16384];
    struct hg_logfile_scanner own;
    int64_t at = hg_logfile_index_end(index);
    scanner = scanner ? scanner : &own;
    *scanner = (struct hg_logfile_scanner){
        .block = {.offset = at, .line = hg_logfile_index_lines(index), .stored = at}};
    for (;;) {
        ssize_t n = pread(fd, chunk, sizeof chunk, at);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return hg_error_errno(err, errno, "cannot read a log");
        }
        if (n == 0) {
            break;
        }
        int r = scan_chunk(scanner, chunk, (size_t)n, index, err);
        if (r < 0) {
            return r;
        }
        at += n;
    }
    if (with_last && scanner->block.n_lines > 0) {
        struct hg_logfile_block block = hg_logfile_scanner_next(scanner);
        return hg_logfile_index_add(index, &block, err);
    }
    return HG_OK;
}
