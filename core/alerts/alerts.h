/*
 * Alert channels: where it is told that a run has failed, and what was told.
 *
 * Who ends a run writes a row of alert_event, in the transaction that ends it. Threads of this
 * service, of whichever host, make alerts of these (one for what happens again within a window) and
 * deliveries of alerts (one for each channel), and send them until they are taken or a day is over.
 * What is sent may be sent twice when a host dies in between: each delivery has an id, which goes
 * with it.
 *
 * All functions are [any] thread and wait for the database: never call them from an HTTP thread.
 * `by` is who asks, for the audit log. Errors: HG_ENOTFOUND, HG_EEXIST, HG_EINVAL (err->pointer
 * names the field), HG_ECONFLICT, HG_EUNAVAILABLE (the database is away).
 */
#ifndef HG_ALERTS_ALERTS_H
#define HG_ALERTS_ALERTS_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/error.h"
#include "config/host_config.h"
#include "store/page.h"

struct hg_alerts;
struct hg_db;
struct hg_events;
struct hg_pool;
struct hg_principal;
struct hg_vault;

/* All borrowed until hg_alerts_stop returns. */
struct hg_alerts_options {
    const struct hg_host_config *config; /* data_dir, public_url, retention, those of alerts */
    struct hg_pool *metadata;
    struct hg_vault *vault;
    struct hg_events *events; /* told of what was delivered and what was not; NULL: nobody */
    const char *host;         /* its name in the table of hosts; copied */
    const char *ca_file;      /* certificates to trust instead of the system's; NULL: those */
};

/* Starts the threads that send. */
int hg_alerts_start(const struct hg_alerts_options *options,
                    struct hg_alerts **ret,
                    struct hg_error *err);
/*
 * What is due is still tried, for `grace_ms` at most; the rest stays in the database for whoever
 * comes next. NULL is fine.
 */
void hg_alerts_stop(struct hg_alerts *alerts, int64_t grace_ms);

/* ---- channels ---- */

enum { HG_CHANNEL_ETAG = 24 }; /* bytes of "\"<version>\"", with the NUL */

/* What a channel is to be; NULL: not given. All borrowed. */
struct hg_channel_wish {
    const char *name;
    const char *kind;   /* only of a new one */
    const char *url;    /* of a webhook and of kind slack */
    const json_t *to;   /* of kind email: a list of addresses */
    const char *secret; /* of a webhook; NULL for a new one: it is made */
    const bool *enabled;
    const char *if_match; /* only for a change */
};

/* {"items", "next_cursor"}, by name. Nothing of it is secret. */
int hg_channel_list(struct hg_alerts *alerts,
                    const struct hg_page *page,
                    json_t **ret,
                    struct hg_error *err);
/* The names of all, as members of an object. Owned by the caller. */
int hg_channel_names(struct hg_alerts *alerts, json_t **ret, struct hg_error *err);
/* The same of a database that no service here is on. */
int hg_channel_names_on(struct hg_db *db, json_t **ret, struct hg_error *err);
int hg_channel_get(struct hg_alerts *alerts,
                   const char *id,
                   json_t **ret,
                   char ret_etag[HG_CHANNEL_ETAG],
                   struct hg_error *err);
/* The answer has the member "secret", of a webhook: what it signs with, shown this once. */
int hg_channel_create(struct hg_alerts *alerts,
                      const struct hg_principal *by,
                      const struct hg_channel_wish *wish,
                      json_t **ret,
                      char ret_etag[HG_CHANNEL_ETAG],
                      struct hg_error *err);
/* *ret_stale: `if_match` does not fit, HG_ECONFLICT. */
int hg_channel_update(struct hg_alerts *alerts,
                      const struct hg_principal *by,
                      const char *id,
                      const struct hg_channel_wish *wish,
                      json_t **ret,
                      char ret_etag[HG_CHANNEL_ETAG],
                      bool *ret_stale,
                      struct hg_error *err);
/* What was still to be sent to it never is, and says so in the log. */
int hg_channel_delete(struct hg_alerts *alerts,
                      const struct hg_principal *by,
                      const char *id,
                      const char *if_match,
                      bool *ret_stale,
                      struct hg_error *err);
/*
 * Sends something now, once, and waits for what comes of it, up to ten seconds:
 * {"success", "latency_ms", "http_status", "error", "alert_id"}. HG_OK also when it was not taken.
 */
int hg_channel_test(struct hg_alerts *alerts,
                    const struct hg_principal *by,
                    const char *id,
                    json_t **ret,
                    struct hg_error *err);

/* ---- what was sent ---- */

struct hg_alert_filter {
    const char *pipeline_id; /* NULL: all, also below */
    const char *channel;     /* by name: only what it was told, or was to be */
    const char *delivery; /* a status: only what has such a delivery, with `channel` to that one */
};
/* {"items", "next_cursor"}, newest first, with all their deliveries. Owned by the caller. [any] */
int hg_alert_list(struct hg_alerts *alerts,
                  const struct hg_alert_filter *filter,
                  const struct hg_page *page,
                  json_t **ret,
                  struct hg_error *err);

/* Appends the service's metrics; what the database would have to say is left out while it is away.
 */
void hg_alerts_put_metrics(struct hg_alerts *alerts, struct hg_buf *buf);

#endif
