/*
 * Events become alerts, and alerts deliveries.
 */
#ifndef HG_ALERTS_FOLD_H
#define HG_ALERTS_FOLD_H

#include "alerts/state.h"
#include "base/uuid.h"

/* What is to be told. All texts but `key` may be NULL where the table lets them. */
struct hg_alert_new {
    const char *key;   /* what happens again has the same one */
    int64_t window_ms; /* for so long it is the same alert; 0: never */
    const char *type;
    const char *pipeline_id;
    const char *run_id;
    const char *channels; /* an array of names, as PostgreSQL reads it */
    const char *summary;
    const char *detail; /* a JSON object */
    int64_t count;
    bool is_notice; /* never held back */
};

/*
 * Makes an alert with its deliveries, or counts one that there is already, within a transaction of
 * the caller's, which holds the key until it ends. `ret_id` may be NULL.
 */
int hg_alert_raise(struct hg_db *db,
                   const struct hg_alert_new *alert,
                   char *ret_id,
                   struct hg_error *err);

/* Takes one event, in a transaction of its own. *ret_found: there was one. */
int hg_alert_fold(struct hg_alerts *alerts, bool *ret_found, struct hg_error *err);

#endif
