/*
 * From a whole request to its answer.
 */
#ifndef HG_HTTP_HANDLE_H
#define HG_HTTP_HANDLE_H

#include "http/exchange.h"

/*
 * On the HTTP thread, for a request that has come in whole (or is refused before). True when its
 * connection was suspended, to be resumed with the answer; false when it is ANSWERED.
 */
bool hg_http_handle(struct hg_exchange *exchange);

#endif
