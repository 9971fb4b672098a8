/*
 * libmicrohttpd's callbacks: connections and requests as they come in. All on the HTTP thread.
 */
#ifndef HG_HTTP_RECEIVE_H
#define HG_HTTP_RECEIVE_H

#include "http/exchange.h"

/* The daemon that calls them, listening on server->listen_fd. */
int hg_receive_start(struct hg_http_server *server, struct hg_error *err);

#endif
