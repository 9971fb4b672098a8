/*
 * Live updates.
 */
#ifndef HG_API_EVENTS_H
#define HG_API_EVENTS_H

#include "http/request.h"

/* The connection becomes a WebSocket on which events go out. */
int hg_api_events(struct hg_http_request *request, struct hg_error *err);

#endif
