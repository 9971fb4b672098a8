/* Ends the process while it is loaded, as a library with a licence check might. */
#include <stdio.h>
#include <stdlib.h>

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

__attribute__((constructor)) static void leave(void)
{
    (void)puts("no licence");
    exit(3);
}

static const struct hg_plugin plugin =
    SOURCE_PLUGIN("exit-in-constructor", "Ends the process while it is loaded.");

HG_MODULE(&plugin);
