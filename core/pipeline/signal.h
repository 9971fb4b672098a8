/*
 * What the threads tell each other. [any]
 */
#ifndef HG_PIPELINE_SIGNAL_H
#define HG_PIPELINE_SIGNAL_H

#include <stdbool.h>

struct hg_pipelines;

/* Schedules have changed, or something is due. */
void hg_signal_scheduler(struct hg_pipelines *service);
/* A run moved on; for those who wait for it. */
void hg_signal_run_changed(struct hg_pipelines *service);
/* The threads end when this is true. */
bool hg_signal_is_stopping(struct hg_pipelines *service);

#endif
