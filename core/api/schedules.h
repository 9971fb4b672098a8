/*
 * /api/v1/ingestion/schedules, and a pipeline's backfills and versions
 */
#ifndef HG_API_SCHEDULES_H
#define HG_API_SCHEDULES_H

#include "http/request.h"

int hg_api_schedules_next(struct hg_http_request *request, struct hg_error *err);
int hg_api_backfills_create(struct hg_http_request *request, struct hg_error *err);
int hg_api_backfills_list(struct hg_http_request *request, struct hg_error *err);
int hg_api_backfills_get(struct hg_http_request *request, struct hg_error *err);
int hg_api_backfills_cancel(struct hg_http_request *request, struct hg_error *err);
int hg_api_versions_list(struct hg_http_request *request, struct hg_error *err);
int hg_api_versions_get(struct hg_http_request *request, struct hg_error *err);

#endif
