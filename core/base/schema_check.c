#include "base/schema_check.h"

#include <string.h>

#include "base/buf.h"
#include "base/hex.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/schema_pattern.h"
#include "base/schema_value.h"
#include "base/str.h"

enum { DEPTH_MAX = 64, NAME_MAX_BYTES = 256 };

struct check {
    const json_t *root;
    struct hg_buf pointer;
    int depth;
    struct hg_error *err;
};

static int check_schema(struct check *check, const json_t *schema);

static int fail(struct check *check, const char *keyword, const char *expected)
{
    return hg_error_set(
        check->err, HG_EINVAL, "in the schema, \"%s\" must be %s", keyword, expected);
}

static void step_back(struct check *check, size_t mark)
{
    if (!hg_buf_failed(&check->pointer) && check->pointer.data) {
        check->pointer.len = mark;
        check->pointer.data[mark] = '\0';
    }
}

/* A step down: `key` for an object, or the index when key is NULL. */
static int check_below(struct check *check, const char *key, size_t index, const json_t *schema)
{
    size_t mark = check->pointer.len;
    if (key) {
        hg_buf_putc(&check->pointer, '/');
        hg_pointer_escape(&check->pointer, key);
    } else {
        hg_buf_printf(&check->pointer, "/%zu", index);
    }
    int r = check_schema(check, schema);
    if (r == HG_OK) {
        step_back(check, mark);
    }
    return r;
}

/* Shapes of keyword values ------------------------------------------------------------------- */

static int shape_any(struct check *check, const char *keyword, const json_t *value)
{
    (void)check;
    (void)keyword;
    (void)value;
    return HG_OK;
}

static int shape_text(struct check *check, const char *keyword, const json_t *value)
{
    return json_is_string(value) ? HG_OK : fail(check, keyword, "a text");
}

static int shape_flag(struct check *check, const char *keyword, const json_t *value)
{
    return json_is_boolean(value) ? HG_OK : fail(check, keyword, "true or false");
}

static int shape_list(struct check *check, const char *keyword, const json_t *value)
{
    return json_is_array(value) ? HG_OK : fail(check, keyword, "a list");
}

static int shape_number(struct check *check, const char *keyword, const json_t *value)
{
    return json_is_number(value) ? HG_OK : fail(check, keyword, "a number");
}

static int shape_step(struct check *check, const char *keyword, const json_t *value)
{
    return json_is_number(value) && json_number_value(value) > 0
               ? HG_OK
               : fail(check, keyword, "a number above 0");
}

static int shape_count(struct check *check, const char *keyword, const json_t *value)
{
    return hg_json_count(value) >= 0 ? HG_OK : fail(check, keyword, "a whole number of at least 0");
}

static int shape_names(struct check *check, const char *keyword, const json_t *value)
{
    size_t i;
    json_t *name;
    bool ok = json_is_array(value);
    json_array_foreach (value, i, name) {
        ok = ok && json_is_string(name);
    }
    return ok ? HG_OK : fail(check, keyword, "a list of names");
}

static bool is_type_name(const json_t *name)
{
    static const char *const names[] = {
        "string", "number", "integer", "boolean", "object", "array", "null"};
    for (size_t i = 0; json_is_string(name) && i < HG_COUNT(names); i++) {
        if (strcmp(json_string_value(name), names[i]) == 0) {
            return true;
        }
    }
    return false;
}

static int shape_type(struct check *check, const char *keyword, const json_t *value)
{
    bool ok = is_type_name(value) || json_array_size(value) > 0;
    size_t i;
    json_t *name;
    json_array_foreach (value, i, name) {
        ok = ok && is_type_name(name);
    }
    return ok ? HG_OK
              : fail(check,
                     keyword,
                     "one or several of string, number, integer, boolean, object, array, null");
}

static int shape_pattern(struct check *check, const char *keyword, const json_t *value)
{
    int r = shape_text(check, keyword, value);
    return r < 0 ? r : hg_pattern_check(json_string_value(value), check->err);
}

static int shape_schema(struct check *check, const char *keyword, const json_t *value)
{
    return check_below(check, keyword, 0, value);
}

static int shape_schema_list(struct check *check, const char *keyword, const json_t *value)
{
    if (json_array_size(value) == 0) {
        return fail(check, keyword, "a list of at least one schema");
    }
    size_t mark = check->pointer.len;
    hg_buf_printf(&check->pointer, "/%s", keyword);
    size_t i;
    json_t *schema;
    json_array_foreach (value, i, schema) {
        int r = check_below(check, NULL, i, schema);
        if (r < 0) {
            return r;
        }
    }
    step_back(check, mark);
    return HG_OK;
}

static int shape_schema_map(struct check *check, const char *keyword, const json_t *value)
{
    if (!json_is_object(value)) {
        return fail(check, keyword, "an object of schemas");
    }
    size_t mark = check->pointer.len;
    hg_buf_printf(&check->pointer, "/%s", keyword);
    const char *key;
    json_t *schema;
    json_object_foreach ((json_t *)(uintptr_t)value, key, schema) {
        int r = check_below(check, key, 0, schema);
        if (r < 0) {
            return r;
        }
    }
    step_back(check, mark);
    return HG_OK;
}

static int shape_pattern_map(struct check *check, const char *keyword, const json_t *value)
{
    int r = shape_schema_map(check, keyword, value);
    const char *pattern;
    json_t *schema;
    json_object_foreach ((json_t *)(uintptr_t)value, pattern, schema) {
        r = r < 0 ? r : hg_pattern_check(pattern, check->err);
    }
    return r;
}

