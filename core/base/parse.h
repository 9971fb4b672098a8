/*
 * Numbers from text, whole or not at all: no leading or trailing junk, no overflow, no locale.
 */
#ifndef HG_BASE_PARSE_H
#define HG_BASE_PARSE_H

#include <stdint.h>

#include "headgate/plugin.h"

/* A decimal integer within [min, max]. HG_EINVAL with what was found and what is accepted. */
int hg_parse_int64(const char *text, int64_t min, int64_t max, int64_t *ret, struct hg_error *err);

#endif
