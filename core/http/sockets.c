#include "http/sockets.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "http/socket_client.h"

enum { READY_AT_ONCE = 128, LOOK_MS = 250, GOING_AWAY = 1001 };

struct hg_sockets {
    struct hg_socket_limits limits;
    struct hg_events *events;
    const char *public_url;
    int epoll;
    int event; /* eventfd: there is something to look at */
    atomic_bool is_woken;
    pthread_t thread;
    bool has_thread;
    /* The thread's. */
    struct hg_socket_client *clients;
    bool closes;           /* all have been told to go */
    int64_t wait_until_ms; /* then, for those whose handshake is under way */
    pthread_mutex_t mutex;
    /* Guarded. */
    struct hg_socket_client *incoming; /* by their `next` */
    int n_places;                      /* that are taken, by clients and by handshakes */
    bool stopping;
    bool over; /* the thread takes nobody in any more */
};

/* Also what the bus calls; it writes once for all that comes until the thread looks. */
static void wake(void *arg)
{
    struct hg_sockets *sockets = arg;
    const uint64_t one = 1;
    if (!atomic_exchange(&sockets->is_woken, true)) {
        (void)!write(sockets->event, &one, sizeof one);
    }
}

/* ---- the thread ---- */

static void arm(struct hg_sockets *sockets, struct hg_socket_client *client, int operation)
{
    uint32_t bits = hg_socket_client_waits_for(client);
    if (operation == EPOLL_CTL_MOD && bits == client->armed) {
        return;
    }
    struct epoll_event event = {.events = bits, .data.ptr = client};
    if (epoll_ctl(sockets->epoll, operation, client->fd, &event) < 0) {
        client->is_dead = true;
    }
    client->armed = bits;
}

static void serve(struct hg_sockets *sockets,
                  struct hg_socket_client *client,
                  bool readable,
                  int64_t now_ms)
{
    if (!client->is_dead) {
        hg_socket_client_serve(client, readable, now_ms);
        arm(sockets, client, EPOLL_CTL_MOD);
    }
}

static void say_goodbye(struct hg_socket_client *client, int64_t now_ms)
{
    client->now_ms = now_ms;
    hg_socket_client_close(client, GOING_AWAY, "the host stops");
}

static void take_in(struct hg_sockets *sockets, int64_t now_ms)
{
    struct hg_socket_client *client;
    {
        HG_LOCK(&sockets->mutex);
        client = HG_TAKE(sockets->incoming);
    }
    while (client) {
        struct hg_socket_client *next = client->next;
        client->limits = &sockets->limits;
        client->next = sockets->clients;
        if (client->next) {
            client->next->prev = client;
        }
        sockets->clients = client;
        arm(sockets, client, EPOLL_CTL_ADD);
        if (sockets->closes) {
            say_goodbye(client, now_ms);
        }
        serve(sockets, client, true, now_ms);
        client = next;
    }
}

static void give_place_back(struct hg_sockets *sockets)
{
    HG_LOCK(&sockets->mutex);
    sockets->n_places--;
}

static void forget(struct hg_sockets *sockets, struct hg_socket_client *client)
{
    if (client->prev) {
        client->prev->next = client->next;
    } else {
        sockets->clients = client->next;
    }
    if (client->next) {
        client->next->prev = client->prev;
    }
    (void)epoll_ctl(sockets->epoll, EPOLL_CTL_DEL, client->fd, NULL);
    hg_socket_client_free(client);
    give_place_back(sockets);
}

/* Each after the events of its round, which point at clients. */
static void bury(struct hg_sockets *sockets, bool all)
{
    struct hg_socket_client *client = sockets->clients;
    while (client) {
        struct hg_socket_client *next = client->next;
        if (client->is_dead || all) {
            forget(sockets, client);
        }
        client = next;
    }
}

static void check_all(struct hg_sockets *sockets, int64_t now_ms)
{
    for (struct hg_socket_client *client = sockets->clients; client; client = client->next) {
        hg_socket_client_check(client, now_ms);
        serve(sockets, client, false, now_ms);
    }
}

