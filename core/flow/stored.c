#include "flow/stored.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "flow/checks.h"
#include "flow/encode.h"
#include "flow/ledger.h"
#include "flow/reader.h"
#include "flow/source.h"
#include "headgate/batch.h"
#include "store/quote.h"

static const struct hg_statement find_columns = {
    "flow_stored_columns",
    "select a.attname::text as name, a.atttypid::bigint as oid, a.atttypmod as typmod"
    " from pg_class c join pg_namespace n on n.oid = c.relnamespace"
    " join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped"
    " where n.nspname = $1 and c.relname = $2 and c.relkind in ('r', 'p', 'v', 'm', 'f')"
    " order by a.attnum",
    2};

/* How a column of a table is read: as this type, after this cast. Any other type is read as text.
 */
static const struct {
    uint32_t oid;
    int type;
    bool utc;
    const char *cast;
} readings[] = {
    {HG_OID_BOOL, HG_TYPE_BOOL, false, ""},
    {21, HG_TYPE_INT32, false, "::integer"}, /* smallint */
    {HG_OID_INT4, HG_TYPE_INT32, false, ""},
    {HG_OID_INT8, HG_TYPE_INT64, false, ""},
    {700, HG_TYPE_FLOAT64, false, "::double precision"}, /* real */
    {HG_OID_FLOAT8, HG_TYPE_FLOAT64, false, ""},
    {HG_OID_BYTEA, HG_TYPE_BINARY, false, ""},
    {HG_OID_DATE, HG_TYPE_DATE32, false, ""},
    {HG_OID_TIMESTAMP, HG_TYPE_TIMESTAMP_US, false, ""},
    {HG_OID_TIMESTAMPTZ, HG_TYPE_TIMESTAMP_US, true, ""},
};

struct stored {
    struct hg_flow *flow;
    PGresult *columns; /* holds the names */
    struct hg_column *list;
    size_t n_columns;
    struct hg_flow_schema schema;
    struct hg_reader *reader;
    struct hg_checks *checks;
    struct hg_flow_view *views;
    int64_t *seq;
    int32_t *rows;
    int64_t n_seen;
};

/* ---- the SELECT ---- */

static const char *read_as(struct hg_flow_column *column, uint32_t oid, int32_t typmod)
{
    for (size_t i = 0; i < HG_COUNT(readings); i++) {
        if (readings[i].oid == oid) {
            column->type = readings[i].type;
            column->utc = readings[i].utc;
            return readings[i].cast;
        }
    }
    int precision = ((typmod - 4) >> 16) & 0xffff;
    int scale = (((typmod - 4) & 0x7ff) ^ 1024) - 1024;
    if (oid == HG_OID_NUMERIC && typmod >= 4 && precision <= 38 && scale >= 0 &&
        scale <= precision) {
        column->type = HG_TYPE_DECIMAL128;
        column->precision = precision;
        column->scale = scale;
        return "";
    }
    if (oid == HG_OID_NUMERIC) {
        /* Without a precision there is no decimal that holds all of it. */
        column->type = HG_TYPE_FLOAT64;
        return "::double precision";
    }
    column->type = HG_TYPE_UTF8;
    column->json = oid == HG_OID_JSONB;
    return "::text";
}

static int find_table(struct stored *stored, const char *table, struct hg_error *err)
{
    HG_CLEANUP(hg_freep) char *schema = strdup(table);
    if (!schema) {
        return hg_error_nomem(err);
    }
    char *dot = strchr(schema, '.');
    *dot = '\0';
    const char *const params[] = {schema, dot + 1};
    int r = hg_db_exec(stored->flow->db, &find_columns, params, &stored->columns, err);
    stored->n_columns = r == HG_OK ? (size_t)PQntuples(stored->columns) : 0;
    if (r == HG_OK && stored->n_columns == 0) {
        r = hg_error_set(err, HG_EINVAL, "there is no table %s to check", table);
    }
    return r;
}

static int build_select(struct stored *stored,
                        const char *table,
                        struct hg_buf *sql,
                        struct hg_error *err)
{
    struct hg_buf quoted = HG_BUF_INIT;
    int r = hg_quote_table(&quoted, table, err);
    r = r < 0 ? r : find_table(stored, table, err);
    stored->list = calloc(stored->n_columns + 1, sizeof *stored->list);
    hg_buf_puts(sql, "select ");
    for (size_t i = 0; r == HG_OK && stored->list && i < stored->n_columns; i++) {
        struct hg_flow_column column = {.name = hg_result_text(stored->columns, (int)i, "name")};
        hg_buf_puts(sql, i > 0 ? ", " : "");
        hg_quote_ident(sql, column.name);
        hg_buf_puts(sql,
                    read_as(&column,
                            (uint32_t)hg_result_int64(stored->columns, (int)i, "oid", 0),
                            (int32_t)hg_result_int64(stored->columns, (int)i, "typmod", -1)));
        stored->list[i] = hg_flow_column_build(&column);
    }
    hg_buf_printf(sql, " from %s", hg_buf_text(&quoted));
    hg_buf_free(&quoted);
    return r == HG_OK && (!stored->list || hg_buf_failed(sql)) ? hg_error_nomem(err) : r;
}

