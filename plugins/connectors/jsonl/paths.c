#include "paths.h"

#include <stdlib.h>
#include <string.h>

#include "headgate/error.h"
#include "headgate/text.h"

struct jsonl_node *jsonl_paths_find(const struct jsonl_node *node, const char *key, size_t n)
{
    for (size_t i = 0; i < node->n_children; i++) {
        struct jsonl_node *child = &node->children[i];
        if (child->key_n == n && memcmp(child->key, key, n) == 0) {
            return child;
        }
    }
    return NULL;
}

/* The child of that key, made where there is none. `key` is owned by the callee. */
static struct jsonl_node *child_of(struct jsonl_node *node, char *key)
{
    struct jsonl_node *found = jsonl_paths_find(node, key, strlen(key));
    if (found) {
        free(key);
        return found;
    }
    struct jsonl_node *children =
        realloc(node->children, (node->n_children + 1) * sizeof *children);
    if (!children) {
        free(key);
        return NULL;
    }
    node->children = children;
    found = &children[node->n_children++];
    *found = (struct jsonl_node){.key = key, .key_n = strlen(key)};
    return found;
}

/* "~1" is a slash and "~0" a tilde. False for any other use of a tilde. */
static bool unescape(char *key)
{
    char *out = key;
    for (const char *p = key; *p; p++) {
        bool escaped = *p == '~';
        if (escaped && p[1] != '0' && p[1] != '1') {
            return false;
        }
        p += escaped;
        *out++ = !escaped ? *p : *p == '0' ? '~' : '/';
    }
    *out = '\0';
    return true;
}

static hg_status wrong_path(const struct src_column *column, const char *why, struct hg_error *err)
{
    hg_fail(err, HG_EINVAL, "column \"%s\": %s", column->name, why);
    hg_fail_hint(err, HG_EINVAL, "A path is /a/b/0 (JSON pointer) or a.b.0.");
    return hg_fail_pointer(err, HG_EINVAL, "/columns/%s/path", column->name);
}

static hg_status walk(struct jsonl_node **node,
                      const struct src_column *column,
                      const char *path,
                      struct hg_error *err)
{
    bool pointer = path[0] == '/';
    const char *separator = pointer ? "/" : ".";
    const char *p = path + pointer;
    for (int depth = 0;; depth++) {
        size_t n = strcspn(p, separator);
        char *key = hg_text_copy(p, n);
        if (!key) {
            return hg_fail_nomem(err);
        }
        const char *why = depth >= JSONL_DEPTH_MAX    ? "the path has more than 32 parts"
                          : pointer && !unescape(key) ? "a ~ that is neither ~0 nor ~1"
                          : !pointer && n == 0        ? "a part of the path is empty"
                                                      : NULL;
        if (why) {
            free(key);
            return wrong_path(column, why, err);
        }
        *node = child_of(*node, key);
        if (!*node) {
            return hg_fail_nomem(err);
        }
        if (!p[n]) {
            return HG_OK;
        }
        p += n + 1;
    }
}

hg_status jsonl_paths_add(struct jsonl_node *root,
                          size_t column,
                          const struct src_column *what,
                          struct hg_error *err)
{
    struct jsonl_node *node = root;
    hg_status status = HG_OK;
    if (!what->has_path) {
        char *key = strdup(what->name);
        node = key ? child_of(root, key) : NULL;
        status = node ? HG_OK : hg_fail_nomem(err);
    } else if (what->source[0]) {
        status = walk(&node, what, what->source, err);
    }
    if (status) {
        return status;
    }
    size_t *columns = realloc(node->columns, (node->n_columns + 1) * sizeof *columns);
    if (!columns) {
        return hg_fail_nomem(err);
    }
    node->columns = columns;
    columns[node->n_columns++] = column;
    return HG_OK;
}

void jsonl_paths_done(struct jsonl_node *node)
{
    for (size_t i = 0; i < node->n_children; i++) {
        jsonl_paths_done(&node->children[i]);
    }
    free(node->children);
    free(node->columns);
    free(node->key);
    *node = (struct jsonl_node){0};
}
