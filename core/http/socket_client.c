#include "http/socket_client.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "base/time.h"

enum {
    MESSAGE_MAX_BYTES = 4096, /* of what a client sends; it has nothing to say */
    QUEUE_BYTES = 64 << 10,   /* of what it has not taken; the rest waits in the bus */
    ROUND_BYTES = 256 << 10,  /* sent to one before the others have their turn */
    READ_BYTES = 16 << 10,    /* read from one likewise */
    KERNEL_BYTES = 128 << 10, /* its send buffer */
    SECOND_MS = 1000,
    SECOND_BYTES = 64 << 10, /* more than this within a second is a flood */
    SECOND_FRAMES = 200,
    ASK_AGAIN = 4001, /* an application's code: come back */
};

/* ---- wslay's side ---- */

static ssize_t would_block(wslay_event_context_ptr frames)
{
    wslay_event_set_error(frames, WSLAY_ERR_WOULDBLOCK);
    return -1;
}

static ssize_t broken(wslay_event_context_ptr frames)
{
    wslay_event_set_error(frames, WSLAY_ERR_CALLBACK_FAILURE);
    return -1;
}

/* Counts what came against the flood. */
static void heard(struct hg_socket_client *client, size_t bytes, size_t n_frames)
{
    client->heard_ms = client->now_ms;
    if (client->now_ms - client->window_ms >= SECOND_MS) {
        client->window_ms = client->now_ms;
        client->window_bytes = client->window_frames = 0;
    }
    client->window_bytes += bytes;
    client->window_frames += n_frames;
    if (client->window_bytes > SECOND_BYTES || client->window_frames > SECOND_FRAMES) {
        client->is_flooding = true;
    }
}

static size_t take_extra(struct hg_socket_client *client, uint8_t *bytes, size_t n)
{
    size_t left = client->n_extra - client->extra_at;
    n = n < left ? n : left;
    if (n > 0) {
        memcpy(bytes, client->extra + client->extra_at, n);
        client->extra_at += n;
    }
    return n;
}

static ssize_t on_recv(
    wslay_event_context_ptr frames, uint8_t *bytes, size_t n, int flags, void *arg)
{
    struct hg_socket_client *client = arg;
    (void)flags;
    if (client->is_flooding || client->budget == 0) {
        return would_block(frames);
    }
    ssize_t got = (ssize_t)take_extra(client, bytes, n);
    if (got == 0) {
        got = recv(client->fd, bytes, n < client->budget ? n : client->budget, MSG_DONTWAIT);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
            return would_block(frames);
        }
        if (got <= 0) {
            return broken(frames);
        }
        client->budget -= (size_t)got;
    }
    heard(client, (size_t)got, 0);
    return got;
}

static ssize_t on_send(
    wslay_event_context_ptr frames, const uint8_t *bytes, size_t n, int flags, void *arg)
{
    struct hg_socket_client *client = arg;
    int more = flags & WSLAY_MSG_MORE ? MSG_MORE : 0;
    ssize_t sent = send(client->fd, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL | more);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) {
        client->stalled_ms = client->stalled_ms ? client->stalled_ms : client->now_ms;
        return would_block(frames);
    }
    if (sent < 0) {
        return broken(frames);
    }
    client->stalled_ms = 0;
    return sent;
}

/* wslay has answered pings and closes by itself. */
static void on_message(wslay_event_context_ptr frames,
                       const struct wslay_event_on_msg_recv_arg *message,
                       void *arg)
{
    struct hg_socket_client *client = arg;
    (void)frames;
    heard(client, 0, 1);
    if (message->opcode == WSLAY_TEXT_FRAME || message->opcode == WSLAY_BINARY_FRAME) {
        hg_socket_client_close(
            client, WSLAY_CODE_UNSUPPORTED_DATA, "this socket takes no messages");
    }
}

/* ---- life ---- */

static int make_frames(struct hg_socket_client *client, struct hg_error *err)
{
    static const struct wslay_event_callbacks callbacks = {
        .recv_callback = on_recv,
        .send_callback = on_send,
        .on_msg_recv_callback = on_message,
    };
    if (wslay_event_context_server_init(&client->frames, &callbacks, client) != 0) {
        return hg_error_nomem(err);
    }
    wslay_event_config_set_max_recv_msg_length(client->frames, MESSAGE_MAX_BYTES);
    return HG_OK;
}

/* What libmicrohttpd left set for answers does not suit frames. None of it is needed to go on. */
static void set_up_socket(int fd)
{
    const int on = 1;
    const int off = 0;
    const int buffer = KERNEL_BYTES;
    int flags = fcntl(fd, F_GETFL);
    (void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_CORK, &off, sizeof off);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
}

void hg_socket_client_free(struct hg_socket_client *client)
{
    if (client->frames) {
        wslay_event_context_free(client->frames);
    }
    hg_events_unsubscribe(client->subscriber);
    (void)shutdown(client->fd, SHUT_RDWR);
    (void)MHD_upgrade_action(client->handle, MHD_UPGRADE_ACTION_CLOSE);
    free(client->extra);
    free(client);
}

int hg_socket_client_new(int fd,
                         struct MHD_UpgradeResponseHandle *handle,
                         struct hg_subscriber *subscriber,
                         const char *extra,
                         size_t n_extra,
                         struct hg_socket_client **ret,
                         struct hg_error *err)
{
    struct hg_socket_client *client = calloc(1, sizeof *client);
    if (!client) {
        hg_events_unsubscribe(subscriber);
        (void)MHD_upgrade_action(handle, MHD_UPGRADE_ACTION_CLOSE);
        return hg_error_nomem(err);
    }
    client->fd = fd;
    client->handle = handle;
    client->subscriber = subscriber;
    client->born_ms = client->heard_ms = client->now_ms = hg_time_monotonic_ms();
    if (n_extra > 0) {
        client->extra = malloc(n_extra);
    }
    int r = n_extra > 0 && !client->extra ? hg_error_nomem(err) : make_frames(client, err);
    if (r < 0) {
        hg_socket_client_free(client);
        return r;
    }
    if (n_extra > 0) {
        memcpy(client->extra, extra, n_extra);
        client->n_extra = n_extra;
    }
    set_up_socket(fd);
    *ret = client;
    return HG_OK;
}

