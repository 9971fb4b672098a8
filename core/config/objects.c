#include "config/objects.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/secret.h"
#include "base/str.h"
#include "config/yaml_json.h"

enum { MEMBERS_MAX = 16 };

static void complain(struct hg_diagnostics *diagnostics,
                     const char *file,
                     const struct hg_yaml_node *node,
                     const char *hint,
                     const char *fmt,
                     ...) HG_PRINTF(5, 6);
static void complain(struct hg_diagnostics *diagnostics,
                     const char *file,
                     const struct hg_yaml_node *node,
                     const char *hint,
                     const char *fmt,
                     ...)
{
    va_list args;
    va_start(args, fmt);
    hg_diagnostics_vadd(diagnostics, file, node->line, node->column, hint, fmt, args);
    va_end(args);
}

/* ---- collecting ---- */

static int add_one(struct hg_objects *objects,
                   const char *file,
                   const char *label,
                   const struct hg_yaml_node *node,
                   const char *what,
                   struct hg_diagnostics *diagnostics)
{
    if (node->type != HG_YAML_MAP) {
        complain(diagnostics,
                 file,
                 node,
                 "docs/configuration.md, \"Objects in files\", has examples.",
                 "%s: found no map, expected one such as {name: value}",
                 what);
        return HG_OK;
    }
    if (hg_grow(&objects->items, objects->n, &objects->room, sizeof *objects->items) < 0) {
        return HG_ENOMEM;
    }
    objects->items[objects->n++] = (struct hg_object){file, label, node};
    return HG_OK;
}

int hg_objects_add(struct hg_objects *objects,
                   const char *file,
                   const char *label,
                   const struct hg_yaml_node *node,
                   const char *what,
                   struct hg_diagnostics *diagnostics)
{
    if (node->type != HG_YAML_LIST) {
        return add_one(objects, file, label, node, what, diagnostics);
    }
    int r = HG_OK;
    for (size_t i = 0; r == HG_OK && i < node->n; i++) {
        r = add_one(objects, file, label, node->items[i], what, diagnostics);
    }
    return r;
}

void hg_objects_free(struct hg_objects *objects)
{
    free(objects->items);
    *objects = (struct hg_objects){NULL, 0, 0};
}

/* ---- members ---- */

static const struct hg_object_member *find_member(const struct hg_object_member *members,
                                                  const char *name)
{
    while (members->name && strcmp(members->name, name) != 0) {
        members++;
    }
    return members->name ? members : NULL;
}

static void complain_of_key(const struct hg_object *object,
                            const struct hg_object_member *members,
                            const struct hg_yaml_pair *pair,
                            struct hg_diagnostics *diagnostics)
{
    const char *names[MEMBERS_MAX + 1] = {NULL};
    char hint[128] = "";
    for (size_t i = 0; i < MEMBERS_MAX && members[i].name; i++) {
        names[i] = members[i].name;
    }
    const char *nearest = hg_nearest(pair->key, names);
    if (nearest) {
        (void)snprintf(hint, sizeof hint, "Did you mean \"%s\"?", nearest);
    }
    hg_diagnostics_add(diagnostics,
                       object->file,
                       pair->key_line,
                       pair->key_column,
                       hint,
                       "unknown key \"%s\"",
                       pair->key);
}

/*
 * A text, also one that looked like a number or like null when it was filled in: what a secret is
 * made of is chance.
 */
static const char *text_of(const struct hg_yaml_node *node)
{
    bool is_text = node->type == HG_YAML_TEXT ||
                   (node->filled && node->type != HG_YAML_LIST && node->type != HG_YAML_MAP);
    return is_text && node->text && node->text[0] ? node->text : NULL;
}

static bool set_text(const struct hg_yaml_node *node, void *field)
{
    const char *text = text_of(node);
    *(const char **)field = text;
    return text != NULL;
}

static bool set_secret(const struct hg_yaml_node *node, void *field)
{
    return node->reference && set_text(node, field);
}

static bool set_list(const struct hg_yaml_node *node, void *field)
{
    if (node->type != HG_YAML_LIST) {
        return false;
    }
    json_t **list = field;
    json_decref(*list);
    *list = hg_yaml_to_json(node);
    return true;
}

