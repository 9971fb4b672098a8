/* Fails with a text that is no UTF-8, and logs one. */
#include "headgate/error.h"
#include "source.h"

hg_status source_spoil(struct source *source, struct ArrowArray *batch, struct hg_error *err)
{
    source->host->log(source->host, HG_LOG_WARNING, "a name cut in two: M\xC3");
    if (batch->release) {
        batch->release(batch);
    }
    return hg_fail(err, HG_EDATA, "cannot read \"M\xC3\xBCnchen\", nor \"M\xFCnchen\"");
}

void source_opened(void)
{
}

static const struct hg_plugin plugin =
    SOURCE_PLUGIN("bad-text", "Fails with a text in another encoding.");

HG_MODULE(&plugin);
