/*
 * What can be changed of a pipeline without its file.
 */
#ifndef HG_DEFINITION_SETTINGS_H
#define HG_DEFINITION_SETTINGS_H

#include <jansson.h>

#include "base/error.h"

enum {
    HG_PARALLELISM_MAX = 64,
    HG_RETRIES_MAX = 20,
};

/*
 * Checks {schedule?, timezone?, parallelism?, retries?, enabled?}; schedule may be null (manual
 * only). HG_EINVAL with err->pointer names the first field that is wrong or unknown.
 */
int hg_settings_check(const json_t *patch, struct hg_error *err);

#endif
