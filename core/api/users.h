/*
 * Users, for admins.
 */
#ifndef HG_API_USERS_H
#define HG_API_USERS_H

#include "http/request.h"

int hg_api_users_list(struct hg_http_request *request, struct hg_error *err);
int hg_api_users_get(struct hg_http_request *request, struct hg_error *err);
int hg_api_users_create(struct hg_http_request *request, struct hg_error *err);
int hg_api_users_update(struct hg_http_request *request, struct hg_error *err);
int hg_api_users_delete(struct hg_http_request *request, struct hg_error *err);

#endif
