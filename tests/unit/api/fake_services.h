/*
 * A pipeline service that answers what a test wants and remembers what it was asked.
 */
#ifndef HG_TEST_FAKE_SERVICES_H
#define HG_TEST_FAKE_SERVICES_H

#include <pthread.h>
#include <stdbool.h>

#include "base/error.h"
#include "base/uuid.h"
#include "pipeline/service.h"

#define FAKE_RUN "01a210b8-fd3a-7773-89e0-40bead06f435"

struct fake {
    pthread_mutex_t mutex;
    /* What the next call fails with; HG_OK for a good answer. */
    int code;
    char pointer[64];
    bool busy; /* a trigger conflicts with FAKE_RUN */
    /* How often hg_runs_wait answers "running" before "succeeded"; -1: for ever. */
    int waits_left;
    int away_left; /* before that, how often it says that the database is away */
    /* What was asked last, as text. */
    char asked[512];
};

extern struct fake fake;

/* Sets it back to good answers. */
void fake_reset(void);
void fake_set(int code, const char *pointer);
void fake_set_busy(bool busy);
void fake_set_waits(int waits);
void fake_set_away(int waits);
/* Asserts what the last call was. */
void fake_assert_asked(const char *expected);

#endif
