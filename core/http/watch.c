#include "http/watch.h"

#include <errno.h>
#include <sys/socket.h>
#include <time.h>

#include "base/mem.h"
#include "base/time.h"
#include "http/finish.h"

void hg_http_watch_by(struct hg_http_server *server, int64_t at_ms)
{
    if (at_ms < server->watch_at_ms) {
        (void)pthread_cond_broadcast(&server->due);
    }
}

void hg_http_watch_wait(struct hg_http_server *server, pthread_cond_t *condition, int64_t at_ms)
{
    if (at_ms == INT64_MAX) {
        (void)pthread_cond_wait(condition, &server->mutex);
        return;
    }
    const struct timespec until = {
        .tv_sec = (time_t)(at_ms / 1000),
        .tv_nsec = (long)(at_ms % 1000) * 1000000,
    };
    (void)pthread_cond_timedwait(condition, &server->mutex, &until);
}

/* Cuts what is too slow; returns when something is due next. With the mutex held. */
static int64_t check(struct hg_http_server *server, int64_t now_ms)
{
    int64_t next_ms = INT64_MAX;
    struct hg_http_connection *connection = server->connections;
    for (; connection; connection = connection->next) {
        if (connection->receive_by_ms <= now_ms) {
            /* The descriptor is open: it leaves this list before it is closed. */
            (void)shutdown(connection->fd, SHUT_RDWR);
            connection->receive_by_ms = INT64_MAX;
        } else if (connection->receive_by_ms < next_ms) {
            next_ms = connection->receive_by_ms;
        }
    }
    for (const struct hg_exchange *exchange = server->exchanges; exchange;
         exchange = exchange->next) {
        if (exchange->state == HG_EXCHANGE_PARKED && exchange->deadline_ms < next_ms) {
            next_ms = exchange->deadline_ms;
        }
    }
    return next_ms;
}

/* Waits until something is due. False once the watcher shall stop. */
static bool wait_until_due(struct hg_http_server *server)
{
    HG_LOCK(&server->mutex);
    for (;;) {
        int64_t now_ms = hg_time_monotonic_ms();
        server->watch_at_ms = check(server, now_ms);
        if (server->watcher_stops) {
            return false;
        }
        if (server->watch_at_ms <= now_ms) {
            return true;
        }
        hg_http_watch_wait(server, &server->due, server->watch_at_ms);
    }
}

static void *watcher_main(void *arg)
{
    struct hg_http_server *server = arg;
    while (wait_until_due(server)) {
        while (hg_http_give_up(server, hg_time_monotonic_ms())) {
        }
    }
    return NULL;
}

int hg_http_watch_start(struct hg_http_server *server, struct hg_error *err)
{
    server->watch_at_ms = INT64_MAX;
    int r = pthread_create(&server->watcher, NULL, watcher_main, server);
    if (r != 0) {
        return hg_error_errno(err, r, "cannot start the thread for deadlines");
    }
    server->has_watcher = true;
    return HG_OK;
}

static void ask_to_stop(struct hg_http_server *server)
{
    HG_LOCK(&server->mutex);
    server->watcher_stops = true;
    (void)pthread_cond_broadcast(&server->due);
}

void hg_http_watch_stop(struct hg_http_server *server)
{
    if (server->has_watcher) {
        ask_to_stop(server);
        (void)pthread_join(server->watcher, NULL);
        server->has_watcher = false;
    }
}
