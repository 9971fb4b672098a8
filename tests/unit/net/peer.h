/*
 * The other side of a call: a server on a loopback port that answers by path, byte for byte, and
 * remembers what it was asked.
 */
#ifndef HG_TESTS_PEER_H
#define HG_TESTS_PEER_H

#include <stdbool.h>
#include <stddef.h>

struct peer_answer {
    const char *path;
    const char *bytes; /* NULL: says nothing until the client hangs up */
    size_t n;          /* of bytes, 0: its length as text */
    int repeat;        /* so often more */
    bool hangs;        /* behind the bytes, until the client hangs up */
    bool closes;       /* behind the bytes */
};

struct peer;

/* `answers` ended by a path of NULL; borrowed. Another path gets 404. */
struct peer *peer_start(const struct peer_answer *answers);
void peer_stop(struct peer *peer);
/* One of its answers becomes another, for requests from now on. */
void peer_change(struct peer *peer, struct peer_answer *answer, const char *bytes, int repeat);
/* Cuts the connections that there are. */
void peer_hang_up(struct peer *peer);
int peer_port(const struct peer *peer);
int peer_connections(struct peer *peer);
int peer_requests(struct peer *peer);
/* Head and body of the last request, until the next call. */
const char *peer_last(struct peer *peer);

#endif
