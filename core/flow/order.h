/*
 * Whether the keys of a stream strictly increase: then no two of them are the same.
 *
 * The order is that of the cells' own bytes or numbers. It need not be the one that PostgreSQL
 * sorts by: any total order under which different keys differ will do.
 */
#ifndef HG_FLOW_ORDER_H
#define HG_FLOW_ORDER_H

#include "flow/columns.h"

struct hg_order;

/* `columns` are indices in the schema, the first counts most. *ret is owned by the caller. */
int hg_order_new(const struct hg_flow_schema *schema,
                 const int *columns,
                 size_t n_columns,
                 struct hg_order **ret,
                 struct hg_error *err);
void hg_order_free(struct hg_order *order);
/* Forgets the keys seen so far. */
void hg_order_reset(struct hg_order *order);
/*
 * How many of the rows, from the first on, continue the increasing run of what was seen before.
 * Those are then seen. Key cells must not be null. A negative HG_E* when there is no memory.
 */
int64_t hg_order_run(struct hg_order *order,
                     const struct hg_flow_batch *batch,
                     const int32_t *rows,
                     int64_t n);

#endif
