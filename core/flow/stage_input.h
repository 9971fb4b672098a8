/*
 * The rows of a stage (stage.h) as the input of a flow.
 */
#ifndef HG_FLOW_STAGE_INPUT_H
#define HG_FLOW_STAGE_INPUT_H

#include "flow/columns.h"
#include "flow/context.h"

struct hg_stage_input;

/*
 * Finds what the task has to read, on the flow's connection: the stage of this run, behind those of
 * earlier runs that it has not had. Reads on a connection of its own. HG_ENOTFOUND when a later run
 * has taken over this run's rows.
 */
int hg_stage_input_open(struct hg_flow *flow, struct hg_stage_input **ret, struct hg_error *err);
void hg_stage_input_close(struct hg_stage_input *input);
const struct hg_flow_schema *hg_stage_input_schema(const struct hg_stage_input *input);
/* Whether rows were read that nobody gives again. */
bool hg_stage_input_incremental(const struct hg_stage_input *input);
/* The next batch, owned by the caller; ret->release is NULL at the end. */
int hg_stage_input_next(struct hg_stage_input *input, struct ArrowArray *ret, struct hg_error *err);
/* In the flow's transaction, as itself: the task has had what it read. */
int hg_stage_input_take(struct hg_stage_input *input, struct hg_error *err);

#endif
