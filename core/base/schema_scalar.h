/*
 * JSON Schema keywords that look at one value: its type, its number, its text.
 */
#ifndef HG_BASE_SCHEMA_SCALAR_H
#define HG_BASE_SCHEMA_SCALAR_H

#include "base/schema_run.h"

/* Whether `value` has one of the types of a `type` keyword, one name or a list of them. */
bool hg_schema_has_types(const json_t *value, const json_t *names);
/* Those types in words: "a text or a list". */
void hg_schema_put_types(struct hg_buf *buf, const json_t *names);

/* One a keyword, all of one shape (see the table in schema.c). */
void hg_schema_on_type(struct hg_schema_run *run,
                       const json_t *schema,
                       const json_t *keyword,
                       const json_t *value);
void hg_schema_on_enum(struct hg_schema_run *run,
                       const json_t *schema,
                       const json_t *keyword,
                       const json_t *value);
void hg_schema_on_const(struct hg_schema_run *run,
                        const json_t *schema,
                        const json_t *keyword,
                        const json_t *value);
void hg_schema_on_minimum(struct hg_schema_run *run,
                          const json_t *schema,
                          const json_t *keyword,
                          const json_t *value);
void hg_schema_on_maximum(struct hg_schema_run *run,
                          const json_t *schema,
                          const json_t *keyword,
                          const json_t *value);
void hg_schema_on_exclusive_minimum(struct hg_schema_run *run,
                                    const json_t *schema,
                                    const json_t *keyword,
                                    const json_t *value);
void hg_schema_on_exclusive_maximum(struct hg_schema_run *run,
                                    const json_t *schema,
                                    const json_t *keyword,
                                    const json_t *value);
void hg_schema_on_multiple_of(struct hg_schema_run *run,
                              const json_t *schema,
                              const json_t *keyword,
                              const json_t *value);
void hg_schema_on_min_length(struct hg_schema_run *run,
                             const json_t *schema,
                             const json_t *keyword,
                             const json_t *value);
void hg_schema_on_max_length(struct hg_schema_run *run,
                             const json_t *schema,
                             const json_t *keyword,
                             const json_t *value);
void hg_schema_on_pattern(struct hg_schema_run *run,
                          const json_t *schema,
                          const json_t *keyword,
                          const json_t *value);
void hg_schema_on_format(struct hg_schema_run *run,
                         const json_t *schema,
                         const json_t *keyword,
                         const json_t *value);

#endif
