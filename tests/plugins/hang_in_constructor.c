/* Never comes back from being loaded. */
#include <unistd.h>

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

__attribute__((constructor)) static void hang(void)
{
    for (;;) {
        (void)pause();
    }
}

static const struct hg_plugin plugin =
    SOURCE_PLUGIN("hang-in-constructor", "Hangs while it is loaded.");

HG_MODULE(&plugin);
