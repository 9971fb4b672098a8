/*
 * From a whole request to its answer.
 */
#ifndef HG_HTTP_DISPATCH_H
#define HG_HTTP_DISPATCH_H

#include "http/exchange.h"

/*
 * On the HTTP thread, for a request that has come in whole (or is refused before). True when its
 * connection was suspended, to be resumed with the answer; false when it is ANSWERED.
 */
bool hg_dispatch_request(struct hg_exchange *exchange);

/*
 * Answers one parked exchange with 503 in place of its handler and resumes it: one that is past its
 * deadline at `now_ms`. False when there is none. INT64_MAX takes any. [any] thread.
 */
bool hg_dispatch_give_up(struct hg_http_server *server, int64_t now_ms);

#endif
