#include "api/routes.h"

#include "api/alerts.h"
#include "api/audit.h"
#include "api/auth.h"
#include "api/datasets.h"
#include "api/events.h"
#include "api/metrics.h"
#include "api/openapi.h"
#include "api/pipelines.h"
#include "api/quarantine.h"
#include "api/runs.h"
#include "api/schedules.h"
#include "api/sessions.h"
#include "api/system.h"
#include "api/tokens.h"
#include "api/users.h"
#include "base/mem.h"

#define INGESTION "/api/v1/ingestion"
#define PIPELINE  INGESTION "/pipelines/{pipeline_id}"
#define RUN       INGESTION "/runs/{run_id}"

#define CHANNEL "/api/v1/alerts/channels/{channel_id}"

#define NOBODY    HG_ROLE_NONE
#define VIEWER    HG_ROLE_VIEWER
#define SCIENTIST HG_ROLE_DATA_SCIENTIST
#define ADMIN     HG_ROLE_ADMIN
#define PUBLIC    HG_ROUTE_PUBLIC
#define INLINE    (HG_ROUTE_PUBLIC | HG_ROUTE_INLINE)
#define PASSWORD  HG_ROUTE_PASSWORD
#define ONCE      HG_ROUTE_ONCE
#define MATCH     HG_ROUTE_MATCH

static const char *const page_query[] = {"limit", "cursor", NULL};
static const char *const events_query[] = {"topics", "run_id", "last_event_id", NULL};
static const char *const owned_query[] = {"username", "limit", "cursor", NULL};
static const char *const audit_query[] = {"actor", "action", "limit", "cursor", NULL};
static const char *const runs_query[] = {"status", "limit", "cursor", NULL};
static const char *const log_query[] = {
    "attempt", "level", "line", "tail", "limit", "cursor", NULL};
static const char *const next_query[] = {"cron", "timezone", "count", "after", NULL};
static const char *const quarantine_query[] = {"pipeline", "run", "limit", "cursor", NULL};
static const char *const alerts_query[] = {
    "pipeline", "channel", "delivery", "limit", "cursor", NULL};
static const char *const export_query[] = {"format", "columns", "order", "from", "to", NULL};
static const char *const rows_query[] = {"columns", "order", "from", "to", "limit", "cursor", NULL};

