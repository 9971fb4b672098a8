/*
 * The staging table of a merge and how it gets into the table.
 *
 * With the table locked against other writers there is no need for ON CONFLICT: rows whose key is
 * there are updated where they differ, the others are inserted by an anti-join, which is faster.
 */
#ifndef HG_FLOW_MERGE_H
#define HG_FLOW_MERGE_H

#include "flow/target.h"

/* Makes the staging table: the loaded columns as the table has them, and the row's number. */
int hg_merge_stage(struct hg_flow *flow,
                   const struct hg_flow_schema *schema,
                   const struct hg_target *target,
                   struct hg_error *err);
/* Appends the COPY into the staging table. */
void hg_merge_copy_sql(const struct hg_flow_schema *schema,
                       const struct hg_target *target,
                       struct hg_buf *sql);

struct hg_merge_facts {
    bool distinct; /* no key is twice in the staging table */
    int64_t rows_staged;
    int64_t rows_direct; /* rows that this transaction put into the table before */
};

/* Merges; the last row of a key in stream order wins. *ret_rows: keys that were not counted yet. */
int hg_merge_run(struct hg_flow *flow,
                 const struct hg_flow_schema *schema,
                 const struct hg_target *target,
                 const struct hg_merge_facts *facts,
                 int64_t *ret_rows,
                 struct hg_error *err);

#endif
