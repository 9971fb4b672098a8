#include "base/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct {
    int code;
    const char *name;
} code_names[] = {
    {HG_OK, "ok"},
    {HG_EINVAL, "invalid"},
    {HG_ENOTFOUND, "not_found"},
    {HG_EEXIST, "exists"},
    {HG_ENOTSUP, "not_supported"},
    {HG_EUNAUTHENTICATED, "not_authenticated"},
    {HG_EFORBIDDEN, "forbidden"},
    {HG_ERATELIMITED, "rate_limited"},
    {HG_EUNAVAILABLE, "unavailable"},
    {HG_ETIMEDOUT, "timed_out"},
    {HG_ECANCELLED, "cancelled"},
    {HG_EIO, "io_failed"},
    {HG_EDATA, "bad_data"},
    {HG_ECONFLICT, "conflict"},
    {HG_ETOOBIG, "too_big"},
    {HG_ENOMEM, "out_of_memory"},
    {HG_ESTOP, "stopped_by_check"},
    {HG_EINTERNAL, "internal"},
};

static const struct {
    int errno_value;
    int code;
} errno_codes[] = {
    {ENOENT, HG_ENOTFOUND},
    {ENOTDIR, HG_ENOTFOUND},
    {EACCES, HG_EFORBIDDEN},
    {EPERM, HG_EFORBIDDEN},
    {EROFS, HG_EFORBIDDEN},
    {EEXIST, HG_EEXIST},
    {ENOMEM, HG_ENOMEM},
    {EINVAL, HG_EINVAL},
    {ETIMEDOUT, HG_ETIMEDOUT},
    {ECANCELED, HG_ECANCELLED},
    {EADDRINUSE, HG_ECONFLICT},
    {EFBIG, HG_ETOOBIG},
    {ENAMETOOLONG, HG_EINVAL},
    {ECONNREFUSED, HG_EUNAVAILABLE},
};

const char *hg_code_name(int code)
{
    for (size_t i = 0; i < sizeof code_names / sizeof code_names[0]; i++) {
        if (code_names[i].code == code) {
            return code_names[i].name;
        }
    }
    return "unknown";
}

static void reset(struct hg_error *err, int code)
{
    memset(err, 0, sizeof *err);
    err->struct_size = sizeof *err;
    err->code = code;
    err->retry_after_ms = -1;
}

int hg_error_vset(struct hg_error *err, int code, const char *fmt, va_list args)
{
    if (err) {
        reset(err, code);
        (void)vsnprintf(err->message, sizeof err->message, fmt, args);
    }
    return code;
}

int hg_error_set(struct hg_error *err, int code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    hg_error_vset(err, code, fmt, args);
    va_end(args);
    return code;
}

static int code_of_errno(int errno_value)
{
    for (size_t i = 0; i < sizeof errno_codes / sizeof errno_codes[0]; i++) {
        if (errno_codes[i].errno_value == errno_value) {
            return errno_codes[i].code;
        }
    }
    return HG_EIO;
}

int hg_error_errno(struct hg_error *err, int errno_value, const char *fmt, ...)
{
    int code = code_of_errno(errno_value);
    va_list args;
    va_start(args, fmt);
    hg_error_vset(err, code, fmt, args);
    va_end(args);
    if (err) {
        char text[128] = "";
        size_t used = strlen(err->message);
        (void)snprintf(err->message + used,
                       sizeof err->message - used,
                       ": %s",
                       strerror_r(errno_value, text, sizeof text));
    }
    return code;
}

int hg_error_hint(struct hg_error *err, const char *fmt, ...)
{
    if (!err) {
        return HG_EINTERNAL;
    }
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(err->hint, sizeof err->hint, fmt, args);
    va_end(args);
    return err->code;
}

int hg_error_at(struct hg_error *err, const char *fmt, ...)
{
    if (!err) {
        return HG_EINTERNAL;
    }
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(err->pointer, sizeof err->pointer, fmt, args);
    va_end(args);
    return err->code;
}

int hg_error_wrap(struct hg_error *err, const char *fmt, ...)
{
    if (!err) {
        return HG_EINTERNAL;
    }
    char inner[sizeof err->message];
    memcpy(inner, err->message, sizeof inner);
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(err->message, sizeof err->message, fmt, args);
    va_end(args);
    size_t used = strlen(err->message);
    (void)snprintf(err->message + used, sizeof err->message - used, ": %s", inner);
    return err->code;
}

void hg_error_copy(struct hg_error *to, const struct hg_error *from)
{
    if (!to || !from) {
        return;
    }
    size_t size = from->struct_size < sizeof *to ? from->struct_size : sizeof *to;
    reset(to, HG_EINTERNAL);
    memcpy(to, from, size);
    to->struct_size = sizeof *to;
    to->message[sizeof to->message - 1] = '\0';
    to->hint[sizeof to->hint - 1] = '\0';
    to->pointer[sizeof to->pointer - 1] = '\0';
    to->sqlstate[sizeof to->sqlstate - 1] = '\0';
}

int hg_error_nomem(struct hg_error *err)
{
    return hg_error_set(err, HG_ENOMEM, "out of memory");
}
