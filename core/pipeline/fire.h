/*
 * What is due: its run, or why there is none.
 */
#ifndef HG_PIPELINE_FIRE_H
#define HG_PIPELINE_FIRE_H

#include "base/clock.h"
#include "base/error.h"

struct hg_pipelines;

/*
 * Sees to each pipeline whose time has come, unless all are paused: creates its run, makes up for
 * what was missed as the pipeline's `missed` says, writes down what does not run (a run `skipped`)
 * and sets the next time. `clock` is the scheduler's own. A failure that passes leaves the rest
 * due.
 */
int hg_fire_due(struct hg_pipelines *service, struct hg_clock *clock, struct hg_error *err);

#endif
