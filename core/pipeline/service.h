/*
 * The pipeline service: what the API and the command line call. Answers are JSON values in the form
 * of the contract (docs: the OpenAPI document), owned by the caller. All [any] thread; they wait
 * for the database, so never call them from an HTTP thread. `by` is who asks, for the audit log;
 * NULL where nobody does.
 *
 * Errors: HG_ENOTFOUND, HG_EINVAL (err->pointer names the field), HG_ECONFLICT, HG_EUNAVAILABLE
 * (the database is away).
 */
#ifndef HG_PIPELINE_SERVICE_H
#define HG_PIPELINE_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/error.h"
#include "config/host_config.h"
#include "joblog/job_log.h"
#include "store/page.h"

struct hg_events;
struct hg_pool;
struct hg_principal;
struct hg_plugin_registry;
struct hg_pipelines;

struct hg_pipelines_options {
    const struct hg_host_config *config; /* borrowed for the life of the service */
    const char *host;                    /* this host's name (config/host_name.h) */
    const char *self;                    /* path of the headgate binary, for workers */
    struct hg_pool *metadata;
    struct hg_pool *warehouse;
    const char *worker_warehouse_url; /* how a worker (role headgate_load) connects */
    const struct hg_plugin_registry *plugins;
    struct hg_events *events; /* who is told what changes (events/bus.h); NULL: nobody */
};

/*
 * Reads and stores the pipeline files, takes up tasks that an earlier host left, starts workers,
 * scheduler and dispatcher.
 */
int hg_pipelines_start(const struct hg_pipelines_options *options,
                       struct hg_pipelines **ret,
                       struct hg_error *err);
/*
 * From now on no task is begun and no schedule fires; what is triggered waits for the next host. To
 * be called as soon as it is known that the host stops: callers are answered until
 * hg_pipelines_stop.
 */
void hg_pipelines_begin_nothing(struct hg_pipelines *service);
/*
 * Claims nothing more and waits until what runs has ended, `grace_ms` at most; then it is cut short
 * and goes back to the queue. Until then leases are kept, ends and progress written, cancels seen.
 */
void hg_pipelines_stop(struct hg_pipelines *service, int64_t grace_ms);
/* How many tasks workers of this host have in hand. */
size_t hg_pipelines_running(struct hg_pipelines *service);
/* Reads the files again (SIGHUP). */
int hg_pipelines_reload(struct hg_pipelines *service, struct hg_error *err);

/* {"items": [Pipeline], "next_cursor"} */
int hg_pipelines_list(struct hg_pipelines *service,
                      const struct hg_page *page,
                      json_t **ret,
                      struct hg_error *err);
int hg_pipelines_get(struct hg_pipelines *service,
                     const char *id,
                     json_t **ret,
                     struct hg_error *err);
/* Changes schedule, timezone, parallelism, retries, enabled; answers the Pipeline. */
int hg_pipelines_update(struct hg_pipelines *service,
                        const struct hg_principal *by,
                        const char *id,
                        const json_t *patch,
                        json_t **ret,
                        struct hg_error *err);
/* Back to what the file says; answers the Pipeline. */
int hg_pipelines_reset(struct hg_pipelines *service,
                       const struct hg_principal *by,
                       const char *id,
                       json_t **ret,
                       struct hg_error *err);
/* {"items": [{"version", "is_current", "created_at"}], "next_cursor"}, newest first. */
int hg_versions_list(struct hg_pipelines *service,
                     const char *pipeline_id,
                     const struct hg_page *page,
                     json_t **ret,
                     struct hg_error *err);
/* The same with "definition". */
int hg_versions_get(struct hg_pipelines *service,
                    const char *pipeline_id,
                    const char *version,
                    json_t **ret,
                    struct hg_error *err);
/*
 * All hosts on this database claim and fire nothing new until the pause ends, also over restarts;
 * what runs goes on. `by` is not NULL.
 */
int hg_pipelines_pause(struct hg_pipelines *service,
                       const struct hg_principal *by,
                       bool paused,
                       struct hg_error *err);
