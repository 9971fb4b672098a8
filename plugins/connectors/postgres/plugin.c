/* The connector "postgres": what the host sees of it. */
#include <stdlib.h>
#include <string.h>

#include "config_schema.h" /* made from config.schema.json */
#include "headgate/error.h"
#include "reader.h"

#define STREAM_NAME "rows"
/* Streams that discover tells of a whole database. */
#define DISCOVER_SQL                                                              \
    "SELECT n.nspname || '.' || c.relname FROM pg_catalog.pg_class c"             \
    " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"                   \
    " WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition"      \
    " AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"              \
    " AND n.nspname !~ '[.]' AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')" \
    " AND pg_catalog.has_table_privilege(c.oid, 'SELECT') ORDER BY 1 LIMIT 1000"

struct source {
    const struct hg_host *host;
    struct pg_config *config;
    struct src_cancel cancel;
};

static void source_close(void *inst)
{
    struct source *source = inst;
    if (!source) {
        return;
    }
    src_cancel_close(&source->cancel);
    pg_config_free(source->config);
    free(source);
}

static hg_status source_open(const struct hg_host *host,
                             const char *config_json,
                             void **ret_inst,
                             struct hg_error *err)
{
    struct source *source = calloc(1, sizeof *source);
    if (!source) {
        return hg_fail_nomem(err);
    }
    source->host = host;
    src_cancel_open(&source->cancel, host);
    hg_status status = pg_config_read(config_json, &source->config, err);
    if (status) {
        source_close(source);
        return status;
    }
    *ret_inst = source;
    return HG_OK;
}

/* Connects and, where the configuration says what to read, looks at its columns. */
static hg_status source_test(void *inst, struct hg_error *err)
{
    struct source *source = inst;
    struct pg_conn conn;
    struct pg_plan plan = {.cursor = -1};
    hg_status status = pg_conn_open(source->config, &source->cancel, &conn, err);
    if (!status && (source->config->table || source->config->query)) {
        status = pg_plan_make(&conn, source->config, NULL, &plan, err);
        pg_plan_done(&plan);
    }
    pg_conn_close(&conn);
    return status;
}

/* ------------------------------------------------------------------------------------------ */
/* Discovery                                                                                    */
/* ------------------------------------------------------------------------------------------ */

static hg_status tell(struct source *source,
                      struct pg_conn *conn,
                      const char *table,
                      const struct hg_discover_sink *sink,
                      struct hg_error *err)
{
    struct pg_plan plan;
    struct ArrowSchema schema;
    hg_status status = pg_plan_make(conn, source->config, table, &plan, err);
    if (!status) {
        status = pg_plan_schema(&plan, &schema, err);
    }
    if (status) {
        pg_plan_done(&plan);
        return status;
    }
    struct hg_stream_info info = {
        .struct_size = sizeof info,
        .resume = source->config->cursor ? HG_RESUME_CURSOR : HG_RESUME_NONE,
        .name = table ? table : STREAM_NAME,
        .schema = &schema,
        .cursor = source->config->cursor,
    };
    status = sink->stream(sink->arg, &info, err);
    schema.release(&schema);
    pg_plan_done(&plan);
    return status;
}

static hg_status tell_all(struct source *source,
                          struct pg_conn *conn,
                          const struct hg_discover_sink *sink,
                          struct hg_error *err)
{
    PGresult *tables = NULL;
    hg_status status = pg_conn_run(conn, DISCOVER_SQL, 0, NULL, &tables, err);
    for (int i = 0; !status && i < PQntuples(tables); i++) {
        status = tell(source, conn, PQgetvalue(tables, i, 0), sink, err);
    }
    PQclear(tables);
    return status;
}

static hg_status source_discover(void *inst,
                                 const struct hg_discover_sink *sink,
                                 struct hg_error *err)
{
    struct source *source = inst;
    struct pg_conn conn;
    bool one = source->config->table || source->config->query;
    hg_status status = pg_conn_open(source->config, &source->cancel, &conn, err);
    if (!status) {
        status = one ? tell(source, &conn, NULL, sink, err) : tell_all(source, &conn, sink, err);
    }
    pg_conn_close(&conn);
    return status;
}

/* ------------------------------------------------------------------------------------------ */
/* Streams                                                                                      */
/* ------------------------------------------------------------------------------------------ */

static hg_status stream_schema(void *arg, struct ArrowSchema *ret, struct hg_error *err)
{
    const struct pg_reader *reader = arg;
    return pg_plan_schema(&reader->plan, ret, err);
}

static hg_status stream_next(void *arg, struct ArrowArray *ret, struct hg_error *err)
{
    return pg_reader_next(arg, ret, err);
}

static void stream_release(void *arg)
{
    pg_reader_free(arg);
}

static const struct hg_batch_stream_ops stream_ops = {stream_schema, stream_next, stream_release};

static hg_status source_read(void *inst,
                             const struct hg_read_request *request,
                             struct ArrowArrayStream *ret_stream,
                             struct hg_error *err)
{
    struct source *source = inst;
    struct pg_reader *reader;
    bool one = source->config->table || source->config->query;
    if (request->stream && one && strcmp(request->stream, STREAM_NAME) != 0) {
        hg_fail(err, HG_ENOTFOUND, "there is no stream \"%s\"", request->stream);
        return hg_fail_hint(
            err, HG_ENOTFOUND, "The configuration names what is read; its stream is \"rows\".");
    }
    hg_status status =
        pg_reader_new(source->host, source->config, &source->cancel, request, &reader, err);
    if (status) {
        return status;
    }
    status = hg_batch_stream(&stream_ops, reader, ret_stream, err);
    if (status) {
        pg_reader_free(reader);
    }
    return status;
}

static void source_cancel(void *inst)
{
    struct source *source = inst;
    src_cancel_now(&source->cancel);
}

static const struct hg_connector_vtable vtable = {
    .struct_size = sizeof vtable,
    .resume = HG_RESUME_CURSOR,
    .open = source_open,
    .test = source_test,
    .discover = source_discover,
    .read = source_read,
    .cancel = source_cancel,
    .close = source_close,
    .get_extension = hg_batch_stream_extension,
};

static const struct hg_plugin plugin = {
    .struct_size = sizeof plugin,
    .flags = HG_PLUGIN_NEEDS_SECRET,
    .kind = HG_KIND_CONNECTOR,
    .id = "postgres",
    .name = "PostgreSQL",
    .version = HG_SDK_VERSION,
    .summary = "Reads a table or a query of another PostgreSQL database.",
    .homepage = "",
    .license = "Apache-2.0",
    .config_schema = (const char *)config_schema,
    .vtable = &vtable,
};

HG_MODULE(&plugin);
