/*
 * The HTTP server: libmicrohttpd's one thread, which never waits, and an executor that does.
 *
 * A request that a table row takes is parked (its connection suspended) and put into the executor's
 * queue; its handler may wait for a database. When the queue is full, or the handler takes longer
 * than the deadline, the client gets 503 with Retry-After. The thread itself answers what needs no
 * waiting: files of the site, unknown addresses, rows with HG_ROUTE_INLINE.
 */
#ifndef HG_HTTP_SERVER_H
#define HG_HTTP_SERVER_H

#include "base/address.h"
#include "base/buf.h"
#include "base/error.h"
#include "events/bus.h"
#include "http/router.h"
#include "http/site.h"
#include "http/sockets.h"
#include "http/tls.h"

struct hg_http_server;

/* 0 stands for the default named. All pointers are borrowed until hg_http_stop returns. */
struct hg_http_options {
    const char *host; /* name or address to listen on */
    int port;         /* 0: any free one */
    const struct hg_route *routes;
    size_t n_routes;
    const struct hg_site *site;
    void *context; /* becomes each request's */
    /*
     * Who sent it: sets request->principal, or fails with HG_EUNAUTHENTICATED. On the
     * executor, before each handler whose row is not public.
     */
    int (*authenticate)(struct hg_http_request *request, struct hg_error *err);
    /* A user's role did not allow what he asked to change; may be NULL. On the executor. */
    void (*refused)(struct hg_http_request *request);
    const char *public_url; /* may be NULL */
    /* Whose X-Forwarded-For is believed; NULL: nobody's. As many connections as there are may then
     * come from one address. */
    const struct hg_networks *trusted_proxies;
    struct hg_tls *tls; /* NULL: plain HTTP */
    /* What sockets are told (http/socket_accept.h); NULL: there are none. They come on top of the
     * connections below. */
    struct hg_events *events;
    struct hg_socket_limits sockets;
    int threads;            /* 8 */
    int queue_max;          /* 128 requests */
    int connections_max;    /* 512 */
    int address_max;        /* connections from one address; half of connections_max */
    int streams_max;        /* 2: answers made while they are sent (hg_http_answer_stream) */
    int64_t stream_look_ms; /* 2000: between two looks at who may still have such an answer */
    int idle_timeout_s;     /* 30: a connection on which nothing moves */
    int64_t
        receive_timeout_ms;  /* 60000: for a request to come in, beside the idle time before it */
    int64_t deadline_ms;     /* 30000: for a handler */
    size_t body_max_bytes;   /* 1 MiB for one request */
    size_t bodies_max_bytes; /* 64 MiB for all that are in memory at once */
};

/* Listens and serves. HG_ECONFLICT when the address is taken. */
int hg_http_start(const struct hg_http_options *options,
                  struct hg_http_server **ret,
                  struct hg_error *err);
/* The port it listens on. */
int hg_http_port(const struct hg_http_server *server);
/* Writes what it has counted (base/metrics.h). [any] thread. */
void hg_http_put_metrics(struct hg_http_server *server, struct hg_buf *buf);
/*
 * Takes no more connections, lets requests finish for `grace_ms`, answers the rest with 503, waits
 * for handlers to return, frees.
 */
void hg_http_stop(struct hg_http_server *server, int64_t grace_ms);

#endif
