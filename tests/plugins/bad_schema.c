/* Two plugins: the schema of one is not JSON Schema, that of the other is not JSON. */
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

#define WITH_SCHEMA(id_, schema_)                                                             \
    {                                                                                         \
        .struct_size = sizeof(struct hg_plugin), .kind = HG_KIND_CONNECTOR, .id = id_,        \
        .name = "Test", .version = "1.0.0", .summary = "Has a wrong schema.", .homepage = "", \
        .license = "Apache-2.0", .config_schema = schema_, .vtable = &source_vtable           \
    }

static const struct hg_plugin no_schema =
    WITH_SCHEMA("bad-schema", "{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"many\"}}}");
static const struct hg_plugin no_json = WITH_SCHEMA("bad-json", "{\"type\":\"object\"");

HG_MODULE(&no_schema, &no_json);