static int open_batches(struct stored *stored, struct hg_error *err)
{
    struct ArrowSchema schema = {0};
    int r = hg_batch_schema(stored->list, stored->n_columns, &schema, err);
    r = r < 0 ? r : hg_flow_schema_take(&schema, &stored->schema, err);
    stored->views =
        calloc(stored->n_columns + 1, sizeof *stored->views); /* a table may have none */
    stored->seq = calloc(HG_FLOW_BATCH_ROWS, sizeof *stored->seq);
    stored->rows = calloc(HG_FLOW_BATCH_ROWS, sizeof *stored->rows);
    if (r == HG_OK && (!stored->views || !stored->seq || !stored->rows)) {
        r = hg_error_nomem(err);
    }
    return r < 0 ? r : hg_checks_new(stored->flow, &stored->schema, false, &stored->checks, err);
}

static void close_stored(struct stored *stored)
{
    hg_checks_free(stored->checks);
    hg_reader_close(stored->reader);
    hg_flow_schema_free(&stored->schema);
    PQclear(stored->columns);
    free(stored->list);
    free(stored->views);
    free(stored->seq);
    free(stored->rows);
}

/* ---- rows ---- */

static int check_batch(struct stored *stored, const struct ArrowArray *array, struct hg_error *err)
{
    int64_t n_good = 0;
    for (int64_t i = 0; i < array->length; i++) {
        stored->seq[i] = stored->n_seen++;
    }
    const struct hg_flow_batch batch = {
        &stored->schema, array, stored->views, stored->seq, array->length};
    int r = hg_flow_views(&stored->schema, array, stored->views, err);
    r = r < 0 ? r : hg_checks_batch(stored->checks, &batch, stored->rows, &n_good, err);
    hg_flow_progress(stored->flow);
    return r;
}

static int read_rows(struct stored *stored, const char *select, struct hg_error *err)
{
    int r = hg_reader_open(
        stored->flow->db, select, stored->list, stored->n_columns, &stored->reader, err);
    while (r == HG_OK) {
        struct ArrowArray array = {0};
        r = hg_flow_cancelled(stored->flow, err);
        r = r < 0 ? r : hg_reader_next(stored->reader, &array, err);
        if (r < 0 || !array.release) {
            return r;
        }
        r = check_batch(stored, &array, err);
        array.release(&array);
    }
    return r;
}

static int no_late_rows(void *arg,
                        const struct hg_flow_batch *batch,
                        const int32_t *rows,
                        int64_t n,
                        struct hg_error *err)
{
    (void)arg;
    (void)batch;
    (void)rows;
    (void)n;
    return hg_error_set(err, HG_EINTERNAL, "a late verdict on a stored row");
}

static int run_stored(struct stored *stored, struct hg_error *err)
{
    const char *table = NULL;
    struct hg_buf sql = HG_BUF_INIT;
    int r = hg_flow_text(stored->flow->task, "table", &table, err);
    r = r < 0 ? r : hg_db_simple(stored->flow->db, "begin read only", NULL, err);
    r = r < 0 ? r : hg_ledger_as_user(stored->flow, err);
    r = r < 0 ? r : build_select(stored, table, &sql, err);
    r = r < 0 ? r : open_batches(stored, err);
    r = r < 0 ? r : read_rows(stored, hg_buf_text(&sql), err);
    r = r < 0 ? r : hg_checks_finish(stored->checks, no_late_rows, NULL, err);
    hg_buf_free(&sql);
    if (stored->checks) {
        int reported = hg_checks_report(stored->checks, r < 0 ? NULL : err);
        r = r < 0 ? r : reported;
    }
    return r;
}

int hg_stored_run(struct hg_flow *flow, struct hg_error *err)
{
    struct stored stored = {.flow = flow, .schema = {.position = -1}};
    int r = run_stored(&stored, err);
    close_stored(&stored);
    if (r == HG_OK) {
        hg_flow_log(flow,
                    0,
                    HG_LOG_INFO,
                    "%" PRId64 " rows of %s checked",
                    flow->jobs[0].rows_in,
                    json_string_value(json_object_get(flow->task, "table")));
    }
    return r;
}
