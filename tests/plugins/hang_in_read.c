/* Hangs when the second batch, or the end, is asked for, and hears no cancel. */
#include <unistd.h>

#include "source.h"

hg_status source_spoil(struct source *source, struct ArrowArray *batch, struct hg_error *err)
{
    (void)err;
    while (source->next > source->batch_rows || !batch->release) {
        (void)pause();
    }
    return HG_OK;
}

void source_opened(void)
{
}

static const struct hg_plugin plugin =
    SOURCE_PLUGIN("hang-in-read", "Hangs after its first batch and does not listen to cancel.");

HG_MODULE(&plugin);
