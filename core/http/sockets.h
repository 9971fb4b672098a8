/*
 * The server's WebSockets: one thread with epoll for all of them, so that the HTTP thread never
 * waits for a client. Events come from the bus (events/bus.h), which wakes it.
 *
 * Memory is bounded for each client: what it has not taken waits in the bus's ring and not here,
 * beyond QUEUE_BYTES (socket_client.c) and what the kernel buffers.
 */
#ifndef HG_HTTP_SOCKETS_H
#define HG_HTTP_SOCKETS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "events/bus.h"

struct MHD_UpgradeResponseHandle;
struct hg_sockets;

enum { HG_SOCKETS_MAX = 1024 };

/* 0 stands for the default named. */
struct hg_socket_limits {
    int clients_max;    /* HG_SOCKETS_MAX */
    int64_t ping_ms;    /* 20000: who was not heard for so long is asked for a sign of life */
    int64_t silence_ms; /* 60000: and after so long, cut */
    int64_t stall_ms;   /* 20000: who takes nothing for so long while there is something is cut */
    int64_t close_ms;   /* 2000: for the other side to answer a close */
    int64_t age_ms;     /* 600000: then closed with 4001, to come back and show its session again */
};

/* Registers itself with the bus. `public_url` is borrowed and may be NULL. */
int hg_sockets_start(const struct hg_socket_limits *limits,
                     struct hg_events *events,
                     const char *public_url,
                     struct hg_sockets **ret,
                     struct hg_error *err);
/*
 * Closes all with 1001, also those whose handshake is under way, waits for their answers
 * (limits.close_ms at most), cuts the rest. Call it while the daemon lives; NULL is fine.
 */
void hg_sockets_stop(struct hg_sockets *sockets);
/* Behind hg_sockets_stop and the daemon. NULL is fine. */
void hg_sockets_free(struct hg_sockets *sockets);

/* NULL for NULL. */
struct hg_events *hg_sockets_events(const struct hg_sockets *sockets);
const char *hg_sockets_public_url(const struct hg_sockets *sockets);
int hg_sockets_max(const struct hg_sockets *sockets);
/*
 * Keeps a place for whoever shakes hands, until hg_sockets_add takes it over or
 * hg_sockets_leave_place. HG_EUNAVAILABLE when there are as many as there may be. [any]
 */
int hg_sockets_take_place(struct hg_sockets *sockets, struct hg_error *err);
void hg_sockets_leave_place(struct hg_sockets *sockets);
/*
 * A connection that has been upgraded. Takes over its place, `subscriber` and `handle`; `extra` is
 * what the client had sent behind its request. Never waits, never fails: whom it cannot take it
 * cuts. [any]
 */
void hg_sockets_add(struct hg_sockets *sockets,
                    int fd,
                    struct MHD_UpgradeResponseHandle *handle,
                    struct hg_subscriber *subscriber,
                    const char *extra,
                    size_t n_extra);

#endif