static void close_all(struct hg_sockets *sockets, int64_t now_ms)
{
    sockets->closes = true;
    sockets->wait_until_ms = now_ms + sockets->limits.close_ms;
    for (struct hg_socket_client *client = sockets->clients; client; client = client->next) {
        say_goodbye(client, now_ms);
        serve(sockets, client, false, now_ms);
    }
}

static bool is_stopping(struct hg_sockets *sockets)
{
    HG_LOCK(&sockets->mutex);
    return sockets->stopping;
}

/* Whose handshake has been answered already comes yet, and is told to go like the others. */
static bool is_over(struct hg_sockets *sockets)
{
    bool waits = hg_time_monotonic_ms() < sockets->wait_until_ms;
    HG_LOCK(&sockets->mutex);
    sockets->over = sockets->closes && !sockets->clients && !sockets->incoming &&
                    (sockets->n_places == 0 || !waits);
    return sockets->over;
}

/* Serves who is ready; true when something else wants to be looked at. */
static bool wait_for_news(struct hg_sockets *sockets, int wait_ms)
{
    struct epoll_event ready[READY_AT_ONCE];
    bool news = false;
    int n = epoll_wait(sockets->epoll, ready, READY_AT_ONCE, wait_ms);
    int64_t now_ms = hg_time_monotonic_ms();
    for (int i = 0; i < n; i++) {
        if (ready[i].data.ptr) {
            bool readable = (ready[i].events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0;
            serve(sockets, ready[i].data.ptr, readable, now_ms);
        } else {
            uint64_t count;
            (void)!read(sockets->event, &count, sizeof count);
            atomic_store(&sockets->is_woken, false);
            news = true;
        }
    }
    return news;
}

static int look_ms(const struct hg_socket_limits *limits)
{
    const int64_t all[] = {
        limits->ping_ms, limits->silence_ms, limits->stall_ms, limits->close_ms, limits->age_ms};
    int64_t least = LOOK_MS;
    for (size_t i = 0; i < HG_COUNT(all); i++) {
        least = all[i] / 4 < least ? all[i] / 4 : least;
    }
    return least < 1 ? 1 : (int)least;
}

static void *sockets_main(void *arg)
{
    struct hg_sockets *sockets = arg;
    int64_t check_at_ms = 0;
    while (!is_over(sockets)) {
        /* Who is alone and has nothing to watch sleeps until it is woken. */
        bool watches = sockets->clients || sockets->closes;
        bool news = wait_for_news(sockets, watches ? look_ms(&sockets->limits) : -1);
        int64_t now_ms = hg_time_monotonic_ms();
        take_in(sockets, now_ms);
        for (struct hg_socket_client *c = sockets->clients; news && c; c = c->next) {
            serve(sockets, c, false, now_ms);
        }
        if (!sockets->closes && is_stopping(sockets)) {
            close_all(sockets, now_ms);
        }
        if (now_ms >= check_at_ms) {
            check_at_ms = now_ms + look_ms(&sockets->limits);
            check_all(sockets, now_ms);
        }
        bury(sockets, false);
    }
    return NULL;
}

/* ---- from outside ---- */

static void set_defaults(struct hg_socket_limits *limits)
{
    limits->clients_max = limits->clients_max ? limits->clients_max : HG_SOCKETS_MAX;
    limits->ping_ms = limits->ping_ms ? limits->ping_ms : 20000;
    limits->silence_ms = limits->silence_ms ? limits->silence_ms : 60000;
    limits->stall_ms = limits->stall_ms ? limits->stall_ms : 20000;
    limits->close_ms = limits->close_ms ? limits->close_ms : 2000;
    limits->age_ms = limits->age_ms ? limits->age_ms : 600000;
}

static int open_descriptors(struct hg_sockets *sockets, struct hg_error *err)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    sockets->epoll = epoll_create1(EPOLL_CLOEXEC);
    sockets->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (sockets->epoll < 0 || sockets->event < 0 ||
        epoll_ctl(sockets->epoll, EPOLL_CTL_ADD, sockets->event, &event) < 0) {
        return hg_error_errno(err, errno, "cannot watch sockets");
    }
    return HG_OK;
}

