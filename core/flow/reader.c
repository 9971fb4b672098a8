#include "flow/reader.h"

#include <endian.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "flow/encode.h"
#include "flow/numeric.h"
#include "flow/source.h"
#include "headgate/batch.h"

#define EPOCH_DAYS INT32_C(10957)
#define EPOCH_US   (INT64_C(86400000000) * EPOCH_DAYS)

/* Ends a batch before it has all its rows, so that memory does not grow with what a row holds. */
enum { BATCH_BYTES = 4 << 20 };

struct hg_reader {
    struct hg_db *db;
    const struct hg_column *columns;
    size_t n_columns;
    struct hg_batch *builder;
    size_t n_bytes; /* of the batch in the making */
    bool past_header;
    bool ended; /* nothing of the COPY is left on the connection */
};

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

static int take_cell(struct hg_reader *reader,
                     size_t column,
                     const uint8_t **at,
                     const uint8_t *end)
{
    if (end - *at < 4) {
        return HG_EDATA;
    }
    int32_t n = (int32_t)get32(*at);
    *at += 4;
    if (n < 0) {
        return hg_batch_append_null(reader->builder, column);
    }
    if (end - *at < n) {
        return HG_EDATA;
    }
    const struct hg_column *type = &reader->columns[column];
    const uint8_t *bytes = *at;
    *at += n;
    return take_functions[type->type](reader->builder, column, type, bytes, (size_t)n);
}

/* ---- rows ---- */

/* A message of the COPY: the header, then one row each; fewer than no fields at the end. */
static int take_message(struct hg_reader *reader, const uint8_t *at, size_t n, struct hg_error *err)
{
    const uint8_t *end = at + n;
    if (!reader->past_header) {
        if (n < sizeof hg_copy_header) {
            return hg_error_set(err, HG_EINTERNAL, "the server's COPY has no header");
        }
        at += sizeof hg_copy_header;
        reader->past_header = true;
    }
    if (end - at < 2 || (at[0] & 0x80)) {
        return HG_OK;
    }
    at += 2;
    for (size_t i = 0; i < reader->n_columns; i++) {
        int r = take_cell(reader, i, &at, end);
        if (r < 0) {
            return hg_batch_explain(reader->builder, i, r, err);
        }
    }
    return hg_batch_end_row(reader->builder);
}

/* The server's verdict on the COPY; also brings the connection back from one that is given up. */
static int end_copy(struct hg_reader *reader, struct hg_error *err)
{
    PGconn *conn = hg_db_conn(reader->db);
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

int hg_reader_open(struct hg_db *db,
                   const char *select,
                   const struct hg_column *columns,
                   size_t n_columns,
                   struct hg_reader **ret,
                   struct hg_error *err)
{
    HG_CLEANUP(hg_buf_free) struct hg_buf sql = HG_BUF_INIT;
    struct hg_reader *reader = calloc(1, sizeof *reader);
    if (!reader) {
        return hg_error_nomem(err);
    }
    *reader =
        (struct hg_reader){.db = db, .columns = columns, .n_columns = n_columns, .ended = true};
    hg_buf_printf(&sql, "copy (%s) to stdout (format binary)", select);
    int r = hg_buf_failed(&sql) ? hg_error_nomem(err)
                                : hg_batch_new(columns, n_columns, &reader->builder, err);
    r = r < 0 ? r : hg_db_simple(db, hg_buf_text(&sql), NULL, err);
    if (r < 0) {
        hg_reader_close(reader);
        return r;
    }
    reader->ended = false;
    *ret = reader;
    return HG_OK;
}

int hg_reader_next(struct hg_reader *reader, struct ArrowArray *ret, struct hg_error *err)
{
    PGconn *conn = hg_db_conn(reader->db);
    int r = HG_OK;
    while (r == HG_OK && !reader->ended && reader->builder->n_rows < HG_FLOW_BATCH_ROWS &&
           reader->n_bytes < BATCH_BYTES) {
        char *message = NULL;
        int n = PQgetCopyData(conn, &message, 0);
        if (n > 0) {
            r = take_message(reader, (const uint8_t *)message, (size_t)n, err);
            reader->n_bytes += (size_t)n;
        } else {
            reader->ended = true;
            r = end_copy(reader, err);
            r = r == HG_OK && n == -2 ? hg_db_error(conn, NULL, err) : r;
        }
        PQfreemem(message);
    }
    reader->n_bytes = 0;
    if (r == HG_OK && reader->builder->n_rows > 0) {
        r = hg_batch_finish(reader->builder, ret, err);
    }
    return r;
}

void hg_reader_close(struct hg_reader *reader)
{
    if (!reader) {
        return;
    }
    if (!reader->ended) {
        /* Nothing is worth reading to its end. */
        char *message = NULL;
        hg_db_cancel(reader->db);
        while (PQgetCopyData(hg_db_conn(reader->db), &message, 0) > 0) {
            PQfreemem(message);
        }
        (void)end_copy(reader, NULL);
    }
    hg_batch_free(reader->builder);
    free(reader);
}
