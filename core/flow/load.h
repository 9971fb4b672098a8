/*
 * The load of a flow: rows go out by COPY as they come.
 *
 *   append   straight into the table
 *   replace  the table is locked against other writers and emptied first, in the transaction
 *   merge    straight into the table while that is safe: the table was empty, we hold its lock, and
 *            the keys of the stream strictly increase. From the first row on that breaks this, into
 *            a staging table, which is merged at the end.
 *   stage    into a table of its own for the tasks that read it (stage.h)
 */
#ifndef HG_FLOW_LOAD_H
#define HG_FLOW_LOAD_H

#include "flow/columns.h"
#include "flow/context.h"

struct hg_load;

/* Prepares the task's load, in the open transaction, for that schema. Owned by the caller. */
int hg_load_new(struct hg_flow *flow,
                const struct hg_flow_schema *schema,
                struct hg_load **ret,
                struct hg_error *err);
/* Ends an open COPY as failed; takes NULL. */
void hg_load_free(struct hg_load *load);
/* Takes n rows of a batch; those that PostgreSQL would refuse go to quarantine. */
int hg_load_rows(struct hg_load *load,
                 const struct hg_flow_batch *batch,
                 const int32_t *rows,
                 int64_t n,
                 struct hg_error *err);
/*
 * From now on rows may come out of the order of their numbers. A merge then keeps them apart until
 * it has them all, for what lies in the table has no number any more.
 */
int hg_load_out_of_order(struct hg_load *load, struct hg_error *err);
/* All rows were given: they are in the table, visible once the transaction commits. */
int hg_load_finish(struct hg_load *load, struct hg_error *err);

/* Whether all rows came in the order of their numbers. */
bool hg_load_in_order(const struct hg_load *load);

#endif