int hg_sockets_start(const struct hg_socket_limits *limits,
                     struct hg_events *events,
                     const char *public_url,
                     struct hg_sockets **ret,
                     struct hg_error *err)
{
    struct hg_sockets *sockets = calloc(1, sizeof *sockets);
    if (!sockets) {
        return hg_error_nomem(err);
    }
    sockets->limits = *limits;
    set_defaults(&sockets->limits);
    sockets->events = events;
    sockets->public_url = public_url;
    sockets->epoll = sockets->event = -1;
    (void)pthread_mutex_init(&sockets->mutex, NULL);
    int r = open_descriptors(sockets, err);
    int e = r < 0 ? 0 : pthread_create(&sockets->thread, NULL, sockets_main, sockets);
    if (e != 0) {
        r = hg_error_errno(err, e, "cannot start the thread for sockets");
    }
    if (r < 0) {
        hg_sockets_free(sockets);
        return r;
    }
    sockets->has_thread = true;
    hg_events_on_publish(events, wake, sockets);
    *ret = sockets;
    return HG_OK;
}

static void ask_to_stop(struct hg_sockets *sockets)
{
    HG_LOCK(&sockets->mutex);
    sockets->stopping = true;
}

void hg_sockets_stop(struct hg_sockets *sockets)
{
    if (!sockets || !sockets->has_thread) {
        return;
    }
    ask_to_stop(sockets);
    wake(sockets);
    (void)pthread_join(sockets->thread, NULL);
    sockets->has_thread = false;
    hg_events_on_publish(sockets->events, NULL, NULL);
}

void hg_sockets_free(struct hg_sockets *sockets)
{
    if (sockets) {
        hg_closep(&sockets->epoll);
        hg_closep(&sockets->event);
        (void)pthread_mutex_destroy(&sockets->mutex);
        free(sockets);
    }
}

struct hg_events *hg_sockets_events(const struct hg_sockets *sockets)
{
    return sockets ? sockets->events : NULL;
}

const char *hg_sockets_public_url(const struct hg_sockets *sockets)
{
    return sockets->public_url;
}

int hg_sockets_max(const struct hg_sockets *sockets)
{
    return sockets->limits.clients_max;
}

int hg_sockets_take_place(struct hg_sockets *sockets, struct hg_error *err)
{
    HG_LOCK(&sockets->mutex);
    if (sockets->stopping) {
        return hg_error_set(err, HG_EUNAVAILABLE, "the host stops");
    }
    if (sockets->n_places < sockets->limits.clients_max) {
        sockets->n_places++;
        return HG_OK;
    }
    (void)hg_error_set(err,
                       HG_EUNAVAILABLE,
                       "the host has as many live connections as it takes (%d)",
                       sockets->limits.clients_max);
    return hg_error_hint(err, "Close a page that is not needed, or try again later.");
}

void hg_sockets_leave_place(struct hg_sockets *sockets)
{
    give_place_back(sockets);
    wake(sockets);
}

static bool hand_over(struct hg_sockets *sockets, struct hg_socket_client *client)
{
    HG_LOCK(&sockets->mutex);
    if (sockets->over) {
        return false;
    }
    client->next = sockets->incoming;
    sockets->incoming = client;
    return true;
}

void hg_sockets_add(struct hg_sockets *sockets,
                    int fd,
                    struct MHD_UpgradeResponseHandle *handle,
                    struct hg_subscriber *subscriber,
                    const char *extra,
                    size_t n_extra)
{
    struct hg_error err = HG_ERROR_INIT;
    struct hg_socket_client *client;
    if (hg_socket_client_new(fd, handle, subscriber, extra, n_extra, &client, &err) < 0) {
        hg_log_error("a live connection is cut", &err);
        hg_sockets_leave_place(sockets);
    } else if (!hand_over(sockets, client)) {
        hg_socket_client_free(client);
        hg_sockets_leave_place(sockets);
    } else {
        wake(sockets);
    }
}
