#include "base/schema_nested.h"

#include <string.h>

#include "base/mem.h"
#include "base/schema_pattern.h"
#include "base/schema_value.h"
#include "base/str.h"

/* Lists -------------------------------------------------------------------------------------- */

void hg_schema_on_min_items(struct hg_schema_run *run,
                            const json_t *schema,
                            const json_t *limit,
                            const json_t *value)
{
    (void)schema;
    if (json_is_array(value) && (long long)json_array_size(value) < hg_json_count(limit)) {
        hg_schema_run_expected(run,
                               value,
                               "at least %lld items, not %zu",
                               hg_json_count(limit),
                               json_array_size(value));
    }
}

void hg_schema_on_max_items(struct hg_schema_run *run,
                            const json_t *schema,
                            const json_t *limit,
                            const json_t *value)
{
    (void)schema;
    if (json_is_array(value) && (long long)json_array_size(value) > hg_json_count(limit)) {
        hg_schema_run_expected(run,
                               value,
                               "at most %lld items, not %zu",
                               hg_json_count(limit),
                               json_array_size(value));
    }
}

void hg_schema_on_unique_items(struct hg_schema_run *run,
                               const json_t *schema,
                               const json_t *wanted,
                               const json_t *value)
{
    (void)schema;
    if (!json_is_true(wanted) || !json_is_array(value)) {
        return;
    }
    size_t n = json_array_size(value);
    for (size_t i = 1; i < n && run->steps_left > 0; i++) {
        for (size_t k = 0; k < i; k++) {
            if (hg_json_same(
                    json_array_get(value, i), json_array_get(value, k), &run->steps_left)) {
                hg_schema_run_expected(
                    run, value, "different items: items %zu and %zu are equal", k, i);
                return;
            }
        }
    }
}

void hg_schema_on_prefix_items(struct hg_schema_run *run,
                               const json_t *schema,
                               const json_t *list,
                               const json_t *value)
{
    (void)schema;
    size_t i;
    json_t *item;
    json_array_foreach (list, i, item) {
        if (i < json_array_size(value)) {
            hg_schema_run_index(run, item, i, json_array_get(value, i));
        }
    }
}

void hg_schema_on_items(struct hg_schema_run *run,
                        const json_t *schema,
                        const json_t *items,
                        const json_t *value)
{
    size_t first = json_array_size(json_object_get(schema, "prefixItems"));
    for (size_t i = first; i < json_array_size(value); i++) {
        hg_schema_run_index(run, items, i, json_array_get(value, i));
    }
}

/* Objects ------------------------------------------------------------------------------------ */

void hg_schema_on_min_properties(struct hg_schema_run *run,
                                 const json_t *schema,
                                 const json_t *limit,
                                 const json_t *value)
{
    (void)schema;
    if (json_is_object(value) && (long long)json_object_size(value) < hg_json_count(limit)) {
        hg_schema_run_expected(run, value, "at least %lld keys", hg_json_count(limit));
    }
}

void hg_schema_on_max_properties(struct hg_schema_run *run,
                                 const json_t *schema,
                                 const json_t *limit,
                                 const json_t *value)
{
    (void)schema;
    if (json_is_object(value) && (long long)json_object_size(value) > hg_json_count(limit)) {
        hg_schema_run_expected(run, value, "at most %lld keys", hg_json_count(limit));
    }
}

void hg_schema_on_required(struct hg_schema_run *run,
                           const json_t *schema,
                           const json_t *names,
                           const json_t *value)
{
    (void)schema;
    if (!json_is_object(value)) {
        return;
    }
    size_t i;
    json_t *name;
    json_array_foreach (names, i, name) {
        if (!json_object_get(value, json_string_value(name))) {
            struct hg_buf detail = HG_BUF_INIT;
            hg_buf_printf(&detail, "the key \"%s\" is missing", json_string_value(name));
            hg_schema_run_report(run, "", &detail);
        }
    }
}

