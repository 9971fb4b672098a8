#include "base/schema.h"

#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/schema_format.h"
#include "base/schema_pattern.h"
#include "base/schema_value.h"
#include "base/str.h"

/* Bounds that only a schema which refers to itself without end, or a hostile one, comes to. */
enum { DEPTH_MAX = 256 };
static const long STEPS_MAX = 2000000;

struct run {
    const json_t *root;
    hg_schema_report *report; /* NULL while only the count matters */
    void *arg;
    struct hg_buf pointer;
    int violations;
    int depth;
    long steps_left;
    bool secret; /* the value is under writeOnly */
    bool failed; /* no memory */
};

static void validate(struct run *run, const json_t *schema, const json_t *value);

/* Reporting ---------------------------------------------------------------------------------- */

static void report_hint(struct run *run, const char *hint, struct hg_buf *detail)
{
    run->violations++;
    if (hg_buf_failed(detail)) {
        run->failed = true;
    } else if (run->report) {
        run->report(run->arg, hg_buf_text(&run->pointer), hg_buf_text(detail), hint);
    }
    hg_buf_free(detail);
}

static void put_found(struct run *run, struct hg_buf *detail, const json_t *value)
{
    if (run->secret) {
        hg_buf_puts(detail, "a value that is kept secret");
    } else {
        hg_json_describe(detail, value);
    }
}

/* "found X, expected <expected>" */
static void report_expected(struct run *run, const json_t *value, const char *fmt, ...)
    HG_PRINTF(3, 4);
static void report_expected(struct run *run, const json_t *value, const char *fmt, ...)
{
    if (!run->report) {
        run->violations++;
        return;
    }
    struct hg_buf detail = HG_BUF_INIT;
    hg_buf_puts(&detail, "found ");
    put_found(run, &detail, value);
    hg_buf_puts(&detail, ", expected ");
    va_list args;
    va_start(args, fmt);
    hg_buf_vprintf(&detail, fmt, args);
    va_end(args);
    report_hint(run, "", &detail);
}

/* Counts the violations of a subschema without reporting them. */
static int count_quietly(struct run *run, const json_t *schema, const json_t *value)
{
    hg_schema_report *report = run->report;
    int before = run->violations;
    run->report = NULL;
    validate(run, schema, value);
    int found = run->violations - before;
    run->report = report;
    run->violations = before;
    return found;
}

static size_t enter_key(struct run *run, const char *key)
{
    size_t mark = run->pointer.len;
    hg_buf_putc(&run->pointer, '/');
    hg_pointer_escape(&run->pointer, key);
    return mark;
}

static void leave(struct run *run, size_t mark)
{
    if (!hg_buf_failed(&run->pointer)) {
        run->pointer.len = mark;
        run->pointer.data[mark] = '\0';
    } else {
        run->failed = true;
    }
}

static void validate_key(struct run *run,
                         const json_t *schema,
                         const char *key,
                         const json_t *value)
{
    size_t mark = enter_key(run, key);
    validate(run, schema, value);
    leave(run, mark);
}

static void validate_index(struct run *run, const json_t *schema, size_t index, const json_t *value)
{
    size_t mark = run->pointer.len;
    hg_buf_printf(&run->pointer, "/%zu", index);
    validate(run, schema, value);
    leave(run, mark);
}

/* Any type ----------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    const char *words;
} types[] = {
    {"string", "a text"},
    {"number", "a number"},
    {"integer", "a whole number"},
    {"boolean", "true or false"},
    {"object", "an object"},
    {"array", "a list"},
    {"null", "null"},
};

static bool has_type(const json_t *value, const char *name)
{
    switch (json_typeof(value)) {
    case JSON_STRING:
        return strcmp(name, "string") == 0;
    case JSON_INTEGER:
    case JSON_REAL:
        return strcmp(name, "number") == 0 ||
               (strcmp(name, "integer") == 0 && hg_json_is_whole(value));
    case JSON_TRUE:
    case JSON_FALSE:
        return strcmp(name, "boolean") == 0;
    case JSON_OBJECT:
        return strcmp(name, "object") == 0;
    case JSON_ARRAY:
        return strcmp(name, "array") == 0;
    case JSON_NULL:
        return strcmp(name, "null") == 0;
    }
    return false;
}

/* Whether `value` has one of the types of the keyword, one name or a list of them. */
static bool has_types(const json_t *value, const json_t *names)
{
    if (json_is_string(names)) {
        return has_type(value, json_string_value(names));
    }
    size_t i;
    json_t *name;
    json_array_foreach (names, i, name) {
        if (has_type(value, json_string_value(name))) {
            return true;
        }
    }
    return false;
}

