/* Alert channels, and what was sent to them. */
#ifndef HG_API_ALERTS_H
#define HG_API_ALERTS_H

#include "http/request.h"

int hg_api_channels_list(struct hg_http_request *request, struct hg_error *err);
int hg_api_channels_get(struct hg_http_request *request, struct hg_error *err);
int hg_api_channels_create(struct hg_http_request *request, struct hg_error *err);
int hg_api_channels_update(struct hg_http_request *request, struct hg_error *err);
int hg_api_channels_delete(struct hg_http_request *request, struct hg_error *err);
int hg_api_channels_test(struct hg_http_request *request, struct hg_error *err);
int hg_api_alerts_list(struct hg_http_request *request, struct hg_error *err);

#endif
