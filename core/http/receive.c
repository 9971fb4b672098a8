#include "http/receive.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"
#include "http/forwarded.h"
#include "http/handle.h"
#include "http/stream.h"
#include "http/tls.h"
#include "http/watch.h"

enum {
    /* What of a refused body is read, so that the client sees the answer and not a reset. */
    DISCARD_MAX_BYTES = 8 << 20,
    CONNECTION_MEMORY_BYTES = 32 << 10, /* bounds the headers: libmicrohttpd answers 431 */
};

#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%SERVER_PRECEDENCE"

/* ---- connections ---- */

/* From now on a request is due on it. With the mutex held. */
static void expect_request(struct hg_http_server *server, struct hg_http_connection *connection)
{
    const struct hg_http_options *options = &server->options;
    connection->receive_by_ms =
        hg_time_monotonic_ms() + options->idle_timeout_s * 1000 + options->receive_timeout_ms;
    hg_http_watch_by(server, connection->receive_by_ms);
}

static void add_connection(struct hg_http_server *server, struct hg_http_connection *connection)
{
    HG_LOCK(&server->mutex);
    expect_request(server, connection);
    connection->next = server->connections;
    if (connection->next) {
        connection->next->prev = connection;
    }
    server->connections = connection;
}

static void remove_connection(struct hg_http_server *server, struct hg_http_connection *connection)
{
    {
        HG_LOCK(&server->mutex);
        if (connection->prev) {
            connection->prev->next = connection->next;
        } else {
            server->connections = connection->next;
        }
        if (connection->next) {
            connection->next->prev = connection->prev;
        }
    }
    free(connection);
}

static void on_connection(void *cls,
                          struct MHD_Connection *mhd,
                          void **socket_context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct hg_http_server *server = cls;
    struct hg_http_connection *connection = *socket_context;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (connection) {
            remove_connection(server, connection);
        }
        return;
    }
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    connection = info ? calloc(1, sizeof *connection) : NULL;
    if (connection) {
        connection->fd = info->connect_fd;
        *socket_context = connection;
        add_connection(server, connection);
    }
}

