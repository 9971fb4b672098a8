#include "http/server.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/metrics.h"
#include "base/str.h"
#include "base/time.h"
#include "http/descriptors.h"
#include "http/exchange.h"
#include "http/finish.h"
#include "http/listen.h"
#include "http/receive.h"
#include "http/stream.h"
#include "http/watch.h"

enum {
    FLUSH_MS = 1000, /* for the last answers to leave */
};

static void set_defaults(struct hg_http_options *options)
{
    options->threads = options->threads ? options->threads : 8;
    options->queue_max = options->queue_max ? options->queue_max : 128;
    options->connections_max = options->connections_max ? options->connections_max : 512;
    if (!options->address_max) {
        options->address_max = options->trusted_proxies ? options->connections_max
                                                        : (options->connections_max + 1) / 2;
    }
    options->streams_max = options->streams_max ? options->streams_max : 2;
    options->stream_look_ms = options->stream_look_ms ? options->stream_look_ms : 2000;
    options->idle_timeout_s = options->idle_timeout_s ? options->idle_timeout_s : 30;
    options->receive_timeout_ms = options->receive_timeout_ms ? options->receive_timeout_ms : 60000;
    options->deadline_ms = options->deadline_ms ? options->deadline_ms : 30000;
    options->body_max_bytes = options->body_max_bytes ? options->body_max_bytes : 1 << 20;
    options->bodies_max_bytes = options->bodies_max_bytes ? options->bodies_max_bytes : 64 << 20;
}

static struct hg_http_server *new_server(const struct hg_http_options *options)
{
    struct hg_http_server *server = calloc(1, sizeof *server);
    pthread_condattr_t monotonic;
    if (!server) {
        return NULL;
    }
    server->options = *options;
    set_defaults(&server->options);
    server->listen_fd = -1;
    server->watch_at_ms = INT64_MAX;
    server->is_https =
        options->tls || (options->public_url && hg_starts_with(options->public_url, "https://"));
    (void)pthread_mutex_init(&server->mutex, NULL);
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&server->due, &monotonic);
    (void)pthread_cond_init(&server->ended, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    return server;
}

static int start_sockets(struct hg_http_server *server, struct hg_error *err)
{
    const struct hg_http_options *options = &server->options;
    struct hg_socket_limits limits = options->sockets;
    limits.clients_max = hg_descriptors_make_room(
        options->connections_max, limits.clients_max ? limits.clients_max : HG_SOCKETS_MAX);
    return hg_sockets_start(&limits, options->events, options->public_url, &server->sockets, err);
}

int hg_http_start(const struct hg_http_options *options,
                  struct hg_http_server **ret,
                  struct hg_error *err)
{
    struct hg_http_server *server = new_server(options);
    if (!server) {
        return hg_error_nomem(err);
    }
    int r = hg_listen(options->host, options->port, &server->listen_fd, &server->port, err);
    r = r < 0 ? r
              : hg_executor_new(
                    server->options.threads, server->options.queue_max, &server->executor, err);
    r = r < 0 ? r : hg_streams_new(server, server->options.streams_max, &server->streams, err);
    r = r < 0 ? r : hg_http_meter_new(options->routes, options->n_routes, &server->meter, err);
    r = r < 0 || !options->events ? r : start_sockets(server, err);
    r = r < 0 ? r : hg_http_watch_start(server, err);
    r = r < 0 ? r : hg_receive_start(server, err);
    if (r < 0) {
        hg_http_stop(server, 0);
        return r;
    }
    *ret = server;
    return HG_OK;
}

int hg_http_port(const struct hg_http_server *server)
{
    return server->port;
}

static int count_under_way(struct hg_http_server *server)
{
    int n = 0;
    HG_LOCK(&server->mutex);
    for (const struct hg_exchange *at = server->exchanges; at; at = at->next) {
        n += at->upgraded_ms == 0; /* those that became sockets have their answer */
    }
    return n;
}

void hg_http_put_metrics(struct hg_http_server *server, struct hg_buf *buf)
{
    static const struct hg_metric under_way = {
        "headgate_http_requests_in_progress", "gauge", "Requests that have no answer yet."};
    hg_http_meter_put(server->meter, buf);
    hg_metrics_single(buf, &under_way, count_under_way(server));
}

static void refuse_new(struct hg_http_server *server)
{
    HG_LOCK(&server->mutex);
    server->stopping = true;
}

/* Until no request is under way, for at most `wait_ms`. */
static void wait_for_requests(struct hg_http_server *server, int64_t wait_ms)
{
    int64_t until_ms = hg_time_monotonic_ms() + wait_ms;
    HG_LOCK(&server->mutex);
    while (server->exchanges && hg_time_monotonic_ms() < until_ms) {
        hg_http_watch_wait(server, &server->ended, until_ms);
    }
}

/* What is given up on is resumed, so this takes no longer than that. */
static void wait_for_parked(struct hg_http_server *server)
{
    HG_LOCK(&server->mutex);
    while (server->n_parked > 0) {
        hg_http_watch_wait(server, &server->ended, INT64_MAX);
    }
}

static void stop_daemon(struct hg_http_server *server, int64_t grace_ms)
{
    if (!server->daemon) {
        return;
    }
    refuse_new(server);
    (void)MHD_quiesce_daemon(server->daemon);
    hg_sockets_stop(server->sockets);
    wait_for_requests(server, grace_ms);
    while (hg_http_give_up(server, INT64_MAX)) {
    }
    hg_streams_cut(server->streams);
    wait_for_parked(server);
    wait_for_requests(server, FLUSH_MS);
    hg_http_watch_stop(server);
    MHD_stop_daemon(server->daemon);
}

void hg_http_stop(struct hg_http_server *server, int64_t grace_ms)
{
    if (!server) {
        return;
    }
    stop_daemon(server, grace_ms);
    hg_http_watch_stop(server);
    hg_executor_free(server->executor);
    hg_streams_free(server->streams);
    hg_http_meter_free(server->meter);
    hg_sockets_stop(server->sockets);
    hg_sockets_free(server->sockets);
    hg_closep(&server->listen_fd);
    (void)pthread_cond_destroy(&server->due);
    (void)pthread_cond_destroy(&server->ended);
    (void)pthread_mutex_destroy(&server->mutex);
    free(server);
}
