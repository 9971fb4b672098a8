/*
 * Signing in and out.
 */
#ifndef HG_API_AUTH_H
#define HG_API_AUTH_H

#include "http/request.h"

int hg_api_login(struct hg_http_request *request, struct hg_error *err);
int hg_api_logout(struct hg_http_request *request, struct hg_error *err);
int hg_api_me(struct hg_http_request *request, struct hg_error *err);

/*
 * Sets the request's user from its API token, where it has an Authorization header, else from its
 * session cookie. HG_EUNAUTHENTICATED for one that is none, and without.
 */
int hg_api_authenticate(struct hg_http_request *request, struct hg_error *err);

#endif
