/*
 * What a task's worker needs to know.
 */
#ifndef HG_PIPELINE_TASK_SPEC_H
#define HG_PIPELINE_TASK_SPEC_H

#include <jansson.h>

#include "base/error.h"

struct hg_run_request;

/* The policy of that job of a task which retries most; borrowed from the definition. */
const json_t *hg_task_retries(const json_t *definition, const json_t *task);
/*
 * What a task needs to know, all but what changes with each attempt; of the request the times.
 * Owned by the caller.
 */
int hg_task_spec(const json_t *definition,
                 const json_t *task,
                 const char *run_id,
                 const json_t *params,
                 const struct hg_run_request *request,
                 json_t **ret,
                 struct hg_error *err);

#endif
