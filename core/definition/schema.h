/*
 * The JSON Schema of pipeline files: shapes and bounds. What needs more than one value to judge
 * (needs, plugins, tables) is checked in definition.c.
 */
#ifndef HG_DEFINITION_SCHEMA_H
#define HG_DEFINITION_SCHEMA_H

#include <jansson.h>

/* Parsed at the first call and kept; NULL without memory. [any] thread; borrowed. */
const json_t *hg_pipeline_file_schema(void);

#endif