static bool set_flag(const struct hg_yaml_node *node, void *field)
{
    *(bool *)field = node->boolean;
    return node->type == HG_YAML_BOOL;
}

static const struct {
    bool (*set)(const struct hg_yaml_node *node, void *field);
    const char *expected;
    const char *hint;
} types[] = {
    [HG_OBJECT_TEXT] = {set_text, "a text that is not empty", NULL},
    [HG_OBJECT_SECRET] = {set_secret,
                          "${NAME} or ${file:PATH} of what is not empty",
                          "Secrets do not stand in these files: name the environment variable or "
                          "the file that holds it."},
    [HG_OBJECT_LIST] = {set_list, "a list", NULL},
    [HG_OBJECT_FLAG] = {set_flag, "true or false", NULL},
};

/* A value whose reference could not be filled in has been complained of. */
static void read_member(const struct hg_object *object,
                        const struct hg_object_member *member,
                        const struct hg_yaml_node *value,
                        void *ret,
                        struct hg_diagnostics *diagnostics)
{
    if (!value->broken && !types[member->type].set(value, (char *)ret + member->offset)) {
        complain(diagnostics,
                 object->file,
                 value,
                 types[member->type].hint,
                 "%s: found something else, expected %s",
                 member->name,
                 types[member->type].expected);
    }
}

int hg_object_read(const struct hg_object *object,
                   const struct hg_object_member *members,
                   void *ret,
                   struct hg_diagnostics *diagnostics,
                   struct hg_error *err)
{
    const struct hg_yaml_node *map = object->node;
    size_t before = hg_diagnostics_count(diagnostics);
    bool is_broken = false;
    for (size_t i = 0; i < map->n; i++) {
        const struct hg_object_member *member = find_member(members, map->pairs[i].key);
        is_broken |= map->pairs[i].value->broken;
        if (member) {
            read_member(object, member, map->pairs[i].value, ret, diagnostics);
        } else {
            complain_of_key(object, members, &map->pairs[i], diagnostics);
        }
    }
    for (const struct hg_object_member *member = members; member->name; member++) {
        if (member->is_needed && !hg_yaml_get(map, member->name)) {
            complain(
                diagnostics, object->file, map, NULL, "the key \"%s\" is missing", member->name);
        }
    }
    if (is_broken || hg_diagnostics_count(diagnostics) > before) {
        return hg_error_set(err, HG_EINVAL, "an object of \"%s\" is wrong", object->file);
    }
    return HG_OK;
}

void hg_object_complain(const struct hg_object *object,
                        const struct hg_error *why,
                        struct hg_diagnostics *diagnostics)
{
    struct hg_yaml_place at = hg_yaml_find(object->node, why->pointer, false);
    hg_diagnostics_add(
        diagnostics, object->file, at.line, at.column, why->hint, "%s", why->message);
}

/* ---- the trees ---- */

int hg_object_trees_add(struct hg_object_trees *trees, struct hg_yaml *yaml)
{
    if (hg_grow(&trees->items, trees->n, &trees->room, sizeof(struct hg_yaml *)) < 0) {
        hg_yaml_free(yaml);
        return HG_ENOMEM;
    }
    trees->items[trees->n++] = yaml;
    return HG_OK;
}

/* Texts lie in the tree's own memory; an alias's is wiped once for each place. */
static void wipe(struct hg_yaml_node *node)
{
    if (node->filled && node->text) {
        hg_secret_wipe((char *)(uintptr_t)node->text, strlen(node->text));
    }
    for (size_t i = 0; node->type == HG_YAML_LIST && i < node->n; i++) {
        wipe(node->items[i]);
    }
    for (size_t i = 0; node->type == HG_YAML_MAP && i < node->n; i++) {
        wipe(node->pairs[i].value);
    }
}

void hg_object_trees_free(struct hg_object_trees *trees)
{
    for (size_t i = 0; i < trees->n; i++) {
        if (trees->items[i]->root) {
            wipe(trees->items[i]->root);
        }
        hg_yaml_free(trees->items[i]);
    }
    free(trees->items);
    *trees = (struct hg_object_trees){NULL, 0, 0};
}
