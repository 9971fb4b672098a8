#include "headgate/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The first row of a code is the errno it is told as; the first of an errno is its code. */
static const struct {
    int errno_value;
    hg_status code;
} codes[] = {
    {EINVAL, HG_EINVAL},
    {ENOENT, HG_ENOTFOUND},
    {ENOTDIR, HG_ENOTFOUND},
    {EEXIST, HG_EEXIST},
    {ENOTSUP, HG_ENOTSUP},
    {EACCES, HG_EFORBIDDEN},
    {EPERM, HG_EUNAUTHENTICATED},
    {EROFS, HG_EFORBIDDEN},
    {EAGAIN, HG_ERATELIMITED},
    {ECONNREFUSED, HG_EUNAVAILABLE},
    {EHOSTUNREACH, HG_EUNAVAILABLE},
    {ECONNRESET, HG_EUNAVAILABLE},
    {ETIMEDOUT, HG_ETIMEDOUT},
    {ECANCELED, HG_ECANCELLED},
    {EIO, HG_EIO},
    {EILSEQ, HG_EDATA},
    {EBUSY, HG_ECONFLICT},
    {EFBIG, HG_ETOOBIG},
    {ENOMEM, HG_ENOMEM},
    {EPROTO, HG_EINTERNAL},
};

#define N_CODES (sizeof codes / sizeof codes[0])

int hg_errno_of(hg_status code)
{
    if (code == HG_OK) {
        return 0;
    }
    for (size_t i = 0; i < N_CODES; i++) {
        if (codes[i].code == code) {
            return codes[i].errno_value;
        }
    }
    return EIO;
}

static hg_status code_of_errno(int errno_value)
{
    /* Only as answers of a system call these two mean something else than in the other direction.
     */
    if (errno_value == EPERM) {
        return HG_EFORBIDDEN;
    }
    if (errno_value == EAGAIN) {
        return HG_EUNAVAILABLE;
    }
    for (size_t i = 0; i < N_CODES; i++) {
        if (codes[i].errno_value == errno_value) {
            return codes[i].code;
        }
    }
    return HG_EIO;
}

/* Takes back the bytes of a character that was cut at the end of a full buffer. */
static void trim_character(char *text, size_t size)
{
    size_t n = strlen(text);
    if (n + 1 < size) {
        return;
    }
    size_t start = n;
    while (start > 0 && ((unsigned char)text[start - 1] & 0xC0u) == 0x80u) {
        start--;
    }
    if (start == 0) {
        return;
    }
    unsigned char lead = (unsigned char)text[start - 1];
    size_t want = lead >= 0xF0u ? 3 : lead >= 0xE0u ? 2 : lead >= 0xC0u ? 1 : 0;
    if (n - start < want) {
        text[start - 1] = '\0';
    }
}

/* A whole struct to work on, whatever size the caller's is. */
static struct hg_error load(const struct hg_error *err)
{
    struct hg_error whole = HG_ERROR_INIT;
    size_t size = err->struct_size < sizeof whole ? err->struct_size : sizeof whole;
    memcpy(&whole, err, size);
    whole.message[sizeof whole.message - 1] = '\0';
    return whole;
}

static void store(struct hg_error *err, const struct hg_error *whole)
{
    uint32_t struct_size = err->struct_size;
    size_t size = struct_size < sizeof *whole ? struct_size : sizeof *whole;
    if (size >= sizeof struct_size) {
        memcpy(err, whole, size);
        err->struct_size = struct_size;
    }
}

static void format(char *text, size_t size, const char *fmt, va_list args) HG_PRINTF(3, 0);
static void format(char *text, size_t size, const char *fmt, va_list args)
{
    (void)vsnprintf(text, size, fmt, args);
    trim_character(text, size);
}

hg_status hg_fail_v(struct hg_error *err, hg_status code, const char *fmt, va_list args)
{
    if (err) {
        struct hg_error whole = HG_ERROR_INIT;
        whole.code = code;
        format(whole.message, sizeof whole.message, fmt, args);
        store(err, &whole);
    }
    return code;
}

hg_status hg_fail(struct hg_error *err, hg_status code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    hg_fail_v(err, code, fmt, args);
    va_end(args);
    return code;
}

hg_status hg_fail_errno(struct hg_error *err, int errno_value, const char *fmt, ...)
{
    char context[384];
    va_list args;
    va_start(args, fmt);
    format(context, sizeof context, fmt, args);
    va_end(args);
    char text[128] = "";
    const char *reason = strerror_r(errno_value, text, sizeof text);
    return hg_fail(err, code_of_errno(errno_value), "%s: %s", context, reason);
}

hg_status hg_fail_nomem(struct hg_error *err)
{
    return hg_fail(err, HG_ENOMEM, "out of memory");
}

hg_status hg_fail_hint(struct hg_error *err, hg_status code, const char *fmt, ...)
{
    if (err) {
        struct hg_error whole = load(err);
        va_list args;
        va_start(args, fmt);
        format(whole.hint, sizeof whole.hint, fmt, args);
        va_end(args);
        store(err, &whole);
    }
    return code;
}

hg_status hg_fail_pointer(struct hg_error *err, hg_status code, const char *fmt, ...)
{
    if (err) {
        struct hg_error whole = load(err);
        va_list args;
        va_start(args, fmt);
        format(whole.pointer, sizeof whole.pointer, fmt, args);
        va_end(args);
        store(err, &whole);
    }
    return code;
}

hg_status hg_fail_prefix(struct hg_error *err, hg_status code, const char *fmt, ...)
{
    if (err) {
        struct hg_error whole = load(err);
        char inner[sizeof whole.message];
        memcpy(inner, whole.message, sizeof inner);
        va_list args;
        va_start(args, fmt);
        format(whole.message, sizeof whole.message, fmt, args);
        va_end(args);
        size_t used = strlen(whole.message);
        (void)snprintf(whole.message + used, sizeof whole.message - used, ": %s", inner);
        trim_character(whole.message, sizeof whole.message);
        store(err, &whole);
    }
    return code;
}

hg_status hg_fail_retryable(struct hg_error *err, hg_status code, int64_t retry_after_ms)
{
    if (err) {
        struct hg_error whole = load(err);
        whole.retryable = 1;
        whole.retry_after_ms = retry_after_ms;
        store(err, &whole);
    }
    return code;
}
