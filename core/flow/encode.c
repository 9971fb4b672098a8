#include "flow/encode.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "flow/numeric.h"

/* PostgreSQL counts days and microseconds from 2000-01-01. */
#define EPOCH_DAYS INT32_C(10957)
#define EPOCH_US   (INT64_C(86400000000) * EPOCH_DAYS)

const uint8_t hg_copy_header[19] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0";
const uint8_t hg_copy_trailer[2] = {0xff, 0xff};

/* A prepared cell of a numeric: its length, then its bytes. */
struct scratch {
    uint8_t n;
    uint8_t bytes[HG_NUMERIC_BYTES_MAX];
};

/* What a column's functions work on. */
struct cells {
    const struct hg_flow_column *column;
    const struct hg_flow_view *view;
    const int32_t *rows;
    int n;
    struct scratch *scratch; /* HG_TILE_ROWS, for mappings that want it */
};

struct hg_mapping {
    int type; /* enum hg_type */
    bool json;
    bool utc;
    bool natural;
    bool scratch;
    uint32_t oid;
    const char *name;
    bool (*accepts)(const struct hg_flow_column *column, int32_t typmod);
    void (*measure)(const struct cells *cells, uint32_t *lengths);
    void (*write)(const struct cells *cells, uint8_t **at);
};

/* ---- writing big-endian ---- */

static inline uint8_t *put32(uint8_t *to, uint32_t value)
{
    value = htobe32(value);
    memcpy(to, &value, sizeof value);
    return to + sizeof value;
}

static inline uint8_t *put64(uint8_t *to, uint64_t value)
{
    value = htobe64(value);
    memcpy(to, &value, sizeof value);
    return to + sizeof value;
}

static inline uint8_t *put_null(uint8_t *to)
{
    return put32(to, UINT32_MAX);
}

/* ---- cells of a fixed width ---- */

/* Inlined into each use below, so that `load` and `width` are constants there. */
__attribute__((always_inline)) static inline void measure_fixed(const struct cells *cells,
                                                                uint32_t *lengths,
                                                                uint32_t width)
{
    const struct hg_flow_view *view = cells->view;
    if (!view->validity) {
        for (int i = 0; i < cells->n; i++) {
            lengths[i] += 4 + width;
        }
        return;
    }
    for (int i = 0; i < cells->n; i++) {
        lengths[i] += hg_cell_null(view, cells->rows[i]) ? 4 : 4 + width;
    }
}

__attribute__((always_inline)) static inline uint8_t *put_fixed(uint8_t *to,
                                                                const struct hg_flow_view *view,
                                                                int32_t row,
                                                                uint32_t width,
                                                                uint64_t (*load)(const void *values,
                                                                                 int64_t i))
{
    uint64_t value = load(view->values, view->offset + row);
    to = put32(to, width);
    if (width == 8) {
        return put64(to, value);
    }
    if (width == 4) {
        return put32(to, (uint32_t)value);
    }
    *to = (uint8_t)value;
    return to + 1;
}

__attribute__((always_inline)) static inline void write_fixed(const struct cells *cells,
                                                              uint8_t **at,
                                                              uint32_t width,
                                                              uint64_t (*load)(const void *values,
                                                                               int64_t i))
{
    const struct hg_flow_view *view = cells->view;
    if (!view->validity) {
        for (int i = 0; i < cells->n; i++) {
            at[i] = put_fixed(at[i], view, cells->rows[i], width, load);
        }
        return;
    }
    for (int i = 0; i < cells->n; i++) {
        at[i] = hg_cell_null(view, cells->rows[i])
                    ? put_null(at[i])
                    : put_fixed(at[i], view, cells->rows[i], width, load);
    }
}

static inline uint64_t load_bool(const void *values, int64_t i)
{
    return hg_bit(values, i);
}

static inline uint64_t load_int32(const void *values, int64_t i)
{
    return (uint64_t)(int64_t)((const int32_t *)values)[i];
}

static inline uint64_t load_int64(const void *values, int64_t i)
{
    return (uint64_t)((const int64_t *)values)[i];
}