static void put_type(struct hg_buf *buf, const json_t *name)
{
    for (size_t i = 0; i < HG_COUNT(types); i++) {
        if (strcmp(types[i].name, json_string_value(name)) == 0) {
            hg_buf_puts(buf, types[i].words);
        }
    }
}

static void put_types(struct hg_buf *buf, const json_t *names)
{
    if (json_is_string(names)) {
        put_type(buf, names);
        return;
    }
    size_t i;
    json_t *name;
    json_array_foreach (names, i, name) {
        hg_buf_puts(buf, i > 0 ? " or " : "");
        put_type(buf, name);
    }
}

static void on_type(struct run *run, const json_t *schema, const json_t *names, const json_t *value)
{
    (void)schema;
    if (has_types(value, names)) {
        return;
    }
    HG_CLEANUP(hg_buf_free) struct hg_buf words = HG_BUF_INIT;
    put_types(&words, names);
    report_expected(run, value, "%s", hg_buf_text(&words));
}

static void put_value(struct hg_buf *buf, const json_t *value)
{
    HG_CLEANUP(hg_freep) char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    hg_buf_puts(buf, text ? text : "?");
}

static void on_enum(struct run *run, const json_t *schema, const json_t *list, const json_t *value)
{
    (void)schema;
    size_t i;
    json_t *item;
    json_array_foreach (list, i, item) {
        if (hg_json_same(item, value, &run->steps_left)) {
            return;
        }
    }
    if (!run->report) {
        run->violations++;
        return;
    }
    struct hg_buf detail = HG_BUF_INIT;
    hg_buf_puts(&detail, "found ");
    put_found(run, &detail, value);
    hg_buf_puts(&detail, json_array_size(list) == 1 ? ", expected " : ", expected one of ");
    const char *names[65] = {NULL};
    size_t n_names = 0;
    json_array_foreach (list, i, item) {
        hg_buf_puts(&detail, i > 0 ? ", " : "");
        put_value(&detail, item);
        if (json_is_string(item) && n_names < HG_COUNT(names) - 1) {
            names[n_names++] = json_string_value(item);
        }
    }
    const char *nearest =
        json_is_string(value) ? hg_nearest(json_string_value(value), names) : NULL;
    HG_CLEANUP(hg_buf_free) struct hg_buf hint = HG_BUF_INIT;
    if (nearest && !run->secret) {
        hg_buf_printf(&hint, "Did you mean \"%s\"?", nearest);
    }
    report_hint(run, hg_buf_text(&hint), &detail);
}

static void on_const(struct run *run,
                     const json_t *schema,
                     const json_t *expected,
                     const json_t *value)
{
    (void)schema;
    if (hg_json_same(expected, value, &run->steps_left)) {
        return;
    }
    HG_CLEANUP(hg_buf_free) struct hg_buf text = HG_BUF_INIT;
    put_value(&text, expected);
    report_expected(run, value, "%s", hg_buf_text(&text));
}

/* Numbers ------------------------------------------------------------------------------------ */

static void report_bound(struct run *run,
                         const json_t *value,
                         const char *words,
                         const json_t *bound)
{
    HG_CLEANUP(hg_buf_free) struct hg_buf text = HG_BUF_INIT;
    put_value(&text, bound);
    report_expected(run, value, "%s %s", words, hg_buf_text(&text));
}

static void on_minimum(struct run *run,
                       const json_t *schema,
                       const json_t *bound,
                       const json_t *value)
{
    (void)schema;
    if (json_is_number(value) && hg_json_compare_numbers(value, bound) < 0) {
        report_bound(run, value, "at least", bound);
    }
}

static void on_maximum(struct run *run,
                       const json_t *schema,
                       const json_t *bound,
                       const json_t *value)
{
    (void)schema;
    if (json_is_number(value) && hg_json_compare_numbers(value, bound) > 0) {
        report_bound(run, value, "at most", bound);
    }
}

