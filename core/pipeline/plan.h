/*
 * When each pipeline fires next.
 */
#ifndef HG_PIPELINE_PLAN_H
#define HG_PIPELINE_PLAN_H

#include <stdint.h>

#include "base/error.h"
#include "store/db.h"

struct hg_pipelines;

/* SQL for what holds of a row of pipeline: the file's, or what the page laid over it. */
#define HG_SQL_SCHEDULE "coalesce(overrides->'schedule', (definition->'schedule')::jsonb)#>>'{}'"
#define HG_SQL_TIMEZONE "coalesce(overrides->>'timezone', definition->>'timezone', 'UTC')"

/*
 * Sets next_run_at of a pipeline, or of all (`id` NULL), from its schedule. A time that is due
 * stays due, for the scheduler to see to, unless it is one of another schedule or zone than now.
 */
int hg_plan(struct hg_pipelines *service, const char *id, struct hg_error *err);

#endif
