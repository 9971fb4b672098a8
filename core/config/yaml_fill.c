#include "config/yaml_fill.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "config/yaml_scalar.h"

enum { FILE_MAX_BYTES = 65536, NAME_MAX_BYTES = 256 };

struct fill {
    struct hg_yaml *yaml;
    struct hg_yaml_node *node; /* the text at hand */
    struct hg_diagnostics *diagnostics;
};

static void complain(const struct fill *fill, const char *hint, const char *fmt, ...)
    HG_PRINTF(3, 4);
static void complain(const struct fill *fill, const char *hint, const char *fmt, ...)
{
    fill->node->broken = true;
    va_list args;
    va_start(args, fmt);
    hg_diagnostics_vadd(
        fill->diagnostics, fill->yaml->file, fill->node->line, fill->node->column, hint, fmt, args);
    va_end(args);
}

static void put_file(const struct fill *fill, const char *path, struct hg_buf *to)
{
    HG_CLEANUP(hg_freep) char *folder = hg_path_folder(fill->yaml->file);
    HG_CLEANUP(hg_freep) char *whole = folder ? hg_path_join(folder, path) : NULL;
    HG_CLEANUP(hg_freep) char *text = NULL;
    size_t n = 0;
    struct hg_error err = HG_ERROR_INIT;
    if (!whole) {
        to->failed = true;
        return;
    }
    if (hg_read_file(whole, FILE_MAX_BYTES, &text, &n, &err) < 0) {
        complain(
            fill, "Make the file, readable for the host.", "${file:%s}: %s", path, err.message);
        return;
    }
    while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r')) {
        n--;
    }
    if (memchr(text, '\0', n) || hg_utf8_valid(text, n) < n) {
        complain(fill, NULL, "${file:%s} holds something that is no UTF-8 text", path);
        return;
    }
    hg_buf_append(to, text, n);
}

static bool is_name(const char *text)
{
    size_t n = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");
    return n > 0 && text[n] == '\0' && !isdigit((unsigned char)text[0]);
}

static void put_reference(const struct fill *fill, const char *name, struct hg_buf *to)
{
    if (hg_starts_with(name, "file:")) {
        put_file(fill, name + 5, to);
        return;
    }
    if (!is_name(name)) {
        complain(fill,
                 "Write $${ for a text that holds ${ itself.",
                 "found ${%s}, expected ${NAME} or ${file:PATH}",
                 name);
        return;
    }
    const char *value = getenv(name);
    if (!value) {
        complain(fill,
                 "Set it in the host's environment.",
                 "the environment variable %s is not set",
                 name);
    } else if (hg_utf8_valid(value, strlen(value)) < strlen(value)) {
        complain(fill, NULL, "the environment variable %s is no UTF-8 text", name);
    } else {
        hg_buf_puts(to, value);
    }
}

/* Appends what `text`, which begins with "${", stands for; returns what is behind it. */
static const char *put_filled(const struct fill *fill, const char *text, struct hg_buf *to)
{
    const char *end = strchr(text, '}');
    size_t n = end ? (size_t)(end - text) - 2 : 0;
    if (!end || n >= NAME_MAX_BYTES) {
        complain(fill,
                 "Write $${ for a text that holds ${ itself.",
                 "found \"${\" without a \"}\" soon behind it");
        return text + strlen(text);
    }
    char name[NAME_MAX_BYTES];
    memcpy(name, text + 2, n);
    name[n] = '\0';
    put_reference(fill, name, to);
    return end + 1;
}

static int fill_text(struct fill *fill, struct hg_yaml_node *node)
{
    if (!node->text || !strstr(node->text, "${") || node->filled) {
        return HG_OK;
    }
    fill->node = node;
    node->filled = true;
    HG_CLEANUP(hg_buf_free) struct hg_buf filled = HG_BUF_INIT;
    for (const char *at = node->text; *at;) {
        if (hg_starts_with(at, "$${")) {
            hg_buf_puts(&filled, "${");
            at += 3;
        } else if (hg_starts_with(at, "${")) {
            at = put_filled(fill, at, &filled);
        } else {
            hg_buf_putc(&filled, *at++);
        }
    }
    const char *text = hg_arena_strdup(&fill->yaml->arena, hg_buf_text(&filled));
    if (hg_buf_failed(&filled) || !text) {
        return HG_ENOMEM;
    }
    node->text = text;
    if (!hg_yaml_resolve(node)) {
        complain(fill, "Quote it to keep it as a text.", "filled in, this is no number of 64 bits");
    }
    return HG_OK;
}

static int fill_node(struct fill *fill, struct hg_yaml_node *node)
{
    int r = HG_OK;
    for (size_t i = 0; r == HG_OK && node->type == HG_YAML_LIST && i < node->n; i++) {
        r = fill_node(fill, node->items[i]);
    }
    for (size_t i = 0; r == HG_OK && node->type == HG_YAML_MAP && i < node->n; i++) {
        r = fill_node(fill, node->pairs[i].value);
    }
    return r == HG_OK && node->type == HG_YAML_TEXT ? fill_text(fill, node) : r;
}

int hg_yaml_fill(struct hg_yaml *yaml,
                 struct hg_yaml_node *node,
                 struct hg_diagnostics *diagnostics,
                 struct hg_error *err)
{
    struct fill fill = {yaml, NULL, diagnostics};
    size_t before = hg_diagnostics_count(diagnostics);
    if (node && fill_node(&fill, node) < 0) {
        return hg_error_nomem(err);
    }
    if (hg_diagnostics_count(diagnostics) > before) {
        return hg_error_set(err, HG_EINVAL, "\"%s\" names what can't be filled in", yaml->file);
    }
    return HG_OK;
}
