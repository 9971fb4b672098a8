#include "joblog/logfile_archive.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zlib.h>

#include "base/io.h"
#include "base/mem.h"

enum {
    WINDOW_BITS = MAX_WBITS + 16, /* gzip, not zlib */
    CHUNK_BYTES = 16384,
};

/* ---- paths ---- */

static int name(char ret[PATH_MAX], const char *path, const char *suffix, struct hg_error *err)
{
    if (snprintf(ret, PATH_MAX, "%s%s", path, suffix) >= PATH_MAX) {
        return hg_error_set(err, HG_EINVAL, "the path of a log is too long");
    }
    return HG_OK;
}

struct names {
    char archive[PATH_MAX];
    char index[PATH_MAX]; /* of the archive */
    char temporary[PATH_MAX];
    char old_index[PATH_MAX]; /* of the log */
};

static int name_all(struct names *ret, const char *path, struct hg_error *err)
{
    int r = name(ret->archive, path, ".gz", err);
    r = r < 0 ? r : name(ret->index, path, ".gz.idx", err);
    r = r < 0 ? r : name(ret->temporary, path, ".gz.tmp", err);
    return r < 0 ? r : name(ret->old_index, path, ".idx", err);
}

/* ---- reading and writing ---- */

static int read_at(int fd, int64_t at, size_t n, struct hg_buf *ret, struct hg_error *err)
{
    if (!hg_buf_reserve(ret, n)) {
        return hg_error_nomem(err);
    }
    while (n > 0) {
        ssize_t got = pread(fd, ret->data + ret->len, n, at);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return got < 0 ? hg_error_errno(err, errno, "cannot read a log")
                           : hg_error_set(err, HG_EINVAL, "a log ends before its index does");
        }
        ret->len += (size_t)got;
        at += got;
        n -= (size_t)got;
    }
    ret->data[ret->len] = '\0';
    return HG_OK;
}

/* One member. `stream` is used again. */
static int deflate_block(
    z_stream *stream, const char *lines, size_t n, struct hg_buf *ret, struct hg_error *err)
{
    (void)deflateReset(stream);
    uLong bound = deflateBound(stream, n);
    if (n > UINT32_MAX || !hg_buf_reserve(ret, bound)) {
        return hg_error_nomem(err);
    }
    stream->next_in = (Bytef *)(uintptr_t)lines;
    stream->avail_in = (uInt)n;
    stream->next_out = (Bytef *)ret->data + ret->len;
    stream->avail_out = (uInt)bound;
    if (deflate(stream, Z_FINISH) != Z_STREAM_END) {
        return hg_error_set(err, HG_EINTERNAL, "a log could not be compressed");
    }
    ret->len += bound - stream->avail_out;
    return HG_OK;
}

static int begin_deflate(z_stream *stream, struct hg_error *err)
{
    int z =
        deflateInit2(stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, WINDOW_BITS, 8, Z_DEFAULT_STRATEGY);
    return z == Z_OK ? HG_OK : hg_error_nomem(err);
}

int hg_logfile_archive_read(int fd,
                            const struct hg_logfile_block *block,
                            struct hg_buf *lines,
                            struct hg_error *err)
{
    HG_CLEANUP(hg_buf_free) struct hg_buf stored = HG_BUF_INIT;
    z_stream stream = {0};
    int r = read_at(fd, block->stored, block->n_stored, &stored, err);
    if (r < 0) {
        return r;
    }
    if (!hg_buf_reserve(lines, block->n_bytes) || inflateInit2(&stream, WINDOW_BITS) != Z_OK) {
        return hg_error_nomem(err);
    }
    stream.next_in = (Bytef *)stored.data;
    stream.avail_in = block->n_stored;
    stream.next_out = (Bytef *)lines->data + lines->len;
    stream.avail_out = block->n_bytes;
    int z = inflate(&stream, Z_FINISH);
    (void)inflateEnd(&stream);
    if (z != Z_STREAM_END || stream.avail_out != 0) {
        return hg_error_set(err, HG_EINVAL, "a block of the log's archive is broken");
    }
    lines->len += block->n_bytes;
    lines->data[lines->len] = '\0';
    return HG_OK;
}

/* ---- making one ---- */

struct writing {
    int from;
    int to;
    z_stream stream;
    struct hg_buf lines;
    struct hg_buf member;
    int64_t n_stored;
};

/* Copies a block into the archive and says where it stands there. */
static int write_block(struct writing *writing,
                       struct hg_logfile_block *block,
                       struct hg_error *err)
{
    hg_buf_reset(&writing->lines);
    hg_buf_reset(&writing->member);
    int r = read_at(writing->from, block->offset, block->n_bytes, &writing->lines, err);
    r = r < 0
            ? r
            : deflate_block(
                  &writing->stream, writing->lines.data, writing->lines.len, &writing->member, err);
    r = r < 0 ? r : hg_write_all(writing->to, writing->member.data, writing->member.len, err);
    block->stored = writing->n_stored;
    block->n_stored = (uint32_t)writing->member.len;
    writing->n_stored += (int64_t)writing->member.len;
    return r;
}

