/*
 * What a task's worker needs to know.
 */
#ifndef HG_PIPELINE_TASK_SPEC_H
#define HG_PIPELINE_TASK_SPEC_H

#include <jansson.h>

#include "base/error.h"
#include "queue/queue.h"

struct hg_pipelines;
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
/*
 * Completes a copy of the spec for one attempt: plugin files, fence, connection. *ret_plugin is the
 * third-party plugin among them, or NULL; borrowed from the registry.
 */
int hg_task_for_attempt(const struct hg_pipelines *service,
                        const struct hg_queue_task *task,
                        json_t **ret,
                        const char **ret_plugin,
                        struct hg_error *err);

#endif
