/*
 * The archiver: a thread that archives the logs of attempts that have ended. At its start it looks
 * through all logs of the data dir: those that an earlier life of the host left behind torn are
 * ended and archived.
 */
#ifndef HG_JOBLOG_ARCHIVER_H
#define HG_JOBLOG_ARCHIVER_H

#include "joblog/job_log.h"

int hg_job_log_archiver_start(struct hg_job_logs *logs, struct hg_error *err);
/* What is queued is archived first, for a while; the rest at the next start. */
void hg_job_log_archiver_stop(struct hg_job_logs *logs);
/* A log that has ended (logs->mutex held). */
void hg_job_log_archiver_add(struct hg_job_logs *logs, const struct hg_job_log_name *name);

#endif
