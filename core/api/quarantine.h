/*
 * /api/v1/ingestion/quarantine
 */
#ifndef HG_API_QUARANTINE_H
#define HG_API_QUARANTINE_H

#include "http/request.h"

int hg_api_quarantine_list(struct hg_http_request *request, struct hg_error *err);

#endif
