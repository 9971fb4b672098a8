#include "unpack.h"

#include <stdlib.h>
#include <string.h>

#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "headgate/error.h"

#define CHUNK_BYTES 65536

struct unpack_stage {
    struct src_stage stage;
    struct src_stage *from;
    const char *name;
    uint64_t consumed; /* compressed bytes so far */
    size_t at;
    size_t n;
    bool ended;  /* the compressed input */
    bool inside; /* a gzip member or a zstd frame has begun and not ended */
    bool any;    /* there was one */
    bool full;   /* the last output filled its room: more may come without input */
    z_stream z;
    ZSTD_DStream *zstd;
    char in[CHUNK_BYTES];
};

static hg_status fill(struct unpack_stage *u, struct hg_error *err)
{
    size_t got;
    hg_status status = u->from->read(u->from, u->in, sizeof u->in, &got, err);
    if (status) {
        return status;
    }
    u->at = 0;
    u->n = got;
    u->ended = got == 0;
    return HG_OK;
}

static hg_status cut_off(struct unpack_stage *u, const char *what, struct hg_error *err)
{
    hg_fail(err,
            HG_EDATA,
            "%s: the %s data is cut off after %llu bytes",
            u->name,
            what,
            (unsigned long long)u->consumed);
    return hg_fail_hint(err, HG_EDATA, "The file was not written or copied to its end.");
}

static hg_status corrupt(struct unpack_stage *u,
                         const char *what,
                         const char *why,
                         struct hg_error *err)
{
    return hg_fail(err,
                   HG_EDATA,
                   "%s: the %s data is broken near byte %llu: %s",
                   u->name,
                   what,
                   (unsigned long long)u->consumed,
                   why ? why : "unknown reason");
}

/* ------------------------------------------------------------------------------------------ */
/* gzip                                                                                         */
/* ------------------------------------------------------------------------------------------ */

/* Behind a member: zeros that pad the file are passed over, else the next member begins. */
static hg_status gzip_between(struct unpack_stage *u, struct hg_error *err)
{
    while (u->any && u->at < u->n && u->in[u->at] == '\0') {
        u->at++;
        u->consumed++;
    }
    if (u->at == u->n) {
        return HG_OK;
    }
    if (u->in[u->at] != '\x1F') {
        return corrupt(u, "gzip", u->any ? "other data follows" : "it is not gzip", err);
    }
    if (inflateReset(&u->z) != Z_OK) {
        return corrupt(u, "gzip", u->z.msg, err);
    }
    u->inside = true;
    u->any = true;
    return HG_OK;
}

static hg_status gzip_inflate(
    struct unpack_stage *u, char *buf, size_t n, size_t *ret_n, struct hg_error *err)
{
    unsigned char *in = (unsigned char *)u->in + u->at;
    u->z.next_in = in;
    u->z.avail_in = (uInt)(u->n - u->at);
    u->z.next_out = (unsigned char *)buf;
    u->z.avail_out = n > UINT32_MAX ? UINT32_MAX : (uInt)n;
    uInt room = u->z.avail_out;
    int code = inflate(&u->z, Z_NO_FLUSH);
    size_t used = u->n - u->at - u->z.avail_in;
    u->at += used;
    u->consumed += used;
    *ret_n = room - u->z.avail_out;
    u->full = u->z.avail_out == 0;
    if (code == Z_STREAM_END) {
        u->inside = false;
    } else if (code == Z_MEM_ERROR) {
        return hg_fail_nomem(err);
    } else if (code != Z_OK && code != Z_BUF_ERROR) {
        return corrupt(u, "gzip", u->z.msg, err);
    }
    return HG_OK;
}