static void on_exclusive_minimum(struct run *run,
                                 const json_t *schema,
                                 const json_t *bound,
                                 const json_t *value)
{
    (void)schema;
    if (json_is_number(value) && hg_json_compare_numbers(value, bound) <= 0) {
        report_bound(run, value, "more than", bound);
    }
}

static void on_exclusive_maximum(struct run *run,
                                 const json_t *schema,
                                 const json_t *bound,
                                 const json_t *value)
{
    (void)schema;
    if (json_is_number(value) && hg_json_compare_numbers(value, bound) >= 0) {
        report_bound(run, value, "less than", bound);
    }
}

static void on_multiple_of(struct run *run,
                           const json_t *schema,
                           const json_t *step,
                           const json_t *value)
{
    (void)schema;
    if (json_is_number(value) && !hg_json_is_multiple(value, step)) {
        report_bound(run, value, "a multiple of", step);
    }
}

/* Texts -------------------------------------------------------------------------------------- */

static void on_min_length(struct run *run,
                          const json_t *schema,
                          const json_t *limit,
                          const json_t *value)
{
    (void)schema;
    if (json_is_string(value) && (long long)hg_json_length(value) < hg_json_count(limit)) {
        report_expected(run, value, "at least %lld characters", hg_json_count(limit));
    }
}

static void on_max_length(struct run *run,
                          const json_t *schema,
                          const json_t *limit,
                          const json_t *value)
{
    (void)schema;
    if (json_is_string(value) && (long long)hg_json_length(value) > hg_json_count(limit)) {
        report_expected(run, value, "at most %lld characters", hg_json_count(limit));
    }
}

static void on_pattern(struct run *run,
                       const json_t *schema,
                       const json_t *pattern,
                       const json_t *value)
{
    (void)schema;
    if (!json_is_string(value)) {
        return;
    }
    const char *text = json_string_value(pattern);
    int r = hg_pattern_matches(text, json_string_value(value), json_string_length(value));
    if (r == HG_ENOMEM) {
        run->failed = true;
    } else if (r == HG_ETOOBIG) {
        report_expected(run, value, "a text that %s can decide in bounded time", text);
    } else if (r != 1) {
        report_expected(run, value, "a text that matches %s", text);
    }
}

static void on_format(struct run *run,
                      const json_t *schema,
                      const json_t *format,
                      const json_t *value)
{
    (void)schema;
    const char *expected = "";
    if (json_is_string(value) &&
        !hg_format_matches(json_string_value(format), json_string_value(value), &expected)) {
        report_expected(run, value, "%s", expected);
    }
}

/* Lists -------------------------------------------------------------------------------------- */

static void on_min_items(struct run *run,
                         const json_t *schema,
                         const json_t *limit,
                         const json_t *value)
{
    (void)schema;
    if (json_is_array(value) && (long long)json_array_size(value) < hg_json_count(limit)) {
        report_expected(run,
                        value,
                        "at least %lld items, not %zu",
                        hg_json_count(limit),
                        json_array_size(value));
    }
}

static void on_max_items(struct run *run,
                         const json_t *schema,
                         const json_t *limit,
                         const json_t *value)
{
    (void)schema;
    if (json_is_array(value) && (long long)json_array_size(value) > hg_json_count(limit)) {
        report_expected(run,
                        value,
                        "at most %lld items, not %zu",
                        hg_json_count(limit),
                        json_array_size(value));
    }
}

static void on_unique_items(struct run *run,
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
                report_expected(run, value, "different items: items %zu and %zu are equal", k, i);
                return;
            }
        }
    }
}

static void on_prefix_items(struct run *run,
                            const json_t *schema,
                            const json_t *list,
                            const json_t *value)
{
    (void)schema;
    size_t i;
    json_t *item;
    json_array_foreach (list, i, item) {
        if (i < json_array_size(value)) {
            validate_index(run, item, i, json_array_get(value, i));
        }
    }
}

static void on_items(struct run *run,
                     const json_t *schema,
                     const json_t *items,
                     const json_t *value)
{
    size_t first = json_array_size(json_object_get(schema, "prefixItems"));
    for (size_t i = first; i < json_array_size(value); i++) {
        validate_index(run, items, i, json_array_get(value, i));
    }
}

