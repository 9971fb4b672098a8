/*
 * JSON Schema (draft 2020-12): the subset that our files and forms need, over jansson values.
 *
 * Keywords: type (one or several), enum, const, properties, required, additionalProperties,
 * patternProperties, propertyNames, minProperties, maxProperties, items, prefixItems, minItems,
 * maxItems, uniqueItems, minLength, maxLength, pattern, minimum, maximum, exclusiveMinimum,
 * exclusiveMaximum, multipleOf, allOf, anyOf, oneOf, not, if/then/else, $defs, $ref to "#" or
 * "#/$defs/...", format (date, date-time, uri, email are checked; others are accepted).
 * Annotations: default, title, description, examples, readOnly, writeOnly, deprecated, $comment,
 * $schema. A schema with any other keyword is refused by hg_schema_check.
 *
 * A value under `writeOnly: true` is a secret: it is never quoted in a report.
 */
#ifndef HG_BASE_SCHEMA_H
#define HG_BASE_SCHEMA_H

#include <jansson.h>

#include "base/error.h"
#include "base/schema_check.h"
#include "base/schema_report.h"

/*
 * Validates `value` against a schema that passed hg_schema_check, reporting every violation (an
 * unknown property with the nearest known one in `hint`). Returns the number of violations, or
 * HG_ENOMEM. Work is bounded: a schema that would take too many steps is itself a violation.
 */
int hg_schema_validate(const json_t *schema,
                       const json_t *value,
                       hg_schema_report *report,
                       void *arg);

/* The same against a subschema of `root`, whose $refs are those of `root`. `report` may be NULL. */
int hg_schema_validate_part(const json_t *root,
                            const json_t *schema,
                            const json_t *value,
                            hg_schema_report *report,
                            void *arg);

#endif
