/*
 * One WebSocket: frames in and out, and when it has to go. Belongs to the sockets' thread.
 */
#ifndef HG_HTTP_SOCKET_CLIENT_H
#define HG_HTTP_SOCKET_CLIENT_H

#include <stdbool.h>
#include <stdint.h>
#include <wslay/wslay.h>

#include <microhttpd.h>

#include "http/sockets.h"

struct hg_socket_client {
    struct hg_socket_client *prev;
    struct hg_socket_client *next;
    int fd; /* libmicrohttpd's, until `handle` is given back */
    struct MHD_UpgradeResponseHandle *handle;
    struct hg_subscriber *subscriber;
    const struct hg_socket_limits *limits;
    wslay_event_context_ptr frames;
    char *extra; /* what came behind the request */
    size_t n_extra;
    size_t extra_at;
    /* Monotonic, in ms; 0 for what has not begun. */
    int64_t now_ms;
    int64_t born_ms;
    int64_t heard_ms;
    int64_t pinged_ms;
    int64_t stalled_ms; /* since when it has taken nothing */
    int64_t close_by_ms;
    /* What it sent within this second. */
    int64_t window_ms;
    size_t window_bytes;
    size_t window_frames;
    size_t budget;  /* bytes that this round may still read */
    uint32_t armed; /* what epoll looks for */
    bool is_flooding;
    bool is_draining; /* our close is out; what still comes is dropped */
    bool has_more;    /* events that this round left */
    bool is_dead;
};

/* Takes `handle` and `subscriber` over, also when it fails. */
int hg_socket_client_new(int fd,
                         struct MHD_UpgradeResponseHandle *handle,
                         struct hg_subscriber *subscriber,
                         const char *extra,
                         size_t n_extra,
                         struct hg_socket_client **ret,
                         struct hg_error *err);
/* Gives the connection back to libmicrohttpd, which closes it. */
void hg_socket_client_free(struct hg_socket_client *client);

/* Reads what came (where `readable`), sends what there is. Sets is_dead when it is over. */
void hg_socket_client_serve(struct hg_socket_client *client, bool readable, int64_t now_ms);
/* Begins the closing handshake; once. */
void hg_socket_client_close(struct hg_socket_client *client, uint16_t code, const char *reason);
/* Pings, and ends what takes too long. */
void hg_socket_client_check(struct hg_socket_client *client, int64_t now_ms);
/* EPOLLIN and EPOLLOUT as it waits for them. */
uint32_t hg_socket_client_waits_for(const struct hg_socket_client *client);

#endif
