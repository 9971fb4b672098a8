/*
 * Single rows of a batch: as JSON for people, as a record that a batch can be made of again.
 */
#ifndef HG_FLOW_ROWS_H
#define HG_FLOW_ROWS_H

#include "base/buf.h"
#include "flow/columns.h"
#include "headgate/batch.h"

/*
 * Appends the row as a JSON object, without `_hg_pos`. Decimals and int64 are numbers as exact as
 * their text; NaN, infinities and binary (in hex) are texts.
 */
void hg_row_to_json(struct hg_buf *buf, const struct hg_flow_batch *batch, int64_t row);
/* Text of `_hg_pos`; NULL when there is none. `buf` is reset and holds it. */
const char *hg_row_position(struct hg_buf *buf, const struct hg_flow_batch *batch, int64_t row);

/* Appends the row's cells as a record. */
void hg_row_write(struct hg_buf *buf, const struct hg_flow_batch *batch, int64_t row);
/* A builder that takes records of that schema. Owned by the caller, hg_batch_free. */
int hg_row_builder(const struct hg_flow_schema *schema,
                   struct hg_batch **ret,
                   struct hg_error *err);
/* Adds one row from a record of n bytes. */
int hg_row_read(const struct hg_flow_schema *schema,
                struct hg_batch *builder,
                const uint8_t *record,
                size_t n,
                struct hg_error *err);

#endif
