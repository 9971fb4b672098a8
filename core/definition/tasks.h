/*
 * Which jobs are one task, and where flows are cut.
 */
#ifndef HG_DEFINITION_TASKS_H
#define HG_DEFINITION_TASKS_H

#include "definition/context.h"

/*
 * The tasks of jobs without an error in them and without a cycle: one for each flow, transform and
 * check of a table. A flow is cut behind a job whose rows several jobs take, and where a job of it
 * waits for something that waits for an earlier job of it; what is behind the cut is a task of its
 * own, which reads the stage that the one before writes (flow/stage.h):
 *
 *   {"key": id of its first job, "kind": "flow", "jobs": [ids], "needs": [keys],
 *    "reads": key of the task that writes what it reads,
 *    "stage": {"readers": [keys], "mode": of the loads behind it, "mixed": whether they differ}}
 *
 * Owned by the caller; NULL without memory.
 */
json_t *hg_definition_make_tasks(struct hg_definition_context *context);

#endif
