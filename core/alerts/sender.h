/*
 * The threads that make alerts of events and send them.
 */
#ifndef HG_ALERTS_SENDER_H
#define HG_ALERTS_SENDER_H

#include "alerts/state.h"

int hg_senders_start(struct hg_alerts *alerts, struct hg_error *err);
/* They try what is due, for `grace_ms` at most, and end. */
void hg_senders_stop(struct hg_alerts *alerts, int64_t grace_ms);

#endif
