#include "plugin/run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "plugin/arrow_check.h"
#include "plugin/csv_out.h"
#include "plugin/module.h"
#include "plugin/session.h"

/* The connector to run: the one of that id, or the only one there is. */
static int choose(const struct hg_module *module,
                  const char *id,
                  const struct hg_plugin **ret,
                  struct hg_error *err)
{
    const struct hg_plugin *found = NULL;
    for (uint64_t i = 0; i < module->n_plugins; i++) {
        const struct hg_plugin *plugin = module->plugins[i];
        if (plugin->kind != HG_KIND_CONNECTOR || (id && strcmp(id, plugin->id) != 0)) {
            continue;
        }
        if (found) {
            hg_error_set(err, HG_EINVAL, "the file holds several connectors");
            hg_error_hint(err, "Name one of them, for example \"%s\".", found->id);
            return HG_EINVAL;
        }
        found = plugin;
    }
    if (!found) {
        return id ? hg_error_set(err, HG_ENOTFOUND, "the file holds no connector \"%s\"", id)
                  : hg_error_set(err, HG_ENOTFOUND, "the file holds no connector");
    }
    *ret = found;
    return HG_OK;
}

static void release_schemap(struct ArrowSchema *schema)
{
    if (schema->release) {
        schema->release(schema);
    }
}

static void release_streamp(struct ArrowArrayStream *stream)
{
    if (stream->release) {
        stream->release(stream);
    }
}

/* Writes one batch, at most `left` rows of it (-1: all), and releases it. */
static int write_batch(FILE *rows,
                       const struct ArrowSchema *schema,
                       struct ArrowArray *batch,
                       int64_t *left,
                       struct hg_error *err)
{
    int r = hg_arrow_check_batch(schema, batch, HG_ARROW_FULL, err);
    int64_t n = batch->length;
    if (*left >= 0) {
        n = n < *left ? n : *left;
        *left -= n;
    }
    if (!r) {
        r = hg_csv_write_batch(rows, schema, batch, n, err);
    }
    batch->release(batch);
    return r;
}

static int write_all(struct hg_plugin_session *session,
                     struct ArrowArrayStream *stream,
                     int64_t max_rows,
                     FILE *rows,
                     struct hg_error *err)
{
    HG_CLEANUP(release_schemap) struct ArrowSchema schema = {0};
    int e = stream->get_schema(stream, &schema);
    if (e) {
        return hg_session_stream_error(session, stream, e, err);
    }
    int r = hg_arrow_check_schema(&schema, err);
    if (!r) {
        r = hg_csv_write_header(rows, &schema, err);
    }
    int64_t left = max_rows > 0 ? max_rows : -1;
    while (!r && left != 0) {
        struct ArrowArray batch = {0};
        e = stream->get_next(stream, &batch);
        if (e) {
            return hg_session_stream_error(session, stream, e, err);
        }
        if (!batch.release) {
            break;
        }
        r = write_batch(rows, &schema, &batch, &left, err);
    }
    return r;
}

static int read_rows(struct hg_plugin_session *session,
                     const struct hg_plugin_run_options *options,
                     FILE *rows,
                     struct hg_error *err)
{
    HG_CLEANUP(hg_json_decrefp) json_t *config = NULL;
    HG_CLEANUP(release_streamp) struct ArrowArrayStream stream = {0};
    int r = hg_session_read_config(session->plugin, options->config_file, &config, err);
    r = r ? r : hg_session_open(session, config, err);
    r = r ? r : hg_session_read(session, options->stream, &stream, err);
    r = r ? r : write_all(session, &stream, options->max_rows, rows, err);
    return !r && fflush(rows) ? hg_error_errno(err, errno, "cannot write the rows") : r;
}

int hg_plugin_run(const struct hg_plugin_run_options *options,
                  FILE *rows,
                  FILE *log,
                  struct hg_error *err)
{
    const struct hg_module *module;
    const struct hg_plugin *plugin = NULL;
    int r = hg_module_open(options->file, NULL, &module, err);
    r = r ? r : choose(module, options->plugin, &plugin, err);
    if (r) {
        return r;
    }
    struct hg_plugin_session session = {.plugin = plugin};
    r = hg_session_init(&session, plugin, options->config_file, log, err);
    r = r ? r : read_rows(&session, options, rows, err);
    if (session.n_rejected > 0) {
        (void)fprintf(log, "%lld rows rejected\n", (long long)session.n_rejected);
    }
    hg_session_free(&session);
    return r;
}
