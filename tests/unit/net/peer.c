#include "peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"

enum { REQUEST_MAX = 64 << 10, CLIENTS_MAX = 256 };

struct peer {
    const struct peer_answer *answers;
    int listener;
    int port;
    pthread_t acceptor;
    pthread_mutex_t mutex;
    bool stopping;
    int n_connections;
    int n_requests;
    int sockets[CLIENTS_MAX];
    pthread_t threads[CLIENTS_MAX];
    char last[REQUEST_MAX];
    char shown[REQUEST_MAX];
};

struct connection {
    struct peer *peer;
    int socket;
};

static void say(int socket, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t sent = send(socket, bytes, n, MSG_NOSIGNAL);
        if (sent <= 0) {
            return;
        }
        bytes += sent;
        n -= (size_t)sent;
    }
}

static void wait_for_end(int socket)
{
    char bytes[256];
    while (recv(socket, bytes, sizeof bytes, 0) > 0) {
    }
}

/* One request, head and body; false when the client is gone. */
static bool read_request(int socket, char *text)
{
    size_t n = 0;
    for (;;) {
        ssize_t got = recv(socket, text + n, REQUEST_MAX - 1 - n, 0);
        if (got <= 0) {
            return false;
        }
        n += (size_t)got;
        text[n] = '\0';
        const char *end = strstr(text, "\r\n\r\n");
        if (end) {
            const char *length = strcasestr(text, "content-length:");
            size_t body = length ? (size_t)strtoul(length + 15, NULL, 10) : 0;
            if (n >= (size_t)(end - text) + 4 + body) {
                return true;
            }
        }
    }
}

/* False when there is none. */
static bool answer_for(struct peer *peer, const char *request, struct peer_answer *ret)
{
    HG_LOCK(&peer->mutex);
    const char *path = strchr(request, ' ');
    for (const struct peer_answer *answer = peer->answers; path && answer->path; answer++) {
        size_t n = strlen(answer->path);
        if (strncmp(path + 1, answer->path, n) == 0 && (path[1 + n] == ' ' || path[1 + n] == '?')) {
            *ret = *answer;
            return true;
        }
    }
    return false;
}

/* Whether the connection stays. */
static bool answer(struct peer *peer, int socket, const char *request)
{
    static const char none[] = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    struct peer_answer found;
    if (!answer_for(peer, request, &found)) {
        say(socket, none, sizeof none - 1);
        return true;
    }
    for (int i = 0; found.bytes && i <= found.repeat; i++) {
        say(socket, found.bytes, found.n ? found.n : strlen(found.bytes));
    }
    if (!found.bytes || found.hangs) {
        wait_for_end(socket);
        return false;
    }
    return !found.closes;
}

static void *serve(void *arg)
{
    struct connection connection = *(struct connection *)arg;
    struct peer *peer = connection.peer;
    static __thread char text[REQUEST_MAX];
    bool stays = true;
    free(arg);
    while (stays && read_request(connection.socket, text)) {
        {
            HG_LOCK(&peer->mutex);
            peer->n_requests++;
            memcpy(peer->last, text, strlen(text) + 1);
        }
        stays = answer(peer, connection.socket, text);
    }
    (void)shutdown(connection.socket, SHUT_RDWR);
    return NULL;
}

static void *accept_all(void *arg)
{
    struct peer *peer = arg;
    for (;;) {
        int socket = accept4(peer->listener, NULL, NULL, SOCK_CLOEXEC);
        HG_LOCK(&peer->mutex);
        if (socket < 0 || peer->stopping || peer->n_connections == CLIENTS_MAX) {
            if (socket >= 0) {
                (void)close(socket);
            }
            return NULL;
        }
        struct connection *connection = malloc(sizeof *connection);
        *connection = (struct connection){peer, socket};
        peer->sockets[peer->n_connections] = socket;
        (void)pthread_create(&peer->threads[peer->n_connections], NULL, serve, connection);
        peer->n_connections++;
    }
}

struct peer *peer_start(const struct peer_answer *answers)
{
    struct peer *peer = calloc(1, sizeof *peer);
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t n = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    peer->answers = answers;
    (void)pthread_mutex_init(&peer->mutex, NULL);
    peer->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(peer->listener, (struct sockaddr *)&address, sizeof address) < 0 ||
        listen(peer->listener, 64) < 0 ||
        getsockname(peer->listener, (struct sockaddr *)&address, &n) < 0) {
        perror("peer");
        abort();
    }
    peer->port = ntohs(address.sin_port);
    (void)pthread_create(&peer->acceptor, NULL, accept_all, peer);
    return peer;
}

void peer_change(struct peer *peer, struct peer_answer *answer, const char *bytes, int repeat)
{
    HG_LOCK(&peer->mutex);
    answer->bytes = bytes;
    answer->repeat = repeat;
}

void peer_hang_up(struct peer *peer)
{
    HG_LOCK(&peer->mutex);
    for (int i = 0; i < peer->n_connections; i++) {
        (void)shutdown(peer->sockets[i], SHUT_RDWR);
    }
}

void peer_stop(struct peer *peer)
{
    {
        HG_LOCK(&peer->mutex);
        peer->stopping = true;
    }
    peer_hang_up(peer);
    (void)shutdown(peer->listener, SHUT_RDWR);
    (void)pthread_join(peer->acceptor, NULL);
    for (int i = 0; i < peer->n_connections; i++) {
        (void)pthread_join(peer->threads[i], NULL);
        (void)close(peer->sockets[i]);
    }
    (void)close(peer->listener);
    (void)pthread_mutex_destroy(&peer->mutex);
    free(peer);
}

int peer_port(const struct peer *peer)
{
    return peer->port;
}

int peer_connections(struct peer *peer)
{
    HG_LOCK(&peer->mutex);
    return peer->n_connections;
}

int peer_requests(struct peer *peer)
{
    HG_LOCK(&peer->mutex);
    return peer->n_requests;
}

const char *peer_last(struct peer *peer)
{
    HG_LOCK(&peer->mutex);
    memcpy(peer->shown, peer->last, sizeof peer->last);
    return peer->shown;
}