/* Objects ------------------------------------------------------------------------------------ */

static void on_min_properties(struct run *run,
                              const json_t *schema,
                              const json_t *limit,
                              const json_t *value)
{
    (void)schema;
    if (json_is_object(value) && (long long)json_object_size(value) < hg_json_count(limit)) {
        report_expected(run, value, "at least %lld keys", hg_json_count(limit));
    }
}

static void on_max_properties(struct run *run,
                              const json_t *schema,
                              const json_t *limit,
                              const json_t *value)
{
    (void)schema;
    if (json_is_object(value) && (long long)json_object_size(value) > hg_json_count(limit)) {
        report_expected(run, value, "at most %lld keys", hg_json_count(limit));
    }
}

static void on_required(struct run *run,
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
            report_hint(run, "", &detail);
        }
    }
}

static void on_properties(struct run *run,
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
            validate_key(run, below, key, item);
        }
    }
}

static void on_pattern_properties(struct run *run,
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
                validate_key(run, below, key, item);
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

static void report_unknown_key(struct run *run, const json_t *schema, const char *key)
{
    size_t mark = enter_key(run, key);
    HG_CLEANUP(hg_buf_free) struct hg_buf hint = HG_BUF_INIT;
    put_key_hint(&hint, schema, key);
    struct hg_buf detail = HG_BUF_INIT;
    hg_buf_printf(&detail, "unknown key \"%.200s\"", key);
    report_hint(run, hg_buf_text(&hint), &detail);
    leave(run, mark);
}

static void on_additional_properties(struct run *run,
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
            validate_key(run, below, key, item);
        }
    }
}

static void on_property_names(struct run *run,
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
            validate_key(run, below, key, name);
        } else {
            run->failed = true;
        }
    }
}

/* Combinations ------------------------------------------------------------------------------- */

static void on_all_of(struct run *run,
                      const json_t *schema,
                      const json_t *list,
                      const json_t *value)
{
    (void)schema;
    size_t i;
    json_t *item;
    json_array_foreach (list, i, item) {
        validate(run, item, value);
    }
}

static const json_t *type_of(const struct run *run, const json_t *schema)
{
    for (int hops = 0; hops < 8; hops++) {
        const json_t *type = json_object_get(schema, "type");
        const char *ref = json_string_value(json_object_get(schema, "$ref"));
        if (type || !ref) {
            return type;
        }
        schema = hg_schema_resolve(run->root, ref);
    }
    return NULL;
}

/*
 * No form fits. When only one form takes this type of value, that is the one that was meant, and
 * its own violations say more than a list of all forms.
 */
static void report_no_form(struct run *run, const json_t *list, const json_t *value)
{
    HG_CLEANUP(hg_buf_free) struct hg_buf forms = HG_BUF_INIT;
    const json_t *meant = NULL;
    int n_meant = 0;
    size_t i;
    json_t *form;
    json_array_foreach (list, i, form) {
        const json_t *type = type_of(run, form);
        if (!type || has_types(value, type)) {
            meant = form;
            n_meant++;
        }
        const char *title = json_string_value(json_object_get(form, "title"));
        hg_buf_puts(&forms, forms.len > 0 ? " or " : "");
        if (title) {
            hg_buf_puts(&forms, title);
        } else if (type) {
            put_types(&forms, type);
        } else {
            hg_buf_puts(&forms, "another form");
        }
    }
    if (n_meant == 1) {
        validate(run, meant, value);
    } else {
        report_expected(run, value, "%s", hg_buf_text(&forms));
    }
}

static void on_any_of(struct run *run,
                      const json_t *schema,
                      const json_t *list,
                      const json_t *value)
{
    (void)schema;
    size_t i;
    json_t *form;
    json_array_foreach (list, i, form) {
        if (count_quietly(run, form, value) == 0) {
            return;
        }
    }
    report_no_form(run, list, value);
}

static void on_one_of(struct run *run,
                      const json_t *schema,
                      const json_t *list,
                      const json_t *value)
{
    (void)schema;
    int n_fit = 0;
    size_t i;
    json_t *form;
    json_array_foreach (list, i, form) {
        n_fit += count_quietly(run, form, value) == 0;
    }
    if (n_fit == 0) {
        report_no_form(run, list, value);
    } else if (n_fit > 1) {
        report_expected(run, value, "exactly one of the accepted forms, not %d of them", n_fit);
    }
}