/* ---- work ---- */

void hg_socket_client_close(struct hg_socket_client *client, uint16_t code, const char *reason)
{
    if (client->close_by_ms) {
        return;
    }
    client->close_by_ms = client->now_ms + client->limits->close_ms;
    if (wslay_event_queue_close(client->frames, code, (const uint8_t *)reason, strlen(reason)) !=
            0 &&
        !wslay_event_want_write(client->frames)) {
        client->is_dead = true;
    }
}

static void drain(struct hg_socket_client *client)
{
    char dropped[READ_BYTES];
    ssize_t n = recv(client->fd, dropped, sizeof dropped, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        client->is_dead = true;
    }
}

static void read_frames(struct hg_socket_client *client)
{
    client->budget = READ_BYTES;
    if (wslay_event_get_read_enabled(client->frames) && wslay_event_recv(client->frames) != 0) {
        client->is_dead = true;
    } else if (client->is_flooding) {
        hg_socket_client_close(client, WSLAY_CODE_POLICY_VIOLATION, "too much was sent");
        wslay_event_shutdown_read(client->frames);
    }
}

/* As many events as may wait here. False when none was left to take. */
static bool queue_events(struct hg_socket_client *client, size_t *bytes)
{
    while (wslay_event_get_queued_msg_length(client->frames) < QUEUE_BYTES) {
        const struct hg_event *event = hg_events_next(client->subscriber);
        if (!event) {
            return false;
        }
        const struct wslay_event_msg message = {
            WSLAY_TEXT_FRAME, (const uint8_t *)event->text, event->n};
        int r = wslay_event_queue_msg(client->frames, &message);
        *bytes += event->n;
        hg_event_unref(event);
        if (r != 0) {
            client->is_dead = true; /* it comes back with the id of the last that it got */
            return false;
        }
    }
    return true;
}

static bool is_closing(const struct hg_socket_client *client)
{
    return client->close_by_ms || wslay_event_get_close_received(client->frames) ||
           wslay_event_get_close_sent(client->frames) ||
           !wslay_event_get_read_enabled(client->frames);
}

static void send_frames(struct hg_socket_client *client)
{
    size_t bytes = 0;
    bool more = true;
    while (more && bytes < ROUND_BYTES && !client->is_dead) {
        more = !is_closing(client) && queue_events(client, &bytes);
        if (!client->is_dead && wslay_event_send(client->frames) != 0) {
            client->is_dead = true;
        }
        if (wslay_event_want_write(client->frames)) {
            break; /* it takes no more now */
        }
    }
    client->has_more = more;
}

/* Behind our close: at once when the other side closed too, else when it has done so. */
static void end_if_closed(struct hg_socket_client *client)
{
    bool sent = wslay_event_get_close_sent(client->frames);
    if (client->is_dead || wslay_event_want_write(client->frames)) {
        return;
    }
    if (sent && wslay_event_get_close_received(client->frames)) {
        client->is_dead = true;
    } else if (!wslay_event_get_read_enabled(client->frames)) {
        /* Closed with bytes unread, the connection would be reset, and our close with it. */
        client->is_draining = true;
        client->close_by_ms =
            client->close_by_ms ? client->close_by_ms : client->now_ms + client->limits->close_ms;
        (void)shutdown(client->fd, SHUT_WR);
    }
}

void hg_socket_client_serve(struct hg_socket_client *client, bool readable, int64_t now_ms)
{
    client->now_ms = now_ms;
    if (client->is_draining) {
        if (readable) {
            drain(client);
        }
        return;
    }
    if (readable) {
        read_frames(client);
    }
    if (!client->is_dead) {
        send_frames(client);
    }
    end_if_closed(client);
}

void hg_socket_client_check(struct hg_socket_client *client, int64_t now_ms)
{
    const struct hg_socket_limits *limits = client->limits;
    int64_t asked_ms = client->pinged_ms > client->heard_ms ? client->pinged_ms : client->heard_ms;
    client->now_ms = now_ms;
    if ((client->close_by_ms && now_ms >= client->close_by_ms) ||
        (client->stalled_ms && now_ms - client->stalled_ms >= limits->stall_ms) ||
        now_ms - client->heard_ms >= limits->silence_ms) {
        client->is_dead = true;
    } else if (is_closing(client)) {
        return;
    } else if (now_ms - client->born_ms >= limits->age_ms) {
        hg_socket_client_close(client, ASK_AGAIN, "come back with last_event_id");
    } else if (now_ms - asked_ms >= limits->ping_ms) {
        const struct wslay_event_msg ping = {WSLAY_PING, NULL, 0};
        client->pinged_ms = now_ms;
        client->is_dead = wslay_event_queue_msg(client->frames, &ping) != 0;
    }
}

uint32_t hg_socket_client_waits_for(const struct hg_socket_client *client)
{
    uint32_t bits = 0;
    if (client->is_draining || wslay_event_get_read_enabled(client->frames)) {
        bits |= EPOLLIN;
    }
    if (!client->is_draining && (client->has_more || wslay_event_want_write(client->frames))) {
        bits |= EPOLLOUT;
    }
    return bits;
}
