/* Works, and hangs when its process ends. */
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

__attribute__((destructor)) static void hang(void)
{
    for (;;) {
        (void)pause();
    }
}

static const struct hg_plugin plugin =
    SOURCE_PLUGIN("hang-at-exit", "Works, and hangs when its process ends.");

HG_MODULE(&plugin);
