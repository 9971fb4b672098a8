/*
 * A client for tests of the HTTP server: raw bytes out, one answer at a time in. Link hg_test_http.
 */
#ifndef HG_TEST_HTTP_CLIENT_H
#define HG_TEST_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

struct answer {
    int status;
    char *head; /* status line and headers */
    char *body;
    size_t n_body;
};

/* A connection to 127.0.0.1; the test fails when there is none. Reads fail after 30 s. */
int client_connect(int port);
/* The same from 127.0.0.`last`. */
int client_connect_from(int last, int port);
void client_send_n(int fd, const char *bytes, size_t n);
void client_send(int fd, const char *text);
/* As much of the text as the other side takes. */
void client_send_what_goes(int fd, const char *bytes, size_t n);
/* One whole answer; false when the other side closed before. `is_head`: it has no body. */
bool client_receive(int fd, bool is_head, struct answer *ret);
/* True when the other side closed, or closes without another byte. */
bool client_is_closed(int fd);
void answer_free(struct answer *answer);

/* The value of a header, NULL without; valid until the thread's next call. */
const char *answer_header(const struct answer *answer, const char *name);
/* The body as JSON; the test fails when it is none. */
json_t *answer_json(const struct answer *answer);

/* A request on a connection of its own; `headers` are lines ended by \r\n, or "". */
void client_ask(int port,
                const char *method,
                const char *target,
                const char *headers,
                const char *body,
                struct answer *ret);

/* Asserts that it is a problem document with all its members, and gives it. */
json_t *answer_problem(const struct answer *answer, int status);

#endif
