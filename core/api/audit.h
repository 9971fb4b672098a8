/*
 * Who changed what.
 */
#ifndef HG_API_AUDIT_H
#define HG_API_AUDIT_H

#include "http/request.h"

int hg_api_audit_list(struct hg_http_request *request, struct hg_error *err);

#endif
