/*
 * /api/v1/datasets
 */
#ifndef HG_API_DATASETS_H
#define HG_API_DATASETS_H

#include "http/request.h"

int hg_api_datasets_list(struct hg_http_request *request, struct hg_error *err);
int hg_api_datasets_rows(struct hg_http_request *request, struct hg_error *err);
/* Streams all rows as CSV or JSON lines. */
int hg_api_datasets_export(struct hg_http_request *request, struct hg_error *err);

#endif
