/*
 * JSON Schema: the subset that our files and forms need, over jansson values.
 *
 * Keywords: type (one or several), enum, const, properties, required, additionalProperties,
 * patternProperties, propertyNames, minProperties, maxProperties, items, prefixItems, minItems,
 * maxItems, uniqueItems, minLength, maxLength, pattern, minimum, maximum, exclusiveMinimum,
 * exclusiveMaximum, multipleOf, allOf, anyOf, oneOf, not, if/then/else, $ref to "#/$defs/...",
 * format (date, date-time, uri, email; others are accepted), default, title, description,
 * writeOnly. A schema with any other keyword is refused by hg_schema_check.
 */
#ifndef HG_BASE_SCHEMA_H
#define HG_BASE_SCHEMA_H

#include <jansson.h>

#include "base/error.h"

/* Called for each violation: `pointer` is a JSON pointer into the value, "" for the whole. */
typedef void hg_schema_report(void *arg, const char *pointer, const char *detail,
                              const char *hint);

/* Whether `schema` itself is well-formed and uses only the keywords above; HG_EINVAL if not. */
int hg_schema_check(const json_t *schema, struct hg_error *err);

/*
 * Validates `value`, reporting every violation (an unknown property with the nearest known one in
 * `hint`; hint is "" when there is none). Returns the number of violations, or HG_ENOMEM.
 */
int hg_schema_validate(const json_t *schema, const json_t *value, hg_schema_report *report,
                       void *arg);

/* Puts the `default` of each missing property into `value`, deeply. HG_OK or HG_ENOMEM. */
int hg_schema_apply_defaults(const json_t *schema, json_t *value);

#endif
