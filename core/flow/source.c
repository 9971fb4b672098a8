#include "flow/source.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/json.h"
#include "base/mem.h"
#include "flow/watch.h"

/*
 * What api.md promises of sources that read files: without a word on `files`, rows that are
 * appended come from new files only, for the others were appended before.
 */
static int default_files(const struct hg_source *source, const char *config_schema, json_t *config)
{
    HG_CLEANUP(hg_json_decrefp) json_t *schema = hg_json_read_text(config_schema, 0, NULL);
    if (!json_object_get(json_object_get(schema, "properties"), "files") ||
        json_object_get(config, "files") || strcmp(hg_flow_mode(source->flow), "append") != 0) {
        return 0;
    }
    return json_object_set_new(config, "files", json_string("new"));
}

static int find_plugin(struct hg_source *source, const json_t *extract, struct hg_error *err)
{
    const struct hg_plugin *plugin = NULL;
    const struct hg_flow_plugins *plugins = source->flow->plugins;
    int r = hg_flow_text(extract, "plugin", &source->id, err);
    hg_flow_calling(
        source->flow, source->job, source->id); /* loading runs the plugin's constructors */
    r = r < 0 ? r
              : plugins->find(plugins->arg,
                              HG_KIND_CONNECTOR,
                              source->id,
                              json_string_value(json_object_get(extract, "plugin_file")),
                              json_string_value(json_object_get(extract, "plugin_sha256")),
                              &plugin,
                              err);
    hg_flow_calling(source->flow, source->job, NULL);
    if (r == HG_OK) {
        source->vtable = plugin->vtable;
        source->config_schema = plugin->config_schema ? plugin->config_schema : "{}";
    }
    return r;
}

static void format_position(void *arg, int64_t position, char *buf, size_t size)
{
    struct hg_source *source = arg;
    buf[0] = '\0';
    hg_flow_calling(source->flow, source->job, source->id);
    source->positions->format(source->inst, position, buf, size);
    hg_flow_calling(source->flow, source->job, NULL);
    buf[size - 1] = '\0';
}

static void find_positions(struct hg_source *source)
{
    const struct hg_position *positions = NULL;
    if (source->vtable->get_extension) {
        positions = source->vtable->get_extension(source->inst, HG_EXT_POSITION);
    }
    if (positions && HG_HAS(positions, struct hg_position, format)) {
        source->positions = positions;
        source->schema.format_position = format_position;
        source->schema.format_arg = source;
    }
}

static int open_instance(struct hg_source *source, const json_t *extract, struct hg_error *err)
{
    const json_t *given = json_object_get(extract, "config");
    HG_CLEANUP(hg_json_decrefp)
    json_t *config = given ? json_copy((json_t *)(uintptr_t)given) : json_object();
    HG_CLEANUP(hg_freep) char *text = NULL;
    if (config && default_files(source, source->config_schema, config) == 0) {
        text = json_dumps(config, JSON_COMPACT);
    }
    if (!text) {
        return hg_error_nomem(err);
    }
    int r = hg_service_open(&source->service, source->flow, source->job, true, err);
    if (r < 0) {
        return r;
    }
    hg_flow_calling(source->flow, source->job, source->id);
    r = source->vtable->open(hg_service_host(&source->service), text, &source->inst, err);
    hg_flow_calling(source->flow, source->job, NULL);
    if (r == HG_OK) {
        hg_flow_watch_source(source->flow->watch, source->vtable, source->inst);
    }
    return r;
}

/* Memory that runs out is rarely the fault of the core: says who took it and how much there was. */
static void explain_no_memory(const struct hg_source *source, struct hg_error *err)
{
    struct rlimit limit;
    hg_error_set(err, HG_ENOMEM, "plugin \"%s\" ran out of memory", source->id);
    if (getrlimit(RLIMIT_DATA, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
        hg_error_hint(err, "A worker may use %llu MB.", (unsigned long long)(limit.rlim_cur >> 20));
    }
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
            hg_error_set(err, err ? err->code : HG_EIO, "%s", text);
        }
    }
    if (err && err->code == HG_ENOMEM) {
        explain_no_memory(source, err);
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
    hg_flow_calling(source->flow, source->job, source->id);
    int r = source->vtable->read(source->inst, &request, &source->stream, err);
    if (r == HG_OK) {
        int failed = source->stream.get_schema(&source->stream, &schema);
        r = failed ? stream_error(source, failed, err) : HG_OK;
    }
    hg_flow_calling(source->flow, source->job, NULL);
    r = r < 0 ? r : hg_flow_schema_take(&schema, &source->schema, err);
    if (r == HG_OK) {
        find_positions(source);
    }
    return r;
}

int hg_source_open(struct hg_source *source,
                   struct hg_flow *flow,
                   const char *state,
                   struct hg_error *err)
{
    const json_t *extract = json_object_get(flow->task, "extract");
    *source = (struct hg_source){.flow = flow, .job = flow->current, .schema = {.position = -1}};
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
    hg_flow_calling(source->flow, source->job, source->id);
    int failed = source->stream.get_next(&source->stream, &array);
    int r = failed ? stream_error(source, failed, err) : HG_OK;
    hg_flow_calling(source->flow, source->job, NULL);
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
    hg_flow_calling(source->flow, source->job, source->id);
    if (source->stream.release) {
        source->stream.release(&source->stream);
    }
    hg_flow_schema_free(&source->schema);
    if (source->inst) {
        hg_flow_watch_source(source->flow->watch, NULL, NULL);
        source->vtable->close(source->inst);
        source->inst = NULL;
    }
    hg_flow_calling(source->flow, source->job, NULL);
    hg_service_close(&source->service);
    free(source->state);
    source->state = NULL;
}
