/* Takes and uses 16 MiB with each batch and again for ever at the end, and gives nothing back. */
#include <stdlib.h>
#include <string.h>

#include "source.h"

static char *kept;

hg_status source_spoil(struct source *source, struct ArrowArray *batch, struct hg_error *err)
{
    (void)source;
    (void)err;
    do {
        char *memory = malloc((size_t)16 << 20);
        if (!memory) {
            return HG_ENOMEM;
        }
        memset(memory, 1, (size_t)16 << 20);
        *(char **)(void *)memory = kept;
        kept = memory;
    } while (!batch->release);
    return HG_OK;
}

void source_opened(void)
{
}

static const struct hg_plugin plugin = SOURCE_PLUGIN("leak", "Takes memory without end.");

HG_MODULE(&plugin);
