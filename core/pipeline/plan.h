/*
 * When each pipeline fires next.
 */
#ifndef HG_PIPELINE_PLAN_H
#define HG_PIPELINE_PLAN_H

#include <stdbool.h>

#include "base/error.h"
#include "store/db.h"

struct hg_pipelines;

/* Sets next_run_at of a pipeline from its schedule. */
int hg_plan_one(struct hg_pipelines *service, const char *id, struct hg_error *err);
/* The same on the caller's connection, and nobody is told. */
int hg_plan_in(struct hg_db *db, const char *id, struct hg_error *err);
/* That of all, but for those that are due and that a host which runs will see to. */
int hg_plan_all(struct hg_pipelines *service, bool at_start, struct hg_error *err);

#endif