static int write_blocks(int from, int to, struct hg_logfile_index *index, struct hg_error *err)
{
    struct writing writing = {.from = from, .to = to, .lines = HG_BUF_INIT, .member = HG_BUF_INIT};
    int r = begin_deflate(&writing.stream, err);
    for (size_t i = 0; r == HG_OK && i < index->n; i++) {
        r = write_block(&writing, &index->blocks[i], err);
    }
    (void)deflateEnd(&writing.stream);
    hg_buf_free(&writing.lines);
    hg_buf_free(&writing.member);
    return r;
}

/* Writes the archive beside the log; it is on the disk when this returns. */
static int write_archive(int from,
                         const struct names *names,
                         const struct stat *info,
                         struct hg_error *err)
{
    HG_CLEANUP(hg_logfile_index_free) struct hg_logfile_index index = {0};
    HG_CLEANUP(hg_closep)
    int to = open(names->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (to < 0) {
        return hg_error_errno(err, errno, "cannot make \"%s\"", names->temporary);
    }
    const struct timespec times[2] = {info->st_atim, info->st_mtim};
    int r = hg_logfile_index_load(names->old_index, info->st_size, &index, err);
    r = r < 0 ? r : hg_logfile_index_scan(from, &index, true, NULL, err);
    r = r < 0 ? r : write_blocks(from, to, &index, err);
    if (r == HG_OK && (fchmod(to, 0440) < 0 || futimens(to, times) < 0 || fsync(to) < 0)) {
        r = hg_error_errno(err, errno, "cannot write \"%s\"", names->temporary);
    }
    return r < 0 ? r : hg_logfile_index_save(names->index, &index, err);
}

int hg_logfile_archive_make(const char *path, struct stat *ret_of, struct hg_error *err)
{
    struct names names;
    int r = name_all(&names, path, err);
    if (r < 0) {
        return r;
    }
    HG_CLEANUP(hg_closep) int from = open(path, O_RDONLY | O_CLOEXEC);
    if (from < 0 || fstat(from, ret_of) < 0) {
        return errno == ENOENT ? hg_error_set(err, HG_ENOTFOUND, "there is no log \"%s\"", path)
                               : hg_error_errno(err, errno, "cannot read \"%s\"", path);
    }
    r = write_archive(from, &names, ret_of, err);
    if (r < 0) {
        (void)unlink(names.temporary);
    }
    return r;
}

static bool is_unchanged(const char *path, const struct stat *of)
{
    struct stat now;
    return stat(path, &now) == 0 && now.st_ino == of->st_ino && now.st_size == of->st_size &&
           now.st_mtim.tv_sec == of->st_mtim.tv_sec && now.st_mtim.tv_nsec == of->st_mtim.tv_nsec;
}

int hg_logfile_archive_place(const char *path, const struct stat *of, struct hg_error *err)
{
    struct names names;
    int r = name_all(&names, path, err);
    if (r < 0) {
        return r;
    }
    if (!is_unchanged(path, of)) {
        r = hg_error_set(err, HG_ECONFLICT, "the log \"%s\" grew while it was archived", path);
    }
    if (r == HG_OK && rename(names.temporary, names.archive) < 0) {
        r = hg_error_errno(err, errno, "cannot make \"%s\"", names.archive);
    }
    if (r < 0) {
        (void)unlink(names.temporary);
        return r;
    }
    (void)unlink(path);
    (void)unlink(names.old_index);
    return HG_OK;
}

/* ---- the index ---- */

struct reading {
    int fd;
    int64_t at;         /* in the file: behind what the stream was given */
    int64_t n_inflated; /* bytes of lines, in all */
    z_stream stream;
    struct hg_logfile_scanner scanner;
    char in[CHUNK_BYTES];
    char out[CHUNK_BYTES];
};

/* Lines of one member: however many these are, they are one block. */
static void scan_out(struct reading *reading, size_t n)
{
    for (size_t at = 0; at < n;) {
        bool full;
        at += hg_logfile_scan(&reading->scanner, reading->out + at, n - at, &full);
    }
}

/* The next piece of the file into the stream; 0 at the end of the file. */
static ssize_t feed(struct reading *reading)
{
    ssize_t n;
    do {
        n = pread(reading->fd, reading->in, sizeof reading->in, reading->at);
    } while (n < 0 && errno == EINTR);
    if (n > 0) {
        reading->stream.next_in = (Bytef *)reading->in;
        reading->stream.avail_in = (uInt)n;
        reading->at += n;
    }
    return n;
}

/* One member; false at the end, or where the archive is broken. */
static bool read_member(struct reading *reading, struct hg_logfile_block *ret)
{
    z_stream *stream = &reading->stream;
    int64_t began = reading->at - (int64_t)stream->avail_in;
    int z = inflateReset(stream);
    while (z == Z_OK) {
        if (stream->avail_in == 0 && feed(reading) <= 0) {
            return false;
        }
        stream->next_out = (Bytef *)reading->out;
        stream->avail_out = sizeof reading->out;
        z = inflate(stream, Z_NO_FLUSH);
        scan_out(reading, sizeof reading->out - stream->avail_out);
    }
    if (z != Z_STREAM_END || reading->scanner.n_open > 0 || reading->scanner.block.n_lines == 0) {
        return false;
    }
    *ret = reading->scanner.block;
    ret->stored = began;
    ret->n_stored = (uint32_t)(reading->at - (int64_t)stream->avail_in - began);
    reading->scanner.block = (struct hg_logfile_block){.offset = ret->offset + ret->n_bytes,
                                                       .line = ret->line + ret->n_lines};
    return true;
}

static int scan_archive(int fd, struct hg_logfile_index *index, struct hg_error *err)
{
    HG_CLEANUP(hg_freep) struct reading *reading = calloc(1, sizeof *reading);
    struct hg_logfile_block block;
    int r = HG_OK;
    if (!reading || inflateInit2(&reading->stream, WINDOW_BITS) != Z_OK) {
        return hg_error_nomem(err);
    }
    reading->fd = fd;
    reading->at = hg_logfile_index_stored(index);
    reading->scanner.block.offset = hg_logfile_index_end(index);
    reading->scanner.block.line = hg_logfile_index_lines(index);
    while (r == HG_OK && read_member(reading, &block)) {
        r = hg_logfile_index_add(index, &block, err);
    }
    (void)inflateEnd(&reading->stream);
    return r;
}

int hg_logfile_archive_index(int fd,
                             int64_t n_file,
                             const char *index_path,
                             struct hg_logfile_index *ret,
                             struct hg_error *err)
{
    int r = hg_logfile_index_load(index_path, n_file, ret, err);
    if (r < 0 || hg_logfile_index_stored(ret) == n_file) {
        return r;
    }
    r = scan_archive(fd, ret, err);
    if (r == HG_OK) {
        (void)hg_logfile_index_save(index_path, ret, NULL); /* else it is made again each time */
    }
    return r;
}

int hg_logfile_archive_bytes(const char *path, int64_t *ret, struct hg_error *err)
{
    struct names names;
    struct stat info;
    HG_CLEANUP(hg_logfile_index_free) struct hg_logfile_index index = {0};
    int r = name_all(&names, path, err);
    if (r < 0) {
        return r;
    }
    HG_CLEANUP(hg_closep) int fd = open(names.archive, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) < 0) {
        return hg_error_errno(err, errno, "cannot open \"%s\"", names.archive);
    }
    r = hg_logfile_archive_index(fd, info.st_size, names.index, &index, err);
    if (r == HG_OK) {
        *ret = hg_logfile_index_end(&index);
    }
    return r;
}

