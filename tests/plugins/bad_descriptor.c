/* Its version says nothing that can be ordered. */
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

static const struct hg_plugin plugin = {
    .struct_size = sizeof(struct hg_plugin),
    .kind = HG_KIND_CONNECTOR,
    .id = "bad-descriptor",
    .name = "Test",
    .version = "latest",
    .summary = "Has no proper version.",
    .homepage = "",
    .license = "Apache-2.0",
    .config_schema = SOURCE_SCHEMA,
    .vtable = &source_vtable,
};

HG_MODULE(&plugin);