static inline uint64_t load_int32_as_float(const void *values, int64_t i)
{
    double value = ((const int32_t *)values)[i];
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline uint64_t load_date(const void *values, int64_t i)
{
    return (uint64_t)((int64_t)((const int32_t *)values)[i] - EPOCH_DAYS);
}

static inline uint64_t load_date_as_time(const void *values, int64_t i)
{
    return (uint64_t)(((int64_t)((const int32_t *)values)[i] - EPOCH_DAYS) * INT64_C(86400000000));
}

static inline uint64_t load_time(const void *values, int64_t i)
{
    return (uint64_t)((const int64_t *)values)[i] - (uint64_t)EPOCH_US;
}

#define DEFINE_FIXED(name, width, load)                                      \
    static void measure_##name(const struct cells *cells, uint32_t *lengths) \
    {                                                                        \
        measure_fixed(cells, lengths, width);                                \
    }                                                                        \
    static void write_##name(const struct cells *cells, uint8_t **at)        \
    {                                                                        \
        write_fixed(cells, at, width, load);                                 \
    }

DEFINE_FIXED(bool, 1, load_bool)
DEFINE_FIXED(int32, 4, load_int32)
DEFINE_FIXED(int32_as_int64, 8, load_int32)
DEFINE_FIXED(int32_as_float, 8, load_int32_as_float)
DEFINE_FIXED(int64, 8, load_int64) /* float64 too: the same bits */
DEFINE_FIXED(date, 4, load_date)
DEFINE_FIXED(date_as_time, 8, load_date_as_time)
DEFINE_FIXED(time, 8, load_time)

/* ---- text ---- */

__attribute__((always_inline)) static inline void measure_bytes(const struct cells *cells,
                                                                uint32_t *lengths,
                                                                uint32_t extra)
{
    const struct hg_flow_view *view = cells->view;
    const int32_t *offsets = (const int32_t *)view->values + view->offset;
    for (int i = 0; i < cells->n; i++) {
        int32_t row = cells->rows[i];
        lengths[i] +=
            hg_cell_null(view, row) ? 4 : 4 + extra + (uint32_t)(offsets[row + 1] - offsets[row]);
    }
}

/* A symbol or a word is copied by moves, which is faster than the call that memcpy is. */
static inline uint8_t *put_bytes(uint8_t *to, const uint8_t *bytes, uint32_t n)
{
    if (n > 16) {
        memcpy(to, bytes, n);
    } else if (n >= 8) {
        memcpy(to, bytes, 8);
        memcpy(to + n - 8, bytes + n - 8, 8);
    } else if (n >= 4) {
        memcpy(to, bytes, 4);
        memcpy(to + n - 4, bytes + n - 4, 4);
    } else {
        for (uint32_t i = 0; i < n; i++) {
            to[i] = bytes[i];
        }
    }
    return to + n;
}

static void measure_text(const struct cells *cells, uint32_t *lengths)
{
    measure_bytes(cells, lengths, 0);
}

static void write_text(const struct cells *cells, uint8_t **at)
{
    for (int i = 0; i < cells->n; i++) {
        if (hg_cell_null(cells->view, cells->rows[i])) {
            at[i] = put_null(at[i]);
            continue;
        }
        int32_t n;
        const uint8_t *bytes = hg_cell_bytes(cells->view, cells->rows[i], &n);
        at[i] = put_bytes(put32(at[i], (uint32_t)n), bytes, (uint32_t)n);
    }
}

/* jsonb is sent as a version and its text. */
static void measure_jsonb(const struct cells *cells, uint32_t *lengths)
{
    measure_bytes(cells, lengths, 1);
}

static void write_jsonb(const struct cells *cells, uint8_t **at)
{
    for (int i = 0; i < cells->n; i++) {
        if (hg_cell_null(cells->view, cells->rows[i])) {
            at[i] = put_null(at[i]);
            continue;
        }
        int32_t n;
        const uint8_t *bytes = hg_cell_bytes(cells->view, cells->rows[i], &n);
        uint8_t *to = put32(at[i], (uint32_t)n + 1);
        *to++ = 1;
        at[i] = put_bytes(to, bytes, (uint32_t)n);
    }
}

/* ---- numeric ---- */

static hg_flow_int128 load_number(const struct cells *cells, int32_t row)
{
    int64_t i = cells->view->offset + row;
    if (cells->column->type == HG_TYPE_INT32) {
        return ((const int32_t *)cells->view->values)[i];
    }
    if (cells->column->type == HG_TYPE_INT64) {
        return ((const int64_t *)cells->view->values)[i];
    }
    hg_flow_int128 value;
    memcpy(&value, (const uint8_t *)cells->view->values + 16 * i, sizeof value);
    return value;
}

static void measure_numeric(const struct cells *cells, uint32_t *lengths)
{
    for (int i = 0; i < cells->n; i++) {
        struct scratch *scratch = &cells->scratch[i];
        scratch->n = 0;
        if (!hg_cell_null(cells->view, cells->rows[i])) {
            scratch->n = (uint8_t)hg_numeric_encode(
                load_number(cells, cells->rows[i]), cells->column->scale, scratch->bytes);
        }
        lengths[i] += 4u + scratch->n;
    }
}

static void write_numeric(const struct cells *cells, uint8_t **at)
{
    for (int i = 0; i < cells->n; i++) {
        const struct scratch *scratch = &cells->scratch[i];
        at[i] = scratch->n ? put_bytes(put32(at[i], scratch->n), scratch->bytes, scratch->n)
                           : put_null(at[i]);
    }
}

/* ---- what goes into what ---- */

enum { NO_TYPMOD = -1, TYPMOD_HEAD = 4 };

static bool any(const struct hg_flow_column *column, int32_t typmod)
{
    (void)column;
    (void)typmod;
    return true;
}

/* varchar without a length; timestamps that keep microseconds. */
static bool without_limit(const struct hg_flow_column *column, int32_t typmod)
{
    (void)column;
    return typmod == NO_TYPMOD;
}

static bool six_places(const struct hg_flow_column *column, int32_t typmod)
{
    (void)column;
    return typmod == NO_TYPMOD || typmod >= 6;
}

static int whole_digits(const struct hg_flow_column *column)
{
    if (column->type == HG_TYPE_DECIMAL128) {
        return column->precision - column->scale;
    }
    return column->type == HG_TYPE_INT32 ? 10 : 19;
}

static bool enough_places(const struct hg_flow_column *column, int32_t typmod)
{
    if (typmod < TYPMOD_HEAD) {
        return true;
    }
    int precision = ((typmod - TYPMOD_HEAD) >> 16) & 0xffff;
    /* The scale is kept in eleven bits with a sign. */
    int scale = (((typmod - TYPMOD_HEAD) & 0x7ff) ^ 1024) - 1024;
    return scale >= column->scale && precision - scale >= whole_digits(column);
}

static const struct hg_mapping mappings[] = {
    {.type = HG_TYPE_BOOL,
     .natural = true,
     .oid = HG_OID_BOOL,
     .name = "boolean",
     .accepts = any,
     .measure = measure_bool,
     .write = write_bool},
    {.type = HG_TYPE_INT32,
     .natural = true,
     .oid = HG_OID_INT4,
     .name = "integer",
     .accepts = any,
     .measure = measure_int32,
     .write = write_int32},
    {.type = HG_TYPE_INT32,
     .oid = HG_OID_INT8,
     .name = "bigint",
     .accepts = any,
     .measure = measure_int32_as_int64,
     .write = write_int32_as_int64},
    {.type = HG_TYPE_INT32,
     .oid = HG_OID_FLOAT8,
     .name = "double precision",
     .accepts = any,
     .measure = measure_int32_as_float,
     .write = write_int32_as_float},
    {.type = HG_TYPE_INT32,
     .oid = HG_OID_NUMERIC,
     .name = "numeric",
     .scratch = true,
     .accepts = enough_places,
     .measure = measure_numeric,
     .write = write_numeric},
    {.type = HG_TYPE_INT64,
     .natural = true,
     .oid = HG_OID_INT8,
     .name = "bigint",
     .accepts = any,
     .measure = measure_int64,
     .write = write_int64},
    {.type = HG_TYPE_INT64,
     .oid = HG_OID_NUMERIC,
     .name = "numeric",
     .scratch = true,
     .accepts = enough_places,
     .measure = measure_numeric,
     .write = write_numeric},
    {.type = HG_TYPE_FLOAT64,
     .natural = true,
     .oid = HG_OID_FLOAT8,
     .name = "double precision",
     .accepts = any,
     .measure = measure_int64,
     .write = write_int64},
    {.type = HG_TYPE_DECIMAL128,
     .natural = true,
     .oid = HG_OID_NUMERIC,
     .name = "numeric",
     .scratch = true,
     .accepts = enough_places,
     .measure = measure_numeric,
     .write = write_numeric},
    {.type = HG_TYPE_UTF8,
     .json = true,
     .natural = true,
     .oid = HG_OID_JSONB,
     .name = "jsonb",
     .accepts = any,
     .measure = measure_jsonb,
     .write = write_jsonb},
    {.type = HG_TYPE_UTF8,
     .json = true,
     .oid = HG_OID_TEXT,
     .name = "text",
     .accepts = any,
     .measure = measure_text,
     .write = write_text},
    {.type = HG_TYPE_UTF8,
     .natural = true,
     .oid = HG_OID_TEXT,
     .name = "text",
     .accepts = any,
     .measure = measure_text,
     .write = write_text},
    {.type = HG_TYPE_UTF8,
     .oid = HG_OID_VARCHAR,
     .name = "character varying",
     .accepts = without_limit,
     .measure = measure_text,
     .write = write_text},
    {.type = HG_TYPE_BINARY,
     .natural = true,
     .oid = HG_OID_BYTEA,
     .name = "bytea",
     .accepts = any,
     .measure = measure_text,
     .write = write_text},
    {.type = HG_TYPE_DATE32,
     .natural = true,
     .oid = HG_OID_DATE,
     .name = "date",
     .accepts = any,
     .measure = measure_date,
     .write = write_date},
    {.type = HG_TYPE_DATE32,
     .oid = HG_OID_TIMESTAMP,
     .name = "timestamp without time zone",
     .accepts = any,
     .measure = measure_date_as_time,
     .write = write_date_as_time},
    {.type = HG_TYPE_TIMESTAMP_US,
     .utc = true,
     .natural = true,
     .oid = HG_OID_TIMESTAMPTZ,
     .name = "timestamp with time zone",
     .accepts = six_places,
     .measure = measure_time,
     .write = write_time},
    {.type = HG_TYPE_TIMESTAMP_US,
     .natural = true,
     .oid = HG_OID_TIMESTAMP,
     .name = "timestamp without time zone",
     .accepts = six_places,
     .measure = measure_time,
     .write = write_time},
};

static bool is_from(const struct hg_mapping *mapping, const struct hg_flow_column *column)
{
    return mapping->type == column->type && mapping->json == column->json &&
           mapping->utc == column->utc;
}

const struct hg_mapping *hg_mapping_natural(const struct hg_flow_column *column)
{
    for (size_t i = 0; i < HG_COUNT(mappings); i++) {
        if (mappings[i].natural && is_from(&mappings[i], column)) {
            return &mappings[i];
        }
    }
    return NULL;
}

const struct hg_mapping *hg_mapping_into(const struct hg_flow_column *column,
                                         uint32_t oid,
                                         int32_t typmod)
{
    for (size_t i = 0; i < HG_COUNT(mappings); i++) {
        if (mappings[i].oid == oid && is_from(&mappings[i], column)) {
            return mappings[i].accepts(column, typmod) ? &mappings[i] : NULL;
        }
    }
    return NULL;
}

void hg_mapping_type_name(struct hg_buf *buf, const struct hg_flow_column *column)
{
    const struct hg_mapping *mapping = hg_mapping_natural(column);
    hg_buf_puts(buf, mapping ? mapping->name : "text");
    if (column->type == HG_TYPE_DECIMAL128) {
        hg_buf_printf(buf, "(%d,%d)", column->precision, column->scale);
    }
}

/* ---- the encoder ---- */

struct hg_encoder {
    const struct hg_flow_schema *schema;
    struct hg_encoder_column *columns;
    struct scratch **scratch; /* one a column, NULL where it needs none */
    size_t n_columns;
    bool with_seq;
    uint32_t lengths[HG_TILE_ROWS];
    uint8_t *at[HG_TILE_ROWS];
};

static int add_columns(struct hg_encoder *encoder,
                       const struct hg_encoder_column *columns,
                       size_t n_columns,
                       struct hg_error *err)
{
    encoder->columns = calloc(n_columns, sizeof *columns);
    encoder->scratch = calloc(n_columns, sizeof *encoder->scratch);
    if (!encoder->columns || !encoder->scratch) {
        return hg_error_nomem(err);
    }
    memcpy(encoder->columns, columns, n_columns * sizeof *columns);
    encoder->n_columns = n_columns;
    for (size_t i = 0; i < n_columns; i++) {
        if (columns[i].mapping->scratch) {
            encoder->scratch[i] = malloc(HG_TILE_ROWS * sizeof(struct scratch));
            if (!encoder->scratch[i]) {
                return hg_error_nomem(err);
            }
        }
    }
    return HG_OK;
}

int hg_encoder_new(const struct hg_flow_schema *schema,
                   const struct hg_encoder_column *columns,
                   size_t n_columns,
                   bool with_seq,
                   struct hg_encoder **ret,
                   struct hg_error *err)
{
    struct hg_encoder *encoder = calloc(1, sizeof *encoder);
    if (!encoder) {
        return hg_error_nomem(err);
    }
    encoder->schema = schema;
    encoder->with_seq = with_seq;
    int r = add_columns(encoder, columns, n_columns, err);
    if (r < 0) {
        hg_encoder_free(encoder);
        return r;
    }
    *ret = encoder;
    return HG_OK;
}

void hg_encoder_free(struct hg_encoder *encoder)
{
    if (!encoder) {
        return;
    }
    for (size_t i = 0; encoder->scratch && i < encoder->n_columns; i++) {
        free(encoder->scratch[i]);
    }
    free(encoder->scratch);
    free(encoder->columns);
    free(encoder);
}

static struct cells cells_of(const struct hg_encoder *encoder,
                             const struct hg_flow_batch *batch,
                             size_t i,
                             const int32_t *rows,
                             int n)
{
    int column = encoder->columns[i].column;
    return (struct cells){
        &encoder->schema->columns[column], &batch->views[column], rows, n, encoder->scratch[i]};
}

size_t hg_encoder_measure(struct hg_encoder *encoder,
                          const struct hg_flow_batch *batch,
                          const int32_t *rows,
                          int n)
{
    const uint32_t head = 2 + (encoder->with_seq ? 12 : 0);
    for (int i = 0; i < n; i++) {
        encoder->lengths[i] = head;
    }
    for (size_t c = 0; c < encoder->n_columns; c++) {
        struct cells cells = cells_of(encoder, batch, c, rows, n);
        encoder->columns[c].mapping->measure(&cells, encoder->lengths);
    }
    size_t total = 0;
    for (int i = 0; i < n; i++) {
        total += encoder->lengths[i];
    }
    return total;
}

void hg_encoder_write(struct hg_encoder *encoder,
                      const struct hg_flow_batch *batch,
                      const int32_t *rows,
                      int n,
                      uint8_t *to)
{
    const size_t n_fields = encoder->n_columns + (encoder->with_seq ? 1 : 0);
    for (int i = 0; i < n; i++) {
        to[0] = (uint8_t)(n_fields >> 8);
        to[1] = (uint8_t)n_fields;
        encoder->at[i] = to + 2;
        to += encoder->lengths[i];
    }
    for (size_t c = 0; c < encoder->n_columns; c++) {
        struct cells cells = cells_of(encoder, batch, c, rows, n);
        encoder->columns[c].mapping->write(&cells, encoder->at);
    }
    for (int i = 0; encoder->with_seq && i < n; i++) {
        (void)put64(put32(encoder->at[i], 8), (uint64_t)batch->seq[rows[i]]);
    }
}
