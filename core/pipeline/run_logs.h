/*
 * Logs of jobs (joblog/job_log.h) as those of runs: what is under way, who is told of lines.
 */
#ifndef HG_PIPELINE_RUN_LOGS_H
#define HG_PIPELINE_RUN_LOGS_H

#include "base/error.h"

struct hg_pipelines;
struct hg_queue_task;

/* Before anything runs; sets service->logs. */
int hg_run_logs_open(struct hg_pipelines *service, struct hg_error *err);
/* The attempt at a task has ended, and so have the logs of its jobs. [any] */
void hg_run_logs_end(struct hg_pipelines *service, const struct hg_queue_task *task);

#endif
