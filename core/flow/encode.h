/*
 * Rows in the format of COPY ... BINARY.
 *
 * A table of mappings says which PostgreSQL types a column may go into without loss, and how its
 * cells look there. Rows are encoded in tiles: for each column all cells of the tile are measured,
 * then each column writes its cells behind those of the column before it, row by row. A tile is
 * small enough to stay in the cache of the core.
 */
#ifndef HG_FLOW_ENCODE_H
#define HG_FLOW_ENCODE_H

#include "base/buf.h"
#include "flow/columns.h"

/* Rows that are encoded at once. */
enum { HG_TILE_ROWS = 512 };

/* The first 19 bytes of a COPY BINARY stream and the last 2. */
extern const uint8_t hg_copy_header[19];
extern const uint8_t hg_copy_trailer[2];

/* Object ids of the types that are written; fixed in PostgreSQL's catalog. */
enum {
    HG_OID_BOOL = 16,
    HG_OID_BYTEA = 17,
    HG_OID_INT8 = 20,
    HG_OID_INT4 = 23,
    HG_OID_TEXT = 25,
    HG_OID_FLOAT8 = 701,
    HG_OID_VARCHAR = 1043,
    HG_OID_DATE = 1082,
    HG_OID_TIMESTAMP = 1114,
    HG_OID_TIMESTAMPTZ = 1184,
    HG_OID_NUMERIC = 1700,
    HG_OID_JSONB = 3802
};

struct hg_mapping;

/* How a column goes into a table that has no column for it yet. Static. */
const struct hg_mapping *hg_mapping_natural(const struct hg_flow_column *column);
/* How a column goes into an existing type without loss, or NULL when it can't. Static. */
const struct hg_mapping *hg_mapping_into(const struct hg_flow_column *column,
                                         uint32_t oid,
                                         int32_t typmod);
/* Appends "numeric(18,4)": the type that the natural mapping makes. */
void hg_mapping_type_name(struct hg_buf *buf, const struct hg_flow_column *column);

struct hg_encoder;

/* One column of the table, in the order of COPY's list. */
struct hg_encoder_column {
    int column; /* index in the schema */
    const struct hg_mapping *mapping;
};

/* With `with_seq` each row gets one more int8 at its end: its number in the stream. */
int hg_encoder_new(const struct hg_flow_schema *schema,
                   const struct hg_encoder_column *columns,
                   size_t n_columns,
                   bool with_seq,
                   struct hg_encoder **ret,
                   struct hg_error *err);
void hg_encoder_free(struct hg_encoder *encoder);

/*
 * Measures `n` (1..HG_TILE_ROWS) rows of a batch; returns the bytes that writing them takes.
 * Remembers what it measured for hg_encoder_write.
 */
size_t hg_encoder_measure(struct hg_encoder *encoder,
                          const struct hg_flow_batch *batch,
                          const int32_t *rows,
                          int n);
/* Writes the rows just measured to `to`. */
void hg_encoder_write(struct hg_encoder *encoder,
                      const struct hg_flow_batch *batch,
                      const int32_t *rows,
                      int n,
                      uint8_t *to);

#endif
