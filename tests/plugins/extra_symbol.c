/* Exports a symbol beside the module, which could meet that of another plugin. */
#include "source.h"

hg_status source_spoil(struct source *source, struct ArrowArray *batch, struct hg_error *err)
{
    (void)source;
    (void)batch;
    (void)err;
    return HG_OK;
}

void source_opened(void)
{
}

HG_EXPORT int extra_symbol(void);
int extra_symbol(void)
{
    return 1;
}

static const struct hg_plugin plugin = SOURCE_PLUGIN("extra-symbol", "Exports a symbol too many.");

HG_MODULE(&plugin);
