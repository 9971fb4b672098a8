/*
 * A growing byte buffer, always NUL-terminated behind its end.
 *
 * Failure is sticky: after an allocation fails, appends do nothing and hg_buf_failed says so, so a
 * text can be put together without a test at each step.
 */
#ifndef HG_BASE_BUF_H
#define HG_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "headgate/plugin.h"

struct hg_buf {
    char *data; /* NULL while empty and never used */
    size_t len; /* bytes, without the NUL */
    size_t room;
    bool failed;
};

#define HG_BUF_INIT       \
    {                     \
        NULL, 0, 0, false \
    }

void hg_buf_free(struct hg_buf *buf);
/* Keeps the memory, drops the content and the failure. */
void hg_buf_reset(struct hg_buf *buf);
/* Room for `extra` more bytes; false when there is none. */
bool hg_buf_reserve(struct hg_buf *buf, size_t extra);
void hg_buf_append(struct hg_buf *buf, const void *bytes, size_t n);
void hg_buf_puts(struct hg_buf *buf, const char *text);
void hg_buf_putc(struct hg_buf *buf, char c);
void hg_buf_printf(struct hg_buf *buf, const char *fmt, ...) HG_PRINTF(2, 3);
void hg_buf_vprintf(struct hg_buf *buf, const char *fmt, va_list args) HG_PRINTF(2, 0);
/* Big-endian integers, as PostgreSQL's binary formats want them. */
void hg_buf_put_be16(struct hg_buf *buf, uint16_t v);
void hg_buf_put_be32(struct hg_buf *buf, uint32_t v);
void hg_buf_put_be64(struct hg_buf *buf, uint64_t v);
static inline bool hg_buf_failed(const struct hg_buf *buf)
{
    return buf->failed;
}
/* The text, "" when empty; borrowed until the next append. */
const char *hg_buf_text(const struct hg_buf *buf);
/* Hands the memory out (owned by the caller, free) and leaves the buffer empty; NULL after failure.
 */
char *hg_buf_take(struct hg_buf *buf);

#endif
