#include "flow/stored.h"

#include <endian.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "flow/checks.h"
#include "flow/encode.h"
#include "flow/ledger.h"
#include "flow/numeric.h"
#include "flow/source.h"
#include "headgate/batch.h"
#include "store/quote.h"

#define EPOCH_DAYS INT32_C(10957)
#define EPOCH_US   (INT64_C(86400000000) * EPOCH_DAYS)

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

static const char *const json_metadata[] = {"headgate.type", "json", NULL};

struct stored {
    struct hg_flow *flow;
    PGresult *columns; /* holds the names */
    struct hg_column *list;
    size_t n_columns;
    struct hg_flow_schema schema;
    struct hg_batch *builder;
    struct hg_checks *checks;
    struct hg_flow_view *views;
    int64_t *seq;
    int32_t *rows;
    int64_t n_seen;
    bool past_header;
};

/* ---- the SELECT ---- */

static const char *read_as(struct hg_column *column, uint32_t oid, int32_t typmod)
{
    for (size_t i = 0; i < HG_COUNT(readings); i++) {
        if (readings[i].oid == oid) {
            column->type = readings[i].type;
            column->timezone = readings[i].utc ? "UTC" : NULL;
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
    column->metadata = oid == HG_OID_JSONB ? json_metadata : NULL;
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
    hg_buf_puts(sql, "copy (select ");
    for (size_t i = 0; r == HG_OK && stored->list && i < stored->n_columns; i++) {
        struct hg_column *column = &stored->list[i];
        column->name = hg_result_text(stored->columns, (int)i, "name");
        column->nullable = true;
        hg_buf_puts(sql, i > 0 ? ", " : "");
        hg_quote_ident(sql, column->name);
        hg_buf_puts(sql,
                    read_as(column,
                            (uint32_t)hg_result_int64(stored->columns, (int)i, "oid", 0),
                            (int32_t)hg_result_int64(stored->columns, (int)i, "typmod", -1)));
    }
    hg_buf_printf(sql, " from %s) to stdout (format binary)", hg_buf_text(&quoted));
    hg_buf_free(&quoted);
    return r == HG_OK && (!stored->list || hg_buf_failed(sql)) ? hg_error_nomem(err) : r;
}

static int open_batches(struct stored *stored, struct hg_error *err)
{
    struct ArrowSchema schema = {0};
    int r = hg_batch_schema(stored->list, stored->n_columns, &schema, err);
    r = r < 0 ? r : hg_flow_schema_take(&schema, &stored->schema, err);
    r = r < 0 ? r : hg_batch_new(stored->list, stored->n_columns, &stored->builder, err);
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
    hg_batch_free(stored->builder);
    hg_flow_schema_free(&stored->schema);
    PQclear(stored->columns);
    free(stored->list);
    free(stored->views);
    free(stored->seq);
    free(stored->rows);
}

/* ---- cells ---- */

static uint32_t get32(const uint8_t *from)
{
    uint32_t value;
    memcpy(&value, from, sizeof value);
    return be32toh(value);
}

static uint64_t get64(const uint8_t *from)
{
    uint64_t value;
    memcpy(&value, from, sizeof value);
    return be64toh(value);
}

/* Infinity is the type's own end and stays there. */
static int64_t plus(int64_t value, int64_t epoch, int64_t max)
{
    return value > max - epoch ? max : value + epoch;
}

typedef int take_function(struct hg_batch *batch,
                          size_t column,
                          const struct hg_column *type,
                          const uint8_t *bytes,
                          size_t n);

static int take_bool(struct hg_batch *batch,
                     size_t column,
                     const struct hg_column *type,
                     const uint8_t *bytes,
                     size_t n)
{
    (void)type;
    return n == 1 ? hg_batch_append_bool(batch, column, bytes[0] != 0) : HG_EDATA;
}

static int take_int32(struct hg_batch *batch,
                      size_t column,
                      const struct hg_column *type,
                      const uint8_t *bytes,
                      size_t n)
{
    (void)type;
    return n == 4 ? hg_batch_append_int32(batch, column, (int32_t)get32(bytes)) : HG_EDATA;
}

static int take_int64(struct hg_batch *batch,
                      size_t column,
                      const struct hg_column *type,
                      const uint8_t *bytes,
                      size_t n)
{
    (void)type;
    return n == 8 ? hg_batch_append_int64(batch, column, (int64_t)get64(bytes)) : HG_EDATA;
}

static int take_float(struct hg_batch *batch,
                      size_t column,
                      const struct hg_column *type,
                      const uint8_t *bytes,
                      size_t n)
{
    double value;
    (void)type;
    if (n != 8) {
        return HG_EDATA;
    }
    uint64_t bits = get64(bytes);
    memcpy(&value, &bits, sizeof value);
    return hg_batch_append_float64(batch, column, value);
}

/* NaN is the one value that a numeric(p,s) may have and a decimal not; it is no number: null. */
static int take_decimal(struct hg_batch *batch,
                        size_t column,
                        const struct hg_column *type,
                        const uint8_t *bytes,
                        size_t n)
{
    hg_flow_int128 value;
    return hg_numeric_decode(bytes, n, type->scale, &value)
               ? hg_batch_append_decimal(batch, column, value)
               : hg_batch_append_null(batch, column);
}

static int take_bytes(struct hg_batch *batch,
                      size_t column,
                      const struct hg_column *type,
                      const uint8_t *bytes,
                      size_t n)
{
    (void)type;
    return hg_batch_append_bytes(batch, column, bytes, n);
}

static int take_date(struct hg_batch *batch,
                     size_t column,
                     const struct hg_column *type,
                     const uint8_t *bytes,
                     size_t n)
{
    (void)type;
    return n == 4 ? hg_batch_append_date32(
                        batch, column, (int32_t)plus((int32_t)get32(bytes), EPOCH_DAYS, INT32_MAX))
                  : HG_EDATA;
}

static int take_time(struct hg_batch *batch,
                     size_t column,
                     const struct hg_column *type,
                     const uint8_t *bytes,
                     size_t n)
{
    (void)type;
    return n == 8 ? hg_batch_append_timestamp_us(
                        batch, column, plus((int64_t)get64(bytes), EPOCH_US, INT64_MAX))
                  : HG_EDATA;
}

static take_function *const take_functions[] = {
    [HG_TYPE_BOOL] = take_bool,
    [HG_TYPE_INT32] = take_int32,
    [HG_TYPE_INT64] = take_int64,
    [HG_TYPE_FLOAT64] = take_float,
    [HG_TYPE_DECIMAL128] = take_decimal,
    [HG_TYPE_UTF8] = take_bytes,
    [HG_TYPE_BINARY] = take_bytes,
    [HG_TYPE_DATE32] = take_date,
    [HG_TYPE_TIMESTAMP_US] = take_time,
};

static int take_cell(struct stored *stored, size_t column, const uint8_t **at, const uint8_t *end)
{
    if (end - *at < 4) {
        return HG_EDATA;
    }
    int32_t n = (int32_t)get32(*at);
    *at += 4;
    if (n < 0) {
        return hg_batch_append_null(stored->builder, column);
    }
    if (end - *at < n) {
        return HG_EDATA;
    }
    const struct hg_column *type = &stored->list[column];
    const uint8_t *bytes = *at;
    *at += n;
    return take_functions[type->type](stored->builder, column, type, bytes, (size_t)n);
}

/* ---- rows ---- */

static int check_batch(struct stored *stored, struct hg_error *err)
{
    struct ArrowArray array = {0};
    int64_t n_good = 0;
    int r = hg_flow_cancelled(stored->flow, err);
    r = r < 0 ? r : hg_batch_finish(stored->builder, &array, err);
    if (r < 0) {
        return r;
    }
    for (int64_t i = 0; i < array.length; i++) {
        stored->seq[i] = stored->n_seen++;
    }
    const struct hg_flow_batch batch = {
        &stored->schema, &array, stored->views, stored->seq, array.length};
    r = hg_flow_views(&stored->schema, &array, stored->views, err);
    r = r < 0 ? r : hg_checks_batch(stored->checks, &batch, stored->rows, &n_good, err);
    array.release(&array);
    hg_flow_progress(stored->flow);
    return r;
}

/* A message of the COPY: the header, then one row each; fewer than no fields at the end. */
static int take_message(struct stored *stored, const uint8_t *at, size_t n, struct hg_error *err)
{
    const uint8_t *end = at + n;
    if (!stored->past_header) {
        if (n < sizeof hg_copy_header) {
            return hg_error_set(err, HG_EINTERNAL, "the server's COPY has no header");
        }
        at += sizeof hg_copy_header;
        stored->past_header = true;
    }
    if (end - at < 2 || (at[0] & 0x80)) {
        return HG_OK;
    }
    at += 2;
    for (size_t i = 0; i < stored->n_columns; i++) {
        int r = take_cell(stored, i, &at, end);
        if (r < 0) {
            return hg_batch_explain(stored->builder, i, r, err);
        }
    }
    int r = hg_batch_end_row(stored->builder);
    return r == HG_OK && stored->builder->n_rows == HG_FLOW_BATCH_ROWS ? check_batch(stored, err)
                                                                       : r;
}

/* The server's verdict on the COPY; also brings the connection back from one that is given up. */
static int end_copy(struct stored *stored, struct hg_error *err)
{
    PGconn *conn = hg_db_conn(stored->flow->db);
    int r = HG_OK;
    for (;;) {
        HG_CLEANUP(hg_resultp) PGresult *result = PQgetResult(conn);
        if (!result) {
            return r;
        }
        if (PQresultStatus(result) == PGRES_COPY_OUT) {
            return hg_error_set(err, HG_EINTERNAL, "a COPY did not end");
        }
        if (PQresultStatus(result) != PGRES_COMMAND_OK && r == HG_OK) {
            r = hg_db_error(conn, result, err);
        }
    }
}

static int read_rows(struct stored *stored, const char *sql, struct hg_error *err)
{
    PGconn *conn = hg_db_conn(stored->flow->db);
    int r = hg_db_simple(stored->flow->db, sql, NULL, err);
    bool ended = r < 0;
    while (r == HG_OK && !ended) {
        char *message = NULL;
        int n = PQgetCopyData(conn, &message, 0);
        ended = n < 0;
        if (n > 0) {
            r = take_message(stored, (const uint8_t *)message, (size_t)n, err);
        }
        PQfreemem(message);
    }
    if (r < 0 && !ended) {
        /* Nothing is worth reading to its end; the connection is closed after this task anyway. */
        hg_db_cancel(stored->flow->db);
        char *message = NULL;
        while (PQgetCopyData(conn, &message, 0) > 0) {
            PQfreemem(message);
        }
        (void)end_copy(stored, NULL);
        return r;
    }
    r = r < 0 ? r : end_copy(stored, err);
    return r == HG_OK && stored->builder->n_rows > 0 ? check_batch(stored, err) : r;
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
