/*
 * What PostgreSQL would refuse in a single row, found before it is sent: one bad cell makes one
 * rejected row and not a failed load.
 */
#ifndef HG_FLOW_GUARD_H
#define HG_FLOW_GUARD_H

#include "base/error.h"
#include "flow/columns.h"

/* What the table demands of a column beside its type. */
struct hg_guard {
    int column;    /* index in the schema */
    bool not_null; /* the table's column takes no null */
    bool as_json;  /* the table's column is jsonb */
    bool as_time;  /* the table's column is a timestamp, whose years end before those of dates */
};

/* Sets the bit of each row that has a bad cell in that column. */
void hg_guard_find(const struct hg_guard *guard, const struct hg_flow_batch *batch, uint8_t *bad);
/* Says why: "price is null, which the table does not take"; false when the cell is good. */
bool hg_guard_explain(const struct hg_guard *guard,
                      const struct hg_flow_batch *batch,
                      int64_t row,
                      char *buf,
                      size_t size);

#endif
