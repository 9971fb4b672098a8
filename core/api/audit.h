/*
 * Who changed what.
 */
#ifndef HG_API_AUDIT_H
#define HG_API_AUDIT_H

#include "http/request.h"

int hg_api_audit_list(struct hg_http_request *request, struct hg_error *err);

/*
 * What the audit log calls the change that an operation of the route table makes, as "user.create"
 * for create_user; NULL where that makes none. Static. [any]
 */
const char *hg_api_audit_action(const char *operation);
/* Writes that a role did not allow what was asked; of the thing, only what the address names. */
void hg_api_refused(struct hg_http_request *request);

#endif
