#include "flow/session.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

int hg_flow_session_take(struct hg_flow_session *session,
                         const char *warehouse,
                         struct hg_db **ret,
                         struct hg_error *err)
{
    if (session && session->db && strcmp(session->warehouse, warehouse) == 0 &&
        hg_db_is_alive(session->db)) {
        *ret = HG_TAKE(session->db);
        return HG_OK;
    }
    hg_flow_session_close(session);
    return hg_db_connect(warehouse, "headgate worker", ret, err);
}

void hg_flow_session_keep(struct hg_flow_session *session, const char *warehouse, struct hg_db *db)
{
    char *copy = session && !session->warehouse ? strdup(warehouse) : NULL;
    if (!session || (!session->warehouse && !copy)) {
        hg_db_return(db);
        return;
    }
    if (copy) {
        session->warehouse = copy;
    }
    session->db = db;
}

void hg_flow_session_scrub(struct hg_flow_session *session)
{
    if (session->db && !hg_db_scrub(session->db)) {
        hg_flow_session_close(session);
    }
}

void hg_flow_session_close(struct hg_flow_session *session)
{
    if (session) {
        hg_db_return(HG_TAKE(session->db));
        hg_freep(&session->warehouse);
    }
}
