/* What was sent: lists of it are in alerts.h. */
#ifndef HG_ALERTS_LOG_H
#define HG_ALERTS_LOG_H

#include "alerts/state.h"

/* Drops what is older than retention says, and ends what no channel will take any more. */
int hg_alert_keep(struct hg_alerts *alerts, struct hg_error *err);

#endif