/* The schedule of one pipeline. HG_ECONFLICT when it cannot be resumed, since its file is gone. */
int hg_pipelines_pause_one(struct hg_pipelines *service,
                           const struct hg_principal *by,
                           const char *id,
                           bool paused,
                           struct hg_error *err);
/* HG_ECONFLICT while all is paused; says since when and by whom. */
int hg_pipelines_check_not_paused(struct hg_pipelines *service, struct hg_error *err);
/* {"run_id", "status", "status_url"}; HG_ECONFLICT fills ret_busy_run_id (37 bytes). */
int hg_pipelines_trigger(struct hg_pipelines *service,
                         const struct hg_principal *by,
                         const char *id,
                         const json_t *params,
                         json_t **ret,
                         char *ret_busy_run_id,
                         struct hg_error *err);
/*
 * Runs a pipeline for each time of its schedule from "from" on and before "to" (RFC 3339), with
 * "params": at most 1,000, one at a time. *ret is the Backfill; HG_ECONFLICT while there is
 * another.
 */
int hg_backfills_create(struct hg_pipelines *service,
                        const struct hg_principal *by,
                        const char *pipeline_id,
                        const json_t *body,
                        json_t **ret,
                        struct hg_error *err);
/* {"items": [Backfill], "next_cursor"}, newest first. */
int hg_backfills_list(struct hg_pipelines *service,
                      const char *pipeline_id,
                      const struct hg_page *page,
                      json_t **ret,
                      struct hg_error *err);
int hg_backfills_get(struct hg_pipelines *service,
                     const char *pipeline_id,
                     const char *id,
                     json_t **ret,
                     struct hg_error *err);
/* Makes no more runs and stops the one under way. *ret is the Backfill; HG_ECONFLICT: it has ended.
 */
int hg_backfills_cancel(struct hg_pipelines *service,
                        const struct hg_principal *by,
                        const char *pipeline_id,
                        const char *id,
                        json_t **ret,
                        struct hg_error *err);
/* {"items": [Run], "next_cursor"}, newest first; status NULL for all. */
int hg_runs_list(struct hg_pipelines *service,
                 const char *pipeline_id,
                 const char *status,
                 const struct hg_page *page,
                 json_t **ret,
                 struct hg_error *err);
int hg_runs_get(struct hg_pipelines *service,
                const char *run_id,
                json_t **ret,
                struct hg_error *err);
/*
 * Stops a run: what has not begun is cancelled at once, what runs within two seconds. Answers
 * {"run_id", "status", "status_url"}; HG_ECONFLICT when it has ended.
 */
int hg_runs_cancel(struct hg_pipelines *service,
                   const struct hg_principal *by,
                   const char *run_id,
                   json_t **ret,
                   struct hg_error *err);
/*
 * Tries again what failed or was cancelled of a run that has ended, and what was skipped for that;
 * what succeeded stays. The same answer; HG_ECONFLICT when there is nothing to try again, or, with
 * ret_busy_run_id (37 bytes) filled, while the pipeline has an active run.
 */
int hg_runs_retry(struct hg_pipelines *service,
                  const struct hg_principal *by,
                  const char *run_id,
                  json_t **ret,
                  char *ret_busy_run_id,
                  struct hg_error *err);
/* A page of a job's log; see hg_job_log_page. */
int hg_runs_job_log(struct hg_pipelines *service,
                    const char *run_id,
                    const char *job_id,
                    const struct hg_job_log_query *query,
                    json_t **ret,
                    struct hg_error *err);
/* Waits until the run has ended or `wait_ms` passed; *ret is the Run either way. */
int hg_runs_wait(struct hg_pipelines *service,
                 const char *run_id,
                 int64_t wait_ms,
                 json_t **ret,
                 struct hg_error *err);
/* Counts and states for /api/v1/system. */
int hg_pipelines_status(struct hg_pipelines *service, json_t **ret, struct hg_error *err);
/* The same and more for Prometheus; without a database what needs none. */
void hg_pipelines_put_metrics(struct hg_pipelines *service, struct hg_buf *buf);

#endif