static struct hg_http_connection *connection_of(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

/* Nothing more is due from the client until the next request. */
static void received_whole(struct hg_exchange *exchange)
{
    struct hg_http_connection *connection = connection_of(exchange->connection);
    if (connection) {
        HG_LOCK(&exchange->server->mutex);
        connection->receive_by_ms = INT64_MAX;
    }
}

/* ---- headers ---- */

/* A request that is answered with `code`, before its handler is looked for. */
static void refuse(struct hg_exchange *exchange, int status, int code, const char *message)
{
    if (exchange->early.code == HG_OK) {
        (void)hg_error_set(&exchange->early, code, "%s", message);
        exchange->request.problem_status = status;
        exchange->is_discarding = true;
        exchange->must_close = true;
    }
}

static enum MHD_Result take_header(void *cls,
                                   enum MHD_ValueKind kind,
                                   const char *name,
                                   size_t n_name,
                                   const char *value,
                                   size_t n_value)
{
    struct hg_exchange *exchange = cls;
    struct hg_http_request *request = &exchange->request;
    (void)kind;
    if (request->n_headers == HG_HTTP_HEADERS_MAX) {
        refuse(exchange, 400, HG_EINVAL, "the request has too many headers");
        return MHD_NO;
    }
    struct hg_http_field *field = &request->headers[request->n_headers];
    field->name = hg_arena_strndup(&request->arena, name, n_name);
    field->value = hg_arena_strndup(&request->arena, value ? value : "", value ? n_value : 0);
    if (!field->name || !field->value) {
        refuse(exchange, 503, HG_ENOMEM, "out of memory");
        return MHD_NO;
    }
    request->n_headers++;
    if (strlen(field->name) != n_name || strlen(field->value) != (value ? n_value : 0)) {
        refuse(exchange, 400, HG_EINVAL, "a header holds a NUL");
    }
    return MHD_YES;
}

static size_t count_headers(const struct hg_http_request *request, const char *name)
{
    size_t n = 0;
    for (size_t i = 0; i < request->n_headers; i++) {
        n += strcasecmp(request->headers[i].name, name) == 0;
    }
    return n;
}

/* Whether two programs could disagree on where this request ends or whom it is for. */
static void check_framing(struct hg_exchange *exchange)
{
    const struct hg_http_request *request = &exchange->request;
    const char *length = hg_http_header(request, "Content-Length");
    const char *encoding = hg_http_header(request, "Transfer-Encoding");
    if (length && encoding) {
        refuse(
            exchange, 400, HG_EINVAL, "the request has both Content-Length and Transfer-Encoding");
    }
    if (count_headers(request, "Content-Length") > 1 || count_headers(request, "Host") > 1 ||
        count_headers(request, "Transfer-Encoding") > 1) {
        refuse(exchange,
               400,
               HG_EINVAL,
               "Content-Length, Transfer-Encoding or Host is given more than once");
    }
    if (encoding && strcasecmp(encoding, "chunked") != 0) {
        refuse(exchange, 501, HG_ENOTSUP, "only the transfer encoding \"chunked\" is understood");
    }
    if (length && (length[0] == '\0' || length[strspn(length, "0123456789")] != '\0')) {
        refuse(exchange, 400, HG_EINVAL, "Content-Length is not a number");
    }
}

/* True when the body is announced as larger than what we would even drop. */
static bool is_hopeless(struct hg_exchange *exchange)
{
    const char *length = hg_http_header(&exchange->request, "Content-Length");
    unsigned long long n = length ? strtoull(length, NULL, 10) : 0;
    if (n > exchange->server->options.body_max_bytes) {
        refuse(exchange, 413, HG_ETOOBIG, "the body is larger than what is taken");
    }
    return n > DISCARD_MAX_BYTES;
}

/* libmicrohttpd cuts the address at a NUL; where it keeps the version shows how long it was. */
static void check_target(struct hg_exchange *exchange, const char *version)
{
    const char *at = exchange->uri_at;
    ptrdiff_t room = version - at;
    if (room > 0 && room < CONNECTION_MEMORY_BYTES) {
        size_t n = exchange->n_uri;
        while (n < (size_t)room && (at[n] == '\0' || at[n] == ' ')) {
            n++;
        }
        if (n < (size_t)room) {
            refuse(exchange, 400, HG_EINVAL, "the address holds a NUL");
        }
    }
}

/* All values of a header, of several lines the later ones behind. NULL when there is none. */
static const char *joined_header(struct hg_http_request *request, const char *name)
{
    struct hg_buf joined = HG_BUF_INIT;
    bool is_there = false;
    for (size_t i = 0; i < request->n_headers; i++) {
        if (strcasecmp(request->headers[i].name, name) == 0) {
            hg_buf_puts(&joined, is_there ? "," : "");
            hg_buf_puts(&joined, request->headers[i].value);
            is_there = true;
        }
    }
    const char *text =
        is_there && !joined.failed ? hg_arena_strdup(&request->arena, hg_buf_text(&joined)) : NULL;
    hg_buf_free(&joined);
    return text;
}

static void take_address(struct hg_exchange *exchange)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(exchange->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct hg_networks *trusted = exchange->server->options.trusted_proxies;
    struct hg_http_request *request = &exchange->request;
    struct hg_address peer;
    if (info && info->client_addr && hg_address_of(info->client_addr, &peer)) {
        hg_forwarded_client(trusted,
                            &peer,
                            trusted ? joined_header(request, "X-Forwarded-For") : NULL,
                            request->remote_address);
    } else {
        (void)snprintf(request->remote_address, sizeof request->remote_address, "unknown");
    }
    request->principal.address = request->remote_address;
}

static enum MHD_Result queue_answer(struct hg_exchange *exchange)
{
    struct MHD_Response *response = exchange->response;
    if (!response) {
        return MHD_NO;
    }
    enum MHD_Result result = MHD_queue_response(exchange->connection, exchange->status, response);
    exchange->response = NULL;
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result take_headers(struct hg_exchange *exchange,
                                    struct MHD_Connection *mhd,
                                    const char *method,
                                    const char *version)
{
    struct hg_http_request *request = &exchange->request;
    exchange->has_headers = true;
    exchange->connection = mhd;
    request->is_head = strcmp(method, "HEAD") == 0;
    request->is_http_1_0 = strcmp(version, "HTTP/1.0") == 0;
    request->method = request->is_head ? "GET" : hg_arena_strdup(&request->arena, method);
    request->headers =
        hg_arena_alloc(&request->arena, HG_HTTP_HEADERS_MAX * sizeof request->headers[0]);
    if (!request->method || !request->headers) {
        return MHD_NO;
    }
    check_target(exchange, version);
    (void)MHD_get_connection_values_n(mhd, MHD_HEADER_KIND, take_header, exchange);
    take_address(exchange);
    check_framing(exchange);
    if (is_hopeless(exchange)) {
        /* An answer at this point makes libmicrohttpd close after it without reading the body. */
        (void)hg_http_handle(exchange);
        return queue_answer(exchange);
    }
    return MHD_YES;
}

/* ---- bodies ---- */

/* Counts the bytes against the limit for all requests together. */
static bool take_room(struct hg_exchange *exchange, size_t n)
{
    struct hg_http_server *server = exchange->server;
    HG_LOCK(&server->mutex);
    if (server->n_buffered + n > server->options.bodies_max_bytes) {
        return false;
    }
    server->n_buffered += n;
    exchange->n_buffered += n;
    return true;
}

static enum MHD_Result take_body(struct hg_exchange *exchange, const char *bytes, size_t *n)
{
    struct hg_buf *body = &exchange->request.body;
    if (!exchange->is_discarding && body->len + *n > exchange->server->options.body_max_bytes) {
        refuse(exchange, 413, HG_ETOOBIG, "the body is larger than what is taken");
        hg_buf_free(body);
    }
    if (!exchange->is_discarding && !take_room(exchange, *n)) {
        refuse(exchange, 503, HG_EUNAVAILABLE, "the host has more requests than it can work on");
    }
    if (!exchange->is_discarding) {
        hg_buf_append(body, bytes, *n);
        if (hg_buf_failed(body)) {
            refuse(exchange, 503, HG_ENOMEM, "out of memory");
        }
    } else {
        exchange->n_discarded += *n;
    }
    *n = 0;
    return exchange->n_discarded > DISCARD_MAX_BYTES ? MHD_NO : MHD_YES;
}

/* ---- requests ---- */

static void *on_uri(void *cls, const char *uri, struct MHD_Connection *mhd)
{
    (void)mhd;
    return hg_exchange_new(cls, uri);
}

static enum hg_exchange_state state_of(struct hg_exchange *exchange)
{
    HG_LOCK(&exchange->server->mutex);
    return exchange->state;
}

static enum MHD_Result on_request(void *cls,
                                  struct MHD_Connection *mhd,
                                  const char *url,
                                  const char *method,
                                  const char *version,
                                  const char *upload,
                                  size_t *n_upload,
                                  void **request_context)
{
    struct hg_exchange *exchange = *request_context;
    (void)cls;
    (void)url;
    if (!exchange) {
        return MHD_NO; /* no memory when its address came in */
    }
    if (!exchange->has_headers) {
        return take_headers(exchange, mhd, method, version);
    }
    if (*n_upload > 0) {
        return take_body(exchange, upload, n_upload);
    }
    if (state_of(exchange) == HG_EXCHANGE_RECEIVING) {
        received_whole(exchange);
        if (hg_http_handle(exchange)) {
            return MHD_YES; /* called again once it is resumed */
        }
    }
    return queue_answer(exchange);
}

/*
 * One line a request. Its address is not in it, for parts of that may be secrets: the route's
 * pattern is. Probes and the page's files would drown the rest.
 */
static void log_access(const struct hg_exchange *exchange, bool was_sent)
{
    char status[16];
    char duration[24];
    char bytes[24];
    const struct hg_http_request *request = &exchange->request;
    bool is_quiet =
        request->route ? !hg_starts_with(request->route->pattern, "/api/") : exchange->status < 400;
    (void)snprintf(status, sizeof status, "%u", exchange->status);
    (void)snprintf(duration,
                   sizeof duration,
                   "%lld",
                   (long long)(hg_time_monotonic_ms() - exchange->started_ms));
    size_t n_sent = exchange->stream ? hg_stream_sent(exchange->stream)
                    : was_sent       ? exchange->n_answer
                                     : 0;
    (void)snprintf(bytes, sizeof bytes, "%zu", n_sent);
    hg_log(is_quiet && was_sent ? HG_LOG_DEBUG : HG_LOG_INFO,
           was_sent ? "request" : "request ended without its answer",
           "request_id",
           request->id,
           "method",
           request->is_head ? "HEAD" : request->method,
           "route",
           request->route ? request->route->pattern : NULL,
           "#status",
           exchange->status ? status : NULL,
           "#duration_ms",
           duration,
           "#bytes",
           bytes,
           "principal",
           exchange->who[0] ? exchange->who : NULL,
           "principal_kind",
           exchange->who_by,
           "address",
           request->remote_address,
           NULL);
}

static void on_completed(void *cls,
                         struct MHD_Connection *mhd,
                         void **request_context,
                         enum MHD_RequestTerminationCode code)
{
    struct hg_exchange *exchange = *request_context;
    struct hg_http_connection *connection = connection_of(mhd);
    if (exchange) {
        *request_context = NULL;
        log_access(exchange, code == MHD_REQUEST_TERMINATED_COMPLETED_OK);
        int64_t ended_ms = exchange->upgraded_ms ? exchange->upgraded_ms : hg_time_monotonic_ms();
        hg_http_meter_note(exchange->server->meter,
                           exchange->request.route,
                           exchange->status,
                           ended_ms - exchange->started_ms);
        hg_exchange_end(exchange);
    }
    if (connection) {
        struct hg_http_server *server = cls;
        HG_LOCK(&server->mutex);
        expect_request(server, connection);
    }
}

/* The address stays as sent; http/target.h decodes it. */
static size_t leave_escaped(void *cls, struct MHD_Connection *mhd, char *text)
{
    (void)cls;
    (void)mhd;
    return strlen(text);
}

static void HG_PRINTF(2, 0) on_library_log(void *cls, const char *fmt, va_list args)
{
    char text[512];
    (void)cls;
    (void)vsnprintf(text, sizeof text, fmt, args);
    text[strcspn(text, "\n")] = '\0';
    hg_log(HG_LOG_DEBUG, "libmicrohttpd", "text", text, NULL);
}

int hg_receive_start(struct hg_http_server *server, struct hg_error *err)
{
    const struct hg_http_options *options = &server->options;
    unsigned n_sockets = server->sockets ? (unsigned)hg_sockets_max(server->sockets) : 0;
    unsigned upgrade = server->sockets ? MHD_ALLOW_UPGRADE : 0;
    unsigned tls = options->tls ? MHD_USE_TLS : 0;
    const struct MHD_OptionItem of_tls[] = {
        {MHD_OPTION_HTTPS_CERT_CALLBACK, 0, (void *)(uintptr_t)hg_tls_retrieve},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)TLS_PRIORITIES},
        {MHD_OPTION_END, 0, NULL},
    };
    const struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
    /* poll, not epoll: 0.9.75's epoll loop hangs when a multiple of 128 events is ready. */
    server->daemon = MHD_start_daemon(MHD_USE_POLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME |
                                          MHD_USE_ERROR_LOG | upgrade | tls,
                                      0,
                                      NULL,
                                      NULL,
                                      on_request,
                                      server,
                                      MHD_OPTION_EXTERNAL_LOGGER,
                                      on_library_log,
                                      NULL,
                                      MHD_OPTION_LISTEN_SOCKET,
                                      server->listen_fd,
                                      MHD_OPTION_URI_LOG_CALLBACK,
                                      on_uri,
                                      server,
                                      MHD_OPTION_UNESCAPE_CALLBACK,
                                      leave_escaped,
                                      NULL,
                                      MHD_OPTION_NOTIFY_COMPLETED,
                                      on_completed,
                                      server,
                                      MHD_OPTION_NOTIFY_CONNECTION,
                                      on_connection,
                                      server,
                                      MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                                      (size_t)CONNECTION_MEMORY_BYTES,
                                      MHD_OPTION_CONNECTION_LIMIT,
                                      (unsigned)options->connections_max + n_sockets,
                                      MHD_OPTION_PER_IP_CONNECTION_LIMIT,
                                      (unsigned)options->address_max + n_sockets,
                                      MHD_OPTION_CONNECTION_TIMEOUT,
                                      (unsigned)options->idle_timeout_s,
                                      MHD_OPTION_STRICT_FOR_CLIENT,
                                      1,
                                      MHD_OPTION_ARRAY,
                                      options->tls ? of_tls : none,
                                      MHD_OPTION_END);
    if (!server->daemon) {
        return hg_error_set(err, HG_EUNAVAILABLE, "the HTTP server does not start");
    }
    return HG_OK;
}
