/*
 * An error as JSON, as runs and jobs carry it in the API.
 */
#ifndef HG_BASE_ERROR_JSON_H
#define HG_BASE_ERROR_JSON_H

#include <jansson.h>

#include "base/error.h"

/*
 * {"code", "message", "hint", "pointer", "sqlstate"}; the last three null when there is nothing to
 * say. Bytes that are no UTF-8 are replaced. Owned by the caller; NULL without memory.
 */
json_t *hg_error_to_json(const struct hg_error *err);

#endif
