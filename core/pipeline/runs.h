/*
 * Creating runs.
 */
#ifndef HG_PIPELINE_RUNS_H
#define HG_PIPELINE_RUNS_H

#include <jansson.h>

#include "base/error.h"
#include "base/uuid.h"

struct hg_pipelines;

struct hg_run_request {
    const char *pipeline_id;
    const char *trigger;       /* "manual", "schedule", ... */
    const json_t *params;      /* may be NULL */
    const char *scheduled_for; /* RFC 3339, or NULL */
};
/* Creates a run and its tasks. HG_ECONFLICT with ret_busy_run_id when one is queued or running. */
int hg_run_create(struct hg_pipelines *service,
                  const struct hg_run_request *request,
                  char ret_run_id[HG_UUID_TEXT],
                  char *ret_busy_run_id,
                  struct hg_error *err);

#endif
