#include "json_text.h"

#include <stdlib.h>
#include <string.h>

hg_status hg_json_text_append(struct hg_json_text *text, size_t limit, const void *bytes, size_t n)
{
    if (n == 0) {
        return HG_OK;
    }
    if (n > limit - text->n) {
        return HG_ETOOBIG;
    }
    if (text->room - text->n < n) {
        size_t room = text->room + text->room / 2;
        if (room < text->n + n) {
            room = text->n + n + 64;
        }
        char *data = realloc(text->data, room);
        if (!data) {
            return HG_ENOMEM;
        }
        text->data = data;
        text->room = room;
    }
    memcpy(text->data + text->n, bytes, n);
    text->n += n;
    return HG_OK;
}

hg_status hg_json_text_append_char(struct hg_json_text *text, size_t limit, unsigned c)
{
    unsigned char bytes[4];
    size_t n;
    if (c < 0x80) {
        bytes[0] = (unsigned char)c;
        n = 1;
    } else if (c < 0x800) {
        bytes[0] = (unsigned char)(0xC0 | (c >> 6));
        bytes[1] = (unsigned char)(0x80 | (c & 0x3F));
        n = 2;
    } else if (c < 0x10000) {
        bytes[0] = (unsigned char)(0xE0 | (c >> 12));
        bytes[1] = (unsigned char)(0x80 | ((c >> 6) & 0x3F));
        bytes[2] = (unsigned char)(0x80 | (c & 0x3F));
        n = 3;
    } else {
        bytes[0] = (unsigned char)(0xF0 | (c >> 18));
        bytes[1] = (unsigned char)(0x80 | ((c >> 12) & 0x3F));
        bytes[2] = (unsigned char)(0x80 | ((c >> 6) & 0x3F));
        bytes[3] = (unsigned char)(0x80 | (c & 0x3F));
        n = 4;
    }
    return hg_json_text_append(text, limit, bytes, n);
}

static hg_status append_escaped(struct hg_json_text *text, size_t limit, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    if (c >= 0x20) {
        const char escaped[2] = {'\\', (char)c};
        return hg_json_text_append(text, limit, escaped, sizeof escaped);
    }
    const char escaped[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
    return hg_json_text_append(text, limit, escaped, sizeof escaped);
}

hg_status hg_json_text_append_quoted(struct hg_json_text *text,
                                     size_t limit,
                                     const char *bytes,
                                     size_t n)
{
    hg_status status = hg_json_text_append(text, limit, "\"", 1);
    size_t from = 0;
    for (size_t i = 0; i < n && !status; i++) {
        unsigned char c = (unsigned char)bytes[i];
        if (c != '"' && c != '\\' && c >= 0x20) {
            continue;
        }
        status = hg_json_text_append(text, limit, bytes + from, i - from);
        if (!status) {
            status = append_escaped(text, limit, c);
        }
        from = i + 1;
    }
    if (!status) {
        status = hg_json_text_append(text, limit, bytes + from, n - from);
    }
    return status ? status : hg_json_text_append(text, limit, "\"", 1);
}

bool hg_json_utf8_begin(struct hg_json_utf8 *utf8, unsigned char c)
{
    if (c < 0xC2 || c > 0xF4) {
        return false;
    }
    utf8->need = c >= 0xF0 ? 3 : c >= 0xE0 ? 2 : 1;
    utf8->low = c == 0xE0 ? 0xA0 : c == 0xF0 ? 0x90 : 0x80;
    utf8->high = c == 0xED ? 0x9F : c == 0xF4 ? 0x8F : 0xBF;
    return true;
}

bool hg_json_utf8_go_on(struct hg_json_utf8 *utf8, unsigned char c)
{
    if (c < utf8->low || c > utf8->high) {
        return false;
    }
    utf8->need--;
    utf8->low = 0x80;
    utf8->high = 0xBF;
    return true;
}
