/*
 * Whether a JSON Schema is one that base/schema.h can validate with.
 */
#ifndef HG_BASE_SCHEMA_CHECK_H
#define HG_BASE_SCHEMA_CHECK_H

#include <jansson.h>

#include "base/error.h"

/*
 * Whether `schema` itself is well-formed and uses only the keywords above. HG_EINVAL if not, with
 * err->pointer naming the place in the schema.
 */
int hg_schema_check(const json_t *schema, struct hg_error *err);

/* The subschema that a `$ref` text names within `root`, or NULL. Borrowed from `root`. */
const json_t *hg_schema_resolve(const json_t *root, const char *ref);

#endif
