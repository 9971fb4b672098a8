/*
 * How jobs hang together: needs and data inputs.
 */
#ifndef HG_DEFINITION_GRAPH_H
#define HG_DEFINITION_GRAPH_H

#include "definition/context.h"

/*
 * Resolves needs and from of context->jobs, refuses cycles and extracts that nothing loads, and
 * adds "needs" and "from" to the jobs' canonical forms.
 */
void hg_definition_link_jobs(struct hg_definition_context *context);

#endif
