/*
 * What is due at a channel is sent, by one host at a time.
 */
#ifndef HG_ALERTS_DELIVER_H
#define HG_ALERTS_DELIVER_H

#include "alerts/state.h"
#include "store/sql_time.h"

/*
 * Claims a channel at which something is due, with `healthy_only` one that took the last thing it
 * was sent, and sends what is due until nothing is, the channel does not answer, or a while is
 * over. *ret_found: there was one.
 */
int hg_alert_deliver(struct hg_alerts *alerts,
                     bool healthy_only,
                     bool *ret_found,
                     struct hg_error *err);
/* Gives back what this host held when it died. */
int hg_alert_release_own(struct hg_alerts *alerts, struct hg_error *err);

/* The content of an alert, as all channels tell it; adds its address on this host's pages. */
int hg_alert_content(struct hg_alerts *alerts,
                     const PGresult *alert,
                     json_t **ret,
                     struct hg_error *err);

/* The columns `message` and `detail` that the above takes, of a row `a` of alert. */
#define HG_ALERT_CONTENT                                                                    \
    "json_build_object('id', a.id, 'type', a.type, 'summary', a.summary, 'count', a.count," \
    " 'first_at', " HG_SQL_TIME("a.first_at") ", 'last_at', " HG_SQL_TIME(                  \
        "a.last_at") ") as message, a.detail as detail"

#endif
