/*
 * The watcher: a thread that gives up on handlers past their deadline and cuts connections that
 * take too long to send a request.
 */
#ifndef HG_HTTP_WATCH_H
#define HG_HTTP_WATCH_H

#include "http/exchange.h"

int hg_http_watch_start(struct hg_http_server *server, struct hg_error *err);
void hg_http_watch_stop(struct hg_http_server *server);
/* Something is due at `at_ms` (monotonic). Call with the server's mutex held. */
void hg_http_watch_by(struct hg_http_server *server, int64_t at_ms);
/*
 * Waits for one of the server's conditions until `at_ms` (monotonic); INT64_MAX waits as long as it
 * takes. With the mutex held.
 */
void hg_http_watch_wait(struct hg_http_server *server, pthread_cond_t *condition, int64_t at_ms);

#endif
