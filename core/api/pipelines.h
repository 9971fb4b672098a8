/*
 * /api/v1/ingestion/pipelines
 */
#ifndef HG_API_PIPELINES_H
#define HG_API_PIPELINES_H

#include "http/request.h"

int hg_api_pipelines_list(struct hg_http_request *request, struct hg_error *err);
int hg_api_pipelines_get(struct hg_http_request *request, struct hg_error *err);
int hg_api_pipelines_update(struct hg_http_request *request, struct hg_error *err);
int hg_api_pipelines_reset(struct hg_http_request *request, struct hg_error *err);
int hg_api_pipelines_trigger(struct hg_http_request *request, struct hg_error *err);
int hg_api_pipelines_runs(struct hg_http_request *request, struct hg_error *err);

#endif
