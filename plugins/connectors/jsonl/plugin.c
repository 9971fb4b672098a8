/* The connector "jsonl": what the host sees of it. */
#include "config_schema.h" /* made from config.schema.json */
#include "reader.h"
#include "source.h"

static hg_status jsonl_open(const struct hg_host *host,
                            const char *config_json,
                            void **ret_inst,
                            struct hg_error *err)
{
    return src_source_open(&jsonl_format, host, config_json, ret_inst, err);
}

static const struct hg_connector_vtable vtable = {
    .struct_size = sizeof vtable,
    .resume = HG_RESUME_CURSOR,
    .open = jsonl_open,
    .test = src_source_test,
    .discover = src_source_discover,
    .read = src_source_read,
    .cancel = src_source_cancel,
    .close = src_source_close,
    .get_extension = src_source_extension,
};

static const struct hg_plugin plugin = {
    .struct_size = sizeof plugin,
    .kind = HG_KIND_CONNECTOR,
    .id = "jsonl",
    .name = "JSON Lines files",
    .version = HG_SDK_VERSION,
    .summary =
        "Reads files of one JSON object a line, plain or compressed, with a type for each column.",
    .homepage = "",
    .license = "Apache-2.0",
    .config_schema = (const char *)config_schema,
    .vtable = &vtable,
};

HG_MODULE(&plugin);
