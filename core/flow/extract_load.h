/*
 * Tasks of kind `flow`: one extract, its checks and its load in one pass and one transaction.
 */
#ifndef HG_FLOW_EXTRACT_LOAD_H
#define HG_FLOW_EXTRACT_LOAD_H

#include "flow/context.h"

/* flow->db is open. Commits, or leaves the transaction to be rolled back. */
int hg_extract_load_run(struct hg_flow *flow, struct hg_error *err);

#endif