/* clang-format off */
static const struct hg_route routes[] = {
    {"GET", "/healthz", NOBODY, INLINE, hg_api_healthz,
     "Whether the host lives", NULL, "Health", NULL, "get_health", 200},
    {"GET", "/readyz", NOBODY, PUBLIC, hg_api_readyz,
     "Whether the host can work; 503 with the reason when it cannot", NULL, "Health", NULL, "get_readiness", 200},

    {"GET", "/metrics", NOBODY, PUBLIC, hg_api_metrics,
     "Figures for Prometheus; on this machine, or signed in", NULL, "Metrics", NULL,
     "get_metrics", 200},

    {"POST", "/api/v1/auth/login", NOBODY, PUBLIC | PASSWORD, hg_api_login,
     "Sign in; answers the session cookie", "Login", "Session", NULL, "log_in", 200},
    {"POST", "/api/v1/auth/logout", VIEWER, 0, hg_api_logout,
     "End the session", NULL, NULL, NULL, "log_out", 204},
    {"GET", "/api/v1/auth/me", VIEWER, 0, hg_api_me,
     "Who is signed in", NULL, "Session", NULL, "get_me", 200},
    {"POST", "/api/v1/auth/password", VIEWER, PASSWORD, hg_api_password,
     "Change one's own password; ends one's other sessions", "PasswordChange", NULL, NULL, "change_password", 204},
    {"GET", "/api/v1/auth/sessions", VIEWER, 0, hg_api_sessions_list,
     "Who is signed in where, with one's own name", NULL, "SignInList", owned_query, "list_sessions", 200},
    {"DELETE", "/api/v1/auth/sessions", VIEWER, 0, hg_api_sessions_end_others,
     "End one's other sessions", NULL, NULL, NULL, "end_other_sessions", 204},
    {"DELETE", "/api/v1/auth/sessions/{session_id}", VIEWER, 0, hg_api_sessions_end,
     "End a session", NULL, NULL, NULL, "end_session", 204},
    {"GET", "/api/v1/auth/tokens", VIEWER, 0, hg_api_tokens_list,
     "API tokens", NULL, "TokenList", owned_query, "list_tokens", 200},
    {"POST", "/api/v1/auth/tokens", VIEWER, ONCE, hg_api_tokens_create,
     "Make an API token, which is shown this once", "TokenCreate", "TokenCreated", NULL, "create_token", 201},
    {"DELETE", "/api/v1/auth/tokens/{token_id}", VIEWER, 0, hg_api_tokens_delete,
     "End an API token", NULL, NULL, NULL, "delete_token", 204},

    {"GET", "/api/v1/users", ADMIN, 0, hg_api_users_list,
     "All users", NULL, "UserList", page_query, "list_users", 200},
    {"POST", "/api/v1/users", ADMIN, ONCE, hg_api_users_create,
     "Make a user", "UserCreate", "User", NULL, "create_user", 201},
    {"GET", "/api/v1/users/{username}", ADMIN, 0, hg_api_users_get,
     "One user", NULL, "User", NULL, "get_user", 200},
    {"PATCH", "/api/v1/users/{username}", ADMIN, MATCH, hg_api_users_update,
     "Change role, password, disabled; the last two end sessions", "UserPatch", "User", NULL, "update_user", 200},
    {"DELETE", "/api/v1/users/{username}", ADMIN, MATCH, hg_api_users_delete,
     "Remove a user with sessions and tokens", NULL, NULL, NULL, "delete_user", 204},
    {"GET", "/api/v1/audit", ADMIN, 0, hg_api_audit_list,
     "Who changed what, newest first", NULL, "AuditList", audit_query, "list_audit", 200},

    {"GET", "/api/v1/openapi.json", VIEWER, 0, hg_api_openapi,
     "This document", NULL, "OpenApi", NULL, "get_openapi", 200},
    {"GET", "/api/v1/system", VIEWER, 0, hg_api_system,
     "Version, uptime, workers, database", NULL, "System", NULL, "get_system", 200},
    {"GET", "/api/v1/plugins", VIEWER, 0, hg_api_plugins,
     "Every plugin, also those that could not be read", NULL, "PluginList", NULL, "list_plugins", 200},
    {"GET", "/api/v1/events", VIEWER, 0, hg_api_events,
     "Live updates, on a WebSocket", NULL, NULL, events_query, "watch_events", 101},

    {"GET", INGESTION "/pipelines", VIEWER, 0, hg_api_pipelines_list,
     "All pipelines", NULL, "PipelineList", page_query, "list_pipelines", 200},
    {"GET", PIPELINE, VIEWER, 0, hg_api_pipelines_get,
     "One pipeline", NULL, "Pipeline", NULL, "get_pipeline_details", 200},
    {"PATCH", PIPELINE, ADMIN, MATCH, hg_api_pipelines_update,
     "Change schedule, timezone, parallelism, retries, enabled", "PipelinePatch", "Pipeline", NULL, "update_pipeline_config", 200},
    {"DELETE", PIPELINE "/overrides", ADMIN, MATCH, hg_api_pipelines_reset,
     "Go back to what the pipeline's file says", NULL, "Pipeline", NULL, "reset_pipeline_config", 200},
    {"GET", PIPELINE "/versions", VIEWER, 0, hg_api_versions_list,
     "What the pipeline's file has said, newest first", NULL, "VersionList", page_query, "list_pipeline_versions", 200},
    {"GET", PIPELINE "/versions/{version}", SCIENTIST, 0, hg_api_versions_get,
     "One version with its definition", NULL, "Version", NULL, "get_pipeline_version", 200},
    {"POST", PIPELINE "/backfill", SCIENTIST, ONCE, hg_api_backfills_create,
     "Run for each time of the schedule in a window, one at a time", "BackfillWindow", "Backfill", NULL, "backfill_pipeline", 202},
    {"GET", PIPELINE "/backfills", VIEWER, 0, hg_api_backfills_list,
     "A pipeline's backfills, newest first", NULL, "BackfillList", page_query, "list_backfills", 200},
    {"GET", PIPELINE "/backfills/{backfill_id}", VIEWER, 0, hg_api_backfills_get,
     "One backfill", NULL, "Backfill", NULL, "get_backfill", 200},
    {"POST", PIPELINE "/backfills/{backfill_id}/cancel", SCIENTIST, 0, hg_api_backfills_cancel,
     "Make no more runs and stop the one under way", "Nothing", "Backfill", NULL, "cancel_backfill", 202},
    {"GET", INGESTION "/schedules/next", VIEWER, 0, hg_api_schedules_next,
     "When a schedule fires next, days on which clocks change marked", NULL, "FireTimes", next_query, "get_fire_times", 200},
    {"POST", PIPELINE "/trigger", SCIENTIST, ONCE, hg_api_pipelines_trigger,
     "Start a run", "Trigger", "Triggered", NULL, "trigger_pipeline", 202},
    {"GET", PIPELINE "/runs", VIEWER, 0, hg_api_pipelines_runs,
     "A pipeline's runs, newest first", NULL, "RunList", runs_query, "get_pipeline_runs", 200},

    {"GET", RUN, VIEWER, 0, hg_api_runs_get,
     "One run with its jobs", NULL, "Run", NULL, "get_run", 200},
    {"POST", RUN "/cancel", SCIENTIST, 0, hg_api_runs_cancel,
     "Stop a run", "Nothing", "Triggered", NULL, "cancel_run", 202},
    {"POST", RUN "/retry", SCIENTIST, 0, hg_api_runs_retry,
     "Try again what did not succeed of a run", "Nothing", "Triggered", NULL, "retry_run", 202},
    /* Log lines quote cells of rejected rows, so they are for those who may read rows. */
    {"GET", RUN "/jobs/{job_id}/logs", SCIENTIST, 0, hg_api_runs_job_log,
     "The log of a job, all its attempts", NULL, "LogList", log_query, "get_job_log", 200},

    {"GET", INGESTION "/quarantine", SCIENTIST, 0, hg_api_quarantine_list,
     "Rejected rows with their reasons", NULL, "QuarantineList", quarantine_query, "list_quarantine", 200},

    {"GET", "/api/v1/alerts", SCIENTIST, 0, hg_api_alerts_list,
     "What was told to whom, newest first", NULL, "AlertList", alerts_query, "list_alerts", 200},
    {"GET", "/api/v1/alerts/channels", SCIENTIST, 0, hg_api_channels_list,
     "Who is told when a run fails", NULL, "AlertChannelList", page_query, "list_alert_channels", 200},
    {"POST", "/api/v1/alerts/channels", ADMIN, ONCE, hg_api_channels_create,
     "Make an alert channel; the secret of a webhook is shown this once", "AlertChannelCreate", "AlertChannelCreated", NULL, "create_alert_channel", 201},
    {"GET", CHANNEL, SCIENTIST, 0, hg_api_channels_get,
     "One alert channel", NULL, "AlertChannel", NULL, "get_alert_channel", 200},
    {"PATCH", CHANNEL, ADMIN, MATCH, hg_api_channels_update,
     "Change name, url, to, secret, enabled", "AlertChannelPatch", "AlertChannel", NULL, "update_alert_channel", 200},
    {"DELETE", CHANNEL, ADMIN, MATCH, hg_api_channels_delete,
     "Remove an alert channel with its secrets", NULL, NULL, NULL, "delete_alert_channel", 204},
    {"POST", CHANNEL "/test", ADMIN, 0, hg_api_channels_test,
     "Send something to a channel and say what came of it", "Nothing", "AlertChannelTest", NULL, "test_alert_channel", 200},

    {"GET", "/api/v1/datasets", VIEWER, 0, hg_api_datasets_list,
     "What has been loaded", NULL, "DatasetList", page_query, "list_datasets", 200},
    {"GET", "/api/v1/datasets/{dataset}/rows", SCIENTIST, 0, hg_api_datasets_rows,
     "A page of a dataset's rows", NULL, "Rows", rows_query, "get_dataset_rows", 200},
    {"GET", "/api/v1/datasets/{dataset}/export", SCIENTIST, 0, hg_api_datasets_export,
     "All rows of a dataset, as they stand when it begins", NULL, "Export", export_query, "export_dataset", 200},
};
/* clang-format on */

const struct hg_route *hg_api_routes(size_t *ret_n)
{
    *ret_n = HG_COUNT(routes);
    return routes;
}
