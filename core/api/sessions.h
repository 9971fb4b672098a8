/*
 * One's own sessions and password.
 */
#ifndef HG_API_SESSIONS_H
#define HG_API_SESSIONS_H

#include "http/request.h"

int hg_api_sessions_list(struct hg_http_request *request, struct hg_error *err);
int hg_api_sessions_end(struct hg_http_request *request, struct hg_error *err);
int hg_api_sessions_end_others(struct hg_http_request *request, struct hg_error *err);
int hg_api_password(struct hg_http_request *request, struct hg_error *err);

#endif
