/*
 * Filling in what a JSON Schema says is there by default.
 */
#ifndef HG_BASE_SCHEMA_DEFAULTS_H
#define HG_BASE_SCHEMA_DEFAULTS_H

#include <jansson.h>

/*
 * Puts the `default` of each missing property into `value`, deeply, also through $ref, items, allOf
 * and that form of anyOf or oneOf which the value has. HG_OK, HG_ENOMEM, or HG_ETOOBIG when the
 * schema's defaults have no end.
 */
int hg_schema_apply_defaults(const json_t *schema, json_t *value);

#endif
