#include <stdio.h>
#include <stdlib.h>

#include "alerts/deliver.h"
#include "alerts/sender.h"
#include "alerts/state.h"
#include "base/metrics.h"

enum { PROBE_MS = 1000 };

static void init_conditions(struct hg_alerts *alerts)
{
    pthread_condattr_t monotonic;
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_mutex_init(&alerts->mutex, NULL);
    (void)pthread_cond_init(&alerts->work, &monotonic);
    (void)pthread_cond_init(&alerts->ended, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
}

int hg_alerts_start(const struct hg_alerts_options *options,
                    struct hg_alerts **ret,
                    struct hg_error *err)
{
    struct hg_alerts *alerts = calloc(1, sizeof *alerts);
    if (!alerts) {
        return hg_error_nomem(err);
    }
    alerts->options = *options;
    (void)snprintf(alerts->host, sizeof alerts->host, "%s", options->host);
    init_conditions(alerts);
    int r = hg_guard_new((const char *const *)options->config->allow_private, &alerts->guard, err);
    const struct hg_net_options net = {.guard = alerts->guard, .ca_file = options->ca_file};
    r = r < 0 ? r : hg_net_client_new(&net, &alerts->client, err);
    r = r < 0 ? r : hg_alert_release_own(alerts, err);
    r = r < 0 ? r : hg_senders_start(alerts, err);
    if (r < 0) {
        hg_alerts_stop(alerts, 0);
        return r;
    }
    *ret = alerts;
    return HG_OK;
}

void hg_alerts_stop(struct hg_alerts *alerts, int64_t grace_ms)
{
    if (!alerts) {
        return;
    }
    hg_senders_stop(alerts, grace_ms);
    hg_net_client_free(alerts->client);
    hg_guard_free(alerts->guard);
    (void)pthread_cond_destroy(&alerts->ended);
    (void)pthread_cond_destroy(&alerts->work);
    (void)pthread_mutex_destroy(&alerts->mutex);
    free(alerts);
}

void hg_alerts_wake(struct hg_alerts *alerts)
{
    HG_LOCK(&alerts->mutex);
    (void)pthread_cond_broadcast(&alerts->work);
}

static const struct hg_statement count_pending = {
    "alert_count_pending", "select count(*) as n from alert_delivery where status = 'pending'", 0};

static const struct hg_metric attempts = {"headgate_alert_deliveries_total",
                                          "counter",
                                          "Attempts of this host to send an alert to a channel by "
                                          "what came of them, and what was held back."};
static const struct hg_metric pending = {
    "headgate_alert_deliveries_pending",
    "gauge",
    "Deliveries of alerts that are still to be made, by any host of the database."};

static void put_pending(struct hg_alerts *alerts, struct hg_buf *buf)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    if (hg_pool_borrow(alerts->options.metadata, PROBE_MS, &db, NULL) == HG_OK &&
        hg_db_exec(db, &count_pending, NULL, &result, NULL) == HG_OK) {
        hg_metrics_single(buf, &pending, (double)hg_result_int64(result, 0, "n", 0));
    }
}

void hg_alerts_put_metrics(struct hg_alerts *alerts, struct hg_buf *buf)
{
    static const char *const names[HG_ALERT_OUTCOMES] = {
        [HG_ALERT_SENT] = "sent",
        [HG_ALERT_RETRIED] = "retried",
        [HG_ALERT_FAILED] = "failed",
        [HG_ALERT_SUPPRESSED] = "suppressed",
    };
    hg_metrics_family(buf, &attempts);
    for (size_t i = 0; i < HG_ALERT_OUTCOMES; i++) {
        const struct hg_metric_label label = {"outcome", names[i]};
        hg_metrics_sample(buf, &attempts, "", &label, 1, (double)atomic_load(&alerts->n[i]));
    }
    put_pending(alerts, buf);
}
