/*
 * JSON Schema keywords that look into lists and objects.
 */
#ifndef HG_BASE_SCHEMA_NESTED_H
#define HG_BASE_SCHEMA_NESTED_H

#include "base/schema_run.h"

/* One a keyword, all of one shape (see the table in schema.c). */
void hg_schema_on_min_items(struct hg_schema_run *run,
                            const json_t *schema,
                            const json_t *keyword,
                            const json_t *value);
void hg_schema_on_max_items(struct hg_schema_run *run,
                            const json_t *schema,
                            const json_t *keyword,
                            const json_t *value);
void hg_schema_on_unique_items(struct hg_schema_run *run,
                               const json_t *schema,
                               const json_t *keyword,
                               const json_t *value);
void hg_schema_on_prefix_items(struct hg_schema_run *run,
                               const json_t *schema,
                               const json_t *keyword,
                               const json_t *value);
void hg_schema_on_items(struct hg_schema_run *run,
                        const json_t *schema,
                        const json_t *keyword,
                        const json_t *value);
void hg_schema_on_min_properties(struct hg_schema_run *run,
                                 const json_t *schema,
                                 const json_t *keyword,
                                 const json_t *value);
void hg_schema_on_max_properties(struct hg_schema_run *run,
                                 const json_t *schema,
                                 const json_t *keyword,
                                 const json_t *value);
void hg_schema_on_required(struct hg_schema_run *run,
                           const json_t *schema,
                           const json_t *keyword,
                           const json_t *value);
void hg_schema_on_properties(struct hg_schema_run *run,
                             const json_t *schema,
                             const json_t *keyword,
                             const json_t *value);
void hg_schema_on_pattern_properties(struct hg_schema_run *run,
                                     const json_t *schema,
                                     const json_t *keyword,
                                     const json_t *value);
void hg_schema_on_additional_properties(struct hg_schema_run *run,
                                        const json_t *schema,
                                        const json_t *keyword,
                                        const json_t *value);
void hg_schema_on_property_names(struct hg_schema_run *run,
                                 const json_t *schema,
                                 const json_t *keyword,
                                 const json_t *value);

#endif
