/*
 * How jobs hang together: needs, data inputs, flows, tasks.
 */
#ifndef HG_PIPELINE_DEFINITION_GRAPH_H
#define HG_PIPELINE_DEFINITION_GRAPH_H

#include "pipeline/definition_context.h"

/*
 * Resolves needs and from of context->jobs, refuses cycles, inputs with several readers and
 * extracts that nothing loads, and adds "needs" and "from" to the jobs' canonical forms.
 */
void hg_definition_link_jobs(struct hg_definition_context *context);

/*
 * The tasks of jobs without an error in them: one for each flow, transform and check of a table.
 * Owned by the caller; NULL after it complained, or without memory.
 */
json_t *hg_definition_make_tasks(struct hg_definition_context *context);

#endif
