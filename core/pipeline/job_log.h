/*
 * Logs of jobs.
 */
#ifndef HG_PIPELINE_JOB_LOG_H
#define HG_PIPELINE_JOB_LOG_H

#include <stdint.h>

struct hg_pipelines;

/* Appends a line to the log of an attempt of a job. Failures are logged once and dropped. */
void hg_job_log_append(const struct hg_pipelines *service,
                       const char *run_id,
                       const char *job,
                       int attempt,
                       int level,
                       int64_t at_us,
                       const char *message);

#endif
