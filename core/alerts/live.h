/*
 * Deliveries that have ended, told to whoever watches (events/bus.h, topic alerts).
 *
 * A thread reads twice a second what has ended, of all hosts of the database, and tells each once:
 * `alert.delivered`, `alert.failed`, `alert.suppressed`. Nothing is read while nobody watches.
 */
#ifndef HG_ALERTS_LIVE_H
#define HG_ALERTS_LIVE_H

#include "alerts/state.h"

enum { HG_ALERT_LIVE_MS = 500 };

/* What has been told lately; of one thread. Freed with hg_alert_live_free. */
struct hg_alert_live {
    int64_t looked_at_ms; /* monotonic, when nobody watched; at first that of the start */
    char *from;   /* a timestamptz: what ended before is nobody's news; NULL: nobody watches */
    char *newest; /* of what has been read */
    json_t *told; /* ids that may be read again */
};
void hg_alert_live_free(struct hg_alert_live *live);

/* Tells what has ended since the last look. */
int hg_alert_live_look(struct hg_alerts *alerts, struct hg_alert_live *live, struct hg_error *err);

#endif
