#include "input.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "headgate/error.h"
#include "unpack.h"

/* How often a read that waits asks the host whether to go on. */
#define ASK_EVERY_MS 250

/* ------------------------------------------------------------------------------------------ */
/* Files                                                                                        */
/* ------------------------------------------------------------------------------------------ */

size_t src_file_read_most = SIZE_MAX;

struct file_stage {
    struct src_stage stage;
    int fd;
    bool waits; /* a pipe, a socket, a terminal */
    const char *name;
    struct src_cancel *cancel;
};

/* Until there is something to read. */
static hg_status file_wait(struct file_stage *f, struct hg_error *err)
{
    for (;;) {
        if (src_cancelled(f->cancel)) {
            return hg_fail(err, HG_ECANCELLED, "%s: cancelled while reading", f->name);
        }
        if (!f->waits) {
            return HG_OK;
        }
        struct pollfd fds[] = {{.fd = f->fd, .events = POLLIN},
                               {.fd = f->cancel->event_fd, .events = POLLIN}};
        int n = poll(fds, 2, ASK_EVERY_MS);
        if (n < 0 && errno != EINTR) {
            return hg_fail_errno(err, errno, "%s: cannot be waited for", f->name);
        }
        if (n > 0 && fds[0].revents) {
            return HG_OK;
        }
    }
}

static hg_status file_read(
    struct src_stage *stage, char *buf, size_t n, size_t *ret_n, struct hg_error *err)
{
    struct file_stage *f = (struct file_stage *)(void *)stage;
    for (;;) {
        hg_status status = file_wait(f, err);
        if (status) {
            return status;
        }
        size_t most = src_file_read_most;
        ssize_t got = read(f->fd, buf, n < most ? n : most);
        if (got >= 0) {
            *ret_n = (size_t)got;
            return HG_OK;
        }
        if (errno != EINTR && errno != EAGAIN) {
            return hg_fail_errno(err, errno, "%s: cannot be read", f->name);
        }
    }
}

static void file_free(struct src_stage *stage)
{
    struct file_stage *f = (struct file_stage *)(void *)stage;
    close(f->fd);
    free(f);
}

static hg_status file_stage(int fd,
                            const char *name,
                            struct src_cancel *cancel,
                            struct src_stage **ret,
                            struct hg_error *err)
{
    struct stat st;
    hg_status status = HG_OK;
    if (fstat(fd, &st) < 0) {
        status = hg_fail_errno(err, errno, "%s: cannot be looked at", name);
    } else if (S_ISDIR(st.st_mode)) {
        status = hg_fail(err, HG_EINVAL, "%s: is a folder, not a file", name);
        hg_fail_hint(err, status, "To read the files in it, end the path with \"/*.csv\".");
    }
    struct file_stage *f = status ? NULL : malloc(sizeof *f);
    if (!f) {
        close(fd);
        return status ? status : hg_fail_nomem(err);
    }
    *f = (struct file_stage){{file_read, file_free}, fd, !S_ISREG(st.st_mode), name, cancel};
    *ret = &f->stage;
    return HG_OK;
}

/* ------------------------------------------------------------------------------------------ */
/* The first bytes                                                                              */
/* ------------------------------------------------------------------------------------------ */

#define HEAD_BYTES  16
#define HEAD_WANTED 8

/* Gives bytes that were read ahead, then those of the stage behind it. */
struct head_stage {
    struct src_stage stage;
    struct src_stage *from;
    size_t at;
    size_t n;
    char bytes[HEAD_BYTES];
};

static hg_status head_read(
    struct src_stage *stage, char *buf, size_t n, size_t *ret_n, struct hg_error *err)
{
    struct head_stage *h = (struct head_stage *)(void *)stage;
    if (h->at == h->n) {
        return h->from->read(h->from, buf, n, ret_n, err);
    }
    size_t take = h->n - h->at < n ? h->n - h->at : n;
    memcpy(buf, h->bytes + h->at, take);
    h->at += take;
    *ret_n = take;
    return HG_OK;
}

static void head_free(struct src_stage *stage)
{
    struct head_stage *h = (struct head_stage *)(void *)stage;
    src_stage_free(h->from);
    free(h);
}

/* Reads ahead; owns `from`, also when it fails. */
static hg_status head_stage(struct src_stage *from, struct head_stage **ret, struct hg_error *err)
{
    struct head_stage *h = calloc(1, sizeof *h);
    if (!h) {
        src_stage_free(from);
        return hg_fail_nomem(err);
    }
    h->stage = (struct src_stage){head_read, head_free};
    h->from = from;
    size_t got = 1;
    while (h->n < HEAD_WANTED && got > 0) {
        hg_status status = from->read(from, h->bytes + h->n, HEAD_BYTES - h->n, &got, err);
        if (status) {
            head_free(&h->stage);
            return status;
        }
        h->n += got;
    }
    *ret = h;
    return HG_OK;
}

static bool head_is(const struct head_stage *h, const char *magic, size_t n)
{
    return h->n - h->at >= n && memcmp(h->bytes + h->at, magic, n) == 0;
}

