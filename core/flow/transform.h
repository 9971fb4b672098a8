/*
 * Tasks of kind `transform`: a user's SQL script in one transaction with its ledger row.
 */
#ifndef HG_FLOW_TRANSFORM_H
#define HG_FLOW_TRANSFORM_H

#include "flow/context.h"

/* flow->db is open. Commits, or leaves the transaction to be rolled back. */
int hg_transform_run(struct hg_flow *flow, struct hg_error *err);

#endif