static void on_not(struct run *run,
                   const json_t *schema,
                   const json_t *refused,
                   const json_t *value)
{
    (void)schema;
    if (count_quietly(run, refused, value) == 0) {
        const char *title = json_string_value(json_object_get(refused, "title"));
        report_expected(run, value, "anything but %s", title ? title : "that");
    }
}

static void on_if(struct run *run,
                  const json_t *schema,
                  const json_t *condition,
                  const json_t *value)
{
    bool holds = count_quietly(run, condition, value) == 0;
    const json_t *branch = json_object_get(schema, holds ? "then" : "else");
    if (branch) {
        validate(run, branch, value);
    }
}

static void on_ref(struct run *run, const json_t *schema, const json_t *ref, const json_t *value)
{
    (void)schema;
    const json_t *target = hg_schema_resolve(run->root, json_string_value(ref));
    if (target) {
        validate(run, target, value);
    }
}

/* In the order in which violations of one value are reported. */
static const struct {
    const char *name;
    void (*apply)(struct run *run,
                  const json_t *schema,
                  const json_t *keyword,
                  const json_t *value);
} keywords[] = {
    {"$ref", on_ref},
    {"type", on_type},
    {"enum", on_enum},
    {"const", on_const},
    {"minimum", on_minimum},
    {"maximum", on_maximum},
    {"exclusiveMinimum", on_exclusive_minimum},
    {"exclusiveMaximum", on_exclusive_maximum},
    {"multipleOf", on_multiple_of},
    {"minLength", on_min_length},
    {"maxLength", on_max_length},
    {"pattern", on_pattern},
    {"format", on_format},
    {"minItems", on_min_items},
    {"maxItems", on_max_items},
    {"uniqueItems", on_unique_items},
    {"prefixItems", on_prefix_items},
    {"items", on_items},
    {"minProperties", on_min_properties},
    {"maxProperties", on_max_properties},
    {"required", on_required},
    {"properties", on_properties},
    {"patternProperties", on_pattern_properties},
    {"additionalProperties", on_additional_properties},
    {"propertyNames", on_property_names},
    {"allOf", on_all_of},
    {"anyOf", on_any_of},
    {"oneOf", on_one_of},
    {"not", on_not},
    {"if", on_if},
};

static void validate_object_schema(struct run *run, const json_t *schema, const json_t *value)
{
    bool was_secret = run->secret;
    run->secret = was_secret || json_is_true(json_object_get(schema, "writeOnly"));
    for (size_t i = 0; i < HG_COUNT(keywords); i++) {
        const json_t *keyword = json_object_get(schema, keywords[i].name);
        if (keyword) {
            keywords[i].apply(run, schema, keyword, value);
        }
    }
    run->secret = was_secret;
}

static void validate(struct run *run, const json_t *schema, const json_t *value)
{
    if (--run->steps_left < 0 || run->depth >= DEPTH_MAX) {
        run->steps_left = 0;
        return;
    }
    run->depth++;
    if (json_is_false(schema)) {
        report_expected(run, value, "nothing here");
    } else if (json_is_object(schema)) {
        validate_object_schema(run, schema, value);
    }
    run->depth--;
}

int hg_schema_validate_part(const json_t *root,
                            const json_t *schema,
                            const json_t *value,
                            hg_schema_report *report,
                            void *arg)
{
    struct run run = {.root = root,
                      .report = report,
                      .arg = arg,
                      .pointer = HG_BUF_INIT,
                      .steps_left = STEPS_MAX};
    validate(&run, schema, value);
    if (run.steps_left <= 0) {
        run.violations++;
        if (report) {
            report(arg, "", "checking this takes more steps than are allowed", "");
        }
    }
    hg_buf_free(&run.pointer);
    return run.failed ? HG_ENOMEM : run.violations;
}

int hg_schema_validate(const json_t *schema,
                       const json_t *value,
                       hg_schema_report *report,
                       void *arg)
{
    return hg_schema_validate_part(schema, schema, value, report, arg);
}
