/* Built for a major of the ABI that does not exist here. */
#include "headgate/plugin.h"

static const struct hg_plugin *const plugins[] = {0};

HG_EXPORT extern const struct hg_module hg_module_v9;
HG_EXPORT const struct hg_module hg_module_v9 = {
    sizeof(struct hg_module), 9, 0, HG_SDK_VERSION, 0, plugins};
