/* The service on a real database, with a sink that answers as the test says. */
#ifndef HG_TESTS_ALERTS_FIXTURE_H
#define HG_TESTS_ALERTS_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "alerts/alerts.h"
#include "auth/principal.h"
#include "base/mem.h"
#include "base/uuid.h"
#include "peer.h"
#include "shared_pg.h"
#include "vault/vault.h"

#define SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

extern struct hg_alerts *alerts;
extern struct hg_host_config config;
extern struct peer *peer;
extern struct hg_principal admin;
/* What the sink answers at /one and /two: a status line and what follows, or NULL to hang. */
extern struct peer_answer answers[];

int start_all(void **state);
int stop_all(void **state);
/* An empty database and a running service; config is as it is by default, but for the guard. */
int open_alerts(void **state);
int close_alerts(void **state);
void start_service(void);
/* Of another host, on the same database; hg_alerts_stop. */
struct hg_alerts *start_another(const char *host);
void stop_service(int64_t grace_ms);

void sql(const char *text);
/* Of one row and column, as a number or as a text that is owned by the caller; -1 without a row. */
int64_t number(const char *text);
char *text_of(const char *text);
/* Waits until the number is that. */
void reaches(const char *text, int64_t n);

/* An address of the sink. */
const char *url_of(const char *path);
/* Makes a channel; its id goes to ret_id. */
void make_channel(const char *name, const char *kind, const char *url, char ret_id[HG_UUID_TEXT]);
/* A run of the pipeline has failed; the channels with commas between them. */
void fail_run(const char *pipeline, const char *channels);
/* What waits for its next try has waited. */
void hurry(void);

#endif
