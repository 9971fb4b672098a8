/*
 * The server's own state, shared by server.c, receive.c, handle.c, finish.c and watch.c.
 *
 * Threads: the HTTP thread (libmicrohttpd's), the executor's, the watcher's, and whoever stops the
 * server. `mutex` guards what is said to be guarded; libmicrohttpd is never called with it held.
 * Who moves an exchange from PARKED to ANSWERED, under the mutex, resumes its connection, and
 * nobody else does.
 */
#ifndef HG_HTTP_EXCHANGE_H
#define HG_HTTP_EXCHANGE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <microhttpd.h>

#include "http/executor.h"
#include "http/meter.h"
#include "http/request.h"
#include "http/server.h"

enum hg_exchange_state {
    HG_EXCHANGE_RECEIVING = 1, /* the HTTP thread's */
    HG_EXCHANGE_PARKED,        /* its connection is suspended; queued, or its handler runs */
    HG_EXCHANGE_ANSWERED,      /* `response` waits for the HTTP thread */
};

/* One request and its answer. */
struct hg_exchange {
    struct hg_http_request request;
    struct hg_job job;
    struct hg_http_server *server;
    struct MHD_Connection *connection;
    int64_t started_ms;
    /* The HTTP thread's. */
    const char *uri_at; /* where libmicrohttpd keeps the address, taken apart in place */
    size_t n_uri;       /* its length as it was sent, or up to its first NUL */
    bool has_headers;
    bool is_discarding; /* `early` says why; the rest of the body is read and dropped */
    bool must_close;
    size_t n_discarded;
    struct hg_error early;
    /* Guarded by the server's mutex. */
    int64_t upgraded_ms; /* when it became a socket; 0: it did not */
    struct hg_exchange *prev;
    struct hg_exchange *next;
    int refs;
    enum hg_exchange_state state;
    int64_t deadline_ms; /* monotonic; while parked */
    size_t n_buffered;   /* its share of the server's n_buffered */
    struct MHD_Response *response;
    unsigned status;
    size_t n_answer;               /* bytes of its body, or, with a reference, */
    struct hg_http_stream *stream; /* what makes it */
    char who[HG_USERNAME_MAX + 1]; /* sent it; "" where that is not known */
    const char *who_by;            /* static */
};

/* A connection as the watcher sees it. Guarded by the server's mutex. */
struct hg_http_connection {
    struct hg_http_connection *prev;
    struct hg_http_connection *next;
    int fd;
    int64_t receive_by_ms; /* monotonic; INT64_MAX while it need not send anything */
};

struct hg_http_server {
    struct hg_http_options options;
    struct MHD_Daemon *daemon;
    struct hg_executor *executor;
    struct hg_http_meter *meter;
    struct hg_sockets *sockets; /* NULL: there are none */
    struct hg_streams *streams;
    int listen_fd;
    int port;
    bool is_https;
    pthread_t watcher;
    bool has_watcher;
    int64_t overload_logged_ms; /* the HTTP thread's */

    pthread_mutex_t mutex;
    /* Both on the monotonic clock. */
    pthread_cond_t due;   /* for the watcher: something is due sooner than it thinks */
    pthread_cond_t ended; /* for hg_http_stop: a request ended, or a connection was resumed */
    /* Guarded. */
    struct hg_exchange *exchanges;
    struct hg_http_connection *connections;
    size_t n_buffered; /* bytes of bodies */
    /*
     * Connections that are suspended, or whose MHD_resume_connection has not returned: the daemon
     * must not end before, since that call uses it to the last.
     */
    int n_parked;
    int64_t watch_at_ms;
    bool stopping; /* new requests get 503 */
    bool watcher_stops;
};

/* A new exchange with one reference, linked. NULL without memory. */
struct hg_exchange *hg_exchange_new(struct hg_http_server *server, const char *raw_target);
/* Gives one reference back. */
void hg_exchange_unref(struct hg_exchange *exchange);
/* Unlinks: the connection is done with it. Gives the connection's reference back. */
void hg_exchange_end(struct hg_exchange *exchange);

/* libmicrohttpd's: the connection is a socket now. On the HTTP thread. */
void hg_exchange_upgraded(void *cls,
                          struct MHD_Connection *connection,
                          void *request_context,
                          const char *extra,
                          size_t n_extra,
                          MHD_socket fd,
                          struct MHD_UpgradeResponseHandle *handle);

/*
 * Turns the request's answer into a response (its headers too), taking the body over. NULL without
 * memory. Not with the mutex held.
 */
struct MHD_Response *hg_exchange_response(struct hg_exchange *exchange,
                                          struct hg_http_answer *answer,
                                          bool close);

#endif
