/*
 * Regular expressions of `pattern` and `patternProperties`: PCRE2 set up as near to ECMAScript as
 * it goes (ASCII \d and \w, \u escapes, `$` only at the end), with limits on the work of a match.
 */
#ifndef HG_BASE_SCHEMA_PATTERN_H
#define HG_BASE_SCHEMA_PATTERN_H

#include <stddef.h>

#include "base/error.h"

/* HG_EINVAL with the expression and what is wrong at which offset. */
int hg_pattern_check(const char *pattern, struct hg_error *err);
/*
 * Whether `text` holds a match: 1 or 0. HG_ETOOBIG when it takes too many steps to say, HG_EINVAL
 * for a bad expression.
 */
int hg_pattern_matches(const char *pattern, const char *text, size_t n);

#endif
