/*
 * Tasks of kind `check_table`: rules over the rows of a stored table, in one snapshot. Nothing is
 * written, rows that fail stay where they are.
 */
#ifndef HG_FLOW_STORED_H
#define HG_FLOW_STORED_H

#include "flow/context.h"

/* flow->db is open. */
int hg_stored_run(struct hg_flow *flow, struct hg_error *err);

#endif
