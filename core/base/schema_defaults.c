#include "base/schema_defaults.h"

#include "base/mem.h"
#include "base/schema.h"

enum { DEPTH_MAX = 256, STEPS_MAX = 200000 };

struct run {
    const json_t *root;
    int depth;
    int steps_left;
};

static int apply(struct run *run, const json_t *schema, json_t *value);

static int to_properties(struct run *run, const json_t *properties, json_t *value)
{
    const char *key;
    json_t *below;
    json_object_foreach ((json_t *)(uintptr_t)properties, key, below) {
        const json_t *given = json_object_get(below, "default");
        if (given && !json_object_get(value, key) &&
            json_object_set_new(value, key, json_deep_copy(given)) < 0) {
            return HG_ENOMEM;
        }
        json_t *item = json_object_get(value, key);
        int r = item ? apply(run, below, item) : HG_OK;
        if (r < 0) {
            return r;
        }
    }
    return HG_OK;
}

static int to_items(struct run *run, const json_t *items, json_t *value)
{
    size_t i;
    json_t *item;
    json_array_foreach (value, i, item) {
        int r = apply(run, items, item);
        if (r < 0) {
            return r;
        }
    }
    return HG_OK;
}

static int from_all(struct run *run, const json_t *list, json_t *value)
{
    size_t i;
    json_t *item;
    json_array_foreach (list, i, item) {
        int r = apply(run, item, value);
        if (r < 0) {
            return r;
        }
    }
    return HG_OK;
}

/* Of several forms, only the one that the value has may add to it. */
static int from_forms(struct run *run, const json_t *forms, json_t *value)
{
    size_t i;
    json_t *form;
    json_array_foreach (forms, i, form) {
        int r = hg_schema_validate_part(run->root, form, value, NULL, NULL);
        if (r == 0) {
            return apply(run, form, value);
        }
        if (r == HG_ENOMEM) {
            return r;
        }
    }
    return HG_OK;
}

static int apply_keywords(struct run *run, const json_t *schema, json_t *value)
{
    const char *ref = json_string_value(json_object_get(schema, "$ref"));
    int r = ref ? apply(run, hg_schema_resolve(run->root, ref), value) : HG_OK;
    if (r == HG_OK && json_is_object(value)) {
        r = to_properties(run, json_object_get(schema, "properties"), value);
    }
    if (r == HG_OK && json_is_array(value)) {
        r = to_items(run, json_object_get(schema, "items"), value);
    }
    r = r < 0 ? r : from_all(run, json_object_get(schema, "allOf"), value);
    r = r < 0 ? r : from_forms(run, json_object_get(schema, "anyOf"), value);
    return r < 0 ? r : from_forms(run, json_object_get(schema, "oneOf"), value);
}

static int apply(struct run *run, const json_t *schema, json_t *value)
{
    if (!json_is_object(schema)) {
        return HG_OK;
    }
    if (run->depth >= DEPTH_MAX || --run->steps_left < 0) {
        return HG_ETOOBIG;
    }
    run->depth++;
    int r = apply_keywords(run, schema, value);
    run->depth--;
    return r;
}

int hg_schema_apply_defaults(const json_t *schema, json_t *value)
{
    struct run run = {schema, 0, STEPS_MAX};
    return apply(&run, schema, value);
}
