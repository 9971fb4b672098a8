#include "http/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"

enum { BACKLOG = 511 };

HG_DEFINE_CLEANUP(freeaddrinfop, struct addrinfo *, freeaddrinfo)

static bool open_socket(const struct addrinfo *address, int *ret_fd)
{
    static const int on = 1;
    HG_CLEANUP(hg_closep)
    int fd = socket(address->ai_family, address->ai_socktype | SOCK_CLOEXEC, address->ai_protocol);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
        bind(fd, address->ai_addr, address->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0) {
        return false;
    }
    *ret_fd = fd;
    fd = -1;
    return true;
}

static int bound_port(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address = {.v6 = {0}};
    socklen_t n = sizeof address;
    if (getsockname(fd, &address.any, &n) < 0) {
        return 0;
    }
    return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}

static int cannot_listen(const char *host, int port, int why, struct hg_error *err)
{
    (void)hg_error_errno(err, why, "cannot listen on %s:%d", host, port);
    if (why != EADDRINUSE) {
        return err ? err->code : HG_EIO;
    }
    if (err) {
        err->code = HG_ECONFLICT;
    }
    (void)hg_error_hint(err,
                        "Stop the program that listens there, or set `listen` to another port.");
    return HG_ECONFLICT;
}

int hg_listen(const char *host, int port, int *ret_fd, int *ret_port, struct hg_error *err)
{
    const struct addrinfo wanted = {
        /* Browsers that are told "localhost" try 127.0.0.1 too, and so do most clients. */
        .ai_family = strcmp(host, "localhost") == 0 ? AF_INET : AF_UNSPEC,
        .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_PASSIVE | AI_NUMERICSERV,
    };
    HG_CLEANUP(freeaddrinfop) struct addrinfo *found = NULL;
    char service[12];
    (void)snprintf(service, sizeof service, "%d", port);
    int r = getaddrinfo(host, service, &wanted, &found);
    if (r != 0) {
        return hg_error_set(
            err, HG_EINVAL, "cannot listen on \"%.200s\": %s", host, gai_strerror(r));
    }
    for (const struct addrinfo *address = found; address; address = address->ai_next) {
        int fd;
        if (open_socket(address, &fd)) {
            *ret_port = bound_port(fd);
            *ret_fd = fd;
            return HG_OK;
        }
    }
    return cannot_listen(host, port, errno, err);
}
