#include "recode.h"

#include <errno.h>
#include <iconv.h>
#include <stdlib.h>
#include <string.h>

#include "headgate/error.h"

const char *const src_encoding_names[] = {
    "utf-8", "utf-16le", "utf-16be", "latin1", "windows-1252", NULL};

struct recode_stage {
    struct src_stage stage;
    struct src_stage *from;
    iconv_t cd;
    size_t unit; /* bytes that are passed over where the text is wrong */
    size_t at;
    size_t n;
    bool ended;
    char in[65536];
};

static hg_status refill(struct recode_stage *r, struct hg_error *err)
{
    memmove(r->in, r->in + r->at, r->n - r->at);
    r->n -= r->at;
    r->at = 0;
    size_t got;
    hg_status status = r->from->read(r->from, r->in + r->n, sizeof r->in - r->n, &got, err);
    if (status) {
        return status;
    }
    r->n += got;
    r->ended = got == 0;
    return HG_OK;
}

/* The unit at hand is no text: one byte that no UTF-8 has stands for it. */
static void mark_wrong(struct recode_stage *r, char **out, size_t *room)
{
    size_t left = r->n - r->at;
    r->at += left < r->unit ? left : r->unit;
    *(*out)++ = '\xFF';
    (*room)--;
    iconv(r->cd, NULL, NULL, NULL, NULL);
}

static hg_status recode_read(
    struct src_stage *stage, char *buf, size_t n, size_t *ret_n, struct hg_error *err)
{
    struct recode_stage *r = (struct recode_stage *)(void *)stage;
    char *out = buf;
    size_t room = n;
    /* A character may need four bytes: the caller's buffers are never that small. */
    while (out == buf) {
        if (r->at == r->n && r->ended) {
            break;
        }
        char *in = r->in + r->at;
        size_t left = r->n - r->at;
        size_t failed = left > 0 ? iconv(r->cd, &in, &left, &out, &room) : 0;
        int why = errno;
        r->at = r->n - left;
        bool incomplete = failed == (size_t)-1 && why == EINVAL;
        if (failed == (size_t)-1 && room > 0 && (why == EILSEQ || (incomplete && r->ended))) {
            mark_wrong(r, &out, &room);
        } else if (!r->ended && (left == 0 || incomplete)) {
            hg_status status = refill(r, err);
            if (status) {
                return status;
            }
        } else if (failed == (size_t)-1 && out == buf) {
            return hg_fail(err, HG_EINTERNAL, "a buffer is too small to recode into");
        }
    }
    *ret_n = (size_t)(out - buf);
    return HG_OK;
}

static void recode_free(struct src_stage *stage)
{
    struct recode_stage *r = (struct recode_stage *)(void *)stage;
    iconv_close(r->cd);
    src_stage_free(r->from);
    free(r);
}

hg_status src_recode_stage(struct src_stage *from,
                           enum src_encoding encoding,
                           struct src_stage **ret,
                           struct hg_error *err)
{
    static const char *const charsets[] = {
        "UTF-8", "UTF-16LE", "UTF-16BE", "ISO-8859-1", "WINDOWS-1252"};
    struct recode_stage *r = malloc(sizeof *r);
    if (!r) {
        src_stage_free(from);
        return hg_fail_nomem(err);
    }
    bool wide = encoding == SRC_UTF16LE || encoding == SRC_UTF16BE;
    r->stage = (struct src_stage){recode_read, recode_free};
    r->from = from;
    r->unit = wide ? 2 : 1;
    r->at = 0;
    r->n = 0;
    r->ended = false;
    r->cd = iconv_open("UTF-8", charsets[encoding]);
    if (r->cd == (iconv_t)-1) {
        int why = errno;
        src_stage_free(from);
        free(r);
        return hg_fail_errno(err, why, "the system cannot recode %s", src_encoding_names[encoding]);
    }
    *ret = &r->stage;
    return HG_OK;
}
