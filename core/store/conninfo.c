#include "store/conninfo.h"

#include <string.h>

#include <libpq-fe.h>

#include "base/buf.h"
#include "base/mem.h"

HG_DEFINE_CLEANUP(options_freep, PQconninfoOption *, PQconninfoFree)

static int parse(const char *conninfo, PQconninfoOption **ret, struct hg_error *err)
{
    char *ignored = NULL; /* libpq quotes what it could not read, which may be a password */
    PQconninfoOption *options = PQconninfoParse(conninfo, &ignored);
    PQfreemem(ignored);
    if (!options) {
        hg_error_set(err, HG_EINVAL, "the database URL is no valid connection string");
        (void)hg_error_hint(
            err,
            "Write postgresql://user:password@host:port/database, with @ / : and %% "
            "in the password as %%40 %%2F %%3A %%25.");
        return HG_EINVAL;
    }
    *ret = options;
    return HG_OK;
}

int hg_conninfo_check(const char *conninfo, struct hg_error *err)
{
    HG_CLEANUP(options_freep) PQconninfoOption *options = NULL;
    return parse(conninfo, &options, err);
}

int hg_conninfo_get(const char *conninfo, const char *keyword, char **ret, struct hg_error *err)
{
    HG_CLEANUP(options_freep) PQconninfoOption *options = NULL;
    int r = parse(conninfo, &options, err);
    if (r < 0) {
        return r;
    }
    char *value = NULL;
    for (const PQconninfoOption *o = options; o->keyword; o++) {
        if (strcmp(o->keyword, keyword) == 0 && o->val && o->val[0]) {
            value = strdup(o->val);
            if (!value) {
                return hg_error_nomem(err);
            }
        }
    }
    *ret = value;
    return HG_OK;
}

static void put(struct hg_buf *out, const char *keyword, const char *value)
{
    if (out->len > 0) {
        hg_buf_putc(out, ' ');
    }
    hg_buf_puts(out, keyword);
    hg_buf_puts(out, "='");
    for (const char *c = value; *c; c++) {
        if (*c == '\'' || *c == '\\') {
            hg_buf_putc(out, '\\');
        }
        hg_buf_putc(out, *c);
    }
    hg_buf_putc(out, '\'');
}

static const struct hg_conninfo_part *find(const struct hg_conninfo_part *parts,
                                           const char *keyword)
{
    for (; parts->keyword; parts++) {
        if (strcmp(parts->keyword, keyword) == 0) {
            return parts;
        }
    }
    return NULL;
}

int hg_conninfo_with(const char *conninfo,
                     const struct hg_conninfo_part *parts,
                     char **ret,
                     struct hg_error *err)
{
    HG_CLEANUP(options_freep) PQconninfoOption *options = NULL;
    int r = parse(conninfo, &options, err);
    if (r < 0) {
        return r;
    }
    struct hg_buf out = HG_BUF_INIT;
    for (const PQconninfoOption *o = options; o->keyword; o++) {
        const struct hg_conninfo_part *part = find(parts, o->keyword);
        const char *value = part ? part->value : o->val;
        if (value) {
            put(&out, o->keyword, value);
        }
    }
    char *text = hg_buf_take(&out);
    if (!text) {
        return hg_error_nomem(err);
    }
    *ret = text;
    return HG_OK;
}
