/*
 * A server with a few routes, some of which wait until a test lets them go.
 */
#ifndef HG_TEST_SERVER_FIXTURE_H
#define HG_TEST_SERVER_FIXTURE_H

#include "http/server.h"

struct fixture {
    struct hg_http_options options;
    struct hg_http_server *server;
    struct hg_site *site;
    int port;
};

/*
 * Starts a server on a free port. Routes: GET /api/now (inline), GET /api/hello, POST /api/echo,
 * PATCH /api/echo, GET /api/items/{id}, GET /api/fail/{code}, GET /api/block, GET /api/admin,
 * GET /api/me, GET /api/silent, GET /api/limit, or those of the options. `X-Role` signs a request
 * in.
 */
void fixture_start(struct fixture *fixture);
void fixture_stop(struct fixture *fixture);

/* GET /api/block waits while the gate is shut. */
void gate_shut(void);
void gate_open(void);
/* Until n handlers wait at the gate. */
void gate_wait_for(int n);
/* How many handlers passed the gate since it was shut. */
int gate_passed(void);
void gate_wait_passed(int n);

#endif