void hg_schema_on_properties(struct hg_schema_run *run,
                             const json_t *schema,
                             const json_t *properties,
                             const json_t *value)
{
    (void)schema;
    if (!json_is_object(value)) {
        return;
    }
    const char *key;
    json_t *item;
    json_object_foreach ((json_t *)(uintptr_t)value, key, item) {
        const json_t *below = json_object_get(properties, key);
        if (below) {
            hg_schema_run_key(run, below, key, item);
        }
    }
}

void hg_schema_on_pattern_properties(struct hg_schema_run *run,
                                     const json_t *schema,
                                     const json_t *patterns,
                                     const json_t *value)
{
    (void)schema;
    if (!json_is_object(value)) {
        return;
    }
    const char *pattern;
    json_t *below;
    json_object_foreach ((json_t *)(uintptr_t)patterns, pattern, below) {
        const char *key;
        json_t *item;
        json_object_foreach ((json_t *)(uintptr_t)value, key, item) {
            if (hg_pattern_matches(pattern, key, strlen(key)) == 1) {
                hg_schema_run_key(run, below, key, item);
            }
        }
    }
}

static bool is_named(const json_t *schema, const char *key)
{
    if (json_object_get(json_object_get(schema, "properties"), key)) {
        return true;
    }
    const char *pattern;
    json_t *below;
    json_object_foreach (json_object_get(schema, "patternProperties"), pattern, below) {
        if (hg_pattern_matches(pattern, key, strlen(key)) == 1) {
            return true;
        }
    }
    return false;
}

/* The nearest known key, or all of them when they are few. */
static void put_key_hint(struct hg_buf *hint, const json_t *schema, const char *key)
{
    enum { KEYS_MAX = 64, KEYS_SHOWN = 12 };
    const char *names[KEYS_MAX + 1] = {NULL};
    size_t n = 0;
    const char *name;
    json_t *below;
    json_object_foreach (json_object_get(schema, "properties"), name, below) {
        if (n < KEYS_MAX) {
            names[n++] = name;
        }
    }
    const char *nearest = hg_nearest(key, names);
    if (nearest) {
        hg_buf_printf(hint, "Did you mean \"%s\"?", nearest);
    } else if (n > 0 && n <= KEYS_SHOWN) {
        hg_buf_puts(hint, "The keys here are ");
        for (size_t i = 0; i < n; i++) {
            hg_buf_printf(hint, "%s%s", i > 0 ? ", " : "", names[i]);
        }
        hg_buf_putc(hint, '.');
    }
}

static void report_unknown_key(struct hg_schema_run *run, const json_t *schema, const char *key)
{
    size_t mark = hg_schema_run_enter(run, key);
    HG_CLEANUP(hg_buf_free) struct hg_buf hint = HG_BUF_INIT;
    put_key_hint(&hint, schema, key);
    struct hg_buf detail = HG_BUF_INIT;
    hg_buf_printf(&detail, "unknown key \"%.200s\"", key);
    hg_schema_run_report(run, hg_buf_text(&hint), &detail);
    hg_schema_run_leave(run, mark);
}

void hg_schema_on_additional_properties(struct hg_schema_run *run,
                                        const json_t *schema,
                                        const json_t *below,
                                        const json_t *value)
{
    if (!json_is_object(value)) {
        return;
    }
    const char *key;
    json_t *item;
    json_object_foreach ((json_t *)(uintptr_t)value, key, item) {
        if (is_named(schema, key)) {
            continue;
        }
        if (json_is_false(below)) {
            report_unknown_key(run, schema, key);
        } else {
            hg_schema_run_key(run, below, key, item);
        }
    }
}

void hg_schema_on_property_names(struct hg_schema_run *run,
                                 const json_t *schema,
                                 const json_t *below,
                                 const json_t *value)
{
    (void)schema;
    if (!json_is_object(value)) {
        return;
    }
    const char *key;
    json_t *item;
    json_object_foreach ((json_t *)(uintptr_t)value, key, item) {
        HG_CLEANUP(hg_json_decrefp) json_t *name = json_string(key);
        if (name) {
            hg_schema_run_key(run, below, key, name);
        } else {
            run->failed = true;
        }
    }
}
