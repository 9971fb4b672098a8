/*
 * Many WebSocket clients in one thread, for the benchmark: connects them, says "ready", then reads
 * what they are told until its standard input ends, and prints as JSON how long that took to come.
 *
 *     listeners PORT CLIENTS COOKIE
 *
 * "told" is from the event's own time ("at", when the host's bus took it) until a client has read
 * it whole; "seen" from a run's end as the database has it ("finished_at"), which is what a person
 * waits for. Both by the clock of this machine, to a millisecond downwards: figures are up to a
 * millisecond too high.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    ROOM = 64 << 10, /* of one client: the largest message, and what comes behind it */
    READY = 256,
    SPREAD_MS = 60000, /* latencies above are counted as this */
    PER_ADDRESS = 200, /* the host lets so many in from one address */
    SHORT_FRAME = 126,
    TEXT_FRAME = 0x81,
};

struct client {
    int fd;
    size_t n;
    uint64_t n_messages;
    char bytes[ROOM];
};

struct spread {
    uint64_t n;
    uint64_t by_ms[SPREAD_MS + 1];
};

static struct spread told;
static struct spread seen;
static uint64_t n_bytes;
static uint64_t n_lost; /* resyncs and closed connections */

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void add(struct spread *spread, int64_t ms)
{
    spread->n++;
    spread->by_ms[ms < 0 ? 0 : ms > SPREAD_MS ? SPREAD_MS : ms]++;
}

static int percentile(const struct spread *spread, double share)
{
    uint64_t left = (uint64_t)((double)spread->n * share);
    int ms = 0;
    while (ms < SPREAD_MS && left >= spread->by_ms[ms]) {
        left -= spread->by_ms[ms++];
    }
    return ms;
}

/* The time behind `key`, or -1: "2026-11-27T15:46:27.123Z". */
static int64_t time_behind(const char *text, size_t n, const char *key)
{
    struct tm tm = {0};
    int ms = 0;
    const char *at = memmem(text, n, key, strlen(key));
    if (!at || sscanf(at + strlen(key),
                      "%d-%d-%dT%d:%d:%d.%dZ",
                      &tm.tm_year,
                      &tm.tm_mon,
                      &tm.tm_mday,
                      &tm.tm_hour,
                      &tm.tm_min,
                      &tm.tm_sec,
                      &ms) != 7) {
        return -1;
    }
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    return (int64_t)timegm(&tm) * 1000 + ms;
}

/* Where the same message was read by the client before: nothing is parsed a thousand times. */
struct known {
    char id[64];
    int64_t at_ms;
    int64_t finished_ms;
};

static const struct known *look_up(const char *text, size_t n)
{
    enum { KNOWN = 1024 };
    static struct known all[KNOWN];
    char id[64] = "";
    const char *begin = memmem(text, n < 80 ? n : 80, "\"id\":\"", 6);
    const char *end = begin ? memchr(begin + 6, '"', 60) : NULL;
    if (!end) {
        return NULL;
    }
    memcpy(id, begin + 6, (size_t)(end - begin - 6));
    const char *dash = strchr(id, '-');
    struct known *known = &all[(dash ? strtoull(dash + 1, NULL, 10) : 0) % KNOWN];
    if (strcmp(known->id, id) != 0) {
        memcpy(known->id, id, sizeof id);
        known->at_ms = time_behind(text, n, "\"at\":\"");
        known->finished_ms = memmem(text, n < 160 ? n : 160, "run.updated", 11)
                                 ? time_behind(text, n, "\"finished_at\":\"")
                                 : -1;
        n_lost += memmem(text, n < 80 ? n : 80, "resync", 6) != NULL;
    }
    return known;
}

static void take_message(struct client *client, const char *text, size_t n, int64_t now)
{
    const struct known *known = look_up(text, n);
    client->n_messages++;
    n_bytes += n;
    if (known && known->at_ms >= 0) {
        add(&told, now - known->at_ms);
    }
    if (known && known->finished_ms >= 0) {
        add(&seen, now - known->finished_ms);
    }
}

/* The length of the frame at the front with its head, or 0 while it is not whole. */
static size_t frame(const struct client *client, size_t from, size_t *ret_head)
{
    const unsigned char *b = (const unsigned char *)client->bytes + from;
    size_t left = client->n - from;
    size_t head = left >= 2 && (b[1] & 0x7F) == SHORT_FRAME ? 4 : 2;
    if (left < head) {
        return 0;
    }
    size_t n = head == 4 ? ((size_t)b[2] << 8 | b[3]) : (size_t)(b[1] & 0x7F);
    *ret_head = head;
    return left < head + n ? 0 : head + n;
}

static void take_frames(struct client *client)
{
    int64_t now = now_ms();
    size_t from = 0;
    size_t head = 0;
    size_t n;
    while ((n = frame(client, from, &head)) > 0) {
        if ((unsigned char)client->bytes[from] == TEXT_FRAME) {
            take_message(client, client->bytes + from + head, n - head, now);
        }
        from += n;
    }
    memmove(client->bytes, client->bytes + from, client->n - from);
    client->n -= from;
}

