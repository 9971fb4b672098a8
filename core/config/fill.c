#include "config/fill.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"

enum { FILE_MAX_BYTES = 65536, NAME_MAX_BYTES = 256 };

static int put_file(const char *path, const char *folder, struct hg_buf *to, struct hg_error *err)
{
    HG_CLEANUP(hg_freep) char *whole = hg_path_join(folder, path);
    HG_CLEANUP(hg_freep) char *text = NULL;
    size_t n = 0;
    struct hg_error why = HG_ERROR_INIT;
    if (!whole) {
        return hg_error_nomem(err);
    }
    if (hg_read_file(whole, FILE_MAX_BYTES, &text, &n, &why) < 0) {
        (void)hg_error_set(err, HG_EINVAL, "${file:%s}: %s", path, why.message);
        (void)hg_error_hint(err, "Make the file, readable for the host.");
        return HG_EINVAL;
    }
    while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r')) {
        n--;
    }
    if (memchr(text, '\0', n) || hg_utf8_valid(text, n) < n) {
        return hg_error_set(
            err, HG_EINVAL, "${file:%s} holds something that is no UTF-8 text", path);
    }
    hg_buf_append(to, text, n);
    return HG_OK;
}

static bool is_name(const char *text)
{
    size_t n = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");
    return n > 0 && text[n] == '\0' && !isdigit((unsigned char)text[0]);
}

static int put_variable(const char *name, struct hg_buf *to, struct hg_error *err)
{
    if (!is_name(name)) {
        (void)hg_error_set(err, HG_EINVAL, "found ${%s}, expected ${NAME} or ${file:PATH}", name);
        (void)hg_error_hint(err, "Write $${ for a text that holds ${ itself.");
        return HG_EINVAL;
    }
    const char *value = getenv(name);
    if (!value) {
        (void)hg_error_set(err, HG_EINVAL, "the environment variable %s is not set", name);
        (void)hg_error_hint(err, "Set it in the host's environment.");
        return HG_EINVAL;
    }
    if (hg_utf8_valid(value, strlen(value)) < strlen(value)) {
        return hg_error_set(err, HG_EINVAL, "the environment variable %s is no UTF-8 text", name);
    }
    hg_buf_puts(to, value);
    return HG_OK;
}

/* Appends what *at, which begins with "${", stands for; *at moves behind it. */
static int put_reference(const char **at,
                         const char *folder,
                         struct hg_buf *to,
                         struct hg_error *err)
{
    const char *end = strchr(*at, '}');
    size_t n = end ? (size_t)(end - *at) - 2 : 0;
    if (!end || n >= NAME_MAX_BYTES) {
        (void)hg_error_set(err, HG_EINVAL, "found \"${\" without a \"}\" soon behind it");
        (void)hg_error_hint(err, "Write $${ for a text that holds ${ itself.");
        return HG_EINVAL;
    }
    char name[NAME_MAX_BYTES];
    memcpy(name, *at + 2, n);
    name[n] = '\0';
    *at = end + 1;
    return hg_starts_with(name, "file:") ? put_file(name + 5, folder, to, err)
                                         : put_variable(name, to, err);
}

bool hg_fill_has_reference(const char *text)
{
    for (; *text; text++) {
        if (hg_starts_with(text, "$${")) {
            text += 2;
        } else if (hg_starts_with(text, "${")) {
            return true;
        }
    }
    return false;
}

bool hg_fill_is_reference(const char *text)
{
    const char *end = hg_starts_with(text, "${") ? strchr(text, '}') : NULL;
    return end && end[1] == '\0';
}

int hg_fill_text(const char *text, const char *folder, struct hg_buf *to, struct hg_error *err)
{
    int r = HG_OK;
    for (const char *at = text; r == HG_OK && *at;) {
        if (hg_starts_with(at, "$${")) {
            hg_buf_puts(to, "${");
            at += 3;
        } else if (hg_starts_with(at, "${")) {
            r = put_reference(&at, folder, to, err);
        } else {
            hg_buf_putc(to, *at++);
        }
    }
    return r == HG_OK && hg_buf_failed(to) ? hg_error_nomem(err) : r;
}
