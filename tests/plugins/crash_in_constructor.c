/* Crashes while it is loaded, before any function is called. */
#include <signal.h>

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

__attribute__((constructor)) static void crash(void)
{
    (void)raise(SIGSEGV);
}

static const struct hg_plugin plugin =
    SOURCE_PLUGIN("crash-in-constructor", "Crashes while it is loaded.");

HG_MODULE(&plugin);
