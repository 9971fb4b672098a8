/*
 * JSON values as JSON Schema sees them: 1 and 1.0 are one number, lengths count code points.
 */
#ifndef HG_BASE_SCHEMA_VALUE_H
#define HG_BASE_SCHEMA_VALUE_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "base/buf.h"

/* Whether a number is whole: an integer, or a real without a fraction. */
bool hg_json_is_whole(const json_t *value);
/* -1, 0 or 1; both are numbers. Exact, also between int64 and double. */
int hg_json_compare_numbers(const json_t *a, const json_t *b);
/* Whether value / step is whole; step is above 0. */
bool hg_json_is_multiple(const json_t *value, const json_t *step);
/* Deep equality; *budget goes down by one a value, and false is answered once it is used up. */
bool hg_json_same(const json_t *a, const json_t *b, long *budget);
size_t hg_json_length(const json_t *text);
/* A limit such as minLength as a number; a real without a fraction will do. -1 when it is none. */
long long hg_json_count(const json_t *value);
/* "the text \"abc\"", "the number 3", "a list", cut when long. */
void hg_json_describe(struct hg_buf *buf, const json_t *value);

#endif
