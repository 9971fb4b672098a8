/*
 * The host itself: whether it lives, whether it can work, what it is made of.
 */
#ifndef HG_API_SYSTEM_H
#define HG_API_SYSTEM_H

#include "http/request.h"

int hg_api_healthz(struct hg_http_request *request, struct hg_error *err);
int hg_api_readyz(struct hg_http_request *request, struct hg_error *err);
int hg_api_system(struct hg_http_request *request, struct hg_error *err);
int hg_api_plugins(struct hg_http_request *request, struct hg_error *err);

#endif
