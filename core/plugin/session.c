#include "plugin/session.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/schema.h"
#include "base/schema_defaults.h"
#include "base/str.h"
#include "plugin/inspect.h"

#define MAX_CONFIG_BYTES ((size_t)16 << 20)
#define BATCH_ROWS       8192

/* ------------------------------------------------------------------------------------------ */
/* The configuration                                                                            */
/* ------------------------------------------------------------------------------------------ */

static void add_violation(void *arg, const char *pointer, const char *detail, const char *hint)
{
    struct hg_buf *text = arg;
    hg_buf_printf(text, "%s%s: %s", text->len ? "; " : "", pointer[0] ? pointer : "/", detail);
    if (hint[0]) {
        hg_buf_printf(text, " (%s)", hint);
    }
}

static int validate(const json_t *schema,
                    const json_t *config,
                    const char *file,
                    struct hg_error *err)
{
    struct hg_buf text = HG_BUF_INIT;
    int n = hg_schema_validate(schema, config, add_violation, &text);
    int r = HG_OK;
    if (n < 0 || hg_buf_failed(&text)) {
        r = hg_error_nomem(err);
    } else if (n > 0) {
        r = hg_error_set(err, HG_EINVAL, "%s: %s", file, hg_buf_text(&text));
    }
    hg_buf_free(&text);
    return r;
}

static int load_json(const char *file, json_t **ret, struct hg_error *err)
{
    HG_CLEANUP(hg_freep) char *text = NULL;
    size_t n;
    json_error_t error;
    int r = hg_read_file(file, MAX_CONFIG_BYTES, &text, &n, err);
    if (r) {
        return r;
    }
    json_t *config = hg_json_read(text, n, JSON_REJECT_DUPLICATES, &error);
    if (!config) {
        (void)hg_error_set(
            err, HG_EINVAL, "%s:%d:%d: %s", file, error.line, error.column, error.text);
        return hg_error_hint(
            err,
            "The configuration is read as JSON: {\"key\": value, ...}, what stands "
            "below `config` in a pipeline.");
    }
    *ret = config;
    return HG_OK;
}

int hg_session_read_config(const struct hg_plugin *plugin,
                           const char *config_file,
                           json_t **ret,
                           struct hg_error *err)
{
    HG_CLEANUP(hg_json_decrefp) json_t *schema = NULL;
    HG_CLEANUP(hg_json_decrefp) json_t *config = NULL;
    int r = hg_plugin_read_schema(plugin, &schema, err);
    if (!r && config_file) {
        r = load_json(config_file, &config, err);
    } else if (!r && !(config = json_object())) {
        r = hg_error_nomem(err);
    }
    if (!r) {
        r = validate(schema, config, config_file ? config_file : "an empty configuration", err);
    }
    if (!r && hg_schema_apply_defaults(schema, config)) {
        r = hg_error_nomem(err);
    }
    if (!r) {
        *ret = HG_TAKE(config);
    }
    return r;
}

/* ------------------------------------------------------------------------------------------ */
/* The host                                                                                     */
/* ------------------------------------------------------------------------------------------ */

static void session_log(void *arg, int level, const char *text)
{
    struct hg_plugin_session *session = arg;
    if (session->log) {
        (void)fprintf(session->log, "%s: %s\n", hg_log_level_name(level), text);
    }
}

static hg_status session_reject(const struct hg_host *host,
                                const struct hg_reject_row *row,
                                struct hg_error *err)
{
    struct hg_plugin_session *session = hg_host_services_arg(host);
    (void)err;
    session->n_rejected++;
    if (session->log) {
        (void)fprintf(session->log,
                      "rejected: %s: %s%s%s\n",
                      row->position ? row->position : "?",
                      row->column ? row->column : "",
                      row->column ? ": " : "",
                      row->reason ? row->reason : "?");
    }
    return HG_OK;
}

