/*
 * What a worker keeps from task to task: the warehouse connection and the thread that watches for a
 * cancel. Making them costs more than a small transform.
 *
 * Scripts, and triggers of users' tables, may do anything to a session: set what later statements
 * obey, leave locks, prepare statements under our names. So nothing of a session outlives its task
 * but the connection itself.
 */
#ifndef HG_FLOW_SESSION_H
#define HG_FLOW_SESSION_H

#include "base/error.h"
#include "store/db.h"

struct hg_flow_watch;

/* One thread. */
struct hg_flow_session {
    char *warehouse; /* where `db` leads */
    struct hg_db *db;
    struct hg_flow_watch *watch;
};

/*
 * A worker's connection to the warehouse. HG_EUNAUTHENTICATED is retryable here, as it is nowhere
 * else: the login was given by the host and is not the user's fault.
 */
int hg_flow_connect(const char *warehouse, struct hg_db **ret, struct hg_error *err);

/* The kept connection when it leads there and still stands, else a new one. */
int hg_flow_session_take(struct hg_flow_session *session,
                         const char *warehouse,
                         struct hg_db **ret,
                         struct hg_error *err);
/*
 * Keeps `db`, which is idle. Only behind a task that went well and that nobody asked to stop: a
 * cancel that is still on its way to the server would hit the next task. Without memory it is
 * closed.
 */
void hg_flow_session_keep(struct hg_flow_session *session, const char *warehouse, struct hg_db *db);
/* Undoes what the task did in its session. Call it once the task's end has been told. */
void hg_flow_session_scrub(struct hg_flow_session *session);
/* The thread that watches, which is kept; borrowed from the session. */
int hg_flow_session_watch(struct hg_flow_session *session,
                          struct hg_flow_watch **ret,
                          struct hg_error *err);
void hg_flow_session_close(struct hg_flow_session *session);

#endif
