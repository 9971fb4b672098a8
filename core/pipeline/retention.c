/*
 * How long is kept what accumulates: runs with all that belongs to them, and their logs. Weeks are
 * made ahead in the same go.
 */
#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "pipeline/internal.h"
#include "store/partition.h"

/* Rows of them are updated a few times in their short life; room in the page keeps that cheap. */
enum { FILL_CHANGING = 70, FILL_FINAL = 100 };

static const struct hg_statement forget_ticks = {
    "retention_ticks",
    "delete from schedule_tick where scheduled_for < now() - $1::int * interval '1 day'",
    1};

/* A host that comes back makes its row again. */
static const struct hg_statement forget_hosts = {
    "retention_hosts", "delete from host where lease_until < now() - interval '1 day'", 0};

int hg_retention_keep(struct hg_pipelines *service, struct hg_error *err)
{
    const json_t *retention = service->options.config->retention;
    int days = (int)json_integer_value(json_object_get(retention, "runs_days"));
    const struct hg_partitioned tables[] = {
        {"run", FILL_CHANGING, days},
        {"job_run", FILL_CHANGING, days},
        {"check_result", FILL_FINAL, days},
        {"task_history", FILL_FINAL, days},
    };
    char days_text[16];
    int n_dropped = 0;
    (void)snprintf(days_text, sizeof days_text, "%d", days);
    const char *const params[] = {days_text};
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    int r = hg_pool_borrow(service->options.metadata, HG_BORROW_MS, &db, err);
    r = r < 0 ? r
              : hg_partitions_keep(db, tables, HG_COUNT(tables), hg_time_now_us(), &n_dropped, err);
    r = r < 0 || days == 0 ? r : hg_db_exec(db, &forget_ticks, params, NULL, err);
    r = r < 0 ? r : hg_db_exec(db, &forget_hosts, NULL, NULL, err);
    if (r == HG_OK && n_dropped > 0) {
        char n[16];
        (void)snprintf(n, sizeof n, "%d", n_dropped);
        hg_log(HG_LOG_INFO,
               "old runs are dropped",
               "partitions",
               n,
               "older_than_days",
               days_text,
               NULL);
    }
    return r;
}
