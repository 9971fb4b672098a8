/*
 * The API for a test program: a PostgreSQL with three users, whose sessions are there, and services
 * that do as the test says (fake_services.h).
 */
#ifndef HG_TESTS_API_FIXTURE_H
#define HG_TESTS_API_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/api.h"
#include "auth/roles.h"
#include "base/mem.h"
#include "fake_services.h"
#include "http_client.h"
#include "shared_pg.h"
#include "store/db.h"

#define PASSWORD  "a password for tests"
#define INGESTION "/api/v1/ingestion"

enum { ADMIN = 0, SCIENTIST = 1, VIEWER = 2, N_PEOPLE };
extern const struct person {
    const char *user;
    enum hg_role role;
} people[N_PEOPLE];
extern char cookies[N_PEOPLE][128]; /* of a session of each, as a header with its end */

extern struct hg_pool *metadata;
extern struct hg_api *api;
extern struct hg_host_config config;
extern int port;

/* Group set-up and tear-down. */
int open_api(void **state);
int close_api(void **state);
#define TEST(function) cmocka_unit_test_setup(function, reset)
int reset(void **state);
/* One more, at `port` from then on; `public_url` may be NULL. */
void start_api(const char *public_url);

/* `headers` have their ends. Free with answer_free. */
void ask(const char *method,
         const char *target,
         const char *headers,
         const char *body,
         struct answer *answer);
/* What fails does so as a problem of the contract. */
int status_of(const char *method, const char *target, const char *headers, const char *body);
/* The answer, which must have this status; owned by the caller. Null where there is none. */
json_t *ask_json(
    const char *method, const char *target, const char *headers, const char *body, int status);
void ask_only(
    const char *method, const char *target, const char *headers, const char *body, int status);
/* Fails the test where there is none. */
const char *text_at(const json_t *json, const char *key);

/* All with PASSWORD. */
void add_user(const char *name, const char *role);
void log_in(const char *username, struct answer *answer);
/* A session of the user, put where a log-in would put it; its cookie as a header. */
void new_session(const char *user, char ret[128]);

/* In the metadata database, as superuser. */
void sql(const char *text);
void HG_PRINTF(1, 2) sqlf(const char *fmt, ...);
/* Of one row and column, as the host. */
int64_t number(const char *text);

#endif
