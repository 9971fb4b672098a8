/*
 * How an exchange ends. Its answer is published once: by its handler, or by whoever gives up on it
 * before. [any] thread, unless said otherwise.
 */
#ifndef HG_HTTP_FINISH_H
#define HG_HTTP_FINISH_H

#include "http/exchange.h"

/*
 * Makes the failure the request's answer, and logs one of ours. A body or cookies given before do
 * not go out; Allow and the like are added after.
 */
void hg_http_fail(struct hg_http_request *request, const struct hg_error *err);
/*
 * The same under overload, with one line a second: the log would be the next thing to be
 * overloaded. On the HTTP thread.
 */
void hg_http_fail_overloaded(struct hg_exchange *exchange, const struct hg_error *err);
/*
 * Publishes the request's answer unless the exchange has left the state `from` meanwhile, and
 * resumes its connection when it was parked. Without memory for a response the connection is
 * closed.
 */
void hg_http_finish(struct hg_exchange *exchange, enum hg_exchange_state from);
/*
 * Answers one parked exchange with 503 in place of its handler and resumes it: one that is past its
 * deadline at `now_ms`. False when there is none. INT64_MAX takes any.
 */
bool hg_http_give_up(struct hg_http_server *server, int64_t now_ms);

#endif
