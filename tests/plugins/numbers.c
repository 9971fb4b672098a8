/* A connector that does everything right. */
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

static const struct hg_plugin plugin = SOURCE_PLUGIN("numbers", "Rows that count from 0.");

HG_MODULE(&plugin);
