/*
 * The `format` keyword.
 */
#ifndef HG_BASE_SCHEMA_FORMAT_H
#define HG_BASE_SCHEMA_FORMAT_H

#include <stdbool.h>

/*
 * Whether `text` has that format; true for a format that is not checked. *ret_expected is set to
 * words for what the format wants ("a date such as 2026-11-25"); static.
 */
bool hg_format_matches(const char *format, const char *text, const char **ret_expected);

#endif
