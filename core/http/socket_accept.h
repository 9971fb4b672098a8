/*
 * The handshake of a WebSocket (RFC 6455), as an answer of a handler.
 */
#ifndef HG_HTTP_SOCKET_ACCEPT_H
#define HG_HTTP_SOCKET_ACCEPT_H

#include "events/bus.h"
#include "http/request.h"

/* Where a server's sockets are; opaque here. */
struct hg_sockets;

/*
 * Answers 101: the connection becomes a socket on which the events that the filter lets through go
 * out. HG_EINVAL (a 400) when the request is no proper handshake; HG_EFORBIDDEN when neither our
 * own Origin nor an Authorization header comes with it, since a browser lets any page open a
 * WebSocket here, with our cookie; HG_EUNAVAILABLE when there are as many sockets as there may be.
 */
int hg_http_accept_socket(struct hg_http_request *request,
                          const struct hg_events_filter *filter,
                          const char *last_event_id,
                          struct hg_error *err);

#endif