/* ---- adding to one ---- */

/* Takes off what an addition left that died in the middle: nothing behind it would be read. */
static int cut_torn(int fd, const char *index_path, int64_t *n_file, struct hg_error *err)
{
    HG_CLEANUP(hg_logfile_index_free) struct hg_logfile_index index = {0};
    int r = hg_logfile_archive_index(fd, *n_file, index_path, &index, err);
    int64_t n_whole = hg_logfile_index_stored(&index);
    if (r < 0 || n_whole == *n_file) {
        return r;
    }
    if (n_whole == 0) {
        return hg_error_set(err, HG_EINVAL, "the archive of a log is broken from its start on");
    }
    *n_file = n_whole;
    return ftruncate(fd, n_whole) < 0 ? hg_error_errno(err, errno, "cannot cut a torn archive")
                                      : HG_OK;
}

static int add_member(
    int fd, const char *line, size_t n, struct hg_buf *member, struct hg_error *err)
{
    z_stream stream = {0};
    int r = begin_deflate(&stream, err);
    r = r < 0 ? r : deflate_block(&stream, line, n, member, err);
    (void)deflateEnd(&stream);
    return r < 0 ? r : hg_write_all(fd, member->data, member->len, err);
}

/* The index is made anew with the next look, from its last record on. */
int hg_logfile_archive_append(const char *path, const char *line, size_t n, struct hg_error *err)
{
    struct names names;
    struct stat info;
    HG_CLEANUP(hg_buf_free) struct hg_buf member = HG_BUF_INIT;
    int r = name_all(&names, path, err);
    if (r < 0) {
        return r;
    }
    (void)chmod(names.archive, 0640);
    HG_CLEANUP(hg_closep) int fd = open(names.archive, O_RDWR | O_APPEND | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) < 0) {
        return hg_error_errno(err, errno, "cannot open \"%s\"", names.archive);
    }
    int64_t n_file = info.st_size;
    r = cut_torn(fd, names.index, &n_file, err);
    r = r < 0 ? r : add_member(fd, line, n, &member, err);
    if (r < 0) {
        (void)!ftruncate(fd, n_file);
    }
    (void)fchmod(fd, 0440);
    return r;
}
