/*
 * Logs of jobs (joblog/job_log.h) as those of attempts: what is under way, who is told of lines.
 */
#ifndef HG_DISPATCH_LOGS_H
#define HG_DISPATCH_LOGS_H

#include "base/error.h"

struct hg_dispatch;
struct hg_queue_task;

/* Before anything runs; sets dispatch->logs. */
int hg_dispatch_logs_open(struct hg_dispatch *dispatch, struct hg_error *err);
/* The attempt at a task has ended, and so have the logs of its jobs. [any] */
void hg_dispatch_logs_end(struct hg_dispatch *dispatch, const struct hg_queue_task *task);

#endif
