/*
 * API tokens.
 */
#ifndef HG_API_TOKENS_H
#define HG_API_TOKENS_H

#include "http/request.h"

int hg_api_tokens_list(struct hg_http_request *request, struct hg_error *err);
int hg_api_tokens_create(struct hg_http_request *request, struct hg_error *err);
int hg_api_tokens_delete(struct hg_http_request *request, struct hg_error *err);

#endif