static hg_status session_put_state(const struct hg_host *host,
                                   const char *state_json,
                                   struct hg_error *err)
{
    struct hg_plugin_session *session = hg_host_services_arg(host);
    json_error_t error;
    HG_CLEANUP(hg_json_decrefp)
    json_t *state = hg_json_read_text(state_json, JSON_DECODE_ANY, &error);
    if (!state) {
        return hg_error_set(err, HG_EINVAL, "the state is no JSON: %s", error.text);
    }
    char *copy = strdup(state_json);
    if (!copy) {
        return hg_error_nomem(err);
    }
    free(session->state);
    session->state = copy;
    return HG_OK;
}

static const struct hg_reject reject_extension = {sizeof reject_extension, session_reject};
static const struct hg_state state_extension = {sizeof state_extension, session_put_state};

static int make_services(struct hg_plugin_session *session,
                         const char *base_folder,
                         struct hg_error *err)
{
    static const char *const everywhere[] = {"/", NULL};
    const struct hg_host_services_options options = {
        .arg = session,
        .log = session_log,
        .base_folder = base_folder,
        .file_roots = everywhere,
    };
    int r = hg_host_services_new(&options, &session->services, err);
    r = r ? r : hg_host_services_offer(session->services, HG_EXT_REJECT, &reject_extension, err);
    return r ? r : hg_host_services_offer(session->services, HG_EXT_STATE, &state_extension, err);
}

int hg_session_init(struct hg_plugin_session *session,
                    const struct hg_plugin *plugin,
                    const char *config_file,
                    FILE *log,
                    struct hg_error *err)
{
    *session = (struct hg_plugin_session){.plugin = plugin, .log = log};
    if (plugin->kind == HG_KIND_CONNECTOR) {
        session->vtable = plugin->vtable;
    }
    HG_CLEANUP(hg_freep) char *folder = hg_path_folder(config_file ? config_file : "./x");
    HG_CLEANUP(hg_freep) char *real = folder ? realpath(folder, NULL) : NULL;
    if (!real) {
        return hg_error_errno(err, errno, "cannot find the folder of \"%s\"", config_file);
    }
    return make_services(session, real, err);
}

/* ------------------------------------------------------------------------------------------ */
/* The instance                                                                                 */
/* ------------------------------------------------------------------------------------------ */

int hg_session_open(struct hg_plugin_session *session, const json_t *config, struct hg_error *err)
{
    HG_CLEANUP(hg_freep) char *text = json_dumps(config, JSON_COMPACT);
    if (!text) {
        return hg_error_nomem(err);
    }
    return session->vtable->open(
        hg_host_services_host(session->services), text, &session->inst, err);
}

void hg_session_close(struct hg_plugin_session *session)
{
    if (session->inst) {
        session->vtable->close(session->inst);
        session->inst = NULL;
    }
}

void hg_session_free(struct hg_plugin_session *session)
{
    hg_session_close(session);
    hg_host_services_free(session->services);
    free(session->state);
    session->services = NULL;
    session->state = NULL;
}

int hg_session_read(struct hg_plugin_session *session,
                    const char *stream,
                    struct ArrowArrayStream *ret_stream,
                    struct hg_error *err)
{
    const struct hg_read_request request = {
        .struct_size = sizeof request, .batch_rows = BATCH_ROWS, .stream = stream};
    return session->vtable->read(session->inst, &request, ret_stream, err);
}

int hg_session_stream_error(struct hg_plugin_session *session,
                            struct ArrowArrayStream *stream,
                            int errno_value,
                            struct hg_error *err)
{
    const struct hg_stream_error *ext =
        session->vtable->get_extension
            ? session->vtable->get_extension(session->inst, HG_EXT_STREAM_ERROR)
            : NULL;
    if (ext) {
        struct hg_error found = HG_ERROR_INIT;
        ext->last(session->inst, stream, &found);
        if (found.code) {
            hg_error_copy(err, &found);
            return found.code;
        }
    }
    const char *text = stream->get_last_error(stream);
    if (text) {
        return hg_error_set(err, errno_value == ECANCELED ? HG_ECANCELLED : HG_EIO, "%s", text);
    }
    return hg_error_errno(err, errno_value, "the read failed");
}
