#include "config/yaml_json.h"

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/str.h"

static json_t *list_to_json(const struct hg_yaml_node *node)
{
    HG_CLEANUP(hg_json_decrefp) json_t *list = json_array();
    for (size_t i = 0; list && i < node->n; i++) {
        if (json_array_append_new(list, hg_yaml_to_json(node->items[i])) < 0) {
            return NULL;
        }
    }
    return HG_TAKE(list);
}

static json_t *map_to_json(const struct hg_yaml_node *node)
{
    HG_CLEANUP(hg_json_decrefp) json_t *map = json_object();
    for (size_t i = 0; map && i < node->n; i++) {
        json_t *value = hg_yaml_to_json(node->pairs[i].value);
        if (json_object_set_new(map, node->pairs[i].key, value) < 0) {
            return NULL;
        }
    }
    return HG_TAKE(map);
}

json_t *hg_yaml_to_json(const struct hg_yaml_node *node)
{
    if (!node) {
        return json_null();
    }
    switch (node->type) {
    case HG_YAML_NULL:
        return json_null();
    case HG_YAML_BOOL:
        return json_boolean(node->boolean);
    case HG_YAML_INT:
        return json_integer(node->integer);
    case HG_YAML_REAL:
        return json_real(node->real);
    case HG_YAML_TEXT:
        return json_string(node->text);
    case HG_YAML_LIST:
        return list_to_json(node);
    case HG_YAML_MAP:
        return map_to_json(node);
    }
    return NULL;
}

/* Whether a key is what a step of a pointer (n bytes, with ~0 and ~1) names. */
static bool step_is(const char *step, size_t n, const char *key)
{
    HG_CLEANUP(hg_buf_free) struct hg_buf escaped = HG_BUF_INIT;
    hg_pointer_escape(&escaped, key);
    return !hg_buf_failed(&escaped) && escaped.len == n &&
           (n == 0 || memcmp(escaped.data, step, n) == 0);
}

static const struct hg_yaml_pair *pair_of_step(const struct hg_yaml_node *map,
                                               const char *step,
                                               size_t n)
{
    for (size_t i = 0; i < map->n; i++) {
        if (step_is(step, n, map->pairs[i].key)) {
            return &map->pairs[i];
        }
    }
    return NULL;
}

static const struct hg_yaml_node *item_of_step(const struct hg_yaml_node *list,
                                               const char *step,
                                               size_t n)
{
    char number[24] = "";
    int64_t index;
    if (n >= sizeof number) {
        return NULL;
    }
    memcpy(number, step, n);
    if (hg_parse_int64(number, 0, INT32_MAX, &index, NULL) < 0 || (size_t)index >= list->n) {
        return NULL;
    }
    return list->items[index];
}

struct hg_yaml_place hg_yaml_find(const struct hg_yaml_node *root, const char *pointer, bool at_key)
{
    struct hg_yaml_place key = {0, 0};
    const struct hg_yaml_node *node = root;
    while (node && *pointer == '/') {
        pointer++;
        size_t n = strcspn(pointer, "/");
        const struct hg_yaml_node *below = NULL;
        if (node->type == HG_YAML_MAP) {
            const struct hg_yaml_pair *pair = pair_of_step(node, pointer, n);
            below = pair ? pair->value : NULL;
            key = pair ? (struct hg_yaml_place){pair->key_line, pair->key_column} : key;
        } else if (node->type == HG_YAML_LIST) {
            below = item_of_step(node, pointer, n);
            key = (struct hg_yaml_place){0, 0};
        }
        if (!below) {
            break;
        }
        node = below;
        pointer += n;
    }
    if (at_key && key.line > 0) {
        return key;
    }
    return node ? (struct hg_yaml_place){node->line, node->column} : key;
}

const struct hg_yaml_node *hg_yaml_at(const struct hg_yaml_node *root, const char *pointer)
{
    const struct hg_yaml_node *node = root;
    while (node && *pointer == '/') {
        pointer++;
        size_t n = strcspn(pointer, "/");
        if (node->type == HG_YAML_MAP) {
            const struct hg_yaml_pair *pair = pair_of_step(node, pointer, n);
            node = pair ? pair->value : NULL;
        } else {
            node = node->type == HG_YAML_LIST ? item_of_step(node, pointer, n) : NULL;
        }
        pointer += n;
    }
    return node;
}

void hg_yaml_report_violation(void *arg, const char *pointer, const char *detail, const char *hint)
{
    const struct hg_yaml_violations *to = arg;
    struct hg_yaml_place at =
        hg_yaml_find(to->root, pointer, hg_starts_with(detail, "unknown key"));
    const struct hg_yaml_node *node = hg_yaml_at(to->root, pointer);
    if (node && node->broken) {
        return;
    }
    const char *expected = strstr(detail, ", expected");
    bool may_be_secret = node && node->filled && expected;
    hg_diagnostics_add(to->diagnostics,
                       to->file,
                       at.line,
                       at.column,
                       hint,
                       "%s%s%s",
                       to->what ? to->what : "",
                       may_be_secret ? "found what was filled in" : "",
                       may_be_secret ? expected : detail);
}
