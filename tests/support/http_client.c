#include "http_client.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

int client_connect(int port)
{
    return client_connect_from(1, port);
}

int client_connect_from(int last, int port)
{
    const struct sockaddr_in own = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl((INADDR_LOOPBACK & 0xFFFFFF00u) | (uint32_t)last),
    };
    const struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    const struct timeval limit = {.tv_sec = 30};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&own, sizeof own), 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    return fd;
}

void client_send_what_goes(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);
        if (sent <= 0) {
            return;
        }
        bytes += sent;
        n -= (size_t)sent;
    }
}

void client_send_n(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);
        assert_true(sent > 0);
        bytes += sent;
        n -= (size_t)sent;
    }
}

void client_send(int fd, const char *text)
{
    client_send_n(fd, text, strlen(text));
}

static bool receive_bytes(int fd, char *to, size_t n)
{
    while (n > 0) {
        ssize_t got = recv(fd, to, n, 0);
        if (got <= 0) {
            return false;
        }
        to += got;
        n -= (size_t)got;
    }
    return true;
}

/* Byte by byte, so that nothing of the next answer is taken. */
static char *receive_head(int fd)
{
    size_t n = 0;
    size_t room = 65536;
    char *head = malloc(room);
    assert_non_null(head);
    while (n + 1 < room && receive_bytes(fd, head + n, 1)) {
        head[++n] = '\0';
        if (n >= 4 && memcmp(head + n - 4, "\r\n\r\n", 4) == 0) {
            return head;
        }
    }
    free(head);
    return NULL;
}

bool client_receive(int fd, bool is_head, struct answer *ret)
{
    memset(ret, 0, sizeof *ret);
    ret->head = receive_head(fd);
    if (!ret->head) {
        return false;
    }
    assert_int_equal(strncmp(ret->head, "HTTP/1.", 7), 0);
    ret->status = (int)strtol(ret->head + 9, NULL, 10);
    const char *length = answer_header(ret, "Content-Length");
    ret->n_body = length && !is_head ? strtoul(length, NULL, 10) : 0;
    ret->body = calloc(1, ret->n_body + 1);
    assert_non_null(ret->body);
    return receive_bytes(fd, ret->body, ret->n_body);
}

bool client_is_closed(int fd)
{
    char byte;
    return recv(fd, &byte, 1, 0) <= 0;
}

void answer_free(struct answer *answer)
{
    free(answer->head);
    free(answer->body);
    memset(answer, 0, sizeof *answer);
}

const char *answer_header(const struct answer *answer, const char *name)
{
    static _Thread_local char value[2048];
    size_t n_name = strlen(name);
    for (const char *line = strchr(answer->head, '\n'); line; line = strchr(line, '\n')) {
        line++;
        if (strncasecmp(line, name, n_name) == 0 && line[n_name] == ':') {
            const char *from = line + n_name + 1 + strspn(line + n_name + 1, " ");
            (void)snprintf(value, sizeof value, "%.*s", (int)strcspn(from, "\r\n"), from);
            return value;
        }
    }
    return NULL;
}

json_t *answer_json(const struct answer *answer)
{
    json_error_t why;
    json_t *json = json_loadb(answer->body, answer->n_body, 0, &why);
    if (!json) {
        fail_msg("no JSON (%s): %s", why.text, answer->body);
    }
    return json;
}

void client_ask(int port,
                const char *method,
                const char *target,
                const char *headers,
                const char *body,
                struct answer *ret)
{
    char length[64] = "";
    char *request = NULL;
    int fd = client_connect(port);
    if (body) {
        (void)snprintf(length, sizeof length, "Content-Length: %zu\r\n", strlen(body));
    }
    assert_true(asprintf(&request,
                         "%s %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n%s%s\r\n%s",
                         method,
                         target,
                         port,
                         headers,
                         length,
                         body ? body : "") > 0);
    client_send(fd, request);
    free(request);
    assert_true(client_receive(fd, strcmp(method, "HEAD") == 0, ret));
    (void)close(fd);
}

json_t *answer_problem(const struct answer *answer, int status)
{
    static const char *const texts[] = {"type", "title", "detail", "request_id", "instance"};
    if (answer->status != status) {
        fail_msg("status %d, expected %d: %s", answer->status, status, answer->body);
    }
    assert_string_equal(answer_header(answer, "Content-Type"), "application/problem+json");
    json_t *problem = answer_json(answer);
    assert_int_equal(json_integer_value(json_object_get(problem, "status")), status);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const char *text = json_string_value(json_object_get(problem, texts[i]));
        if (!text || !*text) {
            fail_msg("%s is missing: %s", texts[i], answer->body);
        }
    }
    assert_string_equal(json_string_value(json_object_get(problem, "request_id")),
                        answer_header(answer, "X-Request-Id"));
    return problem;
}
