/*
 * An answer whose body is made while it is sent: of any length, in constant memory.
 *
 * The body is made by a thread of the stream's own, which waits while the client does not take what
 * is there; the HTTP thread passes it on. The thread starts when the first bytes are asked for, so
 * that HEAD and answers that are dropped make nothing.
 */
#ifndef HG_HTTP_STREAM_H
#define HG_HTTP_STREAM_H

#include "http/exchange.h"
#include "http/request.h"

/* All of a server's. */
struct hg_streams;

/* `max` at once; `server` is borrowed until hg_streams_free. */
int hg_streams_new(struct hg_http_server *server,
                   int max,
                   struct hg_streams **ret,
                   struct hg_error *err);
/* Cuts what is under way and refuses new ones; returns at once. */
void hg_streams_cut(struct hg_streams *streams);
/* Waits until every thread has returned, and frees. The daemon has ended. */
void hg_streams_free(struct hg_streams *streams);

/* What libmicrohttpd sends; NULL without memory. The response has a reference of its own. */
struct MHD_Response *hg_stream_response(struct hg_http_stream *stream,
                                        struct MHD_Connection *connection);
/* Bytes of the body that were passed on so far. [any] thread. */
size_t hg_stream_sent(struct hg_http_stream *stream);
void hg_stream_ref(struct hg_http_stream *stream);
/* NULL is allowed. */
void hg_stream_unref(struct hg_http_stream *stream);

#endif
