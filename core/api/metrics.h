/* GET /metrics, in Prometheus' text form. */
#ifndef HG_API_METRICS_H
#define HG_API_METRICS_H

#include "http/router.h"

/*
 * For clients on this machine that no proxy stands before, and for who is signed in. Without a
 * database it answers what needs none, and headgate_database_up says so.
 */
int hg_api_metrics(struct hg_http_request *request, struct hg_error *err);

#endif
