#include "flow/source.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "flow/watch.h"

static int find_plugin(struct hg_source *source, const json_t *extract, struct hg_error *err)
{
    const struct hg_plugin *plugin = NULL;
    const struct hg_flow_plugins *plugins = source->flow->plugins;
    int r = hg_flow_text(extract, "plugin", &source->id, err);
    hg_flow_calling(source->flow, source->id); /* loading runs the plugin's constructors */
    r = r < 0 ? r
              : plugins->find(plugins->arg, HG_KIND_CONNECTOR, source->id,
                              json_string_value(json_object_get(extract, "plugin_file")),
                              json_string_value(json_object_get(extract, "plugin_sha256")),
                              &plugin, err);
    hg_flow_calling(source->flow, NULL);
    if (r == HG_OK) {
        source->vtable = plugin->vtable;
    }
    return r;
}

static int open_instance(struct hg_source *source, const json_t *extract, struct hg_error *err)
{
    const json_t *config = json_object_get(extract, "config");
    HG_CLEANUP(hg_freep) char *text = config ? json_dumps(config, JSON_COMPACT) : strdup("{}");
    if (!text) {
        return hg_error_nomem(err);
    }
    int r = hg_service_open(&source->service, source->flow, source->flow->current, true, err);
    if (r < 0) {
        return r;
    }
    hg_flow_calling(source->flow, source->id);
    r = source->vtable->open(hg_service_host(&source->service), text, &source->inst, err);
    hg_flow_calling(source->flow, NULL);
    if (r == HG_OK) {
        hg_watch_source(source->flow->watch, source->vtable, source->inst);
    }
    return r;
}

/* The whole error behind an errno of the stream, as far as the plugin tells. */
static int stream_error(struct hg_source *source, int errno_value, struct hg_error *err)
{
    const struct hg_stream_error *whole = NULL;
    hg_error_errno(err, errno_value, "the source \"%s\" failed", source->id);
    if (source->vtable->get_extension) {
        whole = source->vtable->get_extension(source->inst, HG_EXT_STREAM_ERROR);
    }
    if (whole && whole->last && err) {
        struct hg_error last = HG_ERROR_INIT;
        whole->last(source->inst, &source->stream, &last);
        if (last.code < 0) {
            hg_error_copy(err, &last);
        }
    } else if (source->stream.get_last_error) {
        const char *text = source->stream.get_last_error(&source->stream);
        if (text) {
            return hg_error_set(err, err ? err->code : HG_EIO, "%s", text);
        }
    }
    return err ? err->code : HG_EIO;
}

static int start_stream(struct hg_source *source, const json_t *extract, struct hg_error *err)
{
    const struct hg_read_request request = {
        .struct_size = sizeof request,
        .batch_rows = HG_FLOW_BATCH_ROWS,
        .stream = json_string_value(json_object_get(extract, "stream")),
        .state_json = source->state,
    };
    struct ArrowSchema schema = {0};
    hg_flow_calling(source->flow, source->id);
    int r = source->vtable->read(source->inst, &request, &source->stream, err);
    if (r == HG_OK) {
        int failed = source->stream.get_schema(&source->stream, &schema);
        r = failed ? stream_error(source, failed, err) : HG_OK;
    }
    hg_flow_calling(source->flow, NULL);
    return r < 0 ? r : hg_flow_schema_take(&schema, &source->schema, err);
}

int hg_source_open(struct hg_source *source, struct hg_flow *flow, const char *state,
                   struct hg_error *err)
{
    const json_t *extract = json_object_get(flow->task, "extract");
    *source = (struct hg_source){.flow = flow, .schema = {.position = -1}};
    if (state) {
        source->state = strdup(state);
        if (!source->state) {
            return hg_error_nomem(err);
        }
    }
    int r = find_plugin(source, extract, err);
    r = r < 0 ? r : open_instance(source, extract, err);
    return r < 0 ? r : start_stream(source, extract, err);
}

int hg_source_next(struct hg_source *source, struct ArrowArray *ret, struct hg_error *err)
{
    struct ArrowArray array = {0};
    hg_flow_calling(source->flow, source->id);
    int failed = source->stream.get_next(&source->stream, &array);
    int r = failed ? stream_error(source, failed, err) : HG_OK;
    hg_flow_calling(source->flow, NULL);
    if (r == HG_OK) {
        *ret = array;
    }
    return r;
}

void hg_source_close(struct hg_source *source)
{
    if (!source->flow) {
        return;
    }
    hg_flow_calling(source->flow, source->id);
    if (source->stream.release) {
        source->stream.release(&source->stream);
    }
    hg_flow_schema_free(&source->schema);
    if (source->inst) {
        hg_watch_source(source->flow->watch, NULL, NULL);
        source->vtable->close(source->inst);
        source->inst = NULL;
    }
    hg_flow_calling(source->flow, NULL);
    hg_service_close(&source->service);
    free(source->state);
    source->state = NULL;
}