static const struct magic {
    const char *bytes;
    size_t n;
    const char *what;
    const char *hint;
} magics[] = {
    {"PK\x03\x04", 4, "a ZIP archive or an Excel workbook", "Unpack it, or export it as CSV."},
    {"PAR1", 4, "a Parquet file", "Export it as CSV."},
    {"\xD0\xCF\x11\xE0", 4, "an Excel or Office file", "Export it as CSV."},
    {"%PDF", 4, "a PDF document", "Give the path of a CSV file."},
    {"BZh", 3, "compressed with bzip2", "Unpack it, or compress it with gzip or zstd."},
    {"\xFD"
     "7zXZ",
     5,
     "compressed with xz",
     "Unpack it, or compress it with gzip or zstd."},
    {"\x7F"
     "ELF",
     4,
     "a program",
     "Give the path of a CSV file."},
    {"SQLite ", 7, "an SQLite database", "Export the table as CSV."},
    {"\x1F\x8B", 2, "compressed with gzip", "Set compression to auto or gzip."},
    {"\x28\xB5\x2F\xFD", 4, "compressed with zstd", "Set compression to auto or zstd."},
};

static const struct magic utf16_marks[] = {
    {"\xFF\xFE", 2, "UTF-16 (little endian)", "Set encoding to utf-16le."},
    {"\xFE\xFF", 2, "UTF-16 (big endian)", "Set encoding to utf-16be."},
};

static hg_status refuse(const struct head_stage *h,
                        const char *name,
                        const struct magic *list,
                        size_t n,
                        struct hg_error *err)
{
    for (size_t i = 0; i < n; i++) {
        if (head_is(h, list[i].bytes, list[i].n)) {
            hg_fail(err, HG_EDATA, "%s: is %s, not plain text", name, list[i].what);
            return hg_fail_hint(err, HG_EDATA, "%s", list[i].hint);
        }
    }
    return HG_OK;
}

/* ------------------------------------------------------------------------------------------ */
/* All together                                                                                 */
/* ------------------------------------------------------------------------------------------ */

static enum src_compression found_compression(const struct head_stage *h)
{
    if (head_is(h, "\x1F\x8B", 2)) {
        return SRC_GZIP;
    }
    /* Also a frame that says "skip me", which may come first. */
    bool skippable =
        h->n >= 4 && (h->bytes[0] & 0xF0) == 0x50 && memcmp(h->bytes + 1, "\x2A\x4D\x18", 3) == 0;
    return head_is(h, "\x28\xB5\x2F\xFD", 4) || skippable ? SRC_ZSTD : SRC_NONE;
}

static hg_status unpacked(struct head_stage *packed,
                          const char *name,
                          enum src_compression compression,
                          struct head_stage **ret,
                          struct hg_error *err)
{
    if (compression == SRC_AUTO) {
        compression = found_compression(packed);
    }
    if (compression == SRC_NONE) {
        *ret = packed;
        return HG_OK;
    }
    struct src_stage *stage;
    hg_status status = compression == SRC_GZIP ? src_gzip_stage(&packed->stage, name, &stage, err)
                                               : src_zstd_stage(&packed->stage, name, &stage, err);
    return status ? status : head_stage(stage, ret, err);
}

/* UTF-8 is read as it is, all else recoded. */
static hg_status decoded(struct head_stage *plain,
                         const char *name,
                         enum src_encoding encoding,
                         struct head_stage **ret,
                         struct hg_error *err)
{
    hg_status status = refuse(plain, name, magics, sizeof magics / sizeof magics[0], err);
    if (!status && encoding == SRC_UTF8) {
        status = refuse(plain, name, utf16_marks, sizeof utf16_marks / sizeof utf16_marks[0], err);
    }
    if (status || encoding == SRC_UTF8) {
        if (status) {
            src_stage_free(&plain->stage);
        }
        *ret = plain;
        return status;
    }
    struct src_stage *stage;
    status = src_recode_stage(&plain->stage, encoding, &stage, err);
    return status ? status : head_stage(stage, ret, err);
}

hg_status src_input_open(int fd,
                         const char *name,
                         enum src_compression compression,
                         enum src_encoding encoding,
                         struct src_cancel *cancel,
                         struct src_stage **ret,
                         struct hg_error *err)
{
    struct src_stage *file = NULL;
    struct head_stage *packed = NULL;
    struct head_stage *plain = NULL;
    struct head_stage *text = NULL;
    hg_status status = file_stage(fd, name, cancel, &file, err);
    if (!status) {
        status = head_stage(file, &packed, err);
    }
    if (!status) {
        status = unpacked(packed, name, compression, &plain, err);
    }
    if (!status) {
        status = decoded(plain, name, encoding, &text, err);
    }
    if (status) {
        return status;
    }
    if (head_is(text, "\xEF\xBB\xBF", 3)) {
        text->at = 3;
    }
    *ret = &text->stage;
    return HG_OK;
}
