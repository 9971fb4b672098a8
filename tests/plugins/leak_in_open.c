/* Loses 1 MiB with each open. */
#include <stdlib.h>
#include <string.h>

#include "source.h"

static char *kept;

hg_status source_spoil(struct source *source, struct ArrowArray *batch, struct hg_error *err)
{
    (void)source;
    (void)batch;
    (void)err;
    return HG_OK;
}

void source_opened(void)
{
    char *memory = malloc((size_t)1 << 20);
    if (memory) {
        memset(memory, 1, (size_t)1 << 20);
        *(char **)(void *)memory = kept;
        kept = memory;
    }
}

static const struct hg_plugin plugin = SOURCE_PLUGIN("leak-in-open", "Loses 1 MiB with each open.");

HG_MODULE(&plugin);
