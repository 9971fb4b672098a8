#include "flow/session.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "flow/watch.h"

static void disconnect(struct hg_flow_session *session)
{
    hg_db_return(HG_TAKE(session->db));
    hg_freep(&session->warehouse);
}

/* A wrong password is for the user to mend elsewhere; this one the host gives, and mends. */
int hg_flow_connect(const char *warehouse, struct hg_db **ret, struct hg_error *err)
{
    int r = hg_db_connect(warehouse, "headgate worker", ret, err);
    if (r == HG_EUNAUTHENTICATED && err) {
        (void)hg_error_wrap(err, "a worker cannot log in to the warehouse");
        (void)hg_error_hint(err, "A start of Headgate mends the login, or says what it takes.");
        err->retryable = 1;
    }
    return r;
}

int hg_flow_session_take(struct hg_flow_session *session,
                         const char *warehouse,
                         struct hg_db **ret,
                         struct hg_error *err)
{
    if (session->db && strcmp(session->warehouse, warehouse) == 0 && hg_db_is_alive(session->db)) {
        *ret = HG_TAKE(session->db);
        return HG_OK;
    }
    disconnect(session);
    return hg_flow_connect(warehouse, ret, err);
}

void hg_flow_session_keep(struct hg_flow_session *session, const char *warehouse, struct hg_db *db)
{
    session->warehouse = session->warehouse ? session->warehouse : strdup(warehouse);
    if (!session->warehouse) {
        hg_db_return(db);
        return;
    }
    session->db = db;
}

void hg_flow_session_scrub(struct hg_flow_session *session)
{
    if (session->db && !hg_db_scrub(session->db)) {
        disconnect(session);
    }
}

int hg_flow_session_watch(struct hg_flow_session *session,
                          struct hg_flow_watch **ret,
                          struct hg_error *err)
{
    int r = session->watch ? HG_OK : hg_flow_watch_new(&session->watch, err);
    if (r == HG_OK) {
        *ret = session->watch;
    }
    return r;
}

void hg_flow_session_close(struct hg_flow_session *session)
{
    disconnect(session);
    hg_flow_watch_free(HG_TAKE(session->watch));
}
