#include "config/yaml_fill.h"

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "config/fill.h"
#include "config/yaml_scalar.h"

struct fill {
    struct hg_yaml *yaml;
    const char *folder;
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

static int fill_text(struct fill *fill, struct hg_yaml_node *node)
{
    if (!node->text || !strstr(node->text, "${") || node->filled || node->kept) {
        return HG_OK;
    }
    fill->node = node;
    node->filled = true;
    node->reference = hg_fill_is_reference(node->text);
    HG_CLEANUP(hg_buf_free) struct hg_buf filled = HG_BUF_INIT;
    struct hg_error err = HG_ERROR_INIT;
    int r = hg_fill_text(node->text, fill->folder, &filled, &err);
    if (r == HG_EINVAL) {
        complain(fill, err.hint, "%s", err.message);
        return HG_OK;
    }
    if (r < 0) {
        return r;
    }
    const char *text = hg_arena_strdup(&fill->yaml->arena, hg_buf_text(&filled));
    if (!text) {
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
    HG_CLEANUP(hg_freep) char *folder = hg_path_folder(yaml->file);
    struct fill fill = {yaml, folder, NULL, diagnostics};
    size_t before = hg_diagnostics_count(diagnostics);
    if (!folder) {
        return hg_error_nomem(err);
    }
    if (node && fill_node(&fill, node) < 0) {
        return hg_error_nomem(err);
    }
    if (hg_diagnostics_count(diagnostics) > before) {
        return hg_error_set(err, HG_EINVAL, "\"%s\" names what can't be filled in", yaml->file);
    }
    return HG_OK;
}