static int shape_ref(struct check *check, const char *keyword, const json_t *value)
{
    int r = shape_text(check, keyword, value);
    if (r < 0) {
        return r;
    }
    if (!hg_schema_resolve(check->root, json_string_value(value))) {
        hg_error_set(check->err,
                     HG_EINVAL,
                     "in the schema, \"$ref\" is \"%.200s\", which is not there",
                     json_string_value(value));
        return hg_error_hint(check->err, "Only \"#\" and \"#/$defs/NAME\" are followed.");
    }
    return HG_OK;
}

static const struct {
    const char *name;
    int (*shape)(struct check *check, const char *keyword, const json_t *value);
} keywords[] = {
    {"$comment", shape_text},
    {"$defs", shape_schema_map},
    {"$ref", shape_ref},
    {"$schema", shape_text},
    {"additionalProperties", shape_schema},
    {"allOf", shape_schema_list},
    {"anyOf", shape_schema_list},
    {"const", shape_any},
    {"default", shape_any},
    {"deprecated", shape_flag},
    {"description", shape_text},
    {"else", shape_schema},
    {"enum", shape_list},
    {"examples", shape_list},
    {"exclusiveMaximum", shape_number},
    {"exclusiveMinimum", shape_number},
    {"format", shape_text},
    {"if", shape_schema},
    {"items", shape_schema},
    {"maxItems", shape_count},
    {"maxLength", shape_count},
    {"maxProperties", shape_count},
    {"maximum", shape_number},
    {"minItems", shape_count},
    {"minLength", shape_count},
    {"minProperties", shape_count},
    {"minimum", shape_number},
    {"multipleOf", shape_step},
    {"not", shape_schema},
    {"oneOf", shape_schema_list},
    {"pattern", shape_pattern},
    {"patternProperties", shape_pattern_map},
    {"prefixItems", shape_schema_list},
    {"properties", shape_schema_map},
    {"propertyNames", shape_schema},
    {"readOnly", shape_flag},
    {"required", shape_names},
    {"then", shape_schema},
    {"title", shape_text},
    {"type", shape_type},
    {"uniqueItems", shape_flag},
    {"writeOnly", shape_flag},
};

static int unknown_keyword(struct check *check, const char *name)
{
    const char *names[HG_COUNT(keywords) + 1] = {NULL};
    for (size_t i = 0; i < HG_COUNT(keywords); i++) {
        names[i] = keywords[i].name;
    }
    const char *nearest = hg_nearest(name, names);
    hg_error_set(check->err, HG_EINVAL, "the schema uses \"%.100s\", which is not supported", name);
    return nearest ? hg_error_hint(check->err, "Did you mean \"%s\"?", nearest) : HG_EINVAL;
}

static int check_keyword(struct check *check, const char *name, const json_t *value)
{
    for (size_t i = 0; i < HG_COUNT(keywords); i++) {
        if (strcmp(keywords[i].name, name) == 0) {
            return keywords[i].shape(check, name, value);
        }
    }
    return unknown_keyword(check, name);
}

static int check_schema(struct check *check, const json_t *schema)
{
    if (json_is_boolean(schema)) {
        return HG_OK;
    }
    if (!json_is_object(schema)) {
        return hg_error_set(check->err, HG_EINVAL, "a schema must be an object, or true or false");
    }
    if (check->depth >= DEPTH_MAX) {
        return hg_error_set(
            check->err, HG_EINVAL, "the schema is nested deeper than %d levels", DEPTH_MAX);
    }
    check->depth++;
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)schema, name, value) {
        int r = check_keyword(check, name, value);
        if (r < 0) {
            return r;
        }
    }
    check->depth--;
    return HG_OK;
}

int hg_schema_check(const json_t *schema, struct hg_error *err)
{
    struct check check = {schema, HG_BUF_INIT, 0, err};
    int r = check_schema(&check, schema);
    if (r < 0) {
        (void)hg_error_at(err, "%s", hg_buf_text(&check.pointer));
    }
    if (r == HG_OK && hg_buf_failed(&check.pointer)) {
        r = hg_error_nomem(err);
    }
    hg_buf_free(&check.pointer);
    return r;
}

/* One step of a pointer, with ~0, ~1 and %XX undone. False when it does not fit. */
static bool unescape_step(const char *step, size_t n, char *ret_name, size_t room)
{
    size_t used = 0;
    for (size_t i = 0; i < n; i++) {
        char c = step[i];
        int byte = c == '%' && i + 2 < n ? hg_hex_byte(step + i + 1) : -1;
        if (byte >= 0) {
            c = (char)byte;
            i += 2;
        }
        if (c == '~' && i + 1 < n) {
            c = step[++i] == '1' ? '/' : '~';
        }
        if (used + 1 >= room) {
            return false;
        }
        ret_name[used++] = c;
    }
    ret_name[used] = '\0';
    return true;
}

static const json_t *step_into(const json_t *at, const char *name)
{
    int64_t index;
    if (json_is_array(at) && hg_parse_int64(name, 0, INT32_MAX, &index, NULL) == HG_OK) {
        return json_array_get(at, (size_t)index);
    }
    return json_object_get(at, name);
}

const json_t *hg_schema_resolve(const json_t *root, const char *ref)
{
    if (strcmp(ref, "#") == 0) {
        return root;
    }
    if (!hg_starts_with(ref, "#/$defs/")) {
        return NULL;
    }
    const json_t *at = root;
    const char *step = ref + 1;
    while (at && *step == '/') {
        step++;
        size_t n = strcspn(step, "/");
        char name[NAME_MAX_BYTES];
        at = unescape_step(step, n, name, sizeof name) ? step_into(at, name) : NULL;
        step += n;
    }
    return json_is_object(at) || json_is_boolean(at) ? at : NULL;
}