static hg_status gzip_read(
    struct src_stage *stage, char *buf, size_t n, size_t *ret_n, struct hg_error *err)
{
    struct unpack_stage *u = (struct unpack_stage *)(void *)stage;
    size_t got = 0;
    while (got == 0) {
        hg_status status = HG_OK;
        bool more = u->inside && u->full;
        if (u->at == u->n && !u->ended && !more) {
            status = fill(u, err);
        } else if (u->at == u->n && !more) {
            if (u->inside || !u->any) {
                return cut_off(u, "gzip", err);
            }
            break;
        }
        if (!status && !u->inside && u->at < u->n) {
            status = gzip_between(u, err);
        }
        if (!status && u->inside && (u->at < u->n || more)) {
            status = gzip_inflate(u, buf, n, &got, err);
        }
        if (status) {
            return status;
        }
    }
    *ret_n = got;
    return HG_OK;
}

static void gzip_free(struct src_stage *stage)
{
    struct unpack_stage *u = (struct unpack_stage *)(void *)stage;
    inflateEnd(&u->z);
    src_stage_free(u->from);
    free(u);
}

static struct unpack_stage *unpack_new(struct src_stage *from, const char *name)
{
    struct unpack_stage *u = calloc(1, sizeof *u);
    if (u) {
        u->from = from;
        u->name = name;
    } else {
        src_stage_free(from);
    }
    return u;
}

hg_status src_gzip_stage(struct src_stage *from,
                         const char *name,
                         struct src_stage **ret,
                         struct hg_error *err)
{
    struct unpack_stage *u = unpack_new(from, name);
    if (!u) {
        return hg_fail_nomem(err);
    }
    u->stage = (struct src_stage){gzip_read, gzip_free};
    if (inflateInit2(&u->z, 15 + 16) != Z_OK) {
        src_stage_free(from);
        free(u);
        return hg_fail_nomem(err);
    }
    *ret = &u->stage;
    return HG_OK;
}

/* ------------------------------------------------------------------------------------------ */
/* zstd                                                                                         */
/* ------------------------------------------------------------------------------------------ */

static hg_status zstd_read(
    struct src_stage *stage, char *buf, size_t n, size_t *ret_n, struct hg_error *err)
{
    struct unpack_stage *u = (struct unpack_stage *)(void *)stage;
    ZSTD_outBuffer out = {buf, n, 0};
    while (out.pos == 0) {
        if (u->at == u->n && !u->ended) {
            hg_status status = fill(u, err);
            if (status) {
                return status;
            }
        }
        if (u->ended && !u->inside && u->any) {
            break;
        }
        ZSTD_inBuffer in = {u->in, u->n, u->at};
        size_t hint = ZSTD_decompressStream(u->zstd, &out, &in);
        u->consumed += in.pos - u->at;
        u->at = in.pos;
        if (ZSTD_isError(hint)) {
            return ZSTD_getErrorCode(hint) == ZSTD_error_memory_allocation
                       ? hg_fail_nomem(err)
                       : corrupt(u, "zstd", ZSTD_getErrorName(hint), err);
        }
        u->inside = hint != 0;
        u->any = true;
        if (u->ended && u->inside && out.pos == 0) {
            return cut_off(u, "zstd", err);
        }
    }
    *ret_n = out.pos;
    return HG_OK;
}

static void zstd_free(struct src_stage *stage)
{
    struct unpack_stage *u = (struct unpack_stage *)(void *)stage;
    ZSTD_freeDStream(u->zstd);
    src_stage_free(u->from);
    free(u);
}

hg_status src_zstd_stage(struct src_stage *from,
                         const char *name,
                         struct src_stage **ret,
                         struct hg_error *err)
{
    struct unpack_stage *u = unpack_new(from, name);
    if (!u) {
        return hg_fail_nomem(err);
    }
    u->stage = (struct src_stage){zstd_read, zstd_free};
    u->zstd = ZSTD_createDStream();
    if (!u->zstd || ZSTD_isError(ZSTD_initDStream(u->zstd))) {
        zstd_free(&u->stage);
        return hg_fail_nomem(err);
    }
    *ret = &u->stage;
    return HG_OK;
}