/* False when it is over. */
static bool serve(struct client *client)
{
    ssize_t got = recv(client->fd, client->bytes + client->n, ROOM - client->n, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return true;
    }
    if (got <= 0) {
        n_lost++;
        return false;
    }
    client->n += (size_t)got;
    take_frames(client);
    return true;
}

/* Waits for the answer to the handshake; what comes behind it is left for later. */
static void shake_hands(struct client *client, const char *request)
{
    const char *end = NULL;
    if (send(client->fd, request, strlen(request), MSG_NOSIGNAL) != (ssize_t)strlen(request)) {
        die("send");
    }
    while (!end) {
        ssize_t got = recv(client->fd, client->bytes + client->n, ROOM - client->n, 0);
        if (got <= 0) {
            die("handshake");
        }
        client->n += (size_t)got;
        end = memmem(client->bytes, client->n, "\r\n\r\n", 4);
    }
    if (strncmp(client->bytes, "HTTP/1.1 101", 12) != 0) {
        (void)fprintf(stderr, "%.*s\n", (int)client->n, client->bytes);
        exit(1);
    }
    size_t head = (size_t)(end + 4 - client->bytes);
    memmove(client->bytes, client->bytes + head, client->n - head);
    client->n -= head;
}

static void open_client(struct client *client, int number, uint16_t port, const char *request)
{
    struct sockaddr_in from = {.sin_family = AF_INET};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)(number / PER_ADDRESS));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client->fd < 0 || bind(client->fd, (struct sockaddr *)&from, sizeof from) < 0 ||
        connect(client->fd, (struct sockaddr *)&to, sizeof to) < 0) {
        die("connect");
    }
    shake_hands(client, request);
}

static void listen_until_told(int epoll, int n_open)
{
    struct epoll_event ready[READY];
    while (n_open > 0) {
        int n = epoll_wait(epoll, ready, READY, -1);
        for (int i = 0; i < n; i++) {
            struct client *client = ready[i].data.ptr;
            if (!client) {
                return;
            }
            if (!serve(client)) {
                (void)epoll_ctl(epoll, EPOLL_CTL_DEL, client->fd, NULL);
                n_open--;
            }
        }
    }
}

static void say_spread(const char *name, const struct spread *spread)
{
    (void)printf("\"%s\": {\"n\": %ju, \"p50_ms\": %d, \"p99_ms\": %d, \"max_ms\": %d}, ",
                 name,
                 (uintmax_t)spread->n,
                 percentile(spread, 0.5),
                 percentile(spread, 0.99),
                 percentile(spread, 1.0 - 1e-9));
}

static void say_all(const struct client *clients, int n)
{
    uint64_t least = UINT64_MAX;
    uint64_t most = 0;
    for (int i = 0; i < n; i++) {
        least = clients[i].n_messages < least ? clients[i].n_messages : least;
        most = clients[i].n_messages > most ? clients[i].n_messages : most;
    }
    (void)printf("{");
    say_spread("told", &told);
    say_spread("seen", &seen);
    (void)printf("\"least\": %ju, \"most\": %ju, \"lost\": %ju, \"bytes\": %ju}\n",
                 (uintmax_t)least,
                 (uintmax_t)most,
                 (uintmax_t)n_lost,
                 (uintmax_t)n_bytes);
}

int main(int argc, char **argv)
{
    char request[1024];
    struct rlimit limit = {8192, 8192};
    int n = argc == 4 ? (int)strtol(argv[2], NULL, 10) : 0;
    uint16_t port = argc == 4 ? (uint16_t)strtoul(argv[1], NULL, 10) : 0;
    struct client *clients = n > 0 ? calloc((size_t)n, sizeof *clients) : NULL;
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    if (!clients || epoll < 0) {
        (void)fprintf(stderr, "usage: listeners PORT CLIENTS COOKIE\n");
        return 2;
    }
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    (void)snprintf(request,
                   sizeof request,
                   "GET /api/v1/events?topics=runs HTTP/1.1\r\nHost: 127.0.0.1:%s\r\n"
                   "Origin: http://127.0.0.1:%s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                   "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                   "Cookie: %s\r\n\r\n",
                   argv[1],
                   argv[1],
                   argv[3]);
    for (int i = 0; i < n; i++) {
        open_client(&clients[i], i, port, request);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &clients[i]};
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, clients[i].fd, &event) < 0) {
            die("epoll_ctl");
        }
    }
    struct epoll_event end = {.events = EPOLLIN, .data.ptr = NULL};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, STDIN_FILENO, &end) < 0) {
        die("epoll_ctl");
    }
    (void)printf("ready\n");
    (void)fflush(stdout);
    listen_until_told(epoll, n);
    say_all(clients, n);
    return 0;
}
