/*
 * /api/v1/ingestion/runs
 */
#ifndef HG_API_RUNS_H
#define HG_API_RUNS_H

#include "http/request.h"

int hg_api_runs_get(struct hg_http_request *request, struct hg_error *err);
int hg_api_runs_cancel(struct hg_http_request *request, struct hg_error *err);
int hg_api_runs_retry(struct hg_http_request *request, struct hg_error *err);
int hg_api_runs_job_log(struct hg_http_request *request, struct hg_error *err);

#endif
