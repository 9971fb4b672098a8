/*
 * glob(3) that tells "there is no such file" from "nobody can say": a folder that cannot be read,
 * or no longer from its middle on, is an error and never an empty one. [any] thread.
 */
#ifndef HG_BASE_GLOB_H
#define HG_BASE_GLOB_H

#include <glob.h>

#include "base/error.h"

/*
 * Adds what fits the pattern to *found, unsorted; {0} before the first call, globfree() by the
 * caller after the last, also behind an error. No match is no error, and neither is a folder that
 * is not there.
 */
int hg_glob(const char *pattern, glob_t *found, struct hg_error *err);

#endif
