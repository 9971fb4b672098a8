/* Crashes when the second batch, or the end, is asked for. */
#include <signal.h>

#include "source.h"

hg_status source_spoil(struct source *source, struct ArrowArray *batch, struct hg_error *err)
{
    (void)err;
    if (source->next > source->batch_rows || !batch->release) {
        (void)raise(SIGSEGV);
    }
    return HG_OK;
}

void source_opened(void)
{
}

static const struct hg_plugin plugin =
    SOURCE_PLUGIN("crash-in-read", "Crashes after its first batch.");

HG_MODULE(&plugin);
