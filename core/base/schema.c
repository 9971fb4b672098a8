#include "base/schema.h"

#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/schema_nested.h"
#include "base/schema_run.h"
#include "base/schema_scalar.h"

/* A bound that only a schema which refers to itself without end, or a hostile one, comes to. */
static const long STEPS_MAX = 2000000;

/* Combinations ------------------------------------------------------------------------------- */

static void on_all_of(struct hg_schema_run *run,
                      const json_t *schema,
                      const json_t *list,
                      const json_t *value)
{
    (void)schema;
    size_t i;
    json_t *item;
    json_array_foreach (list, i, item) {
        hg_schema_run_validate(run, item, value);
    }
}

static const json_t *type_of(const struct hg_schema_run *run, const json_t *schema)
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
static void report_no_form(struct hg_schema_run *run, const json_t *list, const json_t *value)
{
    HG_CLEANUP(hg_buf_free) struct hg_buf forms = HG_BUF_INIT;
    const json_t *meant = NULL;
    int n_meant = 0;
    size_t i;
    json_t *form;
    json_array_foreach (list, i, form) {
        const json_t *type = type_of(run, form);
        if (!type || hg_schema_has_types(value, type)) {
            meant = form;
            n_meant++;
        }
        const char *title = json_string_value(json_object_get(form, "title"));
        hg_buf_puts(&forms, forms.len > 0 ? " or " : "");
        if (title) {
            hg_buf_puts(&forms, title);
        } else if (type) {
            hg_schema_put_types(&forms, type);
        } else {
            hg_buf_puts(&forms, "another form");
        }
    }
    if (n_meant == 1) {
        hg_schema_run_validate(run, meant, value);
    } else {
        hg_schema_run_expected(run, value, "%s", hg_buf_text(&forms));
    }
}

static void on_any_of(struct hg_schema_run *run,
                      const json_t *schema,
                      const json_t *list,
                      const json_t *value)
{
    (void)schema;
    size_t i;
    json_t *form;
    json_array_foreach (list, i, form) {
        if (hg_schema_run_count(run, form, value) == 0) {
            return;
        }
    }
    report_no_form(run, list, value);
}

static void on_one_of(struct hg_schema_run *run,
                      const json_t *schema,
                      const json_t *list,
                      const json_t *value)
{
    (void)schema;
    int n_fit = 0;
    size_t i;
    json_t *form;
    json_array_foreach (list, i, form) {
        n_fit += hg_schema_run_count(run, form, value) == 0;
    }
    if (n_fit == 0) {
        report_no_form(run, list, value);
    } else if (n_fit > 1) {
        hg_schema_run_expected(
            run, value, "exactly one of the accepted forms, not %d of them", n_fit);
    }
}

static void on_not(struct hg_schema_run *run,
                   const json_t *schema,
                   const json_t *refused,
                   const json_t *value)
{
    (void)schema;
    if (hg_schema_run_count(run, refused, value) == 0) {
        const char *title = json_string_value(json_object_get(refused, "title"));
        hg_schema_run_expected(run, value, "anything but %s", title ? title : "that");
    }
}

static void on_if(struct hg_schema_run *run,
                  const json_t *schema,
                  const json_t *condition,
                  const json_t *value)
{
    bool holds = hg_schema_run_count(run, condition, value) == 0;
    const json_t *branch = json_object_get(schema, holds ? "then" : "else");
    if (branch) {
        hg_schema_run_validate(run, branch, value);
    }
}

static void on_ref(struct hg_schema_run *run,
                   const json_t *schema,
                   const json_t *ref,
                   const json_t *value)
{
    (void)schema;
    const json_t *target = hg_schema_resolve(run->root, json_string_value(ref));
    if (target) {
        hg_schema_run_validate(run, target, value);
    }
}

/* In the order in which violations of one value are reported. */
static const struct hg_schema_keyword keywords[] = {
    {"$ref", on_ref},
    {"type", hg_schema_on_type},
    {"enum", hg_schema_on_enum},
    {"const", hg_schema_on_const},
    {"minimum", hg_schema_on_minimum},
    {"maximum", hg_schema_on_maximum},
    {"exclusiveMinimum", hg_schema_on_exclusive_minimum},
    {"exclusiveMaximum", hg_schema_on_exclusive_maximum},
    {"multipleOf", hg_schema_on_multiple_of},
    {"minLength", hg_schema_on_min_length},
    {"maxLength", hg_schema_on_max_length},
    {"pattern", hg_schema_on_pattern},
    {"format", hg_schema_on_format},
    {"minItems", hg_schema_on_min_items},
    {"maxItems", hg_schema_on_max_items},
    {"uniqueItems", hg_schema_on_unique_items},
    {"prefixItems", hg_schema_on_prefix_items},
    {"items", hg_schema_on_items},
    {"minProperties", hg_schema_on_min_properties},
    {"maxProperties", hg_schema_on_max_properties},
    {"required", hg_schema_on_required},
    {"properties", hg_schema_on_properties},
    {"patternProperties", hg_schema_on_pattern_properties},
    {"additionalProperties", hg_schema_on_additional_properties},
    {"propertyNames", hg_schema_on_property_names},
    {"allOf", on_all_of},
    {"anyOf", on_any_of},
    {"oneOf", on_one_of},
    {"not", on_not},
    {"if", on_if},
};

int hg_schema_validate_part(const json_t *root,
                            const json_t *schema,
                            const json_t *value,
                            hg_schema_report *report,
                            void *arg)
{
    struct hg_schema_run run = {.keywords = keywords,
                                .n_keywords = HG_COUNT(keywords),
                                .root = root,
                                .report = report,
                                .arg = arg,
                                .pointer = HG_BUF_INIT,
                                .steps_left = STEPS_MAX};
    hg_schema_run_validate(&run, schema, value);
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
