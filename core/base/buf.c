#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void hg_buf_free(struct hg_buf *buf)
{
    free(buf->data);
    *buf = (struct hg_buf)HG_BUF_INIT;
}

void hg_buf_reset(struct hg_buf *buf)
{
    buf->len = 0;
    buf->failed = false;
    if (buf->data) {
        buf->data[0] = '\0';
    }
}

bool hg_buf_reserve(struct hg_buf *buf, size_t extra)
{
    if (buf->failed) {
        return false;
    }
    if (extra < buf->room - buf->len) {
        return true;
    }
    size_t need = buf->len + extra + 1;
    size_t room = buf->room + buf->room / 2;
    room = room < need ? need : room;
    room = room < 64 ? 64 : room;
    char *data = need > extra ? realloc(buf->data, room) : NULL;
    if (!data) {
        buf->failed = true;
        return false;
    }
    data[buf->len] = '\0';
    buf->data = data;
    buf->room = room;
    return true;
}

void hg_buf_append(struct hg_buf *buf, const void *bytes, size_t n)
{
    if (n > 0 && hg_buf_reserve(buf, n)) {
        memcpy(buf->data + buf->len, bytes, n);
        buf->len += n;
        buf->data[buf->len] = '\0';
    }
}

void hg_buf_puts(struct hg_buf *buf, const char *text)
{
    hg_buf_append(buf, text, strlen(text));
}

void hg_buf_putc(struct hg_buf *buf, char c)
{
    hg_buf_append(buf, &c, 1);
}

void hg_buf_vprintf(struct hg_buf *buf, const char *fmt, va_list args)
{
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    if (n < 0) {
        buf->failed = true;
    } else if (hg_buf_reserve(buf, (size_t)n)) {
        (void)vsnprintf(buf->data + buf->len, (size_t)n + 1, fmt, again);
        buf->len += (size_t)n;
    }
    va_end(again);
}

void hg_buf_printf(struct hg_buf *buf, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    hg_buf_vprintf(buf, fmt, args);
    va_end(args);
}

void hg_buf_put_be16(struct hg_buf *buf, uint16_t v)
{
    uint16_t be = __builtin_bswap16(v);
    hg_buf_append(buf, &be, sizeof be);
}

void hg_buf_put_be32(struct hg_buf *buf, uint32_t v)
{
    uint32_t be = __builtin_bswap32(v);
    hg_buf_append(buf, &be, sizeof be);
}

void hg_buf_put_be64(struct hg_buf *buf, uint64_t v)
{
    uint64_t be = __builtin_bswap64(v);
    hg_buf_append(buf, &be, sizeof be);
}

const char *hg_buf_text(const struct hg_buf *buf)
{
    return buf->data ? buf->data : "";
}

char *hg_buf_take(struct hg_buf *buf)
{
    if (!hg_buf_reserve(buf, 0)) {
        hg_buf_free(buf);
        return NULL;
    }
    char *data = buf->data;
    *buf = (struct hg_buf)HG_BUF_INIT;
    return data;
}
