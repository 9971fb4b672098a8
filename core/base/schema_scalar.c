#include "base/schema_scalar.h"

#include <string.h>

#include "base/mem.h"
#include "base/schema_format.h"
#include "base/schema_pattern.h"
#include "base/schema_value.h"
#include "base/str.h"

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
bool hg_schema_has_types(const json_t *value, const json_t *names)
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

void hg_schema_put_types(struct hg_buf *buf, const json_t *names)
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

void hg_schema_on_type(struct hg_schema_run *run,
                       const json_t *schema,
                       const json_t *names,
                       const json_t *value)
{
    (void)schema;
    if (hg_schema_has_types(value, names)) {
        return;
    }
    HG_CLEANUP(hg_buf_free) struct hg_buf words = HG_BUF_INIT;
    hg_schema_put_types(&words, names);
    hg_schema_run_expected(run, value, "%s", hg_buf_text(&words));
}

static void put_value(struct hg_buf *buf, const json_t *value)
{
    HG_CLEANUP(hg_freep) char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    hg_buf_puts(buf, text ? text : "?");
}

void hg_schema_on_enum(struct hg_schema_run *run,
                       const json_t *schema,
                       const json_t *list,
                       const json_t *value)
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
    hg_schema_run_put_found(run, &detail, value);
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
    hg_schema_run_report(run, hg_buf_text(&hint), &detail);
}

void hg_schema_on_const(struct hg_schema_run *run,
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
    hg_schema_run_expected(run, value, "%s", hg_buf_text(&text));
}

/* Numbers ------------------------------------------------------------------------------------ */

static void report_bound(struct hg_schema_run *run,
                         const json_t *value,
                         const char *words,
                         const json_t *bound)
{
    HG_CLEANUP(hg_buf_free) struct hg_buf text = HG_BUF_INIT;
    put_value(&text, bound);
    hg_schema_run_expected(run, value, "%s %s", words, hg_buf_text(&text));
}

void hg_schema_on_minimum(struct hg_schema_run *run,
                          const json_t *schema,
                          const json_t *bound,
                          const json_t *value)
{
    (void)schema;
    if (json_is_number(value) && hg_json_compare_numbers(value, bound) < 0) {
        report_bound(run, value, "at least", bound);
    }
}

void hg_schema_on_maximum(struct hg_schema_run *run,
                          const json_t *schema,
                          const json_t *bound,
                          const json_t *value)
{
    (void)schema;
    if (json_is_number(value) && hg_json_compare_numbers(value, bound) > 0) {
        report_bound(run, value, "at most", bound);
    }
}

void hg_schema_on_exclusive_minimum(struct hg_schema_run *run,
                                    const json_t *schema,
                                    const json_t *bound,
                                    const json_t *value)
{
    (void)schema;
    if (json_is_number(value) && hg_json_compare_numbers(value, bound) <= 0) {
        report_bound(run, value, "more than", bound);
    }
}

void hg_schema_on_exclusive_maximum(struct hg_schema_run *run,
                                    const json_t *schema,
                                    const json_t *bound,
                                    const json_t *value)
{
    (void)schema;
    if (json_is_number(value) && hg_json_compare_numbers(value, bound) >= 0) {
        report_bound(run, value, "less than", bound);
    }
}

void hg_schema_on_multiple_of(struct hg_schema_run *run,
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

void hg_schema_on_min_length(struct hg_schema_run *run,
                             const json_t *schema,
                             const json_t *limit,
                             const json_t *value)
{
    (void)schema;
    if (json_is_string(value) && (long long)hg_json_length(value) < hg_json_count(limit)) {
        hg_schema_run_expected(run, value, "at least %lld characters", hg_json_count(limit));
    }
}

void hg_schema_on_max_length(struct hg_schema_run *run,
                             const json_t *schema,
                             const json_t *limit,
                             const json_t *value)
{
    (void)schema;
    if (json_is_string(value) && (long long)hg_json_length(value) > hg_json_count(limit)) {
        hg_schema_run_expected(run, value, "at most %lld characters", hg_json_count(limit));
    }
}

/*
 * Words for what a pattern wants: the schema's description when it has one, since few read regular
 * expressions; else the pattern. It becomes the end of a sentence.
 */
static void expected_by_pattern(struct hg_schema_run *run,
                                const json_t *schema,
                                const char *pattern,
                                const json_t *value)
{
    const char *description = json_string_value(json_object_get(schema, "description"));
    size_t n = description ? strlen(description) : 0;
    if (n == 0) {
        hg_schema_run_expected(run, value, "a text that matches %s", pattern);
        return;
    }
    n -= description[n - 1] == '.';
    bool is_word = description[0] >= 'A' && description[0] <= 'Z' &&
                   (description[1] < 'A' || description[1] > 'Z');
    hg_schema_run_expected(run,
                           value,
                           "%c%.*s",
                           description[0] | (is_word ? 0x20 : 0),
                           (int)(n > 0 ? n - 1 : 0),
                           description + 1);
}

void hg_schema_on_pattern(struct hg_schema_run *run,
                          const json_t *schema,
                          const json_t *pattern,
                          const json_t *value)
{
    if (!json_is_string(value)) {
        return;
    }
    const char *text = json_string_value(pattern);
    int r = hg_pattern_matches(text, json_string_value(value), json_string_length(value));
    if (r == HG_ENOMEM) {
        run->failed = true;
    } else if (r == HG_ETOOBIG) {
        hg_schema_run_expected(run, value, "a text that %s can decide in bounded time", text);
    } else if (r != 1) {
        expected_by_pattern(run, schema, text, value);
    }
}

void hg_schema_on_format(struct hg_schema_run *run,
                         const json_t *schema,
                         const json_t *format,
                         const json_t *value)
{
    (void)schema;
    const char *expected = "";
    if (json_is_string(value) &&
        !hg_format_matches(json_string_value(format), json_string_value(value), &expected)) {
        hg_schema_run_expected(run, value, "%s", expected);
    }
}
